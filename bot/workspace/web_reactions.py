"""The Web API's reactions methods. Skin tones are part of the name: "+1::skin-tone-3"."""

from __future__ import annotations

import re

from .arguments import Arguments
from .errors import SlackError
from .office import Caller, Methods, Office, channel_of_member
from .state import Channel
from .store import Json

reactions = Methods()

_NAME = re.compile(r"[a-z0-9_+\-']+(::skin-tone-[2-6])?")
_ALIASES = {"thumbsup": "+1", "thumbsdown": "-1"}  # Slack keeps the name on the right
_MOST_USERS_LISTED = 50  # without full=1
_MOST_NAMES = 50  # different emoji on one message


@reactions.method("reactions.add", "reactions:write")
def add(office: Office, caller: Caller, args: Arguments) -> Json:
    name = _name(args)
    channel, message = _item(office, caller, args)
    present = {r["name"] for r in message.get("reactions", [])}
    if name not in present and len(present) >= _MOST_NAMES:
        raise SlackError("too_many_emoji")
    office.timeline.react(channel, message, caller.user, name)
    return {}


@reactions.method("reactions.remove", "reactions:write")
def remove(office: Office, caller: Caller, args: Arguments) -> Json:
    name = _name(args)
    channel, message = _item(office, caller, args)
    office.timeline.unreact(channel, message, caller.user, name)
    return {}


@reactions.method("reactions.get", "reactions:read")
def get(office: Office, caller: Caller, args: Arguments) -> Json:
    channel, message = _item(office, caller, args)
    shown = office.shapes.message(message, with_metadata=False)
    if "reactions" in shown and not args.flag("full"):
        shown["reactions"] = [r | {"users": r["users"][:_MOST_USERS_LISTED]} for r in shown["reactions"]]
    shown["permalink"] = office.shapes.permalink(channel, message)
    return {"type": "message", "channel": channel.id, "message": shown}


def _name(args: Arguments) -> str:
    name = args.needed("name").strip(":")
    base, _, tone = name.partition("::")
    name = "::".join(part for part in (_ALIASES.get(base, base), tone) if part)
    if not _NAME.fullmatch(name):
        raise SlackError("invalid_name")
    return name


def _item(office: Office, caller: Caller, args: Arguments) -> tuple[Channel, Json]:
    if "channel" not in args or "timestamp" not in args:
        raise SlackError("no_item_specified")
    channel = channel_of_member(office, caller, args.text("channel"), "channel_not_found")
    if not re.fullmatch(r"\d+\.\d+", args.text("timestamp")):
        raise SlackError("bad_timestamp")
    return channel, office.state.message(channel, args.text("timestamp"))
