"""The tool `classify`: which of its part's known defects a photo shows, learnt from the part's labelled photos.

It answers with every class that is plausible at a chosen coverage, so with "A or B" where the photos do not say more, and with none where
none fits. It never says whether a part is OK: that is for `compare` alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from kenpin import prompts
from kenpin.storage.vocabulary import GOOD, Classified, ClassShare, Language, Part, Verdict
from kenpin.tools.context import Context, as_reference_photos
from kenpin.tools.errors import CannotBeDoneError
from kenpin.tools.told import Told
from kenpin.tools.vision.sight import ASSUMED, MOST_LABELLED, ReferencePhoto

NAME = "classify"
LEAST_SHOWN = 0.05  # a class less probable than this is not worth a person's time
MOST_SHOWN = 3
_MOST_SURE = 99  # percent; no judgement is certain


class Arguments(BaseModel):
    photo: int = Field(default=1, description="Which photo of the question, counted from 1.")


def classify(context: Context, index: int) -> Classified:
    """The classes of the photo at `index` (from 0); made once, then remembered.

    Raises CannotBeDoneError when the part is not known or has too few labelled photos, and what the eye raises.
    """
    with context.lock:
        if index in context.classified:
            return context.classified[index]
        photo = context.question.photos[index]
        coverage = context.site.coverage
        inputs = {"photo": index, "photo_sha256": photo.sha256, "part": context.part and context.part.number, "coverage": coverage}
        with context.recorded(NAME, inputs, context.site.eye.model) as outputs:
            part, labelled = _labelled(context)
            good = as_reference_photos(part, context.site.photo_store)
            seen = context.site.eye.classify(context.shown_path(index), labelled, good, coverage)
            found = Classified(
                photo=index,
                part=part.number,
                classes=tuple(ClassShare(name=name, probability=share) for name, share in seen.shares),
                plausible=seen.plausible,
                coverage=seen.coverage,
                labelled=seen.labelled,
                basis=seen.basis,
                ms=seen.ms,
            )
            outputs.update(evidence(found))
            outputs["references"] = {name: [reference.sha256 for reference in several] for name, several in labelled.items()}
        context.classified[index] = found
        return found


def can_classify(part: Part) -> bool:
    """Whether the part has photos enough: of two defect classes, or of one and good ones."""
    return len(_classes(part)) + bool(part.good) >= 2 and bool(_classes(part))


def known_kinds(part: Part) -> tuple[str, ...]:
    """The part's kinds of defect, as its photos are labelled."""
    return tuple(_classes(part))


def evidence(found: Classified) -> dict[str, Any]:
    """What a language model and the trail are told of a classification."""
    return {
        "photo": found.photo + 1,
        "part": found.part,
        "classes": {share.name: round(share.probability, 4) for share in found.classes},
        "plausible": list(found.plausible),
        "coverage": round(found.coverage, 4),
        "labelled_photos": found.labelled,
        "basis": found.basis,
    }


def use(context: Context, photo: int = 1) -> tuple[str, Classified]:
    """Name the kind of defect on one photo, among the defect classes this part has labelled photos of.

    Use it for questions of which kind of defect it is, or what it looks like. Returns a probability for each known class, and the
    plausible classes: one, several when the photo does not tell them apart, or none when it is like no known defect. It does not say
    whether the part is OK.
    """
    found = classify(context, context.photo_at(photo))
    return json.dumps(evidence(found), ensure_ascii=False), found


# --- what it was learnt from ---------------------------------------------------------------------------------------------------------


def _classes(part: Part) -> dict[str, int]:
    """Defect class -> its photos, in the order in which the classes came in."""
    counts: dict[str, int] = {}
    for reference in part.references:
        if reference.state != GOOD:
            counts[reference.state] = counts.get(reference.state, 0) + 1
    return counts


