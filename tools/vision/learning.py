"""How a part is learnt from its good photos: looked at one after another, kept in bounded banks, and each compared with the others.

Nothing here grows with the number of photos but the time of looking at each once: of many photos each gives a share of its patches to
the banks, and the first LEFT_OUT of them, in the order of their digests, say how much good photos differ. Adding one photo to a thousand
looks at that one and measures again; the others' patches are read back from disk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kenpin.tools.vision import score, tiles, view
from kenpin.tools.vision.bank import Bank, Pool
from kenpin.tools.vision.foreground import Lie
from kenpin.tools.vision.learnt import InTiles, Learnt, measured, measured_in_tiles, unit_mean
from kenpin.tools.vision.looking import Looking
from kenpin.tools.vision.score import Numbers
from kenpin.tools.vision.sight import ReferencePhoto
from kenpin.tools.vision.tiles import Tiled
from kenpin.tools.vision.view import View

REVISION = "learning-2"  # raise it when parts that were learnt before would be learnt differently now
POOL = 32768  # patches a bank is drawn from, 100 MiB while it is learnt; 41 photos that fill their views are not thinned
LEFT_OUT = 64  # photos that are compared with the others; of 64 the mean score is known to an eighth of the score's own spread
IN_TILES = 16  # photos of a part that are looked at in tiles
MARKED = 0.998  # share of a good photo's patches that stay unmarked ...
MARKED_IN_TILES = 0.9995  # ... and of its finer ones: five places of sixteen tiles
LEAST_LEVEL = 1e-3


@dataclass(frozen=True)
class _Lesson:
    """Different good photos of one part, in the order of their digests."""

    good: Sequence[ReferencePhoto]
    looking: Looking
    close: bool  # whether parts are cut out of their bench

    def view(self, number: int, turn_deg: float = 0.0) -> View:
        one = self.good[number]
        return self.looking.view_of(one.sha256, one.path, close=self.close, turn_deg=turn_deg, keep=True)

    def views(self, number: int, photos: int) -> list[View]:
        """Turned as often as one of so many photos is, as it lies first."""
        upright = self.view(number)
        return [upright, *(self.view(number, turn) for turn in view.turns(upright.lie, photos)[1:])]

    def in_tiles(self, number: int, seen: View, count: int) -> Tiled:
        return self.looking.in_tiles(self.good[number].sha256, self.good[number].path, seen, count, keep=True)

    def tiles_filled(self, number: int, seen: View) -> int:
        return self.looking.tiles_filled(self.good[number].path, seen)


def learn(good: Sequence[ReferencePhoto], looking: Looking, progress: Callable[[int, int], None] | None) -> Learnt:
    """From one or more different good photos, in the order of their digests. `progress(done, of)` is called after each was looked at."""
    lies = []
    for done, one in enumerate(good, 1):
        lies.append(looking.view_of(one.sha256, one.path, close=True, keep=True).lie)
        if progress:
            progress(done, len(good))
    of = _Lesson(good, looking, close=sum(lie is not Lie.FILLS for lie in lies) * 2 > len(good))
    pool, coarse_pool = Pool(len(good), POOL), Pool(len(good), POOL)
    means, filled = [], []
    for number in range(len(good)):
        views = of.views(number, len(good))
        pool.add(np.concatenate([v.of_part for v in views]))
        coarse_pool.add(np.concatenate([v.coarse_of_part for v in views]))
        means.append(unit_mean(views[0].coarse_of_part))
        filled.append(of.tiles_filled(number, views[0]))
    fine, coarse, wholes = pool.bank(), coarse_pool.bank(), np.stack(means)
    if len(good) == 1:
        left_out, level = _against_itself(of.view(0), fine, coarse)
    else:
        measures = []
        for number in range(min(len(good), LEFT_OUT)):
            others, afar = pool.bank_without(number, fine.shortener), coarse_pool.bank_without(number, coarse.shortener)
            measures.append(measured(of.view(number), others, afar, np.delete(wholes, number, axis=0)))
        left_out = np.stack([statistic for _, statistic in measures])
        level = float(np.mean([np.quantile(distances, MARKED) for distances, _ in measures]))
    count = sorted(filled)[(len(filled) - 1) // 2]
    large = [number for number in range(len(left_out)) if filled[number] >= count][:IN_TILES] if count else []
    return Learnt(
        close=of.close, bank=fine, coarse_bank=coarse, wholes=wholes, left_out=left_out, level=max(level, LEAST_LEVEL),
        tiles=_in_tiles(of, large, count, left_out) if len(large) > 1 else None,
    )  # fmt: skip


def _against_itself(seen: View, fine: Bank, coarse: Bank) -> tuple[Numbers, float]:
    own = fine.own_distances(seen.of_part, seen.part)
    afar = coarse.own_distances(seen.coarse_of_part, seen.coarse_part)
    return score.own_statistics(own, afar)[None], float(np.quantile(own, MARKED))


def _in_tiles(of: _Lesson, large: Sequence[int], count: int, left_out: Numbers) -> InTiles:
    """large: two or more of the photos by their numbers, all among those left out."""
    pool = Pool(len(large), tiles.POOL, tiles.MOST_PATCHES)
    for number in large:
        views = of.views(number, max(len(of.good), tiles.TURNED_ALL))
        pool.add(np.concatenate([of.in_tiles(number, seen, count).of_part for seen in views]))
    bank = pool.bank()
    statistics, levels = [], []
    for place, number in enumerate(large):
        seen, others = of.in_tiles(number, of.view(number), count), pool.bank_without(place, bank.shortener)
        distances, sixth = measured_in_tiles(seen, others, len(large) - 1)
        statistics.append(np.append(left_out[number], sixth))
        levels.append(np.quantile(distances, MARKED_IN_TILES))
    level = max(float(np.mean(levels)), LEAST_LEVEL)
    return InTiles(count=count, bank=bank, which=np.array(large), left_out=np.stack(statistics), level=level)
