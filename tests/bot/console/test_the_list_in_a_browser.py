"""The list and the second looks in headless Chromium: scrolling brings more, a map is a tick away, and none of it needs a mouse.

With KENPIN_PICTURES=1 its screenshots become those of docs/console.md.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from signed_in import IDS, Running
from test_inspections_list import ANSWER, START, ask

from kenpin.bot.console import page as pages
from kenpin.bot.console.desk import Desk
from kenpin.bot.console.server import Console, listen
from kenpin.storage import inspections, second_looks
from kenpin.storage.database import reading, writing
from kenpin.storage.photos import PhotoStore
from kenpin.storage.vocabulary import Comparison, Photo, SecondLook, Verdict

playwright = pytest.importorskip("playwright.sync_api")

PICTURES = Path(__file__).parents[3] / "docs" / "pictures"
PHONE_PX = 360
LOADED = "(image) => image.decode()"  # fails for a picture that cannot be shown

pytestmark = pytest.mark.browser


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One is enough: what is tested here is the page."""
    return sqlite_url


def picture(photos: PhotoStore, colour: str, mark: str | None) -> str:
    """A washer, with a mark or without; the digest of its file."""
    image = Image.new("RGB", (640, 480), "#d9dde0")
    draw = ImageDraw.Draw(image)
    draw.ellipse((170, 90, 470, 390), fill=colour)
    draw.ellipse((265, 185, 375, 295), fill="#d9dde0")
    if mark:
        draw.line((210, 330, 280, 350), fill=mark, width=9)
    written = io.BytesIO()
    image.save(written, "JPEG", quality=85)
    return photos.put(written.getvalue())


@pytest.fixture
def running(desk: Desk) -> Iterator[Running]:
    listener = listen(0)
    here = Running(replace(desk, url=f"http://127.0.0.1:{listener.getsockname()[1]}"))
    shown, drawn = picture(here.photos, "#8a9299", "#40342c"), picture(here.photos, "#8a9299", "#e03a1e")
    compared = Comparison(
        photo=0,
        part="SC-200",
        references=24,
        anomaly_score=1.4,
        threshold=1.0,
        limits=(0.9, 1.1),
        false_alarm_rate=0.05,
        too_few_references=False,
        confidence=0.94,
        verdict=Verdict.NOT_OK,
        map_sha256=drawn,
        regions=(),
        ms=180.0,
    )
    answer = replace(ANSWER, comparisons=(compared,), headline="SC-200: not OK (94 %). A scratch, lower left.")
    photo = Photo(sha256=shown, shown_sha256=shown, height_px=480, width_px=640)
    with Console(here.desk, listener):
        here.token("Sumi")
        for i in range(60):
            ask(here.engine, f"K-{i:02d}", "is this washer OK? キズ？", START + timedelta(minutes=i), answer, photo)
        yield here


@pytest.fixture
def page(chromium: playwright.Browser, running: Running) -> Iterator[playwright.Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.add_cookies([{"name": pages.session_cookie(False), "value": running.token("Sumi"), "url": running.url}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def keep(page: playwright.Page, name: str) -> None:
    if os.environ.get("KENPIN_PICTURES"):
        page.screenshot(path=PICTURES / f"{name}.png")


def test_scrolling_brings_the_rest_and_a_tick_the_anomaly_map(page: playwright.Page, running: Running) -> None:
    page.goto(f"{running.url}/inspections?words=washer")
    rows = page.locator(".inspection-row")
    assert rows.count() == 50
    first = rows.first
    first.locator("img.photo").evaluate(LOADED)
    assert not first.locator("img.map").is_visible()
    first.get_by_label("Map").focus()
    page.keyboard.press("Space")
    first.locator("img.map").wait_for(state="visible")
    assert not first.locator("img.photo").is_visible()
    first.locator("img.map").evaluate(LOADED)
    page.evaluate("() => window.scrollTo(0, 0)")
    keep(page, "console-inspections")
    page.locator("li.more").scroll_into_view_if_needed()
    playwright.expect(rows).to_have_count(60)
    assert page.locator("li.more").count() == 0
    assert page.get_by_text("That is all that fits.").is_visible()
    page.get_by_label("Show every anomaly map").check()
    assert rows.last.locator("img.map").is_visible()


def test_the_list_fits_a_telephone(page: playwright.Page, running: Running) -> None:
    page.set_viewport_size({"width": PHONE_PX, "height": 740})
    page.goto(f"{running.url}/inspections?words=washer")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_PX


def test_a_second_look_is_taken_without_a_mouse(page: playwright.Page, running: Running) -> None:
    with writing(running.engine) as conn:
        second_looks.draw(conn, "K-07", IDS["Sumi"])
        assert inspections.answer_of(conn, "K-07")
    page.goto(f"{running.url}/reviews")
    assert "scratch" not in page.inner_text("main")
    page.locator(".review-photos img").evaluate(LOADED)
    keep(page, "console-reviews")
    page.get_by_role("button", name="OK", exact=False).first.focus()
    page.keyboard.press("Tab")
    assert "Not OK" in page.evaluate("document.activeElement.innerText")
    page.keyboard.press("Enter")
    page.wait_for_url("**/reviews/K-07")
    assert page.inner_text("h2") == "You and the answer agree"
    assert "A scratch, lower left" in page.inner_text("main")
    with reading(running.engine) as conn:
        reply = second_looks.reply_of(conn, "K-07")
    assert reply is not None
    assert reply.said is SecondLook.NOT_OK
