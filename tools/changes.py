"""What differs between two photos: the earlier one serves as the only good photo, and the later one is compared with it.

One photo says little about what may vary, so what is found is told as a difference, not as a defect: another angle or other light differs
as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kenpin.storage.vocabulary import Photo, Region, Verdict
from kenpin.tools.context import Context
from kenpin.tools.errors import CannotBeDoneError
from kenpin.tools.vision.sight import ReferencePhoto


@dataclass(frozen=True, kw_only=True)
class Change:
    """One photo held against an earlier one."""

    photo: int  # index into the question's photos, from 0
    before: Photo
    same_file: bool  # it is the very same photo
    verdict: Verdict  # not OK: it differs; unsure: perhaps; OK: no difference stands out
    score: float  # larger differs more; above 1.0 it differs
    regions: tuple[Region, ...]  # where, strongest first
    map_sha256: str | None


def changes(context: Context) -> tuple[Change, ...]:
    """Each photo of the question but the first against the first; a single one against the newest earlier photo of the thread.

    Raises CannotBeDoneError when there is no second photo, and what the eye raises.
    """
    with context.lock:
        if context.changes is None:
            context.changes = tuple(_change(context, index, before) for index, before in _pairs(context))
        return context.changes


def possible(context: Context) -> bool:
    return bool(_pairs(context))


def evidence(found: tuple[Change, ...]) -> list[dict[str, Any]]:
    return [
        {
            "photo": c.photo + 1,
            "same_file": c.same_file,
            "verdict": c.verdict.value,
            "score": round(c.score, 4),
            "regions": [{"where": r.where, "percent_of_part": round(100 * r.area_of_part, 1)} for r in c.regions],
        }
        for c in found
    ]


def _pairs(context: Context) -> list[tuple[int, Photo]]:
    photos = context.question.photos
    if len(photos) > 1:
        return [(index, photos[0]) for index in range(1, len(photos))]
    return [(0, context.question.earlier_photos[-1])] if photos and context.question.earlier_photos else []


def _change(context: Context, index: int, before: Photo) -> Change:
    photo = context.question.photos[index]
    if photo.sha256 == before.sha256:
        return Change(photo=index, before=before, same_file=True, verdict=Verdict.OK, score=0.0, regions=(), map_sha256=None)
    site = context.site
    if not site.photo_store.has(before.shown_sha256):
        raise CannotBeDoneError("The earlier photo was erased, so nothing can be compared with it; ask the person to post it again.")
    with context.recorded("changes", {"photo": index, "photo_sha256": photo.sha256, "before": before.sha256}, site.eye.model) as outputs:
        reference = ReferencePhoto(sha256=before.shown_sha256, path=site.photo_store.path(before.shown_sha256))
        sight = site.eye.compare(context.shown_path(index), (reference,))
        found = Change(
            photo=index,
            before=before,
            same_file=False,
            verdict=sight.verdict,
            score=sight.anomaly_score,
            regions=sight.regions,
            map_sha256=site.photo_store.put(sight.map_jpeg),
        )
        outputs.update(evidence((found,))[0], map=found.map_sha256)
    return found
