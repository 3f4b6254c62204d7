"""Walking and exporting a long audit log: how long, and how much memory, on SQLite and PostgreSQL.

    python bench/audit.py                  1,000,000 entries; prints the tables as they stand in docs/benchmarks.md
    python bench/audit.py --entries 50000  fewer

The log is written past Kenpin's functions, link by link as they would write it, and each export is a process of its own, so that the
most memory it ever held is its own. The verifier that travels with an export is measured as an auditor runs it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import Engine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from postgres_server import postgres_server  # the tests' own server

from kenpin.storage import audit, audit_export, canonical, clock, signing
from kenpin.storage.audit import AuditKind
from kenpin.storage.audit_export import Format
from kenpin.storage.database import migrate, open_database, reading
from kenpin.storage.tables import GENESIS, audit_entries, audit_payloads

CHUNK = 20_000
ERASED_EVERY = 500  # of this many entries, one is erased; each erasure names up to a hundred
FIRST_DAY, LAST_DAY = datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)
KINDS = (AuditKind.QUESTION_RECEIVED, AuditKind.ANSWER_SAVED, AuditKind.PROPOSAL_MADE, AuditKind.ANSWER_POSTED, AuditKind.DECISION_APPROVED)
WORDS = (
    "これは良品ですか",
    "is this cell OK?",
    "where is the defect, and which lot is it?",
    "左下のキズは許容範囲ですか、ロットも教えてください",
)
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--one", nargs=4, metavar=("URL", "FORMAT", "ENTRIES", "FOLDER"), help="one export, in this process")
    given = parser.parse_args()
    if given.one:
        url, format, entries, folder = given.one
        print(json.dumps(_exported(url, Format(format), int(entries), Path(folder))))
        return
    count: int = given.entries
    print(
        f"`python bench/audit.py{'' if count == 1_000_000 else f' --entries {count}'}`, {date.today().isoformat()}, {os.cpu_count()} cores,"
    )
    print(f"Python {platform.python_version()},", end=" ")
    print(", ".join(f"{name} {version(name)}" for name in ("kenpin", "sqlalchemy", "psycopg", "pyarrow")) + ".")
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        home = Path(folder)
        rows = []
        walks = []
        for database, url in (("SQLite", f"sqlite:///{home / 'audit.sqlite'}"), ("PostgreSQL", None)):
            if url is None:
                with psycopg.connect(server.replace("postgresql+psycopg", "postgresql"), autocommit=True) as admin:
                    admin.execute("CREATE DATABASE audit")
                url = sa.make_url(server).set(database="audit").render_as_string(hide_password=False)
            engine = open_database(url, check_schema=False)
            migrate(engine)
            fill(engine, count)
            walks += [(database, what, seconds) for what, seconds in walked(engine, count)]
            engine.dispose()
            for format in Format:
                for entries in (count // 100, count // 10, count):
                    rows.append((database, format, entries, _in_a_process(url, format, entries, home / "export")))
    print(f"Load of the machine when it ended: {os.getloadavg()[0]:.1f}.\n")
    print("| database | what | s |\n|---|---|---|")
    for database, what, seconds in walks:
        print(f"| {database} | {what} | {seconds:.{1 if seconds > 1 else 3}f} |")
    print("\n| database | format | entries | s | most memory, MiB | MiB on disk | the verifier, s | its most memory, MiB |")
    print("|---|---|---|---|---|---|---|---|")
    for database, format, entries, found in rows:
        print(
            f"| {database} | {format} | {entries:,} | {found['s']:.1f} | {found['mib']:.0f} | {found['disk_mib']:.0f} "
            f"| {found['verify_s']:.1f} | {found['verify_mib']:.0f} |"
        )


def fill(engine: Engine, count: int) -> None:
    """So many entries, an anchor at each ten thousandth, and a head that fits."""
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as conn:
        kept = _switch_off(conn)
        hash = GENESIS
        for entries, payloads in _chunks(count):
            if is_sqlite:
                conn.execute(audit_entries.insert(), entries)
                conn.execute(audit_payloads.insert(), payloads)
            else:
                _copy(conn, "audit_entries", entries)
                _copy(conn, "audit_payloads", payloads)
            hash = entries[-1]["hash"]
        conn.execute(sa.text("UPDATE audit_head SET seq = :seq, hash = :hash"), {"seq": count, "hash": hash})
        for statement in kept:
            conn.exec_driver_sql(statement)
        conn.commit()
    with engine.connect() as conn:
        conn.exec_driver_sql("ANALYZE")
        conn.commit()


def walked(engine: Engine, count: int) -> Iterator[tuple[str, float]]:
    with reading(engine) as conn:
        started = time.perf_counter()
        found = audit.verify(conn)
        yield f"verify {count:,} entries", time.perf_counter() - started
        assert found.whole and found.entries == count, found
        held = [(seq, str(conn.execute(sa.select(audit_entries.c.hash).where(audit_entries.c.seq == seq)).scalar_one()))
                for seq in range(count // 400, count + 1, count // 400)]  # fmt: skip
        started = time.perf_counter()
        found = audit.verify(conn, anchors=held)
        yield f"verify {count:,} entries against {len(held)} anchors", time.perf_counter() - started
        assert found.whole and found.held and found.held[0] == count, found
        started = time.perf_counter()
        assert len(list(audit.entries(conn, person_id="U007", newest_first=True, limit=51))) == 51
        yield "the console's first page, one person's", time.perf_counter() - started
        started = time.perf_counter()
        first = audit.first_since(conn, "2026-06-01T00:00:00Z")
        assert len(list(audit.entries(conn, after=first - 1, kind=AuditKind.DECISION_APPROVED, newest_first=True, limit=51))) == 51
        yield "the console's first page, one kind since a day", time.perf_counter() - started


def _exported(url: str, format: Format, entries: int, folder: Path) -> dict[str, float]:
    engine = open_database(url)
    signer = signing.signer(folder.parent)
    started = time.perf_counter()
    with reading(engine) as conn:
        written = audit_export.export(conn, folder, format, signer, by="bench", last=entries)
    assert written.entries == entries
    return {"s": time.perf_counter() - started, "mib": _most_mib()}


def _in_a_process(url: str, format: Format, entries: int, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", url, format, str(entries), str(folder)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    found["disk_mib"] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
    told = (
        "import pathlib, runpy, sys; sys.argv = ['verify']\n"
        f"try: runpy.run_path({str(folder / 'verify_export.py')!r}, run_name='__main__')\n"
        "except SystemExit as ended: status = ended.code\n"
        "most = pathlib.Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(int(most) / 1024, status)"
    )
    started = time.perf_counter()
    verified = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True).stdout.split("\n")[-2].split()
    found["verify_s"], found["verify_mib"] = time.perf_counter() - started, float(verified[0])
    assert verified[1] in ("0", "2"), verified  # 2: an erasure is told of after the part that was exported
    shutil.rmtree(folder)
    return found


def _most_mib() -> float:
    """The most memory that this process held. Not `getrusage`, which counts what its parent held before it was started."""
    return int(Path("/proc/self/status").read_text(encoding="ascii").split("VmHWM:")[1].split()[0]) / 1024


def _chunks(count: int) -> Iterator[tuple[list[Row], list[Row]]]:
    random = Random(4)
    hash = GENESIS
    waiting: list[Row] = []
    entries: list[Row] = []
    payloads: list[Row] = []
    for seq in range(1, count + 1):
        at = clock.text(FIRST_DAY + (LAST_DAY - FIRST_DAY) * (seq / count))
        inspection, person = f"K-{seq // 6:07d}", f"U{random.randrange(400):03d}" if seq % 2 else None
        kind, told = (
            KINDS[seq % 5],
            {"question": random.choice(WORDS), "verdict": "not_ok", "confidence": round(random.random(), 6), "n": seq},
        )
        salt = f"{random.getrandbits(128):032x}"
        if len(waiting) == 100:
            kind, told, inspection = AuditKind.PAYLOAD_ERASED, {"seqs": [row["seq"] for row in waiting], "why": "kept long enough"}, None
        written = canonical.dumps(told)
        payload_sha256 = canonical.sha256(salt + written)
        link = "\n".join((hash, str(seq), at, kind, *("" if id is None else f"={id}" for id in (inspection, person)), payload_sha256))
        entry = {"seq": seq, "at": at, "kind": kind.value, "inspection_id": inspection, "person_id": person}
        entry |= {"payload_sha256": payload_sha256, "prev_hash": hash, "hash": (hash := canonical.sha256(link))}
        entries.append(entry)
        payloads.append({"seq": seq, "salt": salt, "payload": written, "erased_in": None})
        if kind is AuditKind.PAYLOAD_ERASED:
            for row in waiting:
                row |= {"salt": None, "payload": None, "erased_in": seq}
            waiting = []
        elif seq % ERASED_EVERY == 0:
            waiting.append(payloads[-1])
        if (len(entries) >= CHUNK and not waiting) or seq == count:
            yield entries, payloads
            entries, payloads = [], []
    assert not entries


def _switch_off(conn: sa.Connection) -> list[str]:
    """Put the triggers of the log away. Returns what puts them back."""
    tables = ("audit_entries", "audit_payloads", "audit_head")
    if conn.dialect.name == "postgresql":
        for table in tables:
            conn.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        return [f"ALTER TABLE {table} ENABLE TRIGGER ALL" for table in tables]
    named = conn.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit%'")).all()
    for name, _ in named:
        conn.exec_driver_sql(f"DROP TRIGGER {name}")
    return [str(statement) for _, statement in named]


def _copy(conn: sa.Connection, table: str, rows: list[Row]) -> None:
    driver: Any = conn.connection.driver_connection
    columns = ", ".join(rows[0])
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(tuple(row.values()))


if __name__ == "__main__":
    main()
