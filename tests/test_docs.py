"""The docs say what the code does: every word, setting, command, licence and retry is on its page, and no page has one that is not."""

from __future__ import annotations

import ast
import dataclasses
import re
import subprocess
import tomllib
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, distribution, metadata
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from kenpin.bot import notices, worker
from kenpin.bot.cli import app
from kenpin.bot.slack import messenger
from kenpin.storage import tables, vocabulary

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
SUFFIXES = ("_at", "_by", "_id", "_px", "_ts", "_sha256")  # what the glossary explains once for all columns


def words_in_code(page: str) -> set[str]:
    """Every word that a page sets as code."""
    return {word.strip() for marked in re.findall(r"`([^`\n]+)`", page) for word in re.split(r"[,\s]+", marked)}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


# --- words ---------------------------------------------------------------------------------------------------------------------------


def test_every_word_of_the_vocabulary_is_in_the_glossary() -> None:
    known = words_in_code((DOCS / "glossary.md").read_text(encoding="utf-8"))
    ours = {n: v for n, v in vars(vocabulary).items() if isinstance(v, type) and v.__module__ == vocabulary.__name__}
    assert len(ours) > 15
    for name, kind in ours.items():
        assert name in known, name
        if issubclass(kind, StrEnum):
            assert not {str(member) for member in kind} - known, name
        else:
            assert dataclasses.is_dataclass(kind), name
    assert {"GOOD", "ANY_PART"} <= known


def test_every_table_and_column_is_in_the_glossary() -> None:
    known = words_in_code((DOCS / "glossary.md").read_text(encoding="utf-8"))
    for table in tables.metadata.sorted_tables:
        assert table.name in known, table.name
        for column in table.columns:
            base = next((column.name.removesuffix(s) for s in SUFFIXES if column.name.endswith(s)), column.name)
            assert {column.name, base} & known, f"{table.name}.{column.name}"


def test_each_word_is_explained_once_in_english_and_japanese() -> None:
    rows = [line.split("|")[1:4] for line in (DOCS / "glossary.md").read_text(encoding="utf-8").splitlines() if re.match(r"\| [^-]", line)]
    rows = [[cell.strip() for cell in row] for row in rows if "Japanese" not in row[1]]
    assert len(rows) > 50
    for word, japanese, sentence in rows:
        assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", japanese), word
        assert sentence.endswith("."), word
        assert sentence.count(". ") == 0, f"{word}: one sentence each"
    assert len({word for word, _, _ in rows}) == len(rows)


# --- settings ------------------------------------------------------------------------------------------------------------------------


def test_every_setting_is_documented_and_every_documented_setting_is_read() -> None:
    read = set()
    for room in ("bot", "tools", "storage", "prompts"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    read |= set(re.findall(r"\A(?:KENPIN|SLACK|OPENAI)_[A-Z_]+\Z", node.value))
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE))
    ignored = {"SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"}
    assert read - ignored == documented
    assert ignored <= words_in_code(page)


