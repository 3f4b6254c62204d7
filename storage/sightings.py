"""Where else a photo was seen: inspections that were sent exactly the same file, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kenpin.storage.tables import actions, corrections, decisions, inspection_photos, inspections, proposals
from kenpin.storage.vocabulary import DecisionVerdict, Disposition, Verdict


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """Another inspection of the same photo."""

    inspection_id: str
    asked_by: str
    received_at: str
    part: str | None
    verdict: Verdict | None  # None while it is not answered
    decision: DecisionVerdict | None
    disposition: Disposition | None  # of the recorded action, if there is one


def of_photos_of(conn: Connection, inspection_id: str, limit: int) -> tuple[Sighting, ...]:
    """Other inspections with any of this one's photos, newest first."""
    mine = sa.select(inspection_photos.c.photo_sha256).where(
        inspection_photos.c.inspection_id == inspection_id, inspection_photos.c.photo_sha256.is_not(None)
    )
    same = sa.select(inspection_photos.c.inspection_id).where(
        inspection_photos.c.photo_sha256.in_(mine), inspection_photos.c.inspection_id != inspection_id
    )
    query = (
        sa.select(
            inspections.c.id,
            inspections.c.asked_by,
            inspections.c.received_at,
            inspections.c.part,
            inspections.c.verdict,
            decisions.c.verdict.label("decision"),
            sa.case((actions.c.proposal_id.is_not(None), sa.func.coalesce(corrections.c.disposition, proposals.c.disposition))).label(
                "done"
            ),
        )
        .select_from(
            inspections.outerjoin(proposals, proposals.c.inspection_id == inspections.c.id)
            .outerjoin(decisions, decisions.c.proposal_id == proposals.c.id)
            .outerjoin(actions, actions.c.proposal_id == proposals.c.id)
            .outerjoin(
                corrections,
                sa.and_(corrections.c.proposal_id == actions.c.proposal_id, corrections.c.digest == actions.c.corrected_digest),
            )
        )
        .where(inspections.c.id.in_(same))
        .order_by(inspections.c.received_at.desc(), inspections.c.id)
        .limit(limit)
    )
    return tuple(
        Sighting(
            inspection_id=row.id,
            asked_by=row.asked_by,
            received_at=row.received_at,
            part=row.part,
            verdict=Verdict(row.verdict) if row.verdict else None,
            decision=DecisionVerdict(row.decision) if row.decision else None,
            disposition=Disposition(row.done) if row.done else None,
        )
        for row in conn.execute(query)
    )
