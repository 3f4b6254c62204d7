"""From a finished Context to the Answer: which tool's words come first, which follow, and what is kept beside them.

The headline is the verdict where one was asked for, or else what the first asked tool found; every line is a tool's own. An answer that
makes no judgement says why, and still tells what other tools found.
"""

from __future__ import annotations

from collections.abc import Sequence

from kenpin import prompts
from kenpin.storage.vocabulary import (
    Abstention,
    AbstentionReason,
    Answer,
    Comparison,
    Finding,
    Language,
    TrailEntry,
    Verdict,
)
from kenpin.tools import (
    ask,
    bands,
    classify,
    compare,
    describe,
    escalation,
    history,
    locate,
    quality,
    read_label,
    reason,
    rules,
    second_opinion,
)
from kenpin.tools.context import Context
from kenpin.tools.propose import strangest
from kenpin.tools.told import Told
from kenpin.tools.which_part import Standing, Which
from kenpin.tools.wording import Words

ANOMALY = "anomaly"
NO_MODEL = "router"  # named as the model of an answer for which nothing was looked at; asking the eye its name would start it
MOST_LISTED = 12  # parts named when it is none


def answer(
    context: Context,
    headline: str,
    lines: Sequence[str],
    *,
    verdict: Verdict = Verdict.NOT_JUDGED,
    abstained: AbstentionReason | None = None,
    part: str | None = None,
    model: str | None = None,
) -> Answer:
    """The Answer with these words and everything the context holds. `part`: a number that is asked about and not on record."""
    comparisons = tuple(context.comparisons[i] for i in sorted(context.comparisons))
    judged = verdict in (Verdict.OK, Verdict.NOT_OK)
    decisive = strangest(context.comparisons) if comparisons and verdict is not Verdict.NOT_JUDGED else None
    words = Words(context.language)
    lines = tuple(dict.fromkeys((*lines, *context.question.refusals)))
    return Answer(
        language=context.language,
        headline=headline,
        lines=lines,
        verdict=verdict,
        abstention=Abstention(reason=abstained, words=headline) if abstained is not None else None,
        part=context.part.number if context.part is not None else part,
        anomaly_score=decisive.anomaly_score if decisive else None,
        threshold=decisive.threshold if decisive else None,
        confidence=decisive.confidence if decisive and judged else None,
        comparisons=comparisons,
        findings=tuple(finding for found in comparisons for finding in _findings(context, found)),
        similar=context.similar or (),
        pictures=tuple(picture for found in comparisons if (picture := words.picture(found, len(comparisons))) is not None),
        proposed=context.proposed,
        trail=(*context.trail, _wording_entry(headline, lines, context.language)),
        model=model or (context.site.eye.model if any(entry.model for entry in context.trail) else NO_MODEL),
        classified=tuple(context.classified[i] for i in sorted(context.classified)),
        labels=tuple(context.labels[i] for i in sorted(context.labels)),
        failure_modes=context.failure_modes or (),
        quality=tuple(problem for i in sorted(context.quality) for problem in context.quality[i]),
        rules=tuple(context.rules),
        opinions=tuple(context.opinions),
    )


# --- with findings ---------------------------------------------------------------------------------------------------------------------


