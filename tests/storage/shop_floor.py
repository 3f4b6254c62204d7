"""The people and proposals that the storage tests remember.

Aiko    approves SC-200
Chika   approves every part
Dai     approved SC-200 once; revoked
Emi     approves SC-200 as a member of the user group S-QUALITY
Ben     an operator; approves nothing

K-SCRAP, K-REWORK   inspections of SC-200, each with a proposal
K-OTHER             an inspection of SC-300, with a proposal
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from kenpin.storage import inspections, parts, people, proposals
from kenpin.storage.database import writing
from kenpin.storage.proposals import Proposal
from kenpin.storage.vocabulary import Disposition, Language, ProposalKind, Proposed, Source


@dataclass(frozen=True)
class ShopFloor:
    scrap: Proposal
    rework: Proposal
    other: Proposal
    grants: dict[str, str]  # person -> id of their (last) grant


def ask(conn: Connection, id: str, *, message_ts: str | None = None, received_at: str = "2026-11-23T05:00:00Z") -> None:
    """A question with one photo, as Slack brings it."""
    stored = inspections.receive(
        conn,
        id=id,
        source=Source.SLACK,
        event_id=f"Ev-{id}",
        channel="C-QUALITY",
        message_ts=message_ts or f"1700000000.{id}",
        thread_ts=None,
        asked_by="Ben",
        question="is this cell OK?",
        language=Language.EN,
        received_at=received_at,
        files=[{"id": f"F-{id}", "name": "cell.jpg"}],
        payload={"event_id": f"Ev-{id}"},
    )
    assert stored


def suggestion(part: str = "SC-200", disposition: Disposition = Disposition.SCRAP, approvals_needed: int = 1) -> Proposed:
    return Proposed(
        kind=ProposalKind.DISPOSITION,
        part=part,
        disposition=disposition,
        reference_state=None,
        photos=("a" * 64,),
        reason="左下にキズ",
        approvals_needed=approvals_needed,
    )


def built(database: Engine) -> ShopFloor:
    with writing(database) as conn:
        for person in ("Aiko", "Ben", "Chika", "Dai", "Emi"):
            people.remember(conn, person, person, f"{person}@example.com")
        for part in ("SC-200", "SC-300"):
            parts.add(conn, part, None, "Chika")
        people.approve(conn, "Aiko", "SC-200", granted_by="Chika")
        people.approve(conn, "Chika", "*", granted_by="the settings")
        people.approve(conn, "Dai", "SC-200", granted_by="Chika")
        people.revoke(conn, "Dai", "SC-200", revoked_by="Chika")
        people.approve_group(conn, "S-QUALITY", "SC-200", granted_by="Chika")
        people.set_group_members(conn, "S-QUALITY", ["Emi"])
        made = []
        for id, part, disposition in (
            ("K-SCRAP", "SC-200", Disposition.SCRAP),
            ("K-REWORK", "SC-200", Disposition.REWORK),
            ("K-OTHER", "SC-300", Disposition.SCRAP),
        ):
            ask(conn, id)
            made.append(proposals.propose(conn, id, suggestion(part, disposition)))
        grants = {grant.person_id: grant.id for grant in people.grants(conn, revoked=True)}
    return ShopFloor(*made, grants)


class Prompt:
    """A SQL prompt of somebody who goes around Kenpin's code, in one transaction; a refused statement leaves it usable."""

    def __init__(self, conn: Connection, floor: ShopFloor) -> None:
        self.conn, self.floor = conn, floor
        self.is_sqlite = conn.dialect.name == "sqlite"

    def run(self, statement: str, **values: object) -> None:
        with self.conn.begin_nested():
            self.conn.execute(sa.text(statement), values)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in self.conn.execute(sa.text(query))]

    def count(self, table: str) -> int:
        return len(self.rows(f"SELECT * FROM {table}"))
