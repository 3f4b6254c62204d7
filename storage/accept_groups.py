"""Groups of accepts: what is clearly good of a part that is in scale waits in one message of its channel for one approval.

A group is open while proposals join it, then closed with its content frozen, then posted. Its approval says that somebody approved exactly
that; it records nothing else. Each member still takes its own decision and action, which `inspection.decide` makes. Members can be taken
out until then; those are decided singly.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from kenpin.storage import canonical, clock, modes, people, proposals
from kenpin.storage.database import insert_if_absent
from kenpin.storage.decisions import Via
from kenpin.storage.errors import GroupError, NotAnApproverError, ProposalAlteredError
from kenpin.storage.proposals import Proposal
from kenpin.storage.tables import (
    accept_group_approvals,
    accept_group_members,
    accept_group_removals,
    accept_groups,
    decisions,
    expirations,
    inspections,
)
from kenpin.storage.tables import proposals as proposals_table
from kenpin.storage.vocabulary import Language, Mode

Closing = Literal["full", "due", "mode"]  # enough photos; enough minutes; the part left scale
Removal = Literal["person", "second_look", "mode"]  # somebody took it out; a second look differs; the part left scale


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group of accepts."""

    id: str
    channel: str
    part: str
    language: Language
    opened_at: str
    closed_at: str | None  # None: proposals still join it
    closed_by: str | None
    content: str | None  # what was frozen when it was closed: channel, part, and each member with its digest
    digest: str | None  # sha256 of content
    posted_ts: str | None
    posted_at: str | None


@dataclass(frozen=True, kw_only=True)
class Member:
    """An accept in a group, in the order of joining."""

    proposal_id: str
    digest: str  # the proposal's, when it joined
    inspection_id: str
    asked_by: str
    confidence: float | None
    posted_ts: str | None  # of its answer, in the group's channel
    removed_by: str | None
    removed: Removal | None  # why it was taken out; None: it is in
    decided: str | None  # the verdict of its own decision, if there is one
    expired: bool


@dataclass(frozen=True, kw_only=True)
class Approval:
    """Somebody's approval of a group as it was posted."""

    group_id: str
    digest: str
    approved_by: str
    via: Via
    source_event: str | None
    at: str


def join(conn: Connection, channel: str, proposal: Proposal, language: Language) -> tuple[Group, bool]:
    """Put an accept into the open group of its channel and part, opening one where there is none. Returns the group, and whether it is new.

    The database refuses a proposal that is no accept, is decided, or needs two people, and a part that is not in scale (IntegrityError).
    """
    already = conn.execute(
        sa.select(accept_group_members.c.group_id).where(accept_group_members.c.proposal_id == proposal.id)
    ).scalar_one_or_none()
    if already is not None:
        return _known(conn, already), False
    opened = False
    while (group := _open(conn, channel, proposal.part)) is None:  # again, when on PostgreSQL the one found was closed just then
        id = f"G-{secrets.token_hex(4).upper()}"
        opened = insert_if_absent(
            conn, accept_groups, id=id, channel=channel, part=proposal.part, language=language.value, opened_at=clock.now()
        )
    conn.execute(
        accept_group_members.insert().values(
            proposal_id=proposal.id, group_id=group.id, part=proposal.part, digest=proposal.digest, joined_at=clock.now()
        )
    )
    return group, opened


def photos_in(conn: Connection, group_id: str) -> int:
    """How many photos the members that are still in have together."""
    query = sa.select(proposals_table.c.content).select_from(
        accept_group_members.join(proposals_table, proposals_table.c.id == accept_group_members.c.proposal_id).outerjoin(
            accept_group_removals, accept_group_removals.c.proposal_id == accept_group_members.c.proposal_id
        )
    )
    query = query.where(accept_group_members.c.group_id == group_id, accept_group_removals.c.proposal_id.is_(None))
    return sum(len(json.loads(content)["photos"]) for content in conn.scalars(query))


def close(conn: Connection, group_id: str, by: Closing) -> Group | None:
    """Freeze a group; nothing joins it any more. None when something else closed it: that posts it. The same, when it is done again."""
    taken = accept_groups.update().where(accept_groups.c.id == group_id, accept_groups.c.closed_at.is_(None))
    group = get(conn, group_id)
    if group is None:
        return None
    if group.closed_at is None:
        conn.execute(sa.select(accept_groups.c.id).where(accept_groups.c.id == group_id).with_for_update())  # nobody joins meanwhile
        waiting = [{"proposal": m.proposal_id, "digest": m.digest} for m in members(conn, group_id) if is_waiting(m)]
        content = canonical.dumps({"group": group.id, "channel": group.channel, "part": group.part, "members": waiting})
        conn.execute(taken.values(closed_at=clock.now(), closed_by=by, content=content, digest=canonical.sha256(content)))
        group = _known(conn, group_id)
    return group if group.closed_by == by else None