def judged(context: Context, tools: Sequence[str], cannot: Sequence[str], model: str) -> Answer:
    """A verdict was asked for, and every photo was compared."""
    assert context.part is not None, "the part is settled before anything is compared"
    words = Words(context.language)
    comparisons = tuple(context.comparisons[i] for i in sorted(context.comparisons))
    decisive = strangest(context.comparisons)
    lines = [words.sure(decisive), *_how_known(context, words)]
    lines += words.each_photo(comparisons) if len(context.meant) > 1 else ()
    lines += [words.regions(found, len(comparisons)) for found in comparisons if found.photo in context.located]
    if classify.NAME not in tools and (kind := classify.told(context, context.language)) is not None:
        lines.append(kind.headline)
    lines += (words.compared(decisive, len(comparisons)), *bands.aims(decisive, context.language))
    if context.similar is not None and (context.past_looked_at or history.NAME in tools):
        lines.append(words.similar(context.similar, context.part.number, context.past_looked_at, context.asked_at))
    for told in _told(context, [name for name in tools if name != history.NAME]):
        lines += (told.headline, *told.lines)
    if context.next_step is not None and (next_step := escalation.told(context.next_step, context.language, _budget(context))) is not None:
        lines.append(next_step)
    poor = quality.told(context, context.language)
    if poor is not None:
        lines = [*poor.lines, *lines[1:]] if not is_whole(context) else [*lines, poor.headline, *poor.lines]
    lines += [words.say(f"cannot_{name}") for name in cannot]
    if poor is not None and not is_whole(context):
        return answer(context, poor.headline, lines, abstained=AbstentionReason.UNUSABLE_PHOTO, model=model)
    unsure, headline = decisive.verdict is Verdict.UNSURE, words.headline(decisive, len(comparisons))
    if ask.NAME not in tools and compare.NAME not in tools and (short := ask.told(context, context.language)) is not None:
        headline, lines = short.headline, [headline, *lines]  # asked how many or how large, the number comes first
    return answer(
        context,
        headline,
        lines,
        verdict=decisive.verdict,
        abstained=(AbstentionReason.CONTRADICTED if context.contradicted else AbstentionReason.BETWEEN_LIMITS) if unsure else None,
        model=model,
    )


def is_whole(context: Context) -> bool:
    """Whether the part can be judged by the photos that are good enough: all of them are, or one shows already that it is not OK."""
    return context.usable_photos() == context.meant or strangest(context.comparisons).verdict is Verdict.NOT_OK


def _budget(context: Context) -> float | None:
    return context.site.larger.daily_budget if context.site.larger is not None else None


def told(context: Context, tools: Sequence[str], cannot: Sequence[str], model: str) -> Answer:
    """No verdict was asked for: what the chosen tools found, in the order asked."""
    words = Words(context.language)
    each = _told(context, tools)
    if not each:
        return cannot_or_help(context, cannot)
    first, *others = each
    lines = [*first.lines, *(line for other in others for line in (other.headline, *other.lines)), *_how_known(context, words)]
    lines += [words.say(f"cannot_{name}") for name in cannot]
    unanswered = set(tools) == {ask.NAME} and not any(asked.answered for asked in context.asked)
    reason = AbstentionReason.CANNOT_ANSWER if unanswered else None
    return answer(context, first.headline, lines, abstained=reason, model=model)


def stopped(context: Context, why: Told, reason: AbstentionReason, tools: Sequence[str], *, part: str | None) -> Answer:
    """What was asked of the part cannot be said, and why; what other tools found all the same. `part`: asked about, perhaps unheard of."""
    found = (line for told in _told(context, tools) for line in (told.headline, *told.lines))
    return answer(context, why.headline, (*why.lines, *found), abstained=reason, part=part)


def _told(context: Context, tools: Sequence[str]) -> list[Told]:
    """What each of these tools has to say, then what nobody asked for by name: a larger model's word, and the site's rules."""
    last = [second_opinion.told(context, context.language), rules.told(context, context.language)]
    each = [_TELLERS[name](context, context.language) for name in dict.fromkeys(tools) if name in _TELLERS]
    return [told for told in (*each, *last) if told is not None]


def _of_the_past(context: Context, language: Language) -> Told | None:
    if context.similar is None or context.part is None:
        return None
    words, number = Words(language), context.part.number
    return Told(
        headline=words.similar_headline(len(context.similar), number),
        lines=(words.similar(context.similar, number, context.past_looked_at, context.asked_at),),
    )


def _kind(context: Context, language: Language) -> Told | None:
    """The kind of defect, or that none of this part's is known."""
    if context.part is None or classify.can_classify(context.part):
        return classify.told(context, language)
    words = Words(language)
    return Told(headline=words.say("no_classes", part=context.part.number), lines=(words.say("no_classes_help", part=context.part.number),))


