# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that compute each element by itself."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from prec.onnx.emit import is_float
from prec.onnx.node import NotCovered

from .registry import pointwise, rule

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Scalar, Value
    from prec.onnx.node import Node


def _unary(name: str, body: Callable[[Scalar, Node], Scalar]) -> Callable[[Builder, Node], Value]:
    """body(element, node) -> element."""

    @rule(name)
    def apply(b: Builder, node: Node) -> Value:
        dtype = node.out_dtype()
        return pointwise(b, [node[0]], dtype, lambda x: body(x, node))


    return apply


def _sigmoid(x: Scalar) -> Scalar:
    return 1.0 / ((-x).math("exp") + 1.0)


def _sign(x: Scalar) -> Scalar:
    zero = x.b.const(0, x.dtype)
    if x.dtype[0] == "u":
        return (x > 0).select(1, zero)
    return (x > 0).select(1, (x < 0).select(-1, x if is_float(x.dtype) else zero))


def _tan(x: Scalar) -> Scalar:
    return x.math("tan")


UNARY = {
    "Abs": lambda x, n: x if x.dtype[0] == "u" else x.abs(),
    "Neg": lambda x, n: -x,
    "Ceil": lambda x, n: x.math("ceil"),
    "Floor": lambda x, n: x.math("floor"),
    "Round": lambda x, n: x.math("roundeven"),
    "Sqrt": lambda x, n: x.math("sqrt"),
    "Exp": lambda x, n: x.math("exp"),
    "Log": lambda x, n: x.math("log"),
    "Sin": lambda x, n: x.math("sin"),
    "Cos": lambda x, n: x.math("cos"),
    "Tan": lambda x, n: x.math("tan"),
    "Asin": lambda x, n: x.math("asin"),
    "Acos": lambda x, n: x.math("acos"),
    "Atan": lambda x, n: x.math("atan"),
    "Sinh": lambda x, n: x.math("sinh"),
    "Cosh": lambda x, n: x.math("cosh"),
    "Asinh": lambda x, n: x.math("asinh"),
    "Acosh": lambda x, n: x.math("acosh"),
    "Atanh": lambda x, n: x.math("atanh"),
    "Tanh": lambda x, n: x.math("tanh"),
    "Erf": lambda x, n: x.math("erf"),
    "Reciprocal": lambda x, n: 1.0 / x,
    "Sign": lambda x, n: _sign(x),
    "Not": lambda x, n: ~x,
    "BitwiseNot": lambda x, n: ~x,
    "IsNaN": lambda x, n: x.is_nan(),
    "Sigmoid": lambda x, n: _sigmoid(x),
    "Relu": lambda x, n: x.max(0),
    "LeakyRelu": lambda x, n: (x < 0).select(x * n.attr("alpha", 0.01), x),
    "Elu": lambda x, n: (x < 0).select((x.math("exp") - 1.0) * n.attr("alpha", 1.0), x),
    "Selu": lambda x, n: (x > 0).select(
        x * n.attr("gamma", 1.0507010221481323),
        ((x.math("exp") - 1.0) * n.attr("alpha", 1.6732631921768188)) * n.attr("gamma", 1.0507010221481323),
    ),
    "Celu": lambda x, n: x.max(0) + ((x / n.attr("alpha", 1.0)).math("exp") - 1.0).min(0.0 / 1.0) * n.attr("alpha", 1.0),
    "ThresholdedRelu": lambda x, n: (x > n.attr("alpha", 1.0)).select(x, 0),
    "HardSigmoid": lambda x, n: (x * n.attr("alpha", 0.2) + n.attr("beta", 0.5)).max(0).min(1),
    "HardSwish": lambda x, n: x * (x * (1 / 6) + 0.5).max(0).min(1),
    "Softsign": lambda x, n: x / (x.abs() + 1.0),
    "Mish": lambda x, n: x * _softplus(x).math("tanh"),
    "Swish": lambda x, n: x * _sigmoid(x * n.attr("alpha", 1.0)),
    "Softplus": lambda x, n: _softplus(x),
    "Cast": lambda x, n: x.cast(n.out_dtype()),
    "CastLike": lambda x, n: x.cast(n.out_dtype()),
}  # fmt: skip


