"""Opening, migrating and locking the database."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from dbos import run_dbos_database_migrations
from sqlalchemy.engine import Engine

from kenpin.storage import inspections, parts
from kenpin.storage.database import migrate, open_database, reading, require_current_schema, writing
from kenpin.storage.errors import DatabaseUnreachableError, SchemaOutdatedError
from kenpin.storage.tables import metadata

# Opening


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://kenpin:secret@127.0.0.1:1/kenpin", r"127\.0\.0\.1:1/kenpin does not answer.*KENPIN_DATABASE_URL"),
        ("mysql://localhost/kenpin", "KENPIN_DATABASE_URL names mysql|KENPIN_DATABASE_URL is not a database address"),
        ("kenpin.sqlite", "KENPIN_DATABASE_URL is not a database address Kenpin knows. Use sqlite:///"),
        ("sqlite://", "in memory, which forgets everything"),
    ],
)
def test_a_database_that_cannot_be_reached_is_named_with_its_setting(url: str, words: str) -> None:
    with pytest.raises(DatabaseUnreachableError, match=f"(?s){words}") as refusal:
        open_database(url)
    assert "secret" not in str(refusal.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "kenpin.sqlite"
    path.write_bytes(b"a shopping list, and nothing like a database" * 50)
    with pytest.raises(DatabaseUnreachableError, match=r"kenpin\.sqlite does not answer: file is not a database"):
        open_database(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, where a folder should be")
    with pytest.raises(DatabaseUnreachableError, match=r"data/kenpin\.sqlite does not answer: .*KENPIN_DATABASE_URL"):
        open_database(f"sqlite:///{tmp_path}/data/kenpin.sqlite")


def test_a_new_sqlite_file_is_its_owners_only(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/kenpin.sqlite", check_schema=False)
    migrate(engine)
    with reading(engine):
        assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    engine.dispose()


def test_a_database_without_tables_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(SchemaOutdatedError, match=r"at schema none and this Kenpin needs 0010\. Run `kenpin migrate`"):
        open_database(f"sqlite:///{tmp_path}/new/kenpin.sqlite")


def test_a_database_of_a_newer_kenpin_is_left_alone(database: Engine) -> None:
    with writing(database) as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for act in (require_current_schema, migrate):
        with pytest.raises(SchemaOutdatedError, match="9999, which this Kenpin does not know"):
            act(database)


def test_sqlite_is_set_up_to_survive_a_power_cut_and_to_check_its_rules(sqlite_url: str) -> None:
    engine = open_database(sqlite_url)
    with reading(engine) as conn:
        settings = {
            name: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys", "recursive_triggers")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 30000, "foreign_keys": 1, "recursive_triggers": 1}
    engine.dispose()


# Migrating


def test_migrating_twice_changes_nothing(database: Engine) -> None:
    before = sa.inspect(database).get_table_names()
    migrate(database)
    assert sa.inspect(database).get_table_names() == before


def test_two_processes_that_migrate_at_once_both_succeed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/kenpin.sqlite"
    engines = [open_database(url, check_schema=False) for _ in range(2)]
    threads = [threading.Thread(target=migrate, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for engine in engines:
        require_current_schema(engine)
        engine.dispose()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "kenpin.sqlite"
    with sqlite3.connect(path) as taken:
        taken.execute("CREATE TABLE workers (id TEXT)")  # a table that the first migration wants to make
    engine = open_database(f"sqlite:///{path}", check_schema=False)
    with pytest.raises(sa.exc.OperationalError, match="already exists"):
        migrate(engine)
    assert sa.inspect(engine).get_table_names() == ["workers"]
    engine.dispose()


def test_the_tables_in_the_code_are_those_that_the_migrations_make(database: Engine, database_url: str) -> None:
    """DBOS's tables, which lie beside ours in a SQLite file, are no difference."""
    run_dbos_database_migrations(database.url.render_as_string(hide_password=False))

    def is_ours(name: str | None, kind: str, _parents: Any) -> bool:
        return kind != "table" or name in metadata.tables

    with reading(database) as conn:
        context = MigrationContext.configure(conn, opts={"include_name": is_ours, "compare_type": True})
        assert compare_metadata(context, metadata) == []
    found = sa.inspect(database)
    for table in metadata.tables.values():
        checks = {constraint.name for constraint in table.constraints if isinstance(constraint, sa.CheckConstraint)}
        assert {check["name"] for check in found.get_check_constraints(table.name)} == checks


def test_every_table_the_issue_names_is_there(database: Engine) -> None:
    named = "inspections photos findings trail_entries proposals decisions actions audit_entries part_references parts people"
    assert set(named.split()) <= set(sa.inspect(database).get_table_names())


# Transactions


def test_what_a_failed_block_wrote_is_gone(database: Engine) -> None:
    with pytest.raises(ZeroDivisionError), writing(database) as conn:
        parts.add(conn, "SC-200", None, "Chika")
        _ = 1 / 0
    with reading(database) as conn:
        assert parts.all_parts(conn) == ()


def test_a_reader_cannot_write_and_its_connection_can_again_afterwards(database: Engine) -> None:
    with pytest.raises(sa.exc.DBAPIError, match=r"read-?only"), reading(database) as conn:
        parts.add(conn, "SC-200", None, "Chika")
    with writing(database) as conn:
        parts.add(conn, "SC-200", None, "Chika")


def test_a_reader_sees_one_moment(database: Engine) -> None:
    with reading(database) as conn:
        assert parts.all_parts(conn) == ()
        with writing(database) as other:
            parts.add(other, "SC-200", None, "Chika")
        assert parts.all_parts(conn) == ()


def test_two_writers_that_read_before_they_write_both_get_through(database: Engine) -> None:
    """On SQLite the second would fail with "database is locked" had it not taken the write lock at its start."""
    meeting = threading.Barrier(2)
    failures: list[BaseException] = []

    def add(number: str) -> None:
        meeting.wait()
        try:
            for turn in range(10):
                with writing(database) as conn:
                    parts.all_parts(conn)
                    parts.add(conn, f"{number}-{turn}", None, "Chika")
        except sa.exc.DBAPIError as failure:
            failures.append(failure)

    threads = [threading.Thread(target=add, args=(number,)) for number in ("A", "B")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with reading(database) as conn:
        assert len(parts.all_parts(conn)) == 20


def test_references_are_short_unlike_and_easy_to_read_out() -> None:
    drawn = {inspections.new_id() for _ in range(1000)}
    assert len(drawn) == 1000
    assert all(len(id) == 9 and id.startswith("K-") and not set(id[2:]) & set("0O1IL2Z5S8BQUV") for id in drawn)
