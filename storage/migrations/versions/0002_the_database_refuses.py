"""The triggers by which the database itself refuses what must not happen; docs/decisions/0002-the-database-refuses.md tells why.

Each guard repeats, for one INSERT, what the keys and checks of 0001 declare, because those can be switched off by whoever holds a
connection: SQLite checks foreign keys only after `PRAGMA foreign_keys = ON`, lets `INSERT OR REPLACE` delete a row without its delete
trigger, and skips checks after `PRAGMA ignore_check_constraints`; PostgreSQL fires no ordinary trigger and no foreign key while
`session_replication_role` is `replica`. A liveness rule (the grant is not revoked) cannot be a key at all.

Rules that both databases keep:
  proposals      the columns say what the content says; one proposal for an inspection; never changed, never deleted
  decisions      on exactly one proposal's part and content, by somebody whose grant for that part (or every part) is live; the first stays
  actions        on exactly one approving decision; recorded once
  approvers      a grant is born live and can be revoked, nothing else
  audit_entries  each follows the head, and moves it; the head moves by no other way; payloads can be erased
                 in an entry that says so, nothing else
PostgreSQL, which knows sha256, also refuses a proposal or an audit entry whose digest is not that of its content.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

APPEND_ONLY = ("proposals", "decisions", "actions", "audit_entries")

SQLITE_GUARDS = (
    """
CREATE TRIGGER proposals_guard BEFORE INSERT ON proposals BEGIN
    SELECT RAISE(ABORT, 'proposal refused: this inspection or this id has a proposal already')
        WHERE EXISTS (SELECT 1 FROM proposals WHERE id = NEW.id OR inspection_id = NEW.inspection_id);
    SELECT RAISE(ABORT, 'proposal refused: its inspection is not known')
        WHERE NOT EXISTS (SELECT 1 FROM inspections WHERE id = NEW.inspection_id);
    SELECT RAISE(ABORT, 'proposal refused: its columns do not say what its content says')
        WHERE NEW.part IN ('*', '')
            OR NEW.inspection_id IS NOT json_extract(NEW.content, '$.inspection_id')
            OR NEW.kind IS NOT json_extract(NEW.content, '$.kind')
            OR NEW.part IS NOT json_extract(NEW.content, '$.part')
            OR NEW.disposition IS NOT json_extract(NEW.content, '$.disposition')
            OR NEW.reference_state IS NOT json_extract(NEW.content, '$.reference_state');
END
""",
    """
CREATE TRIGGER decisions_guard BEFORE INSERT ON decisions BEGIN
    SELECT RAISE(ABORT, 'decision refused: the proposal is already decided')
        WHERE EXISTS (SELECT 1 FROM decisions WHERE proposal_id = NEW.proposal_id);
    SELECT RAISE(ABORT, 'decision refused: no such verdict')
        WHERE NEW.verdict NOT IN ('approved', 'rejected');
    SELECT RAISE(ABORT, 'decision refused: it is not about this proposal''s part and content')
        WHERE NOT EXISTS (SELECT 1 FROM proposals WHERE id = NEW.proposal_id AND part = NEW.part AND digest = NEW.digest);
    SELECT RAISE(ABORT, 'decision refused: the person has no live grant for this part')
        WHERE NOT EXISTS (
            SELECT 1 FROM approvers
            WHERE id = NEW.grant_id AND person_id = NEW.decided_by AND scope = NEW.scope
                AND scope IN (NEW.part, '*') AND revoked_at IS NULL
        );
END
""",
    """
CREATE TRIGGER actions_guard BEFORE INSERT ON actions BEGIN
    SELECT RAISE(ABORT, 'action refused: it is already recorded')
        WHERE EXISTS (SELECT 1 FROM actions WHERE proposal_id = NEW.proposal_id);
    SELECT RAISE(ABORT, 'action refused: no approving decision on exactly this content')
        WHERE NEW.verdict <> 'approved' OR NOT EXISTS (
            SELECT 1 FROM decisions WHERE proposal_id = NEW.proposal_id AND digest = NEW.digest AND verdict = 'approved'
        );
END
""",
    """
CREATE TRIGGER approvers_guard_insert BEFORE INSERT ON approvers BEGIN
    SELECT RAISE(ABORT, 'grant refused: there is one already')
        WHERE EXISTS (
            SELECT 1 FROM approvers WHERE id = NEW.id
                OR (revoked_at IS NULL AND person_id = NEW.person_id AND scope = NEW.scope AND via = NEW.via)
        );
    SELECT RAISE(ABORT, 'grant refused: a new grant is not revoked') WHERE NEW.revoked_at IS NOT NULL;
END
""",
    """
CREATE TRIGGER approvers_guard_update BEFORE UPDATE ON approvers BEGIN
    SELECT RAISE(ABORT, 'grants can be revoked and nothing else')
        WHERE OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL OR NEW.revoked_by IS NULL
            OR NEW.id <> OLD.id OR NEW.person_id <> OLD.person_id OR NEW.scope <> OLD.scope OR NEW.via <> OLD.via
            OR NEW.granted_by <> OLD.granted_by OR NEW.granted_at <> OLD.granted_at;
