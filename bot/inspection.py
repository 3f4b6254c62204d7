"""The main path: a photo and a question in, an approved action on record. Read this file first.

    receive   a question is stored and queued in one transaction; only then is Slack told it arrived
    fetch     its photos are brought, checked and kept
    look      the chain answers, or the references are taken in
    propose   answer, findings, trail and proposal are saved in one transaction
    post      the answer goes to the thread, once; how, the part's mode says (`modes`), and in shadow it is kept
    decide    a person's thumb or correction: the one door to a recorded action, in one transaction
    expire    nobody decided before the deadline: the proposal is closed, which is no rejection

The worker runs fetch to post, and decide, as durable steps: each may run again after a crash and changes nothing the second time. What
people are told afterwards is in `notices`, the random audit in `second_looks`. Slack is known here only as a `Messenger`.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from kenpin.bot import modes, references, refusals, second_looks
from kenpin.bot.jobs import Jobs
from kenpin.bot.messenger import File, Messenger, Outcome, OutcomeKind, PhotoUnavailableError
from kenpin.bot.modes import ModeTerms
from kenpin.bot.refusals import REFUSALS, Refusal
from kenpin.prompts import render
from kenpin.storage import accept_groups, actions, audit, clock, decisions, expirations, inspections, people, proposals
from kenpin.storage import modes as modes_on_record
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.decisions import Via
from kenpin.storage.errors import ProposalAlteredError, SecondPersonNeededError
from kenpin.storage.inspections import Inspection
from kenpin.storage.proposals import Proposal
from kenpin.storage.vocabulary import (
    Answer,
    Correction,
    DecisionVerdict,
    Delivery,
    InspectionState,
    Photo,
    ProposalKind,
    Source,
    to_json,
)
from kenpin.tools import chain, photo, router
from kenpin.tools.chain import Site

log = logging.getLogger(__name__)

DECIDED: dict[DecisionVerdict, tuple[OutcomeKind, AuditKind]] = {
    DecisionVerdict.APPROVED: ("recorded", AuditKind.DECISION_APPROVED),
    DecisionVerdict.REJECTED: ("rejected", AuditKind.DECISION_REJECTED),
    DecisionVerdict.CORRECTED: ("corrected", AuditKind.DECISION_CORRECTED),
}
EARLIER = 20  # questions of a thread that a new one may look back at


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
    """A thumb or a button press on a message of ours, or on a page of the console. Who pressed it is Slack's or the session's word."""

    channel: str = ""
    message_ts: str = ""
    inspection_id: str | None = None  # names the proposal in place of the message: an answer may have been posted nowhere
    verdict: DecisionVerdict
    person: str
    via: Via
    source_event: str  # the same for every delivery of one press
    correction: Correction | None = None  # with the verdict CORRECTED: what the person says instead
    digest: str | None = None  # of the proposal as the person was shown it; None: as it is on record


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a site has settled about its proposals and answers."""

    proposal_days: float  # how long a proposal waits for a decision; 0 is for ever
    second_looks: float  # share of the judgements that a second person looks at again, 0 to 1
    modes: ModeTerms = ModeTerms()  # noqa: RUF009 (frozen)


class PostingElsewhereError(Exception):
    """Another worker is posting this answer, or died while it did and is not forgotten yet."""

    retryable = True


class StillPostingError(Exception):
    """A thumb on a message that may be an answer of which is not noted yet where it stands: people can be quicker than the record."""

    retryable = True


