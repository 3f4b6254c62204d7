"""The console's audit pages over HTTP, on both databases: entries and filters, verifying, anchors, exports, keeping and erasing."""

from __future__ import annotations

import json
import re
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from signed_in import IDS, Browser, Running, words
from sqlalchemy.engine import Engine
from test_inspections_list import ANSWER, ask

from kenpin import prompts
from kenpin.bot.console.server import Console, listen
from kenpin.storage import audit, erasures, export_verifier, inspections, people, retention, second_looks
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.erasures import ErasedKind
from kenpin.storage.retention import Kept
from kenpin.storage.vocabulary import Language, Photo, Source

T = TypeVar("T")


@pytest.fixture
def log(console: Running) -> Running:
    """A question by Olga with one photo, answered by failing; and sixty entries about parts."""
    photo = console.photos.put(b"\xff\xd8 the photo")
    with writing(console.engine) as conn:
        people.remember(conn, "U-OLGA", "Olga", "olga@example.com")
        inspections.receive(
            conn, id="K-OLGA", source=Source.SLACK, event_id="Ev1", channel="C1", message_ts="1.1", thread_ts=None, asked_by="U-OLGA",
            question="<b>is this OK?</b>", language=Language.EN, received_at="2026-11-23T05:00:00Z", files=[], payload={},
        )  # fmt: skip
        shown = console.photos.put(b"\xff\xd8 shown")
        inspections.save_photos(conn, "K-OLGA", [Photo(sha256=photo, shown_sha256=shown, height_px=3, width_px=4)])
        inspections.mark_failed(conn, "K-OLGA", "gone")
        audit.append(conn, AuditKind.QUESTION_RECEIVED, {"question": "<b>is this OK?</b>"}, "K-OLGA", "U-OLGA")
        for number in range(60):
            audit.append(conn, AuditKind.PART_ADDED, {"part": f"SC-{number}"}, person_id="U-CHIKA")
    return console


def waited_for(look: Callable[[], T | None]) -> T:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("waited a minute")


def finished(browser: Browser, path: str) -> str:
    """What came of the work that this page shows, once it is over; asked as the page itself asks."""
    shown = browser.get(path).text
    work = re.search(r"/audit/work/\w+", shown)
    if work is None:
        return shown
    return waited_for(lambda: (found := browser.get(work.group()).text) and "hx-trigger" not in found and found)


# Entries


def test_everybody_who_is_in_can_read_the_entries_newest_first(log: Running) -> None:
    vera = log.browser("Vera")
    shown = vera.get("/audit")
    assert shown.status_code == 200
    assert "SC-59" in shown.text and "SC-9&#34;" not in shown.text
    older = re.search(r'rel="next" href="([^"]+)"', shown.text)
    assert older
    second = vera.get(older.group(1).replace("&amp;", "&")).text
    assert "&lt;b&gt;is this OK?&lt;/b&gt;" in second, "shown as it was written, never as HTML"
    assert "<b>is this" not in second


@pytest.mark.parametrize(
    ("query", "there", "not_there"),
    [
        ("kind=question_received", "K-OLGA", "SC-59"),
        ("inspection=k-olga", "Question received</td>", "SC-59"),
        ("person=U-OLGA", "Olga", "SC-59"),
        ("kind=part_added&person=U-CHIKA", "SC-59", "K-OLGA"),
        ("since=2020-01-01&until=2020-01-02", "No entry is like that", "SC-59"),
        ("since=2020-01-01", "SC-59", "No entry is like that"),
    ],
)
def test_the_filters_show_what_they_say(log: Running, query: str, there: str, not_there: str) -> None:
    shown = log.browser("Vera").get(f"/audit?{query}").text
    assert there in shown
    assert not_there not in shown


@pytest.mark.parametrize("bad", ["since=yesterday", "before=x", "until=2026-13-40"])
def test_a_filter_that_means_nothing_gets_a_page_that_says_so(log: Running, bad: str) -> None:
    shown = log.browser("Vera").get(f"/audit?{bad}")
    assert shown.status_code == 400
    assert "That could not be understood" in shown.text


@pytest.mark.parametrize("value", ["' OR 1=1 --", "%", "K-OLGA'; DROP TABLE audit_entries; --"])
def test_sql_in_a_filter_is_only_a_value(log: Running, value: str) -> None:
    vera = log.browser("Vera")
    for name in ("kind", "person", "inspection"):
        assert vera.get("/audit", params={name: value}).status_code == 200
    with reading(log.engine) as conn:
        assert audit.verify(conn).whole


