"""What the references let one see: tried out on marks drawn on them, with the true weights."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import Keep, bracket, cloth

from kenpin.tools.vision.drawn_defects import KINDS, SIZES, Mark, drawn_on
from kenpin.tools.vision.expectation import PHOTOS
from kenpin.tools.vision.eye import Eye
from kenpin.tools.vision.photo import Pixels
from kenpin.tools.vision.sight import Tried


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0.003, 0.03])
def test_a_drawn_mark_covers_about_the_share_it_says_and_lies_on_the_part(kind: str, size: float) -> None:
    photo = Pixels(bracket(3))
    assert photo.outline is not None
    part = photo.outline.mask.mean()
    marked = drawn_on(photo, Mark(kind=kind, area_of_part=size), np.random.default_rng(0))
    changed = np.abs(marked.rgb.astype(int) - photo.rgb).max(axis=2) > 16
    assert 0.3 * size * part < changed.mean() < 3 * size * part
    assert (photo.rgb == bracket(3)).all(), "the photo itself is left as it was"


def test_large_marks_are_noticed_more_often_than_the_smallest_and_the_second_time_costs_nothing(eye: Eye, keep: Keep) -> None:
    cloths = [keep(cloth(seed)) for seed in range(60, 64)]
    tries = PHOTOS * len(KINDS) * len(SIZES)
    so_far = [eye.expectation(cloths) for _ in range(tries)]
    assert [one.done for one in so_far] == list(range(1, tries + 1)), "one mark at a time, so that a question can come between"
    expected = so_far[-1]
    noticed = {size: sum(one.noticed for one in expected.sights if one.area_of_part == size) for size in SIZES}
    assert noticed[SIZES[-1]] > noticed[SIZES[0]]
    assert noticed[SIZES[-1]] >= 2 * PHOTOS
    assert eye.expectation(list(reversed(cloths))) == expected, "kept from the first time"


def test_one_photo_says_nothing_of_what_is_seen(eye: Eye, keep: Keep) -> None:
    assert eye.expectation([keep(cloth(60))]) == Tried(done=0, of=0, sights=())
