"""Full-text search over questions and answers, the lists' indexes, and saved views; docs/decisions/0011-the-register.md tells why.

The register has one narrow row for each inspection with all that the console's list filters by. What a row must say is written once, in
the view `register_now`, and triggers on the records copy it over, so that the register follows them whoever writes. Its `number` is both
its key and its place in the list: the moment the question came, in milliseconds since 1970, times 2**20, plus the order within that
millisecond.

`register_text` holds every run of three characters of the questions and answers, which finds Japanese as well as English: FTS5's trigram
tokenizer on SQLite; on PostgreSQL a GIN index over what `kenpin_grams` makes of the words, which asks for no extension and no locale.
Two characters after the end of each text let a search for one or two characters look for the runs that begin with them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

IN_A_MILLISECOND = 1 << 20  # places in the list for the inspections of one millisecond

REGISTER_NOW = """
CREATE VIEW register_now AS
SELECT i.id AS inspection_id, i.part, i.channel, i.asked_by, i.verdict, i.confidence, i.model,
    coalesce(c.disposition, p.disposition) AS disposition,
    CASE WHEN d.verdict IS NOT NULL THEN d.verdict WHEN e.at IS NOT NULL THEN 'expired' WHEN p.id IS NOT NULL THEN 'pending' END
        AS proposal_state,
    d.decided_by,
    CASE WHEN d.verdict IN ('rejected', 'corrected') THEN 1 ELSE 0 END AS disagreed,
    CASE WHEN {is_abstention} THEN 1 ELSE 0 END AS abstained,
    CASE WHEN {has_opinions} THEN 1 ELSE 0 END AS escalated,
    CASE WHEN EXISTS (SELECT 1 FROM audit_entries WHERE inspection_id = i.id AND kind = 'decision_refused') THEN 1 ELSE 0 END AS refused
FROM inspections i
    LEFT JOIN proposals p ON p.inspection_id = i.id
    LEFT JOIN decisions d ON d.proposal_id = p.id
    LEFT JOIN expirations e ON e.proposal_id = p.id
    LEFT JOIN actions a ON a.proposal_id = p.id
    LEFT JOIN corrections c ON c.proposal_id = a.proposal_id AND c.digest = a.corrected_digest
"""
COPIED = (
    "part", "channel", "asked_by", "verdict", "confidence", "model", "disposition", "proposal_state", "decided_by", "disagreed",
    "abstained", "escalated", "refused",
)  # fmt: skip
FOLLOWED = "part, channel, asked_by, verdict, confidence, model, answer"  # columns of an inspection that the register follows
REFRESH = f"UPDATE register SET ({', '.join(COPIED)}) = (SELECT {', '.join(COPIED)} FROM register_now WHERE inspection_id = {{id}})"
# What else is written about an inspection -> how its row of the register is found, and when it changes.
RECORDS = {
    "proposals": ("NEW.inspection_id", ""),
    "decisions": ("(SELECT inspection_id FROM proposals WHERE id = NEW.proposal_id)", ""),
    "expirations": ("(SELECT inspection_id FROM proposals WHERE id = NEW.proposal_id)", ""),
    "actions": ("(SELECT inspection_id FROM proposals WHERE id = NEW.proposal_id)", ""),
    "audit_entries": ("NEW.inspection_id", "NEW.kind = 'decision_refused' AND NEW.inspection_id IS NOT NULL"),
}

SQLITE_MILLISECONDS = "CAST(strftime('%s', {at}) AS INTEGER) * 1000 + CAST(substr({at}, 21, 3) AS INTEGER)"
SQLITE_WORDS = "{row}.id || char(10) || {row}.question || char(10) || coalesce({row}.words, '') || char(10, 10)"
SQLITE_LOTS = """
SELECT r.number, upper(json_extract(field.value, '$.value')) AS lot
FROM inspections i JOIN register r ON r.inspection_id = i.id,
    json_each(i.answer, '$.labels') label, json_each(label.value, '$.fields') field
