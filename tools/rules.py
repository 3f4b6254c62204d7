"""The site's rules at work: they correct what is proposed, are tried in order, and are named in the answer.

A rule looks at nothing but what the tools have found already (the `facts` below), so that the same findings and the same rules always give
the same proposal. It can change what is proposed, ask for a second approver, or say something; it cannot approve or record. Two rules are
built in and come last: a label against the question leaves nothing proposed, and a critical severity needs two people.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from kenpin import prompts
from kenpin.storage import database, parts
from kenpin.storage.vocabulary import (
    Classified,
    Comparison,
    Disposition,
    LabelField,
    Language,
    ProposalKind,
    Proposed,
    Region,
    RuleFired,
    Verdict,
)
from kenpin.tools import propose, read_label, reason
from kenpin.tools.context import Context
from kenpin.tools.rule_book import (
    BUILT_IN,
    CRITICAL_SEVERITY,
    LABEL_AGAINST_QUESTION,
    NOTHING,
    ClassCondition,
    Conditions,
    Effects,
    Filed,
    LabelCondition,
    RegionCondition,
    RuleBook,
    check,
    load,
    written,
)
from kenpin.tools.told import Told

__all__ = ["NAME", "RuleBook", "apply", "check", "correct", "listed", "load", "told"]

NAME = "rules"
TWO_PEOPLE = 2
LABEL_SURE = 0.5  # a field that was read less surely than a coin falls says nothing about the label
_MOST_LETTERS = 100  # of a label that a site's pattern is tried on: a pattern may take long on a long text
_BUILT_IN_WORDS = {LABEL_AGAINST_QUESTION: "label_against_question", CRITICAL_SEVERITY: "critical_severity"}


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """What the conditions of a rule are held against."""

    part: str | None
    decisive: Comparison | None  # of the strangest photo
    regions: tuple[tuple[Region, ...], ...]  # of each photo
    classified: tuple[Classified, ...]
    fields: tuple[LabelField, ...] | None  # None: no label was looked at
    label_against_question: bool
    severity: int | None  # of the gravest failure mode that fits; None: none does
    photo_problems: frozenset[str]


def correct(context: Context) -> tuple[RuleFired, ...]:
    """Apply the site's rules to the context's proposal, and remember what they made of it.

    Call it when everything else was found. What is not OK is looked up in the FMEA table first, as severities are there.
    """
    with context.lock:
        if context.part is not None and any(found.verdict in (Verdict.NOT_OK, Verdict.UNSURE) for found in context.comparisons.values()):
            reason.reason(context)
        book = load(context.site.rules_folder)
        with context.recorded(NAME, {"part": context.part and context.part.number, "rules": len(book.rules)}) as outputs:
            before = context.proposed
            context.proposed, fired = apply(context, book, before, _numbers_on_record(context))
            context.rules[:] = fired
            outputs.update(evidence(before, context.proposed, fired))
        return fired


def apply(
    context: Context, book: RuleBook, proposed: Proposed | None, known: Collection[str] = ()
) -> tuple[Proposed | None, tuple[RuleFired, ...]]:
    """What is proposed once every rule was tried, and the rules that changed it or have something to say, in that order.

    known: every part number on record, among which a label may name another one. A rules file that cannot be read counts as a rule that
    holds. A proposal of references is left as it is. Nothing is looked up and nothing is remembered.
    """
    if proposed is not None and proposed.kind is not ProposalKind.DISPOSITION:
        return proposed, ()
    facts = _facts(context, known)
    turn = _Turn(context, proposed)
    problems = book.problems_for(facts.part)
    for problem in problems:
        turn.hold_for(problem.file)
    stopped = bool(problems)
    for filed in book.for_part(facts.part):
        is_last = filed.file is None or filed.rule.overrides is not None
        if (not stopped or is_last) and _hold(filed.rule.when, facts, turn.proposed):
            turn.take(filed)
            stopped = stopped or bool(filed.rule.then.stop)
    return turn.proposed, tuple(turn.fired)


def listed(book: RuleBook, part: str | None = None) -> tuple[tuple[str, str, str, str, str], ...]:
    """Name, file, parts, conditions and effects of each rule, in the order tried: for one part, or all there are."""
    filed = book.for_part(part) if part is not None else (*book.rules, *(Filed(rule=rule, file=None) for rule in BUILT_IN))
    return tuple(
        (one.rule.name, one.file or "built in", ", ".join(one.rule.part), written(one.rule.when) or "always", written(one.rule.then))
        for one in filed
    )


def evidence(before: Proposed | None, after: Proposed | None, fired: Sequence[RuleFired]) -> dict[str, Any]:
    """What the trail is told."""
    return {
        "rules_fired": [rule.name for rule in fired],
        "proposed_before": before and before.disposition,
        "proposed": after and after.disposition,
        "approvals_needed": after.approvals_needed if after else None,
    }


def ask_for_labels(context: Context) -> bool:
    """Whether a rule of the site looks at what labels of this part say, so that they are read before any verdict."""
    book = load(context.site.rules_folder)
    ours = book.for_part(context.part.number if context.part is not None else None)
    return any(
        filed.file is not None and (filed.rule.when.label is not None or filed.rule.when.label_against_question is not None)
        for filed in ours
    )


def told(context: Context, language: Language) -> Told | None:
    """Each rule that fired, in the order tried. None when none did. The words are in the language of the question."""
    if not context.rules:
        return None
    first, *others = context.rules
    return Told(headline=first.words, lines=tuple(rule.words for rule in others))


# --- what a rule does ----------------------------------------------------------------------------------------------------------------


class _Turn:
    """The proposal while one rule after the other is tried on it."""

    def __init__(self, context: Context, proposed: Proposed | None) -> None:
        self._context = context
        self.proposed = proposed
        self.fired: list[RuleFired] = []
        self._forbidden = False  # a rule left nothing proposed: no later one proposes again

    def hold_for(self, file: str) -> None:
        """A file of rules cannot be read: nothing but hold is safe."""
        words = self._words("unreadable", file=file)
        self._propose(Disposition.HOLD, words)
        self.fired.append(RuleFired(name=file, words=words))

    def take(self, filed: Filed) -> None:
        """Do what a rule says, and name it if that changed anything, or if the site has it say something in any case."""
        rule = filed.rule
        message = self._message(rule.name, rule.then)
        named = self._words(f"name_{_BUILT_IN_WORDS[rule.name]}") if rule.name in _BUILT_IN_WORDS else rule.name
        why = self._words("because", rule=named, why=message) if message else self._words("by_rule", rule=named)
        effects = list(self._carry_out(rule.then, why))
        if not effects and (filed.file is None or not message):
            return
        said = [message] if message else []
        if effects:
            whole = reduce(lambda first, last: self._words("and", first=first, last=last), effects)
            said.append(self._words("effect_of_that" if message else "effect", effects=whole))
        gap = "" if self._context.language is Language.JA else " "
        self.fired.append(RuleFired(name=rule.name, words=self._words("because", rule=named, why=gap.join(said))))

    def _carry_out(self, then: Effects, why: str) -> Iterator[str]:
        """Each change in words."""
        before = self.proposed
        if then.propose == NOTHING:
            self.proposed, self._forbidden = None, True
            if before is not None:
                yield self._words("nothing")
        elif then.propose or then.hold or then.ask_a_person:
            wanted = Disposition(then.propose or Disposition.HOLD)
            self._propose(wanted, why)
            if self.proposed is not before:
                was = before.disposition if before else None
                yield (
                    self._words("instead", now=self._disposition(wanted), before=self._disposition(was))
                    if was
                    else self._words("proposed", now=self._disposition(wanted))
                )
        if then.ask_a_person:
            yield self._words("ask_a_person")
        if then.people and self.proposed is not None and self.proposed.approvals_needed < TWO_PEOPLE:
            self.proposed = replace(self.proposed, approvals_needed=TWO_PEOPLE)
            yield self._words("two_people")

    def _propose(self, wanted: Disposition, why: str) -> None:
        """Where nothing was proposed, nothing was judged: a rule can keep such a part aside and no more."""
        if self._forbidden or self._context.part is None:
            return
        if self.proposed is not None:
            if self.proposed.disposition is not wanted:
                self.proposed = replace(self.proposed, disposition=wanted, reason=why)
        elif wanted is Disposition.HOLD:
            self.proposed = Proposed(
                kind=ProposalKind.DISPOSITION,
                part=self._context.part.number,
                disposition=wanted,
                reference_state=None,
                photos=tuple(photo.sha256 for photo in self._context.question.photos),
                reason=why,
            )

    def _message(self, name: str, then: Effects) -> str:
        if then.say is not None:
            here, other = (then.say.ja, then.say.en) if self._context.language is Language.JA else (then.say.en, then.say.ja)
            return here or other or ""
        return self._words(_BUILT_IN_WORDS[name]) if name in _BUILT_IN_WORDS else ""

    def _disposition(self, disposition: Disposition) -> str:
        return prompts.render(f"answer.disposition_{disposition}", self._context.language)

    def _words(self, name: str, **holes: object) -> str:
        return prompts.render(f"rules.{name}", self._context.language, **holes)


# --- when a rule holds ---------------------------------------------------------------------------------------------------------------


def _facts(context: Context, known: Collection[str]) -> _Facts:
    comparisons = [context.comparisons[index] for index in sorted(context.comparisons)]
    fields = tuple(field for index in sorted(context.labels) for field in context.labels[index].fields if field.confidence >= LABEL_SURE)
    return _Facts(
        part=context.part.number if context.part is not None else None,
        decisive=propose.strangest(context.comparisons) if comparisons else None,
        regions=tuple(found.regions for found in comparisons),
        classified=tuple(context.classified[index] for index in sorted(context.classified)),
        fields=fields if context.labels else None,
        label_against_question=context.part is not None
        and any(read_label.contradicts(context.part.number, label, known) for label in context.labels.values()),
        severity=max((row.severity for row in context.failure_modes or ()), default=None),
        photo_problems=frozenset(problem.kind for problems in context.quality.values() for problem in problems),
    )


def _numbers_on_record(context: Context) -> Collection[str]:
    if not context.labels:
        return ()
    with database.reading(context.site.engine) as conn:
        return parts.numbers(conn)


def _hold(when: Conditions, facts: _Facts, proposed: Proposed | None) -> bool:
    return all(_each(when, facts, proposed))


def _each(when: Conditions, facts: _Facts, proposed: Proposed | None) -> Iterator[bool]:
    """Whether each condition that is given holds. What was not looked at fits no condition."""
    seen = facts.decisive
    if when.verdict is not None:
        yield (seen.verdict if seen else Verdict.NOT_JUDGED) in when.verdict
    if when.anomaly_score is not None:
        yield seen is not None and seen.anomaly_score / seen.threshold in when.anomaly_score
    if when.confidence is not None:
        yield seen is not None and seen.confidence in when.confidence
    if when.defect_class is not None:
        yield any(_class_fits(when.defect_class, photo) for photo in facts.classified)
    if when.region is not None:
        yield any(_regions_fit(when.region, regions) for regions in facts.regions)
    if when.label is not None:
        yield all(_label_fits(condition, facts.fields) for condition in when.label)
    if when.label_against_question is not None:
        yield when.label_against_question is facts.label_against_question
    if when.severity is not None:
        yield facts.severity is not None and facts.severity in when.severity
    if when.proposed is not None:
        yield (proposed.disposition if proposed else NOTHING) in when.proposed
    if when.photo_problem is not None:
        yield bool(facts.photo_problems & set(when.photo_problem))


def _class_fits(condition: ClassCondition, photo: Classified) -> bool:
    plausible = {_plain(share.name): share.probability for share in photo.classes if share.name in photo.plausible}
    if condition.none_known:
        return not photo.plausible
    if condition.only is not None:
        return bool(plausible) and plausible.keys() <= set(map(_plain, condition.only))
    return any(plausible.get(_plain(name), -1.0) >= condition.at_least for name in condition.among or ())


def _regions_fit(condition: RegionCondition, regions: Sequence[Region]) -> bool:
    fitting = [
        region
        for region in regions
        if (condition.place is None or region.where in condition.place)
        and (condition.area_percent is None or 100 * region.area_of_part in condition.area_percent)
    ]
    return len(fitting) in condition.count


def _label_fits(condition: LabelCondition, fields: Sequence[LabelField] | None) -> bool:
    if fields is None:
        return False
    values = [field.value for field in fields if field.kind == condition.field]
    if condition.missing:
        return not values
    if condition.equals is not None:
        return bool(set(map(_plain, values)) & set(map(_plain, condition.equals)))
    if condition.differs is not None:
        return bool(values) and not set(map(_plain, values)) & set(map(_plain, condition.differs))
    pattern = re.compile(condition.matches or "", re.IGNORECASE)
    return any(pattern.fullmatch(unicodedata.normalize("NFKC", value)[:_MOST_LETTERS]) for value in values)


def _plain(words: str) -> str:
    """One width and one case, and no blanks, dashes or underscores."""
    return re.sub(r"[\s_-]", "", unicodedata.normalize("NFKC", words).casefold())
