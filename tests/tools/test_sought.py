"""What a short question asks to be seen."""

from __future__ import annotations

import pytest

from kenpin.tools.sought import Kind, Thing, sought

READ = [
    ("is there anything unusual?", Kind.IS_THERE, Thing.UNUSUAL),
    ("Is there a label on it?", Kind.IS_THERE, Thing.TEXT),
    ("is there a barcode?", Kind.IS_THERE, Thing.CODE),
    ("how many scratches are there?", Kind.HOW_MANY, Thing.UNUSUAL),
    ("how many codes?", Kind.HOW_MANY, Thing.CODE),
    ("where is it?", Kind.WHERE, Thing.UNUSUAL),
    ("how large is the mark in percent of the part?", Kind.HOW_LARGE, Thing.UNUSUAL),
    ("which part is this?", Kind.WHICH_PART, Thing.UNUSUAL),
    ("is it the same as before?", Kind.SAME_AS_BEFORE, Thing.UNUSUAL),
    ("what kind of defect is it?", Kind.WHICH_KIND, Thing.UNUSUAL),
    ("what does the label say?", Kind.WHICH_TEXT, Thing.TEXT),
    ("what changed since this photo?", Kind.WHAT_CHANGED, Thing.UNUSUAL),
    ("キズはありますか？", Kind.IS_THERE, Thing.UNUSUAL),
    ("ラベルはありますか？", Kind.IS_THERE, Thing.TEXT),
    ("バーコードは何個？", Kind.HOW_MANY, Thing.CODE),
    ("キズはいくつ？", Kind.HOW_MANY, Thing.UNUSUAL),
    ("どこですか？", Kind.WHERE, Thing.UNUSUAL),
    ("欠陥は部品の何%？", Kind.HOW_LARGE, Thing.UNUSUAL),
    ("これは何の部品？", Kind.WHICH_PART, Thing.UNUSUAL),
    ("前と同じ写真？", Kind.SAME_AS_BEFORE, Thing.UNUSUAL),
    ("前の写真から何が変わった？", Kind.WHAT_CHANGED, Thing.UNUSUAL),
    ("何と書いてありますか", Kind.WHICH_TEXT, Thing.TEXT),
]


@pytest.mark.parametrize(("text", "kind", "thing"), READ)
def test_a_question_is_read(text: str, kind: Kind, thing: Thing) -> None:
    found = sought(text)
    assert (found.kind, found.thing) == (kind, thing)


@pytest.mark.parametrize(
    "text",
    [
        "how many screws are there?", "where is the screw?", "how many pins are there, and does it say so?", "what colour is it?",
        "is the cap closed?", "how large is the part?", "are there any screws missing?", "ネジは何本ありますか？", "ネジはどこ？",
        "ふたは閉まっていますか？", "穴はいくつ見えますか", "色は何色？",
    ],
)  # fmt: skip
def test_a_thing_that_nobody_here_can_measure_is_not_answered_as_if_it_were_a_defect(text: str) -> None:
    assert sought(text).kind is Kind.OPEN


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("is there a scratch at the left?", {"top left", "left", "bottom left"}),
        ("anything in the upper right corner?", {"top right"}),
        ("is there a dent in the middle?", {"centre"}),
        ("左下にキズはありますか", {"bottom left"}),
        ("上側に異常は？", {"top", "top left", "top right"}),
        ("is there a scratch?", set()),
    ],
)
def test_a_place_that_is_named_is_understood(text: str, places: set[str]) -> None:
    assert sought(text).places == places


@pytest.mark.parametrize(
    ("before", "text", "kind", "places"),
    [
        ("how many scratches are there?", "and at the left?", Kind.HOW_MANY, {"top left", "left", "bottom left"}),
        ("キズはいくつありますか", "右上は？", Kind.HOW_MANY, {"top right"}),
        ("is it OK?", "and the upper left corner?", Kind.IS_THERE, {"top left"}),
    ],
)
def test_a_place_alone_asks_what_was_asked_before(before: str, text: str, kind: Kind, places: set[str]) -> None:
    found = sought(text, before)
    assert (found.kind, found.places) == (kind, places)


@pytest.mark.parametrize(
    ("text", "kinds", "defect"),
    [
        ("is there a hole in it?", ("hole", "scratch"), "hole"),
        ("any holes?", ("hole",), "hole"),
        ("where is the Loose Thread?", ("loose_thread",), "loose_thread"),
        ("is there a deep scratch?", ("scratch", "deep scratch"), "deep scratch"),
        ("how many scratches are there?", (), "scratches"),
        ("染みムラはありますか", ("染みムラ",), "染みムラ"),
        ("is there anything unusual as a whole?", ("hole",), None),
    ],
)
def test_a_parts_own_kinds_of_defect_are_things_to_look_for(text: str, kinds: tuple[str, ...], defect: str | None) -> None:
    found = sought(text, kinds=kinds)
    assert found.kind is not Kind.OPEN and found.defect == defect


def test_a_hole_is_no_defect_of_a_part_that_has_no_photos_of_bad_ones() -> None:
    assert sought("is there a hole in it?").kind is Kind.OPEN
