"""The audit log: what it tells, what can be erased from it, and that no change to it goes unseen."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from kenpin.storage import audit
from kenpin.storage.audit import AuditEntry, AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.errors import UnknownRowError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def log(database: Engine) -> tuple[AuditEntry, ...]:
    """Six entries; what the second one said was erased by the sixth."""
    with writing(database) as conn:
        audit.append(conn, AuditKind.PART_ADDED, {"part": "SC-200"}, person_id="Chika")
        audit.append(conn, AuditKind.QUESTION_RECEIVED, {"question": "これは良品ですか"}, "K-1", "Ben")
        audit.append(conn, AuditKind.ANSWER_SAVED, {"verdict": "not_ok", "confidence": 0.94}, "K-1")
        audit.append(conn, AuditKind.QUESTION_RECEIVED, {"question": "is this OK?"}, "K-2", "Aiko")
        audit.append(conn, AuditKind.DECISION_APPROVED, {"proposal": "P-1"}, "K-1", "Aiko")
    with writing(database) as conn:
        audit.erase(conn, 2, person_id="Chika", why="Ben asked for it")
    with reading(database) as conn:
        return tuple(audit.entries(conn))


def test_an_untouched_log_is_whole(database: Engine, log: tuple[AuditEntry, ...]) -> None:
    with reading(database) as conn:
        seen: list[tuple[int, int]] = []
        found = audit.verify(conn, lambda done, total: seen.append((done, total)))
    assert found == audit.Verification(entries=6, erased=1, broken_at=None, why=None, head=log[-1].hash)
    assert found.whole
    assert seen[-1] == (6, 6)


def test_an_empty_log_is_whole(database: Engine) -> None:
    with reading(database) as conn:
        assert audit.verify(conn).whole


def test_entries_tell_what_happened_in_order(database: Engine, log: tuple[AuditEntry, ...]) -> None:
    assert [(entry.seq, entry.kind, entry.person_id) for entry in log][:2] == [
        (1, AuditKind.PART_ADDED, "Chika"),
        (2, AuditKind.QUESTION_RECEIVED, "Ben"),
    ]
    assert log[2].payload == {"verdict": "not_ok", "confidence": 0.94}
    with reading(database) as conn:
        assert [entry.seq for entry in audit.entries(conn, inspection_id="K-1")] == [2, 3, 5]
        assert [entry.seq for entry in audit.entries(conn, kind=AuditKind.QUESTION_RECEIVED)] == [2, 4]
        assert [entry.seq for entry in audit.entries(conn, person_id="Aiko", newest_first=True)] == [5, 4]
        assert [entry.seq for entry in audit.entries(conn, after=3, limit=2)] == [4, 5]
        assert [entry.seq for entry in audit.show(conn, "K-1")] == [2, 3, 5]
        assert audit.show(conn, "3") == (log[2],)
        for nothing in ("7", "K-9", "999999999999999999"):
            with pytest.raises(UnknownRowError, match=f"no entry {nothing} and none about an inspection {nothing}"):
                audit.show(conn, nothing)


def test_every_kind_has_a_sentence() -> None:
    assert all(kind.meaning.endswith(".") for kind in AuditKind)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    payload=st.dictionaries(st.text(), JSON, max_size=4),
    person=st.none() | st.text(st.characters(exclude_characters="\n\x00", exclude_categories=["Cs"])),
)
def test_any_payload_can_be_logged_and_verified(database: Engine, payload: dict[str, Any], person: str | None) -> None:
    with writing(database) as conn:
        entry = audit.append(conn, AuditKind.ANSWER_SAVED, payload, None, person)
    with reading(database) as conn:
        assert audit.show(conn, str(entry.seq)) == (entry,)
        assert audit.verify(conn).whole


def test_half_a_character_does_not_stop_the_log(database: Engine) -> None:
    """Slack can send half of a surrogate pair, and text with NUL in it."""
    with writing(database) as conn:
        entry = audit.append(conn, AuditKind.QUESTION_RECEIVED, {"question": "broken \ud83d and \x00"})
        assert entry.payload == {"question": "broken ? and \x00"}
    with reading(database) as conn:
        assert audit.verify(conn).whole


# Erasing


def test_an_erased_payload_is_gone_and_the_log_says_who_erased_it(database: Engine, log: tuple[AuditEntry, ...]) -> None:
    assert (log[1].payload, log[1].salt, log[1].erased_in) == (None, None, 6)
    assert (log[5].kind, log[5].payload, log[5].person_id) == (
        AuditKind.PAYLOAD_ERASED,
        {"seq": 2, "why": "Ben asked for it"},
        "Chika",
    )


@pytest.mark.parametrize("seq", [2, 6, 7])
def test_there_is_nothing_to_erase_twice_or_in_an_entry_about_an_erasure(database: Engine, log: tuple[AuditEntry, ...], seq: int) -> None:
    with writing(database) as conn, pytest.raises(UnknownRowError, match=f"no entry {seq} with a payload to erase"):
        audit.erase(conn, seq, person_id="Chika", why="again")


# Tampering


@contextmanager
def owner(database: Engine) -> Iterator[Connection]:
    """Somebody with full power over the database, every rule switched off, whose changes are undone at the end."""
    if database.dialect.name == "sqlite":
        engine = sa.create_engine(database.url, poolclass=sa.NullPool, connect_args={"isolation_level": None})
        with engine.connect() as conn:
            conn.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            conn.exec_driver_sql("BEGIN IMMEDIATE")
            for name in conn.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all():
                conn.exec_driver_sql(f"DROP TRIGGER {name}")
            yield conn
            conn.rollback()
    else:
        with database.connect() as conn:
            for table in ("audit_entries", "audit_payloads", "audit_head"):
                conn.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            yield conn
            conn.rollback()


COLUMNS = [
    *((("audit_entries", name)) for name in ("seq", "at", "kind", "inspection_id", "person_id", "payload_sha256", "prev_hash", "hash")),
    *((("audit_payloads", name)) for name in ("seq", "salt", "payload", "erased_in")),
    *((("audit_head", name)) for name in ("seq", "hash")),
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    column=st.sampled_from(COLUMNS), row=st.integers(1, 6), at=st.integers(0, 200), to=st.sampled_from("0aZ -キ"), number=st.integers(0, 9)
)
def test_any_single_change_to_the_log_is_found(
    database: Engine, log: tuple[AuditEntry, ...], column: tuple[str, str], row: int, at: int, to: str, number: int
) -> None:
    table, name = column
    which = "id = 1" if table == "audit_head" else f"seq = {row}"
    with owner(database) as conn:
        before = conn.execute(sa.text(f"SELECT {name} FROM {table} WHERE {which}")).scalar_one()
        if isinstance(before, str):
            place = at % (len(before) + 1)
            after: str | int = before[:place] + to + before[place + 1 :]
        else:
            after = number if name in ("seq", "erased_in") else to
        if after == before:
            return
        try:
            with conn.begin_nested():
                conn.execute(sa.text(f"UPDATE {table} SET {name} = :after WHERE {which}"), {"after": after})
        except DBAPIError:
            return  # not even the owner can: a key, a check or the column's length stands in the way
        found = audit.verify(conn)
    assert not found.whole and found.why


@pytest.mark.parametrize("table", ["audit_entries", "audit_payloads"])
@pytest.mark.parametrize("row", range(1, 7))
def test_any_deleted_row_is_found_and_its_place_named(database: Engine, log: tuple[AuditEntry, ...], table: str, row: int) -> None:
    with owner(database) as conn:
        conn.execute(sa.text(f"DELETE FROM {table} WHERE seq = :row"), {"row": row})
        found = audit.verify(conn)
    assert found.broken_at == row
    assert found.entries == row - 1 or table == "audit_payloads"


def test_a_missing_tail_is_found_even_with_its_payloads_gone(database: Engine, log: tuple[AuditEntry, ...]) -> None:
    with owner(database) as conn:
        for table in ("audit_payloads", "audit_entries"):
            conn.execute(sa.text(f"DELETE FROM {table} WHERE seq > 2"))
        conn.execute(sa.text("UPDATE audit_payloads SET salt = 'x', payload = '{}', erased_in = NULL WHERE seq = 2"))
        assert audit.verify(conn).broken_at == 2
        conn.execute(sa.text("DELETE FROM audit_payloads WHERE seq = 2"))
        conn.execute(sa.text("DELETE FROM audit_entries WHERE seq = 2"))
        found = audit.verify(conn)
    assert found.why == "the chain ends at entry 1, but its head says 6: entries are missing, or the head was altered"


def test_a_missing_head_is_found(database: Engine, log: tuple[AuditEntry, ...]) -> None:
    with owner(database) as conn:
        conn.execute(sa.text("DELETE FROM audit_head"))
        assert audit.verify(conn).why == "the head is missing"


def test_an_erasure_that_no_entry_tells_of_is_found(database: Engine, log: tuple[AuditEntry, ...]) -> None:
    for told_in in (5, 6):
        with owner(database) as conn:
            conn.execute(
                sa.text("UPDATE audit_payloads SET salt = NULL, payload = NULL, erased_in = :told_in WHERE seq = 4"), {"told_in": told_in}
            )
            found = audit.verify(conn)
        assert found.broken_at == 4
        assert "the payload of entry 4 is gone" in str(found.why)


def test_a_log_rewritten_from_its_start_is_found_by_the_head_kept_outside(database: Engine, log: tuple[AuditEntry, ...]) -> None:
    anchor = (6, log[-1].hash)
    with reading(database) as conn:
        assert audit.verify(conn, anchors=[anchor]).whole
    with owner(database) as conn:
        for table in ("audit_payloads", "audit_entries"):
            conn.execute(sa.text(f"DELETE FROM {table}"))
        conn.execute(sa.text("UPDATE audit_head SET seq = 0, hash = :genesis"), {"genesis": "0" * 64})
        assert audit.verify(conn).whole
        assert "entries are missing" in str(audit.verify(conn, anchors=[anchor]).why)
        for _ in range(6):
            entry = audit.append(conn, AuditKind.PART_ADDED, {"part": "SC-200"})
            conn.execute(sa.text("UPDATE audit_head SET seq = :seq, hash = :hash"), {"seq": entry.seq, "hash": entry.hash})
        assert audit.verify(conn).whole
        found = audit.verify(conn, anchors=[anchor])
    assert (found.broken_at, found.why) == (6, "entry 6 is not the one that was anchored outside: the chain was rewritten")


# Many writers


def test_many_threads_appending_make_one_whole_chain(database: Engine) -> None:
    def work(worker: int) -> None:
        for turn in range(15):
            with writing(database) as conn:
                audit.append(conn, AuditKind.ANSWER_SAVED, {"worker": worker, "turn": turn})

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(database) as conn:
        found = audit.verify(conn)
    assert (found.entries, found.why) == (60, None)


def test_the_chain_can_be_verified_while_others_append(database: Engine) -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            with writing(database) as conn:
                audit.append(conn, AuditKind.ANSWER_SAVED, {})

    writer = threading.Thread(target=work)
    writer.start()
    found = []
    for _ in range(20):
        with reading(database) as conn:
            found.append(audit.verify(conn))
    stop.set()
    writer.join()
    assert [verification.why for verification in found] == [None] * 20


WRITER = """
import sys
from kenpin.storage import audit
from kenpin.storage.database import open_database, writing
engine = open_database(sys.argv[1])
for turn in range(30):
    with writing(engine) as conn:
        audit.append(conn, audit.AuditKind.ANSWER_SAVED, {"turn": turn})
"""


def test_several_processes_appending_make_one_whole_chain(database: Engine, database_url: str) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, database_url]) for _ in range(2)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    with reading(database) as conn:
        found = audit.verify(conn)
    assert (found.entries, found.why) == (60, None)


def test_a_transaction_that_fails_leaves_no_entry_and_no_gap(database: Engine) -> None:
    with pytest.raises(ZeroDivisionError), writing(database) as conn:
        audit.append(conn, AuditKind.PART_ADDED, {})
        _ = 1 / 0
    with writing(database) as conn:
        assert audit.append(conn, AuditKind.PART_ADDED, {}).seq == 1
