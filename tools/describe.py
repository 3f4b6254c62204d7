"""The tool `describe`: an inspection note of a few sentences, in house wording, from what the other tools found.

Which part, what it was compared with, where and how large what differs is, which kind of defect it resembles, what its label says. Nothing
is described that no tool measured; with a larger model its caption follows as a quotation, once it was held against the same findings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from pydantic import BaseModel, Field

from kenpin import prompts
from kenpin.storage.vocabulary import Comparison, Language, Verdict
from kenpin.tools import classify, read_label, second_opinion
from kenpin.tools.compare import compare
from kenpin.tools.context import Context
from kenpin.tools.locate import locate
from kenpin.tools.second_opinion import Purpose
from kenpin.tools.told import Told
from kenpin.tools.wording import Words

NAME = "describe"
MOST_FIELDS = 4  # of a label in a note; read_label tells them all


class Arguments(BaseModel):
    photo: int = Field(default=1, description="Which photo of the question, counted from 1.")


def describe(context: Context, index: int) -> str:
    """The note on the photo at `index` (from 0), after looking with every tool that it can draw on. Raises what the eye raises."""
    with context.lock:
        part = context.part
        seen = compare(context, index) if part is not None and part.good and index in context.usable_photos() else None
        if part is not None and isinstance(seen, Comparison):
            locate(context, index)
            if classify.can_classify(part) and seen.verdict is not Verdict.OK:
                classify.classify(context, index)
        read_label.read_label(context, index)
        if context.site.larger is not None:
            second_opinion.ask(context, index, Purpose.DESCRIBE)
        with context.recorded(NAME, {"photo": index}) as outputs:
            words = " ".join(_sentences(context, index, _Note(context.language)))
            outputs.update(note=words)
        context.described[index] = words
        return words


def use(context: Context, photo: int = 1) -> tuple[str, str]:
    """Write a short inspection note on one photo, from what can be measured.

    Use it when somebody asks to describe the photo, or what is on it. Returns two or three sentences: part, what it was compared with,
    what differs and where, the kind of defect, the label.
    """
    note = describe(context, context.photo_at(photo))
    return json.dumps({"photo": photo, "note": note}, ensure_ascii=False), note


# --- words -----------------------------------------------------------------------------------------------------------------------------


def told(context: Context, language: Language) -> Told | None:
    """The notes: the first sentence of the first as the headline. None when nothing was described."""
    say, several = _Note(language), len(context.question.photos) > 1
    lines: list[str] = []
    for index in sorted(context.described):
        sentences = list(_sentences(context, index, say))
        lines += [say.say("on_photo", photo=index + 1, words=one) for one in sentences] if several else sentences
    return Told(headline=lines[0], lines=tuple(lines[1:])) if lines else None


class _Note(Words):
    def here(self, name: str, **holes: object) -> str:
        return prompts.render(f"describe.{name}", self.language, **holes)


def _sentences(context: Context, index: int, say: _Note) -> Iterator[str]:
    found = context.comparisons.get(index)
    if found is not None:
        yield _compared(found, say)
    elif index in context.unlike:
        yield say.unlike(context.unlike[index].part, context.unlike[index].looks_like)
    else:
        photo = context.question.photos[index]
        size = {"width": photo.width_px, "height": photo.height_px}
        yield say.here("not_compared", part=context.part.number, **size) if context.part else say.here("unknown_part", **size)
    if found is not None and found.regions and len(found.regions) > 1:
        yield say.here("places", places=say.sizes(found.regions))
    kind = context.classified.get(index)
    if kind is not None and found is not None and found.verdict is not Verdict.OK:
        shares = [
            say.here("share", kind=c.name, percent=min(99, round(100 * c.probability))) for c in kind.classes if c.name in kind.plausible
        ]
        yield say.here("kind", kinds=say.listed(shares, "listed_or")) if shares else say.here("no_known_kind")
    reading = context.labels.get(index)
    if reading is not None and reading.fields:
        values = dict.fromkeys((field.kind, field.value) for field in reading.fields)
        fields = [say.here(f"field_{name}", value=value) for name, value in list(values)[:MOST_FIELDS]]
        yield say.here("label", fields=say.joined(fields))
    elif reading is not None and reading.texts:
        yield say.here("text", lines=len(reading.texts))


def _compared(found: Comparison, say: _Note) -> str:
    common: dict[str, object] = {"part": found.part, "references": found.references}
    if found.verdict is Verdict.OK:
        return say.here("ok", **common)
    perhaps = "perhaps_" if found.verdict is Verdict.UNSURE else ""
    if not found.regions:
        return say.here(f"{perhaps}whole", **common)
    place = {"place": say.place(found.regions[0]), "area": say.area(found.regions[0].area_of_part)}
    if len(found.regions) == 1:
        return say.here(f"{perhaps}one", **place, **common)
    return say.here(f"{perhaps}many", count=len(found.regions), **place, **common)
