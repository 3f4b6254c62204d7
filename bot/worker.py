"""The durable queue's workflows and steps, and the worker that runs them; nothing else.

What a step does stands in `kenpin.bot.inspection`; here is only in which order, how often it is tried again, and what happens when the
process dies. DBOS keeps each finished step in the same database as our rows: a killed worker's job goes on after its last finished step,
in this worker when it is started again, or in another one, which notices that the heartbeat stopped.
docs/retries.md is the table of who retries what.
"""

from __future__ import annotations

import itertools
import logging
import os
import socket
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer
from slack_sdk.errors import SlackApiError, SlackClientError
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from kenpin.bot import anchoring, approvers, erasing, groups, inspection, modes, notices, references, second_looks
from kenpin.bot.anchoring import Anchoring
from kenpin.bot.erasing import Archive
from kenpin.bot.groups import TakeOut
from kenpin.bot.inspection import DecisionRequest, Terms
from kenpin.bot.jobs import APPLICATION_VERSION, DECISIONS, INSPECTIONS, Jobs, driver_url
from kenpin.bot.messenger import GroupRefusal, Messenger, Outcome
from kenpin.bot.second_looks import SecondLookReply
from kenpin.storage import accept_groups, anchors, erasures, retention, workers
from kenpin.storage.database import reading, writing
from kenpin.storage.vocabulary import Answer, from_json, to_json
from kenpin.tools.chain import Site

log = logging.getLogger(__name__)