_TELLERS = {
    ask.NAME: ask.told,
    classify.NAME: _kind,
    describe.NAME: describe.told,
    history.NAME: _of_the_past,
    read_label.NAME: read_label.told,
    reason.NAME: reason.told,
}


def _how_known(context: Context, words: Words) -> tuple[str, ...]:
    """That nobody named the part, and how it is known then."""
    if context.part is None or not (context.recognised or context.part_on_label):
        return ()
    return (words.say("recognised" if context.recognised else "on_label", part=context.part.number),)


def _findings(context: Context, found: Comparison) -> tuple[Finding, ...]:
    """One a marked region, by its kind where only one is plausible; for a photo that is not OK without one, one about the whole photo."""
    classified = context.classified.get(found.photo)
    kind = classified.plausible[0] if classified is not None and len(classified.plausible) == 1 else ANOMALY
    if found.regions:
        return tuple(Finding(photo=found.photo, tool=locate.NAME, kind=kind, score=r.score, region=r) for r in found.regions)
    if found.verdict is Verdict.NOT_OK:
        return (Finding(photo=found.photo, tool=compare.NAME, kind=kind, score=found.anomaly_score, region=None),)
    return ()


# --- without a judgement ---------------------------------------------------------------------------------------------------------------


def which_part(context: Context, which: Which) -> tuple[Told, AbstentionReason]:
    """The part is not known, or has nothing to compare with: what is missing."""
    words = Words(context.language)
    say = words.say
    if which.number is not None:
        headline = say("no_references" if which.standing is Standing.KNOWN else "unknown_part", part=which.number)
        return Told(headline=headline, lines=(say("ask_references", part=which.number),)), AbstentionReason.NO_REFERENCES
    if which.standing is Standing.DIFFERENT:
        headline, line = say("ambiguous_photos", parts=words.joined(which.near)), say("ambiguous_photos_help")
        return Told(headline=headline, lines=(line,)), AbstentionReason.AMBIGUOUS_PART
    if which.near:
        headline, line = say("ambiguous", parts=words.listed(which.near, "listed_or")), say("ambiguous_help", part=which.near[0])
        return Told(headline=headline, lines=(line,)), AbstentionReason.AMBIGUOUS_PART
    if which.standing is Standing.NONE_NEAR:
        listed = words.joined([*which.known[:MOST_LISTED], *(["…"] if len(which.known) > MOST_LISTED else [])])
        lines = (say("not_recognised_help", parts=listed), say("not_recognised_new"))
        return Told(headline=say("not_recognised"), lines=lines), AbstentionReason.UNKNOWN_PART
    return Told(headline=say("no_parts"), lines=(say("help_reference"),)), AbstentionReason.UNKNOWN_PART


def without_photo(context: Context) -> Answer:
    words, refusals = Words(context.language), context.question.refusals
    if not refusals:
        return answer(context, words.say("no_photo"), [words.say("no_photo_help")], abstained=AbstentionReason.NO_PHOTO)
    headline = words.say("cannot_judge") if len(refusals) == 1 else words.say("cannot_judge_many", count=len(refusals))
    return answer(context, headline, (), abstained=AbstentionReason.UNUSABLE_PHOTO)


def cannot_or_help(context: Context, cannot: Sequence[str]) -> Answer:
    words = Words(context.language)
    if cannot:
        headline, *more = (words.say(f"cannot_{name}") for name in cannot)
        lines = [*more, words.say("can")]
    else:
        headline = words.say("help")
        lines = [words.say(f"help_{name}") for name in ("ask", "reference", "decide")]
    return answer(context, headline, lines, abstained=AbstentionReason.CANNOT_ANSWER)


def _wording_entry(headline: str, lines: Sequence[str], language: Language) -> TrailEntry:
    inputs = {"language": language.value, "prompts_sha256": prompts.digest()}
    return TrailEntry(tool="wording", inputs=inputs, outputs={"headline": headline, "lines": list(lines)}, model=None, ms=0.0)
