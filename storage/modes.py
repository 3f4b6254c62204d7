"""The modes of parts: shadow, assist, scale. Who took a part from one to the next, when, and on which evidence.

A part goes up one mode at a time, on evidence that meets the limits it states and that a supervisor signs; the database refuses anything
else. It goes down at a supervisor's word, or by itself. No mode records an action: that takes an approver's decision in each of them.
What an answer's mode meant for it is kept beside it (`deliver`), so that a later change of mode changes nothing about it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kenpin.storage import canonical, clock, parts
from kenpin.storage.database import insert_if_absent
from kenpin.storage.decisions import was_really_bad
from kenpin.storage.errors import ModeError, UnknownRowError
from kenpin.storage.tables import (
    actions,
    corrections,
    decisions,
    deliveries,
    inspections,
    mode_changes,
    proposals,
    second_look_replies,
)
from kenpin.storage.tables import parts as parts_table
from kenpin.storage.vocabulary import Delivery, Disposition, Mode, ModeStep, ProposalKind, SecondLook, Verdict

MOST_DECIDED = 1000  # newest decisions that count as evidence: enough for a bound of 0.3 in 100, and parts change over the years


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What evidence must show before a part goes up to a mode."""

    decided: int  # answers with a judgement whose truth is known, at least
    escapes: float  # of 100 parts called OK, at most so many bad; more than 0, less than 50
    overkill: float  # of 100 good parts, at most so many called not OK; more than 0, less than 50


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Judged answers about a part whose truth is known."""

    decided: int
    called_ok: int  # of them, those called OK
    escapes: int  # of those called OK, the bad ones
    good: int  # of the decided, those that were good
    overkill: int  # of the good ones, those called not OK


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a promotion rests on, or a fall-back."""

    part: str
    mode: Mode  # that the part would have, or gets
    since: str | None  # decisions after this moment count: when the part last went down; None: all
    at: str
    counts: Counts
    escapes_bound: float  # upper bound of the share of bad ones among the parts called OK, in 100
    overkill_bound: float  # upper bound of the share called not OK among the good parts, in 100
    drift: str | None  # what of the photos has drifted, as `drift.MEASURES` has it; None: nothing
    drift_since: str | None
    needed: Needed

    @property
    def is_met(self) -> bool:
        enough = self.counts.decided >= self.needed.decided
        return enough and self.escapes_bound <= self.needed.escapes and self.overkill_bound <= self.needed.overkill and self.drift is None

    @property
    def content(self) -> str:
        """The text that is signed: all of it, as canonical JSON."""
        return canonical.dumps(
            {
                "part": self.part,
                "mode": self.mode,
                "since": self.since,
                "at": self.at,
                **asdict(self.counts),
                "drift": self.drift,
                "drift_since": self.drift_since,
                **self.columns,
            }
        )

    @property
    def face(self) -> str:
        """The same for evidence that says the same, whenever it was looked at: what a supervisor was shown, and signs."""
        return canonical.sha256(canonical.dumps([asdict(self.counts), self.columns, self.part, self.mode, self.since, self.drift_since]))

    @property
    def columns(self) -> dict[str, Any]:
        """What a promotion's columns say, and the database checks."""
        return {
            "decided": self.counts.decided,
            "decided_needed": self.needed.decided,
            "escapes_bound": self.escapes_bound,
            "escapes_limit": self.needed.escapes,
            "overkill_bound": self.overkill_bound,
            "overkill_limit": self.needed.overkill,
            "drifted": self.drift is not None,
        }


@dataclass(frozen=True, kw_only=True)
class ModeChange:
    """One row of a part's history of modes."""

    part: str
    position: int  # from 1
    step: ModeStep
    from_mode: Mode | None  # None: its first
    mode: Mode
    at: str
    signed_by: str | None
    why: str | None  # of a demotion, in the supervisor's words; of a fall-back, "escapes" or "drift"
    evidence: dict[str, Any] | None  # as `Evidence.content` has it
    evidence_digest: str | None


def of(conn: Connection, part: str, new_parts: Mode = Mode.ASSIST) -> Mode:
    """The mode of a part, by its number as the records hold it. new_parts: of one that has none on record yet."""
    last = latest(conn, part)
    return last.mode if last else new_parts


def latest(conn: Connection, part: str) -> ModeChange | None:
    """The change that a part's mode comes from."""
    query = sa.select(mode_changes).where(mode_changes.c.part == part).order_by(mode_changes.c.position.desc()).limit(1)
    return _change(conn.execute(query).first())


