"""Which workers live: a heartbeat row each. A dead worker's jobs are handed to another one, and its posting claims fall free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kenpin.storage import clock
from kenpin.storage.database import upsert
from kenpin.storage.tables import workers


@dataclass(frozen=True, kw_only=True)
class Worker:
    id: str  # the DBOS executor id
    host: str
    pid: int
    started_at: str
    heartbeat_at: str


def beat(conn: Connection, id: str, host: str, pid: int) -> None:
    """This worker lives. The first beat enters it."""
    now = _database_now(conn)
    statement = upsert(conn, workers).values(id=id, host=host, pid=pid, started_at=now, heartbeat_at=now)
    conn.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"heartbeat_at": now, "host": host, "pid": pid}))


def living(conn: Connection) -> tuple[Worker, ...]:
    """Every worker entered and not forgotten, the dead ones among them."""
    return tuple(Worker(**row._mapping) for row in conn.execute(sa.select(workers).order_by(workers.c.started_at, workers.c.id)))


def dead(conn: Connection, older_than_s: float) -> tuple[Worker, ...]:
    """Workers whose last heartbeat is older than this many seconds."""
    limit = clock.text(clock.parsed(_database_now(conn)) - timedelta(seconds=older_than_s))
    rows = conn.execute(sa.select(workers).where(workers.c.heartbeat_at < limit).order_by(workers.c.heartbeat_at))
    return tuple(Worker(**row._mapping) for row in rows)


def forget(conn: Connection, id: str) -> bool:
    """Remove a worker; its posting claims are free from then on. False when it was not there."""
    return conn.execute(workers.delete().where(workers.c.id == id)).rowcount == 1


def _database_now(conn: Connection) -> str:
    """The database server's clock, as workers on several machines disagree about the time; SQLite has no machine but this one."""
    if conn.dialect.name == "postgresql":
        return clock.text(conn.execute(sa.select(sa.func.clock_timestamp())).scalar_one())
    return clock.now()
