"""The chat page in headless Chromium, as a person uses it: switch person, ask with a photo, read, press, react."""

from __future__ import annotations

import io
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright
from slack_clients import AKIRA, KENPIN, OLGA, QUALITY, Bot, actions, as_person, button, http
from slack_sdk import WebClient

from kenpin.bot.workspace.server import Workspace, WorkspaceSettings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason="chromium is not installed (apt-get install chromium)"),
]

HERE = Path(__file__).parent
DROP = (HERE / "drop_a_photo.js").read_text()
CONTRAST = (HERE / "low_contrast.js").read_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "CI=true, and there is no chromium: install it (apt-get install chromium)"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        yield running
        running.close()


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "good cells").mkdir()
    Image.new("RGB", (300, 300), (90, 90, 110)).save(tmp_path / "good cells" / "cell-1.png")
    with Workspace(WorkspaceSettings(tray=tmp_path)) as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB", timezone_id="Asia/Tokyo")
    opened.set_default_timeout(15_000)
    yield opened
    opened.close()


@pytest.fixture
def page(workspace: Workspace, context: BrowserContext) -> Iterator[Page]:
    """The page at #quality as Olga. A test fails on any error in the page."""
    wrong: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: wrong.append(message.text) if "Content Security Policy" in message.text else None)
    opened.goto(workspace.url)
    expect(opened.locator("body[data-ready]")).to_be_attached()
    yield opened
    assert wrong == []


def test_a_question_is_asked_answered_and_decided_in_the_page(bot: Bot, page: Page, kenpin: WebClient, photo: bytes) -> None:
    @bot.app.middleware
    def answer(body: dict[str, Any], client: WebClient, next: Any) -> None:
        event = body.get("event", {})
        if event.get("subtype") == "file_share":
            client.assistant_threads_setStatus(channel_id=event["channel"], thread_ts=event["ts"], status="is looking at the photo…")
            time.sleep(0.4)
            words = {"type": "section", "text": {"type": "mrkdwn", "text": "*Not OK*, <!here> 1 &lt; 2"}}
            blocks = [words, *actions(button(style="primary"))]
            client.chat_postMessage(channel=event["channel"], thread_ts=event["ts"], text="Not OK", blocks=blocks)
        if event.get("type") == "reaction_added" and event["user"] == OLGA:
            asked = client.conversations_history(channel=QUALITY)["messages"][0]["ts"]
            client.chat_postEphemeral(channel=QUALITY, user=OLGA, thread_ts=asked, text="Only an approver can approve this.")
        next()

    clicks: list[str] = []

    @bot.app.action("approve")
    def approve(ack: Any, body: dict[str, Any], client: WebClient) -> None:
        ack()
        clicks.append(body["user"]["id"])
        client.chat_update(channel=QUALITY, ts=body["message"]["ts"], text=f"Recorded, approved by <@{body['user']['id']}>")

    page.get_by_test_id("file-input").set_input_files({"name": "cell.png", "mimeType": "image/png", "buffer": photo})
    page.get_by_test_id("composer").press_sequentially("@ken")
    page.get_by_test_id("mention-list").get_by_role("option").click()
    page.get_by_test_id("composer").press_sequentially("is this OK?")
    page.get_by_test_id("composer-send").click()
    expect(page.get_by_test_id("status")).to_contain_text("kenpin is looking at the photo")
    thread = page.get_by_test_id("thread-pane")
    reply = thread.get_by_test_id("message").nth(1)
    expect(reply).to_contain_text("Not OK, @here 1 < 2")
    expect(page.get_by_test_id("status")).to_have_count(0)
    assert bot.wait_for("app_mention")["text"] == f"<@{KENPIN}> is this OK?"

    reply.hover()
    reply.get_by_test_id("react-+1").click()
    expect(reply.get_by_test_id("reaction-+1")).to_have_attribute("aria-pressed", "true")
    expect(thread.get_by_test_id("ephemeral")).to_contain_text("Only visible to you")
    expect(thread.get_by_test_id("ephemeral")).to_contain_text("Only an approver can approve this.")

    page.get_by_test_id("person-akira").click()
    expect(page.get_by_test_id("ephemeral")).to_have_count(0)
    expect(thread.get_by_test_id("reaction-+1")).to_have_attribute("aria-pressed", "false")
    thread.get_by_test_id("button-approve").click()
    expect(thread.get_by_test_id("message").nth(1)).to_contain_text("Recorded, approved by @akira")
    assert clicks == [AKIRA]


