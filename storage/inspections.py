"""Inspections: one question with its photos, its answer, and where that answer was posted.

Every step of the queue can run twice, so every function here can: the first writing stands and the second changes nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kenpin.storage import clock
from kenpin.storage.canonical import storable
from kenpin.storage.database import insert_if_absent
from kenpin.storage.errors import UnknownRowError
from kenpin.storage.tables import (
    actions,
    corrections,
    decisions,
    findings,
    inspection_photos,
    inspections,
    measurements,
    photos,
    proposals,
    trail_entries,
    workers,
)
from kenpin.storage.vocabulary import (
    Answer,
    Comparison,
    DecisionVerdict,
    Disposition,
    Finding,
    InspectionState,
    Language,
    Photo,
    Source,
    TrailEntry,
    Verdict,
    from_json,
    to_json,
)

_LETTERS = "34679ACDEFGHJKMNPRTWXY"  # without pairs that are misread or misheard: 0 O Q, 1 I L, 2 Z, 5 S, 8 B, U V
_LENGTH = 7  # 22**7 = 2.5e9 references; a clash is refused by the key, and Slack's resend draws another


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """One row, without its photos and answer, which `photos_of` and `answer_of` give."""

    id: str
    source: Source
    event_id: str | None  # Slack's; None on the command line
    channel: str | None
    message_ts: str | None
    thread_ts: str | None  # the thread the question stands in; None when it starts one
    asked_by: str
    question: str
    language: Language
    received_at: str
    files: tuple[dict[str, Any], ...]  # Slack's file objects as they came
    payload: dict[str, Any]  # the event as it came
    state: InspectionState
    verdict: Verdict | None
    part: str | None
    confidence: float | None
    anomaly_score: float | None
    threshold: float | None
    model: str | None
    words: str | None  # the answer as text: headline and lines
    answered_at: str | None
    cost: float | None  # of the larger models' opinions in the answer, in the currency of the site's price setting
    posting_by: str | None  # the worker that last claimed the posting; set before the first try, so look in the thread when it is
    posted_channel: str | None
    posted_ts: str | None
    posted_at: str | None
    failure: str | None  # why it was given up


@dataclass(frozen=True, kw_only=True)
class PastPhoto:
    """One photo of an earlier, answered inspection, and what came of it."""

    inspection_id: str
    sha256: str
    shown_sha256: str
    part: str | None
    verdict: Verdict
    decision: DecisionVerdict | None  # None while nobody has decided
    disposition: Disposition | None  # of the recorded action, if there is one
    asked_at: str
    channel: str | None  # with message_ts: where the question stands, for a permalink
    message_ts: str | None
    thread: str | None = None  # ts of the first message of the thread it was asked in


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A verdict that was given, and the score it was given by."""

    inspection_id: str
    received_at: str
    verdict: Verdict
    anomaly_score: float


def new_id() -> str:
    """A reference a person can read out, such as K-7F3A9CD."""
    return "K-" + "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def receive(
    conn: Connection,
    *,
    id: str,
    source: Source,
    event_id: str | None,
    channel: str | None,
    message_ts: str | None,
    thread_ts: str | None,
    asked_by: str,
    question: str,
    language: Language,
    received_at: clock.Moment,
    files: Sequence[Mapping[str, Any]],
    payload: Mapping[str, Any],
) -> bool:
    """Remember a question. False when this event, or this message by another event, is already here: nothing is written then.

    files: Slack's file objects. payload: the whole event. Both are kept as they came.
    """
    new = insert_if_absent(
        conn,
        inspections,
        id=id,
        source=source.value,
        event_id=event_id,
        channel=channel,
        message_ts=message_ts,
        thread_ts=thread_ts,
        asked_by=asked_by,
        question=storable(question),
        language=language.value,
        received_at=clock.text(received_at),
        files=[dict(file) for file in files],
        file_count=len(files),
        payload=dict(payload),
        state=InspectionState.RECEIVED.value,
    )
    if new:
        return True
    if not is_received(conn, event_id=event_id, channel=channel, message_ts=message_ts):
        raise ValueError(f"The reference {id} is taken by another inspection. Draw another with new_id().")
    return False


