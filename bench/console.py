"""How long the console's pages take on many inspections: the first page of the list under every filter, search and order, and second looks.

Fills a SQLite file and a PostgreSQL database (started from its wheel, as the tests do) with the same drawn inspections, serves the console
over each, and asks for each page over real HTTP as somebody who is signed in. Times are from request sent to answer read, in this process.

    python bench/console.py                                    a million inspections on both; prints the table of docs/benchmarks.md
    python bench/console.py --inspections 20000                fewer
    python bench/console.py --filled sqlite:///many.sqlite     a database that bench/many_inspections.py has filled
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import httpx
import numpy as np
import psycopg
import sqlalchemy as sa
from many_inspections import Filled, fill

from kenpin.bot import jobs, settings
from kenpin.bot.console import page
from kenpin.bot.console.desk import Desk
from kenpin.bot.console.roles import Roles
from kenpin.bot.console.server import Console, listen
from kenpin.bot.jobs import Jobs
from kenpin.storage import people, sessions
from kenpin.storage.database import migrate, open_database, reading, writing
from kenpin.storage.photos import PhotoStore
from kenpin.storage.vocabulary import Language, Role

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from postgres_server import address, postgres_server

ROUNDS = 20
TARGET_MS = 200
WHO = "U-BENCH"


@dataclass(frozen=True)
class Case:
    what: str
    path: str


@dataclass(frozen=True)
class Timed:
    p50_ms: float
    p95_ms: float
    rows: int


def cases(engine: sa.Engine) -> list[Case]:
    """Every filter, search and order; values that are common and that are rare in the drawn inspections."""
    with reading(engine) as conn:
        common, rare = (
            conn.execute(
                sa.text(f"SELECT part FROM register WHERE part IS NOT NULL GROUP BY part ORDER BY count(*) {way} LIMIT 1")
            ).scalar_one()
            for way in ("DESC", "ASC")
        )
        lot = conn.execute(sa.text("SELECT lot FROM register_lots LIMIT 1")).scalar_one()
        some = "SELECT inspection_id, channel, asked_by, decided_by, model FROM register WHERE decided_by IS NOT NULL LIMIT 1"
        one = conn.execute(sa.text(some)).one()
        rare_model = conn.execute(sa.text("SELECT model FROM register GROUP BY model ORDER BY count(*) LIMIT 1")).scalar_one()
    asked: list[tuple[str, dict[str, str]]] = [
        ("no filter", {}),
        ("one day", {"from": "2025-03-14", "to": "2025-03-14"}),
        ("from a day on, oldest first", {"from": "2025-03-14", "order": "oldest"}),
        ("part, of every sixth", {"part": common}),
        ("part, seldom", {"part": rare}),
        ("lot", {"lot": lot}),
        ("channel", {"channel": one.channel}),
        ("asked by", {"asked_by": one.asked_by}),
        *((f"verdict {v}", {"verdict": v}) for v in ("ok", "not_ok", "unsure", "not_judged")),
        ("confidence 97 to 100 %", {"confidence_from": "97"}),
        ("confidence 50 to 55 %", {"confidence_to": "55"}),
        *((f"disposition {d}", {"disposition": d}) for d in ("accept", "scrap", "use_as_is")),
        *((f"decision {s}", {"state": s}) for s in ("approved", "rejected", "corrected", "expired", "pending")),
        ("decided by", {"decided_by": one.decided_by}),
        ("model, usual", {"model": one.model}),
        ("model, seldom", {"model": rare_model}),
        *((mark, {mark: "1"}) for mark in ("disagreed", "abstained", "escalated", "refused")),
        ("all but the day: part, verdict, disagreed", {"part": common, "verdict": "ok", "disagreed": "1"}),
        ("two that exclude each other", {"verdict": "ok", "disposition": "scrap"}),
        ("part and a month", {"part": common, "from": "2024-05-01", "to": "2024-05-31"}),
        ("least confident first", {"order": "least_sure"}),
        ("most confident first, of a part", {"order": "most_sure", "part": common}),
        ("least confident first, disagreed", {"order": "least_sure", "disagreed": "1"}),
        ("least confident first, one day", {"order": "least_sure", "from": "2025-03-14", "to": "2025-03-14"}),
        ("search: scratch", {"words": "scratch"}),
        ("search: 良品 (two characters)", {"words": "良品"}),
        ("search: 傷 (one kanji)", {"words": "傷"}),
        ("search: キズ 左下", {"words": "キズ 左下"}),
        ("search: ok (two letters)", {"words": "ok"}),
        ("search: a reference", {"words": one.inspection_id}),
        ("search: a lot", {"words": lot}),
        ("search: what nobody said", {"words": "zebra crossing"}),
        ("search: 異常なし, oldest first", {"words": "異常なし", "order": "oldest"}),
        ("search: scratch, of a seldom part", {"words": "scratch", "part": rare}),
        ("search: 変色, corrected", {"words": "変色", "state": "corrected"}),
        ("search: 傷, with two that exclude each other", {"words": "傷", "verdict": "ok", "disposition": "scrap"}),
        ("search: scratch, least confident first", {"words": "scratch", "order": "least_sure"}),
    ]
    return [Case(what, str(httpx.URL("/inspections", params=given))) for what, given in asked]


@contextmanager
def served(url: str, home: Path) -> Iterator[tuple[sa.Engine, httpx.Client]]:
    """The console over this database, and the browser of a supervisor who is signed in."""
    jobs.migrate(url)
    engine, queue, listener = open_database(url), Jobs(url), listen(0)
    here = f"http://127.0.0.1:{listener.getsockname()[1]}"
    desk = Desk(
        engine=engine,
        photos=PhotoStore(home / "photos"),
        settings=settings.read({"KENPIN_HOME": str(home), "KENPIN_DATABASE_URL": url}),
        jobs=queue,
        url=here,
        roles=Roles([f"{WHO}={Role.SUPERVISOR}"], lambda group: []),
    )
    with writing(engine) as conn:
        people.remember(conn, WHO, "Bench", "bench@example.com")
        people.speak(conn, WHO, Language.EN)
        token = sessions.start(conn, WHO, Role.SUPERVISOR, hours=12)
    with Console(desk, listener), httpx.Client(base_url=here, trust_env=False, timeout=120) as browser:
        browser.cookies.set(page.session_cookie(False), token, domain="127.0.0.1")
        yield engine, browser
    queue.close()
    engine.dispose()


def timed(browser: httpx.Client, path: str, rounds: int) -> Timed:
    """After one request that is not counted: what lies on the disk alone is not what this is about."""
    taken = []
    for turn in range(rounds + 1):
        started = time.perf_counter()
        answer = browser.get(path)
        if turn:
            taken.append(1000 * (time.perf_counter() - started))
        assert answer.status_code == 200, (path, answer.status_code)
    p50, p95 = np.percentile(taken, (50, 95))
    return Timed(float(p50), float(p95), answer.text.count('class="inspection-row"'))


def measured(url: str, home: Path, rounds: int) -> dict[str, Timed]:
    with served(url, home) as (engine, browser):
        found = {}
        for case in cases(engine):
            found[case.what] = timed(browser, case.path, rounds)
            print(f"{engine.dialect.name}: {case.what}: {found[case.what]}", file=sys.stderr, flush=True)
        first = browser.get("/inspections").text
        more = first.partition('hx-get="')[2].partition('"')[0].replace("&amp;", "&")
        found["the next page, as one scrolls"] = timed(browser, more, rounds)
        found["second looks, by part and person"] = timed(browser, "/reviews", rounds)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--inspections", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--on", choices=("sqlite", "postgresql"), help="on one of them alone")
    parser.add_argument("--filled", action="append", default=[], help="the address of a database that is filled already; repeatable")
    options = parser.parse_args()
    results: dict[str, dict[str, Timed]] = {}
    built: dict[str, Filled] = {}
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = list(options.filled)
        if not urls and options.on != "postgresql":
            urls.append(f"sqlite:///{home}/many.sqlite")
        if not options.filled and options.on != "sqlite":
            server = sa.make_url(stack.enter_context(postgres_server()))
            with psycopg.connect(address(server, "postgres"), autocommit=True) as admin:
                admin.execute("CREATE DATABASE kenpin_bench")
            urls.append(address(server, "kenpin_bench"))
        for url in urls:
            name = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
            if not options.filled:
                engine = open_database(url, check_schema=False)
                migrate(engine)
                engine.dispose()
                built[name] = fill(url, options.inspections)
                print(f"{name}: {built[name]}", file=sys.stderr, flush=True)
            results[name] = measured(url, home, options.rounds)
    _print(options, results, built)


def _print(options: argparse.Namespace, results: dict[str, dict[str, Timed]], built: dict[str, Filled]) -> None:
    names = list(results)
    print(f"`python bench/console.py --inspections {options.inspections}`, {date.today().isoformat()}, {os.cpu_count()} cores, no GPU,")
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version},", end=" ")
    print(", ".join(f"{name} {version(name)}" for name in ("kenpin", "sqlalchemy", "psycopg", "starlette", "uvicorn")) + ".")
    print(f"{options.rounds} requests each after one that is not counted. Load of the machine when it ended: {os.getloadavg()[0]:.1f}.\n")
    for name, one in built.items():
        print(
            f"{name}: {one.inspections:,} inspections written in {one.rows_s:.0f} s; register and search filled in {one.register_s:.0f} s."
        )
    print("\n| first page of the list | rows |" + "".join(f" {name} p50 ms | p95 ms |" for name in names))
    print("|---|---|" + "---|---|" * len(names))
    for what, one in results[names[0]].items():
        cells = "".join(f" {results[name][what].p50_ms:.0f} | {_marked(results[name][what].p95_ms)} |" for name in names)
        print(f"| {what} | {one.rows} |{cells}")
    for name in names:
        worst = max(results[name].values(), key=lambda one: one.p95_ms)
        over = sum(one.p95_ms >= TARGET_MS for one in results[name].values())
        print(f"\n{name}: {over} of {len(results[name])} pages over {TARGET_MS} ms; the slowest p95 is {worst.p95_ms:.0f} ms.")


def _marked(p95_ms: float) -> str:
    return f"**{p95_ms:.0f}**" if p95_ms >= TARGET_MS else f"{p95_ms:.0f}"


if __name__ == "__main__":
    main()
