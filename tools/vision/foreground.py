"""Where the part is: told from the bench by the colours along the photo's border, without any network.

A part may lie small, anywhere, at any angle. Found first, it can be cut out close and brought upright, so that the network's pixels go
to the part and the bench cannot make a good part look bad. Many photos show no bench at all (a solar cell, cloth): there the border
says nothing about a background and the whole frame is the part. Deciding which of the two it is matters more than a perfect outline,
so the outline must pass several plain checks before it is believed.

Works on a small copy (long side `SMALL_PX`), in a few milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

SMALL_PX = 192
BORDER_SHARE = 0.03  # of the long side: the band that is taken for bench
BENCH_COLOURS = 3  # a bench may show a shadow and an edge besides its own colour
FEWEST_OF_BAND = 0.10  # a colour rarer than this in the band is the part touching the edge, not bench
COLOUR_NOISE = (7.0, 3.0, 3.0)  # standard deviations of L, a, b that any bench has, in 8-bit Lab
APART = 3.5  # the part's median distance from the bench, in standard deviations of the bench
AREA_SHARE = (0.004, 0.65)  # of the photo: smaller is dirt, larger is a part that fills the frame
BORDER_FREE = 0.75  # share of the band that must be bench
SOLID = 0.5  # area of the outline over that of its convex hull: scattered specks are no part
PIECE_SHARE = 0.04  # of the largest piece: smaller ones are crumbs
LONG = 1.35  # length over width from which the main axis says how the part lies
SQUARE = 0.88  # area over that of the tightest turned rectangle from which its sides say so


class Lie(StrEnum):
    """What the outline says about how the part is turned."""

    FILLS = "fills"  # no outline: the part fills the frame
    LONG = "long"  # along its main axis; which end is which stays open
    SQUARE = "square"  # along its sides; which side is which stays open
    ROUND = "round"  # nothing


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A part on a bench, in pixels of the small copy."""

    mask: NDArray[np.bool_]  # (h, w)
    lie: Lie
    centre_xy: tuple[float, float]
    size_wh: tuple[float, float]  # of the box around the part, along and across its axis
    angle_deg: float  # the axis' turn from the horizontal, clockwise as seen on the photo

    @property
    def whole(self) -> NDArray[np.bool_]:
        """(h, w): the part with what may be missing of it: the convex hull of each of its pieces."""
        whole = self.mask.astype(np.uint8)
        contours, _ = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for contour in contours:
            cv2.fillConvexPoly(whole, cv2.convexHull(contour), 1)
        return whole.astype(bool)

    def turned(self, by_deg: float) -> Outline:
        """The same part in a box turned by `by_deg`."""
        points = cv2.findNonZero(self.mask.astype(np.uint8)).reshape(-1, 2).astype(np.float64)
        return _boxed(self.mask, points, self.lie, self.angle_deg + by_deg)


def find(rgb: NDArray[np.uint8]) -> Outline | None:
    """The part's outline on a small copy (h, w, 3), or None when the part fills the frame (or no part can be told from the bench)."""
    distance = _distance_from_bench(rgb)
    if distance is None:
        return None
    mask = _pieces(distance)
    if mask is None or not _believable(mask, distance):
        return None
    return _laid(mask)


