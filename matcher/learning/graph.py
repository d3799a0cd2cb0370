"""Write both channels as one ONNX graph with int8 weights, for onnxruntime without torch.

Inputs: ``ids`` (n, length) int64 row numbers with [CLS] and [SEP], ``mask`` (n, length) float32.
Outputs: ``context`` (n, 384), the sum over tokens of the transformer's last layer, and
``bag`` (n, 256), the sum of the static rows. Sums, so that the windows of a long text can be
pooled exactly; scaling and joining are the reader's (matcher.encoding.channels).

Rows are int8 with one scale a row, matrices int8 with one scale an output; each token's
inputs are rounded to int8 with a scale of their own, so a text's vector does not depend on
the texts beside it. Tried and left: one scale for all inputs (DynamicQuantizeMatMul, faster
by 10 % and three times the error) and int8 blocks (MatMulNBits, half the speed).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Floats = NDArray[np.float32]
HEADS = 12
EPSILON = 1e-12
MICROSOFT = "com.microsoft"


def quantise_rows(rows: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Round each row to int8; give (n, d) int8 and (n, 1) scales."""
    scale = np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-12) / 127
    return np.round(rows / scale).astype(np.int8), scale.astype(np.float32)


class Graph:
    """Nodes and initial values in the order they are added; names are numbered."""

    def __init__(self, exact: bool) -> None:
        self.nodes: list[Any] = []
        self.values: list[Any] = []
        self.exact = exact

    def value(self, name: str, array: Any) -> str:
        """Store an array under a name."""
        self.values.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, kind: str, inputs: list[str], domain: str = "", outputs: int = 1,
             **options: Any) -> Any:
        """Add a node; give the name of its output, or the names when there are several."""
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **options))
        return names[0] if outputs == 1 else names

    def looked_up(self, name: str, rows: Floats, ids: str) -> str:
        """Look rows (n, d) up by ids; int8 with a scale a row unless the graph is exact."""
        if self.exact:
            return str(self.node("Gather", [self.value(name, rows), ids]))
        small, scale = quantise_rows(rows)
        found = self.node("Gather", [self.value(f"{name}.int8", small), ids])
        scales = self.node("Gather", [self.value(f"{name}.scale", scale), ids])
        found = self.node("Cast", [found], to=TensorProto.FLOAT)
        return str(self.node("Mul", [found, scales]))

    def linear(self, name: str, x: str, weight: Floats, bias: Floats | None = None) -> str:
        """Multiply x (tokens, k) by weight (n, k)ᵀ, and add the bias (n,)."""
        product = self._exact_product if self.exact else self._int8_product
        found = product(name, x, weight)
        return found if bias is None else str(
            self.node("Add", [found, self.value(f"{name}.bias", bias)]))

    def _exact_product(self, name: str, x: str, weight: Floats) -> str:
        return str(self.node("MatMul", [x, self.value(name, weight.T)]))

    def _int8_product(self, name: str, x: str, weight: Floats) -> str:
        small, scale = quantise_rows(weight)
        largest = self.node("ReduceMax", [self.node("Abs", [x]), "last"], keepdims=1)
        step = self.node("Mul", [self.node("Max", [largest, "tiny"]), "step"])
        steps = self.node("Reshape", [step, "flat"])
        middle = self.node("Expand", ["middle", self.node("Shape", [steps])])
        rounded = self.node("QuantizeLinear", [x, steps, middle], axis=0)
        found = self.node("MatMulIntegerToFloat",
                          [rounded, self.value(f"{name}.int8", small.T), "one",
                           self.value(f"{name}.scale", scale.ravel()), "middle"], MICROSOFT)
        return str(self.node("Mul", [found, step]))

    def normalised(self, name: str, x: str, weights: Mapping[str, Floats], skip: str = "",
                   bias: str = "") -> str:
        """Add ``skip`` and a bias when given, then normalise the layer."""
        scale = self.value(f"{name}.weight", weights[f"{name}.weight"])
        shift = self.value(f"{name}.bias", weights[f"{name}.bias"])
        if not skip:
            return str(self.node("LayerNormalization", [x, scale, shift], epsilon=EPSILON))
        added = self.value(bias, weights[bias])
        return str(self.node("SkipLayerNormalization", [skip, x, scale, shift, added], MICROSOFT,
                             epsilon=EPSILON))