def receive(engine: Engine, jobs: Jobs, question: Question) -> str | None:
    """Store a question and queue it, in one transaction. None when it is stored already: one inspection however often it comes."""
    with reading(engine) as conn:  # a mention comes as two events; the second need not wait for the write lock
        if inspections.is_received(conn, event_id=question.event_id, channel=question.channel, message_ts=question.message_ts):
            return None
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
    inspection = known(site.engine, inspection_id)
    messenger.working(inspection, True)
    _get_to_know(site.engine, messenger, inspection.asked_by)
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
    inspection = known(site.engine, inspection_id)
    with reading(site.engine) as conn:
        kept = inspections.photos_of(conn, inspection_id)
    photos = tuple(p for p in kept if isinstance(p, Photo))
    refusals = tuple(p for p in kept if isinstance(p, str))
    if command := references.parse(inspection.question):
        return references.take_in(site, command, photos, refusals, inspection.language, inspection.asked_by)
    before, earlier_photos = _earlier_in_thread(site.engine, inspection, photos)
    asked = chain.Question(
        text=inspection.question,
        language=inspection.language,
        photos=photos,
        refusals=refusals,
        part_hint=_part_of_thread(site.engine, inspection),
        before=before,
        earlier_photos=earlier_photos,
        thread=inspection.thread_ts or inspection.message_ts,
        inspection_id=inspection_id,
        asked_at=inspection.received_at,
    )
    return chain.answer(asked, site)


def propose(site: Site, terms: Terms, inspection_id: str, answer: Answer) -> None:
    """Save the answer, its findings and trail, what it proposes, and what becomes of it in its part's mode, in one transaction."""
    inspection = known(site.engine, inspection_id)
    with writing(site.engine) as conn:
        if not inspections.save_answer(conn, inspection_id, answer):
            return
        delivery = modes.delivered(conn, terms.modes, inspection, answer)
        days = terms.proposal_days if delivery is not Delivery.KEPT else 0  # nobody on the floor sees it, so nobody can be late
        proposal = proposals.propose(conn, inspection_id, answer.proposed, days=days) if answer.proposed else None
        seen = {"verdict": answer.verdict, "anomaly_score": answer.anomaly_score, "confidence": answer.confidence, "model": answer.model}
        audit.append(conn, AuditKind.ANSWER_SAVED, seen, inspection_id)
        if proposal:
            seen = {"proposal": proposal.id, "digest": proposal.digest, "content": to_json(proposal.proposed), "until": proposal.expires_at}
            audit.append(conn, AuditKind.PROPOSAL_MADE, seen, inspection_id)


def post(site: Site, terms: Terms, jobs: Jobs, messenger: Messenger, inspection_id: str, worker: str) -> None:
    """Post the answer to the thread. Claimed first, so that a repeat after a crash looks for the message before it posts one."""
    before = known(site.engine, inspection_id)
    with reading(site.engine) as conn:
        delivery = modes_on_record.delivery_of(conn, inspection_id)
    if delivery is Delivery.KEPT:
        messenger.keep(before, sign=terms.modes.shadow_sign)
        return
    with writing(site.engine) as conn:
        mine = inspections.claim_posting(conn, inspection_id, worker)
        answer = inspections.answer_of(conn, inspection_id)
    if not mine and before.state is InspectionState.ANSWERED:
        raise PostingElsewhereError(f"Worker {before.posting_by} has claimed the posting of {inspection_id} and is not done with it.")
    if mine:
        assert answer is not None, "propose runs before post"
        decidable = answer.proposed is not None and not _is_own_decision(site.engine, before, answer)
        may_decide = approvers(site.engine, answer)
        grouped = delivery is Delivery.GROUPED
        again = before.posting_by is not None
        ts = messenger.post_answer(before, answer, may_decide, decidable=decidable and not grouped, again=again, grouped=grouped)
        with writing(site.engine) as conn:
            inspections.mark_posted(conn, inspection_id, before.channel or "", ts)
            if grouped:
                modes.join_group(conn, jobs, terms.modes, before, answer.language)
            audit.append(conn, AuditKind.ANSWER_POSTED, {"channel": before.channel, "ts": ts}, inspection_id)
            second_looks.draw(conn, jobs, before, answer, terms.second_looks)
    messenger.working(before, False)
    _decide_own_command(site.engine, jobs, inspection_id)


