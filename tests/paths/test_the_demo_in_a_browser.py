"""The demo as a person sees it: `kenpin demo` in a process of its own, its page in headless Chromium, a real photo, a real thumb.

With KENPIN_PICTURES=1 its screenshot becomes the README's picture, docs/pictures/demo.png.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

playwright = pytest.importorskip("playwright.sync_api")

CONSOLE_SCRIPT = Path(sys.executable).parent / "kenpin"
START_WITHIN_S = 240  # two cores learn two parts of sixteen photos, beside whatever else CI does
ANSWER_WITHIN_MS = 90_000
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[playwright.Browser]:
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("On CI a missing Chromium is a failure; .ci/run installs Debian's.", pytrace=False)
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def demo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("demo")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (home / "log.txt").open("w")
    process = subprocess.Popen(
        [CONSOLE_SCRIPT, "demo", "--port", str(port)], env={**os.environ, "KENPIN_HOME": str(home)}, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        until = time.monotonic() + START_WITHIN_S
        while "Kenpin is running" not in (home / "log.txt").read_text():
            assert process.poll() is None and time.monotonic() < until, (home / "log.txt").read_text()
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0, (home / "log.txt").read_text()


@pytest.fixture
def page(chromium: playwright.Browser, demo_url: str) -> Iterator[playwright.Page]:
    context = chromium.new_context(viewport={"width": 1440, "height": 960}, locale="en-GB")
    page = context.new_page()
    page.goto(demo_url)
    yield page
    context.close()


def test_a_photo_is_dropped_answered_refused_to_the_operator_and_approved(page: playwright.Page, demo_url: str) -> None:
    become(page, "olga")
    page.get_by_test_id("channel-quality").click()
    drop_from_tray(page, demo_url, "defective")
    page.get_by_test_id("composer").fill("is this cell OK, and where is the defect?")
    page.get_by_test_id("composer-send").click()

    open_newest_thread(page)
    answer = page.get_by_test_id("thread-pane").get_by_test_id("message").nth(1)
    playwright.expect(answer).to_contain_text("% sure", timeout=ANSWER_WITHIN_MS)
    playwright.expect(answer.get_by_role("img").last).to_be_visible()
    playwright.expect(answer).to_contain_text("Proposed:")

    answer.hover()
    answer.get_by_test_id("react-+1").click()
    whisper = page.get_by_test_id("thread-pane").get_by_test_id("ephemeral")
    playwright.expect(whisper).to_contain_text("not an approver", timeout=30_000)

    become(page, "akira")
    open_newest_thread(page)
    page.get_by_test_id("thread-pane").get_by_test_id("button-approve").click()
    thread = page.get_by_test_id("thread-pane")
    playwright.expect(thread).to_contain_text("recorded, approved by", timeout=30_000)
    playwright.expect(thread.get_by_test_id("button-approve")).to_have_count(0, timeout=30_000)
    picture(page, "demo")


def test_a_japanese_question_is_answered_in_japanese(page: playwright.Page, demo_url: str) -> None:
    become(page, "olga")
    page.get_by_test_id("channel-quality").click()
    drop_from_tray(page, demo_url, "good")
    page.get_by_test_id("composer").fill("このセルは大丈夫ですか？")
    page.get_by_test_id("composer-send").click()
    thread = page.get_by_test_id("thread-pane")  # opens by itself when one's own question is answered
    playwright.expect(thread).to_contain_text("このセルは大丈夫ですか？", timeout=ANSWER_WITHIN_MS)
    playwright.expect(thread.get_by_test_id("message").nth(1)).to_contain_text("良品写真")


def become(page: playwright.Page, name: str) -> None:
    page.get_by_test_id(f"person-{name}").click()


def open_newest_thread(page: playwright.Page) -> None:
    page.get_by_test_id("dropzone").get_by_test_id("thread-link").last.click(timeout=ANSWER_WITHIN_MS)


def drop_from_tray(page: playwright.Page, url: str, caption: str) -> None:
    """A file dropped onto the channel, as from a desktop; its bytes are a photo of the tray."""
    photos = httpx.get(f"{url}/local/tray", timeout=10).json()["photos"]
    photo = next(p for p in photos if "solar" in p["path"] and caption in p["path"])
    data = httpx.get(f"{url}/local/tray/{quote(photo['path'])}", timeout=10).content
    drop = """([bytes, name]) => {
        const carried = new DataTransfer();
        carried.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
        const zone = document.querySelector('[data-testid="dropzone"]');
        for (const kind of ["dragenter", "dragover", "drop"])
            zone.dispatchEvent(new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true}));
    }"""
    page.evaluate(drop, [list(data), "cell.png"])


def picture(page: playwright.Page, name: str) -> None:
    if os.environ.get("KENPIN_PICTURES"):
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=PICTURES / f"{name}.png")
