"""Who is asked next."""

from __future__ import annotations

import pytest

from kenpin.storage.vocabulary import Language, Verdict
from kenpin.tools import escalation
from kenpin.tools.escalation import NextStep, Step, WhyPerson, next_step

ASK = {"has_model": True, "opinions": 0, "spent_today": 0.5, "daily_budget": 1.0}


@pytest.mark.parametrize("verdict", [Verdict.OK, Verdict.NOT_OK, Verdict.NOT_JUDGED])
def test_only_what_the_eye_is_not_sure_of_goes_further(verdict: Verdict) -> None:
    assert next_step(verdict, **ASK) == Step(next=NextStep.ANSWER)
    assert next_step(Verdict.UNSURE, **ASK).next is NextStep.ASK_MODEL


@pytest.mark.parametrize(
    ("differs", "why"),
    [
        ({"has_model": False}, WhyPerson.NO_MODEL),
        ({"spent_today": 1.0}, WhyPerson.BUDGET),
        ({"spent_today": 1.3}, WhyPerson.BUDGET),
        ({"daily_budget": 0.0, "spent_today": 0.0}, WhyPerson.BUDGET),
        ({"opinions": 1}, WhyPerson.ASKED),
        ({"opinions": 1, "spent_today": 2.0}, WhyPerson.ASKED),
    ],
)
def test_a_person_is_asked_when_the_model_cannot_be_or_was(differs: dict[str, object], why: WhyPerson) -> None:
    assert next_step(Verdict.UNSURE, **{**ASK, **differs}) == Step(next=NextStep.ASK_PERSON, why=why)


def test_without_a_budget_the_model_is_asked_whatever_was_spent() -> None:
    assert next_step(Verdict.UNSURE, **{**ASK, "daily_budget": None, "spent_today": 900.0}).next is NextStep.ASK_MODEL


@pytest.mark.parametrize("language", list(Language))
def test_every_step_but_an_answer_has_its_sentence(language: Language) -> None:
    assert escalation.told(Step(next=NextStep.ANSWER), language) is None
    steps = [Step(next=NextStep.ASK_MODEL), *(Step(next=NextStep.ASK_PERSON, why=why) for why in WhyPerson)]
    said = [escalation.told(step, language, daily_budget=2.5) for step in steps]
    assert len(set(said)) == len(steps)
    assert all(said)


def test_a_spent_budget_is_named() -> None:
    step = Step(next=NextStep.ASK_PERSON, why=WhyPerson.BUDGET)
    assert escalation.told(step, Language.EN, daily_budget=2.5) == "The larger model was not asked: today's budget of 2.5 is spent."
