# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Walks an ONNX graph and writes each node as a function, called under the node's name.

In topological order each node is folded if all it needs is known, typed, and lowered by the
first that can: our rule, the operator's own definition as a graph of others, the foreign
importer. What none can is an error that names the node.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TYPE_CHECKING

import numpy as np

from prec.frontend import FrontendError, quoted

from . import contrib, functions, knowledge, learned, rules
from .builder import Builder
from .emit import Value
from .node import Node, NotCovered
from .types import TypeProblem, merge, onnx, type_of, word_of_array
from .widening import widened

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto
    from .large import FileArray

EMBED_LIMIT = 1 << 12  # elements of an integer constant that stands in the module
# What a rule raises on operands or attributes that nobody would write.
UNFIT = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


def is_weight(dtype: str, size: int, rank: int) -> bool:
    """Is an initializer an argument rather than a constant in the module?"""
    narrow = dtype in ("i8", "u8") and size >= 16
    return bool(rank and (dtype[0] in "fb" or narrow)) or size > EMBED_LIMIT


class FunctionBuilder(Builder):
    """A builder whose function takes the values of the graph that it uses."""

    def argument(self, name: str, dtype: str, shape: tuple[int, ...]) -> Value:
        return Value(self, self.name(), dtype, shape)


class Graph:
    """Names of one graph: types, what is known, and how to get a value where code is written."""

    def __init__(self, importer: Importer, parent: Graph | None = None) -> None:
        self.importer, self.parent = importer, parent
        self.types = dict(parent.types) if parent else {}
        self.constants = dict(parent.constants) if parent else {}
        self.weights = dict(parent.weights) if parent else {}
        self.values = {}

    def embedded(self, name: str) -> Any:
        """The array, if it is to stand in the module rather than be an argument."""
        return None if name in self.weights else self.constants.get(name)

    def add_constant(self, name: str, array: Any, is_initializer: bool = False) -> None:
        dtype = word_of_array(array)
        self.types[name] = (dtype, array.shape)
        self.constants[name] = array
        if self.parent is not None:
            return  # a subgraph's constants stand in its function
        if is_initializer and is_weight(dtype, array.size, array.ndim) or array.size > EMBED_LIMIT:
            self.weights[name] = name


