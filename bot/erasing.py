"""Erasing carried out to its end: the rows (`storage.erasures`), then the files, the cached features and the queue's copies; and retention.

What a person asks for and what has been kept long enough go the same way. The rows are one transaction; the files follow it, and are
looked for again by every worker's housekeeping until they are gone, so that a crash in between leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from kenpin.bot.jobs import Jobs
from kenpin.storage import erasures, retention
from kenpin.storage.database import reading, writing
from kenpin.storage.erasures import AT_ONCE, RETENTION, ErasedKind
from kenpin.storage.photos import PhotoStore

KEPT_LONG_ENOUGH = "kept for as long as is set for the part"
ROUNDS = 50  # batches of a retention run; what is left is for the next one


@dataclass(frozen=True, kw_only=True)
class Archive:
    """Everywhere that words and pictures are kept."""

    engine: Engine
    photos: PhotoStore
    cache: Path  # KENPIN_HOME/cache: features of photos
    jobs: Jobs


@dataclass(frozen=True, kw_only=True)
class Request:
    """Who wants something erased, and why; both go into the log."""

    by: str
    why: str
    person_id: str | None = None  # of the person who does it, where they are known by one


@dataclass(frozen=True, kw_only=True)
class Erased:
    """How much was erased."""

    questions: int = 0
    photos: int = 0


def question(archive: Archive, inspection_id: str, request: Request) -> Erased:
    """Raises UnknownRowError, StillAskedError."""
    with writing(archive.engine) as conn:
        gone = erasures.of_questions(conn, [inspection_id], by=request.by, why=request.why, person_id=request.person_id)
    carry_out(archive)
    return Erased(questions=len(gone))


def photo(archive: Archive, sha256: str, request: Request, *, also_references: bool = False) -> Erased:
    """Raises UnknownRowError, PhotoInUseError."""
    with writing(archive.engine) as conn:
        gone = erasures.of_photos(
            conn, [sha256], by=request.by, why=request.why, person_id=request.person_id, also_references=also_references
        )
    carry_out(archive)
    return Erased(photos=len(gone))


def person(archive: Archive, id: str, request: Request, *, photos_too: bool = False, also_references: bool = False) -> Erased:
    """A person's name and address and all their questions; with `photos_too` the photos that those came with.

    A question of theirs that is still being answered stays: erase again afterwards. Raises UnknownRowError, PhotoInUseError.
    """
    by, why, who = request.by, request.why, request.person_id
    asked = photos = 0
    if photos_too:  # first, as a reference in use stops it
        with reading(archive.engine) as conn:
            theirs = erasures.photos_of(conn, id)
        for batch in _batches(theirs):
            with writing(archive.engine) as conn:
                photos += len(erasures.of_photos(conn, batch, by=by, why=why, person_id=who, also_references=also_references))
    with writing(archive.engine) as conn:
        erasures.of_person(conn, id, by=by, why=why, person_id=who)
    while True:
        with writing(archive.engine) as conn:
            gone = erasures.of_questions(conn, erasures.questions_of(conn, id, limit=AT_ONCE), by=by, why=why, person_id=who)
        asked += len(gone)
        if not gone:
            break
    carry_out(archive)
    return Erased(questions=asked, photos=photos)


def keep_to_retention(archive: Archive, now: datetime) -> Erased:
    """Erase what has been kept for as long as is set. Some hundreds at a time, so that nobody waits for the log meanwhile."""
    asked = photos = 0
    for _ in range(ROUNDS):
        with reading(archive.engine) as conn:
            questions = retention.overdue_questions(conn, now, AT_ONCE)
            shas = retention.overdue_photos(conn, now, AT_ONCE)
        if not questions and not shas:
            break
        with writing(archive.engine) as conn:
            if questions:
                asked += len(erasures.of_questions(conn, questions, by=RETENTION, why=KEPT_LONG_ENOUGH))
        with writing(archive.engine) as conn:
            if shas:
                photos += len(erasures.of_photos(conn, shas, by=RETENTION, why=KEPT_LONG_ENOUGH, again=False))
    carry_out(archive)
    return Erased(questions=asked, photos=photos)


def carry_out(archive: Archive) -> None:
    """Remove the files, features and queued copies of everything that was erased and still has some; may run again, and twice at once."""
    with reading(archive.engine) as conn:
        waiting = erasures.to_carry_out(conn)
    if not waiting:
        return
    was_reference = False
    for one in waiting:
        if one.kind is ErasedKind.QUESTION:
            archive.jobs.forget(one.subject)
        for sha256 in one.files:
            archive.photos.erase(sha256)
            was_reference |= _forget_features(archive.cache, sha256)
    if was_reference:  # what was learnt from it together with others; it is learnt again from those that are left
        for learnt in ("parts", "heads", "expected"):
            for file in archive.cache.glob(f"{learnt}/*/*"):
                file.unlink(missing_ok=True)
    with writing(archive.engine) as conn:
        erasures.mark_carried_out(conn, waiting)


def _forget_features(cache: Path, sha256: str) -> bool:
    """True when the photo's views were kept, as only those of references are."""
    for file in cache.glob(f"wholes/*/{sha256}*"):
        file.unlink(missing_ok=True)
    views = list(cache.glob(f"views/*/{sha256}*"))
    for file in views:
        file.unlink(missing_ok=True)
    return bool(views)


def _batches(shas: Sequence[str]) -> list[Sequence[str]]:
    return [shas[start : start + AT_ONCE] for start in range(0, len(shas), AT_ONCE)]
