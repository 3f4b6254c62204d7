"""The main path: a photo and a question in, an approved action on record. Read this file first.

    receive   a question is stored and queued in one transaction; only then is Slack told it arrived
    fetch     its photos are brought, checked and kept
    look      the chain answers, or the references are taken in
    propose   answer, findings, trail and proposal are saved in one transaction
    post      the answer goes to the thread, once
    decide    a person's thumb: the one door to a recorded action, in one transaction
    announce  the thread, or only that person, is told what came of it

The worker runs fetch to post, decide and announce as durable steps: each may run again after a crash and changes nothing the second
time. Slack is known here only as a `Messenger`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from sqlalchemy import Engine

from kenpin.bot import references
from kenpin.bot.jobs import Jobs
from kenpin.prompts import render
from kenpin.storage import actions, audit, clock, decisions, inspections, people, proposals
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.decisions import Via
from kenpin.storage.errors import AlreadyDecidedError, NotAnApproverError
from kenpin.storage.inspections import Inspection
from kenpin.storage.proposals import Proposal
from kenpin.storage.vocabulary import Answer, DecisionVerdict, Photo, ProposalKind, Source, to_json
from kenpin.tools import chain, photo, router
from kenpin.tools.chain import Site

log = logging.getLogger(__name__)

RETRY_AFTER_MIN = (1, 10, 60)  # after the first, second and third failed attempt; chosen: a restart, a coffee, a server swap

File = Mapping[str, Any]  # what Slack says of an uploaded file


@dataclass(frozen=True, kw_only=True)
class Question:
    """A message that is for us."""

    event_id: str
    channel: str
    message_ts: str
    thread_ts: str | None  # the thread it stands in
    asked_by: str
    text: str
    files: tuple[File, ...]
    is_direct: bool  # a direct message: a photo posted before it, outside a thread, may be meant


@dataclass(frozen=True, kw_only=True)
class DecisionRequest:
    """A thumb or a button press on a message of ours. Who pressed it is Slack's word, never the button's."""

    channel: str
    message_ts: str
    verdict: DecisionVerdict
    person: str
    via: Via
    source_event: str  # the same for every delivery of one press


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a decision request."""

    kind: Literal["recorded", "rejected", "refused", "already_approved", "already_rejected"]
    inspection_id: str
    person: str  # who asked, and is told
    verdict: DecisionVerdict  # what was asked for
    decided_by: str | None = None  # whose decision stands
    at: str | None = None  # when it was made
    entry: int | None = None  # the audit entry of the action, or of the rejection


class PhotoUnavailableError(Exception):
    """A file cannot be fetched, and trying again will not help. `wording` names the sentence for the person who posted it."""

    wording = "thread.file_gone"


class Messenger(Protocol):
    """Slack, as far as the main path needs it. Everything that posts is told a key, and posts at most once for it."""

    def files_before(self, inspection: Inspection) -> Sequence[File]: ...
    def download(self, file: File) -> bytes: ...
    def working(self, inspection: Inspection, on: bool) -> None: ...
    def post_answer(self, inspection: Inspection, answer: Answer, approvers: Sequence[str], *, decidable: bool, again: bool) -> str: ...
    def post_outcome(self, inspection: Inspection, answer: Answer, outcome: Outcome) -> None: ...
    def whisper_outcome(self, inspection: Inspection, answer: Answer, outcome: Outcome, approvers: Sequence[str]) -> None: ...
    def apologise(self, inspection: Inspection, *, minutes: int | None) -> None: ...
    def members_of(self, group_id: str) -> Sequence[str] | None: ...


