"""What a question probably asks for when none of the table's strong words says it: a linear model over pieces of its words.

tools/guess.npz holds its weights, made by bench/train_router.py from tests/tools/questions_train.tsv. Nothing but numpy is needed to use
it. Used by tools/router.py.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kenpin.tools.intents import generalised

BUCKETS = 1 << 14  # n-grams share weights by chance; with twice as many the accuracy in cross-validation is the same
LONGEST_PIECE = 4  # letters
UNCLEAR = "unclear"  # the name under which the model knows texts that ask nothing, such as a part number alone
WEIGHTS = Path(__file__).parent / "guess.npz"

_NUMBER = re.compile(r"[a-z]*-?\d[\w-]*", re.ASCII)
_TOKEN = re.compile(r"[a-z']+|0|[぀-ヿ一-鿿]")


def guess(text: str) -> dict[str, float]:
    """How probable each intent is, by name, for a lower-case text after NFKC; several may be, and they do not add up to 1."""
    names, weights, bias = _weights()
    buckets, values = features(text)
    return dict(zip(names, (1 / (1 + np.exp(-(values @ weights[buckets] + bias)))).tolist(), strict=True))


def features(text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The buckets (N,) of a text's pieces and their values (N,): pieces of 1 to LONGEST_PIECE letters, and runs of 1 to 3 words.

    The pieces are those of the generalised text, so that what was learnt of screws holds for rivets. Both kinds have length 1 as
    vectors, so that a long question weighs no more than a short one.
    """
    text = _NUMBER.sub("0", text)
    padded = [f" {word} " for word in generalised(text).split()]
    pieces = Counter(w[i : i + n] for w in padded for n in range(1, LONGEST_PIECE + 1) for i in range(len(w) - n + 1))
    words = _TOKEN.findall(text)
    runs = Counter("w" + " ".join(words[i : i + n]) for n in (1, 2, 3) for i in range(len(words) - n + 1))
    valued: dict[int, float] = {}
    for kind in (pieces, runs):
        length = math.sqrt(sum((1 + math.log(count)) ** 2 for count in kind.values())) or 1.0
        for piece, count in kind.items():
            bucket = zlib.crc32(piece.encode()) % BUCKETS
            valued[bucket] = valued.get(bucket, 0.0) + (1 + math.log(count)) / length
    return np.fromiter(valued, np.int64, len(valued)), np.fromiter(valued.values(), np.float32, len(valued))


@lru_cache(maxsize=1)
def _weights() -> tuple[list[str], NDArray[np.float32], NDArray[np.float32]]:
    """Names (K), weights (BUCKETS, K), biases (K,). The file keeps a weight as a whole number of -127 to 127 and each intent's scale."""
    with np.load(WEIGHTS, allow_pickle=False) as kept:
        names = [str(name) for name in kept["names"]]
        return names, kept["weights"].astype(np.float32) * kept["scales"].astype(np.float32), kept["bias"].astype(np.float32)
