"""A large photo's third look: the part again in overlapping tiles, each in as many patches as the close look has for the whole of it.

What is small beside the part is lost when a photo of many pixels is shown in 784 patches; the tiles show it at the photo's own
resolution, laid side by side in one finer grid. A network sees less around a patch at its picture's edge, so neighbouring tiles overlap
and each patch is taken from the tile in which it lies further inside. How many tiles there are each way is what the part's own pixels
fill: a photo is never enlarged.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kenpin.tools.vision import photo, view
from kenpin.tools.vision.backbone import Array, Backbone
from kenpin.tools.vision.photo import Pixels
from kenpin.tools.vision.view import Frame, View

FEWEST, MOST = 2, 4  # tiles each way; chosen: with sixteen an answer takes fourteen times as long
OVERLAP = 4  # patches that two tiles share
ENLARGED = 0.8  # a photo that fills this share of its references' tiles is looked at in as many: parts on a bench are never cut out alike
LONG_SIDE_PX = 4096  # decoded at most
POOL, MOST_PATCHES = 32768, 8192  # patches of large photos that a bank is drawn from, and in it
TURNED_ALL = 8  # references up to which each is turned as often as one of so many would be: a turned look in tiles takes seconds


@dataclass(frozen=True, kw_only=True)
class Tiled:
    """Patch features of a part in tiles, laid in one grid."""

    features: Array  # (rows, columns, width), unit length; 0 in tiles that show nothing of the part
    part: NDArray[np.bool_]  # (rows, columns): which patches show the part
    frame: Frame

    @property
    def of_part(self) -> Array:
        """(n, width)"""
        return view.where(self.features, self.part)


def filled(path: Path, frame: Frame, patch: int) -> float:
    """How many tiles each way the photo's own pixels fill inside the close look's frame. Raises PhotoUnreadableError."""
    long_side_px = min(photo.long_side_of(path), LONG_SIDE_PX)
    each_way = zip(frame.size_wh, (frame.columns, frame.rows), strict=True)
    return min((share * long_side_px / patch - OVERLAP) / max(patches - OVERLAP, 1) for share, patches in each_way)


def wanted_px(frame: Frame, count: int, patch: int) -> int:
    """The photo's long side at which so many tiles each way are neither enlarged nor shrunk; at most LONG_SIDE_PX."""
    return min(round(grid(frame, count).columns * patch / frame.size_wh[0]), LONG_SIDE_PX)


def look(pixels: Pixels, seen: View, count: int, backbone: Backbone) -> Tiled:
    """The part as `seen` shows it, in `count` tiles each way."""
    return of_shown(view.cut(pixels.rgb, grid(seen.frame, count), backbone.patch), seen, count, backbone)


def grid(frame: Frame, count: int) -> Frame:
    """The close look's frame under as many patches as so many tiles each way have."""
    rows, columns = (count * (patches - OVERLAP) + OVERLAP for patches in (frame.rows, frame.columns))
    return replace(frame, rows=rows, columns=columns)


def of_shown(shown: NDArray[np.uint8], seen: View, count: int, backbone: Backbone) -> Tiled:
    """`shown`: the pixels under the grid, `backbone.patch` each way for a patch."""
    frame, patch = grid(seen.frame, count), backbone.patch
    size_wh = (frame.columns, frame.rows)
    part = cv2.resize(seen.part.astype(np.float32), size_wh, interpolation=cv2.INTER_LINEAR) >= 0.5
    tiles = [tile for tile in _tiles(seen.frame, count) if part[tile.whole].any()]
    pictures = [np.ascontiguousarray(shown[_pixels(rows, patch), _pixels(columns, patch)]) for rows, columns in (t.whole for t in tiles)]
    features = np.zeros((frame.rows, frame.columns, backbone.width), np.float32)
    for tile, patches in zip(tiles, backbone.patches_of_many(pictures), strict=True):
        features[tile.kept] = patches[tile.inner]
    return Tiled(features=features, part=np.asarray(part, np.bool_), frame=frame)


Window = tuple[slice, slice]  # rows, columns


@dataclass(frozen=True)
class _Tile:
    whole: Window  # of the grid: what the network is shown
    kept: Window  # of the grid: what is taken from it
    inner: Window  # of the tile: the same


def _tiles(frame: Frame, count: int) -> Iterator[_Tile]:
    for down in range(count):
        for right in range(count):
            rows, columns = _along(down, count, frame.rows), _along(right, count, frame.columns)
            yield _Tile(*((one, other) for one, other in zip(rows, columns, strict=True)))


def _along(index: int, count: int, patches: int) -> tuple[slice, slice, slice]:
    """One way: whole, kept and inner of a tile of so many patches."""
    start = index * (patches - OVERLAP)
    first, last = OVERLAP // 2 if index else 0, patches - OVERLAP // 2 if index < count - 1 else patches
    return slice(start, start + patches), slice(start + first, start + last), slice(first, last)


def _pixels(patches: slice, patch: int) -> slice:
    return slice(patches.start * patch, patches.stop * patch)


def rounded(seen: Tiled) -> Tiled:
    """What `load` gives back after `save`."""
    return replace(seen, features=seen.features.astype(np.float16).astype(np.float32))


def save(seen: Tiled, path: Path) -> None:
    """In half precision: 15 MiB for sixteen tiles."""
    f = seen.frame
    mine = path.with_suffix(f".{os.getpid()}.tmp")
    with mine.open("wb") as file:
        np.savez(file, features=seen.features.astype(np.float16), part=seen.part, frame=np.array([*f.centre_xy, *f.size_wh, f.angle_deg]))
    mine.replace(path)


def load(path: Path) -> Tiled | None:
    """None when it was not saved, or not whole."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            features, part = kept["features"].astype(np.float32), kept["part"]
            x, y, wide, high, angle = (float(v) for v in kept["frame"])
    except (FileNotFoundError, zipfile.BadZipFile, KeyError, ValueError, EOFError):
        return None
    rows, columns = part.shape
    return Tiled(
        features=features, part=part, frame=Frame(centre_xy=(x, y), size_wh=(wide, high), angle_deg=angle, rows=rows, columns=columns)
    )
