"""How often the router chooses exactly the wanted tools, on questions it was not made with, by language and by tool; and how fast.

    python bench/routing.py

Three ways are compared: the table of tools/intents.py alone (silent questions get the default), the guess of tools/guess.py alone, and
both as the router does it. Of the locked lists only numbers are printed, never a question.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from kenpin.tools import router, spelling
from kenpin.tools.intents import HELP, Intent

ROOT = Path(__file__).parents[1]
LISTS = ("questions_test.tsv", "questions_after.tsv")
TOOLS = ("compare", "locate", "classify", "describe", "ask", "reason", "read_label", "history", "propose", HELP)


@dataclass(frozen=True)
class Question:
    tools: frozenset[str]
    language: str
    text: str
    before: str


def questions(path: Path) -> list[Question]:
    rows = [[*line.split("\t"), ""][:4] for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [Question(_tools(wanted), voice[:2], text, before) for wanted, voice, text, before in rows]


def _tools(wanted: str) -> frozenset[str]:
    """ "default" stands for the usual two; who asks only what no tool can do is helped on."""
    named = set(wanted.split(","))
    return frozenset(router.DEFAULT_TOOLS if named == {"default"} else (named - {"cannot"}) or {HELP})


def by_both(question: Question) -> set[str]:
    before = router.route(question.before) if question.before else None
    return set(router.route(question.text, before=before).names)


def by_table(question: Question) -> set[str]:
    return _named(router.settled(router.without_asides(question.text)))


def by_guess(question: Question) -> set[str]:
    return _named(router.probable(router.without_asides(question.text))[0])


def _named(asked: Sequence[Intent]) -> set[str]:
    return {tool for intent in asked for tool in intent.tools} or ({HELP} if asked else set(router.DEFAULT_TOOLS))


WAYS: dict[str, Callable[[Question], set[str]]] = {"table alone": by_table, "guess alone": by_guess, "both, as shipped": by_both}


def print_exact(name: str, asked: Sequence[Question]) -> None:
    alone = [q for q in asked if not q.before]
    print(f"\n{name}: {len(asked)} questions, {len(asked) - len(alone)} of them follow-ups\n")
    print("| way | en, exact | ja, exact |\n|---|---|---|")
    for way, choose in WAYS.items():
        print(f"| {way} | " + " | ".join(_share([q for q in alone if q.language == language], choose) for language in ("en", "ja")) + " |")
    leaning = [q for q in asked if q.before]
    if leaning:
        shares = (_share([q for q in leaning if q.language == language], by_both) for language in ("en", "ja"))
        print("| both, follow-ups | " + " | ".join(shares) + " |")


def _share(asked: Sequence[Question], choose: Callable[[Question], set[str]]) -> str:
    right = sum(choose(q) == q.tools for q in asked)
    return f"{right / len(asked):.3f} ({right} of {len(asked)})"


def print_by_tool(name: str, asked: Sequence[Question]) -> None:
    print(f"\n{name}, by tool: precision / recall (questions that want it)\n\n| tool | en | ja |\n|---|---|---|")
    for tool in TOOLS:
        cells = []
        for language in ("en", "ja"):
            chosen = [(tool in by_both(q), tool in q.tools) for q in asked if q.language == language]
            both, called, wanted = (sum(map(counts, chosen)) for counts in (all, lambda pair: pair[0], lambda pair: pair[1]))
            cells.append(f"{both / max(called, 1):.2f} / {both / max(wanted, 1):.2f} ({wanted})")
        print(f"| {tool} | " + " | ".join(cells) + " |")


def print_speed(asked: Sequence[Question]) -> None:
    router.route("warm up")
    times = []
    for question in asked:
        spelling.corrected.cache_clear()
        started = time.process_time()
        router.route(question.text)
        times.append((time.process_time() - started) * 1000)
    times.sort()
    middle, slow = median(times), times[int(0.95 * len(times))]
    print(f"\nms of processor time a question: {middle:.2f} (median), {slow:.2f} (p95), {times[-1]:.2f} (most)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "tests/tools")
    options = parser.parse_args()
    lists = {name: questions(options.folder / name) for name in LISTS}
    for name, asked in lists.items():
        print_exact(name, asked)
    for name, asked in lists.items():
        print_by_tool(name, asked)
    print_speed([q for asked in lists.values() for q in asked])


if __name__ == "__main__":
    main()