def receive(engine: Engine, jobs: Jobs, question: Question) -> str | None:
    """Store a question and queue it, in one transaction. None when it is stored already: one inspection however often it comes."""
    inspection_id = inspections.new_id()
    with writing(engine) as conn:
        stored = inspections.receive(
            conn,
            id=inspection_id,
            source=Source.SLACK,
            event_id=question.event_id,
            channel=question.channel,
            message_ts=question.message_ts,
            thread_ts=question.thread_ts,
            asked_by=question.asked_by,
            question=question.text,
            language=router.route(question.text).language,
            received_at=clock.now(),
            files=question.files,
            payload={"is_direct": question.is_direct},
        )
        if not stored:
            return None
        jobs.inspect(conn, inspection_id)
        seen = {"question": question.text, "files": [f.get("name") for f in question.files], "channel": question.channel}
        audit.append(conn, AuditKind.QUESTION_RECEIVED, seen, inspection_id, question.asked_by)
    return inspection_id


def fetch(site: Site, messenger: Messenger, inspection_id: str) -> None:
    """Bring and check the photos of the message, or those posted earlier in its thread; each that is refused is kept as a sentence."""
    inspection = _known(site.engine, inspection_id)
    messenger.working(inspection, True)
    files = inspection.files or messenger.files_before(inspection)
    kept = [_checked(site, messenger, inspection, file) for file in files]
    with writing(site.engine) as conn:
        if inspections.photos_of(conn, inspection_id):
            return
        inspections.save_photos(conn, inspection_id, kept)
        for file, one in zip(files, kept, strict=True):
            if isinstance(one, str):
                seen = {"file": file.get("name"), "why": one}
                audit.append(conn, AuditKind.PHOTO_REFUSED, seen, inspection_id, inspection.asked_by)


def look(site: Site, inspection_id: str) -> Answer:
    """The chain's answer; for `reference PART STATE`, what taking the photos in would mean. Writes no record."""
    inspection = _known(site.engine, inspection_id)
    with reading(site.engine) as conn:
        kept = inspections.photos_of(conn, inspection_id)
    photos = tuple(p for p in kept if isinstance(p, Photo))
    refusals = tuple(p for p in kept if isinstance(p, str))
    if command := references.parse(inspection.question):
        return references.take_in(site, command, photos, refusals, inspection.language, inspection.asked_by)
    asked = chain.Question(
        text=inspection.question,
        language=inspection.language,
        photos=photos,
        part_hint=_part_of_thread(site.engine, inspection),
        inspection_id=inspection_id,
        asked_at=inspection.received_at,
    )
    return chain.answer(asked, site)


def propose(site: Site, inspection_id: str, answer: Answer) -> None:
    """Save the answer, its findings and trail, and what it proposes, in one transaction."""
    with writing(site.engine) as conn:
        if not inspections.save_answer(conn, inspection_id, answer):
            return
        proposal = proposals.propose(conn, inspection_id, answer.proposed) if answer.proposed else None
        seen = {"verdict": answer.verdict, "anomaly_score": answer.anomaly_score, "confidence": answer.confidence, "model": answer.model}
        audit.append(conn, AuditKind.ANSWER_SAVED, seen, inspection_id)
        if proposal:
            seen = {"proposal": proposal.id, "digest": proposal.digest, "content": to_json(proposal.proposed)}
            audit.append(conn, AuditKind.PROPOSAL_MADE, seen, inspection_id)


def post(site: Site, jobs: Jobs, messenger: Messenger, inspection_id: str, worker: str) -> None:
    """Post the answer to the thread. Claimed first, so that a repeat after a crash looks for the message before it posts one."""
    before = _known(site.engine, inspection_id)
    with writing(site.engine) as conn:
        mine = inspections.claim_posting(conn, inspection_id, worker)
        answer = inspections.answer_of(conn, inspection_id)
    if mine:
        assert answer is not None, "propose runs before post"
        own = _is_own_decision(site.engine, before, answer)
        approvers = _approvers(site.engine, answer)
        ts = messenger.post_answer(
            before, answer, approvers, decidable=answer.proposed is not None and not own, again=before.posting_by is not None
        )
        with writing(site.engine) as conn:
            inspections.mark_posted(conn, inspection_id, before.channel or "", ts)
            audit.append(conn, AuditKind.ANSWER_POSTED, {"channel": before.channel, "ts": ts}, inspection_id)
    messenger.working(before, False)
    _decide_own_command(site.engine, jobs, inspection_id)


