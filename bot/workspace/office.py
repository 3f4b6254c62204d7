"""The parts of one running workspace, handed as one to every method; and who is calling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from starlette.requests import Request

from . import people
from .arguments import Arguments
from .codes import OpenId
from .delivery import Delivery
from .errors import SlackError, invalid_arguments
from .faults import CallRecord, Faults
from .files import FileStore
from .interactions import Interactions
from .live import Live
from .settings import WorkspaceSettings
from .shapes import Shapes
from .socket_mode import SocketMode
from .state import Channel, State
from .store import Json
from .timeline import Timeline

T = TypeVar("T")

TokenKind = Literal["bot", "user", "app"]


@dataclass(frozen=True, kw_only=True)
class Office:
    """Everything a method may need."""

    settings: WorkspaceSettings
    state: State
    files: FileStore
    shapes: Shapes
    live: Live
    faults: Faults
    calls: CallRecord
    delivery: Delivery
    socket: SocketMode
    timeline: Timeline
    interactions: Interactions
    openid: OpenId = field(default_factory=OpenId)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Whose token came with the call. user: the member it acts as; "" for the app-level token."""

    kind: TokenKind
    user: str
    scopes: frozenset[str]

    @property
    def is_bot(self) -> bool:
        return self.kind == "bot"


Handler = Callable[[Office, Caller, Arguments], Json]


@dataclass(frozen=True, kw_only=True)
class Method:
    """One Web API method. scopes: any one of them is enough; empty needs none."""

    handler: Handler
    scopes: tuple[str, ...]
    tokens: tuple[TokenKind, ...]


@dataclass
class Methods:
    """The methods of one module; `web_api` gathers them."""

    table: dict[str, Method] = field(default_factory=dict)

    def method(self, name: str, *scopes: str, tokens: tuple[TokenKind, ...] = ("bot", "user")) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.table[name] = Method(handler=handler, scopes=scopes, tokens=tokens)
            return handler

        return register


def office_of(request: Request) -> Office:
    office: Office = request.app.state.office
    return office


def person_of(user: str) -> people.Person:
    """Raises SlackError invalid_arguments for somebody who is not here."""
    person = people.person(user)
    if person is None:
        raise invalid_arguments(f"nobody here has the id {user!r}; GET /local/people lists everybody")
    return person


def caller_with(token: str, office: Office) -> Caller | None:
    """Who a token belongs to; None for a token nobody has."""
    revoked = office.faults.revoked_scopes
    if token == people.BOT_TOKEN:
        return Caller(kind="bot", user=people.BOT_USER_ID, scopes=frozenset(office.settings.bot_scopes) - revoked)
    if token == people.APP_TOKEN:
        return Caller(kind="app", user="", scopes=frozenset({"connections:write"}) - revoked)
    if person := people.person_with_token(token):
        return Caller(kind="user", user=person.id, scopes=frozenset(people.USER_SCOPES))
    return None


def channel_of_member(office: Office, caller: Caller, reference: str, otherwise: str = "not_in_channel") -> Channel:
    """The channel, once the caller is known to be in it. Raises SlackError channel_not_found, or `otherwise` for an outsider."""
    channel = office.state.channel(reference, caller.user)
    if caller.user not in channel.members:
        raise SlackError(otherwise)
    return channel


def page_of(items: Sequence[T], args: Arguments, *, default: int, most: int = 1000) -> tuple[list[T], str]:
    """One page of a list and the cursor of the next, "" after the last. Raises SlackError invalid_cursor or invalid_limit."""
    limit = args.number("limit", default)
    if limit < 0:
        raise SlackError("invalid_limit")
    start = 0
    if cursor := args.text("cursor"):
        if not cursor.startswith("next:") or not cursor.removeprefix("next:").isdigit():
            raise SlackError("invalid_cursor")
        start = int(cursor.removeprefix("next:"))
    end = start + min(limit or default, most)
    return list(items[start:end]), f"next:{end}" if end < len(items) else ""


def next_cursor(cursor: str) -> dict[str, Any]:
    return {"response_metadata": {"next_cursor": cursor}}
