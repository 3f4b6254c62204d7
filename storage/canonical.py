"""One way to write a value as JSON, so that equal values have equal digests. Proposals and the audit chain hash what comes out here."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def dumps(value: Any) -> str:
    """Keys sorted, no blanks, Japanese as Japanese. Raises ValueError for NaN and infinities, which JSON does not have.

    Half a surrogate pair, which Slack can send and no database can store, becomes a question mark.
    """
    written = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return written.encode("utf-8", "replace").decode("utf-8")


def storable(words: str) -> str:
    """Free text as both databases take it: without NUL (PostgreSQL refuses it) and without half surrogate pairs."""
    return words.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
