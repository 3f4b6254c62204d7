"""Putting work on the durable queue, in the same transaction as the rows it is about.

The worker (`kenpin.bot.worker`) takes it off again. A job's id is made from what it is about, so putting it on twice changes nothing.
"""

from __future__ import annotations

from typing import Any

from dbos import DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions, WorkflowSerializationFormat, run_dbos_database_migrations
from sqlalchemy import Connection

APPLICATION_VERSION = "kenpin-1"  # pinned: by default DBOS hashes the workflow's source, and an edit would leave queued jobs behind
INSPECTIONS = "inspections"  # questions: minutes of waiting are possible
DECISIONS = "decisions"  # thumbs and what follows from them: never behind a photo


class Jobs:
    def __init__(self, database_url: str) -> None:
        self._client = DBOSClient(
            system_database_url=driver_url(database_url), serializer=DBOSPortableJSONSerializer(), lazy=True, retry_connection_errors=False
        )

    def inspect(self, conn: Connection, inspection_id: str, *, attempt: int = 1, delay_s: float | None = None) -> None:
        """Look at a stored question. attempt counts from 1; a later one starts after `delay_s` seconds."""
        job = f"inspect:{inspection_id}" if attempt == 1 else f"inspect:{inspection_id}:{attempt}"
        self._put(conn, INSPECTIONS, "inspect", job, inspection_id, attempt, delay_s=delay_s)

    def decide(self, conn: Connection, request: dict[str, Any]) -> None:
        """Take a thumb or a button press to `decide`."""
        self._put(conn, DECISIONS, "decide", f"decide:{request['source_event']}", request)

    def announce(self, conn: Connection, source_event: str, outcome: dict[str, Any]) -> None:
        """Tell the people concerned what came of a decision."""
        self._put(conn, DECISIONS, "announce", f"announce:{source_event}", outcome)

    def second_look(self, conn: Connection, inspection_id: str) -> None:
        """Ask the person who was drawn to look at a photo again."""
        self._put(conn, DECISIONS, "second_look", f"second_look:{inspection_id}", inspection_id)

    def second_look_reply(self, conn: Connection, reply: dict[str, Any]) -> None:
        """Take what they said to the record."""
        self._put(conn, DECISIONS, "second_look_reply", f"second_look_reply:{reply['source_event']}", reply)

    def held_by(self, worker: str) -> bool:
        """Whether this worker has begun jobs that are not finished."""
        return bool(self._client.list_workflows(status="PENDING", executor_id=worker, limit=1, load_input=False, load_output=False))

    def take_over(self, dead_worker: str) -> int:
        """Give the unfinished jobs of a worker that is dead to the living; finished steps are not run again. Returns how many."""
        jobs = self._client.list_workflows(status="PENDING", executor_id=dead_worker, load_input=False, load_output=False)
        for job in jobs:  # without its queue's name a job would go to an internal queue, past the concurrency limit
            self._client.resume_workflow(job.workflow_id, queue_name=job.queue_name)
        return len(jobs)

    def set_aside(self) -> tuple[str, ...]:
        """Inspections whose job killed its worker so often that the queue no longer hands it out."""
        jobs = self._client.list_workflows(status="MAX_RECOVERY_ATTEMPTS_EXCEEDED", name="inspect", load_input=False, load_output=False)
        return tuple(job.workflow_id.split(":")[1] for job in jobs)

    def give_up(self, conn: Connection, inspection_id: str) -> None:
        """Tell the person that a set-aside inspection will not be finished; once, however often it is asked for."""
        self._put(conn, DECISIONS, "give_up_for_good", f"give_up:{inspection_id}", inspection_id)

    def waiting(self) -> int:
        """How many jobs are queued or running."""
        return len(self._client.list_workflows(status=["ENQUEUED", "PENDING", "DELAYED"], load_input=False, load_output=False))

    def close(self) -> None:
        self._client.destroy()

    def _put(self, conn: Connection, queue: str, workflow: str, job: str, *arguments: Any, delay_s: float | None = None) -> None:
        options: EnqueueOptions = {
            "queue_name": queue,
            "workflow_name": workflow,
            "workflow_id": job,
            "app_version": APPLICATION_VERSION,
            "serialization_type": WorkflowSerializationFormat.PORTABLE,
        }
        if delay_s is not None:
            options["delay_seconds"] = delay_s
        self._client.enqueue_in_transaction(conn, options, *arguments)


def driver_url(database_url: str) -> str:
    """PostgreSQL addresses as DBOS and SQLAlchemy both take them: through psycopg 3."""
    if database_url.startswith(("postgres://", "postgresql://")):
        return "postgresql+psycopg://" + database_url.split("://", 1)[1]
    return database_url


def migrate(database_url: str) -> None:
    """Bring the queue's own tables up to date; beside ours in SQLite, in a schema of their own on PostgreSQL."""
    run_dbos_database_migrations(driver_url(database_url))
