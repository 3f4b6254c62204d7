"""Erasing carried out: files, cached features and the queue's copies go with the rows, also after a crash in between; and retention."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from kenpin.bot import erasing, jobs
from kenpin.bot.erasing import Archive, Request
from kenpin.bot.jobs import Jobs
from kenpin.bot.worker import keep_house
from kenpin.storage import audit, erasures, inspections, parts, people, retention
from kenpin.storage.database import reading, writing
from kenpin.storage.erasures import ErasedKind
from kenpin.storage.errors import PhotoInUseError
from kenpin.storage.photos import PhotoStore
from kenpin.storage.retention import Kept
from kenpin.storage.vocabulary import Language, Photo, Reference, Source

ASKED_AT = "2026-01-01T05:00:00Z"
BY = Request(by="Chika", why="asked by letter")


@pytest.fixture
def archive(database: Engine, database_url: str, tmp_path: Path) -> Iterator[Archive]:
    """Ben asked twice, K-OLD long ago and K-NEW just now, with a photo each; the old one's photo has features in the cache."""
    jobs.migrate(database_url)
    queue = Jobs(database_url)
    made = Archive(engine=database, photos=PhotoStore(tmp_path / "photos"), cache=tmp_path / "cache", jobs=queue)
    with writing(database) as conn:
        people.remember(conn, "Ben", "Ben", "ben@example.com")
        parts.add(conn, "SC-200", None, "Chika")
        for number, (id, at) in enumerate((("K-OLD", ASKED_AT), ("K-NEW", datetime.now(UTC)))):
            inspections.receive(
                conn, id=id, source=Source.SLACK, event_id=id, channel="C1", message_ts=f"{number}.1", thread_ts=None, asked_by="Ben",
                question="is this OK?", language=Language.EN, received_at=at, files=[], payload={},
            )  # fmt: skip
            original, shown = (made.photos.put(f"{what} {id}".encode()) for what in ("photo", "shown"))
            inspections.save_photos(conn, id, [Photo(sha256=original, shown_sha256=shown, height_px=3, width_px=4)])
            queue.inspect(conn, id)
            inspections.mark_failed(conn, id, "gone")
    for folder in ("wholes", "views", "parts"):
        (made.cache / folder / "1-eye").mkdir(parents=True)
    yield made
    queue.close()


def photo_of(archive: Archive, id: str) -> Photo:
    with reading(archive.engine) as conn:
        (photo,) = inspections.photos_of(conn, id)
    assert isinstance(photo, Photo)
    return photo


def test_an_erased_question_is_taken_off_the_queue_too(archive: Archive) -> None:
    assert archive.jobs.waiting() == 2
    assert erasing.question(archive, "K-OLD", BY).questions == 1
    assert archive.jobs.waiting() == 1
    assert erasing.question(archive, "K-OLD", BY).questions == 0


def test_a_crash_between_the_rows_and_the_files_is_made_good(archive: Archive) -> None:
    photo = photo_of(archive, "K-OLD")
    with writing(archive.engine) as conn:
        erasures.of_photos(conn, [photo.sha256], by="Chika", why="asked")
    assert archive.photos.has(photo.sha256), "the process died here"
    keep_house(archive.engine, archive.jobs, datetime.now(UTC))
    assert archive.jobs.waiting() == 3, "the housekeeping is queued"
    erasing.keep_to_retention(archive, datetime.now(UTC))
    assert not archive.photos.has(photo.sha256) and not archive.photos.has(photo.shown_sha256)
    with reading(archive.engine) as conn:
        assert not erasures.to_carry_out(conn)


def test_a_reference_takes_what_was_learnt_from_it_along(archive: Archive) -> None:
    photo = photo_of(archive, "K-OLD")
    with writing(archive.engine) as conn:
        parts.add_references(conn, "SC-200", [Reference(photo_sha256=photo.sha256, shown_sha256=photo.shown_sha256, state="good")], "Chika")
    (archive.cache / "views" / "1-eye" / f"{photo.shown_sha256}-close-0.npz").write_bytes(b"view")
    (archive.cache / "parts" / "1-eye" / "learnt-from-several.npz").write_bytes(b"bank")
    (archive.cache / "wholes" / "1-eye" / f"{photo_of(archive, 'K-NEW').shown_sha256}.npy").write_bytes(b"another")
    with pytest.raises(PhotoInUseError, match=r"a reference of SC-200 \(good\)"):
        erasing.photo(archive, photo.sha256, BY)
    assert archive.photos.has(photo.sha256)
    erasing.photo(archive, photo.sha256, BY, also_references=True)
    kept = [file.parent.parent.name for file in archive.cache.rglob("*") if file.is_file()]
    assert kept == ["wholes"], "another photo's features stay"
    assert (archive.cache / "parts" / "1-eye").is_dir(), "a running eye writes there again"


def test_a_person_goes_with_their_questions_and_if_wanted_their_photos(archive: Archive) -> None:
    erased = erasing.person(archive, "Ben", BY, photos_too=True)
    assert (erased.questions, erased.photos) == (2, 2)
    with reading(archive.engine) as conn:
        ben = people.find(conn, "Ben")
        assert ben and ben.name is None
        assert audit.verify(conn).whole
    assert not any(archive.photos.root.rglob("?" * 64))


def test_what_is_kept_long_enough_goes_by_itself_and_the_log_says_so(archive: Archive) -> None:
    with writing(archive.engine) as conn:
        retention.set(conn, "*", Kept(photo_days=30, question_days=30), "Chika")
    old, new = photo_of(archive, "K-OLD"), photo_of(archive, "K-NEW")
    erased = erasing.keep_to_retention(archive, datetime.now(UTC))
    assert (erased.questions, erased.photos) == (1, 1)
    assert (archive.photos.has(old.sha256), archive.photos.has(new.sha256)) == (False, True)
    with reading(archive.engine) as conn:
        told = erasures.of(conn, ErasedKind.QUESTION, ["K-OLD", "K-NEW"])
        assert {id: one.erased_by for id, one in told.items()} == {"K-OLD": "retention"}
    assert erasing.keep_to_retention(archive, datetime.now(UTC)) == erasing.Erased()
