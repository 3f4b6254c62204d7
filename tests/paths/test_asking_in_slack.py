"""Where a photo and a question are noticed, which photo is meant, and what the answer in the thread shows."""

from __future__ import annotations

import io

import httpx
from drawn_parts import PART, mat
from PIL import Image
from running_kenpin import Factory, buttons, reference_of

KENPIN = "<@U0KENPIN001>"


def test_a_photo_of_a_torn_part_is_answered_in_its_thread_with_evidence_and_buttons(shop: Factory) -> None:
    question = shop.olga.ask(f"is this {PART} OK?", mat(100, torn=True))
    answer = shop.olga.answer(question)
    assert answer["thread_ts"] == question["ts"]
    assert answer["text"].startswith("Not OK"), answer["text"]
    assert "% sure" in answer["text"]
    assert f"approver of {PART}" in answer["text"]
    assert buttons(answer) == {"approve", "correct", "reject"}
    anomaly_map = next(block for block in answer["blocks"] if block["type"] == "image")
    assert PART in anomaly_map["alt_text"] and "marked" in anomaly_map["alt_text"]
    shown = httpx.get(f"{shop.workspace.url}/local/picture/{anomaly_map['slack_file']['id']}/2048", timeout=30)
    assert Image.open(io.BytesIO(shown.content)).width > 100


def test_a_photo_of_a_good_part_is_called_ok(shop: Factory) -> None:
    answer = shop.olga.answer(shop.olga.ask(f"is this {PART} OK?", mat(101)))
    assert answer["text"].startswith("OK: "), answer["text"]
    assert "accept" in answer["text"]


def test_a_photo_in_the_photo_channel_needs_no_words(shop: Factory) -> None:
    """The part is recognised, and the answer says that it was."""
    answer = shop.olga.answer(shop.olga.ask("", mat(102)))
    assert f"recognised as {PART}" in answer["text"]


def test_elsewhere_a_photo_is_looked_at_only_when_the_bot_is_mentioned(shop: Factory) -> None:
    unasked = shop.olga.ask(f"{PART} from this morning, is it OK?", mat(103), to="line-2")
    asked = shop.olga.ask(f"{KENPIN} is {PART} OK?", mat(104), to="line-2")
    assert shop.olga.answer(asked)["text"].startswith("OK: ")
    shop.come_to_rest()
    assert shop.olga.thread(unasked) == []
    assert shop.inspections_of(unasked) == []


def test_a_mention_that_comes_as_two_events_is_one_inspection(shop: Factory) -> None:
    """For one message in which it is mentioned the bot is sent `message` and `app_mention`."""
    question = shop.olga.ask(f"{KENPIN} is this {PART} OK?", mat(105))
    shop.olga.answer(question)
    shop.come_to_rest()
    assert len(shop.inspections_of(question)) == 1
    assert len(shop.olga.answers(question)) == 1


def test_talk_is_not_a_question(shop: Factory) -> None:
    question = shop.olga.ask(f"is this {PART} OK?", mat(106))
    shop.olga.answer(question)
    shop.akira.say("thanks, I will have a look at it.", thread=question)
    shop.akira.say("good morning everybody")
    shop.come_to_rest()
    assert len(shop.olga.answers(question)) == 1


def test_a_question_in_a_thread_is_about_the_photo_posted_there(shop: Factory) -> None:
    question = shop.olga.ask(f"is this {PART} OK?", mat(107, torn=True))
    shop.olga.answer(question)
    shop.akira.say("where is the defect?", thread=question)
    second = shop.olga.answer(question, nth=2)
    assert "marked on the photo" in second["text"]
    assert reference_of(second) != reference_of(shop.olga.answer(question))


def test_a_question_in_a_thread_finds_a_photo_that_nobody_had_asked_about(shop: Factory) -> None:
    photo = shop.olga.ask("new delivery", mat(108, torn=True), to="line-2")
    shop.akira.say(f"{KENPIN} is this {PART} OK?", to="line-2", thread=photo)
    assert shop.olga.answer(photo)["text"].startswith("Not OK")


def test_a_direct_message_needs_no_mention_and_a_follow_up_no_second_photo(shop: Factory) -> None:
    question = shop.olga.ask(f"is {PART} OK?", mat(109, torn=True), to="dm")
    assert shop.olga.answer(question)["text"].startswith("Not OK")
    follow_up = shop.olga.say(f"where is the defect on {PART}?", to="dm")
    assert "marked on the photo" in shop.olga.answer(follow_up)["text"]


def test_a_question_without_any_photo_is_told_so(shop: Factory) -> None:
    question = shop.olga.say(f"{KENPIN} is {PART} OK?", to="line-2")
    answer = shop.olga.answer(question)
    assert answer["text"].startswith("There is no photo to look at.")
    assert not buttons(answer)


def test_a_japanese_question_is_answered_in_japanese(shop: Factory) -> None:
    answer = shop.olga.answer(shop.olga.ask(f"{PART} は大丈夫ですか？どこが悪いですか？", mat(110, torn=True)))
    assert answer["text"].startswith("不良"), answer["text"]
    assert "確度" in answer["text"] and "提案" in answer["text"]
    labels = [e["text"]["text"] for block in answer["blocks"] if block["type"] == "actions" for e in block["elements"]]
    assert labels == ["承認", "訂正", "却下"]


def test_that_the_photo_is_being_looked_at_is_shown_and_then_no_more(shop: Factory) -> None:
    shop.workspace.calls.clear()
    question = shop.olga.ask(f"is this {PART} OK?", mat(111))
    shop.olga.answer(question)
    shop.come_to_rest()
    set_to = [c["arguments"]["status"] for c in shop.workspace.calls.latest("assistant.threads.setStatus")]
    assert set_to[0] and set_to[-1] == ""
