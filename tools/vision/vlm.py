"""A vision-language model on this machine: one photo and one question in, text out.

Any Hugging Face image-text-to-text model that is here, by id or folder, through transformers; nothing is downloaded. What is asked and
what the text is worth is decided elsewhere (`tools/second_opinion.py`, `tools/verify.py`). It lives in a process of its own
(`process.LargerModelProcess`), because it is the largest thing in memory and the first that the system ends when there is too little.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from PIL import Image

from kenpin.tools.vision import device as devices
from kenpin.tools.vision.errors import ModelNotHereError, ModelUnsuitableError, PhotoUnreadableError
from kenpin.tools.vision.sight import Said

if TYPE_CHECKING:
    import torch

SETTING, DTYPE_SETTING = "KENPIN_VISION_MODEL", "KENPIN_VISION_DTYPE"
DTYPES = ("auto", "float32", "bfloat16", "int8")
BYTES = {"float32": 4, "bfloat16": 2, "int8": 1}
HEADROOM = 1.2  # of the weights' own size: what a forward pass over one photo takes beside them; chosen, no model's exact number
MIB = 2**20


class VisionLanguageModel:
    """Loaded once; not for use from several threads at once. Raises ModelNotHereError, ModelUnsuitableError."""

    def __init__(self, *, model: str, device: str = "auto", dtype: str = "auto", max_tokens: int = 256, threads: int | None = None) -> None:
        """`model`: a Hugging Face id that `kenpin models pull` brought, or a folder."""
        folder = folder_of(model)  # said before torch is loaded, which takes seconds
        import torch

        if threads is not None:
            torch.set_num_threads(threads)
        self._torch, self._max_tokens = torch, max_tokens
        self._device = devices.resolved(device)
        if self._device.startswith("cuda") and not torch.cuda.is_available():
            raise ModelUnsuitableError(f"KENPIN_DEVICE is {device!r}, but torch finds no CUDA device. Set KENPIN_DEVICE=cpu.")
        number = _number(dtype, self._device)
        config = _config(model, folder)
        _must_fit(model, folder, self._device, number)
        self._processor = _processor(model, folder)
        self._network = _loaded(model, folder, self._device, number)
        self._whole_sequence = not getattr(config, "is_encoder_decoder", False)  # then the prompt comes back before the answer
        self._pixels = torch.bfloat16 if self._network.dtype is torch.bfloat16 else torch.float32
        self.model = f"{Path(model).name} ({_revision(config, folder)}, {self._device}, {number}, transformers {version('transformers')})"

    def say(self, instructions: str, question: str, photos: Sequence[bytes], limit_s: float) -> Said:
        """`photos`: JPEGs, upright. Writing stops after `limit_s`, wherever it is. Raises PhotoUnreadableError, ModelUnsuitableError."""
        torch = self._torch
        inputs = self._prompt(instructions, question, [_decoded(photo) for photo in photos]).to(self._device, dtype=self._pixels)
        asked = inputs["input_ids"].shape[-1]
        with torch.inference_mode():
            written = self._network.generate(**inputs, max_new_tokens=self._max_tokens, max_time=limit_s, do_sample=False)[0]
        if self._whole_sequence:
            written = written[asked:]
        text: str = self._processor.decode(written, skip_special_tokens=True)
        return Said(text=text, tokens_in=int(asked), tokens_out=int(written.shape[-1]))

    def _prompt(self, instructions: str, question: str, photos: Sequence[Image.Image]) -> Any:
        """By the model's own chat template. Those that know no system turn get the instructions in front of the question."""
        from jinja2 import TemplateError

        shown = [{"type": "image", "image": photo} for photo in photos]
        system = {"role": "system", "content": [{"type": "text", "text": instructions}]}
        try:
            return self._tokens([system, {"role": "user", "content": [*shown, {"type": "text", "text": question}]}])
        except TemplateError:
            together = {"type": "text", "text": f"{instructions}\n\n{question}"}
            return self._tokens([{"role": "user", "content": [*shown, together]}])

    def _tokens(self, turns: list[dict[str, Any]]) -> Any:
        return self._processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt")