def history(conn: Connection, part: str) -> tuple[ModeChange, ...]:
    """Every change, newest first."""
    query = sa.select(mode_changes).where(mode_changes.c.part == part).order_by(mode_changes.c.position.desc())
    return tuple(change for row in conn.execute(query) if (change := _change(row)))


def all_latest(conn: Connection) -> dict[str, ModeChange]:
    """By part, for every part that has a mode on record."""
    newest = sa.select(mode_changes.c.part, sa.func.max(mode_changes.c.position).label("position")).group_by(mode_changes.c.part).subquery()
    joined = sa.and_(newest.c.part == mode_changes.c.part, newest.c.position == mode_changes.c.position)
    query = sa.select(mode_changes).join(newest, joined).order_by(mode_changes.c.part)
    return {row.part: change for row in conn.execute(query) if (change := _change(row))}


def start(conn: Connection, part: str, mode: Mode) -> bool:
    """Put a part's first mode on record, shadow or assist. False when it has one already."""
    if latest(conn, part) is not None:
        return False
    one_at_a_time(conn, part)
    if latest(conn, part) is not None:
        return False
    return insert_if_absent(
        conn, mode_changes, part=part, position=1, step=ModeStep.START.value, from_mode=None, mode=mode.value, at=clock.now()
    )


def promote(conn: Connection, evidence: Evidence, signed_by: str) -> ModeChange:
    """One mode up. Raises ModeError when the evidence does not meet its limits, or is about another step than the part's next."""
    one_at_a_time(conn, evidence.part)
    before = of(conn, evidence.part)
    if before.above is not evidence.mode:
        raise ModeError("order", f"{evidence.part} is in {before}, so it cannot be promoted to {evidence.mode}.")
    if not evidence.is_met:
        raise ModeError("evidence", f"The evidence for {evidence.part} does not meet what {evidence.mode} needs.")
    return _step(
        conn,
        evidence.part,
        ModeStep.PROMOTION,
        evidence.mode,
        at=evidence.at,
        signed_by=signed_by,
        evidence=evidence.content,
        evidence_digest=canonical.sha256(evidence.content),
        **evidence.columns,
    )


def demote(conn: Connection, part: str, to: Mode, signed_by: str, why: str) -> ModeChange:
    """Down, one mode or two, whatever the evidence says. Raises ModeError when it is not down, or nothing is said of why."""
    one_at_a_time(conn, part)
    before = of(conn, part)
    order = list(Mode)
    if order.index(to) >= order.index(before):
        raise ModeError("order", f"{part} is in {before}; {to} is not below it.")
    reason = " ".join(canonical.storable(why).split())
    if not reason:
        raise ModeError("why", f"Say why {part} goes from {before} to {to}.")
    return _step(conn, part, ModeStep.DEMOTION, to, signed_by=signed_by, why=reason)


def fall_back(conn: Connection, evidence: Evidence, why: str) -> ModeChange:
    """One mode down by itself. why: "escapes" or "drift". evidence: what it is for; its mode is the one that the part gets."""
    one_at_a_time(conn, evidence.part)
    if of(conn, evidence.part).below is not evidence.mode:
        raise ModeError("order", f"{evidence.part} cannot fall back to {evidence.mode}: that is not one mode down.")
    digest = canonical.sha256(evidence.content)
    return _step(conn, evidence.part, ModeStep.FALL_BACK, evidence.mode, why=why, evidence=evidence.content, evidence_digest=digest)


def counts(conn: Connection, part: str, since: str | None = None, newest: int = MOST_DECIDED) -> Counts:
    """Of the newest decisions about a part after a moment, those whose truth is known.

    A decision tells it as `decisions.labels` says. Somebody who looked again without knowing the answer, and found a part not OK that was
    called OK, counts as an escape whatever was decided: only that can tell after an accept was approved.
    """
    query = (
        sa.select(
            inspections.c.verdict,
            actions.c.proposal_id,
            proposals.c.disposition,
            corrections.c.really,
            second_look_replies.c.said,
        )
        .select_from(
            decisions.join(proposals, proposals.c.id == decisions.c.proposal_id)
            .join(inspections, inspections.c.id == proposals.c.inspection_id)
            .outerjoin(actions, actions.c.proposal_id == decisions.c.proposal_id)
            .outerjoin(
                corrections,
                sa.and_(corrections.c.proposal_id == decisions.c.proposal_id, corrections.c.digest == decisions.c.corrected_digest),
            )
            .outerjoin(second_look_replies, second_look_replies.c.inspection_id == inspections.c.id)
        )
        .where(
            decisions.c.part == part,
            proposals.c.kind == ProposalKind.DISPOSITION.value,
            inspections.c.verdict.in_((Verdict.OK.value, Verdict.NOT_OK.value)),
        )
        .order_by(decisions.c.at.desc(), decisions.c.proposal_id)
        .limit(newest)
    )
    if since is not None:
        query = query.where(decisions.c.at > since)
    known: list[tuple[Verdict, bool]] = []
    for row in conn.execute(query):
        answered = Verdict(row.verdict)
        bad = was_really_bad(answered, Disposition(row.disposition), row.really) if row.proposal_id else None
        if answered is Verdict.OK and row.said == SecondLook.NOT_OK.value:
            bad = True
        if bad is not None:
            known.append((answered, bad))
    return Counts(
        decided=len(known),
        called_ok=sum(answered is Verdict.OK for answered, _ in known),
        escapes=sum(answered is Verdict.OK and bad for answered, bad in known),
        good=sum(not bad for _, bad in known),
        overkill=sum(answered is Verdict.NOT_OK and not bad for answered, bad in known),
    )


