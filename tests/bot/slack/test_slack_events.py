"""Which of Slack's events are for us, and what they say. The people: Ben asks, Aiko approves; U0KENPIN is the bot itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenpin.bot.slack import events
from kenpin.bot.slack.events import Ears
from kenpin.storage.vocabulary import Correction, DecisionVerdict, Disposition, SecondLook, Verdict

BOT = "U0KENPIN"
QUALITY, CANTEEN, DIRECT = "C0QUALITY", "C0CANTEEN", "D0BEN"
EARS = Ears(bot_user_id=BOT, photo_channels=(QUALITY,))
PHOTO = {"id": "F1", "name": "cell.jpg", "mimetype": "image/jpeg", "url_private_download": "https://files.slack.com/f1", "secret": "no"}
RECORDED = Path(__file__).parents[4] / "shared" / "fixtures" / "slack"  # beside the repository where there is one

# Slack's list of message subtypes, as far as they carry a text somebody could take for a question.
SUBTYPES = (
    None, "file_share", "thread_broadcast", "message_changed", "message_deleted", "bot_message", "me_message", "channel_join",
    "channel_topic", "reminder_add", "assistant_app_thread", "message_replied", "tombstone", "reply_broadcast", "pinned_item",
)  # fmt: skip


def asked(text: str = "is this OK?", **changes: Any) -> dict[str, Any]:
    """A message by Ben in #quality, as Slack delivers it; a change to None takes the field away."""
    event = {"type": "message", "channel": QUALITY, "channel_type": "channel", "user": "U0BEN", "ts": "1700000000.000100", "text": text}
    event |= changes
    return {"type": "event_callback", "event_id": "Ev1", "event": {k: v for k, v in event.items() if v is not None}}


messages = st.builds(
    asked,
    st.sampled_from(["is this OK?", f"<@{BOT}> is this OK?", "hello", "大丈夫ですか", ""]),
    subtype=st.sampled_from(SUBTYPES),
    channel=st.sampled_from([QUALITY, CANTEEN]),
    files=st.sampled_from([None, [PHOTO]]),
    thread_ts=st.sampled_from([None, "1700000000.000001"]),
    bot_id=st.sampled_from([None, None, "B1"]),
    user=st.sampled_from([None, "U0BEN", "U0BEN"]),
)


def is_read(event: dict[str, Any]) -> bool:
    return event.get("subtype") in (None, "file_share", "thread_broadcast") and "bot_id" not in event and "user" in event


@given(messages)
def test_a_message_that_no_person_wrote_or_that_was_only_edited_is_never_for_us(body: dict[str, Any]) -> None:
    if not is_read(body["event"]):
        assert events.question(body, EARS) is None


@given(messages)
def test_every_mention_by_a_person_is_for_us_wherever_it_is(body: dict[str, Any]) -> None:
    if is_read(body["event"]) and BOT in body["event"]["text"]:
        assert events.question(body, EARS) is not None


@given(messages)
def test_without_a_mention_only_channels_set_so_are_listened_to(body: dict[str, Any]) -> None:
    event = body["event"]
    if BOT not in event["text"]:
        found = events.question(body, EARS)
        assert event["channel"] == QUALITY or found is None
        if is_read(event) and event["channel"] == QUALITY and "files" in event:
            assert found is not None, "a photo in such a channel is never ignored"


@given(messages)
def test_a_direct_message_by_a_person_is_always_for_us(body: dict[str, Any]) -> None:
    body["event"] |= {"channel": DIRECT, "channel_type": "im"}
    found = events.question(body, EARS)
    assert (found is not None) == is_read(body["event"])
    assert found is None or found.is_direct


def test_a_question_in_a_thread_of_a_photo_channel_is_for_us_and_small_talk_is_not() -> None:
    assert events.question(asked("どこが悪いですか", thread_ts="1.1"), EARS) is not None
    assert events.question(asked("where is it?", thread_ts="1.1"), EARS) is not None
    assert events.question(asked("thanks, see you at lunch", thread_ts="1.1"), EARS) is None
    assert events.question(asked("where is it?"), EARS) is None, "outside a thread nobody says which photo"


def test_a_star_listens_in_every_channel() -> None:
    everywhere = Ears(bot_user_id=BOT, photo_channels=("*",))
    assert events.question(asked("", channel=CANTEEN, files=[PHOTO], subtype="file_share"), everywhere) is not None
    assert events.question(asked("", channel=CANTEEN, files=[PHOTO], subtype="file_share"), EARS) is None


