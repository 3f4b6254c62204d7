"""The workbench, on a fresh database and a folder of its own; and a chat model's server with scripted replies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import chat_server
import pytest
import workbench
from chat_server import ChatServer

from kenpin.storage.database import open_database


@pytest.fixture
def bench(sqlite_url: str, tmp_path: Path) -> Iterator[workbench.Workbench]:
    engine = open_database(sqlite_url)
    yield workbench.built(engine, tmp_path)
    engine.dispose()


@pytest.fixture(scope="session")
def server() -> Iterator[ChatServer]:
    with chat_server.running() as chat:
        yield chat


@pytest.fixture
def chat(server: ChatServer) -> ChatServer:
    """The one server, with an empty script."""
    server.script.clear()
    server.received.clear()
    server.models[:] = [chat_server.MODEL]
    return server
