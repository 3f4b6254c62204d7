"""Every change of parts, references, people, rules and the FMEA table: who, when, from, to."""

from __future__ import annotations

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
