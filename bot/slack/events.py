"""What Slack sends, read into Kenpin's words: is this event a question, a decision, or nothing for us?

Pure functions over one event's JSON; nothing is fetched and nothing is stored here. Text stays data: it is only ever matched and kept.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kenpin.bot.groups import TakeOut
from kenpin.bot.inspection import DecisionRequest, Question
from kenpin.bot.second_looks import SecondLookReply
from kenpin.bot.slack.group_messages import TAKE_OUT
from kenpin.storage.vocabulary import Correction, DecisionVerdict, Disposition, SecondLook, Verdict

JSON = Mapping[str, Any]

THUMBS = {
    "+1": DecisionVerdict.APPROVED,
    "thumbsup": DecisionVerdict.APPROVED,
    "-1": DecisionVerdict.REJECTED,
    "thumbsdown": DecisionVerdict.REJECTED,
}
BUTTONS = {"approve": DecisionVerdict.APPROVED, "reject": DecisionVerdict.REJECTED}
CORRECT = "correct"  # the button that opens a dialog, and the dialog
LOOKS = {f"look_{said}": said for said in SecondLook}  # the buttons under a second look
READ_SUBTYPES = (None, "file_share", "thread_broadcast")  # skipping every message with a subtype would drop photos
_MARKED = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")  # a mention, a channel, a link, each perhaps with the words Slack shows for it
QUESTION_END = re.compile(r"[?？]|(か|かな|かしら|ください|下さい)[。.!！]?\s*$")


@dataclass(frozen=True, kw_only=True)
class Ears:
    """What the bot listens for."""

    bot_user_id: str
    photo_channels: Sequence[str]  # ids where a photo needs no mention; "*" is all


def question(body: JSON, ears: Ears) -> Question | None:
    """A message with a photo or a question for us, or None.

    For us: a direct message; a mention; a photo in a channel that is set so; and there, a question in a thread.
    """
    event = body["event"]
    if event.get("type") not in ("message", "app_mention") or event.get("subtype") not in READ_SUBTYPES:
        return None
    if event.get("bot_id") or not event.get("user") or not _is_for_us(event, ears):
        return None
    return Question(
        event_id=body["event_id"],
        channel=event["channel"],
        message_ts=event["ts"],
        thread_ts=event.get("thread_ts"),
        asked_by=event["user"],
        text=plain_text(event.get("text") or "", ears.bot_user_id),
        files=tuple(_file(f) for f in event.get("files") or ()),
        is_direct=event.get("channel_type") == "im" or event["channel"].startswith("D"),
    )


def decision_by_reaction(body: JSON, ears: Ears) -> DecisionRequest | None:
    """👍 or 👎, of any skin tone, on one of the bot's own messages; None for any other reaction."""
    event = body["event"]
    item = event.get("item") or {}
    verdict = THUMBS.get(str(event.get("reaction", "")).split("::")[0])
    if event.get("type") != "reaction_added" or verdict is None or item.get("type") != "message":
        return None
    if event.get("item_user") not in (ears.bot_user_id, None):
        return None
    return DecisionRequest(
        channel=item["channel"], message_ts=item["ts"], verdict=verdict, person=event["user"], via="reaction", source_event=body["event_id"]
    )


def decision_by_button(body: JSON) -> DecisionRequest | None:
    """The Approve or Reject button. The person is who Slack says pressed it, never anything in the button's value."""
    pressed = _pressed(body)
    verdict = BUTTONS.get(pressed.action_id) if pressed else None
    return _request(pressed, verdict) if pressed and verdict else None


def correction_wanted(body: JSON) -> DecisionRequest | None:
    """The Correct button: a correction that does not say yet what it is instead; the dialog asks."""
    pressed = _pressed(body)
    return _request(pressed, DecisionVerdict.CORRECTED) if pressed and pressed.action_id == CORRECT else None