def counted_since(conn: Connection, part: str) -> str | None:
    """When the part last went down, from where evidence is counted anew; None when it never did."""
    down = (ModeStep.DEMOTION.value, ModeStep.FALL_BACK.value)
    query = sa.select(sa.func.max(mode_changes.c.at)).where(mode_changes.c.part == part, mode_changes.c.step.in_(down))
    moment: str | None = conn.execute(query).scalar_one()
    return moment


def deliver(conn: Connection, inspection_id: str, mode: Mode, delivery: Delivery) -> bool:
    """Put on record what becomes of an answer. False when it is already, which then stands."""
    if conn.execute(sa.select(deliveries.c.delivery).where(deliveries.c.inspection_id == inspection_id)).first():
        return False
    return insert_if_absent(conn, deliveries, inspection_id=inspection_id, mode=mode.value, delivery=delivery.value, at=clock.now())


def delivery_of(conn: Connection, inspection_id: str) -> Delivery:
    """What becomes of an answer; posted where nothing else is on record."""
    found = conn.execute(sa.select(deliveries.c.delivery).where(deliveries.c.inspection_id == inspection_id)).scalar_one_or_none()
    return Delivery(found) if found else Delivery.POSTED


def number(conn: Connection, written: str) -> str:
    """The part's number as the records hold it. Raises UnknownRowError when there is no such part."""
    found = parts.number_of(conn, written)
    if found is None:
        raise UnknownRowError(f"There is no part {written!r}; see `kenpin parts list`.")
    return found


def part_of(conn: Connection, inspection_id: str) -> str | None:
    """The part that an inspection's proposal is about; None where there is none on record."""
    query = sa.select(proposals.c.part).join(parts_table, parts_table.c.number == proposals.c.part)
    return conn.execute(query.where(proposals.c.inspection_id == inspection_id)).scalar_one_or_none()


def channels(conn: Connection, part: str, newest: int = 200) -> dict[str, str]:
    """Where a part was asked about lately, direct messages left out: channel -> the language last used there."""
    query = (
        sa.select(inspections.c.channel, inspections.c.language)
        .where(inspections.c.part == part, inspections.c.channel.is_not(None), ~inspections.c.channel.startswith("D"))
        .order_by(inspections.c.received_at.desc())
        .limit(newest)
    )
    found: dict[str, str] = {}
    for channel, language in conn.execute(query):
        found.setdefault(channel, language)
    return found


def one_at_a_time(conn: Connection, part: str) -> None:
    """Wait until nobody else changes the mode of this part; on SQLite nobody can. The same lock as the guard of migration 0008 takes."""
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"mode:{part}", 0))))


def _step(conn: Connection, part: str, step: ModeStep, mode: Mode, *, at: str | None = None, **more: Any) -> ModeChange:
    last = latest(conn, part)
    if last is None:
        start(conn, part, Mode.ASSIST)
        last = latest(conn, part)
        assert last is not None
    conn.execute(
        mode_changes.insert().values(
            part=part,
            position=last.position + 1,
            step=step.value,
            from_mode=last.mode.value,
            mode=mode.value,
            at=at or clock.now(),
            **more,
        )
    )
    changed = latest(conn, part)
    assert changed is not None and changed.position == last.position + 1
    return changed


def _change(row: Row[Any] | None) -> ModeChange | None:
    if row is None:
        return None
    return ModeChange(
        part=row.part,
        position=row.position,
        step=ModeStep(row.step),
        from_mode=Mode(row.from_mode) if row.from_mode else None,
        mode=Mode(row.mode),
        at=row.at,
        signed_by=row.signed_by,
        why=row.why,
        evidence=json.loads(row.evidence) if row.evidence else None,
        evidence_digest=row.evidence_digest,
    )
