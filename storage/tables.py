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
    _text("language", null=True),  # chosen in the console
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
    sa.Index(
        "ix_inspections_being_posted",
        "channel",
        sqlite_where=sa.text("state = 'answered' AND posting_by IS NOT NULL"),
        postgresql_where=sa.text("state = 'answered' AND posting_by IS NOT NULL"),
    ),
)

photos = sa.Table(
    "photos",
    metadata,
    sa.Column("sha256", Digest, primary_key=True),
    sa.Column("shown_sha256", Digest, nullable=False),
    sa.Column("height_px", sa.Integer, nullable=False),
    sa.Column("width_px", sa.Integer, nullable=False),
    _text("first_seen_at"),
    # How it was taken, as far as that identifies nobody; NULL where it was not kept.
    _text("camera", null=True),
    sa.Column("brightness", sa.Double),
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

measurements = sa.Table(
    "measurements",  # of an inspection's strangest photo, as `drift` reads them
    metadata,
    sa.Column("inspection_id", sa.Text, sa.ForeignKey("inspections.id"), primary_key=True),
    sa.Column("photo", sa.Integer, nullable=False),
    sa.Column("good_references", sa.Integer, nullable=False),
    sa.Column("fine_z", sa.Double),
    sa.Column("coarse_z", sa.Double),
    sa.Column("whole_z", sa.Double),
    sa.Column("bulk_z", sa.Double),
    sqlite_with_rowid=False,
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
    sa.Index("ix_decisions_part", "part", "at"),  # the newest of a part
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
    sa.Index("ix_second_looks_person_id", "person_id"),
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

register = sa.Table(
    "register",  # kept by triggers: what the console's list filters by; migration 0007 tells the rest, `search` reads it
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),  # place in the list
    sa.Column("inspection_id", sa.Text, sa.ForeignKey("inspections.id"), nullable=False, unique=True),
    _text("part", null=True),
    _text("channel", null=True),
    _text("asked_by"),
    _text("verdict", null=True),
    sa.Column("confidence", sa.Double),
    _text("model", null=True),
    _text("disposition", null=True),  # on record, or as proposed while none is
    _text("proposal_state", null=True),  # NULL: nothing was proposed
    _text("decided_by", null=True),
    # 1 or 0: the decision rejected or corrected it; it makes no judgement; a larger model was asked; somebody tried to decide and may not.
    sa.Column("disagreed", sa.Integer, nullable=False),
    sa.Column("abstained", sa.Integer, nullable=False),
    sa.Column("escalated", sa.Integer, nullable=False),
    sa.Column("refused", sa.Integer, nullable=False),
    sa.Index("ix_register_part", "part", "number"),
    sa.Index("ix_register_channel", "channel", "number"),
    sa.Index("ix_register_asked_by", "asked_by", "number"),
    sa.Index("ix_register_verdict", "verdict", "number"),
    sa.Index("ix_register_model", "model", "number"),
    sa.Index("ix_register_disposition", "disposition", "number"),
    sa.Index("ix_register_proposal_state", "proposal_state", "number"),
    sa.Index("ix_register_decided_by", "decided_by", "number"),
    sa.Index("ix_register_confidence", "confidence", "number"),
    *(
        sa.Index(f"ix_register_{name}", "number", sqlite_where=sa.text(f"{name} = 1"), postgresql_where=sa.text(f"{name} = 1"))
        for name in ("disagreed", "abstained", "escalated", "refused")
    ),
)

register_lots = sa.Table(
    "register_lots",
    metadata,
    sa.Column("lot", sa.Text, primary_key=True),  # read from a label, in capitals
    sa.Column("number", sa.BigInteger, sa.ForeignKey("register.number"), primary_key=True, autoincrement=False),
    sa.Index("ix_register_lots_number", "number"),
    sqlite_with_rowid=False,
)

saved_views = sa.Table(
    "saved_views",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, sa.ForeignKey("people.id"), nullable=False),
    _text("name"),
    _text("query"),  # the list's address from the question mark on
    sa.Column("shared", sa.Integer, nullable=False),  # 1: everybody sees it
    _text("saved_at"),
    sa.UniqueConstraint("person_id", "name"),
    sa.CheckConstraint("shared IN (0, 1)", name="shared"),
    sa.Index("ix_saved_views_shared", "shared"),
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
    sa.Index("ix_audit_entries_person_id", "person_id", "seq"),
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

# What the dashboard counts by day; made from the records by `statistics.refresh`, and made anew whenever that is needed.
daily_counts = sa.Table(
    "daily_counts",
    metadata,
    sa.Column("part", sa.Text, primary_key=True),  # "*": every part, and questions about none
    sa.Column("dimension", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, primary_key=True),  # on which the questions came, in the site's time zone: YYYY-MM-DD
    sa.Column("value", sa.Text, primary_key=True),  # of the dimension; "" where it is not known
    sa.Column("inspections", sa.Integer, nullable=False),
    sa.Column("ok", sa.Integer, nullable=False),
    sa.Column("not_ok", sa.Integer, nullable=False),
    sa.Column("abstained", sa.Integer, nullable=False),
    sa.Column("escalated", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("proposed", sa.Integer, nullable=False),  # dispositions; each is one of the next four, or pending
    sa.Column("approved", sa.Integer, nullable=False),
    sa.Column("rejected", sa.Integer, nullable=False),
    sa.Column("corrected", sa.Integer, nullable=False),
    sa.Column("expired", sa.Integer, nullable=False),
    sa.Column("known_bad", sa.Integer, nullable=False),  # judged, and known to be really bad
    sa.Column("escapes", sa.Integer, nullable=False),  # of them, those called OK
    sa.Column("known_good", sa.Integer, nullable=False),
    sa.Column("overkill", sa.Integer, nullable=False),  # of them, those called not OK
    sa.Column("cost", sa.Double, nullable=False),
    sa.Index("ix_daily_counts_day", "day"),
    sa.CheckConstraint("dimension IN ('all', 'line', 'shift', 'camera', 'person', 'language', 'lighting')", name="dimension"),
    sqlite_with_rowid=False,
)

daily_waits = sa.Table(
    "daily_waits",  # how long proposals waited for their decision
    metadata,
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("bin", sa.Integer, primary_key=True, autoincrement=False),  # `statistics.WAIT_STEP` to this power, in seconds
    sa.Column("decisions", sa.Integer, nullable=False),
    sa.Index("ix_daily_waits_day", "day"),
    sqlite_with_rowid=False,
)

daily_confidences = sa.Table(
    "daily_confidences",  # judgements of which it is known whether they were right
    metadata,
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("bin", sa.Integer, primary_key=True, autoincrement=False),  # hundredths of the confidence, rounded down
    sa.Column("judged", sa.Integer, nullable=False),
    sa.Column("right", sa.Integer, nullable=False),
    sa.Column("confidence", sa.Double, nullable=False),  # their sum
    sa.Index("ix_daily_confidences_day", "day"),
    sqlite_with_rowid=False,
)

counted_days = sa.Table(
    "counted_days",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, nullable=False),  # of the audit log: everything up to it is counted
    _text("since"),  # the first day that is counted
    _text("zone"),  # the settings they were counted by
    _text("shifts"),
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

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("token_sha256", Digest, primary_key=True),  # of the secret that only the browser holds
    sa.Column("person_id", sa.Text, sa.ForeignKey("people.id"), nullable=False),
    _text("role"),
    _text("started_at"),
    _text("seen_at"),
    _text("expires_at"),  # whatever happens
    _text("ended_at", null=True),
    _text("ended_why", null=True),
    sa.CheckConstraint("role IN ('viewer', 'supervisor', 'admin')", name="role"),
    sa.CheckConstraint("ended_why IN ('signed_out', 'renewed', 'role_lost', 'sent_away')", name="ended_why"),
    sa.CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name="ended"),
    sa.Index("ix_sessions_person_id", "person_id", "started_at"),
)

