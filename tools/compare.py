"""The tool `compare`: one photo against its part's good references. The only tool that gives a verdict."""

from __future__ import annotations

import json

from pydantic import BaseModel, Field

from kenpin.storage.vocabulary import Comparison
from kenpin.tools import bands, domain, quality
from kenpin.tools.context import Context
from kenpin.tools.domain import Unlike
from kenpin.tools.errors import CannotBeDoneError

NAME = "compare"


class Arguments(BaseModel):
    photo: int = Field(default=1, description="Which photo of the question, counted from 1.")


def compare(context: Context, index: int) -> Comparison | Unlike:
    """The comparison of the photo at `index` (from 0), or that it does not show the part at all; made once, then remembered.

    The anomaly map goes into the photo store. Raises CannotBeDoneError when the part is not known, has no good reference, or the photo is
    not good enough, and what the eye raises.
    """
    with context.lock:
        if index in context.comparisons:
            return context.comparisons[index]
        if index in context.unlike:
            return context.unlike[index]
        photo = context.question.photos[index]
        inputs = {"photo": index, "photo_sha256": photo.sha256, "part": context.part and context.part.number}
        with context.recorded(NAME, inputs, context.site.eye.model) as outputs:
            good = context.reference_photos()
            if problems := quality.gate(context, index):
                kinds = ", ".join(problem.kind for problem in problems)
                raise CannotBeDoneError(f"Photo {index + 1} is not good enough for a verdict ({kinds}); ask the person for a better one.")
            assert context.part is not None, "a part without a number has no references"
            sight = context.site.eye.compare(context.shown_path(index), good)
            outputs["references"] = [reference.sha256 for reference in good]
            unlike = domain.unlike(context, index, sight)
            if unlike is not None:
                outputs.update(evidence(unlike))
                context.unlike[index] = unlike
                return unlike
            as_seen = Comparison(
                photo=index,
                part=context.part.number,
                references=sight.references,
                anomaly_score=sight.anomaly_score,
                threshold=sight.threshold,
                limits=sight.limits,
                false_alarm_rate=sight.false_alarm_rate,
                too_few_references=sight.too_few_references,
                confidence=sight.confidence,
                verdict=sight.verdict,
                map_sha256=context.site.photo_store.put(sight.map_jpeg),
                regions=sight.regions,
                ms=sight.ms,
                fine_z=sight.fine_z,
                coarse_z=sight.coarse_z,
                whole_z=sight.whole_z,
                bulk_z=sight.bulk_z,
            )
            found = context.site.track_records.banded(context.site, context.part, as_seen)
            outputs.update(evidence(found), bands=bands.evidence(found), seen=as_seen.verdict.value, map=found.map_sha256)
        context.comparisons[index] = found
        return found


def evidence(found: Comparison | Unlike) -> dict[str, object]:
    """What a language model and the trail are told of a comparison."""
    if isinstance(found, Unlike):
        return {
            "photo": found.photo + 1,
            "part": found.part,
            "verdict": "not_judged",
            "unlike_the_part": True,
            "looks_like": found.looks_like,
        }
    return {
        "photo": found.photo + 1,
        "part": found.part,
        "verdict": found.verdict.value,
        "anomaly_score": round(found.anomaly_score, 4),
        "threshold": round(found.threshold, 4),
        "limits": [round(limit, 4) for limit in found.limits],
        "confidence": round(found.confidence, 4),
        "good_references": found.references,
        "false_alarm_rate": round(found.false_alarm_rate, 4),
        "too_few_references": found.too_few_references,
        "regions": len(found.regions),
    }


def use(context: Context, photo: int = 1) -> tuple[str, Comparison | Unlike]:
    """Compare one photo with good photos of its part.

    Use it for every question of whether a part is OK, good, defective or usable. Returns the verdict (ok, not_ok, or unsure: a person must
    look), the anomaly score (larger is stranger, above the threshold is not OK), and how sure the verdict is; or that the photo does
    not show this part at all, and which part it looks like. It does not name the kind of defect.
    """
    found = compare(context, context.photo_at(photo))
    return json.dumps(evidence(found)), found
