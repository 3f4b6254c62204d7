"""Short questions, notes, kinds of defect and labels: what each answer says, in both languages, and when it says that it cannot."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from workbench import DARK, NOW, Workbench, plate

from kenpin.storage.vocabulary import AbstentionReason, Answer, Disposition, Language, Verdict, from_json, to_json
from kenpin.tools import ask as ask_tool
from kenpin.tools import chain
from kenpin.tools.larger_model import Larger
from kenpin.tools.vision import anomaly_map
from kenpin.tools.vision.sight import Said

GOOD = plate(seed=1)
MARKED = plate(marks={"bottom left": 16}, seed=2)
PERHAPS = "Perhaps: something looks a little unlike the good ones at the top; a person should look."
NOTE = "SC-200, compared with its good photos (5): one place is unlike them, at the lower left, about 2 % of the part."
TWO_MARKS = plate(marks={"top": 20, "right": 14}, seed=3)


def ask(bench: Workbench, text: str, *photos: bytes, **more: object) -> Answer:
    answer = chain.answer(bench.question(text, *photos, **more), bench.site)
    assert from_json(Answer, to_json(answer)) == answer, "the queue keeps answers as JSON"
    return answer


# --- short questions -------------------------------------------------------------------------------------------------------------------


def asked(bench: Workbench, text: str, photo: bytes, *more: bytes) -> tuple[str, tuple[str, ...]]:
    """The headline and lines of `ask` for a question, whatever the router would make of it."""
    from kenpin.storage import parts
    from kenpin.storage.database import reading
    from kenpin.tools.context import Context

    language = Language.EN if text.isascii() else Language.JA
    with reading(bench.engine) as conn:
        part = parts.find(conn, "SC-200")
    context = Context(question=bench.question(text, photo, *more), site=bench.site, language=language, part=part)
    ask_tool.ask(context)
    told = ask_tool.told(context, language)
    assert told is not None
    return told.headline, told.lines


@pytest.mark.parametrize(
    ("text", "photo", "headline"),
    [
        ("is there anything unusual?", MARKED, "Yes: something unusual at the lower left."),
        ("is there anything unusual?", GOOD, "No: nothing unusual found."),
        ("is there a scratch at the left?", MARKED, "Yes: something unusual at the lower left."),
        ("is there a scratch at the right?", MARKED, "Not on the right, but something unusual at the lower left."),
        ("is there a scratch at the right?", GOOD, "No: nothing unusual found on the right."),
        ("how many scratches are there?", TWO_MARKS, "2 places look unusual, the strongest at the top."),
        ("how many scratches are there?", MARKED, "One place looks unusual, at the lower left."),
        ("how large is it?", MARKED, "about 3 % of the part, at the lower left."),
        ("where is it?", TWO_MARKS, "Something unusual at the top and on the right."),
        ("is there anything unusual?", plate(marks={"top": 8}), PERHAPS),
        ("左下にキズはありますか？", MARKED, "はい、左下に良品と違うところがあります。"),
        ("右側に何かありますか？", MARKED, "右側にはありませんが、左下に良品と違うところがあります。"),
        ("キズはいくつ？", TWO_MARKS, "良品と違うところは 2 か所です。最も強いのは上側です。"),
        ("大きさは？", MARKED, "左下に、部品の約 3 %です。"),
        ("which part is this?", GOOD, "This looks like SC-200."),
        ("what colour is it?", GOOD, "I cannot answer that from this photo."),
        ("ネジは何本ありますか？", GOOD, "この写真からはお答えできません。"),
    ],
)  # fmt: skip
def test_a_short_question_gets_a_short_answer(bench: Workbench, text: str, photo: bytes, headline: str) -> None:
    assert asked(bench, text, photo)[0].lower() == headline.lower()


@pytest.mark.parametrize(("text", "headline", "verdict"), [
    ("SC-200: how many scratches are there?", "2 places look unusual, the strongest at the top.", "Not OK: something unusual at the top."),
    ("SC-200 キズはいくつ？", "良品と違うところは 2 か所です。最も強いのは上側です。", "不良：上側に良品と違うところがあります。"),
])  # fmt: skip
def test_asked_how_many_the_number_comes_before_the_verdict(bench: Workbench, text: str, headline: str, verdict: str) -> None:
    answer = ask(bench, text, TWO_MARKS)
    assert (answer.headline, answer.lines[0]) == (headline, verdict)
    assert answer.verdict is Verdict.NOT_OK
    assert answer.proposed is not None


def test_every_answer_about_the_part_says_how_sure_it_is_and_what_it_was_compared_with(bench: Workbench) -> None:
    _, lines = asked(bench, "is there a scratch at the left?", MARKED)
    assert "% sure" in lines[0]
    assert "not that it is what you call “scratch”" in " ".join(lines)
    assert lines[-1].startswith("Compared with 5 good photos of SC-200")


def test_codes_and_text_are_found_counted_and_placed(bench: Workbench) -> None:
    photo = bench.label(bench.label(plate(seed=8), "LOT A-17", "SERIAL 5"), "240:SC-200", format="QRCode")
    assert asked(bench, "is there a barcode?", photo)[0] == "Yes: QRCode."
    assert asked(bench, "how many lines of text?", photo)[0] == "Lines of text that can be read: 2."
    assert asked(bench, "where is the label?", photo)[0] == "The text is at the upper left of the photo."
    assert asked(bench, "is there a barcode?", plate(seed=9))[0] == "I find no code that can be read on this photo."


def test_the_very_same_photo_is_known_again_and_another_is_not(bench: Workbench) -> None:
    bench.past("K-1", MARKED, disposition=Disposition.SCRAP)
    context_words = asked_with_past(bench, "is it the same as before?", MARKED)
    assert context_words.startswith("Yes: this very photo was asked about before (K-1: 16 Nov, scrapped)")
    assert not asked_with_past(bench, "is it the same as before?", plate(marks={"top": 16})).startswith("Yes")


def asked_with_past(bench: Workbench, text: str, photo: bytes) -> str:
    from kenpin.storage import inspections, parts
    from kenpin.storage.database import reading
    from kenpin.tools.context import Context

    with reading(bench.engine) as conn:
        context = Context(
            question=bench.question(text, photo), site=bench.site, language=Language.EN, part=parts.find(conn, "SC-200"),
            past=inspections.past_photos(conn, "SC-200", NOW, 10),
        )  # fmt: skip
    ask_tool.ask(context)
    told = ask_tool.told(context, Language.EN)
    assert told is not None
    return told.headline


def test_what_changed_is_told_between_two_photos_the_earlier_first(bench: Workbench) -> None:
    headline, lines = asked(bench, "what changed since this photo?", GOOD, MARKED)
    assert headline == "Something differs at the lower left."
    assert lines[0] == "On the later photo, with its share of the part: at the lower left (about 3 %)."
    assert asked(bench, "何が変わりましたか", GOOD, plate(seed=6))[0] == "2 枚の写真に、目立つ違いはありません。"
    assert asked(bench, "what changed?", GOOD, GOOD)[0] == "It is the very same photo, so nothing can have changed."
    assert asked(bench, "what changed?", GOOD)[0] == "I need two photos to say what changed."


def test_a_photo_posted_earlier_in_the_thread_is_what_a_new_one_is_held_against(bench: Workbench) -> None:
    answer = ask(bench, "what changed since the photo before?", MARKED, earlier_photos=(bench.photo(GOOD),), part_hint="SC-200")
    assert "Something differs at the lower left." in (answer.headline, *answer.lines)


def test_more_marks_than_are_counted_are_not_counted_out(bench: Workbench) -> None:
    assert ask_tool.MOST_MARKED == anomaly_map.MOST_REGIONS
    many = plate(marks=dict.fromkeys(("top left", "top", "top right", "left", "right"), 12))
    assert asked(bench, "how many scratches?", many)[0].startswith("At least 5 places look unusual")


# --- kinds, labels, causes, notes ------------------------------------------------------------------------------------------------------


def taught(bench: Workbench) -> Workbench:
    bench.teach("SC-200", "scratch", *(plate(marks={"top": 10}, seed=600 + n) for n in range(3)))
    bench.teach("SC-200", "stain", *(plate(marks={"top": 26}, seed=700 + n) for n in range(3)))
    return bench


def test_what_is_not_ok_is_named_by_its_likeliest_kind_without_being_asked(bench: Workbench) -> None:
    answer = ask(taught(bench), "is SC-200 OK?", plate(marks={"left": 25}, seed=5))
    assert answer.verdict is Verdict.NOT_OK
    assert [found.plausible for found in answer.classified] == [("stain",)]
    assert any(line.startswith('Most like "stain"') for line in answer.lines)
    assert answer.findings[0].kind == "stain"
    assert ask(bench, "is SC-200 OK?", GOOD).classified == ()


@pytest.mark.parametrize(
    ("text", "diameter", "headline"),
    [
        ("is there a stain?", 25, "Yes: something unusual on the left."),
        ("is there a scratch?", 25, "Something unusual on the left, but not like the “scratch” on the labelled photos."),
        ("is there a rip?", 25, "Something unusual on the left, but not like the “rip” on the labelled photos."),
        ("scratch はありますか？", 25, "左側に良品と違うところがありますが、登録された「scratch」の写真とは似ていません。"),
        ("where is the stain?", 25, "Something unusual on the left."),
        ("is there a stain?", 0, "No: nothing unusual found."),
    ],
)
def test_asked_for_a_kind_that_the_part_has_photos_of_it_says_whether_it_is_that(
    bench: Workbench, text: str, diameter: int, headline: str
) -> None:
    taught(bench).teach("SC-200", "rip", *(plate(marks={"top": 5}, seed=800 + n) for n in range(3)))
    said, lines = asked(bench, text, plate(marks={"left": diameter} if diameter else {}, seed=5))
    assert said == headline
    assert any("stain" in line for line in lines) == bool(diameter), lines
    assert not any("not that it is what you call" in line for line in lines)


def test_a_word_that_only_a_parts_photos_know_is_understood_in_the_thread(bench: Workbench) -> None:
    taught(bench).teach("SC-200", "hole", *(plate(marks={"top": 5}, seed=800 + n) for n in range(3)))
    answer = ask(bench, "is there a hole in SC-200?", plate(marks={"left": 25}, seed=5))
    assert answer.headline == "Something unusual on the left, but not like the “hole” on the labelled photos.", answer


def test_asked_for_the_kind_alone_it_says_the_kind_and_proposes_nothing(bench: Workbench) -> None:
    answer = ask(taught(bench), "SC-200: what kind of defect is this?", plate(marks={"left": 25}, seed=5))
    assert answer.headline.startswith('Most like "stain"')
    assert answer.verdict is Verdict.NOT_JUDGED
    assert answer.proposed is None


@pytest.mark.parametrize(("text", "headline"), [
    ("SC-200: what kind of defect is this?", "I know no kinds of defect of SC-200 yet."),
    ("SC-200 これは何の不良ですか？", "SC-200 の不良の種類は、まだ登録されていません。"),
])  # fmt: skip
def test_a_part_without_labelled_defects_asks_for_some(bench: Workbench, text: str, headline: str) -> None:
    answer = ask(bench, text, MARKED)
    assert answer.headline == headline
    assert "`@kenpin reference SC-200" in answer.lines[0]


def test_a_label_is_read_beside_the_verdict(bench: Workbench) -> None:
    answer = ask(bench, "is SC-200 OK, and which lot is it?", bench.label(plate(seed=11), "Part No. SC-200", "LOT A-17"))
    assert answer.verdict is Verdict.OK
    assert any("A-17" in line for line in answer.lines)
    assert {field.kind for reading in answer.labels for field in reading.fields} >= {"lot"}


def test_a_label_is_read_for_a_part_that_nobody_knows(bench: Workbench) -> None:
    answer = ask(bench, "is SC-999 OK, and which lot is it?", bench.label(plate(seed=12), "LOT A-17"))
    assert answer.headline == "I do not know part SC-999 yet."
    assert any("A-17" in line for line in answer.lines)


@pytest.mark.parametrize(("text", "says"), [
    ("is SC-200 OK, and what does the label say?", "SC-210"), ("SC-200 は大丈夫？ラベルも読んで", "SC-210"),
])  # fmt: skip
def test_a_label_of_another_part_stops_the_proposal(bench: Workbench, text: str, says: str) -> None:
    answer = ask(bench, text, bench.label(plate(seed=13), "Part No. SC-210", "LOT A-17"))
    assert answer.abstention is not None
    assert answer.abstention.reason is AbstentionReason.LABEL_DISAGREES
    assert says in answer.headline
    assert answer.proposed is None
    assert answer.verdict is Verdict.NOT_JUDGED


def test_a_label_says_which_part_it_is_when_nobody_does(bench: Workbench) -> None:
    answer = ask(bench, "is this OK? read the label", bench.label(plate((DARK + 200) // 2, seed=14), "Part No. SC-200"))
    assert answer.part == "SC-200"
    assert any("the label says SC-200" in line for line in answer.lines)


@pytest.mark.parametrize(("text", "first"), [
    ("describe SC-200 on this photo", NOTE),
    ("SC-200 の写真を説明して", "SC-200：良品写真 5 枚と比べて、左下に違うところが 1 か所あり、部品の約 2 %です。"),
])  # fmt: skip
def test_a_note_is_made_of_what_was_measured(bench: Workbench, text: str, first: str) -> None:
    answer = ask(taught(bench), text, bench.label(plate(marks={"bottom left": 12}, seed=17), "LOT A-17"))
    assert answer.headline == first
    assert "A-17" in " ".join(answer.lines)
    assert "scratch" in " ".join(answer.lines)
    assert 2 <= 1 + len(answer.lines) <= 3, "two or three sentences"


def test_a_note_on_a_part_nobody_knows_says_no_more_than_the_photo_and_its_label(bench: Workbench) -> None:
    answer = ask(bench, "describe this photo", bench.label(plate(30, seed=15), "LOT A-17"))
    assert answer.headline == "A photo of 90 × 90 pixels, of no part I know."
    assert answer.verdict is Verdict.NOT_JUDGED


# --- photos of something else ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "headline"), [
    ("is SC-200 OK?", "This does not look like SC-200; it looks most like SC-210."),
    ("SC-200 は大丈夫？", "SC-200 には見えません。最も近いのは SC-210 です。"),
])  # fmt: skip
def test_a_photo_of_another_known_part_gets_no_verdict_and_names_it(bench: Workbench, text: str, headline: str) -> None:
    answer = ask(bench, text, plate(DARK, edged=True))
    assert answer.headline == headline
    assert answer.verdict is Verdict.NOT_JUDGED
    assert answer.abstention is not None
    assert answer.abstention.reason is AbstentionReason.OUT_OF_DOMAIN
    assert answer.proposed is None
    assert answer.part == "SC-200"


def test_a_photo_of_no_known_part_gets_no_verdict(bench: Workbench) -> None:
    answer = ask(bench, "is SC-200 OK?", plate(25, edged=True))
    assert answer.headline == "This does not look like SC-200, nor like any other part I know."
    assert answer.findings == ()


def test_a_strange_defect_is_still_the_part(bench: Workbench) -> None:
    pink = plate(marks=dict.fromkeys(("top left", "top", "top right", "left", "centre", "right"), 30))
    assert ask(bench, "is SC-200 OK?", pink).verdict is Verdict.NOT_OK


# --- several photos and follow-ups -----------------------------------------------------------------------------------------------------


def test_only_the_photo_that_is_meant_is_judged(bench: Workbench) -> None:
    answer = ask(bench, "is SC-200 on the second photo OK?", MARKED, GOOD)
    assert answer.verdict is Verdict.OK
    assert [found.photo for found in answer.comparisons] == [1]
    assert answer.proposed is not None
    assert answer.proposed.photos == (bench.photo(GOOD).sha256,)


def test_a_follow_up_is_read_with_the_question_before_it(bench: Workbench) -> None:
    answer = ask(bench, "and this one?", bench.label(plate(seed=16), "LOT A-17"), before="SC-200: which lot is it?", part_hint="SC-200")
    assert any("A-17" in words for words in (answer.headline, *answer.lines))


# --- photos that are not good enough ---------------------------------------------------------------------------------------------------

DIM = plate(40, seed=18)  # nothing can be seen on it


@pytest.mark.parametrize(("text", "words"), [("is SC-200 OK?", "too dark"), ("SC-200 は大丈夫？", "暗")])
def test_a_photo_that_cannot_be_judged_says_why_and_how_to_take_a_better_one(bench: Workbench, text: str, words: str) -> None:
    answer = ask(bench, text, DIM)
    assert answer.abstention is not None
    assert answer.abstention.reason is AbstentionReason.UNUSABLE_PHOTO
    assert words in answer.headline
    assert answer.proposed is None
    assert [problem.kind for problem in answer.quality] == ["dark"]
    assert not any(look.startswith("compare") for look in bench.eye.looked_at)


def test_a_label_is_read_on_a_photo_that_cannot_be_judged(bench: Workbench) -> None:
    answer = ask(bench, "is SC-200 OK, and which lot is it?", bench.label(DIM, "LOT A-17"))
    assert "too dark" in answer.headline
    assert any("A-17" in line for line in answer.lines)


def test_a_part_is_not_called_ok_while_one_of_its_photos_cannot_be_judged(bench: Workbench) -> None:
    answer = ask(bench, "is SC-200 OK?", GOOD, DIM)
    assert answer.verdict is Verdict.NOT_JUDGED
    assert answer.headline.startswith("I cannot judge photo 2 of 2")
    assert any(line.startswith("Photo 1: OK") for line in answer.lines)
    assert answer.proposed is None


def test_a_part_is_called_not_ok_by_the_photos_that_can_be_judged(bench: Workbench) -> None:
    answer = ask(bench, "is SC-200 OK?", MARKED, DIM)
    assert answer.verdict is Verdict.NOT_OK
    assert any(line.startswith("I cannot judge photo 2 of 2") for line in answer.lines)
    assert answer.proposed is not None
    assert answer.proposed.photos == (bench.photo(MARKED).sha256,)


# --- rules and larger models -----------------------------------------------------------------------------------------------------------


@dataclass
class Scripted:
    """A larger model that gives this reply; its own words are the only thing here that is not real."""

    reply: dict[str, object]
    name: str = "scripted"
    asked: list[str] = field(default_factory=list)

    def say(self, instructions: str, question: str, photos: Sequence[bytes], /) -> Said:
        self.asked.append(question)
        return Said(text=json.dumps(self.reply), tokens_in=100, tokens_out=10)


def ask_with(bench: Workbench, model: Scripted, text: str, photo: bytes) -> Answer:
    return chain.answer(bench.question(text, photo), dataclasses.replace(bench.site, larger=Larger(model=model)))


DOUBTFUL = plate(marks={"top": 8}, seed=3)


def test_between_the_limits_the_larger_model_is_asked_and_a_person_decides(bench: Workbench) -> None:
    model = Scripted({"verdict": "ok", "where": [], "kind": None, "count": 0, "sentence": "It looks fine."})
    answer = ask_with(bench, model, "is SC-200 OK?", DOUBTFUL)
    assert len(model.asked) == 1
    assert answer.verdict is Verdict.UNSURE, "nothing is accepted on its word"
    assert answer.proposed is not None
    assert answer.proposed.disposition is Disposition.HOLD
    assert [opinion.verdict for opinion in answer.opinions] == [Verdict.OK]
    assert answer.lines[-1] == "The larger model was asked; a person decides."


def test_without_a_larger_model_it_is_said_that_none_was_asked(bench: Workbench) -> None:
    assert "none is set up" in ask(bench, "is SC-200 OK?", DOUBTFUL).lines[-1]
    assert not any("larger model" in line for line in ask(bench, "is SC-200 OK?", MARKED).lines)


def test_a_larger_model_is_not_asked_about_what_is_sure(bench: Workbench) -> None:
    model = Scripted({"verdict": "ok"})
    assert ask_with(bench, model, "is SC-200 OK?", MARKED).verdict is Verdict.NOT_OK
    assert model.asked == []


def test_an_open_question_goes_to_the_larger_model_where_there_is_one(bench: Workbench) -> None:
    model = Scripted({"sentence": "The cap is red.", "verdict": None})
    answer = ask_with(bench, model, "SC-200: what colour is the cap?", GOOD)
    assert any("The cap is red." in words for words in (answer.headline, *answer.lines))
    assert answer.abstention is None
    assert ask(bench, "SC-200: what colour is the cap?", GOOD).headline == "I cannot answer that from this photo."


def test_what_a_larger_model_objects_to_is_shown_and_leaves_it_to_a_person(bench: Workbench) -> None:
    model = Scripted({"sentence": "A deep crack at the top.", "verdict": "not ok", "where": ["top"]})
    answer = ask_with(bench, model, "is SC-200 OK? describe it too", plate(marks={"right": 5}, seed=21))
    assert answer.verdict in (Verdict.OK, Verdict.UNSURE)
    assert "crack" not in answer.headline
    if answer.verdict is Verdict.UNSURE:
        assert answer.abstention is not None
        assert answer.abstention.reason is AbstentionReason.CONTRADICTED
        assert answer.proposed is not None
        assert answer.proposed.disposition is Disposition.HOLD
    else:
        assert answer.confidence is not None
        alone = ask(bench, "is SC-200 OK? describe it too", plate(marks={"right": 5}, seed=21))
        assert alone.confidence is not None
        assert answer.confidence < alone.confidence


def test_a_rule_about_labels_has_them_read_before_the_verdict(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "lots.yaml").write_text(
        "rules:\n  - name: lot on hold\n    part: SC-200\n    when: {label: {field: lot, equals: A-17}}\n"
        "    then: {hold: true, say: {en: Lot A-17 is on hold., ja: ロット A-17 は保留中です。}}\n",
        encoding="utf-8",
    )
    photo = bench.label(plate(seed=22), "Part No. SC-200", "LOT A-17")
    site = dataclasses.replace(bench.site, rules_folder=tmp_path)
    answer = chain.answer(bench.question("is SC-200 OK?", photo), site)
    assert [rule.name for rule in answer.rules] == ["lot on hold"]
    assert answer.proposed is not None
    assert answer.proposed.disposition is Disposition.HOLD
    assert any("Lot A-17 is on hold." in line for line in answer.lines)
    assert ask(bench, "is SC-200 OK?", photo).labels == (), "no rule, and nobody asked for the label"
