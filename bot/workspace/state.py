"""What the workspace remembers: channels and who is in them, messages, files, ephemeral messages, views.

Only lookups and bookkeeping; telling the bot and the page about a change is `timeline`'s job. All of it belongs to the server's
event loop, one thread, so there is no lock. Messages are kept in Slack's own JSON with one difference: `files` holds ids, because
a file's addresses depend on the port of this run.
"""

from __future__ import annotations

import secrets
import string
import time
from bisect import insort
from dataclasses import asdict, dataclass, field

from . import people
from .errors import SlackError
from .store import Json, Store


@dataclass(kw_only=True)
class Channel:
    """A channel or a direct message, and everything said in it."""

    id: str
    kind: str  # "channel" or "im"
    name: str
    members: list[str]
    topic: str = ""
    created: int = people.FOUNDED
    creator: str = people.SUPERVISOR.id
    messages: dict[str, Json] = field(default_factory=dict)  # by ts
    order: list[str] = field(default_factory=list)  # every ts, ascending

    @property
    def is_im(self) -> bool:
        return self.kind == "im"

    def other(self, user: str) -> str:
        """The person across the table in a direct message."""
        return next((m for m in self.members if m != user), user)


@dataclass(kw_only=True)
class File:
    """An uploaded file. `shares`: channel id -> the ts of each message that carries it."""

    id: str
    user: str
    name: str
    title: str
    created: int
    size: int = 0
    mimetype: str = ""
    filetype: str = ""
    pretty_type: str = ""
    alt_txt: str = ""
    width_px: int = 0
    height_px: int = 0
    complete: bool = False
    deleted: bool = False
    shares: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_image(self) -> bool:
        return self.width_px > 0


class State:
    """Everything remembered, loaded from the store and written back to it piece by piece."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self.ephemeral: list[Json] = []  # newest last; each with channel, user, ts and the message's own keys
        self.views: dict[str, Json] = {}  # open modals and home tabs by view id, with our own key `_user`
        self.statuses: dict[tuple[str, str], Json] = {}  # (channel, thread_ts) -> assistant status
        self.thread_titles: dict[tuple[str, str], str] = {}
        self.suggested_prompts: dict[str, Json] = {}  # channel -> prompts
        self._last_us = 0
        self._load()

    # -- loading and saving ------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        for key, body in self.store.all("channel"):
            self.channels[key] = Channel(**body)
        for seed in people.CHANNELS:
            if seed.id not in self.channels:
                self.add_channel(Channel(id=seed.id, kind="channel", name=seed.name, members=list(seed.members), topic=seed.topic))
        for person in people.PEOPLE:
            if person.dm not in self.channels:
                self.add_channel(Channel(id=person.dm, kind="im", name="", members=[person.id, people.BOT_USER_ID]))
        for key, body in self.store.all("message"):
            channel_id, ts = key.split("/")
            channel = self.channels[channel_id]
            channel.messages[ts] = body
            channel.order.append(ts)
        for key, body in self.store.all("file"):
            self.files[key] = File(**body)
        self.ephemeral = [body for _, body in self.store.all("ephemeral")]
        self.views = {key: body for key, body in self.store.all("view") if body["type"] == "home"}

    def add_channel(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        self.save_channel(channel)
        return channel

    def save_channel(self, channel: Channel) -> None:
        row = {k: v for k, v in vars(channel).items() if k not in ("messages", "order")}
        self.store.put("channel", channel.id, row)

    def save_message(self, channel: Channel, message: Json) -> None:
        ts = message["ts"]
        if ts not in channel.messages:
            insort(channel.order, ts)
        channel.messages[ts] = message
        self.store.put("message", f"{channel.id}/{ts}", message)

    def remove_message(self, channel: Channel, ts: str) -> None:
        del channel.messages[ts]
        channel.order.remove(ts)
        self.store.remove("message", f"{channel.id}/{ts}")

    def save_file(self, file: File) -> None:
        self.files[file.id] = file
        self.store.put("file", file.id, asdict(file))

    def save_ephemeral(self, message: Json) -> None:
        self.ephemeral = [m for m in self.ephemeral if m["ts"] != message["ts"]] + [message]
        self.store.put("ephemeral", message["ts"], message)

    def remove_ephemeral(self, ts: str) -> None:
        self.ephemeral = [m for m in self.ephemeral if m["ts"] != ts]
        self.store.remove("ephemeral", ts)

    def save_view(self, view: Json) -> None:
        self.views[view["id"]] = view
        self.store.put("view", view["id"], view)

    def remove_view(self, view_id: str) -> None:
        self.views.pop(view_id, None)
        self.store.remove("view", view_id)

    # -- new names ---------------------------------------------------------------------------------------------------------

    def next_ts(self) -> str:
        """The time as Slack writes it, later than every one before."""
        self._last_us = max(self._last_us + 1, time.time_ns() // 1000)
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    @staticmethod
    def new_id(prefix: str) -> str:
        return prefix + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(10))

    # -- finding things ----------------------------------------------------------------------------------------------------

    def channel(self, reference: str, viewer: str) -> Channel:
        """A channel by id, by `#name` or `name`, or a person's direct message by user id, as far as `viewer` may know of it.

        Raises SlackError channel_not_found.
        """
        reference = reference.removeprefix("#")
        channel = self.channels.get(reference)
        if channel is None and reference.startswith("U"):
            channel = self.direct_message(viewer, reference)
        if channel is None:
            channel = next((c for c in self.channels.values() if not c.is_im and c.name == reference), None)
        if channel is None or (channel.is_im and viewer not in channel.members):
            raise SlackError("channel_not_found")
        return channel

    def direct_message(self, one: str, other: str) -> Channel | None:
        """The direct message between two members, made when it is first asked for; None when either is nobody."""
        if not (self.is_member_of_team(one) and self.is_member_of_team(other)) or one == other:
            return None
        wanted = {one, other}
        found = next((c for c in self.channels.values() if c.is_im and set(c.members) == wanted), None)
        return found or self.add_channel(
            Channel(id=self.new_id("D"), kind="im", name="", members=[one, other], created=int(time.time()), creator=one)
        )

    @staticmethod
    def is_member_of_team(user: str) -> bool:
        return user == people.BOT_USER_ID or people.person(user) is not None

    def message(self, channel: Channel, ts: str) -> Json:
        """Raises SlackError message_not_found."""
        message = channel.messages.get(ts)
        if message is None:
            raise SlackError("message_not_found")
        return message

    def replies(self, channel: Channel, thread_ts: str) -> list[Json]:
        """The replies of a thread without its parent, oldest first."""
        return [m for ts in channel.order if (m := channel.messages[ts]).get("thread_ts") == thread_ts and ts != thread_ts]

    def file(self, file_id: str) -> File:
        """Raises SlackError file_not_found or file_deleted."""
        file = self.files.get(file_id)
        if file is None or not file.complete:
            raise SlackError("file_not_found")
        if file.deleted:
            raise SlackError("file_deleted")
        return file
