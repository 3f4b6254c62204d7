"""Anchors: where the audit chain ended at a moment, noted outside the database as well, so that a rewritten chain can be told.

An anchor is made here first, then posted to Slack or appended to a file (`kenpin.bot.anchoring`), and where it stands is noted here. What
is kept here proves nothing by itself, as whoever can rewrite the log can rewrite this table too; it says where to look, and which
anchors ought to be found there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kenpin.storage import audit, clock
from kenpin.storage.database import insert_if_absent
from kenpin.storage.tables import anchors, audit_entries


class Place(StrEnum):
    """Where an anchor is kept outside the database."""

    SLACK = "slack"  # a message of ours in the channel of the setting
    FILE = "file"  # a line of the file of the setting


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """The head of the chain at one moment."""

    id: str  # the day of the daily one (2026-11-23), the moment of one made by hand
    seq: int
    hash: str
    at: str
    channel: str | None = None  # where it stands in Slack
    message_ts: str | None = None
    posted_at: str | None = None
    file: str | None = None  # that it was appended to
    written_at: str | None = None


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """An anchor as it was read outside the database."""

    place: Place
    where: str  # a channel's id, or a file
    id: str
    seq: int
    hash: str


class Standing(StrEnum):
    """What an anchor found outside, or missing there, says of the chain."""

    HOLDS = "holds"  # the chain has this very entry
    REWRITTEN = "rewritten"  # the chain has another entry there, or ends before it
    MISSING = "missing"  # on record here as noted outside, and not found there
    UNKNOWN = "unknown"  # found outside, and not on record here: the record was taken back to an earlier state, or altered


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One anchor in one place, and how the chain stands to it."""

    id: str
    seq: int
    place: Place
    where: str
    standing: Standing


def make(conn: Connection, id: str) -> Anchor | None:
    """The head as it is now, under this id. None when there is one of this id, or nothing to anchor yet."""
    seq, hash = audit.head(conn)
    at = clock.now()
    if seq == 0 or find(conn, id) is not None:
        return None
    if not insert_if_absent(conn, anchors, id=id, seq=seq, hash=hash, at=at):  # on PostgreSQL another worker was first
        return None
    return Anchor(id=id, seq=seq, hash=hash, at=at)


def find(conn: Connection, id: str) -> Anchor | None:
    row = conn.execute(sa.select(anchors).where(anchors.c.id == id)).first()
    return Anchor(**row._mapping) if row else None


def listing(conn: Connection, limit: int | None = None) -> tuple[Anchor, ...]:
    """Newest first."""
    query = sa.select(anchors).order_by(anchors.c.seq.desc(), anchors.c.at.desc()).limit(limit)
    return tuple(Anchor(**row._mapping) for row in conn.execute(query))


def unkept(conn: Connection, now: datetime) -> tuple[Anchor, ...]:
    """The daily anchors of the last week that were taken nowhere yet, oldest first; younger than an hour they are on their way."""
    between = anchors.c.at.between(clock.text(now - timedelta(days=7)), clock.text(now - timedelta(hours=1)))
    nowhere = sa.and_(anchors.c.posted_at.is_(None), anchors.c.written_at.is_(None))
    return tuple(Anchor(**row._mapping) for row in conn.execute(sa.select(anchors).where(between, nowhere).order_by(anchors.c.seq)))


def mark_posted(conn: Connection, id: str, channel: str, message_ts: str) -> bool:
    """It stands in Slack there. False when that was noted before."""
    noted = anchors.update().where(anchors.c.id == id, anchors.c.posted_at.is_(None))
    return conn.execute(noted.values(channel=channel, message_ts=message_ts, posted_at=clock.now())).rowcount == 1


def mark_written(conn: Connection, id: str, file: str) -> bool:
    """It was appended to that file. False when that was noted before."""
    noted = anchors.update().where(anchors.c.id == id, anchors.c.written_at.is_(None))
    return conn.execute(noted.values(file=file, written_at=clock.now())).rowcount == 1


def check(conn: Connection, seen: Sequence[Sighting], looked_in: Sequence[tuple[Place, str]]) -> tuple[Checked, ...]:
    """Every anchor that was found outside or ought to be, in the order of the chain, and how the chain stands to it.

    looked_in: the places that were read to their end, so that what is not among `seen` is missing there.
    """
    on_record = {anchor.id: anchor for anchor in listing(conn)}
    found = [
        Checked(id=one.id, seq=one.seq, place=one.place, where=one.where, standing=_standing(conn, one, on_record.get(one.id)))
        for one in seen
    ]
    read = set(looked_in)
    there = {(one.place, one.where, one.id) for one in seen}
    for anchor in on_record.values():
        for place, where in ((Place.SLACK, anchor.channel), (Place.FILE, anchor.file)):
            if where is not None and (place, where) in read and (place, where, anchor.id) not in there:
                found.append(Checked(id=anchor.id, seq=anchor.seq, place=place, where=where, standing=Standing.MISSING))
    return tuple(sorted(found, key=lambda one: (one.seq, one.id, one.place)))


def first_fault(checked: Sequence[Checked]) -> Checked | None:
    return next((one for one in checked if one.standing is not Standing.HOLDS), None)


def _standing(conn: Connection, seen: Sighting, recorded: Anchor | None) -> Standing:
    hash = conn.execute(sa.select(audit_entries.c.hash).where(audit_entries.c.seq == seen.seq)).scalar_one_or_none()
    if hash != seen.hash:
        return Standing.REWRITTEN
    return Standing.HOLDS if recorded is not None and (recorded.seq, recorded.hash) == (seen.seq, seen.hash) else Standing.UNKNOWN
