"""Views, that is modals and home tabs: what Slack makes of the definition a bot sends, and what it refuses."""

from __future__ import annotations

import copy
import secrets
import time
from collections.abc import Callable
from typing import Any

from . import blocks, people
from .errors import SlackError
from .state import State
from .store import Json

WithIds = Callable[[list[Json], str], list[Json]]


def shown_view(view: Json) -> Json:
    return {k: v for k, v in view.items() if not k.startswith("_")}


def new_view(view_id: str, user: str, definition: Json, with_ids: WithIds) -> Json:
    """A view as Slack keeps it, from the definition a bot sent. with_ids: gives each block its block_id."""
    view = copy.deepcopy(definition)
    return {
        "id": view_id, "team_id": people.TEAM_ID, "type": view["type"], "blocks": with_ids(view["blocks"], ""),
        "private_metadata": view.get("private_metadata", ""), "callback_id": view.get("callback_id", ""), "state": {"values": {}},
        "hash": f"{int(time.time())}.{secrets.token_hex(4)}",
        "title": view.get("title") or {"type": "plain_text", "text": "", "emoji": True},
        "clear_on_close": bool(view.get("clear_on_close")), "notify_on_close": bool(view.get("notify_on_close")),
        "close": view.get("close"), "submit": view.get("submit"), "previous_view_id": None, "root_view_id": view_id,
        "app_id": people.APP_ID, "external_id": view.get("external_id", ""), "app_installed_team_id": people.TEAM_ID,
        "bot_id": people.BOT_ID, "_user": user,
    }  # fmt: skip


def check_view(view: Any, state: State) -> None:
    """Raises SlackError invalid_arguments, view_too_large or invalid_blocks."""
    if not isinstance(view, dict) or view.get("type") not in ("modal", "home"):
        raise _bad_view("unsupported type", "/view/type")
    if len(repr(view)) > 250_000:
        raise SlackError("view_too_large")
    if len(view.get("private_metadata", "")) > 3_000:
        raise _bad_view("must be less than 3001 characters", "/view/private_metadata")
    if len(view.get("callback_id", "")) > 255:
        raise _bad_view("must be less than 256 characters", "/view/callback_id")
    drawn = view.get("blocks")
    if view["type"] == "modal":
        for key in ("title", "submit", "close"):
            text = view.get(key, {}).get("text", "") if view.get(key) else ""
            if len(text) > 24 or (key == "title" and not text):
                raise _bad_view("must be between 1 and 24 characters", f"/view/{key}")
        if not view.get("submit") and any(b.get("type") == "input" for b in drawn or []):
            raise _bad_view("missing `submit` for a view with input blocks", "/view/submit")
    try:
        blocks.check(drawn, state, most=blocks.MOST_BLOCKS_VIEW, at="/view/blocks")
    except SlackError as error:
        raise SlackError("invalid_arguments", **error.extra) from error


def _bad_view(text: str, at: str) -> SlackError:
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {text} [json-pointer:{at}]"]})
