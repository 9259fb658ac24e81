# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is known of a node before it is written: its results' types, and values that are constant."""
from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from prec.frontend import FrontendError

from . import rules
from .types import merge, onnx, proto_of, require, type_of, word_of_array

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, ValueInfoProto
    from .graph import Graph

require("onnx.reference")

FOLD_LIMIT = 1 << 16  # elements of a constant that is computed at import
LONG = 1 << 12  # elements of a list that is no shape
RANDOM = {
    "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli",
    "Multinomial",
}  # fmt: skip
NOT_FOLDED = RANDOM | {"If", "Loop", "Scan", "SequenceMap", "Dropout"}
# Results of a size that depends on values, never much larger than the operands.
SHRINKING = {"NonZero", "Compress", "Unique", "NonMaxSuppression"}


def small_model(graph: Graph, proto: NodeProto, opsets: dict[str, int], outputs: Iterable[ValueInfoProto] = ()) -> ModelProto:
    """A model of one node: what is known as initializers, the rest as inputs."""
    inputs, constants = [], []
    for name in dict.fromkeys(n for n in (*proto.input, *_captured(proto)) if n in graph.types):
        array = graph.embedded(name)
        if array is not None:
            constants.append(onnx.numpy_helper.from_array(np.asarray(array), name))
        else:
            inputs.append(proto_of(name, *graph.types[name]))
    small = onnx.helper.make_graph([proto], "node", inputs, list(outputs), constants)
    return onnx.helper.make_model(
        small, opset_imports=[onnx.helper.make_opsetid(*o) for o in opsets.items()], ir_version=8
    )


def _inferred(graph: Graph, proto: NodeProto, opsets: dict[str, int]) -> Sequence[ValueInfoProto]:
    """The node's results with the types that ONNX infers."""
    outputs = [onnx.helper.make_empty_tensor_value_info(n) for n in proto.output if n]
    model = small_model(graph, proto, opsets, outputs)
    # ONNX takes any list for a shape, and makes as many dimensions.
    known = (graph.types[n][1] for n in proto.input if n in graph.types)
    is_long = any(s is not None and len(s) == 1 and s[0] > LONG for s in known)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=not is_long)
    return inferred.graph.output


def infer(graph: Graph, proto: NodeProto, opsets: dict[str, int]) -> None:
    # Of an If whose condition is known, the branch that is not taken need not fit.
    if proto.op_type == "If" and proto.input[0] in graph.constants:
        return
    try:
        inferred = _inferred(graph, proto, opsets)
    except Exception as error:
        if all(n in graph.importer.declared for n in proto.output if n) and proto.op_type in rules.RULES:
            graph.types.update((n, graph.importer.declared[n]) for n in proto.output if n)
            return
        message = str(error).strip().splitlines()[0][:300]
        raise FrontendError(f"its shapes do not fit: {message}") from None
    for value in inferred:
        known, declared = type_of(value.type, value.name), graph.importer.declared.get(value.name)
        if known and declared and declared[0] == known[0]:
            known = known[0], merge(known[1], declared[1])
        known = known or declared
        if known:
            graph.types[value.name] = known


def fold(graph: Graph, proto: NodeProto, opsets: dict[str, int]) -> bool:
    """Computes a node whose operands are known; constants and shapes become known."""
    op = proto.op_type
    if proto.domain not in ("", "ai.onnx") or op in NOT_FOLDED:
        return False
    if op in ("Shape", "Size") and graph.types[proto.input[0]][1] is not None:
        shape = graph.types[proto.input[0]][1]
        if -1 in shape:
            return False
        start = next((a.i for a in proto.attribute if a.name == "start"), 0)
        end = next((a.i for a in proto.attribute if a.name == "end"), len(shape))
        array = np.array(shape[slice(start, end)] if op == "Shape" else np.prod(shape), np.int64)
        graph.add_constant(proto.output[0], array)
        return True
    if op == "Identity" and proto.input[0] in graph.weights:
        name = proto.input[0]
        graph.types[proto.output[0]] = graph.types[name]
        graph.constants[proto.output[0]] = graph.constants[name]
        graph.values[proto.output[0]] = graph.importer.materialise(graph, None, name)
        graph.weights[proto.output[0]] = graph.weights[name]
        return True
    names = [n for n in proto.input if n]
    if any(n in graph.weights or n not in graph.constants for n in names):
        return False
    if sum(graph.constants[n].size for n in names) > FOLD_LIMIT:
        return False
    try:
        if op not in SHRINKING and _elements(graph, proto, opsets) > FOLD_LIMIT:
            return False
        evaluator = onnx.reference.ReferenceEvaluator(
            small_model(
                graph, proto, opsets,
                [onnx.helper.make_empty_tensor_value_info(n) for n in proto.output if n],
            )
        )  # fmt: skip
        results = evaluator.run(None, {})
        arrays = [np.asarray(r) for r in results]
        for array in arrays:
            word_of_array(array)
    except Exception:
        return False
    if sum(a.size for a in arrays) > FOLD_LIMIT:
        return False
    for name, array in zip((n for n in proto.output if n), arrays):
        graph.add_constant(name, array, is_initializer=op == "Constant")
    return True


def _elements(graph: Graph, proto: NodeProto, opsets: dict[str, int]) -> float:
    """How many elements a node's results have; infinity if that is not known."""
    count = 0
    for value in _inferred(graph, proto, opsets):
        known = type_of(value.type, value.name)
        if known is None or known[1] is None or -1 in known[1]:
            return math.inf
        count += math.prod(known[1])
    return count


def _captured(proto: NodeProto) -> Iterator[str]:
    """Names that a node's subgraphs may take from outside."""
    for attribute in proto.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            for node in graph.node:
                yield from node.input
                yield from _captured(node)
            yield from (o.name for o in graph.output)
