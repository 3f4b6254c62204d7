"""Who and what is in the workspace before anybody does anything: the team, its people, its channels, the bot, and their tokens.

The people are made to be remembered: an operator, an approver, a supervisor, and a visitor who may decide nothing. The tokens are
well known and worth nothing outside this machine; the server listens on loopback only.
"""

from __future__ import annotations

from dataclasses import dataclass

TEAM_ID = "T0KENPIN001"
TEAM_NAME = "Kenpin Works"
TEAM_DOMAIN = "kenpin-works"
APP_ID = "A0KENPIN001"
APP_NAME = "kenpin"
BOT_ID = "B0KENPIN001"
BOT_USER_ID = "U0KENPIN001"
BOT_NAME = "kenpin"

BOT_TOKEN = "xoxb-local-kenpin"
APP_TOKEN = "xapp-1-A0KENPIN001-local"
SIGNING_SECRET = "local-workspace-signing-secret"
CLIENT_ID = "1000000000001.1000000000002"
CLIENT_SECRET = "local-workspace-client-secret"
VERIFICATION_TOKEN = "local-workspace-verification-token"


@dataclass(frozen=True, kw_only=True)
class Person:
    """One human member of the team."""

    id: str
    name: str  # Slack's user name, as in @olga
    real_name: str
    real_name_ja: str
    role: str  # what this person may do, in one word
    role_ja: str
    title: str
    color: str  # avatar background, six hex digits; white text on it holds WCAG AA
    dm: str  # the direct message channel with the bot
    tz: str = "Asia/Tokyo"
    tz_offset: int = 9 * 3600
    is_admin: bool = False
    is_restricted: bool = False  # a guest

    @property
    def email(self) -> str:
        return f"{self.real_name.lower().replace(' ', '.')}@example.com"

    @property
    def token(self) -> str:
        return f"xoxp-local-{self.name}"


OPERATOR = Person(
    id="U0OLGA00001", name="olga", real_name="Olga Ohara", real_name_ja="大原オルガ", role="operator", role_ja="作業者",
    title="Operator, line 2", color="8b4513", dm="D0OLGA00001",
)  # fmt: skip
APPROVER = Person(
    id="U0AKIRA0001", name="akira", real_name="Akira Abe", real_name_ja="阿部アキラ", role="approver", role_ja="承認者",
    title="Quality engineer, may approve", color="1f6f54", dm="D0AKIRA0001",
)  # fmt: skip
SUPERVISOR = Person(
    id="U0SUMI00001", name="sumi", real_name="Sumi Sato", real_name_ja="佐藤スミ", role="supervisor", role_ja="監督者",
    title="Shift supervisor, audits", color="5b3a8c", dm="D0SUMI00001", is_admin=True,
)  # fmt: skip
VISITOR = Person(
    id="U0VICTOR001", name="victor", real_name="Victor Vale", real_name_ja="ビクター・ベール", role="visitor", role_ja="来訪者",
    title="Visitor, no rights", color="8a2846", dm="D0VICTOR001", is_restricted=True,
)  # fmt: skip

PEOPLE: tuple[Person, ...] = (OPERATOR, APPROVER, SUPERVISOR, VISITOR)


@dataclass(frozen=True, kw_only=True)
class SeedChannel:
    """A channel that exists from the start."""

    id: str
    name: str
    topic: str
    members: tuple[str, ...]


_STAFF = (OPERATOR.id, APPROVER.id, SUPERVISOR.id)

QUALITY = SeedChannel(
    id="C0QUALITY01", name="quality", topic="Is this part OK? Ask with a photo.", members=(*_STAFF, VISITOR.id, BOT_USER_ID)
)
LINE_2 = SeedChannel(id="C0LINE20001", name="line-2", topic="Line 2, both shifts", members=(*_STAFF, BOT_USER_ID))
CANTEEN = SeedChannel(id="C0CANTEEN01", name="canteen", topic="No work talk. The bot is not a member here.", members=(*_STAFF, VISITOR.id))

CHANNELS: tuple[SeedChannel, ...] = (QUALITY, LINE_2, CANTEEN)


@dataclass(frozen=True, kw_only=True)
class UserGroup:
    """A named group that can be mentioned."""

    id: str
    handle: str
    name: str
    users: tuple[str, ...]


QUALITY_LEADS = UserGroup(id="S0QUALLEADS", handle="quality-leads", name="Quality leads", users=(SUPERVISOR.id,))
USER_GROUPS: tuple[UserGroup, ...] = (QUALITY_LEADS,)

# Seconds since the epoch at which all of the above says it was made: a fixed day, so that a restart changes nothing.
FOUNDED = 1_767_225_600

BOT_SCOPES: tuple[str, ...] = (
    "app_mentions:read", "assistant:write", "channels:history", "channels:join", "channels:read", "chat:write", "commands",
    "files:read", "files:write", "groups:history", "groups:read", "im:history", "im:read", "im:write", "mpim:history", "mpim:read",
    "mpim:write", "reactions:read", "reactions:write", "team:read", "usergroups:read", "users:read", "users:read.email",
)  # fmt: skip

USER_SCOPES: tuple[str, ...] = tuple(s for s in BOT_SCOPES if s not in ("app_mentions:read", "assistant:write", "commands"))

_BY_TOKEN = {p.token: p for p in PEOPLE}
_BY_ID = {p.id: p for p in PEOPLE}


def person_with_token(token: str) -> Person | None:
    return _BY_TOKEN.get(token)


def person(user_id: str) -> Person | None:
    return _BY_ID.get(user_id)