def _softplus(x: Scalar) -> Scalar:
    """log(1 + exp(x)) without overflow: max(x, 0) + log1p(exp(-|x|))."""
    return x.max(0) + (-x.abs()).math("exp").math("log1p")


for _name, _body in UNARY.items():
    _unary(_name, _body)


@rule("Identity", "Dropout")
def identity(b: Builder, node: Node) -> Value | list[Value]:
    """Dropout here is inference's; training's needs random bits."""
    if node.op == "Dropout":
        ratio, training = node.number(1, node.attr("ratio", 0.5)), node.number(2, False)
        if training is None or (training and ratio != 0):
            raise NotCovered("dropout in training mode has random results")
        mask = b.fill(b.sizes(node[0]), True, node.out_dtype(1)) if node.wants(1) else None
        if mask is not None and node.out_dtype(1) != "i1":
            mask = b.fill(b.sizes(node[0]), 1, node.out_dtype(1))
        return [node[0]] + ([mask] if mask else [])
    return node[0]


@rule("IsInf")
def is_inf(b: Builder, node: Node) -> Value:
    up, down = node.attr("detect_positive", 1), node.attr("detect_negative", 1)

    def body(x: Scalar) -> Scalar:
        no = b.const(False, "i1")
        yes = x.eq(math.inf) if up else no
        return yes | x.eq(-math.inf) if down else yes

    return pointwise(b, [node[0]], "i1", body)


@rule("Shrink")
def shrink(b: Builder, node: Node) -> Value:
    bias, limit = node.attr("bias", 0.0), node.attr("lambd", 0.5)

    def body(x: Scalar) -> Scalar:
        dtype = x.dtype
        wide = x if is_float(dtype) else x.cast("f32")
        made = (wide < -limit).select(wide + bias, (wide > limit).select(wide - bias, 0))
        return made.cast(dtype)

    return pointwise(b, [node[0]], node.out_dtype(), body)


@rule("Gelu")
def gelu(b: Builder, node: Node) -> Value:
    def body(x: Scalar) -> Scalar:
        if node.attr("approximate", "none") == "tanh":
            inner = (x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)
            return x * 0.5 * (inner.math("tanh") + 1.0)
        return x * 0.5 * ((x / math.sqrt(2)).math("erf") + 1.0)

    return pointwise(b, [node[0]], node.out_dtype(), body)


@rule("Clip")
def clip(b: Builder, node: Node) -> Value:
    low = node.attr("min") if "min" in node else node[1] if node.has(1) else None
    high = node.attr("max") if "max" in node else node[2] if node.has(2) else None
    tensors = [v for v in (low, high) if v is not None and not isinstance(v, float)]

    def body(x: Scalar, *bounds: Scalar) -> Scalar:
        bounds = list(bounds)
        for bound, word in ((low, "max"), (high, "min")):
            if bound is not None:
                bound = bound if isinstance(bound, float) else bounds.pop(0)
                x = getattr(x, word)(bound)
        return x

    return pointwise(b, [node[0], *tensors], node.out_dtype(), body, b.sizes(node[0]))


# Two and more operands


def _mod(x: Scalar, y: Scalar, fmod: bool) -> Scalar:
    if is_float(x.dtype):
        if x.dtype in ("f16", "bf16"):
            return _mod(x.cast("f32"), y.cast("f32"), fmod).cast(x.dtype)
        r = x % y
        if fmod:
            return r
        turned = (r.ne(0) & ((r < 0) ^ (y < 0))).select(r + y, r)
        return r.eq(0).select(r.math("copysign", y), turned)
    r = x % y
    if fmod or x.dtype[0] == "u":
        return r
    wrong = r.ne(0) & ((r < 0) ^ (y < 0))
    return wrong.select(r + y, r)


def _power(x: Scalar, y: Scalar) -> Scalar:
    if is_float(x.dtype):
        return x.math("powf", y.cast(x.dtype))
    if is_float(y.dtype):
        return x.cast("f32").math("powf", y.cast("f32")).math("roundeven").cast(x.dtype)
    return _whole_power(x, y)