def test_one_entry_has_an_address_and_shows_its_links_in_the_chain(log: Running) -> None:
    vera = log.browser("Vera")
    shown = vera.get("/audit/entries/2").text
    with reading(log.engine) as conn:
        entry = audit.show(conn, "2")[0]
    assert entry.hash in shown and entry.prev_hash in shown
    assert 'href="/audit/entries/1"' in shown and 'href="/audit/entries/3"' in shown
    missing = vera.get("/audit/entries/999999")
    assert missing.status_code == 404
    assert "There is no entry 999,999" in missing.text


def test_every_kind_of_entry_has_its_words_in_both_languages() -> None:
    for kind in AuditKind:
        for language in ("en", "ja"):
            assert prompts.render(f"console_audit.kind_{kind}", language)


# Wholeness


def test_a_supervisor_verifies_and_everybody_sees_what_came_of_it(log: Running) -> None:
    sumi = log.browser("Sumi")
    assert sumi.submit("/audit/verify").status_code == 303
    assert "The chain is whole" in finished(sumi, "/audit/anchors")
    assert "チェーンは完全です" in log.browser("Vera", Language.JA).get("/audit/anchors").text


def test_a_broken_chain_is_said_to_be_broken_and_where(log: Running, database: Engine) -> None:
    with writing(database) as conn:
        if database.dialect.name == "sqlite":
            conn.exec_driver_sql("DROP TRIGGER audit_entries_no_update")
        else:
            conn.exec_driver_sql("ALTER TABLE audit_entries DISABLE TRIGGER ALL")
        conn.exec_driver_sql("UPDATE audit_entries SET person_id = 'U-VERA' WHERE seq = 3")
    sumi = log.browser("Sumi")
    sumi.submit("/audit/verify")
    assert "The chain is broken at entry 3: entry 3 was altered." in finished(sumi, "/audit/anchors")


def test_an_anchor_can_be_kept_and_its_state_is_shown(log: Running, tmp_path: Path) -> None:
    file = tmp_path / "anchors.jsonl"
    listener = listen(0)
    settings = replace(log.desk.settings, anchor_file=file)
    here = Running(replace(log.desk, settings=settings, url=f"http://127.0.0.1:{listener.getsockname()[1]}"))
    with Console(here.desk, listener):
        sumi = here.browser("Sumi")
        assert sumi.submit("/audit/anchors/now").status_code == 303
        sumi.submit("/audit/verify")
        finished(sumi, "/audit/anchors")
        assert '<span class="chip ok">holds</span>' in sumi.get("/audit/anchors").text
        file.write_text("")
        sumi.submit("/audit/verify")
        assert "An anchor is missing" in finished(sumi, "/audit/anchors")
        assert '<span class="chip not_ok">missing</span>' in sumi.get("/audit/anchors").text
        for browser in here.browsers:
            browser.close()


def test_without_a_place_for_anchors_the_page_says_what_to_set(log: Running) -> None:
    sumi = log.browser("Sumi")
    assert "set KENPIN_ANCHOR_CHANNEL or KENPIN_ANCHOR_FILE" in sumi.get("/audit/anchors").text
    refused = sumi.submit("/audit/anchors/now")
    assert refused.status_code == 409
    assert "There is no place to keep an anchor" in refused.text


# Exporting


def test_a_supervisor_exports_and_downloads_what_an_auditor_can_check(log: Running, tmp_path: Path) -> None:
    sumi = log.browser("Sumi")
    assert sumi.submit("/audit/export/new", {"format": "jsonl", "photos": "1"}).status_code == 303
    shown = finished(sumi, "/audit/export")
    link = re.search(r"/audit/export/(kenpin-audit-[\d-]+-entries-1-\d+)\.zip", shown)
    assert link, shown
    with zipfile.ZipFile(BytesIO(sumi.get(link.group()).content)) as file:
        file.extractall(tmp_path / "auditor")
    report = export_verifier.check(tmp_path / "auditor" / link.group(1))
    assert (report.wrong, report.status) == ([], 0)
    assert link.group() in sumi.get("/audit/export").text
    with reading(log.engine) as conn:
        told = list(audit.entries(conn, kind=AuditKind.LOG_EXPORTED))
    assert [(entry.person_id, entry.payload and entry.payload["format"]) for entry in told] == [(IDS["Sumi"], "jsonl")]


