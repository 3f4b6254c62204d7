"""The audit log as files: every entry with its hashes, a signed manifest, and a verifier, in a folder of its own.

Entries are read and written in batches, so a log of a million entries needs no more memory than one of a thousand. The folder appears
under its name only when it is whole. `export_verifier` is written into it, and is all that an auditor needs.
"""

from __future__ import annotations

import csv
import inspect
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kenpin.storage import anchors, audit, clock, export_verifier
from kenpin.storage.audit import KeptEntry
from kenpin.storage.errors import ExportError, PhotoMissingError
from kenpin.storage.export_verifier import ITSELF, MANIFEST, SIGNATURE, sha256_of
from kenpin.storage.photos import PhotoStore
from kenpin.storage.signing import Signer
from kenpin.storage.tables import GENESIS, audit_entries, erasures, inspection_photos, inspections, photos

COLUMNS = export_verifier.Entry._fields
ROW_GROUP = 20_000  # entries in a row group of a Parquet file: 20 MB or so in memory

Progress = Callable[[int, int], None]


class Format(StrEnum):
    """What the entries are written as."""

    CSV = "csv"  # with the mark by which Excel knows UTF-8
    JSONL = "jsonl"  # a JSON object a line
    PARQUET = "parquet"  # needs pyarrow


@dataclass(frozen=True, kw_only=True)
class Written:
    """What an export holds."""

    folder: Path
    entries: int
    first_seq: int
    last_seq: int
    head: str  # hash of the last entry in it
    public_key: str
    photos: int