POLLING_S = 0.05  # dispatch is polled; findings: 0.05 to 0.1 s
INSPECTIONS_AT_ONCE = 4  # while one photo is looked at, others are fetched and posted
DECISIONS_AT_ONCE = 4
HEARTBEAT_S = 1.0
DEAD_AFTER_S = 10.0  # ten missed heartbeats
SWEEP_EVERY = 10  # heartbeats
WATCH_EVERY_S = 60.0  # may the parts in scale stay there
THOROUGH_EVERY = 3600  # heartbeats: all proposals are looked through for passed deadlines, else those of the last two hours
RECENT = timedelta(hours=2)
STEP_ATTEMPTS = 4  # 1 + 2 + 4 s of waiting within a step, before the whole job is put off
THUMB_ATTEMPTS = 6  # 1 + 2 + 4 + 8 + 16 s: the answer under a thumb may have to be noted first, by who takes over from a dead worker
PASSING_AT_SLACK = {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
RECOVERY_ATTEMPTS = 5  # a job that kills its worker this often is set aside


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the steps work with; set once, before the worker starts, as DBOS keeps its workflows per process."""

    site: Site
    terms: Terms
    jobs: Jobs
    messenger: Messenger
    worker: str
    anchoring: Anchoring
    archive: Archive


_bench: Bench | None = None


def bench() -> Bench:
    assert _bench is not None, "Worker.start sets the bench before any job runs"
    return _bench


def can_help(error: BaseException) -> bool:
    """Whether trying again can help: errors of ours say so themselves; a lost connection, a lock or a rate limit may pass."""
    if isinstance(error, SlackApiError):
        return error.response.status_code >= 429 or error.response["error"] in PASSING_AT_SLACK
    retryable = getattr(error, "retryable", None)
    return bool(retryable) if retryable is not None else isinstance(error, (OSError, OperationalError, SlackClientError))


RETRIES: dict[str, Any] = {"retries_allowed": True, "max_attempts": STEP_ATTEMPTS, "interval_seconds": 1.0, "should_retry": can_help}


@DBOS.step(name="fetch", **RETRIES)
def fetch(inspection_id: str) -> None:
    b = bench()
    inspection.fetch(b.site, b.messenger, inspection_id)


@DBOS.step(name="look", **RETRIES)
def look(inspection_id: str) -> Any:
    return to_json(inspection.look(bench().site, inspection_id))


@DBOS.step(name="save", **RETRIES)
def save(inspection_id: str, answer: Any) -> None:
    b = bench()
    inspection.propose(b.site, b.terms, inspection_id, from_json(Answer, answer))


@DBOS.step(name="post", **RETRIES)
def post(inspection_id: str) -> None:
    b = bench()
    inspection.post(b.site, b.terms, b.jobs, b.messenger, inspection_id, b.worker)


@DBOS.step(name="give_up", **RETRIES)
def give_up(inspection_id: str, attempt: int, why: str) -> None:
    b = bench()
    notices.give_up(b.site, b.jobs, b.messenger, inspection_id, attempt=attempt, why=why)


@DBOS.workflow(name="inspect", max_recovery_attempts=RECOVERY_ATTEMPTS)
def inspect(inspection_id: str, attempt: int) -> None:
    try:
        fetch(inspection_id)
        save(inspection_id, look(inspection_id))
        post(inspection_id)
    except Exception as error:  # the job's outer edge: the person is told, the log has the traceback and the reference
        log.exception("inspection %s, attempt %d, could not be finished", inspection_id, attempt)
        give_up(inspection_id, attempt, type(error).__name__)


@DBOS.workflow(name="give_up_for_good", max_recovery_attempts=RECOVERY_ATTEMPTS)
def give_up_for_good(inspection_id: str) -> None:
    give_up(inspection_id, len(notices.RETRY_AFTER_MIN) + 1, "WorkerKilledTooOften")


@DBOS.step(name="refresh_groups", **(RETRIES | {"max_attempts": THUMB_ATTEMPTS}))
def refresh_groups(request: dict[str, Any]) -> None:
    b = bench()
    part = inspection.part_to_decide(b.site.engine, from_json(DecisionRequest, request))
    if part is not None:
        approvers.refresh_groups(b.site.engine, b.messenger, part)


@DBOS.step(name="decide", **RETRIES)
def decide_step(request: dict[str, Any]) -> None:
    b, asked = bench(), from_json(DecisionRequest, request)
    group = groups.group_at(b.site.engine, asked)
    if group is not None:
        groups.decide(b.site.engine, b.jobs, group, asked)
    else:
        inspection.decide(b.site.engine, b.jobs, asked)


@DBOS.workflow(name="decide", max_recovery_attempts=RECOVERY_ATTEMPTS)
def decide(request: dict[str, Any]) -> None:
    refresh_groups(request)
    decide_step(request)


@DBOS.step(name="announce", **RETRIES)
def announce_step(outcome: dict[str, Any]) -> None:
    b = bench()
    notices.announce(b.site, b.messenger, from_json(Outcome, outcome))


@DBOS.step(name="learn", **RETRIES)
def learn(inspection_id: str) -> None:
    b = bench()
    if references.learn(b.site, inspection_id):
        with writing(b.site.engine) as conn:
            b.jobs.sight(conn, inspection_id)


@DBOS.step(name="tell_sight", **RETRIES)
def tell_sight(inspection_id: str) -> None:
    b = bench()
    references.tell_sight(b.site, b.messenger, inspection_id)


@DBOS.workflow(name="sight", max_recovery_attempts=RECOVERY_ATTEMPTS)
def sight(inspection_id: str) -> None:
    tell_sight(inspection_id)


@DBOS.step(name="follow_decision", **RETRIES)
def follow_decision(inspection_id: str) -> None:
    b = bench()
    modes.follow_decision(b.site.engine, b.jobs, b.terms.modes, inspection_id)


@DBOS.workflow(name="announce", max_recovery_attempts=RECOVERY_ATTEMPTS)
def announce(outcome: dict[str, Any]) -> None:
    announce_step(outcome)
    if outcome["kind"] in notices.DECIDING:
        follow_decision(outcome["inspection_id"])
    if outcome["kind"] == "recorded":
        learn(outcome["inspection_id"])


@DBOS.step(name="ask_second_look", **RETRIES)
def ask_second_look(inspection_id: str) -> None:
    b = bench()
    second_looks.ask(b.site, b.messenger, inspection_id)


@DBOS.workflow(name="second_look", max_recovery_attempts=RECOVERY_ATTEMPTS)
def second_look(inspection_id: str) -> None:
    ask_second_look(inspection_id)


@DBOS.step(name="post_group", **RETRIES)
def post_group_step(group_id: str, by: accept_groups.Closing) -> None:
    b = bench()
    groups.post(b.site, b.messenger, group_id, by)


@DBOS.workflow(name="post_group", max_recovery_attempts=RECOVERY_ATTEMPTS)
def post_group(group_id: str, by: accept_groups.Closing) -> None:
    post_group_step(group_id, by)


@DBOS.step(name="settle_group", **RETRIES)
def settle_group_step(group_id: str) -> None:
    b = bench()
    groups.settle(b.site, b.messenger, group_id)


@DBOS.workflow(name="settle_group", max_recovery_attempts=RECOVERY_ATTEMPTS)
def settle_group(group_id: str) -> None:
    settle_group_step(group_id)


@DBOS.step(name="refuse_group", **RETRIES)
def refuse_group_step(refusal: dict[str, Any]) -> None:
    b = bench()
    groups.tell_refusal(b.site, b.messenger, from_json(GroupRefusal, refusal))


@DBOS.workflow(name="refuse_group", max_recovery_attempts=RECOVERY_ATTEMPTS)
def refuse_group(refusal: dict[str, Any]) -> None:
    refuse_group_step(refusal)


@DBOS.step(name="take_out", **RETRIES)
def take_out_step(request: dict[str, Any]) -> None:
    b = bench()
    groups.take_out(b.site.engine, b.jobs, from_json(TakeOut, request))


@DBOS.workflow(name="take_out", max_recovery_attempts=RECOVERY_ATTEMPTS)
def take_out(request: dict[str, Any]) -> None:
    take_out_step(request)


@DBOS.step(name="offer_decision", **RETRIES)
def offer_decision_step(inspection_id: str) -> None:
    b = bench()
    groups.offer_decision(b.site, b.messenger, inspection_id)


@DBOS.workflow(name="offer_decision", max_recovery_attempts=RECOVERY_ATTEMPTS)
def offer_decision(inspection_id: str) -> None:
    offer_decision_step(inspection_id)


@DBOS.step(name="announce_mode", **RETRIES)
def announce_mode_step(part: str, position: int) -> None:
    b = bench()
    modes.announce(b.site, b.messenger, part, position)


@DBOS.workflow(name="announce_mode", max_recovery_attempts=RECOVERY_ATTEMPTS)
def announce_mode(part: str, position: int) -> None:
    announce_mode_step(part, position)


@DBOS.step(name="keep_second_look", **RETRIES)
def keep_second_look(reply: dict[str, Any]) -> bool:
    return second_looks.keep(bench().site.engine, from_json(SecondLookReply, reply))


@DBOS.step(name="tell_second_look", **RETRIES)
def tell_second_look(reply: dict[str, Any]) -> None:
    b = bench()
    second_looks.tell(b.site, b.messenger, from_json(SecondLookReply, reply))
    modes.heed_second_look(b.site.engine, b.jobs, reply["inspection_id"])
    modes.follow_decision(b.site.engine, b.jobs, b.terms.modes, reply["inspection_id"])


@DBOS.workflow(name="second_look_reply", max_recovery_attempts=RECOVERY_ATTEMPTS)
def second_look_reply(reply: dict[str, Any]) -> None:
    if keep_second_look(reply):
        tell_second_look(reply)


@DBOS.step(name="keep_anchor_step", **RETRIES)
def keep_anchor_step(anchor_id: str) -> None:
    b = bench()
    anchoring.keep(b.site.engine, b.anchoring, anchor_id)


@DBOS.workflow(name="keep_anchor", max_recovery_attempts=RECOVERY_ATTEMPTS)
def keep_anchor(anchor_id: str) -> None:
    keep_anchor_step(anchor_id)


@DBOS.step(name="keep_late_anchors", **RETRIES)
def keep_late_anchors() -> None:
    b = bench()
    anchoring.catch_up(b.site.engine, b.anchoring)


@DBOS.step(name="keep_to_retention", **RETRIES)
def keep_to_retention() -> None:
    erasing.keep_to_retention(bench().archive, datetime.now(UTC))


@DBOS.workflow(name="housekeeping", max_recovery_attempts=RECOVERY_ATTEMPTS)
def housekeeping(hour: str) -> None:
    log.info("housekeeping of the hour %s", hour)
    keep_to_retention()
    keep_late_anchors()


class Worker:
    """Takes jobs off the queue until it is stopped. One to a process."""

    def __init__(
        self, site: Site, terms: Terms, jobs: Jobs, messenger: Messenger, database_url: str, cache: Path, places: Anchoring
    ) -> None:
        """cache: KENPIN_HOME/cache. places: where anchors are kept."""
        self.id = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._site, self._terms, self._jobs, self._messenger, self._database_url = site, terms, jobs, messenger, database_url
        self._anchoring = places
        self._archive = Archive(engine=site.engine, photos=site.photo_store, cache=cache, jobs=jobs)
        self._stopping = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="kenpin-heartbeat", daemon=True)
        self._watch = threading.Thread(target=self._watch_modes, name="kenpin-modes", daemon=True)

    def start(self) -> None:
        global _bench
        _bench = Bench(
            site=self._site, terms=self._terms, jobs=self._jobs, messenger=self._messenger, worker=self.id,
            anchoring=self._anchoring, archive=self._archive,
        )  # fmt: skip
        config: DBOSConfig = {
            "name": "kenpin",
            "system_database_url": driver_url(self._database_url),
            "application_version": APPLICATION_VERSION,
            "executor_id": self.id,  # the default, `local`, would let two workers run each other's jobs twice
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            "run_migrations": False,
            "notification_listener_polling_interval_sec": 1.0,
        }
        DBOS(config=config)
        DBOS.launch()
        for queue, at_once in ((INSPECTIONS, INSPECTIONS_AT_ONCE), (DECISIONS, DECISIONS_AT_ONCE)):
            DBOS.register_queue(queue, worker_concurrency=at_once, polling_interval_sec=POLLING_S, on_conflict="always_update")
        self._heart.start()
        self._watch.start()

    def stop(self, *, finish_s: int = 10) -> None:
        """Take no more jobs and give running ones `finish_s` seconds; what is left goes on at the next start."""
        self._stopping.set()
        self._heart.join(timeout=HEARTBEAT_S * 5)
        self._watch.join(timeout=HEARTBEAT_S * 5)
        DBOS.destroy(workflow_completion_timeout_sec=finish_s)
        logging.getLogger("dbos").setLevel(logging.CRITICAL)  # a job cut off here says so with a traceback; it goes on at the next start
        if not self._jobs.held_by(self.id):  # else it stays entered, so that its silence hands its jobs to the next worker
            with writing(self._site.engine) as conn:
                workers.forget(conn, self.id)

    def _beat(self) -> None:
        """Say that this worker lives, and take over the jobs of those that no longer say so."""
        for beats in itertools.count():
            try:
                beat(self._site.engine, self._jobs, self.id)
                if beats % SWEEP_EVERY == 0:
                    sweep(self._site.engine, self._jobs, thorough=beats % THOROUGH_EVERY == 0)
                    if self._anchoring:
                        anchoring.see_to_today(self._site.engine, self._jobs)
                    if beats % THOROUGH_EVERY == 0:
                        keep_house(self._site.engine, self._jobs, datetime.now(UTC))
            except OperationalError as error:  # a database that is away or locked comes back, and the heart must still beat then
                log.warning("worker %s cannot reach the database and tries again every second: %s", self.id, error.orig)
            except Exception:  # the thread's outer edge
                log.exception("the heartbeat of worker %s failed", self.id)
            if self._stopping.wait(HEARTBEAT_S):
                return

    def _watch_modes(self) -> None:
        """Not with the heartbeat: looking for drift in many parts takes seconds, in which this worker would seem dead."""
        while not self._stopping.wait(WATCH_EVERY_S):
            try:
                modes.watch(self._site.engine, self._jobs, self._terms.modes)
            except OperationalError as error:
                log.warning("worker %s cannot look after the modes of parts and tries again in a minute: %s", self.id, error.orig)
            except Exception:  # the thread's outer edge
                log.exception("looking after the modes of parts failed in worker %s", self.id)


def beat(engine: Engine, jobs: Jobs, worker: str) -> None:
    """Say that this worker lives. The one that has lived longest takes over from the dead, so that no two of them do it at once."""
    with writing(engine) as conn:
        workers.beat(conn, worker, socket.gethostname(), os.getpid())
        silent = {w.id for w in workers.dead(conn, DEAD_AFTER_S)}
        everybody = workers.living(conn)
    dead = [w.id for w in everybody if w.id != worker and (w.id in silent or _is_known_dead(w))]
    if next(w.id for w in everybody if w.id not in dead) != worker:
        return
    for gone in dead:
        taken = jobs.take_over(gone)
        log.warning("worker %s is dead; %d of its jobs go on here", gone, taken)
        with writing(engine) as conn:
            workers.forget(conn, gone)


def sweep(engine: Engine, jobs: Jobs, *, thorough: bool) -> None:
    """A question whose job was set aside is answered with an apology, and a proposal past its deadline is closed; nobody waits for ever."""
    for inspection_id in jobs.set_aside():
        with writing(engine) as conn:
            jobs.give_up(conn, inspection_id)
    inspection.expire(engine, jobs, None if thorough else datetime.now(UTC) - RECENT)


def keep_house(engine: Engine, jobs: Jobs, now: datetime) -> None:
    """Queue the hour's housekeeping, where there is any to do."""
    with reading(engine) as conn:
        is_wanted = bool(retention.rules(conn) or erasures.to_carry_out(conn) or anchors.unkept(conn, now))
    if is_wanted:
        with writing(engine) as conn:
            jobs.housekeeping(conn, f"{now:%Y-%m-%dT%H}")


def _is_known_dead(worker: workers.Worker) -> bool:
    """Whether it ran on this machine and its process is gone; one on another machine is known by its silence alone."""
    if worker.host != socket.gethostname():
        return False
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # somebody else's process, and alive
        return False
    return False
