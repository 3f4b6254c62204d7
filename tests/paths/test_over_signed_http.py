"""HTTP mode: `kenpin serve --http` behind Slack's signed requests; what is not signed, and files that lie elsewhere.

This workspace offers no assistant status, no streams and no user groups, as an older Slack-compatible server would.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from drawn_parts import PART, mat
from running_kenpin import Factory, Message, factory, free_port, reference_of
from strange_hosts import StrangeHost, strange_host

from kenpin.bot.workspace import people
from kenpin.bot.workspace.server import Workspace
from kenpin.bot.workspace.settings import WorkspaceSettings
from kenpin.storage.audit import AuditKind

QUESTION = f"is this {PART} OK?"
NOT_OFFERED = [
    "assistant.threads.setStatus", "assistant.threads.setTitle", "chat.startStream", "chat.appendStream", "chat.stopStream",
    "usergroups.users.list", "usergroups.list",
]  # fmt: skip


@pytest.fixture(scope="module")
def allowed_host() -> Iterator[StrangeHost]:
    with strange_host() as host:
        yield host


@pytest.fixture(scope="module")
def thief() -> Iterator[StrangeHost]:
    with strange_host() as host:
        yield host


@pytest.fixture(scope="module")
def over_http(allowed_host: StrangeHost, furnish: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Factory]:
    port = free_port()
    settings = WorkspaceSettings(events_url=f"http://127.0.0.1:{port}/slack/events", http_retry_delays_s=(0.0, *(2.0,) * 10))
    with Workspace(settings) as workspace:
        hosts = f"{workspace.file_host},{allowed_host.host}"
        with factory(workspace, furnish(tmp_path_factory.mktemp("over-http")), KENPIN_FILE_HOSTS=hosts, SLACK_APP_TOKEN="") as running:
            running.serve("--http", "--port", str(port))
            yield running


@pytest.fixture
def shop(over_http: Factory) -> Iterator[Factory]:
    over_http.faults(unknown_methods=NOT_OFFERED)
    yield over_http
    over_http.come_to_rest()
    over_http.check_log()


@pytest.fixture
def deliver(shop: Factory) -> Callable[..., httpx.Response]:
    """Send an event to the bot as Slack does, or, with another secret or time, as somebody else would."""
    address = shop.workspace.settings.events_url
    assert address is not None

    def send(
        event: dict[str, Any], *, secret: str = shop.workspace.signing_secret, age_s: float = 0, signed: bool = True
    ) -> httpx.Response:
        event_id = f"Ev{uuid.uuid4().hex[:10].upper()}"
        envelope = {"type": "event_callback", "team_id": people.TEAM_ID, "api_app_id": people.APP_ID, "event_id": event_id}
        body = json.dumps({**envelope, "event_time": int(time.time()), "event": event}).encode()
        stamp = str(int(time.time() - age_s))
        signature = "v0=" + hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json"}
        if signed:
            headers |= {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature}
        return httpx.post(address, content=body, headers=headers, timeout=30)

    return send


def with_file_elsewhere(shop: Factory, address: str) -> tuple[Message, dict[str, Any]]:
    """A message, and the event that says it carries a file at that address, as one shared from another app does."""
    message = shop.olga.say(QUESTION, to="line-2")
    file = {
        "id": "F0ELSEWHERE", "name": "cell.jpg", "mimetype": "image/jpeg", "mode": "external", "is_external": True, "url_private": address,
    }  # fmt: skip
    text = f"<@{people.BOT_USER_ID}> {QUESTION}"
    event = {
        "type": "message", "subtype": "file_share", "channel": message["channel"], "channel_type": "channel", "user": shop.olga.id,
        "text": text, "ts": message["ts"], "event_ts": message["ts"], "files": [file],
    }  # fmt: skip
    return message, event


def test_a_question_a_thumb_and_a_button_come_in_over_http(shop: Factory) -> None:
    question = shop.olga.ask(QUESTION, mat(600, torn=True))
    answer = shop.olga.answer(question)
    assert answer["text"].startswith("Not OK")
    shop.come_to_rest()
    assert shop.victor.press(answer, "approve").is_success
    shop.victor.whispered(answer, holding="not an approver")
    assert shop.recorded(answer) == (0, 0)
    shop.akira.react(answer, "+1")
    shop.olga.told(answer, "✅")
    assert shop.recorded(answer) == (1, 1)
    assert len(shop.inspections_of(question)) == 1


def test_where_there_is_no_assistant_status_a_reaction_says_that_the_photo_is_looked_at(shop: Factory) -> None:
    shop.workspace.calls.clear()
    question = shop.olga.ask(QUESTION, mat(601))
    assert shop.olga.answer(question)["text"].startswith("OK: ")
    shop.come_to_rest()
    for method in ("reactions.add", "reactions.remove"):
        (call,) = shop.workspace.calls.latest(method)
        assert (call["arguments"]["name"], call["arguments"]["timestamp"], call["answer"]) == ("eyes", question["ts"], "ok")


@pytest.mark.parametrize(
    "how", [{"signed": False}, {"secret": "guessed"}, {"age_s": 3600}], ids=["unsigned", "signed by a stranger", "an hour old"]
)
def test_only_a_fresh_request_that_slack_signed_is_taken_in(
    shop: Factory, deliver: Callable[..., httpx.Response], how: dict[str, Any]
) -> None:
    message, event = with_file_elsewhere(shop, "https://files.slack.com/none.jpg")
    assert deliver(event, **how).status_code == 401
    assert shop.inspections_of(message) == []


def test_the_token_is_never_sent_to_a_host_that_is_not_allowed(
    shop: Factory, deliver: Callable[..., httpx.Response], thief: StrangeHost
) -> None:
    message, event = with_file_elsewhere(shop, f"http://{thief.host}/cell.jpg")
    assert deliver(event).status_code == 200
    answer = shop.olga.answer(message)
    assert "Please upload the photo here." in answer["text"]
    assert len(shop.logged(reference_of(answer), AuditKind.PHOTO_REFUSED)) == 1
    assert thief.seen == []


def test_a_redirect_to_a_host_that_is_not_allowed_is_not_followed(
    shop: Factory, deliver: Callable[..., httpx.Response], allowed_host: StrangeHost, thief: StrangeHost
) -> None:
    allowed_host.redirects["/moved.jpg"] = f"http://{thief.host}/cell.jpg"
    message, event = with_file_elsewhere(shop, f"http://{allowed_host.host}/moved.jpg")
    assert deliver(event).status_code == 200
    answer = shop.olga.answer(message)
    assert "Please upload the photo here." in answer["text"]
    assert len(shop.logged(reference_of(answer), AuditKind.PHOTO_REFUSED)) == 1
    assert any(headers.get("Authorization") for headers in allowed_host.seen)
    assert thief.seen == []


def test_a_redirect_to_an_allowed_host_is_followed_to_the_photo(
    shop: Factory, deliver: Callable[..., httpx.Response], allowed_host: StrangeHost
) -> None:
    allowed_host.redirects["/near.jpg"] = f"http://{allowed_host.host}/there.jpg"
    allowed_host.bodies["/there.jpg"] = mat(602)
    message, event = with_file_elsewhere(shop, f"http://{allowed_host.host}/near.jpg")
    assert deliver(event).status_code == 200
    assert shop.olga.answer(message)["text"].startswith("OK: ")


def test_a_file_that_is_gone_is_said_to_be_gone(shop: Factory, deliver: Callable[..., httpx.Response], allowed_host: StrangeHost) -> None:
    message, event = with_file_elsewhere(shop, f"http://{allowed_host.host}/gone.jpg")
    assert deliver(event).status_code == 200
    assert "Please post it again here." in shop.olga.answer(message)["text"]
