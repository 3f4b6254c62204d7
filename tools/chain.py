"""answer(question, site) -> Answer: from a question with its photos to everything that is posted about it.

    1. language      as given, or as the question is written
    2. part          named in the question; else the hint; else recognised on the photo, and said so; else asked for
    3. tools         chosen by the router from the question's words, or by the chat model when there is one
    4. words         built from what the tools found, and from nothing else

Nothing is recorded here: the Answer carries its findings, its proposal and its trail, and the caller saves them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from kenpin import prompts
from kenpin.storage import clock, database, inspections, parts
from kenpin.storage.inspections import PastPhoto
from kenpin.storage.vocabulary import (
    Abstention,
    AbstentionReason,
    Answer,
    Comparison,
    DecisionVerdict,
    Disposition,
    Finding,
    Language,
    Part,
    TrailEntry,
    Verdict,
)
from kenpin.tools import agent, compare, history, locate, propose, router
from kenpin.tools.context import Context, Eye, Question, Site, as_reference_photos
from kenpin.tools.propose import strangest
from kenpin.tools.vision.sight import Recognition, RecognitionOutcome
from kenpin.tools.wording import Words

__all__ = ["Eye", "Question", "Site", "answer"]

PAST_PHOTOS = 200  # read of a part's past: enough to earn a confidence, few enough to read in a millisecond
EARNED_FROM = 30  # decided answers with the same verdict before a confidence may call itself earned; below, chance moves it by over 10 %
EARNED_WITHIN = 0.05  # how far the share of right answers may lie from the confidence
MOST_NEAR = 3  # parts named when it may be several
MOST_LISTED = 12  # parts named when it is none
ANOMALY = "anomaly"
NO_MODEL = "router"  # named as the model of an answer for which nothing was looked at; asking the eye its name would start it
_LETS_THROUGH = {Disposition.ACCEPT, Disposition.USE_AS_IS}


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What the records say of a question: one read, before anything is looked at."""

    named: tuple[Part, ...]  # known parts that the text names, or else the one that was hinted at
    unknown: str | None  # a part number that is named, or else hinted at, and that nobody has added
    others: tuple[Part, ...]  # every part; read only when the part must be recognised
    past: tuple[PastPhoto, ...]  # of the one named part


@dataclass(frozen=True, kw_only=True)
class _Which:
    """Which part the photos show."""

    part: Part | None
    recognised: bool = False
    unknown: str | None = None
    near: tuple[str, ...] = ()  # parts it may be, when it could not be told
    differ: bool = False  # the photos show different parts
    trail: tuple[TrailEntry, ...] = ()


def answer(question: Question, site: Site) -> Answer:
    """Look, compare and word. Raises what the eye (VisionError) and the records (StorageError) raise; no question is a wrong one."""
    started = time.perf_counter()
    asked = router.route(question.text, default_language=question.language or site.default_language)
    language = question.language or asked.language
    words = Words(language)
    routed = _routed(asked, started)
    if not question.photos:
        return _without_photo(question, asked, words, site, routed)
    if site.chat_model is None and not asked.tools:
        return _cannot_or_help(asked.cannot, question, words, site, (routed,))
    with database.reading(site.engine) as conn:
        known = _known(conn, question, asked.part_words)
    which = _which_part(question, known, site)
    if which.part is None or not which.part.good:
        return _ask_for_part(question, which, known, words, site, (routed, *which.trail))
    past = known.past
    if which.recognised:
        with database.reading(site.engine) as conn:
            past = inspections.past_photos(conn, which.part.number, question.asked_at, PAST_PHOTOS)
    trail = (routed, *which.trail)
    context = Context(question=question, site=site, language=language, part=which.part, past=past, recognised=which.recognised, trail=trail)
    return _look(context, asked, words)


