"""Saved views of the list of inspections: a person's filters and search under a name, for them alone or for everybody."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kenpin.storage import clock
from kenpin.storage.canonical import storable
from kenpin.storage.database import upsert
from kenpin.storage.tables import people, saved_views

NAME_CHARACTERS = 60


@dataclass(frozen=True, kw_only=True)
class View:
    id: str
    person_id: str
    person: str  # their name, or id
    name: str
    query: str  # the list's address from the question mark on
    shared: bool  # everybody sees it
    saved_at: str


def save_view(conn: Connection, person_id: str, name: str, query: str, *, shared: bool) -> str:
    """Remember it, in place of the person's earlier one of that name. Returns its id. Raises ValueError for a name that is none."""
    name = " ".join(storable(name).split())
    if not 0 < len(name) <= NAME_CHARACTERS:
        raise ValueError(f"A view's name has 1 to {NAME_CHARACTERS} characters; {name!r} has {len(name)}.")
    statement = upsert(conn, saved_views).values(
        id=f"V-{secrets.token_hex(6)}", person_id=person_id, name=name, query=query, shared=int(shared), saved_at=clock.now()
    )
    kept = statement.on_conflict_do_update(
        index_elements=["person_id", "name"],
        set_={"query": statement.excluded.query, "shared": statement.excluded.shared, "saved_at": statement.excluded.saved_at},
    )
    return str(conn.execute(kept.returning(saved_views.c.id)).scalar_one())


def drop_view(conn: Connection, id: str, person_id: str) -> bool:
    """False when the person has no such view."""
    return conn.execute(saved_views.delete().where(saved_views.c.id == id, saved_views.c.person_id == person_id)).rowcount == 1


def seen_by(conn: Connection, person_id: str, limit: int = 100) -> tuple[View, ...]:
    """The person's own by name, then those of others that are shared."""
    query = (
        sa.select(saved_views, people.c.name.label("person"))
        .join(people, people.c.id == saved_views.c.person_id)
        .where(sa.or_(saved_views.c.person_id == person_id, saved_views.c.shared == 1))
        .order_by(saved_views.c.person_id != person_id, saved_views.c.name, saved_views.c.id)
        .limit(limit)
    )
    return tuple(
        View(
            id=row.id,
            person_id=row.person_id,
            person=row.person or row.person_id,
            name=row.name,
            query=row.query,
            shared=bool(row.shared),
            saved_at=row.saved_at,
        )
        for row in conn.execute(query)
    )
