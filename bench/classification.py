"""How well the kinds of defects are told apart, by labelled photos a class: accuracy, the set of plausible classes, and calibration.

Two sets: X-SDD (hot-rolled steel strip, seven classes, no good photos) and crops of DeepPCB (a board's defects, six classes; each crop is
one box with its surroundings and touches no box of another class; good photos are the same places of the board's template). Tested photos
are kept apart from those that shots are drawn from: of X-SDD 30 a class (25 of the smallest), of DeepPCB crops of 80 boards of the 200.

Next to Kenpin's head, from the same look at the same photos: the nearest class mean and logistic regression, both on the mean patch.

    python bench/classification.py --sets xsdd,deeppcb --draws 5
"""

from __future__ import annotations

import argparse
import csv
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sklearn.linear_model import LogisticRegression

from kenpin.tools.vision import photo
from kenpin.tools.vision.classifier import Head, describe
from kenpin.tools.vision.eye import Eye
from kenpin.tools.vision.sight import ReferencePhoto

SETS = ("xsdd", "deeppcb")
SHOTS = (1, 2, 4, 8, 16, 32)
COVERAGE = 0.9
BINS = 10  # of the calibration error, as is usual
BOARD_DEFECTS = {"1": "open", "2": "short", "3": "mousebite", "4": "spur", "5": "copper", "6": "pin-hole"}
CROP_PX, AROUND_PX = 96, 16
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Photos:
    """Photos by class, and the part's good ones."""

    name: str
    tested: Mapping[str, Sequence[Path]]
    drawn_from: Mapping[str, Sequence[Path]]
    good: Sequence[Path]


def xsdd(photos: Path, cache: Path) -> Photos:
    classes: dict[str, list[Path]] = {}
    with (photos / "xsdd" / "manifest.csv").open() as file:
        for row in csv.DictReader(file):
            classes.setdefault(row["type"], []).append(photos / "xsdd" / row["file"])
    tested, drawn_from = {}, {}
    for name in sorted(classes):
        several = sorted(classes[name])
        order = np.random.default_rng(0).permutation(len(several))
        count = min(30, round(0.4 * len(several)))
        tested[name] = [several[i] for i in order[:count]]
        drawn_from[name] = [several[i] for i in order[count : count + 45]]
    return Photos("xsdd", tested, drawn_from, [])