def _look(context: Context, asked: router.Route, words: Words) -> Answer:
    """Call the tools, then word what they found."""
    chosen, cannot, model = asked.tools, asked.cannot, context.site.eye.model
    if context.site.chat_model is not None:
        outcome = agent.ask(context)
        context = outcome.context
        if not outcome.failed:
            # What the words clearly ask for is done in any case: a model can be talked out of looking, a table of words cannot.
            anyway = asked.tools if asked.clear or not outcome.tools else ()
            chosen, cannot, model = tuple(dict.fromkeys((*anyway, *outcome.tools))), outcome.cannot, f"{model}, {outcome.model}"
        if not chosen:
            return _cannot_or_help(cannot, context.question, words, context.site, tuple(context.trail))
    _call(context, chosen)
    return _worded(context, chosen, cannot, words, model)


def _call(context: Context, chosen: Sequence[str]) -> None:
    """The chosen tools on every photo, and what follows from them: what is not OK is located and held against the past."""
    photos = range(len(context.question.photos))
    if {compare.NAME, locate.NAME, propose.NAME} & set(chosen):
        for index in photos:
            found = compare.compare(context, index)
            if (locate.NAME in chosen or found.verdict is not Verdict.OK) and index not in context.located:
                locate.locate(context, index)
        if history.NAME in chosen or strangest(context.comparisons).verdict is Verdict.NOT_OK:
            history.history(context)
        propose.propose(context)
    elif history.NAME in chosen:
        history.history(context)


# --- what the question is about --------------------------------------------------------------------------------------------------------


def _known(conn: Connection, question: Question, part_words: Sequence[str]) -> _Known:
    numbers: Sequence[str] = parts.numbers_in(conn, question.text)
    unknown = None
    if not numbers and part_words:
        unknown = part_words[0]
    elif not numbers and question.part_hint is not None:
        numbers = (question.part_hint,)
    named = tuple(part for number in numbers if (part := parts.find(conn, number)) is not None)
    if numbers and not named:
        unknown = numbers[0]
    must_recognise = unknown is None and not named
    return _Known(
        named=named,
        unknown=unknown,
        others=parts.all_parts(conn) if must_recognise else (),
        past=inspections.past_photos(conn, named[0].number, question.asked_at, PAST_PHOTOS) if len(named) == 1 else (),
    )


def _which_part(question: Question, known: _Known, site: Site) -> _Which:
    if known.unknown is not None:
        return _Which(part=None, unknown=known.unknown)
    if len(known.named) == 1:
        return _Which(part=known.named[0])
    among = known.named or known.others
    good = {part.number: as_reference_photos(part, site.photo_store) for part in among if part.good}
    trail, recognitions = [], []
    for index, photo in enumerate(question.photos):
        started = time.perf_counter()
        seen = site.eye.recognise(site.photo_store.path(photo.shown_sha256), good)
        recognitions.append(seen)
        outputs = {"part": seen.part, "outcome": seen.outcome.value, "candidates": [[n, round(s, 4)] for n, s in seen.candidates]}
        inputs = {"photo": index, "photo_sha256": photo.sha256, "parts": sorted(good)}
        trail.append(TrailEntry(tool="recognise", inputs=inputs, outputs=outputs, model=site.eye.model, ms=_ms_since(started)))
    found = tuple(dict.fromkeys(seen.part for seen in recognitions if seen.part is not None))
    if len(found) == 1:
        part = next(part for part in among if part.number == found[0])
        return _Which(part=part, recognised=True, trail=tuple(trail))
    near = found or _near(recognitions) or tuple(part.number for part in known.named)
    return _Which(part=None, near=near, differ=len(found) > 1, trail=tuple(trail))


def _near(recognitions: Sequence[Recognition]) -> tuple[str, ...]:
    """The parts a photo may show, when it resembles several about equally."""
    for seen in recognitions:
        if seen.outcome is RecognitionOutcome.SEVERAL_NEAR:
            return tuple(number for number, _ in seen.candidates[:MOST_NEAR])
    return ()


# --- answers without a judgement -------------------------------------------------------------------------------------------------------


