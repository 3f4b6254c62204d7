"""Expirations: proposals on which nobody decided before their deadline. The database refuses one of a decided proposal, or before time."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from kenpin.storage import clock
from kenpin.storage.proposals import Proposal
from kenpin.storage.tables import expirations


def record(conn: Connection, proposal: Proposal) -> bool:
    """False, and nothing done, when the proposal was decided meanwhile or its expiration is on record already."""
    try:
        with conn.begin_nested():  # the transaction stays usable
            conn.execute(expirations.insert().values(proposal_id=proposal.id, expires_at=proposal.expires_at, at=clock.now()))
    except IntegrityError:
        return False
    return True


def at(conn: Connection, proposal_id: str) -> str | None:
    """When the proposal was put on record as expired; None when it was not."""
    return conn.execute(sa.select(expirations.c.at).where(expirations.c.proposal_id == proposal_id)).scalar_one_or_none()
