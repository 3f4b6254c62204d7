"""Which of a part's known defects a photo shows, learnt from 1 to 32 labelled photos of each.

A defect is rare on its own photo, so a photo is described by its rarest patches beside all of them; where there are good photos of the
part, above all by the patches furthest from those, and by what sets them apart from the nearest good ones. The head on top is a ridge
regression over how alike two photos' descriptions are. It needs no tuning, works from one photo a class, and knows in closed form what it
would have said of each labelled photo without that photo.

On that rest the probabilities (a softmax, its temperature fitted on the photos so judged) and the set of plausible classes. The set is
jackknife conformal prediction (after Barber, Candès, Ramdas and Tibshirani, Ann. Statist. 49, 2021): a class stays in it while the photo
fits no worse than all but a few of the labelled photos fit theirs. So it holds the true class about as often as asked for, whatever the
photos are like, as long as new ones come about like the labelled ones; and it is empty for a photo that fits none.

docs/decisions/0005-kinds-of-defects.md has the measurements.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import NormalDist
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from kenpin.storage.vocabulary import GOOD
from kenpin.tools.vision import bank, photo
from kenpin.tools.vision.backbone import Array
from kenpin.tools.vision.errors import NoReferencesError
from kenpin.tools.vision.foreground import Lie
from kenpin.tools.vision.learnt import Learnt
from kenpin.tools.vision.sight import ASSUMED, MEASURED, MOST_LABELLED, Classification, ReferencePhoto
from kenpin.tools.vision.view import View

REVISION = "classifier-3"  # raise it when a head kept on disk would no longer be right
RARE_SHARE = 0.02  # of the patches: the rarest, and the strangest, whose mean describes a photo
BLUR = 1.5  # patches: standard deviation
WEIGHTS = (1.0, 1.0, 2.0, 2.0)  # of the four kinds of description in how alike two photos are
RIDGE = 0.1  # added to each photo's likeness with itself, which is 1; from 0.03 to 1 accuracy moved by less than 0.01
BIAS = 10.0  # likeness that any two photos have: leaves the mean of the answers free
TEMPERATURE = 0.1  # of the softmax, where the photos do not say otherwise: at one photo a class it was right as often as it said
TEMPERATURES = np.geomspace(0.03, 1.0, 36)
TEMPERATURE_WEIGHT, TEMPERATURE_SPREAD = 1.0, 0.5  # of that guess: a normal distribution over its logarithm
ASSUMED_FIT = NormalDist(0.2, 0.21)  # how well a photo fits its class with one photo a class: of an easy part and a hard one together
KEPT = 8  # heads in memory, 5 KiB a labelled photo, and banks of their own, 6 MiB each
ENOUGH_GOOD = 8  # of which half can be what the others, and the photos of a single defect, are held against

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One photo among the classes of a head."""

    probabilities: Numbers  # (classes,), summing to 1
    plausible: NDArray[np.bool_]  # (classes,)
    assumed: bool  # too few labelled photos to say at this coverage: the set rests on other parts' photos


def describe(seen: View, good: bank.Bank | None) -> Array:
    """(kinds, width): the photo's mean patch; its rarest; against good photos its strangest, and these less the nearest good ones.

    Strange patches are looked for in a blurred map: a defect covers several patches, and those around it say where it ends.
    """
    patches = seen.of_part
    count = max(1, round(RARE_SHARE * len(patches)))
    mean = patches.mean(0)
    kinds = [mean, patches[_largest(-patches @ mean, count)].mean(0)]
    if good is not None:
        away = np.zeros(seen.part.shape, np.float32)
        away[seen.part] = good.distances(patches)
        strange = patches[_largest(np.asarray(cv2.GaussianBlur(away, (0, 0), BLUR), np.float32)[seen.part], count)]
        nearest = good.patches[np.argmax(strange @ good.patches.T, axis=1)]
        kinds += [strange.mean(0), (strange - nearest).mean(0)]
    return np.stack(kinds).astype(np.float32)


def _largest(values: NDArray[np.floating[Any]], count: int) -> NDArray[np.intp]:
    return np.argpartition(values, len(values) - count)[-count:]