def _ask_for_part(question: Question, which: _Which, known: _Known, words: Words, site: Site, trail: tuple[TrailEntry, ...]) -> Answer:
    say = words.say
    number = which.part.number if which.part is not None else which.unknown
    if number is not None:
        headline = say("no_references" if which.part is not None else "unknown_part", part=number)
        lines = [say("ask_references", part=number)]
        reason = AbstentionReason.NO_REFERENCES
    elif which.differ:
        headline, lines = say("ambiguous_photos", parts=words.joined(which.near)), [say("ambiguous_photos_help")]
        reason = AbstentionReason.AMBIGUOUS_PART
    elif which.near:
        headline, lines = say("ambiguous", parts=words.listed(which.near, "listed_or")), [say("ambiguous_help", part=which.near[0])]
        reason = AbstentionReason.AMBIGUOUS_PART
    elif any(part.good for part in known.others):
        numbers = [part.number for part in known.others if part.good]
        listed = words.joined([*numbers[:MOST_LISTED], *(["…"] if len(numbers) > MOST_LISTED else [])])
        headline, lines = say("not_recognised"), [say("not_recognised_help", parts=listed), say("not_recognised_new")]
        reason = AbstentionReason.UNKNOWN_PART
    else:
        headline, lines = say("no_parts"), [say("help_reference")]
        reason = AbstentionReason.UNKNOWN_PART
    return _abstained(reason, headline, [*lines, *question.refusals], words, site, trail, part=number)


def _without_photo(question: Question, asked: router.Route, words: Words, site: Site, routed: TrailEntry) -> Answer:
    if question.refusals:
        many = len(question.refusals)
        headline = words.say("cannot_judge") if many == 1 else words.say("cannot_judge_many", count=many)
        return _abstained(AbstentionReason.UNUSABLE_PHOTO, headline, question.refusals, words, site, (routed,))
    if not asked.tools:
        return _cannot_or_help(asked.cannot, question, words, site, (routed,))
    headline = words.say("no_photo")
    return _abstained(AbstentionReason.NO_PHOTO, headline, [words.say("no_photo_help")], words, site, (routed,))


def _cannot_or_help(cannot: Sequence[str], question: Question, words: Words, site: Site, trail: tuple[TrailEntry, ...]) -> Answer:
    if cannot:
        headline, *more = (words.say(f"cannot_{name}") for name in cannot)
        lines = [*more, words.say("can"), *question.refusals]
    else:
        headline = words.say("help")
        lines = [*(words.say(f"help_{name}") for name in ("ask", "reference", "decide")), *question.refusals]
    return _abstained(AbstentionReason.CANNOT_ANSWER, headline, lines, words, site, trail)


def _abstained(
    reason: AbstentionReason,
    headline: str,
    lines: Sequence[str],
    words: Words,
    site: Site,
    trail: tuple[TrailEntry, ...],
    part: str | None = None,
) -> Answer:
    return Answer(
        language=words.language,
        headline=headline,
        lines=tuple(lines),
        verdict=Verdict.NOT_JUDGED,
        abstention=Abstention(reason=reason, words=headline),
        part=part,
        anomaly_score=None,
        threshold=None,
        confidence=None,
        comparisons=(),
        findings=(),
        similar=(),
        pictures=(),
        proposed=None,
        trail=(*trail, _wording_entry(headline, lines, words.language)),
        model=site.eye.model if any(entry.model for entry in trail) else NO_MODEL,
    )


# --- answers with findings -------------------------------------------------------------------------------------------------------------