def test_photos_come_in_by_drop_by_paste_and_from_the_tray(page: Page, olga: WebClient, photo: bytes) -> None:
    page.evaluate(DROP, ['[data-testid="dropzone"]', "", list(photo)])
    expect(page.locator(".chip")).to_have_count(1)
    page.get_by_test_id("tray-photo").click()
    expect(page.locator(".chip")).to_have_count(2)
    page.evaluate(DROP, ['[data-testid="dropzone"]', "good cells/cell-1.png", []])
    expect(page.locator(".chip")).to_have_count(3)
    page.get_by_role("button", name="Remove dropped.png").click()
    page.get_by_test_id("composer").press("Enter")
    expect(page.get_by_test_id("message").locator(".photo")).to_have_count(2)
    assert [f["name"] for f in olga.conversations_history(channel=QUALITY)["messages"][0]["files"]] == ["cell-1.png", "cell-1.png"]
    page.get_by_role("button", name="Enlarge cell-1.png").first.click()
    expect(page.locator("dialog.lightbox")).to_contain_text("(1 / 2)")
    page.keyboard.press("ArrowRight")
    expect(page.locator("dialog.lightbox")).to_contain_text("(2 / 2)")
    page.keyboard.press("Escape")
    expect(page.locator("dialog.lightbox")).to_have_count(0)


def test_reactions_take_a_skin_tone_and_are_taken_back_by_keyboard(page: Page, workspace: Workspace) -> None:
    akira = as_person(workspace, "akira")
    ts = akira.chat_postMessage(channel=QUALITY, text="scrap it?")["ts"]
    message = page.get_by_test_id("message")
    message.hover()
    message.get_by_test_id("react-more").click()
    page.get_by_test_id("skin-tone-4").click()
    page.keyboard.press("Escape")
    message.get_by_test_id("react-+1").click()
    pill = message.get_by_test_id("reaction-+1::skin-tone-4")
    expect(pill).to_have_text("1")
    assert akira.reactions_get(channel=QUALITY, timestamp=ts)["message"]["reactions"][0]["name"] == "+1::skin-tone-4"
    pill.focus()
    page.keyboard.press("Enter")
    expect(pill).to_have_count(0)


def test_a_message_is_answered_in_its_thread_edited_and_deleted(page: Page, olga: WebClient) -> None:
    for text in ("is this OK?", "is tis OK?"):
        page.get_by_test_id("composer").fill(text)
        page.get_by_test_id("composer").press("Enter")
    messages = page.locator("#channel").get_by_test_id("message")
    expect(messages).to_have_count(2)
    messages.first.hover()
    messages.first.get_by_test_id("reply-in-thread").click()
    page.get_by_test_id("thread-composer").fill("it has a scratch")
    page.get_by_test_id("thread-send").click()
    expect(page.get_by_test_id("thread-pane").get_by_test_id("message")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("thread-pane")).to_be_hidden()
    expect(messages.first.get_by_test_id("thread-link")).to_contain_text("1 reply")

    messages.last.hover()
    messages.last.get_by_test_id("edit").click()
    messages.last.locator("textarea").fill("is this one OK?")
    messages.last.get_by_role("button", name="Save").click()
    expect(messages.last).to_contain_text("is this one OK?")
    expect(messages.last).to_contain_text("(edited)")
    messages.last.hover()
    messages.last.get_by_test_id("delete").click()
    page.get_by_test_id("confirm-yes").click()
    expect(messages).to_have_count(1)
    assert [m["text"] for m in olga.conversations_history(channel=QUALITY)["messages"]] == ["is this OK?"]


