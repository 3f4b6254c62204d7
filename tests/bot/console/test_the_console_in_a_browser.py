"""The console as a supervisor meets it: headless Chromium, signed in through the local workspace, by mouse and by keyboard alone.

With KENPIN_PICTURES=1 its screenshots become those of docs/console.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from signed_in import Running

from kenpin.bot.console import sign_in
from kenpin.bot.console.desk import Desk
from kenpin.bot.console.identity import SlackIdentity
from kenpin.bot.console.roles import Roles
from kenpin.bot.console.server import Console, listen
from kenpin.bot.workspace import people
from kenpin.bot.workspace.server import Workspace
from kenpin.storage import audit
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading

playwright = pytest.importorskip("playwright.sync_api")

PICTURES = Path(__file__).parents[3] / "docs" / "pictures"
ROLES = [f"{people.OPERATOR.id}=viewer", f"{people.APPROVER.id}=supervisor", f"{people.QUALITY_LEADS.id}=admin"]

pytestmark = pytest.mark.browser


@pytest.fixture
def running(bare_desk: Desk) -> Iterator[Running]:
    """A console whose people sign in through a local workspace."""
    listener = listen(0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with Workspace() as workspace:
        identity = SlackIdentity(
            client_id=workspace.client_id,
            client_secret=workspace.client_secret,
            api_url=workspace.api_url,
            team_id=workspace.team_id,
            back=url + sign_in.BACK,
        )
        leads = {people.QUALITY_LEADS.id: people.QUALITY_LEADS.users}
        desk = replace(bare_desk, url=url, identity=identity, roles=Roles(ROLES, lambda group: leads[group]))
        with Console(desk, listener):
            yield Running(desk)


@pytest.fixture
def page(chromium: playwright.Browser, running: Running) -> Iterator[playwright.Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 860}, locale="en-GB")
    page = context.new_page()
    page.goto(f"{running.url}/account")
    yield page
    context.close()


def test_a_supervisor_signs_in_with_slack_with_one_click_and_out_again(page: playwright.Page, running: Running) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.get_by_role("link", name="Sign in with Slack").click()
    page.get_by_role("link", name="Akira Abe").click()
    page.wait_for_url(f"{running.url}/account")
    assert page.get_by_role("heading", level=1).inner_text() == "Akira Abe"
    page.get_by_role("button", name="日本語").click()
    assert page.locator("html").get_attribute("lang") == "ja"
    page.get_by_role("button", name="サインアウト").click()
    page.wait_for_url(f"{running.url}/sign-in")
    page.goto(f"{running.url}/account")
    assert "/sign-in" in page.url
    assert not complaints, "the policy stops nothing of our own"
    with reading(running.engine) as conn:
        assert [entry.kind for entry in audit.entries(conn)] == [AuditKind.SIGNED_IN, AuditKind.SIGNED_OUT]


def test_a_visitor_without_a_role_is_told_whom_to_ask(page: playwright.Page) -> None:
    page.get_by_role("link", name="Sign in with Slack").click()
    page.get_by_role("link", name="Victor Vale").click()
    assert "You have no role in this console" in page.inner_text("h1")


def test_signing_in_needs_no_mouse_and_the_focus_is_always_seen(page: playwright.Page, running: Running) -> None:
    tab_to(page, "Sign in with Slack")
    page.keyboard.press("Enter")
    page.wait_for_url("**/openid/connect/authorize*")
    tab_to(page, "Sumi Sato")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{running.url}/account")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def tab_to(page: playwright.Page, words: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if words in page.evaluate("document.activeElement.innerText || ''"):
            return
    raise AssertionError(f"no Tab reaches {words!r}")
