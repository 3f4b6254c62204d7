"""Where the workspace's memory lies between two runs: one SQLite file of JSON documents, written through at every change.

With no folder given the documents are kept nowhere and only the uploaded bytes lie in a temporary folder, removed at the end.
Everything is read into memory at start, so nothing here is ever asked while the workspace runs.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import FolderTakenError

Json = dict[str, Any]


class Store:
    """Documents by kind and key, and a folder for uploaded bytes. Raises FolderTakenError: two workspaces cannot share one folder."""

    def __init__(self, folder: Path | None) -> None:
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="kenpin-workspace-")
        self._database: sqlite3.Connection | None = None
        if self._temporary:
            self.files = Path(self._temporary.name)
            return
        assert folder is not None
        self.files = folder / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        # Opened by the thread that builds the workspace, used by the server's thread alone.
        self._database = sqlite3.connect(folder / "workspace.db", check_same_thread=False, isolation_level=None, timeout=0.5)
        self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
        try:
            self._database.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            raise FolderTakenError(f"Another workspace keeps its data in {folder} ({error}). Stop it, or choose another folder.") from error
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS documents (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key))")

    def put(self, kind: str, key: str, body: Json) -> None:
        if self._database:
            self._database.execute(
                "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
                (kind, key, json.dumps(body, ensure_ascii=False)),
            )

    def remove(self, kind: str, key: str) -> None:
        if self._database:
            self._database.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))

    def all(self, kind: str) -> Iterator[tuple[str, Json]]:
        """Every document of a kind, in the order of the keys."""
        if self._database:
            for key, body in self._database.execute("SELECT key, body FROM documents WHERE kind = ? ORDER BY key", (kind,)):
                yield key, json.loads(body)

    def close(self) -> None:
        if self._database:
            self._database.close()
        if self._temporary:
            self._temporary.cleanup()
