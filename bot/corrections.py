"""What the Correct dialog asks an approver, and whom it is shown. What they say goes through `inspection.decide` like a thumb."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from kenpin.bot.inspection import DecisionRequest, known, proposal_of
from kenpin.storage import parts, people, proposals
from kenpin.storage.database import reading
from kenpin.storage.vocabulary import GOOD, Disposition, Language, ProposalKind, ProposalState


@dataclass(frozen=True, kw_only=True)
class Form:
    """What can be said of an answer instead."""

    language: Language
    part: str
    proposed: Disposition
    defect_classes: tuple[str, ...]  # known ones of the part


def form(engine: Engine, request: DecisionRequest) -> Form | None:
    """None when there is nothing for this person to correct; `decide` then tells them why.

    Members of an approving user group are shown the dialog before Slack is asked who they are, since Slack gives a dialog three seconds;
    whether they may is asked when they send it.
    """
    with reading(engine) as conn:
        proposal = proposal_of(conn, request)
        if proposal is None or proposal.kind is not ProposalKind.DISPOSITION or proposal.proposed.approvals_needed > 1:
            return None
        pending = proposals.states(conn, [proposal.inspection_id])[proposal.inspection_id] is ProposalState.PENDING
        may = people.live_grant(conn, request.person, proposal.part) is not None or bool(people.groups(conn, proposal.part))
        part = parts.find(conn, proposal.part)
    if not pending or not may:
        return None
    assert proposal.proposed.disposition is not None, "a disposition proposal has one; the table's check says so too"
    return Form(
        language=known(engine, proposal.inspection_id).language,
        part=proposal.part,
        proposed=proposal.proposed.disposition,
        defect_classes=tuple(sorted({reference.state for reference in part.references} - {GOOD})) if part else (),
    )
