"""Who is asked next: nobody, the larger model, or a person. A policy without side effects; others make the call and the mention.

Only what the eye is not sure of goes further. The larger model is asked first where one is set up and the day's budget allows it; its
opinion is shown and never the verdict (findings: a large general model called a third of good parts bad and missed a third of the bad),
so a person follows in any case.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kenpin import prompts
from kenpin.storage.vocabulary import Language, Verdict


class NextStep(StrEnum):
    """Who is asked next."""

    ANSWER = "answer"  # nobody: the verdict stands
    ASK_MODEL = "ask_model"  # the larger model, and then ask again what is next
    ASK_PERSON = "ask_person"


class WhyPerson(StrEnum):
    """Why the larger model is not what is asked next."""

    NO_MODEL = "no_model"  # none is set up
    BUDGET = "budget"  # today's budget is spent
    ASKED = "asked"  # it gave its opinion


@dataclass(frozen=True, kw_only=True)
class Step:
    next: NextStep
    why: WhyPerson | None = None  # given with ASK_PERSON


def next_step(verdict: Verdict, *, has_model: bool, opinions: int, spent_today: float, daily_budget: float | None) -> Step:
    """opinions: how many the answer has already. spent_today, daily_budget: in one currency; None: no limit; 0: never ask.

    The budget is looked at before a call, whose price is not known then: the last call of a day may go beyond it.
    """
    if verdict is not Verdict.UNSURE:
        return Step(next=NextStep.ANSWER)
    if opinions:
        return Step(next=NextStep.ASK_PERSON, why=WhyPerson.ASKED)
    if not has_model:
        return Step(next=NextStep.ASK_PERSON, why=WhyPerson.NO_MODEL)
    if daily_budget is not None and spent_today >= daily_budget:
        return Step(next=NextStep.ASK_PERSON, why=WhyPerson.BUDGET)
    return Step(next=NextStep.ASK_MODEL)


def told(step: Step, language: Language, daily_budget: float | None = None) -> str | None:
    """The sentence for a person; None when there is nothing to say."""
    if step.next is NextStep.ANSWER:
        return None
    if step.next is NextStep.ASK_MODEL:
        return prompts.render("trust.ask_model", language)
    holes = {"budget": f"{daily_budget:g}"} if step.why is WhyPerson.BUDGET else {}
    return prompts.render(f"trust.person_{step.why}", language, **holes)
