"""What a larger model claims against what was measured, and what a disagreement may do: never a verdict, never a proposal."""

from __future__ import annotations

import pytest

from kenpin.storage.vocabulary import (
    AbstentionReason,
    Claims,
    Classified,
    ClassShare,
    Comparison,
    LabelField,
    LabelReading,
    LabelText,
    Language,
    Opinion,
    Region,
    Verdict,
)
from kenpin.tools import verify
from kenpin.tools.verify import Measured

OK, NOT_OK, UNSURE = Verdict.OK, Verdict.NOT_OK, Verdict.UNSURE


def compared(verdict: Verdict, *places: str, confidence: float = 0.94) -> Comparison:
    regions = tuple(Region(box_xyxy=(0, 0, 0.1, 0.1), area_of_part=0.01, score=2.0, where=place) for place in places)
    return Comparison(
        photo=0, part="SC-200", references=5, anomaly_score=1.0, threshold=1.0, limits=(0.6, 1.4), false_alarm_rate=0.05,
        too_few_references=False, confidence=confidence, verdict=verdict, map_sha256=None, regions=regions, ms=1.0,
    )  # fmt: skip


def classified(*plausible: str) -> Classified:
    shares = tuple(ClassShare(name=name, probability=1 / 3) for name in ("scratch", "stain", "dent"))
    return Classified(photo=0, part="SC-200", classes=shares, plausible=plausible, coverage=0.9, labelled=12, basis="test", ms=1.0)


def label(*lines: str, **fields: str) -> LabelReading:
    quad = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    return LabelReading(
        photo=0,
        texts=tuple(LabelText(text=line, format="text", confidence=0.9, quad_xy=quad) for line in lines),
        fields=tuple(LabelField(kind=k, value=v, written=v, confidence=0.9, format="text") for k, v in fields.items()),
        ms=1.0,
    )


def against(claims: Claims, language: Language = Language.EN, **measured: object) -> tuple[str, ...]:
    return verify.check(claims, Measured(**measured), language).contradictions


# --- claims --------------------------------------------------------------------------------------------------------------------------


def test_a_verdict_is_held_against_the_comparisons() -> None:
    assert against(Claims(verdict=NOT_OK), comparison=compared(NOT_OK, "left")) == ()
    assert against(Claims(verdict=OK), comparison=compared(NOT_OK, "left")) == ("It says OK; by the measurement the part is not OK.",)
    assert against(Claims(verdict=NOT_OK), Language.JA, comparison=compared(OK)) == ("モデルは「不良」、測定では「良品」です。",)


def test_between_the_limits_no_verdict_contradicts_and_none_agrees() -> None:
    for verdict in (OK, NOT_OK, UNSURE):
        checked = verify.check(Claims(verdict=verdict), Measured(comparison=compared(UNSURE)), Language.EN)
        assert (checked.contradictions, checked.compared, checked.agrees) == ((), 0, False)


@pytest.mark.parametrize(
    ("claimed", "near"), [("top left", True), ("left", True), ("centre", True), ("bottom right", False), ("right", False)]
)
def test_a_place_contradicts_only_when_it_is_no_neighbour_of_any_region(claimed: str, near: bool) -> None:
    words = against(Claims(places=(claimed,)), comparison=compared(NOT_OK, "top left"))
    assert bool(words) is not near
    if words:
        assert words[0].startswith("It sees something ")
        assert words[0].endswith("what was measured lies at the upper left.")


def test_a_place_is_not_checked_where_nothing_was_marked() -> None:
    assert verify.check(Claims(places=("left",)), Measured(comparison=compared(OK)), Language.EN).compared == 0


def test_a_kind_is_held_against_the_plausible_ones() -> None:
    assert against(Claims(kind="stain"), classified=classified("scratch", "stain")) == ()
    assert against(Claims(kind="dent"), classified=classified("scratch", "stain")) == (
        "It calls it dent; by the measurement it is scratch or stain.",
    )
    assert against(Claims(kind="dent"), classified=classified()) == ("It calls it dent; by the measurement it is none of the known kinds.",)


@pytest.mark.parametrize(
    ("counted", "marked", "differ"), [(1, 1, False), (1, 2, False), (2, 3, False), (0, 1, False), (0, 2, True), (9, 2, True)]
)
def test_only_a_count_that_is_far_off_contradicts(counted: int, marked: int, differ: bool) -> None:
    assert bool(against(Claims(count=counted), comparison=compared(NOT_OK, *["left"] * marked))) is differ


