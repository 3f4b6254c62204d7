"""The FMEA table on record: replaced and added to as a whole, found for a part however its number is written."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError

from kenpin.storage import failure_modes, parts
from kenpin.storage.database import reading, writing
from kenpin.storage.failure_modes import Change, rpn
from kenpin.storage.vocabulary import FailureMode


def row(number: int, part: str = "SC-200", **more: object) -> FailureMode:
    plain = FailureMode(
        part=part, row=number, defect_class="crack", failure_mode="cracked cell", effect="cell breaks in lamination",
        cause="worn handling gripper", severity=7, occurrence=4, detection=5, recommended_action="gripper pads on station 4",
    )  # fmt: skip
    return replace(plain, **more)


STAIN = row(2, defect_class="stain", failure_mode="flux residue", cause="too much flux", severity=3)
ANY = row(3, part="*", defect_class="*", cause="dropped")


def test_rows_are_found_for_their_part_however_it_is_written_then_those_of_every_part(database: Engine) -> None:
    with writing(database) as conn:
        parts.add(conn, "SC-200", None, "Chika")
        failure_modes.replace_rows(conn, [STAIN, row(1, part="sc200"), ANY, row(1, part="SC-300")], "Chika")
    with reading(database) as conn:
        assert failure_modes.of_part(conn, "ＳＣ－２００") == (row(1), STAIN, ANY)
        assert failure_modes.of_part(conn, "SC-999") == (ANY,)
        assert failure_modes.of_part(conn, "*") == (ANY,)
        assert [kept.row.part for kept in failure_modes.all_rows(conn)] == ["*", "SC-200", "SC-200", "SC-300"]
        assert {kept.imported_by for kept in failure_modes.all_rows(conn)} == {"Chika"}


def test_replacing_changes_the_parts_that_are_given_and_says_from_what_to_what(database: Engine) -> None:
    other = row(1, part="SC-300")
    with writing(database) as conn:
        failure_modes.replace_rows(conn, [row(1), STAIN, other], "Chika")
    with writing(database) as conn:
        changes = failure_modes.replace_rows(conn, [row(1, severity=9), other], "Aiko")
        assert changes == (Change(part="SC-200", before=(row(1), STAIN), after=(row(1, severity=9),)),)
        assert failure_modes.of_part(conn, "SC-200") == (row(1, severity=9),)
        by = {kept.row.part: kept.imported_by for kept in failure_modes.all_rows(conn)}
        assert by == {"SC-200": "Aiko", "SC-300": "Chika"}, "who brought unchanged rows stays"


def test_replacing_the_whole_table_leaves_no_other_part_a_row(database: Engine) -> None:
    with writing(database) as conn:
        failure_modes.replace_rows(conn, [row(1), row(1, part="sc300"), ANY], "Chika")
        parts.add(conn, "SC-300", None, "Chika")
        changes = failure_modes.replace_rows(conn, [row(1, part="SC-300")], "Aiko", whole_table=True)
        assert {change.part: len(change.after) for change in changes} == {"SC-300": 1, "SC-200": 0, "*": 0}
        assert [kept.row for kept in failure_modes.all_rows(conn)] == [row(1, part="SC-300")]


def test_rows_that_are_added_are_numbered_on_and_none_is_there_twice(database: Engine) -> None:
    with writing(database) as conn:
        assert failure_modes.append_rows(conn, [row(4)], "Chika") == (Change(part="SC-200", before=(), after=(row(1),)),)
        changes = failure_modes.append_rows(conn, [row(1, part="sc-200"), STAIN], "Aiko")
        assert [change.after for change in changes] == [(row(1), STAIN)]
        assert failure_modes.append_rows(conn, [STAIN], "Aiko") == ()
        assert failure_modes.of_part(conn, "SC-200") == (row(1), STAIN)


def test_one_number_for_two_rows_of_a_part_is_refused(database: Engine) -> None:
    with writing(database) as conn, pytest.raises(ValueError, match="Row 1 of SC-200 is given twice"):
        failure_modes.replace_rows(conn, [row(1), row(1, part="sc200", severity=9)], "Chika")


@pytest.mark.parametrize("wrong", [{"severity": 11}, {"occurrence": 0}, {"detection": -1}, {"row": 0}])
def test_the_database_itself_refuses_a_rating_off_the_scale(database: Engine, wrong: dict[str, int]) -> None:
    with pytest.raises(IntegrityError), writing(database) as conn:
        failure_modes.replace_rows(conn, [row(1, **wrong)], "Chika")
    with reading(database) as conn:
        assert conn.execute(sa.text("SELECT count(*) FROM failure_modes")).scalar_one() == 0


def test_text_that_no_database_can_store_is_kept_readable(database: Engine) -> None:
    with writing(database) as conn:
        failure_modes.replace_rows(conn, [row(1, cause="摩耗\x00した\ud83dグリッパー")], "Chika")
        assert failure_modes.of_part(conn, "SC-200")[0].cause == "摩耗\ufffdした?グリッパー"


def test_the_risk_priority_number_is_the_product_of_the_three_ratings() -> None:
    assert rpn(row(1)) == 7 * 4 * 5
