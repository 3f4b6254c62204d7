"""Holds what a larger model says of a photo against what the tools measured on it, and says what a disagreement is worth.

What may follow from a larger model's word, and what may not (docs/decisions/0009):

- It never owns the verdict. `effect` takes the verdict as measured and gives it back unchanged, or an abstention in its place.
- A contradiction lowers the confidence, is shown, and can turn a judgement into an abstention; it never turns one into another judgement.
- Agreement raises nothing: two looks at the same pixels are not two photos, and a confidence that was calibrated alone stays alone.
- Between the limits, "not OK" asks a person to look at this part first. "OK" changes nothing: nothing is accepted on its word.

How much a contradiction of the verdict weighs is Bayes' rule with the rates at which such a model errs.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kenpin import prompts
from kenpin.storage.vocabulary import AbstentionReason, Claims, Classified, Comparison, LabelReading, Language, Opinion, Verdict
from kenpin.tools.wording import Words

# GPT-4o's errors in a one-shot test on industrial photos (the project's findings): good parts it calls bad, bad parts it calls good.
FALSE_ALARMS, MISSES = 0.32, 0.33
OTHER_ODDS = 0.8  # another contradiction (place, kind, count, text) multiplies the odds by this; chosen, there is no published rate
STANDS_FROM = 0.8  # a contradicted judgement below this confidence becomes an abstention: one wrong in five; chosen
SAME_LINE, SAME_TEXT = 0.5, 0.75  # readings this alike (difflib's ratio, folded) are of one line; are the same reading, if digits agree
SURE_TEXT = 0.5  # a line the label reader is less sure of contradicts nobody
PLACES = ("top left", "top", "top right", "left", "centre", "right", "bottom left", "bottom", "bottom right")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the tools found on one photo; None where a tool was not used."""

    comparison: Comparison | None = None
    classified: Classified | None = None
    label: LabelReading | None = None


@dataclass(frozen=True, kw_only=True)
class Checked:
    """How the claims stand to what was measured."""

    contradictions: tuple[str, ...]  # in the question's language
    compared: int  # claims for which something was measured

    @property
    def agrees(self) -> bool:
        return self.compared > 0 and not self.contradictions


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What larger models' opinions of one photo change."""

    verdict: Verdict  # as measured, or UNSURE when it was contradicted and no longer stands
    confidence: float  # never higher than it was
    abstain: AbstentionReason | None  # CONTRADICTED when a judgement no longer stands
    look_first: bool  # a person should look at this part before others


def check(claims: Claims, measured: Measured, language: Language) -> Checked:
    """Each claim against what was measured of the same thing. What nobody measured neither agrees nor contradicts."""
    words = Words(language)
    results = [result for one in (_verdict, _place, _kind, _count, _fields, _texts) for result in one(claims, measured, words)]
    return Checked(contradictions=tuple(result for result in results if result), compared=len(results))


def effect(verdict: Verdict, confidence: float, opinions: Sequence[Opinion]) -> Effect:
    """`verdict` and `confidence` as measured on one photo; `opinions` of that photo. A pure function, decided at the top of this file."""
    if verdict not in (Verdict.OK, Verdict.NOT_OK):
        look_first = verdict is Verdict.UNSURE and any(o.verdict is Verdict.NOT_OK for o in opinions)
        return Effect(verdict=verdict, confidence=confidence, abstain=None, look_first=look_first)
    # The strongest objection counts, and only it: several replies of one model about one photo are not several witnesses.
    lowered = min((_lowered(verdict, confidence, opinion) for opinion in opinions), default=confidence)
    stands = lowered >= STANDS_FROM or not any(opinion.contradictions for opinion in opinions)
    against = any(o.verdict is Verdict.NOT_OK for o in opinions) and verdict is Verdict.OK
    return Effect(
        verdict=verdict if stands else Verdict.UNSURE,
        confidence=lowered,
        abstain=None if stands else AbstentionReason.CONTRADICTED,
        look_first=against and not stands,
    )


def _lowered(verdict: Verdict, confidence: float, opinion: Opinion) -> float:
    """By Bayes' rule, in odds; never below one half, where a verdict would say the opposite."""
    others = len(opinion.contradictions)
    odds = confidence / max(1e-9, 1 - confidence)
    if opinion.verdict in (Verdict.OK, Verdict.NOT_OK) and opinion.verdict is not verdict and others:
        others -= 1
        # How probable its word is where the measurement is right, over how probable it is where it is wrong.
        odds *= MISSES / (1 - FALSE_ALARMS) if verdict is Verdict.NOT_OK else FALSE_ALARMS / (1 - MISSES)
    odds *= OTHER_ODDS**others
    return min(confidence, max(0.5, odds / (1 + odds)))


