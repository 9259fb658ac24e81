# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that fold dimensions: sums, extrema, positions of extrema."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from prec.onnx.emit import is_float
from prec.onnx.node import NotCovered

from .registry import dims, highest, lowest, pointwise, reduce, rule

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Scalar, Value
    from prec.onnx.node import Node


def reduced_axes(b: Builder, node: Node, position: int = 1) -> tuple[list[int], bool]:
    """(axes, keep); axes that only the run knows are read off the result's shape."""
    rank, keep = node.rank(), bool(node.attr("keepdims", 1))
    axes = node.axes(position, default=None)
    if axes is None and node.has(position):
        shape, known = node.shape(0), node.out_shape()
        if node.shape(position) == (0,):
            axes = []
        elif node.shape(position) == (rank,):
            axes = list(range(rank))
        elif known is None or -1 in known:
            raise NotCovered("its axes are not known at import")
        elif keep:
            axes = [i for i in range(rank) if known[i] == 1 and shape[i] != 1]
            if len(axes) != node.shape(position)[0]:
                raise NotCovered("its axes are not known at import")
        else:
            axes = _axes_that_leave(shape, known)
    if not axes:
        axes = [] if node.attr("noop_with_empty_axes", 0) else list(range(rank))
    return axes, keep


def _axes_that_leave(shape: Sequence[int], known: Sequence[int]) -> Sequence[int]:
    from itertools import combinations

    found = [
        list(axes) for axes in combinations(range(len(shape)), len(shape) - len(known))
        if tuple(n for i, n in enumerate(shape) if i not in axes) == tuple(known)
    ]  # fmt: skip
    if len(found) != 1:
        raise NotCovered("its axes are not known at import")
    return found[0]


def count_of(b: Builder, x: Value, axes: Sequence[int], dtype: str) -> Scalar:
    """The number of elements that each result folds."""
    sizes = [b.sizes(x)[i] for i in axes]
    if all(isinstance(n, int) for n in sizes):
        return b.const(math.prod(sizes), dtype)
    made = b.const(1, "index")
    for n in sizes:
        made = made * b.const(n, "index")
    return made.cast("i64").cast(dtype)


def _sum(b: Builder, x: Value, axes: Sequence[int], keep: bool) -> Value:
    return reduce(b, x, axes, keep, 0, x.dtype, lambda e, acc: acc + e)


def _each(b: Builder, x: Value, body: Callable[[Scalar], Scalar]) -> Value:
    return pointwise(b, [x], x.dtype, body)


def _product(b: Builder, x: Value, axes: Sequence[int], keep: bool) -> Value:
    return reduce(b, x, axes, keep, 1, x.dtype, lambda e, acc: acc * e)


def _max(b: Builder, x: Value, axes: Sequence[int], keep: bool) -> Value:
    return reduce(b, x, axes, keep, lowest(x.dtype), x.dtype, lambda e, acc: acc.max(e))


def _min(b: Builder, x: Value, axes: Sequence[int], keep: bool) -> Value:
    return reduce(b, x, axes, keep, highest(x.dtype), x.dtype, lambda e, acc: acc.min(e))


def _mean(b: Builder, x: Value, axes: Sequence[int], keep: bool) -> Value:
    total = _sum(b, x, axes, keep)
    count = count_of(b, x, axes, x.dtype)
    return _each(b, total, lambda s: s / count)


def _norm1(b: Builder, x: Value, axes: Sequence[int], keep: bool) -> Value:
    return reduce(b, x, axes, keep, 0, x.dtype, lambda e, acc: acc + (e if e.dtype[0] == "u" else e.abs()))


def _squares(b: Builder, x: Value, axes: Sequence[int], keep: bool) -> Value:
    return reduce(b, x, axes, keep, 0, x.dtype, lambda e, acc: acc + e * e)


def _root(s: Scalar) -> Scalar:
    return s.math("sqrt") if is_float(s.dtype) else s.cast("f64").math("sqrt").cast(s.dtype)


def _log(s: Scalar) -> Scalar:
    return s.math("log") if is_float(s.dtype) else s.cast("f64").math("log").cast(s.dtype)


def _log_sum_exp(b: Builder, x: Value, axes: Sequence[int], keep: bool) -> Value:
    """max + log(sum(exp(x - max))); a maximum that is infinite is left out."""
    top = _max(b, x, axes, True)
    top = _each(b, top, lambda m: m.abs().eq(math.inf).select(0, m))
    shifted = pointwise(b, [x, top], x.dtype, lambda e, m: (e - m).math("exp"))
    total = pointwise(b, [_sum(b, shifted, axes, True), top], x.dtype, lambda s, m: s.math("log") + m)
    if keep:
        return total
    return b.reshape_to(total, [n for i, n in enumerate(b.sizes(total)) if i not in axes])


