"""How a photo was taken: its light, its sharpness, and whether the part lies within the frame. Numbers only, and no network.

What is too dark or too blurred depends on the part: a solar cell under electroluminescence is dark and soft by nature. So these numbers are
made to be compared with those of the part's own good photos (tools/quality.py does), and `Frame` is learnt from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kenpin.tools.vision import photo
from kenpin.tools.vision.photo import Pixels

SCALES_PX = (224, 112)  # long sides at which sharpness is measured: half of what the network looks at, so that a photo's noise counts less
BLUR_WINDOW = 9  # of Crété et al., "The blur effect", 2007
BLOWN_FROM = 250  # of 255
COLOUR_NOISE = (7.0, 3.0, 3.0)  # standard deviations of L, a, b that any surface has, in 8-bit Lab; as foreground.py has it
EDGE_PX = 2  # of the small copy: how near the frame counts as touching it
FEWEST_OUTLINED = 4  # good photos that show the part on a bench, to learn from
OUTLINED_SHARE = 0.9  # of all of them


@dataclass(frozen=True, kw_only=True)
class Shot:
    brightness: float  # mean luma, 0 to 255
    contrast: float  # luma between the darkest and the brightest hundredth
    blown: float  # share of pixels with a colour at its upper end, 0 to 1: wood turns yellow before it turns white
    blur: Mapping[int, float]  # at each of SCALES_PX that the photo has: 0 (sharp) to 1
    photo_px: int  # the photo's long side, as decoded
    part_px: int | None  # the part's long side on its bench; None where no bench is seen


@lru_cache(maxsize=4096)
def look(path: Path) -> Shot:
    """One photo's numbers, remembered: files of the photo store never change. Raises PhotoUnreadableError."""
    return measured(photo.read(path))