END
""",
    """
CREATE TRIGGER approvers_guard_delete BEFORE DELETE ON approvers BEGIN
    SELECT RAISE(ABORT, 'grants can be revoked and nothing else');
END
""",
    """
CREATE TRIGGER audit_entries_guard BEFORE INSERT ON audit_entries BEGIN
    SELECT RAISE(ABORT, 'audit entry refused: it does not follow the head')
        WHERE NOT EXISTS (SELECT 1 FROM audit_head WHERE seq = NEW.seq - 1 AND hash = NEW.prev_hash);
    SELECT RAISE(ABORT, 'audit entry refused: its hash is taken')
        WHERE EXISTS (SELECT 1 FROM audit_entries WHERE hash = NEW.hash);
END
""",
    """
CREATE TRIGGER audit_entries_move_head AFTER INSERT ON audit_entries BEGIN
    UPDATE audit_head SET seq = NEW.seq, hash = NEW.hash;
END
""",
    """
CREATE TRIGGER audit_head_guard_update BEFORE UPDATE ON audit_head BEGIN
    SELECT RAISE(ABORT, 'the audit head only moves to the entry that follows it')
        WHERE NEW.id <> OLD.id OR NEW.seq <> OLD.seq + 1
            OR NOT EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.seq AND hash = NEW.hash AND prev_hash = OLD.hash);
END
""",
    """
CREATE TRIGGER audit_head_guard_insert BEFORE INSERT ON audit_head BEGIN
    SELECT RAISE(ABORT, 'the audit head only moves to the entry that follows it');
END
""",
    """
CREATE TRIGGER audit_head_guard_delete BEFORE DELETE ON audit_head BEGIN
    SELECT RAISE(ABORT, 'the audit head only moves to the entry that follows it');
END
""",
    """
CREATE TRIGGER audit_payloads_guard_insert BEFORE INSERT ON audit_payloads BEGIN
    SELECT RAISE(ABORT, 'audit payload refused: it belongs to the newest entry and is written once')
        WHERE EXISTS (SELECT 1 FROM audit_payloads WHERE seq = NEW.seq)
            OR NOT EXISTS (SELECT 1 FROM audit_head WHERE seq = NEW.seq);
END
""",
    """
CREATE TRIGGER audit_payloads_guard_update BEFORE UPDATE ON audit_payloads BEGIN
    SELECT RAISE(ABORT, 'audit payloads can be erased and nothing else')
        WHERE NEW.seq <> OLD.seq OR OLD.erased_in IS NOT NULL OR NEW.salt IS NOT NULL OR NEW.payload IS NOT NULL
            OR NOT EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.erased_in AND kind = 'payload_erased')
            OR EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.seq AND kind = 'payload_erased');
END
""",
    """
CREATE TRIGGER audit_payloads_guard_delete BEFORE DELETE ON audit_payloads BEGIN
    SELECT RAISE(ABORT, 'audit payloads can be erased and nothing else');