def test_every_setting_has_a_default_and_a_meaning() -> None:
    rows = re.findall(r"^\| `[A-Z_]+` \|(.*)\|(.*)\|$", (DOCS / "settings.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows
    assert all(default.strip() and meaning.strip().endswith(".") for default, meaning in rows)


# --- commands ------------------------------------------------------------------------------------------------------------------------


def commands() -> dict[str, str]:
    """`parts add` and so on -> the first line of its help."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    found = {}
    for name, command in root.commands.items():
        inner = command.commands if isinstance(command, TyperGroup) else {}
        found |= {f"{name} {sub}": one.help or "" for sub, one in inner.items()} or {name: command.help or ""}
    return found


def test_every_command_is_documented_with_an_example_and_no_other() -> None:
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `kenpin ([a-z ]+)` \|.*\| (.+) \|$", page, re.MULTILINE))
    assert set(rows) == set(commands())
    for name, example in rows.items():
        assert example.startswith(f"`kenpin {name}"), name


def test_every_command_explains_itself_in_a_sentence() -> None:
    for name, words in commands().items():
        assert words.rstrip().endswith("."), name


def test_commands_and_options_named_anywhere_in_the_docs_exist() -> None:
    known = set(commands())
    groups = {name.split()[0] for name in known if " " in name}
    for page in PAGES:
        for named in re.findall(r"(?<![@/\w])kenpin ((?:[a-z]+ ?)+)", page.read_text(encoding="utf-8")):
            words = named.split()
            if words[0] in groups:
                assert len(words) == 1 or " ".join(words[:2]) in known, f"{page.name}: kenpin {named}"


# --- licences ------------------------------------------------------------------------------------------------------------------------


def needed() -> dict[str, str]:
    """Package -> "" for what Kenpin needs, else its extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    found = {re.split(r"[\[<>=~! ]", line)[0]: extra for extra, lines in groups.items() for line in lines}
    found.pop("kenpin")
    return found


def documented_licences() -> dict[str, tuple[str, str]]:
    """Package -> its licence and its extra, as docs/licences.md has them."""
    page = (DOCS / "licences.md").read_text(encoding="utf-8").split("## Packages Kenpin needs")[1]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in page.splitlines() if re.match(r"\| [a-z0-9]", line)]
    return {row[0]: (row[1], row[2] if len(row) > 2 else "") for row in rows if row[0] != "package"}


def test_the_licence_of_every_package_is_on_its_page_and_of_no_other() -> None:
    listed = documented_licences()
    wanted = needed()
    assert set(listed) == set(wanted)
    for package, extra in wanted.items():
        assert listed[package][1].startswith(extra), package


@pytest.mark.parametrize("package", sorted(needed()))
def test_a_licence_is_the_one_its_package_states(package: str) -> None:
    try:
        stated, shipped = metadata(package), distribution(package)
    except PackageNotFoundError:
        assert needed()[package] in ("heif", "vlm"), f"{package} is not installed"
        return
    words = [stated.get("License-Expression") or "", (stated.get("License") or "").split("\n")[0], *stated.get_all("Classifier", [])]
    if not any(word and not word.startswith(("Programming", "Topic")) for word in words):  # it says so in its licence's file alone
        words = [(shipped.read_text(f"licenses/{name}") or "").split("\n")[0] for name in stated.get_all("License-File", [])]
    listed = documented_licences()[package][0]
    family = {
        "Apache-2.0": "apache",
        "MIT": "mit",
        "MIT-CMU": "mit",
        "BSD-3-Clause": "bsd",
        "CC": "cc",
        "LGPL-3.0-only": "lgpl",
        "MPL-2.0": "mpl",
        "OFL-1.1": "open font",
    }
    assert family[listed.split()[0]] in " ".join(words).lower(), f"{package} states {words}"


# --- retries -------------------------------------------------------------------------------------------------------------------------


def test_the_numbers_of_the_retries_page_are_the_codes() -> None:
    page = (DOCS / "retries.md").read_text(encoding="utf-8")
    assert "after {}, {} and {} minutes".format(*notices.RETRY_AFTER_MIN) in page
    assert f"{worker.STEP_ATTEMPTS} tries, waiting 1, 2 and 4 s" in page
    assert f"{worker.THUMB_ATTEMPTS} tries, waiting 1, 2, 4, 8 and 16 s" in page
    assert f"missed for {worker.DEAD_AFTER_S:g} s" in page
    assert f"the next worker | {worker.RECOVERY_ATTEMPTS} times" in page
    assert f"{messenger.FILE_READY_TRIES} times within 8 s" in page


# --- everything ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_files_named_on_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://|mailto:)([^)#]+)", text):
        assert (page.parent / target).exists(), target
    for named in re.findall(r"`((?:bot|tools|storage|prompts|tests|docs|bench)/[\w./-]+)`", text):
        assert (ROOT / named).exists(), named


def test_no_tracked_file_names_a_developers_machine() -> None:
    machine = re.compile(r"(?<![\w.])/(?:work/(?:main|shared)|home/[a-z]\w+/|Users/\w+/|root/)")
    for path in tracked():
        if path.suffix in {".png", ".jpg"} or path == Path(__file__):
            continue
        found = machine.search(path.read_text(encoding="utf-8", errors="replace"))
        assert found is None, f"{path.relative_to(ROOT)}: {found and found.group()}"


def test_nothing_is_left_to_do_without_an_issue() -> None:
    mark = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b(?!\s*\(#\d+\))")
    for path in tracked():
        if path.suffix in {".py", ".md", ".js", ".css", ".html", ".toml", ".yaml", ".txt"} or path.name == "Makefile":
            text = path.read_text(encoding="utf-8", errors="replace")
            if path.name == "LICENSE":
                continue
            found = mark.search(text)
            assert found is None, f"{path.relative_to(ROOT)}: {found and found.group()}"
