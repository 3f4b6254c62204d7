"""Expirations: proposals on which nobody decided before their deadline. The database refuses one of a decided proposal, or before time."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from kenpin.storage import clock
from kenpin.storage.tables import decisions, expirations, inspections, proposals
from kenpin.storage.vocabulary import InspectionState


@dataclass(frozen=True, kw_only=True)
class Overdue:
    """A proposal whose deadline has passed, and on which nothing is on record."""

    proposal_id: str
    inspection_id: str
    asked_by: str
    expires_at: str
    was_posted: bool  # False: nobody has seen it


def overdue(conn: Connection, since: clock.Moment | None = None, limit: int = 1000) -> tuple[Overdue, ...]:
    """The longest overdue first. One whose answer is still on its way waits: whoever is told that it expired should have seen it.

    since: only deadlines from this moment on, so that a sweep need not go through years of decided proposals each time.
    """
    query = (
        sa.select(proposals.c.id, proposals.c.inspection_id, inspections.c.asked_by, proposals.c.expires_at, inspections.c.state)
        .join(inspections, inspections.c.id == proposals.c.inspection_id)
        .where(
            proposals.c.expires_at <= clock.now(),
            inspections.c.state.in_((InspectionState.POSTED.value, InspectionState.FAILED.value)),
            ~sa.exists().where(decisions.c.proposal_id == proposals.c.id),
            ~sa.exists().where(expirations.c.proposal_id == proposals.c.id),
        )
        .order_by(proposals.c.expires_at, proposals.c.id)
        .limit(limit)
    )
    if since is not None:
        query = query.where(proposals.c.expires_at >= clock.text(since))
    return tuple(
        Overdue(
            proposal_id=row.id,
            inspection_id=row.inspection_id,
            asked_by=row.asked_by,
            expires_at=row.expires_at,
            was_posted=row.state == InspectionState.POSTED.value,
        )
        for row in conn.execute(query)
    )


def record(conn: Connection, proposal_id: str, expires_at: str) -> bool:
    """False, and nothing done, when the proposal was decided meanwhile or its expiration is on record already."""
    try:
        with conn.begin_nested():  # the transaction stays usable
            conn.execute(expirations.insert().values(proposal_id=proposal_id, expires_at=expires_at, at=clock.now()))
    except IntegrityError:
        return False
    return True


def at(conn: Connection, proposal_id: str) -> str | None:
    """When the proposal was put on record as expired; None when it was not."""
    return conn.execute(sa.select(expirations.c.at).where(expirations.c.proposal_id == proposal_id)).scalar_one_or_none()
