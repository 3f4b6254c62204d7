"""`kenpin demo --check`: the main job, done over HTTP as people would do it, and then a look into the SQL.

Nothing here reaches into the bot: a Slack client library acts as Olga the operator and Akira the approver against the local workspace.
It runs in a folder of its own (KENPIN_HOME/check), so that it neither sees nor touches a demo's records.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import sqlalchemy as sa
from rich.console import Console
from rich.progress import Progress
from slack_sdk import WebClient

from kenpin.bot import demo
from kenpin.bot.demo import Running
from kenpin.bot.settings import Settings, default_database
from kenpin.storage import audit
from kenpin.storage.database import reading

PATIENCE_S = 60.0
QUESTION = "is this cell OK?"

Say = Callable[[str], None]
Message = dict[str, Any]


class CheckFailedError(Exception):
    """A step did not hold; says which and what was seen instead."""


def run(settings: Settings, say: Say) -> bool:
    """True when every step held."""
    home = settings.home / "check"
    database = default_database(home) if settings.database_url == default_database(settings.home) else settings.database_url
    apart = replace(settings, home=home, database_url=database, approvers=())
    say("starting the workspace, the bot and a worker ...")
    with Progress(console=Console(stderr=True), disable=True) as progress, demo.start(apart, 0, progress, only_cells=True) as running:
        started = time.monotonic()
        try:
            for words in _steps(running):
                say(f"  ✓ {words}")
        except CheckFailedError as failed:
            say(f"  ✗ {failed}")
            return False
    say(f"everything held, in {time.monotonic() - started:.1f} s")
    return True


def _steps(running: Running) -> Iterator[str]:
    people = {p["role"]: p for p in httpx.get(f"{running.workspace.url}/local/people", timeout=10).json()["people"]}
    olga, akira = (_client(running, people[role]["token"]) for role in ("operator", "approver"))
    channel = next(c["id"] for c in olga.conversations_list()["channels"] if c["name"] == "quality")

    photo = sorted((running.tray / "SC-200 solar cells, defective").iterdir())[0]
    uploaded = olga.files_upload_v2(channel=channel, file=str(photo), initial_comment=QUESTION)["files"][0]
    question = _wait("the photo in the channel", lambda: _message_with_file(olga, channel, uploaded["id"]))
    yield f"{people['operator']['real_name']} posted {photo.name} in #quality and asked: {QUESTION}"

    posted = time.monotonic()
    answer = _wait("an answer in the thread", lambda: _answer(olga, channel, question["ts"], people["operator"]["id"]))
    yield f"answered in {time.monotonic() - posted:.1f} s: {answer['text'].splitlines()[0]}"
    _expect("%" in answer["text"], "the answer says how sure it is", answer["text"])
    picture = next((b for b in answer["blocks"] if b["type"] == "image"), None)
    _expect(
        picture is not None and bool(picture["alt_text"]),
        "the answer shows the anomaly map, with words for a screen reader",
        answer["blocks"],
    )
    _expect(_buttons(answer) == {"approve", "correct", "reject"}, "the answer has its three buttons", answer["blocks"])
    yield "with its confidence, the anomaly map on the photo, and a proposal to decide"

    olga.reactions_add(channel=channel, timestamp=answer["ts"], name="+1")
    refusal = _wait("a private refusal", lambda: _whisper(running, people["operator"], answer))
    _expect("not an approver" in refusal["text"], "the refusal says why", refusal["text"])
    _expect(_rows(running, answer, "actions") == 0, "nothing is on record", "an action")
    yield f"her 👍 was refused, privately: {_plain(refusal['text'], people)}"

    akira.reactions_add(channel=channel, timestamp=answer["ts"], name="+1::skin-tone-3")
    said = _wait("the thread to say so", lambda: _outcome(olga, channel, question["ts"]))
    yield f"the approver's 👍 counted; the thread says: {_plain(said['text'], people)}"
    closed = _wait("the buttons to go", lambda: _closed(olga, channel, question["ts"], answer["ts"]))
    _expect(not _buttons(closed), "a decided answer has no buttons", closed["blocks"])

    akira.reactions_remove(channel=channel, timestamp=answer["ts"], name="+1::skin-tone-3")
    akira.reactions_add(channel=channel, timestamp=answer["ts"], name="+1")
    again = _wait("a private word on the second 👍", lambda: _whisper(running, people["approver"], answer))
    yield f"a second 👍 changed nothing: {_plain(again['text'], people)}"

    yield from _records(running, answer, people)


def _records(running: Running, answer: Message, people: dict[str, Any]) -> Iterator[str]:
    counts = {table: _rows(running, answer, table) for table in ("proposals", "decisions", "actions")}
    _expect(counts == {"proposals": 1, "decisions": 1, "actions": 1}, "one proposal, one decision and one action are on record", counts)
    engine = running.service.site.engine
    with reading(engine) as conn:
        decided_by = conn.execute(sa.text(f"SELECT d.decided_by {OF_ANSWER}"), {"ts": answer["ts"]}).scalar_one()
        _expect(decided_by == people["approver"]["id"], "the decision is the approver's", decided_by)
        kinds = [entry.kind.value for entry in audit.entries(conn)]
        _expect({"decision_refused", "action_recorded"} <= set(kinds), "the refusal and the action are on the log", kinds)
        found = audit.verify(conn)
    _expect(found.whole, "the audit chain is whole", found.why)
    yield f"SQL: one proposal, one decision by the approver, one action; the audit chain of {found.entries} entries is whole"
    try:
        with engine.begin() as conn:
            conn.execute(sa.text("DELETE FROM actions"))
    except sa.exc.DBAPIError:
        yield "SQL: deleting the action was refused by the database itself"
    else:
        raise CheckFailedError("the database let somebody delete an action")


OF_ANSWER = (
    "FROM inspections i JOIN proposals p ON p.inspection_id = i.id LEFT JOIN decisions d ON d.proposal_id = p.id "
    "LEFT JOIN actions a ON a.proposal_id = p.id WHERE i.posted_ts = :ts"
)
COUNTED = {"proposals": "p.id", "decisions": "d.proposal_id", "actions": "a.proposal_id"}


def _client(running: Running, token: str) -> WebClient:
    return WebClient(token=token, base_url=running.workspace.api_url)


def _thread(client: WebClient, channel: str, ts: str) -> list[Message]:
    messages: list[Message] = client.conversations_replies(channel=channel, ts=ts)["messages"][1:]
    return messages


def _message_with_file(client: WebClient, channel: str, file_id: str) -> Message | None:
    messages: list[Message] = client.conversations_history(channel=channel, limit=20)["messages"]
    return next((m for m in messages if any(f["id"] == file_id for f in m.get("files") or ())), None)


def _answer(client: WebClient, channel: str, ts: str, asked_by: str) -> Message | None:
    return next((m for m in _thread(client, channel, ts) if m.get("user") != asked_by and m.get("blocks")), None)


def _outcome(client: WebClient, channel: str, ts: str) -> Message | None:
    return next((m for m in _thread(client, channel, ts) if m["text"].startswith("✅")), None)


def _closed(client: WebClient, channel: str, ts: str, answer_ts: str) -> Message | None:
    return next((m for m in _thread(client, channel, ts) if m["ts"] == answer_ts and not _buttons(m)), None)


def _whisper(running: Running, person: dict[str, Any], answer: Message) -> Message | None:
    reply = httpx.get(f"{running.workspace.url}/local/ephemeral", params={"user": person["id"]}, timeout=10).json()
    return next((m for m in reversed(reply["messages"]) if m["ts"] > answer["ts"]), None)


def _buttons(message: Message) -> set[str]:
    return {e["action_id"] for block in message.get("blocks") or () if block["type"] == "actions" for e in block["elements"]}


def _rows(running: Running, answer: Message, table: str) -> int:
    """How many rows of a table belong to this answer."""
    with reading(running.service.site.engine) as conn:
        return int(conn.execute(sa.text(f"SELECT count({COUNTED[table]}) {OF_ANSWER}"), {"ts": answer["ts"]}).scalar_one())


def _plain(text: str, people: dict[str, Any]) -> str:
    """Slack's marks as a page shows them."""
    text = re.sub(r"<!date\^\d+\^[^|]*\|([^>]*)>", r"\1", text).replace("*", "")
    for person in people.values():
        text = text.replace(f"<@{person['id']}>", f"@{person['real_name']}")
    return text


def _wait(what: str, look: Callable[[], Message | None]) -> Message:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.1)
    raise CheckFailedError(f"waited {PATIENCE_S:g} s for {what}")


def _expect(holds: bool, what: str, seen: object) -> None:
    if not holds:
        raise CheckFailedError(f"{what}: not so, but {seen}")
