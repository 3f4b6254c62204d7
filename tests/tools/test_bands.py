"""Three bands from a part's targets, and what is said of them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kenpin import prompts
from kenpin.storage.vocabulary import Comparison, Language, Region, Targets, Verdict, from_json, to_json
from kenpin.tools import bands
from kenpin.tools.bands import banded
from kenpin.tools.calibration import Calibration, Labelled, calibrate

EYES = (0.9, 1.1)
MARK = Region(box_xyxy=(0.0, 0.0, 0.1, 0.1), area_of_part=0.01, score=2.0, where="top")
BOTH = Targets(escapes=5, overkill=5)


def compared(score: float) -> Comparison:
    verdict = Verdict.OK if score < EYES[0] else Verdict.NOT_OK if score > EYES[1] else Verdict.UNSURE
    return Comparison(
        photo=0, part="SC-200", references=12, anomaly_score=score, threshold=1.0, limits=EYES, false_alarm_rate=0.05,
        too_few_references=False, confidence=0.9, verdict=verdict, map_sha256=None, regions=(MARK,), ms=1.0,
    )  # fmt: skip


def labels(count: int, *, good: float = -0.5, bad: float = 0.3, seed: int = 0) -> Labelled:
    rng = np.random.default_rng(seed)
    return Labelled(good_decided=tuple(np.exp(rng.normal(good, 0.3, count))), bad_decided=tuple(np.exp(rng.normal(bad, 0.4, count))))


def shares(calibration: Calibration, fresh: Labelled, targets: Targets) -> tuple[float, float, float]:
    """In 100: escapes among bad photos, overkill among good ones, and how many of all are left to a person."""
    lower, upper = np.log(bands.limits(calibration, targets, EYES))
    both = np.concatenate([fresh.good, fresh.bad])
    left = np.mean((both >= lower) & (both <= upper))
    return 100 * float(np.mean(fresh.bad < lower)), 100 * float(np.mean(fresh.good > upper)), 100 * float(left)


# --- limits ----------------------------------------------------------------------------------------------------------------------------


def test_without_targets_the_eyes_own_limits_remain() -> None:
    found = banded(compared(0.3), calibrate(labels(100, good=-0.4, bad=0.4)), Targets())
    assert found.limits == pytest.approx(EYES)
    assert (found.verdict, found.threshold, found.false_alarm_rate) == (Verdict.OK, 1.0, 0.05)


def test_no_photo_is_judged_against_the_odds() -> None:
    """Bad ones of this part score far below the eye's limits: what the eye would accept at 0.8 is left to a person."""
    low = calibrate(labels(100, good=-1.5, bad=-0.5))
    found = banded(compared(0.8), low, Targets())
    assert compared(0.8).verdict is Verdict.OK
    assert low.probability_bad(0.8) > 0.5
    assert found.verdict is Verdict.UNSURE
    for score in np.exp(np.linspace(-3, 3, 100)):
        one = banded(compared(float(score)), low, Targets())
        assert one.confidence >= 0.5, score


@pytest.mark.parametrize("target", [2, 5, 10, 20])
def test_targets_hold_on_fresh_photos_where_there_are_enough_labels(target: float) -> None:
    """Averaged over parts, as the promise is: 200 labels of each state, 500 fresh photos of each."""
    targets = Targets(escapes=target, overkill=target)
    found = [shares(calibrate(labels(200, seed=seed)), labels(500, seed=1000 + seed), targets) for seed in range(20)]
    escapes, overkill, _ = np.mean(found, axis=0)
    assert escapes < target + 0.7
    assert overkill < target + 0.7


def test_tighter_targets_leave_more_to_a_person_and_looser_ones_less() -> None:
    calibration, fresh = calibrate(labels(300)), labels(300, seed=9)
    left = [shares(calibration, fresh, Targets(escapes=t, overkill=t))[2] for t in (1, 5, 10, 20)]
    assert left == sorted(left, reverse=True)
    assert left[0] > left[-1] + 10


def test_changing_a_target_moves_one_limit_and_refits_nothing() -> None:
    calibration = calibrate(labels(300))
    first, second = (banded(compared(0.2), calibration, Targets(escapes=e, overkill=5)) for e in (2, 8))
    assert first.limits[0] < second.limits[0]
    assert first.limits[1] == second.limits[1]
    assert first.confidence == second.confidence, "how likely a photo is bad does not depend on what somebody aims at"


def test_one_target_alone_leaves_the_other_limit_to_the_eye() -> None:
    calibration = calibrate(labels(300))
    found = banded(compared(0.2), calibration, Targets(escapes=2))
    assert found.limits[0] < EYES[0]
    assert found.limits[1] == pytest.approx(EYES[1])


def test_nothing_is_left_to_a_person_where_both_targets_are_met_without() -> None:
    apart = calibrate(labels(200, good=-2, bad=2))
    lower, upper = bands.limits(apart, BOTH, EYES)
    assert lower == upper
    assert max(apart.labelled.good) < math.log(lower) < min(apart.labelled.bad)


@pytest.mark.parametrize("count", [0, 1, 4, 12])
def test_too_few_labels_leave_more_to_a_person_than_enough_do(count: int) -> None:
    """On average over parts; and whatever the part, no bad photo that is known is accepted and no good one rejected."""
    widths = []
    for seed in range(10):
        calibration = calibrate(labels(count, seed=seed))
        lower, upper = bands.limits(calibration, BOTH, EYES)
        assert all(lower <= known for known in calibration.labelled.bad_decided)
        assert all(known <= upper * 1.000001 for known in calibration.labelled.good_decided)
        widths.append(math.log(upper / lower))
    enough = bands.limits(calibrate(labels(400)), BOTH, EYES)
    assert np.mean(widths) > math.log(enough[1] / enough[0])


