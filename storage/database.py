"""The door to the database: an engine set up the one right way, its migrations, and two ways in, `reading` and `writing`.

Everything else in this room takes the Connection these yield and runs inside the caller's transaction. One event, one job step or
one decision is one `with writing(engine)`; nothing slow belongs inside it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from kenpin.storage.errors import DatabaseUnreachableError, SchemaOutdatedError

SETTING = "KENPIN_DATABASE_URL"
_WRITES = "kenpin_writes"  # execution options: this SQLite transaction takes the write lock at once,
_READS = "kenpin_reads"  # or refuses to write
_MIGRATION_LOCK = 0x4B454E50494E  # "KENPIN": one migration at a time on PostgreSQL
_SQLITE_PRAGMAS = (
    "busy_timeout=30000",  # first: the next ones may have to wait for a lock
    "journal_mode=WAL",
    "synchronous=FULL",  # an acknowledged event survives a power cut
    "foreign_keys=ON",
    "recursive_triggers=ON",  # so that REPLACE fires the triggers against DELETE
)


class _SQLiteCompiler(SQLiteCompiler):
    """Writes a table's hint, such as INDEXED BY, after its name, as SQLAlchemy does for other databases."""

    def get_from_hint_text(self, table: sa.FromClause, text: str | None) -> str | None:
        return text


def open_database(url: str, *, check_schema: bool = True) -> Engine:
    """An engine for sqlite:///path or postgresql://user:password@host/name, proven to answer.

    Raises DatabaseUnreachableError, and SchemaOutdatedError unless `check_schema` is off, as it must be before `migrate`.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        _make_file(parsed)
        engine = sa.create_engine(parsed)
        engine.dialect.statement_compiler = _SQLiteCompiler
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = sa.create_engine(parsed, pool_pre_ping=True)
    try:
        with engine.connect():
            pass
    except DBAPIError as error:
        engine.dispose()
        raise _unreachable(parsed, str(error.orig).strip()) from error
    if check_schema:
        require_current_schema(engine)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that only looks, all of it at one moment of the database; an attempt to write in it is refused.

    It never waits for a writer.
    """
    options = {_READS: True} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect().execution_options(**options) as conn, conn.begin():
        yield conn


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that may write: committed at the end of the block, rolled back when it raises.

    On SQLite it is BEGIN IMMEDIATE: writers queue up at the start instead of failing half way.
    """
    with engine.connect().execution_options(**{_WRITES: True}) as conn, conn.begin():
        yield conn


def migrate(engine: Engine) -> None:
    """Bring the schema up to this Kenpin's, in one transaction; nothing happens when it already is. Two at once wait for each other."""
    with writing(engine) as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        config = migration_config()
        _refuse_unknown_revision(conn, config)
        config.attributes["connection"] = conn
        command.upgrade(config, "head")


def require_current_schema(engine: Engine) -> None:
    """Raises SchemaOutdatedError unless the database is exactly at this Kenpin's newest migration."""
    config = migration_config()
    with reading(engine) as conn:
        _refuse_unknown_revision(conn, config)
        found = MigrationContext.configure(conn).get_current_revision()
    wanted = ScriptDirectory.from_config(config).get_current_head()
    if found != wanted:
        raise SchemaOutdatedError(
            f"The database is at schema {found or 'none'} and this Kenpin needs {wanted}. Run `kenpin migrate` with the same {SETTING}."
        )


def migration_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def insert_if_absent(conn: Connection, table: sa.Table, **values: Any) -> bool:
    """Insert one row. False, and nothing done, when one of its keys is taken."""
    statement = upsert(conn, table).values(**values).on_conflict_do_nothing()
    return conn.execute(statement, execution_options={"preserve_rowcount": True}).rowcount == 1


def upsert(conn: Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT of this database's dialect, which has `on_conflict_do_update`."""
    return postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)


def _parsed(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        raise DatabaseUnreachableError(
            f"{SETTING} is not a database address Kenpin knows. Use sqlite:///path/to/kenpin.sqlite or postgresql://user:password@host/name."
        ) from error
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise DatabaseUnreachableError(f"{SETTING} names {parsed.drivername}; Kenpin keeps its records in sqlite or postgresql.")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise DatabaseUnreachableError(f"{SETTING} names a SQLite database in memory, which forgets everything. Give it a file.")
    return parsed


def _make_file(url: sa.URL) -> None:
    """An empty SQLite file, for its owner's eyes only, where there is none; SQLite gives its journals the file's mode."""
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise _unreachable(url, str(error)) from error


def _unreachable(url: sa.URL, why: str) -> DatabaseUnreachableError:
    return DatabaseUnreachableError(
        f"The database {url.render_as_string(hide_password=True)} does not answer: {why}. "
        f"Check {SETTING}, and that the server runs or the folder can be written to."
    )


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # sqlite3 must not begin transactions of its own; `_begin_sqlite` does
    for pragma in _SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(conn: Connection) -> None:
    options = conn.get_execution_options()
    conn.exec_driver_sql(
        f"PRAGMA query_only = {'ON' if options.get(_READS) else 'OFF'}"
    )  # the connection comes from a pool: say it either way
    conn.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITES) else "BEGIN")


def _refuse_unknown_revision(conn: Connection, config: Config) -> None:
    found = MigrationContext.configure(conn).get_current_heads()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if unknown := set(found) - known:
        raise SchemaOutdatedError(
            f"The database is at schema {', '.join(sorted(unknown))}, which this Kenpin does not know: "
            "it was migrated by a newer one. Install that version."
        )
