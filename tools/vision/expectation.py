"""What a part's references let one see: marks are drawn on some of its good photos, each is compared with the others, and noticed or not.

Kept on disk by the references it came from, because it costs some dozens of looks.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from kenpin.storage.vocabulary import ExpectedSight, from_json, to_json
from kenpin.tools.vision.drawn_defects import Mark, marks
from kenpin.tools.vision.sight import ReferencePhoto

PHOTOS = 3  # good photos that are drawn on
Noticed = Callable[[ReferencePhoto, Sequence[ReferencePhoto], Mark, int], bool]  # on this photo, against the others, this mark, this lot
Progress = Callable[[int, int], None]


class Expectations:
    """By references."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def of(self, good: Sequence[ReferencePhoto], noticed: Noticed, progress: Progress | None) -> tuple[ExpectedSight, ...]:
        """`good`: two or more, in the order of their digests."""
        key = hashlib.sha256("\n".join(one.sha256 for one in good).encode()).hexdigest()
        file = self._folder / f"{key}.json"
        kept = _load(file)
        if kept is None:
            kept = _tried(good, noticed, progress)
            mine = file.with_suffix(f".{os.getpid()}.tmp")
            mine.write_text(json.dumps([to_json(one) for one in kept]), encoding="utf-8")
            mine.replace(file)
        return kept


def _tried(good: Sequence[ReferencePhoto], noticed: Noticed, progress: Progress | None) -> tuple[ExpectedSight, ...]:
    step = max(1, len(good) // PHOTOS)
    chosen = range(0, len(good), step)[:PHOTOS]
    counts = dict.fromkeys(marks(), 0)
    done, of = 0, len(chosen) * len(counts)
    for at in chosen:
        others = [one for index, one in enumerate(good) if index != at]
        for lot, mark in enumerate(counts):
            counts[mark] += noticed(good[at], others, mark, 1000 * at + lot)
            done += 1
            if progress:
                progress(done, of)
    return tuple(
        ExpectedSight(kind=mark.kind, area_of_part=mark.area_of_part, noticed=count, tried=len(chosen)) for mark, count in counts.items()
    )


def _load(file: Path) -> tuple[ExpectedSight, ...] | None:
    """None when it was not kept, or not whole."""
    try:
        return tuple(from_json(ExpectedSight, one) for one in json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):  # pydantic's and json's errors are ValueErrors
        return None
