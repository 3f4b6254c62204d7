"""Kenpin as it runs in a factory: a workspace, people who act in it, and `kenpin` processes that can be started and killed.

Nothing reaches into the bot: people act through Slack's Web API with their own tokens, and what came of it is read in the thread and,
for the records, in the database.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import sqlalchemy as sa
from slack_sdk import WebClient

from kenpin.bot.workspace import people
from kenpin.bot.workspace.server import Workspace
from kenpin.storage import audit
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import open_database, reading

PATIENCE_S = 120.0  # a machine with two busy cores takes a while to load a network
KENPIN = Path(sys.executable).with_name("kenpin")

Message = dict[str, Any]
T = TypeVar("T")


def wait_for(what: str, look: Callable[[], T | None], *, patience_s: float = PATIENCE_S, every_s: float = 0.1) -> T:
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(every_s)
    raise AssertionError(f"waited {patience_s:g} s for {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Person:
    """One member of the workspace, with a Slack client of their own."""

    def __init__(self, workspace: Workspace, who: people.Person) -> None:
        self.id, self.dm, self._workspace = who.id, who.dm, workspace
        self.slack = WebClient(token=who.token, base_url=workspace.api_url)

    def channel(self, name: str) -> str:
        if name == "dm":
            return self.dm
        return next(str(c["id"]) for c in self.slack.conversations_list()["channels"] if c["name"] == name)

    def say(self, text: str, *, to: str = "quality", thread: Message | None = None) -> Message:
        reply = self.slack.chat_postMessage(channel=self.channel(to), text=text, thread_ts=thread["ts"] if thread else None)
        return {**reply["message"], "channel": reply["channel"]}

    def ask(self, text: str, *photos: bytes | tuple[str, bytes], to: str = "quality", thread: Message | None = None) -> Message:
        """Post photos with some words. A photo is its bytes, or a file name and its bytes."""
        named = [p if isinstance(p, tuple) else (f"photo-{i}.jpg", p) for i, p in enumerate(photos, 1)]
        ids = [self._upload(name, data) for name, data in named]
        channel = self.channel(to)
        self.slack.files_completeUploadExternal(
            files=[{"id": file, "title": name} for file, (name, _) in zip(ids, named, strict=True)],
            channel_id=channel,
            initial_comment=text or None,
            thread_ts=thread["ts"] if thread else None,
        )
        if thread:
            messages: list[Message] = self.slack.conversations_replies(channel=channel, ts=thread["ts"])["messages"]
        else:
            messages = self.slack.conversations_history(channel=channel, limit=20)["messages"]
        posted = next(m for m in messages if any(f["id"] == ids[0] for f in m.get("files") or ()))
        return {**posted, "channel": channel}

    def react(self, message: Message, name: str) -> None:
        self.slack.reactions_add(channel=message["channel"], timestamp=message["ts"], name=name)

    def press(self, message: Message, action: str) -> httpx.Response:
        """Approve or reject by the button, as the chat page does it."""
        body = {"user": self.id, "channel": message["channel"], "ts": message["ts"], "action_id": action}
        return httpx.post(f"{self._workspace.url}/local/actions", json=body, timeout=30)

    def dialog(self) -> Message | None:
        """The dialog that the bot has opened for this person, if there is one."""
        shown = httpx.get(f"{self._workspace.url}/local/snapshot", params={"user": self.id}, timeout=30).json()
        return next((view for view in shown["views"] if view["type"] == "modal"), None)

    def send(self, dialog: Message, **said: str) -> httpx.Response:
        """Fill a dialog in, by its blocks' names, and send it, as the chat page does it."""
        drawn = {block["block_id"]: block["element"]["type"] for block in dialog["blocks"]}
        values = {
            name: {name: {"type": kind, **({"value": said.get(name)} if kind == "plain_text_input" else _choice(said.get(name)))}}
            for name, kind in drawn.items()
        }
        body = {"user": self.id, "view_id": dialog["id"], "values": values}
        return httpx.post(f"{self._workspace.url}/local/views/submit", json=body, timeout=30)

    def direct_messages(self) -> list[Message]:
        """What the bot wrote to this person alone, newest first."""
        history: list[Message] = self.slack.conversations_history(channel=self.dm, limit=50)["messages"]
        return [{**m, "channel": self.dm} for m in history if m.get("bot_id")]

    def whispers(self, *, after: Message) -> list[Message]:
        """What only this person was shown since a message."""
        reply = httpx.get(f"{self._workspace.url}/local/ephemeral", params={"user": self.id}, timeout=30).json()
        return [m for m in reply["messages"] if m["ts"] > after["ts"]]

    def whispered(self, after: Message, *, holding: str = "") -> str:
        """Wait for something that only this person is shown."""
        told = wait_for(
            f"a private word holding {holding!r}",
            lambda: next((m["text"] for m in self.whispers(after=after) if holding in m["text"]), None),
        )
        return str(told)

    def thread(self, message: Message) -> list[Message]:
        """The replies in the thread of a message, oldest first."""
        root = message.get("thread_ts", message["ts"])
        replies: list[Message] = self.slack.conversations_replies(channel=message["channel"], ts=root, limit=200)["messages"][1:]
        return [{**m, "channel": message["channel"]} for m in replies]

    def answers(self, message: Message) -> list[Message]:
        """The answers in a thread: what the bot says there under a reference number."""
        return [m for m in self.thread(message) if m.get("bot_id") and any(b["type"] == "context" for b in m.get("blocks") or ())]

    def answer(self, message: Message, *, nth: int = 1) -> Message:
        """Wait for the nth answer in the thread."""
        return wait_for(f"answer {nth} in the thread", lambda: dict(enumerate(self.answers(message), 1)).get(nth))

    def told(self, message: Message, beginning: str) -> str:
        """Wait for the bot to say something that begins so in the thread."""
        return wait_for(
            f"the thread to say {beginning!r}",
            lambda: next((str(m["text"]) for m in self.thread(message) if m.get("bot_id") and m["text"].startswith(beginning)), None),
        )

    def _upload(self, name: str, data: bytes) -> str:
        # By hand, since the client's own helper refuses an empty file.
        step = self.slack.files_getUploadURLExternal(filename=name, length=max(1, len(data)))
        httpx.post(step["upload_url"], content=data, timeout=30).raise_for_status()
        return str(step["file_id"])


