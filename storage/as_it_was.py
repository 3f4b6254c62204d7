"""The records as they stood at an earlier moment, copied into a database of their own: as far as one answer draws on them.

Whoever looks at an inspection again with this copy sees nothing that came later, and can write nothing here. What was changed in place
since, and so cannot be known as it was, is named.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from kenpin.storage.inspections import Inspection
from kenpin.storage.tables import (
    actions,
    corrections,
    decisions,
    failure_modes,
    inspection_photos,
    inspections,
    metadata,
    part_references,
    parts,
    photos,
    proposals,
    targets,
)
from kenpin.storage.vocabulary import GOOD, InspectionState

OF_A_PART = 2000  # newest decided answers of a part: twice as many as a confidence rests on
PAST = 500  # newest answered inspections of the part: more than twice as many as are looked through for similar ones
OTHER_PARTS = 20  # those decided on last, which a part's confidence leans on
_AT_ONCE = 500  # ids in one statement; both databases bound how many values one may have


@dataclass(frozen=True, kw_only=True)
class Changed:
    """What is not as it was."""

    targets: bool  # the part's were set again since
    failure_modes: int  # rows of the FMEA table imported since, in place of what stood there


def copy_before(
    conn: Connection,
    into: Engine,
    inspection: Inspection,
    moment: str,
    *,
    part: str | None,
    compared_with: Mapping[str, Sequence[str]],
    is_kept: Callable[[str], bool],
) -> Changed:
    """Copy what an answer to this inspection could draw on at that moment; the inspection itself as it was received.

    into: an empty SQLite database of nobody else's. part: that the answer was about. compared_with: for a part, the good references
    (their `shown_sha256`) that the answer is known to have been compared with; of other parts those on record by then are taken.
    is_kept: whether the picture with this digest is there to be looked at.
    """
    metadata.create_all(into)
    ids = {inspection.id, *_in_thread(conn, inspection), *_past(conn, part, inspection.received_at), *_decided(conn, part, moment)}
    with into.begin() as copy:
        _put(copy, parts, _rows(conn, sa.select(parts)))
        _put(copy, part_references, _references(conn, moment, compared_with, is_kept))
        _put(copy, targets, _rows(conn, sa.select(targets).where(targets.c.set_at <= moment)))
        _put(copy, failure_modes, _rows(conn, sa.select(failure_modes).where(failure_modes.c.imported_at <= moment)))
        _put(copy, inspections, [_as_received(row) if row["id"] == inspection.id else row for row in _inspections(conn, ids)])
        sent = _among(conn, sa.select(inspection_photos), inspection_photos.c.inspection_id, ids)
        _put(copy, inspection_photos, sent)
        digests = {row["photo_sha256"] for row in sent if row["photo_sha256"]}
        _put(copy, photos, _among(conn, sa.select(photos), photos.c.sha256, digests))
        made = _among(conn, sa.select(proposals), proposals.c.inspection_id, ids - {inspection.id})
        _put(copy, proposals, made)
        proposed = {row["id"] for row in made}
        for table in (corrections, decisions, actions):
            _put(copy, table, _among(conn, sa.select(table).where(table.c.at <= moment), table.c.proposal_id, proposed))
    return Changed(
        targets=part is not None and _count(conn, targets, targets.c.part == part, targets.c.set_at > moment) > 0,
        failure_modes=_count(conn, failure_modes, failure_modes.c.imported_at > moment),
    )


def _in_thread(conn: Connection, inspection: Inspection) -> Sequence[str]:
    """The questions asked earlier in the same thread, its first message included."""
    if inspection.thread_ts is None:
        return ()
    same = sa.or_(inspections.c.thread_ts == inspection.thread_ts, inspections.c.message_ts == inspection.thread_ts)
    query = sa.select(inspections.c.id).where(
        inspections.c.channel == inspection.channel, same, inspections.c.received_at < inspection.received_at
    )
    return conn.scalars(query.order_by(inspections.c.received_at.desc()).limit(PAST)).all()


def _past(conn: Connection, part: str | None, before: str) -> Sequence[str]:
    query = (
        sa.select(inspections.c.id)
        .where(inspections.c.part == part, inspections.c.received_at < before, inspections.c.answered_at.is_not(None))
        .order_by(inspections.c.received_at.desc())
        .limit(PAST)
    )
    return conn.scalars(query).all()


def _decided(conn: Connection, part: str | None, moment: str) -> set[str]:
    """The newest decided answers about this part and about the others decided on last."""
    newest = sa.select(decisions.c.part).where(decisions.c.at <= moment).group_by(decisions.c.part)
    others = conn.scalars(newest.order_by(sa.func.max(decisions.c.at).desc()).limit(OTHER_PARTS + 1)).all()
    found: set[str] = set()
    for number in {*others, *([part] if part is not None else [])}:
        query = (
            sa.select(proposals.c.inspection_id)
            .join(decisions, decisions.c.proposal_id == proposals.c.id)
            .where(decisions.c.part == number, decisions.c.at <= moment)
            .order_by(decisions.c.at.desc())
            .limit(OF_A_PART)
        )
        found.update(conn.scalars(query))
    return found


def _references(
    conn: Connection, moment: str, compared_with: Mapping[str, Sequence[str]], is_kept: Callable[[str], bool]
) -> list[dict[str, Any]]:
    rows = _rows(conn, sa.select(part_references).where(part_references.c.added_at <= moment))
    known = {(row["part"], row["shown_sha256"]): row for row in _rows(conn, sa.select(part_references))}
    taken = [row for row in rows if row["state"] != GOOD or row["part"] not in compared_with]
    for part, shown in compared_with.items():
        for position, sha256 in enumerate(shown):
            # One that was taken out of the references since is known by the copy that was looked at alone.
            row = known.get((part, sha256)) or {
                "part": part, "photo_sha256": sha256, "shown_sha256": sha256, "state": GOOD,
                "added_by": "", "added_at": moment, "proposal_id": None,
            }  # fmt: skip
            taken.append({**row, "position": position})
    return [row for row in taken if is_kept(row["shown_sha256"])]


def _inspections(conn: Connection, ids: Collection[str]) -> list[dict[str, Any]]:
    """Without what was answered word by word, which is long and which no other answer draws on."""
    columns = [column for column in inspections.c if column.name != "answer"]
    rows = _among(conn, sa.select(*columns), inspections.c.id, ids)
    return [{**row, "answer": {} if row["answered_at"] else None} for row in rows]


def _as_received(row: dict[str, Any]) -> dict[str, Any]:
    first = {column.name for column in inspections.c if not column.nullable} | {"event_id", "channel", "message_ts", "thread_ts"}
    return {name: value if name in first else None for name, value in row.items()} | {"state": InspectionState.RECEIVED.value}


def _among(conn: Connection, query: sa.Select[Any], column: sa.ColumnElement[str], wanted: Collection[str]) -> list[dict[str, Any]]:
    each = sorted(wanted)
    return [row for start in range(0, len(each), _AT_ONCE) for row in _rows(conn, query.where(column.in_(each[start : start + _AT_ONCE])))]


def _rows(conn: Connection, query: sa.Select[Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in conn.execute(query)]


def _put(copy: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        copy.execute(table.insert(), rows)


def _count(conn: Connection, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
    return int(conn.execute(sa.select(sa.func.count()).select_from(table).where(*where)).scalar_one())
