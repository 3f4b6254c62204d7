"""The site's FMEA table: which failure modes a part has, what causes them, and how grave they are.

Rows come from a file (bot/fmea.py) and belong to a part, or with "*" to every part. A part's rows are replaced or added to as a whole; the
caller puts the `Change` that comes back on the audit log. A row may name a part that is not on record yet: it is found once it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kenpin.storage import clock, parts
from kenpin.storage.canonical import storable
from kenpin.storage.tables import failure_modes
from kenpin.storage.vocabulary import ANY_PART, FailureMode

ANY_CLASS = "*"  # the defect class of a row that holds for any defect
REGION = "region"  # of one that holds for any marked place, whatever its class
WHOLE = "whole"  # of one that holds where the whole part looks unlike the good ones
NO_CLASSES = (ANY_CLASS, REGION, WHOLE)
_ONE_IMPORT_AT_A_TIME = 0x464D4541  # "FMEA": the advisory lock on PostgreSQL


@dataclass(frozen=True, kw_only=True)
class Change:
    """What an import made of one part's rows."""

    part: str
    before: tuple[FailureMode, ...]
    after: tuple[FailureMode, ...]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One row with who brought it."""

    row: FailureMode
    imported_by: str
    imported_at: str


def rpn(row: FailureMode) -> int:
    """The risk priority number, 1 to 1000: severity x occurrence x detection, as FMEA has always had it (IEC 60812)."""
    return row.severity * row.occurrence * row.detection


def folded_class(name: str) -> str:
    """A defect class with width, case, blanks, dashes and underscores folded away: "Surface scratch" is surface_scratch."""
    return re.sub(r"[\s_-]", "", unicodedata.normalize("NFKC", name).casefold())


def replacement(conn: Connection, rows: Sequence[FailureMode], *, whole_table: bool = False) -> tuple[Change, ...]:
    """What `replace_rows` would change; nothing is written. Raises ValueError when one part's number is given twice for a row."""
    wanted = _by_part(conn, rows)
    if whole_table:
        named = {_key(part) for part in wanted}
        wanted |= {kept.row.part: () for kept in all_rows(conn) if _key(kept.row.part) not in named}
    changes = (Change(part=part, before=rows_of(conn, part), after=after) for part, after in wanted.items())
    return tuple(change for change in changes if change.before != change.after)


def addition(conn: Connection, rows: Sequence[FailureMode]) -> tuple[Change, ...]:
    """What `append_rows` would change; nothing is written."""
    changes = []
    for part, more in _by_part(conn, rows).items():
        before = rows_of(conn, part)
        held = {replace(row, row=0) for row in before}
        last = max((row.row for row in before), default=0)
        new = [row for row in more if replace(row, row=0) not in held]
        if new:
            added = tuple(replace(row, row=last + number) for number, row in enumerate(new, start=1))
            changes.append(Change(part=part, before=before, after=(*before, *added)))
    return tuple(changes)


def replace_rows(conn: Connection, rows: Sequence[FailureMode], by: str, *, whole_table: bool = False) -> tuple[Change, ...]:
    """Each part among `rows` has these rows and no others from now on. whole_table: a part that is not among them has none any more.

    Returns the parts whose rows are other ones now. Raises ValueError when one part's number is given twice for a row.
    """
    _alone(conn)
    changes = replacement(conn, rows, whole_table=whole_table)
    for change in changes:
        conn.execute(failure_modes.delete().where(failure_modes.c.folded == _key(change.part)))
        _insert(conn, change.after, by)
    return changes


def append_rows(conn: Connection, rows: Sequence[FailureMode], by: str) -> tuple[Change, ...]:
    """Add rows to those there are, numbered on from the part's last one; a row that is there already, whatever its number, is left out."""
    _alone(conn)
    changes = addition(conn, rows)
    for change in changes:
        _insert(conn, change.after[len(change.before) :], by)
    return changes


def of_part(conn: Connection, part: str) -> tuple[FailureMode, ...]:
    """The rows of a part, however its number is written, then those of every part."""
    return (*rows_of(conn, part), *(rows_of(conn, ANY_PART) if part != ANY_PART else ()))


def rows_of(conn: Connection, part: str) -> tuple[FailureMode, ...]:
    """The rows under exactly this number, or under "*", by row."""
    return tuple(kept.row for kept in _read(conn, sa.select(failure_modes).where(failure_modes.c.folded == _key(part))))


def all_rows(conn: Connection) -> tuple[Kept, ...]:
    """The whole table, by part and row."""
    return _read(conn, sa.select(failure_modes))


def _read(conn: Connection, query: sa.Select[Any]) -> tuple[Kept, ...]:
    found = conn.execute(query.order_by(failure_modes.c.folded, failure_modes.c.row)).mappings()
    fields = FailureMode.__dataclass_fields__
    return tuple(
        Kept(row=FailureMode(**{name: r[name] for name in fields}), imported_by=r["imported_by"], imported_at=r["imported_at"])
        for r in found
    )


def _by_part(conn: Connection, rows: Sequence[FailureMode]) -> dict[str, tuple[FailureMode, ...]]:
    """Part -> its rows in order, under one number however they write it, with text as both databases take it."""
    numbers: dict[str, str] = {}
    held: dict[str, dict[int, FailureMode]] = {}
    for given in rows:
        key = _key(given.part)
        if key not in numbers:
            numbers[key] = _number(conn, given.part)
        of_part = held.setdefault(numbers[key], {})
        if given.row in of_part:
            raise ValueError(f"Row {given.row} of {numbers[key]} is given twice; number each row of a part once.")
        of_part[given.row] = replace(
            given,
            part=numbers[key],
            defect_class=storable(given.defect_class),
            failure_mode=storable(given.failure_mode),
            effect=storable(given.effect),
            cause=storable(given.cause),
            recommended_action=storable(given.recommended_action),
        )
    return {part: tuple(by_row[number] for number in sorted(by_row)) for part, by_row in held.items()}


def _number(conn: Connection, written: str) -> str:
    """As the parts have it; while they do not, as the table has it; else as written."""
    if written == ANY_PART:
        return ANY_PART
    in_table = sa.select(failure_modes.c.part).where(failure_modes.c.folded == _key(written)).limit(1)
    return parts.number_of(conn, written) or conn.execute(in_table).scalar_one_or_none() or " ".join(storable(written).split())


def _insert(conn: Connection, rows: Sequence[FailureMode], by: str) -> None:
    at = clock.now()
    fields = FailureMode.__dataclass_fields__
    values = [
        {**{name: getattr(row, name) for name in fields}, "folded": _key(row.part), "imported_by": by, "imported_at": at} for row in rows
    ]
    if values:
        conn.execute(failure_modes.insert(), values)


def _key(part: str) -> str:
    return ANY_PART if part == ANY_PART else parts.folded(part)


def _alone(conn: Connection) -> None:
    """On PostgreSQL wait for another import to end; on SQLite a transaction that writes is alone already."""
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_IMPORT_AT_A_TIME)))
