"""How long people and Slack wait: event received to acknowledged, and photo posted to answer posted.

A local workspace in this process, `kenpin serve` in one of its own with SQLite, and people who ask over HTTP. Acknowledgements are timed
at the workspace's end of the connection; answers by the time stamps that the workspace gives the question's and the answer's messages.

    python bench/latency.py            prints the tables as they stand in docs/benchmarks.md
"""

from __future__ import annotations

import logging
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from slack_sdk import WebClient

from kenpin.bot import demo
from kenpin.bot.workspace import people
from kenpin.bot.workspace.events_api import EventsApi
from kenpin.bot.workspace.server import Workspace
from kenpin.bot.workspace.settings import WorkspaceSettings
from kenpin.bot.workspace.socket_mode import SocketMode

SENDERS = 8
MESSAGES_EACH = 30  # each a question with a mention: two events, and a third about the answer
ALONE, TOGETHER_EACH = 24, 6  # photos asked about by one person, and by each of eight
MENTION = f"<@{people.BOT_USER_ID}>"
Acknowledged = list[tuple[str, float]]  # time stamp of the message that an event is about, and seconds to its acknowledgement
KENPIN = Path(sys.executable).with_name("kenpin")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        cells = demo.solar_cells()
        known = {*cells.references}
        photos = iter(sorted(p for p in cells.references[0].parent.glob("*.png") if p not in known))
        with bot(home, http=False, teach=cells.references) as (workspace, acknowledged):
            _answer(workspace, people.OPERATOR, next(photos))  # loads the network
            alone = [_answer(workspace, people.OPERATOR, next(photos)) for _ in range(ALONE)]
            mine = [[next(photos) for _ in range(TOGETHER_EACH)] for _ in range(SENDERS)]
            together = _at_once(lambda i: [_answer(workspace, _person(i), photo) for photo in mine[i]])
            over_socket = _acknowledgements(workspace, acknowledged)
        with bot(home, http=True) as (workspace, acknowledged):
            over_http = _acknowledgements(workspace, acknowledged)
    print(f"`python bench/latency.py`, {date.today().isoformat()}, {os.cpu_count()} cores, no GPU, SQLite,")
    print(f"Python {platform.python_version()},", end=" ")
    print(", ".join(f"{name} {version(name)}" for name in ("kenpin", "dbos", "slack-bolt", "onnxruntime", "sqlalchemy")) + ".")
    print(f"Load of the machine when it ended: {os.getloadavg()[0]:.1f}.\n")
    print("| event received to acknowledged | events | p50 ms | p99 ms | most ms |\n|---|---|---|---|---|")
    for how, (steady, burst) in (("Socket Mode", over_socket), ("signed HTTP", over_http)):
        for manner, times in (
            ("each waits for the last one's acknowledgement", steady),
            (f"{SENDERS * MESSAGES_EACH} questions at full speed", burst),
        ):
            p50, p99 = (1000 * np.percentile(times, p) for p in (50, 99))
            print(f"| {how}, {SENDERS} senders, {manner} | {len(times)} | {p50:.0f} | {p99:.0f} | {1000 * max(times):.0f} |")
    print("\n| photo posted to answer posted | photos | p50 s | p95 s | photos/s |\n|---|---|---|---|---|")
    for who, times, people_asking in (("1 person asking", alone, 1), (f"{SENDERS} people asking at once", together, SENDERS)):
        p50, p95 = np.percentile(times, (50, 95))
        print(f"| {who} | {len(times)} | {p50:.2f} | {p95:.2f} | {people_asking / np.mean(times):.2f} |")


