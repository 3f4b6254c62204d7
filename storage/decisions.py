"""Decisions: what an approver said of a proposal. The first stands; the database refuses everybody without a live grant.

A proposal that needs two people is approved by `endorse`, then by another person's `record`. One past its deadline is not decided at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from kenpin.storage import clock, corrections, endorsements, expirations, people
from kenpin.storage.corrections import Corrected
from kenpin.storage.endorsements import Endorsement
from kenpin.storage.errors import (
    AlreadyDecidedError,
    CannotBeCorrectedError,
    EndorsedMeanwhileError,
    ExpiredError,
    NotAnApproverError,
    SecondPersonNeededError,
)
from kenpin.storage.people import Grant
from kenpin.storage.proposals import Proposal
from kenpin.storage.tables import actions, decisions, inspection_photos, inspections, proposals
from kenpin.storage.tables import corrections as corrections_table
from kenpin.storage.vocabulary import Correction, DecisionVerdict, Disposition, ProposalKind, Verdict

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
    approvals_needed: int = 1
    endorsed_by: str | None = None  # the other of two people; None where one is enough, and for a rejection
    corrected_digest: str | None = None  # of the correction, which the same person wrote; None for any other verdict


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
    correction: Correction | None = None,
) -> Decision:
    """Put a decision on record. correction: with the verdict CORRECTED, what the person says instead.

    Raises AlreadyDecidedError, ExpiredError, NotAnApproverError, SecondPersonNeededError or CannotBeCorrectedError, the first of them
    that is true; nothing is written when it raises.
    """
    moment = clock.text(at) if at is not None else clock.now()
    grant = _grant(conn, proposal, person_id, moment)
    corrected = _corrected(conn, proposal, correction, person_id) if verdict is DecisionVerdict.CORRECTED else None
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
        at=moment,
        approvals_needed=proposal.proposed.approvals_needed,
        endorsed_by=_other_person(conn, proposal, person_id) if verdict is DecisionVerdict.APPROVED else None,
        corrected_digest=corrected.digest if corrected else None,
    )
    try:
        with conn.begin_nested():  # the transaction stays usable, for the audit entry about the refusal
            conn.execute(decisions.insert().values({**vars(decision), "verdict": verdict.value}))
    except IntegrityError:
        # Two people at once on PostgreSQL: the other one's decision, the expiration or the revocation is visible only now.
        _grant(conn, proposal, person_id, moment)
        raise
    return decision


def endorse(
    conn: Connection, proposal: Proposal, person_id: str, via: Via, source_event: str | None = None, at: clock.Moment | None = None
) -> Endorsement:
    """Put the first of two approvals on record. Raises what `record` does, and EndorsedMeanwhileError when there is one already."""
    moment = clock.text(at) if at is not None else clock.now()
    grant = _grant(conn, proposal, person_id, moment)
    try:
        with conn.begin_nested():
            return endorsements.record(conn, proposal, grant, via, source_event, moment)
    except IntegrityError:
        _grant(conn, proposal, person_id, moment)
        if endorsements.of_proposal(conn, proposal.id) is not None:
            raise EndorsedMeanwhileError(f"Proposal {proposal.id} was approved by another person at the same moment; try again.") from None
        raise


def of_proposal(conn: Connection, proposal_id: str) -> Decision | None:
    return _decision(conn.execute(sa.select(decisions).where(decisions.c.proposal_id == proposal_id)).first())


def of_inspection(conn: Connection, inspection_id: str) -> Decision | None:
    query = sa.select(decisions).join(proposals, proposals.c.id == decisions.c.proposal_id)
    return _decision(conn.execute(query.where(proposals.c.inspection_id == inspection_id)).first())


def labels(conn: Connection, part: str) -> tuple[Label, ...]:
    """Every decided disposition of a part's inspections, oldest decision first.

    An approved rework, repair, scrap or return says that the part was bad, an approved accept or use-as-is of an OK answer that it was
    good. A correction says it outright. A hold and a rejection say neither, nor does letting through what the answer called not OK: that
    is a waiver, not a finding.
    """
    query = (
        sa.select(
            inspections.c.id,
            inspections.c.verdict,
            inspections.c.anomaly_score,
            actions.c.proposal_id,
            proposals.c.disposition,
            corrections_table.c.really,
        )
        .select_from(
            decisions.join(proposals, proposals.c.id == decisions.c.proposal_id)
            .join(inspections, inspections.c.id == proposals.c.inspection_id)
            .outerjoin(actions, actions.c.proposal_id == decisions.c.proposal_id)
            .outerjoin(
                corrections_table,
                sa.and_(
                    corrections_table.c.proposal_id == decisions.c.proposal_id, corrections_table.c.digest == decisions.c.corrected_digest
                ),
            )
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
            was_really_bad=was_really_bad(Verdict(row.verdict), Disposition(row.disposition), row.really) if row.proposal_id else None,
        )
        for row in found
    )


def decided_parts(conn: Connection, most: int) -> dict[str, int]:
    """The parts with the newest decisions, newest first, and how many decisions each has."""
    counted = sa.select(decisions.c.part, sa.func.count().label("decided")).group_by(decisions.c.part)
    newest_first = counted.order_by(sa.func.max(decisions.c.at).desc()).limit(most)
    return {row.part: row.decided for row in conn.execute(newest_first)}


def was_really_bad(answered: Verdict, done: Disposition, really: str | None) -> bool | None:
    """What a recorded action tells of its part, as `labels` says. really: of its correction, if there is one. None: it does not tell."""
    if really is not None:
        return Verdict(really) is Verdict.NOT_OK
    if done in _TAKEN_OUT:
        return True
    return False if done in _LET_THROUGH and answered is Verdict.OK else None


def _grant(conn: Connection, proposal: Proposal, person_id: str, moment: str) -> Grant:
    """The grant to decide by. Raises AlreadyDecidedError, ExpiredError, NotAnApproverError."""
    first = of_proposal(conn, proposal.id)
    if first is not None:
        raise AlreadyDecidedError(
            proposal_id=proposal.id,
            decided_by=first.decided_by,
            at=first.at,
            verdict=first.verdict.value,
            source_event=first.source_event,
        )
    if proposal.expires_at is not None and (moment >= proposal.expires_at or expirations.at(conn, proposal.id)):
        raise ExpiredError(proposal.id, proposal.expires_at)
    grant = people.live_grant(conn, person_id, proposal.part)
    if grant is None:
        raise NotAnApproverError(person_id, proposal.part, [person.id for person in people.approvers_of(conn, proposal.part)])
    return grant


def _other_person(conn: Connection, proposal: Proposal, person_id: str) -> str | None:
    """Who approved before, where two must. Raises SecondPersonNeededError when nobody else has."""
    if proposal.proposed.approvals_needed == 1:
        return None
    first = endorsements.of_proposal(conn, proposal.id)
    if first is None:
        raise SecondPersonNeededError(proposal.id)
    if first.endorsed_by == person_id:
        raise SecondPersonNeededError(proposal.id, endorsed_by=first.endorsed_by, at=first.at, source_event=first.source_event)
    return first.endorsed_by


def _corrected(conn: Connection, proposal: Proposal, correction: Correction | None, person_id: str) -> Corrected:
    if correction is None:
        raise CannotBeCorrectedError(f"A correction of proposal {proposal.id} must say what it is instead.")
    return corrections.record(conn, proposal, correction, person_id)


def _decision(row: Row[Any] | None) -> Decision | None:
    if row is None:
        return None
    return Decision(**{**row._mapping, "verdict": DecisionVerdict(row.verdict)})