def mark_posted(conn: Connection, group_id: str, ts: str) -> bool:
    """The group stands in its channel at ts. False when it was marked before."""
    posted = accept_groups.update().where(
        accept_groups.c.id == group_id, accept_groups.c.posted_at.is_(None), accept_groups.c.closed_at.is_not(None)
    )
    return conn.execute(posted.values(posted_ts=ts, posted_at=clock.now())).rowcount == 1


def get(conn: Connection, group_id: str) -> Group | None:
    return _group(conn.execute(sa.select(accept_groups).where(accept_groups.c.id == group_id)).first())


def for_message(conn: Connection, channel: str, ts: str) -> Group | None:
    """The group that the message at (channel, ts) asks an approval for."""
    return _group(conn.execute(sa.select(accept_groups).where(accept_groups.c.channel == channel, accept_groups.c.posted_ts == ts)).first())


def group_of(conn: Connection, proposal_id: str) -> Group | None:
    query = sa.select(accept_groups).join(accept_group_members, accept_group_members.c.group_id == accept_groups.c.id)
    return _group(conn.execute(query.where(accept_group_members.c.proposal_id == proposal_id)).first())


def group_of_inspection(conn: Connection, inspection_id: str) -> Group | None:
    proposal_id = conn.execute(sa.select(proposals_table.c.id).where(proposals_table.c.inspection_id == inspection_id)).scalar_one_or_none()
    return group_of(conn, proposal_id) if proposal_id is not None else None


def is_being_posted(conn: Connection, channel: str) -> bool:
    """Whether a group of this channel is closed with something in it, and not yet noted as posted."""
    query = sa.select(accept_groups.c.content).where(
        accept_groups.c.channel == channel, accept_groups.c.closed_at.is_not(None), accept_groups.c.posted_at.is_(None)
    )
    return any(json.loads(content)["members"] for content in conn.scalars(query.order_by(accept_groups.c.closed_at.desc()).limit(5)))


def unapproved(conn: Connection, part: str) -> tuple[Group, ...]:
    """The groups of a part that wait, open or posted; oldest first."""
    query = (
        sa.select(accept_groups)
        .outerjoin(accept_group_approvals, accept_group_approvals.c.group_id == accept_groups.c.id)
        .where(accept_groups.c.part == part, accept_group_approvals.c.group_id.is_(None))
        .order_by(accept_groups.c.opened_at, accept_groups.c.id)
    )
    return tuple(g for row in conn.execute(query) if (g := _group(row)) and any(is_waiting(m) for m in members(conn, g.id)))


def members(conn: Connection, group_id: str) -> tuple[Member, ...]:
    """Everything that ever joined, in the order of joining."""
    query = (
        sa.select(
            accept_group_members.c.proposal_id,
            accept_group_members.c.digest,
            inspections.c.id.label("inspection_id"),
            inspections.c.asked_by,
            inspections.c.confidence,
            inspections.c.posted_ts,
            accept_group_removals.c.removed_by,
            accept_group_removals.c.why.label("removed"),
            decisions.c.verdict.label("decided"),
            expirations.c.at.label("expired_at"),
        )
        .select_from(
            accept_group_members.join(proposals_table, proposals_table.c.id == accept_group_members.c.proposal_id)
            .join(inspections, inspections.c.id == proposals_table.c.inspection_id)
            .outerjoin(accept_group_removals, accept_group_removals.c.proposal_id == accept_group_members.c.proposal_id)
            .outerjoin(decisions, decisions.c.proposal_id == accept_group_members.c.proposal_id)
            .outerjoin(expirations, expirations.c.proposal_id == accept_group_members.c.proposal_id)
        )
        .where(accept_group_members.c.group_id == group_id)
        .order_by(accept_group_members.c.joined_at, accept_group_members.c.proposal_id)
    )
    return tuple(
        Member(**{k: v for k, v in row._mapping.items() if k != "expired_at"}, expired=row.expired_at is not None)
        for row in conn.execute(query)
    )


def is_waiting(member: Member) -> bool:
    """Whether an approval of the group would be about this member."""
    return member.removed is None and member.decided is None and not member.expired


def listed(group: Group) -> tuple[str, ...]:
    """The proposals that a closed group was posted with, in order."""
    return tuple(entry["proposal"] for entry in json.loads(group.content)["members"]) if group.content else ()


