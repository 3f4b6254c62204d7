"""The tool `history`: earlier inspections of the part whose photo looks like this one, with what people decided then.

Photos of one part are all alike: on the solar cells of elpv-dataset the cosine of two photos' features is .93 (median) between two bad
cells and .90 between a good and a bad one. So a past photo counts as similar only when it lies nearer than every good reference does,
and a photo that is not OK is held against the cases that were not OK either.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from kenpin.storage.inspections import PastPhoto
from kenpin.storage.vocabulary import PastCase, Verdict
from kenpin.tools.context import Context

NAME = "history"
MOST_PHOTOS = 50  # of the part's past, newest first: a second look at more would be felt
MOST_CASES = 3  # shown
LEAST_COSINE = 0.9  # below, not even the same kind of photo: half of the pairs of a good and a bad cell lie below
_STRANGE = {Verdict.NOT_OK, Verdict.UNSURE}


class Arguments(BaseModel):
    pass


def history(context: Context) -> tuple[PastCase, ...]:
    """The most similar earlier cases, most similar first, each inspection once; looked for once, then remembered."""
    with context.lock:
        if context.similar is not None:
            return context.similar
        looked_at = _looked_at(context)
        with context.recorded(NAME, {"part": context.part and context.part.number}, context.site.eye.model) as outputs:
            context.similar = _most_similar(context, looked_at) if looked_at else ()
            context.past_looked_at = len(looked_at)
            outputs.update(evidence(context.similar), looked_at=len(looked_at))
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


def _looked_at(context: Context) -> tuple[PastPhoto, ...]:
    """The past photos worth a look, newest first. The same photo asked about again in its own thread is no other case; elsewhere it is."""
    mine = {photo.sha256 for photo in context.question.photos}
    strange = any(c.verdict in _STRANGE for c in context.comparisons.values())
    again = (p for p in context.past if p.sha256 not in mine or p.thread != context.question.thread)
    alike = (p for p in again if not strange or p.verdict in _STRANGE)
    there = (p for p in alike if context.site.photo_store.has(p.shown_sha256))  # a photo may have been erased
    return tuple(islice(there, MOST_PHOTOS))


def _most_similar(context: Context, looked_at: tuple[PastPhoto, ...]) -> tuple[PastCase, ...]:
    mine = _features(context, [photo.shown_sha256 for photo in context.question.photos])
    theirs = _features(context, [past.shown_sha256 for past in looked_at])
    nearest_good = LEAST_COSINE
    if context.part is not None and context.part.good:
        good = _features(context, [reference.shown_sha256 for reference in context.part.good])
        nearest_good = max(LEAST_COSINE, float((good @ mine.T).max()))
    closeness = (theirs @ mine.T).max(axis=1)  # (past photos,): to whichever of the question's photos is nearest
    cases: dict[str, PastCase] = {}
    for at in np.argsort(-closeness, kind="stable"):
        past, similarity = looked_at[at], float(closeness[at])
        if similarity < nearest_good or len(cases) == MOST_CASES:
            break
        cases.setdefault(past.inspection_id, _case(context, past, similarity))
    return tuple(cases.values())


def _features(context: Context, shown: Sequence[str]) -> NDArray[np.float32]:
    """(photos, D), unit length."""
    site = context.site
    return np.stack([site.feature_memory.of(site.eye, site.photo_store, sha256) for sha256 in shown])


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
