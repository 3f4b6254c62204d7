"""Asking the site's larger model about one photo, and taking from its reply only what can be checked.

    verdict     is it OK, and if not: where, what kind, how many
    describe    a caption for an inspection note
    question    an open question
    cause       why it may have happened: a row of the site's FMEA table, or the model's own guess, marked as one
    label       a second reading of what is written on it

A reply is a JSON object or no opinion. Its claims become typed fields (`Claims`), words among closed sets; one sentence may be quoted, as
a quotation, cleaned of all that Slack or a reader could take for more. So text on a photo or in a question that talks a model into
something talks it into a wrong claim at most, and `verify` holds each claim against what was measured.
"""

from __future__ import annotations

import json
import re
import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from kenpin import prompts
from kenpin.storage import canonical
from kenpin.storage.database import reading
from kenpin.storage.vocabulary import GOOD, Claims, Language, Opinion, Verdict, to_json
from kenpin.tools import verify
from kenpin.tools.context import Context
from kenpin.tools.larger_model import Larger, LargerModelError, LargerModelSlowError, sendable
from kenpin.tools.told import Told
from kenpin.tools.verify import PLACES, Measured
from kenpin.tools.vision.errors import ModelProcessDiedError, ModelTooSlowError, VisionError
from kenpin.tools.vision.sight import Said
from kenpin.tools.wording import Words

NAME = "second_opinion"
MOST_WORDS = 300  # letters of the one sentence that is quoted
MOST_TEXT = 80  # letters of a text or field that it reads
MOST_TEXTS = 20
MOST_COUNT = 99
KEPT = 2000  # letters of the reply, on the trail and in the answer
FIELDS = ("part_number", "lot", "serial", "date")


class Purpose(StrEnum):
    """What the larger model is asked for."""

    VERDICT = "verdict"
    DESCRIBE = "describe"
    QUESTION = "question"
    CAUSE = "cause"
    LABEL = "label"


class Why(StrEnum):
    """Why there is no opinion."""

    NOT_SET = "not_set"  # no larger model is set up
    BUDGET = "budget"  # today's budget for it is spent
    TOO_SLOW = "too_slow"
    FAILED = "failed"  # away, refused, out of memory
    UNUSABLE = "unusable"  # it replied, but not in the form asked for


@dataclass(frozen=True, kw_only=True)
class NoOpinion:
    """The larger model said nothing that can be used."""

    photo: int
    purpose: Purpose
    why: Why
    words: str  # for a person, in the question's language


def ask(context: Context, index: int, purpose: Purpose, question: str | None = None) -> Opinion | NoOpinion:
    """The larger model's opinion of the photo at `index` (from 0). Asked once for each purpose and question, then remembered.

    `question`: for the purpose QUESTION; the question of the context without it. What was measured before this call is what the reply is
    checked against, so compare, classify and read first. Never raises for what the model or its server does: without an opinion the
    answer is made as if there were no larger model.
    """
    with context.lock:
        asked = (question or context.question.text) if purpose is Purpose.QUESTION else ""
        known = _known(context, index, purpose, asked)
        if known is not None:
            return known
        larger = context.site.larger
        inputs = {"photo": index, "purpose": purpose.value, "question": asked}
        with context.recorded(NAME, inputs, larger.model.name if larger else None) as outputs:
            result = _asked(context, larger, index, purpose, asked, outputs)
            if isinstance(result, NoOpinion):
                outputs["no_opinion"] = result.why.value
        if isinstance(result, Opinion):
            context.opinions.append(result)
        return result