def build_graph(weights: Mapping[str, Floats], static: Floats, exact: bool = False) -> Any:
    """Build the model from the student's state (names of ``Student``) and static rows (rows, d).

    ``exact`` keeps float32 everywhere: the measure for what int8 loses.
    """
    graph = Graph(exact)
    _constants(graph, weights["positions"].shape[1])
    x = graph.node("Reshape", [_embedded(graph, weights), "tokens"])
    hidden = graph.node("Cast", ["mask"], to=TensorProto.INT32)
    shape = graph.node("Concat", [graph.node("Shape", ["ids"]), "flat"], axis=0)
    for number in range(_count_layers(weights)):
        x = _block(graph, weights, f"blocks.{number}", x, hidden, shape)
    wide = graph.node("Unsqueeze", ["mask", "last"])
    context = graph.node("Mul", [graph.node("Reshape", [x, shape]), wide])
    graph.nodes.append(helper.make_node("ReduceSum", [context, "second"], ["context"], keepdims=0))
    bag = graph.node("Mul", [graph.looked_up("static", static, "ids"), wide])
    graph.nodes.append(helper.make_node("ReduceSum", [bag, "second"], ["bag"], keepdims=0))
    return _finish(graph, static.shape[1], weights["positions"].shape[1])


def _constants(graph: Graph, width: int) -> None:
    """Store the small values that several nodes share."""
    values = {"last": np.array([-1]), "second": np.array([1]), "flat": np.array([-1]),
              "first": np.array([0]), "tokens": np.array([-1, width])}
    for_int8 = {"one": np.ones(1, np.float32), "step": np.array(1 / 127, np.float32),
                "tiny": np.array(1e-9, np.float32), "middle": np.array(128, np.uint8)}
    for name, value in (values if graph.exact else values | for_int8).items():
        graph.value(name, value)


def _count_layers(weights: Mapping[str, Floats]) -> int:
    return len({name.split(".")[1] for name in weights if name.startswith("blocks.")})


def _embedded(graph: Graph, weights: Mapping[str, Floats]) -> str:
    x = graph.looked_up("rows", weights["rows.weight"], "ids")
    length = graph.node("Shape", ["ids"], start=1, end=2)
    places = graph.node("Slice", [graph.value("positions", weights["positions"]), "first", length])
    return graph.normalised("norm", graph.node("Add", [x, places]), weights)


def _block(graph: Graph, weights: Mapping[str, Floats], name: str, x: str, hidden: str,
           shape: str) -> str:
    """Add one layer: x (tokens, d) → (tokens, d); ``shape`` is (n, length, −1)."""
    def linear(part: str, value: str, bias: bool = True) -> str:
        key = f"{name}.{part}"
        return graph.linear(key, value, weights[f"{key}.weight"],
                            weights[f"{key}.bias"] if bias else None)

    three = graph.node("Reshape", [linear("qkv", x), shape])
    query, key, value = graph.node("Split", [three], outputs=3, axis=2, num_outputs=3)
    mixed = graph.node("MultiHeadAttention", [query, key, value, "", hidden], MICROSOFT,
                       num_heads=HEADS)
    mixed = graph.node("Reshape", [mixed, "tokens"])
    x = graph.normalised(f"{name}.norm1", linear("out", mixed, bias=False), weights, x,
                         f"{name}.out.bias")
    wide = graph.node("Gelu", [linear("up", x)])
    return graph.normalised(f"{name}.norm2", linear("down", wide, bias=False), weights, x,
                            f"{name}.down.bias")


def _finish(graph: Graph, bag: int, context: int) -> Any:
    """Wrap the nodes into a checked model."""
    inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n", "length"]),
              helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["n", "length"])]
    outputs = [helper.make_tensor_value_info("context", TensorProto.FLOAT, ["n", context]),
               helper.make_tensor_value_info("bag", TensorProto.FLOAT, ["n", bag])]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "encoder", inputs, outputs, graph.values),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(MICROSOFT, 1)],
        producer_name="matcher")
    model.ir_version = 10
    return model


def write_graph(model: Any, file: Path) -> None:
    """Write the model."""
    onnx.save(model, str(file))
