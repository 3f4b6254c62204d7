"""What the dashboard shows, counted by day, so that a year of a million inspections is read in a blink.

`refresh` makes the counts from the records: of the days that the audit log says have changed since it was last called, then of older days
until all are counted. The log is one chain whose order is that of the commits, so that no change can slip by, and each inspection's answer,
decision and second look has its entry there. Everything counts on the day its question came, in the site's time zone.

A day is counted as a whole, for each part and for all of them together ("*"); those also for each value of each dimension, which for
every part would be as many rows as there are inspections.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kenpin.storage import statistics
from kenpin.storage.database import insert_if_absent
from kenpin.storage.tables import (
    audit_entries,
    audit_head,
    counted_days,
    daily_confidences,
    daily_counts,
    daily_waits,
    expirations,
    inspection_photos,
    inspections,
    photos,
    proposals,
    register,
)
from kenpin.storage.tables import decisions as decided
from kenpin.storage.tables import parts as parts_table
from kenpin.storage.vocabulary import ANY_PART, InspectionState, ProposalKind, Verdict

DIMENSIONS = ("line", "shift", "camera", "person", "language", "lighting")
LIGHT_STEPS = (40.0, 80.0, 120.0, 160.0, 200.0)  # mean luma, 0 to 255, at which the next kind of light begins; even steps, chosen
WAIT_STEP = 1.1  # how much longer the next step of a wait is: a median read off them is at most a twentieth off
ENTRIES_AT_ONCE = 20_000  # of the audit log that one call of `refresh` looks at
NEWEST = 10_000  # inspections of one part that its subgroups are read from: more would make the page slow, and show little more
LOOKED_THROUGH = 20_000  # inspections for those that a number counts
TIMED = 2000  # newest decisions of all parts that the waits of subgroups are taken from


_HALF_HOUR_MS = 1_800_000


@lru_cache(maxsize=100_000)
def _offset_ms(zone: str, half_hour: int) -> int:
    """How far a zone's clock is ahead of UTC's, in one half hour since 1970: clocks are changed at none but their beginnings."""
    offset = datetime.fromtimestamp(half_hour * 1800, ZoneInfo(zone)).utcoffset()
    assert offset is not None, "the moment has a zone"
    return round(offset.total_seconds() * 1000)


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """How a site divides its time."""

    zone: str  # an IANA name, such as Asia/Tokyo
    shifts: tuple[str, ...]  # when each begins, HH:MM, in order

    def day_of(self, number: int) -> date:
        return self._local(number).date()

    def shift_of(self, number: int) -> str:
        """The beginning of the shift in which a question came."""
        ms = number >> 20
        minute = (ms + _offset_ms(self.zone, ms // _HALF_HOUR_MS)) // 60_000 % 1440
        at = f"{minute // 60:02d}:{minute % 60:02d}"
        return self.shifts[bisect_right(self.shifts, at) - 1]  # before the first one: the last of the day before

    def numbers(self, day: date) -> tuple[int, int]:
        """The register's numbers of a day: from the first, up to but without the second."""
        return self._number(day), self._number(day + timedelta(days=1))

    def moments(self, day: date) -> tuple[datetime, datetime]:
        """When a day begins and the next one does, in UTC."""
        begin, end = (datetime.combine(one, time(), ZoneInfo(self.zone)).astimezone(UTC) for one in (day, day + timedelta(days=1)))
        return begin, end

    def _local(self, number: int) -> datetime:
        return datetime.fromtimestamp((number >> 20) / 1000, ZoneInfo(self.zone))  # ZoneInfo remembers the zones it has read

    def _number(self, day: date) -> int:
        return round(datetime.combine(day, time(), ZoneInfo(self.zone)).timestamp() * 1000) << 20


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What came of some inspections. Those known to be bad or good are judged ones."""

    inspections: int = 0
    ok: int = 0
    not_ok: int = 0
    abstained: int = 0
    escalated: int = 0
    failed: int = 0
    proposed: int = 0  # dispositions
    approved: int = 0
    rejected: int = 0
    corrected: int = 0
    expired: int = 0
    known_bad: int = 0
    escapes: int = 0
    known_good: int = 0
    overkill: int = 0
    cost: float = 0.0

    @property
    def judged(self) -> int:
        return self.ok + self.not_ok

    @property
    def decided(self) -> int:
        return self.approved + self.rejected + self.corrected

    @property
    def overrides(self) -> int:
        return self.rejected + self.corrected

    @property
    def pending(self) -> int:
        return self.proposed - self.decided - self.expired

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in COUNTED})


COUNTED = tuple(field.name for field in fields(Counts))


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the counting is."""

    since: date  # the first day that is counted
    whole: bool  # nothing older is left, and nothing newer


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Judgements of about the same confidence, of which it is known whether they were right."""

    judged: int
    right: int
    confidence: float  # their sum

    @property
    def stated(self) -> float:
        return self.confidence / self.judged


# --- counting --------------------------------------------------------------------------------------------------------------------------


def refresh(conn: Connection, calendar: Calendar, now: datetime, most_days: int) -> Progress:
    """Count what has changed, and some older days; call it until it is whole. Two at once wait for each other.

    most_days: older days that are counted in this call; a day of some thousand inspections takes about a tenth of a second.
    """
    today, shifts = now.astimezone(ZoneInfo(calendar.zone)).date(), ",".join(calendar.shifts)
    head = conn.execute(sa.select(audit_head.c.seq)).scalar_one()
    fresh = {"seq": head, "since": (today + timedelta(days=2)).isoformat(), "zone": calendar.zone, "shifts": shifts}
    insert_if_absent(conn, counted_days, id=1, **fresh)
    kept = conn.execute(sa.select(counted_days).with_for_update()).one()
    if (kept.zone, kept.shifts) != (calendar.zone, shifts):
        for table in (daily_counts, daily_waits, daily_confidences):
            conn.execute(table.delete())
        conn.execute(counted_days.update().values(**fresh))
        kept = conn.execute(sa.select(counted_days)).one()
    since, seq = date.fromisoformat(kept.since), min(head, kept.seq + ENTRIES_AT_ONCE)
    for day in sorted(_changed_days(conn, calendar, kept.seq, seq)):
        if day >= since:
            _count(conn, calendar, day)
    older = None
    for _ in range(most_days):
        older = _newest_before(conn, calendar, since)
        if older is None:
            break
        _count(conn, calendar, older)
        since = older
    older = _newest_before(conn, calendar, since) if older is not None else None
    conn.execute(counted_days.update().values(seq=seq, since=since.isoformat()))
    return Progress(since=since, whole=older is None and seq == head)


def is_fresh(conn: Connection, calendar: Calendar) -> bool:
    """Whether everything is counted, by these settings: then `refresh` has nothing to do. A read."""
    kept = conn.execute(sa.select(counted_days)).first()
    if kept is None or (kept.zone, kept.shifts) != (calendar.zone, ",".join(calendar.shifts)):
        return False
    head = conn.execute(sa.select(audit_head.c.seq)).scalar_one()
    return bool(kept.seq == head) and _newest_before(conn, calendar, date.fromisoformat(kept.since)) is None


def _changed_days(conn: Connection, calendar: Calendar, after: int, up_to: int) -> set[date]:
    query = (
        sa.select(register.c.number)
        .join(audit_entries, audit_entries.c.inspection_id == register.c.inspection_id)
        .where(audit_entries.c.seq > after, audit_entries.c.seq <= up_to)
        .distinct()
    )
    return {calendar.day_of(number) for number in conn.execute(query).scalars()}


def _newest_before(conn: Connection, calendar: Calendar, day: date) -> date | None:
    number = conn.execute(sa.select(sa.func.max(register.c.number)).where(register.c.number < calendar.numbers(day)[0])).scalar_one()
    return calendar.day_of(number) if number is not None else None


def _count(conn: Connection, calendar: Calendar, day: date) -> None:
    """One day, as a whole."""
    begin, end = calendar.numbers(day)
    rows = _rows(conn, None, register.c.number >= begin, register.c.number < end)
    for table in (daily_counts, daily_waits, daily_confidences):
        conn.execute(table.delete().where(table.c.day == day.isoformat()))
    cells: dict[tuple[str, str, str], int] = {}
    into: list[int] = []
    waits: dict[tuple[str, int], int] = {}
    sure: dict[tuple[str, int], tuple[int, int, float]] = {}
    counts = np.zeros((len(rows), len(COUNTED)))
    for index, row in enumerate(rows):
        bad = _truth(row)
        counts[index] = _counted(row, bad)
        keys = [(ANY_PART, "all", ""), *((ANY_PART, *key) for key in zip(DIMENSIONS, _values(calendar, row), strict=True))]
        keys.append((row.part or "", "all", ""))
        into.extend(cells.setdefault(key, len(cells)) for key in keys)
        for part in (ANY_PART, row.part or ""):
            if row.decided_at is not None and row.kind == ProposalKind.DISPOSITION.value:
                at = part, wait_bin(_seconds(row.number, row.decided_at))
                waits[at] = waits.get(at, 0) + 1
            if bad is not None and row.confidence is not None:
                at = part, math.floor(row.confidence * 100)
                judged, right, confidence = sure.get(at, (0, 0, 0.0))
                is_right = (row.verdict == Verdict.NOT_OK.value) == bad
                sure[at] = judged + 1, right + is_right, confidence + row.confidence
    if not rows:
        return
    summed = np.zeros((len(cells), len(COUNTED)))
    np.add.at(summed, np.array(into), np.repeat(counts, 2 + len(DIMENSIONS), axis=0))
    conn.execute(
        daily_counts.insert(),
        [
            {"part": part, "dimension": dimension, "value": value, "day": day.isoformat()}
            | {name: (float if name == "cost" else int)(summed[at, column]) for column, name in enumerate(COUNTED)}
            for (part, dimension, value), at in cells.items()
            if part  # a question about no part counts among all only
        ],
    )
    if of_waits := [{"part": p, "day": day.isoformat(), "bin": bin, "decisions": n} for (p, bin), n in waits.items() if p]:
        conn.execute(daily_waits.insert(), of_waits)
    if of_sure := [
        {"part": p, "day": day.isoformat(), "bin": bin, "judged": judged, "right": right, "confidence": confidence}
        for (p, bin), (judged, right, confidence) in sure.items()
        if p
    ]:
        conn.execute(daily_confidences.insert(), of_sure)


def _rows(conn: Connection, most: int | None, *where: sa.ColumnElement[bool]) -> Sequence[Row[*tuple[Any, ...]]]:
    """The newest so many inspections, newest first; every one when it is None."""
    chosen = sa.select(register).where(*where).order_by(register.c.number.desc()).limit(most).subquery("chosen")
    source = statistics.with_truth(chosen.join(inspections, inspections.c.id == chosen.c.inspection_id))
    first_photo = sa.and_(inspection_photos.c.inspection_id == inspections.c.id, inspection_photos.c.position == 0)
    query = (
        sa.select(
            chosen.c.number,
            chosen.c.inspection_id,
            inspections.c.received_at,
            chosen.c.part,
            chosen.c.channel,
            chosen.c.asked_by,
            chosen.c.verdict,
            chosen.c.confidence,
            chosen.c.abstained,
            chosen.c.escalated,
            inspections.c.language,
            inspections.c.state,
            inspections.c.cost,
            proposals.c.kind,
            decided.c.verdict.label("decision"),
            decided.c.at.label("decided_at"),
            expirations.c.at.label("expired_at"),
            photos.c.camera,
            photos.c.brightness,
            *statistics.truth_columns(),
        )
        .select_from(
            source.outerjoin(expirations, expirations.c.proposal_id == proposals.c.id)
            .outerjoin(inspection_photos, first_photo)
            .outerjoin(photos, photos.c.sha256 == inspection_photos.c.photo_sha256)
        )
        .order_by(chosen.c.number.desc())
    )
    return conn.execute(query).all()


def _values(calendar: Calendar, row: Row[*tuple[Any, ...]]) -> tuple[str, ...]:
    """In the order of DIMENSIONS."""
    return row.channel or "", calendar.shift_of(row.number), row.camera or "", row.asked_by, row.language, light(row.brightness)


def _waits(rows: Iterable[Row[*tuple[Any, ...]]], values: Iterable[tuple[str, ...]]) -> dict[str, dict[str, list[float]]]:
    """values: of each row, in the order of DIMENSIONS."""
    found: dict[str, dict[str, list[float]]] = {dimension: {} for dimension in DIMENSIONS}
    for row, each in zip(rows, values, strict=True):
        if row.decided_at is not None and row.kind == ProposalKind.DISPOSITION.value:
            seconds = _seconds(row.number, row.decided_at)
            for dimension, value in zip(DIMENSIONS, each, strict=True):
                found[dimension].setdefault(value, []).append(seconds)
    return found


def _truth(row: Row[*tuple[Any, ...]]) -> bool | None:
    if row.verdict not in statistics.JUDGEMENTS:
        return None
    return statistics.was_really_bad(Verdict(row.verdict), row.really, row.said, row.done)


def _counted(row: Row[*tuple[Any, ...]], bad: bool | None) -> tuple[float, ...]:
    """In the order of COUNTED."""
    is_disposition = row.kind == ProposalKind.DISPOSITION.value
    decision = row.decision if is_disposition else None
    return (
        1,
        row.verdict == Verdict.OK.value,
        row.verdict == Verdict.NOT_OK.value,
        row.abstained,
        row.escalated,
        row.state == InspectionState.FAILED.value,
        is_disposition,
        decision == "approved",
        decision == "rejected",
        decision == "corrected",
        is_disposition and decision is None and row.expired_at is not None,
        bad is True,
        bad is True and row.verdict == Verdict.OK.value,
        bad is False,
        bad is False and row.verdict == Verdict.NOT_OK.value,
        row.cost or 0.0,
    )


def light(brightness: float | None) -> str:
    """The kind of light, "0" (darkest) to "5"; "" where it is not known."""
    return "" if brightness is None else str(sum(brightness >= step for step in LIGHT_STEPS))


def wait_bin(seconds: float) -> int:
    return math.floor(math.log(max(seconds, 1.0)) / math.log(WAIT_STEP))


def _seconds(number: int, at: str) -> float:
    return datetime.fromisoformat(at).timestamp() - (number >> 20) / 1000


# --- reading ---------------------------------------------------------------------------------------------------------------------------


def by_day(conn: Connection, part: str, first: date, last: date) -> dict[date, Counts]:
    """Of a part, or of all ("*"); days without a question are left out."""
    query = _sums(daily_counts.c.day).where(_within(daily_counts, (part,), first, last), daily_counts.c.dimension == "all")
    return {date.fromisoformat(row.key): _counts(row) for row in conn.execute(query.group_by(daily_counts.c.day))}


@dataclass(frozen=True, kw_only=True)
class Subgroups:
    """Results by line, shift, camera, person, language and lighting; the value "" is one that is not known."""

    counts: Mapping[str, Mapping[str, Counts]]  # by dimension and value
    waits: Mapping[str, Mapping[str, Sequence[float]]]  # seconds from question to decision, of the newest decisions
    newest: int | None  # how many of the newest inspections they are of; None: all of the period


def subgroups(conn: Connection, calendar: Calendar, part: str, first: date, last: date) -> Subgroups:
    """All parts together are counted by day. One part is read from the records, its NEWEST inspections of the period at most."""
    begin, end = calendar.numbers(first)[0], calendar.numbers(last)[1]
    if part == ANY_PART:
        query = _sums(daily_counts.c.value, daily_counts.c.dimension)
        within = _within(daily_counts, (part,), first, last), daily_counts.c.dimension.in_(DIMENSIONS)
        found: dict[str, dict[str, Counts]] = {dimension: {} for dimension in DIMENSIONS}
        for row in conn.execute(query.where(*within).group_by(daily_counts.c.dimension, daily_counts.c.value)):
            found[row.dimension][row.key] = _counts(row)
        newest_decided = _rows(conn, TIMED, register.c.number >= begin, register.c.number < end, register.c.decided_by.is_not(None))
        waits = _waits(newest_decided, [_values(calendar, row) for row in newest_decided])
        return Subgroups(counts=found, waits=waits, newest=None)
    rows = _rows(conn, NEWEST + 1, register.c.number >= begin, register.c.number < end, register.c.part == part)
    newest = rows[:NEWEST]
    counted = np.array([_counted(row, _truth(row)) for row in newest]).reshape(-1, len(COUNTED))
    each = [_values(calendar, row) for row in newest]
    found = {}
    for column, dimension in enumerate(DIMENSIONS):
        members: dict[str, list[int]] = {}
        for index, values in enumerate(each):
            members.setdefault(values[column], []).append(index)
        found[dimension] = {value: _summed(counted[indexes]) for value, indexes in members.items()}
    return Subgroups(counts=found, waits=_waits(newest, each), newest=NEWEST if len(rows) > NEWEST else None)


def by_part(conn: Connection, first: date, last: date, most: int) -> dict[str, Counts]:
    """The parts that were asked about most, most first."""
    numbers = sa.select(parts_table.c.number)
    query = (
        _sums(daily_counts.c.part)
        .where(
            daily_counts.c.part.in_(numbers),
            daily_counts.c.dimension == "all",
            daily_counts.c.day.between(first.isoformat(), last.isoformat()),
        )
        .group_by(daily_counts.c.part)
        .order_by(sa.func.sum(daily_counts.c.inspections).desc(), daily_counts.c.part)
        .limit(most)
    )
    return {row.key: _counts(row) for row in conn.execute(query)}


def waits_by_day(conn: Connection, part: str, first: date, last: date) -> dict[date, dict[int, int]]:
    """How many decisions waited how long, in steps (`wait_bin`)."""
    columns = daily_waits.c.day, daily_waits.c.bin, daily_waits.c.decisions
    found: dict[date, dict[int, int]] = {}
    for day, bin, n in conn.execute(sa.select(*columns).where(_within(daily_waits, (part,), first, last))):
        found.setdefault(date.fromisoformat(day), {})[bin] = n
    return found


def reliability(conn: Connection, parts: Sequence[str], first: date, last: date) -> dict[str, dict[int, Reliability]]:
    """Of each of these parts, by hundredth of the stated confidence."""
    table = daily_confidences
    query = (
        sa.select(
            table.c.part,
            table.c.bin,
            sa.func.sum(table.c.judged).label("judged"),
            sa.func.sum(table.c.right).label("right"),
            sa.func.sum(table.c.confidence).label("confidence"),
        )
        .where(_within(table, parts, first, last))
        .group_by(table.c.part, table.c.bin)
    )
    found: dict[str, dict[int, Reliability]] = {part: {} for part in parts}
    for row in conn.execute(query):
        found[row.part][row.bin] = Reliability(judged=int(row.judged), right=int(row.right), confidence=float(row.confidence))
    return found


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One of the inspections that a number counts."""

    id: str
    received_at: str
    asked_by: str
    part: str | None
    verdict: str | None
    decision: str | None
    was_really_bad: bool | None
    waited_s: float | None