def _asked(
    context: Context, larger: Larger | None, index: int, purpose: Purpose, asked: str, outputs: dict[str, Any]
) -> Opinion | NoOpinion:
    if larger is None:
        return _nothing(context, index, purpose, Why.NOT_SET)
    if larger.daily_budget is not None:
        with reading(context.site.engine) as conn:
            spent = larger.spending.today(conn, datetime.now(UTC))
        outputs.update(spent_today=round(spent, 6), daily_budget=larger.daily_budget)
        if spent >= larger.daily_budget:
            return _nothing(context, index, purpose, Why.BUDGET)
    started = time.perf_counter()
    try:
        said = _said(context, larger, index, purpose, asked, outputs)
    except (LargerModelSlowError, ModelTooSlowError) as error:
        outputs["failed"] = str(error)
        return _nothing(context, index, purpose, Why.TOO_SLOW)
    except (LargerModelError, VisionError) as error:
        outputs["failed"] = f"{type(error).__name__}: {error}"
        return _nothing(context, index, purpose, Why.FAILED)
    cost = larger.price.of(said) if larger.price is not None else 0.0
    if larger.daily_budget is not None:
        larger.spending.add(context.question.inspection_id, cost)
    outputs.update(text=said.text[:KEPT], tokens_in=said.tokens_in, tokens_out=said.tokens_out, cost=round(cost, 6))
    claims = parsed(said.text, purpose, _classes(context), [mode.row for mode in context.failure_modes or ()])
    if claims is None:
        return _nothing(context, index, purpose, Why.UNUSABLE)
    measured = Measured(
        comparison=context.comparisons.get(index), classified=context.classified.get(index), label=context.labels.get(index)
    )
    checked = verify.check(claims, measured, context.language)
    outputs.update(claims=to_json(claims), contradictions=list(checked.contradictions), compared=checked.compared)
    return Opinion(
        text=said.text[:KEPT],
        verdict=claims.verdict,
        agrees=checked.agrees,
        contradictions=checked.contradictions,
        model=larger.model.name,
        cost=cost,
        ms=(time.perf_counter() - started) * 1000,
        photo=index,
        purpose=purpose.value,
        question=asked,
        claims=claims,
    )


def _said(context: Context, larger: Larger, index: int, purpose: Purpose, asked: str, outputs: dict[str, Any]) -> Said:
    """One try; a second one where only the model's process ended, because a fresh one may well do it."""
    photos = [sendable(context.shown_path(index), larger.long_side_px)]
    if purpose is Purpose.VERDICT and larger.good_photo and context.part is not None and context.part.good:
        good = context.site.photo_store.path(context.part.good[0].shown_sha256)
        photos.insert(0, sendable(good, larger.long_side_px))
    instructions, question = _wordings(context, purpose, asked, len(photos))
    outputs.update(prompt_sha256=prompt_sha256(instructions, question), photos_sent=len(photos), bytes_sent=sum(map(len, photos)))
    try:
        return larger.model.say(instructions, question, photos)
    except ModelProcessDiedError as error:
        outputs["tried_again_after"] = str(error)
        return larger.model.say(instructions, question, photos)


def prompt_sha256(instructions: str, question: str) -> str:
    """Of the words that were sent, for the trail: two replies to one digest were replies to the same prompt."""
    return canonical.sha256(canonical.storable(f"{instructions}\n{question}"))


def _nothing(context: Context, index: int, purpose: Purpose, why: Why) -> NoOpinion:
    return NoOpinion(photo=index, purpose=purpose, why=why, words=prompts.render(f"opinion.none_{why}", context.language))


def _known(context: Context, index: int, purpose: Purpose, asked: str) -> Opinion | NoOpinion | None:
    """What was answered before; that there was no answer is remembered by the trail."""
    for opinion in context.opinions:
        if (opinion.photo, opinion.purpose, opinion.question) == (index, purpose.value, asked):
            return opinion
    same = {"photo": index, "purpose": purpose.value, "question": asked}
    for entry in context.trail:
        if entry.tool == NAME and entry.inputs == same and "no_opinion" in entry.outputs:
            return _nothing(context, index, purpose, Why(entry.outputs["no_opinion"]))
    return None


# --- what is asked --------------------------------------------------------------------------------------------------------------------


def _wordings(context: Context, purpose: Purpose, asked: str, photos: int) -> tuple[str, str]:
    """The instructions and the question. What people and files say stands in the question alone, as JSON: no quote or line break in it
    can end the data and begin an instruction."""
    language = context.language

    def say(name: str, **holes: object) -> str:
        return prompts.render(f"opinion.{name}", language, **holes)

    classes = _classes(context)
    known = {
        "places": ", ".join(f'"{place}"' for place in PLACES),
        "kinds": say("kinds", kinds=", ".join(json.dumps(one, ensure_ascii=False) for one in classes)) if classes else say("kinds_unknown"),
        "tongue": say("language_name"),
    }
    wanted = f"fields_{purpose}"
    holes = {name: value for name, value in known.items() if name in prompts.holes(f"opinion.{wanted}", language)}
    number = context.part.number if context.part is not None else "?"
    pieces = [say("part", part=json.dumps(number, ensure_ascii=False), photos=say("photos_two" if photos > 1 else "photos_one"))]
    pieces.append(say(wanted, **holes))
    data: dict[str, object] = {"question": asked} if asked else {}
    if purpose is Purpose.CAUSE:
        data["failure_modes"] = [
            {"row": mode.row, "failure_mode": mode.failure_mode, "cause": mode.cause, "effect": mode.effect}
            for mode in context.failure_modes or ()
        ]
    if data:
        pieces.append(say("data", data=json.dumps(data, ensure_ascii=False)))
    return say("system"), "\n".join(pieces)


