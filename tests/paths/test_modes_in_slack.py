"""A part in shadow, in assist and in supervised scale, as the people of a channel see it; each refused case beside the allowed one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from drawn_parts import PART, mat
from running_kenpin import KENPIN, Factory, Message, buttons, factory, reference_of, wait_for

from kenpin.bot.workspace.server import Workspace
from kenpin.bot.workspace.settings import WorkspaceSettings
from kenpin.storage.audit import AuditKind

QUESTION = f"is this {PART} OK?"
NOTHING, RECORDED = (0, 0), (1, 1)  # decisions and actions on record
# Seeds of mats that lie well below the limit, with a score of 0.6 at most: each is a clear accept.
DECIDED, GROUPED, WAITING, KEPT = (31_002, 31_003, 31_004, 31_005, 32_002), (32_004, 33_001, 33_002), 33_003, 33_000
ENOUGH, GROUP_OF = len(DECIDED), len(GROUPED)  # five clean decisions bound the escapes by 45.1 in 100


@pytest.fixture(scope="module")
def shop(furnish: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Factory]:
    """A factory that trusts quickly. Akira may approve."""
    settings = {"KENPIN_TO_SCALE": f"{ENOUGH},46,49", "KENPIN_FALL_BACK": "49,0", "KENPIN_GROUP": f"{GROUP_OF},600,75"}
    with (
        Workspace(WorkspaceSettings(socket_resend_delays_s=(2.0,) * 12)) as slack,
        factory(slack, furnish(tmp_path_factory.mktemp("modes")), **settings) as made,
    ):
        made.serve()
        yield made
        made.come_to_rest()
        made.check_log()


@pytest.fixture(scope="module")
def in_scale(shop: Factory) -> Factory:
    """The part after enough good decisions, and a supervisor's word; not a decision earlier."""
    refused = subprocess.run([KENPIN, "parts", "mode", PART, "scale"], env=shop.environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "does not meet what scale needs" in refused.stderr
    questions = [shop.olga.ask(QUESTION, mat(seed)) for seed in DECIDED]
    for answer in [shop.olga.answer(question) for question in questions]:
        assert answer["text"].startswith("OK") and buttons(answer) == {"approve", "correct", "reject"}, "assist posts as ever"
        shop.akira.press(answer, "approve")
        shop.olga.told(answer, "✅")
    shop.come_to_rest()
    assert f"{PART} is in scale" in shop.run("parts", "mode", "dp10", "scale")
    said = said_in_channel(shop, "📈")
    assert "*supervised scale*" in said["text"] and "at most 45.1 of 100 parts called OK were bad" in said["text"]
    return shop


def said_in_channel(shop: Factory, beginning: str) -> Message:
    """Wait for the bot to say something in the channel itself, outside of any thread."""
    channel = shop.olga.channel("quality")

    def look() -> Message | None:
        history = shop.olga.slack.conversations_history(channel=channel, limit=50)["messages"]
        return next(({**m, "channel": channel} for m in history if m.get("bot_id") and m["text"].startswith(beginning)), None)

    return wait_for(f"the channel to say {beginning!r}", look)


def again(shop: Factory, group: Message) -> Message:
    found = shop.olga.slack.conversations_history(channel=group["channel"], latest=group["ts"], inclusive=True, limit=1)["messages"][0]
    return {**found, "channel": group["channel"]}


def rows(group: Message) -> dict[str, Message]:
    """The members' blocks, by inspection."""
    return {b["block_id"].removeprefix("member-"): b for b in group["blocks"] if b["block_id"].startswith("member-")}


def take_out(shop: Factory, group: Message, inspection: str) -> None:
    body = {
        "user": shop.olga.id,
        "channel": group["channel"],
        "ts": group["ts"],
        "action_id": "take_out",
        "block_id": f"member-{inspection}",
    }
    httpx.post(f"{shop.workspace.url}/local/actions", json=body, timeout=30).raise_for_status()


def test_clear_accepts_wait_for_one_approval_and_what_is_not_clear_does_not(in_scale: Factory) -> None:
    shop = in_scale
    torn = shop.olga.answer(shop.olga.ask(QUESTION, mat(32_000, torn=True)))
    assert buttons(torn) == {"approve", "correct", "reject"}, "decided by itself, at once"
    answers = [shop.olga.answer(shop.olga.ask(QUESTION, mat(seed))) for seed in GROUPED]
    for answer in answers:
        assert not buttons(answer) and "wait for one approval" in str(answer["blocks"])
    group = said_in_channel(shop, f"*{GROUP_OF} clear accepts of {PART}")
    references = [reference_of(answer) for answer in answers]
    assert list(rows(group)) == references
    assert [block["type"] for block in group["blocks"]].count("image") == 1
    assert all("<http" in row["text"]["text"] for row in rows(group).values()), "each leads to its thread"

    shop.olga.react(group, "+1")
    assert f"<@{shop.akira.id}>" in shop.olga.whispered(group, holding="not an approver")
    shop.come_to_rest()
    assert [shop.recorded(answer) for answer in answers] == [NOTHING] * GROUP_OF
    (refused,) = shop.rows("SELECT person_id FROM audit_entries WHERE kind = :k", k=AuditKind.GROUP_REFUSED.value)
    assert refused[0] == shop.olga.id

    take_out(shop, group, references[1])
    alone = wait_for("its own buttons", lambda: now if buttons(now := shop.olga.answers(answers[1])[0]) else None)
    assert buttons(alone) == {"approve", "correct", "reject"} and "Proposed: accept" in alone["text"]
    wait_for("the list to say so", lambda: "taken out by" in rows(again(shop, group))[references[1]]["text"]["text"])

    shop.akira.press(again(shop, group), "approve")
    wait_for("the group to be approved", lambda: "✅ *Accept* recorded for 2" in again(shop, group)["text"])
    shop.come_to_rest()
    assert [shop.recorded(answer) for answer in answers] == [RECORDED, NOTHING, RECORDED]
    assert f"approved by <@{shop.akira.id}>" in shop.olga.told(answers[0], "✅")
    for reference in (references[0], references[2]):
        assert len(shop.logged(reference, AuditKind.DECISION_APPROVED)) == len(shop.logged(reference, AuditKind.ACTION_RECORDED)) == 1
    assert not buttons(again(shop, group))

    shop.akira.react(group, "+1")
    shop.akira.whispered(group, holding="already approved")
    shop.akira.press(alone, "approve")
    shop.olga.told(answers[1], "✅")
    assert shop.recorded(answers[1]) == RECORDED, "decided by itself"


def test_a_part_taken_out_of_scale_dissolves_its_group_and_in_shadow_says_nothing(in_scale: Factory) -> None:
    shop = in_scale
    waiting = shop.olga.answer(shop.olga.ask(QUESTION, mat(WAITING)))
    assert not buttons(waiting)
    shop.run("parts", "mode", PART, "shadow", "--why", "a new <lamp>")
    said = said_in_channel(shop, "📉")
    assert "*shadow*" in said["text"] and "“a new &lt;lamp&gt;”" in said["text"]
    wait_for("its own buttons", lambda: buttons(shop.olga.answers(waiting)[0]) == {"approve", "correct", "reject"} or None)

    question = shop.olga.ask(QUESTION, mat(KEPT))
    wait_for("the sign that it was noted", lambda: "memo" in reactions(shop, question) or None)
    shop.come_to_rest()
    assert shop.olga.thread(question) == []
    assert "eyes" not in reactions(shop, question)
    (kept,) = shop.inspections_of(question)
    assert (kept.state, kept.verdict, kept.posted_ts) == ("answered", "ok", None)
    assert shop.rows("SELECT mode, delivery FROM deliveries WHERE inspection_id = :i", i=kept.id) == [("shadow", "kept")]
    proposal = shop.rows("SELECT disposition, expires_at FROM proposals WHERE inspection_id = :i", i=kept.id)
    assert proposal == [("accept", None)], "waits for the console, for ever"
    assert len(shop.logged(kept.id, AuditKind.ANSWER_KEPT)) == 1 and not shop.logged(kept.id, AuditKind.ANSWER_POSTED)


def reactions(shop: Factory, message: Message) -> set[str]:
    shown = shop.olga.slack.reactions_get(channel=message["channel"], timestamp=message["ts"], full=True)["message"]
    return {reaction["name"] for reaction in shown.get("reactions", [])}
