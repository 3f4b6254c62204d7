"""A console that serves real HTTP over a real database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from signed_in import IDS, PEOPLE, Running
from sqlalchemy.engine import Engine

from kenpin.bot import jobs, settings
from kenpin.bot.console.desk import Desk
from kenpin.bot.console.roles import Roles
from kenpin.bot.console.server import Console, listen
from kenpin.bot.jobs import Jobs
from kenpin.storage.photos import PhotoStore


@pytest.fixture
def desk(bare_desk: Desk, database_url: str) -> Desk:
    """With the queue's tables, for pages that put something on it."""
    jobs.migrate(database_url)
    return bare_desk


@pytest.fixture
def bare_desk(database: Engine, database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """Without the eye and the queue's tables. Its url is set by whoever starts the console."""
    queue = Jobs(database_url)
    named = [f"{IDS[name]}={role}" for name, role in PEOPLE.items()]
    yield Desk(
        engine=database,
        photos=PhotoStore(tmp_path / "photos"),
        settings=settings.read({"KENPIN_HOME": str(tmp_path), "KENPIN_DATABASE_URL": database_url}),
        jobs=queue,
        url="",
        roles=Roles(named, lambda group: []),
    )
    queue.close()


@pytest.fixture
def console(desk: Desk) -> Iterator[Running]:
    """Twice: on SQLite and on PostgreSQL."""
    listener = listen(0)
    here = replace(desk, url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    running = Running(here)
    with Console(here, listener):
        yield running
        for browser in running.browsers:
            browser.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's, without a window."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("On CI a missing Chromium is a failure; .ci/run installs Debian's.", pytrace=False)
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        yield browser
        browser.close()
