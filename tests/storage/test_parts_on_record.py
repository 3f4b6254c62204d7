"""Part numbers, however they are typed, and the references of a part."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop_floor import ShopFloor, ask
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError

from kenpin.storage import actions, decisions, parts, proposals
from kenpin.storage.database import open_database, reading, writing
from kenpin.storage.errors import UnknownRowError
from kenpin.storage.vocabulary import DecisionVerdict, Part, ProposalKind, Proposed, Reference


def reference(digit: str, state: str = "good") -> Reference:
    return Reference(photo_sha256=digit * 64, shown_sha256=digit.upper() * 64, state=state)


@pytest.mark.parametrize(
    "written", ["SC-200", "sc-200", "ＳＣ－２００", "SC200", "sc 200", "SC\u2212200", "SC\u2010200", "SCー200", " Sc - 200 "]
)
def test_a_part_is_found_however_its_number_is_written(database: Engine, written: str) -> None:
    with writing(database) as conn:
        parts.add(conn, "SC-200", "solar cell", "Chika")
        assert not parts.add(conn, written, None, "Ben")
        assert parts.find(conn, written) == Part(number="SC-200", name="solar cell", references=())
        assert parts.number_of(conn, written) == "SC-200"
        assert parts.find(conn, "SC-201") is None


def test_a_name_given_later_is_taken_over(database: Engine) -> None:
    with writing(database) as conn:
        parts.add(conn, "SC-200", None, "Chika")
        parts.add(conn, "sc200", "太陽電池セル", "Chika")
        assert parts.all_parts(conn) == (Part(number="SC-200", name="太陽電池セル", references=()),)


@pytest.mark.parametrize("nothing", ["", " - ", "*", "\u2212", "\x00"])
def test_what_is_no_number_is_refused(database: Engine, nothing: str) -> None:
    with writing(database) as conn, pytest.raises(ValueError, match="cannot be a part number"):
        parts.add(conn, nothing, None, "Chika")


# References


def test_the_same_photo_twice_changes_nothing(database: Engine) -> None:
    with writing(database) as conn:
        parts.add(conn, "SC-200", None, "Chika")
        parts.add(conn, "SC-300", None, "Chika")
        assert parts.add_references(conn, "sc200", [reference("a"), reference("b"), reference("a")], "Chika") == 2
        assert parts.add_references(conn, "SC-200", [reference("b", "scratch"), reference("c", "scratch")], "Chika") == 1
        assert parts.add_references(conn, "SC-300", [reference("a")], "Chika") == 1
    with reading(database) as conn:
        found = parts.find(conn, "SC-200")
        assert [part.number for part in parts.all_parts(conn)] == ["SC-200", "SC-300"]
        assert parts.all_parts(conn)[0] == found
    assert found is not None
    assert found.references == (reference("a"), reference("b"), reference("c", "scratch"))
    assert found.good == (reference("a"), reference("b"))


def test_references_of_a_part_that_does_not_exist_are_refused(database: Engine) -> None:
    with writing(database) as conn, pytest.raises(UnknownRowError, match=r"no part 'SC-999'\. Add it with `kenpin parts add SC-999`"):
        parts.add_references(conn, "SC-999", [reference("a")], "Chika")


def test_references_asked_for_in_a_proposal_need_its_recorded_action(database: Engine, floor: ShopFloor) -> None:
    asked_for = Proposed(
        kind=ProposalKind.REFERENCE, part="SC-200", disposition=None, reference_state="good", photos=("a" * 64,), reason="a good one"
    )
    with writing(database) as conn:
        ask(conn, "K-REF")
        proposal = proposals.propose(conn, "K-REF", asked_for)
    with pytest.raises(IntegrityError), writing(database) as conn:
        parts.add_references(conn, "SC-200", [reference("a")], "Ben", proposal.id)
    with writing(database) as conn:
        actions.record(conn, decisions.record(conn, proposal, DecisionVerdict.APPROVED, "Aiko", "reaction"))
        assert parts.add_references(conn, "SC-200", [reference("a")], "Ben", proposal.id) == 1
        assert conn.execute(sa.text("SELECT added_by, proposal_id FROM part_references")).all() == [("Ben", proposal.id)]


# Numbers in a question


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("is SC-200 OK?", ["SC-200"]),
        ("SC200は良品ですか", ["SC-200"]),
        ("この部品ＳＣ－２００、見てください", ["SC-200"]),
        ("品番はSC 200です", ["SC-200"]),
        ("sc-200?", ["SC-200"]),
        ("(SC-200)", ["SC-200"]),
        ("is this SC-2001?", []),
        ("is this SC-200-B?", []),
        ("is this XSC-200?", []),
        ("is this A-SC-200?", []),
        ("SC_200_3.jpg", []),
        ("compare SC-200 with SC-200-X9", ["SC-200-X9", "SC-200"]),
        ("SC-200-X9 please", ["SC-200-X9"]),
        ("sc200x9 please", ["SC-200-X9"]),
        ("カバーＡは？", ["カバーA"]),
        ("a 1 mm scratch", []),
        ("A1 OK?", ["A1"]),
        ("12-34 and 1234", ["12-34"]),
        ("nothing named here", []),
        ("", []),
    ],
)
def test_part_numbers_are_found_in_what_people_type(database: Engine, text: str, named: list[str]) -> None:
    with writing(database) as conn:
        for number in ("SC-200", "SC-200-X9", "SC-300", "カバーA", "A1", "12-34"):
            parts.add(conn, number, None, "Chika")
        assert list(parts.numbers_in(conn, text)) == named


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    number=st.text(min_size=1, max_size=12),
    around=st.tuples(st.sampled_from(["", "is ", "部品 ", "「"]), st.sampled_from(["", " ok?", " は？", "」"])),
)
def test_any_number_that_can_be_added_is_found_again(sqlite_url: str, number: str, around: tuple[str, str]) -> None:
    engine = open_database(sqlite_url)
    with engine.connect() as conn:
        try:
            parts.add(conn, number, None, "Chika")
        except ValueError:
            return
        kept = parts.number_of(conn, number)
        assert kept is not None
        assert parts.numbers_in(conn, f"{around[0]}{kept}{around[1]}") == (kept,)
        conn.rollback()
    engine.dispose()
