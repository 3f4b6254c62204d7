"""Marks drawn on good photos, to learn what can be seen on a part before a real defect comes along.

Three kinds stand for what people meet most: a scratch (long and thin, sharp), a spot (compact, sharp) and a stain (compact, faint, with a
soft edge). Each is drawn in several sizes, counted in shares of the part's own area, at places drawn by lot from the part.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kenpin.tools.vision.photo import Pixels

KINDS = ("scratch", "spot", "stain")
SIZES = (0.001, 0.003, 0.01, 0.03)  # of the part's area
CONTRAST = 64.0  # of 255: how much darker (on a dark part: lighter) a sharp mark is; a stain is half of that
DARK = 96.0  # of 255: a part darker than this gets light marks
SLENDER = 12.0  # a scratch's length over its width
INSIDE = 0.05  # of the part's long side: how far the middle of a mark lies from the part's edge


@dataclass(frozen=True, kw_only=True)
class Mark:
    kind: str  # one of KINDS
    area_of_part: float  # share, 0 to 1


def marks() -> tuple[Mark, ...]:
    """Every kind in every size, the smallest first."""
    return tuple(Mark(kind=kind, area_of_part=size) for kind in KINDS for size in SIZES)


def drawn_on(pixels: Pixels, mark: Mark, lot: np.random.Generator) -> Pixels:
    """The photo with the mark on its part; where no outline tells the part from a bench, all of the photo is the part."""
    part = _part(pixels)
    area_px = mark.area_of_part * float(part.sum())
    shape = np.zeros(part.shape, np.uint8)
    x, y = _place(part, lot)
    if mark.kind == "scratch":
        width = max(1.0, (area_px / SLENDER) ** 0.5)
        along = area_px / width / 2 * np.exp(1j * lot.uniform(0, np.pi))
        ends = [(round(x + sign * along.real), round(y + sign * along.imag)) for sign in (-1, 1)]
        cv2.line(shape, ends[0], ends[1], 255, max(1, round(width)), cv2.LINE_AA)
    else:
        cv2.circle(shape, (x, y), max(1, round((area_px / np.pi) ** 0.5)), 255, -1, cv2.LINE_AA)
    weight = shape.astype(np.float32) / 255
    contrast = CONTRAST
    if mark.kind == "stain":
        weight = np.asarray(cv2.GaussianBlur(weight, (0, 0), max(1.0, (area_px / np.pi) ** 0.5 / 3)), np.float32)
        contrast = CONTRAST / 2
    light = pixels.rgb[part].mean() < DARK
    marked = pixels.rgb + (contrast if light else -contrast) * weight[..., None]
    return Pixels(np.clip(np.rint(marked), 0, 255).astype(np.uint8))


def _part(pixels: Pixels) -> NDArray[np.bool_]:
    """(H, W)"""
    height, width = pixels.rgb.shape[:2]
    if pixels.outline is None:
        return np.ones((height, width), bool)
    mask = pixels.outline.mask.astype(np.uint8)
    return np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)) > 0


def _place(part: NDArray[np.bool_], lot: np.random.Generator) -> tuple[int, int]:
    """x, y: a pixel well inside the part; anywhere on it where it is too thin for that."""
    framed = cv2.copyMakeBorder(part.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    from_edge = cv2.distanceTransform(framed, cv2.DIST_L2, 3)[1:-1, 1:-1]
    inside = from_edge >= INSIDE * max(part.shape)
    ys, xs = np.nonzero(inside if inside.any() else part)
    at = int(lot.integers(len(xs)))
    return int(xs[at]), int(ys[at])
