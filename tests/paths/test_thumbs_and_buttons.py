"""Who may decide on a proposal, by which gesture, and that it is recorded once: for each allowed case the refused one beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from drawn_parts import PART, mat
from running_kenpin import Factory, Message, buttons, reference_of, wait_for

from kenpin.bot.workspace import people
from kenpin.storage.audit import AuditKind

NOTHING, REJECTED, RECORDED = (0, 0), (1, 0), (1, 1)  # decisions and actions on record


@pytest.fixture
def answer(shop: Factory, request: pytest.FixtureRequest) -> Message:
    """An answer with a proposal that nobody has decided."""
    seed = 200 + sum(request.node.name.encode()) % 10_000
    return shop.olga.answer(shop.olga.ask(f"is this {PART} OK?", mat(seed, torn=True)))


@pytest.fixture
def quality_leads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The members of the user group, to be changed. The workspace has no method for that, so its list is replaced."""
    members: list[str] = list(people.QUALITY_LEADS.users)

    class Changing(tuple[people.UserGroup, ...]):
        def __iter__(self) -> Iterator[people.UserGroup]:
            yield replace(people.QUALITY_LEADS, users=tuple(members))

    monkeypatch.setattr(people, "USER_GROUPS", Changing())
    yield members


def current(shop: Factory, answer: Message) -> Message:
    return next(m for m in shop.olga.thread(answer) if m["ts"] == answer["ts"])


def test_the_operators_thumb_is_refused_privately_and_the_approvers_counts_once(shop: Factory, answer: Message) -> None:
    shop.olga.react(answer, "+1")
    refusal = shop.olga.whispered(answer, holding="not an approver")
    assert PART in refusal and f"<@{shop.akira.id}>" in refusal
    assert shop.recorded(answer) == NOTHING
    (logged,) = shop.logged(reference_of(answer), AuditKind.DECISION_REFUSED)
    assert logged.person_id == shop.olga.id
    assert shop.akira.whispers(after=answer) == []

    shop.akira.react(answer, "+1::skin-tone-4")
    said = shop.olga.told(answer, "✅")
    assert f"<@{shop.akira.id}>" in said
    assert shop.recorded(answer) == RECORDED
    entry = next(iter(shop.logged(reference_of(answer), AuditKind.ACTION_RECORDED)))
    assert f"entry {entry.seq:,}" in said
    closed = wait_for("the buttons to go", lambda: None if buttons(now := current(shop, answer)) else now)
    assert any(block.get("text", {}).get("text", "").startswith("✅") for block in closed["blocks"])

    shop.akira.react(answer, "thumbsup")
    assert "changes nothing" in shop.akira.whispered(answer, holding="already approved")
    shop.come_to_rest()
    assert shop.recorded(answer) == RECORDED
    assert sum(m["text"].startswith("✅") for m in shop.olga.thread(answer)) == 1


def test_a_thumb_down_is_refused_from_a_visitor_and_rejects_from_an_approver(shop: Factory, answer: Message) -> None:
    shop.victor.react(answer, "-1::skin-tone-2")
    assert "👎" in shop.victor.whispered(answer, holding="not an approver")
    assert shop.recorded(answer) == NOTHING
    shop.akira.react(answer, "-1")
    assert "nothing was carried out" in shop.olga.told(answer, "✋")
    assert shop.recorded(answer) == REJECTED
    shop.akira.react(answer, "+1")
    shop.akira.whispered(answer, holding="already rejected")
    assert shop.recorded(answer) == REJECTED


def test_the_approve_button_does_what_the_thumb_does(shop: Factory, answer: Message) -> None:
    assert shop.olga.press(answer, "approve").is_success
    shop.olga.whispered(answer, holding="not an approver")
    assert shop.recorded(answer) == NOTHING
    assert shop.akira.press(answer, "approve").is_success
    shop.olga.told(answer, "✅")
    assert shop.recorded(answer) == RECORDED
    assert shop.value("SELECT via FROM decisions d JOIN inspections i ON d.proposal_id = 'P-' || substr(i.id, 3) WHERE i.posted_ts = :t",
                      t=answer["ts"]) == "button"  # fmt: skip


def test_the_reject_button_does_what_the_thumb_down_does(shop: Factory, answer: Message) -> None:
    assert shop.victor.press(answer, "reject").is_success
    shop.victor.whispered(answer, holding="not an approver")
    assert shop.recorded(answer) == NOTHING
    assert shop.akira.press(answer, "reject").is_success
    shop.olga.told(answer, "✋")
    assert shop.recorded(answer) == REJECTED


def test_a_member_of_an_approving_user_group_may_decide_and_no_longer_after_leaving(
    shop: Factory, answer: Message, quality_leads: list[str]
) -> None:
    second = shop.olga.answer(shop.olga.ask(f"is this {PART} OK?", mat(201)))
    shop.sumi.react(answer, "+1")
    assert f"<@{shop.sumi.id}>" in shop.olga.told(answer, "✅")
    assert shop.recorded(answer) == RECORDED
    quality_leads.remove(shop.sumi.id)
    shop.sumi.react(second, "+1")
    shop.sumi.whispered(second, holding="not an approver")
    assert shop.recorded(second) == NOTHING
    quality_leads.append(shop.sumi.id)
    shop.sumi.react(second, "+1::skin-tone-6")
    shop.olga.told(second, "✅")
    assert shop.recorded(second) == RECORDED


def test_other_reactions_and_thumbs_elsewhere_decide_nothing(shop: Factory, answer: Message) -> None:
    question = {"ts": answer["thread_ts"], "channel": answer["channel"]}
    shop.akira.react(question, "+1")
    shop.akira.react(answer, "tada")
    shop.come_to_rest()
    assert shop.recorded(answer) == NOTHING
    assert shop.akira.whispers(after=answer) == []