def _labelled(context: Context) -> tuple[Part, Mapping[str, Sequence[ReferencePhoto]]]:
    part = context.part
    if part is None:
        raise CannotBeDoneError("It is not known which part this is; ask the person for the part number.")
    if not can_classify(part):
        only = next(iter(_classes(part)), None)
        name = "" if only is None else f" but those of {only!r}, and no good ones to tell them from"
        raise CannotBeDoneError(
            f"Part {part.number} has no labelled photos of defects{name}. Ask the person for some, of each kind of defect: posted with "
            f"`@kenpin reference {part.number} scratch`, or added with `kenpin parts add {part.number} --bad scratch=FOLDER`."
        )
    store = context.site.photo_store
    labelled: dict[str, list[ReferencePhoto]] = {name: [] for name in _classes(part)}
    for reference in part.references:
        if reference.state != GOOD:
            labelled[reference.state].append(ReferencePhoto(sha256=reference.shown_sha256, path=store.path(reference.shown_sha256)))
    return part, labelled


# --- words ---------------------------------------------------------------------------------------------------------------------------


def told(context: Context, language: Language) -> Told | None:
    """What was found, in words. None when no photo was classified."""
    if not context.classified or context.part is None:
        return None
    each = [context.classified[index] for index in sorted(context.classified)]
    many = len(context.question.photos) > 1
    headlines = [_on_photo(one, _headline(one, language), many, language) for one in each]
    lines = headlines[1:]
    for one in each:
        if one.classes and not one.plausible and len(one.classes) > 1:
            lines.append(_on_photo(one, _say("nearest", language, defect=one.classes[0].name, part=one.part), many, language))
        compared = context.comparisons.get(one.photo)
        if compared is not None and compared.verdict is Verdict.OK:
            lines.append(_on_photo(one, _say("nothing_unusual", language, part=one.part), many, language))
    lines.append(_learnt(context.part, each[0], language))
    name = "coverage_assumed" if each[0].basis == ASSUMED else "coverage"
    lines.append(_say(name, language, percent=round(100 * each[0].coverage), part=each[0].part))
    return Told(headline=headlines[0], lines=tuple(lines))


def _headline(found: Classified, language: Language) -> str:
    first, plausible = found.classes[0].name, found.plausible
    if len(found.classes) == 1:
        return _say("headline_alone" if plausible else "headline_not_alone", language, defect=first, part=found.part)
    if not plausible:
        return _say("headline_none", language, part=found.part)
    shares = _shares(found, language)
    if len(plausible) == 1:
        return _say("headline_one", language, defect=plausible[0], part=found.part, shares=shares)
    if len(plausible) == len(found.classes) > 2:
        return _say("headline_any", language, count=len(plausible), part=found.part, shares=shares)
    quoted = [_say("quoted", language, defect=name) for name in plausible]
    names = _say("listed_or", language, first=_joined(quoted[:-1], language), last=quoted[-1])
    return _say("headline_several", language, names=names, part=found.part, shares=shares)


def _shares(found: Classified, language: Language) -> str:
    """The plausible classes and the most probable ones, most probable first."""
    shown = [share for share in found.classes[:MOST_SHOWN] if share.probability >= LEAST_SHOWN or share.name in found.plausible]
    told = [_say("share", language, defect=one.name, percent=min(_MOST_SURE, round(100 * one.probability))) for one in shown]
    return _joined(told, language)


def _learnt(part: Part, found: Classified, language: Language) -> str:
    counts = [_say("class_count", language, defect=name, count=min(MOST_LABELLED, count)) for name, count in _classes(part).items()]
    classes = _joined(counts, language)
    if found.labelled == 1:
        return _say("learnt_one", language, part=part.number, classes=classes)
    return _say("learnt", language, count=found.labelled, part=part.number, classes=classes)


def _on_photo(found: Classified, words: str, many: bool, language: Language) -> str:
    return _say("on_photo", language, photo=found.photo + 1, words=words) if many else words


def _joined(items: Sequence[str], language: Language) -> str:
    mark = _say("separator", language)
    return (mark if language is Language.JA else f"{mark} ").join(items)


def _say(name: str, language: Language, **holes: object) -> str:
    return prompts.render(f"{NAME}.{name}", language, **holes)
