# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Walks an ONNX graph and writes each node as a function, called under the node's name.

In topological order each node is folded if all it needs is known, typed, and lowered by the
first that can: our rule, the operator's own definition as a graph of others, the foreign
importer. What none can is an error that names the node.
"""
import numpy as np

from prec.frontend import FrontendError, quoted

from . import functions, rules
from .builder import Builder
from .emit import Value
from .node import Node, NotCovered
from .types import TypeProblem, merge, onnx, proto_of, require, type_of, word_of_array

require("onnx.reference")

FOLD_LIMIT = 1 << 16  # elements of a constant that is computed at import
EMBED_LIMIT = 1 << 12  # elements of an integer constant that stands in the module
RANDOM = {
    "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli",
    "Multinomial",
}  # fmt: skip
# What a rule raises on operands or attributes that nobody would write.
UNFIT = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
NOT_FOLDED = RANDOM | {"If", "Loop", "Scan", "SequenceMap", "Dropout"}


class FunctionBuilder(Builder):
    """A builder whose function takes the values of the graph that it uses."""

    def argument(self, name, dtype, shape):
        return Value(self, self.name(), dtype, shape)


class Graph:
    """Names of one graph: types, what is known, and how to get a value where code is written."""

    def __init__(self, importer, parent=None):
        self.importer, self.parent = importer, parent
        self.types = dict(parent.types) if parent else {}
        self.constants = dict(parent.constants) if parent else {}
        self.weights = dict(parent.weights) if parent else {}
        self.values = {}

    def embedded(self, name):
        """The array, if it is to stand in the module rather than be an argument."""
        return None if name in self.weights else self.constants.get(name)

    def add_constant(self, name, array, is_initializer=False):
        dtype = word_of_array(array)
        self.types[name] = (dtype, array.shape)
        self.constants[name] = array
        narrow = dtype in ("i8", "u8") and array.size >= 16
        if self.parent is not None:
            return  # a subgraph's constants stand in its function
        if is_initializer and array.ndim and (dtype[0] in "fb" or narrow) or array.size > EMBED_LIMIT:
            self.weights[name] = name


class Importer:
    """One model's import. `text` and `weights` are the result."""

    def __init__(self, model, foreign=None):
        self.model, self.foreign = model, foreign
        self.opsets = {o.domain: o.version for o in model.opset_import}
        if "ai.onnx" in self.opsets:
            self.opsets[""] = self.opsets.pop("ai.onnx")
        self.local = {(f.domain, f.name): f for f in model.functions}
        self.functions, self.count, self.used_scopes = [], 0, {}
        self.status = {}  # operator -> who lowered it
        self.weight_arguments = {}
        self.declared = self._declared(model)

    @staticmethod
    def _declared(model):
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

    def run(self):
        graph, proto = Graph(self), self.model.graph
        main = Builder()
        for tensor in proto.initializer:
            graph.add_constant(tensor.name, self._array(tensor), is_initializer=True)
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

    def module_of(self, names):
        """The module with other values as its results."""
        self.outputs = names
        return self._module(self.graph, self.main, self.inputs, [self.graph.values[n] for n in names])

    def _array(self, tensor):
        try:
            array = onnx.numpy_helper.to_array(tensor)
            word_of_array(array)
        except Exception as error:
            raise FrontendError(f"'{tensor.name}': {error}") from None
        return array

    def _output(self, graph, main, value):
        if value.name not in graph.types:
            raise FrontendError(f"output '{value.name}' is computed by no node")
        return self.materialise(graph, main, value.name)

    def materialise(self, graph, b, name):
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

    def walk(self, graph, b, nodes, opsets, scope):
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

    def _scope(self, proto):
        """The node's name as a path of layers; a node without one gets its operator's."""
        name = proto.name.strip("/") or proto.op_type
        count = self.used_scopes.get(name, 0)
        self.used_scopes[name] = count + 1
        return name if count == 0 else f"{name}_{count}"

    def _node(self, graph, b, proto, opsets, scope):
        for name in proto.input:
            if name and name not in graph.types:
                raise FrontendError(f"operand '{name}' is computed by no node before")
        if self._fold(graph, proto, opsets):
            return []
        local = self.local.get((proto.domain, proto.op_type))
        if local is not None:
            return functions.instantiate(local, proto, self.opsets, f"{scope}/{self.count}")
        if proto.domain not in ("", "ai.onnx") and proto.domain not in rules.DOMAINS:
            raise FrontendError(f"operators of the domain '{proto.domain}' are not known")
        if proto.op_type in RANDOM:
            raise FrontendError(f"the results of {proto.op_type} are random")
        self._infer(graph, proto, opsets)
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
        if self.foreign is None:
            raise FrontendError(reasons[0] if reasons else "this operator is not supported")
        return self._by_foreign(graph, b, node, reasons)

    def _by_rule(self, graph, b, node, rule):
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

    def _by_foreign(self, graph, b, node, reasons):
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

    def _call(self, graph, b, scope, arguments, names):
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

    # Types and constants

    def _small_model(self, graph, proto, opsets, outputs=()):
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

    def _infer(self, graph, proto, opsets):
        outputs = [onnx.helper.make_empty_tensor_value_info(n) for n in proto.output if n]
        model = self._small_model(graph, proto, opsets, outputs)
        try:
            inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        except Exception as error:
            if all(n in self.declared for n in proto.output if n) and proto.op_type in rules.RULES:
                graph.types.update((n, self.declared[n]) for n in proto.output if n)
                return
            message = str(error).strip().splitlines()[0][:300]
            raise FrontendError(f"its shapes do not fit: {message}") from None
        for value in inferred.graph.output:
            known, declared = type_of(value.type, value.name), self.declared.get(value.name)
            if known and declared and declared[0] == known[0]:
                known = known[0], merge(known[1], declared[1])
            known = known or declared
            if known:
                graph.types[value.name] = known

    def _fold(self, graph, proto, opsets):
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
            graph.values[proto.output[0]] = self.materialise(graph, None, name)
            graph.weights[proto.output[0]] = graph.weights[name]
            return True
        names = [n for n in proto.input if n]
        if any(n in graph.weights or n not in graph.constants for n in names):
            return False
        if sum(graph.constants[n].size for n in names) > FOLD_LIMIT:
            return False
        if op == "ConstantOfShape" and np.prod(graph.constants[names[0]].astype(float)) > FOLD_LIMIT:
            return False
        try:
            evaluator = onnx.reference.ReferenceEvaluator(
                self._small_model(
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

    # The module

    def _module(self, graph, main, inputs, outputs):
        arguments = []
        for name in inputs:
            dtype, shape = graph.types[name]
            value = graph.values[name]
            arguments.append((value.name, value.type, name, dtype, "input"))
        for k, (name, array) in enumerate(self.weight_arguments.items(), 1):
            dtype = graph.types[name][0] if name in graph.types else word_of_array(array)
            value = Value(main, f"%weight{k}", dtype, array.shape)
            arguments.append((value.name, value.type, name, dtype, "weight"))
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


def _attributes(name, dtype, role=None):
    words = [f"prec.name = {quoted(name)}"]
    if role:
        words.append(f'prec.role = "{role}"')
    if dtype[0] == "u":
        words.append(f'prec.dtype = "{dtype}"')
    return ", ".join(words)


def _captured(proto):
    """Names that a node's subgraphs may take from outside."""
    for attribute in proto.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            for node in graph.node:
                yield from node.input
                yield from _captured(node)
            yield from (o.name for o in graph.output)


def refuse_absurd(name, shape):
    count = 1
    for size in shape:
        count *= max(size, 1)
    if count > 1 << 32:
        raise FrontendError(f"'{name}' of shape {'x'.join(map(str, shape))} has too many elements")
