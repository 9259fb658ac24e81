# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that read elements at computed places."""
from __future__ import annotations

from typing import TYPE_CHECKING

from prec.onnx.emit import is_float
from prec.onnx.node import NotCovered

from .registry import rule

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Scalar, Value
    from prec.onnx.node import Node


def place(i: Scalar, n: int | Scalar) -> Scalar:
    """An index as a place: negative ones count from the end."""
    i = i.cast("index") if i.dtype != "index" else i
    return (i < 0).select(i + n, i)


@rule("Gather")
def gather(b: Builder, node: Node) -> Value:
    x, indices, axis = node[0], node[1], node.axis(0)
    sizes = b.sizes(x)
    n = x.dim(axis)

    def element(*at: Scalar) -> Scalar:
        mine = at[axis : axis + indices.rank]
        return x[[*at[:axis], place(indices[mine], n), *at[axis + indices.rank :]]]

    return b.compute([*sizes[:axis], *b.sizes(indices), *sizes[axis + 1 :]], x.dtype, element)


@rule("GatherElements")
def gather_elements(b: Builder, node: Node) -> Value:
    x, indices, axis = node[0], node[1], node.axis(0)
    n = x.dim(axis)

    def element(*at: Scalar) -> Scalar:
        places = list(at)
        places[axis] = place(indices[at], n)
        return x[places]

    return b.compute(b.sizes(indices), x.dtype, element)


@rule("GatherND")
def gather_nd(b: Builder, node: Node) -> Value:
    x, indices, batch = node[0], node[1], node.attr("batch_dims", 0)
    depth = indices.shape[-1]
    if depth < 0:
        raise NotCovered("indices of unknown depth")
    outer = b.sizes(indices)[:-1]

    def element(*at: Scalar) -> Scalar:
        mine = at[: len(outer)]
        places = [place(indices[[*mine, k]], x.dim(batch + k)) for k in range(depth)]
        return x[[*at[:batch], *places, *at[len(outer) :]]]

    return b.compute([*outer, *b.sizes(x)[batch + depth :]], x.dtype, element)


@rule("OneHot")
def one_hot(b: Builder, node: Node) -> Value:
    indices, values = node[0], node[2]
    rank = indices.rank + 1
    axis = node.axis(-1, rank=rank)
    depth = node.number(1)
    if depth is None:
        depth = node.static_out()[axis]
    depth = int(depth)
    sizes = b.sizes(indices)

    def element(*at: Scalar) -> Scalar:
        i = indices[[*at[:axis], *at[axis + 1 :]]]
        i = i.cast("i64") if is_float(i.dtype) or i.dtype != "i64" else i
        i = (i < 0).select(i + depth, i)
        return i.eq(at[axis].cast("i64")).select(values[[1]], values[[0]])

    return b.compute([*sizes[:axis], depth, *sizes[axis:]], node.out_dtype(), element)


@rule("CumSum")
def cumulative_sum(b: Builder, node: Node) -> Value | list[Value]:
    x, exclusive, reverse = node[0], node.attr("exclusive", 0), node.attr("reverse", 0)
    axis = node.number(1)
    if axis is None:
        if x.rank != 1:
            return _cumulative_along_any(b, node, x, exclusive, reverse)
        axis = 0
    return _cumulative(b, x, int(axis) % x.rank, exclusive, reverse)


def _cumulative(b: Builder, x: Value, axis: int, exclusive: bool, reverse: bool) -> Value:
    n = x.dim(axis)
    sizes = b.sizes(x)

    def line(at: list[Scalar], out: Value) -> Value:
        def step(i: Scalar, out: Value, total: Scalar) -> tuple[Value, Scalar]:
            k = n - 1 - i if reverse else i
            places = [*at[:axis], k, *at[axis:]]
            after = total + x[places]
            return b.store(out, total if exclusive else after, places), after

        return b.loop(0, n, [out, b.const(0, x.dtype)], step)[0]

    return b.loops([*sizes[:axis], *sizes[axis + 1 :]], [b.empty(sizes, x.dtype)], line)


def _cumulative_along_any(b: Builder, node: Node, x: Value, exclusive: bool, reverse: bool) -> list[Value]:
    """The axis is a number that only the run knows."""
    at = node[1][[0] * node[1].rank].cast("i64")
    at = (at < 0).select(at + x.rank, at)

    def choose(axis: int) -> list[Value]:
        if axis == x.rank - 1:
            return [_cumulative(b, x, axis, exclusive, reverse)]
        return b.when(
            at.eq(axis),
            lambda: [_cumulative(b, x, axis, exclusive, reverse)],
            lambda: choose(axis + 1),
        )

    return choose(0)
