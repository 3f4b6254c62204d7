"""What was erased: a question's words, a photo with every picture derived from it, or what is known of a person.

Erasing is one transaction: an audit entry that says what was erased, by whom and why (never what it said), a row here for each thing, and
the words themselves gone. Files are removed after it (`kenpin.bot.erasing`) and the row notes when they were, so that a crash between the
two is made good. The chain stays whole: ids, times, verdicts and digests are kept, and an audit entry's own words are erased as
`audit.erase_all` does it. The database lets nothing else be changed (migration 0010).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kenpin.storage import audit, clock
from kenpin.storage.audit import AuditKind
from kenpin.storage.errors import PhotoInUseError, StillAskedError, UnknownRowError
from kenpin.storage.tables import (
    audit_entries,
    audit_head,
    erasures,
    inspection_photos,
    inspections,
    part_references,
    people,
    photos,
    trail_entries,
)
from kenpin.storage.vocabulary import Abstention, Answer, InspectionState, from_json, to_json

AT_ONCE = 200  # things in one entry
RETENTION = "retention"  # who erased what was kept long enough
_WORDS = (AuditKind.QUESTION_RECEIVED.value, AuditKind.PHOTO_REFUSED.value)  # entries that repeat what a person wrote or named


class ErasedKind(StrEnum):
    """What can be erased."""

    QUESTION = "question"  # what was asked, the words of its answer, and what the tools were given and gave; by the inspection's id
    PHOTO = "photo"  # the photo as uploaded, the copy that is shown, and every picture made of it; by its sha256
    PERSON = "person"  # a person's name, address and language; by their id, which stays


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """That something was erased. A thing can come back (the same photo posted again) and be erased again."""

    kind: ErasedKind
    subject: str
    seq: int  # the audit entry that tells of it
    at: str
    erased_by: str  # a person, or "retention"
    why: str
    files: tuple[str, ...]  # sha256 of each file of the photo store that goes with it
    carried_out_at: str | None  # when those were gone; None while they may be there


@dataclass(frozen=True, kw_only=True)
class UsedAs:
    """A reference that a photo is used as."""

    part: str
    state: str


def of(conn: Connection, kind: ErasedKind, subjects: Collection[str]) -> dict[str, Erasure]:
    """The newest erasure of each of these, where there is one."""
    query = sa.select(erasures).where(erasures.c.kind == kind.value, erasures.c.subject.in_(list(subjects))).order_by(erasures.c.seq)
    return {row.subject: _erasure(row) for row in conn.execute(query)}


def listing(conn: Connection, limit: int, before: int | None = None) -> tuple[Erasure, ...]:
    """Newest first; before: the number of the last one's audit entry on the page above."""
    query = sa.select(erasures).order_by(erasures.c.seq.desc(), erasures.c.subject).limit(limit)
    if before is not None:
        query = query.where(erasures.c.seq < before)
    return tuple(_erasure(row) for row in conn.execute(query))


def to_carry_out(conn: Connection) -> tuple[Erasure, ...]:
    """Erasures whose files may still be there, oldest first."""
    rows = conn.execute(sa.select(erasures).where(erasures.c.carried_out_at.is_(None)).order_by(erasures.c.seq))
    return tuple(_erasure(row) for row in rows)


def mark_carried_out(conn: Connection, done: Sequence[Erasure]) -> None:
    for one in done:
        key = sa.and_(erasures.c.kind == one.kind.value, erasures.c.subject == one.subject, erasures.c.seq == one.seq)
        conn.execute(erasures.update().where(key, erasures.c.carried_out_at.is_(None)).values(carried_out_at=clock.now()))


def used_as_reference(conn: Connection, shas: Collection[str]) -> tuple[UsedAs, ...]:
    """The references that these photos, or the same pictures under another sha256, are in use as."""
    shown = sa.select(photos.c.shown_sha256).where(_is_or_shows(shas))
    query = (
        sa.select(part_references.c.part, part_references.c.state)
        .where(sa.or_(part_references.c.photo_sha256.in_(list(shas)), part_references.c.shown_sha256.in_(shown)))
        .order_by(part_references.c.part, part_references.c.state)
    )
    return tuple(UsedAs(part=row.part, state=row.state) for row in conn.execute(query))


