"""Proposals: what an answer suggests, frozen with a digest, so that a decision is about exactly this content and no other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kenpin.storage import canonical, clock
from kenpin.storage.database import insert_if_absent
from kenpin.storage.errors import ProposalAlteredError
from kenpin.storage.tables import inspections, proposals
from kenpin.storage.vocabulary import ProposalKind, Proposed, from_json, to_json


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A proposal on record."""

    id: str
    inspection_id: str
    proposed: Proposed
    digest: str  # sha256 of the content: the inspection's id and everything proposed, as canonical JSON
    created_at: str

    @property
    def part(self) -> str:
        return self.proposed.part

    @property
    def kind(self) -> ProposalKind:
        return self.proposed.kind


def content_of(inspection_id: str, proposed: Proposed) -> str:
    """The text a proposal's digest is taken of."""
    return canonical.dumps({**to_json(proposed), "inspection_id": inspection_id})


def propose(conn: Connection, inspection_id: str, proposed: Proposed) -> Proposal:
    """Put the proposal of an inspection on record. The first one stands: when there is one already, that one is returned."""
    already = of_inspection(conn, inspection_id)
    if already is not None:
        return already
    content = content_of(inspection_id, proposed)
    written = json.loads(content)  # so that the columns say what the content says, character for character
    insert_if_absent(  # on PostgreSQL another step may have been first
        conn,
        proposals,
        id=f"P-{inspection_id.removeprefix('K-')}",
        inspection_id=inspection_id,
        kind=written["kind"],
        part=written["part"],
        disposition=written["disposition"],
        reference_state=written["reference_state"],
        content=content,
        digest=canonical.sha256(content),
        created_at=clock.now(),
    )
    stands = of_inspection(conn, inspection_id)
    assert stands is not None
    return stands


def get(conn: Connection, id: str) -> Proposal | None:
    """Raises ProposalAlteredError, as the two below do, when the content no longer has its digest."""
    return _proposal(conn.execute(sa.select(proposals).where(proposals.c.id == id)).first())


def of_inspection(conn: Connection, inspection_id: str) -> Proposal | None:
    return _proposal(conn.execute(sa.select(proposals).where(proposals.c.inspection_id == inspection_id)).first())


def for_message(conn: Connection, channel: str, ts: str) -> Proposal | None:
    """The proposal that the posted answer at (channel, ts) asks a decision for."""
    query = (
        sa.select(proposals)
        .join(inspections, inspections.c.id == proposals.c.inspection_id)
        .where(inspections.c.posted_channel == channel, inspections.c.posted_ts == ts)
    )
    return _proposal(conn.execute(query).first())


def _proposal(row: Row[Any] | None) -> Proposal | None:
    if row is None:
        return None
    if canonical.sha256(row.content) != row.digest:
        raise ProposalAlteredError(
            f"Proposal {row.id} no longer has the content it was made with. Nothing can be decided on it; run `kenpin audit verify`."
        )
    content = json.loads(row.content)
    inspection_id = content.pop("inspection_id")
    return Proposal(
        id=row.id, inspection_id=inspection_id, proposed=from_json(Proposed, content), digest=row.digest, created_at=row.created_at
    )
