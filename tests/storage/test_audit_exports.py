"""An export of the log, and the verifier that travels with it: run as an auditor runs it, by plain `python3`, on every kind of forgery.

The signature is checked against RFC 8032's own vectors, and against `cryptography` on random messages.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from kenpin.storage import anchors, audit, audit_export, export_verifier, signing
from kenpin.storage.audit import AuditKind
from kenpin.storage.audit_export import Format, Written
from kenpin.storage.database import open_database, reading, writing
from kenpin.storage.errors import ExportError, SigningKeyError
from kenpin.storage.export_verifier import MANIFEST, SIGNATURE

# RFC 8032, section 7.1: secret key, public key, message, signature.
VECTORS = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)


@pytest.mark.parametrize(("secret", "public", "message", "signature"), VECTORS)
def test_the_verifier_knows_a_signature_of_the_standards_own_vectors(secret: str, public: str, message: str, signature: str) -> None:
    key, told, signed = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)).sign(told) == signed
    assert export_verifier.is_signed(key, told, signed)
    assert not export_verifier.is_signed(key, told + b"x", signed)


@settings(max_examples=20, deadline=None)
@given(message=st.binary(max_size=60), place=st.integers(0, 63), bit=st.integers(0, 7))
def test_any_changed_bit_of_a_signature_is_seen(message: bytes, place: int, bit: int) -> None:
    key = Ed25519PrivateKey.generate()
    public, signature = key.public_key().public_bytes_raw(), bytearray(key.sign(message))
    assert export_verifier.is_signed(public, message, bytes(signature))
    signature[place] ^= 1 << bit
    assert not export_verifier.is_signed(public, message, bytes(signature))


@pytest.mark.parametrize("key", [b"", b"\xff" * 32, b"\x02" + b"\0" * 31], ids=["too short", "beyond the field", "no point of the curve"])
def test_what_is_no_public_key_signs_nothing(key: bytes) -> None:
    assert not export_verifier.is_signed(key, b"", b"\0" * 64)


# Exporting


def written_to(database: Engine, folder: Path, format: Format = Format.JSONL, **options: Any) -> Written:
    signer = signing.signer(folder.parent)
    with reading(database) as conn:
        return audit_export.export(conn, folder, format, signer, by="Chika", **options)


@pytest.fixture
def log(database: Engine) -> Engine:
    return logged(database)


def logged(database: Engine) -> Engine:
    """Eight entries: the second one's and the fourth's payload was erased by the sixth, and the third was anchored."""
    with writing(database) as conn:
        audit.append(conn, AuditKind.PART_ADDED, {"part": "SC-200"}, person_id="Chika")
        audit.append(conn, AuditKind.QUESTION_RECEIVED, {"question": "これは良品ですか"}, "K-1", "Ben")
        audit.append(conn, AuditKind.ANSWER_SAVED, {"verdict": "not_ok", "confidence": 0.94, "small": 1e-07}, "K-1")
        anchors.make(conn, "2026-11-23")
        audit.append(conn, AuditKind.QUESTION_RECEIVED, {"question": 'is this "OK", or\nnot?'}, "K-2", "")
        audit.append(conn, AuditKind.DECISION_APPROVED, {"proposal": "P-1"}, "K-1", "Aiko")
        audit.erase_all(conn, [2, 4], person_id="Chika", why="Ben asked for it")
        audit.append(conn, AuditKind.ANSWER_POSTED, {"ts": "1.2"}, "K-2")
        audit.append(conn, AuditKind.PART_ADDED, {"part": "=SC-1"}, person_id="Chika")
    return database


def verified(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As an auditor does it: the file in the export, without Kenpin's packages on the path."""
    command = [sys.executable, "-I", "-S", str(folder / export_verifier.ITSELF), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("format", [Format.CSV, Format.JSONL])
def test_an_untouched_export_is_verified_by_plain_python(log: Engine, tmp_path: Path, format: Format) -> None:
    written = written_to(log, tmp_path / "export", format)
    assert (written.entries, written.first_seq, written.last_seq) == (8, 1, 8)
    found = verified(tmp_path / "export", "--key", written.public_key)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "The chain is whole: 8 entries from 1 to 8, 2 of them erased." in found.stdout
    assert "signed by the key you gave" in found.stdout


def test_parquet_is_verified_where_pyarrow_is_and_said_to_be_unread_where_it_is_not(log: Engine, tmp_path: Path) -> None:
    written = written_to(log, tmp_path / "export", Format.PARQUET)
    assert export_verifier.check(tmp_path / "export", key=written.public_key).status == 0
    found = verified(tmp_path / "export")
    assert found.returncode == 2
    assert "UNCHECKED  entries.parquet was not read: that needs pyarrow" in found.stdout


@pytest.mark.parametrize("format", list(Format))
def test_a_part_of_the_log_can_be_exported(log: Engine, tmp_path: Path, format: Format) -> None:
    written = written_to(log, tmp_path / "export", format, first=3, last=6)
    assert (written.entries, written.first_seq, written.last_seq) == (4, 3, 6)
    assert export_verifier.check(tmp_path / "export").status == 0


def test_an_erasure_told_of_after_the_exported_part_is_said_to_be_unchecked(log: Engine, tmp_path: Path) -> None:
    written_to(log, tmp_path / "export", first=1, last=3)
    report = export_verifier.check(tmp_path / "export")
    assert report.status == 2
    assert report.unchecked == ["What entry 2 said was erased in entry 6, which is not in this export."]


def test_the_manifest_says_what_the_export_holds(log: Engine, tmp_path: Path) -> None:
    written = written_to(log, tmp_path / "export", Format.CSV)
    told = json.loads((tmp_path / "export" / MANIFEST).read_bytes())
    assert (told["entries"], told["first_seq"], told["last_seq"], told["head"]) == (8, 1, 8, written.head)
    assert told["erased"] == [[2, 2], [4, 4]]
    assert [(one["id"], one["seq"]) for one in told["anchors"]] == [("2026-11-23", 3)]
    assert told["public_key"] == written.public_key
    rows = list(csv.DictReader((tmp_path / "export" / "entries.csv").open(encoding="utf-8-sig", newline="")))
    assert list(rows[0]) == told["columns"]
    assert [row["payload"] for row in rows[:2]] == ['{"part":"SC-200"}', ""]


def test_every_format_holds_the_same_entries(log: Engine, tmp_path: Path) -> None:
    each = []
    for format in Format:
        written_to(log, tmp_path / format, format)
        each.append(
            [row._replace(person_id=row.person_id or None) for row in export_verifier._entries(tmp_path / format / f"entries.{format}")]
        )
    assert each[0] == each[1] == each[2]


def test_nothing_to_export_and_a_place_that_is_taken_are_named(log: Engine, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no entries from 9 to 8; the log has 8"):
        written_to(log, tmp_path / "export", first=9)
    (tmp_path / "taken").mkdir()
    with pytest.raises(ExportError, match="taken is there already"):
        written_to(log, tmp_path / "taken")
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="cannot be written: File exists"), reading(log) as conn:
        audit_export.export(conn, tmp_path / "file" / "export", Format.CSV, signing.signer(tmp_path), by="Chika")


def test_an_export_that_fails_leaves_no_folder(log: Engine, tmp_path: Path) -> None:
    def fail(done: int, of: int) -> None:
        raise KeyboardInterrupt

    signing.signer(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        written_to(log, tmp_path / "export", progress=fail)
    assert [path.name for path in tmp_path.iterdir() if "export" in path.name and path.is_dir()] == []


# The key


def test_the_key_is_made_once_and_is_its_owners_only(tmp_path: Path) -> None:
    first = signing.signer(tmp_path)
    assert (tmp_path / signing.NAME).stat().st_mode & 0o777 == 0o600
    assert signing.signer(tmp_path).public_key == first.public_key
    assert [path.name for path in tmp_path.iterdir()] == [signing.NAME]


def test_a_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / signing.NAME).write_text("nothing")
    with pytest.raises(SigningKeyError, match=rf"{signing.NAME} cannot be read as the key that signs exports"):
        signing.signer(tmp_path)


# Forging


Lines = list[dict[str, Any]]


def altered(lines: Lines) -> None:
    lines[4]["payload"] = {"proposal": "P-2"}


def altered_with_its_digest(lines: Lines) -> None:
    said = json.dumps({"proposal": "P-2"}, separators=(",", ":"))
    lines[4] |= {"payload": {"proposal": "P-2"}, "payload_sha256": export_verifier._sha256(lines[4]["salt"] + said)}


def attributed_to_another(lines: Lines) -> None:
    lines[4]["person_id"] = "Ben"


def missing(lines: Lines) -> None:
    del lines[4]


def missing_at_the_end(lines: Lines) -> None:
    del lines[-2:]


def reordered(lines: Lines) -> None:
    lines[4], lines[6] = lines[6], lines[4]


def doubled(lines: Lines) -> None:
    lines.insert(4, lines[4])


def erased_without_a_word(lines: Lines) -> None:
    lines[4] |= {"payload": None, "salt": None, "erased_in": 6}


def rewritten(lines: Lines) -> None:
    """Everything from the third entry on, with every hash made to fit."""
    lines[2]["payload"] = {"verdict": "ok"}
    hash = lines[1]["hash"]
    for line in lines[2:]:
        if line["payload"] is not None:
            said = json.dumps(line["payload"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            line["payload_sha256"] = export_verifier._sha256(line["salt"] + said)
        ids = ["" if line[name] is None else f"={line[name]}" for name in ("inspection_id", "person_id")]
        line["prev_hash"] = hash
        line["hash"] = hash = export_verifier._sha256(
            "\n".join((hash, str(line["seq"]), line["at"], line["kind"], *ids, line["payload_sha256"]))
        )


FORGERIES: tuple[tuple[Callable[[Lines], None], str], ...] = (
    (altered, "What entry 5 says was altered."),
    (altered_with_its_digest, "Entry 5 was altered."),
    (attributed_to_another, "Entry 5 was altered."),
    (missing, "Entry 5 is missing, or the entries are out of order: entry 6 stands in its place."),
    (missing_at_the_end, "entries are missing at the end"),
    (reordered, "Entry 5 is missing, or the entries are out of order: entry 7 stands in its place."),
    (doubled, "Entry 6 is missing, or the entries are out of order: entry 5 stands in its place."),
    (erased_without_a_word, "What entry 5 said is gone, and entry 6 does not tell of it."),
)


def forge(export: Path, change: Callable[[Lines], None], *, key: Ed25519PrivateKey | None = None) -> None:
    """Change the entries and put the manifest's checksum right; with a key of the forger's, sign it anew."""
    path = export / "entries.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    change(lines)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    told = json.loads((export / MANIFEST).read_bytes())
    for one in told["files"]:
        one["sha256"] = export_verifier.sha256_of(export / one["name"])
    if key:
        told |= {"public_key": key.public_key().public_bytes_raw().hex(), "head": lines[-1]["hash"], "anchors": []}
    written = json.dumps(told).encode()
    (export / MANIFEST).write_bytes(written)
    if key:
        (export / SIGNATURE).write_text(key.sign(written).hex())


@pytest.fixture(scope="module")
def exported(migrated_sqlite_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of the log above, to be copied and forged."""
    folder = tmp_path_factory.mktemp("exported")
    engine = open_database(f"sqlite:///{shutil.copyfile(migrated_sqlite_file, folder / 'kenpin.sqlite')}")
    written_to(logged(engine), folder / "export")
    engine.dispose()
    return folder / "export"


@pytest.fixture
def mine(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "mine"))


@pytest.mark.parametrize(("change", "words"), FORGERIES, ids=lambda value: getattr(value, "__name__", None))
def test_a_forged_export_is_found_even_when_it_is_signed_anew(mine: Path, change: Callable[[Lines], None], words: str) -> None:
    forge(mine, change, key=Ed25519PrivateKey.generate())
    if change is missing_at_the_end:  # its manifest says what is there still, so only the count of entries is off
        assert words in "".join(export_verifier.check(mine).wrong)
        return
    report = export_verifier.check(mine)
    assert report.status == 1
    assert words in " ".join(report.wrong)


@pytest.mark.parametrize(("change", "words"), FORGERIES, ids=lambda value: getattr(value, "__name__", None))
def test_without_a_new_signature_the_manifest_gives_it_away(mine: Path, change: Callable[[Lines], None], words: str) -> None:
    forge(mine, change)
    assert "The signature does not fit" in export_verifier.check(mine).wrong[0]


def test_a_rewritten_and_signed_export_is_found_by_the_key_or_by_an_anchor(mine: Path, exported: Path, tmp_path: Path) -> None:
    sites = json.loads((exported / MANIFEST).read_bytes())
    forge(mine, rewritten, key=Ed25519PrivateKey.generate())
    assert export_verifier.check(mine).status == 0, "whole in itself: that is why the key and the anchors are needed"
    found = verified(mine, "--key", sites["public_key"])
    assert found.returncode == 1
    assert f"not by {sites['public_key']}: somebody else signed it" in found.stdout
    anchors_file = tmp_path / "anchors.jsonl"
    anchors_file.write_text(json.dumps(sites["anchors"][0]) + "\n")
    found = verified(mine, "--anchors", str(anchors_file))
    assert found.returncode == 1
    assert "Entry 3 is not the one that was anchored: the log was rewritten" in found.stdout
    assert verified(exported, "--anchors", str(anchors_file)).returncode == 0


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (lambda export: (export / "entries.jsonl").unlink(), "entries.jsonl is missing."),
        (lambda export: (export / MANIFEST).unlink(), "manifest.json is missing or cannot be read"),
        (lambda export: (export / SIGNATURE).write_text("00"), "The signature does not fit"),
        (lambda export: (export / SIGNATURE).unlink(), "manifest.sig is missing"),
        (lambda export: (export / "more.txt").write_text("?"), "more.txt is not in the manifest."),
        (lambda export: (export / "entries.jsonl").open("a").write("{}\n"), "entries.jsonl was altered: its sha256 is not the manifest's."),
        (lambda export: (export / "entries.jsonl").write_bytes(b"\xff"), "entries.jsonl cannot be read to its end"),
    ],
)
def test_what_is_missing_added_or_damaged_is_named(mine: Path, tamper: Callable[[Path], object], words: str) -> None:
    tamper(mine)
    report = export_verifier.check(mine)
    assert report.status == 1
    assert words in " ".join(report.wrong)