def decide(engine: Engine, jobs: Jobs, request: DecisionRequest) -> Outcome | None:
    """The one door to a recorded action. Decision, action and audit entry are one transaction; a refusal is on the log too.

    None when the message carries no proposal. Asking twice with one `source_event` gives the first outcome again.
    """
    with reading(engine) as conn:
        proposal = proposals.for_message(conn, request.channel, request.message_ts)
    if proposal is None:
        return None
    try:
        return _record(engine, jobs, proposal, request)
    except NotAnApproverError as refusal:
        standing = {"why": "not an approver", "approvers": list(refusal.approvers)}
        outcome = Outcome(kind="refused", inspection_id=proposal.inspection_id, person=request.person, verdict=request.verdict)
    except AlreadyDecidedError as earlier:
        if earlier.source_event == request.source_event:
            return None  # this very press, delivered again; its outcome is announced already
        standing = {"why": "decided already", "decided_by": earlier.decided_by, "at": earlier.at}
        outcome = Outcome(
            kind="already_approved" if earlier.verdict == DecisionVerdict.APPROVED else "already_rejected",
            inspection_id=proposal.inspection_id,
            person=request.person,
            verdict=request.verdict,
            decided_by=earlier.decided_by,
            at=earlier.at,
        )
    with writing(engine) as conn:
        jobs.announce(conn, request.source_event, asdict(outcome))
        seen = {**standing, "asked": request.verdict, "via": request.via}
        audit.append(conn, AuditKind.DECISION_REFUSED, seen, proposal.inspection_id, request.person)
    return outcome


def announce(site: Site, messenger: Messenger, outcome: Outcome) -> None:
    """Tell the thread of a decision; tell a person whose thumb changed nothing so in private."""
    inspection = _known(site.engine, outcome.inspection_id)
    with reading(site.engine) as conn:
        answer = inspections.answer_of(conn, outcome.inspection_id)
    assert answer is not None, "only a posted answer can be decided"
    if outcome.kind in ("recorded", "rejected"):
        messenger.post_outcome(inspection, answer, outcome)
    else:
        messenger.whisper_outcome(inspection, answer, outcome, _approvers(site.engine, answer))


def refresh_groups(engine: Engine, messenger: Messenger, request: DecisionRequest) -> None:
    """Before a decision: who is in the user groups that may decide on this part, now? Membership becomes grants, or takes them back."""
    with reading(engine) as conn:
        proposal = proposals.for_message(conn, request.channel, request.message_ts)
        groups = people.groups(conn, proposal.part) if proposal else ()
    for group in groups:
        members = messenger.members_of(group)
        if members is not None:
            with writing(engine) as conn:
                gained, lost = people.set_group_members(conn, group, members)
                for person in gained:
                    audit.append(conn, AuditKind.APPROVER_GRANTED, {"via": group}, person_id=person)
                for person in lost:
                    audit.append(conn, AuditKind.APPROVER_REVOKED, {"via": group}, person_id=person)


def give_up(site: Site, jobs: Jobs, messenger: Messenger, inspection_id: str, *, attempt: int, why: str) -> None:
    """Nothing helped this time: queue the question again for later, or, after the last time, keep it as failed. The person is told."""
    inspection = _known(site.engine, inspection_id)
    later_min = RETRY_AFTER_MIN[attempt - 1] if attempt <= len(RETRY_AFTER_MIN) else None
    with writing(site.engine) as conn:
        if later_min is not None:
            jobs.inspect(conn, inspection_id, attempt=attempt + 1, delay_s=later_min * 60)
        else:
            inspections.mark_failed(conn, inspection_id, why)
        audit.append(conn, AuditKind.INSPECTION_FAILED, {"why": why, "attempt": attempt, "again_in_min": later_min}, inspection_id)
    messenger.working(inspection, False)
    messenger.apologise(inspection, minutes=later_min)


