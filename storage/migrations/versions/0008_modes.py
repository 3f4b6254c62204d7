"""A part's mode, who promoted it on which evidence, and grouped approvals."""

from __future__ import annotations

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
