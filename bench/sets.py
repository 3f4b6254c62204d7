"""The photos that the detection benches share: what is tested, its truth, what references are drawn from, and where the defects lie.

elpv-dataset (solar cells, defect probability 0.0 against 1.0) and conformal-clip-data (simulated cloth) come in wheels. The others are
folders under `--photos`, each with a manifest.csv: the cookies; DeepPCB, whose good photos are the boards' templates (references are
templates of other boards than the tested ones); and the screws, on whose photos constants of the score were settled.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kenpin.tools.vision import photo

NAMES = ("mono", "poly", "local", "global", "cookie", "turned", "deeppcb", "screws")
TITLES = {
    "mono": "elpv mono", "poly": "elpv poly", "local": "textile local", "global": "textile global", "cookie": "cookie, as taken",
    "turned": "cookie, all turned", "deeppcb": "DeepPCB", "screws": "screws", "cookie-masks": "cookie, with masks",
}  # fmt: skip
MOST_REFERENCES = 16
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class TestSet:
    """Photos to judge with their truth (1 is bad), and good photos to draw references from."""

    name: str
    photos: list[Path]
    bad: list[int]
    references: list[Path]
    own_good: Mapping[Path, Path] = field(default_factory=dict)  # DeepPCB: the good photo of the very same place
    marked_in: Mapping[Path, Path] = field(default_factory=dict)  # the file that says where a bad photo's defects lie

    def drawn(self, draw: int) -> list[Path]:
        """At most MOST_REFERENCES good photos; a draw of fewer is the beginning of a draw of more."""
        order = np.random.default_rng(100 + draw).permutation(len(self.references))
        return [self.references[i] for i in order[:MOST_REFERENCES]]


def named(name: str, photos: Path, cache: Path, tested: int) -> TestSet:
    """`tested`: good and bad photos, each, of elpv, textile and DeepPCB. Leaves with a message when the folder is not there."""
    if name in ("mono", "poly"):
        return elpv(name, tested)
    if name in ("local", "global"):
        return textile(name, tested)
    folder = photos / {"deeppcb": "deeppcb", "screws": "aaronzink_screws"}.get(name, "aws_cookie")
    if not folder.is_dir():
        sys.exit(f"The set {name!r} needs the folder {folder.name} under {photos}. Name another with --photos, or leave the set out.")
    if name == "deeppcb":
        return deeppcb(folder, tested)
    if name == "screws":
        return screws(folder)
    if name == "cookie-masks":
        return cookie_masks(folder)
    return cookie(photos) if name == "cookie" else turned(cookie(photos), cache / "turned")


def elpv(kind: str, tested: int) -> TestSet:
    root = Path(str(files("elpv_dataset"))) / "data"
    rows = [line.split() for line in (root / "labels.csv").read_text().splitlines() if line.strip()]
    good, bad = ([root / name for name, chance, cell in rows if cell == kind and float(chance) == wanted] for wanted in (0.0, 1.0))
    return _split(kind, good, bad, tested)


def textile(kind: str, tested: int) -> TestSet:
    root = Path(str(files("conformal_clip_data"))) / "data" / "textile_images" / "simulated"
    return _split(kind, list((root / "nominal").glob("*.jpg")), list((root / kind).glob("*.jpg")), tested)


def cookie(photos: Path) -> TestSet:
    rows = _rows(photos / "aws_cookie")
    tested = [(row.path, int(row.role == "test_defect")) for row in rows if row.role in ("test_good", "test_defect")]
    references = [row.path for row in rows if row.role == "ref_good"]
    return TestSet("cookie", [path for path, _ in tested], [bad for _, bad in tested], references)


def cookie_masks(folder: Path) -> TestSet:
    """Only the training defects have masks, so these and the good tested photos show how well defects are found on a photo."""
    rows = _rows(folder)
    bad = [row for row in rows if row.role == "train_defect"]
    tested = [(row.path, 0) for row in rows if row.role == "test_good"] + [(row.path, 1) for row in bad]
    references = [row.path for row in rows if row.role == "ref_good"]
    return TestSet(
        "cookie-masks", [path for path, _ in tested], [b for _, b in tested], references, marked_in={row.path: row.marked_in for row in bad}
    )


def turned(straight: TestSet, folder: Path) -> TestSet:
    """Every photo turned by an angle of its own; the corners go on as the photo's edge does."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    copies = {path: _turned_copy(path, folder, float(draw.uniform(0, 360))) for path in sorted({*straight.photos, *straight.references})}
    return TestSet("turned", [copies[p] for p in straight.photos], straight.bad, [copies[p] for p in straight.references])


def deeppcb(folder: Path, tested: int) -> TestSet:
    rows = _rows(folder)
    template = {row.extra: row.path for row in rows if row.role == "ref_good_pair"}
    board = {row.extra: row for row in rows if row.role == "test_defect"}
    order = [sorted(board)[i] for i in np.random.default_rng(0).permutation(len(board))]
    good, bad = [template[name] for name in order[:tested]], [board[name].path for name in order[:tested]]
    return TestSet(
        "deeppcb", [*good, *bad], [0] * len(good) + [1] * len(bad), [template[name] for name in order[tested:]],
        own_good=dict(zip(bad, good, strict=True)), marked_in={board[name].path: board[name].marked_in for name in order[:tested]},
    )  # fmt: skip


def screws(folder: Path) -> TestSet:
    rows = _rows(folder)
    return _split("screws", [r.path for r in rows if r.role == "ref_good"], [r.path for r in rows if r.role == "train_defect"], 11, 73)


def mask(test: TestSet, path: Path, shape: tuple[int, int]) -> Mask:
    """Where the photo's defects lie, on a copy of it of that shape (rows, columns); nowhere on a good one."""
    marked = test.marked_in.get(path)
    if marked is None:
        return np.zeros(shape, bool)
    full = _boxes(marked, path) if marked.suffix == ".txt" else _painted(marked)
    return np.asarray(cv2.resize(full.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA) >= 0.5)


def _painted(path: Path) -> Mask:
    """What is not the ground's colour; edges are smooth, half of the way counts."""
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB")).astype(float)
    colours, counts = np.unique(rgb.reshape(-1, 3), axis=0, return_counts=True)
    away = np.linalg.norm(rgb - colours[counts.argmax()], axis=2)
    return np.asarray(away >= away.max() / 2)


def _boxes(path: Path, photo_path: Path) -> Mask:
    with Image.open(photo_path) as image:
        drawn = np.zeros((image.height, image.width), bool)
    for line in path.read_text().splitlines():
        if line.strip():
            left, top, right, bottom = map(int, line.replace(",", " ").split()[:4])
            drawn[top:bottom, left:right] = True
    return drawn


@dataclass(frozen=True)
class _Row:
    path: Path
    role: str
    marked_in: Path
    extra: str


def _rows(folder: Path) -> list[_Row]:
    with (folder / "manifest.csv").open() as file:
        return [_Row(folder / r["file"], r["role"], folder / r["mask_or_label"], r["extra"]) for r in csv.DictReader(file)]


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


def _split(name: str, good: Sequence[Path], bad: Sequence[Path], tested: int, tested_bad: int | None = None) -> TestSet:
    tested_bad = tested if tested_bad is None else tested_bad
    draw = np.random.default_rng(0)
    good, bad = ([sorted(paths)[i] for i in draw.permutation(len(paths))] for paths in (good, bad))
    shown = [*good[:tested], *bad[:tested_bad]]
    return TestSet(name, shown, [0] * len(good[:tested]) + [1] * len(bad[:tested_bad]), list(good[tested:]))
