"""Checks an export of Kenpin's audit log: one file, nothing but Python's standard library, for whoever has only the export.

    python3 verify_export.py                              checks the folder that this file lies in
    python3 verify_export.py FOLDER --key PUBLIC_KEY      and that the manifest was signed by this key
    python3 verify_export.py FOLDER --anchors FILE        and that the log holds these anchors

It checks the manifest's signature (Ed25519, RFC 8032), the sha256 of every file, and every entry: its place, its link to the one before,
its hash, and that of what it says. It ends with status 0 when all is right, 1 when something is wrong, 2 when something could not be
checked. A forger can sign a forged export with a key of their own, and write a kinder verifier beside it: compare the public key with the
one that the site told you, and use a verifier from somewhere else than the export.

Parquet can only be read where pyarrow is installed. This module imports nothing of Kenpin's; `kenpin.storage.audit_export` writes it into
each export.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

MANIFEST, SIGNATURE, ITSELF = "manifest.json", "manifest.sig", "verify_export.py"
NUMBERS = ("seq", "erased_in")
ERASES = "payload_erased"


class Report:
    """What was found, as sentences."""

    def __init__(self) -> None:
        self.right: list[str] = []
        self.wrong: list[str] = []
        self.unchecked: list[str] = []

    @property
    def status(self) -> int:
        return 1 if self.wrong else 2 if self.unchecked else 0


class Entry(NamedTuple):
    """One exported entry. payload: the very text that was hashed. Empty cells of a CSV file are None."""

    seq: int
    at: str
    kind: str
    inspection_id: str | None
    person_id: str | None
    payload: str | None
    salt: str | None
    payload_sha256: str
    prev_hash: str
    hash: str
    erased_in: int | None


def check(folder: Path, *, key: str | None = None, anchors: Path | None = None) -> Report:
    """key: the public key that must have signed it, as hexadecimal digits. anchors: a file of anchors, one JSON object a line."""
    report = Report()
    try:
        written = (folder / MANIFEST).read_bytes()
        manifest = json.loads(written)
        names = [one["name"] for one in manifest["files"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        report.wrong.append(f"{MANIFEST} is missing or cannot be read ({type(error).__name__}): nothing else can be checked.")
        return report
    _check_signature(folder, written, str(manifest.get("public_key")), key, report)
    _check_files(folder, manifest["files"], report)
    entries = [name for name in names if name.startswith("entries.")]
    if len(entries) != 1:
        report.wrong.append(f"{MANIFEST} names {len(entries)} files of entries instead of one.")
        return report
    try:
        known = _anchors(anchors, manifest["anchors"])
        rows = _entries(folder / entries[0])
        _check_chain(rows, manifest, known, report)
    except ImportError:
        report.unchecked.append(f"{entries[0]} was not read: that needs pyarrow (pip install pyarrow). Only its sha256 was checked.")
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        report.wrong.append(f"{entries[0]} cannot be read to its end: {error}")
    return report


def _check_signature(folder: Path, written: bytes, public_key: str, wanted: str | None, report: Report) -> None:
    try:
        signature = bytes.fromhex((folder / SIGNATURE).read_text(encoding="ascii").strip())
        good = is_signed(bytes.fromhex(public_key), written, signature)
    except (OSError, ValueError):
        report.wrong.append(f"{SIGNATURE} is missing or is no signature.")
        return
    if not good:
        report.wrong.append(f"The signature does not fit: {MANIFEST} was altered after it was signed, or was signed by another key.")
    elif wanted is None:
        report.right.append(f"The manifest is signed by the key {public_key}. Compare it with the one that the site told you.")
    elif wanted.strip().lower() != public_key.lower():
        report.wrong.append(f"The manifest is signed by the key {public_key}, not by {wanted.strip()}: somebody else signed it.")
    else:
        report.right.append("The manifest is signed by the key you gave.")


def _check_files(folder: Path, files: list[dict[str, Any]], report: Report) -> None:
    bad = 0
    for one in files:
        path = folder / one["name"]
        if folder.resolve() not in path.resolve().parents:
            report.wrong.append(f"The manifest names a file outside the export: {one['name']}")
        elif not path.is_file():
            report.wrong.append(f"{one['name']} is missing.")
        elif sha256_of(path) != one["sha256"]:
            report.wrong.append(f"{one['name']} was altered: its sha256 is not the manifest's.")
        else:
            continue
        bad += 1
    known = {one["name"] for one in files} | {MANIFEST, SIGNATURE, ITSELF}
    extra = sorted(str(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if path.is_file())
    for name in [name for name in extra if name not in known and "__pycache__" not in name]:
        report.wrong.append(f"{name} is not in the manifest.")
    if not bad:
        report.right.append(f"{len(files)} files are as they were exported.")


def _check_chain(rows: Iterator[Entry], manifest: dict[str, Any], anchors: dict[int, set[str]], report: Report) -> None:
    seq, hash, count = manifest["first_seq"] - 1, manifest["previous_hash"], 0
    untold: dict[int, set[int]] = {}
    erased = 0
    for row in rows:
        fault = _fault(row, seq + 1, hash)
        if fault:
            report.wrong.append(f"{fault} The {count:,} entries before it are whole.")
            return
        seq, hash, count = row.seq, row.hash, count + 1
        if row.erased_in is not None:
            erased += 1
            untold.setdefault(row.erased_in, set()).add(seq)
        elif seq in untold:
            untold[seq] -= _erases(row)
            if not untold[seq]:
                del untold[seq]
        if seq in anchors and anchors.pop(seq) != {hash}:
            report.wrong.append(
                f"Entry {seq:,} is not the one that was anchored: the log was rewritten. Entries before it may have been, too."
            )
            return
    if (count, seq, hash) != (manifest["entries"], manifest["last_seq"], manifest["head"]):
        report.wrong.append(
            f"The entries end at {seq:,} and are {count:,}, but the manifest says {manifest['entries']:,} up to {manifest['last_seq']:,}: "
            "entries are missing at the end, or the manifest is of another export."
        )
        return
    for teller, gone in sorted(untold.items()):
        if teller <= seq:
            report.wrong.append(f"What entry {min(gone):,} said is gone, and entry {teller:,} does not tell of it.")
            return
        report.unchecked.append(f"What entry {min(gone):,} said was erased in entry {teller:,}, which is not in this export.")
    if missed := [number for number in anchors if manifest["first_seq"] <= number]:
        report.unchecked.append(f"The export ends before the anchored entry {min(missed):,}.")
    report.right.append(f"The chain is whole: {count:,} entries from {manifest['first_seq']:,} to {seq:,}, {erased:,} of them erased.")
    report.right.append(f"Head: {hash}")


def _fault(row: Entry, seq: int, prev_hash: str) -> str | None:
    """Why this cannot be entry `seq` after `prev_hash`; None when it can."""
    if row.seq != seq:
        return f"Entry {seq:,} is missing, or the entries are out of order: entry {row.seq:,} stands in its place."
    if row.prev_hash != prev_hash:
        return f"Entry {seq:,} does not follow the one before it."
    if row.hash not in _possible_hashes(row):
        return f"Entry {seq:,} was altered."
    if row.erased_in is not None:
        return None if row.payload is None and row.salt is None else f"What entry {seq:,} said is marked as erased and still there."
    if row.payload is None or row.salt is None or _sha256(row.salt + row.payload) != row.payload_sha256:
        return f"What entry {seq:,} says was altered."
    return None


def _possible_hashes(row: Entry) -> set[str]:
    """The link's hash. A CSV file does not tell an empty id from none, and the chain does: then both are possible."""
    choices = [("", "=") if id is None else (f"={id}",) for id in (row.inspection_id, row.person_id)]
    return {
        _sha256("\n".join((row.prev_hash, str(row.seq), row.at, row.kind, inspection, person, row.payload_sha256)))
        for inspection in choices[0]
        for person in choices[1]
    }