def export(
    conn: Connection,
    folder: Path,
    format: Format,
    signer: Signer,
    *,
    by: str,
    first: int = 1,
    last: int | None = None,
    photo_store: PhotoStore | None = None,
    progress: Progress | None = None,
) -> Written:
    """Write the entries from number `first` to `last` (the newest without it) into a new folder. Call it inside `reading`.

    photo_store: take the photos of the inspections they are about along. progress: called now and then with how many entries are
    written and how many there are. Raises ExportError when there is nothing to export, or it cannot be written.
    """
    newest = audit.head(conn)[0]
    last = newest if last is None else min(last, newest)
    if first < 1 or last < first:
        raise ExportError(f"There are no entries from {first:,} to {last:,}; the log has {newest:,}.")
    writer = _writer(format)
    if folder.exists():
        raise ExportError(f"{folder} is there already. An export makes a new folder: give another name.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            written = _written(conn, unfinished, writer, format, signer, by, (first, last), photo_store, progress)
            unfinished.rename(folder)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    except OSError as error:
        raise ExportError(f"{folder} cannot be written: {error.strerror}. Choose another place, or make room.") from error
    return Written(**written, folder=folder, public_key=signer.public_key)


def _written(
    conn: Connection,
    folder: Path,
    writer: Callable[[Path, Iterator[KeptEntry]], None],
    format: Format,
    signer: Signer,
    by: str,
    span: tuple[int, int],
    photo_store: PhotoStore | None,
    progress: Progress | None,
) -> dict[str, Any]:
    first, last = span
    watched = _Watched(audit.kept(conn, first, last), last - first + 1, progress)
    writer(folder / f"entries.{format}", iter(watched))
    copied = _copy_photos(conn, folder, span, photo_store) if photo_store else 0
    (folder / ITSELF).write_text(inspect.getsource(export_verifier), encoding="utf-8")
    manifest = {
        "what": "entries of a Kenpin audit log",
        "exported_at": clock.now(),
        "exported_by": by,
        "format": format.value,
        "columns": list(COLUMNS),
        "entries": watched.count,
        "first_seq": first,
        "last_seq": watched.seq,
        "previous_hash": _hash_of(conn, first - 1),
        "head": watched.hash,
        "erased": watched.erased,  # runs of entries whose payload is erased: [first, last]
        "anchors": [vars(one) for one in reversed(anchors.listing(conn)) if first <= one.seq <= last],
        "public_key": signer.public_key,
        "files": [
            {"name": path.relative_to(folder).as_posix(), "sha256": sha256_of(path), "bytes": path.stat().st_size}
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ],
    }
    signed = json.dumps(manifest, indent=1, ensure_ascii=False).encode("utf-8")
    (folder / MANIFEST).write_bytes(signed)
    (folder / SIGNATURE).write_text(signer.sign(signed) + "\n", encoding="ascii")
    return {"entries": watched.count, "first_seq": first, "last_seq": watched.seq, "head": watched.hash, "photos": copied}


class _Watched:
    """The entries as they go by, with what the manifest says of them."""

    def __init__(self, rows: Iterator[KeptEntry], of: int, progress: Progress | None) -> None:
        self._rows, self._of, self._progress = rows, of, progress
        self.count, self.seq, self.hash = 0, 0, GENESIS
        self.erased: list[list[int]] = []

    def __iter__(self) -> Iterator[KeptEntry]:
        for row in self._rows:
            self.count, self.seq, self.hash = self.count + 1, row.seq, row.hash
            if row.erased_in is not None:
                if self.erased and self.erased[-1][1] == row.seq - 1:
                    self.erased[-1][1] = row.seq
                else:
                    self.erased.append([row.seq, row.seq])
            yield row
            if self._progress and self.count % 5000 == 0:
                self._progress(self.count, self._of)
        if self._progress:
            self._progress(self.count, self.count)


# --- formats --------------------------------------------------------------------------------------------------------------------------


def _writer(format: Format) -> Callable[[Path, Iterator[KeptEntry]], None]:
    """Raises ExportError for Parquet where pyarrow is not installed."""
    if format is Format.PARQUET:
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise ExportError("Parquet needs pyarrow: pip install 'kenpin[export]'. CSV and JSON Lines need nothing more.") from None
    return {Format.CSV: _write_csv, Format.JSONL: _write_jsonl, Format.PARQUET: _write_parquet}[format]


def _exported(row: KeptEntry) -> tuple[int | str | None, ...]:
    """In the order of COLUMNS."""
    return (
        row.seq, row.at, row.kind, row.inspection_id, row.person_id, row.payload, row.salt,
        row.payload_sha256, row.prev_hash, row.hash, row.erased_in,
    )  # fmt: skip


def _write_csv(path: Path, rows: Iterator[KeptEntry]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(map(_exported, rows))


def _write_jsonl(path: Path, rows: Iterator[KeptEntry]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            said = "null" if row.payload is None else row.payload  # canonical JSON already: put in as it was hashed
            fields = dict(zip(COLUMNS, _exported(row), strict=True))
            others = json.dumps({name: value for name, value in fields.items() if name != "payload"}, ensure_ascii=False)
            file.write(f'{others[:-1]}, "payload": {said}}}\n')


def _write_parquet(path: Path, rows: Iterator[KeptEntry]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = {"seq", "erased_in"}
    schema = pa.schema([pa.field(name, pa.int64() if name in numbers else pa.string()) for name in COLUMNS])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := list(islice(rows, ROW_GROUP)):
            columns = zip(*map(_exported, batch), strict=True)
            arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


# --- photos ---------------------------------------------------------------------------------------------------------------------------


def _copy_photos(conn: Connection, folder: Path, span: tuple[int, int], store: PhotoStore) -> int:
    """The photos as uploaded and as shown and the maps, and a list of them all. Returns how many files were copied.

    A file that is gone is in the list with the moment it was erased at, or as missing.
    """
    erased = {row.subject: row.at for row in conn.execute(sa.select(erasures.c.subject, erasures.c.at).where(erasures.c.kind == "photo"))}
    named = sa.select(audit_entries.c.inspection_id).where(audit_entries.c.seq.between(*span), audit_entries.c.inspection_id.is_not(None))
    query = (
        sa.select(inspections.c.id, inspections.c.answer, photos.c.sha256, photos.c.shown_sha256, inspection_photos.c.position)
        .select_from(
            inspections.join(inspection_photos, inspection_photos.c.inspection_id == inspections.c.id).join(
                photos, photos.c.sha256 == inspection_photos.c.photo_sha256
            )
        )
        .where(inspections.c.id.in_(named))
        .order_by(inspections.c.id, inspection_photos.c.position)
    )
    copied = 0
    (folder / "photos").mkdir()
    with (folder / "photos.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("inspection_id", "what", "sha256", "file", "gone"))
        for row in conn.execute(query, execution_options={"yield_per": 500}):
            maps = [one["sha256"] for one in row.answer["pictures"]] if row.answer and row.position == 0 else []
            for what, sha256 in (("uploaded", row.sha256), ("shown", row.shown_sha256), *(("map", map) for map in maps)):
                name = f"photos/{sha256}"
                there = (folder / name).exists()
                if not there and (there := _copied(store, sha256, folder / name)):
                    copied += 1
                gone = "" if there else f"erased {erased[row.sha256]}" if row.sha256 in erased else "missing"
                writer.writerow((row.id, what, sha256, name if there else "", gone))
    return copied


def _copied(store: PhotoStore, sha256: str, to: Path) -> bool:
    try:
        data = store.get(sha256)
    except PhotoMissingError:
        return False
    to.write_bytes(data)
    to.chmod(0o600)
    return True


def _hash_of(conn: Connection, seq: int) -> str:
    if seq == 0:
        return GENESIS
    return str(conn.execute(sa.select(audit_entries.c.hash).where(audit_entries.c.seq == seq)).scalar_one())
