"""The arguments of a Web API call, however they came: query string, form, JSON, or nothing under a JSON content type.

Slack's own clients send all of these for the same method, so every method takes all of them, merged.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from .errors import SlackError, invalid_arguments
from .store import Json

_MOST_FORM_BYTES = 4 * 1024 * 1024  # a form carries arguments, never a file's bytes


class Arguments:
    """Typed access to what the caller sent. JSON may come as text in a form field, or as itself."""

    def __init__(self, values: Json) -> None:
        self.values = values

    @classmethod
    async def of(cls, request: Request) -> Arguments:
        """Raises SlackError invalid_json, invalid_form_data or request_too_large."""
        values: Json = dict(request.query_params)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method in ("GET", "HEAD"):
            return cls(values)
        if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
            async with request.form(max_part_size=_MOST_FORM_BYTES) as form:
                values |= {k: v for k, v in form.items() if not isinstance(v, UploadFile)}
        elif body := (await request.body()).strip():
            try:
                parsed = json.loads(body)
            except ValueError as error:
                raise SlackError("invalid_json" if kind == "application/json" else "invalid_post_type") from error
            if not isinstance(parsed, dict):
                raise SlackError("json_not_object")
            values |= parsed
        return cls(values)

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        return default if value is None else str(value)

    def needed(self, name: str) -> str:
        """Raises SlackError invalid_arguments when it is missing."""
        if name not in self:
            raise invalid_arguments(f"missing required field: {name}")
        return self.text(name)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.values.get(name)
        return default if value is None else str(value).lower() in ("1", "true", "yes", "on")

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.text(name) or default)
        except ValueError as error:
            raise invalid_arguments(f"must be an integer: {name}") from error

    def json(self, name: str, error: str = "invalid_arguments") -> Any:
        """The value, parsed when it came as text; None when absent. Raises SlackError(error) for text that is no JSON."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError as bad:
            raise SlackError(error) from bad

    def words(self, name: str) -> list[str]:
        """A list that may come as "a,b" or as JSON."""
        value = self.values.get(name)
        if isinstance(value, list):
            return [str(v) for v in value]
        return [word.strip() for word in self.text(name).split(",") if word.strip()]


async def json_body(request: Request) -> Json:
    """The JSON object of a request's body, {} when there is none. Raises SlackError invalid_json or json_not_object."""
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise SlackError("invalid_json") from error
    if not isinstance(body, dict):
        raise SlackError("json_not_object")
    return body
