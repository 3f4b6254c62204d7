"""Decisions by two people, deadlines, corrections and second looks; docs/decisions/0006-two-people.md tells why.

What 0002 does for one approval is done here for the rest, by keys and checks in the tables and by triggers where those are switched off:
  endorsements          the first of two approvals: on exactly one proposal's content that needs two, by a live approver
  decisions             approved on such a proposal only beside another person's endorsement; corrected only with a correction of the
                        decider's own; none once the proposal has expired or its deadline has passed
  expirations           of an undecided proposal, not before its deadline
  corrections           their columns say what their content says; of a disposition
  actions               as proposed after an approval, as corrected after a correction, nothing else
  second_looks          drawn once for an answer with a judgement, for somebody else than who asked; replied to by that person, once
None of them is ever changed or deleted. SQLite cannot change a check, so `decisions` and `actions` are made anew there, and their rows
put back; the triggers that go with a dropped table are made again below.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

APPEND_ONLY = ("endorsements", "corrections", "expirations", "second_looks", "second_look_replies")
REBUILT = ("decisions", "actions")  # on SQLite
BY_WAY_OF = "via IN ('reaction', 'button', 'console', 'command_line', 'message')"

SQLITE_GUARDS = (
    "DROP TRIGGER proposals_guard",
    """
CREATE TRIGGER proposals_guard BEFORE INSERT ON proposals BEGIN
    SELECT RAISE(ABORT, 'proposal refused: this inspection or this id has a proposal already')
        WHERE EXISTS (SELECT 1 FROM proposals WHERE id = NEW.id OR inspection_id = NEW.inspection_id);
    SELECT RAISE(ABORT, 'proposal refused: its inspection is not known')
        WHERE NOT EXISTS (SELECT 1 FROM inspections WHERE id = NEW.inspection_id);
    SELECT RAISE(ABORT, 'proposal refused: its columns do not say what its content says')
        WHERE NEW.part IN ('*', '') OR NEW.approvals_needed NOT IN (1, 2)
            OR NEW.inspection_id IS NOT json_extract(NEW.content, '$.inspection_id')
            OR NEW.kind IS NOT json_extract(NEW.content, '$.kind')
            OR NEW.part IS NOT json_extract(NEW.content, '$.part')
            OR NEW.disposition IS NOT json_extract(NEW.content, '$.disposition')
            OR NEW.reference_state IS NOT json_extract(NEW.content, '$.reference_state')
            OR NEW.approvals_needed IS NOT coalesce(json_extract(NEW.content, '$.approvals_needed'), 1);
END
""",
    """
CREATE TRIGGER endorsements_guard BEFORE INSERT ON endorsements BEGIN
    SELECT RAISE(ABORT, 'endorsement refused: the proposal has one already')
        WHERE EXISTS (SELECT 1 FROM endorsements WHERE proposal_id = NEW.proposal_id);
    SELECT RAISE(ABORT, 'endorsement refused: it is not about this proposal''s part and content, or one approval is enough')
        WHERE NEW.approvals_needed <> 2 OR NOT EXISTS (
            SELECT 1 FROM proposals WHERE id = NEW.proposal_id AND part = NEW.part AND digest = NEW.digest AND approvals_needed = 2
        );
    SELECT RAISE(ABORT, 'endorsement refused: the proposal is decided, or its deadline has passed')
        WHERE EXISTS (SELECT 1 FROM decisions WHERE proposal_id = NEW.proposal_id)
            OR EXISTS (SELECT 1 FROM expirations WHERE proposal_id = NEW.proposal_id)
            OR EXISTS (SELECT 1 FROM proposals WHERE id = NEW.proposal_id AND expires_at <= NEW.at);
    SELECT RAISE(ABORT, 'endorsement refused: the person has no live grant for this part')
        WHERE NOT EXISTS (
            SELECT 1 FROM approvers
            WHERE id = NEW.grant_id AND person_id = NEW.endorsed_by AND scope = NEW.scope
                AND scope IN (NEW.part, '*') AND revoked_at IS NULL
        );
