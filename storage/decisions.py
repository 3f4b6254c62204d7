"""Decisions: what an approver said of a proposal. The first stands; the database refuses everybody without a live grant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from kenpin.storage import clock, people
from kenpin.storage.errors import AlreadyDecidedError, NotAnApproverError
from kenpin.storage.proposals import Proposal
from kenpin.storage.tables import actions, decisions, inspection_photos, inspections, proposals
from kenpin.storage.vocabulary import DecisionVerdict, Disposition, ProposalKind, Verdict

Via = Literal["reaction", "button", "console", "command_line", "message"]  # a message: an approver's own command decides itself


@dataclass(frozen=True, kw_only=True)
class Decision:
    """An approver's word on exactly one proposal."""

    proposal_id: str
    part: str
    digest: str  # of the proposal's content
    verdict: DecisionVerdict
    decided_by: str
    grant_id: str  # the approver's grant it was made under
    scope: str  # of that grant: the part, or "*"
    via: Via
    source_event: str | None  # the Slack event or request that carried it
    at: str


@dataclass(frozen=True, kw_only=True)
class Label:
    """What people made of one answer: the truth that confidences are calibrated on, as far as a decision tells it."""

    inspection_id: str
    photos: tuple[str, ...]  # sha256, in the order they were sent
    verdict: Verdict  # the answer's
    anomaly_score: float | None  # of the strangest photo
    was_really_bad: bool | None  # None: the decision does not tell


_LET_THROUGH = {Disposition.ACCEPT, Disposition.USE_AS_IS}
_TAKEN_OUT = {Disposition.REWORK, Disposition.REPAIR, Disposition.SCRAP, Disposition.RETURN_TO_SUPPLIER}


def record(
    conn: Connection,
    proposal: Proposal,
    verdict: DecisionVerdict,
    person_id: str,
    via: Via,
    source_event: str | None = None,
    at: clock.Moment | None = None,
) -> Decision:
    """Put a decision on record. Raises AlreadyDecidedError, then NotAnApproverError; nothing is written when it raises."""
    _refuse_a_second(conn, proposal.id)
    grant = people.live_grant(conn, person_id, proposal.part)
    if grant is None:
        raise _not_an_approver(conn, proposal, person_id)
    decision = Decision(
        proposal_id=proposal.id,
        part=proposal.part,
        digest=proposal.digest,
        verdict=verdict,
        decided_by=person_id,
        grant_id=grant.id,
        scope=grant.scope,
        via=via,
        source_event=source_event,
        at=clock.text(at) if at is not None else clock.now(),
    )
    try:
        with conn.begin_nested():  # the transaction stays usable, for the audit entry about the refusal
            conn.execute(decisions.insert().values({**vars(decision), "verdict": verdict.value}))
    except IntegrityError:
        # Two people at once on PostgreSQL: the other one's decision, or the revocation, is visible only now.
        _refuse_a_second(conn, proposal.id)
        if people.live_grant(conn, person_id, proposal.part) is None:
            raise _not_an_approver(conn, proposal, person_id) from None
        raise
    return decision


def of_proposal(conn: Connection, proposal_id: str) -> Decision | None:
    return _decision(conn.execute(sa.select(decisions).where(decisions.c.proposal_id == proposal_id)).first())


def of_inspection(conn: Connection, inspection_id: str) -> Decision | None:
    query = sa.select(decisions).join(proposals, proposals.c.id == decisions.c.proposal_id)
    return _decision(conn.execute(query.where(proposals.c.inspection_id == inspection_id)).first())


def labels(conn: Connection, part: str) -> tuple[Label, ...]:
    """Every decided disposition of a part's inspections, oldest decision first.

    An approved rework, repair, scrap or return says that the part was bad, an approved accept or use-as-is of an OK answer that it was
    good. A hold and a rejection say neither, nor does letting through what the answer called not OK: that is a waiver, not a finding.
    """
    query = (
        sa.select(inspections.c.id, inspections.c.verdict, inspections.c.anomaly_score, actions.c.proposal_id, proposals.c.disposition)
        .select_from(
            decisions.join(proposals, proposals.c.id == decisions.c.proposal_id)
            .join(inspections, inspections.c.id == proposals.c.inspection_id)
            .outerjoin(actions, actions.c.proposal_id == decisions.c.proposal_id)
        )
        .where(decisions.c.part == part, proposals.c.kind == ProposalKind.DISPOSITION.value, inspections.c.answered_at.is_not(None))
        .order_by(decisions.c.at, inspections.c.id)
    )
    found = conn.execute(query).all()
    photos: dict[str, list[str]] = {row.id: [] for row in found}
    sent = (
        sa.select(inspection_photos.c.inspection_id, inspection_photos.c.photo_sha256)
        .join(proposals, proposals.c.inspection_id == inspection_photos.c.inspection_id)
        .where(proposals.c.part == part, inspection_photos.c.photo_sha256.is_not(None))
        .order_by(inspection_photos.c.inspection_id, inspection_photos.c.position)
    )
    for row in conn.execute(sent):
        if row.inspection_id in photos:
            photos[row.inspection_id].append(row.photo_sha256)
    return tuple(
        Label(
            inspection_id=row.id,
            photos=tuple(photos[row.id]),
            verdict=Verdict(row.verdict),
            anomaly_score=row.anomaly_score,
            was_really_bad=_was_really_bad(Verdict(row.verdict), Disposition(row.disposition)) if row.proposal_id else None,
        )
        for row in found
    )


def _was_really_bad(answered: Verdict, done: Disposition) -> bool | None:
    if done in _TAKEN_OUT:
        return True
    return False if done in _LET_THROUGH and answered is Verdict.OK else None


def _refuse_a_second(conn: Connection, proposal_id: str) -> None:
    first = of_proposal(conn, proposal_id)
    if first is not None:
        raise AlreadyDecidedError(
            proposal_id=proposal_id,
            decided_by=first.decided_by,
            at=first.at,
            verdict=first.verdict.value,
            source_event=first.source_event,
        )


def _not_an_approver(conn: Connection, proposal: Proposal, person_id: str) -> NotAnApproverError:
    return NotAnApproverError(person_id, proposal.part, [person.id for person in people.approvers_of(conn, proposal.part)])


def _decision(row: Row[Any] | None) -> Decision | None:
    if row is None:
        return None
    return Decision(**{**row._mapping, "verdict": DecisionVerdict(row.verdict)})