def decide(engine: Engine, jobs: Jobs, request: DecisionRequest) -> Outcome | None:
    """The one door to a recorded action. Decision, action and audit entry are one transaction; a refusal is on the log too.

    None when the message carries no proposal, and for a press that was taken already. Raises ProposalAlteredError.
    """
    with reading(engine) as conn:
        proposal = proposal_of(conn, request)
    if proposal is None:
        return None
    if request.digest not in (None, proposal.digest):
        raise ProposalAlteredError(f"Proposal {proposal.id} is not what {request.person} was shown; nothing was recorded.")
    try:
        return _record(engine, jobs, proposal, request)
    except REFUSALS as refusal:
        if refusals.is_of(refusal, request.source_event):
            return None  # this very press, delivered again; its outcome is announced already
        return _refuse(engine, jobs, proposal, request, refusal)


def expire(engine: Engine, jobs: Jobs, since: datetime | None = None) -> None:
    """Close every proposal whose deadline has passed (since that moment), and have its thread told; once, however many workers do it."""
    with reading(engine) as conn:
        overdue = expirations.overdue(conn, since)
    for one in overdue:
        outcome = Outcome(kind="expired", inspection_id=one.inspection_id, person=one.asked_by, at=one.expires_at)
        with writing(engine) as conn:
            if expirations.record(conn, one.proposal_id, one.expires_at):
                if one.was_posted:
                    jobs.announce(conn, f"expired:{one.inspection_id}", asdict(outcome))
                seen = {"proposal": one.proposal_id, "deadline": one.expires_at}
                audit.append(conn, AuditKind.PROPOSAL_EXPIRED, seen, one.inspection_id)


def part_to_decide(engine: Engine, request: DecisionRequest) -> str | None:
    """The part that a decision would be about; None when the message carries no proposal. Raises StillPostingError."""
    with reading(engine) as conn:
        proposal = proposal_of(conn, request)
        group = accept_groups.for_message(conn, request.channel, request.message_ts) if proposal is None else None
        found = proposal or group
        channel = request.channel
        if found is None and (inspections.is_being_posted(conn, channel) or accept_groups.is_being_posted(conn, channel)):
            raise StillPostingError(f"The message at {channel} {request.message_ts} may be an answer or a group that is being posted.")
    return found.part if found else None


def proposal_of(conn: Connection, request: DecisionRequest) -> Proposal | None:
    """What the request is about."""
    if request.inspection_id is not None:
        return proposals.of_inspection(conn, request.inspection_id)
    return proposals.for_message(conn, request.channel, request.message_ts)


def _get_to_know(engine: Engine, messenger: Messenger, person_id: str) -> None:
    """Who asks here for the first time is looked up, so that pages and the log can call them by name."""
    with reading(engine) as conn:
        known = people.find(conn, person_id)
    if (known is None or known.name is None) and (found := messenger.person(person_id)) is not None:
        with writing(engine) as conn:
            people.remember(conn, found.id, found.name, found.email, found.locale)


