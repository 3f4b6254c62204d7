"""Checks Block Kit as Slack does: known block types, required keys, sizes. What is wrong is said with a JSON pointer, as Slack says it.

Sizes are Slack's published ones (docs.slack.dev, reference/block-kit); where Slack states none, nothing is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .errors import SlackError
from .state import State
from .store import Json

MOST_BLOCKS_MESSAGE = 50
MOST_BLOCKS_VIEW = 100
_MOST_MARKDOWN = 12_000

_ELEMENTS = frozenset(
    {
        "button", "checkboxes", "datepicker", "datetimepicker", "email_text_input", "feedback_buttons", "file_input", "icon_button",
        "image", "overflow", "plain_text_input", "radio_buttons", "rich_text_input", "static_select", "external_select", "users_select",
        "conversations_select", "channels_select", "multi_static_select", "multi_external_select", "multi_users_select",
        "multi_conversations_select", "multi_channels_select", "number_input", "timepicker", "url_text_input", "url_source",
        "workflow_button"
    }
)  # fmt: skip


class _Problems:
    """Collects what is wrong and where."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, text: str, at: str) -> None:
        self.found.append(f"[ERROR] {text} [json-pointer:{at}]")

    def length(self, value: Any, most: int, at: str, *, least: int = 1) -> None:
        if not isinstance(value, str):
            self.add("must be a string", at)
        elif len(value) > most:
            self.add(f"must be less than {most + 1} characters", at)
        elif len(value) < least:
            self.add("must be more than 0 characters", at)

    def count(self, value: Any, most: int, at: str) -> list[Any]:
        if not isinstance(value, list):
            self.add("must be an array", at)
            return []
        if not 1 <= len(value) <= most:
            self.add(f"must have between 1 and {most} items", at)
        return value


def check(blocks: Any, state: State, *, most: int = MOST_BLOCKS_MESSAGE, at: str = "/blocks") -> list[Json]:
    """The blocks, once they are known to be good. Raises SlackError invalid_blocks_format or invalid_blocks."""
    if not isinstance(blocks, list) or not all(isinstance(b, dict) for b in blocks):
        raise SlackError("invalid_blocks_format")
    problems = _Problems()
    if len(blocks) > most:
        problems.add(f"no more than {most} items allowed", at)
    seen: set[str] = set()
    for i, block in enumerate(blocks):
        _check_block(block, f"{at}/{i}", problems, state)
        block_id = block.get("block_id")
        if block_id and block_id in seen:
            problems.add(f"`block_id` {block_id} already exists", f"{at}/{i}/block_id")
        seen.add(str(block_id))
    if problems.found:
        raise SlackError("invalid_blocks", response_metadata={"messages": problems.found})
    return blocks


def _check_block(block: Json, at: str, problems: _Problems, state: State) -> None:
    kind = block.get("type")
    checker = _CHECKERS.get(str(kind))
    if checker is None:
        problems.add(f"unsupported type: {kind}", f"{at}/type")
        return
    if "block_id" in block:
        problems.length(block["block_id"], 255, f"{at}/block_id")
    checker(block, at, problems, state)


def _text_object(value: Any, most: int, at: str, problems: _Problems, *, plain: bool = False) -> None:
    if not isinstance(value, dict) or value.get("type") not in (("plain_text",) if plain else ("plain_text", "mrkdwn")):
        problems.add("must be a plain_text object" if plain else "must be a text object", at)
        return
    problems.length(value.get("text"), most, f"{at}/text")


def _section(block: Json, at: str, problems: _Problems, state: State) -> None:
    if "text" not in block and "fields" not in block:
        problems.add("must have a text or fields", at)
    if "text" in block:
        _text_object(block["text"], 3_000, f"{at}/text", problems)
    if "fields" in block:
        for i, field in enumerate(problems.count(block["fields"], 10, f"{at}/fields")):
            _text_object(field, 2_000, f"{at}/fields/{i}", problems)
    if "accessory" in block:
        _element(block["accessory"], f"{at}/accessory", problems, state)


def _header(block: Json, at: str, problems: _Problems, _: State) -> None:
    _text_object(block.get("text"), 150, f"{at}/text", problems, plain=True)


def _image(block: Json, at: str, problems: _Problems, state: State) -> None:
    problems.length(block.get("alt_text"), 2_000, f"{at}/alt_text", least=0)
    if "title" in block:
        _text_object(block["title"], 2_000, f"{at}/title", problems, plain=True)
    if ("image_url" in block) == ("slack_file" in block):
        problems.add("must have either image_url or slack_file", at)
    elif "image_url" in block:
        problems.length(block["image_url"], 3_000, f"{at}/image_url")
    else:
        _slack_file(block["slack_file"], f"{at}/slack_file", problems, state)


def _slack_file(value: Any, at: str, problems: _Problems, state: State) -> None:
    """Slack draws only a picture it has; one that is still being uploaded is refused in the same way."""
    reference = value.get("id") or value.get("url", "") if isinstance(value, dict) else ""
    file = next((f for f in state.files.values() if f.id == reference or f"-{f.id}/" in reference), None)
    if file is None or not file.complete or file.deleted or not file.is_image:
        problems.add("invalid slack file", at)


