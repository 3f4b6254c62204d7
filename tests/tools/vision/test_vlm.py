"""A larger model on this machine: opened like any Hugging Face model, in a process of its own, with a plain word for each that cannot run.

The model is one that the test assembles (brightness_model.py): its weights are set by hand, its way through transformers is the real one.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

import brightness_model
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from kenpin.tools.vision import vlm
from kenpin.tools.vision.errors import (
    ModelNotHereError,
    ModelProcessDiedError,
    ModelTooSlowError,
    ModelUnsuitableError,
    PhotoUnreadableError,
)
from kenpin.tools.vision.process import LargerModelProcess
from kenpin.tools.vision.vlm import VisionLanguageModel


def picture(grey: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (200, 120), (grey, grey, grey)).save(out, "JPEG")
    return out.getvalue()


BRIGHT, DARK = picture(200), picture(90)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return brightness_model.save(tmp_path_factory.mktemp("brightness"))


@pytest.fixture
def changed(folder: Path, tmp_path: Path) -> Path:
    """A copy of the model, to be spoilt."""
    return Path(shutil.copytree(folder, tmp_path / "changed"))


def verdict(model: VisionLanguageModel | LargerModelProcess, *photos: bytes) -> str:
    more = (20.0,) if isinstance(model, VisionLanguageModel) else ()
    return str(json.loads(model.say("Reply in JSON.", "OK?", photos, *more).text)["verdict"])


# --- it looks ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["auto", "bfloat16", "int8"])
def test_it_looks_at_the_photo_whatever_its_numbers_are_kept_as(folder: Path, dtype: str) -> None:
    model = VisionLanguageModel(model=str(folder), device="cpu", dtype=dtype)
    assert (verdict(model, BRIGHT), verdict(model, DARK)) == ("ok", "not_ok")
    assert f"cpu, {'float32' if dtype == 'auto' else dtype}" in model.model
    assert model.model.startswith(folder.name)


def test_it_counts_what_it_read_and_wrote(folder: Path) -> None:
    model = VisionLanguageModel(model=str(folder), device="cpu")
    one, two = (model.say("Reply in JSON.", "OK?", photos, 20.0) for photos in ([BRIGHT], [BRIGHT, BRIGHT]))
    assert two.tokens_in - one.tokens_in == (brightness_model.SIDE // brightness_model.PATCH) ** 2
    assert one.tokens_out == 2, "the reply and its end"


def test_a_reply_is_no_longer_than_set(folder: Path) -> None:
    assert VisionLanguageModel(model=str(folder), device="cpu", max_tokens=1).say("", "OK?", [BRIGHT], 20.0).tokens_out == 1


def test_a_chat_template_without_a_system_turn_gets_the_instructions_in_the_question(tmp_path: Path) -> None:
    refusing = "{% if messages[0].role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}" + brightness_model.TEMPLATE
    model = VisionLanguageModel(model=str(brightness_model.save(tmp_path, template=refusing)), device="cpu")
    assert verdict(model, DARK) == "not_ok"


def test_what_is_no_photo_is_said(folder: Path) -> None:
    with pytest.raises(PhotoUnreadableError):
        VisionLanguageModel(model=str(folder), device="cpu").say("", "OK?", [b"no photo"], 20.0)


# --- it cannot run here --------------------------------------------------------------------------------------------------------------


def refused(kind: type[Exception], words: str, model: str | Path, **settings: str) -> None:
    with pytest.raises(kind, match=words):
        VisionLanguageModel(model=str(model), **{"device": "cpu", **settings})


def test_a_model_that_is_not_here_is_not_downloaded_but_named_with_how_to_fetch_it() -> None:
    refused(ModelNotHereError, r"KENPIN_VISION_MODEL is hf:nobody/no-such.*`kenpin models pull nobody/no-such`", "nobody/no-such")
    refused(ModelNotHereError, "is not on this machine", "not/a/valid/id")


def test_an_empty_folder_is_not_the_whole_model(tmp_path: Path) -> None:
    refused(ModelNotHereError, "or not all of it", tmp_path)


def test_a_model_for_text_alone_is_refused(changed: Path) -> None:
    (changed / "config.json").write_text(json.dumps({"model_type": "llama"}))
    refused(ModelUnsuitableError, "a llama model, which does not answer questions about photos", changed)


def test_a_kind_that_is_not_known_is_refused_and_no_code_of_its_own_is_run(changed: Path) -> None:
    (changed / "config.json").write_text(json.dumps({"model_type": "nebula", "auto_map": {"AutoConfig": "evil.Config"}}))
    (changed / "evil.py").write_text("raise SystemExit('ran')")
    refused(ModelUnsuitableError, "of a kind that transformers .* does not know", changed)


def test_weights_that_may_run_code_are_not_opened(changed: Path) -> None:
    torch.save({}, changed / "pytorch_model.bin")
    (changed / "model.safetensors").unlink()
    refused(ModelUnsuitableError, "no safetensors files", changed)


def test_a_model_that_needs_torchvision_names_the_extra(changed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SmolVLM's is one; where torchvision is installed it is hidden, as most machines are without it."""
    monkeypatch.setitem(sys.modules, "torchvision", None)
    config = json.loads((changed / "processor_config.json").read_text())
    config |= {"processor_class": "SmolVLMProcessor", "video_processor": {"video_processor_type": "SmolVLMVideoProcessor"}}
    (changed / "processor_config.json").write_text(json.dumps(config))
    refused(ModelUnsuitableError, r"needs torchvision.*pip install 'kenpin\[vlm\]'", changed)


