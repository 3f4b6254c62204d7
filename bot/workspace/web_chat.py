"""The Web API's chat methods: post, update, delete, show to one person, link to."""

from __future__ import annotations

from typing import Any

from . import blocks, mrkdwn
from .arguments import Arguments
from .errors import SlackError
from .office import Caller, Methods, Office, channel_of_member
from .state import Channel
from .store import Json
from .timeline import Draft

chat = Methods()

_MOST_MARKDOWN = 12_000
_MOST_ATTACHMENTS = 100
_MOST_METADATA = 16_000  # bytes of JSON
# What a message has from standing where it stands; Slack leaves it out of the reply to an update.
_OF_ITS_PLACE = frozenset(
    {"ts", "thread_ts", "reactions", "reply_count", "reply_users", "reply_users_count", "latest_reply", "subscribed", "is_locked"}
)
_MOST_SHOWN = 13_200  # characters in all blocks together; measured by Metabase (PR 79908)


@chat.method("chat.postMessage", "chat:write")
def post_message(office: Office, caller: Caller, args: Arguments) -> Json:
    channel = channel_of_member(office, caller, args.needed("channel"))
    message = office.timeline.post(channel, caller.user, draft(office, args))
    return {"channel": channel.id, "ts": message["ts"], "message": office.shapes.message(message)}


@chat.method("chat.postEphemeral", "chat:write")
def post_ephemeral(office: Office, caller: Caller, args: Arguments) -> Json:
    channel = channel_of_member(office, caller, args.needed("channel"))
    user = args.needed("user")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    return {"message_ts": office.timeline.whisper(channel, user, draft(office, args))["ts"]}


@chat.method("chat.update", "chat:write")
def update(office: Office, caller: Caller, args: Arguments) -> Json:
    channel = channel_of_member(office, caller, args.needed("channel"), "channel_not_found")
    message = own_message(office, caller, channel, args.needed("ts"), "cant_update_message")
    if message.get("_streaming"):
        raise SlackError("streaming_state_conflict")
    wanted = draft(office, args, kept=message)
    text = mrkdwn.stored(wanted.text)
    changes: Json = {"text": text, "blocks": office.timeline.with_ids(wanted.blocks, text) or None}
    if "attachments" in args.values:
        changes["attachments"] = wanted.attachments or None
    if "metadata" in args.values:  # absent keeps what was there, {} clears it
        changes["metadata"] = wanted.metadata or None
    office.timeline.edit(channel, message, changes, by=caller.user)
    shown = {k: v for k, v in office.shapes.message(message).items() if k not in _OF_ITS_PLACE}
    return {"channel": channel.id, "ts": message["ts"], "text": text, "message": shown}


@chat.method("chat.delete", "chat:write")
def delete(office: Office, caller: Caller, args: Arguments) -> Json:
    channel = channel_of_member(office, caller, args.needed("channel"), "channel_not_found")
    message = own_message(office, caller, channel, args.needed("ts"), "cant_delete_message")
    office.timeline.delete(channel, message)
    return {"channel": channel.id, "ts": message["ts"]}


@chat.method("chat.getPermalink")
def permalink(office: Office, caller: Caller, args: Arguments) -> Json:
    channel = channel_of_member(office, caller, args.needed("channel"), "channel_not_found")
    message = office.state.message(channel, args.needed("message_ts"))
    return {"channel": channel.id, "permalink": office.shapes.permalink(channel, message)}


def own_message(office: Office, caller: Caller, channel: Channel, ts: str, otherwise: str) -> Json:
    """A message the caller wrote. Raises SlackError message_not_found, or `otherwise` for somebody else's."""
    message = office.state.message(channel, ts)
    if message.get("user") != caller.user or message.get("subtype") == "tombstone":
        raise SlackError(otherwise)
    return message


def draft(office: Office, args: Arguments, *, kept: Json | None = None) -> Draft:
    """What the caller wants to say, checked as Slack checks it. kept: the message being updated, whose attachments may carry it."""
    drawn = args.json("blocks", "invalid_blocks_format")
    attachments = args.json("attachments", "invalid_attachments")
    markdown = args.text("markdown_text")
    text = args.text("text")
    if markdown:
        if text or drawn:
            raise SlackError("markdown_text_conflict")
        if len(markdown) > _MOST_MARKDOWN:
            raise SlackError("msg_blocks_too_long")
        drawn, text = [{"type": "markdown", "text": markdown}], markdown
    if drawn:
        blocks.check(drawn, office.state)
        if sum(map(len, blocks.fallback_text(drawn).split("\n"))) > _MOST_SHOWN:
            raise SlackError("msg_blocks_too_long")
        text = text or blocks.fallback_text(drawn)
    if attachments:
        _check_attachments(office, attachments)
    made = Draft(
        text=text, blocks=drawn or None, attachments=attachments or None, thread_ts=args.text("thread_ts") or None,
        broadcast=args.flag("reply_broadcast"), metadata=_metadata(args), username=args.text("username") or None,
        icons={"emoji": args.text("icon_emoji")} if "icon_emoji" in args else None,
    )  # fmt: skip
    if made.empty and not (kept and kept.get("attachments")):
        raise SlackError("no_text")
    return made


def _check_attachments(office: Office, attachments: Any) -> None:
    if not isinstance(attachments, list) or not all(isinstance(a, dict) for a in attachments):
        raise SlackError("invalid_attachments")
    if len(attachments) > _MOST_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    for i, attachment in enumerate(attachments):
        if "blocks" in attachment:
            blocks.check(attachment["blocks"], office.state, at=f"/attachments/{i}/blocks")


def _metadata(args: Arguments) -> Json | None:
    metadata = args.json("metadata", "invalid_metadata_format")
    if not metadata:
        return None
    if not isinstance(metadata, dict):
        raise SlackError("invalid_metadata_format")
    if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    if len(repr(metadata)) > _MOST_METADATA:
        raise SlackError("metadata_too_large")
    return {"event_type": metadata["event_type"], "event_payload": metadata["event_payload"]}
