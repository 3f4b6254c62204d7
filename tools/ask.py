"""The tool `ask`: questions about one photo that have a short answer: is it there, where, how many, how large, which, what changed.

`sought` reads the question; what can be measured is measured with the other tools, and every number is one of theirs. What cannot be
measured goes to the larger model where there is one; else the answer says so, and says what can be asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from kenpin import prompts
from kenpin.storage import database, parts
from kenpin.storage.vocabulary import LabelText, Language, Opinion, Region, Verdict
from kenpin.tools import changes, second_opinion
from kenpin.tools.classify import can_classify, classify, known_kinds
from kenpin.tools.classify import evidence as classify_evidence
from kenpin.tools.classify import told as classify_told
from kenpin.tools.context import Context, as_reference_photos
from kenpin.tools.history import history
from kenpin.tools.label_fields import TEXT
from kenpin.tools.locate import locate
from kenpin.tools.propose import strangest
from kenpin.tools.read_label import read_label
from kenpin.tools.read_label import told as label_told
from kenpin.tools.second_opinion import Purpose
from kenpin.tools.sought import Kind, Sought, Thing, sought
from kenpin.tools.told import Told
from kenpin.tools.verify import PLACES
from kenpin.tools.wording import Words

NAME = "ask"
MOST_MARKED = 5  # regions that the eye marks on one photo (tools/vision/anomaly_map.py); so many may be more


class Arguments(BaseModel):
    question: str = Field(description="What is asked about the photos, in plain English or Japanese.")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question and what was found for it."""

    sought: Sought
    answered: bool  # False: nobody here can tell
    found: dict[str, Any]  # JSON


def ask(context: Context, question: str | None = None) -> Asked:
    """Find what is asked for; without `question`, by the words of the person. Asked once, then remembered.

    Raises CannotBeDoneError when the part must be known for it and is not, and what the eye raises.
    """
    wanted = _wanted(context) if question is None else sought(question, kinds=_kinds(context))
    with context.lock:
        for asked in context.asked:
            if asked.sought == wanted:
                return asked
        with context.recorded(NAME, {"kind": wanted.kind.value, "thing": wanted.thing.value, "places": sorted(wanted.places)}) as outputs:
            found = _FIND[wanted.kind](context, wanted)
            asked = Asked(sought=wanted, answered=found is not None, found=found or {})
            outputs.update(asked.found, answered=asked.answered)
        context.asked.append(asked)
        return asked


def needs_part(context: Context) -> bool:
    """Whether the person's question can only be answered against the part's good photos or its past."""
    wanted = _wanted(context)
    return wanted.kind in (Kind.SAME_AS_BEFORE, Kind.WHICH_KIND) or (wanted.kind in _OF_A_THING and wanted.thing is Thing.UNUSUAL)


def is_of_places(context: Context) -> bool:
    """Whether the person asks how many or how large the unusual places are, or about one place: more than where they are."""
    wanted = _wanted(context)
    counted = wanted.kind in (Kind.HOW_MANY, Kind.HOW_LARGE) or (wanted.kind in _OF_A_THING and bool(wanted.places))
    return counted and wanted.thing is Thing.UNUSUAL


def _wanted(context: Context) -> Sought:
    return sought(context.question.text, context.question.before, _kinds(context))


def _kinds(context: Context) -> tuple[str, ...]:
    """The part's kinds of defect, by which a photo of it can be told."""
    return known_kinds(context.part) if context.part is not None and can_classify(context.part) else ()


def evidence(asked: Asked) -> dict[str, Any]:
    return {"asked": asked.sought.kind.value, "answered": asked.answered, **asked.found}


def use(context: Context, question: str) -> tuple[str, Asked]:
    """Answer a short question about the photos from what can be measured.

    Use it for: is there anything unusual, a label or a code (at some place); how many or how large the unusual places are; which part this
    is; whether it is the same as before; what changed between two photos. `answered` is false when nothing here can tell.
    """
    asked = ask(context, question)
    return json.dumps(evidence(asked), ensure_ascii=False), asked


# --- finding ---------------------------------------------------------------------------------------------------------------------------

_OF_A_THING = (Kind.IS_THERE, Kind.HOW_MANY, Kind.HOW_LARGE, Kind.WHERE)
Found = dict[str, Any] | None