END
""",
    """
CREATE TRIGGER corrections_guard BEFORE INSERT ON corrections BEGIN
    SELECT RAISE(ABORT, 'correction refused: it is on record already')
        WHERE EXISTS (SELECT 1 FROM corrections WHERE proposal_id = NEW.proposal_id AND digest = NEW.digest);
    SELECT RAISE(ABORT, 'correction refused: it does not correct a disposition on record')
        WHERE NOT EXISTS (
            SELECT 1 FROM proposals
            WHERE id = NEW.proposal_id AND part = NEW.part AND digest = NEW.proposal_digest AND kind = 'disposition'
        );
    SELECT RAISE(ABORT, 'correction refused: its columns do not say what its content says')
        WHERE NEW.really NOT IN ('ok', 'not_ok')
            OR NEW.proposal_digest IS NOT json_extract(NEW.content, '$.corrects')
            OR NEW.part IS NOT json_extract(NEW.content, '$.part')
            OR NEW.disposition IS NOT json_extract(NEW.content, '$.disposition')
            OR NEW.really IS NOT json_extract(NEW.content, '$.really')
            OR NEW.defect_class IS NOT json_extract(NEW.content, '$.defect_class')
            OR NEW.corrected_by IS NOT json_extract(NEW.content, '$.corrected_by');
END
""",
    """
CREATE TRIGGER expirations_guard BEFORE INSERT ON expirations BEGIN
    SELECT RAISE(ABORT, 'expiration refused: it is on record already')
        WHERE EXISTS (SELECT 1 FROM expirations WHERE proposal_id = NEW.proposal_id);
    SELECT RAISE(ABORT, 'expiration refused: the proposal is decided')
        WHERE EXISTS (SELECT 1 FROM decisions WHERE proposal_id = NEW.proposal_id);
    SELECT RAISE(ABORT, 'expiration refused: the proposal''s deadline has not passed')
        WHERE NEW.at < NEW.expires_at
            OR NOT EXISTS (SELECT 1 FROM proposals WHERE id = NEW.proposal_id AND expires_at = NEW.expires_at);
END
""",
    """
CREATE TRIGGER decisions_guard BEFORE INSERT ON decisions BEGIN
    SELECT RAISE(ABORT, 'decision refused: the proposal is already decided')
        WHERE EXISTS (SELECT 1 FROM decisions WHERE proposal_id = NEW.proposal_id);
    SELECT RAISE(ABORT, 'decision refused: no such verdict')
        WHERE NEW.verdict NOT IN ('approved', 'rejected', 'corrected');
    SELECT RAISE(ABORT, 'decision refused: it is not about this proposal''s part and content')
        WHERE NOT EXISTS (
            SELECT 1 FROM proposals
            WHERE id = NEW.proposal_id AND part = NEW.part AND digest = NEW.digest AND approvals_needed = NEW.approvals_needed
        );
    SELECT RAISE(ABORT, 'decision refused: the proposal has expired')
        WHERE EXISTS (SELECT 1 FROM expirations WHERE proposal_id = NEW.proposal_id)
            OR EXISTS (SELECT 1 FROM proposals WHERE id = NEW.proposal_id AND expires_at <= NEW.at);
    SELECT RAISE(ABORT, 'decision refused: the person has no live grant for this part')
        WHERE NOT EXISTS (
            SELECT 1 FROM approvers
            WHERE id = NEW.grant_id AND person_id = NEW.decided_by AND scope = NEW.scope
                AND scope IN (NEW.part, '*') AND revoked_at IS NULL
        );
    SELECT RAISE(ABORT, 'decision refused: a second person must have approved exactly this content')
        WHERE (NEW.endorsed_by IS NOT NULL) <> (NEW.verdict = 'approved' AND NEW.approvals_needed = 2)
            OR NEW.endorsed_by IS NEW.decided_by
            OR (NEW.endorsed_by IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM endorsements
                WHERE proposal_id = NEW.proposal_id AND digest = NEW.digest AND endorsed_by = NEW.endorsed_by
            ));
    SELECT RAISE(ABORT, 'decision refused: a correction is decided by whoever wrote it, and where one person may decide')
        WHERE (NEW.corrected_digest IS NOT NULL) <> (NEW.verdict = 'corrected')
            OR (NEW.verdict = 'corrected' AND (NEW.approvals_needed <> 1 OR NOT EXISTS (
                SELECT 1 FROM corrections
                WHERE proposal_id = NEW.proposal_id AND digest = NEW.corrected_digest AND corrected_by = NEW.decided_by
            )));
