"""Corrections: what an approver says in place of an answer and its proposal, frozen with a digest of its own.

The decision that it comes with names that digest and the same person, and so does the action; the database refuses anything else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kenpin.storage import canonical, clock
from kenpin.storage.database import insert_if_absent
from kenpin.storage.errors import CannotBeCorrectedError, ProposalAlteredError
from kenpin.storage.proposals import Proposal
from kenpin.storage.tables import corrections, decisions
from kenpin.storage.vocabulary import Correction, ProposalKind, Proposed, Verdict, from_json, to_json


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """A correction on record."""

    proposal_id: str
    digest: str  # sha256 of the content: what was corrected, by whom, and to what
    correction: Correction
    corrected_by: str


def record(conn: Connection, proposal: Proposal, correction: Correction, person_id: str) -> Corrected:
    """Put a correction on record; without the decision that follows in the same transaction it has no effect.

    Raises CannotBeCorrectedError where a correction is not for one person to make, or is no judgement.
    """
    if proposal.kind is not ProposalKind.DISPOSITION:
        raise CannotBeCorrectedError(f"Proposal {proposal.id} is about references; reject it, and post the photos again as what they are.")
    if proposal.proposed.approvals_needed > 1:
        raise CannotBeCorrectedError(f"Proposal {proposal.id} needs two people; a correction is one person's. Reject it, and ask again.")
    if correction.really not in (Verdict.OK, Verdict.NOT_OK):
        raise CannotBeCorrectedError(f"A correction says OK or not OK, not {correction.really}.")
    named = canonical.storable(correction.defect_class) if correction.defect_class else None
    correction = replace(correction, note=canonical.storable(correction.note), defect_class=named)
    content = canonical.dumps(
        {**to_json(correction), "proposal_id": proposal.id, "corrects": proposal.digest, "part": proposal.part, "corrected_by": person_id}
    )
    written = json.loads(content)
    digest = canonical.sha256(content)
    insert_if_absent(  # tried before and refused then, and word for word the same
        conn,
        corrections,
        proposal_id=proposal.id,
        digest=digest,
        part=written["part"],
        proposal_digest=proposal.digest,
        disposition=written["disposition"],
        really=written["really"],
        defect_class=written["defect_class"],
        content=content,
        corrected_by=person_id,
        at=clock.now(),
    )
    return Corrected(proposal_id=proposal.id, digest=digest, correction=correction, corrected_by=person_id)


def of_proposal(conn: Connection, proposal_id: str) -> Corrected | None:
    """The correction that the proposal's decision names; None when it was not corrected. Raises ProposalAlteredError."""
    query = (
        sa.select(corrections)
        .join(
            decisions, sa.and_(decisions.c.proposal_id == corrections.c.proposal_id, decisions.c.corrected_digest == corrections.c.digest)
        )
        .where(corrections.c.proposal_id == proposal_id)
    )
    return _corrected(conn.execute(query).first())


def applied(proposed: Proposed, correction: Correction) -> Proposed:
    """What is done in place of what was proposed."""
    return replace(proposed, disposition=correction.disposition, reason=correction.note)


def _corrected(row: Row[Any] | None) -> Corrected | None:
    if row is None:
        return None
    if canonical.sha256(row.content) != row.digest:
        raise ProposalAlteredError(f"The correction of proposal {row.proposal_id} no longer has the content it was made with.")
    said = json.loads(row.content)
    correction = from_json(Correction, {name: said[name] for name in ("really", "defect_class", "disposition", "note")})
    return Corrected(proposal_id=row.proposal_id, digest=row.digest, correction=correction, corrected_by=row.corrected_by)