def listed(
    conn: Connection,
    calendar: Calendar,
    part: str,
    first: date,
    last: date,
    what: str,
    *,
    group: tuple[str, str] | None,
    most: int,
    without: Collection[str] = (),
) -> tuple[tuple[Listed, ...], bool]:
    """The newest inspections that one number is made of, and whether there are more, or more that were not looked at.

    what: one of WHATS. group: a dimension and its value. without: ids that are not to be found.
    """
    where = [register.c.number >= calendar.numbers(first)[0], register.c.number < calendar.numbers(last)[1]]
    if part != ANY_PART:
        where.append(register.c.part == part)
    if what in _NARROWED:
        where.append(_NARROWED[what])
    rows = _rows(conn, LOOKED_THROUGH, *where)
    column = DIMENSIONS.index(group[0]) if group is not None else 0
    found: list[Listed] = []
    for row in rows:
        bad = _truth(row)
        counts = dict(zip(COUNTED, _counted(row, bad), strict=True))
        counts |= {"overrides": counts["rejected"] + counts["corrected"]}
        counts |= {"decided": counts["approved"] + counts["overrides"]}
        if not counts[what] or row.inspection_id in without or (group is not None and _values(calendar, row)[column] != group[1]):
            continue
        if len(found) == most:
            return tuple(found), True
        found.append(
            Listed(
                id=row.inspection_id,
                received_at=row.received_at,
                asked_by=row.asked_by,
                part=row.part,
                verdict=row.verdict,
                decision=row.decision if counts["proposed"] else None,
                was_really_bad=bad,
                waited_s=_seconds(row.number, row.decided_at) if counts["decided"] else None,
            )
        )
    return tuple(found), len(rows) == LOOKED_THROUGH