def is_received(conn: Connection, *, event_id: str | None, channel: str | None, message_ts: str | None) -> bool:
    """Whether this event, or this message by another event, is already here. A read: it waits for no writer on SQLite."""
    by_event = sa.and_(inspections.c.event_id == event_id, sa.literal(event_id is not None))
    by_message = sa.and_(inspections.c.channel == channel, inspections.c.message_ts == message_ts, sa.literal(message_ts is not None))
    return conn.execute(sa.select(inspections.c.id).where(sa.or_(by_event, by_message))).first() is not None


def get(conn: Connection, id: str) -> Inspection | None:
    row = conn.execute(sa.select(*_COLUMNS).where(inspections.c.id == id)).first()
    return _inspection(row) if row else None


def listing(
    conn: Connection, limit: int, *, before: str | None = None, part: str | None = None, state: InspectionState | None = None
) -> tuple[Inspection, ...]:
    """Newest first; `before` is the received_at of the last one on the page above."""
    query = sa.select(*_COLUMNS).order_by(inspections.c.received_at.desc(), inspections.c.id).limit(limit)
    if before is not None:
        query = query.where(inspections.c.received_at < before)
    if part is not None:
        query = query.where(inspections.c.part == part)
    if state is not None:
        query = query.where(inspections.c.state == state.value)
    return tuple(_inspection(row) for row in conn.execute(query))


def latest_with_photos_in_thread(conn: Connection, channel: str, thread_ts: str) -> Inspection | None:
    """The newest inspection of the thread, its first message included, that came with photos which are usable or not yet fetched."""
    fetched = sa.exists().where(inspection_photos.c.inspection_id == inspections.c.id)
    usable = fetched.where(inspection_photos.c.photo_sha256.is_not(None))
    query = (
        sa.select(*_COLUMNS)
        .where(
            inspections.c.channel == channel,
            sa.or_(inspections.c.thread_ts == thread_ts, inspections.c.message_ts == thread_ts),
            inspections.c.file_count > 0,
            sa.or_(usable, ~fetched),
        )
        .order_by(inspections.c.received_at.desc(), inspections.c.message_ts.desc())
        .limit(1)
    )
    row = conn.execute(query).first()
    return _inspection(row) if row else None


def earlier_in_thread(conn: Connection, channel: str, thread_ts: str, before: clock.Moment, limit: int) -> tuple[Inspection, ...]:
    """The questions of a thread, its first message included, that were asked before a moment; newest first."""
    query = (
        sa.select(*_COLUMNS)
        .where(
            inspections.c.channel == channel,
            sa.or_(inspections.c.thread_ts == thread_ts, inspections.c.message_ts == thread_ts),
            inspections.c.received_at < clock.text(before),
        )
        .order_by(inspections.c.received_at.desc(), inspections.c.message_ts.desc())
        .limit(limit)
    )
    return tuple(_inspection(row) for row in conn.execute(query))


def save_photos(conn: Connection, id: str, checked: Sequence[Photo | str]) -> None:
    """Remember the photos in the order they were sent; a file that could not be used stands as the words that say why."""
    for position, photo in enumerate(checked):
        if isinstance(photo, Photo):
            insert_if_absent(conn, photos, **vars(photo), first_seen_at=clock.now())
            insert_if_absent(conn, inspection_photos, inspection_id=id, position=position, photo_sha256=photo.sha256)
        else:
            insert_if_absent(conn, inspection_photos, inspection_id=id, position=position, problem=storable(photo))


def photos_of(conn: Connection, id: str) -> tuple[Photo | str, ...]:
    """What `save_photos` took; empty while the photos are not fetched."""
    rows = conn.execute(
        sa.select(inspection_photos.c.problem, photos)
        .select_from(inspection_photos.outerjoin(photos, photos.c.sha256 == inspection_photos.c.photo_sha256))
        .where(inspection_photos.c.inspection_id == id)
        .order_by(inspection_photos.c.position)
    )
    return tuple(
        row.problem
        if row.sha256 is None
        else Photo(
            sha256=row.sha256,
            shown_sha256=row.shown_sha256,
            height_px=row.height_px,
            width_px=row.width_px,
            camera=row.camera,
            brightness=row.brightness,
        )
        for row in rows
    )


