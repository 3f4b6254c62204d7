"""One number for "how strange is this photo of this part", and what it takes to call it strange.

Three statistics are read off every photo, each blind to what another sees:

    fine    how far its strangest patches lie from any good patch, seen close: a scratch, a hole
    coarse  the same seen from afar, where a patch covers nearly twice as much each way: a chip, a crack across, a missing screw
    whole   how far its mean patch lies from any good photo's, seen from afar: a colour or texture that changed everywhere

and of a photo of many pixels a fourth:

    tiled   how far its strangest patches lie from any good one's, seen in tiles: what is small beside the part

They are taken as logarithms, set against how the part's own good photos differ among themselves (leave one out, shrunk towards a prior),
and joined by a soft maximum. Two more are kept beside them: how far patches lie from good ones on average, close (`bulk`) and from afar.

With few references a good photo shows things that no reference shows but that it shows more than once itself; a defect is rare on its own
photo too. So a patch's distance is also held against the nearest patch of its own photo, the less the more references there are.

A single reference has nobody to be compared with (`SingleScale`): its own patches say what to expect, and the prior says the rest.
docs/decisions/0003-one-score.md has the measurements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kenpin.storage.vocabulary import Verdict
from kenpin.tools.vision.backbone import Array

FINE, COARSE, WHOLE, BULK, COARSE_BULK, TILED = range(6)
JOINED = 3  # the first so many make the score, and TILED where there is one
TOP_SHARE_FINE, TOP_SHARE_COARSE = 0.005, 0.015  # of the patches: the strangest, four of them on a part that fills its view
TOP_SHARE_TILED = 0.0008  # the same seen in tiles, eight of the patches of sixteen
OWN_WEIGHT, OWN_FADES = 0.35, 0.3  # power of (own / bank distance) with one reference; times references to the power -0.3
TINY = 1e-5  # added before a logarithm

# Settled on photos that no bench tests on (elpv and textile photos outside its draws, the cookies' and screws' training roles).
PRIOR_SPREAD = np.array([0.14, 0.35, 0.40, 0.10, 0.10, 0.14])  # of the statistics among good photos
PRIOR_WEIGHT = 16.0  # photos that the prior counts for
SHARPNESS = 2.0  # of the soft maximum

SINGLE_SPREAD = np.array([0.12, 0.30, 0.35])  # where the reference explains the photo as well as it explains itself
CHANCE_WHOLE = -4.8  # two photos of one texture: log distance of the means of about 250 patches
UNLIKE_WHOLE = 8.0  # ... rising this fast with `unlike`, since then parts vary and it is no texture
BENCH_WHOLE = -2.0  # two photos of one kind of part found on a bench
UNLIKE_LOCAL = 0.4  # share of `unlike` added to the fine and the coarse statistic
UNLIKE_WIDENS_FINE, UNLIKE_WIDENS_WHOLE = 2.0, 6.0  # these spreads grow by this share of `unlike` ...
UNLIKE_SHARPENS_COARSE = 4.0  # ... and this one shrinks: where good parts vary, what is strange from afar says most
SINGLE_THRESHOLD = 1.5
SINGLE_BELOW, SINGLE_ABOVE = 0.5, 0.5  # how far the limits lie from it ...
UNLIKE_ABOVE = 12.0  # ... the upper one rising this fast with `unlike`: either good parts vary or this photo is strange

FALSE_ALARM_RATE = 0.05
FEWEST = 4  # references below which the rate is the prior's word alone
ACROSS, ACROSS_WEIGHT = 0.7, 5.0  # prior spread of the joined score among good photos, and the photos it counts for
ESTIMATED = 2.0  # centre and spreads: what was estimated from the same photos widens the spread by their share
STEP = 4.0  # spreads that make the score grow e-fold

# The eye's own word, which tools/calibration.py replaces before anybody reads it. Fitted by bench/confidence.py on the cookies' training
# roles and the screws, for the score of one look; that of two looks spreads half as much, so this errs on the unsure side.
CONFIDENCE_SLOPE = 2.05
MOST_CONFIDENT = 0.95
CONFIDENCE_BASIS = "a logistic curve over the score, fitted on other parts' photos; not yet on this part's decisions"

Numbers = NDArray[np.float64]


def tempered(from_bank: Array, from_own: Array, references: int) -> Array:
    """Patch distances (n,) to the bank, lessened where the photo itself shows the same thing elsewhere."""
    weight = OWN_WEIGHT * references**-OWN_FADES
    ratio = np.minimum(1, (from_own + TINY) / (from_bank + TINY))
    return np.asarray(from_bank * ratio**weight, np.float32)


@dataclass(frozen=True, kw_only=True)
class Distances:
    """Of one view's patches (n,), each 1 - cosine, 0 to 2."""

    from_bank: Array  # to the nearest good patch
    from_own: Array  # to the nearest patch of the same photo that does not lie beside it


