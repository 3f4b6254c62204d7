"""What leaving the least sure photos to a person buys: escapes and overkill, and whether a part's targets hold.

The first table orders the tested photos by confidence and leaves the least sure 0 to 50 % to a person (good and bad photos half each):
escapes in 100 bad ones and overkill in 100 good ones among the answers that remain. The second sets targets and counts what came of them.
Labels as in bench/calibration.py: n good references and n labelled defects, tried on photos that were never drawn.

    python bench/risk.py --sets mono,poly,local,global,cookie --draws 5
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from draws import SETS, Scored, labels, named, scored
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from kenpin.storage.vocabulary import Targets
from kenpin.tools import bands
from kenpin.tools.calibration import calibrate
from kenpin.tools.vision.eye import Eye

HERE = Path(__file__).parent
LEFT = (0, 5, 10, 20, 30, 50)  # in 100
AIMED = (1, 2, 5)  # in 100, of escapes and of overkill
LABELLED = (4, 16, 32)


def against_coverage(of: Scored) -> list[tuple[float, float]]:
    """Escapes in 100 bad photos and overkill in 100 good ones, for each of LEFT."""
    is_bad, calibration = np.array(of.tested_bad), calibrate(labels(of))
    bad = np.array([calibration.probability_bad(one) for one in of.tested])
    order = np.argsort(np.maximum(bad, 1 - bad), kind="stable")
    weight = np.where(is_bad, 0.5 / is_bad.sum(), 0.5 / (~is_bad).sum())
    found = []
    for left in LEFT:
        answered = np.zeros(len(bad), bool)
        answered[order[np.cumsum(weight[order]) > left / 100 + 1e-9]] = True
        found.append(
            (100 * float((answered & (bad <= 0.5))[is_bad].mean()), 100 * float((answered & (bad > 0.5))[~is_bad].mean())),
        )
    return found


def at_targets(of: Scored) -> list[tuple[float, float, float]]:
    """Escapes, overkill, and what is left to a person, each in 100; without a target, then for each of AIMED."""
    is_bad, tested = np.array(of.tested_bad), np.array(of.tested)
    calibration, own = calibrate(labels(of)), (of.limits[0], of.limits[1])
    found = []
    for targets in (Targets(), *(Targets(escapes=aim, overkill=aim) for aim in AIMED)):
        lower, upper = bands.limits(calibration, targets, own)
        between = (tested >= lower) & (tested <= upper)
        left = (between[is_bad].mean() + between[~is_bad].mean()) / 2
        found.append((100 * float((tested[is_bad] < lower).mean()), 100 * float((tested[~is_bad] > upper).mean()), 100 * float(left)))
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sets", default=",".join(SETS), help="which sets, with commas between")
    arguments.add_argument("--draws", type=int, default=5)
    arguments.add_argument("--tested", type=int, default=150, help="good and bad photos tested of elpv and textile, each")
    arguments.add_argument("--photos", type=Path, default=HERE.parent.parent / "shared" / "data", help="folder that holds aws_cookie")
    arguments.add_argument("--cache", type=Path, default=HERE / ".cache")
    given = arguments.parse_args()
    eye = Eye(cache=given.cache)
    coverage = Table(title=f"{eye.model}; {given.draws} draws; escapes / overkill in 100, when the least sure are left to a person")
    aimed = Table(title="escapes / overkill / left to a person, in 100, by the target for escapes and for overkill")
    for table, columns in ((coverage, [f"{left} % left" for left in LEFT]), (aimed, ["none", *(f"{aim} in 100" for aim in AIMED)])):
        for column in ("set", "labelled a class", *columns):
            table.add_column(column)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("sets, draws, labelled photos", total=len(given.sets.split(",")) * given.draws * len(LABELLED))
        for name in given.sets.split(","):
            if name == "cookie" and not (given.photos / "aws_cookie").is_dir():
                sys.exit(f"The set cookie needs the folder aws_cookie under {given.photos}. Name another with --photos, or leave it out.")
            risks: dict[int, list[list[tuple[float, float]]]] = defaultdict(list)
            kept: dict[int, list[list[tuple[float, float, float]]]] = defaultdict(list)
            for _, n, of in scored(eye, name, named(name, given.photos, given.tested), given.draws, given.cache, LABELLED):
                risks[n].append(against_coverage(of))
                kept[n].append(at_targets(of))
                progress.advance(task)
            for n in risks:
                coverage.add_row(name, str(n), *(" / ".join(f"{v:.1f}" for v in cell) for cell in np.mean(risks[n], 0)))
                aimed.add_row(name, str(n), *(" / ".join(f"{v:.1f}" for v in cell) for cell in np.mean(kept[n], 0)))
    Console(width=150).print(coverage)
    Console(width=150).print(aimed)


if __name__ == "__main__":
    main()
