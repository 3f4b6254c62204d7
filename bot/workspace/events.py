"""The events a bot is sent: the inner event for each thing that can happen, and the envelope around all of them."""

from __future__ import annotations

import base64
import json
import time

from . import people
from .state import Channel, State
from .store import Json


def envelope(event: Json) -> Json:
    """An inner event as the Events API wraps it. Every delivery of one event carries the same event_id."""
    channel = event.get("channel") or event.get("channel_id") or event.get("item", {}).get("channel") or ""
    context = {"et": event["type"], "tid": people.TEAM_ID, "aid": people.APP_ID, "cid": channel}
    return {
        "token": people.VERIFICATION_TOKEN,
        "team_id": people.TEAM_ID,
        "context_team_id": people.TEAM_ID,
        "context_enterprise_id": None,
        "api_app_id": people.APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": State.new_id("Ev"),
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": people.TEAM_ID,
                "user_id": people.BOT_USER_ID,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": "4-" + base64.urlsafe_b64encode(json.dumps(context).encode()).decode(),
    }


def message(channel: Channel, shown: Json, parent: Json | None) -> Json:
    """A new message. `shown` is the message as Slack shows it; replies counters belong to history, not to the event."""
    event = {k: v for k, v in shown.items() if k not in ("reply_count", "reply_users", "reply_users_count", "latest_reply", "subscribed")}
    if parent is not None:
        event["parent_user_id"] = parent.get("user", "")
    if "files" in event:
        event["subtype"] = "file_share"
    event |= {"channel": channel.id, "event_ts": shown["ts"], "channel_type": channel.kind}
    return event


def app_mention(channel: Channel, shown: Json) -> Json:
    kept = ("user", "ts", "client_msg_id", "text", "team", "blocks", "thread_ts", "files", "upload", "display_as_bot", "bot_id", "app_id")
    event = {k: shown[k] for k in kept if k in shown}
    return {"type": "app_mention", **event, "channel": channel.id, "event_ts": shown["ts"]}


def message_changed(channel: Channel, shown: Json, previous: Json, ts: str) -> Json:
    return {
        "type": "message", "subtype": "message_changed", "message": shown, "previous_message": previous, "channel": channel.id,
        "hidden": True, "ts": ts, "event_ts": ts, "channel_type": channel.kind,
    }  # fmt: skip


def message_deleted(channel: Channel, previous: Json, ts: str) -> Json:
    return {
        "type": "message", "subtype": "message_deleted", "previous_message": previous, "channel": channel.id, "hidden": True,
        "deleted_ts": previous["ts"], "ts": ts, "event_ts": ts, "channel_type": channel.kind,
    }  # fmt: skip


def reaction(kind: str, user: str, name: str, channel: Channel, item: Json, ts: str) -> Json:
    """kind: "reaction_added" or "reaction_removed"."""
    return {
        "type": kind, "user": user, "reaction": name, "item": {"type": "message", "channel": channel.id, "ts": item["ts"]},
        "item_user": item.get("user", ""), "event_ts": ts,
    }  # fmt: skip


def file_shared(file_id: str, user: str, channel: Channel, ts: str) -> Json:
    return {
        "type": "file_shared", "file_id": file_id, "user_id": user, "file": {"id": file_id}, "channel_id": channel.id, "event_ts": ts,
    }  # fmt: skip


def member_joined(user: str, channel: Channel, inviter: str | None, ts: str) -> Json:
    where = {"channel": channel.id, "channel_type": "C", "team": people.TEAM_ID}
    event: Json = {"type": "member_joined_channel", "user": user, **where, "event_ts": ts}
    return event | ({"inviter": inviter} if inviter else {})


def app_home_opened(user: str, channel: Channel, tab: str, view: Json | None, ts: str) -> Json:
    """tab: "home" or "messages"."""
    event: Json = {"type": "app_home_opened", "user": user, "channel": channel.id, "tab": tab, "event_ts": ts}
    return event | ({"view": view} if view else {})
