"""What one tool has to say to a person: the shape that every tool's words take, so that the chain can put several into one answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Told:
    """A tool's words in the question's language, every value in them from what the tool found."""

    headline: str  # makes sense alone, as a phone notification does
    lines: tuple[str, ...] = ()  # one fact each