@contextmanager
def bot(home: Path, *, http: bool, teach: Sequence[Path] = ()) -> Iterator[tuple[Workspace, Acknowledged]]:
    """A workspace and a bot in it; with how long each event that was acknowledged took, in seconds."""
    times: Acknowledged = []
    port = _free_port()
    settings = WorkspaceSettings(events_url=f"http://127.0.0.1:{port}/slack/events" if http else None)
    with _timed(times), Workspace(settings) as workspace:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("KENPIN_", "SLACK_")) and not k.lower().endswith("_proxy")}
        environment |= {
            "KENPIN_HOME": str(home),
            "KENPIN_APPROVERS": people.APPROVER.id,
            "KENPIN_PHOTO_CHANNELS": "quality",
            "KENPIN_FILE_HOSTS": workspace.file_host,
            "KENPIN_LOG": "error",
            "SLACK_API_URL": workspace.api_url,
            "SLACK_BOT_TOKEN": workspace.bot_token,
            "SLACK_APP_TOKEN": workspace.app_token,
            "SLACK_SIGNING_SECRET": workspace.signing_secret,
            "PYTHONUNBUFFERED": "1",
        }
        if teach:
            with tempfile.TemporaryDirectory() as good:
                for photo in teach:
                    (Path(good) / photo.name).symlink_to(photo)
                _run(["parts", "add", "SC-200", "--good", good], environment)
        command = ["serve", *(["--http", "--port", str(port)] if http else [])]
        process = subprocess.Popen([KENPIN, *command], env=environment, stdout=subprocess.PIPE, text=True)
        logging.getLogger("kenpin.bot.workspace").setLevel(logging.ERROR)  # that the bot is not there yet is known
        try:
            assert process.stdout is not None
            while "at work" not in (line := process.stdout.readline()):
                if not line:
                    raise SystemExit("kenpin serve ended before it was at work; its words stand above.")
            yield workspace, times
        finally:
            process.terminate()
            process.wait()


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run([KENPIN, *command], env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def _timed(times: Acknowledged) -> Iterator[None]:
    """Times the workspace's sending of each event until the bot's acknowledgement; nothing else in it changes."""
    over_socket, over_http = SocketMode._send, EventsApi._post_json

    async def send(self: SocketMode, connection: Any, kind: str, *rest: Any, **more: Any) -> Any:
        started = time.perf_counter()
        answer = await over_socket(self, connection, kind, *rest, **more)
        if kind == "events_api":
            times.append((rest[0]["event"].get("ts", ""), time.perf_counter() - started))
        return answer

    async def post(self: EventsApi, payload: Any, more: Any) -> Any:
        started = time.perf_counter()
        answer = await over_http(self, payload, more)
        if payload["type"] == "event_callback" and answer.is_success:
            times.append((payload["event"].get("ts", ""), time.perf_counter() - started))
        return answer

    SocketMode._send, EventsApi._post_json = send, post  # type: ignore[method-assign]
    try:
        yield
    finally:
        SocketMode._send, EventsApi._post_json = over_socket, over_http  # type: ignore[method-assign]


def _acknowledgements(workspace: Workspace, acknowledged: Acknowledged) -> tuple[list[float], list[float]]:
    """Seconds to each acknowledgement: of senders who wait for it, and of senders who do not."""
    found = []
    for wait in (True, False):
        acknowledged.clear()
        _ask_all(workspace, acknowledged if wait else None)
        found.append([seconds for _, seconds in acknowledged])
    return found[0], found[1]


def _ask_all(workspace: Workspace, waited_for: Acknowledged | None) -> None:
    """Eight senders; ended when every event is acknowledged and every question answered. waited_for: before a sender sends another."""

    def send(i: int) -> list[None]:
        client = _client(workspace, _person(i))
        for n in range(MESSAGES_EACH):
            sent = client.chat_postMessage(channel=people.LINE_2.id, text=f"{MENTION} is SC-200 OK? ({i}.{n})")["ts"]
            while waited_for is not None and not any(ts == sent for ts, _ in list(waited_for)):
                time.sleep(0.005)
        return []

    workspace.calls.clear()
    _at_once(send)
    while workspace.calls.counts["chat.postMessage"] < 2 * SENDERS * MESSAGES_EACH:
        time.sleep(0.5)


def _answer(workspace: Workspace, who: people.Person, photo: Path) -> float:
    """Seconds from the question with its photo to the answer in its thread."""
    client = _client(workspace, who)
    name = f"{who.name}-{photo.name}"
    client.files_upload_v2(channel=people.QUALITY.id, file=str(photo), filename=name, initial_comment="is SC-200 OK?")
    history = client.conversations_history(channel=people.QUALITY.id, limit=60)["messages"]
    question = next(m["ts"] for m in history if any(f["name"] == name for f in m.get("files") or ()))
    while True:
        replies = client.conversations_replies(channel=people.QUALITY.id, ts=question)["messages"][1:]
        if said := [m["ts"] for m in replies if m.get("bot_id") and m.get("blocks")]:
            return float(said[0]) - float(question)
        time.sleep(0.25)


def _at_once(work: Callable[[int], list[Any]]) -> list[Any]:
    with ThreadPoolExecutor(SENDERS) as senders:
        return [one for many in senders.map(work, range(SENDERS)) for one in many]


def _person(i: int) -> people.Person:
    staff = (people.OPERATOR, people.APPROVER, people.SUPERVISOR)
    return staff[i % len(staff)]


def _client(workspace: Workspace, who: people.Person) -> WebClient:
    return WebClient(token=who.token, base_url=workspace.api_url)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
