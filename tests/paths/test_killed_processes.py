"""kill -9, at every step: no accepted question is lost, nothing is posted twice, nothing is recorded twice.

The moments are not guessed. Slack is told to be slow at the call that belongs to a step, or the database is held, so that the step is
seen to be under way in the records or in the workspace's own list of calls; then the process dies.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from drawn_parts import PART, mat
from psycopg import sql
from running_kenpin import Factory, Message, Process, buttons, factory, reference_of, wait_for

from kenpin.bot.workspace import people
from kenpin.bot.workspace.server import Workspace
from kenpin.bot.workspace.settings import WorkspaceSettings
from kenpin.storage.audit import AuditKind
from kenpin.storage.photos import PhotoStore
from kenpin.tools import photo

pytestmark = pytest.mark.chaos

ROUNDS = int(os.environ.get("KENPIN_CHAOS_ROUNDS", "1"))
KILLS = 1 if ROUNDS == 1 else 3  # a round
QUESTION = f"is this {PART} OK?"
HELD_S = 4.0  # how long Slack keeps a call waiting while the caller is killed
TAKEN_OVER_WITHIN_S = 15.0  # ten seconds of silence and a few of work

Moment = tuple[dict[str, Any], Callable[[Factory, Message], bool]]  # the trouble at Slack, and how to see that the moment has come


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with Workspace(WorkspaceSettings(socket_resend_delays_s=(2.0,) * 60)) as workspace:
        yield workspace


@pytest.fixture
def shop(slack: Workspace, furnish: Callable[[Path], Path], tmp_path: Path) -> Iterator[Factory]:
    """A factory of this test's own on SQLite, not yet at work. Akira and the quality leads may approve."""
    approvers = f"{people.APPROVER.id},{people.QUALITY_LEADS.id}"
    with factory(slack, furnish(tmp_path / "home"), KENPIN_APPROVERS=approvers) as made:
        yield made
        made.check_log()


@pytest.fixture
def on_postgres(
    slack: Workspace, furnish: Callable[[Path], Path], postgres_url: str, good_photos: Path, tmp_path: Path
) -> Iterator[Factory]:
    with factory(slack, furnish(tmp_path / "home"), database_url=postgres_url) as made:
        made.run("migrate")
        made.run("parts", "add", PART, "--name", "Filter mat", "--good", str(good_photos))
        yield made
        made.check_log()


def state(shop: Factory, question: Message) -> str | None:
    found = shop.inspections_of(question)
    return found[0].state if found else None


def done(shop: Factory, question: Message, step: str) -> bool:
    found = shop.inspections_of(question)
    return bool(found) and step in shop.done_steps(found[0].id)


def begun(shop: Factory, question: Message) -> bool:
    """Whether its job was taken off the queue."""
    found = shop.inspections_of(question)
    jobs = "dbos.workflow_status" if shop.engine.dialect.name == "postgresql" else "workflow_status"
    return bool(found) and shop.value(f"SELECT status FROM {jobs} WHERE workflow_uuid = :j", j=f"inspect:{found[0].id}") == "PENDING"


def claimed(shop: Factory, question: Message) -> bool:
    found = shop.inspections_of(question)
    return bool(found and found[0].posting_by)


MOMENTS: dict[str, Moment] = {
    "as soon as it is stored": ({}, lambda shop, q: state(shop, q) == "received"),
    "while it fetches": ({"delays_s": {"assistant.threads.setStatus": HELD_S}}, lambda shop, q: begun(shop, q)),
    "after it fetched": ({}, lambda shop, q: done(shop, q, "fetch")),
    "after it looked": ({}, lambda shop, q: done(shop, q, "look")),
    "after it saved the answer": ({"delays_s": {"files.getUploadURLExternal": 1.5}}, lambda shop, q: state(shop, q) == "answered"),
    "while it posts": ({"delays_s": {"chat.postMessage": HELD_S}}, lambda shop, q: uploaded(shop) and claimed(shop, q)),
    "after it posted": ({}, lambda shop, q: bool(shop.olga.answers(q))),
    "after it noted the posting": ({"delays_s": {"assistant.threads.setStatus": 0.3}}, lambda shop, q: state(shop, q) == "posted"),
}


