"""One number for "how strange is this photo of this part", and what it takes to call it strange.

Two statistics are read off a photo: how far its strangest hundredth of patches lies from any good patch (a scratch, a chip), and how far
its mean patch lies from any good photo's (a texture or colour that has changed everywhere). Each is blind to what the other sees, so each
is measured against how the part's own good photos differ among themselves (leave one out), and the two are joined by a soft maximum.
docs/decisions/0003-one-score.md says why, and what else was tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kenpin.storage.vocabulary import Verdict
from kenpin.tools.vision.backbone import Array

TOP_SHARE = 0.01
PRIOR_SPREAD = np.array([0.15, 0.30])  # of the logarithm of each statistic among good photos
PRIOR_WEIGHT = 4.0  # photos the prior counts for
SHARPNESS = 2.0  # of the soft maximum
FALSE_ALARM_RATE = 0.05
FEWEST = 4  # references below which the rate is the prior's word alone
TINY = 1e-4
STEP = 4.0  # spreads that make the score grow e-fold
LIMITS = (0.9, 1.1)
CONFIDENCE_SLOPE = 6.0
MOST_CONFIDENT = 0.98
CONFIDENCE_BASIS = "prior"


def statistics(patch_distances: Array, whole_distance: float) -> NDArray[np.float64]:
    """(2,): logarithms of the local and the whole-photo statistic."""
    count = max(1, round(TOP_SHARE * len(patch_distances)))
    local = float(np.sort(patch_distances)[-count:].mean())
    return np.log(np.array([local, whole_distance]) + TINY)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One photo on its part's scale."""

    score: float  # 1.0 at the threshold; larger is stranger; always above 0
    verdict: Verdict
    limits: tuple[float, float]
    confidence: float  # 0.5 to 0.99
    local_z: float
    whole_z: float


def confidence(score: float) -> float:
    """Probability that the side of the threshold is the right one."""
    chance = 1 / (1 + np.exp(-CONFIDENCE_SLOPE * abs(np.log(score))))
    return float(np.clip(chance, 0.5, MOST_CONFIDENT))


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What is usual for a part: from its good photos, each compared with the others."""

    centre: NDArray[np.float64]  # (2,)
    spread: NDArray[np.float64]  # (2,)
    usual: float  # mean of the joined score among good photos
    limit: float  # of the joined score, above which a photo counts as not OK
    count: int

    def judge(self, statistic: NDArray[np.float64]) -> Judged:
        """What `statistics` gave for a photo -> its place on the part's scale."""
        z = (statistic - self.centre) / self.spread
        score = float(np.exp((joined(z) - self.limit) / STEP))
        verdict = Verdict.OK if score < LIMITS[0] else Verdict.NOT_OK if score > LIMITS[1] else Verdict.UNSURE
        return Judged(
            score=score, verdict=verdict, limits=LIMITS, confidence=confidence(score), local_z=float(z[0]), whole_z=float(z[1])
        )


def joined(z: NDArray[np.float64]) -> float:
    return float(np.log(np.exp(SHARPNESS * np.clip(z, -30, 300 / SHARPNESS)).sum()) / SHARPNESS)


def learn(good: Sequence[NDArray[np.float64]], count: int) -> Scale:
    """From the statistics of good photos that were left out one at a time."""
    table = np.array(good)
    centre = table.mean(0)
    squares = np.square(table - centre).sum(0)
    spread = np.sqrt((PRIOR_WEIGHT * PRIOR_SPREAD**2 + squares) / (PRIOR_WEIGHT + len(table) - 1))
    scores = [joined(z) for z in (table - centre) / spread]
    usual = float(np.mean(scores))
    limit = usual + 2.0 * (1 + 1 / count) ** 0.5
    return Scale(centre=centre, spread=spread, usual=usual, limit=limit, count=count)
