"""Likely causes from the site's FMEA table: chosen by what was found, cited by row, and never passed off as seen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import workbench
from workbench import Workbench, plate

from kenpin.storage import failure_modes, parts
from kenpin.storage.database import open_database, reading, writing
from kenpin.storage.vocabulary import Classified, ClassShare, FailureMode, Language
from kenpin.tools import compare, reason
from kenpin.tools.context import Context
from kenpin.tools.errors import CannotBeDoneError

MARKED, PINK, FINE = plate(marks={"bottom left": 16}, seed=2), plate(marks=dict.fromkeys(["top", "centre", "left"], 30)), plate(seed=3)
WORN = FailureMode(
    part="SC-200", row=7, defect_class="Surface scratch", failure_mode="scratched cell", effect="cell breaks in lamination.",
    cause="worn handling gripper.", severity=7, occurrence=4, detection=5, recommended_action="gripper pads on station 4",
)  # fmt: skip
FLUX = replace(
    WORN, row=8, defect_class="stain", failure_mode="flux residue", effect="", cause="too much flux", severity=3, recommended_action=""
)
FADED = replace(FLUX, row=9, defect_class="whole", cause="old lamp", severity=2)
SPOT = replace(FLUX, row=10, defect_class="region", cause="dust", severity=1)
DROPPED = replace(WORN, part="*", row=1, defect_class="*", cause="dropped", severity=10, occurrence=10, detection=10)


@pytest.fixture(scope="module")
def bench(migrated_sqlite_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """One for all tests here: no test leaves anything in it that another one reads."""
    folder = tmp_path_factory.mktemp("bench")
    engine = open_database(f"sqlite:///{shutil.copyfile(migrated_sqlite_file, folder / 'kenpin.sqlite')}")
    yield workbench.built(engine, folder)
    engine.dispose()


def context_of(bench: Workbench, *photos: bytes, text: str = "what could cause this?", part: str | None = "SC-200") -> Context:
    with reading(bench.engine) as conn:
        found = parts.find(conn, part) if part else None
    return Context(question=bench.question(text, *photos), site=bench.site, language=Language.EN, part=found)


def import_rows(bench: Workbench, *rows: FailureMode) -> None:
    with writing(bench.engine) as conn:
        failure_modes.replace_rows(conn, rows, "Aiko", whole_table=True)


def classified(context: Context, plausible: tuple[str, ...], **shares: float) -> None:
    context.classified[0] = Classified(
        photo=0, part="SC-200", classes=tuple(ClassShare(name=name, probability=share) for name, share in shares.items()),
        plausible=plausible, coverage=0.9, labelled=8, basis="this test", ms=1.0,
    )  # fmt: skip


def test_rows_of_the_classes_the_photo_may_show_come_by_risk_times_probability(bench: Workbench) -> None:
    import_rows(bench, WORN, FLUX, FADED)
    context = context_of(bench, MARKED)
    compare.compare(context, 0)
    classified(context, ("stain", "surface_scratch"), surface_scratch=0.19, stain=0.81)
    assert reason.reason(context) == (FLUX, WORN), "60 x .81 before 140 x .19"


def test_a_class_outside_the_conformal_set_leads_to_no_row(bench: Workbench) -> None:
    import_rows(bench, WORN, FLUX)
    context = context_of(bench, MARKED)
    compare.compare(context, 0)
    classified(context, ("stain",), surface_scratch=0.3, stain=0.7)
    assert reason.reason(context) == (FLUX,)


def test_a_photo_of_no_known_class_leads_to_the_rows_for_any_defect_alone(bench: Workbench) -> None:
    import_rows(bench, WORN, SPOT, DROPPED, FADED)
    context = context_of(bench, MARKED)
    compare.compare(context, 0)
    classified(context, (), surface_scratch=0.6, stain=0.4)
    assert reason.reason(context) == (DROPPED, SPOT)
    told = reason.told(context, Language.EN)
    assert told is not None
    assert "none of the kinds of defect that are known" in " ".join(told.lines)


def test_without_classes_every_row_is_possible_and_the_findings_choose_among_the_general_ones(bench: Workbench) -> None:
    import_rows(bench, WORN, FLUX, FADED, SPOT)
    context = context_of(bench, MARKED)
    compare.compare(context, 0)
    assert reason.reason(context) == (WORN, FLUX, SPOT), "one marked place: no row for the whole part"
    whole = context_of(bench, PINK)
    compare.compare(whole, 0)
    assert [row.cause for row in reason.reason(whole)] == [WORN.cause, "too much flux", "old lamp"]


def test_a_class_named_in_the_question_is_looked_up_without_a_photo(bench: Workbench) -> None:
    import_rows(bench, WORN, FLUX)
    context = context_of(bench, text="What causes a surface-scratch on SC-200?")
    assert reason.reason(context) == (WORN,)
    told = reason.told(context, Language.EN)
    assert told is not None
    assert "Chosen by the kind of defect you named: Surface scratch." in told.lines
    assert reason.reason(context_of(bench, text="what are the risks of SC-200?")) == (WORN, FLUX)


def test_nothing_strange_has_no_cause(bench: Workbench) -> None:
    import_rows(bench, WORN)
    context = context_of(bench, FINE)
    compare.compare(context, 0)
    assert reason.reason(context) == ()
    told = reason.told(context, Language.EN)
    assert told is not None
    assert told.headline == "Nothing unusual was found, so there is no cause to look for."


@pytest.mark.parametrize(
    ("language", "headline", "lines"),
    [
        (
            Language.EN,
            "Likely cause, from SC-200's failure modes (row 7): worn handling gripper.",
            [
                "Failure mode: scratched cell. Effect: cell breaks in lamination; severity 7 of 10.",
                "Check next: gripper pads on station 4.",
                "By risk (severity x occurrence x detection; this row has 140) also: row 8, too much flux (60).",
                "Chosen by the kind of defect the photo may show: surface_scratch 81 %, stain 12 %.",
                "This is the table's knowledge, not something seen in the photo.",
            ],
        ),
        (
            Language.JA,
            "考えられる原因（SC-200 の FMEA 表 7 行目）：worn handling gripper。",
            [
                "故障モード：scratched cell。影響：cell breaks in lamination（厳しさ 10 段階中 7）。",
                "次に確認すること：gripper pads on station 4。",
                "危険度（厳しさ×発生度×検出度。この行は 140）の順で、ほかに8 行目、too much flux（60）。",
                "写真から考えられる不良の種類で選びました：surface_scratch 81 %、stain 12 %",
                "これは FMEA 表に書かれた知識で、写真から見て取ったことではありません。",
            ],
        ),
    ],
)
def test_a_cause_is_told_with_its_row_its_risk_and_where_it_comes_from(
    bench: Workbench, language: Language, headline: str, lines: list[str]
) -> None:
    import_rows(bench, WORN, FLUX)
    context = context_of(bench, MARKED)
    compare.compare(context, 0)
    classified(context, ("surface_scratch", "stain"), surface_scratch=0.81, stain=0.12, crack=0.07)
    reason.reason(context)
    told = reason.told(context, language)
    assert told is not None
    assert (told.headline, list(told.lines)) == (headline, lines)


@pytest.mark.parametrize(
    ("rows", "headline", "line"),
    [
        ((), "There is no failure mode of SC-200 on record", "can be imported with `kenpin fmea import FILE.csv`"),
        ((WORN,), "SC-200 has no failure mode on record for this kind of defect (stain 80 %)", "A row for it"),
    ],
)
def test_without_a_row_it_says_so_and_how_to_get_one(bench: Workbench, rows: tuple[FailureMode, ...], headline: str, line: str) -> None:
    import_rows(bench, *rows)
    context = context_of(bench, MARKED)
    compare.compare(context, 0)
    classified(context, ("stain",), stain=0.8, surface_scratch=0.2)
    assert reason.reason(context) == ()
    told = reason.told(context, Language.EN)
    assert told is not None
    assert told.headline.startswith(headline)
    assert line in told.lines[0]


def test_nothing_is_told_before_anybody_asked(bench: Workbench) -> None:
    assert reason.told(context_of(bench, MARKED), Language.EN) is None


def test_the_table_is_read_once_and_the_call_is_on_the_trail(bench: Workbench) -> None:
    import_rows(bench, WORN)
    context = context_of(bench, MARKED)
    compare.compare(context, 0)
    content, rows = reason.use(context)
    import_rows(bench, FLUX)
    assert reason.use(context) == (content, rows)
    seen = json.loads(content)
    assert (seen["rows"][0]["row"], seen["rows"][0]["rpn"], seen["rows_on_record"], seen["basis"]) == (7, 140, 1, "findings")
    assert [entry.tool for entry in context.trail].count("reason") == 1


def test_without_a_part_there_is_no_table_to_look_into(bench: Workbench) -> None:
    with pytest.raises(CannotBeDoneError, match="ask the person for the part number"):
        reason.reason(context_of(bench, MARKED, part=None))
