"""The tool `history`: earlier inspections of the part whose photo looks like this one, with what people decided then."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from pydantic import BaseModel

from kenpin.storage.inspections import PastPhoto
from kenpin.storage.vocabulary import PastCase
from kenpin.tools.context import Context

NAME = "history"
MOST_PHOTOS = 50  # of the part's past, newest first: a second look at more would be felt
MOST_CASES = 3  # shown
SIMILAR = 0.9  # least cosine of two photos' features to be called similar; see tests/tools/test_history.py


class Arguments(BaseModel):
    pass


def history(context: Context) -> tuple[PastCase, ...]:
    """The most similar earlier cases, most similar first, each inspection once; looked for once, then remembered."""
    with context.lock:
        if context.similar is not None:
            return context.similar
        looked_at = tuple(p for p in context.past if context.site.photo_store.has(p.shown_sha256))[:MOST_PHOTOS]  # erased ones are gone
        inputs = {"part": context.part and context.part.number, "looked_at": len(looked_at), "similar_from": SIMILAR}
        with context.recorded(NAME, inputs, context.site.eye.model) as outputs:
            context.similar = _most_similar(context, looked_at) if looked_at else ()
            outputs.update(evidence(context.similar))
        return context.similar


def evidence(cases: tuple[PastCase, ...]) -> dict[str, Any]:
    return {
        "similar": [
            {
                "inspection": c.inspection_id,
                "asked_at": c.asked_at,
                "similarity": round(c.similarity, 4),
                "verdict": c.verdict.value,
                "decision": c.decision and c.decision.value,
                "disposition": c.disposition and c.disposition.value,
            }
            for c in cases
        ]
    }


def _most_similar(context: Context, looked_at: tuple[PastPhoto, ...]) -> tuple[PastCase, ...]:
    site, store = context.site, context.site.photo_store
    mine = np.stack([site.feature_memory.of(site.eye, store, p.shown_sha256) for p in context.question.photos])
    theirs = np.stack([site.feature_memory.of(site.eye, store, p.shown_sha256) for p in looked_at])
    closeness = (theirs @ mine.T).max(axis=1)  # (past photos,): to whichever of the question's photos is nearest
    cases: dict[str, PastCase] = {}
    for at in np.argsort(-closeness, kind="stable"):
        past, similarity = looked_at[at], float(closeness[at])
        if similarity < SIMILAR or len(cases) == MOST_CASES:
            break
        cases.setdefault(past.inspection_id, _case(context, past, similarity))
    return tuple(cases.values())


def _case(context: Context, past: PastPhoto, similarity: float) -> PastCase:
    permalink = None
    if context.site.permalink is not None and past.channel is not None and past.message_ts is not None:
        permalink = context.site.permalink(past.channel, past.message_ts)
    return PastCase(
        inspection_id=past.inspection_id,
        part=past.part,
        similarity=similarity,
        verdict=past.verdict,
        decision=past.decision,
        disposition=past.disposition,
        asked_at=past.asked_at,
        permalink=permalink,
    )


def use(context: Context) -> tuple[str, tuple[PastCase, ...]]:
    """Find earlier inspections of the same part whose photo looks like this one.

    Use it for questions such as: have we seen this before, what did we do last time? Returns for each the verdict then, what people
    decided, and what became of the part.
    """
    cases = history(context)
    return json.dumps(evidence(cases)), cases
