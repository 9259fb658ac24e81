# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators of the domain ai.onnx.ml that compute with numbers, as nodes of ONNX's own: what scikit-learn's exporters write of
linear models, support vectors and scalings. Their coefficients, which are attributes there, are weights."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any, TYPE_CHECKING

import numpy as np

from prec.frontend import FrontendError

from .types import onnx

if TYPE_CHECKING:
    from onnx import NodeProto
    from .graph import Graph

DOMAIN = "ai.onnx.ml"
OPSETS = {"": 20}  # of the nodes that are made
WRITERS: dict[str, Callable[[Call], None]] = {}
SINGLE = 1  # TensorProto.FLOAT


def learned(*names: str) -> Callable[[Callable[[Call], None]], None]:
    return lambda write: WRITERS.update(dict.fromkeys(names, write))


class Call:
    """A node while it is taken apart. Names of values are strings."""

    def __init__(self, proto: NodeProto, graph: Graph, scope: str, prefix: str) -> None:
        self.proto, self.graph, self.scope, self.prefix = proto, graph, scope, prefix
        self.op, self.inputs, self.outputs = proto.op_type, list(proto.input), [*proto.output, "", ""]
        self.attributes = {a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute}
        self.nodes: list[NodeProto] = []
        self.count = 0

    def attr(self, name: str, default: Any) -> Any:
        value = self.attributes.get(name, default)
        return value.decode(errors="replace") if isinstance(value, bytes) else value

    def choice(self, name: str, *legal: str) -> str:
        found = self.attr(name, legal[0])
        if found not in legal:
            raise FrontendError(f"its {name} is '{found}'; expected {', '.join(legal)}")
        return found

    def _name(self) -> str:
        self.count += 1
        return f"{self.prefix}/{self.count}"

    def make(self, op: str, *operands: str, result: str = "", **attributes: Any) -> str:
        """A node's result, under the name `result`."""
        name = result or self._name()
        self.nodes.append(onnx.helper.make_node(op, operands, [name], **attributes))
        return name

    def constant(self, *numbers: int, dtype: str = "i8") -> str:
        name = self._name()
        self.graph.add_constant(name, np.array(numbers, dtype))
        return name

    def number(self, value: float) -> str:
        name = self._name()
        self.graph.add_constant(name, np.float32(value).reshape(()))
        return name

    def weight(self, attribute: str, *shape: int) -> str:
        """An attribute as a parameter of the model; -1 is what is left."""
        numbers = np.array(self.attr(attribute, ()), np.float32)
        name = f"{self.scope}.{attribute}"
        if name in self.graph.types:
            raise FrontendError(f"there is another value '{name}'")
        try:
            self.graph.add_constant(name, numbers.reshape(shape), is_initializer=True)
        except ValueError:
            raise FrontendError(f"its {attribute} are {numbers.size} numbers, expected {' x '.join(map(str, shape))}") from None
        return name

    def rows(self) -> tuple[str, int]:
        """The operand as rows of f32, and how long these are."""
        dtype, shape = self.graph.types[self.inputs[0]]
        if shape is None or len(shape) != 2 or shape[1] < 0:
            raise FrontendError(f"found an operand of shape {shape}, expected rows whose size is known")
        return (self.inputs[0] if dtype == "f32" else self.make("Cast", self.inputs[0], to=SINGLE)), shape[1]


@learned("Scaler")
def scaler(call: Call) -> None:
    x, _ = call.rows()
    call.make("Mul", call.make("Sub", x, call.weight("offset", -1)), call.weight("scale", -1), result=call.outputs[0])


@learned("Binarizer")
def binarizer(call: Call) -> None:
    above = call.make("Greater", call.inputs[0], call.number(call.attr("threshold", 0.0)))
    call.make("Cast", above, result=call.outputs[0], to=SINGLE)


@learned("Imputer")
def imputer(call: Call) -> None:
    if "imputed_value_floats" not in call.attributes:
        raise FrontendError("it replaces whole numbers; expected imputed_value_floats")
    x, _ = call.rows()
    replaced = call.attr("replaced_value_float", 0.0)
    which = call.make("IsNaN", x) if np.isnan(replaced) else call.make("Equal", x, call.number(replaced))
    call.make("Where", which, call.weight("imputed_value_floats", -1), x, result=call.outputs[0])


