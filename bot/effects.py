"""What a change of the rules, the FMEA table or the references would have done: the latest answers made once more without it and with it.

Both are made today, of the same photos and records, so that what differs comes from the change alone. No record is written.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from kenpin.bot import rules_files
from kenpin.bot.replay import CannotReplayError, compared, differences
from kenpin.storage import failure_modes, search
from kenpin.storage.database import reading
from kenpin.storage.tables import part_references
from kenpin.storage.vocabulary import Answer, FailureMode, Reference
from kenpin.tools.context import Site

TRIED = 20  # of the latest answers that propose something; each is looked at twice, half a second or so a look

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Otherwise:
    """An answer that would have been different."""

    inspection_id: str
    now: Answer
    then: Answer  # with the change

    @property
    def proposes_otherwise(self) -> bool:
        return self.now.proposed != self.then.proposed

    @property
    def lines(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Of the answer's words, those that stand only in one: now, then."""
        now, then = ((answer.headline, *answer.lines) for answer in (self.now, self.then))
        return tuple(line for line in now if line not in then), tuple(line for line in then if line not in now)


@dataclass(frozen=True, kw_only=True)
class Effect:
    tried: int
    left_out: int  # whose photos are gone
    different: tuple[Otherwise, ...]  # newest first


def of_rules(site: Site, name: str, text: str, progress: Progress, *, without: Collection[str] = ()) -> Effect:
    """With this text as the rules file of that name; without the file where the text is empty. without: ids that are not tried.

    Raises RulesFileError for a name that no file may have.
    """
    rules_files.check_name(name)
    with tempfile.TemporaryDirectory(prefix="kenpin-effect-") as folder:
        if site.rules_folder is not None and site.rules_folder.is_dir():
            shutil.copytree(site.rules_folder, folder, dirs_exist_ok=True)
        (Path(folder) / name).unlink(missing_ok=True)
        if text.strip():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        return _effect(site, lambda past: past, lambda past: replace(past, rules_folder=Path(folder)), progress, without)


def of_failure_modes(site: Site, rows: tuple[FailureMode, ...], progress: Progress, *, add: bool, without: Collection[str] = ()) -> Effect:
    """With these rows in place of the named parts' own, or beside them. without: ids that are not tried."""
    with reading(site.engine) as conn:
        kept = tuple(one.row for one in failure_modes.all_rows(conn))

    def as_now(past: Site) -> Site:
        with past.engine.begin() as conn:
            failure_modes.replace_rows(conn, kept, "", whole_table=True)
        return past

    def as_then(past: Site) -> Site:
        with past.engine.begin() as conn:
            (failure_modes.append_rows if add else failure_modes.replace_rows)(conn, rows, "")
        return past

    return _effect(site, as_now, as_then, progress, without)


def without_reference(site: Site, part: str, photo: Reference, progress: Progress, *, without: Collection[str] = ()) -> Effect:
    """Of the part's answers, had this photo not been one of its references: those with another verdict or proposal, as each says with how
    many it was compared. without: ids that are not tried.
    """
    of_it = part_references.c.shown_sha256 == photo.shown_sha256  # a replay knows one that was taken out since by its copy alone

    def as_then(past: Site) -> Site:
        with past.engine.begin() as conn:
            conn.execute(part_references.delete().where(part_references.c.part == part, of_it))
        return past

    return _effect(site, lambda past: past, as_then, progress, without, part, _is_decided_otherwise)


def _effect(
    site: Site,
    as_now: Callable[[Site], Site],
    as_then: Callable[[Site], Site],
    progress: Progress,
    without: Collection[str],
    part: str | None = None,
    is_different: Callable[[Answer, Answer], bool] = lambda now, then: any(True for _ in differences(now, then)),
) -> Effect:
    with reading(site.engine) as conn:
        latest = search.latest_proposing(conn, TRIED, part=part, without=without)
    different, left_out = [], 0
    progress(0, len(latest))
    for done, id in enumerate(latest, start=1):
        try:
            now, then = compared(site, id, as_now, as_then)
        except CannotReplayError:
            left_out += 1
        else:
            if is_different(now, then):
                different.append(Otherwise(inspection_id=id, now=now, then=then))
        progress(done, len(latest))
    return Effect(tried=len(latest) - left_out, left_out=left_out, different=tuple(different))


def _is_decided_otherwise(now: Answer, then: Answer) -> bool:
    def decided(answer: Answer) -> tuple[object, ...]:
        proposed = answer.proposed
        return answer.verdict, proposed and proposed.disposition, proposed and proposed.approvals_needed

    return decided(now) != decided(then)
