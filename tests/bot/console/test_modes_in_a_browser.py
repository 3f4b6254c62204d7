"""A part goes up a mode on what a supervisor signs, and its group of accepts is approved, in headless Chromium and by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from signed_in import Running
from test_groups_page import decided_ids, group_of
from test_modes_page import PART, decided, in_shadow

from kenpin.bot.console.page import session_cookie
from kenpin.storage import modes
from kenpin.storage.database import reading
from kenpin.storage.vocabulary import Mode

playwright = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One is enough: what is tested here is the page."""
    return sqlite_url


@pytest.fixture
def page(chromium: playwright.Browser, console: Running) -> Iterator[playwright.Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 860}, locale="en-GB")
    context.add_cookies([{"name": session_cookie(False), "value": console.token("Sumi"), "url": console.url}])
    yield context.new_page()
    context.close()


def press_on(page: playwright.Page, role: str, name: str, key: str) -> None:
    """By Tab to it, as somebody without a mouse does."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.get_by_role(role, name=name).first.evaluate("(it) => it === document.activeElement"):
            page.keyboard.press(key)
            return
    raise AssertionError(f"no Tab reaches the {role} {name!r}")


def test_a_promotion_is_signed_and_needs_the_box_ticked(page: playwright.Page, console: Running) -> None:
    in_shadow(console)
    decided(console, 40)
    page.goto(f"{console.url}/modes/part?part={PART}")
    page.get_by_role("button", name="Sign: go to assist").click()
    assert page.locator("#confirmed").evaluate("(box) => box.validity.valueMissing"), "the browser asks for the tick"
    with reading(console.engine) as conn:
        assert modes.of(conn, PART) is Mode.SHADOW
    page.locator("#confirmed").focus()
    page.keyboard.press("Space")
    press_on(page, "button", "Sign: go to assist", "Enter")
    page.get_by_text("promoted").wait_for()
    with reading(console.engine) as conn:
        assert modes.of(conn, PART) is Mode.ASSIST
    assert page.get_by_role("heading", level=1).inner_text().endswith(PART)


def test_a_group_is_approved_with_one_taken_out(page: playwright.Page, console: Running) -> None:
    group, ids = group_of(console, 3)
    page.goto(f"{console.url}/groups/{group.id}")
    page.get_by_role("button", name="Take out").nth(1).click()
    page.get_by_role("button", name="Approve all 2").wait_for()
    press_on(page, "button", "Approve all 2", "Enter")
    page.get_by_text("Approved by Sumi").wait_for()
    assert decided_ids(console) == [ids[0], ids[2]]