class Importer:
    """One model's import. `text` and `weights` are the result."""

    def __init__(self, model: ModelProto, arrays: Mapping[str, FileArray], foreign: Callable[..., str] | None = None) -> None:
        self.model, self.arrays, self.foreign = model, arrays, foreign
        self.opsets = {o.domain: o.version for o in model.opset_import}
        if "ai.onnx" in self.opsets:
            self.opsets[""] = self.opsets.pop("ai.onnx")
        self.local = {(f.domain, f.name): f for f in model.functions}
        self.functions, self.count, self.used_scopes = [], 0, {}
        self.status = {}  # operator -> who lowered it
        self.weight_arguments = {}
        self.statistics = set()  # names of means and variances, which a training does not learn
        self.declared = self._declared(model)

    @staticmethod
    def _declared(model: ModelProto) -> dict[str, tuple[str, tuple[int, ...] | None]]:
        """What the model itself says of its values' types."""
        types = {}
        for value in (*model.graph.value_info, *model.graph.output):
            try:
                known = type_of(value.type, value.name)
            except TypeProblem:
                continue
            if known and known[1] is not None:
                types[value.name] = known
        return types

    def run(self) -> str:
        graph, proto = Graph(self), self.model.graph
        main = Builder()
        for tensor in proto.initializer:
            array = self.arrays.get(tensor.name)
            array = self._array(tensor) if array is None else array
            graph.add_constant(tensor.name, array, is_initializer=True)
        inputs = []
        for value in proto.input:
            if value.name in graph.constants:
                continue
            dtype, shape = type_of(value.type, value.name) or (None, None)
            if shape is None:
                raise FrontendError(f"the shape of input '{value.name}' is not known; give --shape={value.name}=...")
            refuse_absurd(value.name, shape)
            graph.types[value.name] = dtype, shape
            graph.values[value.name] = Value(main, f"%arg{len(inputs)}", dtype, shape)
            inputs.append(value.name)
        self.inputs = inputs
        self.walk(graph, main, proto.node, self.opsets, "")
        outputs = [self._output(graph, main, value) for value in proto.output]
        self.outputs = [value.name for value in proto.output]
        self.graph, self.main = graph, main
        return self._module(graph, main, inputs, outputs)

    def module_of(self, names: list[str]) -> str:
        """The module with other values as its results."""
        self.outputs = names
        return self._module(self.graph, self.main, self.inputs, [self.graph.values[n] for n in names])

    def _array(self, tensor: TensorProto) -> np.ndarray:
        try:
            array = onnx.numpy_helper.to_array(tensor)
            word_of_array(array)
        except Exception as error:
            raise FrontendError(f"'{tensor.name}': {error}") from None
        return array

    def _output(self, graph: Graph, main: Builder, value: ValueInfoProto) -> Value:
        if value.name not in graph.types:
            raise FrontendError(f"output '{value.name}' is computed by no node")
        return self.materialise(graph, main, value.name)

    def materialise(self, graph: Graph, b: Builder, name: str) -> Value:
        """The value of a name, in the code that `b` writes."""
        if name in graph.values:
            return graph.values[name]
        if name in graph.weights and (graph.parent is None or name not in graph.parent.types):
            dtype, shape = graph.types[name]
            self.weight_arguments[name] = graph.constants[name]
            value = Value(b, f"%weight{len(self.weight_arguments)}", dtype, shape)
        elif name in graph.constants and name not in graph.weights:
            value = b.dense(graph.constants[name], graph.types[name][0])
        elif graph.parent is not None:
            return graph.capture(name)
        else:
            raise FrontendError(f"'{name}' is computed by no node before its use")
        graph.values[name] = value
        return value

    # Nodes

    def walk(self, graph: Graph, b: Builder, nodes: Sequence[NodeProto], opsets: dict[str, int], scope: str) -> None:
        pending = [(n, opsets, scope) for n in reversed(nodes)]
        while pending:
            proto, opsets, outer = pending.pop()
            scope = outer or self._scope(proto)
            try:
                more = self._node(graph, b, proto, opsets, scope)
            except FrontendError as error:
                where = f"node '{scope}' ({proto.op_type})"
                text = str(error)
                raise type(error)(text if text.startswith("node '") else f"{where}: {text}") from None
            except UNFIT as error:
                raise FrontendError(
                    f"node '{scope}' ({proto.op_type}): its operands or attributes do not fit: {error!r}"
                ) from None
            pending.extend((n, o, scope) for n, o in reversed(more))

    def _scope(self, proto: NodeProto) -> str:
        """The node's name as a path of layers; a node without one gets its operator's."""
        name = proto.name.strip("/") or proto.op_type
        count = self.used_scopes.get(name, 0)
        self.used_scopes[name] = count + 1
        return name if count == 0 else f"{name}_{count}"

    def _node(
        self, graph: Graph, b: Builder, proto: NodeProto, opsets: dict[str, int], scope: str
    ) -> list[tuple[NodeProto, dict[str, int]]]:
        for name in proto.input:
            if name and name not in graph.types:
                raise FrontendError(f"operand '{name}' is computed by no node before")
        if knowledge.fold(graph, proto, opsets):
            return []
        local = self.local.get((proto.domain, proto.op_type))
        if local is not None:
            return functions.instantiate(local, proto, self.opsets, f"{scope}/{self.count}")
        foreign = contrib.definition(proto, graph) if contrib.is_own(proto, opsets.get("", 1)) else None
        if foreign is not None:
            self.status.setdefault(proto.op_type, "definition")
            self.count += 1
            return functions.instantiate(foreign, proto, opsets, f"{scope}/{self.count}")
        parts = learned.expand(proto, graph, scope, f"{scope}/{self.count}") if proto.domain == learned.DOMAIN else None
        if parts is not None:
            self.count += 1
            return [(n, learned.OPSETS) for n in parts]
        if proto.domain not in ("", "ai.onnx") and proto.domain not in rules.DOMAINS:
            raise FrontendError(f"operators of the domain '{proto.domain}' are not known")
        if proto.op_type in knowledge.RANDOM:
            raise FrontendError(f"the results of {proto.op_type} are random")
        knowledge.infer(graph, proto, opsets)
        wider = widened(proto, graph, f"{scope}/{self.count}")
        if wider is not None:
            self.count += 1
            return [(n, opsets) for n in wider]
        if proto.op_type == "BatchNormalization":
            self.statistics.update(proto.input[3:5])
        node = Node(proto, opsets.get("", 1), scope, graph)
        node.opsets = opsets
        reasons = []
        rule = rules.RULES.get(proto.op_type)
        if rule is not None:
            mark = len(self.functions)
            try:
                return self._by_rule(graph, b, node, rule)
            except NotCovered as error:
                del self.functions[mark:]
                reasons.append(str(error))
        try:
            body = functions.definition(proto, opsets, graph)
        except NotCovered as error:
            body, _ = None, reasons.append(str(error))
        if body is not None:
            self.status.setdefault(proto.op_type, "definition")
            self.count += 1
            return functions.instantiate(body, proto, opsets, f"{scope}/{self.count}")
        # The foreign importer is wrong of some forms, in silence; of this one it is right in ONNX's tests.
        if self.foreign is None or rule is not None and proto.op_type != "MelWeightMatrix":
            raise FrontendError(reasons[0] if reasons else "this operator is not supported")
        return self._by_foreign(graph, b, node, reasons)

    def _by_rule(self, graph: Graph, b: Builder, node: Node, rule: Callable[..., Any]) -> list[tuple[NodeProto, dict[str, int]]]:
        node.b = FunctionBuilder()
        made = rule(node.b, node)
        made = list(made) if isinstance(made, (list, tuple)) else [made]
        made = [v for k, v in enumerate(made) if node.wants(k)]
        self.status.setdefault(node.op, "rule")
        names = [n for n in node.proto.output if n]
        final = []
        for name, value in zip(names, made, strict=True):
            dtype, shape = graph.types.get(name) or (value.dtype, value.shape)
            if value.dtype != dtype:
                raise NotCovered(f"result '{name}' would be {value.dtype}; expected {dtype}")
            shape = merge(value.shape, shape)
            if len(shape) == len(value.shape):
                value = node.b.cast(value, shape)
            graph.types[name] = value.dtype, value.shape
            refuse_absurd(name, value.shape)
            final.append(value)
        text = node.b.function(f"n{self.count}", [node.operands[a] for a in node.arguments], final)
        self.functions.append(text)
        self._call(graph, b, node.scope, node.arguments, names)
        return []

    def _by_foreign(self, graph: Graph, b: Builder, node: Node, reasons: list[str]) -> list[tuple[NodeProto, dict[str, int]]]:
        names = [n for n in node.proto.output if n]
        arguments = [n for n in dict.fromkeys(node.proto.input) if n and graph.embedded(n) is None]
        try:
            text = self.foreign(graph, node.proto, node.opsets, arguments, names, f"n{self.count}")
        except FrontendError as error:
            raise FrontendError(reasons[0] if reasons else str(error)) from None
        self.status.setdefault(node.op, "foreign")
        self.functions.append(text)
        self._call(graph, b, node.scope, arguments, names)
        return []

    def _call(self, graph: Graph, b: Builder, scope: str, arguments: Sequence[str], names: Sequence[str]) -> None:
        """The call of the function that was just written."""
        taken = [self.materialise(graph, b, a) for a in arguments]
        types = [Value(b, "", *graph.types[n]).type for n in names]
        result = b.name()
        many = f":{len(names)}" if len(names) > 1 else ""
        b.line(
            (f"{result}{many} = " if names else "")
            + f"func.call @n{self.count}({', '.join(v.name for v in taken)}) "
            f"{{prec.scope = {quoted(scope)}}} : ({', '.join(v.type for v in taken)}) -> "
            f"({', '.join(types)})"
        )
        for k, name in enumerate(names):
            place = f"{result}#{k}" if many else result
            graph.values[name] = Value(b, place, *graph.types[name])
        self.count += 1

    # The module

    def _module(self, graph: Graph, main: Builder, inputs: Sequence[str], outputs: Sequence[Value]) -> str:
        arguments = []
        for name in inputs:
            dtype, shape = graph.types[name]
            value = graph.values[name]
            arguments.append((value.name, value.type, name, dtype, "input"))
        for k, (name, array) in enumerate(self.weight_arguments.items(), 1):
            dtype = graph.types[name][0] if name in graph.types else word_of_array(array)
            value = Value(main, f"%weight{k}", dtype, array.shape)
            role = "state" if array.size == 1 or name in self.statistics else "weight"
            arguments.append((value.name, value.type, name, dtype, role))
        taken = ", ".join(f"{v}: {t} {{{_attributes(n, d, r)}}}" for v, t, n, d, r in arguments)
        given = ", ".join(
            f"{v.type} {{{_attributes(n, v.dtype)}}}" for n, v in zip(self.outputs, outputs)
        )
        body = "\n".join("    " + line for line in main.head + main.lines)
        types = ", ".join(v.type for v in outputs)
        names = ", ".join(v.name for v in outputs)
        tail = f"return {names} : {types}" if outputs else "return"
        return (
            "module {\n" + f"  func.func @main({taken}) -> ({given}) {{\n{body}\n    {tail}\n  }}\n"
            + "".join(self.functions) + "}\n"
        )  # fmt: skip


def _attributes(name: str, dtype: str, role: str | None = None) -> str:
    words = [f"prec.name = {quoted(name)}"]
    if role:
        words.append(f'prec.role = "{role}"')
    if dtype[0] == "u":
        words.append(f'prec.dtype = "{dtype}"')
    return ", ".join(words)


def refuse_absurd(name: str, shape: tuple[int, ...]) -> None:
    count = 1
    for size in shape:
        count *= max(size, 1)
    if count > 1 << 32:
        raise FrontendError(f"'{name}' of shape {'x'.join(map(str, shape))} has too many elements")
