"""A story in words and shapes for its page: sentences in the reader's language, the score as a drawing, each call of the trail.

Whatever came from a photo, a file or a person stays text here; the templates escape it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from kenpin import prompts
from kenpin.bot.console import why
from kenpin.bot.console.posted_words import html
from kenpin.bot.console.replays import Running
from kenpin.bot.console.story import Story
from kenpin.bot.messenger import Outcome
from kenpin.bot.slack import messages
from kenpin.storage import clock
from kenpin.storage.audit import AuditKind
from kenpin.storage.vocabulary import Comparison, Correction, Language, ProposalKind, Proposed, TrailEntry
from kenpin.tools.wording import Words

SHORT = 12  # letters of a digest where a row has little room; the whole one is beside it
FIRST_FIELDS = ("verdict", "confidence", "anomaly_score", "threshold", "part", "headline", "proposed")  # what people look for first


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to the inspection."""

    at: str
    words: str
    detail: Markup | str = ""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One tool or model call of the trail."""

    number: int
    tool: str
    name: str
    meaning: str
    model: str | None
    ms: float
    cost: float | None
    tokens: str | None
    prompt_sha256: str | None
    inputs: str  # JSON, for reading
    outputs: str
    failed: str | None


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The score on a line, in tenths of a per cent of its length, for the drawing."""

    score: float
    lower: float
    upper: float
    words: str


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A field that came out otherwise when the inspection was made again."""

    field: str
    then: str
    now: str


class Telling:
    def __init__(self, story: Story, language: Language) -> None:
        self.story, self.language = story, language
        self.words = Words(language)

    def say(self, entry: str, **holes: object) -> str:
        return prompts.render(f"console_inspection.{entry}", self.language, **holes)

    @property
    def why(self) -> tuple[str, ...]:
        return why.sentences(self.story, self.language)

    def jumps(self, can_replay: bool) -> tuple[tuple[str, str], ...]:
        """The headings of the page, by their ids."""
        has_answer = self.story.answer is not None
        there = {"photos": True, "decision": True, "posted": has_answer, "findings": has_answer, "history": True, "trail": has_answer}
        there |= {"chain": True, "replay": can_replay}
        return tuple((id, self.say(f"jump_{id}")) for id, is_there in there.items() if is_there)

    @property
    def posted(self) -> tuple[Markup, tuple[Markup, ...], Markup | None]:
        """Headline, lines, and the first line of the proposal, as they were given to Slack."""
        answer = self.story.answer
        assert answer is not None, "the page shows them of an answer"
        proposed = messages.proposal_words(answer.proposed, answer.language, ())[0].split("\n")[0] if answer.proposed else None
        shown = [html(messages.escape(line), self.story.names) for line in (answer.headline, *answer.lines)]
        return shown[0], tuple(shown[1:]), html(proposed, self.story.names) if proposed else None

    @property
    def scale(self) -> Scale | None:
        found = self.decisive
        if found is None:
            return None
        most = max(2.0, found.anomaly_score * 1.15, found.limits[1] * 1.4)
        numbers = {"score": f"{found.anomaly_score:.2f}", "lower": f"{found.limits[0]:.2f}", "upper": f"{found.limits[1]:.2f}"}
        along = [round(1000 * max(0.0, min(value, most)) / most, 1) for value in (found.anomaly_score, *found.limits)]
        return Scale(score=along[0], lower=along[1], upper=along[2], words=self.say("scale", **numbers))

    @property
    def decisive(self) -> Comparison | None:
        return why.decisive(self.story.answer) if self.story.answer is not None else None

    @property
    def approvers(self) -> str:
        return _approvers(self.story, self.language)

    @property
    def now(self) -> str:
        return clock.now()[:16].replace("T", " ")

    @property
    def calls(self) -> tuple[Call, ...]:
        answer = self.story.answer
        return tuple(self._call(number, entry) for number, entry in enumerate(answer.trail, 1)) if answer else ()

    @property
    def took_ms(self) -> float:
        return sum(call.ms for call in self.calls)

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(sorted(self._events(), key=lambda event: event.at))

    def proposed(self, proposed: Proposed) -> str:
        """What is proposed, or done, in a few words."""
        if proposed.kind is ProposalKind.REFERENCE:
            state = messages.state_word(proposed, self.language)
            return self.say("proposed_reference", count=len(proposed.photos), part=proposed.part, state=state)
        return messages.capital(messages.disposition_word(proposed, self.language))

    def correction(self, correction: Correction) -> Markup:
        return html(messages.correction_words(correction, self.language), self.story.names)

    def place(self, where: str) -> str:
        return self.words.named_place(where)

    def alt_text(self, index: int) -> str:
        """Of the anomaly map of the photo at this index, as it was posted with the map."""
        answer = self.story.answer
        found = next((one for one in answer.comparisons if one.photo == index), None) if answer else None
        known = {picture.sha256: picture.alt_text for picture in answer.pictures} if answer else {}
        return known.get(found.map_sha256 or "", self.say("map")) if found else ""

    @staticmethod
    def readable(payload: dict[str, Any]) -> str:
        return _readable(payload)

    def kind(self, kind: AuditKind) -> str:
        """What an audit entry is about, as the audit log's own page calls it."""
        return prompts.render(f"console_audit.kind_{kind.value}", self.language)

    def _call(self, number: int, entry: TrailEntry) -> Call:
        known = f"console_inspection.tool_{entry.tool}" in prompts.names(self.language)
        name, _, meaning = (self.say(f"tool_{entry.tool}") if known else entry.tool).partition("\n")
        tokens = [entry.outputs.get(key) for key in ("tokens_in", "tokens_out", "tokens")]
        return Call(
            number=number,
            tool=entry.tool,
            name=name,
            meaning=meaning,
            model=entry.model,
            ms=entry.ms,
            cost=entry.outputs.get("cost"),
            tokens=" + ".join(f"{count:,}" for count in tokens if isinstance(count, int)) or None,
            prompt_sha256=entry.outputs.get("prompt_sha256") or entry.inputs.get("prompts_sha256"),
            inputs=_readable(entry.inputs),
            outputs=_readable(entry.outputs),
            failed=entry.outputs.get("error") or entry.outputs.get("failed"),
        )

    def _events(self) -> Iterator[Event]:
        story, say = self.story, self.say
        one = story.inspection
        yield Event(at=one.received_at, words=say("event_asked", person=story.called(one.asked_by)))
        if one.answered_at:
            yield Event(at=one.answered_at, words=say("event_answered"))
        if one.posted_at:
            yield Event(at=one.posted_at, words=say("event_posted"))
        if story.looked_by is not None and story.look is not None:
            said = prompts.render(f"thread.look_{story.look.said}", self.language)
            yield Event(at=story.look.at, words=say("event_looked", person=story.called(story.look.person_id), said=said))
        if story.endorsement is not None:
            via = say(f"via_{story.endorsement.via}")
            person = story.called(story.endorsement.endorsed_by)
            yield Event(at=story.endorsement.at, words=say("event_endorsed", person=person, via=via))
        if story.decision is not None:
            by = {"person": story.called(story.decision.decided_by), "via": say(f"via_{story.decision.via}")}
            detail = self.correction(story.corrected.correction) if story.corrected else ""
            yield Event(at=story.decision.at, words=say(f"event_{story.decision.verdict}", **by), detail=detail)
        if story.action is not None:
            yield Event(at=story.action.at, words=say("event_action", action=self.proposed(story.action.proposed)))
        if story.expired_at is not None:
            yield Event(at=story.expired_at, words=say("event_expired"))