def measured(of: Pixels) -> Shot:
    luma = np.asarray(cv2.cvtColor(of.rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    darkest, brightest = np.percentile(luma, (1, 99))
    photo_px, outline = max(luma.shape), of.outline
    return Shot(
        brightness=float(luma.mean()),
        contrast=float(brightest - darkest),
        blown=float((of.rgb.max(axis=2) >= BLOWN_FROM).mean()),
        blur={side: _blur(_at(luma, side)) for side in SCALES_PX if max(luma.shape) >= side},
        photo_px=photo_px,
        part_px=None if outline is None else round(max(outline.size_wh) / max(of.small.shape) * photo_px),
    )


def _at(luma: NDArray[np.uint8], side_px: int) -> NDArray[np.float32]:
    factor = side_px / max(luma.shape)
    size_wh = (max(1, round(luma.shape[1] * factor)), max(1, round(luma.shape[0] * factor)))
    small: NDArray[np.float32] = cv2.resize(luma, size_wh, interpolation=cv2.INTER_AREA).astype(np.float32)
    return small


def _blur(luma: NDArray[np.float32]) -> float:
    """How little the photo changes when it is blurred along one direction, in the direction where that is least; 0 to 1.

    A sharp photo loses most differences between neighbouring pixels, a blurred one has lost them already. Contrast cancels out, and a photo
    moved in one direction only is found as well. Source: Crété, Dolmiere, Ladret, Nicolas, "The blur effect: perception and estimation with
    a new no-reference perceptual blur metric", SPIE 6492 (2007).
    """
    worst = 0.0
    for axis in (0, 1):
        window = (1, BLUR_WINDOW) if axis == 0 else (BLUR_WINDOW, 1)
        before = np.abs(np.diff(luma, axis=axis))
        lost = np.maximum(0.0, before - np.abs(np.diff(cv2.blur(luma, window), axis=axis)))
        total = float(before.sum())
        if total > 0:
            worst = max(worst, 1.0 - float(lost.sum()) / total)
    return worst


# --- is the part within the frame? -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """The colours of a part and of the bench around it, from good photos that show all of it."""

    part: _Colours
    bench: _Colours
    size: float  # square root of the part's area, as a share of the photo's long side
    touching: float  # of these photos themselves, the most

    def touched(self, pixels: Pixels) -> float:
        """How long the part touches the frame at one side, as a share of the part's size: 0 for a part within it.

        The part is the largest piece of its colours; another one that peeks in at a corner is not it.
        """
        return _touched(_of_part(pixels, self.part, self.bench), self.size)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Colours:
    mean: NDArray[np.float32]  # (3,) of 8-bit Lab
    precision: NDArray[np.float32]  # (3, 3), inverse covariance
    log_volume: float  # logarithm of the covariance's determinant

    def strangeness(self, lab: NDArray[np.float32]) -> NDArray[np.float32]:
        """(h, w): minus twice the log-likelihood, without its constant."""
        away = lab - self.mean
        return np.asarray(np.einsum("...i,ij,...j", away, self.precision, away) + self.log_volume, np.float32)


@lru_cache(maxsize=64)
def frame(good: tuple[Path, ...]) -> Frame | None:
    """Learnt from good photos. None when they do not show the part on a bench, within the frame, or its colours are not the part's own."""
    photos = [photo.read(path) for path in good]
    outlined = [pixels for pixels in photos if pixels.outline is not None]
    if len(outlined) < max(FEWEST_OUTLINED, OUTLINED_SHARE * len(photos)):
        return None
    inside, outside, sizes = [], [], []
    for pixels in outlined:
        assert pixels.outline is not None, "chosen above"
        mask, lab = pixels.outline.mask.astype(np.uint8), _lab(pixels)
        around = np.ones((5, 5), np.uint8)  # at the outline itself colours mix
        inside.append(lab[cv2.erode(mask, around) > 0])
        outside.append(lab[cv2.dilate(mask, around) == 0])
        sizes.append(float(mask.sum()) ** 0.5 / max(mask.shape))
    part, bench, size = _colours(inside), _colours(outside), float(np.median(sizes))
    touching = max(_touched(_of_part(pixels, part, bench), size) for pixels in outlined)
    return Frame(part=part, bench=bench, size=size, touching=touching)


def _lab(pixels: Pixels) -> NDArray[np.float32]:
    lab: NDArray[np.float32] = cv2.cvtColor(cv2.medianBlur(pixels.small, 5), cv2.COLOR_RGB2LAB).astype(np.float32)
    return lab


def _colours(samples: list[NDArray[np.float32]]) -> _Colours:
    all_of_them = np.concatenate(samples)
    covariance = np.cov(all_of_them.T) + np.diag(np.square(COLOUR_NOISE))
    return _Colours(
        mean=all_of_them.mean(axis=0),
        precision=np.linalg.inv(covariance).astype(np.float32),
        log_volume=float(np.linalg.slogdet(covariance)[1]),
    )


def _of_part(pixels: Pixels, part: _Colours, bench: _Colours) -> NDArray[np.bool_]:
    """(h, w): the largest piece in the part's colours."""
    lab = _lab(pixels)
    raw = (part.strangeness(lab) < bench.strangeness(lab)).astype(np.uint8)
    opened = cv2.morphologyEx(raw, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    whole = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(whole)
    if count < 2:
        return np.zeros(raw.shape, bool)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == largest)


def _touched(mask: NDArray[np.bool_], size: float) -> float:
    bands = (mask[:EDGE_PX], mask[-EDGE_PX:], mask[:, :EDGE_PX].T, mask[:, -EDGE_PX:].T)
    longest = max(_longest_run(np.asarray(band.any(axis=0))) for band in bands)
    return float(longest / (size * max(mask.shape)))


def _longest_run(side: NDArray[np.bool_]) -> int:
    ends = np.flatnonzero(np.diff(np.concatenate(([0], side.astype(np.int8), [0]))))
    return int((ends[1::2] - ends[::2]).max(initial=0))
