"""The photo-quality gate: is a photo good enough for a verdict? Asked before any, so that nobody is told OK of a photo nobody could judge.

A photo is held against the part's own good photos wherever there are some, and against a fixed number only where it is extreme: what is
dark or soft for one part is how another one always looks. In doubt a photo passes: the score and the person still come after, and a good
photo refused is a person who takes it twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING

from kenpin import prompts
from kenpin.storage.vocabulary import Language, QualityProblem
from kenpin.tools.context import Context
from kenpin.tools.told import Told
from kenpin.tools.wording import Words

if TYPE_CHECKING:
    from kenpin.tools.vision.shot import Shot

NAME = "quality"
DARK, BRIGHT, BLURRED, CUT_OFF, SMALL = "dark", "bright", "blurred", "cut_off", "small"

# Chosen on real photos of bench/quality.py's training roles, made dark, bright, blurred, cut and small; docs/benchmarks.md has the rates.
MOST_REFERENCES = 16  # looked at; more say little more
DARKER = 0.5  # of the darkest good photo's brightness
DARK_ALONE = 40.0  # brightness, without good photos
LITTLE_CONTRAST = 45.0  # grey levels; a dark photo with more than this still shows the part, as one of a dead solar cell does
MORE_BLOWN = 0.5  # of all pixels, above what good photos have
BLOWN_ALONE = 0.9
SOFTER = 0.12  # above where one good photo in a thousand lies: a large defect with soft edges softens a photo, too
BLUR_ALONE = 0.72
FEWEST_TO_SPREAD = 4  # good photos that say how much a part's sharpness varies
TOUCHING = 0.6  # of the part's size: a disc cut by about a tenth
MORE_TOUCHING = 0.2  # above what good photos have
SMALLER = 0.25  # of the median good photo, in pixels
SMALL_ALONE_PX = 64  # without good photos; fewer show no more than a shape
LARGE_ENOUGH_PX = 224  # half of what the network looks at is no reason to refuse

# Student's t with so many degrees of freedom, exceeded by one in a thousand.
_T_999 = {3: 10.21, 4: 7.17, 5: 5.89, 6: 5.21, 7: 4.79, 8: 4.50, 9: 4.30, 10: 4.14, 11: 4.02, 12: 3.93, 13: 3.85, 14: 3.79, 15: 3.73}


def gate(context: Context, index: int) -> tuple[QualityProblem, ...]:
    """What is wrong with the photo at `index` (from 0), nothing if it is good enough; checked once, then remembered.

    Raises PhotoUnreadableError.
    """
    with context.lock:
        if index in context.quality:
            return context.quality[index]
        good = context.part.good if context.part is not None else ()
        inputs = {"photo": index, "photo_sha256": context.question.photos[index].sha256, "part": context.part and context.part.number}
        with context.recorded(NAME, inputs) as outputs:
            store = context.site.photo_store
            references = [store.path(reference.shown_sha256) for reference in good if store.has(reference.shown_sha256)]
            found = check(context.shown_path(index), references, photo=index)
            problems = [{"kind": one.kind, "measured": round(one.measured, 3), "limit": round(one.limit, 3)} for one in found]
            outputs.update(problems=problems, references=min(len(references), MOST_REFERENCES))
        context.quality[index] = found
        return found


def check(path: Path, references: Sequence[Path] = (), *, photo: int = 0) -> tuple[QualityProblem, ...]:
    """What is wrong with one photo, worst first. references: good photos of the part; without any only what is extreme counts.

    Raises PhotoUnreadableError.
    """
    # Only here: OpenCV takes a while to load, and not every question has a photo.
    from kenpin.tools.vision import photo as photos
    from kenpin.tools.vision import shot

    good = tuple(_spread(references))
    seen, like = shot.look(path), [shot.look(one) for one in good]
    problems = [
        QualityProblem(photo=photo, kind=kind, measured=measured, limit=limit)
        for kind, measured, limit in (*_light(seen, like), *_sharpness(seen, like), *_size(seen, like))
    ]
    if not problems and (frame := shot.frame(good)) is not None:
        touched, limit = frame.touched(photos.read(path)), max(TOUCHING, frame.touching + MORE_TOUCHING)
        if touched > limit:
            problems.append(QualityProblem(photo=photo, kind=CUT_OFF, measured=touched, limit=limit))
    return tuple(problems)


def _spread(references: Sequence[Path]) -> Iterator[Path]:
    """At most MOST_REFERENCES of them, from the oldest to the newest."""
    count = min(len(references), MOST_REFERENCES)
    yield from (references[at * len(references) // count] for at in range(count))


def _light(seen: Shot, like: Sequence[Shot]) -> Iterator[tuple[str, float, float]]:
    darkest = DARKER * min(one.brightness for one in like) if like else DARK_ALONE
    if seen.brightness < darkest and seen.contrast < LITTLE_CONTRAST:
        yield DARK, seen.brightness, darkest
    most_blown = max(one.blown for one in like) + MORE_BLOWN if like else BLOWN_ALONE
    if seen.blown > most_blown:
        yield BRIGHT, seen.blown, most_blown


def _sharpness(seen: Shot, like: Sequence[Shot]) -> Iterator[tuple[str, float, float]]:
    """At each scale that this photo and the good ones have; where it is too soft at both, where it is more so.

    The larger scale finds a little blur. One so large that only the steps between grey levels are left is found at the smaller one.
    """
    found = []
    for side, blur in seen.blur.items():
        theirs = [one.blur[side] for one in like if side in one.blur]
        limit = BLUR_ALONE
        if len(theirs) >= FEWEST_TO_SPREAD:
            # A prediction interval for one more photo like these: Student's t, one in a thousand above.
            t = _T_999[len(theirs) - 1]
            limit = fmean(theirs) + t * stdev(theirs) * (1 + 1 / len(theirs)) ** 0.5 + SOFTER
        if blur > limit:
            found.append((BLURRED, blur, limit))
    if found:
        yield max(found, key=lambda one: one[1] - one[2])


def _size(seen: Shot, like: Sequence[Shot]) -> Iterator[tuple[str, float, float]]:
    """The part's length where the good photos show it on a bench, else the photo's: a stain is no part on a bench."""
    parts = [one.part_px for one in like if one.part_px is not None]
    long_px, theirs = seen.photo_px, [one.photo_px for one in like]
    if seen.part_px is not None and 2 * len(parts) > len(like):
        long_px, theirs = seen.part_px, parts
    limit = min(SMALLER * median(theirs), float(LARGE_ENOUGH_PX)) if theirs else float(SMALL_ALONE_PX)
    if long_px < limit:
        yield SMALL, float(long_px), limit


# --- words ---------------------------------------------------------------------------------------------------------------------------


def told(context: Context, language: Language) -> Told | None:
    """What is wrong with each photo that is not good enough, as measured, and how to take a better one; None without such a photo."""
    refused = [context.quality[index] for index in sorted(context.quality) if context.quality[index]]
    if not refused:
        return None
    count = len(context.question.photos)
    sentences = [_refusal(problems, count, language) for problems in refused]
    kinds = dict.fromkeys(problem.kind for problems in refused for problem in problems)
    return Told(headline=sentences[0], lines=(*sentences[1:], *(_say(f"advice_{kind}", language) for kind in kinds)))


def _refusal(problems: Sequence[QualityProblem], photos: int, language: Language) -> str:
    why = Words(language).listed([_why(problem, language) for problem in problems])
    if photos == 1:
        return _say("refused", language, why=why)
    return _say("refused_one_of_many", language, photo=problems[0].photo + 1, count=photos, why=why)


def _why(problem: QualityProblem, language: Language) -> str:
    def number(value: float) -> str:
        return f"{100 * value:.0f}" if problem.kind in (BRIGHT, CUT_OFF) else f"{value:.2f}" if problem.kind == BLURRED else f"{value:.0f}"

    return _say(f"why_{problem.kind}", language, measured=number(problem.measured), limit=number(problem.limit))


def _say(name: str, language: Language, **holes: object) -> str:
    return prompts.render(f"quality.{name}", language, **holes)