def of_questions(conn: Connection, ids: Sequence[str], *, by: str, why: str, person_id: str | None = None) -> tuple[str, ...]:
    """Erase what was asked in these inspections (at most AT_ONCE of them). Returns those that were not erased before.

    person_id: who does it, where it is a person. Raises UnknownRowError for an id that names nothing, StillAskedError for a question that
    is still being answered.
    """
    _lock(conn)
    found = {row.id: row for row in conn.execute(sa.select(inspections.c.id, inspections.c.state).where(inspections.c.id.in_(list(ids))))}
    for id in ids:
        if id not in found:
            raise UnknownRowError(f"There is no inspection {id}. Its reference number is under every answer: K-….")
        if found[id].state not in (InspectionState.POSTED.value, InspectionState.FAILED.value):
            raise StillAskedError(f"{id} is still being answered, so its question cannot be erased yet. Try again when it is posted.")
    done = of(conn, ErasedKind.QUESTION, ids)
    new = [id for id in dict.fromkeys(ids) if id not in done]
    if not new:
        return ()
    _record(conn, ErasedKind.QUESTION, dict.fromkeys(new, ()), by=by, why=why, person_id=person_id)
    for row in conn.execute(sa.select(inspections.c.id, inspections.c.answer).where(inspections.c.id.in_(new))).all():
        emptied: dict[str, Any] = {"question": "", "files": [], "payload": {}}
        if row.answer is not None:
            emptied |= {"words": "", "answer": to_json(_without_words(from_json(Answer, row.answer)))}
        conn.execute(inspections.update().where(inspections.c.id == row.id).values(**emptied))
    conn.execute(trail_entries.update().where(trail_entries.c.inspection_id.in_(new)).values(inputs={}, outputs={}))
    said = sa.select(audit_entries.c.seq).where(audit_entries.c.inspection_id.in_(new), audit_entries.c.kind.in_(_WORDS))
    for seqs in _batches(list(conn.scalars(said.order_by(audit_entries.c.seq)))):
        audit.erase_all(conn, seqs, person_id=person_id, why=why)
    return tuple(new)


def of_photos(
    conn: Connection,
    shas: Sequence[str],
    *,
    by: str,
    why: str,
    person_id: str | None = None,
    also_references: bool = False,
    again: bool = True,
) -> tuple[str, ...]:
    """Erase these photos (at most AT_ONCE of them) with the same pictures under another sha256. Returns the sha256 of each.

    Their files are gone once `kenpin.bot.erasing` has carried it out. shas: of photos as uploaded or as shown. also_references: take them
    out of the references as well. again: also those that were erased before, as the same photo can have come again. Raises
    UnknownRowError for a sha256 that names nothing, PhotoInUseError for a reference in use.
    """
    _lock(conn)
    known = {
        row.sha256: {row.shown_sha256, row.sha256}
        for row in conn.execute(sa.select(photos.c.sha256, photos.c.shown_sha256).where(_is_or_shows(shas)))
    }
    for row in conn.execute(sa.select(part_references).where(_reference_of(shas, known))):
        known.setdefault(row.photo_sha256, set()).update((row.photo_sha256, row.shown_sha256))
    for sha in shas:
        if not any(sha in pictures for pictures in known.values()):
            raise UnknownRowError(f"No photo on record has the sha256 {sha}. The console shows it beside each photo.")
    if not again:
        known = {sha: pictures for sha, pictures in known.items() if sha not in of(conn, ErasedKind.PHOTO, list(known))}
    if not known:
        return ()
    in_use = used_as_reference(conn, list(known))
    if in_use and not also_references:
        parts = ", ".join(dict.fromkeys(f"{one.part} ({one.state})" for one in in_use))
        raise PhotoInUseError(
            f"This photo is a reference of {parts}: answers rest on it. Erase it with --references to take it out of them, or keep it."
        )
    for sha, pictures in known.items():
        pictures |= _derived(conn, sha)
    _record(
        conn,
        ErasedKind.PHOTO,
        {sha: tuple(sorted(pictures)) for sha, pictures in known.items()},
        by=by,
        why=why,
        person_id=person_id,
        also={"references_of": sorted({one.part for one in in_use})} if in_use else {},
    )
    if in_use:
        conn.execute(part_references.delete().where(_reference_of(shas, known)))
    return tuple(known)


def of_person(conn: Connection, id: str, *, by: str, why: str, person_id: str | None = None) -> None:
    """Erase what is known of a person but their id, which decisions and the chain hold on to. Their questions are erased separately.

    Raises UnknownRowError for an id that names nobody.
    """
    _lock(conn)
    if conn.execute(sa.select(people.c.id).where(people.c.id == id)).first() is None:
        raise UnknownRowError(f"Nobody on record has the id {id}. See `kenpin people list`.")
    _record(conn, ErasedKind.PERSON, {id: ()}, by=by, why=why, person_id=person_id)
    conn.execute(people.update().where(people.c.id == id).values(name=None, email=None, locale=None))


def questions_of(conn: Connection, person: str, *, limit: int | None = None) -> tuple[str, ...]:
    """The finished inspections that this person asked for and whose question is not erased, oldest first."""
    erased = sa.exists().where(erasures.c.kind == ErasedKind.QUESTION.value, erasures.c.subject == inspections.c.id)
    finished = inspections.c.state.in_((InspectionState.POSTED.value, InspectionState.FAILED.value))
    query = sa.select(inspections.c.id).where(inspections.c.asked_by == person, finished, ~erased)
    return tuple(conn.scalars(query.order_by(inspections.c.received_at).limit(limit)))


def photos_of(conn: Connection, person: str) -> tuple[str, ...]:
    """sha256 of the photos that this person's questions came with and that are not erased."""
    erased = sa.exists().where(erasures.c.kind == ErasedKind.PHOTO.value, erasures.c.subject == inspection_photos.c.photo_sha256)
    query = (
        sa.select(inspection_photos.c.photo_sha256)
        .join(inspections, inspections.c.id == inspection_photos.c.inspection_id)
        .where(inspections.c.asked_by == person, inspection_photos.c.photo_sha256.is_not(None), ~erased)
    )
    return tuple(sorted(set(conn.scalars(query))))


