"""How often a real part is turned away as "not this part", and how often a photo of something else is.

For each set k good photos are drawn as the part's references from those that are not tested on. Its good and bad test photos are real
parts: turning one away is a mistake. Then every other set's test photos are asked about as if they showed this part, twice: with no other
part on record, and with every other set known by as many good photos. Nothing is fitted here; tools/domain.py's numbers were chosen on
other photos of the same sets, so the sets are not new to it, only the photos.

    python bench/domain.py --sets mono,poly,local,global,cookie --tested 30 --draws 2
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sets import named

from kenpin.tools import domain
from kenpin.tools.vision import photo, score
from kenpin.tools.vision.eye import Eye, ReferencePhoto

REFERENCES = (1, 4, 16)
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Part:
    """A set as a part: its references and its test photos."""

    name: str
    references: list[ReferencePhoto]
    good: list[Path]
    bad: list[Path]


def parts(names: Sequence[str], photos: Path, cache: Path, tested: int, count: int, draw: int) -> list[Part]:
    found = []
    for name in names:
        one = named(name, photos, cache, tested)
        order = np.random.default_rng(100 + draw).permutation(len(one.references))[:count]
        drawn = [ReferencePhoto(sha256=photo.digest(one.references[i]), path=one.references[i]) for i in order]
        labelled = list(zip(one.photos, one.bad, strict=True))
        found.append(Part(name, drawn, [p for p, bad in labelled if not bad], [p for p, bad in labelled if bad]))
    return found


def away(eye: Eye, path: Path, part: Part) -> float:
    z = eye.judge(path, part.references).z
    return z[score.WHOLE] + z[score.BULK]


def turned_away(eye: Eye, path: Path, part: Part, others: Sequence[Part]) -> bool:
    how_far = away(eye, path, part)
    if how_far < domain.SUSPECT:
        return False
    own = dict(eye.recognise(path, {part.name: part.references}).candidates)[part.name]
    seen = eye.recognise(path, {one.name: one.references for one in (part, *others)})
    return domain.decided(how_far, own, domain.nearer(seen, part.name))[0]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sets", default="mono,poly,local,global,cookie", help="which sets, with commas between")
    arguments.add_argument("--draws", type=int, default=2)
    arguments.add_argument("--tested", type=int, default=30, help="good and bad photos tested of elpv and textile, each")
    arguments.add_argument("--strangers", type=int, default=8, help="photos of each other set that are asked about as this part")
    arguments.add_argument("--photos", type=Path, default=HERE.parent.parent / "shared" / "data", help="folder that holds aws_cookie")
    arguments.add_argument("--cache", type=Path, default=HERE / ".cache")
    given = arguments.parse_args()
    eye = Eye(cache=given.cache)
    names = given.sets.split(",")
    table = Table(title=f"{eye.model}; {given.draws} draws; photos turned away, in 100")
    for column in ("part", "references", "its good photos", "its bad photos", "other things, alone", "other things, known"):
        table.add_column(column)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("sets, references, draws", total=len(names) * len(REFERENCES) * given.draws)
        for name in names:
            for count in REFERENCES:
                rates = []
                for draw in range(given.draws):
                    every = parts(names, given.photos, given.cache, given.tested, count, draw)
                    mine = next(part for part in every if part.name == name)
                    # The two textile sets have one kind of cloth: one is no stranger to the other.
                    others = [part for part in every if part.name != name and {part.name, name} != {"local", "global"}]
                    strangers = [
                        path for part in others for path in (*part.good, *part.bad)[:: max(1, 2 * given.tested // given.strangers)]
                    ]
                    asked = [(mine.good, ()), (mine.bad, ()), (strangers, ()), (strangers, others)]
                    rates.append([100 * np.mean([turned_away(eye, path, mine, known) for path in paths]) for paths, known in asked])
                    progress.advance(task)
                row = (name, str(count), *(f"{rate:.1f}" for rate in np.mean(rates, axis=0)))
                progress.console.print(*row)  # at once: the whole takes long
                table.add_row(*row)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
