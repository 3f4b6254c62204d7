"""From an anomaly score to a probability: how likely is a photo with this score bad, and so a verdict on it right?

Learnt from photos whose state is known: a part's references (good ones against each other, labelled defects against the good) and the
answers that people decided. Three curves can say it; all take the logarithm of the score, 0 at the threshold:

    two bells   the scores of good photos and those of bad ones each make a bell; the probability is by how much one rises over the other
    Platt       a logistic curve
    isotonic    steps that only rise, as the labels have them; from ISOTONIC_FROM labels of each state on

Each of the first two starts from a stated prior that counts like a few photos, so that few labels move it little. Which one speaks is
chosen by cross-validation on the part's own labels; where they are too few to choose by, it is the mean of the first two, and called an
estimate. The prior is what other parts' labels say, where there are any.

Labels are not drawn as parts come: half of the labelled photos may be bad, and one part in a hundred. So only how scores look among good
photos and among bad ones is taken from them, and the share of bad parts is stated (`expected_bad`, half unless somebody sets it). That is
right as long as good ones look alike in both, and bad ones too. docs/decisions/0007-a-confidence-is-a-probability.md has the measurements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Curve = Callable[[Numbers], Numbers]  # logarithms of scores -> log odds of bad to good, as if half of the parts were bad

HALF = 0.5  # share of bad parts that is assumed where nobody states one
SUREST = 0.99  # no probability is stated beyond it, nor below what is left
SUREST_ESTIMATE = 0.9  # ... nor beyond this one, of a part with too few labels: of what the eye called surer, 0.83 were right (score.py)
PRIOR_SLOPE = 5.0  # of the logistic curve: of the six rows of `bench/calibration.py --prior` together it is 6.8, of their worst 2.1
PRIOR_PHOTOS = 4.0  # that it counts for
PRIOR_AT = np.array([-1.0, -0.5, -0.25, 0.25, 0.5, 1.0])  # where they lie
OWN_FROM = 8  # labels of each state from which a part's own speak; below, the probability is called an estimate
ISOTONIC_FROM = 50  # labels of each state: below, steps follow chance (sklearn's guide says 1,000 in all; here both ends are held in)
FOLDS = 5
WORTH = 0.01  # log loss by which a later curve must be better to be chosen: less is chance
DRIFT = 0.15  # spread of good photos' mean score around that of the references that made the scale, times the root of how many they are:
# the least log loss with 4 to 16 references of the cookie set's training photos and of the screws, where nothing is tested
DRIFT_AT_MOST = 0.4  # the same as it was seen there, root mean square over the draws: what a limit has to allow for
FURTHEST = 6.0  # logarithm of a score beyond which nothing changes


@dataclass(frozen=True, kw_only=True)
class Bell:
    """How the logarithms of scores lie among photos of one state, as Student's distribution."""

    centre: float
    spread: float
    freedom: float

    def log_density(self, x: Numbers) -> Numbers:
        half = (self.freedom + 1) / 2
        peak = math.lgamma(half) - math.lgamma(self.freedom / 2) - math.log(self.spread * math.sqrt(self.freedom * math.pi))
        return np.asarray(peak - half * np.log1p(((x - self.centre) / self.spread) ** 2 / self.freedom))

    def quantile(self, share: float) -> float:
        """The value below which that share of photos is expected; by summing the density, good to 0.01 of a spread from 1 in 1,000 on."""
        at = self.centre + self.spread * np.linspace(-60, 60, 24001)
        below = np.cumsum(np.exp(self.log_density(at)))
        return float(np.interp(share, below / below[-1], at))


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What is expected of a part before its own labels speak."""

    good: Bell  # its freedom: photos that its spread counts for; its centre counts for PRIOR_CENTRE
    bad: Bell
    slope: float = PRIOR_SLOPE
    intercept: float = 0.0


PRIOR_CENTRE = 4.0  # photos that the centre of a prior bell counts for
# By `bench/calibration.py --prior`: middle of the six rows, with 4, 8 and 16 references of two sets on which nothing is tested.
STATED = Prior(good=Bell(centre=-0.35, spread=0.25, freedom=4.0), bad=Bell(centre=0.1, spread=0.35, freedom=4.0))


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Scores of photos whose state is known, on the scale of `Sight.anomaly_score`, all above 0."""

    good_references: tuple[float, ...] = ()  # each against the others
    bad_references: tuple[float, ...] = ()
    good_decided: tuple[float, ...] = ()  # of answers that people decided
    bad_decided: tuple[float, ...] = ()

    @cached_property
    def good(self) -> Numbers:
        """Logarithms, sorted."""
        return np.sort(np.log(np.array([*self.good_references, *self.good_decided], float)))

    @cached_property
    def bad(self) -> Numbers:
        return np.sort(np.log(np.array([*self.bad_references, *self.bad_decided], float)))

    @property
    def decided(self) -> int:
        return len(self.good_decided) + len(self.bad_decided)

    @property
    def references(self) -> int:
        return len(self.good_references) + len(self.bad_references)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What a part's labels say of its scores."""

    labelled: Labelled  # this part's own
    elsewhere: int  # labels of other parts that the prior rests on
    curve_name: str  # "two bells", "Platt", "isotonic", or ESTIMATE
    curve: Curve
    good: Bell  # for limits: as wide as the next good photo's score may lie
    bad: Bell

    @property
    def own(self) -> bool:
        """Whether this part's labels are enough to speak; else every probability is an estimate."""
        return min(len(self.labelled.good), len(self.labelled.bad)) >= OWN_FROM

    def probability_bad(self, score: float, expected_bad: float = HALF) -> float:
        """Of a photo with this score. expected_bad: share of bad parts among those inspected, 0 to 1, both excluded."""
        odds = float(self.curve(np.array([math.log(score)]))[0]) + math.log(expected_bad / (1 - expected_bad))
        labels = self.labelled.decided + self.labelled.references
        surest = min(SUREST, (labels + 1) / (labels + 2)) if self.own else SUREST_ESTIMATE  # Laplace: all of them right says no more
        return float(np.clip(_chance(np.array(odds)), 1 - surest, surest))

    def even_score(self, expected_bad: float = HALF) -> float:
        """The score at which a photo is as likely bad as good."""
        at = np.linspace(-FURTHEST, FURTHEST, 2401)
        odds = self.curve(at) + math.log(expected_bad / (1 - expected_bad))
        return float(np.exp(at[min(int(np.searchsorted(odds, 0.0)), len(at) - 1)]))