# --- what is here, and whether it can run ---------------------------------------------------------------------------------------------


def folder_of(model: str) -> Path:
    """Where the model's files lie on this machine. Raises ModelNotHereError."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    if Path(model).is_dir():
        return Path(model)
    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise _not_here(model) from error


def parameters_in(folder: Path) -> int:
    """How many numbers the safetensors files hold, from their headers; 0 when there are none."""
    from safetensors import safe_open

    total = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="numpy") as tensors:
            total += sum(prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    return total


def mib_needed(parameters: int, number: str, device: str) -> float:
    """MiB to load that many parameters and look at one photo. On the CPU int8 is made from float32, which must fit first."""
    bytes_each = BYTES["float32"] if number == "int8" and device == devices.CPU else BYTES[number]
    return parameters * bytes_each * HEADROOM / MIB


def _number(dtype: str, device: str) -> str:
    """What the weights are kept as. auto: bfloat16 on a card, float32 on a CPU, most of which are slower with anything else."""
    if dtype not in DTYPES:
        raise ModelUnsuitableError(f"{DTYPE_SETTING} is {dtype!r}; it can be {', '.join(DTYPES)}.")
    if dtype == "auto":
        return "bfloat16" if device != devices.CPU else "float32"
    if dtype == "int8" and device != devices.CPU and find_spec("bitsandbytes") is None:
        raise ModelUnsuitableError(
            f"{DTYPE_SETTING} is int8, which needs the package bitsandbytes on a CUDA device: pip install bitsandbytes accelerate. "
            "Or set it to bfloat16."
        )
    return dtype


def _config(model: str, folder: Path) -> Any:
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as SUITABLE

    if not (folder / "config.json").exists():
        raise _not_here(model)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except OSError as error:
        raise _not_here(model) from error
    except ValueError as error:  # a kind this version does not know, or one that would run code of its own
        raise ModelUnsuitableError(
            f"{SETTING} is hf:{model}, of a kind that transformers {version('transformers')} does not know. Choose another "
            "(docs/models.md), or serve it with software that knows it and set the server's address."
        ) from error
    if config.model_type not in SUITABLE:
        raise ModelUnsuitableError(
            f"{SETTING} is hf:{model}, a {config.model_type} model, which does not answer questions about photos. Set it to an "
            "image-text-to-text model; docs/models.md names some."
        )
    return config


def _must_fit(model: str, folder: Path, device: str, number: str) -> None:
    """Raises ModelUnsuitableError when there is too little memory; loading it anyway would end other processes as well."""
    parameters = parameters_in(folder)
    if not parameters:
        raise ModelUnsuitableError(
            f"{SETTING} is hf:{model}, which has no safetensors files; others are not opened, since loading them may run what is in them."
        )
    need, there = mib_needed(parameters, number, device), _mib_free(device)
    if need > there:
        smaller = "" if number == "int8" else f" Set {DTYPE_SETTING}=bfloat16 where it is float32, choose a smaller model (docs/models.md),"
        raise ModelUnsuitableError(
            f"{SETTING} is hf:{model} with {parameters / 1e9:.1f} billion parameters: as {number} on {device} it needs about "
            f"{need:,.0f} MiB, and {there:,.0f} MiB are free.{smaller or ' Choose a smaller model (docs/models.md),'} or run it on "
            "another machine and set that server's address."
        )


def _mib_free(device: str) -> float:
    if device != devices.CPU:
        import torch

        on_card, _ = torch.cuda.mem_get_info()
        return on_card / MIB
    free = float(psutil.virtual_memory().available)
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")  # a container's own limit
    if limit.exists() and used.exists() and (most := limit.read_text().strip()).isdigit():
        free = min(free, int(most) - int(used.read_text()))
    return free / MIB


def _processor(model: str, folder: Path) -> Any:
    from transformers import AutoProcessor

    try:
        processor: Any = AutoProcessor.from_pretrained(folder, local_files_only=True)  # type: ignore[no-untyped-call]
    except ImportError as error:  # names what is missing, over several lines
        missing = next((name for name in ("torchvision", "timm", "num2words") if name in str(error).lower()), "more packages")
        raise ModelUnsuitableError(
            f"{SETTING} is hf:{model}, whose photo processor needs {missing}. Install kenpin[vlm] (pip install 'kenpin[vlm]') and what "
            "the model's card names, or choose a model that does without (docs/models.md)."
        ) from error
    except (OSError, ValueError) as error:
        raise ModelUnsuitableError(f"{SETTING} is hf:{model}, whose photo processor cannot be read: {_line(error)}") from error
    if not getattr(processor, "chat_template", None) or not hasattr(processor, "image_processor"):
        raise ModelUnsuitableError(
            f"{SETTING} is hf:{model}, which comes without a chat template for photos: it was not made to follow instructions. Choose one "
            "whose name says instruct, chat or it (docs/models.md)."
        )
    return processor


def _loaded(model: str, folder: Path, device: str, number: str) -> Any:
    import torch
    from transformers import AutoModelForImageTextToText, BitsAndBytesConfig
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    options: dict[str, Any] = {"dtype": torch.bfloat16 if number == "bfloat16" or device != devices.CPU else torch.float32}
    if number == "int8" and device != devices.CPU:
        eight_bits = BitsAndBytesConfig(load_in_8bit=True)  # type: ignore[no-untyped-call]
        options |= {"quantization_config": eight_bits, "device_map": {"": device}}
    try:
        network: Any = AutoModelForImageTextToText.from_pretrained(folder, local_files_only=True, use_safetensors=True, **options)
    except ImportError as error:
        raise ModelUnsuitableError(f"{SETTING} is hf:{model}, and a package for it is missing: pip install 'kenpin[vlm]'.") from error
    except OSError as error:
        raise _not_here(model) from error
    except (ValueError, RuntimeError) as error:
        raise ModelUnsuitableError(f"{SETTING} is hf:{model}, which cannot be loaded: {_line(error)}") from error
    network.eval()
    if number == "int8":
        return _quantised(network) if device == devices.CPU else network
    return network.to(device)


def _quantised(network: Any) -> Any:
    """The language part's matrices in whole numbers of 8 bits. The part that sees stays as it is: it is small, and its errors are seen."""
    import torch
    from torch.ao.quantization import quantize_dynamic

    decoder: torch.nn.Module = network.get_decoder()
    with warnings.catch_warnings():  # torch announces that this moves to a package of its own; constraints.txt holds a torch that has it
        warnings.simplefilter("ignore")
        quantize_dynamic(decoder, {torch.nn.Linear}, dtype=torch.qint8, inplace=True)  # type: ignore[no-untyped-call]
    return network


def _revision(config: Any, folder: Path) -> str:
    """The commit of a pulled model, or the size of a folder's weights."""
    commit = folder.name if folder.parent.name == "snapshots" else getattr(config, "_commit_hash", None)
    return str(commit)[:8] if commit else f"{sum(f.stat().st_size for f in folder.glob('*.safetensors')):x}"


def _not_here(model: str) -> ModelNotHereError:
    return ModelNotHereError(
        f"{SETTING} is hf:{model}, which is not on this machine, or not all of it. Fetch it with `kenpin models pull {model}`, or name a "
        "folder that holds it."
    )


def _decoded(photo_jpeg: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(photo_jpeg)) as opened:
            return opened.convert("RGB")
    except OSError as error:
        raise PhotoUnreadableError(f"The photo for the larger model cannot be decoded: {error}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