def test_an_export_waits_for_a_second_look_whose_answer_it_would_tell(log: Running) -> None:
    sumi, ada = log.browser("Sumi"), log.browser("Ada")
    ask(log.engine, "K-A", "is this OK?", answer=ANSWER)
    with writing(log.engine) as conn:
        told = audit.append(conn, AuditKind.ANSWER_SAVED, {"headline": "Not OK: a scratch"}, "K-A")
        second_looks.draw(conn, "K-A", IDS["Sumi"])

    refused = sumi.submit("/audit/export/new", {"format": "csv", "since": "2020-01-01"})
    assert refused.status_code == 409
    assert f"from entry {told.seq} on" in words(refused)
    assert "2020-01-01" in refused.text, "what was typed is not lost"
    assert sumi.submit("/audit/export/new", {"format": "csv", "until": str(told.seq - 1)}).status_code == 303
    own = re.search(rf"/audit/export/kenpin-audit-[\d-]+-entries-1-{told.seq - 1}\.zip", finished(sumi, "/audit/export"))
    assert own and sumi.get(own.group()).status_code == 200, "what was before tells nothing"

    assert ada.submit("/audit/export/new", {"format": "csv"}).status_code == 303
    others = re.search(r"/audit/export/kenpin-audit-[\w-]+\.zip", finished(ada, "/audit/export"))
    assert others and ada.get(others.group()).status_code == 200
    assert sumi.get(others.group()).status_code == 409, "nor by way of somebody else's"

    sumi.submit("/reviews/K-A", {"said": "not_ok"})
    assert sumi.get(others.group()).status_code == 200
    assert sumi.submit("/audit/export/new", {"format": "csv"}).status_code == 303


def test_an_export_from_no_day_is_refused_at_once(log: Running) -> None:
    refused = log.browser("Sumi").submit("/audit/export/new", {"format": "csv", "since": "yesterday"})
    assert refused.status_code == 400
    assert "neither a day such as" in words(refused)


def test_an_export_of_nothing_says_so(log: Running) -> None:
    sumi = log.browser("Sumi")
    sumi.submit("/audit/export/new", {"format": "csv", "since": "2100-01-01"})
    assert "There are no entries from" in finished(sumi, "/audit/export")


@pytest.mark.parametrize("name", ["kenpin-none.zip", "..%2Fkenpin.sqlite", "kenpin-..%2F..%2Fetc%2Fpasswd", "export-key.pem"])
def test_nothing_but_a_finished_export_can_be_downloaded(log: Running, name: str) -> None:
    assert log.browser("Ada").get(f"/audit/export/{name}").status_code == 404


# Keeping and erasing


def test_an_admin_sets_how_long_things_are_kept(log: Running) -> None:
    ada = log.browser("Ada")
    assert ada.submit("/audit/keeping/days", {"part": "*", "again": "*", "photo_days": "365"}).status_code == 303
    with reading(log.engine) as conn:
        assert retention.of(conn, "*") == Kept(photo_days=365)
        (told,) = audit.entries(conn, kind=AuditKind.RETENTION_SET)
    assert told.payload and told.payload["by"] == IDS["Ada"]
    assert "365" in ada.get("/audit/keeping").text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"part": "*", "again": "SC-1", "photo_days": "9"}, "What you typed twice is not the same"),
        ({"part": "*", "again": "*", "photo_days": "nine"}, "Days are a whole number"),
        ({"part": "*", "again": "*", "photo_days": "0"}, "Keeping photos for 0 days cannot be set"),
        ({"part": "SC-1", "again": "SC-1", "photo_days": "9"}, "There is no part &#39;SC-1&#39;"),
    ],
)
def test_what_cannot_be_set_is_said_and_what_was_typed_is_kept(log: Running, fields: dict[str, str], words: str) -> None:
    refused = log.browser("Ada").submit("/audit/keeping/days", fields)
    assert refused.status_code == 422
    assert words in refused.text
    assert f'value="{fields["photo_days"]}"' in refused.text


