"""What a part's mode means for its answers, and how it changes: up on signed evidence, down at a supervisor's word or by itself.

    delivered   with the saving of an answer: is it kept, posted, or posted and grouped?
    evidence    what decisions of known truth say about a part now, against what the next mode needs
    promote     a supervisor signs exactly the evidence that they were shown
    demote      a supervisor, any time, with a reason
    check       after each decision, and in scale every minute: did escapes pass their limit, or the photos drift? Then one mode down
    announce    the channels where the part is asked about are told of every change, once

A part that leaves scale has its groups dissolved in the same transaction, so that nothing is approved together any more.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from kenpin.bot.jobs import Jobs
from kenpin.bot.messenger import Messenger
from kenpin.bot.settings import Settings
from kenpin.storage import accept_groups, audit, chance, clock, drift, inspections, modes, parts, people, proposals, second_looks
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.drift import Drift
from kenpin.storage.errors import ModeError
from kenpin.storage.inspections import Inspection
from kenpin.storage.modes import Counts, Evidence, ModeChange, Needed
from kenpin.storage.vocabulary import Answer, Delivery, Disposition, Language, Mode, Photo, ProposalKind, SecondLook, Verdict
from kenpin.tools.context import Site
from kenpin.tools.rule_book import CRITICAL_FROM

# Chosen: 30 clean decisions bound the escapes by 9.5 in 100, 300 by 1.0 (one-sided Clopper-Pearson, 95 in 100 sure).
TO_ASSIST = Needed(decided=30, escapes=10.0, overkill=20.0)
TO_SCALE = Needed(decided=300, escapes=1.0, overkill=5.0)
FEWEST_FOR_SILENCE = 30  # decisions before escapes can take a part from assist to shadow: fewer say too little to be silent for


@dataclass(frozen=True, kw_only=True)
class ModeTerms:
    """What a site has settled about modes; the defaults are those of the settings."""

    new_parts: Mode = Mode.ASSIST  # the mode of a part that has none yet
    shadow_sign: bool = True  # in shadow, a reaction says that the question was noted
    to_assist: Needed = TO_ASSIST
    to_scale: Needed = TO_SCALE
    scale_limit: float = 2.0  # escapes in 100 parts called OK: where their upper bound passes it, scale falls back; 0: never
    assist_limit: float = 10.0  # the same for assist, where even their lower bound passes it; 0: never
    group_photos: int = 20  # after so many photos a group is posted
    group_min: float = 30.0  # or after so many minutes
    group_confidence: float = 0.75  # least confidence, 0 to 1, of an accept that is grouped

    def needed(self, to: Mode) -> Needed:
        return self.to_scale if to is Mode.SCALE else self.to_assist


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a part stands: its mode, since when, and what it would take to go one up."""

    part: str
    mode: Mode
    latest: ModeChange | None  # None: it has the mode of new parts
    towards: Evidence | None  # None: it is in the last mode


def terms_of(settings: Settings) -> ModeTerms:
    def needed(setting: tuple[float, ...]) -> Needed:
        return Needed(decided=round(setting[0]), escapes=setting[1], overkill=setting[2])

    return ModeTerms(
        new_parts=Mode(settings.new_parts),
        shadow_sign=settings.shadow_sign == "reaction",
        to_assist=needed(settings.to_assist),
        to_scale=needed(settings.to_scale),
        scale_limit=settings.fall_back[0],
        assist_limit=settings.fall_back[1],
        group_photos=round(settings.group[0]),
        group_min=settings.group[1],
        group_confidence=settings.group[2] / 100,
    )


def delivered(conn: Connection, terms: ModeTerms, inspection: Inspection, answer: Answer) -> Delivery:
    """Put on record what becomes of this answer, with its part's first mode where it has none. A reference command is posted as ever."""
    part = parts.number_of(conn, answer.part) if answer.part is not None else None
    if part is None or (answer.proposed is not None and answer.proposed.kind is ProposalKind.REFERENCE):
        return Delivery.POSTED
    if modes.start(conn, part, terms.new_parts):
        audit.append(conn, AuditKind.MODE_STARTED, {"part": part, "mode": terms.new_parts})
    mode = modes.of(conn, part, terms.new_parts)
    delivery = Delivery.POSTED
    if mode is Mode.SHADOW:
        delivery = Delivery.KEPT
    elif mode is Mode.SCALE and inspection.channel is not None and is_clear(answer, terms.group_confidence):
        usable = all(isinstance(photo, Photo) for photo in inspections.photos_of(conn, inspection.id))
        delivery = Delivery.GROUPED if usable else Delivery.POSTED
    if modes.deliver(conn, inspection.id, mode, delivery) and delivery is Delivery.KEPT:
        audit.append(conn, AuditKind.ANSWER_KEPT, {"mode": mode}, inspection.id)
    return delivery


