"""The tool `reason`: what likely caused what a photo shows, how grave it is and what to check next, from the site's FMEA table.

It looks nothing up in a photo and guesses nothing: it picks the table's rows that fit what other tools found, puts the riskiest first and
cites each by its number. Ask `classify` before it: a row is found by the class of the defect, and without one all of a part's classes are
equally likely.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from kenpin import prompts
from kenpin.storage import failure_modes
from kenpin.storage.database import reading
from kenpin.storage.failure_modes import ANY_CLASS, NO_CLASSES, REGION, WHOLE, folded_class, rpn
from kenpin.storage.vocabulary import ANY_PART, FailureMode, Language, Verdict
from kenpin.tools.context import Context
from kenpin.tools.errors import CannotBeDoneError
from kenpin.tools.told import Told
from kenpin.tools.wording import Words

NAME = "reason"
GENERAL = 0.5  # how well a row for any defect fits: it says less of this one than a row for its class; chosen, and told in docs/rules.md
MOST_CITED = 5  # to a language model
MOST_OTHERS = 2  # told after the first; the whole table is one command away
_STRANGE = {Verdict.NOT_OK, Verdict.UNSURE}
_FEWEST_LETTERS = 2  # of a class name that is looked for in a question: one letter is in every sentence


class Basis(StrEnum):
    """What the rows were picked by."""

    CLASSES = "classes"  # the defect classes that the photos may show
    NO_KNOWN_CLASS = "no_known_class"  # the photos show none of the classes that are known
    QUESTION = "question"  # a defect class that the question names
    FINDINGS = "findings"  # something is strange; of which class, nobody has said
    NOTHING_STRANGE = "nothing_strange"  # nothing is
    TABLE = "table"  # nobody has looked at a photo: every row


@dataclass(frozen=True, kw_only=True)
class _Sought:
    """What a row is held against."""

    basis: Basis
    classes: Mapping[str, float]  # folded defect class -> how likely it is what the photos show
    general: frozenset[str]  # which of NO_CLASSES hold


class Arguments(BaseModel):
    pass


def reason(context: Context) -> tuple[FailureMode, ...]:
    """The rows that fit, by risk priority number times how well they fit; looked up once, then remembered.

    Raises CannotBeDoneError when the part is not known.
    """
    with context.lock:
        if context.failure_modes is not None:
            return context.failure_modes
        with context.recorded(NAME, {"part": context.part and context.part.number}) as outputs:
            if context.part is None:
                raise CannotBeDoneError("It is not known which part this is; ask the person for the part number.")
            with reading(context.site.engine) as conn:
                rows = failure_modes.of_part(conn, context.part.number)
            sought = _sought(context, rows)
            fitting = sorted(((_fit(row, sought), row) for row in rows), key=_riskiest_first)
            context.failure_modes = tuple(row for fit, row in fitting if fit > 0)
            outputs.update(_cited(fitting), basis=sought.basis.value, classes=dict(sought.classes), rows_on_record=len(rows))
        return context.failure_modes


def evidence(context: Context) -> dict[str, Any]:
    """What a language model and the trail are told: the rows that fit best, and what they were picked by."""
    return dict(_last_look(context))


def use(context: Context) -> tuple[str, tuple[FailureMode, ...]]:
    """Look up what likely caused a defect, what it leads to, how grave it is and what to check next, in the site's FMEA table.

    Use it for questions about causes, risks, effects and countermeasures, after compare and, where it can be done, classify. Returns the
    rows that fit, riskiest first. They are what the site knows, not something seen in the photo: cite each by its row number, and mark
    whatever you add as your own guess. It returns no row when the table has none for this.
    """
    found = reason(context)
    return json.dumps(evidence(context), ensure_ascii=False), found


# --- which rows fit ------------------------------------------------------------------------------------------------------------------


def _sought(context: Context, rows: Sequence[FailureMode]) -> _Sought:
    named = _named_in(context.question.text, rows)
    strange = [found for found in context.comparisons.values() if found.verdict in _STRANGE]
    general = {ANY_CLASS} | {REGION for found in strange if found.regions} | {WHOLE for found in strange if not found.regions}
    if strange or not context.comparisons:
        likely: dict[str, float] = {}
        for photo in context.classified.values():
            for share in photo.classes:
                if share.name in photo.plausible:
                    name = folded_class(share.name)
                    likely[name] = max(likely.get(name, 0.0), share.probability)
        if likely:
            return _Sought(basis=Basis.CLASSES, classes=likely, general=frozenset(general))
        if context.classified and not named:
            return _Sought(basis=Basis.NO_KNOWN_CLASS, classes={}, general=frozenset(general))
    if named:
        return _Sought(basis=Basis.QUESTION, classes=dict.fromkeys(named, 1.0), general=frozenset({ANY_CLASS}))
    if not context.comparisons:
        return _Sought(basis=Basis.TABLE, classes=dict.fromkeys(_classes(rows), 1.0), general=frozenset(NO_CLASSES))
    if not strange:
        return _Sought(basis=Basis.NOTHING_STRANGE, classes={}, general=frozenset())
    classes = _classes(rows)
    return _Sought(basis=Basis.FINDINGS, classes=dict.fromkeys(classes, 1 / max(1, len(classes))), general=frozenset(general))


def _classes(rows: Sequence[FailureMode]) -> tuple[str, ...]:
    """The defect classes that rows are for, folded, in their order."""
    return tuple(dict.fromkeys(name for row in rows if (name := folded_class(row.defect_class)) not in NO_CLASSES))


def _named_in(question: str, rows: Sequence[FailureMode]) -> tuple[str, ...]:
    words = folded_class(question)
    return tuple(name for name in _classes(rows) if len(name) >= _FEWEST_LETTERS and name in words)


def _fit(row: FailureMode, sought: _Sought) -> float:
    name = folded_class(row.defect_class)
    if name in NO_CLASSES:
        return GENERAL if name in sought.general else 0.0
    return sought.classes.get(name, 0.0)


def _riskiest_first(fitting: tuple[float, FailureMode]) -> tuple[float, bool, int]:
    """Of equal ones the part's own rows come before those of every part."""
    fit, row = fitting
    return -fit * rpn(row), row.part == ANY_PART, row.row