def test_a_mention_delivered_as_message_and_as_app_mention_is_the_same_question() -> None:
    both = [events.question(asked(f"<@{BOT}> OK?", type=kind, files=[PHOTO]), EARS) for kind in ("message", "app_mention")]
    assert both[0] == both[1]


def test_a_question_keeps_what_is_needed_to_fetch_the_photo_and_nothing_else() -> None:
    question = events.question(asked(files=[PHOTO], subtype="file_share", thread_ts="1.1"), EARS)
    assert question is not None
    assert question.files == ({k: v for k, v in PHOTO.items() if k != "secret"},)
    assert (question.event_id, question.asked_by, question.thread_ts, question.is_direct) == ("Ev1", "U0BEN", "1.1", False)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (f"<@{BOT}> is SC-200 OK?", "is SC-200 OK?"),
        (f"<@{BOT}|kenpin> is SC-200 OK?", "is SC-200 OK?"),
        (f"SC-200 は<@{BOT}> 大丈夫？", "SC-200 は 大丈夫？"),
        ("<@U2|ann> asked in <#C9|line-2>, see <https://e.com/x|the drawing>", "@ann asked in #line-2, see the drawing"),
        ("<@U2> <#C9> <!here> <!subteam^S1|@leads> <http://sc-200.com>", "@U2 #C9 @here @leads http://sc-200.com"),
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
        ("&lt;!channel&gt; &amp;lt;", "<!channel> &lt;"),
        ("  two\n lines\t", "two lines"),
    ],
)
def test_text_is_read_as_the_person_saw_it(sent: str, read: str) -> None:
    assert events.plain_text(sent, BOT) == read


@given(st.text())
def test_whatever_was_typed_comes_through_slacks_escapes_unchanged(typed: str) -> None:
    sent = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert events.plain_text(sent, BOT) == " ".join(typed.split())


@given(st.text(alphabet="<>|@#!&;:^amplt/ ", max_size=60))
def test_no_marks_however_broken_stop_the_reading(sent: str) -> None:
    assert events.plain_text(sent, BOT) == " ".join(events.plain_text(sent, BOT).split())


def pressed(reaction: str, **changes: Any) -> dict[str, Any]:
    item = {"type": "message", "channel": QUALITY, "ts": "1700000000.000200"}
    event = {"type": "reaction_added", "user": "U0AIKO", "reaction": reaction, "item_user": BOT, "item": item} | changes
    return {"type": "event_callback", "event_id": "Ev2", "event": event}


@pytest.mark.parametrize("tone", ["", *(f"::skin-tone-{n}" for n in range(2, 7))])
@pytest.mark.parametrize(("thumb", "verdict"), list(events.THUMBS.items()))
def test_a_thumb_of_any_skin_tone_is_a_decision(thumb: str, verdict: DecisionVerdict, tone: str) -> None:
    request = events.decision_by_reaction(pressed(thumb + tone), EARS)
    assert request is not None
    assert (request.verdict, request.person, request.via, request.source_event) == (verdict, "U0AIKO", "reaction", "Ev2")
    assert (request.channel, request.message_ts) == (QUALITY, "1700000000.000200")


@pytest.mark.parametrize("reaction", ["eyes", "heart", "+1_all", "thumbsup_parrot", "ok_hand", "", "skin-tone-2"])
def test_no_other_reaction_is_a_decision(reaction: str) -> None:
    assert events.decision_by_reaction(pressed(reaction), EARS) is None


def test_a_thumb_on_somebody_elses_message_or_on_a_file_or_taken_back_is_no_decision() -> None:
    assert events.decision_by_reaction(pressed("+1", item_user="U0BEN"), EARS) is None
    assert events.decision_by_reaction(pressed("+1", item={"type": "file", "file": "F1"}), EARS) is None
    assert events.decision_by_reaction(pressed("+1", type="reaction_removed"), EARS) is None


def button(action_id: str = "approve", **changes: Any) -> dict[str, Any]:
    body = {
        "type": "block_actions",
        "user": {"id": "U0AIKO"},
        "trigger_id": "1.2.abc",
        "container": {"type": "message", "channel_id": QUALITY, "message_ts": "1700000000.000200"},
        "actions": [{"action_id": action_id, "value": "U0BEN", "action_ts": "3.4"}],
    }
    return body | changes


def test_a_button_is_pressed_by_who_slack_says_and_not_by_what_its_value_says() -> None:
    request = events.decision_by_button(button())
    assert request is not None
    assert (request.person, request.verdict, request.via, request.source_event) == (
        "U0AIKO", DecisionVerdict.APPROVED, "button", "1.2.abc",
    )  # fmt: skip
    rejected = events.decision_by_button(button("reject"))
    assert rejected is not None
    assert rejected.verdict is DecisionVerdict.REJECTED


