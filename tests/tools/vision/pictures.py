"""Small generated photos: a part on a bench, and cloth that fills the frame."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from kenpin.tools.vision.sight import ReferencePhoto

Rgb = NDArray[np.uint8]
Keep = Callable[..., ReferencePhoto]


def bracket(seed: int, *, angle_deg: float = 0.0, at: tuple[float, float] = (160, 120), broken: bool = False) -> Rgb:
    """(240, 320, 3): a steel bracket with two holes and a coloured end on a dark bench, with a little noise; `broken` lacks a corner."""
    part = np.zeros((240, 320), np.uint8)
    cv2.rectangle(part, (100, 95), (220, 145), 255, -1)
    for x in (120, 200):
        cv2.circle(part, (x, 120), 9, 0, -1)
    if broken:
        cv2.fillPoly(part, [np.array([(165, 90), (225, 90), (225, 125), (190, 112)])], 0)
    colour = np.full((240, 320, 3), (180, 185, 190), np.uint8)
    colour[:, 205:] = (190, 120, 60)
    turn = cv2.getRotationMatrix2D((160, 120), angle_deg, 1.0)
    turn[:, 2] += np.array(at) - (160, 120)
    shape = cv2.warpAffine(part, turn, (320, 240))[:, :, None] / 255
    colour = cv2.warpAffine(colour, turn, (320, 240), borderMode=cv2.BORDER_REPLICATE)
    noise = np.random.default_rng(seed).normal(0, 4, (240, 320, 3))
    return np.clip(shape * colour + (1 - shape) * (52, 55, 58) + noise, 0, 255).astype(np.uint8)


def cloth(seed: int, *, torn: bool = False) -> Rgb:
    """(200, 200, 3): a woven texture that fills the frame; `torn` has a bright slit."""
    draw = np.random.default_rng(seed)
    grain = cv2.GaussianBlur(draw.normal(0, 60, (200, 200)), (0, 0), 1.2)
    rows, columns = np.mgrid[:200, :200]
    grey = 120 + 25 * np.sin(rows * 0.8) + 25 * np.sin(columns * 0.8) + grain
    rgb = np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
    if torn:
        cv2.line(rgb, (120, 30), (150, 75), (250, 250, 250), 5)
    return rgb