def _classes(context: Context) -> tuple[str, ...]:
    references = context.part.references if context.part is not None else ()
    return tuple(sorted({reference.state for reference in references} - {GOOD}))


# --- what is taken from a reply -------------------------------------------------------------------------------------------------------

_SEEN = {"verdict", "where", "kind", "count", "texts", "sentence"}
_KEYS = {  # what each purpose asks for; nobody asked for more, so nothing is held against more
    Purpose.VERDICT: _SEEN,
    Purpose.DESCRIBE: _SEEN,
    Purpose.QUESTION: _SEEN,
    Purpose.CAUSE: {"row", "sentence", "kind", "where"},
    Purpose.LABEL: {"texts", "fields"},
}
_VERDICTS = {
    "ok": Verdict.OK, "good": Verdict.OK, "良品": Verdict.OK, "正常": Verdict.OK,
    "not ok": Verdict.NOT_OK, "ng": Verdict.NOT_OK, "defect": Verdict.NOT_OK, "defective": Verdict.NOT_OK, "不良": Verdict.NOT_OK,
    "cannot tell": Verdict.UNSURE, "unsure": Verdict.UNSURE, "unknown": Verdict.UNSURE, "不明": Verdict.UNSURE,
}  # fmt: skip
_SAME_PLACE = {"upper": "top", "lower": "bottom", "center": "centre", "middle": "centre", "above": "top", "below": "bottom"}
_ADDRESS = re.compile(r"https?:|www\.|\b[\w-]+\.(?:com|net|org|io|jp|example)\b|@|#\w|<|>|`|\*|\[|\]|\{|\}", re.IGNORECASE)
_THOUGHTS = re.compile(r"<think>.*?</think>", re.DOTALL)


def parsed(text: str, purpose: Purpose, classes: Sequence[str], rows: Sequence[int] = ()) -> Claims | None:
    """The claims in a reply; None when it holds no JSON object with what the purpose cannot do without.

    Leniently: text around the object, other spellings of known words and unknown keys do no harm. What is not among the words allowed for
    its field is left out. `classes`: the part's defect classes. `rows`: of the FMEA table, which it was shown.
    """
    for told in _objects(_THOUGHTS.sub("", text)):
        reply = {key: value for key, value in told.items() if key in _KEYS[purpose]}
        fields = reply.get("fields")
        claims = Claims(
            verdict=_VERDICTS.get(_plain(reply.get("verdict"))),
            places=tuple(dict.fromkeys(place for place in map(_place, _listed(reply.get("where"))) if place is not None)),
            kind=next((one for one in classes if _plain(one) == _plain(reply.get("kind"))), None),
            count=_whole(reply.get("count"), MOST_COUNT),
            texts=tuple(cleaned for one in _listed(reply.get("texts"))[:MOST_TEXTS] if (cleaned := _clean(one, MOST_TEXT))),
            fields=tuple((k, v) for k in FIELDS if isinstance(fields, dict) and (v := _clean(fields.get(k), MOST_TEXT))),
            row=row if (row := _whole(reply.get("row"), max(rows, default=0))) in rows else None,
            words=_quotable(reply.get("sentence")),
        )
        if purpose is Purpose.VERDICT:
            enough = claims.verdict is not None
        elif purpose is Purpose.LABEL:
            enough = isinstance(reply.get("texts"), list)
        else:
            enough = claims.words is not None
        if enough:
            return claims
    return None


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in a text, the last first: a model that thinks aloud ends with what it means."""
    decoder, at = json.JSONDecoder(), text.find("{")
    found: list[dict[str, Any]] = []
    while at >= 0:
        end = at + 1
        with suppress(ValueError, RecursionError):
            value, end = decoder.raw_decode(text, at)
            found.append(value)
        at = text.find("{", end)
    yield from reversed(found)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _plain(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", value)).strip().casefold()


def _place(value: object) -> str | None:
    words = [_SAME_PLACE.get(word, word) for word in _plain(value).split()]
    place = " ".join(words)
    if place not in PLACES and " ".join(reversed(words)) in PLACES:  # "left top"
        return " ".join(reversed(words))
    return place if place in PLACES else None


def _whole(value: object, most: int) -> int | None:
    """A count; true and 2.5 are none."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else None


