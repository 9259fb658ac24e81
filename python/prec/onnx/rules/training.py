# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Optimisers and losses as operators."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from prec.onnx.node import NotCovered

from .registry import pointwise, rule

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Scalar, Value
    from prec.onnx.node import Node


def _groups(node: Node, kinds: int) -> list[list[Value]]:
    """Operands 2.. in groups: all parameters, all gradients, all states of each kind."""
    count = (node.count - 2) // kinds
    return [[node[2 + k * count + i] for k in range(kinds)] for i in range(count)]


def _collect(made: Sequence[Sequence[Value]]) -> list[Value]:
    """Results of each parameter, ordered as the operator's outputs."""
    return [row[k] for k in range(len(made[0])) for row in made]


def _decay(node: Node) -> float:
    return node.attr("norm_coefficient", 0.0)


@rule("Adagrad")
def adagrad(b: Builder, node: Node) -> list[Value]:
    decay, epsilon = node.attr("decay_factor", 0.0), node.attr("epsilon", 1e-6)
    made = []
    for x, g, h in _groups(node, 3):
        r = node[0][[]] / (node[1][[]].cast("f32") * decay + 1.0)
        g = pointwise(b, [x, g], x.dtype, lambda p, q: p * _decay(node) + q)
        h = pointwise(b, [h, g], x.dtype, lambda p, q: p + q * q)
        new = pointwise(b, [x, g, h], x.dtype, lambda p, q, s: p - (q * r) / (s.math("sqrt") + epsilon))
        made.append((new, h))
    return _collect(made)


@rule("Adam")
def adam(b: Builder, node: Node) -> list[Value]:
    alpha, beta = node.attr("alpha", 0.9), node.attr("beta", 0.999)
    epsilon, after = node.attr("epsilon", 1e-6), node.attr("norm_coefficient_post", 0.0)
    rate, step = node[0][[]], node[1][[]].cast("f32")
    first = (step > 0).select(
        rate * (1.0 - b.const(beta, "f32").math("powf", step)).math("sqrt")
        / (1.0 - b.const(alpha, "f32").math("powf", step)), rate,
    )  # fmt: skip
    made = []
    for x, g, v, h in _groups(node, 4):
        g = pointwise(b, [x, g], x.dtype, lambda p, q: p * _decay(node) + q)
        v = pointwise(b, [v, g], x.dtype, lambda p, q: p * alpha + q * (1.0 - alpha))
        h = pointwise(b, [h, g], x.dtype, lambda p, q: p * beta + (q * q) * (1.0 - beta))
        new = pointwise(
            b, [x, v, h], x.dtype,
            lambda p, q, s: (p - first * q / (s.math("sqrt") + epsilon)) * (1.0 - after),
        )  # fmt: skip
        made.append((new, v, h))
    return _collect(made)


@rule("Momentum")
def momentum(b: Builder, node: Node) -> list[Value]:
    alpha, mode = node.attr("alpha"), node.attr("mode")
    rate, step = node[0][[]], node[1][[]]
    beta = (step > 0).select(b.const(node.attr("beta"), "f32"), 1.0)
    made = []
    for x, g, v in _groups(node, 3):
        g = pointwise(b, [x, g], x.dtype, lambda p, q: p * _decay(node) + q)
        v = pointwise(b, [v, g], x.dtype, lambda p, q: p * alpha + q * beta)
        if mode == "nesterov":
            new = pointwise(b, [x, g, v], x.dtype, lambda p, q, s: p - rate * (q + s * alpha))
        else:
            new = pointwise(b, [x, v], x.dtype, lambda p, q: p - rate * q)
        made.append((new, v))
    return _collect(made)


@rule("NegativeLogLikelihoodLoss")
def nll_loss(b: Builder, node: Node) -> Value:
    from .reductions import _sum

    x, target = node[0], node[1]
    weight = node[2] if node.has(2) else None
    return _loss(b, node, x, target, weight, _sum)[0]


@rule("SoftmaxCrossEntropyLoss")
def softmax_cross_entropy(b: Builder, node: Node) -> list[Value]:
    from .reductions import _max, _sum

    x, target = node[0], node[1]
    weight = node[2] if node.has(2) else None
    top = _max(b, x, [1], True)
    shifted = pointwise(b, [x, top], x.dtype, lambda p, m: p - m)
    total = _sum(b, pointwise(b, [shifted], x.dtype, lambda p: p.math("exp")), [1], True)
    log = pointwise(b, [shifted, total], x.dtype, lambda p, s: p - s.math("log"))
    made = _loss(b, node, log, target, weight, _sum)
    return [made[0], log]


def _loss(
    b: Builder,
    node: Node,
    log: Value,
    target: Value,
    weight: Value | None,
    total: Callable[[Builder, Value, Sequence[int], bool], Value],
) -> list[Value]:
    how, ignored = node.attr("reduction", "mean"), node.attr("ignore_index")
    classes = log.shape[1]
    if classes < 0:
        raise NotCovered("a number of classes that is not known")
    sizes = b.sizes(target)

    def weight_of(at: Sequence[Scalar]) -> tuple[Scalar, Scalar]:
        t = target[at].cast("i64")
        skipped = t.eq(ignored) if ignored is not None else b.const(False, "i1")
        place = skipped.select(b.const(0, "i64"), t).cast("index")
        w = weight[[place]] if weight is not None else b.const(1, log.dtype)
        return place, skipped.select(b.const(0, log.dtype), w)

    def element(*at: Scalar) -> Scalar:
        place, w = weight_of(at)
        e = -log[[at[0], place, *at[1:]]]
        return e * w if weight is not None or ignored is not None else e

    losses = b.compute(sizes, log.dtype, element)
    if how == "none":
        return [losses]
    axes = list(range(target.rank))
    loss = total(b, losses, axes, False)
    if how == "mean":
        weights = b.compute(sizes, log.dtype, lambda *at: weight_of(at)[1])
        loss = pointwise(b, [loss, total(b, weights, axes, False)], log.dtype, lambda p, q: p / q)
    return [loss]