def statistics(fine: Distances, coarse: Distances, whole_distance: float, references: int) -> Numbers:
    """(5,): fine, coarse, whole, bulk and coarse bulk, against that many references."""
    local_fine, local_coarse = (tempered(seen.from_bank, seen.from_own, references) for seen in (fine, coarse))
    found = [
        strangest(local_fine, TOP_SHARE_FINE),
        strangest(local_coarse, TOP_SHARE_COARSE),
        whole_distance,
        float(fine.from_bank.mean()),
        float(coarse.from_bank.mean()),
    ]
    return np.log(np.array(found) + TINY)


def tiled(distances: Array) -> float:
    """The sixth, from the distances (n,) of the part's patches seen in tiles."""
    return float(np.log(strangest(distances, TOP_SHARE_TILED) + TINY))


def strangest(distances: Array, share: float) -> float:
    """Mean of the largest `share` of them, at least of one."""
    count = max(1, round(share * len(distances)))
    return float(np.partition(distances, len(distances) - count)[-count:].mean())


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Where good ends."""

    threshold: float  # of the joined score
    limits: tuple[float, float]  # of the joined score, around the threshold


NO_CUT = Cut(threshold=float("inf"), limits=(float("inf"), float("inf")))


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One photo on its part's scale."""

    score: float  # 1.0 at the threshold; larger is stranger; always above 0
    limits: tuple[float, float]
    verdict: Verdict
    confidence: float  # 0.5 to MOST_CONFIDENT
    z: Numbers  # (5,): in spreads among good photos


class PartScale(Protocol):
    """What is usual for a part."""

    def z(self, statistic: Numbers) -> Numbers:
        """(5,) -> (5,): in spreads among good photos."""
        ...

    def cut(self, statistic: Numbers) -> Cut: ...


@dataclass(frozen=True, kw_only=True)
class Scale:
    """From two or more good photos, each against the others."""

    centre: Numbers  # (5,)
    spread: Numbers  # (5,)
    usual_cut: Cut

    def z(self, statistic: Numbers) -> Numbers:
        """As above; of a `whole` that differs much among the good photos themselves, less: it says less of this part."""
        z: Numbers = (statistic - self.centre) / self.spread
        z[..., WHOLE] *= min(1.0, float(PRIOR_SPREAD[WHOLE] / self.spread[WHOLE]))
        return z

    def cut(self, statistic: Numbers) -> Cut:
        return self.usual_cut


@dataclass(frozen=True, kw_only=True)
class SingleScale:
    """From one good photo, compared with the rest of itself.

    When it explains another photo's patches as well as it explains its own, the part is a texture, and only chance moves the mean patch.
    When it explains them worse (`unlike`), either good parts vary or all of this one is strange, and one reference cannot tell which:
    fewer photos are called not OK, more are left to a person.
    """

    own: Numbers  # (5,), `whole` 0: the reference's own statistics
    on_bench: bool

    def z(self, statistic: Numbers) -> Numbers:
        away = statistic - self.own
        worse = self._worse(statistic)
        expected_whole = BENCH_WHOLE if self.on_bench else CHANCE_WHOLE + UNLIKE_WHOLE * worse
        widened = np.array([1 + UNLIKE_WIDENS_FINE * worse, 1 / (1 + UNLIKE_SHARPENS_COARSE * worse), 1 + UNLIKE_WIDENS_WHOLE * worse])
        fine, coarse, whole = SINGLE_SPREAD * widened
        return np.array(
            [
                (away[FINE] + UNLIKE_LOCAL * away[BULK]) / fine,
                (away[COARSE] + UNLIKE_LOCAL * away[COARSE_BULK]) / coarse,
                (statistic[WHOLE] - expected_whole) / whole,
                away[BULK] / PRIOR_SPREAD[BULK],
                away[COARSE_BULK] / PRIOR_SPREAD[COARSE_BULK],
            ]
        )

    def cut(self, statistic: Numbers) -> Cut:
        above = SINGLE_ABOVE + UNLIKE_ABOVE * self._worse(statistic)
        return Cut(threshold=SINGLE_THRESHOLD, limits=(SINGLE_THRESHOLD - SINGLE_BELOW, SINGLE_THRESHOLD + above))

    def _worse(self, statistic: Numbers) -> float:
        return max(0.0, float(statistic[BULK] - self.own[BULK]))