# --- one kind of claim each: yields a sentence for a contradiction, nothing but "" for agreement --------------------------------------


def _verdict(claims: Claims, measured: Measured, words: Words) -> Iterator[str]:
    """Between the limits nothing was decided that could be contradicted."""
    found = measured.comparison
    if found is None or claims.verdict not in (Verdict.OK, Verdict.NOT_OK) or found.verdict not in (Verdict.OK, Verdict.NOT_OK):
        return
    if claims.verdict is found.verdict:
        yield ""
    else:
        yield _say(words, "verdict", claimed=words.say(f"verdict_{claims.verdict}"), measured=words.say(f"verdict_{found.verdict}"))


def _place(claims: Claims, measured: Measured, words: Words) -> Iterator[str]:
    """Neighbouring places agree: a model sees the photo, the places are the part's, and a mark may lie across two."""
    regions = measured.comparison.regions if measured.comparison is not None else ()
    if not claims.places or not regions:
        return
    if any(_near(place, region.where) for place in claims.places for region in regions):
        yield ""
        return
    yield _say(words, "place", claimed=_places(words, claims.places), measured=_places(words, [region.where for region in regions]))


def _kind(claims: Claims, measured: Measured, words: Words) -> Iterator[str]:
    found = measured.classified
    if claims.kind is None or found is None:
        return
    if claims.kind in found.plausible:
        yield ""
    elif not found.plausible:
        yield _say(words, "kind_unknown", claimed=claims.kind)
    else:
        yield _say(words, "kind", claimed=claims.kind, measured=words.listed(found.plausible, "listed_or"))


def _count(claims: Claims, measured: Measured, words: Words) -> Iterator[str]:
    """Only a count that is far off: what one calls a scratch, the other may mark as two regions."""
    found = measured.comparison
    if claims.count is None or found is None or not found.regions:
        return
    low, high = sorted((claims.count, len(found.regions)))
    if high - low > 1 and high > 2 * low:
        yield _say(words, "count", claimed=claims.count, measured=len(found.regions))
    else:
        yield ""


def _fields(claims: Claims, measured: Measured, words: Words) -> Iterator[str]:
    for kind, value in claims.fields:
        read = [field.value for field in measured.label.fields if field.kind == kind] if measured.label is not None else []
        if not read:
            continue
        if any(_folded(value) == _folded(one) for one in read):
            yield ""
        else:
            field = prompts.render(f"opinion.field_{kind}", words.language)
            yield _say(words, "field", field=field, claimed=value, measured=words.joined(read))


def _texts(claims: Claims, measured: Measured, words: Words) -> Iterator[str]:
    """A text that the label reader did not see is no contradiction: it misses small and faded ones. A line read differently is."""
    lines = [text.text for text in measured.label.texts if text.confidence >= SURE_TEXT] if measured.label is not None else []
    everything = _folded("".join(lines))
    for claimed in claims.texts:
        if not lines or not _folded(claimed):
            continue
        nearest = max(lines, key=lambda line: _alike(line, claimed))
        alike = _alike(nearest, claimed)
        if _folded(claimed) in everything or (alike >= SAME_TEXT and _digits(nearest) == _digits(claimed)):
            yield ""
        elif alike >= SAME_LINE:
            yield _say(words, "text", claimed=claimed, measured=nearest)


def _say(words: Words, name: str, **holes: object) -> str:
    return prompts.render(f"opinion.against_{name}", words.language, **holes)


def _places(words: Words, places: Sequence[str]) -> str:
    return words.listed([words.say(f"place_{place.replace(' ', '_')}") for place in dict.fromkeys(places)])


def _near(one: str, other: str) -> bool:
    (row, column), (its_row, its_column) = divmod(PLACES.index(one), 3), divmod(PLACES.index(other), 3)
    return abs(row - its_row) <= 1 and abs(column - its_column) <= 1


_MISTAKEN = str.maketrans("oil", "011")  # letters that readers of either kind take for digits


def _folded(text: str) -> str:
    """Letters and digits alone, in one width and case, those that look alike as one."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum()).translate(_MISTAKEN)


def _digits(text: str) -> str:
    return "".join(letter for letter in _folded(text) if letter.isdigit())


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, _folded(one), _folded(other)).ratio()
