"""The audit pages in headless Chromium, by keyboard alone: the log is verified, an export downloaded, a question erased.

With KENPIN_PICTURES=1 its screenshots become those of docs/console.md.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from signed_in import Running

from kenpin.bot import anchoring
from kenpin.bot.anchoring import Anchoring
from kenpin.bot.console import page as pages
from kenpin.bot.console.desk import Desk
from kenpin.bot.console.server import Console, listen
from kenpin.storage import audit, inspections, people
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import Language, Source

playwright = pytest.importorskip("playwright.sync_api")

PICTURES = Path(__file__).parents[3] / "docs" / "pictures"
PHONE_PX = 360

pytestmark = pytest.mark.browser


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """These are about the pages; test_audit_pages.py asks for the same on both databases."""
    return sqlite_url


@pytest.fixture
def running(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A console over a short log with three anchors, the first of which has been taken out of its file."""
    monkeypatch.chdir(tmp_path)
    file = Path("anchors.jsonl")  # a short name for the pictures
    with writing(desk.engine) as conn:
        people.remember(conn, "U-OLGA", "Olga Ono", "olga@example.com")
        inspections.receive(
            conn, id="K-7F3A9CD", source=Source.SLACK, event_id="Ev1", channel="C1", message_ts="1.1", thread_ts=None, asked_by="U-OLGA",
            question="is this OK?", language=Language.EN, received_at="2026-11-23T05:00:00Z", files=[], payload={},
        )  # fmt: skip
        audit.append(conn, AuditKind.QUESTION_RECEIVED, {"question": "is this OK?", "files": ["cell.jpg"]}, "K-7F3A9CD", "U-OLGA")
        inspections.mark_failed(conn, "K-7F3A9CD", "gone")
        for number in range(3):
            audit.append(conn, AuditKind.PART_ADDED, {"part": f"SC-{number}"}, person_id="U-OLGA")
    for _ in range(3):
        anchoring.make_now(desk.engine, Anchoring(file=file))
    file.write_text("".join(line + "\n" for line in file.read_text().splitlines()[1:]))
    listener = listen(0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    here = replace(desk, url=url, settings=replace(desk.settings, anchor_file=file))
    with Console(here, listener):
        yield Running(here)


@pytest.fixture
def page(chromium: playwright.Browser, running: Running) -> Iterator[playwright.Page]:
    """Ada, an admin, with no mouse."""
    context = chromium.new_context(viewport={"width": 1280, "height": 860}, locale="en-GB", accept_downloads=True)
    context.add_cookies([{"name": pages.session_cookie(False), "value": running.token("Ada"), "url": running.url}])
    yield context.new_page()
    context.close()


def press(page: playwright.Page, words: str) -> None:
    """Tab to what says this, and press Enter."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if words in page.evaluate("document.activeElement.innerText || ''"):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"no Tab reaches {words!r}")


def picture(page: playwright.Page, name: str) -> None:
    if os.environ.get("KENPIN_PICTURES") == "1":
        page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def test_the_log_is_verified_and_what_is_missing_is_said(page: playwright.Page, running: Running) -> None:
    page.goto(f"{running.url}/audit/anchors")
    press(page, "Verify now")
    page.get_by_text("An anchor is missing").wait_for()  # without a click: the page looks again by itself
    page.get_by_text("The chain is whole: 7 entries").wait_for()
    page.reload()
    assert page.locator(".chip.not_ok").inner_text() == "missing"
    assert page.locator(".chip.ok").count() == 2
    picture(page, "console-audit-anchors")


def test_an_export_is_downloaded(page: playwright.Page, running: Running, tmp_path: Path) -> None:
    page.goto(f"{running.url}/audit/export")
    press(page, "Export")  # the tab of this page comes first
    page.wait_for_url("**/audit/export")
    page.get_by_role("button", name="Export", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Download").wait_for()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").press("Enter")
    download.value.save_as(tmp_path / "export.zip")
    with zipfile.ZipFile(tmp_path / "export.zip") as file:
        assert {Path(name).name for name in file.namelist()} >= {"entries.csv", "manifest.json", "manifest.sig", "verify_export.py"}


def test_a_question_is_erased_by_typing_it_twice(page: playwright.Page, running: Running) -> None:
    page.goto(f"{running.url}/audit?inspection=K-7F3A9CD")
    press(page, "What it says")
    assert "is this OK?" in page.inner_text("pre")
    page.goto(f"{running.url}/audit/keeping")
    page.get_by_label("A question and the words of its answer").press("Space")
    page.get_by_label("Which").fill("K-7F3A9CD")
    page.get_by_label("Why").fill("asked by letter")
    page.get_by_label("Type it again to confirm").fill("K-7F3A9CD")
    press(page, "Erase for good")
    page.wait_for_url("**/audit/keeping#erasures")
    assert "asked by letter" in page.inner_text("table.list >> nth=-1")
    picture(page, "console-audit-keeping")
    page.goto(f"{running.url}/audit?inspection=K-7F3A9CD")
    assert "Erased on" in page.inner_text("table.list")
    assert "is this OK?" not in page.content()
    with reading(running.engine) as conn:
        assert audit.verify(conn).whole


@pytest.mark.parametrize("path", ["/audit", "/audit/entries/1", "/audit/anchors", "/audit/export", "/audit/keeping"])
def test_no_page_is_wider_than_a_telephone(page: playwright.Page, running: Running, path: str) -> None:
    page.set_viewport_size({"width": PHONE_PX, "height": 740})
    page.goto(running.url + path)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_PX
