"""One number for "how strange is this photo of this part", and what it takes to call it strange.

Three statistics are read off a photo, each blind to what another sees:

    local  how far its strangest patches lie from any good patch: a scratch, a chip
    whole  how far its mean patch lies from any good photo's: a colour or texture that changed everywhere
    bulk   how far its patches lie from good patches on average: a surface that went rough, a part that crumbled

They are taken as logarithms, set against how the part's own good photos differ among themselves (leave one out, shrunk towards a prior),
and joined by a soft maximum.

With few references a good photo shows things that no reference shows but that it shows more than once itself; a defect is rare on its own
photo too. So for the local statistic a patch's distance is also held against the nearest patch of its own photo, the less the more
references there are.

A single reference has nobody to be compared with (`SingleScale`): its own patches say what to expect, and the prior says the rest.
docs/decisions/0003-one-score.md has the measurements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kenpin.storage.vocabulary import Verdict
from kenpin.tools.vision.backbone import Array

LOCAL, WHOLE, BULK = 0, 1, 2
TOP_SHARE = 0.015  # of the patches: the strangest, whose mean is the local statistic
OWN_WEIGHT, OWN_FADES = 0.35, 0.3  # power of (own / bank distance) with one reference; times references to the power -0.3
TINY = 1e-5  # added before a logarithm

PRIOR_SPREAD = np.array([0.07, 0.40, 0.10])  # of the three statistics among good photos
PRIOR_WEIGHT = 5.0  # photos that the prior counts for
SHARPNESS = 1.5  # of the soft maximum

SINGLE_SPREAD = np.array([0.07, 0.60, 0.20])
CHANCE_WHOLE = -5.5  # two photos of one texture: log distance of the means of about a thousand patches
UNLIKE_WHOLE = 5.0  # ... rising this fast with `unlike`, since then parts vary and it is no texture
BENCH_WHOLE = -2.5  # two photos of one kind of part found on a bench
UNLIKE_LOCAL = 0.4  # share of `unlike` added to the local statistic
SINGLE_USUAL, SINGLE_ACROSS = 1.5, 1.5  # mean and spread of the joined score among good photos of parts that fill the frame
BENCH_USUAL, BENCH_ACROSS = 0.3, 1.0  # ... and of parts found on a bench, whose surroundings no longer count

FALSE_ALARM_RATE = 0.05
FEWEST = 4  # references below which the rate is the prior's word alone
ACROSS = 1.0  # prior spread of the joined score among good photos
ESTIMATED = 3.0  # centre, three spreads: what was estimated from the same photos widens the spread by their share
STEP = 4.0  # spreads that make the score grow e-fold

CONFIDENCE_SLOPE = 2.05  # by bench/confidence.py on the cookie set's training roles and the screws, none of them tested on
MOST_CONFIDENT = 0.95  # of the 36 photos it called surer than 0.9 there, 0.83 were right
CONFIDENCE_BASIS = "a logistic curve over the score, fitted on other parts' photos; not yet on this part's decisions"

Numbers = NDArray[np.float64]


def tempered(from_bank: Array, from_own: Array, references: int) -> Array:
    """Patch distances (n,) to the bank, lessened where the photo itself shows the same thing elsewhere."""
    weight = OWN_WEIGHT * references**-OWN_FADES
    ratio = np.minimum(1, (from_own + TINY) / (from_bank + TINY))
    return np.asarray(from_bank * ratio**weight, np.float32)


def statistics(from_bank: Array, from_own: Array, whole_distance: float, references: int) -> Numbers:
    """(3,): local, whole and bulk, against that many references."""
    local = strangest(tempered(from_bank, from_own, references))
    return np.log(np.array([local, whole_distance, float(from_bank.mean())]) + TINY)


def strangest(distances: Array) -> float:
    """Mean of the largest TOP_SHARE."""
    count = max(1, round(TOP_SHARE * len(distances)))
    return float(np.partition(distances, len(distances) - count)[-count:].mean())


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Where good ends."""

    threshold: float  # of the joined score
    limits: tuple[float, float]  # on the score's own scale, around 1.0


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One photo on its part's scale."""

    score: float  # 1.0 at the threshold; larger is stranger; always above 0
    limits: tuple[float, float]
    verdict: Verdict
    confidence: float  # 0.5 to MOST_CONFIDENT
    z: tuple[float, float, float]  # local, whole, bulk: in spreads among good photos


class PartScale(Protocol):
    """What is usual for a part."""

    @property
    def cut(self) -> Cut: ...

    def z(self, statistic: Numbers) -> Numbers:
        """(3,) -> (3,): in spreads among good photos."""
        ...


