"""People, and who may decide on which part.

A grant gives one person one scope: a part number, or every part. It is live until it is revoked and never changes otherwise; each
decision names the grant it was made under. A user group's members hold grants of their own, made and revoked as the group changes, so
that the database can check a decision without asking Slack.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kenpin.storage import clock, parts
from kenpin.storage.database import insert_if_absent, upsert
from kenpin.storage.errors import UnknownRowError
from kenpin.storage.tables import approver_groups, approvers, people
from kenpin.storage.vocabulary import ANY_PART, Language

DIRECT = "direct"  # a grant to the person; any other `via` is the user group it comes from


@dataclass(frozen=True, kw_only=True)
class Person:
    id: str  # a Slack user id, or a name from the command line
    name: str | None
    email: str | None
    locale: str | None


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A person's permission to decide on a part, or on every part."""

    id: str
    person_id: str
    scope: str  # a part number, or "*"
    via: str  # "direct", or the user group
    granted_by: str
    granted_at: str
    revoked_by: str | None
    revoked_at: str | None


def remember(conn: Connection, id: str, name: str | None, email: str | None, locale: str | None = None) -> None:
    """What is known of a person now; what is None keeps its earlier value."""
    statement = upsert(conn, people).values(id=id, name=name, email=email.lower() if email else None, locale=locale, seen_at=clock.now())
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["id"],
            set_={
                "name": sa.func.coalesce(statement.excluded.name, people.c.name),
                "email": sa.func.coalesce(statement.excluded.email, people.c.email),
                "locale": sa.func.coalesce(statement.excluded.locale, people.c.locale),
                "seen_at": statement.excluded.seen_at,
            },
        )
    )


def find(conn: Connection, id: str) -> Person | None:
    return _person(conn.execute(sa.select(*_PERSON).where(people.c.id == id)).first())


def names(conn: Connection, ids: Collection[str]) -> dict[str, str]:
    """What these people are called; whoever has no name, or is not known, is left out."""
    named = sa.select(people.c.id, people.c.name).where(people.c.id.in_(ids), people.c.name.is_not(None))
    return {row.id: row.name for row in conn.execute(named)}


def find_by_email(conn: Connection, email: str) -> Person | None:
    """The person last seen with this address."""
    query = sa.select(*_PERSON).where(people.c.email == email.strip().lower()).order_by(people.c.seen_at.desc()).limit(1)
    return _person(conn.execute(query).first())


def language_of(conn: Connection, id: str) -> Language | None:
    """The language they chose for the console; None while they have not."""
    chosen = conn.execute(sa.select(people.c.language).where(people.c.id == id)).scalar_one_or_none()
    return Language(chosen) if chosen else None


def speak(conn: Connection, id: str, language: Language) -> None:
    """Show them the console in this language from now on."""
    conn.execute(people.update().where(people.c.id == id).values(language=language.value))


def approve(conn: Connection, person_id: str, scope: str, via: str = DIRECT, *, granted_by: str) -> bool:
    """Let a person decide on a part, or with "*" on every part. False when they already may by the same `via`.

    A person not seen before is remembered by their id alone. Raises UnknownRowError when there is no such part.
    """
    scope = _known_scope(conn, scope)
    if conn.execute(sa.select(approvers.c.id).where(_live(person_id, scope, via))).first():
        return False
    remember(conn, person_id, None, None)
    return insert_if_absent(
        conn,
        approvers,
        id=secrets.token_hex(8),
        person_id=person_id,
        scope=scope,
        via=via,
        granted_by=granted_by,
        granted_at=clock.now(),
    )


def revoke(conn: Connection, person_id: str, scope: str, via: str = DIRECT, *, revoked_by: str) -> bool:
    """From now on the person may no longer decide by this grant; what they decided stands. False when there was no live grant."""
    scope = _known_scope(conn, scope)
    ended = approvers.update().where(_live(person_id, scope, via)).values(revoked_by=revoked_by, revoked_at=clock.now())
    return conn.execute(ended).rowcount > 0


def approve_group(conn: Connection, group_id: str, scope: str, *, granted_by: str) -> bool:
    """Let a user group's members decide; `set_group_members` must follow, to say who they are. False when it was so already."""
    scope = _known_scope(conn, scope)
    return insert_if_absent(conn, approver_groups, group_id=group_id, scope=scope, granted_by=granted_by, granted_at=clock.now())


