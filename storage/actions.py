"""Actions: what was decided to be done, on record: a proposal as it was approved, or as it was corrected. None without such a decision."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kenpin.storage import clock, corrections, proposals
from kenpin.storage.decisions import Decision
from kenpin.storage.errors import NotApprovedError, UnknownRowError
from kenpin.storage.tables import actions
from kenpin.storage.tables import proposals as proposals_table
from kenpin.storage.vocabulary import Correction, DecisionVerdict, Proposed


@dataclass(frozen=True, kw_only=True)
class Action:
    """What is done."""

    proposal_id: str
    inspection_id: str
    proposed: Proposed  # with the correction in it, if there is one
    at: str
    correction: Correction | None  # None: approved as proposed


def record(conn: Connection, decision: Decision) -> Action:
    """Put the action of an approving or correcting decision on record; the database refuses a second one (sqlalchemy.exc.IntegrityError).

    Raises NotApprovedError when the decision rejected the proposal.
    """
    if decision.verdict is DecisionVerdict.REJECTED:
        raise NotApprovedError(f"Proposal {decision.proposal_id} was rejected; only an approved one becomes an action.")
    conn.execute(
        actions.insert().values(
            proposal_id=decision.proposal_id,
            digest=decision.digest,
            verdict=decision.verdict.value,
            at=clock.now(),
            corrected_digest=decision.corrected_digest,
        )
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
    corrected = corrections.of_proposal(conn, proposal_id)
    return Action(
        proposal_id=proposal_id,
        inspection_id=proposal.inspection_id,
        proposed=corrections.applied(proposal.proposed, corrected.correction) if corrected else proposal.proposed,
        at=at,
        correction=corrected.correction if corrected else None,
    )


def of_inspection(conn: Connection, inspection_id: str) -> Action | None:
    query = sa.select(proposals_table.c.id).where(proposals_table.c.inspection_id == inspection_id)
    proposal_id = conn.execute(query).scalar_one_or_none()
    return of_proposal(conn, proposal_id) if proposal_id is not None else None
