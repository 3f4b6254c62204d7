"""Photos of many pixels: looked at in tiles where the part's references are as large, and only there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import Keep, Rgb, cloth

from kenpin.storage.vocabulary import Verdict
from kenpin.tools.vision import learning, tiles, view
from kenpin.tools.vision.backbone import Array
from kenpin.tools.vision.eye import Eye
from kenpin.tools.vision.looking import Looking
from kenpin.tools.vision.photo import Pixels
from kenpin.tools.vision.sight import ReferencePhoto


class Colours:
    """In place of the network, which would take minutes for what is tried here: a patch's features are its mean colours."""

    name, patch, width = "colours", 14, 4

    def __init__(self) -> None:
        self.pictures = 0

    def patches(self, rgb: Rgb) -> Array:
        self.pictures += 1
        size_wh = (rgb.shape[1] // self.patch, rgb.shape[0] // self.patch)
        mean = cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA).astype(np.float32)
        with_one = np.dstack([mean, np.full(mean.shape[:2], 200, np.float32)])
        return np.asarray(with_one / np.linalg.norm(with_one, axis=2, keepdims=True), np.float32)

    def patches_of_many(self, rgbs: Sequence[Rgb]) -> list[Array]:
        return [self.patches(rgb) for rgb in rgbs]


def sheet(seed: int, side_px: int = 760, *, spot_px: int = 0) -> Rgb:
    """(side, side, 3): a brushed sheet of metal that fills the frame, with a dark spot of that radius on request."""
    draw = np.random.default_rng(seed)
    brushed = cv2.GaussianBlur(draw.normal(0, 60, (side_px, side_px)), (0, 0), sigmaX=9, sigmaY=0.7)
    rgb = np.repeat(np.clip(150 + brushed, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
    if spot_px:
        cv2.circle(rgb, (round(0.7 * side_px), round(0.3 * side_px)), spot_px, (60, 60, 60), -1, cv2.LINE_AA)
    return rgb


@pytest.fixture(scope="module")
def sheets(keep: Keep) -> list[ReferencePhoto]:
    return [keep(sheet(seed)) for seed in range(3)]


def test_a_spot_of_a_few_ten_thousandths_of_a_large_part_is_seen_in_its_tiles(eye: Eye, keep: Keep, sheets: list[ReferencePhoto]) -> None:
    good, spotted = eye.compare(keep(sheet(10)).path, sheets), eye.compare(keep(sheet(11, spot_px=6)).path, sheets)
    assert good.verdict is not Verdict.NOT_OK
    assert good.tiled_z is not None
    assert spotted.tiled_z is not None
    assert spotted.tiled_z > 4 > good.tiled_z
    assert spotted.tiled_z > spotted.fine_z
    assert spotted.verdict is Verdict.NOT_OK
    left, top, right, bottom = spotted.regions[0].box_xyxy
    assert left < 0.7 < right
    assert top < 0.3 < bottom
    assert (right - left) * (bottom - top) < 0.03, "the finer map marks less around it"


def test_the_same_photo_in_tiles_gets_the_same_score_twice(eye: Eye, cache: Path, keep: Keep, sheets: list[ReferencePhoto]) -> None:
    photo = keep(sheet(12)).path
    first = eye.compare(photo, sheets)
    again = Eye(cache=cache).compare(photo, list(reversed(sheets)))
    assert again.anomaly_score == first.anomaly_score
    assert again.tiled_z == first.tiled_z
    assert eye.judge(photo, sheets).score == first.anomaly_score
    assert len(eye.labelled_scores(sheets, []).good) == len(sheets)


def test_a_small_photo_of_a_part_with_large_references_is_looked_at_plainly(eye: Eye, keep: Keep, sheets: list[ReferencePhoto]) -> None:
    sight = eye.compare(keep(cv2.resize(sheet(13), (300, 300), interpolation=cv2.INTER_AREA)).path, sheets)
    assert sight.tiled_z is None
    assert np.isfinite(sight.anomaly_score)


def test_a_large_photo_of_a_part_with_small_references_is_looked_at_plainly(eye: Eye, keep: Keep) -> None:
    assert eye.compare(keep(sheet(14)).path, [keep(cloth(seed)) for seed in range(3)]).tiled_z is None


def test_one_large_reference_among_small_ones_or_alone_brings_no_tiles(tmp_path: Path, keep: Keep) -> None:
    looking = Looking(Colours(), tmp_path)
    large, small = [keep(sheet(seed)) for seed in range(3)], [keep(sheet(seed, 300)) for seed in range(3)]
    assert learning.learn(large[:1], looking, None).tiles is None
    assert learning.learn([large[0], *small[:2]], looking, None).tiles is None
    mostly = learning.learn([*large[:2], small[0]], looking, None).tiles
    assert mostly is not None
    assert list(mostly.which) == [0, 1]


@pytest.mark.parametrize(("side_px", "count"), [(300, 0), (720, 0), (760, 2), (1100, 3), (1500, 4), (3000, 4)])
def test_there_are_as_many_tiles_as_the_photo_s_own_pixels_fill(tmp_path: Path, keep: Keep, side_px: int, count: int) -> None:
    looking, photo = Looking(Colours(), tmp_path), keep(np.full((side_px, side_px, 3), 90, np.uint8))
    assert looking.tiles_filled(photo.path, looking.view_of(photo.sha256, photo.path, close=False)) == count


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("shape", [(1400, 1400), (900, 1500)])
def test_tiles_laid_together_are_the_photo_in_one_finer_grid(count: int, shape: tuple[int, int]) -> None:
    network, rgb = Colours(), np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    seen = view.look(Pixels(rgb), network)
    tiled = tiles.look(Pixels(rgb), seen, count, network)
    whole = network.patches(view.cut(rgb, tiled.frame, network.patch))
    assert tiled.features == pytest.approx(whole, abs=1e-6)
    assert tiled.part.all()
    assert tiled.features.shape[0] == count * (seen.features.shape[0] - tiles.OVERLAP) + tiles.OVERLAP


def test_tiles_that_show_nothing_of_the_part_are_not_looked_at() -> None:
    disc = np.full((1500, 1500, 3), 40, np.uint8)
    cv2.line(disc, (400, 400), (1100, 1100), (200, 190, 180), 260, cv2.LINE_AA)
    pixels, network = Pixels(disc), Colours()
    seen = view.look(pixels, network)
    upright = view.look(pixels, network, turn_deg=45)
    network.pictures = 0
    tiles.look(pixels, upright, 4, network)
    assert network.pictures < 16
    assert tiles.look(pixels, seen, 4, network).part.any()


def test_a_photo_that_fills_its_frame_is_looked_at_once_whichever_way_it_is_asked_for(tmp_path: Path, keep: Keep) -> None:
    network = Colours()
    looking, photo = Looking(network, tmp_path), keep(sheet(20, 300))
    close = looking.view_of(photo.sha256, photo.path, close=True, keep=True)
    pictures = network.pictures
    assert looking.view_of(photo.sha256, photo.path, close=False, keep=True) is close
    again = Looking(network, tmp_path).view_of(photo.sha256, photo.path, close=False)
    assert (again.features == close.features).all()
    assert network.pictures == pictures