def calibrate(own: Labelled, others: Sequence[Labelled] = ()) -> Calibration:
    """From a part's own labels, and those of the site's other parts for what to expect before them."""
    prior = expectation(others)
    enough = min(len(own.good), len(own.bad)) >= OWN_FROM
    name = _chosen(own, prior) if enough else ESTIMATE
    curve = _CURVES[name](own, prior) if enough else _mean(own, prior)
    good, bad = bells(own, prior, DRIFT_AT_MOST)
    elsewhere = sum(o.decided + o.references for o in others)
    return Calibration(labelled=own, elsewhere=elsewhere, curve_name=name, curve=curve, good=good, bad=bad)


def expectation(others: Sequence[Labelled]) -> Prior:
    """The stated prior, moved by what other parts' labels say; it counts no more than the stated one does."""
    pooled = Labelled(
        good_references=_joined(o.good_references for o in others),
        bad_references=_joined(o.bad_references for o in others),
        good_decided=_joined(o.good_decided for o in others),
        bad_decided=_joined(o.bad_decided for o in others),
    )
    good, bad = bells(pooled, STATED)
    intercept, slope = _logistic(pooled, STATED)
    return Prior(
        good=Bell(centre=good.centre, spread=good.spread, freedom=STATED.good.freedom),
        bad=Bell(centre=bad.centre, spread=bad.spread, freedom=STATED.bad.freedom),
        slope=slope,
        intercept=intercept,
    )


def expected_error(own: Labelled, others: Sequence[Labelled] = ()) -> Error | None:
    """How far the confidences of this part's verdicts are off, each label judged by a curve that has not seen it; None for too few."""
    if min(len(own.good), len(own.bad)) < OWN_FROM:
        return None
    prior = expectation(others)
    good, bad = left_out(own, prior, _chosen(own, prior))
    return error(np.concatenate([good, bad]), np.repeat([False, True], [len(good), len(bad)]))


@dataclass(frozen=True, kw_only=True)
class Error:
    """How far stated confidences lie from the share that was right, in bins of equal mass."""

    expected: float  # mean over the bins of how far they are off (ECE), 0 to 1
    by_chance: float  # what the same would be on so many photos if every confidence were exact
    debiased: float  # root mean square of how far they are off, less what chance adds (Kumar et al. 2019)
    bins: int


