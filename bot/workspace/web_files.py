"""The Web API's files methods: the three steps of an upload, and what there is to know of a file."""

from __future__ import annotations

import time

from . import blocks
from .arguments import Arguments
from .errors import SlackError, invalid_arguments
from .files import MOST_BYTES
from .office import Caller, Methods, Office, channel_of_member
from .state import Channel, File
from .store import Json
from .timeline import Draft

files = Methods()

_MOST_ALT_TEXT = 1_000


@files.method("files.getUploadURLExternal", "files:write")
def get_upload_url(office: Office, caller: Caller, args: Arguments) -> Json:
    name, length = args.needed("filename"), args.number("length", 0)
    if length <= 0:
        raise SlackError("missing_argument")
    if length > MOST_BYTES:
        raise SlackError("file_upload_size_restricted")
    if len(args.text("alt_txt")) > _MOST_ALT_TEXT:
        raise SlackError("alt_txt_too_large")
    alt_txt, created = args.text("alt_txt"), int(time.time())
    file = File(id=office.state.new_id("F"), user=caller.user, name=name, title=name, created=created, alt_txt=alt_txt)
    office.state.save_file(file)
    return {"upload_url": f"{office.shapes.base_url}/upload/v1/{file.id}/{office.files.upload_secret(file.id)}", "file_id": file.id}


@files.method("files.completeUploadExternal", "files:write")
def complete_upload(office: Office, caller: Caller, args: Arguments) -> Json:
    listed = args.json("files")
    if not isinstance(listed, list) or not listed or not all(isinstance(f, dict) for f in listed):
        raise invalid_arguments("missing required field: files")
    uploaded = [_uploaded(office, caller, str(f.get("id", ""))) for f in listed]
    wanted = args.words("channels") or args.words("channel_id")
    channels = [channel_of_member(office, caller, c) for c in wanted]
    thread_ts = args.text("thread_ts") or None
    if thread_ts and any(thread_ts not in c.messages for c in channels):
        raise invalid_arguments("invalid thread_ts")
    for file, entry in zip(uploaded, listed, strict=True):
        file.title = str(entry.get("title") or file.title)
        file.complete = True
        office.state.save_file(file)
    drawn = args.json("blocks", "invalid_blocks")
    draft = Draft(
        text=args.text("initial_comment"),
        blocks=blocks.check(drawn, office.state) if drawn else None,
        thread_ts=thread_ts,
        files=tuple(f.id for f in uploaded),
    )
    for channel in channels:
        office.timeline.post(channel, caller.user, draft)
    return {"files": [office.shapes.file(f) for f in uploaded]}  # without `shares`: at Slack they follow a little later


def _uploaded(office: Office, caller: Caller, file_id: str) -> File:
    file = office.state.files.get(file_id)
    if file is None or file.user != caller.user or file.deleted or not office.files.is_uploaded(file):
        raise SlackError("file_not_found")
    return file


@files.method("files.info", "files:read")
def info(office: Office, caller: Caller, args: Arguments) -> Json:
    file = visible(office, caller, args.needed("file"))
    paging = {"count": 100, "total": 0, "page": 1, "pages": 0}
    return {"file": office.shapes.file(file, with_shares=True), "comments": [], "paging": paging}


@files.method("files.list", "files:read")
def list_all(office: Office, caller: Caller, args: Arguments) -> Json:
    user, channel = args.text("user"), args.text("channel")
    found = [
        f for f in office.state.files.values()
        if f.complete and not f.deleted and may_see(office, caller, f) and user in ("", f.user) and (not channel or channel in f.shares)
    ]  # fmt: skip
    found.sort(key=lambda f: f.created, reverse=True)
    count, page = max(1, args.number("count", 100)), max(1, args.number("page", 1))
    shown = [office.shapes.file(f, with_shares=True) for f in found[(page - 1) * count : page * count]]
    return {"files": shown, "paging": {"count": count, "total": len(found), "page": page, "pages": -(-len(found) // count)}}


@files.method("files.delete", "files:write")
def delete(office: Office, caller: Caller, args: Arguments) -> Json:
    file = visible(office, caller, args.needed("file"))
    if file.user != caller.user:
        raise SlackError("cant_delete_file")
    file.deleted = True
    office.files.remove(file)
    office.state.save_file(file)
    for channel, ts in _places(office, file):
        office.timeline.redraw(channel, channel.messages[ts])
    return {}


def _places(office: Office, file: File) -> list[tuple[Channel, str]]:
    channels = ((office.state.channels[c], stamps) for c, stamps in file.shares.items())
    return [(channel, ts) for channel, stamps in channels for ts in stamps if ts in channel.messages]


def visible(office: Office, caller: Caller, file_id: str) -> File:
    """A file the caller may see. Raises SlackError file_not_found or file_deleted."""
    file = office.state.file(file_id)
    if not may_see(office, caller, file):
        raise SlackError("file_not_found")
    return file


def may_see(office: Office, caller: Caller, file: File) -> bool:
    return file.user == caller.user or any(caller.user in office.state.channels[c].members for c in file.shares)
