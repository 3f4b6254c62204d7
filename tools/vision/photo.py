"""A photo's pixels as the eye wants them: no larger than it can use, and the digest it is remembered by.

Photos arrive here already checked, upright and without EXIF (`tools/photo.py` is the only door). What is left is not to spend time on
pixels nobody looks at: a JPEG is decoded at the smallest of its own eighths that is still large enough.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from kenpin.tools.vision.errors import PhotoUnreadableError
from kenpin.tools.vision.foreground import SMALL_PX, Outline, find

LONG_SIDE_PX = 1792  # decoded at most: a part a quarter as long as the photo still gets the network's 448 px


@dataclass(frozen=True)
class Pixels:
    """One decoded photo (H, W, 3), and what is read off its small copy."""

    rgb: NDArray[np.uint8]

    @cached_property
    def small(self) -> NDArray[np.uint8]:
        return shrunk(self.rgb, SMALL_PX)

    @cached_property
    def outline(self) -> Outline | None:
        return find(self.small)


def read(path: Path, long_side_px: int = LONG_SIDE_PX) -> Pixels:
    """With no side longer than `long_side_px`. Raises PhotoUnreadableError."""
    with _opened(path) as image:
        image.draft("RGB", (long_side_px, long_side_px))
        rgb = np.asarray(image.convert("RGB"))
    return Pixels(shrunk(rgb, long_side_px))


def long_side_of(path: Path) -> int:
    """Pixels of the file's longer side, without decoding it. Raises PhotoUnreadableError."""
    with _opened(path) as image:
        return max(image.size)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            yield image
    except FileNotFoundError as error:
        raise PhotoUnreadableError(f"The photo {path.name} is no longer in the photo store. Send it again.") from error
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise PhotoUnreadableError(f"The photo {path.name} cannot be decoded ({type(error).__name__}). Send it again.") from error


def digest(path: Path) -> str:
    """sha256 of the file. Raises PhotoUnreadableError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise PhotoUnreadableError(f"The photo {path.name} is no longer in the photo store. Send it again.") from error


def shrunk(rgb: NDArray[np.uint8], long_side_px: int) -> NDArray[np.uint8]:
    """No side longer than `long_side_px`, none shorter than 1; never enlarged."""
    height, width = rgb.shape[:2]
    factor = long_side_px / max(height, width)
    if factor >= 1:
        return rgb
    size_wh = (max(1, round(width * factor)), max(1, round(height * factor)))
    resized: NDArray[np.uint8] = np.asarray(cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA))
    return resized
