"""The site's rules as files: read with a digest, checked before they are kept, and each change on the audit log with from and to."""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Engine

from kenpin.storage import audit
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import writing
from kenpin.tools import rules

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}\.ya?ml")
NEW = ""  # digest of a file that is not there


class RulesFileError(ValueError):
    """A file of rules cannot be changed; `kind` says why: name_of_file, changed or wrong, and `problems` what is wrong with its rules."""

    def __init__(self, kind: str, problems: tuple[str, ...] = ()) -> None:
        self.kind, self.problems = kind, problems
        super().__init__(kind)


@dataclass(frozen=True, kw_only=True)
class RulesFile:
    name: str
    text: str
    digest: str  # sha256 of the text, to say which one was edited
    problems: tuple[str, ...]


def files(folder: Path) -> tuple[RulesFile, ...]:
    """Every file of rules whose name can be edited here, by name."""
    found = sorted(file for file in folder.iterdir() if _NAME.fullmatch(file.name)) if folder.is_dir() else []
    return tuple(_read(file) for file in found)


def change(engine: Engine, folder: Path, name: str, text: str, shown: str, by: str) -> bool:
    """Put this text in the file's place; an empty one takes the file away. False when it says so already.

    shown: digest of the text that was edited, or NEW. Raises RulesFileError, and then nothing is changed.
    """
    check_name(name)
    text = text.replace("\r\n", "\n").strip() + "\n" if text.strip() else ""
    file = folder / name
    before = _read(file) if file.is_file() else None
    if (before.digest if before else NEW) != shown:
        raise RulesFileError("changed")
    if text == (before.text if before else ""):
        return False
    if problems := checked(name, text):
        raise RulesFileError("wrong", problems)
    seen = {"file": name, "by": by, "from": before.text if before else None, "to": text or None}
    with writing(engine) as conn:  # the file follows the entry: without one nothing is changed, and a crash in between is told by the log
        audit.append(conn, AuditKind.RULES_CHANGED, seen, person_id=by)
        folder.mkdir(parents=True, exist_ok=True)
        if text:
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, prefix=".new-", delete=False) as kept:
                kept.write(text)
            Path(kept.name).replace(file)
        else:
            file.unlink(missing_ok=True)
    return True


def check_name(name: str) -> None:
    """Raises RulesFileError for a name that no file may have, such as one that leads out of the folder."""
    if not _NAME.fullmatch(name):
        raise RulesFileError("name_of_file")


def checked(name: str, text: str) -> tuple[str, ...]:
    """What is wrong with the rules of a text, a sentence each. Raises RulesFileError for a name that no file may have."""
    check_name(name)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_text(text, encoding="utf-8")
        return tuple(problem.words for problem in rules.check(file).problems)


def _read(file: Path) -> RulesFile:
    data = file.read_bytes()
    problems = tuple(problem.words for problem in rules.check(file).problems)
    return RulesFile(name=file.name, text=data.decode("utf-8-sig", "replace"), digest=hashlib.sha256(data).hexdigest(), problems=problems)