def test_an_admin_erases_a_question_and_the_log_shows_who_did(log: Running) -> None:
    ada = log.browser("Ada")
    refused = ada.submit("/audit/keeping/erase", {"kind": "question", "subject": "K-OLGA", "again": "K-OLG", "why": "asked"})
    assert "What you typed twice is not the same" in refused.text
    assert "Say why" in ada.submit("/audit/keeping/erase", {"kind": "question", "subject": "K-OLGA", "again": "K-OLGA"}).text
    assert (
        ada.submit("/audit/keeping/erase", {"kind": "question", "subject": "k-olga", "again": "k-olga", "why": "asked"}).status_code == 303
    )
    with reading(log.engine) as conn:
        found = inspections.get(conn, "K-OLGA")
        assert found and found.question == ""
        assert audit.verify(conn).whole
        assert not erasures.to_carry_out(conn)
    for path in ("/audit?inspection=K-OLGA", "/inspections/K-OLGA", "/inspections"):
        shown = log.browser("Vera").get(path).text
        assert "Erased on" in shown and "is this OK?" not in shown, path
    assert "K-OLGA" in ada.get("/audit/keeping").text


def test_an_admin_erases_a_photo_and_its_files_are_gone(log: Running) -> None:
    with reading(log.engine) as conn:
        (photo,) = inspections.photos_of(conn, "K-OLGA")
    assert isinstance(photo, Photo) and log.photos.has(photo.sha256)
    features = log.desk.settings.cache / "wholes" / "1-eye"
    features.mkdir(parents=True)
    (features / f"{photo.shown_sha256}.npy").write_bytes(b"features")
    ada = log.browser("Ada")
    fields = {"kind": "photo", "subject": photo.sha256, "again": photo.sha256, "why": "a face on it"}
    assert ada.submit("/audit/keeping/erase", fields).status_code == 303
    assert not log.photos.has(photo.sha256) and not log.photos.has(photo.shown_sha256)
    assert not list(features.iterdir())
    with reading(log.engine) as conn:
        assert erasures.of(conn, ErasedKind.PHOTO, [photo.sha256])[photo.sha256].carried_out_at
    assert "Erased on" in words(log.browser("Vera").get("/inspections/K-OLGA"))


def test_an_admin_writes_and_downloads_what_is_kept_of_a_person(log: Running) -> None:
    ada = log.browser("Ada")
    assert "Nobody on record has the id U-NOBODY" in ada.submit("/audit/keeping/person", {"person": "U-NOBODY"}).text
    assert ada.submit("/audit/keeping/person", {"person": "U-OLGA"}).status_code == 303
    shown = finished(ada, "/audit/keeping")
    link = re.search(r"/audit/export/kenpin-person-[\d-]+\.zip", shown)
    assert link, shown
    with zipfile.ZipFile(BytesIO(ada.get(link.group()).content)) as file:
        assert json.loads(file.read("inspections.json"))[0]["question"] == "<b>is this OK?</b>"
        assert len([name for name in file.namelist() if name.startswith("photos/")]) == 1
    assert log.browser("Sumi").get(link.group()).status_code == 404, "a supervisor exports the log, not a person"


# Who may what


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("Vera", "/audit/verify"),
        ("Vera", "/audit/anchors/now"),
        ("Vera", "/audit/export/new"),
        ("Sumi", "/audit/keeping/days"),
        ("Sumi", "/audit/keeping/erase"),
        ("Sumi", "/audit/keeping/person"),
    ],
)
def test_who_has_not_the_role_is_refused_and_the_log_has_it(log: Running, who: str, path: str) -> None:
    fields = {"kind": "question", "subject": "K-OLGA", "again": "K-OLGA", "why": "so", "part": "*", "photo_days": "1", "person": "U-OLGA"}
    refused: httpx.Response = log.browser(who).submit(path, fields)
    assert refused.status_code == 403
    with reading(log.engine) as conn:
        newest = next(audit.entries(conn, newest_first=True, limit=1))
        assert (newest.kind, newest.person_id, newest.payload and newest.payload["path"]) == (AuditKind.PAGE_REFUSED, IDS[who], path)
        assert inspections.get(conn, "K-OLGA").question  # type: ignore[union-attr]
        assert not retention.rules(conn)


@pytest.mark.parametrize("path", ["/audit/export", "/audit/keeping"])
def test_a_viewer_does_not_see_the_pages_of_others(log: Running, path: str) -> None:
    vera = log.browser("Vera")
    assert vera.get(path).status_code == 403
    assert f'href="{path}"' not in vera.get("/audit").text
