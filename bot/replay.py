"""An inspection made again: the same photos, the references and the past as they were then, and what comes out differently, field by field.

It looks with a copy of the records (`storage.as_it_was`) and keeps what it draws in a folder that is gone afterwards, so nothing on record
can change but the log, which says that somebody looked again. Replies of a chat model or a larger model are taken from the trail
(`kept_replies`). What is not as it was (rules, targets, networks, wordings, erased references) is said beside the differences.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from kenpin import prompts
from kenpin.bot import inspection, references
from kenpin.prompts import render
from kenpin.storage import as_it_was, audit, clock, inspections
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.inspections import Inspection
from kenpin.storage.photos import PhotoStore
from kenpin.storage.vocabulary import Answer, Language, Photo, to_json
from kenpin.tools import compare
from kenpin.tools.context import Site
from kenpin.tools.larger_model import Larger
from kenpin.tools.track_record import TrackRecords

SAME_NUMBER = 1e-6  # of its size: what the same network gives in another order of adding up
NOT_COMPARED = ("trail",)  # fields of an answer: how long each call took is never the same
PASSING = ("ms", "permalink", "cost")  # keys within them that say nothing of what was found

Progress = Callable[[str], None]  # told the name of each stage: one of STAGES
STAGES = ("gathering", "looking", "comparing")


class CannotReplayError(Exception):
    """It cannot be made again. `why` names a wording of prompts/replay.*.txt, with its holes; the text is the English one."""

    def __init__(self, why: str, **holes: object) -> None:
        self.why, self.holes = why, holes
        super().__init__(self.words(Language.EN))

    def words(self, language: Language) -> str:
        return render(f"replay.{self.why}", language, **self.holes)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One field of the answer that came out otherwise."""

    field: str  # a path, such as "findings.0.score"; positions count from 0
    then: Any  # JSON; None when it was not there
    now: Any


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Something that was not as it was, or was not asked again: the name of a wording of prompts/replay.*.txt and its holes."""

    name: str
    holes: Mapping[str, object]

    def words(self, language: Language) -> str:
        return render(f"replay.{self.name}", language, **self.holes)


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What came of it."""

    inspection_id: str
    at: str
    ms: float
    then: Answer
    now: Answer
    differences: tuple[Difference, ...]  # in the order of the answer's fields
    remarks: tuple[Remark, ...]

    @property
    def is_same(self) -> bool:
        return not self.differences


def replay(site: Site | None, inspection_id: str, *, by: str, person: str | None = None, progress: Progress = lambda _: None) -> Replay:
    """Make the answer again and compare. The log is told, with `by` and for a person's id `person`; no other record is written.

    site: None where no eye runs. Raises CannotReplayError, and what the eye raises.
    """
    if site is None:
        raise CannotReplayError("no_eye", inspection=inspection_id)
    progress("gathering")
    found, then, moment = _to_be_made_again(site, inspection_id)
    started = perf_counter()
    with _as_it_was(site, found, then, moment) as (past, remarks):
        progress("looking")
        now = inspection.look(past, inspection_id)
        progress("comparing")
        again = Replay(
            inspection_id=inspection_id,
            at=clock.now(),
            ms=(perf_counter() - started) * 1000,
            then=then,
            now=now,
            differences=tuple(differences(then, now)),
            remarks=(*remarks, *_models(then, now), *_wordings(then)),
        )
    with writing(site.engine) as conn:
        seen = {"by": by, "same": again.is_same, "differ": sorted({one.field.split(".")[0] for one in again.differences})}
        audit.append(conn, AuditKind.INSPECTION_REPLAYED, {**seen, "model": now.model}, inspection_id, person)
    return again


def compared(site: Site, inspection_id: str, one: Callable[[Site], Site], other: Callable[[Site], Site]) -> tuple[Answer, Answer]:
    """The answer made again twice, on the records as they were: with what `one` makes of the site, and then `other`, which may write to it.

    Raises CannotReplayError, and what the eye raises.
    """
    found, then, moment = _to_be_made_again(site, inspection_id)
    with _as_it_was(site, found, then, moment) as (past, _):
        return inspection.look(one(past), inspection_id), inspection.look(other(past), inspection_id)


def differences(then: Answer, now: Answer) -> Iterator[Difference]:
    """Field by field, in the order in which an answer has them."""
    for field in fields(Answer):
        if field.name not in NOT_COMPARED:
            yield from _differ(field.name, to_json(getattr(then, field.name)), to_json(getattr(now, field.name)))


def as_json(again: Replay) -> dict[str, Any]:
    """What `kenpin replay --json` prints."""
    return {
        "inspection": again.inspection_id,
        "at": again.at,
        "ms": round(again.ms, 1),
        "same": again.is_same,
        "differences": [vars(one) for one in again.differences],
        "remarks": [remark.words(Language.EN) for remark in again.remarks],
        "verdict": {"then": again.then.verdict.value, "now": again.now.verdict.value},
        "model": {"then": again.then.model, "now": again.now.model},
    }


def as_text(again: Replay, language: Language = Language.EN) -> tuple[str, ...]:
    """What is said of it besides the differences, the outcome first."""
    name = "same" if again.is_same else "differs_one" if len(again.differences) == 1 else "differs_many"
    counted = {"count": len(again.differences)} if name == "differs_many" else {}
    took = render("replay.took", language, seconds=f"{again.ms / 1000:.1f}", model=again.now.model)
    return (render(f"replay.{name}", language, **counted), took, *(remark.words(language) for remark in again.remarks))


# --- as it was -------------------------------------------------------------------------------------------------------------------------


