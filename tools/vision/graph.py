"""Writes the ONNX graph of a DINOv2's first blocks, straight from its parameters.

Features are taken at block 8 of 12, so the last blocks are never written: a third less work and a smaller file. Written by hand rather
than exported, because this way the size of the photo stays free, query, key and value are one product, attention is ONNX Runtime's own
fused kernel (`com.microsoft.MultiHeadAttention`), and pixels go in as they are: (x / 255 - mean) / std is folded into the first layer.

Input  `pixels`     uint8   (1, H, W, 3), both sides multiples of the patch
Input  `positions`  float32 (1, 1 + h*w, D), already resized to the grid
Output `block_6`, `block_8`, ... float32 (1, 1 + h*w, D), one for each layer asked for
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

REVISION = 1  # raise it when the graph written here changes: cached graphs are named by it
OPSET, CONTRIB_OPSET, IR_VERSION = 20, 1, 10
Array = NDArray[np.float32]
Colour = tuple[float, float, float]  # red, green, blue


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What the parameters do not say themselves."""

    heads: int
    epsilon: float
    patch: int
    mean: Colour
    std: Colour


class _Writer:
    """Nodes and constants in the making; each method returns the name of what it computes."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, array: NDArray[np.generic]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, op: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: int | list[int] | float) -> str:
        node = helper.make_node(op, list(inputs), [output], name=output, domain=domain)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.nodes.append(node)
        return output

    def linear(self, x: str, name: str, weight: Array, bias: Array) -> str:
        """weight as PyTorch keeps it, (out, in)."""
        product = self.add("MatMul", [x, self.constant(f"{name}.weight", weight.T)], f"{name}.product")
        return self.add("Add", [product, self.constant(f"{name}.bias", bias)], f"{name}.out")

    def norm(self, x: str, name: str, weight: Array, bias: Array, epsilon: float) -> str:
        scale, shift = self.constant(f"{name}.weight", weight), self.constant(f"{name}.bias", bias)
        return self.add("LayerNormalization", [x, scale, shift], f"{name}.out", axis=-1, epsilon=epsilon)


def write(path: Path, parameters: Mapping[str, Array], shape: Shape, layers: Sequence[int]) -> None:
    """`parameters` as `transformers.Dinov2Model.state_dict()` names them; `layers` counts blocks from 1."""
    writer = _Writer()
    x = _embedded(writer, parameters, shape)
    outputs = []
    for block in range(max(layers)):
        x = _block(writer, x, block, parameters, shape)
        if block + 1 in layers:
            outputs.append(writer.add("Identity", [x], f"block_{block + 1}"))
    width = parameters["embeddings.cls_token"].shape[-1]
    graph = helper.make_graph(
        writer.nodes,
        "dinov2_cut",
        [
            helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, "height", "width", 3]),
            helper.make_tensor_value_info("positions", TensorProto.FLOAT, [1, "tokens", width]),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "tokens", width]) for name in outputs],
        writer.constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", CONTRIB_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="kenpin")
    # The second says that shapes are known, as they are; without it the quantiser asks the user for a preprocessing run.
    helper.set_model_props(model, {"patch": str(shape.patch), "onnx.quant.pre_process": "onnxruntime.quant"})
    onnx.save(model, str(path))


def quantise(source: Path, target: Path) -> None:
    """Linear layers to 8-bit whole numbers, one scale a column: with one scale a matrix patches turn three times as far from fp32."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        str(source), str(target), op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8, per_channel=True,
        extra_options={"DefaultTensorType": TensorProto.FLOAT},  # ONNX's type inference stops at the fused attention
    )  # fmt: skip


def _embedded(writer: _Writer, parameters: Mapping[str, Array], shape: Shape) -> str:
    kernel = parameters["embeddings.patch_embeddings.projection.weight"]  # (D, 3, patch, patch)
    mean, std = np.array(shape.mean, np.float32), np.array(shape.std, np.float32)
    bias = parameters["embeddings.patch_embeddings.projection.bias"] - (kernel * (mean / std)[:, None, None]).sum((1, 2, 3))
    kernel = kernel / (255 * std)[:, None, None]
    x = writer.add("Cast", ["pixels"], "pixels.float", to=TensorProto.FLOAT)
    x = writer.add("Transpose", [x], "pixels.chw", perm=[0, 3, 1, 2])
    weights = [writer.constant("patch.weight", kernel.astype(np.float32)), writer.constant("patch.bias", bias.astype(np.float32))]
    x = writer.add("Conv", [x, *weights], "patch.grid", kernel_shape=[shape.patch] * 2, strides=[shape.patch] * 2)
    x = writer.add("Reshape", [x, writer.constant("patch.flat", np.array([1, len(bias), -1], np.int64))], "patch.rows")
    x = writer.add("Transpose", [x], "patch.tokens", perm=[0, 2, 1])
    x = writer.add("Concat", [writer.constant("class_token", parameters["embeddings.cls_token"]), x], "tokens", axis=1)
    return writer.add("Add", [x, "positions"], "embedded")


def _block(writer: _Writer, x: str, block: int, parameters: Mapping[str, Array], shape: Shape) -> str:
    """One pre-norm transformer block with layer scale, whose factors are folded into the layers before them."""

    def p(name: str) -> Array:
        return parameters[f"encoder.layer.{block}.{name}"]

    at = f"block{block}"
    y = writer.norm(x, f"{at}.norm1", p("norm1.weight"), p("norm1.bias"), shape.epsilon)
    heads = [writer.linear(y, f"{at}.{n}", p(f"attention.{n}_proj.weight"), p(f"attention.{n}_proj.bias")) for n in "qkv"]
    y = writer.add("MultiHeadAttention", heads, f"{at}.attention", domain="com.microsoft", num_heads=shape.heads)
    scale = p("layer_scale1.lambda1")
    y = writer.linear(y, f"{at}.o", p("attention.o_proj.weight") * scale[:, None], p("attention.o_proj.bias") * scale)
    x = writer.add("Add", [x, y], f"{at}.attended")
    y = writer.norm(x, f"{at}.norm2", p("norm2.weight"), p("norm2.bias"), shape.epsilon)
    y = writer.linear(y, f"{at}.fc1", p("mlp.fc1.weight"), p("mlp.fc1.bias"))
    y = writer.add("Gelu", [y], f"{at}.gelu")
    scale = p("layer_scale2.lambda1")
    y = writer.linear(y, f"{at}.fc2", p("mlp.fc2.weight") * scale[:, None], p("mlp.fc2.bias") * scale)
    return writer.add("Add", [x, y], f"{at}.done")