@dataclass(frozen=True)
class Head:
    """Labelled photos, ready to be compared with."""

    names: tuple[str, ...]
    which: NDArray[np.intp]  # (n,): each photo's class
    described: Array  # (n, kinds, width)

    @cached_property
    def _scales(self) -> Numbers:
        """(kinds,): mean squared distance of two labelled photos."""
        pairs = max(1, len(self.which) * (len(self.which) - 1))
        return np.asarray(np.maximum(_squared(self.described, self.described).sum((1, 2)) / pairs, 1e-9))

    def _likeness(self, described: Array) -> Numbers:
        """(m, kinds, width) -> (m, n)"""
        squared = _squared(described, self.described) / self._scales[:, None, None]
        return np.asarray(np.exp(-np.average(squared, axis=0, weights=WEIGHTS[: len(squared)])) + BIAS)

    @cached_property
    def _inverse(self) -> Numbers:
        return np.asarray(np.linalg.inv(self._likeness(self.described) + RIDGE * np.eye(len(self.which))), np.float64)

    @cached_property
    def _answers(self) -> Numbers:
        """(n, classes): 1 for the photo's own."""
        return np.eye(len(self.names))[self.which]

    @cached_property
    def _counted(self) -> NDArray[np.bool_]:
        """(n,): photos whose class has another one, so that leaving them out says something."""
        return np.asarray(np.bincount(self.which, minlength=len(self.names))[self.which] > 1)

    @cached_property
    def _weights(self) -> Numbers:
        """(n, classes): likeness to each photo times these is how well a photo fits each class, about 0 to 1."""
        return np.asarray(self._inverse @ self._answers)

    @cached_property
    def _alone(self) -> Numbers:
        """(n, classes): how well each labelled photo fits each class, judged without itself."""
        return np.asarray(self._answers - self._weights / np.diag(self._inverse)[:, None])

    @cached_property
    def temperature(self) -> float:
        """The softmax's, most probable for the labelled photos, each judged without itself."""
        away = np.square(np.log(TEMPERATURES / TEMPERATURE) / TEMPERATURE_SPREAD) * TEMPERATURE_WEIGHT / 2
        counted, own = self._alone[self._counted], self.which[self._counted]
        lost = [-np.log(_softmax(counted / t)[np.arange(len(own)), own]).sum() for t in TEMPERATURES]
        return float(TEMPERATURES[np.argmin(away + np.array(lost))])

    def judge(self, described: Array, coverage: float) -> Judged:
        """(kinds, width): one photo's description."""
        likeness = self._likeness(described[None])[0]
        fits = likeness @ self._weights
        enough = (self._counted.sum() + 1) * (1 - coverage) >= 1
        if enough:
            # Weibull's place for a quantile, (n + 1) times the share, is conformal prediction's, between two photos where it falls so.
            usual = self._alone[self._counted, self.which[self._counted]]
            plausible = self._fits_without_one(likeness) >= np.quantile(usual, 1 - coverage, method="weibull")
        else:
            plausible = _fit(fits) > ASSUMED_FIT.inv_cdf(1 - coverage)
        return Judged(probabilities=_softmax(fits / self.temperature), plausible=plausible, assumed=not enough)

    def _fits_without_one(self, likeness: Numbers) -> Numbers:
        """(classes,): how well a photo fits each class, without each of the class' photos in turn, on average.

        A labelled photo judged without itself has one photo less of its class to go by; so, to be fair, has this one.
        """
        own = self._weights[np.arange(len(self.which)), self.which]
        less = np.where(self._counted, likeness @ self._inverse * own / np.diag(self._inverse), 0)
        return likeness @ self._weights - np.bincount(self.which, less) / np.bincount(self.which)


def _fit(answers: Numbers) -> Numbers:
    """0 where a class got no more than its even share, 1 where it got everything."""
    even = 1 / len(answers)
    return (answers - even) / (1 - even)


def _squared(a: Array, b: Array) -> Numbers:
    """(n, kinds, width), (m, kinds, width) -> (kinds, n, m): squared distances."""
    one, other = np.moveaxis(a, 1, 0).astype(np.float64), np.moveaxis(b, 1, 0).astype(np.float64)
    squares = np.square(one).sum(2)[:, :, None] + np.square(other).sum(2)[:, None, :] - 2 * one @ np.swapaxes(other, 1, 2)
    return np.asarray(np.maximum(squares, 0))