def test_any_other_button_and_any_button_outside_a_message_is_no_decision() -> None:
    assert events.decision_by_button(button("feedback")) is None
    assert events.decision_by_button(button(container={"type": "view", "view_id": "V1"})) is None
    assert events.decision_by_button(button(type="view_submission")) is None
    assert events.decision_by_button({"type": "block_actions"}) is None


def test_the_correct_button_asks_for_a_dialog_and_decides_nothing() -> None:
    wanted = events.correction_wanted(button("correct"))
    assert wanted is not None
    assert (wanted.verdict, wanted.person, wanted.correction) == (DecisionVerdict.CORRECTED, "U0AIKO", None)
    assert events.decision_by_button(button("correct")) is None
    assert events.correction_wanted(button("approve")) is None


def sent(**changes: Any) -> dict[str, Any]:
    """The Correct dialog as Slack delivers it, filled in by Aiko."""
    values = {
        "really": {"really": {"type": "radio_buttons", "selected_option": {"value": "not_ok"}}},
        "defect_class": {"defect_class": {"type": "static_select", "selected_option": {"value": "scratch"}}},
        "other_class": {"other_class": {"type": "plain_text_input", "value": None}},
        "disposition": {"disposition": {"type": "static_select", "selected_option": {"value": "rework"}}},
        "note": {"note": {"type": "plain_text_input", "value": "  seen\nin the light "}},
    }
    view = {"id": "V1", "callback_id": "correct", "state": {"values": values}}
    view["private_metadata"] = json.dumps({"channel": QUALITY, "ts": "1700000000.000200"})
    return {"type": "view_submission", "user": {"id": "U0AIKO"}, "view": view} | changes


def test_a_sent_dialog_is_the_correction_of_whoever_sent_it() -> None:
    request = events.correction(sent())
    assert request is not None and request.correction is not None
    assert (request.channel, request.message_ts, request.person, request.source_event) == (
        QUALITY,
        "1700000000.000200",
        "U0AIKO",
        "view:V1",
    )
    assert request.correction == Correction(
        really=Verdict.NOT_OK, defect_class="scratch", disposition=Disposition.REWORK, note="seen in the light"
    )


def test_a_class_that_was_written_counts_before_one_that_was_chosen_and_none_may_be_given() -> None:
    body = sent()
    body["view"]["state"]["values"]["other_class"]["other_class"]["value"] = "hair  crack"
    written = events.correction(body)
    assert written is not None and written.correction is not None and written.correction.defect_class == "hair crack"
    body["view"]["state"]["values"]["other_class"]["other_class"]["value"] = None
    body["view"]["state"]["values"]["defect_class"]["defect_class"]["selected_option"] = None
    none = events.correction(body)
    assert none is not None and none.correction is not None and none.correction.defect_class is None


def test_any_other_dialog_is_no_correction() -> None:
    body = sent()
    body["view"]["callback_id"] = "feedback"
    assert events.correction(body) is None
    assert events.correction(sent(type="view_closed")) is None
    assert events.correction(button()) is None


def test_a_second_look_is_replied_to_by_who_slack_says_and_about_what_the_button_says() -> None:
    body = button("look_not_ok")
    body["actions"][0]["value"] = "K-1"
    reply = events.second_look_reply(body)
    assert reply is not None
    assert (reply.inspection_id, reply.person, reply.said, reply.source_event) == ("K-1", "U0AIKO", SecondLook.NOT_OK, "1.2.abc")
    assert events.decision_by_button(body) is None
    for other in (button("approve"), button("look_closely"), button("look_ok", type="view_submission")):
        assert events.second_look_reply(other) is None


@pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded payloads beside the repository")
def test_recorded_payloads_are_read_without_a_mistake() -> None:
    everything = Ears(bot_user_id=BOT, photo_channels=("*",))
    for file in sorted((RECORDED / "events").glob("*.json")):
        body = json.loads(file.read_text())
        events.decision_by_reaction(body, everything)
        question = events.question(body, everything)
        if file.stem in {"AppMentionPayload", "MessageFileSharePayload"}:  # recorded with every word blanked, the person's id as well
            body["event"] = {k: v for k, v in body["event"].items() if v != ""} | {"user": "U0BEN", "channel": QUALITY, "ts": "1.1"}
            question = events.question(body, everything)
        assert (question is not None) == (body["event"].get("user") == "U0BEN"), file.name
    for file in sorted((RECORDED / "interactions").rglob("*.json")):
        body = json.loads(file.read_text())
        assert (events.decision_by_button(body), events.correction(body), events.second_look_reply(body)) == (None, None, None), file.name
