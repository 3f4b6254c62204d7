"""A part's targets: how many escapes and how much overkill it may have, and how many bad parts are expected. Changed, never refitted."""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kenpin.storage import audit, clock, parts
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import upsert
from kenpin.storage.errors import TargetError, UnknownRowError
from kenpin.storage.tables import targets
from kenpin.storage.vocabulary import Targets

BELOW = {"escapes": 50.0, "overkill": 50.0, "expected_bad": 100.0}  # in 100; the table's checks say the same


def of(conn: Connection, part: str) -> Targets:
    """What is set for a part, however its number is written; nothing set where nothing is."""
    columns = (targets.c.escapes, targets.c.overkill, targets.c.expected_bad)
    row = conn.execute(sa.select(*columns).where(targets.c.part == parts.number_of(conn, part))).first()
    return Targets(**row._mapping) if row else Targets()


def set(conn: Connection, part: str, new: Targets, by: str) -> bool:
    """Set all of a part's targets, with an audit entry of what they were and are: call it last in the transaction, as `audit.append` asks.

    False, and nothing written, when they were these already. Raises TargetError for a number out of range, UnknownRowError for a part
    that is not on record.
    """
    number = parts.number_of(conn, part)
    if number is None:
        raise UnknownRowError(f"There is no part {part!r}. Add it with `kenpin parts add {part}`.")
    for name, below in BELOW.items():
        value = getattr(new, name)
        if value is not None and not 0 < value < below:
            raise TargetError(f"{name.replace('_', ' ')} of {value:g} in 100 cannot be aimed at; give more than 0 and less than {below:g}.")
    before = of(conn, number)
    if new == before:
        return False
    values = {**asdict(new), "set_by": by, "set_at": clock.now()}
    conn.execute(upsert(conn, targets).values(part=number, **values).on_conflict_do_update(index_elements=["part"], set_=values))
    audit.append(conn, AuditKind.TARGETS_SET, {"part": number, "from": asdict(before), "to": asdict(new), "by": by})
    return True
