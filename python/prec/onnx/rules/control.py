# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""If, Loop and Scan: a graph inside a node becomes a branch or the body of a loop."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TYPE_CHECKING

from prec.onnx.node import NotCovered
from prec.onnx.trips import known_trips

from .convolution import slice_of
from .layout import insert_slice
from .linear import transpose
from .registry import rule

if TYPE_CHECKING:
    from onnx import GraphProto
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Scalar, Value
    from prec.onnx.graph import Graph
    from prec.onnx.node import Node


def inner(b: Builder, node: Node, graph: GraphProto, values: Mapping[str, Value]) -> list[Value]:
    """Writes a subgraph where b stands; values: its inputs by name. Returns its outputs."""
    env = SubGraph(node)
    importer = node.env.importer
    for tensor in graph.initializer:
        env.add_constant(tensor.name, importer._array(tensor))
    for name, value in values.items():
        env.types[name] = value.dtype, value.shape
        env.constants.pop(name, None)
        env.weights.pop(name, None)
        env.values[name] = value
    importer.walk(env, b, graph.node, node.opsets, node.scope)
    return [importer.materialise(env, b, o.name) for o in graph.output]


def SubGraph(node: Node) -> Graph:  # noqa: N802
    """Names of a subgraph; those of the outer graph are the function's arguments."""
    from prec.onnx.graph import Graph

    class Inner(Graph):
        def capture(self, name: str) -> Value:
            return node.value(name)

    return Inner(node.env.importer, node.env)


@rule("If")
def branch(b: Builder, node: Node) -> list[Value]:
    condition = node[0]
    flag = condition[[0] * condition.rank]
    known = node.const(0)
    if known is not None:
        return inner(b, node, node.attr("then_branch" if known.reshape(-1)[0] else "else_branch"), {})
    shapes = []

    def side(word: str) -> Callable[[], list[Value]]:
        def write() -> list[Value]:
            made = inner(b, node, node.attr(word), {})
            shapes.append([v.shape for v in made])
            return [b.cast(v, [-1] * v.rank) for v in made]

        return write

    made = b.when(flag, side("then_branch"), side("else_branch"))
    for p, q in zip(*shapes):
        if len(p) != len(q):
            raise NotCovered("branches whose results have different ranks")
    joined = [[m if m == n else -1 for m, n in zip(p, q)] for p, q in zip(*shapes)]
    return [b.cast(v, s) for v, s in zip(made, joined)]


@rule("Loop")
def loop(b: Builder, node: Node) -> list[Value]:
    graph = node.attr("body")
    exact = known_trips(node)
    trips = exact if exact is not None else node.number(0) if node.has(0) else None
    carried = [node[i] for i in range(2, node.count)]
    scans = len(graph.output) - 1 - len(carried)
    if trips is None and not node.has(0):
        raise NotCovered("a loop without a trip count, whose condition depends on values that are not known at import")
    bound = b.const(exact, "index") if exact is not None else node[0][[0] * node[0].rank].cast("index").max(0)
    alive = node[1][[0] * node[1].rank] if node.has(1) and exact is None else b.const(True, "i1")
    if scans and trips is None and node.out_shape(len(carried)) is None:
        raise NotCovered("results of a loop whose trip count is not known at import")
    inputs = [v.name for v in graph.input]
    rows = []
    room = int(trips) if trips is not None else bound

    def types_of_rows() -> list[Value]:
        """The body written once aside, for the types of what each step adds."""
        importer = node.env.importer
        mark, count, scopes = len(importer.functions), importer.count, dict(importer.used_scopes)
        lines, b.lines = b.lines, []
        made = inner(b, node, graph, bind(b.const(0, "index"), b.const(True, "i1"), carried))
        b.lines = lines
        del importer.functions[mark:]
        importer.count, importer.used_scopes = count, scopes
        return made[1 + len(carried) :]

    def bind(i: Scalar, flag: Scalar, values: Sequence[Value]) -> dict[str, Value]:
        number = b.value(f"tensor.from_elements {i.cast('i64').name} : tensor<i64>", "i64", ())
        flag = b.value(f"tensor.from_elements {flag.name} : tensor<i1>", "i1", ())
        return dict(zip(inputs, [number, flag, *values]))

    if scans:
        for row in types_of_rows():
            if -1 in row.shape:
                raise NotCovered("rows of a loop whose shape is not known")
            rows.append(b.empty([room, *row.shape], row.dtype))
    count = len(carried)

    def step(i: Scalar, flag: Scalar, done: Scalar, *state: Any) -> list[Any]:
        values, tables = list(state[:count]), list(state[count:])

        def run() -> list[Any]:
            made = inner(b, node, graph, bind(i, flag, values))
            new = []
            for v, old in zip(made[1 : 1 + count], values):
                if v.rank != old.rank or any(m != n and -1 not in (m, n) for m, n in zip(v.shape, old.shape)):
                    raise NotCovered("a loop that changes the shape of what it carries")
                new.append(b.cast(v, old.shape))
            out = [
                insert_slice(b, b.reshape_to(v, [1, *v.shape]), t, [i] + [0] * v.rank)
                for v, t in zip(made[1 + count :], tables)
            ]
            going = made[0][[0] * made[0].rank]
            return [going, done + 1, *new, *out]

        if exact is not None:
            return run()
        return b.when(flag, run, lambda: [flag, done, *values, *tables])

    state = b.loop(0, bound, [alive, b.const(0, "index"), *carried, *rows], step)
    done, values, tables = state[1], state[2 : 2 + count], state[2 + count :]
    if exact is None:
        tables = [slice_of(b, t, [0] * t.rank, [done, *t.shape[1:]]) for t in tables]
    return [*values, *tables]


