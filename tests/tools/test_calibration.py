"""From a score to a probability: what few labels do, what many do, and what the share of bad parts does."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from kenpin.tools import calibration
from kenpin.tools.calibration import HALF, SUREST, SUREST_ESTIMATE, Calibration, Labelled, calibrate, error

SCORES = (0.05, 0.3, 0.6, 0.8, 1.0, 1.3, 2.0, 5.0, 60.0)


def drawn(rng: np.random.Generator, count: int, centre: float, spread: float) -> tuple[float, ...]:
    return tuple(np.exp(rng.normal(centre, spread, count)))


def part(count: int, *, good: float = -0.4, bad: float = 0.5, seed: int = 0) -> Labelled:
    """A part of which this many good and this many bad photos are known."""
    rng = np.random.default_rng(seed)
    return Labelled(good_references=drawn(rng, count, good, 0.25), bad_references=drawn(rng, count, bad, 0.5))


def chances(of: Calibration, expected_bad: float = HALF) -> list[float]:
    return [of.probability_bad(one, expected_bad) for one in SCORES]


def expected_error(of: Calibration, *, good: float, bad: float, seed: int) -> float:
    """Expected calibration error of the verdict's confidence on fresh photos of the same part, in 10 bins of equal mass."""
    rng = np.random.default_rng(1000 + seed)
    x = np.concatenate([drawn(rng, 2000, good, 0.25), drawn(rng, 2000, bad, 0.5)])
    is_bad = np.repeat([False, True], 2000)
    chance = np.array([of.probability_bad(one) for one in x])
    sure, right = np.maximum(chance, 1 - chance), (chance > HALF) == is_bad
    return sum(len(b) * abs(sure[b].mean() - right[b].mean()) for b in np.array_split(np.argsort(sure), 10)) / len(x)


@pytest.mark.parametrize("name", list(calibration._CURVES))
def test_a_stranger_photo_is_never_less_likely_bad(name: str) -> None:
    for labelled in (part(60), part(60, good=0.1, bad=0.0), part(60, good=0.5, bad=-0.5)):
        curve = calibration._CURVES[name](labelled, calibration.STATED)
        assert np.all(np.diff(curve(np.linspace(-5, 5, 500))) >= 0)


@pytest.mark.parametrize("labelled", [Labelled(), part(1), part(4), part(16), part(64)], ids=lambda one: f"{one.references} labels")
def test_no_probability_is_surer_than_so_many_labels_can_say(labelled: Labelled) -> None:
    calibration = calibrate(labelled)
    count = labelled.references
    surest = min(SUREST, (count + 1) / (count + 2)) if calibration.own else SUREST_ESTIMATE
    assert all(1 - surest <= chance <= surest for chance in chances(calibration))


def test_without_labels_it_is_the_stated_prior_and_an_estimate() -> None:
    nothing = calibrate(Labelled())
    assert not nothing.own
    assert nothing.elsewhere == 0
    assert (nothing.good, nothing.bad) == (calibration.STATED.good, calibration.STATED.bad)


def test_the_logistic_prior_is_the_stated_slope_through_the_threshold() -> None:
    curve = calibration._platt(Labelled(), calibration.STATED)
    slope = calibration.PRIOR_SLOPE
    assert curve(np.array([-1.0, 0.0, 1.0])) == pytest.approx([-slope, 0, slope], abs=1e-6)


def test_few_labels_move_the_probability_little_and_many_move_it_far() -> None:
    """A part whose bad ones score far below the threshold, which the prior does not expect."""

    def evenly(count: int, centre: float) -> tuple[float, ...]:
        return tuple(np.exp([NormalDist(centre, 0.25).inv_cdf((i + 0.5) / count) for i in range(count)]))

    def chance(count: int) -> float:
        return calibrate(Labelled(good_references=evenly(count, -0.8), bad_references=evenly(count, -0.3))).probability_bad(0.8)

    before = calibrate(Labelled()).probability_bad(0.8)
    assert before < chance(1) < before + 0.25
    assert chance(1) < chance(4) < chance(100)
    assert chance(100) > 0.85


def test_a_part_speaks_for_itself_from_eight_labels_of_each_state_on() -> None:
    assert not calibrate(part(7)).own
    assert calibrate(part(8)).own
    assert not calibrate(Labelled(good_references=part(40).good_references)).own, "good ones alone do not say how bad ones look"


def test_sixteen_labels_of_each_state_keep_the_confidence_within_five_points() -> None:
    """Of simulated parts, averaged over draws; docs/benchmarks.md has the real ones."""
    for good, bad in ((-0.4, 0.3), (-0.2, 0.4), (-0.5, 0.8)):
        errors = [expected_error(calibrate(part(16, good=good, bad=bad, seed=s)), good=good, bad=bad, seed=s) for s in range(12)]
        assert np.mean(errors) < 0.05, (good, bad)


def test_labels_mend_a_confidence_that_the_prior_gets_wrong() -> None:
    before, after = (
        expected_error(calibrate(labels), good=-1.2, bad=-0.5, seed=0) for labels in (Labelled(), part(16, good=-1.2, bad=-0.5))
    )
    assert before > 0.1
    assert after < 0.05


