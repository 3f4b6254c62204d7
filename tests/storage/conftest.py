"""A database with people and proposals in it, and somebody with a SQL prompt; shop_floor.py says who they are."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import shop_floor
import sqlalchemy as sa
from postgres_server import copied_database
from shop_floor import Prompt, ShopFloor
from sqlalchemy.engine import Engine

from kenpin.storage.database import open_database


@pytest.fixture
def floor(database: Engine) -> ShopFloor:
    return shop_floor.built(database)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def shared_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, ShopFloor]]:
    """One database for a module whose tests leave nothing behind."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            template: Path = request.getfixturevalue("migrated_sqlite_file")
            url = f"sqlite:///{shutil.copyfile(template, tmp_path_factory.mktemp('shared') / 'kenpin.sqlite')}"
        else:
            url = stack.enter_context(copied_database(request.getfixturevalue("postgres_server_url")))
        engine = open_database(url)
        stack.callback(engine.dispose)
        yield engine, shop_floor.built(engine)


@pytest.fixture(params=["as Kenpin connects", "with the rules switched off"])
def prompt(request: pytest.FixtureRequest, shared_database: tuple[Engine, ShopFloor]) -> Iterator[Prompt]:
    """Twice on each database: on a connection like Kenpin's, and on one that switched off whatever a connection can switch off.

    Everything typed into it is undone after the test.
    """
    engine, floor = shared_database
    settings: list[str] = []
    if request.param == "with the rules switched off":
        if engine.dialect.name == "sqlite":
            # A plain connection: foreign keys and recursive triggers are off unless they are asked for.
            engine = sa.create_engine(engine.url, poolclass=sa.NullPool, connect_args={"isolation_level": None})
            settings = ["PRAGMA ignore_check_constraints = ON", "BEGIN IMMEDIATE"]
        else:
            settings = ["SET session_replication_role = replica"]
    with engine.connect() as conn:
        for setting in settings:
            conn.exec_driver_sql(setting)
        yield Prompt(conn, floor)
        conn.rollback()
