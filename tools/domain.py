"""Whether a photo can show the named part at all, asked before any verdict: a bracket is no bad solar cell.

A strange defect must pass, so a photo is turned away only when it is unlike the good photos as a whole and everywhere at once, far beyond
what a defect does; sooner when another known part explains it. The doubt of a photo that is still recognised as the part is the part's.
bench/domain.py measures how many real parts that turns away, and how many strangers pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from kenpin.storage import database, parts
from kenpin.storage.vocabulary import Language
from kenpin.tools.context import Context, as_reference_photos
from kenpin.tools.told import Told
from kenpin.tools.vision.sight import Sight
from kenpin.tools.wording import Words

NAME = "domain"
# Of the sum of how far a photo's whole and its patches on average lie from good, in spreads among good photos. Measured with four good
# photos of six things (photos nobody tests on): the worst broken piece 16.7, a defective solar cell at most 14.4; other things 18.6 and up,
# but for steel sheets taken for solar cells (10 to 18).
STRANGER = 17.0  # no known part needs to be named
SUSPECT = 9.0  # enough where it looks like another known part instead
CLEARLY = 0.7  # by how much nearer that part must be, in the logarithm of 1 - cosine: half as far
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
        with database.reading(site.engine) as conn:
            known = {part.number: as_reference_photos(part, site.photo_store) for part in parts.all_parts(conn) if part.good}
        seen = site.eye.recognise(context.shown_path(index), known)
        other = seen.part if seen.part != number else None
        if other is not None and _distance(dict(seen.candidates), number) - _distance(dict(seen.candidates), other) < CLEARLY:
            other = None
        outputs.update(away=round(away, 2), looks_like=other, nearest=[[name, round(s, 4)] for name, s in seen.candidates])
    if other is None and (away < STRANGER or seen.part == number):
        return None
    return Unlike(photo=index, part=number, looks_like=other)


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


def _distance(candidates: dict[str, float], number: str) -> float:
    """Logarithm of 1 - cosine; a part that is not among the nearest few is as far as the furthest of them."""
    return math.log(max(1 - candidates.get(number, min(candidates.values())), 0) + TINY)
