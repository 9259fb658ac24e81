# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators of onnxruntime's own domain, com.microsoft, as functions of ONNX's: what its quantiser and its graph optimiser write.
Names, operands and attributes: onnxruntime's docs/ContribOperators.md."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, TYPE_CHECKING

from prec.frontend import FrontendError

from .types import onnx

if TYPE_CHECKING:
    from onnx import FunctionProto, NodeProto
    from .graph import Graph

DOMAIN = "com.microsoft"
FUNCTIONS = {}


def contrib(*names: str) -> Callable[[Callable[[Call], list[str]]], None]:
    return lambda write: FUNCTIONS.update(dict.fromkeys(names, write))


class Call:
    """A node whose function is written: operand k is ik, the result y; `attr` has its attributes."""

    def __init__(self, proto: NodeProto) -> None:
        self.op, self.count = proto.op_type, len(proto.input)
        self.names = list(proto.input)
        self.attributes = {a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute}

    def has(self, k: int) -> bool:
        return k < self.count and self.names[k] != ""

    def attr(self, name: str, default: Any) -> Any:
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def dequantised(self, name: str, k: int) -> str:
        """`name` = operand k with its scale and zero point behind it."""
        zero = f", i{k + 2}" if self.has(k + 2) else ""
        return f"{name} = DequantizeLinear(i{k}, i{k + 1}{zero})"

    def codes(self, name: str, k: int) -> list[str]:
        """`name` = operand k less its zero point, a whole number in f32."""
        if not self.has(k + 2):
            return [f"{name} = Cast<to = 1>(i{k})"]
        return [f"{name}0 = Cast<to = 1>(i{k})", f"{name}1 = Cast<to = 1>(i{k + 2})", f"{name} = Sub({name}0, {name}1)"]

    def rounded(self, name: str, k: int) -> list[str]:
        """The result is `name`, whose step is 1, with zero point k."""
        zero = f", i{k}" if self.has(k) else ""
        return ["one = Constant<value = float {1.0}>()", f"y = QuantizeLinear({name}, one{zero})"]

    def quantised(self, name: str, k: int) -> str:
        """The result is `name`, with scale k and the zero point behind it."""
        zero = f", i{k + 1}" if self.has(k + 1) else ""
        return f"y = QuantizeLinear({name}, i{k}{zero})"


def _list(values: Iterable[object]) -> str:
    return "[" + ", ".join(str(v) for v in values) + "]"


def _window(call: Call, *words: str) -> str:
    """The attributes of a convolution's or pooling's window."""
    lists = [f"{n} = {_list(call.attributes[n])}" for n in ("kernel_shape", "strides", "pads", "dilations") if n in call.attributes]
    numbers = [f"{n} = {call.attributes[n]}" for n in words if n in call.attributes]
    pad = call.attr("auto_pad", "NOTSET")
    if not str(pad).isidentifier():
        raise FrontendError(f"its auto_pad is {pad!r}; expected NOTSET, VALID, SAME_UPPER or SAME_LOWER")
    return ", ".join([*lists, *numbers, f'auto_pad = "{pad}"'])


@contrib("QLinearAdd")
def addition(call: Call) -> list[str]:
    return [call.dequantised("a", 0), call.dequantised("b", 3), "c = Add(a, b)", call.quantised("c", 6)]


@contrib("QLinearMul")
def multiplication(call: Call) -> list[str]:
    """The scales become one number, as in onnxruntime: else ties of the grids fall elsewhere."""
    lines = [*call.codes("a", 0), *call.codes("b", 3), "c = Mul(a, b)", "s = Mul(i1, i4)", "r = Div(s, i6)", "d = Mul(c, r)"]
    return [*lines, *call.rounded("d", 7)]


