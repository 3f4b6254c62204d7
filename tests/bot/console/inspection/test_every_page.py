"""Every page that links lead to, whoever made it: seen by axe (WCAG A and AA) in both languages, on a dark telephone, and by each role.

The pages are found by following links from the menu, so that a new one is looked at without being named here.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import inspected
import pytest
from signed_in import IDS, PEOPLE, Running

from kenpin.bot import jobs, settings
from kenpin.bot.console import page as pages
from kenpin.bot.console.desk import Desk
from kenpin.bot.console.roles import Roles
from kenpin.bot.console.server import PAGES, Console, listen
from kenpin.bot.jobs import Jobs
from kenpin.storage.database import open_database
from kenpin.storage.vocabulary import Language

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

MENU = [page.NAV[0] for page in PAGES if hasattr(page, "NAV")]
LIKE_ANOTHER = re.compile(r"\d+|K-[A-Z0-9]+|[0-9a-f]{64}|SC-\d+")  # one page of each kind is enough
NO_PAGE = re.compile(r"/(static|photos)/|/download|\.(csv|jsonl|parquet|zip|pdf|py)$")
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PHONE_PX = 360

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def plant(migrated_sqlite_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A console over a few inspections, one of them asked in a question full of markup."""
    home = tmp_path_factory.mktemp("plant")
    shutil.copyfile(migrated_sqlite_file, home / "kenpin.sqlite")
    url = f"sqlite:///{home}/kenpin.sqlite"
    engine = open_database(url)
    jobs.migrate(url)
    floor = inspected.built(engine, home)
    listener = listen(0)
    queue = Jobs(url)
    desk = Desk(
        engine=engine,
        photos=floor.bench.site.photo_store,
        settings=settings.read({"KENPIN_HOME": str(home), "KENPIN_DATABASE_URL": url}),
        jobs=queue,
        url=f"http://127.0.0.1:{listener.getsockname()[1]}",
        roles=Roles([f"{IDS[name]}={role}" for name, role in PEOPLE.items()], lambda group: []),
        permalink=lambda channel, ts: f"https://slack.example.com/archives/{channel}/{ts}",
    )
    running = Running(desk)
    with Console(desk, listener):
        yield running
    queue.close()
    engine.dispose()


@pytest.fixture(scope="module")
def answers(plant: Running) -> dict[str, int]:
    """One address of each kind of page that links lead an admin to, and the status it answers with."""
    browser = plant.browser("Ada")
    kinds: dict[str, tuple[str, int]] = {}
    waiting = [*MENU, "/account", "/inspections/K-MARK"]
    while waiting:
        path = waiting.pop(0)
        kind = LIKE_ANOTHER.sub("*", urlsplit(path).path)
        if kind in kinds or NO_PAGE.search(path):
            continue
        reply = browser.get(path)
        if not reply.headers.get("content-type", "").startswith("text/html") or reply.headers.get("content-disposition"):
            continue
        kinds[kind] = (path, reply.status_code)
        own = (urljoin(path, link.replace("&amp;", "&")) for link in re.findall(r'<a [^>]*href="([^"#]+)', reply.text))
        waiting += [link for link in own if not urlsplit(link).netloc]
    browser.close()
    return dict(kinds.values())


@pytest.fixture(scope="module")
def found(answers: dict[str, int]) -> list[str]:
    """The pages there are."""
    return [path for path, status in answers.items() if status == 200]


def test_no_link_leads_nowhere(answers: dict[str, int]) -> None:
    assert len(answers) > len(MENU) + 1
    assert {path: status for path, status in answers.items() if status != 200} == {}


def as_seen(chromium: playwright.Browser, plant: Running, name: str, language: Language, width_px: int) -> playwright.Page:
    context = chromium.new_context(
        viewport={"width": width_px, "height": 860},
        locale="ja-JP" if language == "ja" else "en-GB",
        color_scheme="dark" if width_px == PHONE_PX else "light",
    )
    context.add_cookies([{"name": pages.session_cookie(False), "value": plant.token(name, language), "url": plant.url}])
    return context.new_page()


@pytest.mark.parametrize(("language", "width_px"), [(Language.EN, 1280), (Language.JA, PHONE_PX)])
def test_every_page_satisfies_wcag_aa_fits_its_screen_and_runs_no_script_of_its_data(
    chromium: playwright.Browser, plant: Running, found: list[str], language: Language, width_px: int
) -> None:
    page = as_seen(chromium, plant, "Ada", language, width_px)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(f"{page.url}: {message.text}") if message.type == "error" else None)
    page.on("dialog", lambda dialog: complaints.append(f"{page.url}: a question's script ran"))
    for path in found:
        page.goto(plant.url + path)
        assert page.locator("html").get_attribute("lang") == language.value
        assert page.locator("h1").count() == 1, f"{path} has one heading"
        width = page.evaluate("document.documentElement.scrollWidth")
        complaints += [f"{path}: {width} px wide"] if width > width_px else []
        seen = axe.Axe().run(page, options=WCAG)
        complaints += [f"{path}: {one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}" for one in seen.response["violations"]]
    page.context.close()
    assert not complaints, "\n".join(complaints)


def test_nobody_gets_to_any_page_without_signing_in_and_a_viewer_only_looks(plant: Running, found: list[str]) -> None:
    stranger, viewer = plant.stranger(), plant.browser("Vera")
    for path in found:
        assert stranger.get(path).headers.get("location", "").startswith("/sign-in"), path
        assert viewer.get(path).status_code in (200, 403), path
    stranger.close()
    viewer.close()


def test_every_form_that_changes_something_is_refused_to_a_stranger_and_to_a_forger(plant: Running) -> None:
    stranger, admin = plant.stranger(), plant.browser("Ada")
    changing = [(route.path, method) for page in PAGES for route in page.ROUTES for method in route.methods - {"GET", "HEAD"}]
    assert len(changing) > 5
    for path, method in changing:
        there = re.sub(r"{[^}]+}", "K-MARK", path)
        assert stranger.request(method, there, data={"x": "1"}).status_code == 401, path
        assert admin.request(method, there, data={"x": "1"}).status_code == 403, path
    stranger.close()
    admin.close()


HOSTILE = (
    "'",
    "' OR '1'='1",
    "'; DROP TABLE inspections; --",
    '"%_\\',
    "\0",
    "<script>alert(1)</script>",
    "９" * 300,
    "-1",
    "1e999",
    "{{7*7}}",
)


def test_no_filter_of_any_page_breaks_on_what_it_is_given_or_lets_it_out_unescaped(plant: Running, found: list[str]) -> None:
    browser = plant.browser("Ada")
    tried = set()
    for path in found:
        for form in re.findall(r"<form(?![^>]*method=.post).*?</form>", browser.get(path).text, re.DOTALL):
            to = urljoin(path, (re.search(r'<form[^>]*action="([^"]+)"', form) or [None, path])[1])
            names = sorted(set(re.findall(r'name="([^"]+)"', form)))
            asked = [dict.fromkeys(names, value) for value in HOSTILE]  # all of them at once, and one by one
            asked += [{name: HOSTILE[(2 + place) % len(HOSTILE)]} for place, name in enumerate(names)]
            for query in asked:
                reply = browser.get(to, params=query)
                assert reply.status_code in (200, 303, 400, 404, 422), f"{to} {query} answers {reply.status_code}"
                assert "<script>alert(1)" not in reply.text, to
            tried |= {(to, name) for name in names}
    assert len(tried) >= 15, sorted(tried)
    assert "K-MARK" in browser.get("/inspections").text, "nothing is gone"
    browser.close()
