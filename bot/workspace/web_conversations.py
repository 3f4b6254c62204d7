"""The Web API's conversations methods: what channels there are, who is in them, what was said."""

from __future__ import annotations

from typing import Any

from . import people
from .arguments import Arguments
from .errors import SlackError
from .office import Caller, Methods, Office, channel_of_member, next_cursor, page_of
from .state import Channel
from .store import Json

conversations = Methods()

_READ = ("channels:read", "groups:read", "im:read", "mpim:read")
_HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
_TYPES = {"public_channel", "private_channel", "mpim", "im"}


@conversations.method("conversations.info", *_READ)
def info(office: Office, caller: Caller, args: Arguments) -> Json:
    channel = office.state.channel(args.needed("channel"), caller.user)
    return {"channel": office.shapes.channel(channel, caller.user, with_count=args.flag("include_num_members"))}


@conversations.method("conversations.list", *_READ)
def list_all(office: Office, caller: Caller, args: Arguments) -> Json:
    found = [c for c in _of_types(office, args) if not c.is_im or caller.user in c.members]
    page, cursor = page_of(found, args, default=100)
    return {"channels": [office.shapes.channel(c, caller.user, with_count=not c.is_im) for c in page], **next_cursor(cursor)}


@conversations.method("users.conversations", *_READ)
def of_user(office: Office, caller: Caller, args: Arguments) -> Json:
    user = args.text("user", caller.user)
    found = [c for c in _of_types(office, args) if user in c.members and (not c.is_im or caller.user in c.members)]
    page, cursor = page_of(found, args, default=100)
    shown = [office.shapes.channel(c, caller.user) for c in page]
    for channel in shown:
        channel.pop("is_member", None)  # Slack leaves it out here: every channel listed is one
    return {"channels": shown, **next_cursor(cursor)}


def _of_types(office: Office, args: Arguments) -> list[Channel]:
    types = set(args.words("types")) or {"public_channel"}
    if not types <= _TYPES:
        raise SlackError("invalid_types")
    return [c for c in office.state.channels.values() if ("im" if c.is_im else "public_channel") in types]


@conversations.method("conversations.members", *_READ)
def members(office: Office, caller: Caller, args: Arguments) -> Json:
    channel = office.state.channel(args.needed("channel"), caller.user)
    page, cursor = page_of(channel.members, args, default=100)
    return {"members": page, **next_cursor(cursor)}


@conversations.method("conversations.join", "channels:join")
def join(office: Office, caller: Caller, args: Arguments) -> Json:
    channel = office.state.channel(args.needed("channel"), caller.user)
    if channel.is_im:
        raise SlackError("method_not_supported_for_channel_type")
    if caller.user in channel.members:
        answer: Json = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    else:
        office.timeline.join(channel, caller.user)
        answer = {}
    return {"channel": office.shapes.channel(channel, caller.user), **answer}


@conversations.method("conversations.open", "im:write", "mpim:write")
def open_direct(office: Office, caller: Caller, args: Arguments) -> Json:
    if "channel" in args:
        channel = office.state.channel(args.text("channel"), caller.user)
        known = True
    else:
        users = [u for u in args.words("users") if u != caller.user]
        if not users:
            raise SlackError("not_enough_users" if "users" in args else "users_list_not_supplied")
        if len(users) > 1:
            raise SlackError("too_many_users")  # group direct messages are not spoken here
        before = len(office.state.channels)
        found = office.state.direct_message(caller.user, users[0])
        if found is None:
            raise SlackError("user_not_found")
        channel, known = found, len(office.state.channels) == before
    shown = office.shapes.channel(channel, caller.user) if args.flag("return_im") else {"id": channel.id}
    return {"channel": shown, **({"no_op": True, "already_open": True} if known else {})}


@conversations.method("conversations.history", *_HISTORY)
def history(office: Office, caller: Caller, args: Arguments) -> Json:
    channel = channel_of_member(office, caller, args.needed("channel"))
    top = [channel.messages[ts] for ts in reversed(channel.order) if _is_top_level(channel.messages[ts])]
    page, cursor = page_of([m for m in top if _wanted(m["ts"], args)], args, default=100, most=999)
    return {
        "messages": [_shown(office, m, args) for m in page],
        "has_more": bool(cursor),
        "pin_count": 0,
        **({"response_metadata": {"next_cursor": cursor}} if cursor else {}),
    }


@conversations.method("conversations.replies", *_HISTORY)
def replies(office: Office, caller: Caller, args: Arguments) -> Json:
    channel = channel_of_member(office, caller, args.needed("channel"), "channel_not_found")
    ts = args.needed("ts")
    message = channel.messages.get(ts)
    if message is None:
        raise SlackError("thread_not_found")
    parent = channel.messages.get(message.get("thread_ts", ts), message)
    following = [m for m in office.state.replies(channel, parent["ts"]) if _wanted(m["ts"], args)]
    page, cursor = page_of([parent, *following], args, default=1000)
    shown = [_shown(office, m, args) for m in page]
    for reply in shown:
        if reply["ts"] != parent["ts"]:
            reply["parent_user_id"] = parent.get("user", people.BOT_USER_ID)
    return {"messages": shown, "has_more": bool(cursor), **({"response_metadata": {"next_cursor": cursor}} if cursor else {})}


def _is_top_level(message: Json) -> bool:
    return message.get("thread_ts", message["ts"]) == message["ts"] or message.get("subtype") == "thread_broadcast"


def _wanted(ts: str, args: Arguments) -> bool:
    """Between oldest and latest; the ends themselves only when inclusive."""
    oldest, latest, inclusive = _stamp(args, "oldest"), _stamp(args, "latest"), args.flag("inclusive")
    at = _micros(ts)
    if oldest is not None and (at < oldest or (at == oldest and not inclusive)):
        return False
    return latest is None or at < latest or (at == latest and inclusive)


def _stamp(args: Arguments, name: str) -> int | None:
    if name not in args or args.text(name) in ("0", "now"):
        return None
    try:
        return _micros(args.text(name))
    except ValueError as error:
        raise SlackError(f"invalid_ts_{name}") from error


def _micros(ts: str) -> int:
    seconds, _, rest = ts.partition(".")
    return int(seconds) * 1_000_000 + int((rest + "000000")[:6])


def _shown(office: Office, message: Json, args: Arguments) -> dict[str, Any]:
    return office.shapes.message(message, with_metadata=args.flag("include_all_metadata"))