sign_ins = sa.Table(
    "sign_ins",
    metadata,
    sa.Column("state_sha256", Digest, primary_key=True),
    sa.Column("nonce_sha256", Digest, nullable=False),
    sa.Column("browser_sha256", Digest, nullable=False),  # of a cookie: the browser that began it must finish it
    _text("back_to"),  # a path of the console
    _text("started_at"),
    _text("used_at", null=True),
    sa.Index("ix_sign_ins_started_at", "started_at"),
)

sign_in_attempts = sa.Table(
    "sign_in_attempts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("address"),  # of the network
    _text("at"),
    sa.Index("ix_sign_in_attempts_address", "address", "at"),
    sa.Index("ix_sign_in_attempts_at", "at"),
)

photo_views = sa.Table(
    "photo_views",
    metadata,
    sa.Column("person_id", sa.Text, sa.ForeignKey("people.id"), primary_key=True),
    sa.Column("at", sa.Text, primary_key=True),
    sa.Column("photo_sha256", Digest, primary_key=True),  # of the picture that was shown: a photo's copy, an anomaly map
    sa.Index("ix_photo_views_photo_sha256", "photo_sha256", "at"),
    sqlite_with_rowid=False,
)

anchors = sa.Table(
    "anchors",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # the day of the daily one, the moment of one made by hand
    sa.Column("seq", sa.BigInteger, sa.ForeignKey("audit_entries.seq"), nullable=False),
    sa.Column("hash", Digest, nullable=False),
    _text("at"),
    _text("channel", null=True),  # where it stands in Slack
    _text("message_ts", null=True),
    _text("posted_at", null=True),
    _text("file", null=True),  # that it was appended to
    _text("written_at", null=True),
    sa.CheckConstraint("(posted_at IS NULL) = (message_ts IS NULL) AND (channel IS NULL) = (message_ts IS NULL)", name="posted"),
    sa.CheckConstraint("(written_at IS NULL) = (file IS NULL)", name="written"),
    sqlite_with_rowid=False,
)

erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),  # an inspection's id, a photo's sha256 or a person's id
    sa.Column("seq", sa.BigInteger, sa.ForeignKey("audit_entries.seq"), primary_key=True, autoincrement=False),  # which tells of it
    _text("at"),
    _text("erased_by"),
    _text("why"),
    sa.Column("files", Json, nullable=False),  # sha256 of each file of the photo store that goes with it
    _text("carried_out_at", null=True),  # when those were gone
    sa.CheckConstraint("kind IN ('question', 'photo', 'person')", name="kind"),
    sa.Index(
        "ix_erasures_to_carry_out",
        "seq",
        sqlite_where=sa.text("carried_out_at IS NULL"),
        postgresql_where=sa.text("carried_out_at IS NULL"),
    ),
    sqlite_with_rowid=False,
)

retention = sa.Table(
    "retention",
    metadata,
    sa.Column("part", sa.Text, primary_key=True),  # a part number, or "*": every part without a row of its own
    sa.Column("photo_days", sa.Integer),  # NULL: for ever
    sa.Column("question_days", sa.Integer),
    _text("set_by"),
    _text("set_at"),
    sa.CheckConstraint("photo_days BETWEEN 1 AND 36500", name="photo_days"),
    sa.CheckConstraint("question_days BETWEEN 1 AND 36500", name="question_days"),
)