def _record(engine: Engine, jobs: Jobs, proposal: Proposal, request: DecisionRequest) -> Outcome:
    """The decision and what follows from it; where two people are needed, the first one's approval."""
    seen: dict[str, Any] = {"proposal": proposal.id, "digest": proposal.digest, "via": request.via, "event": request.source_event}
    who = (proposal.inspection_id, request.person)
    kind: OutcomeKind
    with writing(engine) as conn:
        try:
            decision = decisions.record(
                conn, proposal, request.verdict, request.person, request.via, request.source_event, correction=request.correction
            )
        except SecondPersonNeededError as first:
            if first.endorsed_by:
                raise
            at = decisions.endorse(conn, proposal, request.person, request.via, request.source_event).at
            kind, entry = "endorsed", audit.append(conn, AuditKind.PROPOSAL_ENDORSED, seen, *who)
        else:
            kind, logged = DECIDED[decision.verdict]
            at = decision.at
            seen |= {"endorsed_by": decision.endorsed_by, "correction": decision.corrected_digest}
            action = None
            if decision.verdict is not DecisionVerdict.REJECTED:
                action = actions.record(conn, decision)
                references.add_approved(conn, proposal, request.person)
            entry = audit.append(conn, logged, seen, *who)
            if action:
                entry = audit.append(conn, AuditKind.ACTION_RECORDED, {**seen, "content": to_json(action.proposed)}, *who)
        outcome = Outcome(
            kind=kind,
            inspection_id=proposal.inspection_id,
            person=request.person,
            verdict=request.verdict,
            decided_by=request.person,
            at=at,
            entry=entry.seq,
        )
        jobs.announce(conn, request.source_event, asdict(outcome))
    return outcome


def _refuse(engine: Engine, jobs: Jobs, proposal: Proposal, request: DecisionRequest, refusal: Refusal) -> Outcome:
    """Nothing is recorded but that somebody tried; they are told why."""
    kind, why = refusals.reason(refusal)
    outcome = Outcome(
        kind=kind,
        inspection_id=proposal.inspection_id,
        person=request.person,
        verdict=request.verdict,
        decided_by=why.get("decided_by"),
        at=why.get("at"),
    )
    with writing(engine) as conn:
        if request.via != "console":  # whose page says it
            jobs.announce(conn, request.source_event, asdict(outcome))
        seen = {**why, "asked": request.verdict, "via": request.via}
        audit.append(conn, AuditKind.DECISION_REFUSED, seen, proposal.inspection_id, request.person)
    return outcome


def _is_own_decision(engine: Engine, inspection: Inspection, answer: Answer) -> bool:
    """Whether this is an approver's own `reference` command: asking for it is their decision, where one person's is enough."""
    if answer.proposed is None or answer.proposed.kind is not ProposalKind.REFERENCE or answer.proposed.approvals_needed > 1:
        return False
    with reading(engine) as conn:
        return people.scope_of(conn, inspection.asked_by, answer.proposed.part) is not None


def _decide_own_command(engine: Engine, jobs: Jobs, inspection_id: str) -> None:
    inspection = known(engine, inspection_id)
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
        camera=checked.camera,
        brightness=checked.brightness,
    )


def _part_of_thread(engine: Engine, inspection: Inspection) -> str | None:
    """The part that an earlier answer in the same thread was about."""
    if inspection.thread_ts is None:
        return None
    with reading(engine) as conn:
        earlier = inspections.latest_with_photos_in_thread(conn, inspection.channel or "", inspection.thread_ts)
    return earlier.part if earlier else None


def _earlier_in_thread(engine: Engine, inspection: Inspection, photos: tuple[Photo, ...]) -> tuple[str | None, tuple[Photo, ...]]:
    """What was asked just before in the thread, and the newest earlier photos there that are not these."""
    if inspection.thread_ts is None:
        return None, ()
    with reading(engine) as conn:
        earlier = inspections.earlier_in_thread(conn, inspection.channel or "", inspection.thread_ts, inspection.received_at, EARLIER)
        each = [tuple(p for p in inspections.photos_of(conn, one.id) if isinstance(p, Photo) and p not in photos) for one in earlier]
    return (earlier[0].question if earlier else None), next((kept for kept in each if kept), ())


def approvers(engine: Engine, answer: Answer) -> tuple[str, ...]:
    if answer.proposed is None:
        return ()
    with reading(engine) as conn:
        return tuple(person.id for person in people.approvers_of(conn, answer.proposed.part))


def known(engine: Engine, inspection_id: str) -> Inspection:
    with reading(engine) as conn:
        found = inspections.get(conn, inspection_id)
    assert found is not None, f"{inspection_id} was stored in the transaction that queued it"
    return found
