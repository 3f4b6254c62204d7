"""Anchors of the audit log: the head of its chain noted outside the database, once a day, and held against the chain when it is verified.

A worker's housekeeping makes the day's anchor and queues the job that takes it out, in one transaction and under the day's name: there is
one a day however many workers run, and a killed one's job goes on elsewhere. The job looks whether the anchor stands there already before
it posts or writes. Slack is known here only as an `AnchorChannel`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine

from kenpin.bot.jobs import Jobs
from kenpin.storage import anchors, audit, clock
from kenpin.storage.anchors import Anchor, Checked, Place, Sighting
from kenpin.storage.audit import AuditKind, Verification
from kenpin.storage.database import reading, writing


class AnchorChannel(Protocol):
    """A channel of Slack where anchors are posted; only messages of our own count when it is read."""

    @property
    def id(self) -> str: ...
    def post(self, anchor: Anchor) -> str: ...  # once: looks for it first; returns its ts
    def read(self) -> tuple[Sighting, ...]: ...  # all of them


class NoAnchorPlaceError(Exception):
    """Neither a channel nor a file is set."""


class AnchorFileError(Exception):
    """The file of anchors cannot be read or appended to."""

    retryable = True  # a share that is away comes back


@dataclass(frozen=True, kw_only=True)
class Anchoring:
    """Where this site's anchors are kept."""

    channel: AnchorChannel | None = None
    file: Path | None = None

    def __bool__(self) -> bool:
        return self.channel is not None or self.file is not None


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What walking the chain found, and how it stands to the anchors that were read back."""

    chain: Verification
    anchors: tuple[Checked, ...] | None  # None: they were not asked for

    @property
    def fault(self) -> Checked | None:
        return anchors.first_fault(self.anchors or ())

    @property
    def whole(self) -> bool:
        return self.chain.whole and self.fault is None


def see_to_today(engine: Engine, jobs: Jobs) -> None:
    """Make today's anchor and queue its job, unless somebody did."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    with reading(engine) as conn:  # so that a worker that looks every ten seconds takes no write lock
        if anchors.find(conn, today) is not None or audit.head(conn)[0] == 0:
            return
    with writing(engine) as conn:
        if anchors.make(conn, today):
            jobs.keep_anchor(conn, today)


def make_now(engine: Engine, places: Anchoring) -> Anchor:
    """An anchor by hand, taken out at once. Raises NoAnchorPlaceError, AnchorFileError."""
    if not places:
        raise NoAnchorPlaceError(
            "There is no place to keep an anchor. Set KENPIN_ANCHOR_CHANNEL to a Slack channel of the bot, or KENPIN_ANCHOR_FILE to a file."
        )
    id = clock.now()
    with writing(engine) as conn:
        made = anchors.make(conn, id)
    if made is None:
        raise NoAnchorPlaceError("The log is empty, so there is nothing to anchor yet.")
    keep(engine, places, id)
    with reading(engine) as conn:
        kept = anchors.find(conn, id)
    assert kept is not None, "anchors are never deleted"
    return kept


def keep(engine: Engine, places: Anchoring, id: str) -> None:
    """Take an anchor out to every place that is set and where it does not stand yet; may run again."""
    with reading(engine) as conn:
        anchor = anchors.find(conn, id)
    assert anchor is not None, "an anchor is made in the transaction that queues its job"
    if places.channel is not None and anchor.posted_at is None:
        ts = places.channel.post(anchor)
        with writing(engine) as conn:
            if anchors.mark_posted(conn, id, places.channel.id, ts):
                audit.append(conn, AuditKind.ANCHOR_POSTED, _told(anchor, Place.SLACK, places.channel.id))
    if places.file is not None and anchor.written_at is None:
        append_to(places.file, anchor)
        with writing(engine) as conn:
            if anchors.mark_written(conn, id, str(places.file)):
                audit.append(conn, AuditKind.ANCHOR_POSTED, _told(anchor, Place.FILE, str(places.file)))


def catch_up(engine: Engine, places: Anchoring) -> None:
    """Take out what could not be taken out when it was made, as Slack or the file's share was away."""
    with reading(engine) as conn:
        late = anchors.unkept(conn, datetime.now(UTC))
    for anchor in late:
        keep(engine, places, anchor.id)


def verify(
    engine: Engine, places: Anchoring | None = None, *, file: Path | None = None, progress: Callable[[int, int], None] | None = None
) -> Verified:
    """Walk the chain; with `places`, hold it against every anchor that is read back from there.

    file: read this file in place of the setting's, such as a copy from write-once storage. Raises AnchorFileError.
    """
    seen: list[Sighting] = []
    looked_in: list[tuple[Place, str]] = []
    if places is not None and places.channel is not None:
        seen += places.channel.read()
        looked_in.append((Place.SLACK, places.channel.id))
    if places is not None and (read := file or places.file):
        known_as = str(places.file or read)  # a copy stands for the file that the anchors were appended to
        seen += sightings_in(read, known_as)
        looked_in.append((Place.FILE, known_as))
    with reading(engine) as conn:
        checked = anchors.check(conn, seen, looked_in) if places is not None else None
        chain = audit.verify(conn, progress, [(one.seq, one.hash) for one in seen])
    return Verified(chain=chain, anchors=checked)


def append_to(file: Path, anchor: Anchor) -> None:
    """A line for the anchor at the end of the file, on the disk when this returns; nothing when it is there. Raises AnchorFileError."""
    line = json.dumps({"anchor": anchor.id, "seq": anchor.seq, "hash": anchor.hash, "at": anchor.at})
    try:
        there = sightings_in(file, str(file)) if file.exists() else ()
        if any((one.id, one.seq, one.hash) == (anchor.id, anchor.seq, anchor.hash) for one in there):
            return
        descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as opened:
            torn = opened.seek(0, os.SEEK_END) > 0 and os.pread(opened.fileno(), 1, opened.tell() - 1) != b"\n"  # a power cut in the middle
            opened.write(("\n" if torn else "").encode() + line.encode() + b"\n")
            os.fsync(opened.fileno())
    except OSError as error:
        raise AnchorFileError(f"No anchor can be appended to {file} (KENPIN_ANCHOR_FILE): {error.strerror}.") from error


def sightings_in(file: Path, known_as: str) -> tuple[Sighting, ...]:
    """Every anchor in the file; a line that is none is passed over, as a power cut can tear one. Raises AnchorFileError."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise AnchorFileError(f"The anchors in {file} cannot be read: {error.strerror}. Check the path, or leave --anchors out.") from error
    return tuple(found for line in lines if (found := _sighting(line, known_as)))


def _sighting(line: str, known_as: str) -> Sighting | None:
    try:
        told = json.loads(line)
        return Sighting(place=Place.FILE, where=known_as, id=str(told["anchor"]), seq=int(told["seq"]), hash=str(told["hash"]))
    except (ValueError, KeyError, TypeError):
        return None


def _told(anchor: Anchor, place: Place, where: str) -> dict[str, object]:
    return {"anchor": anchor.id, "seq": anchor.seq, "hash": anchor.hash, "place": place.value, "where": where}
