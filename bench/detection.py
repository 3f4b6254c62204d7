"""How well strange photos are told from good ones: image AUROC, and false alarms and misses at the verdict, by set and references.

One score and one setting for all sets; nothing here is fitted. For each draw, k good photos are drawn from those that are not tested on;
the test photos stay the same: 150 good and 150 bad ones of elpv-dataset (defect probability 0.0 against 1.0; mono, poly) and of
conformal-clip-data (nominal against local, nominal against global), and the 14 + 8 of the cookie set where it is at hand (`--photos`),
as taken, and with every photo and reference turned by a random angle.

    python bench/detection.py --sets mono,poly,local,global,cookie,turned --draws 5
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sklearn.metrics import roc_auc_score

from kenpin.storage.vocabulary import Verdict
from kenpin.tools.vision import photo
from kenpin.tools.vision.eye import Eye, ReferencePhoto

SETS = ("mono", "poly", "local", "global", "cookie", "turned")
REFERENCES = (1, 4, 16)
HERE = Path(__file__).parent


@dataclass(frozen=True)
class TestSet:
    """Photos to judge with their truth (1 is bad), and good photos to draw references from."""

    name: str
    photos: list[Path]
    bad: list[int]
    references: list[Path]


def elpv(kind: str, tested: int) -> TestSet:
    root = Path(str(files("elpv_dataset"))) / "data"
    rows = [line.split() for line in (root / "labels.csv").read_text().splitlines() if line.strip()]
    good, bad = ([root / name for name, chance, cell in rows if cell == kind and float(chance) == wanted] for wanted in (0.0, 1.0))
    return _split(kind, good, bad, tested)


def textile(kind: str, tested: int) -> TestSet:
    root = Path(str(files("conformal_clip_data"))) / "data" / "textile_images" / "simulated"
    return _split(kind, list((root / "nominal").glob("*.jpg")), list((root / kind).glob("*.jpg")), tested)


def cookie(photos: Path) -> TestSet:
    with (photos / "aws_cookie" / "manifest.csv").open() as file:
        rows = [(photos / "aws_cookie" / row["file"], row["role"]) for row in csv.DictReader(file)]
    tested = [(path, int(role == "test_defect")) for path, role in rows if role in ("test_good", "test_defect")]
    references = [path for path, role in rows if role == "ref_good"]
    return TestSet("cookie", [path for path, _ in tested], [bad for _, bad in tested], references)


def turned(straight: TestSet, folder: Path) -> TestSet:
    """Every photo turned by an angle of its own; the corners go on as the photo's edge does."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    copies = {path: _turned_copy(path, folder, float(draw.uniform(0, 360))) for path in sorted({*straight.photos, *straight.references})}
    return TestSet("turned", [copies[p] for p in straight.photos], straight.bad, [copies[p] for p in straight.references])


def _turned_copy(path: Path, folder: Path, angle_deg: float) -> Path:
    """The copy keeps the photo's size times 1.3, so that nothing of a part near the edge is lost."""
    rgb = photo.read(path).rgb
    height, width = rgb.shape[:2]
    size = round(1.3 * max(height, width))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1.0)
    matrix[:, 2] += (size - width) / 2, (size - height) / 2
    copy = folder / f"{path.stem}-{angle_deg:.1f}.png"
    cv2.imwrite(str(copy), cv2.warpAffine(rgb[:, :, ::-1], matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
    return copy


def _split(name: str, good: Sequence[Path], bad: Sequence[Path], tested: int) -> TestSet:
    draw = np.random.default_rng(0)
    good, bad = ([sorted(paths)[i] for i in draw.permutation(len(paths))] for paths in (good, bad))
    return TestSet(name, [*good[:tested], *bad[:tested]], [0] * tested + [1] * tested, list(good[tested:]))


@dataclass(frozen=True)
class Result:
    auroc: float
    false_alarms: float  # share of good photos called not OK
    misses: float  # share of bad photos called OK
    unsure: float  # share of all photos handed to a person


def measure(eye: Eye, test: TestSet, draws: int, references: Sequence[int]) -> Iterator[tuple[int, Result]]:
    bad = np.array(test.bad)
    for draw in range(draws):
        order = np.random.default_rng(100 + draw).permutation(len(test.references))
        drawn = [ReferencePhoto(sha256=photo.digest(test.references[i]), path=test.references[i]) for i in order[: max(references)]]
        for count in references:
            judged = [eye.judge(path, drawn[:count]) for path in test.photos]
            verdicts = np.array([j.verdict for j in judged])
            yield (
                count,
                Result(
                    auroc=float(roc_auc_score(bad, [j.score for j in judged])),
                    false_alarms=float((verdicts[bad == 0] == Verdict.NOT_OK).mean()),
                    misses=float((verdicts[bad == 1] == Verdict.OK).mean()),
                    unsure=float((verdicts == Verdict.UNSURE).mean()),
                ),
            )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sets", default=",".join(SETS), help="which sets, with commas between")
    arguments.add_argument("--draws", type=int, default=5)
    arguments.add_argument("--tested", type=int, default=150, help="good and bad photos tested of elpv and textile, each")
    arguments.add_argument("--photos", type=Path, default=HERE.parent.parent / "shared" / "data", help="folder that holds aws_cookie")
    arguments.add_argument("--cache", type=Path, default=HERE / ".cache")
    arguments.add_argument("--engine", default="onnx-int8")
    arguments.add_argument("--references", default=",".join(map(str, REFERENCES)), help="how many good ones, with commas between")
    given = arguments.parse_args()
    references = [int(count) for count in given.references.split(",")]
    eye = Eye(cache=given.cache, engine=given.engine)
    table = Table(title=f"{eye.model}; {given.draws} draws; mean (sd)")
    for column in ("set", "references", "AUROC", "false alarms", "misses", "handed to a person"):
        table.add_column(column)
    chosen = given.sets.split(",")
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("sets, draws, references", total=len(chosen) * given.draws * len(references))
        for name in chosen:
            results: dict[int, list[Result]] = {count: [] for count in references}
            for count, result in measure(eye, _named(name, given.photos, given.cache, given.tested), given.draws, references):
                results[count].append(result)
                progress.advance(task)
            for count, several in results.items():
                figures = ([getattr(r, f) for r in several] for f in ("auroc", "false_alarms", "misses", "unsure"))
                table.add_row(name, str(count), *(f"{np.mean(v):.3f} ({np.std(v):.3f})" for v in figures))
    Console(width=110).print(table)


def _named(name: str, photos: Path, cache: Path, tested: int) -> TestSet:
    if name in ("mono", "poly"):
        return elpv(name, tested)
    if name in ("local", "global"):
        return textile(name, tested)
    if not (photos / "aws_cookie").is_dir():
        sys.exit(f"The set {name!r} needs the folder aws_cookie under {photos}. Name another with --photos, or leave the set out.")
    straight = cookie(photos)
    return straight if name == "cookie" else turned(straight, cache / "turned")


if __name__ == "__main__":
    main()
