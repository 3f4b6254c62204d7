"""The wordings: every file is whole, both languages say the same things, and a gap never reaches anybody."""

from __future__ import annotations

import re

import pytest

from kenpin import prompts

FOR_MODELS_ONLY = ("agent",)  # read by a chat model, so in English alone


def for_people(language: str) -> set[str]:
    return {name for name in prompts.names(language) if name.partition(".")[0] not in FOR_MODELS_ONLY}


def test_every_wording_is_there_in_both_languages_with_the_same_holes() -> None:
    assert for_people("en") == for_people("ja")
    # A month has a name in English and a number in Japanese, but the hole is the same.
    differing = {name for name in for_people("en") if prompts.holes(name, "en") != prompts.holes(name, "ja")}
    assert differing == set()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_wording_can_be_filled(language: str) -> None:
    for name in prompts.names(language):
        text = prompts.render(name, language, **dict.fromkeys(prompts.holes(name, language), "X"))
        assert text.strip(), name
        assert not re.search(r"[{}]|^#|^==", text, re.MULTILINE), name


def test_japanese_wordings_use_japanese_punctuation() -> None:
    for name in for_people("ja"):
        text = prompts.render(name, "ja", **dict.fromkeys(prompts.holes(name, "ja"), "X"))
        assert not re.search(r"[ぁ-んァ-ヶ一-龠][,?!;:]", text), text


def test_a_hole_that_is_not_filled_is_an_error_that_names_it() -> None:
    with pytest.raises(prompts.HoleError, match=r"'answer.headline_not_ok' \(en\) needs place"):
        prompts.render("answer.headline_not_ok", "en")


@pytest.mark.parametrize("nothing", ["", "  ", None])
def test_a_hole_filled_with_nothing_is_an_error(nothing: str | None) -> None:
    with pytest.raises(prompts.HoleError, match="place"):
        prompts.render("answer.headline_not_ok", "en", place=nothing)


def test_a_value_without_a_hole_is_an_error_that_lists_the_holes() -> None:
    with pytest.raises(prompts.HoleError, match="has no hole colour; its holes: place"):
        prompts.render("answer.headline_not_ok", "en", place="here", colour="red")


def test_a_number_zero_is_no_empty_hole() -> None:
    assert "0 photos" in prompts.render("answer.headline_ok_many", "en", count="0 photos")
    assert prompts.render("answer.area", "en", percent=0) == "about 0 %"


@pytest.mark.parametrize(
    ("name", "language"), [("answer.no_such", "en"), ("nothing.here", "en"), ("answer.help", "fr"), ("../photo.empty", "en")]
)
def test_a_name_or_language_that_is_not_there_is_an_error(name: str, language: str) -> None:
    with pytest.raises(prompts.UnknownPromptError):
        prompts.render(name, language)


def test_braces_in_a_value_stay_as_they_are() -> None:
    assert prompts.render("answer.unknown_part", "en", part="{percent}") == "I do not know part {percent} yet."


def test_the_digest_is_one_for_all_wordings() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", prompts.digest())
    assert prompts.digest() == prompts.digest()