@contrib("QLinearGlobalAveragePool")
def mean(call: Call) -> list[str]:
    if call.attr("channels_last", 0):
        raise FrontendError("channels_last is 1; expected 0")
    sizes = call.shapes[0][2:]
    if any(n < 0 for n in sizes):
        raise FrontendError("a size that is not known; give --shape")
    axes = [f"w = Constant<value_ints = {_list(range(2, 2 + len(sizes)))}>()", "c = ReduceSum(a, w)"]
    size = [f"n = Constant<value = float {{{float(math.prod(sizes))!r}}}>()", "s = Mul(i3, n)", "r = Div(i1, s)", "d = Mul(c, r)"]
    return [*call.codes("a", 0), *axes, *size, *call.rounded("d", 4)]


@contrib("QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax", "QLinearAveragePool")
def unary(call: Call) -> list[str]:
    if call.attr("channels_last", 0):
        raise FrontendError("channels_last is 1; expected 0")
    words = {
        "QLinearLeakyRelu": f"<alpha = {float(call.attr('alpha', 0.01))!r}>",
        "QLinearSoftmax": f"<axis = {call.attr('axis', -1)}>",
        "QLinearAveragePool": f"<{_window(call, 'ceil_mode', 'count_include_pad')}>",
    }.get(call.op, "")
    return [call.dequantised("a", 0), f"b = {call.op[7:]}{words}(a)", call.quantised("b", 3)]


@contrib("QLinearConcat")
def concatenation(call: Call) -> list[str]:
    parts = range(2, call.count, 3)
    names = ", ".join(f"p{k}" for k in parts)
    return [*(call.dequantised(f"p{k}", k) for k in parts), f"c = Concat<axis = {call.attr('axis', 0)}>({names})", call.quantised("c", 0)]


@contrib("FusedMatMul", "TransposeMatMul")
def product(call: Call) -> list[str]:
    if call.attr("transBatchA", 0) or call.attr("transBatchB", 0):
        raise FrontendError("transBatchA or transBatchB is 1; expected 0")
    lines, sides = [], []
    for k, word in enumerate(("transA", "transB")):
        sides.append(f"t{k}" if call.attr(word, 0) else f"i{k}")
        if call.attr(word, 0):
            rank = len(call.shapes[k])
            order = [*range(rank - 2), rank - 1, rank - 2] if rank > 1 else [0]
            lines.append(f"t{k} = Transpose<perm = {_list(order)}>(i{k})")
    alpha = float(call.attr("alpha", 1.0))
    if alpha == 1:
        return [*lines, f"y = MatMul({', '.join(sides)})"]
    return [*lines, f"m = MatMul({', '.join(sides)})", *_constant("a", alpha, "m"), "y = Mul(m, a)"]


def _constant(name: str, value: float, like: str) -> list[str]:
    return [f"{name}0 = Constant<value = float {{{value!r}}}>()", f"{name} = CastLike({name}0, {like})"]


@contrib("Gelu", "BiasGelu", "FastGelu", "QuickGelu")
def gelu(call: Call) -> list[str]:
    lines, x = [], "i0"
    if call.has(1):
        lines, x = ["x = Add(i0, i1)"], "x"
    if call.op == "QuickGelu":
        return [*lines, *_constant("a", float(call.attr("alpha", 1.702)), x), f"s = Mul({x}, a)", "g = Sigmoid(s)", f"y = Mul({x}, g)"]
    word = "tanh" if call.op == "FastGelu" else "none"
    return [*lines, f'y = Gelu<approximate = "{word}">({x})']


@contrib("SkipLayerNormalization", "SkipSimplifiedLayerNormalization")
def skipped(call: Call) -> list[str]:
    is_simple = "Simplified" in call.op
    lines, bias = ["s = Add(i0, i1)"], 3 if is_simple else 4
    if call.has(bias):
        lines = ["s0 = Add(i0, i1)", f"s = Add(s0, i{bias})"]
    lines.append("y3 = Identity(s)")
    epsilon = float(call.attr("epsilon", 1e-12))
    if is_simple:
        return [*lines, f"y = RMSNormalization<axis = -1, epsilon = {epsilon!r}>(s, i2)"]
    beta = ", i3" if call.has(3) else ""
    return [*lines, f"y = LayerNormalization<axis = -1, epsilon = {epsilon!r}>(s, i2{beta})"]


