"""Which part a question is about: named in its words, else hinted at by the thread, else read off a label, else recognised on the photo.

Names and hints are settled from the records alone, before anything is looked at. A part that was not named is said so in the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kenpin.storage import database, inspections, parts
from kenpin.storage.vocabulary import Part
from kenpin.tools import read_label
from kenpin.tools.context import Context, as_reference_photos
from kenpin.tools.label_fields import PART_NUMBER
from kenpin.tools.read_label import Disagreement
from kenpin.tools.vision.sight import Recognition, RecognitionOutcome, ReferencePhoto

PAST_PHOTOS = 200  # read of a part's past: enough to earn a confidence, few enough to read in a millisecond
MOST_NEAR = 3  # parts named when it may be several


class Standing(StrEnum):
    """How far it is known which part this is."""

    KNOWN = "known"  # `context.part` is the part
    UNHEARD_OF = "unheard_of"  # a number is named that nobody has added
    OPEN = "open"  # nothing is named; the photo was not asked yet
    NONE_NEAR = "none_near"  # the photo resembles no known part
    SEVERAL_NEAR = "several_near"  # it resembles several
    DIFFERENT = "different"  # the photos show different parts
    NO_PARTS = "no_parts"  # there is no part to resemble


@dataclass(frozen=True, kw_only=True)
class Which:
    """Which part the photos show, as far as it is known."""

    standing: Standing
    number: str | None = None  # of the part, known or unheard of
    near: tuple[str, ...] = ()  # parts it may be
    among: tuple[Part, ...] = ()  # parts to choose from, while it is open

    @property
    def known(self) -> tuple[str, ...]:
        """The numbers of parts that could have been recognised."""
        return tuple(part.number for part in self.among if part.good)


def named(context: Context, part_words: Sequence[str]) -> Which:
    """From the words and the thread alone. `part_words`: what looks like a part number. Puts the part and its past into the context."""
    question = context.question
    with database.reading(context.site.engine) as conn:
        numbers: Sequence[str] = parts.numbers_in(conn, question.text)
        if not numbers and part_words:
            return Which(standing=Standing.UNHEARD_OF, number=part_words[0])
        if not numbers and question.part_hint is not None:
            numbers = (question.part_hint,)
        found = tuple(part for number in numbers if (part := parts.find(conn, number)) is not None)
        if numbers and not found:
            return Which(standing=Standing.UNHEARD_OF, number=numbers[0])
        if len(found) != 1:
            return Which(standing=Standing.OPEN, among=found or parts.all_parts(conn), near=tuple(part.number for part in found))
    return _settled(context, found[0])


def on_label(context: Context, which: Which) -> Which:
    """From the labels that were read, when it is open and they name one part that is on record."""
    if which.standing is not Standing.OPEN:
        return which
    written = {field.value for reading in context.labels.values() for field in reading.fields if field.kind == PART_NUMBER}
    with database.reading(context.site.engine) as conn:
        found = {part.number: part for value in sorted(written) if (part := parts.find(conn, value)) is not None}
    if len(found) != 1:
        return which
    context.part_on_label = True
    return _settled(context, next(iter(found.values())))


def contradicted(context: Context) -> Disagreement | None:
    """Another part than this one, named by a label that was read."""
    if context.part is None or not context.labels:
        return None
    with database.reading(context.site.engine) as conn:
        known = parts.numbers(conn)
    each = (read_label.contradicts(context.part.number, reading, known) for reading in context.labels.values())
    return next((found for found in each if found is not None), None)


def recognised(context: Context, which: Which, photos: Sequence[int]) -> Which:
    """From the photos at these indices (from 0), when it is open. Raises what the eye raises."""
    if which.standing is not Standing.OPEN:
        return which
    good = {part.number: as_reference_photos(part, context.site.photo_store) for part in which.among if part.good}
    seen = [_look(context, index, good) for index in photos]
    found = tuple(dict.fromkeys(one.part for one in seen if one.part is not None))
    if len(found) == 1:
        context.recognised = True
        return _settled(context, next(part for part in which.among if part.number == found[0]))
    if found:
        return Which(standing=Standing.DIFFERENT, near=found, among=which.among)
    if near := _near(seen) or which.near:
        return Which(standing=Standing.SEVERAL_NEAR, near=near, among=which.among)
    return Which(standing=Standing.NONE_NEAR if good else Standing.NO_PARTS, among=which.among)


def _settled(context: Context, part: Part) -> Which:
    context.part = part
    with database.reading(context.site.engine) as conn:
        context.past = inspections.past_photos(conn, part.number, context.question.asked_at, PAST_PHOTOS)
    return Which(standing=Standing.KNOWN, number=part.number)


def _look(context: Context, index: int, good: dict[str, tuple[ReferencePhoto, ...]]) -> Recognition:
    photo = context.question.photos[index]
    inputs = {"photo": index, "photo_sha256": photo.sha256, "parts": sorted(good)}
    with context.recorded("recognise", inputs, context.site.eye.model) as outputs:
        seen = context.site.eye.recognise(context.shown_path(index), good)
        outputs.update(part=seen.part, outcome=seen.outcome.value, candidates=[[n, round(s, 4)] for n, s in seen.candidates])
    return seen


def _near(seen: Sequence[Recognition]) -> tuple[str, ...]:
    """The parts a photo may show, when it resembles several about equally."""
    for one in seen:
        if one.outcome is RecognitionOutcome.SEVERAL_NEAR:
            return tuple(number for number, _ in one.candidates[:MOST_NEAR])
    return ()
