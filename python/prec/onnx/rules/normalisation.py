# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Normalisations that ONNX does not define by other operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prec.onnx.node import NotCovered

from .convolution import pad
from .reductions import _mean
from .registry import dims, pointwise, rule

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Value
    from prec.onnx.node import Node


def _channels(b: Builder, v: Value, rank: int) -> Value:
    return b.reshape_to(v, [v.shape[0]] + [1] * (rank - 2))


@rule("BatchNormalization")
def batch_norm(b: Builder, node: Node) -> Value | list[Value]:
    x, dtype = node[0], node.out_dtype()
    scale, bias, mean, variance = (node[i] for i in range(1, 5))
    epsilon, momentum = node.attr("epsilon", 1e-5), node.attr("momentum", 0.9)
    if not node.attr("training_mode", 0):
        if any(node.wants(k) for k in range(1, 5)):
            raise NotCovered("the training results of an old opset")
        parts = [_channels(b, v, x.rank) for v in (scale, bias, mean, variance)]
        return pointwise(
            b, [x, *parts], dtype,
            lambda e, s, c, m, v: (e - m) / (v + epsilon).math("sqrt") * s + c, b.sizes(x),
        )  # fmt: skip
    axes = [i for i in range(x.rank) if i != 1]
    now = _mean(b, x, axes, True)
    centred = pointwise(b, [x, now], x.dtype, lambda e, m: e - m)
    squares = pointwise(b, [centred], x.dtype, lambda e: e * e)
    spread = _mean(b, squares, axes, True)
    parts = [_channels(b, v, x.rank) for v in (scale, bias)]
    made = pointwise(
        b, [centred, spread, *parts], dtype,
        lambda e, v, s, c: e / (v + epsilon).math("sqrt") * s + c, b.sizes(x),
    )  # fmt: skip
    results = [made]
    for k, (old, new) in enumerate(((mean, now), (variance, spread)), 1):
        flat = b.reshape_to(new, [x.shape[1]])
        mix = lambda o, n: o * momentum + n * (1.0 - momentum)  # noqa: E731
        results.append(pointwise(b, [old, flat], node.out_dtype(k) if node.wants(k) else dtype, mix))
    return results


@rule("InstanceNormalization")
def instance_norm(b: Builder, node: Node) -> Value:
    x, axes = node[0], list(range(2, node.rank()))
    epsilon = node.attr("epsilon", 1e-5)
    mean = _mean(b, x, axes, True)
    centred = pointwise(b, [x, mean], x.dtype, lambda e, m: e - m)
    spread = _mean(b, pointwise(b, [centred], x.dtype, lambda e: e * e), axes, True)
    parts = [_channels(b, node[i], x.rank) for i in (1, 2)]
    return pointwise(
        b, [centred, spread, *parts], x.dtype,
        lambda e, v, s, c: e / (v + epsilon).math("sqrt") * s + c, b.sizes(x),
    )  # fmt: skip


@rule("LayerNormalization")
def layer_norm(b: Builder, node: Node) -> list[Value]:
    x = node[0]
    axes = list(range(node.axis(-1), x.rank))
    epsilon = node.attr("epsilon", 1e-5)
    mean = _mean(b, x, axes, True)
    centred = pointwise(b, [x, mean], x.dtype, lambda e, m: e - m)
    spread = _mean(b, pointwise(b, [centred], x.dtype, lambda e: e * e), axes, True)
    inverse = pointwise(b, [spread], x.dtype, lambda v: 1.0 / (v + epsilon).math("sqrt"))
    made = pointwise(b, [centred, inverse, node[1]], x.dtype, lambda e, i, s: e * i * s, b.sizes(x))
    if node.has(2):
        made = pointwise(b, [made, node[2]], x.dtype, lambda e, c: e + c, b.sizes(x))
    return [made, mean, inverse]


@rule("LRN")
def lrn(b: Builder, node: Node) -> Value:
    x, size = node[0], node.attr("size")
    alpha, beta, bias = node.attr("alpha", 1e-4), node.attr("beta", 0.75), node.attr("bias", 1.0)
    low = (size - 1) // 2
    side = lambda n: [0, n] + [0] * (x.rank - 2)  # noqa: E731
    squares = pointwise(b, [x], x.dtype, lambda e: e * e)
    wide = pad(b, squares, side(low), side(size - 1 - low), 0)
    names = dims(x.rank)
    reads = list(names)
    reads[1] = f"d1 + d{x.rank}"
    total = b.generic(
        "p" * x.rank + "r",
        [(wide, ", ".join(reads)), (b.empty([size], x.dtype), f"d{x.rank}")],
        [(b.fill(b.sizes(x), 0, x.dtype), ", ".join(names))],
        lambda e, _, acc: acc + e,
    )
    return pointwise(
        b, [x, total], x.dtype,
        lambda e, s: e / (s * (alpha / size) + bias).power(beta),
    )  # fmt: skip


@rule("LpNormalization")
def lp_norm(b: Builder, node: Node) -> Value:
    from .registry import reduce

    x, axis, p = node[0], node.axis(-1), node.attr("p", 2)
    fold = (lambda e, acc: acc + e.abs()) if p == 1 else (lambda e, acc: acc + e * e)
    total = reduce(b, x, [axis], True, 0, x.dtype, fold)
    root = (lambda s: s) if p == 1 else (lambda s: s.math("sqrt"))
    return pointwise(b, [x, total], x.dtype, lambda e, s: s.eq(0).select(0, e / root(s)))


@rule("MeanVarianceNormalization")
def mvn(b: Builder, node: Node) -> Value:
    x = node[0]
    axes = [a % x.rank for a in node.attr("axes", [0, 2, 3])]
    mean = _mean(b, x, axes, True)
    squares = _mean(b, pointwise(b, [x], x.dtype, lambda e: e * e), axes, True)
    return pointwise(
        b, [x, mean, squares], x.dtype,
        lambda e, m, s: (e - m) / ((s - m * m).math("sqrt") + 1e-9),
    )  # fmt: skip


