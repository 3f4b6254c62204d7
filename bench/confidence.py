"""Fits the confidence: how often the score's side of the threshold is the right one, against how far the score is from it.

On photos that no bench tests on: the cookie set's training roles and the screws (both good references and known defects), with 4 and with
16 references, the rest judged. Prints the slope for `kenpin.tools.vision.score` and how well the fitted curve holds.

    python bench/confidence.py --photos FOLDER
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from kenpin.tools.vision import photo
from kenpin.tools.vision.eye import Eye, ReferencePhoto

HERE = Path(__file__).parent
SETS = ("aws_cookie", "aaronzink_screws")
REFERENCES = (4, 16)
DRAWS = 3


def judged(eye: Eye, folder: Path) -> list[tuple[float, bool]]:
    """Logarithm of the score, and whether the photo is bad: defective ones weighted to as many as good ones by drawing."""
    with (folder / "manifest.csv").open() as file:
        rows = [(folder / row["file"], row["role"]) for row in csv.DictReader(file)]
    good = [path for path, role in rows if role == "ref_good"]
    bad = [path for path, role in rows if role == "train_defect"]
    seen = []
    for draw in range(DRAWS):
        order = np.random.default_rng(draw).permutation(len(good))
        for count in REFERENCES:
            references = [ReferencePhoto(sha256=photo.digest(good[i]), path=good[i]) for i in order[:count]]
            rest = [good[i] for i in order[count:]]
            several = [bad[i] for i in np.random.default_rng(draw).permutation(len(bad))[: len(rest)]]
            seen += [(float(np.log(eye.judge(path, references).score)), False) for path in rest]
            seen += [(float(np.log(eye.judge(path, references).score)), True) for path in several]
    return seen


def fitted_slope(away: np.ndarray, right: np.ndarray) -> float:
    """Slope of 1 / (1 + exp(-slope * away)) with the least log loss, on a grid."""
    slopes = np.linspace(0.1, 20, 400)
    chance = np.clip(1 / (1 + np.exp(-slopes[:, None] * away)), 1e-6, 1 - 1e-6)
    loss = -(right * np.log(chance) + ~right * np.log(1 - chance)).mean(1)
    return float(slopes[np.argmin(loss)])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--photos", type=Path, default=HERE.parent.parent / "shared" / "data", help="folder that holds the two sets")
    arguments.add_argument("--cache", type=Path, default=HERE / ".cache")
    given = arguments.parse_args()
    eye = Eye(cache=given.cache)
    seen = [pair for name in SETS for pair in judged(eye, given.photos / name)]
    score, bad = np.array([s for s, _ in seen]), np.array([b for _, b in seen])
    away, right = np.abs(score), (score > 0) == bad
    slope = fitted_slope(away, right)
    table = Table(title=f"slope {slope:.2f}; {len(seen)} photos judged, {right.mean():.3f} on the right side")
    for column in ("confidence stated", "photos", "right"):
        table.add_column(column)
    stated = 1 / (1 + np.exp(-slope * away))
    for low, high in ((0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.01)):
        chosen = (stated >= low) & (stated < high)
        table.add_row(f"{low:.1f} to {min(high, 1):.1f}", str(chosen.sum()), f"{right[chosen].mean():.3f}" if chosen.any() else "-")
    for name, of in (("good", ~bad), ("bad", bad)):
        table.add_row(f"all {name} photos", str(of.sum()), f"{right[of].mean():.3f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