def judge(scale: PartScale, statistic: Numbers) -> Judged:
    """What `statistics` gave for a photo -> its place on the part's scale."""
    z, cut = scale.z(statistic), scale.cut(statistic)
    score = _scored(joined(z), cut)
    low, high = (_scored(limit, cut) for limit in cut.limits)
    verdict = Verdict.OK if score < low else Verdict.NOT_OK if score > high else Verdict.UNSURE
    return Judged(score=score, limits=(low, high), verdict=verdict, confidence=confidence(score), z=z)


def _scored(at: float, cut: Cut) -> float:
    return float(np.exp(np.clip((at - cut.threshold) / STEP, -50, 50)))


def confidence(score: float) -> float:
    """Probability that the score's side of the threshold is the right one."""
    chance = 1 / (1 + np.exp(-CONFIDENCE_SLOPE * abs(np.log(score))))
    return float(np.clip(chance, 0.5, MOST_CONFIDENT))


def joined(z: Numbers) -> float:
    """Soft maximum of the first JOINED and of TILED: near the largest, a little above it when others are as large."""
    scaled = SHARPNESS * np.clip(np.concatenate([z[:JOINED], z[TILED:]]), -100, 100)
    return float((np.log(np.exp(scaled - scaled.max()).sum()) + scaled.max()) / SHARPNESS)


def learn(left_out: Sequence[Numbers]) -> Scale:
    """From the statistics of two or more good photos, each against the others."""
    table = np.array(left_out)
    count = len(table)
    centre = table.mean(0)
    spread = np.sqrt((PRIOR_WEIGHT * PRIOR_SPREAD[: table.shape[1]] ** 2 + np.square(table - centre).sum(0)) / (PRIOR_WEIGHT + count - 1))
    open_ended = Scale(centre=centre, spread=spread, usual_cut=NO_CUT)
    scores = np.array([joined(open_ended.z(statistic)) for statistic in table])
    freedom = ACROSS_WEIGHT + count - 1
    across = ((ACROSS_WEIGHT * ACROSS**2 + np.square(scores - scores.mean()).sum()) / freedom * (1 + ESTIMATED / count)) ** 0.5
    # The threshold is where Student's distribution puts the stated false-alarm rate, the limits where it puts twice and half of it.
    low, threshold, high = (
        float(scores.mean() + across * student_quantile(1 - rate * FALSE_ALARM_RATE, freedom)) for rate in (2.0, 1.0, 0.5)
    )
    return replace(open_ended, usual_cut=Cut(threshold=threshold, limits=(low, high)))


def own_statistics(fine: Array, coarse: Array) -> Numbers:
    """(5,) of one good photo, from its patches' distances to the rest of itself, close and from afar."""
    found = [strangest(fine, TOP_SHARE_FINE), strangest(coarse, TOP_SHARE_COARSE), 1.0, float(fine.mean()), float(coarse.mean())]
    return np.log(np.array(found) + TINY)


def student_quantile(share: float, freedom: float) -> float:
    """Quantile of Student's t by its expansion around the normal's (Abramowitz and Stegun 26.7.5); good to 0.02 from 5 degrees on."""
    x = NormalDist().inv_cdf(share)
    first = (x**3 + x) / 4
    second = (5 * x**5 + 16 * x**3 + 3 * x) / 96
    third = (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384
    return float(x + first / freedom + second / freedom**2 + third / freedom**3)