def save_answer(conn: Connection, id: str, answer: Answer) -> bool:
    """Remember the answer with its findings and its trail. False when there is one already, which then stands: post that one.

    Raises UnknownRowError when there is no such inspection.
    """
    saved = conn.execute(
        inspections.update()
        .where(inspections.c.id == id, inspections.c.state == InspectionState.RECEIVED.value)
        .values(
            state=InspectionState.ANSWERED.value,
            verdict=answer.verdict.value,
            part=answer.part,
            confidence=answer.confidence,
            anomaly_score=answer.anomaly_score,
            threshold=answer.threshold,
            model=answer.model,
            words=storable("\n".join((answer.headline, *answer.lines))),
            answer=to_json(answer),
            cost=sum(opinion.cost for opinion in answer.opinions),
            answered_at=clock.now(),
        )
    ).rowcount
    if not saved:
        if get(conn, id) is None:
            raise UnknownRowError(f"There is no inspection {id}.")
        return False
    if answer.comparisons:
        strangest = max(answer.comparisons, key=lambda one: one.anomaly_score)
        conn.execute(measurements.insert().values(_measurement_row(id, strangest)))
    if answer.findings:
        conn.execute(findings.insert(), [_finding_row(id, position, found) for position, found in enumerate(answer.findings)])
    if answer.trail:
        conn.execute(trail_entries.insert(), [_trail_row(id, position, entry) for position, entry in enumerate(answer.trail)])
    return True


def answer_of(conn: Connection, id: str) -> Answer | None:
    kept = conn.execute(sa.select(inspections.c.answer).where(inspections.c.id == id)).scalar_one_or_none()
    return None if kept is None else from_json(Answer, kept)


def cost_since(conn: Connection, moment: clock.Moment) -> float:
    """What the larger models' opinions in the answers saved since then cost, in the currency of the site's price setting."""
    since = inspections.c.answered_at >= clock.text(moment)
    return float(conn.execute(sa.select(sa.func.coalesce(sa.func.sum(inspections.c.cost), 0.0)).where(since)).scalar_one())


def claim_posting(conn: Connection, id: str, worker: str) -> bool:
    """True for the one worker that may post the answer now. A claim is free again once its worker is forgotten (`workers.forget`).

    A worker that finds `posting_by` set before its own claim must look in the thread first: the earlier one may have posted and
    died before saying so.
    """
    nobody_living = sa.or_(
        inspections.c.posting_by.is_(None),
        inspections.c.posting_by == worker,
        ~sa.exists().where(workers.c.id == inspections.c.posting_by),
    )
    claim = (
        inspections.update()
        .where(inspections.c.id == id, inspections.c.state == InspectionState.ANSWERED.value, nobody_living)
        .values(posting_by=worker, posting_at=clock.now())
    )
    return conn.execute(claim).rowcount == 1


def is_being_posted(conn: Connection, channel: str) -> bool:
    """Whether an answer in this channel has been claimed for posting and is not yet noted as posted."""
    # Not a bound value: SQLite would not see that the index fits.
    answered: sa.ColumnElement[str] = sa.literal_column(f"'{InspectionState.ANSWERED}'")
    query = sa.select(inspections.c.id).where(
        inspections.c.channel == channel, inspections.c.state == answered, inspections.c.posting_by.is_not(None)
    )
    return conn.execute(query.limit(1)).first() is not None


def mark_posted(conn: Connection, id: str, channel: str, ts: str) -> bool:
    """The answer stands in the thread at (channel, ts). False when it was marked before, or there is no answer to post."""
    posted = (
        inspections.update()
        .where(inspections.c.id == id, inspections.c.state == InspectionState.ANSWERED.value)
        .values(state=InspectionState.POSTED.value, posted_channel=channel, posted_ts=ts, posted_at=clock.now())
    )
    return conn.execute(posted).rowcount == 1


def mark_failed(conn: Connection, id: str, why: str) -> bool:
    """Given up after every retry. False when it had failed before, or its answer stands in the thread already."""
    unfinished = (InspectionState.RECEIVED.value, InspectionState.ANSWERED.value)
    failed = (
        inspections.update()
        .where(inspections.c.id == id, inspections.c.state.in_(unfinished))
        .values(state=InspectionState.FAILED.value, failure=storable(why), failed_at=clock.now())
    )
    return conn.execute(failed).rowcount == 1


