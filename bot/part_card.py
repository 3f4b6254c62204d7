"""What is known of a part on one page: its references, its targets, its limits, and what its confidences rest on."""

from __future__ import annotations

import getpass
from collections import Counter
from dataclasses import dataclass, replace

from sqlalchemy.engine import Engine

from kenpin.prompts import render
from kenpin.storage import parts, targets
from kenpin.storage.database import reading, writing
from kenpin.storage.errors import UnknownRowError
from kenpin.storage.vocabulary import ConfidenceBasis, ExpectedSight, Language, Part, Targets
from kenpin.tools import bands, blindness, calibration
from kenpin.tools.calibration import Error
from kenpin.tools.context import Site, as_reference_photos
from kenpin.tools.track_record import TrackRecords
from kenpin.tools.wording import Words


@dataclass(frozen=True, kw_only=True)
class PartCard:
    part: Part
    targets: Targets
    limits: tuple[float, float] | None  # on the anomaly score; None: the eye's own, from each photo's references
    basis: ConfidenceBasis
    curve: str  # which curve turns a score into a probability
    error: Error | None  # of the confidences, on the part's own labels; None: too few
    expected: tuple[ExpectedSight, ...] | None  # what it lets one see; None: no good reference


def of(site: Site, number: str) -> PartCard:
    """Looks at references that were not looked at yet. Raises UnknownRowError for a part that is not on record."""
    part = _known(site.engine, number)
    known, aims = TrackRecords().known(site, part)
    aimed = aims.escapes is not None or aims.overkill is not None
    return PartCard(
        part=part,
        targets=aims,
        limits=bands.limits(known, aims, (1.0, 1.0)) if aimed else None,
        basis=bands.basis(known, aims),
        curve=known.curve_name,
        error=calibration.expected_error(known.labelled),
        expected=blindness.found_out(site.eye, as_reference_photos(part, site.photo_store)) if part.good else None,
    )


def told(card: PartCard, language: Language) -> tuple[tuple[str, str], ...]:
    """Heading and sentence, line by line."""

    def say(name: str, **holes: object) -> str:
        return render(f"trust.{name}", language, **holes)

    states = Counter(reference.state for reference in card.part.references)
    counted = Words(language).joined([say("card_state", state=state, count=count) for state, count in states.items()])
    lines = [("card_references", counted or say("card_none")), ("card_targets", aimed_at(card.targets, language))]
    if card.limits is not None:
        lower, upper = (f"{limit:.2f}" for limit in card.limits)
        lines.append(("card_limits", say("card_limits_told", lower=lower, upper=upper)))
        lines += [("card_limits", sentence) for sentence in bands.not_vouched(card.basis, language)]
    lines.append(("card_confidence", bands.rests_on(card.basis, language)))
    if card.targets.expected_bad is None:
        lines.append(("card_confidence", say("half", part=card.part.number)))
    if card.error is None:
        lines.append(("card_error", say("card_error_few", needed=calibration.OWN_FROM)))
    else:
        off, chance = (f"{100 * share:.1f}" for share in (card.error.expected, card.error.by_chance))
        labels = card.basis.decided + card.basis.references
        lines.append(("card_error", say("card_error_told", off=off, chance=chance, labels=labels, curve=card.curve)))
    if card.expected is not None:
        lines += [("card_sight", sentence) for sentence in blindness.told(card.expected, language)]
    return tuple((say(heading), words) for heading, words in lines)


def aimed_at(aims: Targets, language: Language) -> str:
    """A part's targets as a sentence."""
    aimed = aims.escapes is not None or aims.overkill is not None
    words = bands.aimed_at(aims, language) if aimed else render("trust.card_no_targets", language)
    if aims.expected_bad is None:
        return words
    return render("trust.card_expected", language, targets=words, expected=f"{aims.expected_bad:g}")


def aim(
    engine: Engine, number: str, *, escapes: float | None, overkill: float | None, expected_bad: float | None, clear: bool
) -> tuple[Part, Targets]:
    """Change those targets that are given, all others after `clear`; what the part then aims at.

    Raises UnknownRowError for a part that is not on record, TargetError for a number out of range.
    """
    part = _known(engine, number)
    given = {"escapes": escapes, "overkill": overkill, "expected_bad": expected_bad}
    with writing(engine) as conn:
        before = Targets() if clear else targets.of(conn, part.number)
        new = replace(before, **{name: value for name, value in given.items() if value is not None})
        targets.set(conn, part.number, new, f"command line ({getpass.getuser()})")
    return part, new


def _known(engine: Engine, number: str) -> Part:
    with reading(engine) as conn:
        part = parts.find(conn, number)
    if part is None:
        raise UnknownRowError(f"There is no part {number!r}. Add it with `kenpin parts add {number}`.")
    return part
