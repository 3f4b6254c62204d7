"""The tool `classify`: what a person is told of a photo's kind of defect, and what must be there before it can say anything."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from workbench import LIGHT, Workbench, plate

from kenpin.storage import parts
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import Classified, Language, Reference
from kenpin.tools import classify, compare
from kenpin.tools.context import Context
from kenpin.tools.errors import CannotBeDoneError

SCRATCH, STAIN, DENT = 4, 12, 25  # sides in pixels of the marks that stand for three kinds of defects


def marked(side: int, seed: int = 0) -> bytes:
    return plate(LIGHT, {"centre": side}, seed)


def label(bench: Workbench, part: str = "SC-200", **classes: int | tuple[int, int]) -> None:
    """Class -> the side of its marks, and how many photos (one unless said)."""
    with writing(bench.engine) as conn:
        for state, given in classes.items():
            side, count = given if isinstance(given, tuple) else (given, 1)
            photos = [bench.photo(marked(side, seed)) for seed in range(count)]
            references = [Reference(photo_sha256=p.sha256, shown_sha256=p.shown_sha256, state=state) for p in photos]
            parts.add_references(conn, part, references, "Aiko")


def context_of(bench: Workbench, *photos: bytes, part: str | None = "SC-200") -> Context:
    with reading(bench.engine) as conn:
        found = parts.find(conn, part) if part else None
    return Context(question=bench.question("what kind?", *photos), site=bench.site, language=Language.EN, part=found)


def told(context: Context, language: Language = Language.EN) -> tuple[str, tuple[str, ...]]:
    said = classify.told(context, language)
    assert said is not None
    return said.headline, said.lines


def test_the_kind_of_defect_is_named_with_how_sure_and_from_what(bench: Workbench) -> None:
    label(bench, scratch=(SCRATCH, 3), dent=(DENT, 2))
    context = context_of(bench, marked(SCRATCH, 9))
    classify.classify(context, 0)
    headline, lines = told(context)
    assert headline == 'Most like "scratch" among the known defects of SC-200 (scratch 97 %).'
    assert lines == (
        "Learnt from 5 labelled photos of SC-200: scratch 3, dent 2.",
        "For about 90 of 100 photos of a known defect of SC-200, its true kind is among those I name.",
    )


def test_the_same_in_japanese(bench: Workbench) -> None:
    label(bench, キズ=(SCRATCH, 3), 打痕=(DENT, 2))
    context = context_of(bench, marked(SCRATCH, 9))
    classify.classify(context, 0)
    headline, lines = told(context, Language.JA)
    assert headline == "SC-200 の既知の不良では「キズ」に最も近いです（キズ 97 %）。"
    assert lines == (
        "SC-200 の種類の分かっている写真 5 枚から学習：キズ 3 枚、打痕 2 枚",
        "SC-200 の既知の不良の写真 100 枚のうち約 90 枚で、挙げた中に正しい種類が入ります。",
    )


def test_two_kinds_that_cannot_be_told_apart_are_both_named(bench: Workbench) -> None:
    label(bench, scratch=SCRATCH, stain=STAIN, crack=STAIN + 3)
    context = context_of(bench, marked(STAIN + 1))
    classify.classify(context, 0)
    assert told(context)[0].startswith('It could be "stain" or "crack", of the known defects of SC-200 (stain ')
    assert told(context, Language.JA)[0].startswith("SC-200 の既知の不良のうち、「stain」か「crack」と考えられます")


def test_when_it_may_be_any_of_them_it_says_so(bench: Workbench) -> None:
    label(bench, stain=STAIN, blot=STAIN + 1, crack=STAIN + 2)
    context = context_of(bench, marked(STAIN + 1))
    classify.classify(context, 0)
    assert told(context)[0].startswith("I cannot tell which of the 3 known defects of SC-200 it is (")
    assert told(context, Language.JA)[0].startswith("SC-200 の既知の不良 3 種類のうち、どれかは決められません")


def test_a_defect_like_none_that_is_known_is_called_so_and_can_be_taught(bench: Workbench) -> None:
    label(bench, scratch=SCRATCH, stain=STAIN)
    context = context_of(bench, marked(28))
    classify.classify(context, 0)
    headline, lines = told(context)
    assert headline == "None of the defects I know of SC-200."
    assert lines[0].startswith('The nearest is "stain", and it is not near enough.')
    assert "`@kenpin reference SC-200`" in lines[0]
    assert told(context, Language.JA)[0] == "SC-200 の既知の不良には、当てはまるものがありません。"


@pytest.mark.parametrize(("side", "headline"), [(SCRATCH, 'Like "scratch", the only'), (28, 'Not like "scratch", the only')])
def test_a_single_known_kind_is_said_to_be_like_it_or_not(bench: Workbench, side: int, headline: str) -> None:
    label(bench, scratch=(SCRATCH, 2))
    context = context_of(bench, marked(side, 9))
    classify.classify(context, 0)
    assert told(context)[0] == f"{headline} known defect of SC-200."
    assert len(told(context)[1]) == 2


def test_several_photos_are_told_one_by_one(bench: Workbench) -> None:
    label(bench, scratch=SCRATCH, stain=STAIN)
    context = context_of(bench, marked(SCRATCH, 8), marked(STAIN, 9))
    for index in (0, 1):
        classify.classify(context, index)
    headline, lines = told(context)
    assert headline.startswith('Photo 1: Most like "scratch"')
    assert lines[0].startswith('Photo 2: Most like "stain"')
    assert len(lines) == 3


def test_a_photo_that_was_found_ok_is_not_made_bad_by_a_name(bench: Workbench) -> None:
    label(bench, scratch=SCRATCH, stain=STAIN)
    context = context_of(bench, marked(SCRATCH, 9))
    classify.classify(context, 0)
    assert not any("nothing unusual" in line for line in told(context)[1])
    compare.compare(context, 0)
    assert any(line.startswith("Compared with the good photos of SC-200 nothing unusual was found") for line in told(context)[1])


@pytest.mark.parametrize("language", list(Language))
def test_it_never_gives_a_verdict(bench: Workbench, language: Language) -> None:
    label(bench, scratch=SCRATCH, stain=STAIN)
    for side in (0, SCRATCH, STAIN, 28):
        context = context_of(bench, marked(side, 9) if side else plate(seed=9))
        classify.classify(context, 0)
        headline, lines = told(context, language)
        for verdict in ("OK", "良品：", "不良："):
            assert verdict not in " ".join((headline, *lines))


def test_what_nobody_asked_for_is_not_told(bench: Workbench) -> None:
    assert classify.told(context_of(bench, marked(SCRATCH)), Language.EN) is None


def test_a_photo_is_classified_once_and_the_call_is_on_the_trail(bench: Workbench) -> None:
    label(bench, scratch=(SCRATCH, 2), stain=STAIN)
    context = context_of(bench, marked(SCRATCH, 9))
    evidence, found = classify.use(context, photo=1)
    assert classify.classify(context, 0) is found
    assert isinstance(found, Classified)
    assert (found.plausible, found.labelled, found.coverage) == (("scratch",), 3, 0.9)
    assert json.loads(evidence)["plausible"] == ["scratch"]
    assert len(bench.eye.looked_at) == 1
    (entry,) = context.trail
    assert (entry.tool, entry.model, entry.outputs["plausible"]) == ("classify", "mark-eye", ["scratch"])
    assert {name: len(photos) for name, photos in entry.outputs["references"].items()} == {"scratch": 2, "stain": 1}


def test_the_coverage_is_the_sites(bench: Workbench) -> None:
    label(bench, scratch=SCRATCH, stain=STAIN)
    context = context_of(bench, marked(SCRATCH, 9))
    context.site = replace(bench.site, coverage=0.75)
    assert classify.classify(context, 0).coverage == 0.75
    assert told(context)[1][-1].startswith("For about 75 of 100 photos of a known defect of SC-200")


@pytest.mark.parametrize(
    ("part", "labelled", "told"),
    [
        (None, {}, "It is not known which part this is"),
        ("SC-200", {}, r"Part SC-200 has no labelled photos of defects\. .*`@kenpin reference SC-200 scratch`.*--bad scratch=FOLDER"),
        ("SC-400", {"dent": DENT}, r"SC-400 has no labelled photos of defects but those of 'dent', and no good ones to tell them from\."),
    ],
)
def test_without_labelled_photos_it_says_which_are_needed(bench: Workbench, part: str | None, labelled: dict[str, int], told: str) -> None:
    if part:
        label(bench, part, **labelled)
    context = context_of(bench, marked(SCRATCH), part=part)
    assert context.part is None or not classify.can_classify(context.part)
    with pytest.raises(CannotBeDoneError, match=told):
        classify.classify(context, 0)
    assert "CannotBeDoneError" in context.trail[0].outputs["error"]


def test_two_kinds_without_any_good_photo_are_enough(bench: Workbench) -> None:
    label(bench, "SC-400", scratch=SCRATCH, dent=DENT)
    context = context_of(bench, marked(DENT, 9), part="SC-400")
    assert context.part is not None
    assert classify.can_classify(context.part)
    assert classify.classify(context, 0).plausible == ("dent",)
