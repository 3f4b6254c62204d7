"""Scores of photos whose state is known, and of photos to try them on: what bench/calibration.py and bench/risk.py share.

For each draw, n good photos become the part's references (scored against each other) and n bad ones its labelled defects (scored against
the references); the tested photos are others, the same for every draw and n. Judging them takes minutes, so the scores are kept under
`--cache` by the code that gave them.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from sets import cookie, elpv, textile

from kenpin.tools.calibration import Labelled
from kenpin.tools.vision import bank, coreset, foreground, learning, learnt, looking, photo, score, tiles, view
from kenpin.tools.vision import eye as eye_module
from kenpin.tools.vision.eye import Eye, ReferencePhoto

SETS = ("mono", "poly", "local", "global", "cookie")
SHOTS = (1, 4, 8, 16, 32)
SET_APART = 150  # good and bad photos of elpv and textile that are never drawn, however few of them are tested


@dataclass(frozen=True)
class Photos:
    """Of one set: what is drawn from, and what is tested."""

    good: list[Path]
    bad: list[Path]
    tested: list[Path]
    tested_bad: list[bool]


@dataclass(frozen=True)
class Scored:
    """One draw. Scores as `Sight.anomaly_score` has them."""

    good: tuple[float, ...]  # of the references, each against the others
    bad: tuple[float, ...]  # of the labelled defects
    tested: tuple[float, ...]
    tested_bad: tuple[bool, ...]
    limits: tuple[float, float]  # the eye's own


def named(name: str, photos: Path, tested: int) -> Photos:
    """Raises OSError when the cookie set is not under `photos`."""
    if name == "cookie":
        test = cookie(photos)
        with (photos / "aws_cookie" / "manifest.csv").open() as file:
            bad = [photos / "aws_cookie" / row["file"] for row in csv.DictReader(file) if row["role"] == "train_defect"]
        return Photos(test.references, bad, test.photos, [bool(b) for b in test.bad])
    make = elpv if name in ("mono", "poly") else textile
    apart, every = make(name, SET_APART), make(name, 10**6)  # each lists the good photos first, in one order
    good, bad = apart.photos[:tested], apart.photos[SET_APART : SET_APART + tested]
    others = every.photos[SET_APART + len(apart.references) + SET_APART :]  # past every good one, and past the bad ones set apart
    return Photos(apart.references, others, [*good, *bad], [False] * tested + [True] * tested)


def labels(of: Scored) -> Labelled:
    """What the part knows of itself in that draw."""
    return Labelled(good_references=of.good, bad_references=of.bad)


def scored(eye: Eye, name: str, of: Photos, draws: int, cache: Path, shots: Sequence[int] = SHOTS) -> Iterator[tuple[int, int, Scored]]:
    """Draw, n, scores; a draw of fewer photos is the beginning of a draw of more. A set with fewer photos than n is left out for it."""
    tested = [*zip(of.tested, of.tested_bad, strict=True)]
    for draw in range(draws):
        good, bad = (_drawn(several, draw) for several in (of.good, of.bad))
        for n in shots:
            if n > min(len(good), len(bad)):
                continue
            file = cache / "scores" / f"{name}-{len(tested)}-{draw}-{n}-{_code(eye)}.json"
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(asdict(_score(eye, good[:n], bad[:n], of))))
            yield draw, n, Scored(**{k: tuple(v) for k, v in json.loads(file.read_text()).items()})


def _score(eye: Eye, good: list[ReferencePhoto], bad: list[ReferencePhoto], of: Photos) -> Scored:
    known = eye.labelled_scores(good, bad)
    judged = [eye.judge(path, good) for path in of.tested]
    return Scored(known.good, known.bad, tuple(j.score for j in judged), tuple(of.tested_bad), judged[0].limits)


def _drawn(paths: Sequence[Path], draw: int) -> list[ReferencePhoto]:
    order = np.random.default_rng(100 + draw).permutation(len(paths))
    return [ReferencePhoto(sha256=photo.digest(paths[i]), path=paths[i]) for i in order[: max(SHOTS)]]


@lru_cache(maxsize=1)  # what runs is the code that was read first, even when a file changes meanwhile
def _code(eye: Eye) -> str:
    """Of the network and of every module that has a say in a score: another score must not be taken for this one."""
    total = hashlib.sha256(eye.model.encode())
    for module in (eye_module, score, bank, coreset, view, tiles, foreground, photo, learning, learnt, looking):
        total.update(Path(str(module.__file__)).read_bytes())
    return total.hexdigest()[:12]