@dataclass(frozen=True, kw_only=True)
class Scale:
    """From two or more good photos, each against the others."""

    centre: Numbers  # (3,)
    spread: Numbers  # (3,)
    cut: Cut

    def z(self, statistic: Numbers) -> Numbers:
        return (statistic - self.centre) / self.spread


@dataclass(frozen=True, kw_only=True)
class SingleScale:
    """From one good photo, compared with the rest of itself.

    When it explains another photo's patches as well as it explains its own, the part is a texture, and only chance moves the mean patch.
    When it explains them worse (`unlike`), either good parts vary or all of this one is strange, and one reference cannot tell which:
    every spread widens.
    """

    own_local: float
    own_bulk: float
    on_bench: bool
    cut: Cut

    def z(self, statistic: Numbers) -> Numbers:
        unlike = statistic[BULK] - self.own_bulk
        worse = max(0.0, unlike)
        whole = BENCH_WHOLE if self.on_bench else CHANCE_WHOLE + UNLIKE_WHOLE * worse
        away = np.array([statistic[LOCAL] - self.own_local + UNLIKE_LOCAL * unlike, statistic[WHOLE] - whole, unlike])
        return np.asarray(away / (SINGLE_SPREAD * (1 + worse)))


def judge(scale: PartScale, statistic: Numbers) -> Judged:
    """What `statistics` gave for a photo -> its place on the part's scale."""
    z = scale.z(statistic)
    score = float(np.exp((joined(z) - scale.cut.threshold) / STEP))
    low, high = scale.cut.limits
    verdict = Verdict.OK if score < low else Verdict.NOT_OK if score > high else Verdict.UNSURE
    return Judged(
        score=score, limits=scale.cut.limits, verdict=verdict, confidence=confidence(score), z=(float(z[0]), float(z[1]), float(z[2]))
    )


def confidence(score: float) -> float:
    """Probability that the score's side of the threshold is the right one."""
    chance = 1 / (1 + np.exp(-CONFIDENCE_SLOPE * abs(np.log(score))))
    return float(np.clip(chance, 0.5, MOST_CONFIDENT))


def joined(z: Numbers) -> float:
    """Soft maximum: near the largest, a little above it when others are as large."""
    scaled = SHARPNESS * np.clip(z, -100, 100)
    return float((np.log(np.exp(scaled - scaled.max()).sum()) + scaled.max()) / SHARPNESS)


def learn(left_out: Sequence[Numbers]) -> Scale:
    """From the statistics of two or more good photos, each against the others."""
    table = np.array(left_out)
    count = len(table)
    weight = PRIOR_WEIGHT + count - 1
    centre = table.mean(0)
    spread = np.sqrt((PRIOR_WEIGHT * PRIOR_SPREAD**2 + np.square(table - centre).sum(0)) / weight)
    scores = np.array([joined(z) for z in (table - centre) / spread])
    across = ((PRIOR_WEIGHT * ACROSS**2 + np.square(scores - scores.mean()).sum()) / weight) ** 0.5
    return Scale(centre=centre, spread=spread, cut=_cut(float(scores.mean()), float(across * (1 + ESTIMATED / count) ** 0.5), weight))


def learn_single(own: Array, on_bench: bool) -> SingleScale:
    """`own` (n,): one good photo's patch distances to the rest of itself."""
    local, bulk = np.log(strangest(own) + TINY), np.log(float(own.mean()) + TINY)
    usual, across = (BENCH_USUAL, BENCH_ACROSS) if on_bench else (SINGLE_USUAL, SINGLE_ACROSS)
    return SingleScale(own_local=float(local), own_bulk=float(bulk), on_bench=on_bench, cut=_cut(usual, across, PRIOR_WEIGHT))


def _cut(usual: float, across: float, freedom: float) -> Cut:
    """The threshold is where Student's distribution puts the stated false-alarm rate, the limits where it puts twice and half of it."""
    low, threshold, high = (usual + across * student_quantile(1 - rate * FALSE_ALARM_RATE, freedom) for rate in (2.0, 1.0, 0.5))
    return Cut(threshold=threshold, limits=(float(np.exp((low - threshold) / STEP)), float(np.exp((high - threshold) / STEP))))


def student_quantile(share: float, freedom: float) -> float:
    """Quantile of Student's t by its expansion around the normal's (Abramowitz and Stegun 26.7.5); good to 0.02 from 5 degrees on."""
    x = NormalDist().inv_cdf(share)
    first = (x**3 + x) / 4
    second = (5 * x**5 + 16 * x**3 + 3 * x) / 96
    third = (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384
    return float(x + first / freedom + second / freedom**2 + third / freedom**3)
