"""What a tested photo may go through before its defects are missed: AUROC by change and strength, with the references as they were taken.

Each tested photo is changed and compared with the same references, which are not changed; the loss is against the photo as it was taken.
Beside it the share of good photos called not OK and of bad ones called OK, at the eye's own limits: a change may leave the order of the
photos as it is and move all of them. What a change uncovers at the photo's border is its mirror image. Blur and noise are those of a
photo with a long side of 448 px. In the bot a gate asks for a better photo before any verdict (bench/quality.py); here it is left out.

    python bench/robustness.py --sets mono,local,global,turned --tested 40 --draws 3
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sets import TITLES, TestSet, named
from sklearn.metrics import roc_auc_score

from kenpin.storage.vocabulary import Verdict
from kenpin.tools.vision import photo
from kenpin.tools.vision.eye import Eye, ReferencePhoto

REFERENCES = 4
LONG_SIDE_PX = 448  # in which blur is given
HERE = Path(__file__).parent
Rgb = NDArray[np.uint8]


# --- the changes ----------------------------------------------------------------------------------------------------------------------


def turned(rgb: Rgb, degrees: float) -> Rgb:
    return _moved(rgb, cv2.getRotationMatrix2D((rgb.shape[1] / 2, rgb.shape[0] / 2), degrees, 1.0))


def shifted(rgb: Rgb, share: float) -> Rgb:
    """To the right and down, by that share of the sides."""
    return _moved(rgb, np.array([[1.0, 0.0, share * rgb.shape[1]], [0.0, 1.0, share * rgb.shape[0]]]))


def scaled(rgb: Rgb, factor: float) -> Rgb:
    """Around the middle; the photo keeps its size."""
    return _moved(rgb, cv2.getRotationMatrix2D((rgb.shape[1] / 2, rgb.shape[0] / 2), 0.0, factor))


def lit(rgb: Rgb, factor: float) -> Rgb:
    return np.asarray(np.clip(rgb * factor, 0, 255), np.uint8)


def blurred(rgb: Rgb, sigma_px: float) -> Rgb:
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma_px * max(rgb.shape[:2]) / LONG_SIDE_PX), np.uint8)


def noisy(rgb: Rgb, sigma_levels: float) -> Rgb:
    return np.asarray(np.clip(rgb + np.random.default_rng(0).normal(0, sigma_levels, rgb.shape), 0, 255), np.uint8)


def packed(rgb: Rgb, quality: float) -> Rgb:
    _, encoded = cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)[:, :, ::-1]


def _moved(rgb: Rgb, matrix: NDArray[np.float64]) -> Rgb:
    size_wh = (rgb.shape[1], rgb.shape[0])
    return np.asarray(cv2.warpAffine(rgb, matrix, size_wh, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101), np.uint8)


CHANGES: tuple[tuple[str, Callable[[Rgb, float], Rgb], tuple[float, ...], str], ...] = (
    ("turned", turned, (5, 15, 45, 90), "{:g}°"),
    ("shifted", shifted, (0.05, 0.15), "{:.0%} of the sides"),
    ("smaller", scaled, (0.85, 0.7), "x {:g}"),
    ("larger", scaled, (1.15, 1.3), "x {:g}"),
    ("darker", lit, (0.75, 0.5), "x {:g}"),
    ("brighter", lit, (1.15, 1.3), "x {:g}"),
    ("blurred", blurred, (1, 2), "{:g} px"),
    ("noisier", noisy, (5, 12), "{:g} grey levels"),
    ("JPEG", packed, (60, 30), "quality {:g}"),
)


# --- measuring ------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    auroc: float
    false_alarms: float  # share of good photos called not OK
    misses: float  # share of bad photos called OK


def measure(eye: Eye, test: TestSet, draws: Sequence[Sequence[ReferencePhoto]], change: Callable[[Rgb], Rgb], folder: Path) -> list[Result]:
    """One a draw. A photo is looked at once and compared with the references of every draw."""
    scores, verdicts = np.zeros((len(draws), len(test.photos))), np.empty((len(draws), len(test.photos)), object)
    for index, path in enumerate(test.photos):
        copy = folder / "changed.png"
        cv2.imwrite(str(copy), change(photo.read(path).rgb)[:, :, ::-1])
        for draw, references in enumerate(draws):
            sight = eye.compare(copy, references)
            scores[draw, index], verdicts[draw, index] = sight.anomaly_score, sight.verdict
    bad = np.array(test.bad, bool)
    return [
        Result(float(roc_auc_score(bad, s)), float((v[~bad] == Verdict.NOT_OK).mean()), float((v[bad] == Verdict.OK).mean()))
        for s, v in zip(scores, verdicts, strict=True)
    ]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sets", default="mono,local,global,turned", help="which sets, with commas between")
    arguments.add_argument("--draws", type=int, default=3)
    arguments.add_argument("--tested", type=int, default=40, help="good and bad photos tested of elpv and textile, each")
    arguments.add_argument("--photos", type=Path, default=HERE.parent.parent / "shared" / "data", help="where the sets' folders lie")
    arguments.add_argument("--cache", type=Path, default=HERE / ".cache")
    given = arguments.parse_args()
    eye, console, noise = Eye(cache=given.cache), Console(width=160), Console(stderr=True)
    table = Table(title=f"{eye.model}; {REFERENCES} references, {given.draws} draws; mean", box=box.MARKDOWN)
    for column in ("set", "change", "strength", "AUROC", "loss", "false alarms", "misses"):
        table.add_column(column)
    every = [("as taken", lambda rgb, _: rgb, 0.0, "")]
    every += [(name, change, strength, words.format(strength)) for name, change, strengths, words in CHANGES for strength in strengths]
    names = given.sets.split(",")
    with tempfile.TemporaryDirectory() as folder, Progress(console=noise) as progress:
        task = progress.add_task("sets and changes", total=len(names) * len(every))
        for name in names:
            test = named(name, given.photos, given.cache, given.tested)
            drawn = (test.drawn(draw)[:REFERENCES] for draw in range(given.draws))
            draws = [[ReferencePhoto(sha256=photo.digest(path), path=path) for path in paths] for paths in drawn]
            usual = None
            for change, way, strength, words in every:
                results = measure(eye, test, draws, lambda rgb, way=way, strength=strength: way(rgb, strength), Path(folder))
                auroc, false_alarms, misses = (
                    float(np.mean([getattr(r, f) for r in results])) for f in ("auroc", "false_alarms", "misses")
                )
                usual = auroc if usual is None else usual
                row = (f"{auroc:.3f}", f"{usual - auroc:.3f}", f"{false_alarms:.3f}", f"{misses:.3f}")
                table.add_row(TITLES[name], change, words, *row)
                progress.console.print(name, change, words, *row)  # at once: the whole takes long
                progress.advance(task)
    console.print(table)


if __name__ == "__main__":
    main()
