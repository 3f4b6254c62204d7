"""The modes of parts, what became of each answer under them, and groups of accepts that wait for one approval.

  mode_changes            each follows the one before it, by one step up, or down; up only on evidence that meets the limits it states,
                          signed by a person on record; no part begins in scale
  deliveries              whether an answer was kept, posted or grouped, as its part's mode had it then
  accept_groups           open, then closed with its content frozen, then posted; nothing else changes
  accept_group_members    undecided accepts that one person may approve, of a part in scale, while the group is open
  accept_group_removals   taken out, to be decided singly; not after the approval
  accept_group_approvals  of a posted group, exactly as it was posted, by a live approver, while the part is in scale; the first stands. It
                          records nothing by itself: each member needs its own decision, which 0002 and 0004 guard as ever
Rows are never changed or deleted, but for the two steps of a group. Parts from before are in assist, as they were.
docs/decisions/0002 tells why keys and checks are repeated in triggers.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

APPEND_ONLY = ("mode_changes", "deliveries", "accept_group_members", "accept_group_removals", "accept_group_approvals")
GROUP_WORDS = "a group is closed once and posted once, and nothing else of it changes"
EVIDENCE = ("decided", "decided_needed", "escapes_bound", "escapes_limit", "overkill_bound", "overkill_limit", "drifted")

SQLITE_SCALE = "(SELECT mode FROM mode_changes WHERE part = NEW.part ORDER BY position DESC LIMIT 1) IS NOT 'scale'"

SQLITE_GUARDS = (
    f"""
CREATE TRIGGER mode_changes_guard BEFORE INSERT ON mode_changes BEGIN
    SELECT RAISE(ABORT, 'change of mode refused: it does not follow the one before it')
        WHERE NEW.position <> 1 + (SELECT coalesce(max(position), 0) FROM mode_changes WHERE part = NEW.part)
            OR NEW.from_mode IS NOT (SELECT mode FROM mode_changes WHERE part = NEW.part ORDER BY position DESC LIMIT 1)
            OR NOT EXISTS (SELECT 1 FROM parts WHERE number = NEW.part);
    SELECT RAISE(ABORT, 'change of mode refused: no such step')
        WHERE NOT (
            (NEW.step = 'start' AND NEW.position = 1 AND NEW.mode IN ('shadow', 'assist'))
            OR (NEW.step = 'promotion' AND NEW.from_mode = 'shadow' AND NEW.mode = 'assist')
            OR (NEW.step = 'promotion' AND NEW.from_mode = 'assist' AND NEW.mode = 'scale')
            OR (NEW.step IN ('demotion', 'fall_back') AND NEW.from_mode = 'scale' AND NEW.mode = 'assist')
            OR (NEW.step IN ('demotion', 'fall_back') AND NEW.from_mode = 'assist' AND NEW.mode = 'shadow')
            OR (NEW.step = 'demotion' AND NEW.from_mode = 'scale' AND NEW.mode = 'shadow')
        );
    SELECT RAISE(ABORT, 'change of mode refused: a supervisor signs for it, and says why it goes down')
        WHERE (NEW.signed_by IS NOT NULL) <> (NEW.step IN ('promotion', 'demotion'))
            OR (NEW.signed_by IS NOT NULL AND NOT EXISTS (SELECT 1 FROM people WHERE id = NEW.signed_by))
            OR (NEW.step IN ('demotion', 'fall_back') AND coalesce(NEW.why, '') = '');
    SELECT RAISE(ABORT, 'change of mode refused: its evidence does not meet the limits it states')
        WHERE NEW.step = 'promotion' AND (
            NEW.decided < NEW.decided_needed OR NEW.escapes_bound > NEW.escapes_limit OR NEW.overkill_bound > NEW.overkill_limit
            OR NEW.drifted <> 0 OR NEW.decided_needed < 1 OR NEW.escapes_limit >= 50 OR NEW.overkill_limit >= 50
            OR length(coalesce(NEW.evidence_digest, '')) <> 64
            OR {" OR ".join(f"NEW.{name} IS NULL OR NEW.{name} IS NOT json_extract(NEW.evidence, '$.{name}')" for name in EVIDENCE)}
        );
END
""",
    """
