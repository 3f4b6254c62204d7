"""`@kenpin reference PART STATE`: photos posted to be learnt from.

Adding references changes what later answers rest on, so it is a proposal like any other: an approver's own command is decided at once,
anybody else's waits for an approver's 👍. Both go through `inspection.decide`, which calls `add_approved`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from kenpin.bot.messenger import Messenger
from kenpin.prompts import render
from kenpin.storage import inspections, parts, proposals
from kenpin.storage.database import reading
from kenpin.storage.proposals import Proposal
from kenpin.storage.vocabulary import GOOD, Answer, Language, Photo, ProposalKind, Proposed, Reference, Verdict
from kenpin.tools import blindness
from kenpin.tools.context import Site, as_reference_photos
from kenpin.tools.vision.sight import ReferencePhoto

ENOUGH_TO_START, BETTER = 4, 16  # findings: AUROC rises steeply to 4 references and levels off by 16

_COMMAND = re.compile(r"^\s*(?:reference|references|基準写真|基準|参照)\s+(?P<part>\S+)(?:\s+(?P<state>\S.*?))?\s*$", re.IGNORECASE)
_GOOD_WORDS = {"good", "ok", "okay", "良品", "合格", "正常"}
_PART_CHARACTERS, _STATE_CHARACTERS = 60, 60


@dataclass(frozen=True, kw_only=True)
class ReferenceCommand:
    part: str
    state: str  # "good" or a defect class


def parse(text: str) -> ReferenceCommand | None:
    """`reference SC-300 good`, `基準 SC-300 良品`, `reference SC-300 scratch`; None for anything else. Without a state, good is meant."""
    found = _COMMAND.match(unicodedata.normalize("NFKC", text))
    if found is None or len(found["part"]) > _PART_CHARACTERS or not any(letter.isalnum() for letter in found["part"]):
        return None  # "*" is every part, and nobody's part number
    state = " ".join((found["state"] or GOOD).split()).casefold()[:_STATE_CHARACTERS]
    return ReferenceCommand(part=found["part"], state=GOOD if state in _GOOD_WORDS else state)


def take_in(
    site: Site, command: ReferenceCommand, photos: Sequence[Photo], refusals: Sequence[str], language: Language, asked_by: str
) -> Answer:
    """What the command would add, as an answer whose proposal is to add it. Writes nothing."""
    with reading(site.engine) as conn:
        part = parts.find(conn, command.part)
    number = part.number if part else command.part
    held = {r.photo_sha256 for r in part.references} if part else set()
    new = [p for p in dict.fromkeys(photos) if p.sha256 not in held]
    state = render("thread.good", language) if command.state == GOOD else command.state
    if not new:
        all_known = render("references.known_already", language, count=_count(len(photos), language), part=number) if photos else None
        headline = all_known or render("references.none", language, part=number, state=command.state)
        return _answer(site, language, headline, tuple(refusals), number, None)
    lines = [render("references.new_part", language, part=number)] if part is None else []
    if command.state == GOOD:
        total = (len(part.good) if part else 0) + len(new)
        lines.append(render("references.total", language, part=number, total=total, advice=_advice(total, language)))
    else:
        lines.append(render("references.defect", language, state=state))
    if known := len(photos) - len(new):
        lines.append(render("references.known_already", language, count=_count(known, language), part=number))
    proposed = Proposed(
        kind=ProposalKind.REFERENCE,
        part=number,
        disposition=None,
        reference_state=command.state,
        photos=tuple(p.sha256 for p in new),
        reason=render("references.reason", language, person=asked_by),
    )
    headline = render("references.headline", language, count=_count(len(new), language), state=state, part=number)
    return _answer(site, language, headline, (*lines, *refusals), number, proposed)


def add_approved(conn: Connection, proposal: Proposal, person: str) -> None:
    """The effect of an approved reference proposal, in the decision's own transaction; nothing for any other proposal."""
    proposed = proposal.proposed
    if proposed.kind is not ProposalKind.REFERENCE:
        return
    assert proposed.reference_state is not None, "a reference proposal has a state; the table's check says so too"
    shown = {p.sha256: p.shown_sha256 for p in inspections.photos_of(conn, proposal.inspection_id) if isinstance(p, Photo)}
    new = [Reference(photo_sha256=s, shown_sha256=shown[s], state=proposed.reference_state) for s in proposed.photos]
    parts.add(conn, proposed.part, None, person)
    parts.add_references(conn, proposed.part, new, person, proposal.id)


def learn(site: Site, inspection_id: str) -> bool:
    """Build the part's memory bank now, so that the next question about it need not wait; whether good photos were added."""
    with reading(site.engine) as conn:
        proposal = proposals.of_inspection(conn, inspection_id)
        part = parts.find(conn, proposal.part) if proposal and proposal.proposed.kind is ProposalKind.REFERENCE else None
    if part and part.good:
        site.eye.learn(as_reference_photos(part, site.photo_store))
    return proposal is not None and proposal.proposed.reference_state == GOOD


def tell_sight(site: Site, messenger: Messenger, inspection_id: str) -> None:
    """Find out what the part's good photos let one see, and say it in the thread; left to a later command when that added more photos."""
    with reading(site.engine) as conn:
        inspection, proposal = inspections.get(conn, inspection_id), proposals.of_inspection(conn, inspection_id)
    assert inspection is not None and proposal is not None, "what is told of was approved"
    good = _good(site, proposal.part)
    expected = blindness.found_out(site.eye, good, wanted=lambda: _good(site, proposal.part) == good)
    if expected is not None:
        lines = "\n".join(f"• {line}" for line in blindness.told(expected, inspection.language))
        words = render("references.sight", inspection.language, part=proposal.part, count=len(good), lines=lines)
        messenger.post_note(inspection, f"sight:{inspection.id}", words)


def _good(site: Site, number: str) -> tuple[ReferencePhoto, ...]:
    with reading(site.engine) as conn:
        part = parts.find(conn, number)
    return as_reference_photos(part, site.photo_store) if part else ()


def _answer(site: Site, language: Language, headline: str, lines: tuple[str, ...], part: str, proposed: Proposed | None) -> Answer:
    return Answer(
        language=language,
        headline=headline,
        lines=lines,
        verdict=Verdict.NOT_JUDGED,
        abstention=None,
        part=part,
        anomaly_score=None,
        threshold=None,
        confidence=None,
        comparisons=(),
        findings=(),
        similar=(),
        pictures=(),
        proposed=proposed,
        trail=(),
        model=site.eye.model,
    )


def _advice(total: int, language: Language) -> str:
    name = "advice_start" if total < ENOUGH_TO_START else "advice_more" if total < BETTER else "advice_enough"
    return render(f"references.{name}", language)


def _count(count: int, language: Language) -> str:
    return render("thread.one_photo", language) if count == 1 else render("thread.photos", language, count=count)
