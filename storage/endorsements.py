"""Endorsements: the first of two approvals, where a proposal needs two people. The database refuses one without a live grant.

It approves exactly the proposal's content, like a decision, and decides nothing: the action follows the second person's decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kenpin.storage import clock
from kenpin.storage.people import Grant
from kenpin.storage.proposals import Proposal
from kenpin.storage.tables import endorsements


@dataclass(frozen=True, kw_only=True)
class Endorsement:
    """An approver's word on exactly one proposal, before the other one's."""

    proposal_id: str
    part: str
    digest: str  # of the proposal's content
    endorsed_by: str
    grant_id: str
    scope: str
    via: str
    source_event: str | None
    at: str


def record(conn: Connection, proposal: Proposal, grant: Grant, via: str, source_event: str | None, at: str | None = None) -> Endorsement:
    """Raises sqlalchemy.exc.IntegrityError when there is one already, or the database refuses it otherwise."""
    endorsement = Endorsement(
        proposal_id=proposal.id,
        part=proposal.part,
        digest=proposal.digest,
        endorsed_by=grant.person_id,
        grant_id=grant.id,
        scope=grant.scope,
        via=via,
        source_event=source_event,
        at=at or clock.now(),
    )
    conn.execute(endorsements.insert().values(**vars(endorsement)))
    return endorsement


def of_proposal(conn: Connection, proposal_id: str) -> Endorsement | None:
    return _endorsement(conn.execute(sa.select(*_COLUMNS).where(endorsements.c.proposal_id == proposal_id)).first())


_COLUMNS = tuple(column for column in endorsements.c if column.name != "approvals_needed")  # always two


def _endorsement(row: Row[*tuple[Any, ...]] | None) -> Endorsement | None:
    return Endorsement(**row._mapping) if row else None
