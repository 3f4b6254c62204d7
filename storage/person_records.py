"""Everything on record about one person: every row of every table that names them.

Found by the tables' own columns (`person_id`, and whatever ends in `_by`), so that a table that is added later is not forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kenpin.storage.tables import audit_entries, audit_payloads, inspection_photos, inspections, metadata, people

_DERIVED = ("register", "register_lots")  # made of the others
_SECRET = ("token_sha256",)  # of a session: nobody's data, and better nowhere


def tables_about() -> tuple[sa.Table, ...]:
    """Every table that can name a person."""
    return tuple(table for table in metadata.sorted_tables if table.name not in _DERIVED and _naming(table))


def rows(conn: Connection, table: sa.Table, person: str) -> Iterator[dict[str, Any]]:
    """Every row of the table that names this person, as it stands there; of the audit log with what its entries say."""
    columns = [column for column in table.columns if column.name not in _SECRET]
    query = sa.select(*columns)
    if table is audit_entries:
        query = sa.select(*columns, audit_payloads.c.payload).outerjoin(audit_payloads, audit_payloads.c.seq == audit_entries.c.seq)
    query = query.where(sa.or_(*(column == person for column in _naming(table)))).order_by(*table.primary_key.columns)
    for row in conn.execute(query, execution_options={"yield_per": 500}):
        yield dict(row._mapping)


def photos(conn: Connection, person: str) -> Iterator[str]:
    """sha256, as uploaded, of the photos that this person's questions came with."""
    query = (
        sa.select(inspection_photos.c.photo_sha256)
        .join(inspections, inspections.c.id == inspection_photos.c.inspection_id)
        .where(inspections.c.asked_by == person, inspection_photos.c.photo_sha256.is_not(None))
        .distinct()
        .order_by(inspection_photos.c.photo_sha256)
    )
    yield from conn.scalars(query)


def _naming(table: sa.Table) -> list[sa.Column[Any]]:
    if table is people:
        return [people.c.id]
    return [column for column in table.columns if column.name == "person_id" or column.name.endswith("_by")]
