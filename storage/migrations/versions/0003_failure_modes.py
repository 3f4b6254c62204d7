"""The site's FMEA table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "failure_modes",
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("defect_class", sa.Text(), nullable=False),
        sa.Column("failure_mode", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("detection", sa.Integer(), nullable=False),
        sa.Column("recommended_action", sa.Text(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.Text(), nullable=False),
        sa.CheckConstraint('"row" > 0', name=op.f("ck_failure_modes_row")),
        sa.CheckConstraint(
            "severity BETWEEN 1 AND 10 AND occurrence BETWEEN 1 AND 10 AND detection BETWEEN 1 AND 10",
            name=op.f("ck_failure_modes_ratings"),
        ),
        sa.PrimaryKeyConstraint("folded", "row", name=op.f("pk_failure_modes")),
    )


def downgrade() -> None:
    op.drop_table("failure_modes")