END
""",
)

POSTGRESQL_GUARDS = {
    "proposals": """
    IF NEW.content::json->>'inspection_id' IS DISTINCT FROM NEW.inspection_id OR NEW.content::json->>'kind' IS DISTINCT FROM NEW.kind
        OR NEW.content::json->>'part' IS DISTINCT FROM NEW.part OR NEW.content::json->>'disposition' IS DISTINCT FROM NEW.disposition
        OR NEW.content::json->>'reference_state' IS DISTINCT FROM NEW.reference_state OR NEW.part IN ('*', '') THEN
        PERFORM kenpin_refuse('proposal refused: its columns do not say what its content says');
    END IF;
    IF NEW.digest IS DISTINCT FROM encode(sha256(convert_to(NEW.content, 'UTF8')), 'hex') THEN
        PERFORM kenpin_refuse('proposal refused: its digest is not that of its content');
    END IF;
    IF NOT EXISTS (SELECT 1 FROM inspections WHERE id = NEW.inspection_id) THEN
        PERFORM kenpin_refuse('proposal refused: its inspection is not known');
    END IF;""",
    "decisions": """
    IF NEW.verdict NOT IN ('approved', 'rejected') THEN
        PERFORM kenpin_refuse('decision refused: no such verdict');
    END IF;
    IF NOT EXISTS (SELECT 1 FROM proposals WHERE id = NEW.proposal_id AND part = NEW.part AND digest = NEW.digest) THEN
        PERFORM kenpin_refuse('decision refused: it is not about this proposal''s part and content');
    END IF;
    -- FOR SHARE: a revocation under way is waited for, and a later one waits for this decision.
    PERFORM 1 FROM approvers WHERE id = NEW.grant_id AND person_id = NEW.decided_by AND scope = NEW.scope
        AND scope IN (NEW.part, '*') AND revoked_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        PERFORM kenpin_refuse('decision refused: the person has no live grant for this part');
    END IF;""",
    "actions": """
    IF NEW.verdict <> 'approved' OR NOT EXISTS (
        SELECT 1 FROM decisions WHERE proposal_id = NEW.proposal_id AND digest = NEW.digest AND verdict = 'approved'
    ) THEN
        PERFORM kenpin_refuse('action refused: no approving decision on exactly this content');
    END IF;""",
    "approvers": """
    IF NEW.revoked_at IS NOT NULL THEN
        PERFORM kenpin_refuse('grant refused: a new grant is not revoked');
    END IF;""",
    "audit_entries": """
    PERFORM 1 FROM audit_head WHERE seq = NEW.seq - 1 AND hash = NEW.prev_hash FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM kenpin_refuse('audit entry refused: it does not follow the head');
    END IF;
    IF NEW.hash IS DISTINCT FROM encode(sha256(convert_to(concat_ws(E'\\n', NEW.prev_hash, NEW.seq::text, NEW.at, NEW.kind,
        coalesce('=' || NEW.inspection_id, ''), coalesce('=' || NEW.person_id, ''), NEW.payload_sha256), 'UTF8')), 'hex') THEN
        PERFORM kenpin_refuse('audit entry refused: its hash is not that of its content');
    END IF;""",
    "audit_head": """
    PERFORM kenpin_refuse('the audit head only moves to the entry that follows it');""",
    "audit_payloads": """
    IF NOT EXISTS (SELECT 1 FROM audit_head WHERE seq = NEW.seq) THEN
        PERFORM kenpin_refuse('audit payload refused: it belongs to the newest entry and is written once');
    END IF;""",
}

POSTGRESQL_UPDATE_GUARDS = {
    "approvers": """
    IF OLD.revoked_at IS NOT NULL OR NEW.revoked_at IS NULL OR NEW.revoked_by IS NULL
        OR (NEW.id, NEW.person_id, NEW.scope, NEW.via, NEW.granted_by, NEW.granted_at)
        IS DISTINCT FROM (OLD.id, OLD.person_id, OLD.scope, OLD.via, OLD.granted_by, OLD.granted_at) THEN
        PERFORM kenpin_refuse('grants can be revoked and nothing else');
    END IF;""",
    "audit_head": """
    IF NEW.id <> OLD.id OR NEW.seq <> OLD.seq + 1
        OR NOT EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.seq AND hash = NEW.hash AND prev_hash = OLD.hash) THEN
        PERFORM kenpin_refuse('the audit head only moves to the entry that follows it');
    END IF;""",
    "audit_payloads": """
    IF NEW.seq <> OLD.seq OR OLD.erased_in IS NOT NULL OR NEW.salt IS NOT NULL OR NEW.payload IS NOT NULL
        OR NOT EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.erased_in AND kind = 'payload_erased')
        OR EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.seq AND kind = 'payload_erased') THEN
        PERFORM kenpin_refuse('audit payloads can be erased and nothing else');
    END IF;""",
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _on_postgresql()
    else:
        _on_sqlite()


def _on_sqlite() -> None:
    run = op.get_bind().exec_driver_sql
    for table in APPEND_ONLY:
        for change in ("UPDATE", "DELETE"):
            run(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    for guard in SQLITE_GUARDS:
        run(guard)


def _on_postgresql() -> None:
    run = op.get_bind().exec_driver_sql
    schema = str(run("SELECT quote_ident(current_schema())").scalar_one())
    # pg_temp last: a temporary table named `approvers` must not be read in place of the real one.
    path = f"SET search_path = {schema}, pg_temp"
    run(
        "CREATE FUNCTION kenpin_refuse(why text) RETURNS void LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION USING MESSAGE = why, ERRCODE = 'integrity_constraint_violation'; END $$"
    )

    def guard(table: str, name: str, when: str, each: str, body: str) -> None:
        run(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql {path} AS $$ BEGIN {body}\n"
            f"    RETURN {'NEW' if each == 'ROW' else 'NULL'};\nEND $$"
        )
        run(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH {each} EXECUTE FUNCTION {name}()")
        # ALWAYS: fires in a session with session_replication_role = replica too.
        run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")

    for table in APPEND_ONLY:
        refusal = f"\n    PERFORM kenpin_refuse('{table} is append-only');"
        guard(table, f"{table}_append_only", "BEFORE UPDATE OR DELETE OR TRUNCATE", "STATEMENT", refusal)
    for table, words in (
        ("approvers", "grants can be revoked and nothing else"),
        ("audit_head", "the audit head only moves to the entry that follows it"),
        ("audit_payloads", "audit payloads can be erased and nothing else"),
    ):
        guard(table, f"{table}_guard_delete", "BEFORE DELETE OR TRUNCATE", "STATEMENT", f"\n    PERFORM kenpin_refuse('{words}');")
    for table, body in POSTGRESQL_GUARDS.items():
        guard(table, f"{table}_guard_insert", "BEFORE INSERT", "ROW", body)
    for table, body in POSTGRESQL_UPDATE_GUARDS.items():
        guard(table, f"{table}_guard_update", "BEFORE UPDATE", "ROW", body)
    guard("audit_entries", "audit_entries_move_head", "AFTER INSERT", "ROW", "\n    UPDATE audit_head SET seq = NEW.seq, hash = NEW.hash;")