BINS, IN_A_BIN = 10, 8  # as many, unless fewer photos than that would be in one


def error(chance_bad: Numbers, is_bad: NDArray[np.bool_], *, of_verdict: bool = True) -> Error:
    """chance_bad, is_bad: (n,). Both states weigh the same, as in a stream in which half are bad.

    of_verdict: of the confidence that people are shown, that of the likelier state; else of the chance of bad itself.
    """
    stated = np.maximum(chance_bad, 1 - chance_bad) if of_verdict else chance_bad
    true = (chance_bad > HALF) == is_bad if of_verdict else is_bad
    weight = np.where(is_bad, HALF / is_bad.sum(), HALF / (~is_bad).sum())
    order = np.argsort(stated, kind="stable")
    bins = max(1, min(BINS, len(stated) // IN_A_BIN))
    which = np.minimum((np.cumsum(weight[order]) - weight[order] / 2) * bins, bins - 1).astype(int)
    plain = chance = square = 0.0
    for mine in (order[which == i] for i in range(bins)):
        mass = weight[mine].sum()
        share = weight[mine] / mass
        gap, mean = share @ stated[mine] - share @ true[mine], share @ stated[mine]
        noise = mean * (1 - mean) * np.square(share).sum()  # variance of the share that is right, if it is `mean` on average
        plain += mass * abs(gap)
        chance += mass * math.sqrt(2 * noise / math.pi)
        square += mass * (gap**2 - noise)
    return Error(expected=float(plain), by_chance=float(chance), debiased=math.sqrt(max(square, 0.0)), bins=bins)


# --- the curves ------------------------------------------------------------------------------------------------------------------------


def bells(own: Labelled, prior: Prior, drift: float = DRIFT) -> tuple[Bell, Bell]:
    """Of good photos, and of bad ones: where the next such photo's score is expected.

    Good references were measured on a scale that they made themselves, so they lie closer together than the next good photo will.
    """
    references = len(own.good_references)
    drifted = drift / math.sqrt(references) * references / len(own.good) if references else 0.0
    return _bell(own.good, prior.good, drifted), _bell(own.bad, prior.bad, 0.0)


def _bell(x: Numbers, prior: Bell, drift: float) -> Bell:
    """Conjugate update of a normal distribution whose centre and spread are both unknown; the predictive one is Student's."""
    count = len(x)
    if not count:
        return prior
    centre = (PRIOR_CENTRE * prior.centre + x.sum()) / (PRIOR_CENTRE + count)
    away = PRIOR_CENTRE * (prior.centre - centre) ** 2 + np.square(x - centre).sum()
    spread = math.sqrt((prior.freedom * prior.spread**2 + away) / (prior.freedom + count))
    next_one = math.hypot(spread * math.sqrt(1 + 1 / (PRIOR_CENTRE + count)), drift)
    return Bell(centre=float(centre), spread=next_one, freedom=prior.freedom + count)


def _two_bells(own: Labelled, prior: Prior) -> Curve:
    good, bad = bells(own, prior)
    at = np.linspace(-FURTHEST, FURTHEST, 601)
    odds = bad.log_density(at) - good.log_density(at)
    # A wider bell overtakes a narrower one again far out on the other side; a photo less strange than good ones are is no worse for it.
    lowest = int(np.argmin(np.where(at <= max(good.centre, bad.centre), odds, np.inf)))
    odds[:lowest] = odds[lowest]
    odds = np.maximum.accumulate(odds)
    return lambda x: np.asarray(np.interp(x, at, odds))


def _platt(own: Labelled, prior: Prior) -> Curve:
    intercept, slope = _logistic(own, prior)
    return lambda x: np.asarray(intercept + slope * x)


def _logistic(own: Labelled, prior: Prior) -> tuple[float, float]:
    """Intercept and slope with the least log loss on the labels and the prior's photos, by Newton's method.

    The labels' own share of bad ones is an offset (Prentice and Pyke 1979), so the curve is that of a half-and-half stream.
    """
    x, bad, weight = PRIOR_AT, _chance(prior.intercept + prior.slope * PRIOR_AT), np.full(len(PRIOR_AT), PRIOR_PHOTOS / len(PRIOR_AT))
    offset = np.zeros(len(PRIOR_AT))
    if len(own.good) and len(own.bad):
        labels = len(own.good) + len(own.bad)
        x = np.concatenate([x, own.good, own.bad])
        bad = np.concatenate([bad, np.zeros(len(own.good)), np.ones(len(own.bad))])
        weight = np.concatenate([weight, np.ones(labels)])
        offset = np.concatenate([offset, np.full(labels, math.log(len(own.bad) / len(own.good)))])
    design = np.stack([np.ones_like(x), x], axis=1)
    found = np.array([prior.intercept, prior.slope])
    for _ in range(50):
        chance = _chance(design @ found + offset)
        gradient = design.T @ (weight * (bad - chance))
        curvature = (design * (weight * chance * (1 - chance))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        found = found + step * min(1.0, 1.0 / float(np.abs(step).max() + 1e-12))  # at most 1 at a time: far off, Newton overshoots
        if np.abs(step).max() < 1e-8:
            break
    return float(found[0]), max(float(found[1]), 0.0)


def _isotonic(own: Labelled, prior: Prior) -> Curve:
    """Pool adjacent violators, both states weighing the same; each step is held in by half a photo of either state."""
    x = np.concatenate([own.good, own.bad])
    good = np.concatenate([np.full(len(own.good), HALF / len(own.good)), np.zeros(len(own.bad))])
    bad = np.concatenate([np.zeros(len(own.good)), np.full(len(own.bad), HALF / len(own.bad))])
    order = np.argsort(x, kind="stable")
    steps: list[list[float]] = []  # each: weight of good, of bad, sum of x times weight
    for i in order:
        steps.append([good[i], bad[i], x[i] * (good[i] + bad[i])])
        while len(steps) > 1 and steps[-2][1] * steps[-1][0] >= steps[-1][1] * steps[-2][0]:
            last = steps.pop()
            steps[-1] = [a + b for a, b in zip(steps[-1], last, strict=True)]
    table = np.array(steps)
    centres = table[:, 2] / (table[:, 0] + table[:, 1])
    held = HALF / (len(own.good) + len(own.bad))
    odds = np.maximum.accumulate(np.log(table[:, 1] + held) - np.log(table[:, 0] + held))
    return lambda at: np.asarray(np.interp(at, centres, odds))


def _mean(own: Labelled, prior: Prior) -> Curve:
    """Of the log odds of the first two, for labels too few to choose by."""
    first, second = _two_bells(own, prior), _platt(own, prior)
    return lambda x: np.asarray((first(x) + second(x)) / 2)


_CURVES: dict[str, Callable[[Labelled, Prior], Curve]] = {"two bells": _two_bells, "Platt": _platt, "isotonic": _isotonic}
ESTIMATE = "mean of two bells and Platt"


def _chosen(own: Labelled, prior: Prior) -> str:
    """The curve with the least log loss on labels that it was not fitted on."""
    first, *others = _CURVES
    fewest = min(len(own.good), len(own.bad))
    able = [name for name in others if name != "isotonic" or fewest >= ISOTONIC_FROM]
    losses = {first: _loss(*left_out(own, prior, first)) - WORTH, **{name: _loss(*left_out(own, prior, name)) for name in able}}
    return min(losses, key=losses.__getitem__)


def left_out(own: Labelled, prior: Prior, name: str) -> tuple[Numbers, Numbers]:
    """The chance of bad for each good label, and for each bad one, by a curve fitted without its fold."""
    good, bad = np.zeros(len(own.good)), np.zeros(len(own.bad))
    for fold in range(FOLDS):
        kept = Labelled(good_references=tuple(np.exp(_without(own.good, fold))), bad_references=tuple(np.exp(_without(own.bad, fold))))
        curve = _CURVES[name](kept, prior)
        good[fold::FOLDS], bad[fold::FOLDS] = _chance(curve(own.good[fold::FOLDS])), _chance(curve(own.bad[fold::FOLDS]))
    return good, bad


def _without(x: Numbers, fold: int) -> Numbers:
    kept: Numbers = x[np.arange(len(x)) % FOLDS != fold]
    return kept


def _loss(good: Numbers, bad: Numbers) -> float:
    """Mean of the two states' log losses."""
    held = 1 - SUREST
    return float(-np.log(np.clip(1 - good, held, 1)).mean() - np.log(np.clip(bad, held, 1)).mean()) / 2


def _chance(odds: Numbers) -> Numbers:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -40, 40))))


def _joined(several: Iterable[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(score for one in several for score in one)