def judged(conn: Connection, part: str, limit: int) -> tuple[Judged, ...]:
    """The newest verdicts on a part, newest first."""
    query = (
        sa.select(inspections.c.id, inspections.c.received_at, inspections.c.verdict, inspections.c.anomaly_score)
        .where(
            inspections.c.part == part,
            inspections.c.anomaly_score.is_not(None),
            inspections.c.verdict.in_([Verdict.OK.value, Verdict.NOT_OK.value, Verdict.UNSURE.value]),
        )
        .order_by(inspections.c.received_at.desc(), inspections.c.id)
        .limit(limit)
    )
    return tuple(
        Judged(inspection_id=row.id, received_at=row.received_at, verdict=Verdict(row.verdict), anomaly_score=row.anomaly_score)
        for row in conn.execute(query)
    )


def past_photos(conn: Connection, part: str | None, before: clock.Moment, limit: int) -> tuple[PastPhoto, ...]:
    """Photos of answered inspections received before a moment, newest first; of one part, or of all when it is None."""
    query = (
        sa.select(
            inspections.c.id,
            photos.c.sha256,
            photos.c.shown_sha256,
            inspections.c.part,
            inspections.c.verdict,
            decisions.c.verdict.label("decision"),
            sa.case((actions.c.proposal_id.is_not(None), sa.func.coalesce(corrections.c.disposition, proposals.c.disposition))).label(
                "disposition"
            ),
            inspections.c.received_at,
            inspections.c.channel,
            inspections.c.message_ts,
            sa.func.coalesce(inspections.c.thread_ts, inspections.c.message_ts).label("thread"),
        )
        .select_from(
            inspections.join(inspection_photos, inspection_photos.c.inspection_id == inspections.c.id)
            .join(photos, photos.c.sha256 == inspection_photos.c.photo_sha256)
            .outerjoin(proposals, proposals.c.inspection_id == inspections.c.id)
            .outerjoin(decisions, decisions.c.proposal_id == proposals.c.id)
            .outerjoin(actions, actions.c.proposal_id == proposals.c.id)
            .outerjoin(
                corrections,
                sa.and_(corrections.c.proposal_id == actions.c.proposal_id, corrections.c.digest == actions.c.corrected_digest),
            )
        )
        .where(inspections.c.answered_at.is_not(None), inspections.c.received_at < clock.text(before))
        .order_by(inspections.c.received_at.desc(), inspections.c.id, inspection_photos.c.position)
        .limit(limit)
    )
    if part is not None:
        query = query.where(inspections.c.part == part)
    return tuple(
        PastPhoto(
            inspection_id=row.id,
            sha256=row.sha256,
            shown_sha256=row.shown_sha256,
            part=row.part,
            verdict=Verdict(row.verdict),
            decision=DecisionVerdict(row.decision) if row.decision else None,
            disposition=Disposition(row.disposition) if row.disposition else None,
            asked_at=row.received_at,
            channel=row.channel,
            message_ts=row.message_ts,
            thread=row.thread,
        )
        for row in conn.execute(query)
    )


_COLUMNS = tuple(column for column in inspections.c if column.name not in ("answer", "file_count", "posting_at", "failed_at"))


def _inspection(row: Row[Any]) -> Inspection:
    fields = dict(row._mapping)
    fields["source"] = Source(row.source)
    fields["language"] = Language(row.language)
    fields["state"] = InspectionState(row.state)
    fields["verdict"] = Verdict(row.verdict) if row.verdict else None
    fields["files"] = tuple(row.files)
    return Inspection(**fields)


def _measurement_row(id: str, seen: Comparison) -> dict[str, Any]:
    return {
        "inspection_id": id,
        "photo": seen.photo,
        "good_references": seen.references,
        "fine_z": seen.fine_z,
        "coarse_z": seen.coarse_z,
        "whole_z": seen.whole_z,
        "bulk_z": seen.bulk_z,
    }


def _finding_row(id: str, position: int, found: Finding) -> dict[str, Any]:
    region = found.region
    left, top, right, bottom = region.box_xyxy if region else (None, None, None, None)
    return {
        "inspection_id": id,
        "position": position,
        "photo": found.photo,
        "tool": found.tool,
        "kind": found.kind,
        "score": found.score,
        "box_left": left,
        "box_top": top,
        "box_right": right,
        "box_bottom": bottom,
        "area_of_part": region.area_of_part if region else None,
        "region_score": region.score if region else None,
        "place": region.where if region else None,
    }


def _trail_row(id: str, position: int, entry: TrailEntry) -> dict[str, Any]:
    return {
        "inspection_id": id,
        "position": position,
        "tool": entry.tool,
        "inputs": entry.inputs,
        "outputs": entry.outputs,
        "model": entry.model,
        "ms": entry.ms,
    }
