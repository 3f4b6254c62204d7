"""Anchors: of the head as it is, noted once where they stand, and held against the chain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from kenpin.storage import anchors, audit
from kenpin.storage.anchors import Place, Sighting, Standing
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing

SLACK = (Place.SLACK, "C-LOG")


@pytest.fixture
def anchored(database: Engine) -> Engine:
    """Three anchors, at the second, the third and the fourth entry; all of them posted."""
    with writing(database) as conn:
        audit.append(conn, AuditKind.PART_ADDED, {"part": "SC-100"})
        for day in ("2026-11-21", "2026-11-22", "2026-11-23"):
            audit.append(conn, AuditKind.PART_ADDED, {"part": day})
            made = anchors.make(conn, day)
            assert made
            anchors.mark_posted(conn, day, "C-LOG", f"1.{day}")
    return database


def seen(database: Engine) -> list[Sighting]:
    with reading(database) as conn:
        return [Sighting(place=Place.SLACK, where="C-LOG", id=a.id, seq=a.seq, hash=a.hash) for a in reversed(anchors.listing(conn))]


def test_an_anchor_is_made_once_and_not_of_an_empty_log(database: Engine) -> None:
    with writing(database) as conn:
        assert anchors.make(conn, "2026-11-23") is None
        entry = audit.append(conn, AuditKind.PART_ADDED, {})
        made = anchors.make(conn, "2026-11-23")
        assert made and (made.seq, made.hash) == (1, entry.hash)
        audit.append(conn, AuditKind.PART_ADDED, {})
        assert anchors.make(conn, "2026-11-23") is None
        assert anchors.mark_posted(conn, "2026-11-23", "C-LOG", "1.1")
        assert not anchors.mark_posted(conn, "2026-11-23", "C-LOG", "1.2")
        assert anchors.mark_written(conn, "2026-11-23", "/anchors")
        found = anchors.find(conn, "2026-11-23")
    assert found and (found.seq, found.message_ts, found.file) == (1, "1.1", "/anchors")


def test_anchors_that_hold_say_so(anchored: Engine) -> None:
    with reading(anchored) as conn:
        checked = anchors.check(conn, seen(anchored), [SLACK])
        found = audit.verify(conn, anchors=[(one.seq, one.hash) for one in seen(anchored)])
    assert [one.standing for one in checked] == [Standing.HOLDS] * 3
    assert anchors.first_fault(checked) is None
    assert found.whole and found.held and found.held[0] == 4


def test_a_missing_a_strange_and_an_unknown_anchor_are_told_apart(anchored: Engine) -> None:
    one, two, three = seen(anchored)
    strange = Sighting(place=Place.SLACK, where="C-LOG", id=two.id, seq=two.seq, hash="0" * 64)
    unknown = Sighting(place=Place.SLACK, where="C-LOG", id="2026-11-20", seq=three.seq, hash=three.hash)
    with reading(anchored) as conn:
        checked = anchors.check(conn, [strange, three, unknown], [SLACK])
        found = audit.verify(conn, anchors=[(strange.seq, strange.hash), (one.seq, one.hash)])
    assert [(seen.id, seen.standing) for seen in checked] == [
        ("2026-11-21", Standing.MISSING),
        ("2026-11-22", Standing.REWRITTEN),
        ("2026-11-20", Standing.UNKNOWN),
        ("2026-11-23", Standing.HOLDS),
    ]
    assert (found.broken_at, found.held and found.held[0]) == (3, 2)


def test_a_place_that_was_not_read_misses_nothing(anchored: Engine) -> None:
    with reading(anchored) as conn:
        assert anchors.check(conn, [], [(Place.FILE, "/anchors")]) == ()


def test_what_was_taken_nowhere_is_found_for_a_week(anchored: Engine) -> None:
    now = datetime.now(UTC)
    with writing(anchored) as conn:
        anchors.make(conn, "2026-11-24")
        assert [a.id for a in anchors.unkept(conn, now + timedelta(hours=2))] == ["2026-11-24"]
        assert anchors.unkept(conn, now) == (), "it is on its way"
        assert anchors.unkept(conn, now + timedelta(days=8)) == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE anchors SET hash = (SELECT hash FROM audit_entries WHERE seq = 1)",
        "UPDATE anchors SET seq = 1",
        "UPDATE anchors SET message_ts = '2.2'",
        "UPDATE anchors SET channel = NULL, message_ts = NULL, posted_at = NULL",
        "DELETE FROM anchors",
        f"INSERT INTO anchors (id, seq, hash, at) VALUES ('x', 1, '{'0' * 64}', 'now')",
        "INSERT INTO anchors (id, seq, hash, at) SELECT id, 1, (SELECT hash FROM audit_entries WHERE seq = 1), at FROM anchors",
    ],
)
def test_the_database_refuses_any_other_change_of_an_anchor(anchored: Engine, statement: str) -> None:
    with pytest.raises(DBAPIError, match=r"anchor|constraint"), writing(anchored) as conn:
        conn.exec_driver_sql(statement)
