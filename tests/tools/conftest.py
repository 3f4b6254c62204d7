"""The workbench, on a fresh database and a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import workbench

from kenpin.storage.database import open_database


@pytest.fixture
def bench(sqlite_url: str, tmp_path: Path) -> Iterator[workbench.Workbench]:
    engine = open_database(sqlite_url)
    yield workbench.built(engine, tmp_path)
    engine.dispose()