def is_clear(answer: Answer, least_confidence: float) -> bool:
    """Whether an answer in scale may wait for one approval with others: an accept with nothing at all against it.

    OK for every photo, outside the band where a person must look, and with that confidence at least (0 to 1); on enough references;
    nothing critical cited, no rule of the site that changed the proposal, no larger model that objects, no photo poor.
    Anything else is decided by itself at once.
    """
    proposed = answer.proposed
    return (
        answer.verdict is Verdict.OK
        and answer.abstention is None
        and (answer.confidence or 0.0) >= least_confidence
        and proposed is not None
        and proposed.kind is ProposalKind.DISPOSITION
        and proposed.disposition is Disposition.ACCEPT
        and proposed.approvals_needed == 1
        and len(answer.comparisons) == len(proposed.photos) > 0
        and all(one.verdict is Verdict.OK and not one.too_few_references for one in answer.comparisons)
        and not answer.quality
        and not answer.rules
        and all(opinion.agrees for opinion in answer.opinions)
        and all(row.severity < CRITICAL_FROM for row in answer.failure_modes)
    )


def standing(conn: Connection, terms: ModeTerms, part: str, *, with_drift: bool = True) -> Standing:
    """part: its number as the records hold it. with_drift: False where many parts are shown, since looking for drift takes a while."""
    mode = modes.of(conn, part, terms.new_parts)
    towards = None
    if mode.above:
        drifted = drift.of(conn, part, modes.counted_since(conn, part)) if with_drift else None
        towards = _evidence(conn, part, mode.above, terms.needed(mode.above), drifted)
    return Standing(part=part, mode=mode, latest=modes.latest(conn, part), towards=towards)


def evidence(conn: Connection, terms: ModeTerms, part: str, to: Mode) -> Evidence:
    """What is known of a part now, against what `to` needs. Counted since the part last went down."""
    return _evidence(conn, part, to, terms.needed(to), drift.of(conn, part, modes.counted_since(conn, part)))


def promote(engine: Engine, jobs: Jobs, terms: ModeTerms, part: str, signed_by: str, shown: str | None = None) -> ModeChange:
    """One mode up. shown: `Evidence.face` as the supervisor saw it; None: whatever it is now.

    Raises ModeError, with an entry on the log, when the evidence is not enough, or is no longer what was shown.
    """
    try:
        with writing(engine) as conn:
            modes.start(conn, part, terms.new_parts)
            to = modes.of(conn, part).above
            if to is None:
                raise ModeError("last", f"{part} is in {modes.of(conn, part)}, the last mode.")
            now = evidence(conn, terms, part, to)
            if shown is not None and shown != now.face:
                raise ModeError("changed", f"The evidence for {part} is no longer what was shown: look at it again, then sign.")
            change = modes.promote(conn, now, signed_by)
            _follow(conn, jobs, AuditKind.MODE_PROMOTED, change)
    except ModeError as error:
        _refused(engine, part, signed_by, error)
        raise
    return change


def demote(engine: Engine, jobs: Jobs, terms: ModeTerms, part: str, to: Mode, signed_by: str, why: str) -> ModeChange:
    """Down to a mode. Raises ModeError, with an entry on the log, when it is not down or nothing is said of why."""
    try:
        with writing(engine) as conn:
            modes.start(conn, part, terms.new_parts)
            change = modes.demote(conn, part, to, signed_by, why)
            _dissolve_groups(conn, jobs, part)
            _follow(conn, jobs, AuditKind.MODE_DEMOTED, change)
    except ModeError as error:
        _refused(engine, part, signed_by, error)
        raise
    return change


