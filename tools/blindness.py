"""What a part's references let one see and what not, in words: from marks drawn on its own good photos and noticed or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kenpin.prompts import render
from kenpin.storage.vocabulary import ExpectedSight, Language
from kenpin.tools.context import Eye
from kenpin.tools.vision.sight import ReferencePhoto
from kenpin.tools.wording import Words

NOTICED_FROM = 2 / 3  # of the tries, in this size and every larger one: seen


def found_out(eye: Eye, good: Sequence[ReferencePhoto], wanted: Callable[[], bool] = lambda: True) -> tuple[ExpectedSight, ...] | None:
    """Draws and looks until every mark was tried, a look at a time, so that questions are answered in between.

    wanted: asked before each look; None as soon as it says no. Raises a VisionError.
    """
    while wanted():
        tried = eye.expectation(good)
        if tried.done == tried.of:
            return tried.sights
    return None


def told(expected: Sequence[ExpectedSight], language: Language) -> tuple[str, ...]:
    """What is seen, what is not, and how that was found out; a sentence each. For no tries: that one photo says nothing."""
    if not expected:
        return (render("blindness.one_photo", language),)
    words = Words(language)
    seen, unseen = [], []
    for kind in dict.fromkeys(one.kind for one in expected):
        name = render(f"blindness.{kind}", language)
        smallest = smallest_seen([one for one in expected if one.kind == kind])
        largest = max(one.area_of_part for one in expected if one.kind == kind)
        if smallest is None:
            unseen.append(render("blindness.unseen_kind", language, kind=name, size=_percent(largest)))
        else:
            seen.append(render("blindness.seen_kind", language, kind=name, size=_percent(smallest)))
    lines = [render("blindness.seen", language, kinds=words.listed(seen))] if seen else []
    if unseen:
        lines.append(render("blindness.unseen", language, kinds=words.listed(unseen)))
    tried = max(one.tried for one in expected)
    return (*lines, render("blindness.how", language, photos=tried))


def smallest_seen(of_one_kind: Sequence[ExpectedSight]) -> float | None:
    """The smallest area (share of the part) from which on marks of this kind are noticed; None when not even the largest is."""
    smallest = None
    for one in sorted(of_one_kind, key=lambda one: -one.area_of_part):
        if one.noticed < NOTICED_FROM * one.tried:
            break
        smallest = one.area_of_part
    return smallest


def _percent(share: float) -> str:
    return f"{100 * share:g}"
