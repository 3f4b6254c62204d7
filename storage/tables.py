"""The tables as SQLAlchemy Core sees them. The migrations are the schema; a test holds this file and them together.

The rules that the database itself keeps are written twice on purpose: as keys and checks here (the declared truth, which a reader
and an optimiser understand), and as triggers in migrations/versions/0002 and 0004 (which hold where keys are switched off: a SQLite
connection without `PRAGMA foreign_keys`, a PostgreSQL session in replica mode). docs/decisions/0002-the-database-refuses.md and
0006-two-people.md tell why.

Every moment is text as `clock.text` writes it. Columns of a foreign key that carries a rule are NOT NULL, since one NULL would
switch it off; where one may be NULL, a check says when.
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
    sa.Column("cost", sa.Double),  # of the larger models' opinions in it
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
    sa.Index("ix_inspections_answered_at", "answered_at", "cost"),  # the cost since a moment, without a look at any answer
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
    sa.Column("approvals_needed", sa.Integer, nullable=False, server_default="1"),  # how many people must approve
    _text("expires_at", null=True),  # NULL: it waits for ever
    sa.UniqueConstraint("id", "part", "digest"),
    sa.Index("ux_proposals_approvals_needed", "id", "part", "digest", "approvals_needed", unique=True),
    sa.Index("ux_proposals_expires_at", "id", "expires_at", unique=True),
    sa.Index("ix_proposals_expires_at", "expires_at"),
    sa.CheckConstraint("part <> '*' AND part <> ''", name="part"),
    sa.CheckConstraint(
        "(kind = 'disposition' AND disposition IS NOT NULL AND reference_state IS NULL)"
        " OR (kind = 'reference' AND disposition IS NULL AND reference_state IS NOT NULL)",
        name="kind",
    ),
    sa.CheckConstraint("length(digest) = 64", name="digest"),
    sa.CheckConstraint("approvals_needed IN (1, 2)", name="approvals_needed"),
    sqlite_with_rowid=False,
)

endorsements = sa.Table(
    "endorsements",
    metadata,
    sa.Column("proposal_id", sa.Text, primary_key=True),  # the first of two approvals
    _text("part"),
    sa.Column("digest", Digest, nullable=False),
    sa.Column("approvals_needed", sa.Integer, nullable=False, server_default="2"),
    _text("endorsed_by"),
    _text("grant_id"),
    _text("scope"),
    _text("via"),
    sa.Column("source_event", sa.Text),
    _text("at"),
    sa.UniqueConstraint("proposal_id", "digest", "endorsed_by"),
    sa.ForeignKeyConstraint(
        ["proposal_id", "part", "digest", "approvals_needed"],
        ["proposals.id", "proposals.part", "proposals.digest", "proposals.approvals_needed"],
    ),
    sa.ForeignKeyConstraint(["grant_id", "endorsed_by", "scope"], ["approvers.id", "approvers.person_id", "approvers.scope"]),
    sa.CheckConstraint("approvals_needed = 2", name="approvals_needed"),
    sa.CheckConstraint("scope = part OR scope = '*'", name="scope"),
    sa.CheckConstraint("via IN ('reaction', 'button', 'console', 'command_line', 'message')", name="via"),
    sqlite_with_rowid=False,
)

corrections = sa.Table(
    "corrections",
    metadata,
    sa.Column("proposal_id", sa.Text, primary_key=True),
    sa.Column("digest", Digest, primary_key=True),  # sha256 of content
    _text("part"),
    sa.Column("proposal_digest", Digest, nullable=False),  # of what is corrected
    _text("disposition"),
    _text("really"),  # what the part is
    _text("defect_class", null=True),
    _text("content"),  # canonical JSON of everything corrected, and by whom
    _text("corrected_by"),
    _text("at"),
    sa.UniqueConstraint("proposal_id", "digest", "corrected_by"),
    sa.ForeignKeyConstraint(["proposal_id", "part", "proposal_digest"], ["proposals.id", "proposals.part", "proposals.digest"]),
    sa.CheckConstraint("really IN ('ok', 'not_ok')", name="really"),
    sa.CheckConstraint("length(digest) = 64", name="digest"),
    sqlite_with_rowid=False,
)

expirations = sa.Table(
    "expirations",
    metadata,
    sa.Column("proposal_id", sa.Text, primary_key=True),
    _text("expires_at"),  # the proposal's
    _text("at"),
    sa.ForeignKeyConstraint(["proposal_id", "expires_at"], ["proposals.id", "proposals.expires_at"]),
    sa.CheckConstraint("at >= expires_at", name="at"),
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
    sa.Column("approvals_needed", sa.Integer, nullable=False, server_default="1"),
    # The next two are NULL, and switch their keys off, exactly where the checks below say so.
    _text("endorsed_by", null=True),  # the other of two people
    sa.Column("corrected_digest", Digest),  # of the correction that the decider wrote
    sa.UniqueConstraint("proposal_id", "digest", "verdict"),
    sa.UniqueConstraint("proposal_id", "corrected_digest"),
    sa.ForeignKeyConstraint(
        ["proposal_id", "part", "digest", "approvals_needed"],
        ["proposals.id", "proposals.part", "proposals.digest", "proposals.approvals_needed"],
    ),
    sa.ForeignKeyConstraint(["grant_id", "decided_by", "scope"], ["approvers.id", "approvers.person_id", "approvers.scope"]),
    sa.ForeignKeyConstraint(
        ["proposal_id", "digest", "endorsed_by"], ["endorsements.proposal_id", "endorsements.digest", "endorsements.endorsed_by"]
    ),
    sa.ForeignKeyConstraint(
        ["proposal_id", "corrected_digest", "decided_by"], ["corrections.proposal_id", "corrections.digest", "corrections.corrected_by"]
    ),
    sa.CheckConstraint("verdict IN ('approved', 'rejected', 'corrected')", name="verdict"),
    sa.CheckConstraint("(endorsed_by IS NOT NULL) = (verdict = 'approved' AND approvals_needed = 2)", name="endorsed"),
    sa.CheckConstraint("endorsed_by <> decided_by", name="two_people"),
    sa.CheckConstraint("(corrected_digest IS NOT NULL) = (verdict = 'corrected')", name="corrected"),
    sa.CheckConstraint("verdict <> 'corrected' OR approvals_needed = 1", name="corrected_by_one"),
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
    sa.Column("corrected_digest", Digest),  # of what was done in place of the proposal; NULL when it was done as proposed
    sa.ForeignKeyConstraint(["proposal_id", "digest", "verdict"], ["decisions.proposal_id", "decisions.digest", "decisions.verdict"]),
    sa.ForeignKeyConstraint(["proposal_id", "corrected_digest"], ["decisions.proposal_id", "decisions.corrected_digest"]),
    sa.CheckConstraint("verdict IN ('approved', 'corrected')", name="approved"),
    sa.CheckConstraint("(corrected_digest IS NOT NULL) = (verdict = 'corrected')", name="corrected"),
    sqlite_with_rowid=False,
)

second_looks = sa.Table(
    "second_looks",
    metadata,
    sa.Column("inspection_id", sa.Text, sa.ForeignKey("inspections.id"), primary_key=True),
    sa.Column("person_id", sa.Text, sa.ForeignKey("people.id"), nullable=False),  # who was drawn to look
    _text("at"),
    sa.UniqueConstraint("inspection_id", "person_id"),
    sqlite_with_rowid=False,
)

second_look_replies = sa.Table(
    "second_look_replies",
    metadata,
    sa.Column("inspection_id", sa.Text, primary_key=True),
    _text("person_id"),
    _text("said"),
    sa.Column("source_event", sa.Text),
    _text("at"),
    sa.ForeignKeyConstraint(["inspection_id", "person_id"], ["second_looks.inspection_id", "second_looks.person_id"]),
    sa.CheckConstraint("said IN ('ok', 'not_ok', 'cannot_tell')", name="said"),
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

targets = sa.Table(
    "targets",
    metadata,
    sa.Column("part", sa.Text, sa.ForeignKey("parts.number"), primary_key=True),
    sa.Column("escapes", sa.Double),  # in 100 bad parts; NULL: not set
    sa.Column("overkill", sa.Double),  # in 100 good parts
    sa.Column("expected_bad", sa.Double),  # in 100 inspected parts
    _text("set_by"),
    _text("set_at"),
    sa.CheckConstraint("escapes > 0 AND escapes < 50", name="escapes"),
    sa.CheckConstraint("overkill > 0 AND overkill < 50", name="overkill"),
    sa.CheckConstraint("expected_bad > 0 AND expected_bad < 100", name="expected_bad"),
)

failure_modes = sa.Table(
    "failure_modes",
    metadata,
    sa.Column("folded", sa.Text, primary_key=True),  # of the part's number; a row may be here before its part is
    sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
    _text("part"),  # as the parts have it where they do, else as it was written; or "*", every part
    _text("defect_class"),
    _text("failure_mode"),
    _text("effect"),
    _text("cause"),
    sa.Column("severity", sa.Integer, nullable=False),
    sa.Column("occurrence", sa.Integer, nullable=False),
    sa.Column("detection", sa.Integer, nullable=False),
    _text("recommended_action"),  # may be empty, as may `effect`
    _text("imported_by"),
    _text("imported_at"),
    sa.CheckConstraint('"row" > 0', name="row"),
    sa.CheckConstraint(
        "severity BETWEEN 1 AND 10 AND occurrence BETWEEN 1 AND 10 AND detection BETWEEN 1 AND 10",
        name="ratings",
    ),
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
