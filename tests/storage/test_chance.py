"""Intervals and tests against published and hand-made values; none of them comes from the code under test."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kenpin.storage import chance


def test_wilson_gives_the_values_of_newcombes_table() -> None:
    """R. G. Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998), table I, method 3."""
    for k, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)):
        found = chance.wilson(k, n)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_the_exact_interval_gives_the_values_of_newcombes_table() -> None:
    for k, n, low, high in ((81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)):
        found = chance.exact(k, n)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize("n", [1, 14, 59, 299, 100_000])
def test_without_an_escape_the_bound_is_the_root_of_a_twentieth(n: int) -> None:
    assert chance.upper_bound(0, n) == pytest.approx(1 - 0.05 ** (1 / n), abs=1e-10)


def test_the_bound_holds_exactly_the_tail_it_promises() -> None:
    upper = chance.upper_bound(3, 80)
    assert sum(math.comb(80, k) * upper**k * (1 - upper) ** (80 - k) for k in range(4)) == pytest.approx(0.05, abs=1e-9)


def test_where_nothing_was_counted_nothing_is_known() -> None:
    assert chance.upper_bound(0, 0) == 1.0
    assert chance.wilson(0, 0).value is None
    assert (chance.wilson(0, 0).low, chance.wilson(0, 0).high) == (0.0, 1.0)
    assert chance.two_groups(0, 0, 3, 9) == 1.0


def test_more_than_all_is_no_share() -> None:
    with pytest.raises(ValueError, match="4 of 3"):
        chance.wilson(4, 3)


def test_fishers_lady_tasting_tea() -> None:
    assert chance.two_groups(3, 4, 1, 4) == pytest.approx(34 / 70, abs=1e-9)


def test_large_groups_are_held_together_by_chi_square() -> None:
    # 30 of 100 and 50 of 100: chi-square is 200 (30*50 - 50*70)^2 / (80 * 120 * 100 * 100), the chance its upper tail.
    chi_square = 200 * (30 * 50 - 50 * 70) ** 2 / (80 * 120 * 100 * 100)
    assert chance.two_groups(30, 100, 50, 100) == pytest.approx(math.erfc(math.sqrt(chi_square / 2)), abs=1e-12)
    assert chance.two_groups(50, 100, 50, 100) == 1.0


def test_holm_gives_the_textbook_example() -> None:
    assert chance.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_more_comparisons_need_more_inspections() -> None:
    # Ten in 100 against twenty, endless others, 80 in 100 chance to notice: (1.960 + 0.842)^2 * 0.2 * 0.8 / 0.1^2.
    assert chance.needed(0.1, 0.1) == 126
    assert (chance.needed(0.1, 0.1, comparisons=20) or 0) > 126
    assert chance.needed(0.1, 0.1, others=30) is None, "thirty others are too few however many this group has"


def test_kolmogorov_smirnov_is_the_largest_step_between_two_samples() -> None:
    distance, p = chance.kolmogorov_smirnov(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6]))
    assert distance == 0.5
    assert 0.3 < p < 1.0
    same = np.arange(50.0)
    assert chance.kolmogorov_smirnov(same, same) == (0.0, 1.0)
    # Smirnov's 5 in 100 point of the limit distribution is 1.358; with 2 x 2000 values it is reached at 1.358 / sqrt(1000).
    x = np.arange(2000.0)
    moved = chance.kolmogorov_smirnov(x, x + 2000 * 1.358 / math.sqrt(1000))[1]
    assert moved == pytest.approx(0.05, abs=0.003)
