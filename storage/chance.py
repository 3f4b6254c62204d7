"""What chance alone does to a share: intervals around it, whether two groups differ beyond it, how many it takes to tell.

Exact where few are counted, in plain numpy; tests hold every function against published values. Nothing here knows of inspections.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

LEVEL = 0.95  # of every interval and bound, unless a caller says otherwise
FEW = 5.0  # smallest expected count from which chi-square serves (Cochran 1954); below it the test is exact
POWER = 0.8  # chance to notice a gap that is there, where it is said how many are needed


@dataclass(frozen=True, kw_only=True)
class Share:
    """So many of so many, and where the share behind it may lie."""

    k: int
    n: int
    low: float  # 0 to 1; with n = 0, 0
    high: float  # with n = 0, 1

    @property
    def value(self) -> float | None:
        """None where nothing was counted."""
        return self.k / self.n if self.n else None


def wilson(k: int, n: int, level: float = LEVEL) -> Share:
    """Two-sided score interval: the one to draw, since it lies well for any n.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927); recommended over others
    by Brown, Cai, DasGupta, Interval estimation for a binomial proportion, Statistical Science 16 (2001).
    """
    _refuse_impossible(k, n)
    if n == 0:
        return Share(k=0, n=0, low=0.0, high=1.0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = (k + z * z / 2) / (n + z * z)
    half = z * math.sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    return Share(k=k, n=n, low=0.0 if k == 0 else max(0.0, centre - half), high=1.0 if k == n else min(1.0, centre + half))


def exact(k: int, n: int, level: float = LEVEL) -> Share:
    """Two-sided interval that holds the share at least as often as `level` says, whatever it is.

    Source: C. J. Clopper and E. S. Pearson, The use of confidence or fiducial limits, Biometrika 26 (1934).
    """
    _refuse_impossible(k, n)
    tail = (1 - level) / 2
    return Share(k=k, n=n, low=0.0 if k == 0 else beta_quantile(tail, k, n - k + 1), high=_upper(k, n, tail))


def upper_bound(k: int, n: int, level: float = LEVEL) -> float:
    """One-sided Clopper-Pearson: with that certainty the share is no larger. 1 with n = 0: nothing is known."""
    _refuse_impossible(k, n)
    return _upper(k, n, 1 - level)


def two_groups(k1: int, n1: int, k2: int, n2: int) -> float:
    """How often chance alone makes two groups' shares differ as much as k1 of n1 and k2 of n2 do, or more. 1 where one is empty.

    Two-sided Fisher's exact test where a count below FEW is expected, Pearson's chi-square without correction elsewhere.
    Sources: R. A. Fisher, Statistical Methods for Research Workers (1934); W. G. Cochran, Some methods for strengthening the common
    chi-square tests, Biometrics 10 (1954).
    """
    _refuse_impossible(k1, n1)
    _refuse_impossible(k2, n2)
    n, k = n1 + n2, k1 + k2
    if n1 == 0 or n2 == 0 or k in (0, n):
        return 1.0
    if min(n1, n2) * min(k, n - k) / n < FEW:
        return _fisher(k1, n1, k, n)
    chi_square = n * (k1 * (n2 - k2) - k2 * (n1 - k1)) ** 2 / (k * (n - k) * n1 * n2)
    return math.erfc(math.sqrt(chi_square / 2))  # one degree of freedom


def holm(chances: Sequence[float]) -> list[float]:
    """Each chance corrected for how many were looked at together: below 0.05 stays a finding in at most 1 of 20 such looks.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
    """
    corrected, worst = [1.0] * len(chances), 0.0
    for rank, index in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        worst = max(worst, min(1.0, (len(chances) - rank) * chances[index]))
        corrected[index] = worst
    return corrected


def needed(share: float, gap: float, comparisons: int = 1, others: float = math.inf, level: float = LEVEL) -> int | None:
    """How many a group must have before a gap of that size would be noticed (with POWER), the others' share being `share`.

    comparisons: how many are made together; the first step of Holm's correction is taken. others: how many the rest of the data has.
    None where even endless data of this group would not do, as the others are too few.
    Source: J. L. Fleiss, Statistical Methods for Rates and Proportions, chapter 3, without its continuity correction.
    """
    other = share + gap if share + gap < 1 else share - gap
    z = NormalDist().inv_cdf(1 - (1 - level) / (2 * comparisons)) + NormalDist().inv_cdf(POWER)
    spare = (gap / z) ** 2 - share * (1 - share) / others
    return math.ceil(other * (1 - other) / spare) if spare > 0 else None


def kolmogorov_smirnov(x: Numbers, y: Numbers) -> tuple[float, float]:
    """The largest distance between two samples' distributions (0 to 1), and how often chance alone makes one as large.

    The chance is asymptotic, with Stephens' correction for small samples (1970); both samples need about ten values.
    """
    x, y = np.sort(x), np.sort(y)
    at = np.concatenate([x, y])
    distance = float(np.abs(np.searchsorted(x, at, "right") / len(x) - np.searchsorted(y, at, "right") / len(y)).max())
    root = math.sqrt(len(x) * len(y) / (len(x) + len(y)))
    away = (root + 0.12 + 0.11 / root) * distance
    if away < 0.2:
        return distance, 1.0  # the series below converges too slowly to be summed, to 1
    terms = np.arange(1, 101)
    chance = 2 * float(np.sum((-1.0) ** (terms - 1) * np.exp(-2 * (terms * away) ** 2)))
    return distance, min(1.0, max(0.0, chance))


def beta_quantile(share: float, a: float, b: float) -> float:
    """The value below which that share of a beta distribution lies; by halving, good to 1e-12."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _beta_below(middle, a, b) < share else (low, middle)
    return (low + high) / 2


def _upper(k: int, n: int, tail: float) -> float:
    return 1.0 if k == n else beta_quantile(1 - tail, k + 1, n - k)


def _beta_below(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function. Source: its continued fraction, Abramowitz and Stegun 26.5.8, by Lentz's method."""
    if x <= 0 or x >= 1:
        return min(max(x, 0.0), 1.0)
    if x > (a + 1) / (a + b + 2):  # there the fraction converges slowly; the other tail's converges fast
        return 1 - _beta_below(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    tiny = 1e-300
    c, d = 1.0, 1 / _away_from_0(1 - (a + b) * x / (a + 1), tiny)
    found = d
    for m in range(1, 2000):
        for term in (m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))):
            d = 1 / _away_from_0(1 + term * d, tiny)
            c = _away_from_0(1 + term / c, tiny)
            found *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * found


def _away_from_0(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny


def _fisher(k1: int, n1: int, k: int, n: int) -> float:
    """Sum over all tables with these margins that are no likelier than this one."""
    at = np.arange(max(0, k - (n - n1)), min(k, n1) + 1)
    log = _log_factorials(n)
    each = -(log[at] + log[k - at] + log[n1 - at] + log[n - n1 - k + at])
    here = each[k1 - at[0]]
    weights = np.exp(each - each.max())
    return float(min(1.0, weights[each <= here + 1e-7].sum() / weights.sum()))


def _log_factorials(n: int) -> Numbers:
    """(n + 1,) or longer."""
    return _log_factorial_table(1 << max(10, n.bit_length()))


@lru_cache(maxsize=16)
def _log_factorial_table(size: int) -> Numbers:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, size, dtype=np.float64)))])


def _refuse_impossible(k: int, n: int) -> None:
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no share.")
