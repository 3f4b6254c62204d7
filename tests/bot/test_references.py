"""`@kenpin reference PART STATE`: what is read as the command, what taking photos in would mean, and what an approval then does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from kenpin.bot import references
from kenpin.bot.references import ReferenceCommand
from kenpin.storage import parts
from kenpin.storage.database import open_database, reading, writing
from kenpin.storage.photos import PhotoStore
from kenpin.storage.vocabulary import GOOD, Answer, Language, Photo, ProposalKind, Reference, Verdict
from kenpin.tools.context import Site
from kenpin.tools.vision.process import EyeProcess


@pytest.mark.parametrize(
    ("text", "part", "state"),
    [
        ("reference SC-300 good", "SC-300", GOOD),
        ("Reference SC-300", "SC-300", GOOD),
        ("references sc300 OK", "sc300", GOOD),
        ("reference SC-300 scratch", "SC-300", "scratch"),
        ("reference SC-300  Edge   Chip ", "SC-300", "edge chip"),
        ("基準 SC-300 良品", "SC-300", GOOD),
        ("基準写真 SC-300 合格", "SC-300", GOOD),
        ("参照　ＳＣ－３００　キズ", "SC-300", "キズ"),
        ("基準 部品5 正常", "部品5", GOOD),
    ],
)
def test_the_command_is_read_in_english_and_japanese(text: str, part: str, state: str) -> None:
    assert references.parse(text) == ReferenceCommand(part=part, state=state)


@pytest.mark.parametrize(
    "text",
    [
        "is SC-300 OK?",
        "what is a reference?",
        "reference",
        "reference * good",
        "reference ** good",
        "reference --- good",
        "please reference SC-300 good",
        "referenceSC-300 good",
        f"reference {'x' * 61} good",
        "",
    ],
)
def test_anything_else_is_a_question(text: str) -> None:
    assert references.parse(text) is None


@given(st.text())
def test_no_text_is_read_as_a_command_for_every_part_or_for_none(text: str) -> None:
    for written in (text, f"reference {text}", f"基準 {text}"):
        command = references.parse(written)
        if command is not None:
            assert any(letter.isalnum() for letter in command.part)
            assert command.state.strip() == command.state != ""
            assert len(command.part) <= 60
            assert len(command.state) <= 60


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path) -> Iterator[Site]:
    """An eye in a process that is never started: taking photos in looks at none of them."""
    engine = open_database(sqlite_url)
    yield Site(engine=engine, photo_store=PhotoStore(tmp_path / "photos"), eye=NoModel(cache=tmp_path))
    engine.dispose()


class NoModel(EyeProcess):
    """The real one would start its process, and load the network, to say which model it is."""

    @property
    def model(self) -> str:
        return "no model"


def photos(*numbers: int) -> list[Photo]:
    return [Photo(sha256=f"{n:064x}", shown_sha256=f"{n + 1000:064x}", height_px=100, width_px=100) for n in numbers]


def know(engine: Engine, part: str, good: int) -> None:
    held = [Reference(photo_sha256=p.sha256, shown_sha256=p.shown_sha256, state=GOOD) for p in photos(*range(good))]
    with writing(engine) as conn:
        parts.add(conn, part, None, "tests")
        parts.add_references(conn, part, held, "tests")


def taken(site: Site, text: str, given: list[Photo], refusals: tuple[str, ...] = (), language: Language = Language.EN) -> Answer:
    command = references.parse(text)
    assert command is not None
    return references.take_in(site, command, given, refusals, language, "U0BEN")


def test_photos_of_a_new_part_become_a_proposal_and_no_record(site: Site) -> None:
    answer = taken(site, "reference SC-300 good", photos(1, 2))
    assert answer.proposed is not None
    assert (answer.proposed.kind, answer.proposed.part, answer.proposed.reference_state) == (ProposalKind.REFERENCE, "SC-300", GOOD)
    assert answer.proposed.photos == tuple(p.sha256 for p in photos(1, 2))
    assert answer.verdict is Verdict.NOT_JUDGED
    assert "new part number" in " ".join(answer.lines)
    assert "2 good reference photos" in " ".join(answer.lines)
    with reading(site.engine) as conn:
        assert parts.all_parts(conn) == ()


def test_the_part_is_called_as_it_is_on_record_however_it_was_typed(site: Site) -> None:
    know(site.engine, "SC-300", 3)
    answer = taken(site, "reference sc300 good", photos(10))
    assert answer.proposed is not None
    assert answer.proposed.part == "SC-300"
    assert "new part number" not in " ".join(answer.lines)
    assert "4 good reference photos" in " ".join(answer.lines)


def test_only_photos_that_are_new_are_proposed_and_each_once(site: Site) -> None:
    know(site.engine, "SC-300", 2)
    answer = taken(site, "reference SC-300 good", photos(0, 1, 7, 7))
    assert answer.proposed is not None
    assert answer.proposed.photos == (photos(7)[0].sha256,)
    assert "already among the references" in " ".join(answer.lines)


def test_when_no_photo_is_new_nothing_is_proposed(site: Site) -> None:
    know(site.engine, "SC-300", 2)
    assert taken(site, "reference SC-300 good", photos(0, 1)).proposed is None
    assert "already among" in taken(site, "reference SC-300 good", photos(0, 1)).headline


def test_without_a_usable_photo_it_says_so_and_why_each_was_refused(site: Site) -> None:
    answer = taken(site, "reference SC-300 good", [], refusals=("The file is empty.",))
    assert answer.proposed is None
    assert "nothing was added to SC-300" in answer.headline
    assert answer.lines == ("The file is empty.",)


def test_photos_of_a_defect_class_do_not_count_as_good_ones(site: Site) -> None:
    answer = taken(site, "reference SC-300 scratch", photos(1))
    assert answer.proposed is not None
    assert answer.proposed.reference_state == "scratch"
    assert "good reference photos" not in " ".join(answer.lines)
    assert "a verdict still rests on the good references" in " ".join(answer.lines)


def test_the_answer_comes_in_the_language_of_the_command(site: Site) -> None:
    answer = taken(site, "基準 SC-300 良品", photos(1), language=Language.JA)
    assert "良品" in answer.headline
    assert "新しい品番" in " ".join(answer.lines)