CREATE TRIGGER deliveries_guard BEFORE INSERT ON deliveries BEGIN
    SELECT RAISE(ABORT, 'delivery refused: it is on record already, or of no inspection')
        WHERE EXISTS (SELECT 1 FROM deliveries WHERE inspection_id = NEW.inspection_id)
            OR NOT EXISTS (SELECT 1 FROM inspections WHERE id = NEW.inspection_id);
    SELECT RAISE(ABORT, 'delivery refused: its mode has no such delivery')
        WHERE NOT (
            (NEW.delivery = 'posted' AND NEW.mode IN ('assist', 'scale')) OR (NEW.delivery = 'kept' AND NEW.mode = 'shadow')
            OR (NEW.delivery = 'grouped' AND NEW.mode = 'scale')
        );
END
""",
    """
CREATE TRIGGER accept_groups_guard_insert BEFORE INSERT ON accept_groups BEGIN
    SELECT RAISE(ABORT, 'group refused: a new group is open, and the only open one of its channel and part')
        WHERE NEW.closed_at IS NOT NULL OR NEW.posted_at IS NOT NULL
            OR EXISTS (
                SELECT 1 FROM accept_groups
                WHERE id = NEW.id OR (channel = NEW.channel AND part = NEW.part AND closed_at IS NULL)
            );
END
""",
    f"""
CREATE TRIGGER accept_groups_guard_update BEFORE UPDATE ON accept_groups BEGIN
    SELECT RAISE(ABORT, '{GROUP_WORDS}')
        WHERE NEW.id IS NOT OLD.id OR NEW.channel IS NOT OLD.channel OR NEW.part IS NOT OLD.part
            OR NEW.language IS NOT OLD.language OR NEW.opened_at IS NOT OLD.opened_at
            OR (OLD.closed_at IS NOT NULL AND (
                NEW.closed_at IS NOT OLD.closed_at OR NEW.closed_by IS NOT OLD.closed_by OR NEW.content IS NOT OLD.content
                OR NEW.digest IS NOT OLD.digest
            ))
            OR (NEW.closed_at IS NOT NULL AND (NEW.content IS NULL OR length(coalesce(NEW.digest, '')) <> 64))
            OR (OLD.posted_at IS NOT NULL AND (NEW.posted_at IS NOT OLD.posted_at OR NEW.posted_ts IS NOT OLD.posted_ts))
            OR (NEW.posted_at IS NOT NULL AND NEW.closed_at IS NULL);
END
""",
    f"""
CREATE TRIGGER accept_groups_guard_delete BEFORE DELETE ON accept_groups BEGIN
    SELECT RAISE(ABORT, '{GROUP_WORDS}');
END
""",
    f"""
CREATE TRIGGER accept_group_members_guard BEFORE INSERT ON accept_group_members BEGIN
    SELECT RAISE(ABORT, 'member refused: the proposal is in a group already')
        WHERE EXISTS (SELECT 1 FROM accept_group_members WHERE proposal_id = NEW.proposal_id);
    SELECT RAISE(ABORT, 'member refused: the group is closed, or of another part')
        WHERE NOT EXISTS (SELECT 1 FROM accept_groups WHERE id = NEW.group_id AND part = NEW.part AND closed_at IS NULL);
    SELECT RAISE(ABORT, 'member refused: only an undecided accept that one person may approve is grouped')
        WHERE NOT EXISTS (
            SELECT 1 FROM proposals
            WHERE id = NEW.proposal_id AND part = NEW.part AND digest = NEW.digest
                AND kind = 'disposition' AND disposition = 'accept' AND approvals_needed = 1
        ) OR EXISTS (SELECT 1 FROM decisions WHERE proposal_id = NEW.proposal_id);
    SELECT RAISE(ABORT, 'member refused: its part is not in scale') WHERE {SQLITE_SCALE};
END
""",
    """
CREATE TRIGGER accept_group_removals_guard BEFORE INSERT ON accept_group_removals BEGIN
    SELECT RAISE(ABORT, 'removal refused: it is out already, or was never in this group')
        WHERE EXISTS (SELECT 1 FROM accept_group_removals WHERE proposal_id = NEW.proposal_id)
            OR NOT EXISTS (SELECT 1 FROM accept_group_members WHERE proposal_id = NEW.proposal_id AND group_id = NEW.group_id);
    SELECT RAISE(ABORT, 'removal refused: the group is approved')
        WHERE EXISTS (SELECT 1 FROM accept_group_approvals WHERE group_id = NEW.group_id);
END
""",
    f"""