def uploaded(shop: Factory) -> bool:
    """The map lies at Slack, so posting is what comes next."""
    return any(
        c["answer"] == "ok" and c["caller"] == people.BOT_USER_ID for c in shop.workspace.calls.latest("files.completeUploadExternal")
    )


@contextmanager
def held(shop: Factory) -> Iterator[None]:
    """The SQLite database, which then nobody else can write to."""
    lock = sqlite3.connect(shop.home / "kenpin.sqlite", isolation_level=None, timeout=30)
    lock.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        lock.execute("ROLLBACK")
        lock.close()


def expect_one_of_everything(shop: Factory, question: Message) -> None:
    """One inspection, one answer in the thread, one of each entry on the log."""
    (inspection,) = shop.inspections_of(question)
    assert inspection.state == "posted"
    (answer,) = shop.olga.answers(question)
    assert answer["ts"] == inspection.posted_ts
    kinds = [entry.kind for entry in shop.log_of(inspection.id)]
    for kind in (AuditKind.QUESTION_RECEIVED, AuditKind.ANSWER_SAVED, AuditKind.PROPOSAL_MADE, AuditKind.ANSWER_POSTED):
        assert kinds.count(kind) == 1, f"{kind} {kinds.count(kind)} times"
    assert AuditKind.INSPECTION_FAILED not in kinds


def test_a_question_survives_a_kill_at_every_step_and_is_answered_once(shop: Factory) -> None:
    """One question for each step; the process that is started for one goes on with the question whose worker was killed before it."""
    running = shop.serve()
    asked: list[Message] = []
    for seed, (name, (trouble, has_come)) in enumerate(MOMENTS.items(), 700):
        # Everything before is done, so that this question's steps are the only ones under way.
        shop.come_to_rest()
        shop.workspace.calls.clear()
        shop.faults(reset=True, **trouble)
        question = shop.olga.ask(QUESTION, mat(seed, torn=True))
        wait_for(f"the moment {name!r}", lambda q=question, come=has_come: come(shop, q), every_s=0.005)
        running.kill()
        shop.faults(reset=True)
        asked.append(question)
        running = shop.serve()
        shop.olga.answer(question)
        shop.come_to_rest()
        expect_one_of_everything(shop, question)
    for question in asked:
        expect_one_of_everything(shop, question)


def test_a_decision_survives_a_kill_and_is_recorded_and_announced_once(shop: Factory) -> None:
    running = shop.serve()
    asked = [shop.olga.ask(QUESTION, mat(seed)) for seed in (720, 721, 722)]
    answers = [shop.olga.answer(question) for question in asked]
    shop.come_to_rest()
    troubles: list[tuple[str, Callable[[Message], bool]]] = [
        ("usergroups.users.list", lambda a: shop.unfinished_jobs() > 0),  # before it is recorded
        ("chat.postMessage", lambda a: shop.recorded(a) == (1, 1)),  # recorded, and the thread is about to be told
        ("chat.update", lambda a: any(m["text"].startswith("✅") for m in shop.olga.thread(a))),  # told, and the buttons are still there
    ]
    for answer, (method, has_come) in zip(answers, troubles, strict=True):
        shop.faults(delays_s={method: HELD_S})
        shop.akira.react(answer, "+1")
        wait_for(f"the thumb to reach {method}", lambda a=answer, come=has_come: come(a), every_s=0.005)
        time.sleep(0.5)
        running.kill()
        shop.faults(reset=True)
        running = shop.serve()
        shop.olga.told(answer, "✅")
        shop.come_to_rest()
        assert shop.recorded(answer) == (1, 1)
        assert not any(buttons(m) for m in shop.olga.answers(answer))
        assert sum(m["text"].startswith("✅") for m in shop.olga.thread(answer)) == 1
        assert len(shop.logged(reference_of(answer), AuditKind.ACTION_RECORDED)) == 1