def test_a_text_read_differently_contradicts_one_that_was_not_seen_does_not() -> None:
    seen = label("SC-200", "LOT 5012")
    assert against(Claims(texts=("sc 200", "lot 5O12")), label=seen) == (), "case, blanks and letters that look like digits"
    assert against(Claims(texts=("SC-210",)), label=seen) == ("It reads “SC-210”; the label reader reads “SC-200”.",)
    assert against(Claims(texts=("MADE IN JAPAN",)), label=seen) == ()
    assert against(Claims(texts=("SC-210",)), label=label()) == ()


def test_a_labels_field_is_held_against_the_same_field() -> None:
    seen = label(lot="5012", part_number="SC-200")
    assert against(Claims(fields=(("lot", "5012"), ("serial", "77"))), label=seen) == ()
    assert against(Claims(fields=(("lot", "5013"),)), Language.JA, label=seen) == (
        "ロット番号を、モデルは「5013」、ラベル読み取りは「5012」と読んでいます。",
    )


def test_what_nobody_measured_is_neither_agreement_nor_contradiction() -> None:
    claims = Claims(verdict=NOT_OK, places=("left",), kind="dent", count=3, texts=("SC-210",), fields=(("lot", "1"),))
    checked = verify.check(claims, Measured(), Language.EN)
    assert (checked.contradictions, checked.compared, checked.agrees) == ((), 0, False)


# --- what may follow -----------------------------------------------------------------------------------------------------------------


def opinion(verdict: Verdict | None, *contradictions: str) -> Opinion:
    return Opinion(text="", verdict=verdict, agrees=not contradictions, contradictions=contradictions, model="m", cost=0.0, ms=1.0)


def test_agreement_changes_nothing_at_all() -> None:
    for verdict in (OK, NOT_OK):
        effect = verify.effect(verdict, 0.9, [opinion(verdict), opinion(verdict)])
        assert (effect.verdict, effect.confidence, effect.abstain, effect.look_first) == (verdict, 0.9, None, False)


@pytest.mark.parametrize(
    ("measured", "claimed", "before", "after"),
    [(NOT_OK, OK, 0.94, 0.884), (OK, NOT_OK, 0.94, 0.882), (NOT_OK, OK, 0.97, 0.940), (OK, NOT_OK, 0.97, 0.939)],
)
def test_a_contradicted_verdict_loses_confidence_by_bayes_rule_and_stands(
    measured: Verdict, claimed: Verdict, before: float, after: float
) -> None:
    effect = verify.effect(measured, before, [opinion(claimed, "differs")])
    assert effect.confidence == pytest.approx(after, abs=0.001)
    assert (effect.verdict, effect.abstain) == (measured, None)


@pytest.mark.parametrize(("measured", "claimed"), [(OK, NOT_OK), (NOT_OK, OK)])
def test_a_contradicted_verdict_that_was_less_sure_becomes_an_abstention_and_never_the_opposite(
    measured: Verdict, claimed: Verdict
) -> None:
    for confidence in (0.5, 0.6, 0.7, 0.8, 0.85):
        effect = verify.effect(measured, confidence, [opinion(claimed, "differs")])
        assert (effect.verdict, effect.abstain) == (UNSURE, AbstentionReason.CONTRADICTED)
        assert 0.5 <= effect.confidence <= confidence
    assert verify.effect(OK, 0.8, [opinion(NOT_OK, "differs")]).look_first
    assert not verify.effect(NOT_OK, 0.8, [opinion(OK, "differs")]).look_first


def test_a_contradiction_of_place_or_kind_weighs_less_than_one_of_the_verdict() -> None:
    place = verify.effect(NOT_OK, 0.9, [opinion(NOT_OK, "another place")]).confidence
    verdict = verify.effect(NOT_OK, 0.9, [opinion(OK, "another verdict")]).confidence
    assert verdict < place < 0.9


def test_several_replies_of_one_model_are_one_witness() -> None:
    once = verify.effect(NOT_OK, 0.94, [opinion(OK, "differs")])
    assert verify.effect(NOT_OK, 0.94, [opinion(OK, "differs")] * 5) == once


@pytest.mark.parametrize("claimed", [OK, NOT_OK, UNSURE, None])
def test_between_the_limits_its_word_makes_no_verdict(claimed: Verdict | None) -> None:
    effect = verify.effect(UNSURE, 0.6, [opinion(claimed)])
    assert (effect.verdict, effect.confidence, effect.abstain) == (UNSURE, 0.6, None)
    assert effect.look_first is (claimed is NOT_OK)


def test_without_opinions_everything_stays() -> None:
    for verdict in Verdict:
        effect = verify.effect(verdict, 0.7, [])
        assert (effect.verdict, effect.confidence, effect.abstain, effect.look_first) == (verdict, 0.7, None, False)
