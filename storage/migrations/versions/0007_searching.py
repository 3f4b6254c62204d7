"""Full-text search over questions and answers, the lists' indexes, and saved views."""

from __future__ import annotations

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
