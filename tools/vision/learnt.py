"""What is known of a part once its good photos were looked at, how a photo is measured by it, and its file of a few megabytes."""

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
from kenpin.tools.vision.tiles import Tiled
from kenpin.tools.vision.view import Frame, View

HELD_AGAINST_OWN = 512  # patches seen in tiles


@dataclass(frozen=True, kw_only=True)
class InTiles:
    """What large photos of a part look like in tiles."""

    count: int  # tiles each way
    bank: Bank
    which: NDArray[np.intp]  # (two or more,): the references looked at in tiles, by their numbers among those left out
    left_out: NDArray[np.float64]  # (as many, 6): each one's statistics against the others
    level: float  # as `Learnt.level`

    @property
    def scale(self) -> score.PartScale:
        return score.learn(list(self.left_out))


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """A part's good photos, ready to be compared with."""

    close: bool  # whether parts are cut out of their bench
    bank: Bank
    coarse_bank: Bank
    wholes: Array  # (references, width), unit length: mean patches seen from afar
    left_out: NDArray[np.float64]  # (the first references, 5): each one's statistics against the others; of a single one, against itself
    level: float  # patch distance above which a place is marked; the map counts in it
    tiles: InTiles | None = None  # where the references are large enough

    @property
    def left_out_scores(self) -> tuple[float, ...]:
        """Of two or more references: each one's score against the others, with its tiles where it has them."""
        if len(self.wholes) == 1:
            return ()
        scale = self.scale
        scores = [score.judge(scale, statistic).score for statistic in self.left_out]
        if self.tiles is not None:
            scale = self.tiles.scale
            for number, statistic in zip(self.tiles.which, self.tiles.left_out, strict=True):
                scores[number] = score.judge(scale, statistic).score
        return tuple(scores)

    @property
    def scale(self) -> score.PartScale:
        if len(self.wholes) == 1:
            return score.SingleScale(own=self.left_out[0], on_bench=self.close)
        return score.learn(list(self.left_out))


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A photo set against its part's good ones."""

    judged: score.Judged
    strangeness: Array  # (rows, columns): patch distances over the level above which a place is marked; 0 beside the part
    part: NDArray[np.bool_]  # (rows, columns)
    frame: Frame
    finer: int  # how many times as fine as the close look's the grid is


def compared(known: Learnt, seen: View, tiled: Tiled | None) -> Compared:
    """`tiled`: the photo in the part's tiles, where the part has them and the photo is large enough.

    The map is the finer one where the tiles show something at least as unusual as the close look does.
    """
    distances, statistic = measured(seen, known.bank, known.coarse_bank, known.wholes)
    if known.tiles is None or tiled is None:
        return _mapped(score.judge(known.scale, statistic), distances / known.level, seen.part, seen.frame, 1)
    of = known.tiles
    finer, sixth = measured_in_tiles(tiled, of.bank, len(of.left_out))
    judged = score.judge(of.scale, np.append(statistic, sixth))
    if judged.z[score.TILED] >= judged.z[score.FINE]:
        return _mapped(judged, finer / of.level, tiled.part, tiled.frame, of.count)
    return _mapped(judged, distances / known.level, seen.part, seen.frame, 1)


def _mapped(judged: score.Judged, strangeness: Array, part: NDArray[np.bool_], frame: Frame, finer: int) -> Compared:
    grid = np.zeros(part.shape, np.float32)
    grid[part] = strangeness
    return Compared(judged=judged, strangeness=grid, part=part, frame=frame, finer=finer)


def unit_mean(patches: Array) -> Array:
    mean = patches.mean(0)
    unit: Array = mean / np.linalg.norm(mean)
    return unit


def measured(seen: View, fine: Bank, coarse: Bank, wholes: Array) -> tuple[Array, NDArray[np.float64]]:
    """Patch distances (n,) of the part seen close, as they count, and the photo's statistics (5,)."""
    patches, afar = seen.of_part, seen.coarse_of_part
    close = score.Distances(from_bank=fine.distances(patches), from_own=fine.own_distances(patches, seen.part))
    from_afar = score.Distances(from_bank=coarse.distances(afar), from_own=coarse.own_distances(afar, seen.coarse_part))
    whole = float(max(0.0, 1 - (wholes @ unit_mean(afar)).max()))
    return score.tempered(close.from_bank, close.from_own, len(wholes)), score.statistics(close, from_afar, whole, len(wholes))


def measured_in_tiles(seen: Tiled, bank: Bank, references: int) -> tuple[Array, float]:
    """Patch distances (n,) of the part seen in tiles, as they count, and their statistic.

    Only the strangest are held against the rest of their own photo: the others have no say in the statistic, and are not marked.
    """
    patches = seen.of_part
    distances = bank.distances(patches)
    strangest = np.argpartition(distances, -min(HELD_AGAINST_OWN, len(distances)))[-HELD_AGAINST_OWN:]
    own = bank.own_distances_of(strangest, patches, seen.part)
    distances[strangest] = score.tempered(distances[strangest], own, references)
    return distances, score.tiled(distances)


def save(learnt: Learnt, path: Path) -> None:
    """Patches in half precision, which they already have."""
    small = {"wholes": learnt.wholes, "left_out": learnt.left_out, "close": np.array(learnt.close), "level": np.array(learnt.level)}
    tiles: dict[str, Any] = {}
    if learnt.tiles is not None:
        of = learnt.tiles
        tiles = _packed("tiles", of.bank) | {
            "tiles": np.array(of.count), "tiles_which": of.which, "tiles_left_out": of.left_out, "tiles_level": np.array(of.level)
        }  # fmt: skip
    mine = path.with_suffix(f".{os.getpid()}.tmp")
    with mine.open("wb") as file:
        np.savez(file, **(_packed("fine", learnt.bank) | _packed("coarse", learnt.coarse_bank) | small | tiles))
    mine.replace(path)


def load(path: Path) -> Learnt | None:
    """None when it was not saved, or not whole."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            return Learnt(
                close=bool(kept["close"]), bank=_unpacked("fine", kept), coarse_bank=_unpacked("coarse", kept), wholes=kept["wholes"],
                left_out=kept["left_out"], level=float(kept["level"]), tiles=_tiles(kept) if "tiles" in kept else None,
            )  # fmt: skip
    except (FileNotFoundError, zipfile.BadZipFile, KeyError, ValueError, EOFError):
        return None


def _tiles(kept: Mapping[str, NDArray[np.generic]]) -> InTiles:
    return InTiles(
        count=int(kept["tiles"]), bank=_unpacked("tiles", kept), which=np.asarray(kept["tiles_which"], np.intp),
        left_out=np.asarray(kept["tiles_left_out"], np.float64), level=float(kept["tiles_level"]),
    )  # fmt: skip


def _packed(name: str, kept: Bank) -> dict[str, Any]:
    return {
        f"{name}_patches": kept.patches.astype(np.float16),
        f"{name}_directions": kept.shortener.directions,
        f"{name}_middle": kept.shortener.middle,
    }


def _unpacked(name: str, kept: Mapping[str, NDArray[np.generic]]) -> Bank:
    shortener = Shortener(directions=np.asarray(kept[f"{name}_directions"]), middle=np.asarray(kept[f"{name}_middle"]))
    patches = np.asarray(kept[f"{name}_patches"], np.float32)
    return build(patches, shortener, most=len(patches))