def test_an_answer_that_comes_before_the_send_is_confirmed_opens_its_thread(page: Page, kenpin: WebClient) -> None:
    def answered_first(route: Route) -> None:
        taken = route.fetch()
        kenpin.chat_postMessage(channel=QUALITY, thread_ts=taken.json()["ts"], text="it is OK")
        time.sleep(0.5)  # the page learns of the answer, and not yet that its message was taken
        route.fulfill(response=taken)

    page.route("**/api/chat.postMessage", answered_first)
    page.get_by_test_id("composer").fill("is it OK?")
    page.get_by_test_id("composer-send").click()
    expect(page.get_by_test_id("thread-pane")).to_contain_text("it is OK")


def test_nothing_a_person_writes_becomes_html(page: Page, workspace: Workspace) -> None:
    as_person(workspace, "victor").chat_postMessage(channel=QUALITY, text="<img src=x onerror=alert(1)> <javascript:alert(1)|click> `<b>`")
    message = page.get_by_test_id("message")
    expect(message).to_contain_text("<img src=x onerror=alert(1)>")
    expect(message.locator("img, b, a")).to_have_count(0)


def test_a_confirmed_button_asks_first_and_a_modal_is_filled_in(bot: Bot, page: Page, kenpin: WebClient) -> None:
    submitted: list[Any] = []
    confirm = {"title": "Reject?", "confirm": "Reject", "deny": "Back"}
    asked = {k: {"type": "plain_text", "text": v} for k, v in confirm.items()} | {"text": {"type": "mrkdwn", "text": "It stays on *hold*."}}

    @bot.app.action("reject")
    def reject(ack: Any, body: dict[str, Any], client: WebClient) -> None:
        ack()
        words = {"title": "Reject", "submit": "Reject"}
        reason = {"type": "plain_text_input", "action_id": "text"}
        label = {"type": "plain_text", "text": "Why?"}
        view = {k: {"type": "plain_text", "text": v} for k, v in words.items()} | {
            "type": "modal", "callback_id": "why", "blocks": [{"type": "input", "block_id": "reason", "label": label, "element": reason}],
        }  # fmt: skip
        client.views_open(trigger_id=body["trigger_id"], view=view)

    @bot.app.view("why")
    def why(ack: Any, view: dict[str, Any]) -> None:
        text = view["state"]["values"]["reason"]["text"]["value"]
        submitted.append(text)
        ack() if text else ack(response_action="errors", errors={"reason": "Say why."})

    kenpin.chat_postMessage(channel=QUALITY, text="scrap it?", blocks=actions(button("reject", confirm=asked)))
    page.get_by_test_id("button-reject").click()
    page.get_by_test_id("confirm-deny").click()
    page.get_by_test_id("button-reject").click()
    page.get_by_test_id("confirm-yes").click()
    modal = page.get_by_test_id("modal")
    modal.get_by_test_id("modal-submit").click()
    expect(modal).to_contain_text("Say why.")
    modal.get_by_test_id("input-text").fill("burr at the edge")
    modal.get_by_test_id("modal-submit").click()
    expect(modal).to_have_count(0)
    assert submitted == [None, "burr at the edge"]


def test_channels_show_what_is_unread_and_a_direct_message_is_private(page: Page, workspace: Workspace) -> None:
    as_person(workspace, "akira").chat_postMessage(channel="C0LINE20001", text="station 4 stopped")
    entry = page.get_by_test_id("channel-line-2")
    expect(entry.get_by_label("1 unread")).to_be_visible()
    entry.click()
    expect(entry.locator(".count")).to_have_count(0)
    page.get_by_test_id("channel-kenpin").click()
    page.get_by_test_id("composer").fill("only for you")
    page.get_by_test_id("composer").press("Enter")
    expect(page.get_by_test_id("message")).to_contain_text("only for you")
    page.get_by_test_id("person-victor").click()
    expect(page.get_by_test_id("message")).to_have_count(0)
    expect(page.get_by_test_id("channel-line-2")).to_have_count(0)