def test_decided_answers_count_as_references_do() -> None:
    references = part(20)
    decided = Labelled(good_decided=references.good_references, bad_decided=references.bad_references)
    assert (decided.decided, decided.references) == (40, 0)
    assert calibrate(decided).own
    assert chances(calibrate(decided)) == pytest.approx(chances(calibrate(references)), abs=0.05)


def test_the_mix_of_the_labels_says_nothing_of_how_many_parts_are_bad() -> None:
    """The same part, with many good labels and with few: only how scores look in each state counts."""
    rng = np.random.default_rng(5)
    good, bad = drawn(rng, 60, -0.4, 0.25), drawn(rng, 60, 0.5, 0.5)
    many, few = calibrate(Labelled(good_decided=good * 10, bad_decided=bad)), calibrate(Labelled(good_decided=good, bad_decided=bad))
    assert chances(many) == pytest.approx(chances(few), abs=0.05)


def test_the_rarer_bad_parts_are_the_less_likely_is_one_by_bayes_rule() -> None:
    labelled = calibrate(part(16))
    half, rare = labelled.probability_bad(1.1), labelled.probability_bad(1.1, 0.02)
    assert rare / (1 - rare) == pytest.approx(half / (1 - half) * 0.02 / 0.98)
    assert labelled.even_score(0.02) > labelled.even_score()


def test_at_the_even_score_bad_is_as_likely_as_good() -> None:
    for labelled in (Labelled(), part(16), part(60)):
        of = calibrate(labelled)
        assert of.probability_bad(of.even_score()) == pytest.approx(0.5, abs=0.02)


def test_other_parts_are_what_is_expected_of_a_part_without_labels() -> None:
    others = [part(40, good=-1.0, bad=-0.3, seed=s) for s in range(3)]
    alone, told = calibrate(Labelled()), calibrate(Labelled(), others)
    assert told.elsewhere == 240
    assert not told.own
    assert told.probability_bad(0.7) > alone.probability_bad(0.7) + 0.1


def test_other_parts_count_little_once_a_part_has_its_own_labels() -> None:
    others = [part(40, good=-1.0, bad=-0.3, seed=s) for s in range(3)]
    assert chances(calibrate(part(100), others))[1:] == pytest.approx(chances(calibrate(part(100)))[1:], abs=0.06)


def test_steps_are_chosen_where_neither_bells_nor_a_slope_fit_and_only_with_enough_labels() -> None:
    """Scores of three kinds: all good, half of them bad, all bad."""
    rng = np.random.default_rng(2)

    def labels(count: int) -> Labelled:
        low, middle, high = (tuple(np.exp(rng.uniform(*ends, count))) for ends in ((-1.5, -1), (-1, 0), (0, 0.5)))
        half = count // 2
        return Labelled(good_references=(*low[:half], *middle[:half]), bad_references=(*middle[half:], *high[:half]))

    assert calibrate(labels(200)).curve_name == "isotonic"
    assert calibrate(labels(40)).curve_name != "isotonic"


def test_learning_twice_gives_the_same() -> None:
    assert chances(calibrate(part(16))) == chances(calibrate(part(16)))


# --- how far confidences are off -------------------------------------------------------------------------------------------------------


def test_exact_confidences_are_off_by_no_more_than_chance_makes() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(20):
        is_bad = np.repeat([False, True], 150)
        x = np.where(is_bad, rng.normal(0.5, 0.5, 300), rng.normal(-0.5, 0.5, 300))
        found.append(error(1 / (1 + np.exp(-4 * x)), is_bad))  # the exact probability: (0.5 + 0.5) / 0.5 ** 2
    assert np.mean([one.expected for one in found]) == pytest.approx(np.mean([one.by_chance for one in found]), abs=0.008)
    assert np.mean([one.debiased for one in found]) < 0.025


def test_confidences_ten_points_too_high_are_found_out() -> None:
    rng = np.random.default_rng(3)
    chance = np.repeat([0.2, 0.8], 2000)
    is_bad = rng.random(4000) < np.repeat([0.3, 0.7], 2000)
    found = error(chance, is_bad)
    assert found.expected == pytest.approx(0.1, abs=0.02)
    assert found.debiased == pytest.approx(0.1, abs=0.02)
    assert found.by_chance < 0.03


def test_both_states_weigh_the_same_however_many_of_each_there_are() -> None:
    rng = np.random.default_rng(3)
    good, bad = np.clip(rng.normal(0.3, 0.1, 400), 0, 1), np.clip(rng.normal(0.7, 0.1, 400), 0, 1)
    equal = error(np.concatenate([good, bad]), np.repeat([False, True], 400))
    unequal = error(np.concatenate([good, bad[:40]]), np.repeat([False, True], [400, 40]))
    assert unequal.expected == pytest.approx(equal.expected, abs=0.04)


def test_a_parts_own_error_needs_enough_labels_and_does_not_flatter() -> None:
    assert calibration.expected_error(part(7)) is None
    found = calibration.expected_error(part(100))
    assert found is not None
    assert 0 < found.expected < 0.1
    assert found.bins == 10