def _record(engine: Engine, jobs: Jobs, proposal: Proposal, request: DecisionRequest) -> Outcome:
    approved = request.verdict is DecisionVerdict.APPROVED
    seen = {"proposal": proposal.id, "digest": proposal.digest, "via": request.via, "event": request.source_event}
    who = (proposal.inspection_id, request.person)
    with writing(engine) as conn:
        decision = decisions.record(conn, proposal, request.verdict, request.person, request.via, request.source_event)
        if approved:
            actions.record(conn, decision)
            references.add_approved(conn, proposal, request.person)
            audit.append(conn, AuditKind.DECISION_APPROVED, seen, *who)
            entry = audit.append(conn, AuditKind.ACTION_RECORDED, {**seen, "content": to_json(proposal.proposed)}, *who)
        else:
            entry = audit.append(conn, AuditKind.DECISION_REJECTED, seen, *who)
        outcome = Outcome(
            kind="recorded" if approved else "rejected",
            inspection_id=proposal.inspection_id,
            person=request.person,
            verdict=request.verdict,
            decided_by=request.person,
            at=decision.at,
            entry=entry.seq,
        )
        jobs.announce(conn, request.source_event, asdict(outcome))
    return outcome


def _is_own_decision(engine: Engine, inspection: Inspection, answer: Answer) -> bool:
    """Whether this is an approver's own `reference` command: asking for it is their decision."""
    if answer.proposed is None or answer.proposed.kind is not ProposalKind.REFERENCE:
        return False
    with reading(engine) as conn:
        return people.scope_of(conn, inspection.asked_by, answer.proposed.part) is not None


def _decide_own_command(engine: Engine, jobs: Jobs, inspection_id: str) -> None:
    inspection = _known(engine, inspection_id)
    with reading(engine) as conn:
        answer = inspections.answer_of(conn, inspection_id)
    if answer and inspection.posted_ts and _is_own_decision(engine, inspection, answer):
        request = DecisionRequest(
            channel=inspection.posted_channel or "",
            message_ts=inspection.posted_ts,
            verdict=DecisionVerdict.APPROVED,
            person=inspection.asked_by,
            via="message",
            source_event=f"message:{inspection_id}",
        )
        decide(engine, jobs, request)


def _checked(site: Site, messenger: Messenger, inspection: Inspection, file: File) -> Photo | str:
    """A file through the door for pixels: the kept photo, or the sentence that says why not."""
    try:
        data = messenger.download(file)
        checked = photo.check(data)
    except photo.PhotoError as error:
        return photo.words(error, inspection.language)
    except PhotoUnavailableError as error:
        log.warning("inspection %s: %s", inspection.id, error)
        return render(error.wording, inspection.language)
    return Photo(
        sha256=site.photo_store.put(data),
        shown_sha256=site.photo_store.put(checked.shown_jpeg),
        height_px=checked.height_px,
        width_px=checked.width_px,
    )


def _part_of_thread(engine: Engine, inspection: Inspection) -> str | None:
    """The part that an earlier answer in the same thread was about."""
    if inspection.thread_ts is None:
        return None
    with reading(engine) as conn:
        earlier = inspections.latest_with_photos_in_thread(conn, inspection.channel or "", inspection.thread_ts)
    return earlier.part if earlier else None


def _approvers(engine: Engine, answer: Answer) -> tuple[str, ...]:
    if answer.proposed is None:
        return ()
    with reading(engine) as conn:
        return tuple(person.id for person in people.approvers_of(conn, answer.proposed.part))


def _known(engine: Engine, inspection_id: str) -> Inspection:
    with reading(engine) as conn:
        found = inspections.get(conn, inspection_id)
    assert found is not None, f"{inspection_id} was stored in the transaction that queued it"
    return found
