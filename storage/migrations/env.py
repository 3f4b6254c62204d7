"""Alembic's way in: runs the migrations on the Connection that `database.migrate` hands over, inside its transaction.

DBOS keeps its tables in the same SQLite file, so only tables that are ours are ever compared.
"""

from __future__ import annotations

from typing import Any

from alembic import context

from kenpin.storage.tables import metadata


def is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    return kind != "table" or name in metadata.tables


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_name=is_ours,
    transactional_ddl=True,  # true of SQLite too, since `database` begins its transactions itself
)
with context.begin_transaction():
    context.run_migrations()
