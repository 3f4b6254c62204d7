"""How long the dashboard takes on many inspections: counting all of them once, then each page over real HTTP, and a page after a change.

python bench/dashboard.py                                    a million inspections on SQLite and PostgreSQL; docs/benchmarks.md's table
python bench/dashboard.py --inspections 20000                fewer
python bench/dashboard.py --filled sqlite:///many.sqlite     a database that bench/many_inspections.py has filled
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psycopg
import sqlalchemy as sa
from console import served, timed
from many_inspections import fill

from kenpin.bot import settings
from kenpin.storage import audit
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import migrate, open_database, reading, writing
from kenpin.storage.statistics_by_day import Calendar, refresh

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from postgres_server import address, postgres_server

ROUNDS = 10
TARGET_MS = 1000
DAYS_AT_ONCE = 3  # as the page has it


def measured(url: str, home: Path, rounds: int) -> dict[str, str]:
    found: dict[str, str] = {}
    calendar = Calendar(zone=settings.read({}).zone, shifts=settings.read({}).shifts)
    with served(url, home) as (engine, browser):
        started, taken = time.perf_counter(), []
        while True:
            before = time.perf_counter()
            with writing(engine) as conn:
                progress = refresh(conn, calendar, datetime.now(UTC), DAYS_AT_ONCE)
            taken.append(time.perf_counter() - before)
            if progress.whole:
                break
        found["counting all of it, once, s"] = f"{time.perf_counter() - started:.0f}"
        found[f"  of that, one transaction of {DAYS_AT_ONCE} days, median and longest, ms"] = (
            f"{1000 * np.median(taken):.0f}, {1000 * max(taken):.0f}"
        )
        with reading(engine) as conn:
            parts = sa.text("SELECT part FROM register WHERE part IS NOT NULL GROUP BY part ORDER BY count(*) DESC LIMIT 1")
            common = conn.execute(parts).scalar_one()
            some = conn.execute(sa.text("SELECT inspection_id FROM register ORDER BY number DESC LIMIT 1")).scalar_one()
            found["rows of counts"] = f"{conn.execute(sa.text('SELECT count(*) FROM daily_counts')).scalar_one():,}"
        looks = 0
        while "hx-trigger" in browser.get("/?period=30").text:  # until every part has been looked at for drift
            looks += 1
        found["looks at the page until drift is known of every part"] = str(looks)
        first, last = "2023-11-25", date.today().isoformat()
        for what, path in (
            ("all parts, 7 days", "/?period=7"),
            ("all parts, 30 days", "/?period=30"),
            ("all parts, 90 days", "/?period=90"),
            ("all parts, a year", "/?period=365"),
            ("all parts, three years", f"/?from={first}&to={last}"),
            ("the commonest part, 30 days", f"/?period=30&part={common}"),
            ("the commonest part, a year", f"/?period=365&part={common}"),
            ("what a number counts: escapes of a year", "/counted?what=escapes&period=365"),
            ("what a number counts: decided on one line, 30 days", "/counted?what=decided&period=30&dimension=line&value=C-01"),
        ):
            one = timed(browser, path, rounds)
            found[f"{what}, p50 / p95 ms"] = f"{one.p50_ms:.0f} / {_marked(one.p95_ms)}"
        after = []
        for _ in range(rounds):
            with writing(engine) as conn:
                audit.append(conn, AuditKind.ANSWER_POSTED, {}, some)
            before = time.perf_counter()
            assert browser.get("/?period=30").status_code == 200
            after.append(1000 * (time.perf_counter() - before))
        found["all parts, 30 days, when today has changed, p50 / p95 ms"] = (
            f"{np.percentile(after, 50):.0f} / {_marked(float(np.percentile(after, 95)))}"
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--inspections", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--filled", action="append", default=[], help="the address of a database that is filled already; repeatable")
    options = parser.parse_args()
    results: dict[str, dict[str, str]] = {}
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = list(options.filled)
        if not urls:
            server = sa.make_url(stack.enter_context(postgres_server()))
            with psycopg.connect(address(server, "postgres"), autocommit=True) as admin:
                admin.execute("CREATE DATABASE kenpin_bench")
            urls = [f"sqlite:///{home}/many.sqlite", address(server, "kenpin_bench")]
        for url in urls:
            if not options.filled:
                engine = open_database(url, check_schema=False)
                migrate(engine)
                engine.dispose()
                fill(url, options.inspections)
            name = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
            results[name] = measured(url, home, options.rounds)
            print(f"{name}: {results[name]}", file=sys.stderr, flush=True)
    print(f"`python bench/dashboard.py --inspections {options.inspections}`, {date.today().isoformat()}, {os.cpu_count()} cores, no GPU,")
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, numpy {version('numpy')},")
    print(f"{options.rounds} requests each after one that is not counted. Load of the machine when it ended: {os.getloadavg()[0]:.1f}.\n")
    print("| | " + " | ".join(results) + " |\n|---|" + "---|" * len(results))
    for what in results[next(iter(results))]:
        print(f"| {what} | " + " | ".join(found[what] for found in results.values()) + " |")


def _marked(p95_ms: float) -> str:
    return f"**{p95_ms:.0f}**" if p95_ms >= TARGET_MS else f"{p95_ms:.0f}"


if __name__ == "__main__":
    main()
