"""A console that serves, over a factory with inspections; inspected.py says which."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from signed_in import Running
from sqlalchemy.engine import Engine

from kenpin.bot.console.desk import Desk
from kenpin.bot.console.server import Console, listen

sys.path.append(str(Path(__file__).parents[3] / "tools"))  # where the workbench is, which measures red marks

import inspected
from inspected import Floor


@pytest.fixture
def floor(database: Engine, tmp_path: Path) -> Floor:
    """Twice: on SQLite and on PostgreSQL."""
    return inspected.built(database, tmp_path)


@pytest.fixture
def console(desk: Desk, floor: Floor) -> Iterator[Running]:
    """With an eye. Whatever is asked for the message at 17.gone is gone from Slack."""
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
