"""The memory bank: patches of good photos, few enough to search in a moment.

A search first finds the nearest patch among short codes (principal directions of the bank), then measures the true distance to it. That
costs a sixth of measuring every distance in full, and the budget for everything beside the network is a quarter of the network's time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from kenpin.tools.vision import coreset
from kenpin.tools.vision.backbone import Array

MOST_PATCHES = 4096
AT_ONCE = 1024  # patches searched for together: what a search takes beside the bank stays below 40 MiB
EVEN_UP_TO = 16  # photos; what docs/benchmarks.md says was measured with up to so many
CODE = 64  # numbers a short code
BESIDE = 3  # patches: what lies closer on the same photo is the same thing seen twice


@dataclass(frozen=True, kw_only=True)
class Shortener:
    """Turns a patch into its short code."""

    directions: Array  # (width, CODE)
    middle: Array  # (width,)

    def codes(self, patches: Array) -> Array:
        """(n, width) -> (n, CODE)"""
        short: Array = patches @ self.directions - self.middle @ self.directions
        return short


@dataclass(frozen=True, kw_only=True)
class Bank:
    """Unit-length patches (n, width) and their short codes, each followed by half its squared length, negated."""

    patches: Array
    keys: Array  # (CODE + 1, n)
    shortener: Shortener

    def distances(self, queries: Array) -> Array:
        """(m, width) unit length -> (m,): 1 - cosine to the nearest good patch, 0 to 2."""
        several = [queries[first : first + AT_ONCE] for first in range(0, max(len(queries), 1), AT_ONCE)]
        found = [_distances(some, self.patches, _with_one(self.shortener.codes(some)) @ self.keys) for some in several]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def own_distances(self, queries: Array, part: NDArray[np.bool_]) -> Array:
        """(m,): 1 - cosine to the nearest patch of the same photo that does not lie beside it; 1 for a part too small to have one.

        `part` (rows, columns) says where the m patches lie. Of the bank only the short codes are used.
        """
        short = self.shortener.codes(queries)
        nearness = _with_one(short) @ _keys(short)
        among = part.ravel()
        beside = _beside(*part.shape)
        nearness[beside if among.all() else beside[np.ix_(among, among)]] = -np.inf
        alone = ~np.isfinite(nearness.max(axis=1))
        return np.asarray(np.where(alone, np.float32(1), _distances(queries, queries, nearness)), np.float32)

    def own_distances_of(self, chosen: NDArray[np.intp], queries: Array, part: NDArray[np.bool_]) -> Array:
        """(c,): the same for some of the m patches alone."""
        short = self.shortener.codes(queries)
        nearness = _with_one(short[chosen]) @ _keys(short)
        rows, columns = np.nonzero(part)
        near = (np.abs(rows[chosen, None] - rows) <= BESIDE) & (np.abs(columns[chosen, None] - columns) <= BESIDE)
        nearness[near] = -np.inf
        alone = near.all(axis=1)
        return np.asarray(np.where(alone, np.float32(1), _distances(queries[chosen], queries, nearness)), np.float32)


@lru_cache(maxsize=16)
def _beside(rows: int, columns: int) -> NDArray[np.bool_]:
    """(rows * columns, rows * columns): which patches of a grid lie beside which."""
    row, column = np.divmod(np.arange(rows * columns, dtype=np.int16), np.int16(columns))
    near: NDArray[np.bool_] = (np.abs(row[:, None] - row) <= BESIDE) & (np.abs(column[:, None] - column) <= BESIDE)
    return near


def build(patches: Array, by: Shortener | None = None, most: int = MOST_PATCHES) -> Bank:
    """A bank of at most `most` of these; without a shortener one is fitted on them."""
    kept = patches[drawn(len(patches), most)]
    by = by or _shortener(kept)
    return Bank(patches=kept, keys=_keys(by.codes(kept)), shortener=by)


class Pool:
    """Patches of a part's good photos, a bounded number, of which banks are made with and without one of the photos.

    Of up to EVEN_UP_TO photos a bank is an even draw, of more it is a coreset (`coreset`): see docs/decisions/0003-one-score.md.
    """

    def __init__(self, photos: int, in_pool: int, in_bank: int = MOST_PATCHES) -> None:
        self._photos, self._share, self._in_bank = photos, in_pool // photos, in_bank
        self._added: list[Array] = []

    def add(self, patches: Array) -> None:
        """The next photo's; of many photos each gives a share, drawn evenly."""
        self._added.append(patches[drawn(len(patches), self._share)])

    def bank(self) -> Bank:
        chosen = drawn(len(self._of), self._in_bank) if self._spread is None else np.sort(self._spread.chosen)
        return build(self._patches[chosen], most=self._in_bank)

    def bank_without(self, photo: int, by: Shortener) -> Bank:
        """`photo`: its number, in the order added."""
        others = np.flatnonzero(self._of != photo)
        chosen = others[drawn(len(others), self._in_bank)] if self._spread is None else self._spread.without(self._of == photo)
        return build(self._patches[chosen], by, self._in_bank)

    @cached_property
    def _patches(self) -> Array:
        return np.concatenate(self._added)

    @cached_property
    def _of(self) -> NDArray[np.intp]:
        """(n,): each patch's photo, by its number."""
        return np.repeat(np.arange(len(self._added)), [len(patches) for patches in self._added])

    @cached_property
    def _spread(self) -> coreset.Spread | None:
        if self._photos <= EVEN_UP_TO or len(self._patches) <= self._in_bank:
            return None
        return coreset.spread(self._patches, self._in_bank)


def _shortener(patches: Array) -> Shortener:
    middle = patches.mean(0)
    away = patches - middle
    _, directions = np.linalg.eigh(away.T @ away)
    return Shortener(directions=np.ascontiguousarray(directions[:, ::-1][:, :CODE], dtype=np.float32), middle=middle)


def drawn(count: int, most: int) -> NDArray[np.intp]:
    """Indices of `most` out of `count`, drawn evenly; the same count gives the same draw."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).permutation(count)[:most])


def _keys(short: Array) -> Array:
    return np.ascontiguousarray(np.column_stack([short, -0.5 * np.square(short).sum(1)]).T)


def _with_one(short: Array) -> Array:
    return np.column_stack([short, np.ones(len(short), np.float32)])


def _distances(queries: Array, among: Array, nearness: Array) -> Array:
    similar = np.einsum("md,md->m", queries, among[np.argmax(nearness, axis=1)])
    return np.asarray(np.maximum(1 - similar, 0), np.float32)