END
""",
    """
CREATE TRIGGER actions_guard BEFORE INSERT ON actions BEGIN
    SELECT RAISE(ABORT, 'action refused: it is already recorded')
        WHERE EXISTS (SELECT 1 FROM actions WHERE proposal_id = NEW.proposal_id);
    SELECT RAISE(ABORT, 'action refused: no approving decision on exactly this content')
        WHERE NEW.verdict NOT IN ('approved', 'corrected') OR NOT EXISTS (
            SELECT 1 FROM decisions
            WHERE proposal_id = NEW.proposal_id AND digest = NEW.digest AND verdict = NEW.verdict
                AND corrected_digest IS NEW.corrected_digest
        );
END
""",
    """
CREATE TRIGGER second_looks_guard BEFORE INSERT ON second_looks BEGIN
    SELECT RAISE(ABORT, 'second look refused: this inspection has one already')
        WHERE EXISTS (SELECT 1 FROM second_looks WHERE inspection_id = NEW.inspection_id);
    SELECT RAISE(ABORT, 'second look refused: it is for an answer with a judgement, and for somebody else than who asked')
        WHERE NOT EXISTS (
            SELECT 1 FROM inspections
            WHERE id = NEW.inspection_id AND verdict IN ('ok', 'not_ok') AND asked_by <> NEW.person_id
        );
END
""",
    """
CREATE TRIGGER second_look_replies_guard BEFORE INSERT ON second_look_replies BEGIN
    SELECT RAISE(ABORT, 'reply refused: there is one already')
        WHERE EXISTS (SELECT 1 FROM second_look_replies WHERE inspection_id = NEW.inspection_id);
    SELECT RAISE(ABORT, 'reply refused: this person was not asked, or there is no such reply')
        WHERE NEW.said NOT IN ('ok', 'not_ok', 'cannot_tell') OR NOT EXISTS (
            SELECT 1 FROM second_looks WHERE inspection_id = NEW.inspection_id AND person_id = NEW.person_id
        );