mode_changes = sa.Table(
    "mode_changes",
    metadata,
    sa.Column("part", sa.Text, sa.ForeignKey("parts.number"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),  # from 1
    _text("step"),
    _text("from_mode", null=True),  # NULL: it is the first
    _text("mode"),
    _text("at"),
    sa.Column("signed_by", sa.Text, sa.ForeignKey("people.id")),  # NULL: nobody had to
    _text("why", null=True),
    # What a promotion rests on: the numbers, and the limits that they had to meet. NULL for any other step.
    sa.Column("decided", sa.Integer),
    sa.Column("decided_needed", sa.Integer),
    sa.Column("escapes_bound", sa.Double),  # in 100, as are the next three
    sa.Column("escapes_limit", sa.Double),
    sa.Column("overkill_bound", sa.Double),
    sa.Column("overkill_limit", sa.Double),
    sa.Column("drifted", sa.Boolean),
    _text("evidence", null=True),  # canonical JSON of all of it; of a fall-back, what it was for
    sa.Column("evidence_digest", Digest),  # sha256 of the evidence
    sa.CheckConstraint("step IN ('start', 'promotion', 'demotion', 'fall_back')", name="step"),
    sa.CheckConstraint("mode IN ('shadow', 'assist', 'scale')", name="mode"),
    sa.CheckConstraint("from_mode IN ('shadow', 'assist', 'scale')", name="from_mode"),
    sa.CheckConstraint("(step = 'start') = (position = 1) AND (step = 'start') = (from_mode IS NULL)", name="start"),
    sa.CheckConstraint("step <> 'start' OR mode <> 'scale'", name="start_below_scale"),
    sa.CheckConstraint(
        "step <> 'promotion' OR (from_mode = 'shadow' AND mode = 'assist') OR (from_mode = 'assist' AND mode = 'scale')",
        name="promotion",
    ),
    sa.CheckConstraint(
        "step <> 'demotion' OR (from_mode = 'scale' AND mode <> 'scale') OR (from_mode = 'assist' AND mode = 'shadow')",
        name="demotion",
    ),
    sa.CheckConstraint(
        "step <> 'fall_back' OR (from_mode = 'scale' AND mode = 'assist') OR (from_mode = 'assist' AND mode = 'shadow')",
        name="fall_back",
    ),
    sa.CheckConstraint("(signed_by IS NOT NULL) = (step IN ('promotion', 'demotion'))", name="signed"),
    sa.CheckConstraint("step IN ('start', 'promotion') OR (why IS NOT NULL AND why <> '')", name="why"),
    sa.CheckConstraint(
        "step <> 'promotion' OR (decided IS NOT NULL AND decided_needed IS NOT NULL AND escapes_bound IS NOT NULL"
        " AND escapes_limit IS NOT NULL AND overkill_bound IS NOT NULL AND overkill_limit IS NOT NULL AND drifted IS NOT NULL"
        " AND evidence IS NOT NULL AND evidence_digest IS NOT NULL)",
        name="evidence",
    ),
    sa.CheckConstraint(
        "step <> 'promotion' OR (decided >= decided_needed AND escapes_bound <= escapes_limit AND overkill_bound <= overkill_limit"
        " AND NOT drifted)",
        name="evidence_met",
    ),
    sa.CheckConstraint(
        "decided_needed > 0 AND escapes_limit > 0 AND escapes_limit < 50 AND overkill_limit > 0 AND overkill_limit < 50", name="limits"
    ),
    sa.CheckConstraint("length(evidence_digest) = 64", name="evidence_digest"),
    sqlite_with_rowid=False,
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("inspection_id", sa.Text, sa.ForeignKey("inspections.id"), primary_key=True),
    _text("mode"),
    _text("delivery"),
    _text("at"),
    sa.CheckConstraint("mode IN ('shadow', 'assist', 'scale')", name="mode"),
    sa.CheckConstraint(
        "(delivery = 'posted' AND mode <> 'shadow') OR (delivery = 'kept' AND mode = 'shadow')"
        " OR (delivery = 'grouped' AND mode = 'scale')",
        name="delivery",
    ),
    sqlite_with_rowid=False,
)

accept_groups = sa.Table(
    "accept_groups",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("channel"),
    _text("part"),
    _text("language"),
    _text("opened_at"),
    _text("closed_at", null=True),  # from then on nothing joins it
    _text("closed_by", null=True),  # the job that did: "full", "due" or "mode"
    _text("content", null=True),  # canonical JSON of its channel, part and members, frozen when it is closed
    sa.Column("digest", Digest),  # sha256 of content
    _text("posted_ts", null=True),
    _text("posted_at", null=True),
    sa.UniqueConstraint("id", "part", "digest"),
    sa.UniqueConstraint("channel", "posted_ts"),
    sa.CheckConstraint(
        "(closed_at IS NULL) = (digest IS NULL) AND (closed_at IS NULL) = (content IS NULL) AND (closed_at IS NULL) = (closed_by IS NULL)",
        name="closed",
    ),
    sa.CheckConstraint("(posted_at IS NULL) = (posted_ts IS NULL) AND (posted_at IS NULL OR closed_at IS NOT NULL)", name="posted"),
    sa.Index(
        "ux_accept_groups_open",
        "channel",
        "part",
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    ),
)

accept_group_members = sa.Table(
    "accept_group_members",
    metadata,
    sa.Column("proposal_id", sa.Text, primary_key=True),  # in one group at most
    sa.Column("group_id", sa.Text, sa.ForeignKey("accept_groups.id"), nullable=False),
    _text("part"),
    sa.Column("digest", Digest, nullable=False),  # the proposal's
    _text("joined_at"),
    sa.UniqueConstraint("group_id", "proposal_id"),
    sa.ForeignKeyConstraint(["proposal_id", "part", "digest"], ["proposals.id", "proposals.part", "proposals.digest"]),
    sqlite_with_rowid=False,
)

accept_group_removals = sa.Table(
    "accept_group_removals",
    metadata,
    sa.Column("proposal_id", sa.Text, primary_key=True),
    _text("group_id"),
    _text("removed_by", null=True),  # NULL: nobody; its part left the mode
    _text("why"),
    sa.Column("source_event", sa.Text),
    _text("at"),
    sa.ForeignKeyConstraint(["group_id", "proposal_id"], ["accept_group_members.group_id", "accept_group_members.proposal_id"]),
    sa.CheckConstraint("why IN ('person', 'second_look', 'mode')", name="why"),
    sa.CheckConstraint("(removed_by IS NULL) = (why = 'mode')", name="removed_by"),
    sqlite_with_rowid=False,
)

accept_group_approvals = sa.Table(
    "accept_group_approvals",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),  # the first approval stands
    _text("part"),
    sa.Column("digest", Digest, nullable=False),  # of the group as it was posted
    _text("approved_by"),
    _text("grant_id"),
    _text("scope"),
    _text("via"),
    sa.Column("source_event", sa.Text),
    _text("at"),
    sa.ForeignKeyConstraint(["group_id", "part", "digest"], ["accept_groups.id", "accept_groups.part", "accept_groups.digest"]),
    sa.ForeignKeyConstraint(["grant_id", "approved_by", "scope"], ["approvers.id", "approvers.person_id", "approvers.scope"]),
    sa.CheckConstraint("scope = part OR scope = '*'", name="scope"),
    sa.CheckConstraint("via IN ('reaction', 'button', 'console', 'command_line', 'message')", name="via"),
    sqlite_with_rowid=False,
)
