"""What the eye says of photos, on the true weights."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import Keep, bracket, cloth
from PIL import Image

from kenpin.storage.vocabulary import Verdict
from kenpin.tools.vision.errors import NoReferencesError, PhotoUnreadableError
from kenpin.tools.vision.eye import Eye
from kenpin.tools.vision.photo import Pixels
from kenpin.tools.vision.sight import RecognitionOutcome, ReferencePhoto

ANGLES = (0, 40, 100, 200)


@pytest.fixture(scope="module")
def brackets(keep: Keep) -> list[ReferencePhoto]:
    return [keep(bracket(seed, angle_deg=angle, at=(150 + 5 * seed, 120))) for seed, angle in enumerate(ANGLES)]


@pytest.fixture(scope="module")
def cloths(keep: Keep) -> list[ReferencePhoto]:
    return [keep(cloth(seed)) for seed in range(4)]


def test_a_broken_part_is_stranger_than_a_good_one_lying_at_a_new_angle(eye: Eye, keep: Keep, brackets: list[ReferencePhoto]) -> None:
    good = eye.compare(keep(bracket(20, angle_deg=305)).path, brackets)
    broken = eye.compare(keep(bracket(21, angle_deg=305, broken=True)).path, brackets)
    assert good.verdict is not Verdict.NOT_OK
    assert broken.verdict is Verdict.NOT_OK
    assert broken.anomaly_score > 1.3 * good.anomaly_score
    assert good.part_on_bench


def test_the_marked_region_lies_on_the_missing_corner(eye: Eye, keep: Keep, brackets: list[ReferencePhoto]) -> None:
    sight = eye.compare(keep(bracket(22, broken=True)).path, brackets)
    left, top, right, bottom = sight.regions[0].box_xyxy
    assert left < 200 / 320 < right + 0.1
    assert top - 0.1 < 105 / 240 < bottom + 0.05
    assert "right" in sight.regions[0].where or "top" in sight.regions[0].where
    assert 0 < sight.regions[0].area_of_part < 0.6


def test_a_slit_in_cloth_is_marked_where_it_is(eye: Eye, keep: Keep, cloths: list[ReferencePhoto]) -> None:
    torn, whole = eye.compare(keep(cloth(30, torn=True)).path, cloths), eye.compare(keep(cloth(31)).path, cloths)
    assert torn.verdict is Verdict.NOT_OK
    assert whole.verdict is not Verdict.NOT_OK
    assert not torn.part_on_bench
    assert torn.regions[0].where in ("top", "top right")


def test_the_scale_is_stated_with_every_answer(eye: Eye, keep: Keep, cloths: list[ReferencePhoto]) -> None:
    sight = eye.compare(keep(cloth(31)).path, cloths)
    assert sight.threshold == 1.0
    assert sight.limits[0] < 1.0 < sight.limits[1]
    assert sight.false_alarm_rate == 0.05
    assert 0.5 <= sight.confidence < 1
    assert sight.references == 4
    assert not sight.too_few_references


def test_the_map_is_a_picture_of_the_photo_s_shape_without_exif(eye: Eye, keep: Keep, brackets: list[ReferencePhoto]) -> None:
    large = cv2.resize(bracket(23, broken=True), (2000, 1500))
    picture = Image.open(io.BytesIO(eye.compare(keep(large).path, brackets).map_jpeg))
    assert picture.format == "JPEG"
    assert picture.size == (1024, 768)
    assert not picture.getexif()


def test_the_same_photo_gets_the_same_score_twice(cache: Path, keep: Keep, cloths: list[ReferencePhoto], eye: Eye) -> None:
    photo = keep(cloth(32)).path
    first = eye.compare(photo, cloths).anomaly_score
    assert eye.compare(photo, list(reversed(cloths))).anomaly_score == first
    assert Eye(cache=cache).compare(photo, cloths).anomaly_score == first


def test_one_reference_is_enough_to_answer_and_said_to_be_too_few(eye: Eye, keep: Keep, cloths: list[ReferencePhoto]) -> None:
    sight = eye.compare(keep(cloth(31)).path, cloths[:1])
    torn = eye.compare(keep(cloth(30, torn=True)).path, cloths[:1])
    assert sight.too_few_references
    assert sight.references == 1
    assert torn.anomaly_score > sight.anomaly_score


def test_the_reference_itself_is_not_strange(eye: Eye, cloths: list[ReferencePhoto]) -> None:
    assert eye.compare(cloths[0].path, cloths).verdict is Verdict.OK
    assert eye.compare(cloths[0].path, cloths[:1]).verdict is Verdict.OK


def test_the_same_reference_given_twice_counts_once(eye: Eye, keep: Keep, cloths: list[ReferencePhoto]) -> None:
    assert eye.compare(keep(cloth(31)).path, [cloths[0], cloths[0]]).references == 1


def test_no_reference_is_an_error_that_says_what_to_do(eye: Eye, cloths: list[ReferencePhoto]) -> None:
    with pytest.raises(NoReferencesError, match="Add a few"):
        eye.compare(cloths[0].path, [])


def test_a_file_that_is_no_picture_is_an_error_that_says_so(eye: Eye, tmp_path: Path, cloths: list[ReferencePhoto]) -> None:
    (tmp_path / "page.jpg").write_bytes(b"<html>log in</html>")
    with pytest.raises(PhotoUnreadableError, match=r"page\.jpg"):
        eye.compare(tmp_path / "page.jpg", cloths)
    with pytest.raises(PhotoUnreadableError, match=r"gone\.jpg"):
        eye.compare(tmp_path / "gone.jpg", cloths)


@pytest.mark.parametrize(
    "rgb",
    [
        np.full((90, 120, 3), 127, np.uint8),
        np.full((32, 32, 3), 10, np.uint8),
        cloth(1)[:32, :32],
        cloth(1)[:60],
        cloth(1)[:, :40],
    ],
    ids=["uniform", "32 px uniform", "32 px", "wide", "high"],
)
def test_odd_photos_are_judged_without_falling_over(eye: Eye, keep: Keep, cloths: list[ReferencePhoto], rgb: np.ndarray) -> None:
    sight = eye.compare(keep(np.ascontiguousarray(rgb)).path, cloths)
    assert np.isfinite(sight.anomaly_score)
    assert sight.anomaly_score > 0


def test_references_of_different_sizes_and_a_uniform_one_can_be_learnt(eye: Eye, keep: Keep, cloths: list[ReferencePhoto]) -> None:
    odd = [cloths[0], keep(np.ascontiguousarray(cloth(1)[:80])), keep(np.full((50, 70, 3), 90, np.uint8))]
    seen: list[tuple[int, int]] = []
    eye.learn(odd, lambda done, of: seen.append((done, of)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert np.isfinite(eye.compare(cloths[1].path, odd).anomaly_score)


def test_a_photo_of_sixty_megapixels_is_judged_like_its_small_copy(eye: Eye, keep: Keep, brackets: list[ReferencePhoto]) -> None:
    huge = cv2.resize(bracket(24), (8940, 6705), interpolation=cv2.INTER_LINEAR)
    assert eye.compare(keep(huge, ".jpg").path, brackets).verdict is eye.compare(keep(bracket(24)).path, brackets).verdict


def test_the_part_is_recognised_from_its_references(
    eye: Eye, keep: Keep, brackets: list[ReferencePhoto], cloths: list[ReferencePhoto]
) -> None:
    parts = {"B-1": brackets, "C-1": cloths, "EMPTY": []}
    assert eye.recognise(keep(cloth(40)).path, parts).part == "C-1"
    assert eye.recognise(keep(bracket(41, angle_deg=77)).path, parts).part == "B-1"


def test_a_photo_of_no_known_part_is_not_given_one(
    eye: Eye, keep: Keep, brackets: list[ReferencePhoto], cloths: list[ReferencePhoto]
) -> None:
    rainbow = np.stack([*np.meshgrid(np.arange(0, 250, 2), np.arange(0, 250, 2)), np.full((125, 125), 90)], axis=2).astype(np.uint8)
    seen = eye.recognise(keep(rainbow).path, {"B-1": brackets, "C-1": cloths})
    assert seen.part is None
    assert seen.outcome is RecognitionOutcome.NONE_NEAR
    assert len(seen.candidates) == 2


def test_two_parts_with_the_same_references_are_too_near_to_choose(eye: Eye, keep: Keep, cloths: list[ReferencePhoto]) -> None:
    seen = eye.recognise(keep(cloth(42)).path, {"C-1": cloths, "C-2": cloths})
    assert seen.part is None
    assert seen.outcome is RecognitionOutcome.SEVERAL_NEAR


def test_without_parts_nothing_is_recognised(eye: Eye, cloths: list[ReferencePhoto]) -> None:
    assert eye.recognise(cloths[0].path, {}).outcome is RecognitionOutcome.NO_PARTS


def test_like_photos_have_like_features(eye: Eye, keep: Keep) -> None:
    one, same, other = (eye.features(keep(rgb).path) for rgb in (cloth(50), cloth(51), bracket(52)))
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-4)
    assert one @ same > one @ other


def test_a_tear_that_looks_like_a_thing_on_a_bench_does_not_hide_what_is_torn(eye: Eye, keep: Keep, cloths: list[ReferencePhoto]) -> None:
    torn = cloth(70)
    cv2.circle(torn, (torn.shape[1] // 2, torn.shape[0] // 2), 18, (15, 15, 15), -1)
    assert Pixels(torn).outline is not None, "taken for a part on a bench"
    assert eye.recognise(keep(torn).path, {"C-1": cloths}).part == "C-1"