def test_a_second_look_survives_kills_and_is_asked_for_and_told_of_once(shop: Factory) -> None:
    def serve() -> Process:
        return shop.start("serve", KENPIN_SECOND_LOOKS="1").wait_until("Kenpin is at work")

    def asked_for() -> list[Message]:
        return [m for m in shop.akira.direct_messages() + shop.sumi.direct_messages() if reference_of(answer) in str(m)]

    running = serve()
    shop.faults(delays_s={"conversations.open": HELD_S})
    question = shop.olga.ask(QUESTION, mat(725, torn=True))
    answer = shop.olga.answer(question)
    wait_for("the second look to be drawn", lambda: shop.value("SELECT count(*) FROM second_looks"), every_s=0.005)
    time.sleep(0.5)
    running.kill()  # before it is asked for
    shop.faults(reset=True, delays_s={"chat.postMessage": HELD_S})
    running = serve()
    wait_for("the second look to be asked for", asked_for, every_s=0.005)
    running.kill()  # asked for, and not noted yet
    shop.faults(reset=True, delays_s={"chat.update": HELD_S})
    running = serve()
    shop.come_to_rest()
    (look,) = asked_for()
    looker = shop.akira if look["channel"] == shop.akira.dm else shop.sumi
    looker.press(look, "look_not_ok")
    shop.olga.told(answer, "👀")
    running.kill()  # told, and the buttons are still there
    shop.faults(reset=True)
    serve()
    shop.come_to_rest()
    (look,) = asked_for()
    assert not buttons(look)
    assert sum(m["text"].startswith("👀") for m in shop.olga.thread(answer)) == 1
    kinds = [entry.kind for entry in shop.log_of(reference_of(answer))]
    assert kinds.count(AuditKind.SECOND_LOOK_DRAWN) == kinds.count(AuditKind.SECOND_LOOK_TAKEN) == 1
    expect_one_of_everything(shop, question)


def test_a_thumb_on_an_answer_whose_poster_died_counts_once_it_is_known_to_stand_there(shop: Factory) -> None:
    """The answer can be seen and decided, but the worker died before it noted where it stands; the thumb must wait, not be lost."""
    running = shop.serve()
    shop.faults(delays_s={"chat.postMessage": HELD_S})
    question = shop.olga.ask(QUESTION, mat(730))
    wait_for("the answer to be on its way", lambda: uploaded(shop) and claimed(shop, question), every_s=0.005)
    with held(shop):
        answer = shop.olga.answer(question)
        running.kill()
    shop.faults(reset=True)
    assert shop.inspections_of(question)[0].posted_ts is None
    shop.akira.react(answer, "+1")
    shop.serve()
    shop.olga.told(answer, "✅")
    shop.come_to_rest()
    assert shop.recorded(answer) == (1, 1)
    expect_one_of_everything(shop, question)


def test_a_question_under_way_when_the_bot_is_stopped_is_answered_after_the_next_start(shop: Factory) -> None:
    running = shop.serve()
    shop.faults(delays_s={"assistant.threads.setStatus": 40.0})
    question = shop.olga.ask(QUESTION, mat(731))
    wait_for("the question to be under way", lambda: begun(shop, question))
    assert running.stop() == 0
    shop.faults(reset=True)
    shop.serve()
    shop.olga.answer(question)
    shop.come_to_rest()
    expect_one_of_everything(shop, question)


@pytest.mark.parametrize("round", range(ROUNDS))
def test_kills_at_moments_drawn_by_chance_lose_and_double_nothing(shop: Factory, round: int) -> None:
    chance = random.Random(round)
    running = shop.serve()
    asked = []
    for kill in range(KILLS):
        asked += [shop.olga.ask(QUESTION, mat(10_000 + 100 * round + 10 * kill + i, torn=True)) for i in range(3)]
        time.sleep(chance.uniform(0.0, 4.0))
        running.kill()
        running = shop.serve()
    for question in asked:
        shop.olga.answer(question)
    shop.come_to_rest()
    for question in asked:
        expect_one_of_everything(shop, question)


@pytest.mark.postgres
def test_on_postgresql_another_worker_takes_over_from_a_dead_one(on_postgres: Factory) -> None:
    """The dead one counts as running on another machine where that can be arranged: then only its silence tells that it is dead."""
    shop = on_postgres
    shop.faults(delays_s={"assistant.threads.setStatus": 1.0})
    serving = shop.serve()
    second = shop.start("worker", before=elsewhere()).wait_until("The worker is at work")
    workers = {pid: id for id, pid in shop.rows("SELECT id, pid FROM workers")}
    of_second = "SELECT count(*) FROM dbos.workflow_status WHERE status = 'PENDING' AND executor_id = :w"
    asked: list[Message] = []

    def at_work() -> bool:
        """Whoever is free takes a question: ask until it was the second worker."""
        if all(shop.olga.answers(question) for question in asked):
            asked.extend(shop.olga.ask(QUESTION, mat(740 + len(asked) + i, torn=True)) for i in range(4))
        return shop.value(of_second, w=workers[second.pid]) > 0

    wait_for("the second worker to have work", at_work, every_s=0.01)
    second.kill()
    killed = time.monotonic()
    shop.faults(reset=True)
    wait_for("its work to be taken over", lambda: shop.value(of_second, w=workers[second.pid]) == 0, patience_s=TAKEN_OVER_WITHIN_S)
    assert time.monotonic() - killed < TAKEN_OVER_WITHIN_S
    for question in asked:
        shop.olga.answer(question)
    shop.come_to_rest()
    for question in asked:
        expect_one_of_everything(shop, question)
    assert serving.stop() == 0