WHERE json_extract(field.value, '$.kind') = 'lot'
"""
SQLITE_TRIGGERS = (
    f"""
CREATE TRIGGER register_inspection AFTER INSERT ON inspections BEGIN
    INSERT INTO register (number, inspection_id, {", ".join(COPIED)})
        SELECT coalesce((SELECT max(number) + 1 FROM register WHERE number >= base AND number < base + {IN_A_MILLISECOND}), base), now.*
        FROM (SELECT ({SQLITE_MILLISECONDS.format(at="NEW.received_at")}) * {IN_A_MILLISECOND} AS base),
            (SELECT inspection_id, {", ".join(COPIED)} FROM register_now WHERE inspection_id = NEW.id) now;
    INSERT INTO register_text (rowid, words)
        SELECT number, {SQLITE_WORDS.format(row="NEW")} FROM register WHERE inspection_id = NEW.id;
    INSERT OR IGNORE INTO register_lots (number, lot) SELECT * FROM ({SQLITE_LOTS} AND i.id = NEW.id);
END
""",
    f"""
CREATE TRIGGER register_answer AFTER UPDATE OF {FOLLOWED} ON inspections BEGIN
    {REFRESH.format(id="NEW.id")} WHERE inspection_id = NEW.id;
    DELETE FROM register_lots WHERE number = (SELECT number FROM register WHERE inspection_id = NEW.id);
    INSERT OR IGNORE INTO register_lots (number, lot) SELECT * FROM ({SQLITE_LOTS} AND i.id = NEW.id);
END
""",
    f"""
CREATE TRIGGER register_words AFTER UPDATE OF question, words ON inspections BEGIN
    INSERT INTO register_text (register_text, rowid, words)
        SELECT 'delete', number, {SQLITE_WORDS.format(row="OLD")} FROM register WHERE inspection_id = OLD.id;
    INSERT INTO register_text (rowid, words)
        SELECT number, {SQLITE_WORDS.format(row="NEW")} FROM register WHERE inspection_id = NEW.id;
END
""",
    *(
        f"CREATE TRIGGER register_{table} AFTER INSERT ON {table} {f'WHEN {when} ' if when else ''}BEGIN "
        f"{REFRESH.format(id=id)} WHERE inspection_id = {id}; END"
        for table, (id, when) in RECORDS.items()
    ),
)

POSTGRESQL_MILLISECONDS = "(extract(epoch FROM {at}::timestamptz) * 1000)::bigint"
POSTGRESQL_WORDS = "lower({row}.id || E'\\n' || {row}.question || E'\\n' || coalesce({row}.words, '')) || E'\\n\\n'"
POSTGRESQL_LOTS = """
SELECT DISTINCT r.number, upper(field->>'value') AS lot
FROM inspections i JOIN register r ON r.inspection_id = i.id
    CROSS JOIN LATERAL json_array_elements(CASE json_typeof(i.answer->'labels') WHEN 'array' THEN i.answer->'labels' END) label
    CROSS JOIN LATERAL json_array_elements(CASE json_typeof(label->'fields') WHEN 'array' THEN label->'fields' END) field