def test_a_model_without_a_chat_template_is_refused(changed: Path) -> None:
    (changed / "chat_template.jinja").unlink()
    refused(ModelUnsuitableError, "without a chat template", changed)


def test_a_model_larger_than_the_free_memory_is_refused_before_it_is_loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The measure of free memory is replaced: no test can fill a machine's."""
    monkeypatch.setattr(vlm, "_mib_free", lambda device: 0.1)
    refused(ModelUnsuitableError, r"as float32 on cpu it needs about 0 MiB, and 0 MiB are free.*KENPIN_VISION_DTYPE=bfloat16", folder)


def test_how_much_memory_a_model_needs_is_read_off_its_files(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1000, 1000, dtype=torch.bfloat16), "b": torch.zeros(24)}, tmp_path / "model-1.safetensors")
    save_file({"c": torch.zeros(0, 5)}, tmp_path / "model-2.safetensors")
    assert vlm.parameters_in(tmp_path) == 1_000_024
    assert vlm.mib_needed(1_000_000, "bfloat16", "cuda") == pytest.approx(1.2 * 2e6 / 2**20)
    assert vlm.mib_needed(1_000_000, "int8", "cpu") == vlm.mib_needed(1_000_000, "float32", "cpu"), "it is made from that"
    assert vlm.mib_needed(1_000_000, "int8", "cuda") < vlm.mib_needed(1_000_000, "bfloat16", "cuda")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_cuda_device_that_is_not_there_is_said(folder: Path) -> None:
    refused(ModelUnsuitableError, "KENPIN_DEVICE is 'cuda', but torch finds no CUDA device", folder, device="cuda")


# --- its process ---------------------------------------------------------------------------------------------------------------------


def test_its_process_answers_is_replaced_when_it_dies_and_is_ended_when_it_hangs(folder: Path) -> None:
    with LargerModelProcess(model=str(folder), device="cpu", limit_s=60) as process:
        assert process.name == folder.name
        assert (verdict(process, BRIGHT), verdict(process, DARK)) == ("ok", "not_ok")
        first = process.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)  # so that the call is under way when the process dies
        threading.Timer(1, os.kill, (first, signal.SIGKILL)).start()
        with pytest.raises(ModelProcessDiedError) as died:
            verdict(process, BRIGHT)
        assert died.value.retryable
        assert verdict(process, DARK) == "not_ok"
        second = process.pid
        assert second not in (None, first)
        os.kill(second, signal.SIGSTOP)
        process._limit_s = 0.2
        with pytest.raises(ModelTooSlowError, match="within its time limit"):
            verdict(process, BRIGHT)
        assert process.pid is None


def test_a_model_that_cannot_run_is_said_by_the_first_call(tmp_path: Path) -> None:
    with LargerModelProcess(model=str(tmp_path / "nothing")) as process, pytest.raises(ModelNotHereError, match="kenpin models pull"):
        process.say("", "OK?", [BRIGHT])