def change(engine: Engine, jobs: Jobs, terms: ModeTerms, part: str, to: str, signed_by: str, why: str) -> ModeChange:
    """What somebody at the command line asks for: up or down, whichever `to` is. part: however it is written.

    Raises ModeError, UnknownRowError.
    """
    if to not in list(Mode):
        raise ModeError("order", f"{to!r} is no mode; it can be {', '.join(Mode)}.")
    with writing(engine) as conn:
        number, wanted = modes.number(conn, part), Mode(to)
        before = modes.of(conn, number, terms.new_parts)
        people.remember(conn, signed_by, None, None)
    order = list(Mode)
    if order.index(wanted) < order.index(before):
        return demote(engine, jobs, terms, number, wanted, signed_by, why)
    if before.above is not wanted:
        error = ModeError("order", f"{number} is in {before}: it goes up one mode at a time, and not to {wanted} now.")
        _refused(engine, number, signed_by, error)
        raise error
    return promote(engine, jobs, terms, number, signed_by)


def check(engine: Engine, jobs: Jobs, terms: ModeTerms, part: str) -> ModeChange | None:
    """Take a part one mode down when its escapes passed their limit or its photos drifted. None when it stays."""
    with reading(engine) as conn:
        if _reason(conn, terms, part) is None:
            return None
    with writing(engine) as conn:  # looked at again: another worker may have been quicker
        modes.one_at_a_time(conn, part)
        found = _reason(conn, terms, part)
        if found is None:
            return None
        why, seen = found
        change = modes.fall_back(conn, seen, why)
        _dissolve_groups(conn, jobs, part)
        _follow(conn, jobs, AuditKind.MODE_FELL_BACK, change)
    return change


def watch(engine: Engine, jobs: Jobs, terms: ModeTerms) -> None:
    """`check` for every part in scale: photos drift without any decision. Out of assist it takes escapes, which come with decisions."""
    with reading(engine) as conn:
        in_scale = [part for part, last in modes.all_latest(conn).items() if last.mode is Mode.SCALE]
    for part in in_scale:
        check(engine, jobs, terms, part)


def join_group(conn: Connection, jobs: Jobs, terms: ModeTerms, inspection: Inspection, language: Language) -> None:
    """Put the accept of a posted answer into the open group of its channel and part; a full one is posted at once, any other in time.

    Where the part has left scale meanwhile, it is decided by itself after all.
    """
    proposal = proposals.of_inspection(conn, inspection.id)
    assert proposal is not None and inspection.channel is not None, "only an accept in a channel is grouped"
    if modes.of(conn, proposal.part) is not Mode.SCALE:
        jobs.offer_decision(conn, inspection.id)
        return
    group, is_new = accept_groups.join(conn, inspection.channel, proposal, language)
    if is_new:
        jobs.post_group(conn, group.id, "due", delay_s=terms.group_min * 60)
    if accept_groups.photos_in(conn, group.id) >= terms.group_photos:
        jobs.post_group(conn, group.id, "full")


def follow_decision(engine: Engine, jobs: Jobs, terms: ModeTerms, inspection_id: str) -> None:
    """After a decision by whichever door: may its part keep its mode, and does a group's message still say what is so?"""
    with reading(engine) as conn:
        part = modes.part_of(conn, inspection_id)
        group = accept_groups.group_of_inspection(conn, inspection_id)
        is_open = group is not None and group.posted_at is not None and accept_groups.approval_of(conn, group.id) is None
    if group is not None and is_open:
        with writing(engine) as conn:
            jobs.settle_group(conn, group.id, f"decided:{inspection_id}")
    if part is not None:
        check(engine, jobs, terms, part)


def heed_second_look(engine: Engine, jobs: Jobs, inspection_id: str) -> None:
    """An accept on which a second look differs does not wait for one approval with others any more; and its part may have to fall back."""
    with writing(engine) as conn:
        reply = second_looks.reply_of(conn, inspection_id)
        proposal = proposals.of_inspection(conn, inspection_id)
        group = accept_groups.group_of(conn, proposal.id) if proposal else None
        if reply is None or reply.said is SecondLook.OK or proposal is None or group is None:
            return
        waits = any(one.proposal_id == proposal.id and accept_groups.is_waiting(one) for one in accept_groups.members(conn, group.id))
        if accept_groups.approval_of(conn, group.id) is None and waits:
            accept_groups.take_out(conn, proposal.id, "second_look", reply.person_id)
            jobs.settle_group(conn, group.id, f"second_look:{inspection_id}")
            told = {"group": group.id, "why": "second_look", "said": reply.said}
            audit.append(conn, AuditKind.TAKEN_OUT_OF_GROUP, told, inspection_id, reply.person_id)