CREATE TRIGGER accept_group_approvals_guard BEFORE INSERT ON accept_group_approvals BEGIN
    SELECT RAISE(ABORT, 'approval refused: the group is approved already')
        WHERE EXISTS (SELECT 1 FROM accept_group_approvals WHERE group_id = NEW.group_id);
    SELECT RAISE(ABORT, 'approval refused: it is not about this group as it was posted')
        WHERE NOT EXISTS (
            SELECT 1 FROM accept_groups
            WHERE id = NEW.group_id AND part = NEW.part AND digest = NEW.digest AND posted_at IS NOT NULL
        );
    SELECT RAISE(ABORT, 'approval refused: the person has no live grant for this part')
        WHERE NOT EXISTS (
            SELECT 1 FROM approvers
            WHERE id = NEW.grant_id AND person_id = NEW.approved_by AND scope = NEW.scope
                AND scope IN (NEW.part, '*') AND revoked_at IS NULL
        );
    SELECT RAISE(ABORT, 'approval refused: the part is not in scale') WHERE {SQLITE_SCALE};
END
""",
)

# One at a time for one part, as in 0004 for one proposal: an approval and a fall-back at the same moment must see each other.
POSTGRESQL_LOCK = """
    PERFORM pg_advisory_xact_lock(hashtextextended('mode:' || NEW.part, 0));
    IF current_setting('transaction_isolation') = 'repeatable read' THEN
        PERFORM kenpin_refuse('{what} refused: write it in a transaction that is READ COMMITTED or SERIALIZABLE');
    END IF;"""
POSTGRESQL_SCALE = """
    IF (SELECT mode FROM mode_changes WHERE part = NEW.part ORDER BY position DESC LIMIT 1) IS DISTINCT FROM 'scale' THEN
        PERFORM kenpin_refuse('{what} refused: the part is not in scale');
    END IF;"""

POSTGRESQL_GUARDS = {
    "mode_changes": POSTGRESQL_LOCK.format(what="change of mode")
    + """
    IF NEW.position <> 1 + (SELECT coalesce(max(position), 0) FROM mode_changes WHERE part = NEW.part)
        OR NEW.from_mode IS DISTINCT FROM (SELECT mode FROM mode_changes WHERE part = NEW.part ORDER BY position DESC LIMIT 1)
        OR NOT EXISTS (SELECT 1 FROM parts WHERE number = NEW.part) THEN
        PERFORM kenpin_refuse('change of mode refused: it does not follow the one before it');
    END IF;
    IF NEW.signed_by IS NOT NULL AND NOT EXISTS (SELECT 1 FROM people WHERE id = NEW.signed_by) THEN
        PERFORM kenpin_refuse('change of mode refused: a supervisor signs for it, and says why it goes down');
    END IF;
    IF NEW.evidence_digest IS DISTINCT FROM encode(sha256(convert_to(NEW.evidence, 'UTF8')), 'hex') THEN
        PERFORM kenpin_refuse('change of mode refused: the digest is not that of its evidence');
    END IF;
    IF NEW.step = 'promotion' AND ((NEW.evidence::json->>'decided')::integer IS DISTINCT FROM NEW.decided
        OR (NEW.evidence::json->>'decided_needed')::integer IS DISTINCT FROM NEW.decided_needed
        OR (NEW.evidence::json->>'escapes_bound')::double precision IS DISTINCT FROM NEW.escapes_bound
        OR (NEW.evidence::json->>'escapes_limit')::double precision IS DISTINCT FROM NEW.escapes_limit
        OR (NEW.evidence::json->>'overkill_bound')::double precision IS DISTINCT FROM NEW.overkill_bound
        OR (NEW.evidence::json->>'overkill_limit')::double precision IS DISTINCT FROM NEW.overkill_limit
        OR (NEW.evidence::json->>'drifted')::boolean IS DISTINCT FROM NEW.drifted) THEN
        PERFORM kenpin_refuse('change of mode refused: its columns do not say what its evidence says');
    END IF;""",
    "deliveries": """
    IF NOT EXISTS (SELECT 1 FROM inspections WHERE id = NEW.inspection_id) THEN
        PERFORM kenpin_refuse('delivery refused: it is on record already, or of no inspection');
    END IF;""",
    "accept_groups": """
    IF NEW.closed_at IS NOT NULL OR NEW.posted_at IS NOT NULL THEN
        PERFORM kenpin_refuse('group refused: a new group is open, and the only open one of its channel and part');
    END IF;""",
    "accept_group_members": POSTGRESQL_LOCK.format(what="member")
    + """
    PERFORM 1 FROM accept_groups WHERE id = NEW.group_id AND part = NEW.part AND closed_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM kenpin_refuse('member refused: the group is closed, or of another part');
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM proposals
        WHERE id = NEW.proposal_id AND part = NEW.part AND digest = NEW.digest
            AND kind = 'disposition' AND disposition = 'accept' AND approvals_needed = 1
    ) OR EXISTS (SELECT 1 FROM decisions WHERE proposal_id = NEW.proposal_id) THEN
        PERFORM kenpin_refuse('member refused: only an undecided accept that one person may approve is grouped');
    END IF;"""
    + POSTGRESQL_SCALE.format(what="member"),
    "accept_group_removals": """
    PERFORM 1 FROM accept_groups WHERE id = NEW.group_id FOR UPDATE;
    IF NOT EXISTS (SELECT 1 FROM accept_group_members WHERE proposal_id = NEW.proposal_id AND group_id = NEW.group_id) THEN
        PERFORM kenpin_refuse('removal refused: it is out already, or was never in this group');
    END IF;
    IF EXISTS (SELECT 1 FROM accept_group_approvals WHERE group_id = NEW.group_id) THEN
        PERFORM kenpin_refuse('removal refused: the group is approved');
    END IF;""",
    "accept_group_approvals": POSTGRESQL_LOCK.format(what="approval")
    + """
    PERFORM 1 FROM accept_groups WHERE id = NEW.group_id AND part = NEW.part AND digest = NEW.digest AND posted_at IS NOT NULL FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM kenpin_refuse('approval refused: it is not about this group as it was posted');
    END IF;
    PERFORM 1 FROM approvers WHERE id = NEW.grant_id AND person_id = NEW.approved_by AND scope = NEW.scope
        AND scope IN (NEW.part, '*') AND revoked_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        PERFORM kenpin_refuse('approval refused: the person has no live grant for this part');
    END IF;"""
    + POSTGRESQL_SCALE.format(what="approval"),
}

POSTGRESQL_GROUP_UPDATE = f"""
    IF (NEW.id, NEW.channel, NEW.part, NEW.language, NEW.opened_at)
            IS DISTINCT FROM (OLD.id, OLD.channel, OLD.part, OLD.language, OLD.opened_at)
        OR (OLD.closed_at IS NOT NULL AND (NEW.closed_at, NEW.closed_by, NEW.content, NEW.digest)
            IS DISTINCT FROM (OLD.closed_at, OLD.closed_by, OLD.content, OLD.digest))
        OR (NEW.closed_at IS NOT NULL AND NEW.digest IS DISTINCT FROM encode(sha256(convert_to(NEW.content, 'UTF8')), 'hex'))
        OR (OLD.posted_at IS NOT NULL AND (NEW.posted_at, NEW.posted_ts) IS DISTINCT FROM (OLD.posted_at, OLD.posted_ts)) THEN
        PERFORM kenpin_refuse('{GROUP_WORDS}');
    END IF;"""


def upgrade() -> None:
    _new_tables()
    op.create_index("ix_decisions_part", "decisions", ["part", "at"])
    on_their_way = sa.text("state = 'answered' AND posting_by IS NOT NULL")
    op.create_index("ix_inspections_being_posted", "inspections", ["channel"], sqlite_where=on_their_way, postgresql_where=on_their_way)
    op.get_bind().exec_driver_sql(
        "INSERT INTO mode_changes (part, position, step, mode, at) SELECT number, 1, 'start', 'assist', added_at FROM parts"
    )
    if op.get_bind().dialect.name == "postgresql":
        _guard_on_postgresql()
    else:
        _guard_on_sqlite()


def downgrade() -> None:
    op.drop_index("ix_inspections_being_posted", "inspections")
    op.drop_index("ix_decisions_part", "decisions")
    for table in ("accept_group_approvals", "accept_group_removals", "accept_group_members", "accept_groups", "deliveries", "mode_changes"):
        op.drop_table(table)


def _new_tables() -> None:
    op.create_table(
        "accept_groups",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.Text(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("posted_ts", sa.Text(), nullable=True),
        sa.Column("posted_at", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (digest IS NULL) AND (closed_at IS NULL) = (content IS NULL)"
            " AND (closed_at IS NULL) = (closed_by IS NULL)",
            name=op.f("ck_accept_groups_closed"),
        ),
        sa.CheckConstraint(
            "(posted_at IS NULL) = (posted_ts IS NULL) AND (posted_at IS NULL OR closed_at IS NOT NULL)",
            name=op.f("ck_accept_groups_posted"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accept_groups")),
        sa.UniqueConstraint("channel", "posted_ts", name=op.f("uq_accept_groups_channel_posted_ts")),
        sa.UniqueConstraint("id", "part", "digest", name=op.f("uq_accept_groups_id_part_digest")),
    )
    op.create_index(
        "ux_accept_groups_open",
        "accept_groups",
        ["channel", "part"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "deliveries",
        sa.Column("inspection_id", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(delivery = 'posted' AND mode <> 'shadow') OR (delivery = 'kept' AND mode = 'shadow')"
            " OR (delivery = 'grouped' AND mode = 'scale')",
            name=op.f("ck_deliveries_delivery"),
        ),
        sa.CheckConstraint("mode IN ('shadow', 'assist', 'scale')", name=op.f("ck_deliveries_mode")),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspections.id"], name=op.f("fk_deliveries_inspection_id")),
        sa.PrimaryKeyConstraint("inspection_id", name=op.f("pk_deliveries")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "mode_changes",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("from_mode", sa.Text(), nullable=True),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("signed_by", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("decided", sa.Integer(), nullable=True),
        sa.Column("decided_needed", sa.Integer(), nullable=True),
        sa.Column("escapes_bound", sa.Double(), nullable=True),
        sa.Column("escapes_limit", sa.Double(), nullable=True),
        sa.Column("overkill_bound", sa.Double(), nullable=True),
        sa.Column("overkill_limit", sa.Double(), nullable=True),
        sa.Column("drifted", sa.Boolean(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("evidence_digest", sa.String(length=64), nullable=True),
        sa.CheckConstraint("(signed_by IS NOT NULL) = (step IN ('promotion', 'demotion'))", name=op.f("ck_mode_changes_signed")),
        sa.CheckConstraint(
            "(step = 'start') = (position = 1) AND (step = 'start') = (from_mode IS NULL)", name=op.f("ck_mode_changes_start")
        ),
        sa.CheckConstraint("from_mode IN ('shadow', 'assist', 'scale')", name=op.f("ck_mode_changes_from_mode")),
        sa.CheckConstraint("mode IN ('shadow', 'assist', 'scale')", name=op.f("ck_mode_changes_mode")),
        sa.CheckConstraint(
            "step <> 'demotion' OR (from_mode = 'scale' AND mode <> 'scale') OR (from_mode = 'assist' AND mode = 'shadow')",
            name=op.f("ck_mode_changes_demotion"),
        ),
        sa.CheckConstraint(
            "step <> 'fall_back' OR (from_mode = 'scale' AND mode = 'assist') OR (from_mode = 'assist' AND mode = 'shadow')",
            name=op.f("ck_mode_changes_fall_back"),
        ),
        sa.CheckConstraint(
            "step <> 'promotion' OR (decided >= decided_needed AND escapes_bound <= escapes_limit"
            " AND overkill_bound <= overkill_limit AND NOT drifted)",
            name=op.f("ck_mode_changes_evidence_met"),
        ),
        sa.CheckConstraint(
            "step <> 'promotion' OR (decided IS NOT NULL AND decided_needed IS NOT NULL AND escapes_bound IS NOT NULL"
            " AND escapes_limit IS NOT NULL AND overkill_bound IS NOT NULL AND overkill_limit IS NOT NULL"
            " AND drifted IS NOT NULL AND evidence IS NOT NULL AND evidence_digest IS NOT NULL)",
            name=op.f("ck_mode_changes_evidence"),
        ),
        sa.CheckConstraint(
            "step <> 'promotion' OR (from_mode = 'shadow' AND mode = 'assist') OR (from_mode = 'assist' AND mode = 'scale')",
            name=op.f("ck_mode_changes_promotion"),
        ),
        sa.CheckConstraint("step <> 'start' OR mode <> 'scale'", name=op.f("ck_mode_changes_start_below_scale")),
        sa.CheckConstraint("step IN ('start', 'promotion') OR (why IS NOT NULL AND why <> '')", name=op.f("ck_mode_changes_why")),
        sa.CheckConstraint("step IN ('start', 'promotion', 'demotion', 'fall_back')", name=op.f("ck_mode_changes_step")),
        sa.CheckConstraint(
            "decided_needed > 0 AND escapes_limit > 0 AND escapes_limit < 50 AND overkill_limit > 0 AND overkill_limit < 50",
            name=op.f("ck_mode_changes_limits"),
        ),
        sa.CheckConstraint("length(evidence_digest) = 64", name=op.f("ck_mode_changes_evidence_digest")),
        sa.ForeignKeyConstraint(["part"], ["parts.number"], name=op.f("fk_mode_changes_part")),
        sa.ForeignKeyConstraint(["signed_by"], ["people.id"], name=op.f("fk_mode_changes_signed_by")),
        sa.PrimaryKeyConstraint("part", "position", name=op.f("pk_mode_changes")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "accept_group_approvals",
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("source_event", sa.Text(), nullable=True),
        sa.Column("at", sa.Text(), nullable=False),
        sa.CheckConstraint("scope = part OR scope = '*'", name=op.f("ck_accept_group_approvals_scope")),
        sa.CheckConstraint(
            "via IN ('reaction', 'button', 'console', 'command_line', 'message')", name=op.f("ck_accept_group_approvals_via")
        ),
        sa.ForeignKeyConstraint(
            ["grant_id", "approved_by", "scope"],
            ["approvers.id", "approvers.person_id", "approvers.scope"],
            name=op.f("fk_accept_group_approvals_grant_id_approved_by_scope"),
        ),
        sa.ForeignKeyConstraint(
            ["group_id", "part", "digest"],
            ["accept_groups.id", "accept_groups.part", "accept_groups.digest"],
            name=op.f("fk_accept_group_approvals_group_id_part_digest"),
        ),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_accept_group_approvals")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "accept_group_members",
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("joined_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["accept_groups.id"], name=op.f("fk_accept_group_members_group_id")),
        sa.ForeignKeyConstraint(
            ["proposal_id", "part", "digest"],
            ["proposals.id", "proposals.part", "proposals.digest"],
            name=op.f("fk_accept_group_members_proposal_id_part_digest"),
        ),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_accept_group_members")),
        sa.UniqueConstraint("group_id", "proposal_id", name=op.f("uq_accept_group_members_group_id_proposal_id")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "accept_group_removals",
        sa.Column("proposal_id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("removed_by", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("source_event", sa.Text(), nullable=True),
        sa.Column("at", sa.Text(), nullable=False),
        sa.CheckConstraint("(removed_by IS NULL) = (why = 'mode')", name=op.f("ck_accept_group_removals_removed_by")),
        sa.CheckConstraint("why IN ('person', 'second_look', 'mode')", name=op.f("ck_accept_group_removals_why")),
        sa.ForeignKeyConstraint(
            ["group_id", "proposal_id"],
            ["accept_group_members.group_id", "accept_group_members.proposal_id"],
            name=op.f("fk_accept_group_removals_group_id_proposal_id"),
        ),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_accept_group_removals")),
        sqlite_with_rowid=False,
    )


def _guard_on_sqlite() -> None:
    run = op.get_bind().exec_driver_sql
    for table in APPEND_ONLY:
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

    def guard(table: str, name: str, when: str, each: str, body: str) -> None:
        returned = "NEW" if each == "ROW" else "NULL"
        run(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql {path} AS $$ BEGIN {body}\n    RETURN {returned};\nEND $$")
        run(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH {each} EXECUTE FUNCTION {name}()")
        run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")

    for table in APPEND_ONLY:
        refusal = f"\n    PERFORM kenpin_refuse('{table} is append-only');"
        guard(table, f"{table}_append_only", "BEFORE UPDATE OR DELETE OR TRUNCATE", "STATEMENT", refusal)
    gone = f"\n    PERFORM kenpin_refuse('{GROUP_WORDS}');"
    guard("accept_groups", "accept_groups_guard_delete", "BEFORE DELETE OR TRUNCATE", "STATEMENT", gone)
    guard("accept_groups", "accept_groups_guard_update", "BEFORE UPDATE", "ROW", POSTGRESQL_GROUP_UPDATE)
    for table, body in POSTGRESQL_GUARDS.items():
        guard(table, f"{table}_guard_insert", "BEFORE INSERT", "ROW", body)
