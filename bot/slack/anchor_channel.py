"""The channel of Slack where anchors of the audit log are posted, and read back from.

An anchor's number and hash are in the message for people and in its metadata for us. Whoever else writes into the channel counts for
nothing: only the bot's own messages are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from kenpin.bot.anchoring import Anchoring
from kenpin.bot.settings import SettingError, Settings
from kenpin.bot.slack.app import web_client
from kenpin.prompts import render
from kenpin.storage.anchors import Anchor, Place, Sighting

EVENT_TYPE = "kenpin_anchor"
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{5,}")
_PAGE = 200


def open_anchoring(settings: Settings, client: WebClient | None = None) -> Anchoring:
    """Where the settings say that anchors are kept. Raises SettingError for a channel that the bot is not in."""
    channel = None
    if settings.anchor_channel:
        channel = SlackAnchors(client or web_client(settings), settings.anchor_channel)
    return Anchoring(channel=channel, file=settings.anchor_file)


class SlackAnchors:
    def __init__(self, client: WebClient, channel: str) -> None:
        self._client, self._wanted = client, channel.lstrip("#")
        self._id: str | None = None
        self._bot_user_id: str | None = None

    @property
    def id(self) -> str:
        if self._id is None:
            self._id = self._wanted if _CHANNEL_ID.fullmatch(self._wanted) else self._found()
        return self._id

    def post(self, anchor: Anchor) -> str:
        """Returns the ts of its message; posted once, as an earlier attempt is looked for first."""
        for message in self._messages(oldest=_before(anchor.at)):
            if (seen := _anchor_in(message)) and (seen["id"], seen["seq"], seen["hash"]) == (anchor.id, anchor.seq, anchor.hash):
                return str(message["ts"])
        holes = {"entry": f"{anchor.seq:,}", "at": anchor.at[:16].replace("T", " "), "hash": anchor.hash}
        text = "\n".join(render("anchor.posted", language, **holes) for language in ("en", "ja"))
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"id": anchor.id, "seq": anchor.seq, "hash": anchor.hash}}
        reply = self._client.chat_postMessage(channel=self.id, text=text, metadata=metadata, unfurl_links=False)
        return str(reply["ts"])

    def read(self) -> tuple[Sighting, ...]:
        return tuple(
            Sighting(place=Place.SLACK, where=self.id, id=str(seen["id"]), seq=int(seen["seq"]), hash=str(seen["hash"]))
            for message in self._messages()
            if (seen := _anchor_in(message))
        )

    def _messages(self, oldest: str = "0") -> Iterator[dict[str, Any]]:
        """The bot's own."""
        if self._bot_user_id is None:
            self._bot_user_id = str(self._client.auth_test()["user_id"])
        pages = self._client.conversations_history(channel=self.id, oldest=oldest, limit=_PAGE, include_all_metadata=True)
        for page in pages:
            yield from (message for message in page["messages"] if message.get("user") == self._bot_user_id)

    def _found(self) -> str:
        try:
            for page in self._client.users_conversations(types="public_channel,private_channel", limit=_PAGE):
                for channel in page["channels"]:
                    if channel["name"] == self._wanted:
                        return str(channel["id"])
        except SlackApiError as error:
            raise SettingError(
                f"Slack does not list the channel that KENPIN_ANCHOR_CHANNEL names: {error.response['error']}. "
                "The bot needs the scopes channels:read and groups:read; or name the channel by its id (C…)."
            ) from error
        raise SettingError(f"KENPIN_ANCHOR_CHANNEL names #{self._wanted}, where the bot is not a member: invite it with /invite @kenpin.")


def _anchor_in(message: dict[str, Any]) -> dict[str, Any] | None:
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    return payload if metadata.get("event_type") == EVENT_TYPE and {"id", "seq", "hash"} <= payload.keys() else None


def _before(at: str) -> str:
    """A little before this moment, as Slack's clock may differ from ours."""
    return f"{(datetime.fromisoformat(at) - timedelta(hours=1)).timestamp():.6f}"
