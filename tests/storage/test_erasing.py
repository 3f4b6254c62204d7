"""Erasing: what goes, what stays, what the log tells of it; and that the database lets nothing else be changed, on both databases.

K-BEN     Ben's question about SC-200 with one photo, answered and posted, decided by Aiko
K-AIKO    Aiko's, with the same picture under another sha256, posted and undecided
K-OPEN    Ben's, still being answered
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from shop_floor import ShopFloor, ask, suggestion
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from test_inspections_on_record import answer

from kenpin.storage import audit, decisions, erasures, inspections, parts, people, proposals, retention
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.erasures import ErasedKind, UsedAs
from kenpin.storage.errors import PhotoInUseError, RetentionError, StillAskedError, UnknownRowError
from kenpin.storage.retention import Kept
from kenpin.storage.tables import inspections as inspections_table
from kenpin.storage.vocabulary import Answer, DecisionVerdict, Photo, Picture, Reference, TrailEntry

PHOTO, SHOWN, MAP = "1" * 64, "2" * 64, "5" * 64
SAME_PICTURE = "3" * 64
WORDS = "is this cell OK?"  # what shop_floor.ask asks
BY = {"by": "Chika", "why": "asked by letter", "person_id": "Chika"}


def seen(map: str) -> Answer:
    trail = (TrailEntry(tool="compare", inputs={"photo_sha256": PHOTO, "asked": WORDS}, outputs={"map": map}, model="eye", ms=1.0),)
    return replace(answer(f"You asked: {WORDS}"), pictures=(Picture(sha256=map, alt_text="map", title="map"),), trail=trail)


@pytest.fixture
def site(database: Engine, floor: ShopFloor) -> Engine:
    with writing(database) as conn:
        for id, sha256, map in (("K-BEN", PHOTO, MAP), ("K-AIKO", SAME_PICTURE, "6" * 64)):
            ask(conn, id)
            audit.append(conn, AuditKind.QUESTION_RECEIVED, {"question": WORDS, "files": ["ben.jpg"]}, id, "Ben")
            inspections.save_photos(conn, id, [Photo(sha256=sha256, shown_sha256=SHOWN, height_px=3, width_px=4)])
            inspections.save_answer(conn, id, seen(map))
            proposal = proposals.propose(conn, id, suggestion())
            inspections.mark_posted(conn, id, "C-QUALITY", f"99.{id}")
            if id == "K-BEN":
                decisions.record(conn, proposal, DecisionVerdict.REJECTED, "Aiko", "reaction")
        ask(conn, "K-OPEN")
    return database


def everything(conn: Connection) -> str:
    """Every text of every table."""
    return "\n".join(
        str(tuple(row)) for table in sa.inspect(conn).get_table_names() for row in conn.execute(sa.text(f'SELECT * FROM "{table}"'))
    )


# A question


def test_an_erased_question_is_gone_everywhere_and_the_rest_of_the_story_stays(site: Engine) -> None:
    with writing(site) as conn:
        assert erasures.of_questions(conn, ["K-BEN", "K-AIKO"], **BY) == ("K-BEN", "K-AIKO")
    with reading(site) as conn:
        told = everything(conn)
        ben, kept = inspections.get(conn, "K-BEN"), inspections.answer_of(conn, "K-BEN")
        (erasure,) = erasures.of(conn, ErasedKind.QUESTION, ["K-BEN", "K-OPEN"]).values()
        assert audit.verify(conn).whole
    assert ben and kept
    assert (ben.question, ben.files, ben.payload, ben.words) == ("", (), {}, "")
    assert (kept.headline, kept.lines, kept.trail[0].inputs) == ("", (), {})
    assert (ben.verdict, ben.confidence, ben.asked_by, kept.anomaly_score, kept.pictures[0].sha256) == ("not_ok", 0.94, "Ben", 1.4, MAP)
    assert (erasure.erased_by, erasure.why) == ("Chika", "asked by letter")
    assert "ben.jpg" not in told
    assert told.count(WORDS) <= 4 * 2, "only of the questions of the shop floor and the one still open, in the records and the search"


def test_the_log_tells_who_erased_what_and_why_and_never_what_it_said(site: Engine) -> None:
    with writing(site) as conn:
        erasures.of_questions(conn, ["K-BEN"], **BY)
    with reading(site) as conn:
        erased, payloads = list(audit.entries(conn))[-2:]
        asked = next(entry for entry in audit.entries(conn, inspection_id="K-BEN"))
    assert (erased.kind, erased.inspection_id, erased.person_id) == (AuditKind.ERASED, "K-BEN", "Chika")
    assert erased.payload == {"what": "question", "subjects": ["K-BEN"], "by": "Chika", "why": "asked by letter"}
    assert (payloads.kind, payloads.payload) == (AuditKind.PAYLOAD_ERASED, {"seqs": [asked.seq], "why": "asked by letter"})
    assert (asked.payload, asked.erased_in) == (None, payloads.seq)


def test_erasing_twice_changes_nothing(site: Engine) -> None:
    with writing(site) as conn:
        assert erasures.of_questions(conn, ["K-BEN"], **BY) == ("K-BEN",)
    with writing(site) as conn:
        assert erasures.of_questions(conn, ["K-BEN"], **BY) == ()
        assert len(list(audit.entries(conn, kind=AuditKind.ERASED))) == 1


def test_what_is_still_asked_and_what_is_not_there_is_not_erased(site: Engine) -> None:
    with pytest.raises(StillAskedError, match="K-OPEN is still being answered"), writing(site) as conn:
        erasures.of_questions(conn, ["K-BEN", "K-OPEN"], **BY)
    with pytest.raises(UnknownRowError, match="There is no inspection K-NONE"), writing(site) as conn:
        erasures.of_questions(conn, ["K-NONE"], **BY)
    with reading(site) as conn:
        assert not erasures.listing(conn, 10)


# A photo


def test_a_photo_goes_with_the_same_picture_and_with_what_was_made_of_it(site: Engine) -> None:
    with writing(site) as conn:
        assert set(erasures.of_photos(conn, [PHOTO], **BY)) == {PHOTO, SAME_PICTURE}
    with reading(site) as conn:
        found = erasures.of(conn, ErasedKind.PHOTO, [PHOTO, SAME_PICTURE])
        assert audit.verify(conn).whole
    assert set(found[PHOTO].files) == {PHOTO, SHOWN, MAP}
    assert set(found[SAME_PICTURE].files) == {SAME_PICTURE, SHOWN, "6" * 64}
    assert found[PHOTO].carried_out_at is None
    with writing(site) as conn:
        erasures.mark_carried_out(conn, erasures.to_carry_out(conn))
        assert erasures.to_carry_out(conn) == ()


def test_a_reference_in_use_is_named_and_goes_only_when_that_is_asked_for(site: Engine) -> None:
    with writing(site) as conn:
        parts.add_references(conn, "SC-200", [Reference(photo_sha256=PHOTO, shown_sha256=SHOWN, state="good")], "Aiko")
        assert erasures.used_as_reference(conn, [SAME_PICTURE]) == (UsedAs(part="SC-200", state="good"),)
    with pytest.raises(PhotoInUseError, match=r"a reference of SC-200 \(good\)"), writing(site) as conn:
        erasures.of_photos(conn, [PHOTO], **BY)
    with writing(site) as conn:
        erasures.of_photos(conn, [SHOWN], **BY, also_references=True)
        part = parts.find(conn, "SC-200")
        assert part and not part.references
        told = list(audit.entries(conn, kind=AuditKind.ERASED))[-1].payload
    assert told and told["references_of"] == ["SC-200"]


def test_a_photo_nobody_knows_is_said_to_be_unknown(site: Engine) -> None:
    with pytest.raises(UnknownRowError, match=f"No photo on record has the sha256 {'9' * 64}"), writing(site) as conn:
        erasures.of_photos(conn, ["9" * 64], **BY)


# A person


def test_an_erased_person_keeps_an_id_and_nothing_else(site: Engine) -> None:
    with writing(site) as conn:
        erasures.of_person(conn, "Ben", **BY)
        assert erasures.questions_of(conn, "Ben") == ("K-BEN", "K-AIKO"), "both were asked by Ben; the open ones are left"
        assert erasures.photos_of(conn, "Ben") == (PHOTO, SAME_PICTURE)
    with reading(site) as conn:
        assert people.find(conn, "Ben") == people.Person(id="Ben", name=None, email=None, locale=None)
        assert "ben@example.com" not in everything(conn)


# Retention


NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)  # when shop_floor's questions came


@pytest.mark.parametrize(
    ("rules", "questions", "photos"),
    [
        ({}, (), ()),
        ({"*": Kept(question_days=10)}, ("K-BEN",), ()),
        ({"*": Kept(photo_days=10)}, (), ()),
        ({"*": Kept(question_days=10), "SC-200": Kept(photo_days=10)}, (), ()),
        ({"*": Kept(question_days=40, photo_days=40), "SC-200": Kept(question_days=10)}, ("K-BEN",), ()),
        ({"SC-200": Kept(question_days=40)}, (), ()),
    ],
)
def test_what_is_kept_long_enough_is_found_by_its_parts_rule(
    site: Engine, rules: dict[str, Kept], questions: tuple[str, ...], photos: tuple[str, ...]
) -> None:
    """The photo waits: the same picture came with K-AIKO, whose proposal nobody has decided on."""
    with writing(site) as conn:
        for part, kept in rules.items():
            assert retention.set(conn, part, kept, "Chika")
    with reading(site) as conn:
        late = NOW + timedelta(days=20)
        assert retention.overdue_questions(conn, late, 10) == questions
        assert retention.overdue_photos(conn, late, 10) == photos
        assert retention.overdue_questions(conn, NOW + timedelta(days=9), 10) == ()


def test_a_photo_is_kept_until_every_question_about_it_is_over(site: Engine) -> None:
    late = NOW + timedelta(days=20)
    with writing(site) as conn:
        retention.set(conn, "sc200", Kept(photo_days=10), "Chika")
        proposal = proposals.of_inspection(conn, "K-AIKO")
        assert proposal
        assert retention.overdue_photos(conn, late, 10) == ()
        decisions.record(conn, proposal, DecisionVerdict.REJECTED, "Chika", "reaction")
        assert retention.overdue_photos(conn, late, 10) == (PHOTO, SAME_PICTURE)
        parts.add_references(conn, "SC-200", [Reference(photo_sha256=PHOTO, shown_sha256=SHOWN, state="good")], "Aiko")
        assert retention.overdue_photos(conn, late, 10) == (), "a reference is kept while it is one"


def test_a_rule_is_set_once_logged_and_can_be_taken_back(site: Engine) -> None:
    with writing(site) as conn:
        assert retention.set(conn, "*", Kept(photo_days=30), "Chika")
        assert not retention.set(conn, "*", Kept(photo_days=30), "Chika")
        assert retention.set(conn, "*", None, "Chika")
        assert retention.rules(conn) == ()
        entries = list(audit.entries(conn, kind=AuditKind.RETENTION_SET))
    assert [entry.payload and entry.payload["to"] for entry in entries] == [{"photo_days": 30, "question_days": None}, None]
    with writing(site) as conn, pytest.raises(RetentionError, match="Keeping photos for 0 days"):
        retention.set(conn, "*", Kept(photo_days=0), "Chika")
    with writing(site) as conn, pytest.raises(UnknownRowError, match="There is no part 'SC-999'"):
        retention.set(conn, "SC-999", Kept(photo_days=1), "Chika")


# What the database itself refuses


@contextmanager
def prompt(database: Engine, *, rules_off: bool) -> Iterator[Connection]:
    """Somebody who goes around Kenpin's code; what they change is undone."""
    with database.connect() as conn:
        if rules_off and conn.dialect.name == "sqlite":
            conn.exec_driver_sql("COMMIT")
            conn.exec_driver_sql("PRAGMA foreign_keys = OFF")
            conn.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            conn.exec_driver_sql("BEGIN")
        elif rules_off:
            conn.exec_driver_sql("SET session_replication_role = replica")
        yield conn
        conn.rollback()
        if rules_off and conn.dialect.name == "sqlite":
            conn.exec_driver_sql("COMMIT")
            conn.exec_driver_sql("PRAGMA foreign_keys = ON")
            conn.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")
            conn.exec_driver_sql("BEGIN")


