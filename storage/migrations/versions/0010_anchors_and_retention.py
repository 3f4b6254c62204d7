"""Anchors of the audit chain's head, how long what is kept, and what was erased; docs/decisions/0013-erasing.md tells why.

Rules that both databases keep, as 0002 and 0004 do, by triggers that hold where keys and checks are switched off:
  anchors         of an entry that is there; then it can be noted once where it was posted and once where it was written, nothing else
  erasures        in an entry that tells of an erasure; then it can be noted once that the files are gone, nothing else
  inspections     what was asked, and an answer once it is there, stay as they are; where an erasure says so they can be emptied, which
                  is the one change there is; never deleted
  trail_entries   the same
  photos          never become another photo, never deleted
  audit_payloads  as in 0002, and what tells of an erasure cannot be erased
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

SQLITE_GUARDS = (
    """
CREATE TRIGGER anchors_guard_insert BEFORE INSERT ON anchors BEGIN
    SELECT RAISE(ABORT, 'anchor refused: it is made once, of an entry that is there, and not noted anywhere yet')
        WHERE EXISTS (SELECT 1 FROM anchors WHERE id = NEW.id)
            OR NOT EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.seq AND hash = NEW.hash)
            OR NEW.posted_at IS NOT NULL OR NEW.written_at IS NOT NULL OR NEW.message_ts IS NOT NULL;
END
""",
    """
CREATE TRIGGER anchors_guard_update BEFORE UPDATE ON anchors BEGIN
    SELECT RAISE(ABORT, 'it can be noted once where an anchor was posted and written, and nothing else')
        WHERE NEW.id <> OLD.id OR NEW.seq <> OLD.seq OR NEW.hash <> OLD.hash OR NEW.at <> OLD.at
            OR (OLD.posted_at IS NOT NULL
                AND (NEW.posted_at IS NOT OLD.posted_at OR NEW.channel IS NOT OLD.channel OR NEW.message_ts IS NOT OLD.message_ts))
            OR (OLD.written_at IS NOT NULL AND (NEW.written_at IS NOT OLD.written_at OR NEW.file IS NOT OLD.file));
END
""",
    """
CREATE TRIGGER anchors_guard_delete BEFORE DELETE ON anchors BEGIN
    SELECT RAISE(ABORT, 'anchors are never deleted');
END
""",
    """
CREATE TRIGGER erasures_guard_insert BEFORE INSERT ON erasures BEGIN
    SELECT RAISE(ABORT, 'erasure refused: it is on record once, in an entry that tells of it, and its files are not gone yet')
        WHERE EXISTS (SELECT 1 FROM erasures WHERE kind = NEW.kind AND subject = NEW.subject AND seq = NEW.seq)
            OR NOT EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.seq AND kind = 'erased')
            OR NEW.kind NOT IN ('question', 'photo', 'person') OR NEW.carried_out_at IS NOT NULL;
END
""",
    """
CREATE TRIGGER erasures_guard_update BEFORE UPDATE ON erasures BEGIN
    SELECT RAISE(ABORT, 'it can be noted once that an erasure was carried out, and nothing else')
        WHERE OLD.carried_out_at IS NOT NULL OR NEW.carried_out_at IS NULL
            OR NEW.kind <> OLD.kind OR NEW.subject <> OLD.subject OR NEW.seq <> OLD.seq OR NEW.at <> OLD.at
            OR NEW.erased_by <> OLD.erased_by OR NEW.why <> OLD.why OR NEW.files IS NOT OLD.files;
END
""",
    """
CREATE TRIGGER erasures_guard_delete BEFORE DELETE ON erasures BEGIN
    SELECT RAISE(ABORT, 'it can be noted once that an erasure was carried out, and nothing else');
END
""",
    """