@contrib("SimplifiedLayerNormalization", "LayerNormalization")
def norm(call: Call) -> list[str]:
    name = "LayerNormalization" if call.op == "LayerNormalization" else "RMSNormalization"
    words = f"axis = {call.attr('axis', -1)}, epsilon = {float(call.attr('epsilon', 1e-5))!r}"
    return [f"y = {name}<{words}>(i0, i1{', i2' if call.has(2) else ''})"]


ACTIVATIONS = ("Relu", "Tanh", "Sigmoid", "LeakyRelu", "HardSigmoid", "Clip")


@contrib("FusedConv")
def convolution(call: Call) -> list[str]:
    bias = ", i2" if call.has(2) else ""
    lines, value = [f"c = Conv<{_window(call, 'group')}>(i0, i1{bias})"], "c"
    if call.has(3):
        lines, value = [*lines, "z = Add(c, i3)"], "z"
    return [*lines, *_activated(call, value)]


def _activated(call: Call, value: str) -> list[str]:
    name = call.attr("activation", "") or "Identity"
    numbers = [float(n) for n in call.attr("activation_params", [])]
    if name == "Clip":
        low, high = numbers
        return [*_constant("l", low, value), *_constant("h", high, value), f"y = Clip({value}, l, h)"]
    words = {"LeakyRelu": ("alpha",), "HardSigmoid": ("alpha", "beta")}.get(name, ())
    if name not in (*ACTIVATIONS, "Identity"):
        raise FrontendError(f"its activation is '{name}'; expected one of {', '.join(ACTIVATIONS)}")
    given = ", ".join(f"{w} = {n!r}" for w, n in zip(words, numbers))
    return [f"y = {name}{f'<{given}>' if given else ''}({value})"]


@contrib("MatMulIntegerToFloat")
def scaled_product(call: Call) -> list[str]:
    zeros = ", ".join(f"i{k}" for k in (4, 5) if call.has(k))
    lines = [f"m = MatMulInteger(i0, i1{', ' + zeros if zeros else ''})", "f = Cast<to = 1>(m)", "s = Mul(i2, i3)"]
    return [*lines, "p = Mul(f, s)", "y = Add(p, i6)"] if call.has(6) else [*lines, "y = Mul(f, s)"]


@contrib("DynamicQuantizeMatMul")
def dynamic_product(call: Call) -> list[str]:
    zero = ", z, i3" if call.has(3) else ", z"
    lines = ["q, a, z = DynamicQuantizeLinear(i0)", f"m = MatMulInteger(q, i1{zero})", "f = Cast<to = 1>(m)", "s = Mul(a, i2)"]
    return [*lines, "p = Mul(f, s)", "y = Add(p, i4)"] if call.has(4) else [*lines, "y = Mul(f, s)"]


def is_own(proto: NodeProto, opset: int) -> bool:
    """Also what onnxruntime's optimiser writes as if it were ONNX's, or were it in this opset."""
    return proto.domain == DOMAIN or proto.op_type == "SimplifiedLayerNormalization" or (
        proto.op_type == "LayerNormalization" and opset < 17
    )  # fmt: skip


def definition(proto: NodeProto, graph: Graph) -> FunctionProto | None:
    """The operator's function, or None if it is not known."""
    write = FUNCTIONS.get(proto.op_type)
    if write is None:
        return None
    call = Call(proto)
    call.shapes = [(graph.types[n][1] if n else None) or () for n in proto.input]
    operands = ", ".join(f"i{k}" for k in range(call.count))
    results = ", ".join(["y", *(f"y{k}" for k in range(1, len(proto.output)))])
    body = "\n  ".join(write(call))
    text = f'<domain: "{DOMAIN}", opset_import: ["" : 23]> {proto.op_type} ({operands}) => ({results}) {{\n  {body}\n}}'
    try:
        return onnx.parser.parse_function(text)
    except Exception as error:  # an attribute's text may hold anything
        raise FrontendError(f"its attributes do not fit: {str(error).splitlines()[0][:200]}") from None