def _erases(row: Entry) -> set[int]:
    if row.kind != ERASES or row.payload is None:
        return set()
    told = json.loads(row.payload)
    return set(told.get("seqs", [told.get("seq")]))


# --- reading --------------------------------------------------------------------------------------------------------------------------


def _entries(path: Path) -> Iterator[Entry]:
    if path.suffix == ".csv":
        return _from_csv(path)
    return _from_jsonl(path) if path.suffix == ".jsonl" else _from_parquet(path)


def _from_csv(path: Path) -> Iterator[Entry]:
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield _entry({name: (int(value) if name in NUMBERS else value) if value else None for name, value in row.items()})


def _from_jsonl(path: Path) -> Iterator[Entry]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if row["payload"] is not None:  # as it was written into the log: keys sorted, no blanks, nothing escaped but what must be
                row["payload"] = json.dumps(row["payload"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            yield _entry(row)


def _from_parquet(path: Path) -> Iterator[Entry]:
    import pyarrow.parquet

    def batches() -> Iterator[Entry]:
        for batch in pyarrow.parquet.ParquetFile(path).iter_batches(batch_size=5000):
            for row in batch.to_pylist():
                yield _entry(row)

    return batches()


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(**{name: row[name] for name in Entry._fields})


def _anchors(path: Path | None, signed: list[dict[str, Any]]) -> dict[int, set[str]]:
    """Number of an entry -> the hashes it was anchored with: in the file, and, as far as the signer is to be believed, in the manifest."""
    lines = path.read_text(encoding="utf-8").splitlines() if path else []
    found: dict[int, set[str]] = {}
    for one in [*(json.loads(line) for line in lines if line.strip()), *signed]:
        found.setdefault(int(one["seq"]), set()).add(str(one["hash"]))
    return found


def sha256_of(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            total.update(piece)
    return total.hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


# --- Ed25519, RFC 8032, section 5.1: checking only, where speed and secrecy do not matter -----------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]
NEUTRAL: Point = (0, 1)


def is_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this is the Ed25519 signature of the message by the owner of the key. public_key: 32 bytes. signature: 64."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key, nonce, s = _point(public_key), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if key is None or nonce is None or s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % ORDER
    base = _point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    assert base is not None, "the curve's base point is on the curve"
    return _times(s, base) == _sum(nonce, _times(k, key))


def _point(encoded: bytes) -> Point | None:
    """32 bytes: y, and in the highest bit whether x is odd. None for what is no point of the curve."""
    number = int.from_bytes(encoded, "little")
    odd, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square or (x == 0 and odd):
        return None
    return (x if x % 2 == odd else P - x, y)


def _sum(a: Point, b: Point) -> Point:
    across = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + across, -1, P) % P
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - across, -1, P) % P
    return x, y


def _times(factor: int, point: Point) -> Point:
    total = NEUTRAL
    while factor:
        if factor & 1:
            total = _sum(total, point)
        point, factor = _sum(point, point), factor >> 1
    return total


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Checks an export of Kenpin's audit log.")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(__file__).resolve().parent, help="of the export; this file's without it"
    )
    parser.add_argument("--key", help="the public key that must have signed the manifest: 64 hexadecimal digits")
    parser.add_argument("--anchors", type=Path, metavar="FILE", help="anchors that the log must hold: a line each, with seq and hash")
    given = parser.parse_args(arguments)
    report = check(given.folder, key=given.key, anchors=given.anchors)
    for line in report.right:
        print(f"ok         {line}")
    for line in report.unchecked:
        print(f"UNCHECKED  {line}")
    for line in report.wrong:
        print(f"WRONG      {line}")
    print({0: "All is right.", 1: "Something is wrong.", 2: "Nothing wrong was found, but not everything could be checked."}[report.status])
    return report.status


if __name__ == "__main__":
    sys.exit(main())
