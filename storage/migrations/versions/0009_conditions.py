"""Under which conditions a photo was taken, what drift is measured on, and what the dashboard counts by day.

The daily tables hold nothing that the records do not say: `statistics.refresh` makes them, and makes them again whenever it must. They
are the only ones of which rows may be deleted and written anew; docs/decisions/0012-counted-by-day.md tells why they are there.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

COUNTS = (
    "inspections", "ok", "not_ok", "abstained", "escalated", "failed", "proposed", "approved", "rejected", "corrected", "expired",
    "known_bad", "escapes", "known_good", "overkill",
)  # fmt: skip


def upgrade() -> None:
    op.add_column("photos", sa.Column("camera", sa.Text(), nullable=True))
    op.add_column("photos", sa.Column("brightness", sa.Double(), nullable=True))
    op.create_table(
        "measurements",
        sa.Column("inspection_id", sa.Text(), nullable=False),
        sa.Column("photo", sa.Integer(), nullable=False),
        sa.Column("good_references", sa.Integer(), nullable=False),
        sa.Column("fine_z", sa.Double(), nullable=True),
        sa.Column("coarse_z", sa.Double(), nullable=True),
        sa.Column("whole_z", sa.Double(), nullable=True),
        sa.Column("bulk_z", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspections.id"], name=op.f("fk_measurements_inspection_id")),
        sa.PrimaryKeyConstraint("inspection_id", name=op.f("pk_measurements")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "daily_counts",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.Column("cost", sa.Double(), nullable=False),
        sa.CheckConstraint(
            "dimension IN ('all', 'line', 'shift', 'camera', 'person', 'language', 'lighting')", name=op.f("ck_daily_counts_dimension")
        ),
        sa.PrimaryKeyConstraint("part", "dimension", "day", "value", name=op.f("pk_daily_counts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "daily_waits",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("bin", sa.Integer(), nullable=False),
        sa.Column("decisions", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("part", "day", "bin", name=op.f("pk_daily_waits")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "daily_confidences",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("bin", sa.Integer(), nullable=False),
        sa.Column("judged", sa.Integer(), nullable=False),
        sa.Column("right", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("part", "day", "bin", name=op.f("pk_daily_confidences")),
        sqlite_with_rowid=False,
    )
    for table in ("daily_counts", "daily_waits", "daily_confidences"):
        op.create_index(f"ix_{table}_day", table, ["day"])
    op.create_table(
        "counted_days",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("shifts", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_counted_days_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counted_days")),
    )


def downgrade() -> None:
    for table in ("counted_days", "daily_confidences", "daily_waits", "daily_counts", "measurements"):
        op.drop_table(table)
    op.drop_column("photos", "brightness")
    op.drop_column("photos", "camera")
