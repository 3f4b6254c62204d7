"""The site's FMEA table from and to a CSV file, as a spreadsheet writes and reads it.

The heading line says which column is which, in English or Japanese and in any order; titles above it and columns Kenpin does not know are
left out. Every row that cannot be used is named with its line and what to do, and then nothing of the file is imported.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from sqlalchemy.engine import Connection, Engine

from kenpin.storage import audit, canonical, failure_modes, parts
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.failure_modes import Change, Kept
from kenpin.storage.vocabulary import ANY_PART, GOOD, FailureMode, to_json

MOST_BYTES = 10_000_000  # an FMEA of ten thousand rows is a tenth of that
MOST_CHARACTERS = 400  # of one cell: a row is cited in a chat message, which a person reads on a telephone
TITLE_LINES = 20  # above the heading line, at most
RATINGS = ("severity", "occurrence", "detection")
MAY_BE_EMPTY = ("effect", "recommended_action")

# Field -> the heading as it is written back, then others that spreadsheets have, all without blanks, brackets and capitals.
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "part": ("part", "partnumber", "partno", "pn", "品番", "部品番号", "部品", "部番"),
    "defect_class": (
        "defectclass", "defect", "class", "defecttype", "欠陥の種類", "欠陥種類", "欠陥分類", "欠陥", "不良の種類", "不良種類", "不良項目",
        "不良分類", "不良区分",
    ),
    "failure_mode": ("failuremode", "mode", "potentialfailuremode", "故障モード", "不具合モード", "不良モード", "故障形態"),
    "effect": (
        "effect", "effects", "failureeffect", "potentialeffect", "potentialeffects", "potentialeffectsoffailure", "影響", "故障の影響",
        "故障影響", "不具合の影響",
    ),
    "cause": (
        "cause", "causes", "failurecause", "potentialcause", "potentialcauses", "potentialcausesoffailure", "原因", "故障原因",
        "故障の原因", "推定原因", "要因",
    ),
    "severity": ("severity", "sev", "s", "厳しさ", "影響度", "重大度", "重篤度"),
    "occurrence": ("occurrence", "occ", "o", "発生度", "発生頻度", "頻度"),
    "detection": ("detection", "det", "d", "detectability", "検出度", "検知度", "検出難易度", "検出の難しさ"),
    "recommended_action": (
        "action", "recommendedaction", "recommendedactions", "actions", "推奨処置", "推奨対策", "処置", "対策", "是正処置",
        "次に確認すること",
    ),
}  # fmt: skip
WRITTEN = {
    "part": "part", "defect_class": "defect class", "failure_mode": "failure mode", "effect": "effect", "cause": "cause",
    "severity": "severity", "occurrence": "occurrence", "detection": "detection", "recommended_action": "action",
}  # fmt: skip
_NO_SHIFT_JIS = re.compile("[\x80-\x9f\uf8f0-\uf8f3]")  # what Python makes of bytes that Shift-JIS does not have
_FIELD_OF = {heading: field for field, headings in HEADINGS.items() for heading in headings}


class FmeaFileError(ValueError):
    """A file cannot be read as an FMEA table at all; says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What a file says."""

    rows: tuple[FailureMode, ...]  # of the lines that can be used
    problems: tuple[str, ...]  # one for each line that cannot, with its number
    ignored: tuple[str, ...]  # headings of columns that are not Kenpin's
    encoding: str


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What came of an import, or with a dry run what would."""

    sheet: Sheet
    changes: tuple[Change, ...]  # empty when there were problems
    notes: tuple[str, ...]  # what may be meant and may be a mistake