@pytest.mark.parametrize("count", [4, 12, 30])
def test_a_target_that_the_labels_cannot_vouch_for_is_met_all_the_same_on_these_parts(count: int) -> None:
    """Not a promise: the scores here make bells, as the estimate supposes."""
    targets = Targets(escapes=2, overkill=2)
    found = [shares(calibrate(labels(count, seed=seed)), labels(500, seed=1000 + seed), targets) for seed in range(20)]
    escapes, overkill, _ = np.mean(found, axis=0)
    assert escapes < 3
    assert overkill < 3


def test_the_threshold_stays_where_it_is_unless_the_limits_pass_it() -> None:
    calibration = calibrate(labels(200, good=0.5, bad=1.5))
    found = banded(compared(1.2), calibration, BOTH)
    assert found.limits[0] > 1.0
    assert found.threshold == found.limits[0]
    assert found.verdict is Verdict.OK


def test_what_is_accepted_after_all_has_no_marked_place() -> None:
    calibration = calibrate(labels(200, good=0.5, bad=1.5))
    assert banded(compared(1.2), calibration, BOTH).regions == ()
    assert banded(compared(9.0), calibration, BOTH).regions == (MARK,)


def test_the_expected_share_of_bad_parts_moves_the_confidence() -> None:
    calibration = calibrate(labels(200))
    half, rare = (banded(compared(0.4), calibration, Targets(expected_bad=e)) for e in (50, 2))
    assert half.verdict is rare.verdict is Verdict.OK
    assert rare.confidence > half.confidence


def test_nothing_else_of_a_comparison_changes_and_it_survives_json() -> None:
    before = compared(2.5)
    found = banded(before, calibrate(labels(50)), BOTH)
    changed = ("verdict", "limits", "threshold", "confidence", "false_alarm_rate", "regions", "basis")
    assert replace(found, **{name: getattr(before, name) for name in changed}) == before
    assert from_json(Comparison, to_json(found)) == found
    old = to_json(before)
    del old["basis"]
    assert from_json(Comparison, old).basis is None, "a comparison kept before bands were known"


# --- words -----------------------------------------------------------------------------------------------------------------------------


def test_a_confidence_names_the_decided_answers_it_rests_on() -> None:
    found = banded(compared(3.0), calibrate(labels(42)), Targets())
    words = bands.sure(found, Language.EN)
    assert words == (
        f"{round(100 * found.confidence)} % sure: of 100 answers like this, about {round(100 * found.confidence)} were right "
        "(from this part's decided answers: 84)."
    )
    assert "判定実績 84 件" in bands.sure(found, Language.JA)


def test_a_confidence_from_few_labels_is_called_an_estimate_and_says_what_it_takes() -> None:
    words = bands.sure(banded(compared(3.0), calibrate(labels(3)), Targets()), Language.EN)
    assert "an estimate" in words
    assert "from 8 good and 8 bad ones on" in words
    elsewhere = bands.sure(banded(compared(3.0), calibrate(Labelled(), [labels(30)]), Targets()), Language.EN)
    assert "from other parts' photos and decisions: 60" in elsewhere


def test_a_stated_share_of_bad_parts_is_said() -> None:
    assert "if 2 of 100 parts are bad" in bands.sure(banded(compared(3.0), calibrate(labels(42)), Targets(expected_bad=2)), Language.EN)


def test_targets_that_the_labels_cannot_vouch_for_are_named_and_others_are_not() -> None:
    found = banded(compared(3.0), calibrate(labels(30)), Targets(escapes=1, overkill=5))
    first, *more = bands.aims(found, Language.EN)
    assert "at most 1 of 100 bad parts accepted and at most 5 of 100 good parts rejected" in first
    assert f"{found.limits[0]:.2f}" in first
    assert more == [
        "Too few bad parts are known to vouch for 1 of 100 accepted: 30, and it takes 99. "
        "The limit is an estimate, and more is left to a person."
    ]


def test_nineteen_photos_can_vouch_for_five_in_a_hundred_and_eighteen_cannot() -> None:
    for count, said in ((19, 1), (18, 3)):
        assert len(bands.aims(banded(compared(3.0), calibrate(labels(count)), BOTH), Language.EN)) == said


def test_good_references_made_their_own_scale_so_their_limit_allows_for_drift() -> None:
    """The same scores as decided answers set the limit themselves."""
    known = labels(40)
    references = Labelled(good_references=known.good_decided, bad_references=known.bad_decided)
    decided, made = (bands.limits(calibrate(one), BOTH, EYES)[1] for one in (known, references))
    assert decided == pytest.approx(np.exp(known.good[-2]))
    assert made > decided


def test_without_targets_nothing_is_said_of_them() -> None:
    assert bands.aims(banded(compared(3.0), calibrate(labels(30)), Targets()), Language.EN) == ()
    assert bands.aims(compared(3.0), Language.EN) == ()


def test_no_verdict_is_told_as_certain() -> None:
    found = replace(banded(compared(3.0), calibrate(labels(42)), Targets()), confidence=0.9999)
    assert bands.sure(found, Language.EN).startswith("99 % sure")


def test_the_trail_gets_the_basis_as_numbers() -> None:
    kept = bands.evidence(banded(compared(3.0), calibrate(labels(30)), BOTH))
    assert kept["basis"]["decided"] == 60  # type: ignore[index]
    assert kept["verdict"] == "not_ok"


def test_both_languages_have_the_same_wordings_with_the_same_holes() -> None:
    english = [name for name in prompts.names("en") if name.startswith("trust.")]
    assert english
    assert english == [name for name in prompts.names("ja") if name.startswith("trust.")]
    for name in english:
        assert prompts.holes(name, "en") == prompts.holes(name, "ja"), name
