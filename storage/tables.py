"""The tables as SQLAlchemy Core sees them. The migrations are the schema; a test holds this file and them together.

The rules that the database itself keeps are written twice on purpose: as keys and checks here (the declared truth, which a reader
and an optimiser understand), and as triggers in migrations/versions/0002 (which hold where keys are switched off: a SQLite connection
without `PRAGMA foreign_keys`, a PostgreSQL session in replica mode). docs/decisions/0002-the-database-refuses.md tells why.

Every moment is text as `clock.text` writes it. Columns of a foreign key that carries a rule are NOT NULL: one NULL would switch it off.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Json = sa.JSON(none_as_null=True)
Digest = sa.String(64)

GENESIS = "0" * 64  # the head before the first audit entry


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null)


people = sa.Table(
    "people",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # a Slack user id, or a name from the command line
    _text("name", null=True),
    _text("email", null=True),
    _text("locale", null=True),
    _text("seen_at"),
    sa.Index("ix_people_email", "email"),  # kept in lower case
)

inspections = sa.Table(
    "inspections",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("source"),
    sa.Column("event_id", sa.Text, unique=True),
    _text("channel", null=True),
    _text("message_ts", null=True),
    _text("thread_ts", null=True),
    _text("asked_by"),
    _text("question"),
    _text("language"),
    _text("received_at"),
    sa.Column("files", Json, nullable=False),
    sa.Column("file_count", sa.Integer, nullable=False),
    sa.Column("payload", Json, nullable=False),
    _text("state"),
    # The answer, from here on.
    _text("verdict", null=True),
    _text("part", null=True),
    sa.Column("confidence", sa.Double),
    sa.Column("anomaly_score", sa.Double),
    sa.Column("threshold", sa.Double),
    _text("model", null=True),
    _text("words", null=True),
    sa.Column("answer", Json),
    _text("answered_at", null=True),
    _text("posting_by", null=True),
    _text("posting_at", null=True),
    _text("posted_channel", null=True),
    _text("posted_ts", null=True),
    _text("posted_at", null=True),
    _text("failure", null=True),
    _text("failed_at", null=True),
    sa.UniqueConstraint("channel", "message_ts"),
    sa.UniqueConstraint("posted_channel", "posted_ts"),
    sa.CheckConstraint("state IN ('received', 'answered', 'posted', 'failed')", name="state"),
    sa.CheckConstraint("source IN ('slack', 'command_line')", name="source"),
    sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answer"),
    sa.CheckConstraint("state NOT IN ('answered', 'posted') OR answered_at IS NOT NULL", name="answered"),
    sa.CheckConstraint("(state = 'posted') = (posted_at IS NOT NULL)", name="posted"),
    sa.Index("ix_inspections_received_at", "received_at"),
    sa.Index("ix_inspections_thread", "channel", "thread_ts"),
)

photos = sa.Table(
    "photos",
    metadata,
    sa.Column("sha256", Digest, primary_key=True),
    sa.Column("shown_sha256", Digest, nullable=False),
    sa.Column("height_px", sa.Integer, nullable=False),
    sa.Column("width_px", sa.Integer, nullable=False),
    _text("first_seen_at"),
)

inspection_photos = sa.Table(
    "inspection_photos",
    metadata,
    sa.Column("inspection_id", sa.Text, sa.ForeignKey("inspections.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("photo_sha256", Digest, sa.ForeignKey("photos.sha256")),
    _text("problem", null=True),
    sa.CheckConstraint("(photo_sha256 IS NULL) <> (problem IS NULL)", name="photo_or_problem"),
    sa.Index("ix_inspection_photos_photo_sha256", "photo_sha256"),
)

findings = sa.Table(
    "findings",
    metadata,
    sa.Column("inspection_id", sa.Text, sa.ForeignKey("inspections.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("photo", sa.Integer, nullable=False),
    _text("tool"),
    _text("kind"),
    sa.Column("score", sa.Double, nullable=False),
    # The region, all NULL when the finding is about the whole photo. The box is in shares of the photo, 0 to 1.
    sa.Column("box_left", sa.Double),
    sa.Column("box_top", sa.Double),
    sa.Column("box_right", sa.Double),
    sa.Column("box_bottom", sa.Double),
    sa.Column("area_of_part", sa.Double),
    sa.Column("region_score", sa.Double),
    _text("place", null=True),
)

trail_entries = sa.Table(
    "trail_entries",
    metadata,
    sa.Column("inspection_id", sa.Text, sa.ForeignKey("inspections.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    _text("tool"),
    sa.Column("inputs", Json, nullable=False),
    sa.Column("outputs", Json, nullable=False),
    _text("model", null=True),
    sa.Column("ms", sa.Double, nullable=False),
)

approvers = sa.Table(
    "approvers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, sa.ForeignKey("people.id"), nullable=False),
    _text("scope"),  # a part number, or "*" for every part
    _text("via"),  # "direct", or the user group whose membership gave it
    _text("granted_by"),
    _text("granted_at"),
    _text("revoked_by", null=True),
    _text("revoked_at", null=True),
    sa.UniqueConstraint("id", "person_id", "scope"),
    sa.CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),
    sa.Index(
        "ix_approvers_live",
        "person_id",
        "scope",
        "via",
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    ),
)

approver_groups = sa.Table(
    "approver_groups",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, primary_key=True),
    _text("granted_by"),
    _text("granted_at"),
)

proposals = sa.Table(
    "proposals",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("inspection_id", sa.Text, sa.ForeignKey("inspections.id"), nullable=False, unique=True),
    _text("kind"),
    _text("part"),
    _text("disposition", null=True),
    _text("reference_state", null=True),
    _text("content"),  # canonical JSON of the inspection's id and everything proposed
    sa.Column("digest", Digest, nullable=False),  # sha256 of content
    _text("created_at"),
    sa.UniqueConstraint("id", "part", "digest"),
    sa.CheckConstraint("part <> '*' AND part <> ''", name="part"),
    sa.CheckConstraint(
        "(kind = 'disposition' AND disposition IS NOT NULL AND reference_state IS NULL)"
        " OR (kind = 'reference' AND disposition IS NULL AND reference_state IS NOT NULL)",
        name="kind",
    ),
    sa.CheckConstraint("length(digest) = 64", name="digest"),
    sqlite_with_rowid=False,
)

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("proposal_id", sa.Text, primary_key=True),  # the first decision wins
    _text("part"),
    sa.Column("digest", Digest, nullable=False),
    _text("verdict"),
    _text("decided_by"),
    _text("grant_id"),
    _text("scope"),  # of the grant: the part, or "*"
    _text("via"),
    sa.Column("source_event", sa.Text),
    _text("at"),
    sa.UniqueConstraint("proposal_id", "digest", "verdict"),
    sa.ForeignKeyConstraint(["proposal_id", "part", "digest"], ["proposals.id", "proposals.part", "proposals.digest"]),
    sa.ForeignKeyConstraint(["grant_id", "decided_by", "scope"], ["approvers.id", "approvers.person_id", "approvers.scope"]),
    sa.CheckConstraint("verdict IN ('approved', 'rejected')", name="verdict"),
    sa.CheckConstraint("scope = part OR scope = '*'", name="scope"),
    sa.CheckConstraint("via IN ('reaction', 'button', 'console', 'command_line', 'message')", name="via"),
    sqlite_with_rowid=False,
)

actions = sa.Table(
    "actions",
    metadata,
    sa.Column("proposal_id", sa.Text, primary_key=True),  # recorded once
    sa.Column("digest", Digest, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    _text("at"),
    sa.ForeignKeyConstraint(["proposal_id", "digest", "verdict"], ["decisions.proposal_id", "decisions.digest", "decisions.verdict"]),
    sa.CheckConstraint("verdict = 'approved'", name="approved"),
    sqlite_with_rowid=False,
)

parts = sa.Table(
    "parts",
    metadata,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("folded", sa.Text, nullable=False, unique=True),  # as `parts.folded` writes it: one part however it is typed
    _text("name", null=True),
    _text("added_by"),
    _text("added_at"),
    sa.CheckConstraint("number <> '*' AND folded <> ''", name="number"),
)

part_references = sa.Table(
    "part_references",
    metadata,
    sa.Column("part", sa.Text, sa.ForeignKey("parts.number"), primary_key=True),
    sa.Column("photo_sha256", Digest, primary_key=True),
    sa.Column("shown_sha256", Digest, nullable=False),
    _text("state"),
    _text("added_by"),
    _text("added_at"),
    sa.Column("position", sa.Integer, nullable=False),  # order of arrival within the part
    # The action that added it; NULL when an approver did so directly.
    sa.Column("proposal_id", sa.Text, sa.ForeignKey("actions.proposal_id")),
)

audit_entries = sa.Table(
    "audit_entries",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("at"),
    _text("kind"),
    sa.Column("inspection_id", sa.Text),
    sa.Column("person_id", sa.Text),
    sa.Column("payload_sha256", Digest, nullable=False),
    sa.Column("prev_hash", Digest, nullable=False, unique=True),  # one successor per entry: no forks
    sa.Column("hash", Digest, nullable=False, unique=True),
    sa.CheckConstraint("seq > 0", name="seq"),
    sa.Index("ix_audit_entries_inspection_id", "inspection_id"),
    sa.Index("ix_audit_entries_kind", "kind"),
    sqlite_with_rowid=False,
)

audit_payloads = sa.Table(
    "audit_payloads",
    metadata,
    sa.Column("seq", sa.BigInteger, sa.ForeignKey("audit_entries.seq"), primary_key=True, autoincrement=False),
    _text("salt", null=True),
    _text("payload", null=True),
    sa.Column("erased_in", sa.BigInteger, sa.ForeignKey("audit_entries.seq")),  # the entry that says who erased it and why
    sa.CheckConstraint("(salt IS NULL) = (payload IS NULL) AND (payload IS NULL) = (erased_in IS NOT NULL)", name="erased"),
    sqlite_with_rowid=False,
)

audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("hash", Digest, nullable=False),
    sa.CheckConstraint("id = 1", name="single"),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("host"),
    sa.Column("pid", sa.Integer, nullable=False),
    _text("started_at"),
    _text("heartbeat_at"),
)
