"""The part is found where it lies, and nothing is made up where there is no bench."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import bracket, cloth

from kenpin.tools.vision import foreground
from kenpin.tools.vision.foreground import Lie
from kenpin.tools.vision.photo import Pixels


@pytest.mark.parametrize("angle", [0, 33, 90, 160])
def test_a_long_part_is_found_with_the_angle_it_lies_at(angle: float) -> None:
    outline = Pixels(bracket(1, angle_deg=angle)).outline
    assert outline is not None
    assert outline.lie is Lie.LONG
    off = (outline.angle_deg + angle) % 180  # OpenCV turns against the clock, the outline counts with it
    assert min(off, 180 - off) < 4
    assert outline.size_wh[0] / outline.size_wh[1] == pytest.approx(120 / 50, rel=0.15)


def test_a_part_that_touches_the_edge_of_the_photo_is_still_found() -> None:
    outline = Pixels(bracket(1, at=(50, 120))).outline
    assert outline is not None
    assert outline.centre_xy[0] < 0.3 * outline.mask.shape[1]


def test_a_round_part_says_nothing_of_how_it_is_turned() -> None:
    rows, columns = np.mgrid[:192, :192]
    disc = np.where((rows - 96) ** 2 + (columns - 90) ** 2 < 40**2, 200, 60).astype(np.uint8)
    outline = foreground.find(np.repeat(disc[:, :, None], 3, axis=2))
    assert outline is not None
    assert outline.lie is Lie.ROUND


def test_where_a_piece_has_broken_out_belongs_to_the_whole_part_and_the_bench_beside_it_does_not() -> None:
    rows, columns = np.mgrid[:192, :192]
    is_disc, is_gap = (rows - 96) ** 2 + (columns - 90) ** 2 < 50**2, (columns > 90) & (abs(rows - 96) < 8)
    photo = np.where(is_disc & ~is_gap, 200, 60).astype(np.uint8)
    outline = foreground.find(np.repeat(photo[:, :, None], 3, axis=2))
    assert outline is not None
    gap, bench = (96, 120), (96, 170)
    assert (bool(outline.mask[gap]), bool(outline.whole[gap]), bool(outline.whole[bench])) == (False, True, False)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_blank_photo_has_no_part_on_a_bench(grey: int) -> None:
    assert Pixels(np.full((120, 160, 3), grey, np.uint8)).outline is None


def test_cloth_fills_the_frame() -> None:
    assert Pixels(cloth(3)).outline is None


def test_the_same_photo_gives_the_same_outline() -> None:
    one, other = Pixels(bracket(5)).outline, Pixels(bracket(5)).outline
    assert one is not None
    assert other is not None
    assert (one.mask == other.mask).all()
    assert one.angle_deg == other.angle_deg
