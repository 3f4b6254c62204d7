"""Drift: quiet while nothing changes, prompt when something does, and able to say since when and what."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from plant import LAST, Plant, built
from sqlalchemy.engine import Engine

from kenpin.storage import drift
from kenpin.storage.database import reading
from kenpin.storage.drift import History

COLUMNS = len(drift.MEASURES)


def drawn(seed: int, count: int) -> np.ndarray:
    """Measures as an eye gives them: they go up and down together."""
    random = np.random.default_rng(seed)
    return 0.7 * random.normal(size=(count, 1)) + 0.7 * random.normal(size=(count, COLUMNS))


def history(values: np.ndarray, seed: int = 0) -> History:
    count = len(values)
    return History(
        ids=tuple(f"K-{i}" for i in range(count)),
        at=tuple(f"2026-01-01T00:00:00.{i:06d}Z" for i in range(count)),
        values=values,
        references=(16,) * count,
        theta=np.random.default_rng(seed).random(count),
    )


def test_false_alarms_stay_below_the_stated_rate() -> None:
    """In 60 plants' first 500 photos an alarm is to be expected in 60 * 500 / ALARM = 0.3 of them; three would be one chance in 300."""
    alarms = sum(drift.first_alarm(drawn(seed, 500), np.random.default_rng(seed).random(500)) is not None for seed in range(1000, 1060))
    assert alarms <= 2


@pytest.mark.parametrize(("shift", "within"), [(1.0, 90), (2.0, 35)])
def test_a_shift_is_noticed_within_so_many_photos(shift: float, within: int) -> None:
    for seed in range(8):
        values = drawn(seed, 400)
        values[200:] += shift
        found = drift.first_alarm(values, np.random.default_rng(seed).random(400))
        assert found is not None
        assert 200 <= found.noticed < 200 + within
        assert found.earliest <= found.began <= found.latest
        assert abs(found.began - 200) <= 25


def test_one_property_that_shifts_is_the_one_named() -> None:
    values = drawn(3, 500)
    values[250:, drift.MEASURES.index("brightness")] -= 2.5
    found = drift.found("SC-200", history(values))
    assert found is not None
    assert found.measure == "brightness"
    assert found.effect < -0.5 < 0.5 < found.distance
    assert found.median_after < found.median_before


def test_a_wider_spread_is_a_change_too() -> None:
    values = drawn(5, 700)
    values[350:] *= 4
    assert drift.found("SC-200", history(values)) is not None


def test_photos_that_are_as_they_were_again_are_no_drift() -> None:
    values = drawn(4, 900)
    values[300:600] += 2
    assert drift.found("SC-200", history(values[:600])) is not None
    assert len(drift.changes(history(values))) >= 2
    assert drift.found("SC-200", history(values)) is None


def test_few_photos_say_nothing() -> None:
    values = drawn(1, 20)
    values[10:] += 9
    assert drift.found("SC-200", history(values)) is None


def test_what_was_never_measured_is_no_evidence() -> None:
    values = drawn(2, 400)
    values[:, 1:] = np.nan
    assert drift.found("SC-200", history(values)) is None
    values[200:, 0] += 2
    found = drift.found("SC-200", history(values))
    assert found is not None
    assert found.measure == "score"


def test_cliffs_delta_counts_pairs() -> None:
    assert drift.cliffs_delta(np.array([1.0, 2]), np.array([3.0, 4])) == 1.0
    assert drift.cliffs_delta(np.array([1.0, 2, 3]), np.array([2.0])) == 0.0


def test_a_lamp_that_is_gone_is_found_with_its_day_and_other_parts_are_not(database: Engine) -> None:
    built(database, Plant(days=30, a_day=30, changed=10))
    changed = LAST - timedelta(days=10)
    with reading(database) as conn:
        found = drift.of(conn, "SC-200")
        assert found is not None
        assert abs((drift.clock.parsed(found.since) - changed).days) <= 2
        assert found.earliest <= found.since <= found.latest
        assert found.before + found.after > 200
        assert not found.references_changed
        assert drift.of(conn, "SC-300") is None
        assert drift.of(conn, "SC-200", until=changed) is None, "as it was then"
        assert drift.of(conn, "SC-200", since=changed + timedelta(days=2)) is None, "somebody has looked into it"
        assert drift.of(conn, "no such part") is None
