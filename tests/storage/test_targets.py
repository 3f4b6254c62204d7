"""What a part may let through and turn down, and what asking larger models has cost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import shop_floor
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from kenpin.storage import audit, inspections, targets
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.errors import TargetError, UnknownRowError
from kenpin.storage.vocabulary import Answer, Language, Opinion, Targets, Verdict

TWO_AND_FIVE = Targets(escapes=2, overkill=5)


def log(database: Engine) -> list[dict[str, object]]:
    with reading(database) as conn:
        return [entry.payload or {} for entry in audit.entries(conn, kind=AuditKind.TARGETS_SET)]


def test_a_part_without_targets_has_none_and_so_has_one_that_nobody_knows(database: Engine) -> None:
    shop_floor.built(database)
    with reading(database) as conn:
        assert targets.of(conn, "SC-200") == Targets()
        assert targets.of(conn, "XX-1") == Targets()


def test_targets_are_set_for_one_part_however_its_number_is_written_and_the_log_says_from_what_to_what(database: Engine) -> None:
    shop_floor.built(database)
    with writing(database) as conn:
        assert targets.set(conn, "sc200", TWO_AND_FIVE, "Chika")
    with writing(database) as conn:
        assert targets.set(conn, "SC-200", Targets(escapes=1, expected_bad=3), "Aiko")
    with reading(database) as conn:
        assert targets.of(conn, "ＳＣ－２００") == Targets(escapes=1, expected_bad=3)
        assert targets.of(conn, "SC-300") == Targets()
    nothing = {"escapes": None, "overkill": None, "expected_bad": None}
    first, second = {**nothing, "escapes": 2, "overkill": 5}, {**nothing, "escapes": 1, "expected_bad": 3}
    assert log(database) == [
        {"part": "SC-200", "from": nothing, "to": first, "by": "Chika"},
        {"part": "SC-200", "from": first, "to": second, "by": "Aiko"},
    ]


def test_setting_what_is_set_already_leaves_no_entry(database: Engine) -> None:
    shop_floor.built(database)
    for expected in (True, False):
        with writing(database) as conn:
            assert targets.set(conn, "SC-200", TWO_AND_FIVE, "Chika") is expected
    assert len(log(database)) == 1


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (Targets(escapes=0), "escapes of 0 in 100 cannot be aimed at; give more than 0 and less than 50"),
        (Targets(escapes=50), "less than 50"),
        (Targets(overkill=-1), "overkill of -1"),
        (Targets(overkill=float("nan")), "overkill of nan"),
        (Targets(expected_bad=100), "expected bad of 100 in 100.*less than 100"),
    ],
)
def test_a_target_out_of_range_is_refused_and_nothing_is_written(database: Engine, new: Targets, words: str) -> None:
    shop_floor.built(database)
    with writing(database) as conn, pytest.raises(TargetError, match=words):
        targets.set(conn, "SC-200", new, "Chika")
    with reading(database) as conn:
        assert targets.of(conn, "SC-200") == Targets()
    assert log(database) == []


def test_targets_of_a_part_nobody_knows_are_refused(database: Engine) -> None:
    with writing(database) as conn, pytest.raises(UnknownRowError, match=r"no part 'XX-1'.*kenpin parts add XX-1"):
        targets.set(conn, "XX-1", TWO_AND_FIVE, "Chika")


@pytest.mark.parametrize("wrong", ["escapes = 50", "overkill = 0", "expected_bad = 100"])
def test_the_database_refuses_a_target_out_of_range_by_itself(database: Engine, wrong: str) -> None:
    shop_floor.built(database)
    with writing(database) as conn:
        targets.set(conn, "SC-200", TWO_AND_FIVE, "Chika")
    with pytest.raises(sa.exc.IntegrityError), writing(database) as conn:
        conn.exec_driver_sql(f"UPDATE targets SET {wrong}")


# Cost


def answered(database: Engine, id: str, *costs: float) -> None:
    opinions = tuple(
        Opinion(text="a scratch", verdict=Verdict.NOT_OK, agrees=True, contradictions=(), model="large", cost=cost, ms=900.0)
        for cost in costs
    )
    answer = Answer(
        language=Language.EN, headline="OK", lines=(), verdict=Verdict.OK, abstention=None, part="SC-200", anomaly_score=0.5, threshold=1.0,
        confidence=0.9, comparisons=(), findings=(), similar=(), pictures=(), proposed=None, trail=(), model="eye", opinions=opinions,
    )  # fmt: skip
    with writing(database) as conn:
        shop_floor.ask(conn, id)
        inspections.save_answer(conn, id, answer)


def test_what_opinions_cost_since_a_moment_is_the_sum_over_the_answers_saved_since(database: Engine) -> None:
    before = datetime.now(UTC)
    with reading(database) as conn:
        assert inspections.cost_since(conn, before) == 0
    answered(database, "K-1", 0.25, 0.5)
    answered(database, "K-2")
    answered(database, "K-3", 1.0)
    with writing(database) as conn:
        conn.execute(sa.text("UPDATE inspections SET answered_at = '2026-01-01T00:00:00.000Z' WHERE id = 'K-3'"))
        shop_floor.ask(conn, "K-4")  # received, not answered
    with reading(database) as conn:
        assert inspections.cost_since(conn, before) == pytest.approx(0.75)
        assert inspections.cost_since(conn, "2025-12-31T00:00:00Z") == pytest.approx(1.75)
        found = inspections.get(conn, "K-1"), inspections.get(conn, "K-4")
    assert [one and one.cost for one in found] == [0.75, None]