END
""",
)

# One at a time for one proposal, so that a decision and an expiration at the same moment see each other. A snapshot taken before the lock
# would not show what the other one wrote, so a transaction that keeps its first snapshot is refused.
POSTGRESQL_LOCK = """
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.proposal_id, 0));
    IF current_setting('transaction_isolation') = 'repeatable read' THEN
        PERFORM kenpin_refuse('{what} refused: write it in a transaction that is READ COMMITTED or SERIALIZABLE');
    END IF;"""

POSTGRESQL_GUARDS = {
    "proposals": """
    IF NEW.content::json->>'inspection_id' IS DISTINCT FROM NEW.inspection_id OR NEW.content::json->>'kind' IS DISTINCT FROM NEW.kind
        OR NEW.content::json->>'part' IS DISTINCT FROM NEW.part OR NEW.content::json->>'disposition' IS DISTINCT FROM NEW.disposition
        OR NEW.content::json->>'reference_state' IS DISTINCT FROM NEW.reference_state OR NEW.part IN ('*', '')
        OR coalesce(NEW.content::json->>'approvals_needed', '1') IS DISTINCT FROM NEW.approvals_needed::text
        OR NEW.approvals_needed NOT IN (1, 2) THEN
        PERFORM kenpin_refuse('proposal refused: its columns do not say what its content says');
    END IF;
    IF NEW.digest IS DISTINCT FROM encode(sha256(convert_to(NEW.content, 'UTF8')), 'hex') THEN
        PERFORM kenpin_refuse('proposal refused: its digest is not that of its content');
    END IF;
    IF NOT EXISTS (SELECT 1 FROM inspections WHERE id = NEW.inspection_id) THEN
        PERFORM kenpin_refuse('proposal refused: its inspection is not known');
    END IF;""",
    "endorsements": POSTGRESQL_LOCK.format(what="endorsement")
    + """
    IF NEW.approvals_needed <> 2 OR NOT EXISTS (
        SELECT 1 FROM proposals WHERE id = NEW.proposal_id AND part = NEW.part AND digest = NEW.digest AND approvals_needed = 2
    ) THEN
        PERFORM kenpin_refuse('endorsement refused: it is not about this proposal''s part and content, or one approval is enough');
    END IF;
    IF EXISTS (SELECT 1 FROM decisions WHERE proposal_id = NEW.proposal_id)
        OR EXISTS (SELECT 1 FROM expirations WHERE proposal_id = NEW.proposal_id)
        OR EXISTS (SELECT 1 FROM proposals WHERE id = NEW.proposal_id AND expires_at <= NEW.at) THEN
        PERFORM kenpin_refuse('endorsement refused: the proposal is decided, or its deadline has passed');
    END IF;
    PERFORM 1 FROM approvers WHERE id = NEW.grant_id AND person_id = NEW.endorsed_by AND scope = NEW.scope
        AND scope IN (NEW.part, '*') AND revoked_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        PERFORM kenpin_refuse('endorsement refused: the person has no live grant for this part');
    END IF;""",
    "corrections": """
    IF NOT EXISTS (
        SELECT 1 FROM proposals
        WHERE id = NEW.proposal_id AND part = NEW.part AND digest = NEW.proposal_digest AND kind = 'disposition'
    ) THEN
        PERFORM kenpin_refuse('correction refused: it does not correct a disposition on record');
    END IF;
    IF NEW.really NOT IN ('ok', 'not_ok')
        OR NEW.content::json->>'corrects' IS DISTINCT FROM NEW.proposal_digest OR NEW.content::json->>'part' IS DISTINCT FROM NEW.part
        OR NEW.content::json->>'disposition' IS DISTINCT FROM NEW.disposition OR NEW.content::json->>'really' IS DISTINCT FROM NEW.really
        OR NEW.content::json->>'defect_class' IS DISTINCT FROM NEW.defect_class
        OR NEW.content::json->>'corrected_by' IS DISTINCT FROM NEW.corrected_by THEN
        PERFORM kenpin_refuse('correction refused: its columns do not say what its content says');
    END IF;
    IF NEW.digest IS DISTINCT FROM encode(sha256(convert_to(NEW.content, 'UTF8')), 'hex') THEN
        PERFORM kenpin_refuse('correction refused: its digest is not that of its content');
    END IF;""",
    "expirations": POSTGRESQL_LOCK.format(what="expiration")
    + """
    IF EXISTS (SELECT 1 FROM decisions WHERE proposal_id = NEW.proposal_id) THEN
        PERFORM kenpin_refuse('expiration refused: the proposal is decided');
    END IF;
    IF NEW.at < NEW.expires_at OR NOT EXISTS (SELECT 1 FROM proposals WHERE id = NEW.proposal_id AND expires_at = NEW.expires_at) THEN
        PERFORM kenpin_refuse('expiration refused: the proposal''s deadline has not passed');
    END IF;""",
    "decisions": POSTGRESQL_LOCK.format(what="decision")
    + """
    IF NEW.verdict NOT IN ('approved', 'rejected', 'corrected') THEN
        PERFORM kenpin_refuse('decision refused: no such verdict');
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM proposals
        WHERE id = NEW.proposal_id AND part = NEW.part AND digest = NEW.digest AND approvals_needed = NEW.approvals_needed
    ) THEN
        PERFORM kenpin_refuse('decision refused: it is not about this proposal''s part and content');
    END IF;
    IF EXISTS (SELECT 1 FROM expirations WHERE proposal_id = NEW.proposal_id)
        OR EXISTS (SELECT 1 FROM proposals WHERE id = NEW.proposal_id AND expires_at <= NEW.at) THEN
        PERFORM kenpin_refuse('decision refused: the proposal has expired');
    END IF;
    -- FOR SHARE: a revocation under way is waited for, and a later one waits for this decision.
    PERFORM 1 FROM approvers WHERE id = NEW.grant_id AND person_id = NEW.decided_by AND scope = NEW.scope
        AND scope IN (NEW.part, '*') AND revoked_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        PERFORM kenpin_refuse('decision refused: the person has no live grant for this part');
    END IF;
    IF (NEW.endorsed_by IS NOT NULL) <> (NEW.verdict = 'approved' AND NEW.approvals_needed = 2) OR NEW.endorsed_by = NEW.decided_by
        OR (NEW.endorsed_by IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM endorsements WHERE proposal_id = NEW.proposal_id AND digest = NEW.digest AND endorsed_by = NEW.endorsed_by
        )) THEN
        PERFORM kenpin_refuse('decision refused: a second person must have approved exactly this content');
    END IF;
    IF (NEW.corrected_digest IS NOT NULL) <> (NEW.verdict = 'corrected')
        OR (NEW.verdict = 'corrected' AND (NEW.approvals_needed <> 1 OR NOT EXISTS (
            SELECT 1 FROM corrections
            WHERE proposal_id = NEW.proposal_id AND digest = NEW.corrected_digest AND corrected_by = NEW.decided_by
        ))) THEN
        PERFORM kenpin_refuse('decision refused: a correction is decided by whoever wrote it, and where one person may decide');
    END IF;""",
    "actions": """
    IF NEW.verdict NOT IN ('approved', 'corrected') OR NOT EXISTS (
        SELECT 1 FROM decisions
        WHERE proposal_id = NEW.proposal_id AND digest = NEW.digest AND verdict = NEW.verdict
            AND corrected_digest IS NOT DISTINCT FROM NEW.corrected_digest
    ) THEN
        PERFORM kenpin_refuse('action refused: no approving decision on exactly this content');
    END IF;""",
    "second_looks": """
    IF NOT EXISTS (
        SELECT 1 FROM inspections WHERE id = NEW.inspection_id AND verdict IN ('ok', 'not_ok') AND asked_by <> NEW.person_id
    ) THEN
        PERFORM kenpin_refuse('second look refused: it is for an answer with a judgement, and for somebody else than who asked');
    END IF;""",
    "second_look_replies": """
    IF NEW.said NOT IN ('ok', 'not_ok', 'cannot_tell') OR NOT EXISTS (
        SELECT 1 FROM second_looks WHERE inspection_id = NEW.inspection_id AND person_id = NEW.person_id
    ) THEN
        PERFORM kenpin_refuse('reply refused: this person was not asked, or there is no such reply');
    END IF;""",
}


def upgrade() -> None:
    _widen_proposals()
    _new_tables()
    if op.get_bind().dialect.name == "postgresql":
        _widen_on_postgresql()
        _guard_on_postgresql()
    else:
        _widen_on_sqlite()
        _guard_on_sqlite()


def _widen_proposals() -> None:
    run = op.get_bind().exec_driver_sql
    # In one statement, which both databases take without touching the rows: Alembic would make the whole table anew on SQLite.
    run(
        "ALTER TABLE proposals ADD COLUMN approvals_needed INTEGER DEFAULT 1 NOT NULL "
        "CONSTRAINT ck_proposals_approvals_needed CHECK (approvals_needed IN (1, 2))"
    )
    run("ALTER TABLE proposals ADD COLUMN expires_at TEXT")
    op.create_index("ux_proposals_approvals_needed", "proposals", ["id", "part", "digest", "approvals_needed"], unique=True)
    op.create_index("ux_proposals_expires_at", "proposals", ["id", "expires_at"], unique=True)
    op.create_index("ix_proposals_expires_at", "proposals", ["expires_at"], unique=False)


def _new_tables() -> None:
    op.create_table(
        "endorsements",
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("approvals_needed", sa.Integer(), server_default="2", nullable=False),
        sa.Column("endorsed_by", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("source_event", sa.Text(), nullable=True),
        sa.Column("at", sa.Text(), nullable=False),
        sa.CheckConstraint("approvals_needed = 2", name=op.f("ck_endorsements_approvals_needed")),
        sa.CheckConstraint("scope = part OR scope = '*'", name=op.f("ck_endorsements_scope")),
        sa.CheckConstraint(BY_WAY_OF, name=op.f("ck_endorsements_via")),
        sa.ForeignKeyConstraint(
            ["proposal_id", "part", "digest", "approvals_needed"],
            ["proposals.id", "proposals.part", "proposals.digest", "proposals.approvals_needed"],
            name=op.f("fk_endorsements_proposal_id_part_digest_approvals_needed"),
        ),
        sa.ForeignKeyConstraint(
            ["grant_id", "endorsed_by", "scope"],
            ["approvers.id", "approvers.person_id", "approvers.scope"],
            name=op.f("fk_endorsements_grant_id_endorsed_by_scope"),
        ),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_endorsements")),
        sa.UniqueConstraint("proposal_id", "digest", "endorsed_by", name=op.f("uq_endorsements_proposal_id_digest_endorsed_by")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "corrections",
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("proposal_digest", sa.String(length=64), nullable=False),
        sa.Column("disposition", sa.Text(), nullable=False),
        sa.Column("really", sa.Text(), nullable=False),
        sa.Column("defect_class", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("corrected_by", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.CheckConstraint("really IN ('ok', 'not_ok')", name=op.f("ck_corrections_really")),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_corrections_digest")),
        sa.ForeignKeyConstraint(
            ["proposal_id", "part", "proposal_digest"],
            ["proposals.id", "proposals.part", "proposals.digest"],
            name=op.f("fk_corrections_proposal_id_part_proposal_digest"),
        ),
        sa.PrimaryKeyConstraint("proposal_id", "digest", name=op.f("pk_corrections")),
        sa.UniqueConstraint("proposal_id", "digest", "corrected_by", name=op.f("uq_corrections_proposal_id_digest_corrected_by")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "expirations",
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.CheckConstraint("at >= expires_at", name=op.f("ck_expirations_at")),
        sa.ForeignKeyConstraint(
            ["proposal_id", "expires_at"],
            ["proposals.id", "proposals.expires_at"],
            name=op.f("fk_expirations_proposal_id_expires_at"),
        ),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_expirations")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "second_looks",
        sa.Column("inspection_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspections.id"], name=op.f("fk_second_looks_inspection_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_second_looks_person_id")),
        sa.PrimaryKeyConstraint("inspection_id", name=op.f("pk_second_looks")),
        sa.UniqueConstraint("inspection_id", "person_id", name=op.f("uq_second_looks_inspection_id_person_id")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "second_look_replies",
        sa.Column("inspection_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("source_event", sa.Text(), nullable=True),
        sa.Column("at", sa.Text(), nullable=False),
        sa.CheckConstraint("said IN ('ok', 'not_ok', 'cannot_tell')", name=op.f("ck_second_look_replies_said")),
        sa.ForeignKeyConstraint(
            ["inspection_id", "person_id"],
            ["second_looks.inspection_id", "second_looks.person_id"],
            name=op.f("fk_second_look_replies_inspection_id_person_id"),
        ),
        sa.PrimaryKeyConstraint("inspection_id", name=op.f("pk_second_look_replies")),
        sqlite_with_rowid=False,
    )


SQLITE_DECISIONS = f"""
CREATE TABLE decisions (
    proposal_id TEXT NOT NULL,
    part TEXT NOT NULL,
    digest VARCHAR(64) NOT NULL,
    verdict TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    via TEXT NOT NULL,
    source_event TEXT,
    at TEXT NOT NULL,
    approvals_needed INTEGER DEFAULT 1 NOT NULL,
    endorsed_by TEXT,
    corrected_digest VARCHAR(64),
    CONSTRAINT ck_decisions_scope CHECK (scope = part OR scope = '*'),
    CONSTRAINT ck_decisions_via CHECK ({BY_WAY_OF}),
    CONSTRAINT ck_decisions_verdict CHECK (verdict IN ('approved', 'rejected', 'corrected')),
    CONSTRAINT ck_decisions_endorsed CHECK ((endorsed_by IS NOT NULL) = (verdict = 'approved' AND approvals_needed = 2)),
    CONSTRAINT ck_decisions_two_people CHECK (endorsed_by <> decided_by),
    CONSTRAINT ck_decisions_corrected CHECK ((corrected_digest IS NOT NULL) = (verdict = 'corrected')),
    CONSTRAINT ck_decisions_corrected_by_one CHECK (verdict <> 'corrected' OR approvals_needed = 1),
    CONSTRAINT pk_decisions PRIMARY KEY (proposal_id),
    CONSTRAINT uq_decisions_proposal_id_digest_verdict UNIQUE (proposal_id, digest, verdict),
    CONSTRAINT uq_decisions_proposal_id_corrected_digest UNIQUE (proposal_id, corrected_digest),
    CONSTRAINT fk_decisions_proposal_id_part_digest_approvals_needed FOREIGN KEY (proposal_id, part, digest, approvals_needed)
        REFERENCES proposals (id, part, digest, approvals_needed),
    CONSTRAINT fk_decisions_grant_id_decided_by_scope FOREIGN KEY (grant_id, decided_by, scope)
        REFERENCES approvers (id, person_id, scope),
    CONSTRAINT fk_decisions_proposal_id_digest_endorsed_by FOREIGN KEY (proposal_id, digest, endorsed_by)
        REFERENCES endorsements (proposal_id, digest, endorsed_by),
    CONSTRAINT fk_decisions_proposal_id_corrected_digest_decided_by FOREIGN KEY (proposal_id, corrected_digest, decided_by)
        REFERENCES corrections (proposal_id, digest, corrected_by)
) WITHOUT ROWID
"""

SQLITE_ACTIONS = """
CREATE TABLE actions (
    proposal_id TEXT NOT NULL,
    digest VARCHAR(64) NOT NULL,
    verdict TEXT NOT NULL,
    at TEXT NOT NULL,
    corrected_digest VARCHAR(64),
    CONSTRAINT ck_actions_approved CHECK (verdict IN ('approved', 'corrected')),
    CONSTRAINT ck_actions_corrected CHECK ((corrected_digest IS NOT NULL) = (verdict = 'corrected')),
    CONSTRAINT pk_actions PRIMARY KEY (proposal_id),
    CONSTRAINT fk_actions_proposal_id_digest_verdict FOREIGN KEY (proposal_id, digest, verdict)
        REFERENCES decisions (proposal_id, digest, verdict),
    CONSTRAINT fk_actions_proposal_id_corrected_digest FOREIGN KEY (proposal_id, corrected_digest)
        REFERENCES decisions (proposal_id, corrected_digest)
) WITHOUT ROWID
"""

POSTGRESQL_CHANGES = """
ALTER TABLE decisions
    ADD COLUMN approvals_needed INTEGER DEFAULT 1 NOT NULL,
    ADD COLUMN endorsed_by TEXT,
    ADD COLUMN corrected_digest VARCHAR(64),
    DROP CONSTRAINT ck_decisions_verdict,
    DROP CONSTRAINT fk_decisions_proposal_id_part_digest,
    ADD CONSTRAINT ck_decisions_verdict CHECK (verdict IN ('approved', 'rejected', 'corrected')),
    ADD CONSTRAINT ck_decisions_endorsed CHECK ((endorsed_by IS NOT NULL) = (verdict = 'approved' AND approvals_needed = 2)),
    ADD CONSTRAINT ck_decisions_two_people CHECK (endorsed_by <> decided_by),
    ADD CONSTRAINT ck_decisions_corrected CHECK ((corrected_digest IS NOT NULL) = (verdict = 'corrected')),
    ADD CONSTRAINT ck_decisions_corrected_by_one CHECK (verdict <> 'corrected' OR approvals_needed = 1),
    ADD CONSTRAINT uq_decisions_proposal_id_corrected_digest UNIQUE (proposal_id, corrected_digest),
    ADD CONSTRAINT fk_decisions_proposal_id_part_digest_approvals_needed FOREIGN KEY (proposal_id, part, digest, approvals_needed)
        REFERENCES proposals (id, part, digest, approvals_needed),
    ADD CONSTRAINT fk_decisions_proposal_id_digest_endorsed_by FOREIGN KEY (proposal_id, digest, endorsed_by)
        REFERENCES endorsements (proposal_id, digest, endorsed_by),
    ADD CONSTRAINT fk_decisions_proposal_id_corrected_digest_decided_by FOREIGN KEY (proposal_id, corrected_digest, decided_by)
        REFERENCES corrections (proposal_id, digest, corrected_by);