EMPTY_ANSWER = '{"verdict":"not_ok","headline":"","lines":[]}'
REFUSED: dict[str, str] = {
    "a question rewritten": "UPDATE inspections SET question = 'something else' WHERE id = 'K-BEN'",
    "a question emptied without an erasure": "UPDATE inspections SET question = '', files = '[]', payload = '{}' WHERE id = 'K-BEN'",
    "an erased question written anew": "UPDATE inspections SET question = 'something else' WHERE id = 'K-AIKO'",
    "asked by somebody else": "UPDATE inspections SET asked_by = 'Aiko' WHERE id = 'K-AIKO'",
    "asked at another time": "UPDATE inspections SET received_at = '2020-01-01T00:00:00.000Z' WHERE id = 'K-AIKO'",
    "an answer's words rewritten": "UPDATE inspections SET words = 'OK: nothing unusual.' WHERE id = 'K-BEN'",
    "an answer emptied without an erasure": f"UPDATE inspections SET words = '', answer = '{EMPTY_ANSWER}' WHERE id = 'K-BEN'",
    "an erased answer with another verdict": (
        """UPDATE inspections SET words = '', answer = '{"verdict":"ok","headline":"","lines":[]}' WHERE id = 'K-AIKO'"""
    ),
    "an erased answer with new words": (
        """UPDATE inspections SET answer = '{"verdict":"not_ok","headline":"OK","lines":[]}' WHERE id = 'K-AIKO'"""
    ),
    "an answer taken away": "UPDATE inspections SET answer = NULL, answered_at = NULL, words = '' WHERE id = 'K-AIKO'",
    "an inspection deleted": "DELETE FROM inspections WHERE id = 'K-OPEN'",
    "a trail rewritten": "UPDATE trail_entries SET outputs = '{\"verdict\": \"ok\"}' WHERE inspection_id = 'K-AIKO'",
    "a trail emptied without an erasure": "UPDATE trail_entries SET inputs = '{}', outputs = '{}' WHERE inspection_id = 'K-BEN'",
    "an erased trail by another model": "UPDATE trail_entries SET model = 'another' WHERE inspection_id = 'K-AIKO'",
    "a trail deleted": "DELETE FROM trail_entries WHERE inspection_id = 'K-AIKO'",
    "a photo made another": f"UPDATE photos SET shown_sha256 = '{'7' * 64}'",
    "a photo deleted": "DELETE FROM photos",
    "an erasure no entry tells of": (
        "INSERT INTO erasures (kind, subject, seq, at, erased_by, why, files) VALUES ('question', 'K-BEN', 1, 'now', 'Ben', 'so', '[]')"
    ),
    "an erasure of something else": "UPDATE erasures SET subject = 'K-BEN'",
    "an erasure explained anew": "UPDATE erasures SET why = 'because', carried_out_at = 'now'",
    "an erasure deleted": "DELETE FROM erasures",
    "an entry about an erasure erased": (
        "UPDATE audit_payloads SET salt = NULL, payload = NULL, "
        "erased_in = (SELECT max(seq) FROM audit_entries WHERE kind = 'payload_erased') "
        "WHERE seq = (SELECT max(seq) FROM audit_entries WHERE kind = 'erased')"
    ),
}
TRUNCATED = ("inspections", "trail_entries", "photos", "erasures", "anchors")