def revoke_group(conn: Connection, group_id: str, scope: str, *, revoked_by: str) -> bool:
    """The group's members lose what they had through it. False when the group had no such scope."""
    scope = _known_scope(conn, scope)
    conn.execute(
        approvers.update()
        .where(approvers.c.via == group_id, approvers.c.scope == scope, approvers.c.revoked_at.is_(None))
        .values(revoked_by=revoked_by, revoked_at=clock.now())
    )
    gone = approver_groups.delete().where(approver_groups.c.group_id == group_id, approver_groups.c.scope == scope)
    return conn.execute(gone).rowcount > 0


def groups(conn: Connection, part: str | None = None) -> tuple[str, ...]:
    """The user groups that may decide on this part; every approving group when it is None."""
    query = sa.select(approver_groups.c.group_id).distinct().order_by(approver_groups.c.group_id)
    if part is not None:
        query = query.where(approver_groups.c.scope.in_((part, ANY_PART)))
    return tuple(conn.scalars(query))


def set_group_members(conn: Connection, group_id: str, member_ids: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Make the group's grants those of exactly these people. Returns who gained and who lost one, for the audit log."""
    members = set(member_ids)
    gained: set[str] = set()
    lost: set[str] = set()
    for scope in conn.scalars(sa.select(approver_groups.c.scope).where(approver_groups.c.group_id == group_id)).all():
        live = sa.and_(approvers.c.via == group_id, approvers.c.scope == scope, approvers.c.revoked_at.is_(None))
        held = set(conn.scalars(sa.select(approvers.c.person_id).where(live)))
        gained |= {person for person in sorted(members - held) if approve(conn, person, scope, group_id, granted_by=group_id)}
        lost |= {person for person in sorted(held - members) if revoke(conn, person, scope, group_id, revoked_by=group_id)}
    return tuple(sorted(gained)), tuple(sorted(lost))


def approvers_of(conn: Connection, part: str) -> tuple[Person, ...]:
    """Everybody who may decide on this part now, by whichever grant."""
    may = sa.exists().where(approvers.c.person_id == people.c.id, approvers.c.scope.in_((part, ANY_PART)), approvers.c.revoked_at.is_(None))
    rows = conn.execute(sa.select(*_PERSON).where(may).order_by(people.c.name, people.c.id))
    return tuple(Person(**row._mapping) for row in rows)


def scope_of(conn: Connection, person_id: str, part: str) -> str | None:
    """The scope of the live grant by which this person may decide on this part; None when they may not."""
    grant = live_grant(conn, person_id, part)
    return grant.scope if grant else None


def live_grant(conn: Connection, person_id: str, part: str) -> Grant | None:
    """The grant a decision would be made under: one for exactly this part before one for every part."""
    query = (
        sa.select(approvers)
        .where(approvers.c.person_id == person_id, approvers.c.scope.in_((part, ANY_PART)), approvers.c.revoked_at.is_(None))
        .order_by(sa.case((approvers.c.scope == part, 0), else_=1), approvers.c.granted_at, approvers.c.id)
        .limit(1)
    )
    row = conn.execute(query).first()
    return Grant(**row._mapping) if row else None


def grants(conn: Connection, *, revoked: bool = False) -> tuple[Grant, ...]:
    """Every live grant, oldest first; with `revoked` the ended ones as well."""
    query = sa.select(approvers).order_by(approvers.c.granted_at, approvers.c.id)
    if not revoked:
        query = query.where(approvers.c.revoked_at.is_(None))
    return tuple(Grant(**row._mapping) for row in conn.execute(query))


_PERSON = (people.c.id, people.c.name, people.c.email, people.c.locale)


def _person(row: Row[*tuple[Any, ...]] | None) -> Person | None:
    return Person(**row._mapping) if row else None


def _live(person_id: str, scope: str, via: str) -> sa.ColumnElement[bool]:
    return sa.and_(approvers.c.person_id == person_id, approvers.c.scope == scope, approvers.c.via == via, approvers.c.revoked_at.is_(None))


def _known_scope(conn: Connection, scope: str) -> str:
    """The part's number as it is written in `parts`, since a grant for "sc200" would never match decisions on "SC-200"."""
    if scope == ANY_PART:
        return scope
    part = parts.number_of(conn, scope)
    if part is None:
        raise UnknownRowError(
            f"There is no part {scope!r} to approve somebody for. Add it with `kenpin parts add`, or leave the part out for every part."
        )
    return part