def _record(
    conn: Connection,
    kind: ErasedKind,
    files: Mapping[str, Sequence[str]],
    *,
    by: str,
    why: str,
    person_id: str | None,
    also: Mapping[str, Any] | None = None,
) -> None:
    """The entry that tells of it, and a row for each subject."""
    subjects = sorted(files)
    inspection_id = subjects[0] if kind is ErasedKind.QUESTION and len(subjects) == 1 else None
    told = {"what": kind.value, "subjects": subjects, "by": by, "why": why, **(also or {})}
    entry = audit.append(conn, AuditKind.ERASED, told, inspection_id, person_id)
    rows = [
        {
            "kind": kind.value,
            "subject": subject,
            "seq": entry.seq,
            "at": entry.at,
            "erased_by": by,
            "why": why,
            "files": list(files[subject]),
        }
        for subject in subjects
    ]
    conn.execute(erasures.insert(), rows)


def _lock(conn: Connection) -> None:
    """One erasure at a time: the head is what every writer of the log waits for, so what is read from here on is what will be erased."""
    conn.execute(sa.select(audit_head.c.seq).with_for_update()).one()
    if conn.dialect.name == "sqlite":  # what is erased is overwritten in the file, not only taken off the books
        conn.exec_driver_sql("PRAGMA secure_delete = ON")


def _without_words(answer: Answer) -> Answer:
    """The answer without anything a person wrote: it may have been quoted, so sentences, opinions and the trail's contents go with it."""
    return replace(
        answer,
        headline="",
        lines=(),
        abstention=None if answer.abstention is None else Abstention(reason=answer.abstention.reason, words=""),
        trail=tuple(replace(entry, inputs={}, outputs={}) for entry in answer.trail),
        opinions=(),
    )


def _derived(conn: Connection, photo_sha256: str) -> set[str]:
    """The pictures that were made of this photo, in whichever inspection looked at it: its own, or another one of the same thread."""
    own = (
        sa.select(
            inspections.c.id, inspections.c.channel, sa.func.coalesce(inspections.c.thread_ts, inspections.c.message_ts).label("root")
        )
        .join(inspection_photos, inspection_photos.c.inspection_id == inspections.c.id)
        .where(inspection_photos.c.photo_sha256 == photo_sha256)
    )
    found: set[str] = set()
    for row in conn.execute(own).all():
        in_thread = sa.and_(
            inspections.c.channel == row.channel, sa.or_(inspections.c.thread_ts == row.root, inspections.c.message_ts == row.root)
        )
        answered = sa.select(inspections.c.id, inspections.c.answer).where(sa.or_(inspections.c.id == row.id, in_thread))
        for id, answer in conn.execute(answered.where(inspections.c.answer.is_not(None))).all():
            found |= _pictures_of(answer, photo_sha256, _usable_photos(conn, id))
    return found


def _pictures_of(answer: Mapping[str, Any], photo_sha256: str, own: Sequence[str]) -> set[str]:
    """own: the inspection's photos that could be used, in order; an answer counts them so."""
    made = {one["map_sha256"] for one in answer["comparisons"] if own[one["photo"] : one["photo"] + 1] == [photo_sha256]}
    made |= {entry["outputs"].get("map") for entry in answer["trail"] if photo_sha256 in entry["inputs"].values()}
    if set(own) == {photo_sha256}:
        made |= {picture["sha256"] for picture in answer["pictures"]}
    return {sha for sha in made if sha}


def _usable_photos(conn: Connection, inspection_id: str) -> list[str]:
    query = sa.select(inspection_photos.c.photo_sha256).where(
        inspection_photos.c.inspection_id == inspection_id, inspection_photos.c.photo_sha256.is_not(None)
    )
    return [str(sha) for sha in conn.scalars(query.order_by(inspection_photos.c.position))]


def _is_or_shows(shas: Collection[str]) -> sa.ColumnElement[bool]:
    """Photos with one of these sha256, as uploaded or as shown, and those that show the same picture."""
    wanted = list(shas)
    same = sa.select(photos.c.shown_sha256).where(photos.c.sha256.in_(wanted)).scalar_subquery()
    return sa.or_(photos.c.sha256.in_(wanted), photos.c.shown_sha256.in_(wanted), photos.c.shown_sha256.in_(same))


def _reference_of(shas: Collection[str], known: Mapping[str, Collection[str]]) -> sa.ColumnElement[bool]:
    wanted = sorted({*shas, *known, *(picture for pictures in known.values() for picture in pictures)})
    return sa.or_(part_references.c.photo_sha256.in_(wanted), part_references.c.shown_sha256.in_(wanted))


def _batches(seqs: list[int]) -> list[list[int]]:
    return [seqs[start : start + 1000] for start in range(0, len(seqs), 1000)]


def _erasure(row: Row[Any]) -> Erasure:
    return Erasure(**{**row._mapping, "kind": ErasedKind(row.kind), "files": tuple(row.files)})