@pytest.mark.postgres
def test_while_postgresql_is_away_no_event_is_acknowledged_and_afterwards_every_question_is_answered(on_postgres: Factory) -> None:
    shop = on_postgres
    shop.serve()
    shop.faults(delays_s={"assistant.threads.setStatus": 3.0})
    under_way = shop.olga.ask(QUESTION, mat(751))
    wait_for("a question to be under way", lambda: begun(shop, under_way))
    with away(shop.database_url):
        question = shop.olga.ask(QUESTION, mat(750))
        time.sleep(6)
        assert shop.on_its_way() > 0, "acknowledged, and not stored"
    shop.faults(reset=True)
    for asked in (question, under_way):
        shop.olga.answer(asked)
    shop.come_to_rest()
    for asked in (question, under_way):
        expect_one_of_everything(shop, asked)


def test_when_only_the_models_process_dies_the_question_is_answered_all_the_same(shop: Factory) -> None:
    running = shop.serve()
    shop.olga.answer(shop.olga.ask(QUESTION, mat(760)))  # so that the network is loaded
    question = shop.olga.ask(QUESTION, mat(761))
    wait_for("the photo to be looked at", lambda: done(shop, question, "fetch"), every_s=0.005)
    for pid in running.model_processes():
        os.kill(pid, signal.SIGKILL)
    shop.olga.answer(question)
    shop.come_to_rest()
    expect_one_of_everything(shop, question)


def test_a_photo_that_always_brings_the_model_down_fails_alone(shop: Factory, tmp_path: Path) -> None:
    poison = mat(770)
    running = shop.start("serve", PYTHONPATH=str(deadly(tmp_path, poison))).wait_until("Kenpin is at work")
    poisoned = shop.olga.ask(QUESTION, poison)
    others = [shop.akira.ask(QUESTION, mat(seed)) for seed in (771, 772, 773)]
    for question in others:
        assert shop.akira.answer(question)["text"].startswith("OK: ")
    sorry = shop.olga.told(poisoned, "I could not finish this")
    (inspection,) = shop.inspections_of(poisoned)
    assert f"reference {inspection.id}" in sorry and "nobody needs to post it again" in sorry
    assert shop.olga.answers(poisoned) == []
    assert len(shop.logged(inspection.id, AuditKind.INSPECTION_FAILED)) == 1
    for question in others:
        expect_one_of_everything(shop, question)
    assert running.stop() == 0


def deadly(folder: Path, poison: bytes) -> Path:
    """A folder for PYTHONPATH that makes the model's process end at once whenever it opens this photo.

    A photo that really crashes a decoder cannot be had to order, so Python's own audit hook tells which file is opened.
    """
    digest = PhotoStore(folder / "measured").put(photo.check(poison).shown_jpeg)
    (folder / "sitecustomize.py").write_text(
        "import sys, os\n"
        "def audit(event, arguments):\n"
        f"    if event == 'open' and str(arguments[0]).endswith('{digest}') and 'spawn_main' in ' '.join(sys.orig_argv):\n"
        "        os._exit(139)\n"
        "sys.addaudithook(audit)\n"
    )
    return folder


def elsewhere() -> list[str]:
    """What makes a process believe that it runs on another machine; nothing where that is not allowed."""
    command = ["unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], capture_output=True).returncode:
        return []
    return command


@contextmanager
def away(url: str) -> Iterator[None]:
    """A PostgreSQL database that lets nobody in."""
    parsed = sa.make_url(url)
    server = parsed.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    name = sql.Identifier(parsed.database or "")
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (parsed.database,))
        try:
            yield
        finally:
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
