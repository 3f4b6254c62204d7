"""Groups of accepts in scale: many clear answers, one message, one approval. Each member's action still takes its own decision.

    post      a group that is full or due is closed and posted to its channel, once, with its photos on one sheet
    decide    a thumb or the button on that message: one approval on the log, then each member through `inspection.decide`
    take_out  somebody wants one of them decided by itself; anybody may, since that only adds a look
    settle    the message says what is so, and what was taken out has its buttons in its own thread

All are durable steps: each may run again after a crash and changes nothing the second time.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass

from sqlalchemy import Engine

from kenpin.bot import inspection
from kenpin.bot.inspection import DecisionRequest
from kenpin.bot.jobs import Jobs
from kenpin.bot.messenger import GroupRefusal, Messenger
from kenpin.storage import accept_groups, audit, decisions, inspections, people, proposals
from kenpin.storage.accept_groups import Group, Member
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.decisions import Via
from kenpin.storage.errors import GroupError, NotAnApproverError, ProposalAlteredError
from kenpin.storage.vocabulary import DecisionVerdict, Photo
from kenpin.tools import contact_sheet
from kenpin.tools.context import Site

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TakeOut:
    """A button pressed beside a member of a group. Who pressed it is Slack's or the session's word, never the button's."""

    inspection_id: str
    person: str
    channel: str
    message_ts: str  # of the group's message
    source_event: str
    via: Via = "button"


def post(site: Site, messenger: Messenger, group_id: str, by: accept_groups.Closing) -> None:
    """Close the group, unless something else did, and post it to its channel once."""
    with writing(site.engine) as conn:
        group = accept_groups.close(conn, group_id, by)
    if group is None or group.posted_at is not None or not accept_groups.listed(group):
        return
    members = _members(site.engine, group)
    ts = messenger.post_group(group, members, _sheet(site, members))
    with writing(site.engine) as conn:
        if accept_groups.mark_posted(conn, group.id, ts):
            told = {"group": group.id, "digest": group.digest, "channel": group.channel, "ts": ts, "by": by}
            audit.append(conn, AuditKind.GROUP_POSTED, {**told, "proposals": list(accept_groups.listed(group))})
    if not all(accept_groups.is_waiting(member) for member in _members(site.engine, group)):
        settle(site, messenger, group.id)  # somebody was quicker than the message


def group_at(engine: Engine, request: DecisionRequest) -> Group | None:
    """The group whose message a thumb or a button is on."""
    if request.inspection_id is not None:
        return None
    with reading(engine) as conn:
        return accept_groups.for_message(conn, request.channel, request.message_ts)


def decide(engine: Engine, jobs: Jobs, group: Group, request: DecisionRequest) -> GroupRefusal | None:
    """An approval of the whole group; a 👎 takes everything out, so that each is decided by itself. Returns why nothing was done."""
    if request.verdict is DecisionVerdict.REJECTED:
        return _take_all_out(engine, jobs, group, request)
    if request.verdict is DecisionVerdict.APPROVED:
        refusal = _approve(engine, jobs, group, request)
        if refusal is not None:
            return refusal
        for member in _members(engine, group):
            if member.removed is None:
                _decide_member(engine, jobs, group, member, request)
        with writing(engine) as conn:
            jobs.settle_group(conn, group.id, "approved")
    return None


def take_out(engine: Engine, jobs: Jobs, request: TakeOut) -> GroupRefusal | None:
    """Returns why nothing was done."""
    with reading(engine) as conn:
        group = accept_groups.for_message(conn, request.channel, request.message_ts)
        proposal = proposals.of_inspection(conn, request.inspection_id)
        of_this = proposal is not None and group is not None and proposal.id in accept_groups.listed(group)
    if group is None or proposal is None or not of_this:
        log.warning("somebody asked to take %s out of the message at %s %s", request.inspection_id, request.channel, request.message_ts)
        return None
    try:
        with writing(engine) as conn:
            if accept_groups.take_out(conn, proposal.id, "person", request.person, request.source_event):
                jobs.settle_group(conn, group.id, request.source_event)
                told = {"group": group.id, "why": "person", "event": request.source_event}
                audit.append(conn, AuditKind.TAKEN_OUT_OF_GROUP, told, request.inspection_id, request.person)
    except GroupError as error:
        return _refuse(engine, jobs, group, request, error)
    return None


def settle(site: Site, messenger: Messenger, group_id: str) -> None:
    """Bring what people see in line with the records; the same however often it runs."""
    with reading(site.engine) as conn:
        group = accept_groups.get(conn, group_id)
        approval = accept_groups.approval_of(conn, group_id)
        everybody = accept_groups.members(conn, group_id)
    assert group is not None, "a group is stored in the transaction that queued it"
    for member in everybody:
        if member.removed is not None and member.decided is None and not member.expired:
            offer_decision(site, messenger, member.inspection_id)
    if group.posted_ts is not None:
        messenger.update_group(group, _members(site.engine, group), approval)


