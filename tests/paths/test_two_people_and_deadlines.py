"""Where one 👍 is not the end of it: two people, corrections, deadlines and second looks, each refused case beside the allowed one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from drawn_parts import PART, mat
from running_kenpin import Factory, Message, buttons, factory, reference_of, wait_for

from kenpin.bot.workspace.server import Workspace
from kenpin.bot.workspace.settings import WorkspaceSettings
from kenpin.storage.audit import AuditKind

NOTHING, REJECTED, RECORDED = (0, 0), (1, 0), (1, 1)  # decisions and actions on record
TWO_PEOPLE = f"rules:\n  - name: torn mats need two people\n    part: {PART}\n    when: {{verdict: not_ok}}\n    then: {{people: 2}}\n"
QUESTION = f"is this {PART} OK?"


def ask(shop: Factory, name: str) -> Message:
    """The answer to a question about a torn mat; another name is another photo."""
    return shop.olga.answer(shop.olga.ask(QUESTION, mat(20_000 + sum(name.encode()), torn=True)))


@pytest.fixture
def answer(shop: Factory, request: pytest.FixtureRequest) -> Message:
    return ask(shop, request.node.name)


@pytest.fixture
def critical(shop: Factory, request: pytest.FixtureRequest) -> Iterator[Message]:
    """An answer whose proposal needs two people, by a rule of the site."""
    rules = shop.home / "rules"
    rules.mkdir(exist_ok=True)
    (rules / "two.yaml").write_text(TWO_PEOPLE)
    yield ask(shop, request.node.name)
    (rules / "two.yaml").unlink()


# Two people


def test_two_different_approvers_are_needed_and_the_thread_says_who_was_first(shop: Factory, critical: Message) -> None:
    assert "needs two people" in critical["text"]
    assert buttons(critical) == {"approve", "reject"}
    shop.olga.react(critical, "+1")
    shop.olga.whispered(critical, holding="not an approver")
    shop.akira.react(critical, "+1")
    said = shop.olga.told(critical, "☝️ 1 of 2")
    assert f"<@{shop.akira.id}>" in said and "another approver" in said
    shop.akira.press(critical, "approve")
    assert "as the first of two" in shop.akira.whispered(critical, holding="another approver")
    shop.come_to_rest()
    assert shop.recorded(critical) == NOTHING
    assert buttons(shop.olga.answers(critical)[0]) == {"approve", "reject"}

    shop.sumi.press(critical, "approve")
    assert f"<@{shop.sumi.id}>" in shop.olga.told(critical, "✅")
    shop.come_to_rest()
    assert shop.recorded(critical) == RECORDED
    assert not buttons(shop.olga.answers(critical)[0])
    kinds = [entry.kind for entry in shop.log_of(reference_of(critical))]
    for kind in (AuditKind.PROPOSAL_ENDORSED, AuditKind.DECISION_APPROVED, AuditKind.ACTION_RECORDED):
        assert kinds.count(kind) == 1
    assert kinds.count(AuditKind.DECISION_REFUSED) == 2
    assert sum(m["text"].startswith("☝️") for m in shop.olga.thread(critical)) == 1


def test_one_rejection_is_enough_though_another_has_approved(shop: Factory, critical: Message) -> None:
    shop.akira.react(critical, "+1")
    shop.olga.told(critical, "☝️ 1 of 2")
    shop.sumi.react(critical, "-1")
    shop.olga.told(critical, "✋")
    assert shop.recorded(critical) == REJECTED


# Corrections


def test_an_approver_says_what_it_really_is_and_that_is_recorded(shop: Factory, answer: Message) -> None:
    assert buttons(answer) == {"approve", "correct", "reject"}
    shop.olga.press(answer, "correct")
    dialog = wait_for("the dialog", shop.olga.dialog)
    shop.olga.send(dialog, really="ok", disposition="accept")
    shop.olga.whispered(answer, holding="not an approver")
    assert shop.recorded(answer) == NOTHING

    shop.sumi.press(answer, "correct")
    too_late = wait_for("the dialog", shop.sumi.dialog)
    shop.akira.press(answer, "correct")
    dialog = wait_for("the dialog", shop.akira.dialog)
    assert shop.akira.send(dialog, really="not_ok", other_class="cut <!channel>", disposition="scrap", note="seen & felt").is_success
    said = shop.olga.told(answer, "✏️")
    assert (
        f"<@{shop.akira.id}>" in said and "it is not OK. Kind of defect: cut &lt;!channel&gt;. “seen &amp; felt” *Scrap* recorded" in said
    )
    shop.come_to_rest()
    assert shop.recorded(answer) == RECORDED
    assert shop.akira.dialog() is None
    found = shop.rows(
        "SELECT d.verdict, c.really, c.defect_class, c.disposition, c.corrected_by FROM decisions d JOIN corrections c "
        "ON c.proposal_id = d.proposal_id AND c.digest = d.corrected_digest WHERE d.proposal_id = :p",
        p=reference_of(answer).replace("K-", "P-"),
    )
    assert found == [("corrected", "not_ok", "cut <!channel>", "scrap", shop.akira.id)]
    (logged,) = shop.logged(reference_of(answer), AuditKind.ACTION_RECORDED)
    assert logged.payload is not None and logged.payload["content"]["disposition"] == "scrap"
    assert not buttons(shop.olga.answers(answer)[0])

    shop.sumi.react(answer, "+1")
    assert "👍" in shop.sumi.whispered(answer, holding="already corrected")
    shop.sumi.send(too_late, really="ok", disposition="accept")
    shop.sumi.whispered(answer, holding="Your correction changes nothing")
    assert shop.recorded(answer) == RECORDED


# Deadlines and second looks, in a factory that has little patience and looks at everything twice


@pytest.fixture(scope="module")
def hasty(furnish: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Factory]:
    """Proposals wait for nine seconds, and every judgement is looked at again. Only Akira may approve."""
    with (
        Workspace(WorkspaceSettings(socket_resend_delays_s=(2.0,) * 12)) as slack,
        factory(slack, furnish(tmp_path_factory.mktemp("hasty")), KENPIN_PROPOSAL_DAYS="0.0001", KENPIN_SECOND_LOOKS="1") as made,
    ):
        made.serve()
        yield made
        made.come_to_rest()
        made.check_log()


def test_an_expired_proposal_is_told_of_once_and_a_late_thumb_is_answered_privately(hasty: Factory) -> None:
    answer = ask(hasty, "late")
    said = hasty.olga.told(answer, "⌛")
    assert f"<@{hasty.olga.id}>, ask again in this thread" in said and "nothing was turned down" in said
    hasty.akira.react(answer, "+1")
    assert "expired" in hasty.akira.whispered(answer, holding="changes nothing")
    hasty.come_to_rest()
    assert hasty.recorded(answer) == NOTHING
    assert not buttons(hasty.olga.answers(answer)[0])
    assert sum(m["text"].startswith("⌛") for m in hasty.olga.thread(answer)) == 1
    kinds = [entry.kind for entry in hasty.log_of(reference_of(answer))]
    assert (kinds.count(AuditKind.PROPOSAL_EXPIRED), kinds.count(AuditKind.DECISION_REFUSED)) == (1, 1)
    row = next(line for line in hasty.run("audit", "list", "--last", "50").splitlines() if "proposal_expired" in line)
    assert reference_of(answer) in row and row.rstrip(" │|").endswith("expired")


def look_at(shop: Factory, answer: Message) -> Message:
    """The direct message that asks Akira for a second look at an answer."""
    reference = reference_of(answer)
    return wait_for("a second look to be asked for", lambda: next((m for m in shop.akira.direct_messages() if reference in str(m)), None))


def test_a_second_look_shows_the_photo_and_not_the_answer_and_the_thread_says_whether_both_agree(hasty: Factory) -> None:
    answer = ask(hasty, "look")
    look = look_at(hasty, answer)
    assert QUESTION in look["text"] and "unusual" not in str(look) and "OK:" not in look["text"]
    assert [block["type"] for block in look["blocks"]].count("image") == 1
    assert buttons(look) == {"look_ok", "look_not_ok", "look_cannot_tell"}
    hasty.akira.press(look, "look_ok")
    said = hasty.olga.told(answer, "👀")
    assert f"<@{hasty.akira.id}>" in said and "differs: OK. The answer was: Not OK." in said
    thanks = wait_for("the buttons to go", lambda: now if not buttons(now := look_at_again(hasty, look)) else None)
    assert "Thank you. You said: OK. The answer was: Not OK" in thanks["text"]
    assert [block["type"] for block in thanks["blocks"]].count("image") == 1, "the photo stays"
    reference = reference_of(answer)
    assert hasty.rows("SELECT person_id, said FROM second_look_replies WHERE inspection_id = :i", i=reference) == [(hasty.akira.id, "ok")]
    assert len(hasty.logged(reference, AuditKind.SECOND_LOOK_DRAWN)) == len(hasty.logged(reference, AuditKind.SECOND_LOOK_TAKEN)) == 1
    printed = hasty.run("audit", "agreement", "--part", "dp10")
    assert "n = 1" in printed and "Agreement 0.0%" in printed


def look_at_again(shop: Factory, look: Message) -> Message:
    return next(m for m in shop.akira.direct_messages() if m["ts"] == look["ts"])


def test_whoever_asked_is_never_asked_for_the_second_look(hasty: Factory) -> None:
    question = hasty.akira.ask(QUESTION, mat(20_001))
    answer = hasty.akira.answer(question)
    hasty.come_to_rest()
    assert not any(reference_of(answer) in str(m) for m in hasty.akira.direct_messages())
    assert hasty.value("SELECT count(*) FROM second_looks WHERE inspection_id = :i", i=reference_of(answer)) == 0