def _band(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    width = max(2, round(BORDER_SHARE * max(shape[:2])))
    band = np.ones(shape[:2], bool)
    band[width:-width, width:-width] = False
    return band


def _distance_from_bench(rgb: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """(h, w), in standard deviations of the nearest bench colour."""
    lab = cv2.cvtColor(cv2.medianBlur(rgb, 5), cv2.COLOR_RGB2LAB).astype(np.float32)
    samples = lab[_band(rgb.shape)]
    if len(samples) < 4 * BENCH_COLOURS:
        return None
    samples = samples[:: max(1, len(samples) // 800)]
    cv2.setRNGSeed(0)  # the same photo gives the same outline
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    unset = np.zeros((len(samples), 1), np.int32)
    _, labels, _ = cv2.kmeans(samples, BENCH_COLOURS, unset, stop, 2, cv2.KMEANS_PP_CENTERS)
    nearest = np.full(lab.shape[:2], np.inf, np.float32)
    for colour in range(BENCH_COLOURS):
        chosen = samples[np.ravel(labels) == colour]
        if len(chosen) < FEWEST_OF_BAND * len(samples):
            continue
        covariance = np.cov(chosen.T) + np.diag(np.square(COLOUR_NOISE))
        whitened = (lab - chosen.mean(0)) @ np.linalg.cholesky(np.linalg.inv(covariance)).astype(np.float32)
        nearest = np.minimum(nearest, np.square(whitened).sum(-1))
    return np.sqrt(nearest)


def _pieces(distance: NDArray[np.float32]) -> NDArray[np.bool_] | None:
    """The part without crumbs and with its holes closed, or None when nothing stands out."""
    scale = 255 / max(float(np.percentile(distance, 99.5)), 1e-6)
    cut, _ = cv2.threshold(np.clip(distance * scale, 0, 255).astype(np.uint8), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    raw = (distance > max(cut / scale, APART / 1.5)).astype(np.uint8)
    raw = cv2.morphologyEx(raw, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    raw = cv2.morphologyEx(raw, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    contours, _ = cv2.findContours(raw, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    areas = [cv2.contourArea(c) for c in contours]
    if not areas or max(areas) < 4:
        return None
    filled = np.zeros_like(raw)
    kept = [c for c, area in zip(contours, areas, strict=True) if area >= PIECE_SHARE * max(areas)]
    cv2.drawContours(filled, kept, -1, 1, cv2.FILLED)
    return filled.astype(bool)


def _believable(mask: NDArray[np.bool_], distance: NDArray[np.float32]) -> bool:
    if not AREA_SHARE[0] <= mask.mean() <= AREA_SHARE[1]:
        return False
    if mask[_band(mask.shape)].mean() > 1 - BORDER_FREE:
        return False
    points = cv2.findNonZero(mask.astype(np.uint8))
    hull = cv2.contourArea(cv2.convexHull(points))
    if mask.sum() < SOLID * hull:
        return False
    return bool(np.median(distance[mask]) >= APART + np.median(distance[~mask]))


def _laid(mask: NDArray[np.bool_]) -> Outline:
    points = cv2.findNonZero(mask.astype(np.uint8))
    flat = points.reshape(-1, 2).astype(np.float64)
    spread, axes = np.linalg.eigh(np.cov(flat.T) + 1e-6 * np.eye(2))
    (_, (width, height), turn) = cv2.minAreaRect(points)
    if (spread[1] / spread[0]) ** 0.5 >= LONG:
        lie, angle = Lie.LONG, float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1])))
        angle = (angle + 90) % 180 - 90
    elif mask.sum() >= SQUARE * max(width * height, 1):
        lie, angle = Lie.SQUARE, (turn + 45) % 90 - 45
    else:
        lie, angle = Lie.ROUND, 0.0
    return _boxed(mask, flat, lie, angle)


def _boxed(mask: NDArray[np.bool_], points: NDArray[np.float64], lie: Lie, angle_deg: float) -> Outline:
    radians = np.radians(angle_deg)
    along, across = np.array([np.cos(radians), np.sin(radians)]), np.array([-np.sin(radians), np.cos(radians)])
    u, v = points @ along, points @ across
    centre = along * (u.min() + u.max()) / 2 + across * (v.min() + v.max()) / 2
    return Outline(
        mask=mask, lie=lie, centre_xy=(float(centre[0]), float(centre[1])), angle_deg=angle_deg,
        size_wh=(float(np.ptp(u)) + 1, float(np.ptp(v)) + 1),
    )  # fmt: skip