def _choice(value: str | None) -> dict[str, Any]:
    return {"selected_option": {"value": value} if value else None}


def buttons(message: Message) -> set[str]:
    return {e["action_id"] for block in message.get("blocks") or () if block["type"] == "actions" for e in block["elements"]}


def reference_of(answer: Message) -> str:
    """K-…, as the answer's last line shows it."""
    context = next(b for b in answer["blocks"] if b["type"] == "context")
    return str(context["elements"][0]["text"]).split(" · ")[0].split()[-1]


class Process:
    """One running `kenpin`."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path, *, before: Sequence[str] = ()) -> None:
        self.log = log
        with log.open("ab") as out:
            self._popen = subprocess.Popen([*before, str(KENPIN), *command], env=dict(environment), stdout=out, stderr=subprocess.STDOUT)

    @property
    def pid(self) -> int:
        return self._popen.pid

    def wait_until(self, words: str) -> Process:
        def said() -> bool:
            assert self._popen.poll() is None, f"it ended with status {self._popen.returncode}:\n{self.words()}"
            return words in self.words()

        wait_for(f"{words!r} from {self.log.name}", said)
        return self

    def words(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """kill -9: no handler, no last word."""
        self._popen.send_signal(signal.SIGKILL)
        self._popen.wait()

    def stop(self) -> int:
        """As Ctrl-C and systemd do it; its exit status."""
        if self._popen.poll() is None:
            self._popen.terminate()
            try:
                self._popen.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()
        return int(self._popen.returncode)

    def model_processes(self) -> list[int]:
        """The processes that hold the network: children started by multiprocessing, without its resource tracker."""
        found = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(status.read_text().rpartition(")")[2].split()[1])
                words = (status.parent / "cmdline").read_text()
            except OSError:  # ended meanwhile
                continue
            if parent == self.pid and "spawn_main" in words:
                found.append(int(status.parent.name))
        return found


class Factory:
    """A workspace, its people, and Kenpin with its home folder and database."""

    def __init__(self, workspace: Workspace, home: Path, *, database_url: str | None = None, **settings: str) -> None:
        self.workspace, self.home = workspace, home
        self.database_url = database_url or f"sqlite:///{home / 'kenpin.sqlite'}"
        self.olga, self.akira, self.sumi, self.victor = (Person(workspace, p) for p in people.PEOPLE)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("KENPIN_", "SLACK_")) and not k.lower().endswith("_proxy")}
        self.environment = kept | {
            "KENPIN_HOME": str(home),
            "KENPIN_DATABASE_URL": self.database_url,
            "KENPIN_APPROVERS": people.APPROVER.id,
            "KENPIN_PHOTO_CHANNELS": "quality",
            "KENPIN_SECOND_LOOKS": "0",  # a test that wants one says so
            "KENPIN_FILE_HOSTS": workspace.file_host,
            "SLACK_API_URL": workspace.api_url,
            "SLACK_BOT_TOKEN": workspace.bot_token,
            "SLACK_APP_TOKEN": workspace.app_token,
            "SLACK_SIGNING_SECRET": workspace.signing_secret,
            "PYTHONUNBUFFERED": "1",
            "COLUMNS": "200",
            **settings,
        }
        self._processes: list[Process] = []
        self._engine: sa.Engine | None = None

    @property
    def engine(self) -> sa.Engine:
        """For a look into the records; Kenpin's processes have their own."""
        if self._engine is None:
            self._engine = open_database(self.database_url)
        return self._engine

    def start(self, *command: str, before: Sequence[str] = (), **settings: str) -> Process:
        """A `kenpin` that runs on, such as `serve`. before: a program that starts it, such as `unshare`."""
        log = self.home / f"{command[0]}-{len(self._processes) + 1}.log"
        process = Process(command, self.environment | settings, log, before=before)
        self._processes.append(process)
        return process

    def serve(self, *options: str) -> Process:
        return self.start("serve", *options).wait_until("Kenpin is at work")

    def run(self, *command: str) -> str:
        """A `kenpin` that ends by itself; its words."""
        done = subprocess.run([KENPIN, *command], env=self.environment, capture_output=True, text=True, timeout=PATIENCE_S * 2)
        assert done.returncode == 0, f"kenpin {' '.join(command)} ended with status {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def faults(self, **switches: Any) -> None:
        """Turn on trouble at Slack; see docs/local-workspace.md."""
        httpx.post(f"{self.workspace.url}/local/faults", json=switches, timeout=30).raise_for_status()

    def on_its_way(self) -> int:
        """How many events are sent and not acknowledged."""
        shown = httpx.get(f"{self.workspace.url}/local/connections", timeout=30).json()
        assert not shown["given_up"], "Slack gave up on an event: it is lost"
        return int(shown["in_flight"])

    # -- records -----------------------------------------------------------------------------------------------------------------

    def rows(self, statement: str, **values: Any) -> list[Any]:
        with reading(self.engine) as conn:
            return list(conn.execute(sa.text(statement), values).all())

    def value(self, statement: str, **values: Any) -> Any:
        found = self.rows(statement, **values)
        return found[0][0] if found else None

    def inspections_of(self, question: Message) -> list[Any]:
        return self.rows("SELECT * FROM inspections WHERE channel = :c AND message_ts = :t", c=question["channel"], t=question["ts"])

    def recorded(self, answer: Message) -> tuple[int, int]:
        """How many decisions and actions there are on an answer's proposal."""
        found = self.rows(
            "SELECT count(d.proposal_id), count(a.proposal_id) FROM inspections i JOIN proposals p ON p.inspection_id = i.id "
            "LEFT JOIN decisions d ON d.proposal_id = p.id LEFT JOIN actions a ON a.proposal_id = p.id "
            "WHERE i.posted_channel = :c AND i.posted_ts = :t",
            c=answer["channel"],
            t=answer["ts"],
        )
        return (found[0][0], found[0][1])

    def log_of(self, inspection_id: str) -> list[audit.AuditEntry]:
        with reading(self.engine) as conn:
            return list(audit.entries(conn, inspection_id=inspection_id))

    def logged(self, inspection_id: str, kind: AuditKind) -> list[audit.AuditEntry]:
        return [entry for entry in self.log_of(inspection_id) if entry.kind is kind]

    def done_steps(self, inspection_id: str) -> set[str]:
        """The durable steps of a question's job that are finished."""
        steps = "dbos.operation_outputs" if self.engine.dialect.name == "postgresql" else "operation_outputs"
        found = self.rows(f"SELECT function_name FROM {steps} WHERE workflow_uuid = :job", job=f"inspect:{inspection_id}")
        return {row[0] for row in found}

    def unfinished_jobs(self) -> int:
        jobs = "dbos.workflow_status" if self.engine.dialect.name == "postgresql" else "workflow_status"
        return int(self.value(f"SELECT count(*) FROM {jobs} WHERE status IN ('ENQUEUED', 'PENDING')"))

    def come_to_rest(self) -> None:
        """Wait until every event is acknowledged and every job done, so that what has not happened by then does not happen."""
        wait_for("every event to be acknowledged", lambda: self.on_its_way() == 0)
        wait_for("every job to be done", lambda: self.unfinished_jobs() == 0)

    def check_log(self) -> None:
        with reading(self.engine) as conn:
            found = audit.verify(conn)
        assert found.whole, f"the audit chain is broken at entry {found.broken_at}: {found.why}"

    def close(self) -> None:
        for process in self._processes:
            process.stop()
        if self._engine is not None:
            self._engine.dispose()


@contextmanager
def factory(workspace: Workspace, home: Path, *, database_url: str | None = None, **settings: str) -> Iterator[Factory]:
    """Closed at the end, with every process that it started."""
    made = Factory(workspace, home, database_url=database_url, **settings)
    try:
        yield made
    finally:
        made.close()
