"""The photo-quality gate: a photo nobody could judge is refused with what was measured, and a usable one is not."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from workbench import Workbench, plate

from kenpin.storage import parts
from kenpin.storage.database import reading
from kenpin.storage.vocabulary import Language, QualityProblem
from kenpin.tools import quality
from kenpin.tools.context import Context
from kenpin.tools.vision import shot
from kenpin.tools.vision.errors import PhotoUnreadableError

Rgb = NDArray[np.uint8]


@lru_cache(maxsize=64)
def surface(seed: int, brightness: float = 130, spread: float = 25) -> Rgb:
    """Rolled metal: a fine grain that fills the photo."""
    grain = np.random.default_rng(seed).normal(0, 1, (360, 480))
    fine = cv2.GaussianBlur(grain, (0, 0), 1.2) * 4 + cv2.GaussianBlur(grain, (0, 0), 8) * 20
    return np.clip(brightness + spread * fine / fine.std(), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


@lru_cache(maxsize=64)
def disc(seed: int, left_px: int = 240, radius_px: int = 110) -> Rgb:
    """A light speckled disc on a dark bench."""
    draw = np.random.default_rng(seed)
    rgb = np.clip(draw.normal(45, 6, (360, 480, 3)), 0, 255).astype(np.uint8)
    inside = np.zeros((360, 480), np.uint8)
    cv2.circle(inside, (left_px + int(draw.integers(-8, 9)), 180), radius_px, 1, cv2.FILLED)
    face = np.clip(draw.normal((200, 160, 110), 22, (360, 480, 3)), 0, 255).astype(np.uint8)
    return np.where(inside[..., None] > 0, face, rgb)


def stained(rgb: Rgb) -> Rgb:
    """With a large dark stain with soft edges."""
    rows, columns = np.ogrid[: rgb.shape[0], : rgb.shape[1]]
    away = ((rows - 180) ** 2 + (columns - 240) ** 2) ** 0.5
    return (rgb * (1 - 0.6 / (1 + np.exp((away - 80) / 7)))[..., None]).astype(np.uint8)


def gain(rgb: Rgb, factor: float, noise: float = 1.0) -> Rgb:
    return np.clip(rgb * factor + np.random.default_rng(1).normal(0, noise, rgb.shape), 0, 255).astype(np.uint8)


def blurred(rgb: Rgb, sigma_px: float) -> Rgb:
    return cv2.GaussianBlur(rgb, (0, 0), sigma_px)


def moved(rgb: Rgb, length_px: int) -> Rgb:
    return cv2.blur(rgb, (length_px, 1))


def save(folder: Path, rgb: Rgb) -> Path:
    path = folder / f"{len(list(folder.iterdir()))}.png"
    cv2.imwrite(str(path), rgb[:, :, ::-1])
    return path


@pytest.fixture(scope="module")
def good_surfaces(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("surfaces")
    return [save(folder, surface(seed)) for seed in range(6)]


@pytest.fixture(scope="module")
def good_discs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("discs")
    return [save(folder, disc(seed)) for seed in range(5)]


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., list[Path]]:
    return lambda *photos: [save(tmp_path, rgb) for rgb in photos]


def kinds(problems: tuple[QualityProblem, ...]) -> list[str]:
    return [problem.kind for problem in problems]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rgb: rgb, []),
        (lambda rgb: gain(rgb, 0.6), []),
        (lambda rgb: gain(rgb, 1.3), []),
        (lambda rgb: gain(rgb, 1.0, noise=6), []),
        (lambda rgb: np.ascontiguousarray(np.rot90(rgb)), []),
        (lambda rgb: blurred(rgb, 0.8), []),
        (stained, []),
        (lambda rgb: gain(rgb, 0.15), ["dark"]),
        (lambda rgb: gain(rgb, 4.0), ["bright"]),
        (lambda rgb: blurred(rgb, 4), ["blurred"]),
        (lambda rgb: blurred(rgb, 25), ["blurred"]),
        (lambda rgb: moved(rgb, 25), ["blurred"]),
        (lambda rgb: cv2.resize(rgb, (60, 45), interpolation=cv2.INTER_AREA), ["small"]),
    ],
    ids=[
        "as taken",
        "darker",
        "brighter",
        "noisy",
        "turned",
        "a little soft",
        "stained",
        "dark",
        "overexposed",
        "out of focus",
        "far out of focus",
        "camera moved",
        "small",
    ],
)
def test_a_spoilt_photo_is_refused_and_a_usable_one_is_not(
    saved: Callable[..., list[Path]], good_surfaces: list[Path], change: Callable[[Rgb], Rgb], problem: list[str]
) -> None:
    (photo,) = saved(change(surface(99)))
    assert kinds(quality.check(photo, good_surfaces)) == problem


def test_what_is_dark_and_soft_for_one_part_is_how_another_one_looks(saved: Callable[..., list[Path]], good_surfaces: list[Path]) -> None:
    soft = [blurred(surface(seed, brightness=38, spread=8), 4) for seed in range(7)]
    *good, photo = saved(*soft)
    assert kinds(quality.check(photo, good)) == []
    assert set(kinds(quality.check(photo, good_surfaces))) == {"dark", "blurred"}


def test_a_dark_photo_that_still_shows_the_part_passes(saved: Callable[..., list[Path]]) -> None:
    good = saved(*(surface(seed, brightness=150) for seed in range(4)))
    half_dead = surface(9, brightness=150).copy()
    half_dead[:, 120:] //= 8  # as a solar cell most of which gives no light
    assert kinds(quality.check(saved(half_dead)[0], good)) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rgb: rgb, []),
        (lambda rgb: blurred(rgb, 3), []),
        (lambda rgb: gain(rgb, 0.1), ["dark"]),
        (lambda rgb: np.full_like(rgb, 255), ["bright"]),
        (lambda rgb: blurred(rgb, 9), ["blurred"]),
        (lambda rgb: cv2.resize(rgb, (60, 45), interpolation=cv2.INTER_AREA), ["small"]),
    ],
)
def test_without_good_photos_only_what_is_extreme_is_refused(
    saved: Callable[..., list[Path]], change: Callable[[Rgb], Rgb], problem: list[str]
) -> None:
    assert kinds(quality.check(saved(change(surface(99)))[0])) == problem


@pytest.mark.parametrize(("left_px", "problem"), [(240, []), (120, []), (10, ["cut_off"]), (470, ["cut_off"])])
def test_a_part_that_the_frame_cuts_is_noticed(
    saved: Callable[..., list[Path]], good_discs: list[Path], left_px: int, problem: list[str]
) -> None:
    assert kinds(quality.check(saved(disc(50, left_px=left_px))[0], good_discs)) == problem


def test_another_part_that_peeks_in_at_the_edge_is_not_the_part(saved: Callable[..., list[Path]], good_discs: list[Path]) -> None:
    both = np.where(disc(51, left_px=-35).mean(axis=2, keepdims=True) > 90, disc(51, left_px=-35), disc(52, left_px=300))
    assert kinds(quality.check(saved(both)[0], good_discs)) == []


def test_a_part_that_fills_every_photo_is_never_cut_off(saved: Callable[..., list[Path]], good_surfaces: list[Path]) -> None:
    assert shot.frame(tuple(good_surfaces)) is None
    assert kinds(quality.check(saved(surface(9)[:, :300])[0], good_surfaces)) == []


def test_blur_is_one_number_for_any_contrast_and_grows_with_every_blur(saved: Callable[..., list[Path]]) -> None:
    plain, faint, *softer = saved(surface(1), gain(surface(1), 0.4, 0), *(blurred(surface(1), sigma) for sigma in (1, 2, 4, 8)))
    assert shot.look(faint).blur[224] == pytest.approx(shot.look(plain).blur[224], abs=0.02)
    grown = [shot.look(path).blur[224] for path in (plain, *softer)]
    assert grown == sorted(grown)
    assert grown[-1] > grown[0] + 0.3


def test_a_photo_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(PhotoUnreadableError, match=r"none\.png is no longer in the photo store"):
        quality.check(tmp_path / "none.png")


# --- within an answer ----------------------------------------------------------------------------------------------------------------


def context_of(bench: Workbench, *photos: bytes, language: Language = Language.EN, part: str | None = "SC-200") -> Context:
    with reading(bench.engine) as conn:
        found = parts.find(conn, part) if part else None
    return Context(question=bench.question("ok?", *photos), site=bench.site, language=language, part=found)


def test_the_gate_compares_with_the_parts_good_photos_is_asked_once_and_is_on_the_trail(bench: Workbench) -> None:
    context = context_of(bench, plate(20), plate(seed=4))
    assert kinds(quality.gate(context, 0)) == ["dark"]
    assert quality.gate(context, 0) is quality.gate(context, 0)
    assert quality.gate(context, 1) == ()
    assert context.usable_photos() == (1,)
    assert [entry.tool for entry in context.trail] == ["quality", "quality"]
    assert context.trail[0].outputs["problems"] == [{"kind": "dark", "measured": 19.491, "limit": 99.708}]
    assert context.trail[0].outputs["references"] == 5


def test_a_photo_of_an_unknown_part_is_refused_only_when_it_is_extreme(bench: Workbench) -> None:
    assert quality.gate(context_of(bench, plate(60), part=None), 0) == ()
    assert kinds(quality.gate(context_of(bench, plate(20), part=None), 0)) == ["dark"]


@pytest.mark.parametrize(
    ("language", "headline", "line"),
    [
        (
            Language.EN,
            "I cannot judge this photo: it is too dark (mean brightness 19 of 255; at least 100 is needed).",
            "Please take it again with more light, the whole part in view.",
        ),
        (
            Language.JA,
            "この写真では判断できません：暗すぎます（平均の明るさ 255 段階中 19、必要なのは 100 以上）。",
            "もっと明るくして、部品全体が入るように撮り直してください。",
        ),
    ],
)
def test_a_better_photo_is_asked_for_with_what_was_measured(bench: Workbench, language: Language, headline: str, line: str) -> None:
    context = context_of(bench, plate(20), language=language)
    assert quality.told(context, language) is None, "nobody has checked yet"
    quality.gate(context, 0)
    told = quality.told(context, language)
    assert told is not None
    assert (told.headline, told.lines) == (headline, (line,))


@pytest.mark.parametrize("language", [Language.EN, Language.JA])
def test_every_problem_can_be_told_of_one_photo_among_several(bench: Workbench, language: Language) -> None:
    context = context_of(bench, plate(), plate(seed=1), language=language)
    context.quality[0] = ()
    context.quality[1] = tuple(
        QualityProblem(photo=1, kind=kind, measured=0.625, limit=0.5) for kind in ("dark", "bright", "blurred", "cut_off", "small")
    )
    told = quality.told(context, language)
    assert told is not None
    assert ("photo 2 of 2" if language is Language.EN else "2 枚中 2 枚目") in told.headline
    assert len(told.lines) == 5
    context.quality[1] = ()
    assert quality.told(context, language) is None


def test_a_stain_on_a_part_that_fills_its_photos_is_no_small_part(saved: Callable[..., list[Path]], good_surfaces: list[Path]) -> None:
    stained = surface(7).copy()
    stained[160:200, 220:260] = (250, 230, 20)
    (photo,) = saved(stained)
    assert shot.look(photo).part_px is not None, "it looks like a part on a bench"
    assert kinds(quality.check(photo, good_surfaces)) == []


def test_a_part_too_far_away_is_small_though_the_photo_is_large(saved: Callable[..., list[Path]], good_discs: list[Path]) -> None:
    assert kinds(quality.check(saved(disc(60, radius_px=24))[0], good_discs)) == ["small"]
