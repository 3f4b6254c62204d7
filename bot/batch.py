"""`kenpin inspect`: the chain on files, without Slack and without a record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from kenpin.bot.catalogue import FolderError, photos_in
from kenpin.bot.service import open_records, open_site
from kenpin.bot.settings import Settings
from kenpin.storage import parts
from kenpin.storage.database import reading
from kenpin.storage.vocabulary import Answer, Language, Photo, to_json
from kenpin.tools import chain, photo, router
from kenpin.tools.context import Question, Site
from kenpin.tools.photo import PhotoError


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What came of one file: an answer, or why there is none."""

    file: Path
    answer: Answer | None
    problem: str | None
    ms: float  # from the file's bytes to the answer


def inspect(settings: Settings, place: Path, part: str | None, question: str) -> Iterator[tuple[int, int, Seen]]:
    """Look at a photo, or every photo of a folder, one by one: (how many are done, of how many, what was seen).

    Raises FolderError when there is nothing to look at or the part is not known.
    """
    files = photos_in(place)
    if part is not None:
        _require_part(settings, part)  # said now, before the models are loaded
    site = open_site(settings, own_process=False)
    for done, file in enumerate(files, start=1):
        yield done, len(files), _look(site, file, part, question)


def as_json(seen: Seen) -> dict[str, Any]:
    """One line of `--json`. A larger anomaly_score is stranger; a file that is no usable photo has the verdict not_judged.

    The keys up to `ms` are there for every file and stay as they are; later ones may be added.
    """
    answer = seen.answer
    return {
        "file": str(seen.file),
        "part": answer.part if answer else None,
        "verdict": answer.verdict.value if answer else "not_judged",
        "anomaly_score": answer.anomaly_score if answer else None,
        "threshold": answer.threshold if answer else None,
        "confidence": answer.confidence if answer else None,
        "findings": [to_json(finding) for finding in answer.findings] if answer else [],
        "ms": round(seen.ms, 1),
        "headline": answer.headline if answer else seen.problem,
        "lines": list(answer.lines) if answer else [],
        "abstention": answer.abstention.reason.value if answer and answer.abstention else None,
        "proposed": answer.proposed.disposition if answer and answer.proposed else None,
        "classified": [to_json(one) for one in answer.classified] if answer else [],
        "labels": [to_json(one) for one in answer.labels] if answer else [],
        "failure_modes": [to_json(one) for one in answer.failure_modes] if answer else [],
        "quality": [to_json(one) for one in answer.quality] if answer else [],
        "rules": [to_json(one) for one in answer.rules] if answer else [],
        "opinions": [to_json(one) for one in answer.opinions] if answer else [],
    }


def as_text(seen: Seen) -> str:
    from rich.markup import escape

    if seen.answer is None:
        return f"[bold]{escape(str(seen.file))}[/]"
    lines = [f"[bold]{escape(str(seen.file))}[/]  {escape(seen.answer.headline)}", *(f"  • {escape(line)}" for line in seen.answer.lines)]
    return "\n".join(lines)


def _require_part(settings: Settings, part: str) -> None:
    records = open_records(settings)
    with reading(records) as conn:
        known = parts.find(conn, part)
    records.dispose()
    if known is None:
        raise FolderError(
            f"There is no part {part}. Add it with `kenpin parts add {part} --good FOLDER`; `kenpin parts list` shows the others."
        )


def _look(site: Site, file: Path, part: str | None, question: str) -> Seen:
    started = perf_counter()
    answer, problem = None, None
    try:
        data = file.read_bytes()
        checked = photo.check(data)
    except PhotoError as error:
        problem = photo.words(error, router.route(question, default_language=Language.EN).language)
    else:
        kept = Photo(
            sha256=site.photo_store.put(data),
            shown_sha256=site.photo_store.put(checked.shown_jpeg),
            height_px=checked.height_px,
            width_px=checked.width_px,
        )
        asked = Question(text=question, photos=(kept,), part_hint=part, inspection_id="command-line", asked_at=datetime.now(UTC))
        answer = chain.answer(asked, site)
    return Seen(file=file, answer=answer, problem=problem, ms=(perf_counter() - started) * 1000)
