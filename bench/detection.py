"""How well strange photos are told from good ones: image AUROC, and false alarms and misses at the verdict, by set and references.

One score and one setting for all sets; nothing here is fitted. For each draw, k good photos are drawn from those that are not tested on;
the test photos stay the same: 150 good and 150 bad ones of elpv-dataset (defect probability 0.0 against 1.0; mono, poly) and of
conformal-clip-data (nominal against local, nominal against global), and, where their folders are at hand (`--photos`), the 14 + 8 of the
cookies, as taken and with every photo and reference turned by a random angle, 100 + 100 of DeepPCB, and the screws. bench/rivals.py sets
others beside it on the same photos.

    python bench/detection.py --sets mono,poly,local,global,cookie,turned,deeppcb,screws --draws 5
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sets import TITLES, TestSet, named
from sklearn.metrics import roc_auc_score

from kenpin.storage.vocabulary import Verdict
from kenpin.tools.vision import photo
from kenpin.tools.vision.eye import Eye, ReferencePhoto

SETS = ("mono", "poly", "local", "global", "cookie", "turned", "deeppcb", "screws")
REFERENCES = (1, 2, 4, 8, 16)
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Result:
    auroc: float
    false_alarms: float  # share of good photos called not OK
    misses: float  # share of bad photos called OK
    unsure: float  # share of all photos handed to a person


def measure(eye: Eye, test: TestSet, draws: int, references: Sequence[int]) -> Iterator[tuple[int, Result]]:
    bad = np.array(test.bad)
    for draw in range(draws):
        drawn = [ReferencePhoto(sha256=photo.digest(path), path=path) for path in test.drawn(draw)]
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
    arguments.add_argument("--photos", type=Path, default=HERE.parent.parent / "shared" / "data", help="where the sets' folders lie")
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
            for count, result in measure(eye, named(name, given.photos, given.cache, given.tested), given.draws, references):
                results[count].append(result)
                progress.advance(task)
            for count, several in results.items():
                figures = ([getattr(r, f) for r in several] for f in ("auroc", "false_alarms", "misses", "unsure"))
                table.add_row(TITLES[name], str(count), *(f"{np.mean(v):.3f} ({np.std(v):.3f})" for v in figures))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