WHATS = ("inspections", "decided", "overrides", "escapes", "overkill", "abstained", "known_bad", "known_good")
_NARROWED = {
    "decided": register.c.decided_by.is_not(None),
    "overrides": register.c.disagreed == 1,
    "escapes": register.c.verdict == Verdict.OK.value,
    "overkill": register.c.verdict == Verdict.NOT_OK.value,
    "abstained": register.c.abstained == 1,
}


def wait_quantile(waits: Mapping[int, int], share: float) -> float | None:
    """Seconds within which that share of the decisions came, read off their steps; None without any."""
    total = sum(waits.values())
    left = share * total
    for bin in sorted(waits):
        if left <= waits[bin] and total:
            return float(WAIT_STEP ** (bin + left / waits[bin]))
        left -= waits[bin]
    return None


def added(counts: Iterable[Counts]) -> Counts:
    return sum(counts, start=Counts())


def _within(table: sa.Table, parts: Sequence[str], first: date, last: date) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.part.in_(parts), table.c.day.between(first.isoformat(), last.isoformat()))


def _sums(key: sa.Column[Any], *more: sa.Column[Any]) -> sa.Select[Any]:
    return sa.select(key.label("key"), *more, *(sa.func.sum(daily_counts.c[name]).label(name) for name in COUNTED))


def _counts(row: Row[*tuple[Any, ...]]) -> Counts:
    found: dict[str, Any] = {name: (float if name == "cost" else int)(getattr(row, name)) for name in COUNTED}
    return Counts(**found)


def _summed(table: np.ndarray[Any, np.dtype[np.float64]]) -> Counts:
    found: dict[str, Any] = {
        name: (float if name == "cost" else int)(value) for name, value in zip(COUNTED, table.sum(axis=0), strict=True)
    }
    return Counts(**found)
