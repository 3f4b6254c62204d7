"""answer(question, site) -> Answer: from a question with its photos to everything that is posted about it. Read this first in tools/.

    1. route         which tools the words ask for, in which language; a follow-up is read with the question before it
    2. which part    named in the question; else the hint; else on the label; else recognised on the photo, and said so; else asked for
    3. gates         is each photo good enough, does it show this part at all, does its label name another one? Before any verdict
    4. tools         those asked for, and what follows from what they find; a chat model may choose them where there is one
    5. proposal      where a verdict was asked for; the site's rules correct it
    6. words         each tool's own, put in order (`saying`)

Nothing is recorded here: the Answer carries its findings, its proposal and its trail, and the caller saves them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from kenpin.storage import database
from kenpin.storage.vocabulary import AbstentionReason, Answer, TrailEntry, Verdict
from kenpin.tools import (
    agent,
    ask,
    classify,
    compare,
    describe,
    domain,
    escalation,
    history,
    locate,
    propose,
    quality,
    read_label,
    reason,
    router,
    rules,
    saying,
    second_opinion,
    verify,
    which_part,
)
from kenpin.tools.context import Context, Eye, Question, Site
from kenpin.tools.escalation import NextStep, Step
from kenpin.tools.propose import strangest
from kenpin.tools.second_opinion import Purpose
from kenpin.tools.told import Told
from kenpin.tools.which_part import Which

__all__ = ["Eye", "Question", "Site", "answer"]

JUDGING = {compare.NAME, locate.NAME, propose.NAME}  # asked for one of them, an answer gives its verdict and a proposal
OF_A_PART = JUDGING | {history.NAME, classify.NAME, reason.NAME}  # cannot be done before the part is known
WITHOUT_GOOD_PHOTOS = {classify.NAME, reason.NAME, read_label.NAME, describe.NAME}  # can be done before the part has good photos
WITHOUT_A_LOOK = {history.NAME, read_label.NAME}  # need no comparison with the good photos


def answer(question: Question, site: Site) -> Answer:
    """Look, compare and word. Raises what the eye (VisionError) and the records (StorageError) raise; no question is a wrong one."""
    started = time.perf_counter()
    before = router.route(question.before) if question.before else None
    asked = router.route(question.text, default_language=question.language or site.default_language, before=before)
    context = Context(question=question, site=site, language=question.language or asked.language)
    context.mean(asked.photos)
    context.trail.append(_routed(asked, started))
    if not question.photos and (asked.tools or question.refusals):
        return saying.without_photo(context)
    if not asked.tools and (site.chat_model is None or not question.photos):
        return saying.cannot_or_help(context, asked.cannot)
    which = which_part.named(context, asked.part_words)
    # A chat model is spared a question that cannot be answered; whether the photo shows the part is seen once it has chosen to look.
    return _stopped(context, which, asked.tools, look=site.chat_model is None) or _chosen(context, which, asked)


def _chosen(context: Context, which: Which, asked: router.Route) -> Answer:
    """Let the chat model choose the tools where there is one; call them, and word what they found."""
    tools, cannot, model = asked.tools, asked.cannot, context.site.eye.model
    if context.site.chat_model is not None:
        outcome = agent.ask(context)
        context = outcome.context
        if not outcome.failed:
            # What the words clearly ask for is done in any case: a model can be talked out of looking, a table of words cannot.
            anyway = asked.tools if asked.clear or not outcome.tools else ()
            tools, cannot, model = tuple(dict.fromkeys((*anyway, *outcome.tools))), outcome.cannot, f"{model}, {outcome.model}"
        if not tools:
            return saying.cannot_or_help(context, cannot)
        if (stopped := _stopped(context, which, tools)) is not None:
            return stopped
    if JUDGING & set(tools):
        _judge(context, tools)
        return saying.judged(context, tools, cannot, model)
    _find(context, tools)
    return saying.told(context, tools, cannot, model)


# --- before any verdict ----------------------------------------------------------------------------------------------------------------


def _stopped(context: Context, which: Which, tools: Sequence[str], *, look: bool = True) -> Answer | None:
    """The answer when what these tools need is not there; None when they can go on. What needs no part is done all the same.

    `look`: also compare the photos, without which nobody knows whether they show the part.
    """
    if read_label.NAME in tools:
        for index in context.meant:
            read_label.read_label(context, index)
        which = which_part.on_label(context, which)
    if not (OF_A_PART & set(tools) or (ask.NAME in tools and ask.needs_part(context))):
        if describe.NAME in tools:
            which_part.recognised(context, which, context.meant)
        return None
    why = _gate(context, which, tools, look=look and not set(tools) <= WITHOUT_A_LOOK)
    if why is None:
        return None
    _find(context, [name for name in tools if name == describe.NAME or (name == ask.NAME and not ask.needs_part(context))])
    return saying.stopped(context, *why, tools, part=which.number)


def _gate(context: Context, which: Which, tools: Sequence[str], *, look: bool) -> tuple[Told, AbstentionReason] | None:
    """Why nothing can be said about the part: which one it is, how good the photo is, what its label says, what it shows."""
    which = which_part.recognised(context, which, context.meant)
    poor = [index for index in context.meant if quality.gate(context, index)]
    if len(poor) == len(context.meant) and (told := quality.told(context, context.language)) is not None:
        return told, AbstentionReason.UNUSABLE_PHOTO
    if context.part is None or (not context.part.good and not set(tools) <= WITHOUT_GOOD_PHOTOS):
        return saying.which_part(context, which)
    if rules.ask_for_labels(context):
        for index in context.meant:
            read_label.read_label(context, index)
    if (against := which_part.contradicted(context)) is not None:
        told = read_label.told_of_disagreement(against, context.language, recognised=context.recognised)
        return told, AbstentionReason.LABEL_DISAGREES
    if context.part.good and look:
        for index in context.usable_photos():
            compare.compare(context, index)
    if (unlike := domain.told(context, context.language)) is not None:
        return unlike, AbstentionReason.OUT_OF_DOMAIN
    return None


# --- looking ---------------------------------------------------------------------------------------------------------------------------


def _judge(context: Context, tools: Sequence[str]) -> None:
    """The verdict and what follows from it: what is not OK is located, named and held against the past; what is unsure asked about."""
    assert context.part is not None, "the gate lets no question about an unknown part pass"
    for index, found in sorted(context.comparisons.items()):
        if (locate.NAME in tools or found.verdict is not Verdict.OK) and index not in context.located:
            locate.locate(context, index)
        if found.verdict is Verdict.NOT_OK and classify.can_classify(context.part):
            classify.classify(context, index)
        if found.verdict is Verdict.UNSURE:
            _escalate(context, index)
    if strangest(context.comparisons).verdict is Verdict.NOT_OK:
        history.history(context)
    if locate.NAME in tools and ask.is_of_places(context):
        ask.ask(context)
    _find(context, tools)
    _hear_objections(context)
    if saying.is_whole(context):
        propose.propose(context)
        rules.correct(context)


def _escalate(context: Context, index: int) -> None:
    """Ask the larger model about a photo between the limits, where there is one and today's budget allows it; a person follows anyway."""
    larger, spent = context.site.larger, 0.0
    if larger is not None and larger.daily_budget is not None:
        with database.reading(context.site.engine) as conn:
            spent = larger.spending.today(conn, datetime.now(UTC))

    def next_step(opinions: int) -> Step:
        budget = larger.daily_budget if larger is not None else None
        return escalation.next_step(Verdict.UNSURE, has_model=larger is not None, opinions=opinions, spent_today=spent, daily_budget=budget)

    context.next_step = next_step(0)
    if context.next_step.next is NextStep.ASK_MODEL:
        second_opinion.ask(context, index, Purpose.VERDICT)
        context.next_step = next_step(1)


