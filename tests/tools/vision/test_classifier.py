"""Which known defect a photo shows: the head on numbers drawn for the purpose, and the eye on drawn photos with the true weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import Keep, Rgb, cloth

from kenpin.tools.vision.classifier import Classifier, Head
from kenpin.tools.vision.errors import NoReferencesError, PhotoUnreadableError
from kenpin.tools.vision.eye import Eye
from kenpin.tools.vision.foreground import Lie
from kenpin.tools.vision.sight import ASSUMED, MEASURED, ReferencePhoto
from kenpin.tools.vision.view import Frame, View

NAMES = ("scratch", "stain", "dent", "chip")


# --- the head ------------------------------------------------------------------------------------------------------------------------


def drawn(rng: np.random.Generator, kind: int, count: int, spread: float) -> np.ndarray:
    """(count, 1, 12): descriptions of one class, around a middle of its own."""
    middle = np.zeros(12)
    middle[kind] = 1.0
    return (middle + rng.normal(0, spread, (count, 12)))[:, None].astype(np.float32)


def head(rng: np.random.Generator, shots: int, spread: float, kinds: int = 4) -> Head:
    described = np.concatenate([drawn(rng, kind, shots, spread) for kind in range(kinds)])
    return Head(NAMES[:kinds], np.repeat(np.arange(kinds), shots), described)


@pytest.mark.parametrize(("shots", "spread"), [(3, 0.3), (8, 0.3), (8, 0.6)])
@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_the_true_class_is_in_the_set_as_often_as_promised(shots: int, spread: float, coverage: float) -> None:
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(100):
        one = head(rng, shots, spread)
        inside += [one.judge(drawn(rng, kind, 1, spread)[0], coverage).plausible[kind] for kind in (0, 1, 2, 3) * 3]
    assert np.mean(inside) == pytest.approx(coverage, abs=0.02)


def test_a_photo_of_no_known_class_gives_an_empty_set_and_one_of_a_known_class_seldom_does() -> None:
    rng = np.random.default_rng(1)
    one = head(rng, 12, 0.2, kinds=3)
    unknown = [one.judge(photo, 0.9).plausible.sum() for photo in drawn(rng, 3, 40, 0.2)]
    known = [one.judge(photo, 0.9).plausible.sum() for photo in drawn(rng, 1, 40, 0.2)]
    assert np.mean(np.array(unknown) == 0) > 0.9
    assert np.mean(np.array(known) == 0) < 0.25


def test_classes_that_look_the_same_are_named_together() -> None:
    rng = np.random.default_rng(2)
    described = np.concatenate([drawn(rng, 0, 12, 0.2), drawn(rng, 0, 12, 0.2), drawn(rng, 2, 12, 0.2)])
    one = Head(NAMES[:3], np.repeat(np.arange(3), 12), described)
    sets = np.array([one.judge(photo, 0.9).plausible for photo in drawn(rng, 0, 40, 0.2)])
    assert (sets[:, 0] & sets[:, 1]).mean() > 0.6
    assert sets[:, 2].mean() < 0.3


def test_a_probability_is_as_high_as_the_share_of_right_answers() -> None:
    rng = np.random.default_rng(3)
    said, right = [], []
    for _ in range(60):
        one = head(rng, 16, 0.45)
        for kind in (0, 1, 2, 3) * 2:
            probabilities = one.judge(drawn(rng, kind, 1, 0.45)[0], 0.9).probabilities
            assert probabilities.sum() == pytest.approx(1)
            said.append(probabilities.max())
            right.append(probabilities.argmax() == kind)
    assert np.mean(said) == pytest.approx(np.mean(right), abs=0.05)


def test_labels_that_mean_nothing_give_probabilities_that_say_little() -> None:
    rng = np.random.default_rng(4)
    one = Head(NAMES, rng.permutation(np.repeat(np.arange(4), 10)), rng.normal(size=(40, 1, 12)).astype(np.float32))
    assert np.mean([one.judge(photo, 0.9).probabilities.max() for photo in rng.normal(size=(30, 1, 12))]) < 0.5


def test_too_few_photos_for_the_coverage_are_admitted() -> None:
    rng = np.random.default_rng(5)
    photo = drawn(rng, 0, 1, 0.1)[0]
    assert head(rng, 1, 0.1).judge(photo, 0.9).assumed
    few = head(rng, 3, 0.1)
    assert not few.judge(photo, 0.9).assumed
    assert few.judge(photo, 0.95).assumed, "twelve photos cannot vouch for 95 of 100"


def test_one_photo_a_class_is_enough_to_name_the_nearest() -> None:
    rng = np.random.default_rng(6)
    judged = head(rng, 1, 0.05).judge(drawn(rng, 2, 1, 0.05)[0], 0.9)
    assert judged.probabilities.argmax() == 2
    assert judged.plausible.tolist() == [False, False, True, False]


def test_the_order_of_the_labelled_photos_does_not_matter() -> None:
    rng = np.random.default_rng(7)
    one, photo = head(rng, 5, 0.4), drawn(rng, 1, 1, 0.4)[0]
    order = rng.permutation(20)
    other = Head(NAMES, one.which[order], one.described[order])
    assert other.judge(photo, 0.9).probabilities == pytest.approx(one.judge(photo, 0.9).probabilities)
    assert (other.judge(photo, 0.9).plausible == one.judge(photo, 0.9).plausible).all()


def test_photos_that_are_all_the_same_are_no_error() -> None:
    one = Head(NAMES[:2], np.array([0, 0, 1, 1]), np.ones((4, 1, 12), np.float32))
    assert one.judge(np.ones((1, 12), np.float32), 0.9).probabilities == pytest.approx([0.5, 0.5])


# --- heads on disk -------------------------------------------------------------------------------------------------------------------


@dataclass
class PaperLook:
    """Looks at a photo whose name says what is on it, without a network: a view of 6 x 6 patches, one of them the defect."""

    looked_at: list[str] = field(default_factory=list)
    lie: Lie = Lie.FILLS

    def __call__(self, digest: str, path: Path, *, close: bool, keep: bool = False) -> View:
        self.looked_at.append(f"{path.stem} {'close' if close else 'whole'}")
        kind, seed = path.stem.split("-")
        rng = np.random.default_rng(int(seed))
        features = rng.normal(0, 0.02, (6, 6, 16))
        features[..., 0] += 1
        features[2, 3] = np.eye(16)[1 + NAMES.index(kind)] + rng.normal(0, 0.02, 16) if kind in NAMES else features[2, 3]
        features /= np.linalg.norm(features, axis=-1, keepdims=True)
        frame = Frame(centre_xy=(0.5, 0.5), size_wh=(1.0, 1.0), angle_deg=0.0, rows=6, columns=6)
        fine, part = features.astype(np.float32), np.ones((6, 6), bool)
        return View(features=fine, part=part, frame=frame, coarse=fine, coarse_part=part, lie=self.lie)


def paper(folder: Path, kind: str, seeds: Sequence[int]) -> list[ReferencePhoto]:
    photos = []
    for seed in seeds:
        path = folder / f"{kind}-{seed}.txt"
        path.write_text(path.name)
        photos.append(ReferencePhoto(sha256=path.name, path=path))
    return photos


def test_a_head_is_learnt_once_and_kept_by_what_it_was_learnt_from(tmp_path: Path) -> None:
    labelled = {"scratch": paper(tmp_path, "scratch", range(4)), "stain": paper(tmp_path, "stain", range(4))}
    (photo,) = paper(tmp_path, "stain", [9])
    first = PaperLook()
    said = Classifier(tmp_path / "heads", first).classify(photo.path, labelled, [], None, 0.9)
    assert (said.shares[0][0], said.labelled) == ("stain", 8)
    again = PaperLook()
    other = Classifier(tmp_path / "heads", again)
    assert other.classify(photo.path, labelled, [], None, 0.9).shares == said.shares
    assert again.looked_at == ["stain-9 whole"]
    other.classify(photo.path, {**labelled, "dent": paper(tmp_path, "dent", [1])}, [], None, 0.9)
    assert len(again.looked_at) > 9, "another class is another head"


def test_a_head_cut_off_by_a_full_disk_is_learnt_again(tmp_path: Path) -> None:
    labelled = {"scratch": paper(tmp_path, "scratch", range(3)), "stain": paper(tmp_path, "stain", range(3))}
    (photo,) = paper(tmp_path, "stain", [9])
    said = Classifier(tmp_path / "heads", PaperLook()).classify(photo.path, labelled, [], None, 0.9)
    (file,) = (tmp_path / "heads").glob("*.npz")
    file.write_bytes(file.read_bytes()[:100])
    assert Classifier(tmp_path / "heads", PaperLook()).classify(photo.path, labelled, [], None, 0.9).shares == said.shares


def test_the_newest_photos_of_a_class_count(tmp_path: Path) -> None:
    look = PaperLook()
    labelled = {"scratch": paper(tmp_path, "scratch", range(40)), "stain": paper(tmp_path, "stain", range(3))}
    said = Classifier(tmp_path / "heads", look).classify(paper(tmp_path, "stain", [9])[0].path, labelled, [], None, 0.9)
    assert said.labelled == 35
    seen = {name.split()[0] for name in look.looked_at}
    assert "scratch-39" in seen
    assert "scratch-7" not in seen


@pytest.mark.parametrize(("lie", "how"), [(Lie.FILLS, "whole"), (Lie.LONG, "close")])
def test_parts_on_a_bench_are_looked_at_close(tmp_path: Path, lie: Lie, how: str) -> None:
    look = PaperLook(lie=lie)
    labelled = {"scratch": paper(tmp_path, "scratch", range(2)), "stain": paper(tmp_path, "stain", range(2))}
    Classifier(tmp_path / "heads", look).classify(paper(tmp_path, "stain", [9])[0].path, labelled, [], None, 0.9)
    assert look.looked_at[-1] == f"stain-9 {how}"


def test_a_single_class_is_told_from_good_photos(tmp_path: Path) -> None:
    labelled, good = {"scratch": paper(tmp_path, "scratch", range(8))}, paper(tmp_path, "good", range(8))
    classifier = Classifier(tmp_path / "heads", PaperLook())
    like = classifier.classify(paper(tmp_path, "scratch", [50])[0].path, labelled, good, None, 0.9)
    unlike = classifier.classify(paper(tmp_path, "good", [51])[0].path, labelled, good, None, 0.9)
    assert (like.plausible, unlike.plausible) == (("scratch",), ())
    assert [name for name, _ in like.shares] == ["scratch"], "good is no defect"
    assert like.shares[0][1] > 0.8 > 0.2 > unlike.shares[0][1]
    assert like.labelled == 8


@pytest.mark.parametrize("labelled", [{}, {"scratch": 3}, {"scratch": 3, "stain": 0}])
def test_without_two_kinds_of_photos_there_is_nothing_to_tell_apart(tmp_path: Path, labelled: dict[str, int]) -> None:
    photos = {name: paper(tmp_path, name, range(count)) for name, count in labelled.items()}
    with pytest.raises(NoReferencesError, match="two kinds of defects"):
        Classifier(tmp_path / "heads", PaperLook()).classify(paper(tmp_path, "dent", [1])[0].path, photos, [], None, 0.9)


def test_a_coverage_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"coverage is 90; it must lie between 0 and 1"):
        Classifier(tmp_path / "heads", PaperLook()).classify(tmp_path / "x", {}, [], None, 90)


# --- the eye -------------------------------------------------------------------------------------------------------------------------


def spoilt(seed: int, kind: str) -> Rgb:
    """A cloth with a small defect somewhere: a bright slit, a dark round hole, or a reddish stain."""
    rgb = cloth(seed)
    rng = np.random.default_rng(seed)
    x, y = (int(v) for v in rng.integers(40, 150, 2))
    if kind == "slit":
        cv2.line(rgb, (x, y), (x + int(rng.integers(15, 30)), y + int(rng.integers(20, 40))), (250, 250, 250), 4)
    elif kind == "hole":
        cv2.circle(rgb, (x, y), int(rng.integers(8, 13)), (5, 5, 5), -1)
    else:
        spot = np.zeros(rgb.shape[:2], np.float32)
        cv2.ellipse(spot, (x, y), (int(rng.integers(14, 22)), int(rng.integers(10, 15))), 0, 0, 360, 1.0, -1)
        shade = cv2.GaussianBlur(spot, (0, 0), 3)[:, :, None]
        rgb = np.clip(rgb * (1 - 0.6 * shade) + shade * (110, 20, 10), 0, 255).astype(np.uint8)
    return rgb


@pytest.fixture(scope="module")
def labelled(keep: Keep) -> dict[str, list[ReferencePhoto]]:
    return {kind: [keep(spoilt(100 + 10 * which + i, kind)) for i in range(3)] for which, kind in enumerate(("slit", "hole", "stain"))}


@pytest.fixture(scope="module")
def good(keep: Keep) -> list[ReferencePhoto]:
    return [keep(cloth(seed)) for seed in range(4)]


@pytest.mark.parametrize("kind", ["slit", "hole", "stain"])
def test_a_small_defect_is_named(
    eye: Eye, keep: Keep, labelled: dict[str, list[ReferencePhoto]], good: list[ReferencePhoto], kind: str
) -> None:
    for against in (good, []):
        said = eye.classify(keep(spoilt(200, kind)).path, labelled, against, 0.8)
        assert said.shares[0][0] == kind
        assert sum(share for _, share in said.shares) == pytest.approx(1)
        assert (said.labelled, said.coverage, said.basis) == (9, 0.8, MEASURED)
    assert eye.classify(keep(spoilt(200, kind)).path, {name: photos[:1] for name, photos in labelled.items()}, good, 0.8).basis == ASSUMED


def test_a_single_small_defect_is_told_from_eight_good_photos(
    eye: Eye, keep: Keep, labelled: dict[str, list[ReferencePhoto]], good: list[ReferencePhoto]
) -> None:
    several = [*good, *(keep(cloth(seed)) for seed in range(20, 24))]
    slits = {"slit": [*labelled["slit"], *(keep(spoilt(150 + i, "slit")) for i in range(3))]}
    said = [eye.classify(keep(spoilt(200 + i, "slit")).path, slits, several, 0.8).plausible for i in range(4)]
    assert said.count(("slit",)) >= 3, said
    assert [eye.classify(keep(cloth(60 + i)).path, slits, several, 0.8).plausible for i in range(4)] == [()] * 4


def test_after_a_comparison_naming_the_defect_costs_no_second_look(
    eye: Eye, keep: Keep, labelled: dict[str, list[ReferencePhoto]], good: list[ReferencePhoto], monkeypatch: pytest.MonkeyPatch
) -> None:
    eye.classify(keep(spoilt(300, "slit")).path, labelled, good, 0.9)
    passes, run = [], eye._network.patches_of_many
    # The network stays the real one; what is counted is how often it runs, which no answer shows.
    monkeypatch.setattr(eye._network, "patches_of_many", lambda several: passes.append(1) or run(several))
    photo = keep(spoilt(301, "hole")).path
    eye.compare(photo, good)
    eye.classify(photo, labelled, good, 0.9)
    assert len(passes) == 1


def test_a_photo_that_is_gone_is_named(eye: Eye, labelled: dict[str, list[ReferencePhoto]], tmp_path: Path) -> None:
    with pytest.raises(PhotoUnreadableError, match=r"gone\.jpg"):
        eye.classify(tmp_path / "gone.jpg", labelled, [], 0.9)
