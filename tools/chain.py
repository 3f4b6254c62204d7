"""answer(question, site) -> Answer: from a question with its photos to everything that is posted about it. Read this first in tools/.

    1. route         which tools the words ask for, in which language; a follow-up is read with the question before it
    2. which part    named in the question; else the hint; else recognised on the photo, and said so; else asked for
    3. tools         those asked for, and what follows from what they find; a chat model may choose them where there is one
    4. proposal      where a verdict was asked for
    5. words         each tool's own, put in order (`saying`)

Nothing is recorded here: the Answer carries its findings, its proposal and its trail, and the caller saves them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from kenpin.storage.vocabulary import Answer, TrailEntry, Verdict
from kenpin.tools import agent, ask, compare, history, locate, propose, router, saying, which_part
from kenpin.tools.context import Context, Eye, Question, Site
from kenpin.tools.propose import strangest

__all__ = ["Eye", "Question", "Site", "answer"]

JUDGING = {compare.NAME, locate.NAME, propose.NAME}  # asked for one of them, an answer gives its verdict and a proposal
OF_A_PART = JUDGING | {history.NAME}  # cannot be done before the part is known


def answer(question: Question, site: Site) -> Answer:
    """Look, compare and word. Raises what the eye (VisionError) and the records (StorageError) raise; no question is a wrong one."""
    started = time.perf_counter()
    asked = router.route(question.text, default_language=question.language or site.default_language)
    context = Context(question=question, site=site, language=question.language or asked.language)
    context.trail.append(_routed(asked, started))
    if not question.photos and (asked.tools or question.refusals):
        return saying.without_photo(context)
    if not asked.tools and (site.chat_model is None or not question.photos):
        return saying.cannot_or_help(context, asked.cannot)
    which = which_part.named(context, asked.part_words)
    if _needs_part(asked.tools, question.text):
        which = which_part.recognised(context, which, context.usable_photos())
        if context.part is None or not context.part.good:
            return saying.which_part(context, which)
    return _look(context, asked)


def _needs_part(tools: Sequence[str], text: str) -> bool:
    return bool(OF_A_PART & set(tools)) or (ask.NAME in tools and ask.needs_part(text))


def _look(context: Context, asked: router.Route) -> Answer:
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
            return saying.cannot_or_help(context, cannot)
    _call(context, chosen)
    return (saying.judged if JUDGING & set(chosen) else saying.told)(context, chosen, cannot, model)


def _call(context: Context, chosen: Sequence[str]) -> None:
    """The chosen tools on every photo, and what follows from them: what is not OK is located and held against the past."""
    judging = bool(JUDGING & set(chosen))
    if judging:
        for index in context.usable_photos():
            found = compare.compare(context, index)
            if (locate.NAME in chosen or found.verdict is not Verdict.OK) and index not in context.located:
                locate.locate(context, index)
    if history.NAME in chosen or (judging and strangest(context.comparisons).verdict is Verdict.NOT_OK):
        history.history(context)
    if ask.NAME in chosen and not context.asked:
        ask.ask(context)
    if judging:
        propose.propose(context)


def _routed(asked: router.Route, started: float) -> TrailEntry:
    outputs = {"tools": list(asked.tools), "cannot": list(asked.cannot), "clear": asked.clear, "part_words": list(asked.part_words)}
    ms = round((time.perf_counter() - started) * 1000, 3)
    return TrailEntry(tool="router", inputs={}, outputs={"language": asked.language.value, **outputs}, model=None, ms=ms)
