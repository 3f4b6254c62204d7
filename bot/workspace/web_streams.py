"""The Web API's streamed messages: start, append, stop. A streamed message grows on the page while the bot writes it.

Its text and its tasks are kept under our own keys and turned into blocks anew at every step.
"""

from __future__ import annotations

import time
from typing import Any

from . import blocks, people
from .arguments import Arguments
from .errors import SlackError, invalid_arguments
from .office import Caller, Methods, Office, TokenKind, channel_of_member
from .state import Channel
from .store import Json
from .timeline import Draft
from .web_chat import draft as draft_of
from .web_chat import own_message

streams = Methods()

_MOST_TEXT = 12_000
_STATUSES = ("pending", "in_progress", "complete", "error")
_BOT: tuple[TokenKind, ...] = ("bot",)


@streams.method("chat.startStream", "chat:write", tokens=_BOT)
def start(office: Office, caller: Caller, args: Arguments) -> Json:
    channel = channel_of_member(office, caller, args.needed("channel"))
    thread_ts = args.needed("thread_ts")
    if thread_ts not in channel.messages:
        raise invalid_arguments("invalid thread_ts")
    if not channel.is_im:
        if "recipient_team_id" not in args:
            raise SlackError("missing_recipient_team_id")
        if "recipient_user_id" not in args:
            raise SlackError("missing_recipient_user_id")
    until = time.time() + office.settings.stream_life_s
    growing: Json = {"_streaming": True, "_until": until, "_text": "", "_tasks": [], "_plan": "", "_more": []}
    message = office.timeline.post(channel, caller.user, Draft(thread_ts=thread_ts, private=growing))
    _grow(office, message, args)
    office.timeline.redraw(channel, message)
    return {"channel": channel.id, "ts": message["ts"]}


@streams.method("chat.appendStream", "chat:write", tokens=_BOT)
def append(office: Office, caller: Caller, args: Arguments) -> Json:
    channel, message = _streaming(office, caller, args)
    _grow(office, message, args)
    office.timeline.redraw(channel, message)
    return {"channel": channel.id, "ts": message["ts"]}


@streams.method("chat.stopStream", "chat:write", tokens=_BOT)
def stop(office: Office, caller: Caller, args: Arguments) -> Json:
    channel, message = _streaming(office, caller, args)
    _grow(office, message, args)
    if drawn := args.json("blocks", "invalid_blocks"):
        message["_more"] += blocks.check(drawn, office.state)
        _draw(office, message)
    if "metadata" in args:
        message["metadata"] = draft_of(office, Arguments({"text": "x", "metadata": args.values["metadata"]})).metadata
    message["_streaming"] = False
    office.timeline.edit(channel, message, {}, by=None)
    return {"channel": channel.id, "ts": message["ts"], "message": office.shapes.message(message)}


def _streaming(office: Office, caller: Caller, args: Arguments) -> tuple[Channel, Json]:
    channel = channel_of_member(office, caller, args.needed("channel"))
    message = own_message(office, caller, channel, args.needed("ts"), "message_not_owned_by_app")
    if not message.get("_streaming") or message["_until"] < time.time():
        message["_streaming"] = False
        raise SlackError("message_not_in_streaming_state")
    return channel, message


def _grow(office: Office, message: Json, args: Arguments) -> None:
    """Take in markdown_text and chunks. Raises SlackError invalid_chunks or msg_blocks_too_long."""
    chunks = args.json("chunks", "invalid_chunks") or []
    if not isinstance(chunks, list):
        raise SlackError("invalid_chunks")
    if "markdown_text" in args:
        chunks = [{"type": "markdown_text", "text": args.text("markdown_text")}, *chunks]
    for chunk in chunks:
        _take(office, message, chunk)
    if len(message["_text"]) > _MOST_TEXT:
        raise SlackError("msg_blocks_too_long")
    _draw(office, message)


def _take(office: Office, message: Json, chunk: Any) -> None:
    kind = chunk.get("type") if isinstance(chunk, dict) else None
    if kind == "markdown_text" and isinstance(chunk.get("text"), str):
        message["_text"] += chunk["text"]
    elif kind == "task_update" and chunk.get("id") and chunk.get("status", "pending") in _STATUSES:
        _update_task(message["_tasks"], chunk)
    elif kind == "plan_update":
        message["_plan"] = str(chunk.get("title", ""))
    elif kind == "blocks":
        message["_more"] += blocks.check(chunk.get("blocks"), office.state)
    else:
        raise SlackError("invalid_chunks")


def _update_task(tasks: list[Json], chunk: Json) -> None:
    """Title and status replace what was there; details and output are added to it."""
    task = next((t for t in tasks if t["id"] == chunk["id"]), None)
    if task is None:
        task = {"id": chunk["id"], "title": "", "status": "pending", "details": "", "output": ""}
        tasks.append(task)
    task |= {k: chunk[k] for k in ("title", "status", "sources") if k in chunk}
    for key in ("details", "output"):
        task[key] += str(chunk.get(key) or "")


def _draw(office: Office, message: Json) -> None:
    drawn: list[Json] = []
    cards = [_card(task) for task in message["_tasks"]]
    if message["_plan"]:
        drawn.append({"type": "plan", "title": message["_plan"], "tasks": cards})
    else:
        drawn += cards
    if message["_text"]:
        drawn.append({"type": "markdown", "text": message["_text"]})
    drawn += message["_more"]
    message["text"] = message["_text"]
    message["blocks"] = office.timeline.with_ids(drawn, "")
    message["streaming_state"] = "in_progress" if message["_streaming"] else "completed"
    assert message["user"] == people.BOT_USER_ID


def _card(task: Json) -> Json:
    card: Json = {"type": "task_card", "task_id": task["id"], "title": task["title"], "status": task["status"]}
    for key in ("details", "output"):
        if task[key]:
            section = {"type": "rich_text_section", "elements": [{"type": "text", "text": task[key]}]}
            card[key] = {"type": "rich_text", "elements": [section]}
    return card | ({"sources": task["sources"]} if task.get("sources") else {})
