# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How many trips a Loop makes, where only numbers that are known at import decide: tf2onnx writes every recurrent layer as a loop
that counts up to a limit and has no trip count."""
from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping
from typing import Any, TYPE_CHECKING

import numpy as np

from .types import onnx

if TYPE_CHECKING:
    from onnx import GraphProto
    from .node import Node

# So that a hostile file cannot keep an import busy: single numbers only, and few nodes.
MOST_TRIPS, MOST_NODES = 1 << 13, 32
OPERATORS = frozenset("""
    Abs Add And Cast Constant Div Equal Greater GreaterOrEqual Identity Less LessOrEqual Max Min Mod Mul Neg Not Or Squeeze Sub Where Xor
""".split())


def known_trips(node: Node) -> int | None:
    """The number, or None. `node` is the Loop."""
    most, alive = (node.number(0) if node.has(0) else math.inf), (node.number(1) if node.has(1) else True)
    if most is None or alive is None:
        return None
    if not alive or most <= 0:
        return 0
    try:
        steps = _condition(node, node.attr("body"))
        return steps and _count(*steps, most)
    except Exception:  # what the evaluator makes of operands that do not fit
        return None


def _count(
    evaluate: Callable[[dict[str, Any], int], tuple[bool, dict[str, Any]]], state: dict[str, Any], is_fixed: bool, most: float
) -> int | None:
    if is_fixed:  # the condition is the same in each trip
        return 1 if not evaluate({}, 0)[0] else most if most < math.inf else None
    for trip in range(MOST_TRIPS):
        alive, state = evaluate(state, trip)
        if not alive or trip + 1 == most:
            return trip + 1
    return None


def _condition(
    node: Node, graph: GraphProto
) -> tuple[Callable[[dict[str, Any], int], tuple[bool, dict[str, Any]]], dict[str, Any], bool] | None:
    """(a function of the state and the trip's number that gives the condition and the next state, the first state, whether it
    depends on neither) of what the condition depends on; None where that is not known."""
    inputs, outputs = [v.name for v in graph.input], [o.name for o in graph.output]
    producers = {name: n for n in graph.node for name in n.output if name}
    own = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    needed, waiting, constants, state = set(), [outputs[0]], {}, {}
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        if name in producers:
            producer = producers[name]
            if producer.domain not in ("", "ai.onnx") or producer.op_type not in OPERATORS:
                return None
            waiting.extend(n for n in producer.input if n)
        elif name in inputs:
            place = inputs.index(name)
            if place < 2:
                continue
            state[name] = node.const(place)
            waiting.append(outputs[place - 1])
        else:
            constants[name] = own[name] if name in own else node.env.constants.get(name)
    known = [*state.values(), *constants.values()]
    if any(a is None or np.size(a) != 1 for a in known) or len(needed) > MOST_NODES:
        return None
    evaluator = _evaluator(node, graph, needed, {n: np.asarray(a) for n, a in constants.items()}, list(state))
    return evaluator, state, not state and inputs[0] not in needed


def _evaluator(
    node: Node, graph: GraphProto, needed: Container[str], constants: Mapping[str, np.ndarray], names: list[str]
) -> Callable[[dict[str, Any], int], tuple[bool, dict[str, Any]]]:
    from onnx.reference import ReferenceEvaluator

    inputs, outputs = [v.name for v in graph.input], [o.name for o in graph.output]
    wanted = [outputs[0], *(outputs[inputs.index(n) - 1] for n in names)]
    nodes = [n for n in graph.node if any(o in needed for o in n.output)]
    part = onnx.helper.make_graph(
        nodes, "condition", [v for v in graph.input if v.name in needed],
        [onnx.helper.make_empty_tensor_value_info(n) for n in dict.fromkeys(wanted)],
        [onnx.numpy_helper.from_array(a, n) for n, a in constants.items()],
    )  # fmt: skip
    opsets = [onnx.helper.make_opsetid(*o) for o in node.opsets.items()]
    run = ReferenceEvaluator(onnx.helper.make_model(part, opset_imports=opsets, ir_version=8)).run

    def evaluate(state: dict[str, Any], trip: int) -> tuple[bool, dict[str, Any]]:
        values = {inputs[0]: np.array(trip, np.int64), inputs[1]: np.array(True), **state}
        found = dict(zip(dict.fromkeys(wanted), run(None, {n: a for n, a in values.items() if n in needed})))
        return bool(np.asarray(found[wanted[0]]).reshape(-1)[0]), {n: found[w] for n, w in zip(names, wanted[1:])}

    return evaluate