def _softmax(answers: Numbers) -> Numbers:
    powers = np.exp(answers - answers.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


# --- from photos to heads ------------------------------------------------------------------------------------------------------------


class Look(Protocol):
    """How a photo is looked at, as `Eye` does it."""

    def __call__(self, digest: str, path: Path, *, close: bool, keep: bool = False) -> View: ...


class Classifier:
    """Heads by what they were learnt from, in memory and on disk."""

    def __init__(self, folder: Path, look: Look) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._look = look
        self._heads: OrderedDict[str, tuple[Head, bool]] = OrderedDict()
        self._banks: OrderedDict[str, bank.Bank] = OrderedDict()

    def classify(
        self,
        path: Path,
        labelled: Mapping[str, Sequence[ReferencePhoto]],
        good: Sequence[ReferencePhoto],
        known: Learnt | None,
        coverage: float,
    ) -> Classification:
        """`known` is what was learnt from `good`. Raises NoReferencesError without two classes to tell apart, PhotoUnreadableError."""
        started = time.perf_counter()
        if not 0 < coverage < 1:
            raise ValueError(f"The coverage is {coverage:g}; it must lie between 0 and 1, such as 0.9.")
        classes = {name: list(several)[-MOST_LABELLED:] for name, several in labelled.items() if several}
        photos = sum(map(len, classes.values()))
        against: Sequence[ReferencePhoto] = good
        if len(classes) == 1:  # told from good photos, which cannot be held against a bank that they are in
            several, known = sorted(list(good)[-MOST_LABELLED:], key=lambda one: one.sha256), None
            against = several[::2] if len(several) >= ENOUGH_GOOD else ()
            classes[GOOD] = several[1::2] if against else several
        if sum(map(bool, classes.values())) < 2:
            raise NoReferencesError("There are no labelled photos of two kinds of defects, nor of one and good ones, to tell apart.")
        head, close = self._head(classes, against, known)
        beside = self._beside(classes, against, known, close)
        judged = head.judge(describe(self._look(photo.digest(path), path, close=close), beside), coverage)
        order = [int(i) for i in np.argsort(-judged.probabilities, kind="stable") if head.names[i] != GOOD]
        return Classification(
            shares=tuple((head.names[i], float(judged.probabilities[i])) for i in order),
            plausible=tuple(head.names[i] for i in order if judged.plausible[i]),
            coverage=coverage, labelled=photos, basis=ASSUMED if judged.assumed else MEASURED,
            ms=(time.perf_counter() - started) * 1000,
        )  # fmt: skip

    def _head(
        self, classes: Mapping[str, Sequence[ReferencePhoto]], against: Sequence[ReferencePhoto], known: Learnt | None
    ) -> tuple[Head, bool]:
        """The head, and whether parts are cut out of their bench."""
        rows = sorted((name, one.sha256) for name, several in classes.items() for one in several)
        held = [] if known is None and GOOD not in classes else sorted({one.sha256 for one in against})
        key = hashlib.sha256(json.dumps([REVISION, held, rows]).encode()).hexdigest()
        if key not in self._heads:
            file = self._folder / f"{key}.npz"
            found = _load(file)
            if found is None:
                found = self._learn(classes, against, known)
                _save(*found, file)
            self._heads[key] = found
        _keep(self._heads, key)
        return self._heads[key]

    def _learn(
        self, classes: Mapping[str, Sequence[ReferencePhoto]], against: Sequence[ReferencePhoto], known: Learnt | None
    ) -> tuple[Head, bool]:
        names = sorted(classes)
        photos = [(which, one) for which, name in enumerate(names) for one in sorted(classes[name], key=lambda one: one.sha256)]
        if known is not None:
            close = known.close
        else:
            on_bench = [self._look(one.sha256, one.path, close=True, keep=True).lie is not Lie.FILLS for _, one in photos]
            close = sum(on_bench) * 2 > len(on_bench)
        good = self._beside(classes, against, known, close)
        described = [describe(self._look(one.sha256, one.path, close=close, keep=True), good) for _, one in photos]
        return Head(tuple(names), np.array([which for which, _ in photos]), np.stack(described)), close

    def _beside(
        self, classes: Mapping[str, Sequence[ReferencePhoto]], against: Sequence[ReferencePhoto], known: Learnt | None, close: bool
    ) -> bank.Bank | None:
        """The good patches that photos are held against: of all good photos, or of those that are not a class themselves."""
        if known is not None:
            return known.bank
        if GOOD not in classes or not against:
            return None
        key = json.dumps([close, sorted(one.sha256 for one in against)])
        if key not in self._banks:
            views = [self._look(one.sha256, one.path, close=close, keep=True) for one in against]
            self._banks[key] = bank.build(np.concatenate([seen.of_part for seen in views]))
        _keep(self._banks, key)
        return self._banks[key]


def _keep(several: OrderedDict[str, Any], key: str) -> None:
    """The one used last is let go of last."""
    several.move_to_end(key)
    while len(several) > KEPT:
        several.popitem(last=False)


def _save(head: Head, close: bool, path: Path) -> None:
    mine = path.with_suffix(f".{os.getpid()}.tmp")
    with mine.open("wb") as file:
        np.savez(file, names=np.array(head.names), which=head.which, described=head.described, close=np.array(close))
    mine.replace(path)


def _load(path: Path) -> tuple[Head, bool] | None:
    """None when it was not saved, or not whole."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            return Head(tuple(map(str, kept["names"])), kept["which"], kept["described"]), bool(kept["close"])
    except (FileNotFoundError, zipfile.BadZipFile, KeyError, ValueError, EOFError):
        return None
