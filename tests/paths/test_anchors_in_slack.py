"""The day's anchor, made by real workers and read back by `kenpin audit verify --anchors`: one a day, whoever is killed when."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_kenpin import KENPIN, Factory, Message, factory, wait_for
from slack_sdk import WebClient

from kenpin.bot.workspace import people
from kenpin.bot.workspace.server import Workspace

CHANNEL = people.LINE_2


@pytest.fixture
def shop(workspace: Workspace, tmp_path: Path) -> Iterator[Factory]:
    """A factory that is not yet at work; its anchors go to #line-2 and to a file."""
    home = tmp_path / "home"
    home.mkdir()
    anchors = {"KENPIN_ANCHOR_CHANNEL": CHANNEL.name, "KENPIN_ANCHOR_FILE": str(tmp_path / "anchors.jsonl")}
    with factory(workspace, home, **anchors) as made:
        made.run("people", "approve", people.APPROVER.id)
        yield made
        made.faults(reset=True)
        made.check_log()


def posted(shop: Factory) -> list[Message]:
    history: list[Message] = shop.olga.slack.conversations_history(channel=CHANNEL.id, limit=50, include_all_metadata=True)["messages"]
    return [m for m in history if (m.get("metadata") or {}).get("event_type") == "kenpin_anchor"]


def verified(shop: Factory) -> subprocess.CompletedProcess[str]:
    command = [KENPIN, "audit", "verify", "--anchors"]
    return subprocess.run(command, env=shop.environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.chaos
def test_a_worker_killed_between_posting_and_noting_posts_no_second_anchor(shop: Factory, tmp_path: Path) -> None:
    shop.faults(delays_s={"chat.postMessage": 3.0})
    shop.workspace.calls.clear()
    first = shop.start("worker")
    looked = "conversations.history"  # where it looks for the anchor before it posts it
    wait_for("the anchor to be on its way", lambda: shop.workspace.calls.latest(looked), every_s=0.01)
    lock = sqlite3.connect(shop.home / "kenpin.sqlite", isolation_level=None, timeout=30)
    lock.execute("BEGIN IMMEDIATE")  # so that nobody can note it
    wait_for("the anchor to stand in the channel", lambda: len(posted(shop)) == 1, every_s=0.01)
    first.kill()
    lock.execute("ROLLBACK")
    lock.close()
    shop.faults(reset=True)
    assert shop.value("SELECT posted_at FROM anchors") is None
    shop.start("worker")
    wait_for("the anchor to be noted", lambda: shop.value("SELECT written_at FROM anchors") is not None)
    wait_for("every job to be done", lambda: shop.unfinished_jobs() == 0)
    (message,) = posted(shop)
    assert shop.value("SELECT message_ts FROM anchors") == message["ts"]
    assert len((tmp_path / "anchors.jsonl").read_text().splitlines()) == 1

    forged = {"event_type": "kenpin_anchor", "event_payload": {"id": "2026-01-01", "seq": 1, "hash": "0" * 64}}
    shop.olga.slack.chat_postMessage(channel=CHANNEL.id, text="I am an anchor too", metadata=forged)
    found = verified(shop)
    assert found.returncode == 0, found.stderr
    assert "Anchors that hold: 2" in found.stdout, "in Slack and in the file; what others write there counts for nothing"

    bot = WebClient(token=shop.workspace.bot_token, base_url=shop.workspace.api_url)
    bot.chat_delete(channel=CHANNEL.id, ts=message["ts"])
    found = verified(shop)
    assert found.returncode == 1
    assert f"(slack: {CHANNEL.id})" in found.stderr and "An anchor is missing" in found.stderr


def test_a_rewritten_log_is_found_by_the_anchor_in_slack(shop: Factory) -> None:
    assert "Anchored in Slack" in shop.run("audit", "anchor")
    shop.run("people", "approve", people.SUPERVISOR.id)
    with sqlite3.connect(shop.home / "kenpin.sqlite") as owner:
        for (name,) in owner.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit%'").fetchall():
            owner.execute(f"DROP TRIGGER {name}")
        owner.execute("DELETE FROM audit_payloads")
        owner.execute("DELETE FROM audit_entries")
        owner.execute("UPDATE audit_head SET seq = 0, hash = ?", ("0" * 64,))
    found = verified(shop)
    assert found.returncode == 1
    assert "History was rewritten: entry 1 is not the one that the anchor of" in found.stderr
    assert "No anchor vouches for any entry" in found.stderr
    whole = subprocess.run([KENPIN, "audit", "verify"], env=shop.environment, capture_output=True, text=True, check=False)
    assert whole.stdout.startswith("The chain is whole: 0 entries"), "by itself it says nothing: that is what anchors are for"