@pytest.fixture
def erased(site: Engine) -> Engine:
    """K-AIKO's question is erased, K-BEN's is not."""
    with writing(site) as conn:
        erasures.of_questions(conn, ["K-AIKO"], **BY)
    return site


@pytest.mark.parametrize("rules_off", [False, True], ids=["as Kenpin connects", "with the rules switched off"])
def test_nothing_but_an_erasure_on_record_changes_what_was_asked_and_answered(erased: Engine, rules_off: bool) -> None:
    let_through = []
    with prompt(erased, rules_off=rules_off) as conn:
        for what, statement in REFUSED.items():
            try:
                with conn.begin_nested():
                    changed: Any = conn.exec_driver_sql(statement)
                    let_through.append(f"{what} ({changed.rowcount} rows)")
            except DBAPIError as refusal:
                assert any(
                    word in str(refusal) for word in ("erased", "refused", "deleted", "becomes another", "carried out", "constraint")
                ), refusal
        if erased.dialect.name == "postgresql":
            for table in TRUNCATED:
                with pytest.raises(DBAPIError, match=r"deleted|erased|carried out"), conn.begin_nested():
                    conn.exec_driver_sql(f"TRUNCATE {table} CASCADE")
    assert not let_through


def test_the_one_change_that_is_allowed_goes_through(erased: Engine) -> None:
    with prompt(erased, rules_off=True) as conn:
        changed = conn.exec_driver_sql("UPDATE inspections SET question = '', files = '[]', payload = '{}', words = '' WHERE id = 'K-AIKO'")
        assert changed.rowcount == 1
        changed = conn.execute(inspections_table.update().where(inspections_table.c.id == "K-OPEN").values(state="failed", failed_at="now"))
        assert changed.rowcount == 1, "what is not what was asked changes as before"