ALTER TABLE actions
    ADD COLUMN corrected_digest VARCHAR(64),
    DROP CONSTRAINT ck_actions_approved,
    ADD CONSTRAINT ck_actions_approved CHECK (verdict IN ('approved', 'corrected')),
    ADD CONSTRAINT ck_actions_corrected CHECK ((corrected_digest IS NOT NULL) = (verdict = 'corrected')),
    ADD CONSTRAINT fk_actions_proposal_id_corrected_digest FOREIGN KEY (proposal_id, corrected_digest)
        REFERENCES decisions (proposal_id, corrected_digest);
"""


def _widen_on_sqlite() -> None:
    """The two tables anew, each with its rows. What points at them is checked when the migration is committed, not at each statement."""
    run = op.get_bind().exec_driver_sql
    run("PRAGMA defer_foreign_keys = ON")
    kept = {table: run(f"SELECT * FROM {table}").mappings().all() for table in ("decisions", "actions")}
    for table in ("actions", "decisions"):
        run(f"DROP TABLE {table}")
    for table, definition in (("decisions", SQLITE_DECISIONS), ("actions", SQLITE_ACTIONS)):
        run(definition)
        for row in kept[table]:
            run(f"INSERT INTO {table} ({', '.join(row.keys())}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))


def _widen_on_postgresql() -> None:
    for change in POSTGRESQL_CHANGES.split(";\n"):
        if change.strip():
            op.get_bind().exec_driver_sql(change)


def _guard_on_sqlite() -> None:
    run = op.get_bind().exec_driver_sql
    for table in (*APPEND_ONLY, *REBUILT):
        for change in ("UPDATE", "DELETE"):
            run(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    for guard in SQLITE_GUARDS:
        run(guard)


def _guard_on_postgresql() -> None:
    run = op.get_bind().exec_driver_sql
    schema = str(run("SELECT quote_ident(current_schema())").scalar_one())
    path = f"SET search_path = {schema}, pg_temp"  # as in 0002

    def function(name: str, body: str, returned: str) -> None:
        run(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql {path} AS $$ BEGIN {body}\n"
            f"    RETURN {returned};\nEND $$"
        )

    def trigger(table: str, name: str, when: str, each: str) -> None:
        run(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH {each} EXECUTE FUNCTION {name}()")
        run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")

    for table in APPEND_ONLY:
        function(f"{table}_append_only", f"\n    PERFORM kenpin_refuse('{table} is append-only');", "NULL")
        trigger(table, f"{table}_append_only", "BEFORE UPDATE OR DELETE OR TRUNCATE", "STATEMENT")
    for table, body in POSTGRESQL_GUARDS.items():
        function(f"{table}_guard_insert", body, "NEW")
        if table in APPEND_ONLY:  # the others have their trigger from 0002, which calls the function made anew here
            trigger(table, f"{table}_guard_insert", "BEFORE INSERT", "ROW")
