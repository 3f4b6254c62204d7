"""Trouble on demand: what `GET/POST /local/faults` can switch on, and the record of Web API calls.

A bot's authors use it to see what their bot does when Slack limits it, forgets an acknowledgement, rotates a connection, or lacks
a method. Nothing is on unless somebody asked for it.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from .errors import SlackError, invalid_arguments
from .store import Json

_CALLS_KEPT = 2_000


@dataclass
class RateLimit:
    """The next `calls` calls of a method get 429."""

    calls: int
    retry_after_s: int


@dataclass
class Faults:
    """The switches. All counters count down to nothing by themselves; the lists stay until they are replaced."""

    rate_limits: dict[str, RateLimit] = field(default_factory=dict)  # by method
    errors: dict[str, tuple[int, str]] = field(default_factory=dict)  # by method: how many of the next calls fail, and the error's name
    unknown_methods: set[str] = field(default_factory=set)
    revoked_scopes: set[str] = field(default_factory=set)
    delays_s: dict[str, float] = field(default_factory=dict)  # by method, "*" for every method: wait before answering
    drop_acks: int = 0  # acknowledgements that the server pretends not to have received
    resend_events: int = 0  # events sent once more though acknowledged
    drop_downloads: int = 0  # file downloads that break off half way

    def set(self, body: Json) -> None:
        """Turn switches as asked; `{"reset": true}` first turns all of them off. Raises SlackError naming a switch that is not there."""
        if body.get("reset"):
            vars(self).update(vars(Faults()))
        for name, value in body.items():
            if name == "reset":
                continue
            if (setter := getattr(self, f"_set_{name}", None)) is None:
                known = ", ".join(sorted(n.removeprefix("_set_") for n in dir(self) if n.startswith("_set_")))
                raise invalid_arguments(f"no fault switch is called {name}; there are: {known}, reset")
            try:
                setter(value)
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                raise invalid_arguments(f"the fault switch {name} does not take {value!r}; see docs/local-workspace.md") from error

    def _set_rate_limit(self, value: Json) -> None:
        limit = RateLimit(calls=int(value.get("calls", 1)), retry_after_s=int(value.get("retry_after_s", 1)))
        self.rate_limits[str(value["method"])] = limit

    def _set_error(self, value: Json) -> None:
        self.errors[str(value["method"])] = (int(value.get("calls", 1)), str(value["error"]))

    def _set_unknown_methods(self, value: list[str]) -> None:
        self.unknown_methods = {str(v) for v in value}

    def _set_revoked_scopes(self, value: list[str]) -> None:
        self.revoked_scopes = {str(v) for v in value}

    def _set_delays_s(self, value: dict[str, float]) -> None:
        self.delays_s = {str(k): float(v) for k, v in value.items()}

    def _set_drop_acks(self, value: int) -> None:
        self.drop_acks = int(value)

    def _set_resend_events(self, value: int) -> None:
        self.resend_events = int(value)

    def _set_drop_downloads(self, value: int) -> None:
        self.drop_downloads = int(value)

    def shown(self) -> Json:
        return {
            "rate_limits": {m: vars(limit) for m, limit in self.rate_limits.items()},
            "errors": {m: {"calls": calls, "error": error} for m, (calls, error) in self.errors.items()},
            "unknown_methods": sorted(self.unknown_methods),
            "revoked_scopes": sorted(self.revoked_scopes),
            "delays_s": self.delays_s,
            "drop_acks": self.drop_acks,
            "resend_events": self.resend_events,
            "drop_downloads": self.drop_downloads,
        }

    def take(self, counter: str) -> bool:
        """Use up one of a counting switch; False when there is none left."""
        left: int = getattr(self, counter)
        if left > 0:
            setattr(self, counter, left - 1)
        return left > 0

    def delay_s(self, method: str) -> float:
        return self.delays_s.get(method, self.delays_s.get("*", 0.0))

    def rate_limited(self, method: str) -> int | None:
        """Seconds to wait when this call is to be refused with 429."""
        limit = self.rate_limits.get(method)
        if limit is None or limit.calls <= 0:
            return None
        limit.calls -= 1
        return limit.retry_after_s

    def check(self, method: str) -> None:
        """Raises the SlackError asked for, if one was asked for this call."""
        if method in self.unknown_methods:
            raise SlackError("unknown_method", req_method=method)
        calls, error = self.errors.get(method, (0, ""))
        if calls > 0:
            self.errors[method] = (calls - 1, error)
            raise SlackError(error)


class CallRecord:
    """Which Web API methods were called, by whom, with what."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._latest: deque[Json] = deque(maxlen=_CALLS_KEPT)

    def add(self, method: str, caller: str, arguments: dict[str, Any], answer: str) -> None:
        self.counts[method] += 1
        shown = {k: v for k, v in arguments.items() if k != "token"}
        self._latest.append({"at": time.time(), "method": method, "caller": caller, "arguments": shown, "answer": answer})

    def latest(self, method: str | None = None) -> list[Json]:
        return [call for call in self._latest if method is None or call["method"] == method]

    def clear(self) -> None:
        self.counts.clear()
        self._latest.clear()
