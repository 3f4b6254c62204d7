"""What a part's references let one see: marks are drawn on some of its good photos, each is compared with the others, and noticed or not.

Kept on disk by the references it came from, because it costs some dozens of looks.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kenpin.storage.vocabulary import ExpectedSight, from_json, to_json
from kenpin.tools.vision.drawn_defects import Mark, marks
from kenpin.tools.vision.sight import ReferencePhoto, Tried

PHOTOS = 3  # good photos that are drawn on
Noticed = Callable[[ReferencePhoto, Sequence[ReferencePhoto], Mark, int], bool]  # on this photo, against the others, this mark, this lot


class Expectations:
    """By references. What was tried so far is on disk after each try: somebody's question may come between two of them, or a crash."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def try_one(self, good: Sequence[ReferencePhoto], noticed: Noticed) -> Tried:
        """Draw one more mark and see whether it is noticed; nothing once all were. `good`: two or more, in the order of their digests."""
        file = self._folder / f"{hashlib.sha256(chr(10).join(one.sha256 for one in good).encode()).hexdigest()}.json"
        drawn, chosen = marks(), _spread(good)
        known = _load(file) or tuple(ExpectedSight(kind=m.kind, area_of_part=m.area_of_part, noticed=0, tried=0) for m in drawn)
        done, of = sum(one.tried for one in known), len(chosen) * len(drawn)
        if done < of:
            at, lot = chosen[done // len(drawn)], done % len(drawn)
            others = [one for index, one in enumerate(good) if index != at]
            seen = noticed(good[at], others, drawn[lot], 1000 * at + lot)
            one = replace(known[lot], noticed=known[lot].noticed + seen, tried=known[lot].tried + 1)
            known, done = (*known[:lot], one, *known[lot + 1 :]), done + 1
            _save(known, file)
        return Tried(done=done, of=of, sights=known)


def _spread(good: Sequence[ReferencePhoto]) -> range:
    return range(0, len(good), max(1, len(good) // PHOTOS))[:PHOTOS]


def _save(known: Sequence[ExpectedSight], file: Path) -> None:
    mine = file.with_suffix(f".{os.getpid()}.tmp")
    mine.write_text(json.dumps([to_json(one) for one in known]), encoding="utf-8")
    mine.replace(file)


def _load(file: Path) -> tuple[ExpectedSight, ...] | None:
    """None when it was not kept, or not whole."""
    try:
        return tuple(from_json(ExpectedSight, one) for one in json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):  # pydantic's and json's errors are ValueErrors
        return None
