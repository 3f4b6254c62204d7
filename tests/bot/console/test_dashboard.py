"""The dashboard over HTTP on both databases, and once in a real browser: its numbers, where they lead, and what it refuses."""

from __future__ import annotations

import re
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from signed_in import Running, words
from sqlalchemy.engine import Engine

sys.path.append(str(Path(__file__).parents[2] / "storage"))  # where the plant lies

import plant

from kenpin.bot.console import page
from kenpin.storage import drift, people
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import Language

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")


@pytest.fixture
def three_weeks(database: Engine) -> None:
    """A plant up to now."""
    plant.built(database, plant.Plant(days=20, a_day=20, last=datetime.now(UTC) - timedelta(minutes=5)))


def whole(console: Running, path: str, language: Language = Language.EN) -> str:
    """The page once everything is counted."""
    browser = console.browser("Vera", language)
    for _ in range(100):
        answer = browser.get(path)
        assert answer.status_code == 200, answer.text
        if "hx-trigger" not in answer.text:
            return answer.text
    raise AssertionError("the counting does not end")


def number(html: str, name: str) -> str:
    found = re.search(rf"<dt>{name}</dt>\s*<dd class=\"large\"><a href=\"([^\"]+)\">([^<]+)</a>", html)
    assert found is not None, name
    return found[2]


def link(html: str, name: str) -> str:
    found = re.search(rf"<dt>{name}</dt>\s*<dd class=\"large\"><a href=\"([^\"]+)\">", html)
    assert found is not None, name
    return found[1].replace("&amp;", "&")


def test_the_numbers_lead_to_exactly_what_they_count(three_weeks: None, console: Running) -> None:
    html = whole(console, "/?period=30")
    with reading(console.engine) as conn:
        asked = conn.exec_driver_sql("SELECT count(*) FROM inspections").scalar_one()
    assert number(html, "Inspections") == f"{asked:,}"
    for name in ("Escapes", "Overkill"):
        of = re.search(rf"<dt>{name}</dt>.*?(\d+) of [\d,]+", html, re.DOTALL)
        assert of is not None
        listed = console.browser("Vera").get(link(html, name))
        assert listed.status_code == 200
        assert len(set(re.findall(r'href="/inspections/(K-\d+)"', listed.text))) == int(of[1])
    assert console.browser("Vera").get(link(html, "Overrides")).status_code == 200
    for href in {h.replace("&amp;", "&") for h in re.findall(r'href="(/(?:counted|inspections)\?[^"]+)"', html)}:
        assert "\n" not in href
        if "dimension=lighting" in href or "dimension=camera" in href:
            assert console.browser("Vera").get(href).status_code == 200
            break


def test_a_part_alone_a_year_and_other_days_are_shown_in_both_languages(three_weeks: None, console: Running) -> None:
    whole(console, "/")
    for path in ("/?part=sc200&period=7", "/?period=365", "/?from=2026-01-01&to=2026-02-01"):
        for language, title in ((Language.EN, "Dashboard"), (Language.JA, "ダッシュボード")):
            html = whole(console, path, language)
            assert f"<h1>{title}</h1>" in html
    assert "Nothing was asked in this time" in whole(console, "/?from=2020-01-01&to=2020-02-01")
    assert '<option value="SC-200" selected>' in whole(console, "/?part=sc200&period=7")


def test_what_is_no_part_no_period_and_no_count_is_answered_with_a_page(console: Running) -> None:
    browser = console.browser("Vera")
    for path, status, said in (
        ("/?part=XX-1", 404, "There is no part XX-1"),
        ("/?part=%3Cscript%3E", 404, "There is no part <script>"),
        ("/?part=a%00b", 404, "There is no part"),
        ("/?period=8", 400, "That is no period"),
        ("/?from=yesterday", 400, "That is no period"),
        ("/?from=2026-02-01&to=2026-01-01", 400, "That is no period"),
        ("/?from=0001-01-01&to=9999-12-31", 400, "That is no period"),
        ("/counted?what=cost", 400, "nothing this page can show"),
        ("/counted?what=escapes&dimension=name", 400, "nothing this page can show"),
        ("/counted?what=escapes&dimension=camera&value=a%00b", 400, "nothing this page can show"),
    ):
        answer = browser.get(path)
        assert (answer.status_code, said in words(answer)) == (status, True), path
        assert "<script>alert" not in answer.text
    assert console.stranger().get("/?period=7").status_code == 303, "nobody sees it without a session"
    assert console.stranger().get("/counted?what=escapes").status_code == 303


def test_a_name_with_markup_is_shown_as_it_is_written(three_weeks: None, console: Running) -> None:
    with writing(console.engine) as conn:
        people.remember(conn, "Ben", "<script>alert(1)</script>", None)
    html = whole(console, "/?period=30")
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_an_empty_database_has_a_page_too(console: Running) -> None:
    html = whole(console, "/")
    assert "Nothing was asked in this time" in html
    assert "differ from its earlier ones" in html


@pytest.mark.browser
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_dashboard_in_a_browser_shows_drift_charts_and_tables_without_scrolling_sideways(console: Running) -> None:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed")
    plant.built(console.engine, plant.Plant(days=30, a_day=30, changed=10, last=datetime.now(UTC) - timedelta(minutes=5)))
    whole(console, "/")
    with reading(console.engine) as conn:
        found = drift.of(conn, "SC-200")
    assert found is not None
    with playwright.sync_playwright() as runner:
        chromium = runner.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for width, language in ((1280, Language.EN), (360, Language.JA)):
            context = chromium.new_context(viewport={"width": width, "height": 800})
            cookie = {"name": page.session_cookie(False), "value": console.token("Sumi", language), "url": console.url}
            context.add_cookies([cookie])  # type: ignore[list-item]
            here = context.new_page()
            complaints: list[str] = []
            here.on("console", lambda message, kept=complaints: kept.append(message.text))
            here.goto(console.url + "/?period=30")
            assert here.locator(".drifted h3").inner_text().find(found.since[:10]) > 0
            assert here.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            table = here.locator("figure", has=here.locator("#volume-title"))
            assert not table.locator("table").is_visible()
            table.locator("summary").click()
            assert table.locator("table").is_visible()
            table.locator("tbody a").first.click()
            assert "/inspections?" in here.url
            assert complaints == [], "the content policy lets everything through that the page needs"
            context.close()
        chromium.close()