def _clean(value: object, most: int) -> str | None:
    """One line without control characters; None when nothing is left or it is too long to be what was asked for."""
    if not isinstance(value, str):
        return None
    printable = "".join(c if not unicodedata.category(c).startswith("C") else " " for c in value)
    line = " ".join(printable.split())
    return line if 0 < len(line) <= most else None


def _quotable(value: object) -> str | None:
    """A sentence that reads as nothing but a quotation: no address, mention, mark-up or quotation marks of its own."""
    line = _clean(value, MOST_WORDS)
    if line is None or _ADDRESS.search(line):
        return None
    return re.sub(r"[“”「」\"]", "'", line)


# --- what people are told -------------------------------------------------------------------------------------------------------------


def told(context: Context, language: Language) -> Told | None:
    """What the larger model said of each photo, or why it said nothing; None when nobody asked it.

    Its own words stand in quotation marks, and only where they contradict nothing that was measured.
    """
    lines = []
    for opinion in context.opinions:
        lines += [_on_photo(context, opinion.photo, line, language) for line in _told(context, opinion, language)]
    for entry in context.trail:
        if entry.tool == NAME and "no_opinion" in entry.outputs:
            lines.append(prompts.render(f"opinion.none_{entry.outputs['no_opinion']}", language))
    unique = tuple(dict.fromkeys(lines))
    return Told(headline=unique[0], lines=unique[1:]) if unique else None


def _told(context: Context, opinion: Opinion, language: Language) -> list[str]:
    def say(name: str, **holes: object) -> str:
        return prompts.render(f"opinion.{name}", language, **holes)

    claims = opinion.claims
    if opinion.contradictions:
        return [say("told_contradicts"), *opinion.contradictions]
    if opinion.purpose == Purpose.LABEL:
        read = [*dict.fromkeys((*(value for _, value in claims.fields), *claims.texts))]
        return (
            [say("told_label", texts=Words(language).joined([f"“{one}”" if language is Language.EN else f"「{one}」" for one in read]))]
            if (read)
            else [say("told_label_none")]
        )
    if opinion.purpose == Purpose.QUESTION:
        return [say("told_question", words=claims.words)]
    if opinion.purpose == Purpose.DESCRIBE:
        return [say("told_describe" if opinion.agrees else "told_describe_unchecked", words=claims.words)]
    if opinion.purpose == Purpose.CAUSE:
        if claims.row is not None:
            return [say("told_cause_row", row=claims.row, words=claims.words)]
        return [say("told_cause_guess", words=claims.words)]
    quoted = [say("quote", words=claims.words)] if claims.words else []
    return [_verdict(context, opinion, language), *quoted]


def _verdict(context: Context, opinion: Opinion, language: Language) -> str:
    found = context.comparisons.get(opinion.photo)
    if opinion.verdict is Verdict.UNSURE:
        return prompts.render("opinion.told_cannot_tell", language)
    agrees = found is not None and found.verdict is opinion.verdict
    name = f"opinion.told_{'' if agrees else 'would_'}{opinion.verdict}"
    if opinion.verdict is Verdict.NOT_OK and opinion.claims.places:
        words = Words(language)
        places = words.listed([words.say(f"place_{place.replace(' ', '_')}") for place in opinion.claims.places])
        return prompts.render(f"{name}_at", language, places=places)
    return prompts.render(name, language)


def _on_photo(context: Context, index: int, line: str, language: Language) -> str:
    if len(context.question.photos) == 1:
        return line
    return prompts.render("opinion.on_photo", language, photo=index + 1, words=line)
