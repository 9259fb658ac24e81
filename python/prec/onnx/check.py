# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs an imported model and onnxruntime on the same random inputs and compares.

Each runs in a process of its own, one after the other, and within a time: a model may be made
to crash or to keep busy what runs it.
"""
from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from prec import child
from prec.compare import differs, run_model
from prec.frontend import FrontendError, ToolTimeout, require

from .emit import BITS, NUMPY
from .large import store
from .parting import Taps, with_given
from .types import onnx

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto
    from onnxruntime import InferenceSession
    from prec.child import Result
    from .convert import Imported
    from .large import FileArray

# Relative change of the inputs whose effect is measured; where values are f16, or codes of few bits.
NUDGE, COARSE_NUDGE = 2.0**-20, 2.0**-11
UNKNOWN_SIZE = 3
SECONDS = 60  # how long onnxruntime, and the model, may run
MOST_BYTES = 1 << 32  # of a model's values together
MOST_GIVEN = 16  # values that onnxruntime takes from the import


class NotCheckable(FrontendError):
    """onnxruntime cannot run the model, or nobody can here."""


def refuse_large(imported: Imported) -> None:
    """Values that nobody has the memory for, before it is asked for."""
    total = 0
    for dtype, shape in imported.all_types.values():
        count = BITS[dtype] // 8 or 1
        for size in shape or ():
            count *= UNKNOWN_SIZE if size < 0 else size
        total += count
    if total > MOST_BYTES:
        raise NotCheckable(f"its values take {total >> 20} MB")


def random_inputs(imported: Imported, attempt: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One array for each input; the attempts differ in what integers and floats are."""
    graph, arrays = imported.model.graph, {}
    bounds = _index_bounds(graph, imported)
    for name, (dtype, shape) in imported.types.items():
        shape = [UNKNOWN_SIZE if n < 0 else n for n in shape]
        if dtype == "bf16":
            raise NotCheckable("it has inputs of bf16")
        kind = NUMPY[dtype]
        if dtype == "i1":
            arrays[name] = rng.integers(0, 2, shape).astype(bool)
        elif dtype[0] in "iu":
            narrow = dtype in ("i8", "u8")
            high = bounds.get(name, 256 if narrow and dtype == "u8" else 128 if narrow else 2)
            low = (0, 1, 0)[attempt] if high == 2 else 0
            high = (max(high, 1), low + 1, 1)[attempt]
            arrays[name] = np.asarray(rng.integers(low, high, shape)).astype(kind)
        else:
            made = rng.standard_normal(shape) if attempt == 0 else rng.uniform(0, 1, shape)
            arrays[name] = np.asarray(made).astype(kind)
    return arrays


def _index_bounds(graph: GraphProto, imported: Imported) -> dict[str, int]:
    """How large integers may be that are used as indices."""
    bounds = {}
    sizes = {w.name: list(w.dims) for w in graph.initializer}
    sizes.update((n, [UNKNOWN_SIZE if s < 0 else s for s in shape]) for n, (_, shape) in imported.types.items())
    for node in graph.node:
        if node.op_type in ("Gather", "GatherElements", "ScatterElements") and node.input[0] in sizes:
            axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
            bounds[node.input[1]] = sizes[node.input[0]][axis]
        elif node.op_type in ("GatherND", "ScatterND") and node.input[0] in sizes:
            bounds[node.input[1]] = min(sizes[node.input[0]], default=1)
    return bounds


def session(model: ModelProto, arrays: Mapping[str, FileArray], folder: str) -> InferenceSession:
    """onnxruntime on the model as it is, without optimisations; `folder` is for the large weights."""
    ort = require("onnxruntime")
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        source = store(model, arrays, folder) if arrays else model.SerializeToString()
        return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise NotCheckable(f"onnxruntime cannot run it: {_line(error)}") from None


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]


def reference_run(
    model: ModelProto, imported: Imported, seed: int = 0
) -> tuple[dict[str, np.ndarray], list[np.ndarray], list[list[np.ndarray]]]:
    """(inputs, results, results of nudged inputs) of the first attempt that runs."""
    refuse_large(imported)
    with tempfile.TemporaryDirectory() as folder:
        return _in_child(
            lambda: _runs(session(model, imported.arrays, folder), model, imported, seed)
        )


def _in_child(function: Callable[[], Result]) -> Result:
    try:
        return child.call(function, who="onnxruntime", seconds=SECONDS)
    except child.ChildFailed as error:
        raise NotCheckable(str(error)) from None


