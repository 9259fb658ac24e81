# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trained weights in an ONNX file: of a description, or in the ONNX file it was imported from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TYPE_CHECKING

import numpy as np

from prec import jsonc
from prec.frontend import FrontendError, require, run_tool, write_whole
from prec.onnx.layers import JOINS, LAYERS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from onnx import ModelProto, TensorProto

OPSET, IR_VERSION = 20, 9  # Gelu came with 20


class Graph:
    """Collects nodes and constants; names of results are the layer's with a number. An array of
    `weights` keeps its name."""

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        self.onnx = require("onnx")
        self.nodes, self.constants, self.scope = [], {}, ""
        self.names = {id(array): name for name, array in weights.items()}

    def tensor(self, value: float) -> TensorProto:
        return self.onnx.numpy_helper.from_array(np.float32([value]))

    def constant(self, array: ArrayLike) -> str:
        name = self.names.get(id(array), f"{self.scope}.constant{len(self.constants)}")
        self.constants[name] = self.onnx.numpy_helper.from_array(np.asarray(array), name)
        return name

    def node(self, operation: str, *inputs: Any, **attributes: Any) -> str:
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        result = f"{self.scope}/{operation}{len(self.nodes)}"
        self.nodes.append(
            self.onnx.helper.make_node(operation, names, [result], name=result, **attributes)
        )
        return result


def check_names(found: Mapping[str, np.ndarray], expected: Mapping[str, Sequence[int]], path: str | Path) -> None:
    """The archive has what is expected, in its shapes."""
    for name, shape in expected.items():
        if name not in found:
            raise FrontendError(f"'{path}' has no '{name}', which the model needs")
        if tuple(found[name].shape) != tuple(shape):
            raise FrontendError(
                f"'{path}': '{name}' has the shape {list(found[name].shape)}, expected {list(shape)}"
            )


def signature(model: str | Path) -> dict[str, list[int]]:
    """{name: shape} of the parameters and states, as prec-translate builds them."""
    text = run_tool("prec-translate", "--import-json", model, "--batch=1")
    head = text[text.index("func.func @forward(") :].split("->")[0]
    found = {}
    for kind, attributes in re.findall(r"%\w+: tensor<([^>]*)> \{([^}]*)\}", head):
        if '"weight"' in attributes or '"state"' in attributes:
            name = re.search(r'prec.name = "([^"]*)"', attributes)[1]
            found[name] = [int(n) for n in kind.split("x")[:-1]]
    return found


def of_description(model: str | Path, weights: Mapping[str, np.ndarray], path: str | Path) -> ModelProto:
    """The ONNX model of a description, a file or a builtin's name."""
    helper = require("onnx").helper
    expected = signature(model)  # also finds what is wrong in the file
    check_names(weights, expected, path)
    unknown = sorted(weights.keys() - expected.keys())
    if unknown:
        raise FrontendError(f"'{path}': '{unknown[0]}' is nothing that the model has")
    text = run_tool("prec-translate", "--print-description", model)
    net = jsonc.Document(text, str(model)).value
    g, kinds = Graph(weights), require("onnx").TensorProto
    inputs = net.get("inputs") or {"x": {"sizes": net["input"], "type": "f32"}}
    values, described = {}, []
    for name, spec in inputs.items():
        sizes, kind = (spec, "f32") if isinstance(spec, list) else (spec["sizes"], spec.get("type"))
        kind = kinds.INT32 if kind == "i32" else kinds.FLOAT
        described.append(helper.make_tensor_value_info(name, kind, ["batch", *sizes]))
        values[name] = name
    counts, waiting, before = {}, [], next(iter(inputs))
    for layer in net["layers"]:
        kind = layer["type"]
        counts[kind] = counts.get(kind, 0) + 1
        name = layer.get("name", f"{kind}{counts[kind]}")
        waiting.append((name, layer, layer.get("inputs", [before])))
        before = name
    while waiting:
        ready = next(item for item in waiting if all(n in values for n in item[2]))
        waiting.remove(ready)
        name, layer, sources = ready
        g.scope = name
        own = {key[len(name) + 1 :]: a for key, a in weights.items() if key.startswith(name + ".")}
        given = [values[source] for source in sources]
        if layer["type"] in JOINS:
            values[name] = JOINS[layer["type"]](g, given, layer)
        else:
            values[name] = LAYERS[layer["type"]](g, given[0], layer, own)
    g.nodes.append(helper.make_node("Identity", [values[net.get("output", before)]], ["logits"]))
    result = helper.make_empty_tensor_value_info("logits")
    graph = helper.make_graph(g.nodes, net.get("name", "network"), described, [result],
                              list(g.constants.values()))  # fmt: skip
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
        producer_name="prec-opt",
    )  # fmt: skip
    return require("onnx").shape_inference.infer_shapes(made)


def of_onnx(model: str | Path, weights: Mapping[str, np.ndarray], path: str | Path) -> ModelProto:
    """The ONNX file with the weights of the same names replaced."""
    onnx = require("onnx")
    made = onnx.load(model)
    held = {tensor.name: tensor for tensor in made.graph.initializer}
    unknown = sorted(weights.keys() - held.keys())
    if unknown:
        raise FrontendError(f"'{path}': '{unknown[0]}' is no initializer of '{model}'")
    check_names(weights, {name: tuple(held[name].dims) for name in weights}, path)
    for name, array in weights.items():
        dtype = onnx.helper.tensor_dtype_to_np_dtype(held[name].data_type)
        held[name].CopyFrom(onnx.numpy_helper.from_array(array.astype(dtype), name))
    return made


def export(model: str | Path, weights: str | Path, output: str | Path) -> None:
    """Writes the ONNX file, whole or not at all, after onnx's own check of it."""
    onnx = require("onnx")
    try:
        with np.load(weights) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError) as error:
        raise FrontendError(f"cannot read '{weights}': {error}") from None
    made = (of_onnx if str(model).endswith(".onnx") else of_description)(model, arrays, weights)
    onnx.checker.check_model(made)
    write_whole(output, lambda file: file.write(made.SerializeToString()))
