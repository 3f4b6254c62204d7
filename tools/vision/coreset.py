"""Which of many patches stand for all of them: greedy k-center, as in PatchCore (arXiv 2106.08265, section 3.2).

Again and again the patch furthest from all that are chosen is chosen: what is rare among good photos is kept, and what they all show is
kept once. Patches are compared by random projections of them (Johnson and Lindenstrauss), for a twelfth of the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kenpin.tools.vision.backbone import Array

PROJECTED = 64  # numbers a patch while it is chosen among
Numbering = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Chosen patches, and how all of them lie to these."""

    short: Array  # (n, PROJECTED)
    chosen: Numbering  # (k,), in the order chosen
    nearest: Numbering  # (n,): the chosen patch that each is nearest to, by its place in `chosen`
    away: Array  # (n,): squared distance to it

    def without(self, left_out: NDArray[np.bool_]) -> Numbering:
        """As many patches of those not left out (n,): what was chosen of them stays, and the gaps are filled.

        Only patches whose nearest chosen one is left out are measured again, so this costs a thirtieth of choosing anew.
        """
        stays = ~left_out[self.chosen]
        chosen, away = self.chosen[stays], self.away.copy()
        bereft = np.flatnonzero(~stays[self.nearest] & ~left_out)
        to = self.short[chosen]
        away[bereft] = _squared(self.short[bereft], to).min(axis=1, initial=np.inf)
        away[left_out] = -np.inf
        count = min(len(self.chosen), int((~left_out).sum())) - len(chosen)
        more = _furthest(self.short, away, np.zeros(len(away), np.intp), count, len(chosen))
        return np.sort(np.concatenate([chosen, more]))


def spread(patches: Array, count: int) -> Spread:
    """`count` of the patches (n, width), at most n; the same patches give the same."""
    short = patches @ _projection(patches.shape[1])
    first = int(np.argmin(np.square(short - short.mean(0)).sum(1)))
    nearest, away = np.zeros(len(short), np.intp), np.square(short - short[first]).sum(1)
    more = _furthest(short, away, nearest, count - 1, 1)
    return Spread(short=short, chosen=np.concatenate([[first], more]), nearest=nearest, away=away)


def _furthest(short: Array, away: Array, nearest: Numbering, count: int, place: int) -> Numbering:
    """The next `count`, the furthest first. `away` and `nearest` are brought up to date; the first of them is numbered `place`."""
    squares, chosen = np.square(short).sum(1), np.zeros(count, np.intp)
    for i in range(count):
        chosen[i] = at = int(np.argmax(away))
        to = squares - 2 * (short @ short[at]) + squares[at]
        closer = to < away
        away[closer], nearest[closer] = to[closer], place + i
    return chosen


def _squared(one: Array, other: Array) -> Array:
    """(n, d), (m, d) -> (n, m): squared distances."""
    return np.asarray(np.square(one).sum(1)[:, None] - 2 * one @ other.T + np.square(other).sum(1))


@lru_cache(maxsize=4)
def _projection(width: int) -> Array:
    return np.asarray(np.random.default_rng(0).normal(size=(width, PROJECTED)) / PROJECTED**0.5, np.float32)
