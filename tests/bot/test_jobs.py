"""The queue and the workers' heartbeats on a real database; whole jobs run in tests/paths."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from urllib.error import URLError

import httpx
import pytest
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web import SlackResponse
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from kenpin.bot import jobs as queue
from kenpin.bot import worker
from kenpin.bot.jobs import Jobs
from kenpin.bot.slack.files import FileGoneError, FileHostError
from kenpin.storage import tables, workers
from kenpin.storage.database import open_database, reading, writing
from kenpin.storage.errors import DatabaseUnreachableError, NotAnApproverError
from kenpin.tools.vision.errors import ModelProcessDiedError, NoReferencesError

HERE = socket.gethostname()


class StopThisError(Exception):
    """Anything that ends a transaction."""


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    queue.migrate(sqlite_url)
    engine = open_database(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def jobs(sqlite_url: str, engine: Engine) -> Iterator[Jobs]:
    opened = Jobs(sqlite_url)
    yield opened
    opened.close()


def test_a_job_put_on_twice_is_there_once(engine: Engine, jobs: Jobs) -> None:
    for _ in range(3):
        with writing(engine) as conn:
            jobs.inspect(conn, "K-1")
    assert jobs.waiting() == 1
    with writing(engine) as conn:
        jobs.inspect(conn, "K-2")
        jobs.inspect(conn, "K-1", attempt=2, delay_s=60)
        jobs.decide(conn, {"source_event": "Ev1", "person": "U0AIKO"})
        jobs.announce(conn, "Ev1", {"kind": "recorded"})
    assert jobs.waiting() == 5


def test_a_job_is_there_only_if_its_rows_are(engine: Engine, jobs: Jobs) -> None:
    with pytest.raises(StopThisError), writing(engine) as conn:
        jobs.inspect(conn, "K-1")
        raise StopThisError
    assert jobs.waiting() == 0
    with writing(engine) as conn:
        jobs.inspect(conn, "K-1")
    assert jobs.waiting() == 1


def test_the_queues_tables_are_made_as_often_as_asked(sqlite_url: str, engine: Engine, jobs: Jobs) -> None:
    with writing(engine) as conn:
        jobs.inspect(conn, "K-1")
    queue.migrate(sqlite_url)
    assert jobs.waiting() == 1


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgresql://kenpin@db/kenpin", "postgresql+psycopg://kenpin@db/kenpin"),
        ("postgres://kenpin@db/kenpin", "postgresql+psycopg://kenpin@db/kenpin"),
        ("postgresql+psycopg://kenpin@db/kenpin", "postgresql+psycopg://kenpin@db/kenpin"),
        ("sqlite:////var/lib/kenpin/kenpin.sqlite", "sqlite:////var/lib/kenpin/kenpin.sqlite"),
    ],
)
def test_database_addresses_are_given_as_the_queue_takes_them(given: str, driver: str) -> None:
    assert queue.driver_url(given) == driver


def slack_says(error: str, status: int = 200) -> SlackApiError:
    reply = SlackResponse(
        client=None, http_verb="POST", api_url="", req_args={}, data={"ok": False, "error": error}, headers={}, status_code=status
    )
    return SlackApiError("", reply)


@pytest.mark.parametrize(
    "error",
    [
        slack_says("ratelimited", 429), slack_says("internal_error"), slack_says("anything", 503), SlackRequestError("lost"),
        URLError("away"), ConnectionResetError(), TimeoutError(), OperationalError("SELECT 1", {}, Exception("database is locked")),
        FileHostError("away"), DatabaseUnreachableError("away"), ModelProcessDiedError("killed"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    assert worker.can_help(error)


@pytest.mark.parametrize(
    "error",
    [
        slack_says("channel_not_found"), slack_says("missing_scope"), slack_says("invalid_auth"), FileGoneError("deleted"),
        NoReferencesError("none"), NotAnApproverError("U0BEN", "SC-200", []), ValueError("ours"), AssertionError("ours"), KeyError("ours"),
        httpx.InvalidURL("ours"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_will_not_pass_is_not_tried_again(error: Exception) -> None:
    assert not worker.can_help(error)


def enter(engine: Engine, id: str, *, host: str = HERE, pid: int | None = None) -> None:
    with writing(engine) as conn:
        workers.beat(conn, id, host, os.getpid() if pid is None else pid)


def entered(engine: Engine) -> set[str]:
    with reading(engine) as conn:
        return {w.id for w in workers.living(conn)}


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return process.pid


def test_a_worker_whose_process_is_gone_is_forgotten_at_once(engine: Engine, jobs: Jobs) -> None:
    enter(engine, "me")
    enter(engine, "killed", pid=ended_process())
    worker.beat(engine, jobs, "me")
    assert entered(engine) == {"me"}


def test_a_worker_on_another_machine_is_believed_until_it_falls_silent(engine: Engine, jobs: Jobs) -> None:
    enter(engine, "me")
    enter(engine, "elsewhere", host="another-machine", pid=ended_process())
    worker.beat(engine, jobs, "me")
    assert entered(engine) == {"me", "elsewhere"}
    # Its last heartbeat is written back instead of waited for.
    with writing(engine) as conn:
        conn.execute(tables.workers.update().where(tables.workers.c.id == "elsewhere").values(heartbeat_at="2026-01-01T00:00:00.000Z"))
    worker.beat(engine, jobs, "me")
    assert entered(engine) == {"me"}


def test_living_workers_leave_each_other_alone(engine: Engine, jobs: Jobs) -> None:
    enter(engine, "first")
    enter(engine, "second")
    for name in ("first", "second", "first"):
        worker.beat(engine, jobs, name)
    assert entered(engine) == {"first", "second"}


def test_of_several_living_workers_only_the_eldest_takes_over(engine: Engine, jobs: Jobs) -> None:
    enter(engine, "eldest")
    enter(engine, "younger")
    enter(engine, "killed", pid=ended_process())
    worker.beat(engine, jobs, "younger")
    assert "killed" in entered(engine)
    worker.beat(engine, jobs, "eldest")
    assert entered(engine) == {"eldest", "younger"}
