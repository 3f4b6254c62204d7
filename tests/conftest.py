"""Databases for every test that wants one, built by the migrations: a SQLite file, and a PostgreSQL server of our own.

Each test gets a fresh copy of a database that was migrated once. Without PostgreSQL its tests are skipped, except on CI, where that
is a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from postgres_server import TEMPLATE, NoPostgresError, address, copied_database, postgres_server
from psycopg import sql
from sqlalchemy.engine import Engine

from kenpin.storage.database import migrate, open_database


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be copied, not opened."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite"
    engine = open_database(f"sqlite:///{path}", check_schema=False)
    migrate(engine)
    engine.dispose()  # the last connection to close folds the write-ahead log into the file
    return path


@pytest.fixture
def sqlite_url(migrated_sqlite_file: Path, tmp_path: Path) -> str:
    """A migrated, empty SQLite database of this test's own."""
    path = tmp_path / "kenpin.sqlite"
    shutil.copyfile(migrated_sqlite_file, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """The server that TEST_PG_URL names, or one started for these tests; it holds the migrated database TEMPLATE, to be copied."""
    with ExitStack() as stack:
        url = os.environ.get("TEST_PG_URL")
        try:
            server = sa.make_url(url or stack.enter_context(postgres_server()))
            with psycopg.connect(address(server, "postgres"), autocommit=True) as admin:
                admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        except (NoPostgresError, psycopg.OperationalError) as error:
            if os.environ.get("CI") == "true":
                pytest.fail(f"On CI a missing PostgreSQL is a failure. {error}", pytrace=False)
            pytest.skip(f"No PostgreSQL here. {error}")
        engine = open_database(address(server, TEMPLATE), check_schema=False)
        migrate(engine)
        engine.dispose()
        yield str(server.render_as_string(hide_password=False))
        with psycopg.connect(address(server, "postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(TEMPLATE)))


@pytest.fixture
def postgres_url(postgres_server_url: str) -> Iterator[str]:
    """A migrated, empty PostgreSQL database of this test's own. Its user owns everything and is a superuser."""
    with copied_database(postgres_server_url) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """The test runs twice: on SQLite and on PostgreSQL."""
    engine = open_database(database_url)
    yield engine
    engine.dispose()
