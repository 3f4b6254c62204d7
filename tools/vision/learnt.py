"""What is known of a part once its good photos were looked at, and its file: a few megabytes, named by the references it came from."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kenpin.tools.vision import bank, score
from kenpin.tools.vision.backbone import Array


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """A part's good photos, ready to be compared with."""

    close: bool  # whether parts are cut out of their bench
    bank: bank.Bank
    wholes: Array  # (references, width), unit length
    left_out: NDArray[np.float64]  # (references, 3): each one's statistics against the others; (0, 3) for a single one
    own: Array  # (n,): a single reference's patch distances to the rest of itself; (0,) for several
    level: float  # patch distance above which a place is marked; the map counts in it

    @property
    def scale(self) -> score.PartScale:
        return score.learn(list(self.left_out)) if len(self.left_out) else score.learn_single(self.own, on_bench=self.close)


def save(learnt: Learnt, path: Path) -> None:
    """Patches in half precision, which they already have."""
    mine = path.with_suffix(f".{os.getpid()}.tmp")
    with mine.open("wb") as file:
        np.savez(
            file, patches=learnt.bank.patches.astype(np.float16), directions=learnt.bank.shortener.directions,
            middle=learnt.bank.shortener.middle, wholes=learnt.wholes, left_out=learnt.left_out, own=learnt.own,
            close=np.array(learnt.close), level=np.array(learnt.level),
        )  # fmt: skip
    mine.replace(path)


def load(path: Path) -> Learnt | None:
    """None when it was not saved, or not whole."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            shortener = bank.Shortener(directions=kept["directions"], middle=kept["middle"])
            return Learnt(
                close=bool(kept["close"]), bank=bank.build(kept["patches"].astype(np.float32), shortener), wholes=kept["wholes"],
                left_out=kept["left_out"], own=kept["own"], level=float(kept["level"]),
            )  # fmt: skip
    except (FileNotFoundError, zipfile.BadZipFile, KeyError, ValueError, EOFError):
        return None