REDUCTIONS = {
    "ReduceSum": _sum,
    "ReduceProd": _product,
    "ReduceMax": _max,
    "ReduceMin": _min,
    "ReduceMean": _mean,
    "ReduceL1": _norm1,
    "ReduceL2": lambda b, x, a, k: _each(b, _squares(b, x, a, k), _root),
    "ReduceSumSquare": _squares,
    "ReduceLogSum": lambda b, x, a, k: _each(b, _sum(b, x, a, k), _log),
    "ReduceLogSumExp": _log_sum_exp,
}


def _reduction(name: str, body: Callable[[Builder, Value, Sequence[int], bool], Value]) -> None:
    @rule(name)
    def apply(b: Builder, node: Node) -> Value:
        axes, keep = reduced_axes(b, node)
        x = node[0]
        if not axes and name in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd"):
            return x
        return body(b, x, axes, keep)


for _name, _body in REDUCTIONS.items():
    _reduction(_name, _body)


@rule("ArgMax", "ArgMin")
def position(b: Builder, node: Node) -> Value:
    x, keep = node[0], bool(node.attr("keepdims", 1))
    axis, last = node.axis(0), bool(node.attr("select_last_index", 0))
    largest = node.op == "ArgMax"
    sizes = [1 if i == axis else n for i, n in enumerate(b.sizes(x)) if keep or i != axis]
    best = b.fill(sizes, lowest(x.dtype) if largest else highest(x.dtype), x.dtype)
    where = b.fill(sizes, 0, "i64")
    names = dims(x.rank)
    kept = ", ".join("0" if i == axis else d for i, d in enumerate(names) if keep or i != axis)

    def body(e: Scalar, top: Scalar, at: Scalar) -> tuple[Scalar, Scalar]:
        i = b.index(axis).cast("i64")
        if last:
            better = e >= top if largest else e <= top
        else:
            better = e > top if largest else e < top
        if is_float(e.dtype):
            better = better | (e.is_nan() & ~top.is_nan())
        return better.select(e, top), better.select(i, at)

    loops = "".join("r" if i == axis else "p" for i in range(x.rank))
    return b.generic(loops, [(x, ", ".join(names))], [(best, kept), (where, kept)], body)[1]


@rule("GlobalAveragePool", "GlobalMaxPool")
def global_pool(b: Builder, node: Node) -> Value:
    x = node[0]
    axes = list(range(2, x.rank))
    return (_mean if node.op == "GlobalAveragePool" else _max)(b, x, axes, True)


def _before_13(node: Node) -> list[int]:
    """Softmax before opset 13 flattened the input to a matrix at the axis."""
    axis = node.axis(1 if node.opset < 13 else -1)
    return list(range(axis, node.rank())) if node.opset < 13 else [axis]


@rule("Softmax")
def softmax(b: Builder, node: Node) -> Value:
    x, axes = node[0], _before_13(node)
    top = _max(b, x, axes, True)
    e = pointwise(b, [x, top], x.dtype, lambda p, m: (p - m).math("exp"))
    return pointwise(b, [e, _sum(b, e, axes, True)], x.dtype, lambda p, s: p / s)


@rule("LogSoftmax")
def log_softmax(b: Builder, node: Node) -> Value:
    x, axes = node[0], _before_13(node)
    top = _max(b, x, axes, True)
    shifted = pointwise(b, [x, top], x.dtype, lambda p, m: p - m)
    total = _sum(b, _each(b, shifted, lambda p: p.math("exp")), axes, True)
    return pointwise(b, [shifted, total], x.dtype, lambda p, s: p - s.math("log"))


@rule("Hardmax")
def hardmax(b: Builder, node: Node) -> Value:
    x, axes = node[0], _before_13(node)
    if len(axes) > 1:
        raise NotCovered("hardmax of opset < 13 over several dimensions")
    axis = axes[0]
    top = _max(b, x, axes, True)
    names = dims(x.rank)
    kept = ", ".join("0" if i == axis else d for i, d in enumerate(names))
    first = b.fill([1 if i == axis else n for i, n in enumerate(b.sizes(x))], 1 << 62, "i64")
    loops = "".join("r" if i == axis else "p" for i in range(x.rank))
    first = b.generic(
        loops, [(x, ", ".join(names)), (top, kept)], [(first, kept)],
        lambda e, m, at: e.eq(m).select(at.min(b.index(axis).cast("i64")), at),
    )  # fmt: skip
    return pointwise(
        b, [x, first], x.dtype,
        lambda e, at: b.index(axis).cast("i64").eq(at).select(b.const(1, x.dtype), 0),
    )  # fmt: skip
