"""One inspection in headless Chromium: the map switched, the photo zoomed and the decision made by keys alone; and the report on paper.

With KENPIN_PICTURES=1 its screenshots become those of docs/console.md.
"""

from __future__ import annotations

import io
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import inspected
import pypdf
import pytest
from inspected import Floor
from signed_in import IDS, PEOPLE, Running

from kenpin.bot import settings
from kenpin.bot.console.desk import Desk
from kenpin.bot.console.page import session_cookie
from kenpin.bot.console.roles import Roles
from kenpin.bot.console.server import Console, listen
from kenpin.bot.jobs import Jobs
from kenpin.storage import decisions, proposals
from kenpin.storage.database import open_database, reading
from kenpin.storage.photos import PhotoStore
from kenpin.storage.vocabulary import DecisionVerdict, Language

playwright = pytest.importorskip("playwright.sync_api")

PICTURES = Path(__file__).parents[4] / "docs" / "pictures"

pytestmark = pytest.mark.browser


@pytest.fixture
def floor(sqlite_url: str, tmp_path: Path) -> Iterator[Floor]:
    engine = open_database(sqlite_url)
    yield inspected.entered(engine, tmp_path)
    engine.dispose()


@pytest.fixture
def running(floor: Floor, sqlite_url: str, tmp_path: Path) -> Iterator[Running]:
    queue, listener = Jobs(sqlite_url), listen(0)
    desk = Desk(
        engine=floor.engine,
        photos=PhotoStore(tmp_path / "photos"),
        settings=settings.read({"KENPIN_HOME": str(tmp_path), "KENPIN_DATABASE_URL": sqlite_url}),
        jobs=queue,
        url=f"http://127.0.0.1:{listener.getsockname()[1]}",
        roles=Roles([f"{IDS[name]}={role}" for name, role in PEOPLE.items()], lambda group: []),
    )
    desk = replace(desk, open_site=lambda: floor.site)
    with Console(desk, listener):
        yield Running(desk)
    queue.close()


def opened(chromium: playwright.Browser, running: Running, id: str, language: Language = Language.EN, width: int = 1280) -> playwright.Page:
    """The page, as Sumi opens it."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, locale="en-GB")
    context.add_cookies([{"name": session_cookie(False), "value": running.token("Sumi", language), "url": running.url}])
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(f"{running.url}/inspections/{id}")
    page.wait_for_load_state("networkidle")
    return page


def test_the_map_the_zoom_and_the_decision_by_keys_alone(chromium: playwright.Browser, running: Running, floor: Floor) -> None:
    page = opened(chromium, running, "K-MARK")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    photo, drawn = page.locator(".viewer-photo"), page.locator(".viewer-map")
    for shown in (photo, drawn):
        assert shown.evaluate("one => one.complete && one.naturalWidth") == 90, "it was really sent"

    page.locator(".viewer-frame").focus()
    playwright.expect(drawn).to_be_visible()
    page.keyboard.press("m")
    playwright.expect(drawn).to_be_hidden()
    page.keyboard.press("m")
    playwright.expect(drawn).to_be_visible()

    before = photo.bounding_box()
    page.keyboard.press("+")
    page.keyboard.press("+")
    closer = photo.bounding_box()
    assert before and closer and closer["width"] == pytest.approx(1.96 * before["width"], rel=0.01)
    page.keyboard.press("ArrowLeft")
    moved = photo.bounding_box()
    assert moved and moved["x"] > closer["x"]
    page.keyboard.press("0")
    whole = photo.bounding_box()
    assert whole and whole["width"] == pytest.approx(before["width"], rel=0.01)

    strength = page.get_by_label("Strength of the map")
    strength.focus()
    page.keyboard.press("Home")
    assert drawn.evaluate("one => getComputedStyle(one).opacity") == "0"

    page.get_by_role("button", name="Show on the photo").press("Enter")
    near = photo.bounding_box()
    assert near and near["width"] > 1.5 * before["width"], "the marked place is brought near"
    picture(page, "inspection")

    while page.evaluate("document.activeElement.value") != "approve":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**#decision")
    playwright.expect(page.locator("section", has=page.locator("#decision"))).to_contain_text("Sumi approved (in the console).")
    with reading(floor.engine) as conn:
        decision = decisions.of_inspection(conn, "K-MARK")
    assert decision is not None and decision.verdict is DecisionVerdict.APPROVED
    assert complaints == []


def test_making_it_again_needs_no_reload(chromium: playwright.Browser, running: Running) -> None:
    page = opened(chromium, running, "K-GOOD")
    page.get_by_role("button", name="Make it again and compare").press("Enter")
    playwright.expect(page.locator("#replay-result")).to_contain_text("The same: nothing came out differently.", timeout=60_000)


def test_the_page_fits_a_telephone(chromium: playwright.Browser, running: Running) -> None:
    for language in Language:
        page = opened(chromium, running, "K-MARK", language, width=360)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, language
        page.context.close()


@pytest.mark.parametrize(
    ("language", "title", "why"), [("en", "Inspection report", "Why did it say that?"), ("ja", "検査報告書", "なぜこの回答")]
)
def test_the_report_on_paper(chromium: playwright.Browser, running: Running, floor: Floor, language: str, title: str, why: str) -> None:
    page = opened(chromium, running, "K-MARK", Language(language))
    report = pypdf.PdfReader(io.BytesIO(page.pdf(format="A4", prefer_css_page_size=True, print_background=True)))
    pages = [plain(one.extract_text()) for one in report.pages]
    text = "".join(pages)
    with reading(floor.engine) as conn:
        proposal = proposals.of_inspection(conn, "K-MARK")
    assert proposal is not None
    links = [entry.hash for entry in floor.log(inspected.AuditKind.ANSWER_SAVED) if entry.inspection_id == "K-MARK"]
    for part in (title, why, "K-MARK", "SC-200", floor.photo("K-MARK").sha256, proposal.digest, *links, "Sumi"):
        assert plain(part) in text, part
    assert all(f"{number}/{len(pages)}" in one for number, one in enumerate(pages, 1)), "each page has its number"
    assert sum(len(one.images) for one in report.pages) >= 2, "the photo and the map"
    assert plain("Sign out") not in text and plain("サインアウト") not in text, "nothing to press"


def plain(text: str) -> str:
    """Without blanks and ligatures; and kanji as they are written, where a font's table names their look-alikes among the radicals."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


def picture(page: playwright.Page, name: str) -> None:
    if os.environ.get("KENPIN_PICTURES"):
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"console-{name}.png")