@rule("Scan")
def scan(b: Builder, node: Node) -> list[Value]:
    graph, count = node.attr("body"), node.attr("num_scan_inputs")
    first = 0
    batched = node.opset < 9
    if batched:
        if node.has(0):
            raise NotCovered("sequence lengths of an old scan")
        first = 1
    states = [node[i] for i in range(first, node.count - count)]
    scanned = [node[i] for i in range(node.count - count, node.count)]
    if batched and any(node.attr("directions", [])):
        raise NotCovered("directions of an old scan other than 0")
    if batched:
        if any(v.shape[0] != 1 for v in (*states, *scanned)):
            raise NotCovered("an old scan over a batch of more than one")
        states = [b.reshape_to(v, b.sizes(v)[1:]) for v in states]
        scanned = [b.reshape_to(v, b.sizes(v)[1:]) for v in scanned]
    results = len(graph.output) - len(states)
    axes = [a % v.rank for a, v in zip(node.attr("scan_input_axes", [0] * count), scanned)]
    scanned = [_first(b, v, a) for v, a in zip(scanned, axes)]
    backward = node.attr("scan_input_directions", [0] * count)
    out_axes, out_backward = node.attr("scan_output_axes", [0] * results), node.attr("scan_output_directions", [0] * results)
    length = scanned[0].shape[0]
    if length < 0:
        raise NotCovered("a length that is not known; give --shape")
    inputs, n = [v.name for v in graph.input], len(states)
    outputs = [node.out_shape(k) for k in range(n, len(graph.output))]
    if any(s is None or -1 in s for s in outputs):
        raise NotCovered("results whose shape is not known; give --shape")
    outputs = [list(s[1:] if batched else s) for s in outputs]
    out_axes = [a % len(s) for a, s in zip(out_axes, outputs)]
    outputs = [[s[a], *s[:a], *s[a + 1 :]] for a, s in zip(out_axes, outputs)]
    tables = [b.empty(s, node.out_dtype(n + k)) for k, s in enumerate(outputs)]

    def step(i: Scalar, *state: Value) -> list[Value]:
        place = (i, b.const(length - 1, "index") - i)
        rows = [
            b.reshape_to(slice_of(b, v, [place[way]] + [0] * (v.rank - 1), [1, *v.shape[1:]]), v.shape[1:])
            for v, way in zip(scanned, backward)
        ]
        made = inner(b, node, graph, dict(zip(inputs, [*state[:n], *rows])))
        out = [
            insert_slice(b, b.reshape_to(v, [1, *v.shape]), t, [place[way]] + [0] * v.rank)
            for v, t, way in zip(made[n:], state[n:], out_backward)
        ]
        return [b.cast(v, s.shape) for v, s in zip(made[:n], states)] + out

    made = b.loop(0, length, [*states, *tables], step)
    made = made if isinstance(made, list) else [made]
    made = made[:n] + [_first(b, v, a, back=True) for v, a in zip(made[n:], out_axes)]
    return [b.reshape_to(v, [1, *v.shape]) for v in made] if batched else made


def _first(b: Builder, value: Value, axis: int, back: bool = False) -> Value:
    """The axis is moved to the front, or from there back."""
    if axis == 0:
        return value
    rest = range(1, value.rank) if back else [k for k in range(value.rank) if k != axis]
    order = [*list(rest)[:axis], 0, *list(rest)[axis:]] if back else [axis, *rest]
    return transpose(b, value, order)
