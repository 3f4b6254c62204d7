"""What the network is shown of a photo, and where its patches lie on it.

A part on a bench is cut out close and brought upright; a part that fills the frame is shown as it is. Either way it is shown twice: once
close, in about `TOKENS` patches, and once from afar, in about `COARSE_TOKENS`, both in the proportions of what is shown, so a long part
gets a long view and every photo costs about the same: as much as one look at 448 x 448 px. Of a part on a bench its convex hull counts:
where a piece has broken out, the bench is what is strange.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kenpin.tools.vision.backbone import Array, Backbone
from kenpin.tools.vision.foreground import Lie, Outline
from kenpin.tools.vision.photo import Pixels

TOKENS = 784  # 392 x 392 px with patches of 14 px
COARSE_TOKENS = 256  # 224 x 224 px
MARGIN = 1.12  # of the part's box: its edge must be seen against the bench
MOST_UNEQUAL = 4.0  # long side over short side of a view
PART_SHARE = 0.25  # of a patch that must be part for the patch to count
TURNS = {Lie.FILLS: 1, Lie.LONG: 2, Lie.SQUARE: 4, Lie.ROUND: 8}  # ways in which a part that lies like this may be turned
TURNED_VIEWS = 32  # of all references together, about: with many of them they lie at many angles by themselves


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A turned box on the photo, in shares of the photo's long side, and the grid of patches laid over it."""

    centre_xy: tuple[float, float]
    size_wh: tuple[float, float]
    angle_deg: float
    rows: int
    columns: int

    def onto_photo(self, long_side_px: float, width_px: float, height_px: float) -> NDArray[np.float64]:
        """Affine (2, 3) from pixels of a view of that width and height to pixels of the photo at that long side."""
        radians = np.radians(self.angle_deg)
        turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
        scale = np.array([self.size_wh[0] * long_side_px / width_px, self.size_wh[1] * long_side_px / height_px])
        linear = turn * scale
        centre = np.array(self.centre_xy) * long_side_px
        shift = centre - linear @ (np.array([width_px, height_px]) / 2)
        return np.column_stack([linear, shift])


@dataclass(frozen=True, kw_only=True)
class View:
    """Patch features of one frame of a photo, close and from afar."""

    features: Array  # (rows, columns, width), unit length
    part: NDArray[np.bool_]  # (rows, columns): which patches show the part, or where something of it is missing
    frame: Frame
    coarse: Array  # (coarse rows, coarse columns, width), unit length
    coarse_part: NDArray[np.bool_]  # (coarse rows, coarse columns)
    lie: Lie

    @property
    def of_part(self) -> Array:
        """(n, width)"""
        return where(self.features, self.part)

    @property
    def coarse_of_part(self) -> Array:
        """(m, width)"""
        return where(self.coarse, self.coarse_part)


def look(pixels: Pixels, backbone: Backbone, *, close: bool = True, turn_deg: float = 0.0) -> View:
    """`close` cuts the part out where it lies on a bench; `turn_deg` turns what is shown."""
    outline = pixels.outline if close else None
    height, width = pixels.rgb.shape[:2]
    if outline is None:
        long_side = max(height, width)
        centre_xy, size_wh, angle_deg = (width / long_side / 2, height / long_side / 2), (width / long_side, height / long_side), 0.0
    else:
        turned, unit = outline.turned(turn_deg), max(outline.mask.shape)
        centre_xy = (turned.centre_xy[0] / unit, turned.centre_xy[1] / unit)
        size_wh, angle_deg = (turned.size_wh[0] * MARGIN / unit, turned.size_wh[1] * MARGIN / unit), turned.angle_deg
    frame, afar = (_frame(centre_xy, size_wh, angle_deg, tokens) for tokens in (TOKENS, COARSE_TOKENS))
    features, coarse = backbone.patches_of_many([cut(pixels.rgb, one, backbone.patch) for one in (frame, afar)])
    return View(
        features=features,
        part=_part(outline, frame),
        frame=frame,
        coarse=coarse,
        coarse_part=_part(outline, afar),
        lie=Lie.FILLS if outline is None else outline.lie,
    )


def where(patches: Array, part: NDArray[np.bool_]) -> Array:
    """(rows, columns, width) -> (n, width): those that show the part."""
    everything = patches.reshape(-1, patches.shape[-1])
    return everything if part.all() else everything[part.ravel()]