def announce(site: Site, messenger: Messenger, part: str, position: int) -> None:
    """Tell the channels where the part was asked about lately of one change of mode."""
    with reading(site.engine) as conn:
        change = next(change for change in modes.history(conn, part) if change.position == position)
        where = modes.channels(conn, part)
    for channel, language in where.items():
        messenger.tell_mode(channel, Language(language), change)


def _reason(conn: Connection, terms: ModeTerms, part: str) -> tuple[str, Evidence] | None:
    """Why the part must go one mode down, and what shows it; None when it need not."""
    mode = modes.of(conn, part, terms.new_parts)
    below = mode.below
    if below is None:
        return None
    since = modes.counted_since(conn, part)
    drifted = drift.of(conn, part, since) if mode is Mode.SCALE else None
    seen = _evidence(conn, part, below, terms.needed(mode), drifted)
    lately = modes.counts(conn, part, since, terms.needed(mode).decided)
    if mode is Mode.SCALE:
        if drifted is not None:
            return "drift", seen
        many = 0 < terms.scale_limit < seen.escapes_bound
        more = lowest(lately) > terms.needed(mode).escapes  # a long clean record must not hide a bad week
        return ("escapes", seen) if many or more else None
    # In assist a person decides each one anyway: only what is beyond doubt silences a part.
    beyond_doubt = lately.decided >= FEWEST_FOR_SILENCE and 0 < terms.assist_limit < lowest(lately)
    return ("escapes", seen) if beyond_doubt else None


def lowest(counts: Counts) -> float:
    """Lower bound of the share of bad ones among the parts called OK, in 100: one-sided, exact."""
    return 100 * (1 - chance.upper_bound(counts.called_ok - counts.escapes, counts.called_ok)) if counts.called_ok else 0.0


def _evidence(conn: Connection, part: str, to: Mode, needed: Needed, drifted: Drift | None) -> Evidence:
    since = modes.counted_since(conn, part)
    counts = modes.counts(conn, part, since)
    return Evidence(
        part=part,
        mode=to,
        since=since,
        at=clock.now(),
        counts=counts,
        escapes_bound=100 * chance.upper_bound(counts.escapes, counts.called_ok),
        overkill_bound=100 * chance.upper_bound(counts.overkill, counts.good),
        drift=drifted.measure if drifted else None,
        drift_since=drifted.since if drifted else None,
        needed=needed,
    )


def _follow(conn: Connection, jobs: Jobs, kind: AuditKind, change: ModeChange) -> None:
    jobs.announce_mode(conn, change.part, change.position)
    told = {
        "part": change.part,
        "position": change.position,
        "from": change.from_mode,
        "to": change.mode,
        "why": change.why,
        "evidence": change.evidence,
        "digest": change.evidence_digest,
    }
    audit.append(conn, kind, told, person_id=change.signed_by)


def _dissolve_groups(conn: Connection, jobs: Jobs, part: str) -> None:
    """Everything that waits for one approval is decided one by one from now on."""
    taken = []
    for group in accept_groups.unapproved(conn, part):
        accept_groups.close(conn, group.id, "mode")
        waiting = [member for member in accept_groups.members(conn, group.id) if accept_groups.is_waiting(member)]
        taken += [(group.id, member.inspection_id) for member in waiting if accept_groups.take_out(conn, member.proposal_id, "mode")]
        jobs.settle_group(conn, group.id, "mode")
    for group_id, inspection_id in taken:
        audit.append(conn, AuditKind.TAKEN_OUT_OF_GROUP, {"group": group_id, "why": "mode"}, inspection_id)


def _refused(engine: Engine, part: str, person: str, error: ModeError) -> None:
    with writing(engine) as conn:
        audit.append(conn, AuditKind.MODE_REFUSED, {"part": part, "why": str(error)}, person_id=person)
