"""Who may do what in the console: `KENPIN_CONSOLE_ROLES`, asked again at every page, so that a role taken away is gone at once.

The members of a user group are asked of Slack and remembered for a minute. While Slack does not answer, what it said last counts for a
quarter of an hour; after that nobody has a role by way of a group, and the page says why.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from kenpin.bot.settings import SettingError
from kenpin.storage.vocabulary import Role

log = logging.getLogger(__name__)

SETTING = "KENPIN_CONSOLE_ROLES"
EVERYBODY = "*"
MEMBERS_FOR_S = 60.0
STALE_MEMBERS_FOR_S = 900.0
_PERSON, _GROUP = re.compile(r"[UW][A-Z0-9-]{2,}"), re.compile(r"S[A-Z0-9-]{2,}")

MembersOf = Callable[[str], Iterable[str]]  # a user group's id -> its members' ids; raises GroupUnknownError


class GroupUnknownError(Exception):
    """Slack does not say who is in a user group; trying again can help."""


@dataclass(frozen=True, kw_only=True)
class _Members:
    ids: frozenset[str]
    asked_at: float  # time.monotonic


class Roles:
    def __init__(self, named: Iterable[str], members_of: MembersOf) -> None:
        """named: as the setting has them, each WHO=ROLE. Raises SettingError for one that is not."""
        self._named: Mapping[str, Role] = _parsed(named)
        self._members_of = members_of
        self._members: dict[str, _Members] = {}
        self._lock = threading.Lock()

    def of(self, person_id: str, email: str | None) -> Role | None:
        """The highest role that the person has by any entry; None: they may not come in.

        Raises GroupUnknownError when it depends on a user group that Slack does not tell of.
        """
        unknown: GroupUnknownError | None = None
        found = [role for who, role in self._named.items() if who in (EVERYBODY, person_id, (email or "").lower())]
        for group, role in self._named.items():
            if _GROUP.fullmatch(group) and not any(have.includes(role) for have in found):
                try:
                    found += [role] if person_id in self._members_now(group) else []
                except GroupUnknownError as error:
                    unknown = error
        if unknown and not found:
            raise unknown
        return max(found, key=list(Role).index, default=None)

    def _members_now(self, group: str) -> frozenset[str]:
        with self._lock:
            kept, now = self._members.get(group), time.monotonic()
            if kept and now - kept.asked_at < MEMBERS_FOR_S:
                return kept.ids
            try:
                self._members[group] = _Members(ids=frozenset(self._members_of(group)), asked_at=now)
            except GroupUnknownError:
                if kept is None or now - kept.asked_at > STALE_MEMBERS_FOR_S:
                    raise
                log.warning("Slack does not say who is in user group %s; what it said last counts", group)
                return kept.ids
            return self._members[group].ids


def members_at_slack(client: WebClient) -> MembersOf:
    def members_of(group: str) -> Iterable[str]:
        try:
            members: list[str] = client.usergroups_users_list(usergroup=group)["users"]
        except (SlackApiError, OSError) as error:
            why = error.response["error"] if isinstance(error, SlackApiError) else str(error)
            raise GroupUnknownError(f"Slack does not give the members of user group {group}: {why}.") from error
        return members

    return members_of


def _parsed(named: Iterable[str]) -> dict[str, Role]:
    parsed: dict[str, Role] = {}
    for word in named:
        who, _, role = (piece.strip() for piece in word.partition("="))
        if role not in list(Role):
            raise SettingError(
                f"{SETTING} has {word!r}; each entry must end in {', '.join(f'={r}' for r in Role)}, such as S0LEADS=supervisor."
            )
        if not (who == EVERYBODY or "@" in who or _PERSON.fullmatch(who) or _GROUP.fullmatch(who)):
            raise SettingError(
                f"{SETTING} has {word!r}; before the = goes a Slack member id (U…), an e-mail address, a user group id (S…) or *."
            )
        who = who.lower() if "@" in who else who
        parsed[who] = max(Role(role), parsed.get(who, Role.VIEWER), key=list(Role).index)
    return parsed
