"""The tables of the first Kenpin, and the empty head that the audit chain starts from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "approver_groups",
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "scope", name=op.f("pk_approver_groups")),
    )
    op.create_table(
        "audit_entries",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("inspection_id", sa.Text(), nullable=True),
        sa.Column("person_id", sa.Text(), nullable=True),
        sa.Column("payload_sha256", sa.String(length=64), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint("seq > 0", name=op.f("ck_audit_entries_seq")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_entries")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_entries_hash")),
        sa.UniqueConstraint("prev_hash", name=op.f("uq_audit_entries_prev_hash")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audit_entries_inspection_id", "audit_entries", ["inspection_id"], unique=False)
    op.create_index("ix_audit_entries_kind", "audit_entries", ["kind"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "inspections",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("message_ts", sa.Text(), nullable=True),
        sa.Column("thread_ts", sa.Text(), nullable=True),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("received_at", sa.Text(), nullable=False),
        sa.Column("files", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("file_count", sa.Integer(), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("part", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("anomaly_score", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("answer", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("answered_at", sa.Text(), nullable=True),
        sa.Column("posting_by", sa.Text(), nullable=True),
        sa.Column("posting_at", sa.Text(), nullable=True),
        sa.Column("posted_channel", sa.Text(), nullable=True),
        sa.Column("posted_ts", sa.Text(), nullable=True),
        sa.Column("posted_at", sa.Text(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("failed_at", sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'posted') = (posted_at IS NOT NULL)", name=op.f("ck_inspections_posted")),
        sa.CheckConstraint("source IN ('slack', 'command_line')", name=op.f("ck_inspections_source")),
        sa.CheckConstraint("state IN ('received', 'answered', 'posted', 'failed')", name=op.f("ck_inspections_state")),
        sa.CheckConstraint("state NOT IN ('answered', 'posted') OR answered_at IS NOT NULL", name=op.f("ck_inspections_answered")),
        sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name=op.f("ck_inspections_answer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspections")),
        sa.UniqueConstraint("channel", "message_ts", name=op.f("uq_inspections_channel_message_ts")),
        sa.UniqueConstraint("event_id", name=op.f("uq_inspections_event_id")),
        sa.UniqueConstraint("posted_channel", "posted_ts", name=op.f("uq_inspections_posted_channel_posted_ts")),
    )
    op.create_index("ix_inspections_received_at", "inspections", ["received_at"], unique=False)
    op.create_index("ix_inspections_thread", "inspections", ["channel", "thread_ts"], unique=False)
    op.create_table(
        "parts",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_at", sa.Text(), nullable=False),
        sa.CheckConstraint("number <> '*' AND folded <> ''", name=op.f("ck_parts_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_parts")),
        sa.UniqueConstraint("folded", name=op.f("uq_parts_folded")),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("seen_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
    )
    op.create_index("ix_people_email", "people", ["email"], unique=False)
    op.create_table(
        "photos",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("shown_sha256", sa.String(length=64), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_photos")),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("heartbeat_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_table(
        "approvers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.Text(), nullable=False),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("revoked_at", sa.Text(), nullable=True),
        sa.CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name=op.f("ck_approvers_revoked")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_approvers_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvers")),
        sa.UniqueConstraint("id", "person_id", "scope", name=op.f("uq_approvers_id_person_id_scope")),
    )
    op.create_index(
        "ix_approvers_live",
        "approvers",
        ["person_id", "scope", "via"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "audit_payloads",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.Text(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("erased_in", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(salt IS NULL) = (payload IS NULL) AND (payload IS NULL) = (erased_in IS NOT NULL)", name=op.f("ck_audit_payloads_erased")
        ),
        sa.ForeignKeyConstraint(["erased_in"], ["audit_entries.seq"], name=op.f("fk_audit_payloads_erased_in")),
        sa.ForeignKeyConstraint(["seq"], ["audit_entries.seq"], name=op.f("fk_audit_payloads_seq")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_payloads")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "findings",
        sa.Column("inspection_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("photo", sa.Integer(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("box_left", sa.Double(), nullable=True),
        sa.Column("box_top", sa.Double(), nullable=True),
        sa.Column("box_right", sa.Double(), nullable=True),
        sa.Column("box_bottom", sa.Double(), nullable=True),
        sa.Column("area_of_part", sa.Double(), nullable=True),
        sa.Column("region_score", sa.Double(), nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspections.id"], name=op.f("fk_findings_inspection_id")),
        sa.PrimaryKeyConstraint("inspection_id", "position", name=op.f("pk_findings")),
    )
    op.create_table(
        "inspection_photos",
        sa.Column("inspection_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("photo_sha256", sa.String(length=64), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.CheckConstraint("(photo_sha256 IS NULL) <> (problem IS NULL)", name=op.f("ck_inspection_photos_photo_or_problem")),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspections.id"], name=op.f("fk_inspection_photos_inspection_id")),
        sa.ForeignKeyConstraint(["photo_sha256"], ["photos.sha256"], name=op.f("fk_inspection_photos_photo_sha256")),
        sa.PrimaryKeyConstraint("inspection_id", "position", name=op.f("pk_inspection_photos")),
    )
    op.create_index("ix_inspection_photos_photo_sha256", "inspection_photos", ["photo_sha256"], unique=False)
    op.create_table(
        "proposals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("inspection_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("disposition", sa.Text(), nullable=True),
        sa.Column("reference_state", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'disposition' AND disposition IS NOT NULL AND reference_state IS NULL)"
            " OR (kind = 'reference' AND disposition IS NULL AND reference_state IS NOT NULL)",
            name=op.f("ck_proposals_kind"),
        ),
        sa.CheckConstraint("part <> '*' AND part <> ''", name=op.f("ck_proposals_part")),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_proposals_digest")),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspections.id"], name=op.f("fk_proposals_inspection_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
        sa.UniqueConstraint("id", "part", "digest", name=op.f("uq_proposals_id_part_digest")),
        sa.UniqueConstraint("inspection_id", name=op.f("uq_proposals_inspection_id")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trail_entries",
        sa.Column("inspection_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("inputs", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("outputs", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("ms", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspections.id"], name=op.f("fk_trail_entries_inspection_id")),
        sa.PrimaryKeyConstraint("inspection_id", "position", name=op.f("pk_trail_entries")),
    )
    op.create_table(
        "decisions",
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("source_event", sa.Text(), nullable=True),
        sa.Column("at", sa.Text(), nullable=False),
        sa.CheckConstraint("scope = part OR scope = '*'", name=op.f("ck_decisions_scope")),
        sa.CheckConstraint("verdict IN ('approved', 'rejected')", name=op.f("ck_decisions_verdict")),
        sa.CheckConstraint("via IN ('reaction', 'button', 'console', 'command_line', 'message')", name=op.f("ck_decisions_via")),
        sa.ForeignKeyConstraint(
            ["grant_id", "decided_by", "scope"],
            ["approvers.id", "approvers.person_id", "approvers.scope"],
            name=op.f("fk_decisions_grant_id_decided_by_scope"),
        ),
        sa.ForeignKeyConstraint(
            ["proposal_id", "part", "digest"],
            ["proposals.id", "proposals.part", "proposals.digest"],
            name=op.f("fk_decisions_proposal_id_part_digest"),
        ),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("proposal_id", "digest", "verdict", name=op.f("uq_decisions_proposal_id_digest_verdict")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "actions",
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.CheckConstraint("verdict = 'approved'", name=op.f("ck_actions_approved")),
        sa.ForeignKeyConstraint(
            ["proposal_id", "digest", "verdict"],
            ["decisions.proposal_id", "decisions.digest", "decisions.verdict"],
            name=op.f("fk_actions_proposal_id_digest_verdict"),
        ),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_actions")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "part_references",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("photo_sha256", sa.String(length=64), nullable=False),
        sa.Column("shown_sha256", sa.String(length=64), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_at", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["part"], ["parts.number"], name=op.f("fk_part_references_part")),
        sa.ForeignKeyConstraint(["proposal_id"], ["actions.proposal_id"], name=op.f("fk_part_references_proposal_id")),
        sa.PrimaryKeyConstraint("part", "photo_sha256", name=op.f("pk_part_references")),
    )
    op.execute(f"INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '{'0' * 64}')")
