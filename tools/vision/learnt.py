"""What is known of a part once its good photos were looked at, and its file: a few megabytes, named by the references it came from."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kenpin.tools.vision import score
from kenpin.tools.vision.backbone import Array
from kenpin.tools.vision.bank import Bank, Shortener, build


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """A part's good photos, ready to be compared with."""

    close: bool  # whether parts are cut out of their bench
    bank: Bank
    coarse_bank: Bank
    wholes: Array  # (references, width), unit length: mean patches seen from afar
    left_out: NDArray[np.float64]  # (references, 5): each one's statistics against the others; of a single one, against itself
    level: float  # patch distance above which a place is marked; the map counts in it

    @property
    def scale(self) -> score.PartScale:
        if len(self.wholes) == 1:
            return score.SingleScale(own=self.left_out[0], on_bench=self.close)
        return score.learn(list(self.left_out))


def save(learnt: Learnt, path: Path) -> None:
    """Patches in half precision, which they already have."""
    small = {"wholes": learnt.wholes, "left_out": learnt.left_out, "close": np.array(learnt.close), "level": np.array(learnt.level)}
    mine = path.with_suffix(f".{os.getpid()}.tmp")
    with mine.open("wb") as file:
        np.savez(file, **(_packed("fine", learnt.bank) | _packed("coarse", learnt.coarse_bank) | small))
    mine.replace(path)


def load(path: Path) -> Learnt | None:
    """None when it was not saved, or not whole."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            return Learnt(
                close=bool(kept["close"]), bank=_unpacked("fine", kept), coarse_bank=_unpacked("coarse", kept), wholes=kept["wholes"],
                left_out=kept["left_out"], level=float(kept["level"]),
            )  # fmt: skip
    except (FileNotFoundError, zipfile.BadZipFile, KeyError, ValueError, EOFError):
        return None


def _packed(name: str, kept: Bank) -> dict[str, Any]:
    return {
        f"{name}_patches": kept.patches.astype(np.float16),
        f"{name}_directions": kept.shortener.directions,
        f"{name}_middle": kept.shortener.middle,
    }


def _unpacked(name: str, kept: Mapping[str, NDArray[np.generic]]) -> Bank:
    shortener = Shortener(directions=np.asarray(kept[f"{name}_directions"]), middle=np.asarray(kept[f"{name}_middle"]))
    return build(np.asarray(kept[f"{name}_patches"], np.float32), shortener)
