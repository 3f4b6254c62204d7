"""Do confidences hold? Stated confidence against the share that was right, with how far the two are apart (ECE) and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kenpin.storage import chance
from kenpin.storage.chance import Share
from kenpin.storage.statistics_by_day import Reliability

WIDTH = 5  # hundredths of confidence in one bin of the diagram: ten bins from 0.5 to 1
DRAWS = 1000  # of the bootstrap
SEED = 20_412  # of the same: the page says the same each time it is looked at


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Judgements whose confidence lies between two tenths or the middle of one."""

    low: float  # confidence from, 0.5 to 1
    high: float
    stated: float  # its mean
    right: Share  # with its Wilson interval


@dataclass(frozen=True, kw_only=True)
class Diagram:
    """A reliability diagram, and how far it is off the diagonal."""

    judged: int  # judgements whose truth is known
    bins: tuple[Bin, ...]  # those that hold any
    error: float | None  # expected calibration error, 0 to 1; None without any
    error_low: float  # 95 in 100 of what it would be, were the same photos drawn again
    error_high: float
    by_chance: float  # what it would be on average if every confidence were exact: as much is no fault


def diagram(counted: Mapping[int, Reliability]) -> Diagram:
    """counted: by hundredth of the confidence, as `statistics_by_day.reliability` has it.

    Sources: A. P. Dawid, The well-calibrated Bayesian, JASA 77 (1982); M. P. Naeini et al., Obtaining well calibrated probabilities using
    Bayesian binning, AAAI 2015 (ECE). The interval is a parametric bootstrap of the bins.
    """
    together: dict[int, list[Reliability]] = {}
    for hundredth, one in counted.items():
        together.setdefault(min(hundredth, 99) // WIDTH * WIDTH, []).append(one)
    bins = tuple(
        Bin(
            low=low / 100,
            high=(low + WIDTH) / 100,
            stated=sum(one.confidence for one in several) / sum(one.judged for one in several),
            right=chance.wilson(sum(one.right for one in several), sum(one.judged for one in several)),
        )
        for low, several in sorted(together.items())
    )
    judged = sum(one.right.n for one in bins)
    if not judged:
        return Diagram(judged=0, bins=(), error=None, error_low=0.0, error_high=1.0, by_chance=0.0)
    n, right = (np.array([getattr(one.right, name) for one in bins], float) for name in ("n", "k"))
    stated = np.array([one.stated for one in bins])
    weight = n / judged
    # Half a judgement of either kind is added before drawing: a bin in which all were right could be drawn in no other way.
    drawn = np.random.default_rng(SEED).binomial(n.astype(int), (right + 0.5) / (n + 1), size=(DRAWS, len(bins))) / n
    low, high = np.quantile((weight * np.abs(drawn - stated)).sum(axis=1), [0.025, 0.975])
    return Diagram(
        judged=judged,
        bins=bins,
        error=float((weight * np.abs(right / n - stated)).sum()),
        error_low=float(low),
        error_high=float(high),
        by_chance=float((weight * np.sqrt(2 * stated * (1 - stated) / (math.pi * n))).sum()),
    )