def _runs(
    run: InferenceSession, model: ModelProto, imported: Imported, seed: int
) -> tuple[dict[str, np.ndarray], list[np.ndarray], list[list[np.ndarray]]]:
    reason = None
    names = [o.name for o in model.graph.output]
    for attempt in range(3):
        rng = np.random.default_rng(seed + attempt)
        inputs = random_inputs(imported, attempt, rng)
        try:
            results = run.run(names, inputs)
        except Exception as error:
            reason = _line(error)
            continue
        if any(not isinstance(r, np.ndarray) for r in results):
            raise NotCheckable("it has results that are no tensors")
        nudged = []
        for _ in range(2):
            try:
                again = run.run(names, _moved(imported, inputs, rng.integers(1 << 30)))
            except Exception:
                continue
            if all(p.shape == q.shape for p, q in zip(again, results)):
                nudged.append(again)
        return inputs, results, nudged
    raise NotCheckable(f"onnxruntime cannot run it: {reason}")


def check(imported: Imported) -> tuple[float, list[str]]:
    """Raises FrontendError where the import differs; returns the largest difference, and the layers that onnxruntime computes
    less exactly than the import: behind these it goes on from the import's values."""
    model = imported.model
    if model.ByteSize() > 1 << 31:
        raise NotCheckable("it is larger than 2 GB")
    inputs, expected, nudged = reference_run(model, imported)
    try:
        ours = run_model(imported.text, imported.weights, imported.inputs, inputs, len(expected), SECONDS)
    except ToolTimeout as error:
        raise NotCheckable(str(error)) from None
    given, scopes, taps = {}, [], None
    while problem := _difference(imported, ours, expected, nudged):
        try:
            taps = taps or Taps(imported, inputs, lambda *call: _run_once(imported, *call))
            node, name, is_nearer = _parting(imported, taps, given, inputs)
        except Exception:  # nobody knows where, then
            node, is_nearer = None, False
        if not is_nearer or len(given) == MOST_GIVEN:
            where = f"; the first layer that differs is '{node.name or node.op_type}'" if node else ""
            raise FrontendError(f"the import differs from onnxruntime: {problem}{where}")
        given[name] = taps.ours[name]
        scopes.append(node.name or node.op_type)
        expected, *nudged = (
            _results(imported, given, values)
            for values in (inputs | given, _moved(imported, inputs | given), _moved(imported, inputs | given, 1))
        )
    return _largest(ours, expected), scopes


def _results(imported: Imported, given: Mapping[str, np.ndarray], values: dict[str, np.ndarray]) -> list[np.ndarray]:
    """onnxruntime's, from the import's values where these are given."""
    names = [o for o in imported.outputs if o not in given]
    found = iter(_run_once(imported, with_given(imported.model, given), names, values) if names else ())
    return [given[o] if o in given else next(found) for o in imported.outputs]


def _parting(
    imported: Imported, taps: Taps, given: dict[str, np.ndarray], inputs: dict[str, np.ndarray]
) -> tuple[NodeProto | None, str | None, bool]:
    found = taps.part(given, _moved(imported, inputs | given))
    if found is None:
        return None, None, False
    node, name, theirs = found
    return node, name, _in_child(lambda: taps.is_nearer(node, name, theirs, given))


def _difference(
    imported: Imported, ours: Sequence[np.ndarray], expected: Sequence[np.ndarray], nudged: Sequence[Sequence[np.ndarray]]
) -> str | None:
    """A sentence on the first result that differs, or None."""
    for name, mine, reference, *others in zip(imported.outputs, ours, expected, *nudged):
        if problem := differs(mine, reference, others, imported.is_narrow):
            return f"'{name}' {problem}"
    return None


def _largest(ours: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> float:
    worst = 0.0
    for mine, reference in zip(ours, expected):
        if reference.dtype.kind == "f" and reference.size:
            with np.errstate(invalid="ignore"):
                gap = np.abs(mine.astype(np.float64) - reference.astype(np.float64))
            worst = max(worst, float(np.nan_to_num(gap, posinf=0).max()))
    return worst


def _moved(imported: Imported, values: Mapping[str, np.ndarray], seed: int | np.integer = 0) -> dict[str, np.ndarray]:
    """Floats that are changed a little, to measure what onnxruntime makes of it."""
    rng = np.random.default_rng(seed)
    nudge = COARSE_NUDGE if imported.is_narrow or imported.is_quantised else NUDGE
    return {
        n: (a * (1 + nudge * rng.uniform(-1, 1, a.shape))).astype(a.dtype) if a.dtype.kind == "f" and a.ndim else a
        for n, a in values.items()
    }


def _run_once(imported: Imported, model: ModelProto, names: list[str], values: dict[str, np.ndarray]) -> list[np.ndarray]:
    """onnxruntime's results of these names."""

    def run() -> list[np.ndarray]:
        with tempfile.TemporaryDirectory() as folder:
            made = onnx.ModelProto()
            made.CopyFrom(model)
            del made.graph.output[:]
            made.graph.output.extend(onnx.helper.make_empty_tensor_value_info(n) for n in names)
            return session(made, imported.arrays, folder).run(names, values)

    return _in_child(run)