def _actions(block: Json, at: str, problems: _Problems, state: State) -> None:
    for i, element in enumerate(problems.count(block.get("elements"), 25, f"{at}/elements")):
        _element(element, f"{at}/elements/{i}", problems, state)


def _context_actions(block: Json, at: str, problems: _Problems, state: State) -> None:
    for i, element in enumerate(problems.count(block.get("elements"), 5, f"{at}/elements")):
        _element(element, f"{at}/elements/{i}", problems, state)


def _context(block: Json, at: str, problems: _Problems, state: State) -> None:
    for i, element in enumerate(problems.count(block.get("elements"), 10, f"{at}/elements")):
        if isinstance(element, dict) and element.get("type") == "image":
            _image(element, f"{at}/elements/{i}", problems, state)
        else:
            _text_object(element, 3_000, f"{at}/elements/{i}", problems)


def _input(block: Json, at: str, problems: _Problems, state: State) -> None:
    _text_object(block.get("label"), 2_000, f"{at}/label", problems, plain=True)
    if "hint" in block:
        _text_object(block["hint"], 2_000, f"{at}/hint", problems, plain=True)
    _element(block.get("element"), f"{at}/element", problems, state)


def _rich_text(block: Json, at: str, problems: _Problems, _: State) -> None:
    if not isinstance(block.get("elements"), list):
        problems.add("must be an array", f"{at}/elements")


def _markdown(block: Json, at: str, problems: _Problems, _: State) -> None:
    problems.length(block.get("text"), _MOST_MARKDOWN, f"{at}/text")


def _table(block: Json, at: str, problems: _Problems, _: State) -> None:
    for i, row in enumerate(problems.count(block.get("rows"), 100, f"{at}/rows")):
        problems.count(row, 20, f"{at}/rows/{i}")


def _anything(_block: Json, _at: str, _problems: _Problems, _state: State) -> None:
    """Blocks whose inside is not checked."""


_CHECKERS: dict[str, Callable[[Json, str, _Problems, State], None]] = {
    "actions": _actions, "context": _context, "context_actions": _context_actions, "divider": _anything, "file": _anything,
    "header": _header, "image": _image, "input": _input, "markdown": _markdown, "plan": _anything, "rich_text": _rich_text,
    "section": _section, "table": _table, "task_card": _anything, "video": _anything,
}  # fmt: skip


def _element(element: Any, at: str, problems: _Problems, state: State) -> None:
    if not isinstance(element, dict) or element.get("type") not in _ELEMENTS:
        problems.add(f"unsupported type: {element.get('type') if isinstance(element, dict) else element}", at)
        return
    if element["type"] == "image":
        _image(element, at, problems, state)
        return
    if "action_id" in element:
        problems.length(element["action_id"], 255, f"{at}/action_id")
    if element["type"] == "button":
        _text_object(element.get("text"), 75, f"{at}/text", problems, plain=True)
        if "value" in element:
            problems.length(element["value"], 2_000, f"{at}/value", least=0)
        if element.get("style", "primary") not in ("primary", "danger"):
            problems.add("must be one of: primary, danger", f"{at}/style")
    if "confirm" in element:
        _confirm(element["confirm"], f"{at}/confirm", problems)
    if "options" in element:
        most = 10 if element["type"] in ("radio_buttons", "checkboxes") else 5 if element["type"] == "overflow" else 100
        for i, option in enumerate(problems.count(element["options"], most, f"{at}/options")):
            _option(option, f"{at}/options/{i}", problems)


def _confirm(confirm: Any, at: str, problems: _Problems) -> None:
    if not isinstance(confirm, dict):
        problems.add("must be an object", at)
        return
    for key, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        _text_object(confirm.get(key), most, f"{at}/{key}", problems, plain=key != "text")


def _option(option: Any, at: str, problems: _Problems) -> None:
    if not isinstance(option, dict):
        problems.add("must be an object", at)
        return
    _text_object(option.get("text"), 75, f"{at}/text", problems)
    problems.length(option.get("value"), 150, f"{at}/value")


def fallback_text(blocks: list[Json]) -> str:
    """The text Slack makes up for a message that has only blocks: what the blocks say, in order."""
    return "\n".join(_texts(blocks))


def _texts(blocks: list[Json]) -> Iterator[str]:
    for block in blocks:
        text = block.get("text")
        if isinstance(text, dict):
            yield str(text.get("text", ""))
        elif isinstance(text, str) and block["type"] == "markdown":
            yield text
        for field in block.get("fields", []):
            yield str(field.get("text", ""))


def find_element(blocks: list[Json], action_id: str, block_id: str | None) -> tuple[Json, Json] | None:
    """The block and the interactive element with this action_id."""
    for block in blocks:
        if block_id and block.get("block_id") != block_id:
            continue
        for element in [*block.get("elements", []), block.get("accessory"), block.get("element")]:
            if isinstance(element, dict) and element.get("action_id") == action_id:
                return block, element
    return None