def _cited(fitting: Sequence[tuple[float, FailureMode]]) -> dict[str, Any]:
    rows = [
        {
            "part": row.part,
            "row": row.row,
            "defect_class": row.defect_class,
            "failure_mode": row.failure_mode,
            "effect": row.effect,
            "cause": row.cause,
            "severity": row.severity,
            "occurrence": row.occurrence,
            "detection": row.detection,
            "rpn": rpn(row),
            "fit": round(fit, 4),
            "action": row.recommended_action,
        }
        for fit, row in fitting
        if fit > 0
    ]
    return {"source": "the site's FMEA table; not seen in the photo", "rows": rows[:MOST_CITED], "rows_that_fit": len(rows)}


def _last_look(context: Context) -> Mapping[str, Any]:
    """What the call that found `context.failure_modes` put on the trail."""
    return next(entry.outputs for entry in reversed(context.trail) if entry.tool == NAME and "basis" in entry.outputs)


# --- words ---------------------------------------------------------------------------------------------------------------------------


def told(context: Context, language: Language) -> Told | None:
    """The likeliest cause and what follows, or why there is none. None when nobody has asked."""
    if context.failure_modes is None or context.part is None:
        return None
    look = _last_look(context)
    number = context.part.number
    if not context.failure_modes:
        if look["basis"] == Basis.NOTHING_STRANGE:
            return Told(headline=_say("nothing_strange", language))
        if not look["rows_on_record"]:
            return Told(headline=_say("no_table", language, part=number), lines=(_say("how_to_import", language),))
        names = _listed(look["classes"], context, language)
        headline = _say("no_row_for", language, part=number, classes=names) if names else _say("no_row", language, part=number)
        return Told(headline=headline, lines=(_say("how_to_add", language),))
    first, *others = context.failure_modes
    cited = {"row": first.row, "cause": _bare(first.cause)}
    headline = _say("cause_any_part", language, **cited) if first.part == ANY_PART else _say("cause", language, part=number, **cited)
    return Told(headline=headline, lines=tuple(_lines(context, first, others, look, language)))


def _lines(
    context: Context, first: FailureMode, others: Sequence[FailureMode], look: Mapping[str, Any], language: Language
) -> Iterator[str]:
    common = {"mode": _bare(first.failure_mode), "severity": first.severity}
    if first.effect:
        yield _say("effect", language, effect=_bare(first.effect), **common)
    else:
        yield _say("no_effect", language, **common)
    if first.recommended_action:
        yield _say("check_next", language, action=_bare(first.recommended_action))
    if others:
        told = [_say("other", language, row=_row(row, language), cause=_bare(row.cause), rpn=rpn(row)) for row in others[:MOST_OTHERS]]
        yield _say("others", language, rpn=rpn(first), rows=Words(language).joined(told, "similar_separator"))
    if look["basis"] in (Basis.CLASSES, Basis.QUESTION):
        yield _say(f"by_{look['basis']}", language, classes=_listed(look["classes"], context, language))
    elif look["basis"] != Basis.TABLE:
        yield _say(f"by_{look['basis']}", language)
    yield _say("from_the_table", language)


def _row(row: FailureMode, language: Language) -> str:
    return _say("row_any_part" if row.part == ANY_PART else "row", language, row=row.row)


def _listed(classes: Mapping[str, float], context: Context, language: Language) -> str:
    """The classes as the references or the table write them, likeliest first; with how likely, where a photo said so."""
    written = {folded_class(row.defect_class): row.defect_class for row in context.failure_modes or ()}
    written |= {folded_class(share.name): share.name for photo in context.classified.values() for share in photo.classes}
    told = []
    for name, likely in sorted(classes.items(), key=lambda item: -item[1]):
        by_photo = context.classified and likely < 1
        words = written.get(name, name)
        told.append(_say("class", language, kind=words, percent=round(100 * likely)) if by_photo else words)
    return Words(language).joined(told) if told else ""


def _bare(words: str) -> str:
    """Without the full stop, which the sentence around it brings."""
    return words.rstrip(".。． ") or words


def _say(name: str, language: Language, **holes: object) -> str:
    return prompts.render(f"reason.{name}", language, **holes)
