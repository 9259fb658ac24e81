# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that read elements at computed places."""
from prec.onnx.emit import is_float
from prec.onnx.node import NotCovered

from .registry import rule


def place(i, n):
    """An index as a place: negative ones count from the end."""
    i = i.cast("index") if i.dtype != "index" else i
    return (i < 0).select(i + n, i)


@rule("Gather")
def gather(b, node):
    x, indices, axis = node[0], node[1], node.axis(0)
    sizes = b.sizes(x)
    n = x.dim(axis)

    def element(*at):
        mine = at[axis : axis + indices.rank]
        return x[[*at[:axis], place(indices[mine], n), *at[axis + indices.rank :]]]

    return b.compute([*sizes[:axis], *b.sizes(indices), *sizes[axis + 1 :]], x.dtype, element)


@rule("GatherElements")
def gather_elements(b, node):
    x, indices, axis = node[0], node[1], node.axis(0)
    n = x.dim(axis)

    def element(*at):
        places = list(at)
        places[axis] = place(indices[at], n)
        return x[places]

    return b.compute(b.sizes(indices), x.dtype, element)


@rule("GatherND")
def gather_nd(b, node):
    x, indices, batch = node[0], node[1], node.attr("batch_dims", 0)
    depth = indices.shape[-1]
    if depth < 0:
        raise NotCovered("indices of unknown depth")
    outer = b.sizes(indices)[:-1]

    def element(*at):
        mine = at[: len(outer)]
        places = [place(indices[[*mine, k]], x.dim(batch + k)) for k in range(depth)]
        return x[[*at[:batch], *places, *at[len(outer) :]]]

    return b.compute([*outer, *b.sizes(x)[batch + depth :]], x.dtype, element)


@rule("OneHot")
def one_hot(b, node):
    indices, values = node[0], node[2]
    rank = indices.rank + 1
    axis = node.axis(-1, rank=rank)
    depth = node.number(1)
    if depth is None:
        depth = node.static_out()[axis]
    depth = int(depth)
    sizes = b.sizes(indices)

    def element(*at):
        i = indices[[*at[:axis], *at[axis + 1 :]]]
        i = i.cast("i64") if is_float(i.dtype) or i.dtype != "i64" else i
        i = (i < 0).select(i + depth, i)
        return i.eq(at[axis].cast("i64")).select(values[[1]], values[[0]])

    return b.compute([*sizes[:axis], depth, *sizes[axis:]], node.out_dtype(), element)


@rule("CumSum")
def cumulative_sum(b, node):
    x, exclusive, reverse = node[0], node.attr("exclusive", 0), node.attr("reverse", 0)
    axis = node.number(1)
    if axis is None:
        if x.rank != 1:
            return _cumulative_along_any(b, node, x, exclusive, reverse)
        axis = 0
    return _cumulative(b, x, int(axis) % x.rank, exclusive, reverse)


def _cumulative(b, x, axis, exclusive, reverse):
    n = x.dim(axis)
    sizes = b.sizes(x)

    def line(at, out):
        def step(i, out, total):
            k = n - 1 - i if reverse else i
            places = [*at[:axis], k, *at[axis:]]
            after = total + x[places]
            return b.store(out, total if exclusive else after, places), after

        return b.loop(0, n, [out, b.const(0, x.dtype)], step)[0]

    return b.loops([*sizes[:axis], *sizes[axis + 1 :]], [b.empty(sizes, x.dtype)], line)


def _cumulative_along_any(b, node, x, exclusive, reverse):
    """The axis is a number that only the run knows."""
    at = node[1][[0] * node[1].rank].cast("i64")
    at = (at < 0).select(at + x.rank, at)

    def choose(axis):
        if axis == x.rank - 1:
            return [_cumulative(b, x, axis, exclusive, reverse)]
        return b.when(
            at.eq(axis),
            lambda: [_cumulative(b, x, axis, exclusive, reverse)],
            lambda: choose(axis + 1),
        )

    return choose(0)