def approve(conn: Connection, group: Group, person_id: str, via: Via, source_event: str | None = None) -> Approval:
    """Put on record that somebody approves the group as it was posted. The very same approval again is returned as it stands.

    Raises NotAnApproverError, and GroupError when it is not posted or is approved already, when its part is no longer in scale, when
    nothing in it waits, and when a member is no longer what it was when the group was posted.
    """
    first = approval_of(conn, group.id)
    if first is not None and source_event is not None and first.source_event == source_event:
        return first
    grant = people.live_grant(conn, person_id, group.part)
    if grant is None:
        raise NotAnApproverError(person_id, group.part, [person.id for person in people.approvers_of(conn, group.part)])
    if first is not None:
        raise GroupError("approved", f"{group.id} was approved by {first.approved_by} at {first.at}.", by=first.approved_by, at=first.at)
    if group.posted_at is None or group.content is None or group.digest is None:
        raise GroupError("not_posted", f"{group.id} is not posted yet.")
    if modes.of(conn, group.part) is not Mode.SCALE:
        raise GroupError("not_in_scale", f"{group.part} is no longer in scale, so its proposals are decided one by one.")
    if not any(is_waiting(member) for member in members(conn, group.id)):
        raise GroupError("empty", f"Nothing in {group.id} waits for a decision any more.")
    _check_unaltered(conn, group)
    values = {"group_id": group.id, "digest": group.digest, "approved_by": person_id, "via": via, "source_event": source_event}
    try:
        with conn.begin_nested():
            conn.execute(
                accept_group_approvals.insert().values(**values, part=group.part, grant_id=grant.id, scope=grant.scope, at=clock.now())
            )
    except IntegrityError:
        other = approval_of(conn, group.id)  # another person at the same moment, on PostgreSQL
        if other is not None:
            raise GroupError("approved", f"{group.id} was approved by {other.approved_by}.", by=other.approved_by, at=other.at) from None
        raise
    stands = approval_of(conn, group.id)
    assert stands is not None
    return stands


def approval_of(conn: Connection, group_id: str) -> Approval | None:
    columns = (accept_group_approvals.c[name] for name in ("group_id", "digest", "approved_by", "via", "source_event", "at"))
    row = conn.execute(sa.select(*columns).where(accept_group_approvals.c.group_id == group_id)).first()
    return Approval(**row._mapping) if row else None


def take_out(conn: Connection, proposal_id: str, why: Removal, removed_by: str | None = None, source_event: str | None = None) -> bool:
    """Have a member decided singly. False when it is out already, or in no group. Raises GroupError when its group is approved."""
    group = group_of(conn, proposal_id)
    if group is None:
        return False
    first = approval_of(conn, group.id)
    if first is not None:
        raise GroupError("approved", f"{group.id} was approved by {first.approved_by} at {first.at}.", by=first.approved_by, at=first.at)
    out = sa.select(accept_group_removals.c.why).where(accept_group_removals.c.proposal_id == proposal_id)
    if conn.execute(out).first() is not None:
        return False
    return insert_if_absent(
        conn,
        accept_group_removals,
        proposal_id=proposal_id,
        group_id=group.id,
        removed_by=removed_by,
        why=why,
        source_event=source_event,
        at=clock.now(),
    )


def digests(group: Group) -> dict[str, str]:
    """The digest that each member had when the group was closed, by proposal."""
    return {entry["proposal"]: entry["digest"] for entry in json.loads(group.content)["members"]} if group.content else {}


def _check_unaltered(conn: Connection, group: Group) -> None:
    """Raises GroupError unless every member that waits is word for word what the group was posted with."""
    altered = GroupError("altered", f"{group.id} is no longer what it was when it was posted; run `kenpin audit verify`.")
    if group.content is None or canonical.sha256(group.content) != group.digest:
        raise altered
    as_posted = digests(group)
    for member in members(conn, group.id):
        if not is_waiting(member):
            continue
        try:
            proposal = proposals.get(conn, member.proposal_id)
        except ProposalAlteredError:
            raise altered from None
        if proposal is None or proposal.digest != as_posted.get(member.proposal_id):
            raise altered


def _open(conn: Connection, channel: str, part: str) -> Group | None:
    """Locked, so that nobody closes it before the caller's transaction ends."""
    query = sa.select(accept_groups).where(
        accept_groups.c.channel == channel, accept_groups.c.part == part, accept_groups.c.closed_at.is_(None)
    )
    return _group(conn.execute(query.with_for_update()).first())


def _known(conn: Connection, group_id: str) -> Group:
    group = get(conn, group_id)
    assert group is not None
    return group


def _group(row: Row[Any] | None) -> Group | None:
    return Group(**{**row._mapping, "language": Language(row.language)}) if row else None
