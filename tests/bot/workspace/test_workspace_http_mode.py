"""HTTP mode: signed requests to real Bolt, and to a server that misbehaves as told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from slack_bolt import App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_clients import AKIRA, OLGA, QUALITY, actions, as_person, button, eventually, http
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier

from kenpin.bot.workspace.server import Workspace, WorkspaceSettings


@dataclass
class Endpoint:
    """A bot's address that answers with the given statuses in turn, then 200."""

    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    slow_s: float = 0.0
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    @property
    def events(self) -> list[tuple[dict[str, str], dict[str, Any]]]:
        parsed = [(headers, json.loads(body)) for headers, body in self.requests if body.startswith(b"{")]
        return [(headers, body) for headers, body in parsed if body["type"] == "event_callback"]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    state = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
            is_event = body.startswith(b"{") and json.loads(body)["type"] == "event_callback"
            if is_event and state.slow_s:
                time.sleep(state.slow_s)
            status = state.statuses.pop(0) if is_event and state.statuses else 200
            answer = b"" if is_event else body
            self.send_response(status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}/slack/events"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def workspace(endpoint: Endpoint) -> Iterator[Workspace]:
    with Workspace(WorkspaceSettings(events_url=endpoint.url, http_retry_delays_s=(0.0, 0.1, 0.2), answer_within_s=1.5)) as running:
        yield running


def test_the_address_is_verified_before_the_first_event_and_every_request_is_signed(workspace: Workspace, endpoint: Endpoint) -> None:
    as_person(workspace, "olga").chat_postMessage(channel=QUALITY, text="is this OK?")
    eventually(lambda: endpoint.events)
    first = json.loads(endpoint.requests[0][1])
    assert first["type"] == "url_verification"
    verifier = SignatureVerifier(workspace.signing_secret)
    for headers, body in endpoint.requests:
        assert verifier.is_valid_request(body, headers)
    headers, body = endpoint.events[0]
    assert body["event"]["text"] == "is this OK?"
    assert "x-slack-retry-num" not in headers


def test_a_failed_delivery_is_retried_three_times_with_its_reason_and_the_same_id(workspace: Workspace, endpoint: Endpoint) -> None:
    endpoint.statuses = [500, 404, 503, 500, 500]
    as_person(workspace, "olga").chat_postMessage(channel=QUALITY, text="is this OK?")
    eventually(lambda: http.get(f"{workspace.url}/local/connections").json()["given_up"])
    assert [h.get("x-slack-retry-num") for h, _ in endpoint.events] == [None, "1", "2", "3"]
    assert [h.get("x-slack-retry-reason") for h, _ in endpoint.events] == [None, "http_error", "http_error", "http_error"]
    assert len({body["event_id"] for _, body in endpoint.events}) == 1


def test_a_slow_answer_counts_as_a_timeout(workspace: Workspace, endpoint: Endpoint) -> None:
    endpoint.slow_s = 1.8
    as_person(workspace, "olga").chat_postMessage(channel=QUALITY, text="is this OK?")
    eventually(lambda: len(endpoint.events) > 1, within_s=6)
    assert endpoint.events[1][0]["x-slack-retry-reason"] == "http_timeout"


def test_a_bot_can_refuse_retries(workspace: Workspace, endpoint: Endpoint) -> None:
    endpoint.statuses, endpoint.headers = [500, 500], {"X-Slack-No-Retry": "1"}
    as_person(workspace, "olga").chat_postMessage(channel=QUALITY, text="is this OK?")
    time.sleep(0.4)
    assert len(endpoint.events) == 1


def test_nobody_at_the_address_is_connection_failed(endpoint: Endpoint) -> None:
    nowhere = WorkspaceSettings(events_url="http://127.0.0.1:9/slack/events", http_retry_delays_s=(0.0, 0.0, 0.0))
    with Workspace(nowhere) as workspace:
        olga = as_person(workspace, "olga")
        posted = olga.chat_postMessage(channel=QUALITY, text="is this OK?")
        shown = eventually(lambda: (c := http.get(f"{workspace.url}/local/connections").json())["given_up"] and c)
        assert (shown["mode"], shown["verified"]) == ("http", False)
        assert posted["ok"]


def test_interactions_and_commands_come_as_forms(workspace: Workspace, endpoint: Endpoint) -> None:
    kenpin = WebClient(token=workspace.bot_token, base_url=workspace.api_url)
    ts = kenpin.chat_postMessage(channel=QUALITY, text="scrap it?", blocks=actions(button()))["ts"]
    clicked = {"user": AKIRA, "channel": QUALITY, "ts": ts, "action_id": "approve"}
    assert http.post(f"{workspace.url}/local/actions", json=clicked).json()["ok"]
    asked = {"user": OLGA, "channel": QUALITY, "command": "/kenpin", "text": "status"}
    http.post(f"{workspace.url}/local/commands", json=asked)
    forms = [parse_qs(b.decode()) for h, b in endpoint.requests if h["content-type"] == "application/x-www-form-urlencoded"]
    assert json.loads(forms[0]["payload"][0])["actions"][0]["action_id"] == "approve"
    assert (forms[1]["command"], forms[1]["text"]) == (["/kenpin"], ["status"])


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Quiet."""


def test_bolt_over_http_hears_a_question_and_a_click() -> None:
    """The same flow as in Socket Mode, with Bolt's own WSGI adapter at the other end."""
    heard: list[str] = []
    server = make_server("127.0.0.1", 0, lambda environ, start: handler(environ, start), handler_class=_Quiet)
    settings = WorkspaceSettings(events_url=f"http://127.0.0.1:{server.server_port}/slack/events", subscriptions=frozenset({"message"}))
    with Workspace(settings) as workspace:
        app = App(client=WebClient(token=workspace.bot_token, base_url=workspace.api_url), signing_secret=workspace.signing_secret)

        @app.event("message")
        def question(event: dict[str, Any], say: Any) -> None:
            heard.append(event["text"])
            say(text="scrap it?", thread_ts=event["ts"], blocks=actions(button()))

        @app.action("approve")
        def approve(ack: Any, body: dict[str, Any], respond: Any) -> None:
            ack()
            heard.append(body["user"]["id"])
            respond("recorded", replace_original=True)

        handler = SlackRequestHandler(app)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        olga = as_person(workspace, "olga")
        ts = olga.chat_postMessage(channel=QUALITY, text="is this OK?")["ts"]

        def answers() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = olga.conversations_replies(channel=QUALITY, ts=ts)["messages"][1:]
            return found

        answer = eventually(answers)[0]
        clicked = {"user": AKIRA, "channel": QUALITY, "ts": answer["ts"], "action_id": "approve"}
        assert http.post(f"{workspace.url}/local/actions", json=clicked).json()["ok"]
        eventually(lambda: answers()[0]["text"] == "recorded")
        assert heard == ["is this OK?", AKIRA]
    server.shutdown()
    server.server_close()