CREATE TRIGGER inspections_guard_asked BEFORE UPDATE OF id, asked_by, received_at, question, files, payload ON inspections
WHEN NEW.id <> OLD.id OR NEW.asked_by <> OLD.asked_by OR NEW.received_at <> OLD.received_at OR NEW.question <> OLD.question
    OR NEW.files IS NOT OLD.files OR NEW.payload IS NOT OLD.payload BEGIN
    SELECT RAISE(ABORT, 'what was asked can be erased and nothing else')
        WHERE NEW.id <> OLD.id OR NEW.asked_by <> OLD.asked_by OR NEW.received_at <> OLD.received_at
            OR NEW.question <> '' OR NEW.files <> '[]' OR NEW.payload <> '{}'
            OR NOT EXISTS (SELECT 1 FROM erasures WHERE kind = 'question' AND subject = OLD.id);
END
""",
    """
CREATE TRIGGER inspections_guard_answer BEFORE UPDATE OF words, answer ON inspections
WHEN OLD.answer IS NOT NULL AND (NEW.answer IS NOT OLD.answer OR NEW.words IS NOT OLD.words) BEGIN
    SELECT RAISE(ABORT, 'the words of an answer can be erased and nothing else')
        WHERE NEW.words IS NOT '' OR json_extract(NEW.answer, '$.headline') IS NOT ''
            OR json_array_length(NEW.answer, '$.lines') IS NOT 0
            OR json_extract(NEW.answer, '$.verdict') IS NOT json_extract(OLD.answer, '$.verdict')
            OR NOT EXISTS (SELECT 1 FROM erasures WHERE kind = 'question' AND subject = OLD.id);
END
""",
    """
CREATE TRIGGER inspections_guard_delete BEFORE DELETE ON inspections BEGIN
    SELECT RAISE(ABORT, 'inspections are never deleted');
END
""",
    """
CREATE TRIGGER trail_entries_guard_update BEFORE UPDATE ON trail_entries BEGIN
    SELECT RAISE(ABORT, 'trail entries can be erased and nothing else')
        WHERE NEW.inspection_id <> OLD.inspection_id OR NEW.position <> OLD.position OR NEW.tool <> OLD.tool
            OR NEW.model IS NOT OLD.model OR NEW.ms <> OLD.ms OR NEW.inputs <> '{}' OR NEW.outputs <> '{}'
            OR NOT EXISTS (SELECT 1 FROM erasures WHERE kind = 'question' AND subject = OLD.inspection_id);
END
""",
    """
CREATE TRIGGER trail_entries_guard_delete BEFORE DELETE ON trail_entries BEGIN
    SELECT RAISE(ABORT, 'trail entries can be erased and nothing else');
END
""",
    """
CREATE TRIGGER photos_guard_update BEFORE UPDATE OF sha256, shown_sha256, first_seen_at ON photos
WHEN NEW.sha256 <> OLD.sha256 OR NEW.shown_sha256 <> OLD.shown_sha256 OR NEW.first_seen_at <> OLD.first_seen_at BEGIN
    SELECT RAISE(ABORT, 'a photo on record never becomes another');
END
""",
    """
CREATE TRIGGER photos_guard_delete BEFORE DELETE ON photos BEGIN
    SELECT RAISE(ABORT, 'photos on record are never deleted; their pictures can be erased');
END
""",
    "DROP TRIGGER audit_payloads_guard_update",
    """
CREATE TRIGGER audit_payloads_guard_update BEFORE UPDATE ON audit_payloads BEGIN
    SELECT RAISE(ABORT, 'audit payloads can be erased and nothing else')
        WHERE NEW.seq <> OLD.seq OR OLD.erased_in IS NOT NULL OR NEW.salt IS NOT NULL OR NEW.payload IS NOT NULL
            OR NOT EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.erased_in AND kind = 'payload_erased')
            OR EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.seq AND kind IN ('payload_erased', 'erased'));