def import_file(engine: Engine, file: Path, by: str, *, add: bool = False, whole_table: bool = False, check: bool = False) -> Imported:
    """Read the file and, unless a line of it is wrong, put its rows on record in one transaction, with an audit entry a part changed.

    add: keep the rows there are, and number the new ones on. whole_table: parts that are not in the file lose their rows. check: change
    nothing. Raises FmeaFileError.
    """
    data = _bytes(file)
    sheet = read(data, file.name)
    if sheet.problems or check:
        with reading(engine) as conn:
            planned = _planned(conn, sheet, add=add, whole_table=whole_table)
            return Imported(sheet=sheet, changes=planned, notes=tuple(_notes(conn, sheet.rows)))
    with writing(engine) as conn:
        notes = tuple(_notes(conn, sheet.rows))
        if add:
            changes = failure_modes.append_rows(conn, sheet.rows, by)
        else:
            changes = failure_modes.replace_rows(conn, sheet.rows, by, whole_table=whole_table)
        for change in changes:
            payload = {
                "part": change.part,
                "by": by,
                "file": canonical.storable(file.name),
                "file_sha256": hashlib.sha256(data).hexdigest(),
                "from": [to_json(row) for row in change.before],
                "to": [to_json(row) for row in change.after],
            }
            audit.append(conn, AuditKind.FAILURE_MODES_IMPORTED, payload)
    return Imported(sheet=sheet, changes=changes, notes=notes)


def export(engine: Engine, target: TextIO, part: str | None = None) -> int:
    """Write the table, or one part's rows, as a file that can be imported again. Returns how many rows.

    target: open for text with newline="", and encoding "utf-8-sig" where Excel is to read the Japanese.
    """
    with reading(engine) as conn:
        rows = [kept.row for kept in failure_modes.all_rows(conn)] if part is None else failure_modes.rows_of(conn, part)
    writer = csv.writer(target)
    writer.writerow(WRITTEN.values())
    for row in rows:
        writer.writerow([getattr(row, field) for field in WRITTEN])
    return len(rows)


def listed(engine: Engine, part: str | None = None) -> tuple[Kept, ...]:
    """The rows of one part, or the whole table; by part, then by risk priority number, then by row."""
    with reading(engine) as conn:
        number = part if part in (None, ANY_PART) else parts.folded(part)
        kept = [one for one in failure_modes.all_rows(conn) if number is None or number in (one.row.part, parts.folded(one.row.part))]
    return tuple(sorted(kept, key=lambda one: (one.row.part, -failure_modes.rpn(one.row), one.row.row)))


def told(imported: Imported, *, check: bool) -> str:
    """What came of an import, for whoever started it."""
    sheet = imported.sheet
    if sheet.problems:
        return f"Nothing was imported: lines to put right first: {len(sheet.problems)}; lines that are fine: {len(sheet.rows)}."
    lines = [f"Rows read as {sheet.encoding}: {len(sheet.rows):,}."]
    if sheet.ignored:
        lines.append(f"Columns not used: {', '.join(sheet.ignored)}.")
    for change in imported.changes:
        scope = "every part" if change.part == ANY_PART else change.part
        lines.append(f"{scope}: {len(change.after):,} on record {'then' if check else 'now'}, {len(change.before):,} before.")
    if not imported.changes:
        lines.append("They are on record already; nothing changes." if check else "They were on record already; nothing changed.")
    elif check:
        lines.append("Nothing was changed: this was a check.")
    return "\n".join(lines)


def read(data: bytes, name: str) -> Sheet:
    """The rows of a file and what is wrong with it. Raises FmeaFileError when it is no table with Kenpin's columns."""
    text, encoding = _decoded(data, name)
    records, columns, ignored = _table(text, name)
    rows: list[FailureMode] = []
    problems: list[str] = []
    first_line: dict[tuple[object, ...], int] = {}
    for number, (line, cells) in enumerate(records, start=1):
        if not any(cell.strip() for cell in cells):
            continue
        row, wrong = _row(number, {field: cells[at] if at < len(cells) else "" for field, at in columns.items()})
        if row is not None:
            same = (*(getattr(row, field) for field in WRITTEN),)
            if first_line.setdefault(same, line) != line:
                wrong = [f"it says the same as line {first_line[same]}; take one of the two out"]
        if wrong:
            problems.append(f"Line {line}: {'; '.join(wrong)}.")
        elif row is not None:
            rows.append(row)
    if not rows and not problems:
        raise FmeaFileError(f"{name} has a heading line and no row below it. Nothing was imported.")
    return Sheet(rows=tuple(rows), problems=tuple(problems), ignored=ignored, encoding=encoding)


