# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The first layer at which an import and onnxruntime part, and which of the two is nearer to the truth there.

onnxruntime is a peer, no oracle: its STFT is off by 3e-5 of the largest value, its sigmoid is 0 below -18. The truth of a single
node is what comes of the same operands in f64.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TYPE_CHECKING

import numpy as np

from prec.compare import differs, run_model
from prec.frontend import require

from .types import onnx

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto
    from .convert import Imported

MOST_VALUES = 1 << 22  # of a node that is evaluated again


class Taps:
    """Every value between the nodes, of the import and of onnxruntime. `run(model, names, inputs)` is onnxruntime's."""

    def __init__(self, imported: Imported, inputs: dict[str, np.ndarray], run: Callable[..., list[Any]]) -> None:
        self.imported, self.inputs, self.run = imported, inputs, run
        graph = imported.model.graph
        self.producers = {o: n for n in graph.node for o in n.output if o}
        text, weights, names = imported.taps()
        self.names = [n for n in names if n in self.producers]
        values = run_model(text(self.names), weights, imported.inputs, inputs, len(self.names))
        self.ours = dict(zip(self.names, values))

    def part(self, given: dict[str, np.ndarray], moved: dict[str, np.ndarray]) -> tuple[NodeProto, str, dict[str, Any]] | None:
        """(node, name, what onnxruntime has of all) of the first value that differs, or None. `given` are values that onnxruntime
        takes from the import, `moved` the inputs and these, changed a little."""
        names = [n for n in self.names if n not in given]
        model = with_given(self.imported.model, given)
        reference = self.run(model, names, self.inputs | given)
        nudged = self.run(model, names, moved)
        for name, theirs, other in zip(names, reference, nudged):
            if not isinstance(theirs, np.ndarray):
                continue
            others = [other] if other.shape == theirs.shape else []
            if differs(self.ours[name], theirs, others, self.imported.is_narrow):
                return self.producers[name], name, dict(zip(names, reference))
        return None

    def is_nearer(self, node: NodeProto, name: str, theirs: dict[str, Any], given: dict[str, np.ndarray]) -> bool:
        """Whether the import's value is nearer to the truth than onnxruntime's, both from onnxruntime's operands - of which the
        import has the same to within what was allowed."""
        known = self._weights() | self.inputs | theirs | given
        operands = {n: known[n] for n in node.input if n}
        if sum(a.size for a in operands.values()) + theirs[name].size > MOST_VALUES:
            return False
        truth = truth_of(self.imported.model, node, operands)[list(node.output).index(name)]
        if truth.shape != theirs[name].shape or truth.dtype.kind != "f":
            return False
        with np.errstate(invalid="ignore"):
            mine, other = (float(np.abs(v.astype("f8") - truth).max(initial=0)) for v in (self.ours[name], theirs[name]))
        return mine < other  # never with a NaN

    def _weights(self) -> dict[str, Any]:
        made = {t.name: t for t in self.imported.model.graph.initializer if t.name not in self.imported.arrays}
        return {name: onnx.numpy_helper.to_array(t) for name, t in made.items()} | dict(self.imported.arrays)


def with_given(model: ModelProto, given: Mapping[str, np.ndarray]) -> ModelProto:
    """The model in which these values are inputs."""
    if not given:
        return model
    made = onnx.ModelProto()
    made.CopyFrom(model)
    for node in made.graph.node:
        for k, name in enumerate(node.output):
            if name in given:
                node.output[k] = f"{name} of onnxruntime"
    for name, value in given.items():
        element = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
        made.graph.input.append(onnx.helper.make_tensor_value_info(name, element, value.shape))
    kept = [v for v in made.graph.value_info if v.name not in given]
    del made.graph.value_info[:]
    made.graph.value_info.extend(kept)
    return made


def truth_of(model: ModelProto, node: NodeProto, operands: Mapping[str, Any]) -> list[Any]:
    """A node's results in f64: by ONNX's reference evaluator, or else, if that does not know the node, by onnxruntime."""
    from onnx.reference import ReferenceEvaluator

    wide = {n: np.asarray(a, "f8" if a.dtype.kind == "f" else None) for n, a in operands.items()}
    infos = [
        onnx.helper.make_tensor_value_info(n, onnx.helper.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a in wide.items()
    ]
    outputs = [o for o in node.output if o]
    results = [onnx.helper.make_empty_tensor_value_info(o) for o in outputs]
    graph = onnx.helper.make_graph([node], "node", infos, results)
    made = onnx.helper.make_model(
        graph, opset_imports=model.opset_import, functions=model.functions, ir_version=model.ir_version
    )
    try:
        with np.errstate(all="ignore"):
            found = ReferenceEvaluator(made).run(None, wide)
    except Exception:
        found = require("onnxruntime").InferenceSession(made.SerializeToString()).run(None, wide)
    found = iter(found)
    return [next(found) if o else None for o in node.output]
