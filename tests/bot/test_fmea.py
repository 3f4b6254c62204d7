"""An FMEA table as spreadsheets save it: taken over whole, or not at all with every bad line named."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from kenpin.bot import fmea
from kenpin.bot.fmea import FmeaFileError
from kenpin.storage import audit, failure_modes, parts
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import FailureMode, Reference

ENGLISH = """part,defect class,failure mode,effect,cause,severity,occurrence,detection,action
SC-200,crack,cracked cell,cell breaks in lamination,worn handling gripper,7,4,5,gripper pads on station 4
SC-200,stain,flux residue,,too much flux,3,5,2,
*,*,any damage,part is scrapped,dropped,6,2,3,floor around the station
"""
JAPANESE = """太陽電池セル FMEA 表,,,,,,,,,
品番,故障モード,欠陥の種類,影響,原因,厳しさ（S）,発生度（O）,検出度（D）,RPN,推奨処置
ＳＣ－２００,セル割れ,割れ,ラミネートで破損,搬送グリッパーの摩耗,７,４,５,140,ステーション 4 のグリッパーパッド
"""
CRACK = FailureMode(
    part="SC-200", row=1, defect_class="crack", failure_mode="cracked cell", effect="cell breaks in lamination",
    cause="worn handling gripper", severity=7, occurrence=4, detection=5, recommended_action="gripper pads on station 4",
)  # fmt: skip


def read(text: str, encoding: str = "utf-8") -> fmea.Sheet:
    return fmea.read(text.encode(encoding), "fmea.csv")


def import_text(database: Engine, folder: Path, text: str, **how: bool) -> fmea.Imported:
    file = folder / "fmea.csv"
    file.write_text(text, encoding="utf-8")
    return fmea.import_file(database, file, "Aiko", **how)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_an_english_table_is_read_however_it_was_saved(encoding: str, line_end: str) -> None:
    sheet = read(ENGLISH.replace("\n", line_end), encoding)
    assert sheet.problems == ()
    assert sheet.rows[0] == CRACK
    assert [(row.part, row.row, row.defect_class) for row in sheet.rows] == [("SC-200", 1, "crack"), ("SC-200", 2, "stain"), ("*", 3, "*")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_a_japanese_table_is_read_with_its_titles_its_brackets_and_its_wide_digits(encoding: str) -> None:
    sheet = read(JAPANESE, encoding)
    assert sheet.problems == ()
    (row,) = sheet.rows
    assert (row.part, row.row, row.defect_class, row.failure_mode) == ("SC-200", 1, "割れ", "セル割れ")
    assert (row.severity, row.occurrence, row.detection, row.cause) == (7, 4, 5, "搬送グリッパーの摩耗")
    assert sheet.ignored == ("RPN",)
    assert sheet.encoding.startswith("UTF-8" if encoding.startswith("utf") else "Shift-JIS")


@pytest.mark.parametrize("separator", ["\t", ";"])
def test_columns_may_stand_in_any_order_and_be_parted_by_tabs_or_semicolons(separator: str) -> None:
    turned = [",".join(reversed(line.split(","))) for line in ENGLISH.splitlines()]
    sheet = read("\n".join(turned).replace(",", separator))
    assert sheet.problems == ()
    assert sheet.rows[0] == CRACK


def test_a_row_keeps_the_number_it_has_in_the_spreadsheet_and_lines_count_within_cells() -> None:
    text = ENGLISH.replace("worn handling gripper", '"worn\nhandling  gripper"').replace("SC-200,stain", ",,,,,,,,\nSC-200,stain")
    sheet = read(text.replace("too much flux,3", "too much flux,high"))
    assert [row.row for row in sheet.rows] == [1, 4]
    assert sheet.rows[0].cause == "worn handling gripper"
    assert sheet.problems == ("Line 5: severity is “high”; write a whole number from 1 to 10.",)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ((",7,4,5,", ",0,4,5,"), "Line 2: severity is “0”; write a whole number from 1 to 10."),
        ((",7,4,5,", ",7.5,11,,"), "Line 2: severity is “7.5”; write .*; occurrence is “11”; write .*; detection is empty; write a whole"),
        (("SC-200,crack", ",crack"), r"Line 2: part is empty; write a part number, or \* for every part on each line \(a merged cell"),
        (("SC-200,crack", "SC-200,"), r"Line 2: defect class is empty; write a defect class, or \* for any defect"),
        (("SC-200,crack", "-,crack"), r"Line 2: part is “-”; write a part number, or \* for every part"),
        (("worn handling gripper", "x" * 401), "Line 2: cause has 401 characters; shorten it to at most 400"),
        (("SC-200,stain,flux residue,,too much flux,3,5,2,", ENGLISH.splitlines()[1]), "Line 3: it says the same as line 2; take one"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_what_to_do(wrong: tuple[str, str], told: str) -> None:
    sheet = read(ENGLISH.replace(*wrong, 1))
    assert len(sheet.problems) == 1
    assert re.match(told, sheet.problems[0]), sheet.problems[0]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "has no heading line with every column. Missing: part"),
        (b"part,cause\nSC-200,dropped\n", r"Missing: defect class \(欠陥の種類\).* The nearest line to a heading says: part, cause\."),
        (ENGLISH.splitlines()[0].encode(), "has a heading line and no row below it"),
        (ENGLISH.replace("action", "action,対策").encode(), "has two columns for action: action and 対策. Rename one"),
        (b"PK\x03\x04 and so on", "is a spreadsheet, not CSV. Open it and save the sheet as “CSV UTF-8”"),
        (b"part\xff\xff\x80\xa0", "is neither UTF-8 nor Shift-JIS text"),
        (ENGLISH.replace("worn handling", '"worn handling').encode(), "line 2: the quotation marks do not close"),
    ],
)
def test_a_file_that_is_no_fmea_table_is_refused_with_what_to_do(data: bytes, told: str) -> None:
    with pytest.raises(FmeaFileError, match=told):
        fmea.read(data, "fmea.csv")


def test_a_file_that_is_not_there_is_refused(database: Engine, tmp_path: Path) -> None:
    with pytest.raises(FmeaFileError, match=r"none\.csv cannot be read: No such file"):
        fmea.import_file(database, tmp_path / "none.csv", "Aiko")


def test_an_import_is_on_record_and_the_log_keeps_who_and_from_what_to_what(database: Engine, tmp_path: Path) -> None:
    import_text(database, tmp_path, ENGLISH)
    again = import_text(database, tmp_path, ENGLISH.replace(",7,4,5,", ",9,4,5,"))
    assert [change.part for change in again.changes] == ["SC-200"]
    with reading(database) as conn:
        assert failure_modes.rows_of(conn, "SC-200")[0].severity == 9
        entries = list(audit.entries(conn, kind=AuditKind.FAILURE_MODES_IMPORTED))
        assert audit.verify(conn).whole
    assert [entry.payload["part"] for entry in entries if entry.payload] == ["SC-200", "*", "SC-200"]
    last = entries[-1].payload
    assert last is not None
    assert (last["by"], last["file"], len(last["file_sha256"])) == ("Aiko", "fmea.csv", 64)
    assert (last["from"][0]["severity"], last["to"][0]["severity"]) == (7, 9)


def test_one_bad_line_keeps_the_whole_file_out(database: Engine, tmp_path: Path) -> None:
    import_text(database, tmp_path, ENGLISH)
    refused = import_text(database, tmp_path, ENGLISH.replace(",7,4,5,", ",9,4,5,").replace(",3,5,2,", ",3,5,much,"))
    assert (len(refused.sheet.problems), refused.changes) == (1, ())
    with reading(database) as conn:
        assert failure_modes.rows_of(conn, "SC-200")[0].severity == 7
        assert len(list(audit.entries(conn))) == 2


def test_a_dry_run_says_what_would_change_and_changes_nothing(database: Engine, tmp_path: Path) -> None:
    planned = import_text(database, tmp_path, ENGLISH, check=True)
    assert {change.part: (len(change.before), len(change.after)) for change in planned.changes} == {"SC-200": (0, 2), "*": (0, 1)}
    with reading(database) as conn:
        assert failure_modes.all_rows(conn) == ()
        assert list(audit.entries(conn)) == []


def test_rows_can_be_added_and_the_whole_table_replaced(database: Engine, tmp_path: Path) -> None:
    import_text(database, tmp_path, ENGLISH)
    more = ENGLISH.splitlines()[0] + "\nSC-300,scratch,scratched,,rough tray,4,4,4,\n"
    assert [change.part for change in import_text(database, tmp_path, more, add=True).changes] == ["SC-300"]
    gone = import_text(database, tmp_path, more, whole_table=True)
    assert {change.part: len(change.after) for change in gone.changes} == {"SC-200": 0, "*": 0}


def test_parts_and_classes_that_the_records_do_not_have_are_pointed_out(database: Engine, tmp_path: Path) -> None:
    with writing(database) as conn:
        parts.add(conn, "SC-200", None, "Aiko")
        parts.add_references(conn, "SC-200", [Reference(photo_sha256="a" * 64, shown_sha256="b" * 64, state="Crack")], "Aiko")
    notes = import_text(database, tmp_path, ENGLISH + "SC-900,crack,c,,d,1,1,1,\nSC-200,region,c,,d,1,1,1,\n").notes
    assert len(notes) == 2
    assert notes[0] == "SC-200: “stain” (rows: 1) is no defect class of its references (Crack); no photo can lead there."
    assert notes[1].startswith("SC-900 is no part on record: its rows (1) are kept")


def test_what_is_written_out_can_be_read_in_again(database: Engine, tmp_path: Path) -> None:
    import_text(database, tmp_path, ENGLISH.replace("dropped", '"dropped, or ""thrown"""'))
    target = io.StringIO(newline="")
    assert fmea.export(database, target) == 3
    with reading(database) as conn:
        assert {row.cause for row in read(target.getvalue()).rows} == {kept.row.cause for kept in failure_modes.all_rows(conn)}
    only = io.StringIO(newline="")
    assert fmea.export(database, only, "sc200") == 2