# --- from bytes to records -------------------------------------------------------------------------------------------------------------


def _bytes(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if size > MOST_BYTES:
            raise FmeaFileError(f"{file} has {size / 1e6:.1f} MB; an FMEA table has at most {MOST_BYTES / 1e6:.0f}. Is it the right file?")
        return file.read_bytes()
    except OSError as error:
        raise FmeaFileError(f"{file} cannot be read: {error.strerror}. Give the path of a CSV file.") from error


def _decoded(data: bytes, name: str) -> tuple[str, str]:
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise FmeaFileError(f"{name} is a spreadsheet, not CSV. Open it and save the sheet as “CSV UTF-8”; then import that file.")
    marked = ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp932")
    for encoding in marked:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _NO_SHIFT_JIS.search(text):
            return text, {"utf-8-sig": "UTF-8", "cp932": "Shift-JIS (cp932)", "utf-16": "UTF-16"}[encoding]
    raise FmeaFileError(f"{name} is neither UTF-8 nor Shift-JIS text. Save it from the spreadsheet as “CSV UTF-8”.")


def _table(text: str, name: str) -> tuple[list[tuple[int, list[str]]], dict[str, int], tuple[str, ...]]:
    """The records below the heading line, each with the line it begins on; field -> column; headings that are not ours."""
    nearest: tuple[int, dict[str, int], list[str]] = (0, {}, [])
    for separator in (",", "\t", ";"):
        records = list(_records(text, separator, name))
        for at, (_, cells) in enumerate(records[:TITLE_LINES]):
            columns = _columns(cells)
            if len(columns) == len(HEADINGS):
                _refuse_doubles(cells, name)
                ignored = tuple(cell.strip() for i, cell in enumerate(cells) if cell.strip() and i not in columns.values())
                return records[at + 1 :], columns, ignored
            if len(columns) > nearest[0]:
                nearest = len(columns), columns, cells
    missing = [f"{WRITTEN[field]} ({_in_japanese(field)})" for field in HEADINGS if field not in nearest[1]]
    found = ", ".join(cell.strip() for cell in nearest[2] if cell.strip())
    seen = f" The nearest line to a heading says: {found}." if found else ""
    raise FmeaFileError(f"{name} has no heading line with every column. Missing: {', '.join(missing)}.{seen} Nothing was imported.")


def _in_japanese(field: str) -> str:
    return next(heading for heading in HEADINGS[field] if not heading.isascii())


def _records(text: str, separator: str, name: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=separator == ",")
    begins = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FmeaFileError(
                f"{name}, line {begins}: the quotation marks do not close as in CSV ({error}). Save it from the spreadsheet again."
            ) from error
        yield begins, cells
        begins = reader.line_num + 1


def _columns(cells: Sequence[str]) -> dict[str, int]:
    """Field -> the first column with a heading for it."""
    columns: dict[str, int] = {}
    for at, cell in enumerate(cells):
        if (field := _FIELD_OF.get(_heading(cell))) is not None:
            columns.setdefault(field, at)
    return columns


def _refuse_doubles(cells: Sequence[str], name: str) -> None:
    by_field: dict[str, str] = {}
    for cell in cells:
        field = _FIELD_OF.get(_heading(cell))
        if field is not None and by_field.setdefault(field, cell) is not cell:
            both = f"{by_field[field].strip()} and {cell.strip()}"
            raise FmeaFileError(f"{name} has two columns for {WRITTEN[field]}: {both}. Rename one of them. Nothing was imported.")


def _heading(cell: str) -> str:
    """A heading with width, case, brackets and everything but letters folded away: "Severity (S)" is severity."""
    plain = re.sub(r"\([^)]*\)|\[[^\]]*\]", "", unicodedata.normalize("NFKC", cell).casefold())
    return "".join(letter for letter in plain if letter.isalnum())


# --- from a record to a row ------------------------------------------------------------------------------------------------------------


def _row(number: int, cells: Mapping[str, str]) -> tuple[FailureMode | None, list[str]]:
    """The row, or what is wrong with each of its cells."""
    wrong: list[str] = []
    words = {field: _words(cells[field]) for field in cells}
    words["part"] = unicodedata.normalize("NFKC", words["part"])
    for field, written in words.items():
        if field not in RATINGS:
            wrong += _complaints(field, written)
    ratings = {}
    for field in RATINGS:
        written = unicodedata.normalize("NFKC", words[field])
        match = re.fullmatch(r"(\d{1,2})(?:\.0+)?", written)
        if match and 1 <= int(match[1]) <= 10:
            ratings[field] = int(match[1])
        else:
            wrong.append(f"{field} is {_quoted(written)}; write a whole number from 1 to 10")
    if wrong:
        return None, wrong
    return FailureMode(
        part=words["part"],
        row=number,
        defect_class=unicodedata.normalize("NFKC", words["defect_class"]),
        failure_mode=words["failure_mode"],
        effect=words["effect"],
        cause=words["cause"],
        recommended_action=words["recommended_action"],
        **ratings,
    ), []


def _complaints(field: str, written: str) -> Iterator[str]:
    name = WRITTEN[field]
    if not written and field not in MAY_BE_EMPTY:
        every = {"part": "a part number, or * for every part", "defect_class": "a defect class, or * for any defect"}.get(field, "it")
        yield f"{name} is empty; write {every} on each line (a merged cell is saved on its first line alone)"
    elif len(written) > MOST_CHARACTERS:
        yield f"{name} has {len(written)} characters; shorten it to at most {MOST_CHARACTERS}"
    elif field == "part" and written != ANY_PART and not any(letter.isalnum() for letter in parts.folded(written)):
        yield f"part is {_quoted(written)}; write a part number, or * for every part"


def _words(cell: str) -> str:
    """On one line and without what cannot be printed."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in canonical.storable(cell)).split())


def _quoted(written: str) -> str:
    return f"“{written[:40]}”" if written else "empty"


# --- what would come of it -------------------------------------------------------------------------------------------------------------


def _planned(conn: Connection, sheet: Sheet, *, add: bool, whole_table: bool) -> tuple[Change, ...]:
    if sheet.problems:
        return ()
    return failure_modes.addition(conn, sheet.rows) if add else failure_modes.replacement(conn, sheet.rows, whole_table=whole_table)


def _notes(conn: Connection, rows: Sequence[FailureMode]) -> Iterator[str]:
    """Parts and defect classes that the records do not have: allowed, as they may come later, and often a slip of the pen."""
    by_part: dict[str, list[FailureMode]] = {}
    for row in rows:
        by_part.setdefault(row.part, []).append(row)
    for number, of_part in by_part.items():
        if number == ANY_PART:
            continue
        part = parts.find(conn, number)
        if part is None:
            yield f"{number} is no part on record: its rows ({len(of_part)}) are kept, and used once `kenpin parts add {number}` was run."
            continue
        classes = {reference.state for reference in part.references} - {GOOD}
        known = {failure_modes.folded_class(name) for name in (*classes, *failure_modes.NO_CLASSES)}
        strange = Counter(row.defect_class for row in of_part if failure_modes.folded_class(row.defect_class) not in known)
        for name, count in strange.items():
            there = ", ".join(sorted(classes)) or "none yet"
            yield f"{part.number}: “{name}” (rows: {count}) is no defect class of its references ({there}); no photo can lead there."
