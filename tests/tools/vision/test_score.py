"""The scale: what is usual, where the threshold lies, and that it keeps the false-alarm rate it states."""

from __future__ import annotations

import numpy as np
import pytest

from kenpin.storage.vocabulary import Verdict
from kenpin.tools.vision import score


def good_photos(draw: np.random.Generator, count: int) -> np.ndarray:
    return draw.normal((-1.5, -1.8, -4.0, -2.0, -2.2), (0.1, 0.2, 0.6, 0.1, 0.1), (count, 5))


@pytest.mark.parametrize("references", [4, 16])
def test_good_photos_pass_the_threshold_about_as_often_as_stated(references: int) -> None:
    draw = np.random.default_rng(0)
    rates = []
    for _ in range(200):
        scale = score.learn(list(good_photos(draw, references)))
        rates.append(np.mean([score.judge(scale, photo).score > 1 for photo in good_photos(draw, 100)]))
    assert 0.01 < np.mean(rates) < 2 * score.FALSE_ALARM_RATE


def test_a_photo_strange_in_any_one_way_is_not_ok() -> None:
    scale = score.learn(list(good_photos(np.random.default_rng(1), 8)))
    for strange in ((-0.5, -1.8, -4.0, -2, -2), (-1.5, 0.0, -4.0, -2, -2), (-1.5, -1.8, 0.5, -2, -2)):
        assert score.judge(scale, np.array(strange)).verdict is Verdict.NOT_OK
    assert score.judge(scale, np.array((-1.5, -1.8, -4.0, -2, -2.2))).verdict is Verdict.OK


def test_a_photo_at_the_threshold_is_left_to_a_person_with_even_odds() -> None:
    scale = score.learn(list(good_photos(np.random.default_rng(1), 8)))
    low, high = score.judge(scale, scale.centre).limits
    assert low < 1 < high
    assert score.confidence(1.0) == 0.5


def test_no_verdict_is_certain() -> None:
    assert score.confidence(1e9) == score.confidence(1e-9) == score.MOST_CONFIDENT < 1


def test_identical_references_still_leave_room_for_a_slightly_different_photo() -> None:
    scale = score.learn([np.array((-4.0, -4.0, -11.0, -5.0, -5.0))] * 4)
    assert np.isfinite(score.judge(scale, np.array((-1.0, -1.0, -3.0, -1.0, -1.0))).score)
    assert score.judge(scale, np.array((-4.0, -4.0, -11.0, -5.0, -5.0))).verdict is Verdict.OK


@pytest.mark.parametrize(("share", "freedom", "quantile"), [(0.95, 5, 2.015), (0.95, 20, 1.725), (0.975, 8, 2.306), (0.9, 6, 1.440)])
def test_student_s_quantile_is_the_tables(share: float, freedom: float, quantile: float) -> None:
    assert score.student_quantile(share, freedom) == pytest.approx(quantile, abs=0.02)


def test_what_the_photo_shows_twice_counts_less_and_the_less_the_fewer_references() -> None:
    bank, own = np.array([0.5, 0.5], np.float32), np.array([0.1, 0.9], np.float32)
    with_one, with_many = score.tempered(bank, own, 1), score.tempered(bank, own, 16)
    assert with_one[0] < with_many[0] < 0.5
    assert with_one[1] == with_many[1] == pytest.approx(0.5)
