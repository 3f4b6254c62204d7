"""A console that serves, over a factory with inspections; inspected.py says which."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from postgres_server import copied_database
from signed_in import Running
from sqlalchemy.engine import Engine

from kenpin.bot import jobs
from kenpin.bot.console.desk import Desk
from kenpin.bot.console.server import Console, listen
from kenpin.storage.database import open_database

sys.path.append(str(Path(__file__).parents[3] / "tools"))  # where the workbench is, which measures red marks

import inspected
from inspected import Floor


@pytest.fixture(scope="session")
def built_on_sqlite(migrated_sqlite_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the factory's database and photos; to be copied, not used."""
    folder = tmp_path_factory.mktemp("factory")
    shutil.copyfile(migrated_sqlite_file, folder / "kenpin.sqlite")
    _build(f"sqlite:///{folder / 'kenpin.sqlite'}", folder)
    return folder


@pytest.fixture(scope="session")
def built_on_postgres(postgres_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The name of a database on the server, to be copied, and a folder with its photos."""
    folder = tmp_path_factory.mktemp("factory")
    with copied_database(postgres_server_url) as url:
        _build(url, folder)
        yield str(sa.make_url(url).database), folder


@pytest.fixture
def sqlite_url(built_on_sqlite: Path, tmp_path: Path) -> str:
    """Of this test's own factory."""
    shutil.copytree(built_on_sqlite, tmp_path, dirs_exist_ok=True)
    return f"sqlite:///{tmp_path / 'kenpin.sqlite'}"


@pytest.fixture
def postgres_url(built_on_postgres: tuple[str, Path], postgres_server_url: str, tmp_path: Path) -> Iterator[str]:
    """Of this test's own factory."""
    name, folder = built_on_postgres
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with copied_database(postgres_server_url, name) as url:
        yield url


@pytest.fixture
def floor(database: Engine, tmp_path: Path) -> Floor:
    """Twice: on SQLite and on PostgreSQL."""
    return inspected.entered(database, tmp_path)


@pytest.fixture
def desk(bare_desk: Desk) -> Desk:
    """The queue's tables are in the factory's database already."""
    return bare_desk


@pytest.fixture
def console(desk: Desk, floor: Floor) -> Iterator[Running]:
    """With an eye. In Slack only the messages about K-MARK are still there."""
    listener = listen(0)
    here = replace(
        desk,
        url=f"http://127.0.0.1:{listener.getsockname()[1]}",
        open_site=lambda: floor.site,
        permalink=lambda channel, ts: f"https://factory.slack.example/archives/{channel}/p{ts}" if "K-MARK" in ts else None,
    )
    running = Running(here)
    with Console(here, listener):
        yield running
        for browser in running.browsers:
            browser.close()


def _build(url: str, folder: Path) -> None:
    engine = open_database(url)
    inspected.built(engine, folder)
    engine.dispose()
    jobs.migrate(url)