def _worded(context: Context, chosen: Sequence[str], cannot: Sequence[str], words: Words, model: str) -> Answer:
    assert context.part is not None, "the part is settled before any tool is called"
    comparisons = tuple(context.comparisons[i] for i in sorted(context.comparisons))
    decisive = strangest(context.comparisons) if comparisons else None
    similar = context.similar or ()
    if decisive is not None:
        headline = words.headline(decisive, len(comparisons))
        lines = _lines_of_judgement(context, decisive, comparisons, words)
    else:
        headline, lines = words.similar_headline(len(similar), context.part.number), []
    if context.recognised:
        lines.insert(min(1, len(lines)), words.say("recognised", part=context.part.number))
    if context.similar is not None and (context.past_looked_at or history.NAME in chosen):
        today = clock.parsed(clock.text(context.question.asked_at))
        lines.append(words.similar(similar, context.part.number, context.past_looked_at, today))
    lines += [words.say(f"cannot_{name}") for name in cannot]
    lines += context.question.refusals
    unsure = decisive is not None and decisive.verdict is Verdict.UNSURE
    judged = decisive is not None and not unsure
    pictures = (words.picture(found, len(comparisons)) for found in comparisons)
    return Answer(
        language=words.language,
        headline=headline,
        lines=tuple(lines),
        verdict=decisive.verdict if decisive is not None else Verdict.NOT_JUDGED,
        abstention=Abstention(reason=AbstentionReason.BETWEEN_LIMITS, words=headline) if unsure else None,
        part=context.part.number,
        anomaly_score=decisive.anomaly_score if decisive is not None else None,
        threshold=decisive.threshold if decisive is not None else None,
        confidence=decisive.confidence if decisive is not None and judged else None,
        comparisons=comparisons,
        findings=tuple(finding for found in comparisons for finding in _findings(found)),
        similar=similar,
        pictures=tuple(picture for picture in pictures if picture is not None),
        proposed=context.proposed,
        trail=(*context.trail, _wording_entry(headline, lines, words.language)),
        model=model,
    )


def _lines_of_judgement(context: Context, decisive: Comparison, comparisons: Sequence[Comparison], words: Words) -> list[str]:
    lines = [words.sure(decisive, earned=_earned(decisive, context.past))]
    if len(comparisons) > 1:
        lines += words.each_photo(comparisons)
    lines += [words.regions(found, len(comparisons)) for found in comparisons if found.photo in context.located]
    lines.append(words.compared(decisive, len(comparisons)))
    return lines


def _findings(found: Comparison) -> tuple[Finding, ...]:
    """One a marked region; for a photo that is not OK without one, one about the whole photo."""
    if found.regions:
        return tuple(Finding(photo=found.photo, tool=locate.NAME, kind=ANOMALY, score=r.score, region=r) for r in found.regions)
    if found.verdict is Verdict.NOT_OK:
        return (Finding(photo=found.photo, tool=compare.NAME, kind=ANOMALY, score=found.anomaly_score, region=None),)
    return ()


def _earned(decisive: Comparison, past: Sequence[PastPhoto]) -> bool:
    """Whether people's decisions on this part bear the confidence out: enough of them, and as often right as it says.

    Right: an OK part was let through, a part that is not OK was not. A rejected proposal counts as wrong, which errs on the careful side;
    a hold decides nothing and does not count.
    """
    like_this = (p for p in past if p.decision is not None and p.verdict is decisive.verdict and p.disposition is not Disposition.HOLD)
    decided = {p.inspection_id: p for p in like_this}
    if len(decided) < EARNED_FROM:
        return False
    let_through = decisive.verdict is Verdict.OK
    right = sum(p.decision is DecisionVerdict.APPROVED and (p.disposition in _LETS_THROUGH) is let_through for p in decided.values())
    return abs(right / len(decided) - decisive.confidence) <= EARNED_WITHIN


# --- the trail -------------------------------------------------------------------------------------------------------------------------


def _routed(asked: router.Route, started: float) -> TrailEntry:
    outputs = {"tools": list(asked.tools), "cannot": list(asked.cannot), "clear": asked.clear, "part_words": list(asked.part_words)}
    return TrailEntry(tool="router", inputs={}, outputs={"language": asked.language.value, **outputs}, model=None, ms=_ms_since(started))


def _wording_entry(headline: str, lines: Sequence[str], language: Language) -> TrailEntry:
    inputs = {"language": language.value, "prompts_sha256": prompts.digest()}
    return TrailEntry(tool="wording", inputs=inputs, outputs={"headline": headline, "lines": list(lines)}, model=None, ms=0.0)


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)
