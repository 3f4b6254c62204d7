""" "Why did it say that?" in a few plain sentences, in the reader's language, each made from a finding of the answer and nothing else.

Where the thread's own wordings say it, they are used (`tools.wording`, `tools.bands`); what only a supervisor asks is in
prompts/console_inspection.*.txt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kenpin.bot.console.story import Story
from kenpin.prompts import holes, render
from kenpin.storage.vocabulary import GOOD, AbstentionReason, Answer, Comparison, Language, ProposalKind, Verdict
from kenpin.tools import bands
from kenpin.tools.propose import strangest
from kenpin.tools.wording import Words

JUDGED = (Verdict.OK, Verdict.NOT_OK)
OF_A_PART = (AbstentionReason.NO_REFERENCES, AbstentionReason.OUT_OF_DOMAIN, AbstentionReason.LABEL_DISAGREES)
MOST_KINDS = 3  # of defect, named

Say = Callable[..., str]


def decisive(answer: Answer) -> Comparison | None:
    """The comparison that the verdict rests on; None when nothing was compared."""
    return strangest({found.photo: found for found in answer.comparisons}) if answer.comparisons else None


def sentences(story: Story, language: Language) -> tuple[str, ...]:
    """The shortest account of the answer that leaves nothing out which decided it."""

    def say(entry: str, **known: object) -> str:
        return render(f"console_inspection.{entry}", language, **known)

    if story.answer is None:
        return (say("why_no_answer"),)
    if story.is_reference_command:
        return tuple(_references(story, story.answer, say, language))
    return tuple(_of(story.answer, say, Words(language)))


def _references(story: Story, answer: Answer, say: Say, language: Language) -> Iterator[str]:
    proposed = answer.proposed
    if proposed is None:
        yield say("why_took_none")
        return
    state = render("thread.good", language) if proposed.reference_state == GOOD else proposed.reference_state
    yield say("why_references", person=story.called(story.inspection.asked_by), count=len(proposed.photos), part=proposed.part, state=state)


def _of(answer: Answer, say: Say, words: Words) -> Iterator[str]:
    found = decisive(answer)
    if found is not None and answer.verdict is not Verdict.NOT_JUDGED:
        yield from _verdict(answer, found, say, words)
    elif answer.abstention is not None:
        reason = answer.abstention.reason
        yield say(f"why_{reason}", **({"part": answer.part} if reason in OF_A_PART else {}))
    else:
        yield say("why_no_verdict_asked")
    yield from _part(answer, say)
    yield from _besides(answer, say)
    yield from _proposed(answer, say, words)


def _verdict(answer: Answer, found: Comparison, say: Say, words: Words) -> Iterator[str]:
    lower, upper = (f"{limit:.2f}" for limit in found.limits)
    numbers = {"score": f"{found.anomaly_score:.2f}", "part": found.part, "lower": lower, "upper": upper}
    contradicted = answer.abstention is not None and answer.abstention.reason is AbstentionReason.CONTRADICTED
    name = "why_contradicted_score" if contradicted else f"why_{answer.verdict}"
    yield say(name, **{hole: numbers[hole] for hole in holes(f"console_inspection.{name}", words.language)})
    if len(answer.comparisons) > 1:
        yield say("why_strangest", photo=found.photo + 1, count=len(answer.comparisons))
    if found.verdict is not Verdict.OK:
        yield words.regions(found, 1)
    if answer.verdict in JUDGED and found.basis is not None:
        yield bands.sure(found, words.language)
    yield words.compared(found, len(answer.comparisons))
    yield from bands.aims(found, words.language)


def _part(answer: Answer, say: Say) -> Iterator[str]:
    """How it was known which part the photo shows, where the question did not say."""
    seen = [entry.outputs.get("part") for entry in answer.trail if entry.tool == "recognise"]
    if answer.part is not None and answer.part in seen:
        yield say("why_recognised", part=answer.part)


def _besides(answer: Answer, say: Say) -> Iterator[str]:
    for one in answer.classified:
        kinds = [f"{c.name} ({round(100 * c.probability)} %)" for c in one.classes if c.name in one.plausible][:MOST_KINDS]
        if kinds:
            yield say("why_kind", kinds=", ".join(kinds))
    for opinion in answer.opinions:
        yield say("why_opinion_agrees" if opinion.agrees else "why_opinion_contradicts", model=opinion.model)
    for rule in answer.rules:
        yield say("why_rule", rule=rule.name, words=rule.words)


def _proposed(answer: Answer, say: Say, words: Words) -> Iterator[str]:
    proposed = answer.proposed
    if proposed is not None and proposed.kind is ProposalKind.DISPOSITION:
        yield say("why_proposed", disposition=words.say(f"disposition_{proposed.disposition}"), reason=proposed.reason)