def correction(body: JSON) -> DecisionRequest | None:
    """The Correct dialog, sent. Where it was opened is in what we gave it; who sent it is Slack's word."""
    view = body.get("view") or {}
    if body.get("type") != "view_submission" or view.get("callback_id") != CORRECT:
        return None
    opened = json.loads(view["private_metadata"])
    said = {block: next(iter(element.values())) for block, element in view["state"]["values"].items()}
    return DecisionRequest(
        channel=opened["channel"],
        message_ts=opened["ts"],
        verdict=DecisionVerdict.CORRECTED,
        person=body["user"]["id"],
        via="button",
        source_event=f"view:{view['id']}",
        correction=Correction(
            really=Verdict(_chosen(said["really"])),
            defect_class=_typed(said.get("other_class")) or _chosen(said.get("defect_class")) or None,
            disposition=Disposition(_chosen(said["disposition"])),
            note=_typed(said.get("note")),
        ),
    )


def taken_out(body: JSON) -> TakeOut | None:
    """The button beside one of a group."""
    pressed = _pressed(body)
    if pressed is None or pressed.action_id != TAKE_OUT:
        return None
    return TakeOut(
        inspection_id=pressed.value,
        person=pressed.person,
        channel=pressed.channel,
        message_ts=pressed.message_ts,
        source_event=pressed.source_event,
    )


def second_look_reply(body: JSON) -> SecondLookReply | None:
    """A button under a second look: OK, not OK, cannot tell."""
    pressed = _pressed(body)
    if pressed is None or pressed.action_id not in LOOKS:
        return None
    return SecondLookReply(
        inspection_id=pressed.value,
        person=pressed.person,
        said=LOOKS[pressed.action_id],
        channel=pressed.channel,
        message_ts=pressed.message_ts,
        source_event=pressed.source_event,
    )


@dataclass(frozen=True, kw_only=True)
class _Pressed:
    """A button in a message."""

    action_id: str
    value: str
    channel: str
    message_ts: str
    person: str
    source_event: str


def _pressed(body: JSON) -> _Pressed | None:
    action = (body.get("actions") or [{}])[0]
    container = body.get("container") or {}
    if body.get("type") != "block_actions" or container.get("type") != "message":
        return None
    return _Pressed(
        action_id=action.get("action_id", ""),
        value=action.get("value") or "",
        channel=container["channel_id"],
        message_ts=container["message_ts"],
        person=body["user"]["id"],
        source_event=f"{body.get('trigger_id') or action.get('action_ts')}",
    )


def _request(pressed: _Pressed, verdict: DecisionVerdict) -> DecisionRequest:
    return DecisionRequest(
        channel=pressed.channel,
        message_ts=pressed.message_ts,
        verdict=verdict,
        person=pressed.person,
        via="button",
        source_event=pressed.source_event,
    )


def _chosen(element: JSON | None) -> str:
    return str(((element or {}).get("selected_option") or {}).get("value") or "")


def _typed(element: JSON | None) -> str:
    return " ".join(str((element or {}).get("value") or "").split())


def plain_text(text: str, bot_user_id: str) -> str:
    """The words as typed: our mention removed, other mentions and links as shown, Slack's escapes undone."""
    text = re.sub(rf"<@{re.escape(bot_user_id)}(?:\|[^<>]*)?>", " ", text)
    return " ".join(html.unescape(_MARKED.sub(_as_shown, text)).split())


def _as_shown(marked: re.Match[str]) -> str:
    mark, target, label = marked.groups()
    if not mark:
        return label or target
    sign = "#" if mark == "#" else "@"
    return sign + (label or target).removeprefix(sign)


def _is_for_us(event: JSON, ears: Ears) -> bool:
    text = event.get("text") or ""
    if event["type"] == "app_mention" or event.get("channel_type") == "im" or re.search(rf"<@{re.escape(ears.bot_user_id)}[|>]", text):
        return True
    if "*" not in ears.photo_channels and event["channel"] not in ears.photo_channels:
        return False
    return bool(event.get("files")) or (bool(event.get("thread_ts")) and bool(QUESTION_END.search(text)))


def _file(file: JSON) -> dict[str, Any]:
    """What is kept of Slack's file object: enough to fetch it, nothing a person typed except its name."""
    kept = ("id", "name", "mimetype", "mode", "size", "url_private_download", "url_private", "file_access")
    return {key: file[key] for key in kept if key in file}