def deeppcb(photos: Path, cache: Path) -> Photos:
    folder = cache / "deeppcb-crops"
    folder.mkdir(parents=True, exist_ok=True)
    with (photos / "deeppcb" / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    templates = {row["extra"]: row["file"] for row in rows if row["role"] == "ref_good_pair"}
    boards = sorted((row for row in rows if row["role"] == "test_defect"), key=lambda row: row["extra"])
    of_test = {int(i) for i in np.random.default_rng(0).permutation(len(boards))[:80]}
    crops: dict[bool, dict[str, list[Path]]] = {tested: {name: [] for name in BOARD_DEFECTS.values()} for tested in (False, True)}
    good = []
    for board, row in enumerate(boards):
        shown = np.asarray(Image.open(photos / "deeppcb" / row["file"]).convert("L"))
        template = np.asarray(Image.open(photos / "deeppcb" / templates[row["extra"]]).convert("L"))
        for index, defect, rows_columns in _alone(photos / "deeppcb" / row["mask_or_label"], shown.shape):
            path = folder / f"{row['extra']}-{index}.png"
            crops[board in of_test][defect].append(_written(path, shown[rows_columns]))
            if board not in of_test:
                good.append(_written(folder / f"{row['extra']}-{index}-good.png", template[rows_columns]))
    tested, drawn_from = ({name: _drawn(several, count) for name, several in crops[of].items()} for of, count in ((True, 25), (False, 36)))
    order = np.random.default_rng(2).permutation(len(good))[:20]
    return Photos("deeppcb", tested, drawn_from, [good[i] for i in order])


def _alone(boxes: Path, shape: tuple[int, ...]) -> Iterator[tuple[int, str, tuple[slice, slice]]]:
    """Index, class and place of each box whose crop touches no box of another class."""
    found = [line.replace(",", " ").split() for line in boxes.read_text().splitlines() if line.strip()]
    for index, (*box, kind) in enumerate(found):
        left, top, right, bottom = map(int, box)
        side = max(CROP_PX, right - left + AROUND_PX, bottom - top + AROUND_PX)
        x = min(max((left + right) // 2 - side // 2, 0), shape[1] - side)
        y = min(max((top + bottom) // 2 - side // 2, 0), shape[0] - side)
        others = [tuple(map(int, other[:4])) for other in found if other[4] != kind]
        if not any(o[0] < x + side and o[2] > x and o[1] < y + side and o[3] > y for o in others):
            yield index, BOARD_DEFECTS[kind], (slice(y, y + side), slice(x, x + side))


def _written(path: Path, pixels: NDArray[np.uint8]) -> Path:
    if not path.exists():
        Image.fromarray(pixels).save(path)
    return path


def _drawn(several: Sequence[Path], count: int) -> list[Path]:
    return [several[i] for i in np.random.default_rng(1).permutation(len(several))[:count]]


# --- looking -------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Looked:
    """What was seen of photos of one role."""

    which: NDArray[np.intp]  # (n,): class
    described: NDArray[np.float32]  # (n, kinds, width): for the head
    means: NDArray[np.float32]  # (n, width): mean patch of unit length, for the comparison


def looked(eye: Eye, photos: Photos, progress: Progress) -> tuple[Looked, Looked]:
    """The photos to draw from, and the tested ones; as `Eye.classify` looks at them. Their views are kept on disk."""
    known = eye._learnt(_references(photos.good), None) if photos.good else None
    if known is not None:
        close = known.close
    else:
        each = [path for several in photos.drawn_from.values() for path in several]
        on_bench = sum(photo.read(path).outline is not None for path in each)
        close = on_bench * 2 > len(each)
    both = []
    for role in (photos.drawn_from, photos.tested):
        which, described, means = [], [], []
        for index, name in enumerate(sorted(role)):
            for path in progress.track(role[name], description=f"{photos.name}: {name}"):
                seen = eye._looking.view_of(photo.digest(path), path, close=close, keep=True)
                which.append(index)
                described.append(describe(seen, None if known is None else known.bank))
                mean = seen.of_part.mean(0)
                means.append(mean / np.linalg.norm(mean))
        both.append(Looked(np.array(which), np.stack(described), np.stack(means)))
    return both[0], both[1]


def _references(paths: Sequence[Path]) -> list[ReferencePhoto]:
    return [ReferencePhoto(sha256=photo.digest(path), path=path) for path in paths]


# --- measuring -----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    right: NDArray[np.bool_]  # (tested,): the most probable class is the true one
    said: NDArray[np.float64]  # (tested,): its probability
    sets: NDArray[np.bool_]  # (tested, classes)
    inside: NDArray[np.bool_]  # (tested,): the set holds the true class
    unknown: NDArray[np.bool_]  # (tested,): the set is empty when the photo's own class was never shown
    prototype: float  # accuracy of the nearest class mean
    logistic: float  # accuracy of logistic regression


def measure(shown: Looked, tested: Looked, shots: int, draw: int) -> Result:
    rng = np.random.default_rng(10_000 * shots + draw)
    classes = int(shown.which.max()) + 1
    chosen = np.concatenate([rng.permutation(np.flatnonzero(shown.which == name))[:shots] for name in range(classes)])
    which = shown.which[chosen]
    names = tuple(str(name) for name in range(classes))
    head = Head(names, which, shown.described[chosen])
    judged = [head.judge(described, COVERAGE) for described in tested.described]
    probabilities, sets = np.array([j.probabilities for j in judged]), np.array([j.plausible for j in judged])
    unknown = np.zeros(len(tested.which), bool)
    for left_out in range(classes):
        others = which != left_out
        without = Head(names[1:], which[others] - (which[others] > left_out), shown.described[chosen][others])
        for i in np.flatnonzero(tested.which == left_out):
            unknown[i] = not without.judge(tested.described[i], COVERAGE).plausible.any()
    middles = np.stack([shown.means[chosen][which == name].mean(0) for name in range(classes)])
    nearest = np.square(tested.means[:, None] - middles).sum(2).argmin(1)
    logistic = LogisticRegression(C=100, max_iter=1000).fit(shown.means[chosen], which).predict(tested.means)
    rows = np.arange(len(tested.which))
    return Result(
        right=probabilities.argmax(1) == tested.which, said=probabilities.max(1), sets=sets, inside=sets[rows, tested.which],
        unknown=unknown, prototype=float((nearest == tested.which).mean()), logistic=float((logistic == tested.which).mean()),
    )  # fmt: skip


def split_anew(shown: Looked, tested: Looked, shots: int, splits: int) -> list[float]:
    """Coverage, once a split: shots drawn from all photos of both roles, and 100 of the rest judged. Fixed tested photos are few, and may
    differ from those that are learnt from; this is what the coverage means where they do not."""
    which, described = np.concatenate([shown.which, tested.which]), np.concatenate([shown.described, tested.described])
    coverages = []
    for split in range(splits):
        order = np.random.default_rng(20_000 * shots + split).permutation(len(which))
        chosen = np.concatenate([order[which[order] == name][:shots] for name in range(int(which.max()) + 1)])
        rest = [i for i in order if i not in set(chosen.tolist())][:100]
        head = Head(tuple(map(str, range(int(which.max()) + 1))), which[chosen], described[chosen])
        coverages.append(float(np.mean([head.judge(described[i], COVERAGE).plausible[which[i]] for i in rest])))
    return coverages


def calibration_error(said: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected: mean difference between what was said and how often it was right, over equal bins of what was said."""
    bins = np.minimum((said * BINS).astype(int), BINS - 1)
    return float(sum((bins == b).mean() * abs(said[bins == b].mean() - right[bins == b].mean()) for b in set(bins.tolist())))


def timed(eye: Eye, photos: Photos, shots: int) -> tuple[float, float | None, int]:
    """Median milliseconds of a call with that many labelled photos a class: for a new photo; for one just compared; and of how many."""
    labelled = {name: _references(several[:shots]) for name, several in photos.drawn_from.items()}
    good = _references(photos.good)
    alone, after = [], []
    with tempfile.TemporaryDirectory() as folder:
        for i, path in enumerate([several[0] for several in photos.tested.values()] * 2):
            fresh = Path(folder) / f"{i}.png"  # a digest of its own, so that nothing kept of the photo is found again
            shutil.copyfile(path, fresh)
            with fresh.open("ab") as file:
                file.write(bytes([i]))
            if good and i % 2:
                eye.compare(fresh, good)
            started = time.perf_counter()
            eye.classify(fresh, labelled, good, COVERAGE)
            if i:  # the first one learns
                (after if good and i % 2 else alone).append((time.perf_counter() - started) * 1000)
    return statistics.median(alone), statistics.median(after) if after else None, len(alone)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sets", default=",".join(SETS), help="which sets, with commas between")
    arguments.add_argument("--draws", type=int, default=5)
    arguments.add_argument("--photos", type=Path, default=HERE.parent.parent / "shared" / "data", help="folder that holds xsdd and deeppcb")
    arguments.add_argument("--cache", type=Path, default=HERE / ".cache")
    arguments.add_argument("--engine", default="onnx-int8")
    given = arguments.parse_args()
    eye = Eye(cache=given.cache, engine=given.engine)
    table = Table(title=f"{eye.model}; {given.draws} draws; mean (sd); sets at a coverage of {COVERAGE:g}")
    columns = ("accuracy", "nearest mean", "logistic", "coverage", "split anew", "set size", "empty", "unknown: empty", "ECE")
    for column in ("set", "shots", *columns):
        table.add_column(column)
    times = []
    with Progress(console=Console(stderr=True)) as progress:
        for name in given.sets.split(","):
            if name not in SETS or not (given.photos / name).is_dir():
                sys.exit(f"The set {name!r} needs its folder under {given.photos}. Name another with --photos, or leave the set out.")
            photos = {"xsdd": xsdd, "deeppcb": deeppcb}[name](given.photos, given.cache)
            shown, tested = looked(eye, photos, progress)
            for shots in SHOTS:
                draws = range(given.draws)
                results = [measure(shown, tested, shots, draw) for draw in progress.track(draws, description=f"{name}, {shots} shots")]
                sizes = [r.sets.sum(1) for r in results]
                anew = split_anew(shown, tested, shots, 4 * given.draws)
                figures = (
                    [r.right.mean() for r in results], [r.prototype for r in results], [r.logistic for r in results],
                    [r.inside.mean() for r in results], anew, [s.mean() for s in sizes], [(s == 0).mean() for s in sizes],
                    [r.unknown.mean() for r in results],
                )  # fmt: skip
                error = calibration_error(np.concatenate([r.said for r in results]), np.concatenate([r.right for r in results]))
                table.add_row(name, str(shots), *(f"{np.mean(v):.3f} ({np.std(v):.3f})" for v in figures), f"{error:.3f}")
            alone, after, count = timed(eye, photos, 16)
            compared = "" if after is None else f"; {after:.0f} ms for one just compared"
            times.append(f"{name}, 16 shots: {alone:.0f} ms for a new photo{compared} (median of {count})")
    console = Console(width=150)
    console.print(table)
    for line in times:
        console.print(line)


if __name__ == "__main__":
    main()
