"""What a part may let through and turn down, and what an answer's opinions cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "targets",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("escapes", sa.Double(), nullable=True),
        sa.Column("overkill", sa.Double(), nullable=True),
        sa.Column("expected_bad", sa.Double(), nullable=True),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.Text(), nullable=False),
        sa.CheckConstraint("escapes > 0 AND escapes < 50", name=op.f("ck_targets_escapes")),
        sa.CheckConstraint("overkill > 0 AND overkill < 50", name=op.f("ck_targets_overkill")),
        sa.CheckConstraint("expected_bad > 0 AND expected_bad < 100", name=op.f("ck_targets_expected_bad")),
        sa.ForeignKeyConstraint(["part"], ["parts.number"], name=op.f("fk_targets_part")),
        sa.PrimaryKeyConstraint("part", name=op.f("pk_targets")),
    )
    op.add_column("inspections", sa.Column("cost", sa.Double(), nullable=True))
    op.create_index("ix_inspections_answered_at", "inspections", ["answered_at", "cost"])


def downgrade() -> None:
    op.drop_index("ix_inspections_answered_at", "inspections")
    op.drop_column("inspections", "cost")
    op.drop_table("targets")
