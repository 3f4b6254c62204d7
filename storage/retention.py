"""How long photos and questions are kept, part by part: set by a person, carried out by the housekeeping (`kenpin.bot.erasing`).

What is set for "*" holds for every part without a row of its own, and for questions about no part. Nothing is set at first: everything is
kept for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kenpin.storage import audit, clock, parts
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import upsert
from kenpin.storage.errors import RetentionError, UnknownRowError
from kenpin.storage.tables import (
    decisions,
    erasures,
    expirations,
    inspection_photos,
    inspections,
    part_references,
    photos,
    proposals,
    retention,
)
from kenpin.storage.vocabulary import ANY_PART, InspectionState

MOST_DAYS = 36_500  # a hundred years; the table's checks say the same


@dataclass(frozen=True, kw_only=True)
class Kept:
    """For how many days after its question something is kept; None is for ever."""

    photo_days: int | None = None
    question_days: int | None = None


@dataclass(frozen=True, kw_only=True)
class Rule:
    part: str  # a part number, or "*"
    kept: Kept
    set_by: str
    set_at: str


def rules(conn: Connection) -> tuple[Rule, ...]:
    """What is set, by part; "*" first."""
    return tuple(
        Rule(part=row.part, kept=Kept(photo_days=row.photo_days, question_days=row.question_days), set_by=row.set_by, set_at=row.set_at)
        for row in conn.execute(sa.select(retention).order_by(sa.case((retention.c.part == ANY_PART, 0), else_=1), retention.c.part))
    )


def of(conn: Connection, part: str) -> Kept | None:
    """What is set for exactly this part, or for "*"; None where nothing is."""
    number = part if part == ANY_PART else parts.number_of(conn, part)
    return next((rule.kept for rule in rules(conn) if rule.part == number), None)


def set(conn: Connection, part: str, new: Kept | None, by: str) -> bool:
    """Set how long is kept, with an audit entry of what was set before: call it last in the transaction, as `audit.append` asks.

    new: None takes the part's own rule away, so that the one for "*" holds. False, and nothing written, when it was so already. Raises
    RetentionError for days out of range, UnknownRowError for a part that is not on record.
    """
    number = part if part == ANY_PART else parts.number_of(conn, part)
    if number is None:
        raise UnknownRowError(f"There is no part {part!r}. Add it with `kenpin parts add {part}`, or set it for every part with *.")
    for what, days in (("photos", new.photo_days), ("questions", new.question_days)) if new else ():
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise RetentionError(f"Keeping {what} for {days} days cannot be set; give 1 to {MOST_DAYS:,} days, or none for ever.")
    before = of(conn, number)
    if new == before:
        return False
    if new is None:
        conn.execute(retention.delete().where(retention.c.part == number))
    else:
        values = {"photo_days": new.photo_days, "question_days": new.question_days, "set_by": by, "set_at": clock.now()}
        conn.execute(upsert(conn, retention).values(part=number, **values).on_conflict_do_update(index_elements=["part"], set_=values))
    told = {"part": number, "from": vars(before) if before else None, "to": vars(new) if new else None, "by": by}
    audit.append(conn, AuditKind.RETENTION_SET, told)
    return True


def overdue_questions(conn: Connection, now: datetime, limit: int) -> tuple[str, ...]:
    """Ids of inspections whose question has been kept long enough, oldest first. One still waited for, or open for a decision, is not."""
    erased = sa.exists().where(erasures.c.kind == "question", erasures.c.subject == inspections.c.id)
    query = sa.select(inspections.c.id).where(_is_over(), ~erased, _kept_long_enough(conn, now, retention.c.question_days))
    return tuple(conn.scalars(query.order_by(inspections.c.received_at).limit(limit)))


def overdue_photos(conn: Connection, now: datetime, limit: int) -> tuple[str, ...]:
    """sha256 of photos (as uploaded) that have been kept long enough, for every question that they or their like came with.

    A reference is no longer a question's photo: it is kept while it is one.
    """
    like, others, link, is_reference = photos.alias(), inspections.alias(), inspection_photos.alias(), part_references
    long_enough = _kept_long_enough(conn, now, retention.c.photo_days)
    still_wanted = (
        sa.select(others.c.id)
        .select_from(like.join(link, link.c.photo_sha256 == like.c.sha256).join(others, others.c.id == link.c.inspection_id))
        .where(
            like.c.shown_sha256 == photos.c.shown_sha256, ~_kept_long_enough(conn, now, retention.c.photo_days, others) | ~_is_over(others)
        )
    )
    query = (
        sa.select(photos.c.sha256)
        .select_from(
            photos.join(inspection_photos, inspection_photos.c.photo_sha256 == photos.c.sha256).join(
                inspections, inspections.c.id == inspection_photos.c.inspection_id
            )
        )
        .where(
            long_enough,
            ~sa.exists().where(erasures.c.kind == "photo", erasures.c.subject == photos.c.sha256),
            ~sa.exists().where(is_reference.c.shown_sha256 == photos.c.shown_sha256),
            ~still_wanted.exists(),
        )
        .distinct()
        .limit(limit)
    )
    return tuple(sorted(conn.scalars(query)))


def _is_over(asked: sa.FromClause = inspections) -> sa.ColumnElement[bool]:
    """Nobody waits for it any more: it is answered or given up, and what it proposed is decided or has expired."""
    undecided = (
        sa.exists()
        .where(proposals.c.inspection_id == asked.c.id)
        .where(~sa.exists().where(decisions.c.proposal_id == proposals.c.id))
        .where(~sa.exists().where(expirations.c.proposal_id == proposals.c.id))
    )
    return sa.and_(asked.c.state.in_((InspectionState.POSTED.value, InspectionState.FAILED.value)), ~undecided)


def _kept_long_enough(conn: Connection, now: datetime, days: sa.Column[int], asked: sa.FromClause = inspections) -> sa.ColumnElement[bool]:
    """Received before the cut-off of its part, or of "*" where its part has no rule; never where that is for ever."""
    set_days = {rule.part: getattr(rule.kept, days.name) for rule in rules(conn)}
    general: int | None = set_days.pop(ANY_PART, None)
    cut_offs = {part: _before(now, own) for part, own in set_days.items() if own is not None}
    own_rule = [sa.and_(asked.c.part == part, asked.c.received_at < moment) for part, moment in cut_offs.items()]
    if general is not None:
        without = sa.or_(asked.c.part.is_(None), asked.c.part.not_in(list(set_days)))
        own_rule.append(sa.and_(without, asked.c.received_at < _before(now, general)))
    return sa.or_(sa.false(), *own_rule)


def _before(now: datetime, days: int) -> str:
    return clock.text(now - timedelta(days=days))
