"""How far a stated confidence is from the share of verdicts that are right, by set and by labelled photos a class.

Fitted on the part's own labels alone: n good references, scored against each other, and n labelled defects (`kenpin.tools.calibration`).
Tried on photos that were never drawn, good and bad weighing the same. "Before" is the eye's own confidence. An expected calibration error
(ECE) is never 0 on few photos: "by chance" is what exact confidences would show on as many, "debiased" is the root mean square of the error
less what chance adds (Kumar et al. 2019).

    python bench/calibration.py --sets mono,poly,local,global,cookie --draws 5
    python bench/calibration.py --prior        what the stated prior rests on: sets on which nothing is tested
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from draws import SETS, SHOTS, Photos, Scored, labels, named, scored
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from kenpin.tools.calibration import SUREST, calibrate, error
from kenpin.tools.vision import score
from kenpin.tools.vision.eye import Eye

HERE = Path(__file__).parent
COLUMNS = ("ECE before", "ECE after", "by chance", "debiased", "ECE of P(bad)", "Brier before", "Brier after", "right")


def measured(of: Scored) -> tuple[float, ...]:
    """In the order of COLUMNS."""
    is_bad = np.array(of.tested_bad)
    calibration = calibrate(labels(of))
    after = np.array([calibration.probability_bad(one) for one in of.tested])
    before = np.array([score.confidence(one) if one > 1 else 1 - score.confidence(one) for one in of.tested])
    weight = np.where(is_bad, 0.5 / is_bad.sum(), 0.5 / (~is_bad).sum())
    first, then, chance = error(before, is_bad), error(after, is_bad), error(after, is_bad, of_verdict=False)
    brier = [float(weight @ (p - is_bad) ** 2) for p in (before, after)]
    right = float(weight @ ((after > 0.5) == is_bad))
    return first.expected, then.expected, then.by_chance, then.debiased, chance.expected, *brier, right


def prior(eye: Eye, photos: Path, cache: Path, draws: int) -> Table:
    """Logarithms of the scores of photos that were not learnt from, of the cookie set's training roles and the screws."""
    table = Table(title=f"{eye.model}; logarithms of scores, mean and spread")
    for column in ("set", "references", "good", "bad"):
        table.add_column(column)
    pooled: dict[bool, list[np.ndarray]] = {False: [], True: []}
    for name in ("aws_cookie", "aaronzink_screws"):
        with (photos / name / "manifest.csv").open() as file:
            rows = [(photos / name / row["file"], row["role"]) for row in csv.DictReader(file)]
        good, bad = ([path for path, role in rows if role == wanted] for wanted in ("ref_good", "train_defect"))
        for n in (4, 8, 16):
            seen: dict[bool, list[np.ndarray]] = {False: [], True: []}
            for draw in range(draws):
                order = np.random.default_rng(draw).permutation(len(good))
                rest = [good[i] for i in order[n:]]
                of = Photos([good[i] for i in order[:n]], bad[:n], [*rest, *bad[n:]], [False] * len(rest) + [True] * len(bad[n:]))
                (_, _, found), *_ = scored(eye, f"{name}-train-{draw}", of, 1, cache, (n,))
                for state in (False, True):
                    chosen = np.log([s for s, is_bad in zip(found.tested, found.tested_bad, strict=True) if is_bad is state])
                    seen[state].append(chosen)
                    pooled[state].append(np.random.default_rng(draw).choice(chosen, 100))  # each draw of each set weighs the same
            table.add_row(name, str(n), *(_mean_and_spread(np.concatenate(seen[state])) for state in (False, True)))
    table.add_row("all", "", *(_mean_and_spread(np.concatenate(pooled[state])) for state in (False, True)))
    return table


def _mean_and_spread(x: np.ndarray) -> str:
    return f"{x.mean():.2f}, {x.std():.2f}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sets", default=",".join(SETS), help="which sets, with commas between")
    arguments.add_argument("--draws", type=int, default=5)
    arguments.add_argument("--tested", type=int, default=150, help="good and bad photos tested of elpv and textile, each")
    arguments.add_argument("--labelled", default=",".join(map(str, SHOTS)), help="labelled photos a class, with commas between")
    arguments.add_argument("--prior", action="store_true")
    arguments.add_argument("--photos", type=Path, default=HERE.parent.parent / "shared" / "data", help="folder that holds the other sets")
    arguments.add_argument("--cache", type=Path, default=HERE / ".cache")
    given = arguments.parse_args()
    eye = Eye(cache=given.cache)
    if given.prior:
        Console(width=110).print(prior(eye, given.photos, given.cache, given.draws))
        return
    shots = tuple(int(n) for n in given.labelled.split(","))
    table = Table(title=f"{eye.model}; {given.draws} draws, {given.tested} + {given.tested} tested; stated at most {SUREST}; mean (sd)")
    for column in ("set", "labelled a class", *COLUMNS):
        table.add_column(column)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("sets, draws, labelled photos", total=len(given.sets.split(",")) * given.draws * len(shots))
        for name in given.sets.split(","):
            if name == "cookie" and not (given.photos / "aws_cookie").is_dir():
                sys.exit(f"The set cookie needs the folder aws_cookie under {given.photos}. Name another with --photos, or leave it out.")
            found: dict[int, list[tuple[float, ...]]] = defaultdict(list)
            for _, n, of in scored(eye, name, named(name, given.photos, given.tested), given.draws, given.cache, shots):
                found[n].append(measured(of))
                progress.advance(task)
            for n, several in found.items():
                means, spreads = np.mean(several, 0), np.std(several, 0)
                table.add_row(name, str(n), *(f"{m:.3f} ({s:.3f})" for m, s in zip(means, spreads, strict=True)))
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
