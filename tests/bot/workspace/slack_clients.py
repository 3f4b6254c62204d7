"""The people and machines of these tests: Olga asks, Akira may approve, Sumi supervises, Victor may do nothing, the bot is real Bolt."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from kenpin.bot.workspace.server import Workspace

QUALITY, LINE_2, CANTEEN = "C0QUALITY01", "C0LINE20001", "C0CANTEEN01"
OLGA, AKIRA, SUMI, VICTOR, KENPIN = "U0OLGA00001", "U0AKIRA0001", "U0SUMI00001", "U0VICTOR001", "U0KENPIN001"
EVENTS = ("message", "app_mention", "reaction_added", "reaction_removed", "file_shared", "member_joined_channel", "app_home_opened")


# One client for plain requests: making one reads every certificate authority, and none is needed here.
http = httpx.Client(trust_env=False, verify=False, timeout=10, limits=httpx.Limits(max_keepalive_connections=0))


def eventually(holds: Callable[[], Any], within_s: float = 5.0) -> Any:
    """What `holds` gives as soon as it gives something true."""
    deadline = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)
    return found


class Bot:
    """A Bolt app in Socket Mode that writes down what it was sent."""

    def __init__(self, workspace: Workspace) -> None:
        self.client = WebClient(token=workspace.bot_token, base_url=workspace.api_url)
        self.app = App(client=self.client)
        self.bodies: list[dict[str, Any]] = []
        self.retries: list[str] = []
        self._lock = threading.Lock()
        self._handler = SocketModeHandler(self.app, workspace.app_token, web_client=self.client, ping_interval=1)
        for event in EVENTS:
            self.app.event(event)(self._keep)

    def _keep(self, body: dict[str, Any], request: Any) -> None:
        with self._lock:
            self.bodies.append(body)
            self.retries.append(request.headers.get("x-slack-retry-num", [""])[0])

    def connect(self) -> Bot:
        self._handler.connect()
        return self

    def close(self) -> None:
        """Returns at once: the client joins its threads for three seconds, and nothing here depends on them any more."""
        threading.Thread(target=self._handler.close, daemon=True).start()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [body["event"] for body in self.bodies]

    def wait_for(self, kind: str, **parts: Any) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            return next((e for e in self.events if e["type"] == kind and parts.items() <= e.items()), None)

        event: dict[str, Any] = eventually(found)
        return event


def as_person(workspace: Workspace, name: str) -> WebClient:
    return WebClient(token=f"xoxp-local-{name}", base_url=workspace.api_url)


def button(action_id: str = "approve", **more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": action_id, "value": "17", "text": {"type": "plain_text", "text": "Approve"}, **more}


def actions(*elements: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "actions", "block_id": "decide", "elements": list(elements)}]