WHERE field->>'kind' = 'lot' AND field->>'value' IS NOT NULL
"""
# Runs of three characters from the first, second and third character on: a regular expression takes each text apart in one go, where
# substr would count characters from the start for every run. It takes a third of a millisecond; the cost keeps the planner from doing
# that for every row instead of looking into the index.
POSTGRESQL_GRAMS = """
CREATE FUNCTION kenpin_grams(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 20000 AS $$
    SELECT array_to_tsvector(coalesce(array_agg(run[1]), '{}'))
    FROM generate_series(1, 3) AS start, regexp_matches(substr(words, start), '...', 'g') AS run
$$
"""
POSTGRESQL_FUNCTIONS = {
    ("register_inspection", "AFTER INSERT ON inspections"): f"""
    INSERT INTO register (number, inspection_id, {", ".join(COPIED)})
        SELECT {POSTGRESQL_MILLISECONDS.format(at="NEW.received_at")} * {IN_A_MILLISECOND} + nextval('register_arrivals'),
            inspection_id, {", ".join(COPIED)}
        FROM register_now WHERE inspection_id = NEW.id;
    INSERT INTO register_text (number, words)
        SELECT number, {POSTGRESQL_WORDS.format(row="NEW")} FROM register WHERE inspection_id = NEW.id;
    INSERT INTO register_lots (number, lot) {POSTGRESQL_LOTS} AND i.id = NEW.id;""",
    ("register_answer", f"AFTER UPDATE OF {FOLLOWED} ON inspections"): f"""
    {REFRESH.format(id="NEW.id")} WHERE inspection_id = NEW.id;
    DELETE FROM register_lots WHERE number = (SELECT number FROM register WHERE inspection_id = NEW.id);
    INSERT INTO register_lots (number, lot) {POSTGRESQL_LOTS} AND i.id = NEW.id;""",
    ("register_words", "AFTER UPDATE OF question, words ON inspections"): f"""
    UPDATE register_text SET words = {POSTGRESQL_WORDS.format(row="NEW")}
        WHERE number = (SELECT number FROM register WHERE inspection_id = NEW.id);""",
    **{
        (f"register_{table}", f"AFTER INSERT ON {table}"): f"""
    {f"IF NOT ({when}) THEN RETURN NEW; END IF;" if when else ""}
    {REFRESH.format(id=id)} WHERE inspection_id = {id};"""
        for table, (id, when) in RECORDS.items()
    },
}


def upgrade() -> None:
    _tables()
    fill()
    if op.get_bind().dialect.name == "postgresql":
        _follow_on_postgresql()
    else:
        for trigger in SQLITE_TRIGGERS:
            op.get_bind().exec_driver_sql(trigger)


def _tables() -> None:
    op.create_table(
        "register",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("inspection_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("disposition", sa.Text(), nullable=True),
        sa.Column("proposal_state", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("disagreed", "abstained", "escalated", "refused")),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspections.id"], name=op.f("fk_register_inspection_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_register")),
        sa.UniqueConstraint("inspection_id", name=op.f("uq_register_inspection_id")),
    )
    for name in ("part", "channel", "asked_by", "verdict", "model", "disposition", "proposal_state", "decided_by", "confidence"):
        op.create_index(f"ix_register_{name}", "register", [name, "number"])
    for name in ("disagreed", "abstained", "escalated", "refused"):
        where = sa.text(f"{name} = 1")
        op.create_index(f"ix_register_{name}", "register", ["number"], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "register_lots",
        sa.Column("lot", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["number"], ["register.number"], name=op.f("fk_register_lots_number")),
        sa.PrimaryKeyConstraint("lot", "number", name=op.f("pk_register_lots")),
        sa.Index("ix_register_lots_number", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("shared", sa.Integer(), nullable=False),
        sa.Column("saved_at", sa.Text(), nullable=False),
        sa.CheckConstraint("shared IN (0, 1)", name=op.f("ck_saved_views_shared")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_saved_views_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("person_id", "name", name=op.f("uq_saved_views_person_id_name")),
    )
    op.create_index("ix_saved_views_shared", "saved_views", ["shared"])
    op.create_index("ix_second_looks_person_id", "second_looks", ["person_id"])
    run = op.get_bind().exec_driver_sql
    if op.get_bind().dialect.name == "postgresql":
        run(
            REGISTER_NOW.format(
                is_abstention="json_typeof(i.answer->'abstention') = 'object'",
                has_opinions="CASE json_typeof(i.answer->'opinions') WHEN 'array' THEN json_array_length(i.answer->'opinions') END > 0",
            )
        )
        run(f"CREATE SEQUENCE register_arrivals MINVALUE 0 MAXVALUE {IN_A_MILLISECOND - 1} CYCLE")
        run("CREATE TABLE register_text (number bigint PRIMARY KEY REFERENCES register (number), words text NOT NULL)")
        run(POSTGRESQL_GRAMS)
    else:
        run(
            REGISTER_NOW.format(
                is_abstention="json_type(i.answer, '$.abstention') = 'object'", has_opinions="json_array_length(i.answer, '$.opinions') > 0"
            )
        )
        run(
            f"CREATE VIEW register_words AS SELECT r.number, {SQLITE_WORDS.format(row='i')} AS words "
            "FROM register r JOIN inspections i ON i.id = r.inspection_id"
        )
        run(
            "CREATE VIRTUAL TABLE register_text USING fts5"
            "(words, content='register_words', content_rowid='number', tokenize='trigram case_sensitive 0')"
        )
        run("CREATE VIRTUAL TABLE register_terms USING fts5vocab('register_text', 'row')")


def fill() -> None:
    """The rows of what was on record before; nothing follows the records yet."""
    run = op.get_bind().exec_driver_sql
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    milliseconds = (POSTGRESQL_MILLISECONDS if is_postgresql else SQLITE_MILLISECONDS).format(at="i.received_at")
    run(
        f"INSERT INTO register (number, inspection_id, {', '.join(COPIED)}) "
        f"SELECT ({milliseconds}) * {IN_A_MILLISECOND} + row_number() OVER (PARTITION BY i.received_at ORDER BY i.id) - 1, "
        f"inspection_id, {', '.join(f'now.{name}' for name in COPIED)} FROM inspections i JOIN register_now now ON now.inspection_id = i.id"
    )
    if is_postgresql:
        run(f"INSERT INTO register_lots (number, lot) {POSTGRESQL_LOTS}")
        run(
            f"INSERT INTO register_text (number, words) SELECT r.number, {POSTGRESQL_WORDS.format(row='i')} "
            "FROM register r JOIN inspections i ON i.id = r.inspection_id"
        )
        run("CREATE INDEX ix_register_text_words ON register_text USING gin (kenpin_grams(words))")
    else:
        run(f"INSERT OR IGNORE INTO register_lots (number, lot) {SQLITE_LOTS}")
        run("INSERT INTO register_text (register_text) VALUES ('rebuild')")


def _follow_on_postgresql() -> None:
    """The functions act as their owner: who may write records need not be able to write the register."""
    run = op.get_bind().exec_driver_sql
    schema = str(run("SELECT quote_ident(current_schema())").scalar_one())
    for (name, when), body in POSTGRESQL_FUNCTIONS.items():
        run(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS "
            f"$$ BEGIN {body}\n    RETURN NEW;\nEND $$"
        )
        table = when.rsplit(" ", 1)[1]
        run(f"CREATE TRIGGER {name} {when} FOR EACH ROW EXECUTE FUNCTION {name}()")
        run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def downgrade() -> None:
    run = op.get_bind().exec_driver_sql
    names = ("register_inspection", "register_answer", "register_words", *(f"register_{table}" for table in RECORDS))
    if op.get_bind().dialect.name == "postgresql":
        for name in names:
            run(f"DROP FUNCTION {name}() CASCADE")
        run("DROP TABLE register_text")
        run("DROP FUNCTION kenpin_grams(text)")
        run("DROP SEQUENCE register_arrivals")
    else:
        for name in names:
            run(f"DROP TRIGGER {name}")
        run("DROP TABLE register_terms")
        run("DROP TABLE register_text")
        run("DROP VIEW register_words")
    run("DROP VIEW register_now")
    op.drop_index("ix_second_looks_person_id", "second_looks")
    for table in ("saved_views", "register_lots", "register"):
        op.drop_table(table)