class _Besides(PhotoStore):
    """The photo store to look at, and a folder beside it for whatever is put in."""

    def __init__(self, kept: PhotoStore, folder: Path) -> None:
        super().__init__(folder)
        self._kept = kept

    def path(self, sha256: str) -> Path:
        mine = super().path(sha256)
        return mine if mine.is_file() or not self._kept.has(sha256) else self._kept.path(sha256)

    def put(self, data: bytes) -> str:
        return PhotoStore(self.root).put(data)


@contextmanager
def _as_it_was(site: Site, found: Inspection, then: Answer, moment: str) -> Iterator[tuple[Site, tuple[Remark, ...]]]:
    """The site with the records of that moment, and what of it is not as it was."""
    from kenpin.bot import kept_replies  # only here: LangChain takes a while to load, and the console starts without it

    used = _compared_with(then)
    store = site.photo_store
    with tempfile.TemporaryDirectory(prefix="kenpin-replay-") as folder:
        copy = sa.create_engine(f"sqlite:///{folder}/records.sqlite")
        try:
            with reading(site.engine) as conn:
                changed = as_it_was.copy_before(conn, copy, found, moment, part=then.part, compared_with=used, is_kept=store.has)
            opinions = kept_replies.KeptOpinions(then.trail)
            conversation = kept_replies.conversation(then.trail)
            past = replace(
                site,
                engine=copy,
                photo_store=_Besides(store, Path(folder) / "photos"),
                eye=site.eye,
                chat_model=conversation,
                larger=Larger(model=opinions) if opinions else None,
                permalink=None,
                track_records=TrackRecords(),
            )
            yield past, tuple(_changed(site, then, moment, changed, used, asked=bool(opinions or conversation)))
        finally:
            copy.dispose()


def _changed(
    site: Site, then: Answer, moment: str, changed: as_it_was.Changed, used: Mapping[str, Sequence[str]], *, asked: bool
) -> Iterator[Remark]:
    gone = sum(not site.photo_store.has(sha256) for shown in used.values() for sha256 in shown)
    if gone:
        yield Remark(name="references_gone", holes={"count": gone})
    if changed.targets:
        yield Remark(name="targets_changed", holes={"part": then.part})
    if changed.failure_modes:
        yield Remark(name="failure_modes_changed", holes={"count": changed.failure_modes})
    if _newest_rule(site.rules_folder) > clock.parsed(moment):
        yield Remark(name="rules_changed", holes={})
    if asked:
        yield Remark(name="from_the_trail", holes={})


def _models(then: Answer, now: Answer) -> Iterator[Remark]:
    if then.model != now.model:
        yield Remark(name="model_changed", holes={"then": then.model, "now": now.model})


def _wordings(then: Answer) -> Iterator[Remark]:
    kept = {entry.inputs.get("prompts_sha256") for entry in then.trail} - {None}
    if kept and kept != {prompts.digest()}:
        yield Remark(name="wordings_changed", holes={})


def _compared_with(then: Answer) -> dict[str, tuple[str, ...]]:
    """The good references (`shown_sha256`) that each part's photos were held against, as the trail has them."""
    seen = (entry for entry in then.trail if entry.tool == compare.NAME and "references" in entry.outputs)
    return {entry.inputs["part"]: tuple(entry.outputs["references"]) for entry in seen}


def _newest_rule(folder: Path | None) -> datetime:
    files = [path for path in folder.rglob("*.y*ml") if path.is_file()] if folder is not None and folder.is_dir() else []
    return max((datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in files), default=datetime.min.replace(tzinfo=UTC))


# --- what cannot be made again ---------------------------------------------------------------------------------------------------------


def _to_be_made_again(site: Site, inspection_id: str) -> tuple[Inspection, Answer, str]:
    """The inspection, its answer, and the moment at which it was looked at."""
    found, then = _on_record(site.engine, inspection_id)
    _require_photos(site, found)
    began = clock.text(clock.parsed(found.answered_at or "") - timedelta(milliseconds=sum(entry.ms for entry in then.trail)))
    return found, then, max(began, found.received_at)


def _on_record(engine: Engine, inspection_id: str) -> tuple[Inspection, Answer]:
    with reading(engine) as conn:
        found = inspections.get(conn, inspection_id)
        answer = inspections.answer_of(conn, inspection_id) if found is not None else None
    if found is None:
        raise CannotReplayError("unknown", inspection=inspection_id)
    if answer is None:
        raise CannotReplayError("unanswered", inspection=inspection_id)
    if references.parse(found.question):
        raise CannotReplayError("no_look", inspection=inspection_id)
    return found, answer


def _require_photos(site: Site, found: Inspection) -> None:
    with reading(site.engine) as conn:
        photos = [photo for photo in inspections.photos_of(conn, found.id) if isinstance(photo, Photo)]
    gone = [number for number, photo in enumerate(photos, 1) if not site.photo_store.has(photo.shown_sha256)]
    if gone:
        raise CannotReplayError("photo_erased", photo=gone[0], count=len(photos))


# --- differences -----------------------------------------------------------------------------------------------------------------------


def _differ(path: str, then: Any, now: Any) -> Iterator[Difference]:
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*then, *now)):
            if key not in PASSING:
                yield from _differ(f"{path}.{key}", then.get(key), now.get(key))
    elif isinstance(then, list) and isinstance(now, list):
        for position in range(max(len(then), len(now))):
            yield from _differ(f"{path}.{position}", _at(then, position), _at(now, position))
    elif not _is_same(then, now):
        yield Difference(field=path, then=then, now=now)


def _at(values: list[Any], position: int) -> Any:
    return values[position] if position < len(values) else None


def _is_same(then: Any, now: Any) -> bool:
    if isinstance(then, float) and isinstance(now, int | float) and not isinstance(now, bool):
        return abs(then - now) <= SAME_NUMBER * max(1.0, abs(then))
    return bool(then == now)