def _hear_objections(context: Context) -> None:
    """What larger models said against a judgement lowers its confidence, and may leave it to a person; never does it turn the verdict."""
    for index, found in context.comparisons.items():
        effect = verify.effect(found.verdict, found.confidence, [one for one in context.opinions if one.photo == index])
        context.comparisons[index] = replace(found, verdict=effect.verdict, confidence=effect.confidence)
        context.contradicted = context.contradicted or effect.abstain is not None


def _find(context: Context, tools: Sequence[str]) -> None:
    """What the other tools find; a cause is looked up last, by the kind of defect."""
    if history.NAME in tools:
        history.history(context)
    if {classify.NAME, reason.NAME} & set(tools) and context.part is not None and classify.can_classify(context.part):
        for index in context.usable_photos():
            classify.classify(context, index)
    if describe.NAME in tools:
        for index in context.meant:
            describe.describe(context, index)
    if ask.NAME in tools and not context.asked:
        ask.ask(context)
    if reason.NAME in tools:
        reason.reason(context)
        if context.site.larger is not None:
            second_opinion.ask(context, context.meant[0], Purpose.CAUSE)


def _routed(asked: router.Route, started: float) -> TrailEntry:
    outputs = {"tools": list(asked.tools), "cannot": list(asked.cannot), "clear": asked.clear, "part_words": list(asked.part_words)}
    ms = round((time.perf_counter() - started) * 1000, 3)
    return TrailEntry(tool="router", inputs={}, outputs={"language": asked.language.value, **outputs}, model=None, ms=ms)
