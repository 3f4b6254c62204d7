"""How often the photo-quality gate refuses real photos as they were taken, and the same photos spoilt or harmlessly changed.

The limits of tools/quality.py were chosen on some of the photos called "tuning": those of elpv-dataset and conformal-clip-data that
bench/detection.py does not test, and the training roles of the other sets. The rest is looked at here alone. References are good photos, of
xsdd (which has none) photos of the class itself; each set's first ones are taken, and never counted.

    python bench/quality.py --references 4,16 --changed 40
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from kenpin.tools import quality
from kenpin.tools.vision import photo
from kenpin.tools.vision.photo import Pixels

HERE = Path(__file__).parent
TESTED = 150  # good and bad ones, each, as bench/detection.py has them
Rgb = NDArray[np.uint8]
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class PhotoSet:
    name: str
    references: list[Path]
    tuning: list[Path]
    untouched: list[Path]


def elpv(kind: str) -> PhotoSet:
    root = Path(str(files("elpv_dataset"))) / "data"
    rows = [line.split() for line in (root / "labels.csv").read_text().splitlines() if line.strip()]
    good, bad = ([root / name for name, chance, cell in rows if cell == kind and float(chance) == wanted] for wanted in (0.0, 1.0))
    return _split(f"elpv {kind}", good, bad)


def textile() -> PhotoSet:
    root = Path(str(files("conformal_clip_data"))) / "data" / "textile_images" / "simulated"
    return _split("textile", list((root / "nominal").glob("*.jpg")), [*(root / "local").glob("*.jpg"), *(root / "global").glob("*.jpg")])


def _split(name: str, good: Sequence[Path], bad: Sequence[Path]) -> PhotoSet:
    draw = np.random.default_rng(0)
    good, bad = ([sorted(paths)[i] for i in draw.permutation(len(paths))] for paths in (good, bad))
    rest = list(good[TESTED:])
    return PhotoSet(name, rest[:16], [*rest[16:], *bad[TESTED:]], [*good[:TESTED], *bad[:TESTED]])


def listed(folder: Path, name: str, good: str, tuning: Sequence[str]) -> PhotoSet:
    """A set with a manifest.csv; what has neither the role of the references nor a role for tuning is untouched."""
    with (folder / "manifest.csv").open() as file:
        rows = [(folder / row["file"], row["role"]) for row in csv.DictReader(file)]
    held = [path for path, role in rows if role == good]
    tuned = [path for path, role in rows if role in tuning]
    return PhotoSet(name, held[:16], [*held[16:], *tuned], [path for path, role in rows if role not in (good, *tuning)])


def classes_of(folder: Path) -> Iterator[PhotoSet]:
    """Each class of xsdd, which has photos of defects only, as a part of its own."""
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        photos = sorted([*place.glob("*.png"), *place.glob("*.jpg")])
        photos = [photos[i] for i in np.random.default_rng(0).permutation(len(photos))]  # neighbours are of one coil
        yield PhotoSet(f"xsdd {place.name}", photos[:16], photos[16:], [])


def sets(photos: Path) -> Iterator[PhotoSet]:
    yield from (elpv("mono"), elpv("poly"), textile())
    if not photos.is_dir():
        print(f"There is no folder {photos}: the four public sets in it are left out. Name another with --photos.", file=sys.stderr)
        return
    yield listed(photos / "aws_cookie", "cookie", "ref_good", ["train_defect"])
    roles = {row["role"] for row in csv.DictReader((photos / "aaronzink_screws" / "manifest.csv").open())}
    yield listed(photos / "aaronzink_screws", "screws", "ref_good", [role for role in roles if role.startswith("train")])
    yield listed(photos / "deeppcb", "deeppcb", "ref_good_pair", [])
    yield from classes_of(photos / "xsdd")


# --- what is done to a photo -----------------------------------------------------------------------------------------------------------


def _noisy(rgb: NDArray[np.float32], level: float) -> Rgb:
    return np.clip(rgb + np.random.default_rng(0).normal(0, level, rgb.shape), 0, 255).astype(np.uint8)


def _gain(factor: float, noise: float) -> Callable[[Rgb], Rgb]:
    return lambda rgb: _noisy(np.clip(rgb.astype(np.float32) * factor, 0, 255), noise)


def _blur(sigma_px: float) -> Callable[[Rgb], Rgb]:
    """sigma_px: on the photo at 448 px."""
    return lambda rgb: np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma_px * max(rgb.shape) / 448), np.uint8)


def _moved(length_px: float) -> Callable[[Rgb], Rgb]:
    def change(rgb: Rgb) -> Rgb:
        length = max(3, round(length_px * max(rgb.shape) / 448))
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1 / length
        return np.asarray(cv2.filter2D(rgb, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)

    return change


def _shrunk(factor: float) -> Callable[[Rgb], Rgb]:
    return lambda rgb: np.asarray(cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def _cut(share: float) -> Callable[[Rgb], Rgb | None]:
    """The photo without its left side up to that share of the part; only for a part on a bench."""

    def change(rgb: Rgb) -> Rgb | None:
        outline = Pixels(rgb).outline
        if outline is None:
            return None
        columns = np.flatnonzero(outline.mask.any(axis=0))
        first = columns[0] + share * (columns[-1] - columns[0])
        return np.ascontiguousarray(rgb[:, round(first * max(rgb.shape[:2]) / max(outline.mask.shape)) :])

    return change


def _stained(rgb: Rgb) -> Rgb:
    """With a dark stain with soft edges, a third as wide as the photo: a defect, and no reason to refuse."""
    height, width = rgb.shape[:2]
    rows, columns = np.ogrid[:height, :width]
    away = ((rows - height / 2) ** 2 + (columns - width / 2) ** 2) ** 0.5 / max(height, width)
    return (rgb * (1 - 0.6 / (1 + np.exp((away - 1 / 6) / 0.015)))[..., None]).astype(np.uint8)


HARMLESS: Mapping[str, Callable[[Rgb], Rgb | None]] = {
    "turned 90°": lambda rgb: np.ascontiguousarray(np.rot90(rgb)),
    "half as bright": _gain(0.5, 1.0),
    "brighter x 1.25": _gain(1.25, 0.0),
    "soft stain": _stained,
    "noise 6": lambda rgb: _noisy(rgb.astype(np.float32), 6),
    "JPEG 30": lambda rgb: np.asarray(
        cv2.imdecode(cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR), np.uint8
    ),
}
SPOILT: Mapping[str, Callable[[Rgb], Rgb | None]] = {
    "a fifth as bright": _gain(0.2, 2.0),
    "a tenth as bright": _gain(0.1, 2.0),
    "brighter x 3": _gain(3.0, 0.0),
    "blur 2 px": _blur(2),
    "blur 3 px": _blur(3),
    "blur 5 px": _blur(5),
    "moved 20 px": _moved(20),
    "cut by 20 %": _cut(0.2),
    "cut by 40 %": _cut(0.4),
    "an eighth as large": _shrunk(1 / 8),
}


# --- the table -------------------------------------------------------------------------------------------------------------------------


def refused(photos: Sequence[Path], references: Sequence[Path]) -> str:
    kinds = [problems[0].kind for path in photos if (problems := quality.check(path, references))]
    told = ", ".join(f"{kind} {kinds.count(kind)}" for kind in dict.fromkeys(kinds))
    return f"{len(kinds)} / {len(photos)}" + (f" ({told})" if told else "") if photos else "–"


def changed(photos: Sequence[Path], references: Sequence[Path], change: Callable[[Rgb], Rgb | None], folder: Path) -> str:
    count = hits = 0
    for path in photos:
        rgb = change(photo.read(path).rgb)
        if rgb is None:
            continue
        count += 1
        copy = folder / f"{next(_NUMBERS)}.png"  # a name of its own: what was measured is remembered by name
        cv2.imwrite(str(copy), rgb[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        hits += bool(quality.check(copy, references))
        copy.unlink()
    return f"{hits / count:.2f}" if count else "–"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--references", default="4,16", help="how many, with commas between")
    arguments.add_argument("--changed", type=int, default=40, help="tuning photos of each set that are changed")
    arguments.add_argument("--sets", default="", help="only sets whose name begins with one of these, with commas between")
    arguments.add_argument(
        "--photos", type=Path, default=HERE.parent.parent / "shared" / "data", help="folder that holds aws_cookie and others"
    )
    given = arguments.parse_args()
    counts = [int(count) for count in given.references.split(",")]
    chosen = [one for one in sets(given.photos) if one.name.startswith(tuple(given.sets.split(",")))]
    taken = Table("set", "references", "refused as taken: tuning", "untouched", title="Photos as they were taken")
    tables = {
        "Harmlessly changed, share refused": (HARMLESS, Table("set", "references", *HARMLESS)),
        "Spoilt, share refused": (SPOILT, Table("set", "references", *SPOILT)),
    }
    with Progress(console=Console(stderr=True)) as progress, tempfile.TemporaryDirectory() as folder:
        task = progress.add_task("sets", total=len(chosen) * len(counts))
        for one in chosen:
            for count in counts:
                references = one.references[:count]
                taken.add_row(one.name, str(count), refused(one.tuning, references), refused(one.untouched, references))
                for changes, table in tables.values():
                    some = one.tuning[: given.changed]
                    table.add_row(one.name, str(count), *(changed(some, references, change, Path(folder)) for change in changes.values()))
                progress.advance(task)
    console = Console(width=200)
    console.print(taken)
    for title, (_, table) in tables.items():
        table.title = title
        console.print(table)


if __name__ == "__main__":
    main()
