"""Proposals: what an answer suggests, frozen with a digest, so that a decision is about exactly this content and no other.

A proposal waits until it is decided, or until its deadline. Pending, rejected and expired are three different things: `states` tells.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kenpin.storage import canonical, clock
from kenpin.storage.database import insert_if_absent
from kenpin.storage.errors import ProposalAlteredError
from kenpin.storage.tables import decisions, expirations, inspections, proposals
from kenpin.storage.vocabulary import ProposalKind, ProposalState, Proposed, from_json, to_json

_AT_ONCE = 1000  # ids in one statement; both databases bound how many values one may have


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A proposal on record."""

    id: str
    inspection_id: str
    proposed: Proposed
    digest: str  # sha256 of the content: the inspection's id and everything proposed, as canonical JSON
    created_at: str
    expires_at: str | None  # None: it waits for ever

    @property
    def part(self) -> str:
        return self.proposed.part

    @property
    def kind(self) -> ProposalKind:
        return self.proposed.kind


def content_of(inspection_id: str, proposed: Proposed) -> str:
    """The text a proposal's digest is taken of."""
    return canonical.dumps({**to_json(proposed), "inspection_id": inspection_id})


def propose(conn: Connection, inspection_id: str, proposed: Proposed, *, days: float = 0) -> Proposal:
    """Put the proposal of an inspection on record. The first one stands: when there is one already, that one is returned.

    days: how long it waits for a decision; 0 is for ever.
    """
    already = of_inspection(conn, inspection_id)
    if already is not None:
        return already
    content = content_of(inspection_id, proposed)
    written = json.loads(content)  # so that the columns say what the content says, character for character
    created_at = clock.now()
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
        created_at=created_at,
        approvals_needed=written["approvals_needed"],
        expires_at=clock.text(clock.parsed(created_at) + timedelta(days=days)) if days else None,
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


def states(conn: Connection, inspection_ids: Collection[str]) -> dict[str, ProposalState]:
    """What has become of the proposals of these inspections; an inspection without one is left out."""
    query = sa.select(proposals.c.inspection_id, decisions.c.verdict, expirations.c.at).select_from(
        proposals.outerjoin(decisions, decisions.c.proposal_id == proposals.c.id).outerjoin(
            expirations, expirations.c.proposal_id == proposals.c.id
        )
    )
    wanted = list(inspection_ids)
    found: dict[str, ProposalState] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = query.where(proposals.c.inspection_id.in_(wanted[start : start + _AT_ONCE]))
        found |= {row.inspection_id: _state(row.verdict, row.at) for row in conn.execute(some)}
    return found


def _state(verdict: str | None, expired_at: str | None) -> ProposalState:
    if verdict is not None:
        return ProposalState(verdict)
    return ProposalState.PENDING if expired_at is None else ProposalState.EXPIRED


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
        id=row.id,
        inspection_id=inspection_id,
        proposed=from_json(Proposed, content),
        digest=row.digest,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
