"""Exporting the audit log as a person asks for it: by days or by entries, with the site's key, and with a word of it in the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from kenpin.bot.settings import Settings
from kenpin.storage import audit, audit_export, signing
from kenpin.storage.audit import AuditKind
from kenpin.storage.audit_export import Format, Written
from kenpin.storage.database import reading, writing
from kenpin.storage.errors import ExportError
from kenpin.storage.photos import PhotoStore


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody asked to have exported, as they wrote it."""

    format: str
    since: str | None = None  # a day (UTC) or an entry's number; None: from the start
    until: str | None = None  # both included; None: to the newest
    photos: bool = False


def write(
    engine: Engine,
    settings: Settings,
    folder: Path,
    wanted: Wanted,
    *,
    by: str,
    person_id: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Raises ExportError for what cannot be understood or written, SigningKeyError."""
    if wanted.format not in list(Format):
        raise ExportError(f"{wanted.format!r} is no format that entries can be written as; choose {', '.join(Format)}.")
    if folder.suffix.lstrip(".") in list(Format):
        raise ExportError(
            f"An export is a folder with a signed manifest. Name one without {folder.suffix}, and say --format {folder.suffix[1:]}."
        )
    store = PhotoStore(settings.photos) if wanted.photos else None
    with reading(engine) as conn:
        first, last = span(conn, wanted)
        written = audit_export.export(
            conn,
            folder,
            Format(wanted.format),
            signing.signer(settings.home),
            by=by,
            first=first,
            last=last,
            photo_store=store,
            progress=progress,
        )
    told = {
        "format": wanted.format,
        "entries": [written.first_seq, written.last_seq],
        "photos": written.photos,
        "head": written.head,
        "key": written.public_key,
        "by": by,
    }
    with writing(engine) as conn:
        audit.append(conn, AuditKind.LOG_EXPORTED, told, person_id=person_id)
    return written


def span(conn: Connection, wanted: Wanted) -> tuple[int, int | None]:
    """The numbers of the first and the last entry that are asked for; None: to the newest. Raises ExportError for what is no day."""
    return _first(conn, wanted.since), _last(conn, wanted.until)


def _first(conn: Connection, since: str | None) -> int:
    if not since:
        return 1
    return int(since) if _is_number(since) else audit.first_since(conn, f"{_day(since)}T00:00:00Z")


def _last(conn: Connection, until: str | None) -> int | None:
    if not until:
        return None
    return int(until) if _is_number(until) else audit.first_since(conn, f"{_day(until) + timedelta(days=1)}T00:00:00Z") - 1


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 16


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ExportError(f"{text!r} is neither a day such as 2026-11-23 nor the number of an entry.") from None