@learned("Normalizer")
def normalizer(call: Call) -> None:
    """A row whose norm is 0 stays."""
    x, _ = call.rows()
    op = {"MAX": "ReduceMax", "L1": "ReduceL1", "L2": "ReduceL2"}[call.choice("norm", "MAX", "L1", "L2")]
    norm = call.make(op, x, call.constant(1))
    is_zero = call.make("Equal", norm, call.number(0))
    call.make("Div", x, call.make("Where", is_zero, call.number(1), norm), result=call.outputs[0])


@learned("ArrayFeatureExtractor")
def extractor(call: Call) -> None:
    rank = len(call.graph.types[call.inputs[0]][1] or ())
    if not rank:
        raise FrontendError("the rank of its operand is not known")
    index = call.make("Reshape", call.inputs[1], call.constant(-1))
    if rank > 1:
        call.make("Gather", call.inputs[0], index, result=call.outputs[0], axis=rank - 1)
    else:
        call.make("Unsqueeze", call.make("Gather", call.inputs[0], index, axis=0), call.constant(0), result=call.outputs[0])


@learned("FeatureVectorizer")
def vectorizer(call: Call) -> None:
    parts = [call.make("Cast", name, to=SINGLE) for name in call.inputs]
    call.make("Concat", *parts, result=call.outputs[0], axis=1)


def affine(call: Call, x: str, features: int, count: int, result: str = "") -> str:
    """x times the coefficients of `count` results, and their intercepts."""
    weight = call.weight("coefficients", count, features)
    product = call.make("MatMul", x, call.make("Transpose", weight, perm=[1, 0]), result="" if call.attr("intercepts", ()) else result)
    return call.make("Add", product, call.weight("intercepts", count), result=result) if call.attr("intercepts", ()) else product


@learned("LinearRegressor")
def linear_regressor(call: Call) -> None:
    call.choice("post_transform", "NONE")
    affine(call, *call.rows(), call.attr("targets", 1), result=call.outputs[0])


@learned("LinearClassifier")
def linear_classifier(call: Call) -> None:
    (x, features), labels = call.rows(), call.attr("classlabels_ints", ())
    if len(labels) < 2 or len(call.attr("coefficients", ())) != features * len(labels):
        raise FrontendError("found labels that are no numbers, or one row of coefficients; expected numbers, each with its row")
    scores = affine(call, x, features, len(labels))
    call.make("Gather", call.constant(*labels), call.make("ArgMax", scores, axis=1, keepdims=0), result=call.outputs[0], axis=0)
    transform = call.choice("post_transform", "NONE", "LOGISTIC", "SOFTMAX")
    if transform == "SOFTMAX":
        call.make("Softmax", scores, result=call.outputs[1], axis=1)
    else:
        call.make("Sigmoid" if transform == "LOGISTIC" else "Identity", scores, result=call.outputs[1])


@learned("SVMRegressor")
def support_vectors(call: Call) -> None:
    call.choice("post_transform", "NONE")
    (x, features), count = call.rows(), call.attr("n_supports", 0)
    gamma, offset, degree = [*call.attr("kernel_params", (0.0, 0.0, 0.0)), 0.0, 0.0, 0.0][:3]
    kernel, product = call.choice("kernel_type", "LINEAR", "POLY", "RBF", "SIGMOID"), ""
    if not count:
        near = x
    elif kernel == "RBF":
        apart = call.make("Sub", call.make("Unsqueeze", x, call.constant(1)), call.weight("support_vectors", count, features))
        square = call.make("ReduceSumSquare", apart, call.constant(2), keepdims=0)
        near = call.make("Exp", call.make("Mul", square, call.number(-gamma)))
    else:
        product = call.make("MatMul", x, call.make("Transpose", call.weight("support_vectors", count, features), perm=[1, 0]))
        if kernel == "LINEAR":
            near = product
        else:
            inner = call.make("Add", call.make("Mul", product, call.number(gamma)), call.number(offset))
            near = call.make("Tanh", inner) if kernel == "SIGMOID" else call.make("Pow", inner, call.number(degree))
    total = call.make("MatMul", near, call.weight("coefficients", count or features, 1))
    rho = call.weight("rho", 1)
    if not call.attr("one_class", 0):
        call.make("Add", total, rho, result=call.outputs[0])
        return
    is_inside = call.make("Greater", call.make("Add", total, rho), call.number(0))
    call.make("Where", is_inside, call.number(1), call.number(-1), result=call.outputs[0])


def expand(proto: NodeProto, graph: Graph, scope: str, prefix: str) -> list[NodeProto] | None:
    """The nodes that compute what the operator does, or None if it is not known."""
    write = WRITERS.get(proto.op_type)
    if write is None or graph.parent is not None:
        return None
    call = Call(proto, graph, scope, prefix)
    write(call)
    return call.nodes
