"""Actions: approved proposals on record. There is one row for each approving decision and none without."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kenpin.storage import clock, proposals
from kenpin.storage.decisions import Decision
from kenpin.storage.errors import NotApprovedError, UnknownRowError
from kenpin.storage.tables import actions
from kenpin.storage.tables import proposals as proposals_table
from kenpin.storage.vocabulary import DecisionVerdict, Proposed


@dataclass(frozen=True, kw_only=True)
class Action:
    """What was approved, as it was proposed."""

    proposal_id: str
    inspection_id: str
    proposed: Proposed
    at: str


def record(conn: Connection, decision: Decision) -> Action:
    """Put the action of an approving decision on record; the database refuses a second one (sqlalchemy.exc.IntegrityError).

    Raises NotApprovedError when the decision rejected the proposal.
    """
    if decision.verdict is not DecisionVerdict.APPROVED:
        raise NotApprovedError(f"Proposal {decision.proposal_id} was {decision.verdict}; only an approved one becomes an action.")
    conn.execute(
        actions.insert().values(proposal_id=decision.proposal_id, digest=decision.digest, verdict=decision.verdict.value, at=clock.now())
    )
    recorded = of_proposal(conn, decision.proposal_id)
    assert recorded is not None
    return recorded


def of_proposal(conn: Connection, proposal_id: str) -> Action | None:
    at = conn.execute(sa.select(actions.c.at).where(actions.c.proposal_id == proposal_id)).scalar_one_or_none()
    if at is None:
        return None
    proposal = proposals.get(conn, proposal_id)
    if proposal is None:
        raise UnknownRowError(f"The action of proposal {proposal_id} has lost its proposal; run `kenpin audit verify`.")
    return Action(proposal_id=proposal_id, inspection_id=proposal.inspection_id, proposed=proposal.proposed, at=at)


def of_inspection(conn: Connection, inspection_id: str) -> Action | None:
    query = sa.select(proposals_table.c.id).where(proposals_table.c.inspection_id == inspection_id)
    proposal_id = conn.execute(query).scalar_one_or_none()
    return of_proposal(conn, proposal_id) if proposal_id is not None else None
