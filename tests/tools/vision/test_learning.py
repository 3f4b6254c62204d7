"""Learning a part from many good photos: banks that do not grow, and measures that can be had from some of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pictures import Keep
from test_tiles import Colours, sheet

from kenpin.tools.vision import bank, coreset, learning
from kenpin.tools.vision.looking import Looking


def patches(seed: int, count: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(count, 96)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@pytest.mark.parametrize("in_bank", [50, 300, 1000])
def test_a_bank_without_one_photo_is_the_bank_of_the_others(in_bank: int) -> None:
    photos = [patches(seed, 100 + 10 * seed) for seed in range(5)]
    pool = bank.Pool(len(photos), 10_000, in_bank)
    for one in photos:
        pool.add(one)
    by = pool.bank().shortener
    for left_out in range(len(photos)):
        others = bank.build(np.concatenate(photos[:left_out] + photos[left_out + 1 :]), by, in_bank)
        assert (pool.bank_without(left_out, by).patches == others.patches).all()


def test_a_thousand_photos_give_no_larger_a_bank_than_ten() -> None:
    pool = bank.Pool(1000, 4000, 500)
    for seed in range(1000):
        pool.add(patches(seed, 40))
    assert len(pool.bank().patches) == 500
    assert len(np.unique(pool.bank().patches[:, 0])) == 500


def test_a_search_in_pieces_finds_what_a_search_at_once_finds() -> None:
    known, asked = bank.build(patches(0, 3000)), patches(1, 2 * bank.AT_ONCE + 7)
    found = known.distances(asked)
    assert found.shape == (len(asked),)
    assert found[-20:] == pytest.approx(known.distances(asked[-20:]), abs=1e-6)
    assert found[:20] == pytest.approx(known.distances(asked[:20]), abs=1e-6)


def test_distances_to_the_rest_of_the_photo_are_the_same_for_some_patches_as_for_all() -> None:
    known, part = bank.build(patches(0, 500)), np.ones((20, 20), bool)
    part[:4, :4] = False
    asked, some = patches(1, int(part.sum())), np.array([5, 99, 300])
    assert known.own_distances_of(some, asked, part) == pytest.approx(known.own_distances(asked, part)[some], abs=1e-6)


def test_of_very_many_photos_some_are_compared_with_the_others_and_all_are_in_the_bank(
    tmp_path: Path, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "LEFT_OUT", 5)  # sixty-five photos would take long to draw
    good = sorted((keep(sheet(seed, 120)) for seed in range(9)), key=lambda one: one.sha256)
    seen: list[tuple[int, int]] = []
    known = learning.learn(good, Looking(Colours(), tmp_path), lambda done, of: seen.append((done, of)))
    assert seen[-1] == (9, 9)
    assert known.left_out.shape == (5, 5)
    assert len(known.left_out_scores) == 5
    assert known.wholes.shape == (9, 4)
    assert len(known.bank.patches) == bank.MOST_PATCHES


def test_a_coreset_keeps_the_rare_patch_that_an_even_draw_loses() -> None:
    common = patches(0, 1) + 0.02 * patches(1, 2000)
    rare = patches(2, 1)
    everything = np.concatenate([common[:1234], rare, common[1234:]]).astype(np.float32)
    assert 1234 in coreset.spread(everything, 40).chosen
    assert 1234 not in bank.drawn(len(everything), 40)


def test_a_coreset_without_one_photo_covers_the_others_as_one_chosen_anew_does() -> None:
    everything, left_out = patches(0, 3000), np.arange(3000) < 300
    chosen = coreset.spread(everything, 600)
    repaired, anew = chosen.without(left_out), np.flatnonzero(~left_out)[coreset.spread(everything[~left_out], 600).chosen]
    assert len(np.unique(repaired)) == 600
    assert not left_out[repaired].any()

    def reach(some: np.ndarray) -> float:
        among, others = chosen.short[some], chosen.short[~left_out]
        squared = np.square(others).sum(1)[:, None] - 2 * others @ among.T + np.square(among).sum(1)
        return float(squared.min(1).max())

    assert reach(repaired) < 1.05 * reach(anew)


def test_the_bank_of_many_photos_is_a_coreset_and_of_few_an_even_draw() -> None:
    for photos, even in ((bank.EVEN_UP_TO, True), (bank.EVEN_UP_TO + 1, False)):
        pool, several = bank.Pool(photos, 10_000, 200), [patches(seed, 50) for seed in range(photos)]
        for one in several:
            pool.add(one)
        everything = np.concatenate(several)
        drawn_evenly = everything[bank.drawn(len(everything), 200)]
        assert (pool.bank().patches == drawn_evenly).all() == even
        without = pool.bank_without(0, pool.bank().shortener).patches
        assert len(without) == 200
        assert not (without[:, None, 0] == several[0][None, :, 0]).any()
