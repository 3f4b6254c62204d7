"""The list of inspections over real HTTP: what is found, what is refused beside its field, saved views, and what stays hidden."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from signed_in import IDS, Running, words
from sqlalchemy.engine import Engine

from kenpin.storage import inspections, parts, people, search, second_looks, tables
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import Answer, Language, Photo, SecondLook, Source, Verdict

START = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
SCRIPT = "<script>alert(1)</script>"
ANSWER = Answer(
    language=Language.EN,
    headline="Not OK: a scratch, lower left",
    lines=(),
    verdict=Verdict.NOT_OK,
    abstention=None,
    part="SC-200",
    anomaly_score=1.4,
    threshold=1.0,
    confidence=0.94,
    comparisons=(),
    findings=(),
    similar=(),
    pictures=(),
    proposed=None,
    trail=(),
    model="dinov2-small",
)


PHOTO = Photo(sha256="1" * 64, shown_sha256="2" * 64, height_px=300, width_px=400)


def ask(engine: Engine, id: str, question: str, at: datetime = START, answer: Answer | None = None, photo: Photo = PHOTO) -> None:
    with writing(engine) as conn:
        people.remember(conn, "U-BEN", "Ben", "ben@example.com")
        parts.add(conn, "SC-200", None, "U-BEN")
        inspections.receive(
            conn,
            id=id,
            source=Source.SLACK,
            event_id=None,
            channel="C-QUALITY",
            message_ts=id,
            thread_ts=None,
            asked_by="U-BEN",
            question=question,
            language=Language.EN,
            received_at=at,
            files=[],
            payload={},
        )
        inspections.save_photos(conn, id, [photo])
        if answer is not None:
            inspections.save_answer(conn, id, answer)


def listed(page: str) -> list[str]:
    return re.findall(r"<strong>(K-[^<]+)</strong>", page)


def test_the_list_finds_by_filters_and_words_and_says_how_many(console: Running) -> None:
    ask(console.engine, "K-A", "is SC-200 OK?", answer=ANSWER)
    ask(console.engine, "K-B", "傷はありますか", START + timedelta(days=1))
    browser = console.browser("Vera")
    everything = browser.get("/inspections")
    assert listed(everything.text) == ["K-B", "K-A"]
    assert "2 inspections" in words(everything)
    assert "Not OK: a scratch, lower left" in words(everything)
    assert f'src="/photos/{"1" * 64}?size=thumb"' in everything.text
    for query, found in (
        ("words=傷", ["K-B"]),
        ("words=scratch&part=sc200", ["K-A"]),
        ("verdict=not_ok&confidence_from=90&asked_by=Ben&channel=C-QUALITY", ["K-A"]),
        ("from=2026-11-02", ["K-B"]),
        ("to=2026-11-01", ["K-A"]),
        ("order=oldest", ["K-A", "K-B"]),
        ("order=least_sure", ["K-A"]),
        ("escalated=1", []),
        ("state=pending", []),
    ):
        assert listed(browser.get(f"/inspections?{query}").text) == found, query
    japanese = words(console.browser("Sumi", Language.JA).get("/inspections"))
    assert "検査 2 件" in japanese


def test_what_cannot_be_used_is_said_beside_its_field_and_the_rest_stays(console: Running) -> None:
    ask(console.engine, "K-A", "is SC-200 OK?")
    browser = console.browser("Vera")
    for query, sentence in (
        ("from=yesterday", '"yesterday" is no day'),
        ("from=2026-11-02&to=2026-11-01", "The last day, 2026-11-01, comes before the first, 2026-11-02"),
        ("part=NO-SUCH", 'There is no part "NO-SUCH"'),
        ("asked_by=Nobody", 'Nobody here is called "Nobody"'),
        ("verdict=perfect", '"perfect" is none of the choices'),
        ("confidence_from=very", '"very" is no share in per cent'),
        ("confidence_from=nan", '"nan" is no share in per cent'),
        ("confidence_from=90&confidence_to=80", "The range ends at 80"),
        ("words=a", '"a" is in nearly every text'),
        ("order=sideways", '"sideways" is none of the choices'),
        (f"lot={'9' * 201}", "That is too long; 200 characters at most"),
    ):
        page = browser.get(f"/inspections?{query}&model=kept-as-typed")
        assert page.status_code == 400, query
        assert sentence in words(page), query
        assert 'value="kept-as-typed"' in page.text, query
        assert listed(page.text) == [], query


INJECTIONS = ("' OR '1'='1", "'; DROP TABLE inspections; --", '" OR ""="', "x') UNION SELECT * FROM sessions --", SCRIPT)


def test_no_filter_is_a_way_into_the_database_or_the_page(console: Running) -> None:
    ask(console.engine, "K-A", SCRIPT, answer=replace(ANSWER, headline=SCRIPT))
    browser = console.browser("Vera")
    fields = "words from to part lot channel asked_by verdict confidence_from confidence_to disposition state decided_by model order after"
    for name in (*fields.split(), "escalated"):
        for value in INJECTIONS:
            page = browser.get("/inspections", params={name: value})
            assert page.status_code in (200, 400), (name, value)
            assert SCRIPT not in page.text
            found = listed(page.text)
            assert found in ([], ["K-A"])
            assert found == [] or name in ("after", "escalated") or value == SCRIPT, (name, value)
    assert listed(browser.get("/inspections").text) == ["K-A"]


def test_page_after_page_until_all_were_shown_with_and_without_scripts(console: Running) -> None:
    for i in range(60):
        ask(console.engine, f"K-{i:02d}", "ok?", START + timedelta(minutes=i))
    browser = console.browser("Vera")
    first = browser.get("/inspections")
    assert len(listed(first.text)) == 50
    more = re.search(r'href="(/inspections\?[^"]*after=[^"]+)"', first.text)
    assert more
    address = more[1].replace("&amp;", "&")
    assert f'hx-get="{more[1]}"' in first.text
    part, whole = browser.get(address, headers={"HX-Request": "true"}), browser.get(address)
    assert "<html" not in part.text
    assert "<html" in whole.text
    assert listed(part.text) == listed(whole.text) == [f"K-{i:02d}" for i in range(9, -1, -1)]
    assert "after=" not in part.text


def test_a_list_that_has_looked_long_enough_says_how_far_and_looks_on(console: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(4):
        ask(console.engine, f"K-{i}", "ok?", START + timedelta(days=i), ANSWER)
    with writing(console.engine) as conn:
        parts.add(conn, "SC-300", None, "U-BEN")
    ask(console.engine, "K-OK", "ok?", START - timedelta(days=9), replace(ANSWER, verdict=Verdict.OK))
    ask(console.engine, "K-OK-2", "ok?", START - timedelta(days=8), replace(ANSWER, verdict=Verdict.OK, part="SC-300"))
    for name in ("_LOOKED_AT", "_NARROW", "_NARROW_ON_POSTGRESQL"):
        monkeypatch.setattr(search, name, 1)
    browser = console.browser("Vera")
    page = browser.get("/inspections", params={"part": "SC-200", "verdict": "ok"})
    assert "Looking for what fits" in words(page)
    assert f"Looked back to {START - timedelta(days=8):%Y-%m-%d}" in words(page)
    assert listed(page.text) == []
    assert 'hx-trigger="load, click"' in page.text
    turns, found = 0, list[str]()
    while more := re.search(r'href="(/inspections\?[^"]*after=[^"]+)"', page.text):
        page = browser.get(more[1].replace("&amp;", "&"), headers={"HX-Request": "true"})
        turns, found = turns + 1, found + listed(page.text)
    assert found == ["K-OK"]
    assert 1 <= turns <= 3
    assert "That is all that fits." in page.text
    by_confidence = browser.get("/inspections", params={"part": "SC-300", "order": "least_sure"})
    assert "Looked up to a confidence of 94.0 %" in words(by_confidence)


def test_small_pictures_that_were_looked_at_are_kept_once_for_the_page(console: Running) -> None:
    ask(console.engine, "K-A", "ok?")
    ask(console.engine, "K-B", "ok?")
    console.browser("Vera").get("/inspections")
    with reading(console.engine) as conn:
        kept = conn.execute(sa.select(tables.photo_views.c.person_id, tables.photo_views.c.photo_sha256)).all()
    assert kept == [(IDS["Vera"], "2" * 64)]


def test_a_view_is_saved_shared_used_and_removed_by_its_owner_alone(console: Running) -> None:
    ask(console.engine, "K-A", "is SC-200 OK?", answer=ANSWER)
    vera, sumi = console.browser("Vera"), console.browser("Sumi")
    asked = {"name": "Bad <b>cells</b>", "query": "verdict=not_ok&part=SC-200&evil=1", "shared": "1"}
    assert vera.submit("/inspections/views", asked).status_code == 303
    assert vera.submit("/inspections/views", {"name": "Mine", "query": "verdict=ok"}).status_code == 303
    page = sumi.get("/inspections")
    assert "Bad &lt;b&gt;cells&lt;/b&gt;" in page.text
    assert "by Vera" in words(page)
    assert "Mine" not in words(page)
    link = re.search(r'href="(/inspections\?[^"]*verdict[^"]*)"', page.text)
    assert link
    assert listed(sumi.get(link[1].replace("&amp;", "&")).text) == ["K-A"]
    assert "evil" not in link[1]
    own = re.search(r'action="(/inspections/views/[^"]+/drop)"', vera.get("/inspections").text)
    assert own
    assert sumi.submit(own[1]).status_code == 404
    assert vera.submit(own[1]).status_code == 303
    assert "Bad" not in words(sumi.get("/inspections"))


@pytest.mark.parametrize(
    "fields", [{"name": "", "query": "part=SC-200"}, {"name": "x" * 61, "query": ""}, {"name": "x", "query": "from=never"}]
)
def test_a_view_that_cannot_be_used_is_not_saved_and_what_was_typed_is_shown(console: Running, fields: dict[str, str]) -> None:
    refused = console.browser("Vera").submit("/inspections/views", fields)
    assert refused.status_code == 400
    assert "This view was not saved" in words(refused)
    with reading(console.engine) as conn:
        assert conn.execute(sa.select(tables.saved_views)).all() == []


def test_an_answer_that_somebody_has_yet_to_look_at_again_is_not_in_their_list(console: Running) -> None:
    ask(console.engine, "K-A", "is SC-200 OK?", answer=ANSWER)
    sumi, vera = console.browser("Sumi"), console.browser("Vera")
    with writing(console.engine) as conn:
        second_looks.draw(conn, "K-A", IDS["Sumi"])
    page = sumi.get("/inspections?verdict=not_ok")
    assert listed(page.text) == []
    assert "scratch" not in page.text
    assert "Left out here: 1" in words(page)
    assert listed(vera.get("/inspections?verdict=not_ok").text) == ["K-A"]
    with writing(console.engine) as conn:
        second_looks.reply(conn, "K-A", IDS["Sumi"], SecondLook.OK)
    assert listed(sumi.get("/inspections?verdict=not_ok").text) == ["K-A"]