def _whole_power(x: Scalar, y: Scalar) -> Scalar:
    """x^y of integers by squaring; exponents below 64, others are 0 unless x is 1."""
    made, square = x.b.const(1, x.dtype), x
    for bit in range(6):
        made = ((y >> bit) & 1).ne(0).select(made * square, made)
        square = square * square
    inside = (y >= 0) & (y < 64) if y.dtype[0] == "i" else y < 64
    return (inside | x.eq(1)).select(made, 0)


def _shift(x: Scalar, y: Scalar, left: bool) -> Scalar:
    from prec.onnx.emit import BITS

    far = y >= BITS[x.dtype]
    if not left and x.signed:
        return x >> far.select(BITS[x.dtype] - 1, y)
    return far.select(0, x << y if left else x >> y)


BINARY = {
    "Add": lambda x, y, n: x + y,
    "Sub": lambda x, y, n: x - y,
    "Mul": lambda x, y, n: x * y,
    "Div": lambda x, y, n: x / y,
    "Mod": lambda x, y, n: _mod(x, y, n.attr("fmod", 0)),
    "And": lambda x, y, n: x & y,
    "Or": lambda x, y, n: x | y,
    "Xor": lambda x, y, n: x ^ y,
    "BitwiseAnd": lambda x, y, n: x & y,
    "BitwiseOr": lambda x, y, n: x | y,
    "BitwiseXor": lambda x, y, n: x ^ y,
    "BitShift": lambda x, y, n: _shift(x, y, n.attr("direction") == "LEFT"),
    "Equal": lambda x, y, n: x.eq(y),
    "Greater": lambda x, y, n: x > y,
    "GreaterOrEqual": lambda x, y, n: x >= y,
    "Less": lambda x, y, n: x < y,
    "LessOrEqual": lambda x, y, n: x <= y,
    "PRelu": lambda x, y, n: (x < 0).select(x * y, x),
}


def _binary(name: str, body: Callable[[Scalar, Scalar, Node], Scalar]) -> None:
    @rule(name)
    def apply(b: Builder, node: Node) -> Value:
        x, y = node[0], node[1]
        if node.attr("broadcast") and y.rank:  # before opset 7
            raise NotCovered("the broadcast attribute of old opsets")
        sizes = None
        if name == "PRelu" and y.rank == 1 and x.rank > 1 and x.shape[1] == y.shape[0] != 1 and x.shape[-1] != y.shape[0]:
            y = b.reshape_to(y, [y.shape[0]] + [1] * (x.rank - 2))
        return pointwise(b, [x, y], node.out_dtype(), lambda p, q: body(p, q, node), sizes)


for _name, _body in BINARY.items():
    _binary(_name, _body)


@rule("Pow")
def power(b: Builder, node: Node) -> Value:
    x, y = node[0], node.number(1)
    if y is None or node.rank(1) or not is_float(node.dtype(0)) or x.dtype in ("f16", "bf16"):
        return pointwise(b, [x, node[1]], node.out_dtype(), _power)
    return pointwise(b, [x], node.out_dtype(), lambda e: e.power(y))


def _variadic(name: str, body: Callable[[Scalar, Scalar], Scalar]) -> None:
    @rule(name)
    def apply(b: Builder, node: Node) -> Value:
        values = node.inputs()

        def fold(*elements: Scalar) -> Scalar:
            made = elements[0]
            for element in elements[1:]:
                made = body(made, element)
            return made / len(elements) if name == "Mean" else made

        return pointwise(b, values, node.out_dtype(), fold)


_variadic("Sum", lambda x, y: x + y)
_variadic("Mean", lambda x, y: x + y)
_variadic("Max", lambda x, y: x.max(y))
_variadic("Min", lambda x, y: x.min(y))


@rule("Where")
def where(b: Builder, node: Node) -> Value:
    return pointwise(b, node.inputs(), node.out_dtype(), lambda c, x, y: c.select(x, y))