def _of_a_thing(context: Context, wanted: Sought) -> Found:
    return _unusual(context, wanted) if wanted.thing is Thing.UNUSUAL else _written(context, wanted)


def _unusual(context: Context, wanted: Sought) -> Found:
    photos = []
    for index in context.usable_photos():
        there = [r for r in locate(context, index) if not wanted.places or r.where in wanted.places]
        shares = [{"where": r.where, "percent_of_part": round(100 * r.area_of_part, 1)} for r in there]
        found: dict[str, Any] = {"photo": index + 1, "verdict": context.comparisons[index].verdict.value, "regions": shares}
        if there and wanted.defect in _kinds(context):
            found["kind"] = classify_evidence(classify(context, index))
        photos.append(found)
    return {"photos": photos}


def _written(context: Context, wanted: Sought) -> Found:
    """Lines of text or codes, and where on the photo the first one is."""
    photos = []
    for index in context.meant:
        texts = [one for one in read_label(context, index).texts if (one.format == TEXT) is (wanted.thing is Thing.TEXT)]
        photos.append(
            {"photo": index + 1, "count": len(texts), "formats": [one.format for one in texts], "where": [_third(t) for t in texts]}
        )
    return {"photos": photos}


def _third(text: LabelText) -> str:
    """Which of the nine places of the photo a line of text lies in."""
    across, down = (min(2, int(3 * sum(corner[axis] for corner in text.quad_xy) / len(text.quad_xy))) for axis in (0, 1))
    return PLACES[3 * max(0, down) + max(0, across)]


def _text(context: Context, wanted: Sought) -> Found:
    return {"fields": [{"kind": f.kind, "value": f.value} for index in context.meant for f in read_label(context, index).fields]}


def _kind(context: Context, wanted: Sought) -> Found:
    if context.part is None or not can_classify(context.part):
        return None
    return {"photos": [classify_evidence(classify(context, index)) for index in context.usable_photos()]}


def _which_part(context: Context, wanted: Sought) -> Found:
    site = context.site
    with database.reading(site.engine) as conn:
        good = {part.number: as_reference_photos(part, site.photo_store) for part in parts.all_parts(conn) if part.good}
    seen = [site.eye.recognise(context.shown_path(index), good) for index in range(len(context.question.photos))]
    return {
        "photos": [
            {
                "photo": index + 1,
                "part": one.part,
                "outcome": one.outcome.value,
                "nearest": [[number, round(similarity, 4)] for number, similarity in one.candidates[:3]],
            }
            for index, one in enumerate(seen)
        ]
    }


def _same(context: Context, wanted: Sought) -> Found:
    mine = {photo.sha256 for photo in context.question.photos}
    again = next((past for past in context.past if past.sha256 in mine), None)
    history(context)
    return {"same_photo_in": again.inspection_id if again else None, "similar": len(context.similar or ())}


def _changed(context: Context, wanted: Sought) -> Found:
    return {"changes": changes.evidence(changes.changes(context)), "photos": len(context.question.photos)}


def _open(context: Context, wanted: Sought) -> Found:
    """Only a larger model could tell; what it says is checked against what was measured before it is told."""
    if context.site.larger is None:
        return None
    opinions = [second_opinion.ask(context, index, Purpose.QUESTION) for index in context.meant]
    said = [one for one in opinions if isinstance(one, Opinion)]
    return {"opinions": len(said)} if said else None


_FIND: dict[Kind, Callable[[Context, Sought], Found]] = {
    Kind.IS_THERE: _of_a_thing,
    Kind.HOW_MANY: _of_a_thing,
    Kind.HOW_LARGE: _of_a_thing,
    Kind.WHERE: _of_a_thing,
    Kind.WHICH_PART: _which_part,
    Kind.WHICH_KIND: _kind,
    Kind.WHICH_TEXT: _text,
    Kind.SAME_AS_BEFORE: _same,
    Kind.WHAT_CHANGED: _changed,
    Kind.OPEN: _open,
}


# --- words -----------------------------------------------------------------------------------------------------------------------------


def told(context: Context, language: Language) -> Told | None:
    """The answers to all that was asked: the first one's headline, then the others as lines."""
    each = [told for asked in context.asked if (told := _TELL[asked.sought.kind](context, asked, _Say(language))) is not None]
    if not each:
        return None
    first, *others = each
    more = (line for other in others for line in (other.headline, *other.lines))
    return Told(headline=first.headline, lines=tuple(dict.fromkeys((*first.lines, *more))))