END
""",
)

POSTGRESQL_INSERT_GUARDS = {
    "anchors": """
    IF NOT EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.seq AND hash = NEW.hash)
        OR NEW.posted_at IS NOT NULL OR NEW.written_at IS NOT NULL OR NEW.message_ts IS NOT NULL THEN
        PERFORM kenpin_refuse('anchor refused: it is made once, of an entry that is there, and not noted anywhere yet');
    END IF;""",
    "erasures": """
    IF NOT EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.seq AND kind = 'erased')
        OR NEW.kind NOT IN ('question', 'photo', 'person') OR NEW.carried_out_at IS NOT NULL THEN
        PERFORM kenpin_refuse('erasure refused: it is on record once, in an entry that tells of it, and its files are not gone yet');
    END IF;""",
}

POSTGRESQL_UPDATE_GUARDS = {
    "anchors": """
    IF (NEW.id, NEW.seq, NEW.hash, NEW.at) IS DISTINCT FROM (OLD.id, OLD.seq, OLD.hash, OLD.at)
        OR (OLD.posted_at IS NOT NULL
            AND (NEW.posted_at, NEW.channel, NEW.message_ts) IS DISTINCT FROM (OLD.posted_at, OLD.channel, OLD.message_ts))
        OR (OLD.written_at IS NOT NULL AND (NEW.written_at, NEW.file) IS DISTINCT FROM (OLD.written_at, OLD.file)) THEN
        PERFORM kenpin_refuse('it can be noted once where an anchor was posted and written, and nothing else');
    END IF;""",
    "erasures": """
    IF OLD.carried_out_at IS NOT NULL OR NEW.carried_out_at IS NULL
        OR (NEW.kind, NEW.subject, NEW.seq, NEW.at, NEW.erased_by, NEW.why, NEW.files::text)
        IS DISTINCT FROM (OLD.kind, OLD.subject, OLD.seq, OLD.at, OLD.erased_by, OLD.why, OLD.files::text) THEN
        PERFORM kenpin_refuse('it can be noted once that an erasure was carried out, and nothing else');
    END IF;""",
    "inspections": """
    IF (NEW.id, NEW.asked_by, NEW.received_at) IS DISTINCT FROM (OLD.id, OLD.asked_by, OLD.received_at)
        OR ((NEW.question, NEW.files::text, NEW.payload::text) IS DISTINCT FROM (OLD.question, OLD.files::text, OLD.payload::text)
            AND ((NEW.question, NEW.files::text, NEW.payload::text) IS DISTINCT FROM ('', '[]', '{}')
                OR NOT EXISTS (SELECT 1 FROM erasures WHERE kind = 'question' AND subject = OLD.id))) THEN
        PERFORM kenpin_refuse('what was asked can be erased and nothing else');
    END IF;
    IF OLD.answer IS NOT NULL AND (NEW.words, NEW.answer::text) IS DISTINCT FROM (OLD.words, OLD.answer::text)
        AND (NEW.words IS DISTINCT FROM '' OR NEW.answer->>'headline' IS DISTINCT FROM ''
            OR json_array_length(NEW.answer->'lines') IS DISTINCT FROM 0
            OR NEW.answer->>'verdict' IS DISTINCT FROM OLD.answer->>'verdict'
            OR NOT EXISTS (SELECT 1 FROM erasures WHERE kind = 'question' AND subject = OLD.id)) THEN
        PERFORM kenpin_refuse('the words of an answer can be erased and nothing else');
    END IF;""",
    "trail_entries": """
    IF (NEW.inspection_id, NEW.position, NEW.tool, NEW.model, NEW.ms)
        IS DISTINCT FROM (OLD.inspection_id, OLD.position, OLD.tool, OLD.model, OLD.ms)
        OR (NEW.inputs::text, NEW.outputs::text) IS DISTINCT FROM ('{}', '{}')
        OR NOT EXISTS (SELECT 1 FROM erasures WHERE kind = 'question' AND subject = OLD.inspection_id) THEN
        PERFORM kenpin_refuse('trail entries can be erased and nothing else');
    END IF;""",
    "photos": """
    IF (NEW.sha256, NEW.shown_sha256, NEW.first_seen_at) IS DISTINCT FROM (OLD.sha256, OLD.shown_sha256, OLD.first_seen_at) THEN
        PERFORM kenpin_refuse('a photo on record never becomes another');
    END IF;""",
    "audit_payloads": """
    IF NEW.seq <> OLD.seq OR OLD.erased_in IS NOT NULL OR NEW.salt IS NOT NULL OR NEW.payload IS NOT NULL
        OR NOT EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.erased_in AND kind = 'payload_erased')
        OR EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.seq AND kind IN ('payload_erased', 'erased')) THEN
        PERFORM kenpin_refuse('audit payloads can be erased and nothing else');
    END IF;""",
}

POSTGRESQL_DELETE_GUARDS = {
    "anchors": "anchors are never deleted",
    "erasures": "it can be noted once that an erasure was carried out, and nothing else",
    "inspections": "inspections are never deleted",
    "trail_entries": "trail entries can be erased and nothing else",
    "photos": "photos on record are never deleted; their pictures can be erased",
}


def upgrade() -> None:
    _new_tables()
    op.create_index("ix_audit_entries_person_id", "audit_entries", ["person_id", "seq"])
    if op.get_bind().dialect.name == "postgresql":
        _guard_on_postgresql()
    else:
        for guard in SQLITE_GUARDS:
            op.get_bind().exec_driver_sql(guard)


def _new_tables() -> None:
    op.create_table(
        "anchors",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("message_ts", sa.Text(), nullable=True),
        sa.Column("posted_at", sa.Text(), nullable=True),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("written_at", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(posted_at IS NULL) = (message_ts IS NULL) AND (channel IS NULL) = (message_ts IS NULL)", name=op.f("ck_anchors_posted")
        ),
        sa.CheckConstraint("(written_at IS NULL) = (file IS NULL)", name=op.f("ck_anchors_written")),
        sa.ForeignKeyConstraint(["seq"], ["audit_entries.seq"], name=op.f("fk_anchors_seq")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_anchors")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "erasures",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("erased_by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("files", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("carried_out_at", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('question', 'photo', 'person')", name=op.f("ck_erasures_kind")),
        sa.ForeignKeyConstraint(["seq"], ["audit_entries.seq"], name=op.f("fk_erasures_seq")),
        sa.PrimaryKeyConstraint("kind", "subject", "seq", name=op.f("pk_erasures")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_erasures_to_carry_out",
        "erasures",
        ["seq"],
        sqlite_where=sa.text("carried_out_at IS NULL"),
        postgresql_where=sa.text("carried_out_at IS NULL"),
    )
    op.create_table(
        "retention",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("photo_days", sa.Integer(), nullable=True),
        sa.Column("question_days", sa.Integer(), nullable=True),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.Text(), nullable=False),
        sa.CheckConstraint("photo_days BETWEEN 1 AND 36500", name=op.f("ck_retention_photo_days")),
        sa.CheckConstraint("question_days BETWEEN 1 AND 36500", name=op.f("ck_retention_question_days")),
        sa.PrimaryKeyConstraint("part", name=op.f("pk_retention")),
    )


def _guard_on_postgresql() -> None:
    run = op.get_bind().exec_driver_sql
    schema = str(run("SELECT quote_ident(current_schema())").scalar_one())
    path = f"SET search_path = {schema}, pg_temp"  # as in 0002

    def guard(table: str, change: str, when: str, each: str, body: str) -> None:
        name = f"{table}_guard_{change}"
        run(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql {path} AS $$ BEGIN {body}\n"
            f"    RETURN {'NEW' if each == 'ROW' else 'NULL'};\nEND $$"
        )
        if table == "audit_payloads":  # it has its trigger from 0002, which calls the function made anew here
            return
        run(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH {each} EXECUTE FUNCTION {name}()")
        run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")

    for table, body in POSTGRESQL_INSERT_GUARDS.items():
        guard(table, "insert", "BEFORE INSERT", "ROW", body)
    for table, body in POSTGRESQL_UPDATE_GUARDS.items():
        guard(table, "update", "BEFORE UPDATE", "ROW", body)
    for table, words in POSTGRESQL_DELETE_GUARDS.items():
        guard(table, "delete", "BEFORE DELETE OR TRUNCATE", "STATEMENT", f"\n    PERFORM kenpin_refuse('{words}');")
