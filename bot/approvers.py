"""Who may approve: naming approvers by Slack id, e-mail address or user group, from `KENPIN_APPROVERS` or `kenpin people approve`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from sqlalchemy import Connection, Engine

from kenpin.bot.messenger import Messenger
from kenpin.storage import audit, parts, people
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import ANY_PART

_PERSON, _GROUP = re.compile(r"[UW][A-Z0-9]{2,}"), re.compile(r"S[A-Z0-9]{2,}")


class ApproverError(ValueError):
    """Nobody can be found by what was given; the message says what can be given instead."""


@dataclass(frozen=True, kw_only=True)
class Granted:
    who: str  # for a person to read
    scope: str  # a part number, or "*"
    new: bool  # False: had it already


def approve(engine: Engine, client: WebClient | None, who: str, part: str | None, *, granted_by: str) -> Granted:
    """Let a person or everybody in a user group decide on a part, or on every part. client: None where Slack is not set up.

    Raises ApproverError; storage's UnknownRowError for a part that does not exist.
    """
    scope = part or ANY_PART
    if _GROUP.fullmatch(who):
        return _approve_group(engine, client, who, scope, granted_by)
    person = _person(engine, client, who)
    with writing(engine) as conn:
        if person.name or people.find(conn, person.id) is None:
            people.remember(conn, person.id, person.name, person.email)
        new = people.approve(conn, person.id, scope, granted_by=granted_by)
        if new:
            audit.append(conn, AuditKind.APPROVER_GRANTED, {"scope": scope, "by": granted_by}, person_id=person.id)
    return Granted(who=f"{person.name or person.id} ({person.id})" if person.name else person.id, scope=scope, new=new)


def groups(conn: Connection) -> tuple[tuple[str, str], ...]:
    """The user groups whose members may approve, each with its scope: a part number, or "*"."""
    everywhere = people.groups(conn, ANY_PART)
    of_parts = [(group, part.number) for part in parts.all_parts(conn) for group in people.groups(conn, part.number)]
    return (*((group, ANY_PART) for group in everywhere), *((group, part) for group, part in of_parts if group not in everywhere))


def approve_first_ones(engine: Engine, client: WebClient, named: tuple[str, ...]) -> tuple[Granted, ...]:
    """What `KENPIN_APPROVERS` names: `U123`, `ann@example.com`, `S123`, each optionally `=PART`."""
    granted = []
    for word in named:
        who, _, part = word.partition("=")
        granted.append(approve(engine, client, who, part or None, granted_by="KENPIN_APPROVERS"))
    return tuple(granted)


def refresh_groups(engine: Engine, messenger: Messenger, part: str) -> None:
    """Before a decision: who is in the user groups that may decide on this part, now? Membership becomes grants, or takes them back."""
    with reading(engine) as conn:
        groups = people.groups(conn, part)
    for group in groups:
        members = messenger.members_of(group)
        if members is not None:
            with writing(engine) as conn:
                gained, lost = people.set_group_members(conn, group, members)
                for person in gained:
                    audit.append(conn, AuditKind.APPROVER_GRANTED, {"via": group}, person_id=person)
                for person in lost:
                    audit.append(conn, AuditKind.APPROVER_REVOKED, {"via": group}, person_id=person)


def _approve_group(engine: Engine, client: WebClient | None, group: str, scope: str, granted_by: str) -> Granted:
    if client is not None:
        try:
            members = client.usergroups_users_list(usergroup=group)["users"]
        except SlackApiError as error:
            raise ApproverError(
                f"Slack does not give the members of user group {group}: {error.response['error']}. "
                "Check the id, and the scope usergroups:read."
            ) from error
    else:
        members = None  # read before each decision, once Slack is set up
    with writing(engine) as conn:
        new = people.approve_group(conn, group, scope, granted_by=granted_by)
        for person in members or ():
            if people.find(conn, person) is None:
                people.remember(conn, person, None, None)
        if members is not None:
            people.set_group_members(conn, group, members)
        if new:
            audit.append(conn, AuditKind.APPROVER_GRANTED, {"scope": scope, "by": granted_by, "group": group, "members": members})
    return Granted(who=f"everybody in {group}", scope=scope, new=new)


def _person(engine: Engine, client: WebClient | None, who: str) -> people.Person:
    if "@" in who:
        with reading(engine) as conn:
            known = people.find_by_email(conn, who)
        return known or _ask_slack(client, who, f"Nobody with the address {who} is known yet")
    if not _PERSON.fullmatch(who):
        raise ApproverError(
            f"{who!r} is neither a Slack member id (U…), an e-mail address nor a user group id (S…). "
            "In Slack: profile, ⋮, “Copy member ID”."
        )
    return _ask_slack(client, who, "") if client else people.Person(id=who, name=None, email=None, locale=None)


def _ask_slack(client: WebClient | None, who: str, why: str) -> people.Person:
    if client is None:
        raise ApproverError(f"{why}, and Slack cannot be asked: SLACK_BOT_TOKEN is not set. Give the Slack member id (U…) instead.")
    try:
        found = (client.users_lookupByEmail(email=who) if "@" in who else client.users_info(user=who))["user"]
    except SlackApiError as error:
        raise ApproverError(
            f"Slack does not know {who}: {error.response['error']}. Check it, and the scopes users:read and users:read.email."
        ) from error
    profile = found.get("profile") or {}
    return people.Person(
        id=found["id"], name=found.get("real_name") or found.get("name"), email=profile.get("email"), locale=found.get("locale")
    )


def revoke(engine: Engine, who: str, part: str | None, *, revoked_by: str) -> bool:
    """Take back what `approve` gave. False when there was nothing to take back."""
    scope = part or ANY_PART
    with writing(engine) as conn:
        if _GROUP.fullmatch(who):
            taken = people.revoke_group(conn, who, scope, revoked_by=revoked_by)
        else:
            person = people.find_by_email(conn, who) if "@" in who else people.find(conn, who)
            taken = person is not None and people.revoke(conn, person.id, scope, revoked_by=revoked_by)
        if taken:
            audit.append(conn, AuditKind.APPROVER_REVOKED, {"scope": scope, "by": revoked_by, "who": who})
    return bool(taken)
