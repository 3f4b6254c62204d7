"""Whether a photo can show the named part at all, asked before any verdict: a bracket is no bad solar cell.

A strange defect must pass, so a photo is turned away only when it is unlike the good photos as a whole and everywhere at once, far beyond
what a defect does; sooner when it lies as far from every good photo as photos of different things do, or at another known part.
bench/domain.py measures how many real parts that turns away, and how many strangers pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from kenpin.storage import database, parts
from kenpin.storage.vocabulary import Language
from kenpin.tools.context import Context, as_reference_photos
from kenpin.tools.told import Told
from kenpin.tools.vision.sight import Recognition, RecognitionOutcome, Sight
from kenpin.tools.wording import Words

NAME = "domain"
# How far a photo's whole and its patches on average lie from good, summed, in spreads among good photos. Measured with four good photos of
# six things, on photos that nobody tests on: good 8.9 at most, the worst broken piece 16.7, other defects at most 14.4; other things 9.6
# (parts whose good photos vary much) to 40.
STRANGER = 17.0  # enough unless the photo is near a good one all the same: good photos that hardly differ make every tear a great way off
SUSPECT = 9.0  # enough with a second witness: the photo lies far from every good one, or at another known part
NEAR, FAR = -1.6, -1.0  # logarithm of 1 - cosine to the nearest good photo; the worst broken piece -1.05, other things -0.4 to -1.6
CLEARLY = 0.7  # by how much nearer another known part must be, in the same: half as far
TINY = 1e-6  # added before a logarithm


@dataclass(frozen=True, kw_only=True)
class Unlike:
    """A photo that does not show the part it is asked about."""

    photo: int  # index into the question's photos, from 0
    part: str  # the part asked about
    looks_like: str | None  # the known part that it looks like; None: none


def unlike(context: Context, index: int, sight: Sight) -> Unlike | None:
    """None when the photo may show the part. `sight`: how it compares with the part's good photos. Raises what the eye raises."""
    assert context.part is not None, "a photo is compared with a part"
    away, site, number = sight.whole_z + sight.bulk_z, context.site, context.part.number
    if away < SUSPECT:
        return None
    with context.recorded(NAME, {"photo": index, "part": number}, site.eye.model) as outputs:
        path = context.shown_path(index)
        with database.reading(site.engine) as conn:
            known = {part.number: as_reference_photos(part, site.photo_store) for part in parts.all_parts(conn) if part.good}
        own = dict(site.eye.recognise(path, {number: known[number]}).candidates)[number]
        seen = site.eye.recognise(path, known)
        is_unlike, is_other = decided(away, own, nearer(seen, number))
        outputs.update(away=round(away, 2), similarity=round(own, 4), nearest=[[name, round(s, 4)] for name, s in seen.candidates])
        outputs.update(unlike=is_unlike, looks_like=seen.part if is_other else None)
    return Unlike(photo=index, part=number, looks_like=seen.part if is_other else None) if is_unlike else None


def nearer(seen: Recognition, number: str) -> float | None:
    """Cosine to the nearest good photo of another part, where the photo is near that or several; None where near none."""
    nearest, similarity = seen.candidates[0]
    return similarity if nearest != number and seen.outcome is not RecognitionOutcome.NONE_NEAR else None


def decided(away: float, own: float, other: float | None) -> tuple[bool, bool]:
    """Whether a photo is something else than the part, and whether another part is what it is near instead.

    away: `whole_z` and `bulk_z` of its Sight, summed. own, other: cosine to the nearest good photo of this part, and of another one that
    it is near (see `nearer`).
    """
    is_other = away >= SUSPECT and other is not None and _distance(own) - _distance(other) >= CLEARLY
    is_unlike = (away >= STRANGER and _distance(own) > NEAR) or (away >= SUSPECT and _distance(own) > FAR)
    return is_other or is_unlike, is_other


def told(context: Context, language: Language) -> Told | None:
    """Which photos do not show the part, and what they look like; None when all may."""
    if not context.unlike:
        return None
    words, several = Words(language), len(context.question.photos) > 1
    said = []
    for found in context.unlike.values():
        one = words.unlike(found.part, found.looks_like)
        said.append(words.say("on_photo", photo=found.photo + 1, words=one) if several else one)
    likely = next((found.looks_like for found in context.unlike.values() if found.looks_like is not None), None)
    part = next(iter(context.unlike.values())).part
    help_line = words.say("unlike_help_other", other=likely) if likely is not None else words.say("unlike_help", part=part)
    return Told(headline=said[0], lines=(*said[1:], help_line))


def _distance(cosine: float) -> float:
    return math.log(max(1 - cosine, 0) + TINY)
