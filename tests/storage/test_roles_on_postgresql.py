"""The two roles of docs/decisions/0002: Kenpin works as one that does not own the tables, and that one can switch nothing off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from dbos import run_dbos_database_migrations
from postgres_server import copied_database
from shop_floor import built, suggestion
from sqlalchemy.engine import Engine
from sqlalchemy.exc import ProgrammingError

from kenpin.storage import actions, audit, decisions, inspections, parts, people, proposals, sessions, targets, views, workers
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import open_database, reading, writing
from kenpin.storage.tables import metadata
from kenpin.storage.vocabulary import DecisionVerdict, Photo, Reference, Role, SessionEnd, Targets

pytestmark = pytest.mark.postgres

PAGE = Path(__file__).parents[2] / "docs" / "decisions" / "0002-the-database-refuses.md"


@pytest.fixture(scope="module")
def application(postgres_server_url: str) -> Iterator[Engine]:
    """A database whose roles were made as the page says, opened as the application; one for all, as what is refused leaves nothing."""
    with copied_database(postgres_server_url) as url:
        yield from _opened_as_application(url)


def _opened_as_application(postgres_url: str) -> Iterator[Engine]:
    run_dbos_database_migrations(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
    roles, grants = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(roles)
        try:
            admin.execute(grants)
            url = sa.make_url(postgres_url).set(username="kenpin_app", password=None)
            engine = open_database(url.render_as_string())
            yield engine
            engine.dispose()
        finally:
            for role in ("kenpin_app", "kenpin_owner"):
                admin.execute(f"DROP OWNED BY {role}".encode())
                admin.execute(f"DROP ROLE {role}".encode())


def test_the_application_can_do_all_its_work_without_owning_a_table(application: Engine) -> None:
    floor = built(application)
    with writing(application) as conn:
        inspections.save_photos(conn, "K-SCRAP", [Photo(sha256="1" * 64, shown_sha256="2" * 64, height_px=3, width_px=4)])
        actions.record(conn, decisions.record(conn, floor.scrap, DecisionVerdict.APPROVED, "Aiko", "reaction"))
        parts.add_references(conn, "SC-200", [Reference(photo_sha256="1" * 64, shown_sha256="2" * 64, state="good")], "Aiko")
        people.set_group_members(conn, "S-QUALITY", [])
        people.revoke_group(conn, "S-QUALITY", "SC-200", revoked_by="Chika")
        workers.beat(conn, "W0", "host", 1)
        workers.forget(conn, "W0")
        inspections.mark_failed(conn, "K-OTHER", "tried")
        audit.append(conn, AuditKind.ACTION_RECORDED, {}, "K-SCRAP", "Aiko")
        audit.erase(conn, 1, person_id="Chika", why="asked to")
        assert proposals.propose(conn, "K-SCRAP", suggestion()) == floor.scrap
        assert conn.execute(sa.text("SELECT count(*) FROM dbos.workflow_status")).scalar_one() == 0
    with reading(application) as conn:
        assert audit.verify(conn).whole


def test_the_application_can_serve_the_console_and_set_targets(application: Engine) -> None:
    with writing(application) as conn:
        people.remember(conn, "U-CONSOLE", "Console", None)
        parts.add(conn, "SC-CONSOLE", None, "U-CONSOLE")
    with writing(application) as conn:
        assert targets.set(conn, "SC-CONSOLE", Targets(escapes=2.0), "U-CONSOLE")
        assert targets.set(conn, "SC-CONSOLE", Targets(escapes=3.0), "U-CONSOLE")
        sessions.attempt(conn, "192.0.2.1")
        begun = sessions.begin(conn, "/inspections")
        assert sessions.finish(conn, begun.state, begun.browser).back_to == "/inspections"
        token = sessions.start(conn, "U-CONSOLE", Role.SUPERVISOR, hours=1)
        session = sessions.find(conn, token, idle_min=30)
        assert session is not None
        sessions.seen(conn, session)
        sessions.log_view(conn, "U-CONSOLE", "1" * 64)
        sessions.end(conn, session.token_sha256, SessionEnd.SIGNED_OUT)
        views.drop_view(conn, views.save_view(conn, "U-CONSOLE", "mine", "part=SC-CONSOLE", shared=False), "U-CONSOLE")
    with pytest.raises(ProgrammingError, match="permission denied"), writing(application) as conn:
        conn.exec_driver_sql("DELETE FROM photo_views")


def test_every_table_that_is_written_to_is_written_to_by_the_application(application: Engine) -> None:
    """But the audit log's one head, which is only updated, and the register, which triggers of the owner's keep."""
    privileges = "SELECT table_name FROM information_schema.table_privileges WHERE privilege_type = 'INSERT' AND grantee = 'kenpin_app'"
    with reading(application) as conn:
        may = set(conn.execute(sa.text(privileges)).scalars())
    assert {table.name for table in metadata.sorted_tables} - may == {"audit_head", "register", "register_lots"}


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE decisions DISABLE TRIGGER ALL",
        "DROP TRIGGER decisions_guard_insert ON decisions",
        "DROP TABLE actions",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION kenpin_refuse(why text) RETURNS void LANGUAGE plpgsql AS 'BEGIN END'",
        "DELETE FROM audit_entries",
        "UPDATE proposals SET part = 'SC-300'",
        "TRUNCATE decisions CASCADE",
        "INSERT INTO audit_head VALUES (2, 0, '')",
    ],
)
def test_the_application_can_switch_nothing_off(application: Engine, statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), writing(application) as conn:
        conn.exec_driver_sql(statement)
