"""The wordings: every sentence a person reads and every instruction a model reads, in text files with named holes.

A file `NAME.LANGUAGE.txt` holds one wording, or several, each under a line `== entry ==`; they are named "NAME" and "NAME.entry".
A hole is `{name}`; literal braces are doubled. A hole nobody fills, one filled with nothing, and a value no hole asks for are all errors:
a sentence with a gap in it never reaches anybody. The files are UTF-8 and ship with the package.

    PromptError
    ├── UnknownPromptError   no such file, entry or language
    └── HoleError            a hole left open, empty, or unknown to the wording
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from importlib.resources import files
from string import Formatter

_ENTRY = re.compile(r"^== ([a-z0-9_]+) ==$", re.MULTILINE)
_COMMENT = re.compile(r"^#.*\n", re.MULTILINE)  # for whoever edits the file; nobody else reads it


class PromptError(LookupError):
    """A wording cannot be made. Always a mistake of ours, never of the person who asked."""


class UnknownPromptError(PromptError):
    """No such file, entry or language."""


class HoleError(PromptError):
    """The values given do not fit the wording's holes."""


def render(name: str, language: str, **holes: object) -> str:
    """The wording `name` in `language` ("en" or "ja") with its holes filled.

    Raises UnknownPromptError for a name or language there is no wording for, and HoleError when a hole is left open or empty, or a value
    has no hole.
    """
    text, wanted = _wording(name, language)
    given = {key: str(value) for key, value in holes.items() if value is not None}
    if missing := sorted(wanted - given.keys()):
        raise HoleError(f"The wording {name!r} ({language}) needs {', '.join(missing)}; give a value for each.")
    if unknown := sorted(holes.keys() - wanted):
        known = ", ".join(sorted(wanted)) or "none"
        raise HoleError(f"The wording {name!r} ({language}) has no hole {', '.join(unknown)}; its holes: {known}.")
    if empty := sorted(key for key, value in given.items() if not value.strip()):
        raise HoleError(f"The wording {name!r} ({language}) got nothing to put in {', '.join(empty)}.")
    return text.format_map(given)


def names(language: str) -> tuple[str, ...]:
    """Every wording there is in `language`, sorted."""
    found: list[str] = []
    for file in files(__name__).iterdir():
        stem, _, rest = file.name.partition(".")
        if rest == f"{language}.txt":
            entries = _file(stem, language)
            found += [stem if entry == "" else f"{stem}.{entry}" for entry in entries]
    return tuple(sorted(found))


def holes(name: str, language: str) -> frozenset[str]:
    """The holes of a wording."""
    return _wording(name, language)[1]


def digest() -> str:
    """sha256 over every wording in every language: kept in the trail of an answer, so that its words can be found again."""
    return _digest()


@lru_cache(maxsize=1)
def _digest() -> str:
    total = hashlib.sha256()
    for file in sorted((f for f in files(__name__).iterdir() if f.name.endswith(".txt")), key=lambda f: f.name):
        text = file.read_bytes()
        total.update(f"{file.name}\0{len(text)}\0".encode() + text)
    return total.hexdigest()


@lru_cache(maxsize=1024)
def _wording(name: str, language: str) -> tuple[str, frozenset[str]]:
    """The text of a wording and its holes."""
    stem, _, entry = name.partition(".")
    entries = _file(stem, language)
    if entry not in entries:
        raise UnknownPromptError(f"There is no wording {name!r} in prompts/{stem}.{language}.txt; it has: {', '.join(sorted(entries))}.")
    text = entries[entry]
    wanted: set[str] = set()
    for _, hole, style, conversion in Formatter().parse(text):
        if hole is None:
            continue
        if not hole.isidentifier() or style or conversion:
            raise HoleError(f"The wording {name!r} ({language}) has a hole {{{hole}}} that is not a plain name.")
        wanted.add(hole)
    return text, frozenset(wanted)


@lru_cache(maxsize=64)
def _file(stem: str, language: str) -> dict[str, str]:
    """The entries of one file; the entry "" is a file that is one wording."""
    if not (stem.isidentifier() and language.isalpha()):
        raise UnknownPromptError(f"{stem!r} in {language!r} is not the name of a wording.")
    file = files(__name__).joinpath(f"{stem}.{language}.txt")
    if not file.is_file():
        raise UnknownPromptError(f"There is no file prompts/{stem}.{language}.txt for the wording {stem!r}.")
    text = _COMMENT.sub("", file.read_text(encoding="utf-8"))
    parts = _ENTRY.split(text)
    if len(parts) == 1:
        return {"": text.strip()}
    entries: dict[str, str] = {}
    for entry, body in zip(parts[1::2], parts[2::2], strict=True):
        if entry in entries:
            raise PromptError(f"prompts/{stem}.{language}.txt has the entry {entry!r} twice.")
        entries[entry] = body.strip()
    return entries
