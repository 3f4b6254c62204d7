"""Who signed in to the console, until when, and as what; which photos were looked at there.

sessions           one sign-in of one person: only a digest of its secret is kept. It can be seen again, change its role and end; an
                   ended one stays ended, and nothing else of it ever changes.
sign_ins           sign-ins that were begun: each can be finished once.
sign_in_attempts   what the limit on signing in counts.
photo_views        which person was shown which photo when; never changed or deleted.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

SESSION_WORDS = "sessions can be seen again, change their role and end, and nothing else"
SIGN_IN_WORDS = "a sign-in can be finished once"

SQLITE_GUARDS = (
    f"""
CREATE TRIGGER sessions_guard_update BEFORE UPDATE ON sessions BEGIN
    SELECT RAISE(ABORT, '{SESSION_WORDS}')
        WHERE OLD.ended_at IS NOT NULL OR NEW.token_sha256 <> OLD.token_sha256 OR NEW.person_id <> OLD.person_id
            OR NEW.started_at <> OLD.started_at OR NEW.expires_at <> OLD.expires_at;
END
""",
    f"""
CREATE TRIGGER sessions_guard_delete BEFORE DELETE ON sessions BEGIN
    SELECT RAISE(ABORT, '{SESSION_WORDS}');
END
""",
    f"""
CREATE TRIGGER sign_ins_guard_update BEFORE UPDATE ON sign_ins BEGIN
    SELECT RAISE(ABORT, '{SIGN_IN_WORDS}')
        WHERE OLD.used_at IS NOT NULL OR NEW.used_at IS NULL OR NEW.state_sha256 <> OLD.state_sha256
            OR NEW.nonce_sha256 <> OLD.nonce_sha256 OR NEW.browser_sha256 <> OLD.browser_sha256
            OR NEW.started_at <> OLD.started_at OR NEW.back_to <> OLD.back_to;
END
""",
    """
CREATE TRIGGER photo_views_no_update BEFORE UPDATE ON photo_views BEGIN
    SELECT RAISE(ABORT, 'photo_views is append-only');
END
""",
    """
CREATE TRIGGER photo_views_no_delete BEFORE DELETE ON photo_views BEGIN
    SELECT RAISE(ABORT, 'photo_views is append-only');
END
""",
)

# Table, name of the trigger, when, for each, body.
POSTGRESQL_GUARDS = (
    (
        "sessions",
        "sessions_guard_update",
        "BEFORE UPDATE",
        "ROW",
        f"""
    IF OLD.ended_at IS NOT NULL OR (NEW.token_sha256, NEW.person_id, NEW.started_at, NEW.expires_at)
        IS DISTINCT FROM (OLD.token_sha256, OLD.person_id, OLD.started_at, OLD.expires_at) THEN
        PERFORM kenpin_refuse('{SESSION_WORDS}');
    END IF;""",
    ),
    ("sessions", "sessions_guard_delete", "BEFORE DELETE OR TRUNCATE", "STATEMENT", f"\n    PERFORM kenpin_refuse('{SESSION_WORDS}');"),
    (
        "sign_ins",
        "sign_ins_guard_update",
        "BEFORE UPDATE",
        "ROW",
        f"""
    IF OLD.used_at IS NOT NULL OR NEW.used_at IS NULL
        OR (NEW.state_sha256, NEW.nonce_sha256, NEW.browser_sha256, NEW.started_at, NEW.back_to)
        IS DISTINCT FROM (OLD.state_sha256, OLD.nonce_sha256, OLD.browser_sha256, OLD.started_at, OLD.back_to) THEN
        PERFORM kenpin_refuse('{SIGN_IN_WORDS}');
    END IF;""",
    ),
    (
        "photo_views",
        "photo_views_append_only",
        "BEFORE UPDATE OR DELETE OR TRUNCATE",
        "STATEMENT",
        "\n    PERFORM kenpin_refuse('photo_views is append-only');",
    ),
)


def upgrade() -> None:
    op.add_column("people", sa.Column("language", sa.Text(), nullable=True))
    op.create_table(
        "sessions",
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.Text(), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.CheckConstraint("role IN ('viewer', 'supervisor', 'admin')", name=op.f("ck_sessions_role")),
        sa.CheckConstraint("ended_why IN ('signed_out', 'renewed', 'role_lost', 'sent_away')", name=op.f("ck_sessions_ended_why")),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name=op.f("ck_sessions_ended")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_sessions_person_id")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_person_id", "sessions", ["person_id", "started_at"], unique=False)
    op.create_table(
        "sign_ins",
        sa.Column("state_sha256", sa.String(length=64), nullable=False),
        sa.Column("nonce_sha256", sa.String(length=64), nullable=False),
        sa.Column("browser_sha256", sa.String(length=64), nullable=False),
        sa.Column("back_to", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("used_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("state_sha256", name=op.f("pk_sign_ins")),
    )
    op.create_index("ix_sign_ins_started_at", "sign_ins", ["started_at"], unique=False)
    op.create_table(
        "sign_in_attempts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_attempts")),
    )
    op.create_index("ix_sign_in_attempts_address", "sign_in_attempts", ["address", "at"], unique=False)
    op.create_index("ix_sign_in_attempts_at", "sign_in_attempts", ["at"], unique=False)
    op.create_table(
        "photo_views",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("photo_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_photo_views_person_id")),
        sa.PrimaryKeyConstraint("person_id", "at", "photo_sha256", name=op.f("pk_photo_views")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_photo_views_photo_sha256", "photo_views", ["photo_sha256", "at"], unique=False)
    _guard()


def _guard() -> None:
    run = op.get_bind().exec_driver_sql
    if op.get_bind().dialect.name != "postgresql":
        for guard in SQLITE_GUARDS:
            run(guard)
        return
    schema = str(run("SELECT quote_ident(current_schema())").scalar_one())
    for table, name, when, each, body in POSTGRESQL_GUARDS:
        run(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$ BEGIN {body}\n"
            f"    RETURN {'NEW' if each == 'ROW' else 'NULL'};\nEND $$"
        )
        run(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH {each} EXECUTE FUNCTION {name}()")
        run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def downgrade() -> None:
    for table in ("photo_views", "sign_in_attempts", "sign_ins", "sessions"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for name in ("sessions_guard_update", "sessions_guard_delete", "sign_ins_guard_update", "photo_views_append_only"):
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_column("people", "language")
