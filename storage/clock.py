"""One way to write a moment: ISO 8601 in UTC with milliseconds and a Z, as text.

Text of one width sorts as time does, is the same in SQLite and PostgreSQL, and goes into the audit chain's hashes without rounding.
"""

from __future__ import annotations

from datetime import UTC, datetime

Moment = str | datetime  # text must carry its offset; a datetime must be timezone-aware


def now() -> str:
    return text(datetime.now(UTC))


def text(moment: Moment) -> str:
    """Any moment with a timezone -> "2026-11-23T14:20:34.123Z". Raises ValueError when the timezone is missing."""
    parsed = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    if parsed.tzinfo is None:
        raise ValueError(f"The time {moment!s} has no timezone; give it one, such as {moment!s}Z for UTC.")
    return parsed.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{parsed.microsecond // 1000:03d}Z"


def parsed(moment: str) -> datetime:
    """What `text` wrote -> an aware datetime."""
    return datetime.fromisoformat(moment)
