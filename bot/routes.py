"""What `kenpin route` prints: for each question the tools that the router chooses, without looking at any photo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.table import Table

from kenpin.tools import router
from kenpin.tools.router import Route


def of(questions: Iterable[str], *, one_thread: bool) -> Iterator[tuple[str, Route]]:
    """Each question with its route; in `one_thread` each may lean on the one before it."""
    before: Route | None = None
    for question in questions:
        found = router.route(question, before=before)
        before = found if one_thread else None
        yield question, found


def as_json(question: str, found: Route) -> dict[str, object]:
    """One line of JSON: `tools` by name, or `help`; photos are counted from 1, -1 is the last."""
    return {
        "question": question,
        "language": found.language.value,
        "tools": list(found.names),
        "cannot": list(found.cannot),
        "clear": found.clear,
        "follow_up": found.follow_up,
        "part_words": list(found.part_words),
        "photos": list(found.photos),
    }


def as_table(routes: Iterable[tuple[str, Route]]) -> Table:
    table = Table("question", "language", "tools", "part", "photos", "cannot")
    for question, found in routes:
        notes = (" (follow-up)" if found.follow_up else "") + ("" if found.clear else " (unclear: the default)")
        photos = ", ".join("last" if number == router.LAST_PHOTO else str(number) for number in found.photos)
        tools = ", ".join(found.names) + notes
        table.add_row(question, found.language.value, tools, ", ".join(found.part_words), photos, ", ".join(found.cannot))
    return table