def outcome(story: Story, outcome: Outcome, language: Language) -> str:
    """What came of a decision just asked for, to who asked."""
    known: dict[str, Any] = {
        "person": story.called(outcome.decided_by),
        "time": _minute(outcome.at),
        "part": story.proposal.part if story.proposal else "",
        "approvers": _approvers(story, language),
    }
    name = f"console_inspection.outcome_{outcome.kind}"
    return prompts.render(name, language, **{hole: known[hole] for hole in prompts.holes(name, language)})


def replayed(running: Running) -> tuple[tuple[Changed, ...], tuple[Changed, ...]]:
    """The fields that people look for first, and the rest."""
    found = running.result.differences if running.result is not None else ()
    rows = [
        (one.field.split(".")[0] in FIRST_FIELDS, Changed(field=one.field, then=_value(one.then), now=_value(one.now))) for one in found
    ]
    return tuple(row for is_first, row in rows if is_first), tuple(row for is_first, row in rows if not is_first)


def _approvers(story: Story, language: Language) -> str:
    return ", ".join(person.name or person.id for person in story.approvers) or prompts.render("thread.nobody", language)


def _readable(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _value(value: Any) -> str:
    return "–" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _minute(moment: str | None) -> str:
    return f"{moment[:16].replace('T', ' ')} UTC" if moment else "–"