def turns(lie: Lie, references: int) -> tuple[float, ...]:
    """The angles in degrees, 0 first, at which each of so many references is shown. Both ends of a long part always are."""
    fewest = min(TURNS[lie], 2)
    count = max(fewest, min(TURNS[lie], TURNED_VIEWS // references))
    while TURNS[lie] % count:  # whole steps only: a square part turned by 120 degrees lies like no square part
        count -= 1
    return tuple(360.0 * i / count for i in range(count))


def _frame(centre_xy: tuple[float, float], size_wh: tuple[float, float], angle_deg: float, tokens: int) -> Frame:
    wide, high = size_wh
    wide, high = max(wide, high / MOST_UNEQUAL), max(high, wide / MOST_UNEQUAL)
    rows = max(1, round((tokens * high / wide) ** 0.5))
    return Frame(centre_xy=centre_xy, size_wh=(wide, high), angle_deg=angle_deg, rows=rows, columns=max(1, tokens // rows))


def cut(rgb: NDArray[np.uint8], frame: Frame, patch: int) -> NDArray[np.uint8]:
    """What lies under the frame: (rows * patch, columns * patch, 3). Outside the photo its edge goes on."""
    width, height = frame.columns * patch, frame.rows * patch
    long_side = max(rgb.shape[:2])
    shrink = width / (frame.size_wh[0] * long_side)  # view pixels a photo pixel
    if shrink < 1:  # shrink first with every pixel counted, or fine texture turns into noise
        size_wh = (max(1, round(rgb.shape[1] * shrink)), max(1, round(rgb.shape[0] * shrink)))
        rgb = np.asarray(cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA))
        long_side = max(rgb.shape[:2])
    matrix = frame.onto_photo(long_side, width, height)
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5  # pixel centres lie at halves, OpenCV counts them whole
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    cut: NDArray[np.uint8] = np.asarray(cv2.warpAffine(rgb, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE))
    return cut


def _part(outline: Outline | None, frame: Frame) -> NDArray[np.bool_]:
    """Which patches show the part as it would be whole: all where it fills the frame; at least one always does."""
    if outline is None:
        return np.ones((frame.rows, frame.columns), bool)
    fine = 4
    matrix = frame.onto_photo(max(outline.mask.shape), frame.columns * fine, frame.rows * fine)
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    size = (frame.columns * fine, frame.rows * fine)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(outline.whole.astype(np.float32), matrix, size, flags=flags)
    share = cv2.resize(warped, (frame.columns, frame.rows), interpolation=cv2.INTER_AREA)
    return np.asarray(share >= min(PART_SHARE, float(share.max())))


def rounded(seen: View) -> View:
    """What `load` gives back after `save`, so that a photo's score does not depend on whether it was kept."""
    features, coarse = (patches.astype(np.float16).astype(np.float32) for patches in (seen.features, seen.coarse))
    return replace(seen, features=features, coarse=coarse)


def save(seen: View, path: Path) -> None:
    """In half precision: half the disk, for a third of a per cent of a distance."""
    f = seen.frame
    frame = np.array([*f.centre_xy, *f.size_wh, f.angle_deg])
    mine = path.with_suffix(f".{os.getpid()}.tmp")
    with mine.open("wb") as file:
        np.savez(
            file, features=seen.features.astype(np.float16), part=seen.part, frame=frame, coarse=seen.coarse.astype(np.float16),
            coarse_part=seen.coarse_part, lie=np.array(seen.lie.value),
        )  # fmt: skip
    mine.replace(path)


def load(path: Path) -> View | None:
    """None when it was not saved, or not whole."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            features, coarse = kept["features"].astype(np.float32), kept["coarse"].astype(np.float32)
            x, y, wide, high, angle = (float(v) for v in kept["frame"])
            part, coarse_part, lie = kept["part"], kept["coarse_part"], Lie(str(kept["lie"]))
    except (FileNotFoundError, zipfile.BadZipFile, KeyError, ValueError, EOFError):
        return None
    rows, columns = part.shape
    frame = Frame(centre_xy=(x, y), size_wh=(wide, high), angle_deg=angle, rows=rows, columns=columns)
    return View(features=features, part=part, frame=frame, coarse=coarse, coarse_part=coarse_part, lie=lie)
