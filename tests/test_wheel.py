"""What a user gets by `pip install`: every room with its files, and nothing that would stand in somebody else's way."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("bot", "tools", "storage", "prompts")
LEFT_OUT = {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tree, as a build leaves its traces in the folder it runs in."""
    copy = tmp_path_factory.mktemp("tree")
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, copy)
    target = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--skip-dependency-check", "--outdir", str(target), str(copy)]
    run = subprocess.run(build, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_file_of_every_room_is_in_it(names: set[str]) -> None:
    expected = {
        f"kenpin/{path.relative_to(ROOT).as_posix()}"
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and not set(path.parts) & LEFT_OUT
    }
    assert not expected - names
    for known in ("kenpin/bot/slack/manifest.yaml", "kenpin/bot/workspace/page/index.html", "kenpin/prompts/answer.ja.txt"):
        assert known in names
    assert sum(name.startswith("kenpin/storage/migrations/versions/0") for name in names) >= 2


def test_nothing_at_the_top_but_kenpin_and_what_is_said_of_it(names: set[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert tops == {"kenpin", next(top for top in tops if top.endswith(".dist-info"))}
    assert {name.split("/")[1] for name in names if name.startswith("kenpin/")} == set(ROOMS)


def test_it_says_who_made_it_possible_and_on_what_terms(wheel: Path, names: set[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = f"kenpin-{project['version']}.dist-info"
    assert f"{info}/licenses/LICENSE" in names
    with zipfile.ZipFile(wheel) as archive:
        metadata = HeaderParser().parsestr(archive.read(f"{info}/METADATA").decode("utf-8"))
        scripts = archive.read(f"{info}/entry_points.txt").decode("utf-8")
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "kenpin = kenpin.bot.cli:main" in scripts


def test_the_licence_is_apache_2() -> None:
    words = (ROOT / "LICENSE").read_text(encoding="utf-8").split()
    assert " ".join(words).startswith("Apache License Version 2.0, January 2004")
    assert "END OF TERMS AND CONDITIONS" in " ".join(words)
