"""Anchors: one a day however many workers look, in Slack and in a file, and what is said of those that are read back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from slack_sdk import WebClient
from sqlalchemy.engine import Engine

from kenpin.bot import anchoring, jobs, telling_anchors
from kenpin.bot.anchoring import AnchorFileError, Anchoring
from kenpin.bot.jobs import Jobs
from kenpin.bot.settings import SettingError
from kenpin.bot.slack.anchor_channel import SlackAnchors
from kenpin.bot.workspace import people
from kenpin.bot.workspace.server import Workspace
from kenpin.storage import anchors, audit
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import Language


@pytest.fixture
def log(database: Engine) -> Engine:
    with writing(database) as conn:
        for part in ("SC-1", "SC-2"):
            audit.append(conn, AuditKind.PART_ADDED, {"part": part})
    return database


@pytest.fixture
def queue(log: Engine, database_url: str) -> Iterator[Jobs]:
    jobs.migrate(database_url)
    made = Jobs(database_url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def slack() -> Iterator[Workspace]:
    with Workspace() as workspace:
        yield workspace


def channel(slack: Workspace, name: str = "#line-2") -> SlackAnchors:
    return SlackAnchors(WebClient(token=slack.bot_token, base_url=slack.api_url), name)


def test_many_workers_make_one_anchor_and_one_job_a_day(log: Engine, queue: Jobs) -> None:
    workers = [threading.Thread(target=lambda: [anchoring.see_to_today(log, queue) for _ in range(5)]) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with reading(log) as conn:
        assert len(anchors.listing(conn)) == 1
    assert queue.waiting() == 1


def test_nothing_is_anchored_while_the_log_is_empty(database: Engine, database_url: str) -> None:
    jobs.migrate(database_url)
    queue = Jobs(database_url)
    anchoring.see_to_today(database, queue)
    assert queue.waiting() == 0
    queue.close()


def test_an_anchor_is_posted_and_written_once_however_often_its_job_runs(log: Engine, slack: Workspace, tmp_path: Path) -> None:
    places = Anchoring(channel=channel(slack), file=tmp_path / "anchors.jsonl")
    before = len(channel(slack).read())
    made = anchoring.make_now(log, places)
    with writing(log) as conn:  # a job that dies before it notes what it did finds its own message and line
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("ALTER TABLE anchors DISABLE TRIGGER ALL")
        else:
            conn.exec_driver_sql("DROP TRIGGER anchors_guard_update")
        conn.execute(sa.text("UPDATE anchors SET channel = NULL, message_ts = NULL, posted_at = NULL, file = NULL, written_at = NULL"))
    anchoring.keep(log, places, made.id)
    assert len(channel(slack).read()) == before + 1
    assert len((tmp_path / "anchors.jsonl").read_text().splitlines()) == 1
    with reading(log) as conn:
        again = anchors.find(conn, made.id)
    assert again and again.message_ts == made.message_ts


def test_only_the_bots_own_messages_count_and_people_can_read_them(log: Engine, slack: Workspace) -> None:
    made = anchoring.make_now(log, Anchoring(channel=channel(slack)))
    forged = {"event_type": "kenpin_anchor", "event_payload": {"id": made.id, "seq": made.seq, "hash": "0" * 64}}
    olga = WebClient(token=people.OPERATOR.token, base_url=slack.api_url)
    olga.chat_postMessage(channel=people.LINE_2.id, text="me too", metadata=forged)
    assert "0" * 64 not in {one.hash for one in channel(slack).read()}
    history = olga.conversations_history(channel=people.LINE_2.id, limit=5)["messages"]
    assert any("Audit log: 2 entries on" in m["text"] and "監査ログ" in m["text"] and made.hash in m["text"] for m in history)


def test_a_channel_the_bot_is_not_in_is_named(slack: Workspace) -> None:
    with pytest.raises(SettingError, match="KENPIN_ANCHOR_CHANNEL names #canteen, where the bot is not a member"):
        channel(slack, "canteen").read()


# The file


def test_a_line_that_a_power_cut_tore_stands_alone(log: Engine, tmp_path: Path) -> None:
    file = tmp_path / "anchors.jsonl"
    file.write_text('{"anchor": "2026-11-22", "seq": 1, "ha')
    made = anchoring.make_now(log, Anchoring(file=file))
    assert [one.id for one in anchoring.sightings_in(file, "there")] == [made.id]
    assert anchoring.verify(log, Anchoring(file=file)).whole


def test_a_copy_of_the_file_stands_for_it(log: Engine, tmp_path: Path) -> None:
    file, copy = tmp_path / "anchors.jsonl", tmp_path / "copy.jsonl"
    anchoring.make_now(log, Anchoring(file=file))
    copy.write_text(file.read_text())
    file.write_text("")
    assert not anchoring.verify(log, Anchoring(file=file)).whole
    assert anchoring.verify(log, Anchoring(file=file), file=copy).whole
    assert anchoring.verify(log, Anchoring(), file=copy).whole


def test_a_file_that_cannot_be_used_is_named(log: Engine, tmp_path: Path) -> None:
    with pytest.raises(AnchorFileError, match="cannot be read: No such file"):
        anchoring.verify(log, Anchoring(), file=tmp_path / "none.jsonl")
    with pytest.raises(AnchorFileError, match="No anchor can be appended to"):
        anchoring.make_now(log, Anchoring(file=tmp_path / "no folder" / "anchors.jsonl"))


# What is said


@pytest.mark.parametrize("language", list(Language))
def test_what_is_wrong_is_said_with_since_when(log: Engine, tmp_path: Path, language: Language) -> None:
    file = tmp_path / "anchors.jsonl"
    anchoring.make_now(log, Anchoring(file=file))
    first = file.read_text()
    anchoring.make_now(log, Anchoring(file=file))
    second = file.read_text().splitlines()[1]
    with reading(log) as conn:
        hash = audit.show(conn, "3")[0].hash
    file.write_text(first + second.replace(hash, "0" * 64) + "\n")
    right, wrong = telling_anchors.told(anchoring.verify(log, Anchoring(file=file)), language)
    assert {
        Language.EN: "History was rewritten: entry 3 is not the one",
        Language.JA: "履歴が書き換えられています。3 件目は",
    }[language] in " ".join(wrong)
    assert {
        Language.EN: "Up to entry 2 of",
        Language.JA: "2 件目（",
    }[language] in wrong[-1]
    assert right
