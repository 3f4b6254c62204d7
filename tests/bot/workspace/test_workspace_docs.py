"""docs/local-workspace.md names every method, switch, person and hook that there is."""

from __future__ import annotations

import re
from pathlib import Path

import kenpin.bot.workspace
from kenpin.bot.workspace import people
from kenpin.bot.workspace.faults import Faults
from kenpin.bot.workspace.web_api import METHODS

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "local-workspace.md").read_text()


def test_every_method_is_listed() -> None:
    for name in METHODS:
        assert f"`{name}`" in DOCS or f"`{name.rpartition('.')[2]}`" in DOCS, name


def test_every_fault_switch_is_listed() -> None:
    for switch in (name.removeprefix("_set_") for name in dir(Faults) if name.startswith("_set_")):
        assert f"| `{switch}` |" in DOCS, switch


def test_everybody_is_listed_with_id_and_token() -> None:
    for person in people.PEOPLE:
        assert f"| {person.real_name} {person.real_name_ja}, {person.role} | `{person.id}` | `{person.token}` |" in DOCS
    for known in (people.BOT_TOKEN, people.APP_TOKEN, people.SIGNING_SECRET, *(c.id for c in people.CHANNELS)):
        assert known in DOCS


def test_every_hook_of_the_page_is_listed() -> None:
    page = "".join(p.read_text() for folder in kenpin.bot.workspace.__path__ for p in (Path(folder) / "page").glob("*.*s"))
    for hook in set(re.findall(r'testid: "([a-z-]+)"', page)):
        assert f"`{hook}`" in DOCS, hook
