"""Everything on record about one person as one file, for whoever asks what is kept of them: a zip of JSON, and their photos as uploaded."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from kenpin.bot.complaints import CannotWriteError
from kenpin.storage import audit, clock, people, person_records
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.errors import PhotoMissingError, UnknownRowError
from kenpin.storage.photos import PhotoStore

_SUFFIXES = ((b"\xff\xd8", ".jpg"), (b"\x89PNG", ".png"), (b"RIFF", ".webp"))


@dataclass(frozen=True, kw_only=True)
class PersonFile:
    """What the file holds."""

    rows: int
    photos: int
    gone: int  # photos that were erased


def write(
    engine: Engine, store: PhotoStore, person: str, file: Path, *, by: str, progress: Callable[[str], None] | None = None
) -> PersonFile:
    """The file appears when it is whole, and the log says that it was made, by whom. progress: told what is being written.

    Raises UnknownRowError for an id that names nobody, CannotWriteError.
    """
    with reading(engine) as conn:
        if people.find(conn, person) is None:
            raise UnknownRowError(f"Nobody on record has the id {person}. See `kenpin people list`, or look under an answer in Slack.")
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as unfinished:
            written = Path(unfinished.name)
        try:
            made = _write(engine, store, person, written, progress or (lambda what: None))
            written.replace(file)
        finally:
            written.unlink(missing_ok=True)
    except OSError as error:
        raise CannotWriteError(f"{file} cannot be written: {error.strerror}. Choose another place.") from error
    with writing(engine) as conn:
        audit.append(conn, AuditKind.PERSON_EXPORTED, {"person": person, "rows": made.rows, "photos": made.photos, "by": by})
    return made


def _write(engine: Engine, store: PhotoStore, person: str, file: Path, progress: Callable[[str], None]) -> PersonFile:
    counts: dict[str, int] = {}
    copied = gone = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, reading(engine) as conn:
        for table in person_records.tables_about():
            progress(table.name)
            count = 0
            with archive.open(f"{table.name}.json", "w") as stream:
                for row in person_records.rows(conn, table, person):
                    stream.write(("[\n" if count == 0 else ",\n").encode() + json.dumps(row, ensure_ascii=False).encode())
                    count += 1
                stream.write(b"\n]\n" if count else b"[]\n")
            counts[table.name] = count
        progress("photos")
        for sha256 in person_records.photos(conn, person):
            try:
                data = store.get(sha256)
            except PhotoMissingError:
                gone += 1
                continue
            suffix = next((suffix for magic, suffix in _SUFFIXES if data.startswith(magic)), "")
            archive.writestr(zipfile.ZipInfo(f"photos/{sha256}{suffix}"), data, zipfile.ZIP_STORED)
            copied += 1
        about = {"person": person, "made_at": clock.now(), "rows": counts, "photos": copied, "photos_gone": gone}
        archive.writestr("about.json", json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    return PersonFile(rows=sum(counts.values()), photos=copied, gone=gone)