def offer_decision(site: Site, messenger: Messenger, inspection_id: str) -> None:
    """Put the proposal and its buttons under an answer that was posted without them."""
    found = inspection.known(site.engine, inspection_id)
    with reading(site.engine) as conn:
        answer = inspections.answer_of(conn, inspection_id)
        is_decided = decisions.of_inspection(conn, inspection_id) is not None
    if answer is not None and found.posted_ts is not None and not is_decided:
        messenger.offer_decision(found, answer, inspection.approvers(site.engine, answer))


def tell_refusal(site: Site, messenger: Messenger, refusal: GroupRefusal) -> None:
    with reading(site.engine) as conn:
        group = accept_groups.get(conn, refusal.group_id)
        assert group is not None, "a refusal is about a group on record"
        may_approve = tuple(person.id for person in people.approvers_of(conn, group.part))
    messenger.whisper_group(group, refusal, may_approve)


def _approve(engine: Engine, jobs: Jobs, group: Group, request: DecisionRequest) -> GroupRefusal | None:
    """Put the approval on record; when it is refused, the attempt is on the log and the person is told."""
    try:
        with writing(engine) as conn:
            first = accept_groups.approval_of(conn, group.id)
            accept_groups.approve(conn, group, request.person, request.via, request.source_event)
            if first is None:
                told = {"group": group.id, "digest": group.digest, "via": request.via, "event": request.source_event}
                waiting = [m.proposal_id for m in accept_groups.members(conn, group.id) if accept_groups.is_waiting(m)]
                audit.append(conn, AuditKind.GROUP_APPROVED, {**told, "proposals": waiting}, person_id=request.person)
    except (NotAnApproverError, GroupError) as error:
        return _refuse(engine, jobs, group, request, error)
    return None


def _decide_member(engine: Engine, jobs: Jobs, group: Group, member: Member, request: DecisionRequest) -> None:
    """One member's own decision and action, by the one door. One that was decided singly stays as it was decided."""
    if member.decided is not None or member.expired:
        return
    one = DecisionRequest(
        inspection_id=member.inspection_id,
        verdict=DecisionVerdict.APPROVED,
        person=request.person,
        via=request.via,
        source_event=f"group:{group.id}:{member.inspection_id}",
        digest=accept_groups.digests(group).get(member.proposal_id, ""),
    )
    try:
        inspection.decide(engine, jobs, one)
    except ProposalAlteredError as error:  # since the approval, which looked at every one
        log.error("%s of %s was not decided: %s", member.inspection_id, group.id, error)
        told = {"why": "altered", "asked": one.verdict, "via": one.via, "group": group.id}
        with writing(engine) as conn:
            audit.append(conn, AuditKind.DECISION_REFUSED, told, member.inspection_id, request.person)


def _take_all_out(engine: Engine, jobs: Jobs, group: Group, request: DecisionRequest) -> GroupRefusal | None:
    try:
        with writing(engine) as conn:
            waiting = [member for member in accept_groups.members(conn, group.id) if accept_groups.is_waiting(member)]
            by = (request.person, request.source_event)
            taken = [member for member in waiting if accept_groups.take_out(conn, member.proposal_id, "person", *by)]
            jobs.settle_group(conn, group.id, request.source_event)
            for member in taken:
                told = {"group": group.id, "why": "person", "event": request.source_event}
                audit.append(conn, AuditKind.TAKEN_OUT_OF_GROUP, told, member.inspection_id, request.person)
    except GroupError as error:
        return _refuse(engine, jobs, group, request, error)
    return None


def _refuse(
    engine: Engine, jobs: Jobs, group: Group, request: DecisionRequest | TakeOut, error: NotAnApproverError | GroupError
) -> GroupRefusal:
    """Nothing is recorded but that somebody tried; they are told why."""
    refusal = GroupRefusal(
        group_id=group.id,
        kind="not_an_approver" if isinstance(error, NotAnApproverError) else error.kind,
        person=request.person,
        source_event=request.source_event,
        by=getattr(error, "by", None),
        at=getattr(error, "at", None),
    )
    with writing(engine) as conn:
        if request.via != "console":  # whose page says it
            jobs.refuse_group(conn, asdict(refusal))
        told = {"group": group.id, "why": refusal.kind, "event": request.source_event}
        audit.append(conn, AuditKind.GROUP_REFUSED, told, person_id=request.person)
    return refusal


def _members(engine: Engine, group: Group) -> tuple[Member, ...]:
    """Those that it was posted with, in that order."""
    posted = accept_groups.listed(group)
    with reading(engine) as conn:
        return tuple(member for member in accept_groups.members(conn, group.id) if member.proposal_id in posted)


def _sheet(site: Site, members: tuple[Member, ...]) -> bytes:
    """Every member's photos on one sheet, with the member's number in the list."""
    numbered: list[tuple[int, bytes]] = []
    with reading(site.engine) as conn:
        for number, member in enumerate(members, 1):
            photos = [p for p in inspections.photos_of(conn, member.inspection_id) if isinstance(p, Photo)]
            numbered += [(number, site.photo_store.get(photo.shown_sha256)) for photo in photos]
    return contact_sheet.drawn(numbered)
