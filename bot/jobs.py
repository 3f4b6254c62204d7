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

    def sight(self, conn: Connection, inspection_id: str) -> None:
        """Find out, and tell, what a part's new good photos let one see; takes some dozens of looks."""
        self._put(conn, INSPECTIONS, "sight", f"sight:{inspection_id}", inspection_id)

    def second_look(self, conn: Connection, inspection_id: str) -> None:
        """Ask the person who was drawn to look at a photo again."""
        self._put(conn, DECISIONS, "second_look", f"second_look:{inspection_id}", inspection_id)

    def second_look_reply(self, conn: Connection, reply: dict[str, Any]) -> None:
        """Take what they said to the record."""
        self._put(conn, DECISIONS, "second_look_reply", f"second_look_reply:{reply['source_event']}", reply)

    def post_group(self, conn: Connection, group_id: str, by: str, *, delay_s: float | None = None) -> None:
        """Post a group of accepts, or find that it was posted for another reason. by: "full" or "due"."""
        self._put(conn, DECISIONS, "post_group", f"post_group:{group_id}:{by}", group_id, by, delay_s=delay_s)

    def settle_group(self, conn: Connection, group_id: str, why: str) -> None:
        """Bring a group's message, and the answers of what was taken out of it, in line with the records."""
        self._put(conn, DECISIONS, "settle_group", f"settle_group:{group_id}:{why}", group_id)

    def refuse_group(self, conn: Connection, refusal: dict[str, Any]) -> None:
        """Tell a person that they did not approve a group, and why."""
        self._put(conn, DECISIONS, "refuse_group", f"refuse_group:{refusal['source_event']}", refusal)

    def take_out(self, conn: Connection, request: dict[str, Any]) -> None:
        """Take an accept out of its group, as somebody asked."""
        self._put(conn, DECISIONS, "take_out", f"take_out:{request['source_event']}", request)

    def offer_decision(self, conn: Connection, inspection_id: str) -> None:
        """Put the buttons under an answer that was posted without."""
        self._put(conn, DECISIONS, "offer_decision", f"offer_decision:{inspection_id}", inspection_id)

    def announce_mode(self, conn: Connection, part: str, position: int) -> None:
        """Tell the channels of a part that its mode changed."""
        self._put(conn, DECISIONS, "announce_mode", f"announce_mode:{part}:{position}", part, position)

    def keep_anchor(self, conn: Connection, anchor_id: str) -> None:
        """Take an anchor of the audit log out of the database."""
        self._put(conn, DECISIONS, "keep_anchor", f"keep_anchor:{anchor_id}", anchor_id)

    def housekeeping(self, conn: Connection, hour: str) -> None:
        """Erase what was kept long enough, and finish what was left half done; once an hour, whoever asks for it."""
        self._put(conn, DECISIONS, "housekeeping", f"housekeeping:{hour}", hour)

    def forget(self, inspection_id: str) -> None:
        """Take away what the queue keeps of finished jobs about an inspection: its steps' results hold the answer."""
        done = self._client.list_workflows(workflow_id_prefix=f"inspect:{inspection_id}", load_input=False, load_output=False)
        self._client.delete_workflows([job.workflow_id for job in done if job.workflow_id.split(":")[1] == inspection_id])

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