class _Say(Words):
    """The wordings of prompts/ask.*.txt beside those of every answer."""

    def here(self, name: str, **holes: object) -> str:
        return prompts.render(f"ask.{name}", self.language, **holes)

    def among(self, places: frozenset[str]) -> str:
        """The places a question means, by the one that stands for them: "left" for the three on the left."""
        return self.named_place(min(places, key=len))


def _tell_a_thing(context: Context, asked: Asked, say: _Say) -> Told:
    return _tell_unusual(context, asked, say) if asked.sought.thing is Thing.UNUSUAL else _tell_written(context, asked, say)


def _tell_written(context: Context, asked: Asked, say: _Say) -> Told:
    kind = "text" if asked.sought.thing is Thing.TEXT else "code"
    counts = sum(one["count"] for one in asked.found["photos"])
    if not counts:
        return Told(headline=say.here(f"{kind}_not_there"))
    first = next(one for one in asked.found["photos"] if one["count"])
    if asked.sought.kind is Kind.WHERE:
        headline = say.here(f"{kind}_where", place=say.named_place(first["where"][0]))
    elif asked.sought.kind is Kind.HOW_MANY:
        headline = say.here(f"{kind}_count", count=counts)
    else:
        headline = say.here("text_there", count=counts) if kind == "text" else say.here("code_there", codes=say.joined(first["formats"]))
    read = label_told(context, say.language)
    return Told(headline=headline, lines=(read.headline, *read.lines) if read is not None else ())


def _tell_text(context: Context, asked: Asked, say: _Say) -> Told:
    read = label_told(context, say.language)
    assert read is not None, "the label was read for it"
    return read


def _tell_kind(context: Context, asked: Asked, say: _Say) -> Told:
    told = classify_told(context, say.language)
    if told is not None:
        return told
    assert context.part is not None, "the part is settled before its kinds of defect are asked"
    holes = {"part": context.part.number}
    return Told(headline=say.say("no_classes", **holes), lines=(say.say("no_classes_help", **holes),))


def _tell_unusual(context: Context, asked: Asked, say: _Say) -> Told:
    decisive = strangest(context.comparisons)
    photos = len(context.comparisons)
    there = [r for r in decisive.regions if not asked.sought.places or r.where in asked.sought.places]
    kind = context.classified.get(decisive.photo) if there and asked.sought.defect in _kinds(context) else None
    headline = _unusual_headline(asked.sought, decisive.verdict, there, decisive.regions, say)
    if kind is not None and asked.sought.kind is Kind.IS_THERE and asked.sought.defect not in kind.plausible:
        perhaps = "perhaps_" if decisive.verdict is Verdict.UNSURE else ""
        headline = say.here(f"{perhaps}there_not_that", place=say.place(there[0]), defect=asked.sought.defect)
    lines = [say.sure(decisive)]
    lines += say.each_photo(tuple(context.comparisons[i] for i in sorted(context.comparisons))) if photos > 1 else ()
    lines += [say.regions(found, photos) for found in context.comparisons.values() if found.regions]
    if kind is not None and (named := classify_told(context, say.language)) is not None:
        lines += [named.headline, *named.lines]
    elif asked.sought.defect and there:
        lines.append(say.here("kind_unknown", defect=asked.sought.defect))
    return Told(headline=headline, lines=(*lines, say.compared(decisive, photos)))


def _unusual_headline(wanted: Sought, verdict: Verdict, there: list[Region], anywhere: tuple[Region, ...], say: _Say) -> str:
    perhaps = "perhaps_" if verdict is Verdict.UNSURE else ""
    if verdict is Verdict.OK:
        return say.here("not_there_at", place=say.among(wanted.places)) if wanted.places else say.here("not_there")
    if not anywhere:
        return say.here(f"{perhaps}whole")
    if not there:
        return say.here(f"{perhaps}elsewhere", place=say.among(wanted.places), where=say.place(anywhere[0]))
    if wanted.kind is Kind.HOW_MANY:
        count = len(there)
        name = "count_one" if count == 1 else "count_most" if len(anywhere) >= MOST_MARKED else "count_many"
        return say.here(f"{perhaps}{name}", place=say.place(there[0]), **({} if count == 1 else {"count": count}))
    if wanted.kind is Kind.HOW_LARGE:
        largest = max(there, key=lambda r: r.area_of_part)
        size = {"place": say.place(largest), "area": say.area(largest.area_of_part)}
        if len(there) == 1:
            return say.here(f"{perhaps}size_one", **size)
        return say.here(f"{perhaps}size_many", total=say.area(min(1.0, sum(r.area_of_part for r in there))), **size)
    if wanted.kind is Kind.WHERE:
        return say.here(f"{perhaps}where", place=say.listed(list(dict.fromkeys(say.place(r) for r in there[:3]))))
    return say.here(f"{perhaps}there", place=say.place(there[0]))


