"""The interval of a Cohen's kappa: it holds the truth as often as it says, and few judgements never make it narrow."""

from __future__ import annotations

import numpy as np
import pytest

from kenpin.storage.second_looks import Agreement
from kenpin.tools import kappa


def agreed(ok: int, not_ok: int, answer_only: int = 0, person_only: int = 0) -> Agreement:
    n = ok + not_ok + answer_only + person_only
    return Agreement(
        drawn=n, replied=n, cannot_tell=0, ok_both=ok, not_ok_both=not_ok, answer_ok_only=answer_only, person_ok_only=person_only
    )


def test_without_a_judgement_there_is_no_interval() -> None:
    assert kappa.interval(agreed(0, 0)) is None


def test_full_agreement_of_few_is_not_certain_and_of_many_nearly_is() -> None:
    few, many = kappa.interval(agreed(5, 5)), kappa.interval(agreed(500, 500))
    assert few and many
    assert few[0] < 0.6
    assert few[1] > 0.9
    assert many[0] > 0.98


def test_the_same_counts_always_give_the_same_interval() -> None:
    assert kappa.interval(agreed(30, 10, 2, 3)) == kappa.interval(agreed(30, 10, 2, 3))


@pytest.mark.parametrize(("n", "shares"), [(40, (0.6, 0.1, 0.05, 0.25)), (200, (0.85, 0.03, 0.04, 0.08))])
def test_it_holds_the_true_kappa_about_as_often_as_it_says(n: int, shares: tuple[float, float, float, float]) -> None:
    both, answer_only, person_only, neither = shares
    answers_ok, people_ok = both + answer_only, both + person_only
    by_chance = answers_ok * people_ok + (1 - answers_ok) * (1 - people_ok)
    true = (both + neither - by_chance) / (1 - by_chance)
    held = 0
    for ok, a, p, not_ok in np.random.default_rng(7).multinomial(n, shares, 200):
        low, high = kappa.interval(agreed(int(ok), int(not_ok), int(a), int(p))) or (0, 0)
        held += low <= true <= high
    assert 0.90 <= held / 200 <= 0.99
