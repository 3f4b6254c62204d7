"""One number for "how strange is this photo of this part", and what it takes to call it strange.

Two statistics are read off a photo. The local one is how far its strangest patches lie from any good patch: a scratch, a chip. The
whole-photo one is how far its mean patch lies from any good photo's: a texture or colour that changed everywhere. Each is blind to what
the other sees. Both are taken as logarithms, set against how the part's own good photos differ among themselves (leave one out, shrunk
towards a prior), and joined by a soft maximum.

With few references a good photo shows things that no reference shows but that it shows more than once itself; a defect is rare on its own
photo too. So a patch's distance is also held against the nearest patch of its own photo, the less the more references there are.

A single reference has nobody to be compared with. Its own patches say what to expect locally; how much whole photos of good parts differ
is anybody's guess, unless the part is a texture: then the reference explains a photo's patches as well as the photo explains them
itself, and the mean patch may differ only by chance. docs/decisions/0003-one-score.md has the measurements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kenpin.storage.vocabulary import Verdict
from kenpin.tools.vision.backbone import Array

TOP_SHARE = 0.015  # of the patches: the strangest, whose mean is the local statistic
OWN_WEIGHT, OWN_FADES = 0.35, 0.3  # power of (own / bank distance) with one reference; times references to the power -0.3
TINY = 1e-5  # added before a logarithm

PRIOR_SPREAD = np.array([0.07, 0.70])  # of the two statistics among good photos
PRIOR_WEIGHT = 5.0  # photos that the prior counts for
SHARPNESS = 1.5  # of the soft maximum

CHANCE_WHOLE = -5.5  # one reference: log distance of two means over about 1000 patches of the same texture
UNLIKE_WHOLE = 5.0  # ... rising this fast with how much worse the reference explains the photo than the photo itself
UNLIKE_LOCAL = 0.3  # ... and what the same says of the photo as a whole, added to the local statistic
SINGLE_USUAL, SINGLE_SPREAD = 1.5, 2.2  # of the joined score among good photos, from elpv and textile photos that no bench tests on

FALSE_ALARM_RATE = 0.05
FEWEST = 4  # references below which the rate is the prior's word alone
JOINED_SPREAD = 1.2  # prior spread of the joined score among good photos
STEP = 4.0  # spreads that make the score grow e-fold

CONFIDENCE_SLOPE = 6.0
MOST_CONFIDENT = 0.97
CONFIDENCE_BASIS = "a logistic curve over the score, fitted on other parts' photos; not yet on this part's decisions"


def tempered(from_bank: Array, from_own: Array, references: int) -> Array:
    """Patch distances (n,) to the bank, lessened where the photo itself shows the same thing elsewhere."""
    weight = OWN_WEIGHT * references**-OWN_FADES
    ratio = np.minimum(1, (from_own + TINY) / (from_bank + TINY))
    return np.asarray(from_bank * ratio**weight, np.float32)


def statistics(from_bank: Array, from_own: Array, whole_distance: float, references: int) -> NDArray[np.float64]:
    """(2,): the local and the whole-photo statistic against that many references."""
    local = np.log(strangest(tempered(from_bank, from_own, references)) + TINY)
    whole = np.log(whole_distance + TINY)
    if references == 1:
        unlike = float(np.log(from_bank.mean() + TINY) - np.log(from_own.mean() + TINY))
        local, whole = local + UNLIKE_LOCAL * unlike, whole - UNLIKE_WHOLE * max(0.0, unlike)
    return np.array([local, whole])


def strangest(distances: Array) -> float:
    """Mean of the largest TOP_SHARE."""
    count = max(1, round(TOP_SHARE * len(distances)))
    return float(np.partition(distances, len(distances) - count)[-count:].mean())


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One photo on its part's scale."""

    score: float  # 1.0 at the threshold; larger is stranger; always above 0
    verdict: Verdict
    confidence: float  # 0.5 to MOST_CONFIDENT
    local_z: float
    whole_z: float


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What is usual for a part."""

    centre: NDArray[np.float64]  # (2,)
    spread: NDArray[np.float64]  # (2,)
    threshold: float  # of the joined score
    limits: tuple[float, float]  # on the score's own scale, around 1.0

    def judge(self, statistic: NDArray[np.float64]) -> Judged:
        """What `statistics` gave for a photo -> its place on the part's scale."""
        z = (statistic - self.centre) / self.spread
        score = float(np.exp((joined(z) - self.threshold) / STEP))
        verdict = Verdict.OK if score < self.limits[0] else Verdict.NOT_OK if score > self.limits[1] else Verdict.UNSURE
        return Judged(score=score, verdict=verdict, confidence=confidence(score), local_z=float(z[0]), whole_z=float(z[1]))


def confidence(score: float) -> float:
    """Probability that the score's side of the threshold is the right one."""
    chance = 1 / (1 + np.exp(-CONFIDENCE_SLOPE * abs(np.log(score))))
    return float(np.clip(chance, 0.5, MOST_CONFIDENT))


def joined(z: NDArray[np.float64]) -> float:
    """Soft maximum of the statistics in spreads: near the larger one, a little above it when both are large."""
    scaled = SHARPNESS * np.clip(z, -100, 100)
    return float((np.log(np.exp(scaled - scaled.max()).sum()) + scaled.max()) / SHARPNESS)


def learn(left_out: Sequence[NDArray[np.float64]]) -> Scale:
    """From the statistics of two or more good photos, each against the others."""
    table = np.array(left_out)
    count = len(table)
    weight = PRIOR_WEIGHT + count - 1
    centre = table.mean(0)
    spread = np.sqrt((PRIOR_WEIGHT * PRIOR_SPREAD**2 + np.square(table - centre).sum(0)) / weight)
    scores = np.array([joined(z) for z in (table - centre) / spread])
    across = np.sqrt((PRIOR_WEIGHT * JOINED_SPREAD**2 + np.square(scores - scores.mean()).sum()) / weight)
    return _scale(centre, spread, float(scores.mean()), float(across * (1 + 1 / count) ** 0.5), weight)


def learn_single(own_strangest: float) -> Scale:
    """From one good photo's strangest patches as compared with the rest of itself."""
    centre = np.array([np.log(own_strangest + TINY), CHANCE_WHOLE])
    return _scale(centre, PRIOR_SPREAD, SINGLE_USUAL, SINGLE_SPREAD, PRIOR_WEIGHT)


def _scale(centre: NDArray[np.float64], spread: NDArray[np.float64], usual: float, across: float, freedom: float) -> Scale:
    """The threshold is where Student's distribution puts the stated false-alarm rate, the limits where it puts twice and half of it."""
    low, threshold, high = (usual + across * student_quantile(1 - rate * FALSE_ALARM_RATE, freedom) for rate in (2.0, 1.0, 0.5))
    limits = (float(np.exp((low - threshold) / STEP)), float(np.exp((high - threshold) / STEP)))
    return Scale(centre=centre, spread=spread, threshold=threshold, limits=limits)


def student_quantile(share: float, freedom: float) -> float:
    """Quantile of Student's t by its expansion around the normal's (Abramowitz and Stegun 26.7.5); good to 0.02 from 5 degrees on."""
    from statistics import NormalDist

    x = NormalDist().inv_cdf(share)
    first = (x**3 + x) / 4
    second = (5 * x**5 + 16 * x**3 + 3 * x) / 96
    third = (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384
    return float(x + first / freedom + second / freedom**2 + third / freedom**3)