def _tell_which_part(context: Context, asked: Asked, say: _Say) -> Told:
    found = asked.found["photos"]
    recognised = list(dict.fromkeys(one["part"] for one in found if one["part"]))
    nearest = list(dict.fromkeys(number for one in found for number, _ in one["nearest"]))
    if len(recognised) == 1:
        others = [number for number in nearest if number != recognised[0]]
        lines = [say.here("part_next", parts=say.joined(others))] if others else []
        return Told(headline=say.here("part", part=recognised[0]), lines=(*lines, say.here("part_by")))
    if recognised:
        return Told(headline=say.say("ambiguous_photos", parts=say.joined(recognised)))
    if any(one["outcome"] == "several_near" for one in found):
        return Told(headline=say.here("part_several", parts=say.listed(nearest, "listed_or")), lines=(say.here("part_by"),))
    lines = [say.here("part_nearest", part=nearest[0])] if nearest else []
    return Told(headline=say.here("part_none"), lines=(*lines, say.say("not_recognised_new")))


def _tell_same(context: Context, asked: Asked, say: _Say) -> Told:
    assert context.part is not None, "the part is settled before the past is asked"
    mine = {photo.sha256 for photo in context.question.photos}
    similar = say.similar(context.similar or (), context.part.number, context.past_looked_at, context.asked_at)
    again = next((past for past in context.past if past.sha256 in mine), None)
    if again is not None:
        return Told(
            headline=say.here("same_photo", inspection=again.inspection_id, case=say.case(again, context.asked_at)), lines=(similar,)
        )
    return Told(headline=say.similar_headline(len(context.similar or ()), context.part.number), lines=(say.here("not_same_photo"), similar))


def _tell_changed(context: Context, asked: Asked, say: _Say) -> Told:
    found = changes.changes(context)
    if not found:
        return Told(headline=say.here("one_photo"), lines=(say.here("one_photo_help"),))
    worst = max(found, key=lambda c: (c.verdict is Verdict.NOT_OK, c.verdict is Verdict.UNSURE, c.score))
    if all(c.same_file for c in found):
        return Told(headline=say.here("changed_same_file"))
    perhaps = "perhaps_" if worst.verdict is Verdict.UNSURE else ""
    if worst.verdict is Verdict.OK:
        headline = say.here("changed_nothing")
    elif worst.regions:
        headline = say.here(f"{perhaps}changed", place=say.listed(list(dict.fromkeys(say.place(r) for r in worst.regions[:3]))))
    else:
        headline = say.here(f"{perhaps}changed_whole")
    lines = [say.here("changed_sizes", places=say.sizes(worst.regions))] if worst.regions else []
    score = say.here("changed_score", score=f"{worst.score:.2f}")
    return Told(headline=headline, lines=(*lines, score, say.here("changed_limits")))


def _tell_open(context: Context, asked: Asked, say: _Say) -> Told | None:
    if asked.answered:
        return None  # the larger model's words are told with its name, where all of them are
    return Told(headline=say.here("cannot"), lines=(say.say("can"),))


_TELL: dict[Kind, Callable[[Context, Asked, _Say], Told | None]] = {
    Kind.IS_THERE: _tell_a_thing,
    Kind.HOW_MANY: _tell_a_thing,
    Kind.HOW_LARGE: _tell_a_thing,
    Kind.WHERE: _tell_a_thing,
    Kind.WHICH_PART: _tell_which_part,
    Kind.WHICH_KIND: _tell_kind,
    Kind.WHICH_TEXT: _tell_text,
    Kind.SAME_AS_BEFORE: _tell_same,
    Kind.WHAT_CHANGED: _tell_changed,
    Kind.OPEN: _tell_open,
}
