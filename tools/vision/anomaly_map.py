"""The evidence a person looks at: strange places marked on the photo, and the same places as words and shares.

Everything here is in the coordinates of the upright photo, whatever turned box the network was shown.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from kenpin.storage.vocabulary import Region
from kenpin.tools.vision.backbone import Array
from kenpin.tools.vision.photo import Pixels
from kenpin.tools.vision.view import Frame

LONG_SIDE_PX = 1024
WORK_PX = 256  # long side at which the map is laid over the photo before it is enlarged
MOST_REGIONS = 5
LEAST_AREA = 0.0005  # of the photo
PLACES = (("top left", "top", "top right"), ("left", "centre", "right"), ("bottom left", "bottom", "bottom right"))


def onto_photo(grid: Array, frame: Frame, height: int, width: int, finer: int = 1) -> Array:
    """A view's (rows, columns) -> the photo's (h, w) at a long side of WORK_PX; 0 outside the view.

    `finer`: how many times as fine as a close look's the view's grid is; the map is so many times as large.
    """
    long_side, work_px = max(height, width), WORK_PX * finer
    size_wh = (max(1, round(width * work_px / long_side)), max(1, round(height * work_px / long_side)))
    matrix = frame.onto_photo(work_px, frame.columns, frame.rows)
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    return np.asarray(cv2.warpAffine(grid.astype(np.float32), matrix, size_wh, flags=cv2.INTER_LINEAR))


def regions(heat: Array, part: Array, finer: int = 1) -> tuple[Region, ...]:
    """Places of the photo where `heat` (h, w) is above 1, strongest first. `part` (h, w) is above 0.5 on the part; `finer` as above."""
    count, labels, boxes, _ = cv2.connectedComponentsWithStats((heat > 1).astype(np.uint8), connectivity=8)
    height, width = heat.shape
    on_part = part > 0.5
    part_area = max(int(on_part.sum()), 1)
    found = []
    for label in range(1, count):
        left, top, wide, high, area = (int(v) for v in boxes[label])
        if area < LEAST_AREA / finer**2 * heat.size:
            continue
        inside = labels[top : top + high, left : left + wide] == label
        rows, columns = np.nonzero(inside)
        found.append(
            Region(
                box_xyxy=(left / width, top / height, (left + wide) / width, (top + high) / height),
                area_of_part=min(1.0, area / part_area),
                score=float(heat[top : top + high, left : left + wide][inside].max()),
                where=_where(on_part, top + float(rows.mean()), left + float(columns.mean())),
            )
        )
    return tuple(sorted(found, key=lambda r: -r.score)[:MOST_REGIONS])


def _where(on_part: NDArray[np.bool_], row: float, column: float) -> str:
    """Which of the nine places of the part's box the point lies in."""
    rows, columns = np.nonzero(on_part)
    if len(rows) == 0:
        rows, columns = np.array([0, on_part.shape[0]]), np.array([0, on_part.shape[1]])
    third_down = int(np.clip(3 * (row - rows.min()) / max(float(np.ptp(rows)), 1.0), 0, 2))
    third_right = int(np.clip(3 * (column - columns.min()) / max(float(np.ptp(columns)), 1.0), 0, 2))
    return PLACES[third_down][third_right]


def draw(pixels: Pixels, heat: Array, marked: tuple[Region, ...]) -> bytes:
    """JPEG: the photo with warm colours where `heat` nears or passes 1, and a box around each region."""
    rgb = pixels.rgb
    factor = min(1.0, LONG_SIDE_PX / max(rgb.shape[:2]))
    size_wh = (max(1, round(rgb.shape[1] * factor)), max(1, round(rgb.shape[0] * factor)))
    shown = np.asarray(cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA), np.uint8) if factor < 1 else rgb.copy()
    strength = cv2.resize(np.clip((heat - 0.6) / 0.8, 0, 1), size_wh, interpolation=cv2.INTER_LINEAR)
    coloured = np.asarray(cv2.applyColorMap((strength * 255).astype(np.uint8), cv2.COLORMAP_JET), np.uint8)[:, :, ::-1]
    shown = _blended(shown, coloured, (strength * 128).astype(np.uint8))
    thickness = max(1, round(max(size_wh) / 300))
    for region in marked:
        left, top, right, bottom = (
            round(v * side) for v, side in zip(region.box_xyxy, (size_wh[0], size_wh[1], size_wh[0], size_wh[1]), strict=True)
        )
        cv2.rectangle(shown, (left, top), (right, bottom), (255, 255, 255), thickness + 2)
        cv2.rectangle(shown, (left, top), (right, bottom), (200, 0, 0), thickness)
    _, encoded = cv2.imencode(".jpg", shown[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    return encoded.tobytes()


def _blended(below: NDArray[np.uint8], above: NDArray[np.uint8], weight: NDArray[np.uint8]) -> NDArray[np.uint8]:
    share = weight[:, :, None].astype(np.uint16)
    return np.ascontiguousarray(((below * (256 - share) + above * share) >> 8).astype(np.uint8))
