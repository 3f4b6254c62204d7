"""The memory bank: patches of good photos, few enough to search in a moment.

A search first finds the nearest patch among short codes (principal directions of the bank), then measures the true distance to it. That
costs a sixth of measuring every distance in full, and the budget for everything beside the network is a quarter of the network's time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kenpin.tools.vision.backbone import Array

MOST_PATCHES = 4096
CODE = 96  # numbers a short code


@dataclass(frozen=True, kw_only=True)
class Bank:
    """Unit-length patches (n, width), and their short codes (n, CODE)."""

    patches: Array
    codes: Array
    directions: Array  # (width, CODE)
    middle: Array  # (width,)

    def distances(self, queries: Array) -> Array:
        """(m, width) unit length -> (m,): 1 - cosine to the nearest good patch, 0 to 2."""
        short = (queries - self.middle) @ self.directions
        nearest = np.argmax(short @ self.codes.T - 0.5 * np.square(self.codes).sum(1), axis=1)
        similar = np.einsum("md,md->m", queries, self.patches[nearest])
        return np.asarray(np.maximum(1 - similar, 0), np.float32)


def build(patches: Array, most: int = MOST_PATCHES) -> Bank:
    """A bank of at most `most` of these patches, chosen so that few of the others are far from one of them."""
    kept = patches[spread_out(patches, most)]
    middle = kept.mean(0)
    sample = kept - middle
    _, directions = np.linalg.eigh(sample.T @ sample)
    directions = np.ascontiguousarray(directions[:, ::-1][:, :CODE], dtype=np.float32)
    return Bank(patches=kept, codes=sample @ directions, directions=directions, middle=middle)


def spread_out(patches: Array, most: int) -> NDArray[np.intp]:
    """Indices of `most` patches, drawn evenly; the same patches give the same draw."""
    if len(patches) <= most:
        return np.arange(len(patches))
    return np.sort(np.random.default_rng(0).permutation(len(patches))[:most])
