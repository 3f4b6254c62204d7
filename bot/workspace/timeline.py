"""Everything that changes a conversation: post, edit, delete, react, join, show to one person.

Each function changes what is remembered, then tells the bot (an event, when the bot is in the conversation) and the open pages. Both
the Web API's methods and the page's own requests come through here, so neither can change something silently.
"""

from __future__ import annotations

import asyncio
import copy
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from . import events, mrkdwn, people
from .delivery import Delivery
from .errors import SlackError
from .live import Live
from .shapes import Shapes
from .state import Channel, State
from .store import Json

_LONGEST_TEXT = 40_000  # characters; Slack cuts what is beyond
_STATUS_LIFE_S = 120.0  # Slack clears a status by itself after two minutes


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What somebody wants to say."""

    text: str = ""
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    metadata: Json | None = None
    files: tuple[str, ...] = ()
    username: str | None = None
    icons: Json | None = None
    private: Json | None = None  # our own keys, each beginning with an underscore

    @property
    def empty(self) -> bool:
        return not (self.text.strip() or self.blocks or self.attachments or self.files)


class Timeline:
    """The one door for changes. subscriptions: the event types the bot is sent."""

    def __init__(self, state: State, shapes: Shapes, delivery: Delivery, live: Live, subscriptions: frozenset[str]) -> None:
        self._state = state
        self._shapes = shapes
        self._delivery = delivery
        self._live = live
        self._subscriptions = subscriptions

    # -- saying things -----------------------------------------------------------------------------------------------------

    def post(self, channel: Channel, user: str, draft: Draft) -> Json:
        """Add a message and return it as remembered. The caller has checked that `user` may."""
        parent = self._parent(channel, draft.thread_ts)
        message = self._compose(user, draft)
        if parent is not None:
            message["thread_ts"] = parent["ts"]
            if draft.broadcast:
                message |= {"subtype": "thread_broadcast", "root": self._shapes.message(parent)}
        self._state.save_message(channel, message)
        for file_id in draft.files:
            file = self._state.files[file_id]
            file.shares.setdefault(channel.id, []).append(message["ts"])
            self._state.save_file(file)
        if parent is not None:
            self._count_reply(channel, parent, message)
        if user == people.BOT_USER_ID:
            self.clear_status(channel, message.get("thread_ts"))
        self._show(channel, message)
        self._tell_of_post(channel, message, parent)
        return message

    def _parent(self, channel: Channel, thread_ts: str | None) -> Json | None:
        """The first message of the thread; a reply's own ts leads to its parent, as at Slack."""
        if not thread_ts:
            return None
        message = channel.messages.get(thread_ts)
        if message is None:
            raise SlackError("cannot_reply_to_message")
        root = message.get("thread_ts", thread_ts)
        return channel.messages.get(root, message)

    def _compose(self, user: str, draft: Draft) -> Json:
        ts = self._state.next_ts()
        text = mrkdwn.stored(draft.text)[:_LONGEST_TEXT]
        message: Json = {"user": user, "type": "message", "ts": ts}
        if user == people.BOT_USER_ID:
            message |= {"bot_id": people.BOT_ID, "app_id": people.APP_ID, "bot_profile": self._shapes.bot_profile()}
        else:
            message["client_msg_id"] = str(uuid4())
        message |= {"text": text, "team": people.TEAM_ID, **(draft.private or {})}
        if blocks := self.with_ids(draft.blocks, text):
            message["blocks"] = blocks
        optional = {"attachments": draft.attachments, "metadata": draft.metadata, "username": draft.username, "icons": draft.icons}
        message |= {k: v for k, v in optional.items() if v}
        if draft.files:
            message |= {"files": list(draft.files), "upload": False, "display_as_bot": False}
        return message

    def with_ids(self, blocks: list[Json] | None, text: str) -> list[Json]:
        """Blocks as Slack keeps them: each with a block_id; made from the text when there are none."""
        if not blocks:
            return [mrkdwn.rich_text(text, self._state.new_id("")[:5])] if text else []
        return [{**b, "block_id": b.get("block_id") or self._state.new_id("")[:5]} for b in copy.deepcopy(blocks)]

    def _count_reply(self, channel: Channel, parent: Json, reply: Json) -> None:
        users: list[str] = parent.setdefault("reply_users", [])
        if reply["user"] not in users:
            users.append(reply["user"])
        parent |= {
            "thread_ts": parent["ts"], "reply_count": parent.get("reply_count", 0) + 1, "reply_users_count": len(users),
            "latest_reply": reply["ts"], "is_locked": False, "subscribed": False,
        }  # fmt: skip
        self._state.save_message(channel, parent)
        self._show(channel, parent)

    def _tell_of_post(self, channel: Channel, message: Json, parent: Json | None) -> None:
        shown = self._shapes.message(message)
        self._tell(channel, events.message(channel, shown, parent))
        mentioned = people.BOT_USER_ID in mrkdwn.MENTION.findall(message["text"])
        if mentioned and message["user"] != people.BOT_USER_ID and not channel.is_im:
            self._tell(channel, events.app_mention(channel, shown))
        for file_id in message.get("files", []):
            self._tell(channel, events.file_shared(file_id, message["user"], channel, message["ts"]))

    def edit(self, channel: Channel, message: Json, changes: Json, *, by: str | None) -> Json:
        """Change a message's keys; a value of None removes the key. by: who is marked as the editor, None for a silent change."""
        previous = self._shapes.message(copy.deepcopy(message))
        for key, value in changes.items():
            if value is None:
                message.pop(key, None)
            else:
                message[key] = value
        ts = self._state.next_ts()
        if by:
            message["edited"] = {"user": by, "ts": ts}
        self._state.save_message(channel, message)
        self._show(channel, message)
        self._tell(channel, events.message_changed(channel, self._shapes.message(message), previous, ts))
        return message

    def redraw(self, channel: Channel, message: Json) -> None:
        """Save and show a message that is still growing (a stream); the bot that writes it needs no event."""
        self._state.save_message(channel, message)
        self._show(channel, message)

    def delete(self, channel: Channel, message: Json) -> None:
        """Remove a message. A parent with replies stays as a tombstone, so that its thread can still be opened."""
        previous = self._shapes.message(message)
        ts = message["ts"]
        if message.get("reply_count"):
            kept = {k: v for k, v in message.items() if k in ("ts", "type", "thread_ts") or k.startswith(("reply_", "latest_"))}
            tombstone = {**kept, "subtype": "tombstone", "user": "USLACKBOT", "hidden": True, "text": "This message was deleted."}
            self._state.save_message(channel, tombstone)
            self._show(channel, tombstone)
        else:
            self._state.remove_message(channel, ts)
            self._live.tell("deleted", {"channel": channel.id, "ts": ts}, only=self._audience(channel))
        self._discount_reply(channel, message)
        self._tell(channel, events.message_deleted(channel, previous, self._state.next_ts()))

    def _discount_reply(self, channel: Channel, reply: Json) -> None:
        parent = channel.messages.get(reply.get("thread_ts", ""))
        if parent is None or parent["ts"] == reply["ts"]:
            return
        left = self._state.replies(channel, parent["ts"])
        for key in ("reply_count", "reply_users", "reply_users_count", "latest_reply"):
            parent.pop(key, None)
        if left:
            users = list(dict.fromkeys(m["user"] for m in left))
            parent |= {"reply_count": len(left), "reply_users": users, "reply_users_count": len(users), "latest_reply": left[-1]["ts"]}
        self._state.save_message(channel, parent)
        self._show(channel, parent)

    def whisper(self, channel: Channel, user: str, draft: Draft) -> Json:
        """Show a message to one person only. It is in no history; it can be replaced or removed through its response_url alone."""
        message = self._compose(people.BOT_USER_ID, draft)
        message |= {"channel": channel.id, "_for": user, "is_ephemeral": True}
        if draft.thread_ts:
            message["thread_ts"] = draft.thread_ts
        self.save_whisper(message)
        return message

    def save_whisper(self, message: Json) -> None:
        self._state.save_ephemeral(message)
        self._live.tell("ephemeral", {"message": self._shapes.message(message)}, only={message["_for"]})

    def unwhisper(self, message: Json) -> None:
        self._state.remove_ephemeral(message["ts"])
        self._live.tell("ephemeral_gone", {"channel": message["channel"], "ts": message["ts"]}, only={message["_for"]})

    # -- reacting ----------------------------------------------------------------------------------------------------------

    def react(self, channel: Channel, message: Json, user: str, name: str) -> None:
        """Raises SlackError already_reacted."""
        reactions: list[Json] = message.setdefault("reactions", [])
        entry = next((r for r in reactions if r["name"] == name), None)
        if entry is None:
            entry = {"name": name, "users": [], "count": 0}
            reactions.append(entry)
        if user in entry["users"]:
            raise SlackError("already_reacted")
        entry["users"].append(user)
        entry["count"] += 1
        self._after_reaction("reaction_added", channel, message, user, name)

    def unreact(self, channel: Channel, message: Json, user: str, name: str) -> None:
        """Raises SlackError no_reaction."""
        entry = next((r for r in message.get("reactions", []) if r["name"] == name and user in r["users"]), None)
        if entry is None:
            raise SlackError("no_reaction")
        entry["users"].remove(user)
        entry["count"] -= 1
        message["reactions"] = [r for r in message["reactions"] if r["count"]]
        if not message["reactions"]:
            del message["reactions"]
        self._after_reaction("reaction_removed", channel, message, user, name)

    def _after_reaction(self, kind: str, channel: Channel, message: Json, user: str, name: str) -> None:
        self._state.save_message(channel, message)
        self._show(channel, message)
        self._tell(channel, events.reaction(kind, user, name, channel, message, self._state.next_ts()))

    # -- the rest ----------------------------------------------------------------------------------------------------------

    def join(self, channel: Channel, user: str, inviter: str | None = None) -> None:
        channel.members.append(user)
        self._state.save_channel(channel)
        self._live.tell("channel", {"channel": channel.id, "members": channel.members}, only=None)
        self._tell(channel, events.member_joined(user, channel, inviter, self._state.next_ts()))

    def open_home(self, user: str, tab: str) -> None:
        """A person opened the bot's home tab or its messages."""
        channel = self._state.direct_message(user, people.BOT_USER_ID)
        assert channel is not None
        view = next((v for v in self._state.views.values() if v["type"] == "home" and v["_user"] == user), None)
        shown = {k: v for k, v in view.items() if not k.startswith("_")} if view else None
        self._tell(channel, events.app_home_opened(user, channel, tab, shown, self._state.next_ts()))

    def set_status(self, channel: Channel, thread_ts: str, status: str, loading_messages: list[str]) -> None:
        body = {"channel": channel.id, "thread_ts": thread_ts, "status": status, "loading_messages": loading_messages, "at": time.time()}
        if status:
            self._state.statuses[(channel.id, thread_ts)] = body
            asyncio.get_running_loop().call_later(_STATUS_LIFE_S, self._forget_status, body)
        else:
            self._state.statuses.pop((channel.id, thread_ts), None)
        self._live.tell("status", body, only=self._audience(channel))

    def _forget_status(self, body: Json) -> None:
        """Clear a status that nobody has changed since."""
        if self._state.statuses.get((body["channel"], body["thread_ts"])) is body:
            self.set_status(self._state.channels[body["channel"]], body["thread_ts"], "", [])

    def clear_status(self, channel: Channel, thread_ts: str | None) -> None:
        """The bot said something: its status goes by itself."""
        if thread_ts and (channel.id, thread_ts) in self._state.statuses:
            self.set_status(channel, thread_ts, "", [])

    def tell_page(self, kind: str, body: dict[str, Any], *, only: set[str]) -> None:
        self._live.tell(kind, body, only=only)

    def _show(self, channel: Channel, message: Json) -> None:
        self._live.tell("message", {"channel": channel.id, "message": self._shapes.message(message)}, only=self._audience(channel))

    @staticmethod
    def _audience(channel: Channel) -> set[str] | None:
        return set(channel.members) if channel.is_im else None

    def _tell(self, channel: Channel, event: Json) -> None:
        if people.BOT_USER_ID in channel.members and event["type"] in self._subscriptions:
            self._delivery.send_event(events.envelope(event))
