"""Who changed what, when, from what to what: the audit log's entries about one kind of thing, as a page shows them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from kenpin.storage import audit, people
from kenpin.storage.audit import AuditEntry, AuditKind

SHOWN = 50
LOOKED_THROUGH = 5000  # entries of each kind, newest first, among which one part's are looked for
_ASIDE = {"from", "to", "by", "part", "file_sha256"}


@dataclass(frozen=True, kw_only=True)
class Change:
    seq: int
    at: str
    kind: AuditKind
    by: str | None
    was: str | None  # None: the entry tells of no state before, or was erased
    now: str | None
    more: str | None


def newest(conn: Connection, kinds: Sequence[AuditKind], wanted: Callable[[AuditEntry], bool] = lambda entry: True) -> list[Change]:
    """The last SHOWN of these kinds, newest first."""
    several = [audit.entries(conn, kind=kind, newest_first=True, limit=LOOKED_THROUGH) for kind in kinds]
    found = list(islice(filter(wanted, heapq.merge(*several, key=lambda entry: -entry.seq)), SHOWN))
    named = people.names(conn, {str(entry.payload["by"]) for entry in found if entry.payload and entry.payload.get("by")})
    return [_change(entry, named) for entry in found]


def _change(entry: AuditEntry, named: dict[str, str]) -> Change:
    said = entry.payload or {}
    by = said.get("by")
    more = {key: value for key, value in said.items() if key not in _ASIDE and value not in (None, "", [])}
    if entry.person_id is not None and entry.person_id != by:
        more = {"person": entry.person_id, **more}
    return Change(
        seq=entry.seq,
        at=entry.at,
        kind=entry.kind,
        by=named.get(str(by), str(by)) if by else None,
        was=_written(said.get("from")),
        now=_written(said.get("to")),
        more=_written(more),
    )


def _written(value: Any) -> str | None:
    """A state as a person reads it: names and values, without what is not set."""
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')}: {_written(each)}" for key, each in value.items() if each is not None) or None
    if isinstance(value, list):
        return "; ".join(filter(None, map(_written, value))) or None
    return None if value is None else str(value)