def test_the_page_speaks_japanese_and_fits_a_phone(browser: Browser, workspace: Workspace) -> None:
    phone = browser.new_context(viewport={"width": 390, "height": 844}, locale="ja-JP", has_touch=True, is_mobile=True)
    page = phone.new_page()
    page.goto(workspace.url)
    expect(page.get_by_test_id("composer")).to_have_attribute("placeholder", "#quality へのメッセージ")
    assert page.evaluate("document.documentElement.lang") == "ja"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_test_id("open-sidebar").tap()
    expect(page.get_by_test_id("person-switch")).to_contain_text("大原オルガ")
    page.get_by_test_id("person-sumi").tap()
    page.get_by_test_id("language").tap()
    expect(page.get_by_test_id("person-switch")).to_contain_text("You are")
    phone.close()


def test_a_page_that_lost_the_workspace_finds_it_again(tmp_path: Path, context: BrowserContext) -> None:
    settings = WorkspaceSettings(data=tmp_path)
    first = Workspace(settings)
    first.start()
    port = int(first.url.rpartition(":")[2])
    page = context.new_page()
    page.goto(first.url)
    expect(page.locator("body[data-ready]")).to_be_attached()
    first.stop()
    expect(page.get_by_test_id("toast")).to_contain_text("Reconnecting")
    with Workspace(WorkspaceSettings(data=tmp_path, port=port)) as second:
        as_person(second, "akira").chat_postMessage(channel=QUALITY, text="back again")
        expect(page.get_by_test_id("message")).to_contain_text("back again")
        expect(page.get_by_test_id("toast")).to_have_count(0)


def test_a_permalink_opens_its_thread(workspace: Workspace, context: BrowserContext, kenpin: WebClient, olga: WebClient) -> None:
    asked = olga.chat_postMessage(channel=QUALITY, text="is this OK?")["ts"]
    kenpin.chat_postMessage(channel=QUALITY, thread_ts=asked, text="no")
    page = context.new_page()
    page.goto(olga.chat_getPermalink(channel=QUALITY, message_ts=asked)["permalink"])
    expect(page.get_by_test_id("thread-pane")).to_contain_text("no")


def test_words_of_the_page_hold_wcag_aa_contrast_in_both_schemes(page: Page, workspace: Workspace) -> None:
    """Every colour pair of text and its nearest background on screen is at least 4.5 to 1."""
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*Not OK* `1.00` <https://example.com|link>"}}]
    kenpin = WebClient(token=workspace.bot_token, base_url=workspace.api_url)
    buttons = actions(button(style="primary"), button("no", style="danger"))
    ts = kenpin.chat_postMessage(channel=QUALITY, text="x", blocks=[*blocks, *buttons])["ts"]
    as_person(workspace, "olga").reactions_add(channel=QUALITY, timestamp=ts, name="+1")
    kenpin.chat_postEphemeral(channel=QUALITY, user=OLGA, text=f"only you, <@{OLGA}> and <@{AKIRA}>")
    expect(page.get_by_test_id("ephemeral")).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert page.evaluate(CONTRAST) == []


def test_the_pages_own_requests_are_answered_only_for_people_who_exist(standing: Workspace) -> None:
    answer = http.get(f"{standing.url}/local/snapshot", params={"user": "U0NOBODY001"})
    assert "GET /local/people lists everybody" in answer.text


def test_the_page_shows_a_picture_made_anew_and_never_the_uploaded_bytes(standing: Workspace, photo: bytes) -> None:
    file = as_person(standing, "olga").files_upload_v2(content=photo, filename="cell.png", channel=QUALITY)["file"]
    shown = http.get(f"{standing.url}/local/picture/{file['id']}/480")
    assert Image.open(io.BytesIO(shown.content)).size == (480, 320)
    assert shown.content != photo
