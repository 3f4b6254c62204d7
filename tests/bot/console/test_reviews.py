"""Second looks in the console: the answer stays hidden until the person has said what they see, and the first reply stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

import pytest
import sqlalchemy as sa
from signed_in import IDS, Running, words
from test_inspections_list import ANSWER, START, ask

from kenpin.bot.console import reviews
from kenpin.storage import audit, second_looks, tables
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import SecondLook, Verdict


def drawn(console: Running, id: str = "K-A", person: str = "Sumi") -> None:
    console.browser(person)
    ask(console.engine, id, "is this <b>cell</b> OK?", answer=ANSWER)
    with writing(console.engine) as conn:
        second_looks.draw(conn, id, IDS[person])


def test_the_photo_and_the_question_are_shown_and_nothing_of_the_answer(console: Running) -> None:
    drawn(console)
    page = console.browser("Sumi").get("/reviews")
    assert "is this <b>cell</b> OK?" in words(page)
    assert f"/photos/{'1' * 64}?size=shown" in page.text
    main = page.text[page.text.index("<main") :]
    for telling in ("scratch", "94 %", "1.4", "size=map", "chip", "dinov2"):
        assert telling not in main, telling
    assert main.count('name="said"') == 3
    assert [f'accesskey="{key}"' in main for key in "123"] == [True] * 3


@pytest.mark.parametrize(
    ("said", "outcome"),
    [("not_ok", "You and the answer agree"), ("ok", "You and the answer differ"), ("cannot_tell", "You could not tell")],
)
def test_what_is_said_is_recorded_once_and_the_answer_is_told_afterwards(console: Running, said: str, outcome: str) -> None:
    drawn(console)
    sumi = console.browser("Sumi")
    assert sumi.get("/reviews/K-A").status_code == 404
    taken = sumi.submit("/reviews/K-A", {"said": said})
    assert (taken.status_code, taken.headers["location"]) == (303, "/reviews/K-A")
    page = sumi.get("/reviews/K-A")
    assert outcome in words(page)
    assert "Not OK: a scratch, lower left" in words(page)
    with reading(console.engine) as conn:
        reply = second_looks.reply_of(conn, "K-A")
        assert reply is not None
        assert (reply.said, reply.person_id) == (said, IDS["Sumi"])
        assert [entry.kind for entry in audit.entries(conn, inspection_id="K-A")] == [AuditKind.SECOND_LOOK_TAKEN]
    assert "No photo waits" in words(sumi.get("/reviews"))


def test_a_second_reply_changes_nothing_and_is_told_so(console: Running) -> None:
    drawn(console)
    sumi = console.browser("Sumi")
    sumi.submit("/reviews/K-A", {"said": "ok"})
    again = sumi.submit("/reviews/K-A", {"said": "not_ok"})
    assert again.headers["location"] == "/reviews/K-A?stands=1"
    assert 'You had said "OK" already' in words(sumi.get("/reviews/K-A?stands=1"))
    with reading(console.engine) as conn:
        reply = second_looks.reply_of(conn, "K-A")
        assert reply is not None
        assert reply.said is SecondLook.OK
        assert len(list(audit.entries(conn, inspection_id="K-A"))) == 1


def test_nobody_replies_for_somebody_else_nor_sees_what_they_were_told(console: Running) -> None:
    drawn(console)
    ada = console.browser("Ada")
    refused = ada.submit("/reviews/K-A", {"said": "ok"})
    assert refused.status_code == 403
    assert "You were not asked" in words(refused)
    console.browser("Sumi").submit("/reviews/K-A", {"said": "ok"})
    assert ada.get("/reviews/K-A").status_code == 404
    with reading(console.engine) as conn:
        reply = second_looks.reply_of(conn, "K-A")
        assert reply is not None
        assert reply.person_id == IDS["Sumi"]


@pytest.mark.parametrize("said", ["", "perfect", "' OR 1=1 --"])
def test_a_reply_that_is_none_is_not_recorded(console: Running, said: str) -> None:
    drawn(console)
    assert console.browser("Sumi").submit("/reviews/K-A", {"said": said}).status_code == 400
    with reading(console.engine) as conn:
        assert conn.execute(sa.select(tables.second_look_replies)).all() == []


class InASummer(datetime):
    """A clock that is half a year ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> InASummer:
        return cls.fromtimestamp(datetime.now(tz).timestamp() + 180 * 86400, tz)


def test_a_supervisor_sees_who_is_waited_for_and_how_well_they_agree(console: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    for i, said in enumerate((SecondLook.NOT_OK, SecondLook.NOT_OK, SecondLook.OK)):
        drawn(console, f"K-{i}", "Ada")
        with writing(console.engine) as conn:
            second_looks.reply(conn, f"K-{i}", IDS["Ada"], said)
    ask(console.engine, "K-GOOD", "ok?", START + timedelta(days=1), replace(ANSWER, verdict=Verdict.OK))
    with writing(console.engine) as conn:
        second_looks.draw(conn, "K-GOOD", IDS["Ada"])
        second_looks.reply(conn, "K-GOOD", IDS["Ada"], SecondLook.OK)
    drawn(console, "K-OPEN", "Ada")
    page = words(console.browser("Sumi").get("/reviews"))
    assert "Waiting for others" in page
    assert "SC-200 5 4 75.0 % 0.50" in page  # 3 of 4 alike; by chance 1/2
    assert f"Ada ({IDS['Ada']}) 5 4 75.0 % 0.50" in page
    sumi = console.browser("Sumi")
    monkeypatch.setattr(reviews, "datetime", InASummer)
    assert "SC-200 5 4" not in words(sumi.get("/reviews"))
    assert "Nobody was asked for a second look in this time." in words(sumi.get("/reviews"))
    assert "SC-200 5 4 75.0 % 0.50" in words(sumi.get("/reviews?period=365"))
    assert "SC-200 5 4 75.0 % 0.50" in words(sumi.get("/reviews?period=all"))
    wrong = sumi.get("/reviews?period=7' OR 1=1")
    assert (wrong.status_code, "That is no period" in wrong.text) == (400, True)
    vera = words(console.browser("Vera").get("/reviews"))
    assert "Agreement by part" not in vera
    assert "Waiting for others" not in vera


def test_the_audit_log_keeps_the_answer_back_as_well(console: Running) -> None:
    drawn(console)
    with writing(console.engine) as conn:
        entry = audit.append(conn, AuditKind.ANSWER_SAVED, {"verdict": "not_ok"}, "K-A", None)
        audit.append(conn, AuditKind.PART_ADDED, {"part": "SC-59"}, None, IDS["Ada"])
    sumi = console.browser("Sumi")
    for path in ("/audit", "/audit?inspection=k-a", f"/audit/entries/{entry.seq}"):
        page = sumi.get(path)
        assert "not_ok" not in page.text, path
        assert "Kept back from you" in words(page), path
        assert "not_ok" in console.browser("Ada").get(path).text, path
    assert "SC-59" in sumi.get("/audit").text
    sumi.submit("/reviews/K-A", {"said": "ok"})
    assert "not_ok" in sumi.get("/audit").text
