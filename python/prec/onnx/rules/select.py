# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that choose elements: the largest, those that are not zero, those that differ."""
from __future__ import annotations

from typing import Any, TYPE_CHECKING

from prec.onnx.emit import is_float
from prec.onnx.node import NotCovered

from .convolution import slice_of
from .registry import rule

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Scalar, Value
    from prec.onnx.node import Node


@rule("TopK")
def top_k(b: Builder, node: Node) -> list[Value]:
    """Selection by insertion: k sorted places, equal elements in the order of their index."""
    x, axis, largest = node[0], node.axis(-1), node.attr("largest", 1)
    if "k" in node:
        k = node.attr("k")
    else:
        k = node.number(1)
        k = node.static_out()[axis] if k is None else int(k)
    if x.shape[axis] < k:
        raise NotCovered(f"the first {k} of a dimension of {x.shape[axis]}")
    sizes = b.sizes(x)
    out_sizes = [*sizes[:axis], k, *sizes[axis + 1 :]]

    def line(at: list[Scalar], best: Value, where: Value) -> Any:
        spot = lambda i: [*at[:axis], i, *at[axis:]]  # noqa: E731

        def offer(i: Scalar, best: Value, where: Value) -> tuple[Any, Any]:
            """Puts element i in its place among the min(i, k) sorted ones."""
            e = x[spot(i)]

            def move(j: Scalar, best: Value, where: Value, e: Scalar, index: Scalar) -> tuple[Value, Value, Scalar, Scalar]:
                # at place j: the better of e and what stands there stays
                filled = j < i
                old, old_index = best[spot(j)], where[spot(j)]
                better = (e > old if largest else e < old) | ~filled
                if is_float(x.dtype):
                    better = better | (e.is_nan() & ~old.is_nan()) if largest else better
                best = b.store(best, better.select(e, old), spot(j))
                where = b.store(where, better.select(index, old_index), spot(j))
                return best, where, better.select(old, e), better.select(old_index, index)

            count = (i + 1).min(k)
            made = b.loop(0, count, [best, where, e, i.cast("i64")], move)
            return made[0], made[1]

        return b.loop(0, x.dim(axis), [best, where], offer)

    start = [b.fill(out_sizes, 0, x.dtype), b.fill(out_sizes, 0, "i64")]
    return b.loops([*sizes[:axis], *sizes[axis + 1 :]], start, line)


def _not_zero(e: Scalar) -> Scalar:
    return e if e.dtype == "i1" else e.ne(0)


@rule("NonZero")
def non_zero(b: Builder, node: Node) -> Value:
    x = node[0]
    if x.rank == 0:
        raise NotCovered("the places of a scalar")
    total = b.const(1, "index")
    for i in range(x.rank):
        total = total * x.dim(i)
    out = b.empty([x.rank, total], "i64")

    def visit(at: list[Scalar], out: Value, count: Scalar) -> list[Any]:
        yes = _not_zero(x[at])

        def put() -> list[Any]:
            made = out
            for d, i in enumerate(at):
                made = b.store(made, i.cast("i64"), [d, count])
            return [made, count + 1]

        return b.when(yes, put, lambda: [out, count])

    out, count = b.loops(b.sizes(x), [out, b.const(0, "index")], visit)
    return slice_of(b, out, [0, 0], [x.rank, count])


@rule("Compress")
def compress(b: Builder, node: Node) -> Value:
    x, keep = node[0], node[1]
    if "axis" not in node:
        if -1 in x.shape:
            raise NotCovered("sizes that are not known; give --shape")
        total = 1
        for n in x.shape:
            total *= n
        x, axis = b.reshape_to(x, [total]), 0
    else:
        axis = node.axis(0)
    n = keep.dim(0).min(x.dim(axis))
    places = b.empty([x.dim(axis)], "index")

    def visit(i: Scalar, places: Value, count: Scalar) -> list[Any]:
        return b.when(
            keep[[i]],
            lambda: [b.store(places, i, [count]), count + 1],
            lambda: [places, count],
        )

    places, count = b.loop(0, n, [places, b.const(0, "index")], visit)
    sizes = b.sizes(x)
    sizes[axis] = count

    def element(*at: Scalar) -> Scalar:
        return x[[*at[:axis], places[[at[axis]]], *at[axis + 1 :]]]

    return b.compute(sizes, x.dtype, element)


@rule("Unique")
def unique(b: Builder, node: Node) -> list[Value | None]:
    """First occurrences in order of their place or sorted; rows when there is an axis."""
    x, ordered = node[0], node.attr("sorted", 1)
    if -1 in x.shape:
        raise NotCovered("sizes that are not known; give --shape")
    if "axis" not in node:
        total = 1
        for n in x.shape:
            total *= n
        x, axis = b.reshape_to(x, [total]), 0
    else:
        axis = node.axis(0)
    n = x.shape[axis]
    rest = [s for i, s in enumerate(x.shape) if i != axis]
    at_row = lambda i, at: x[[*at[:axis], i, *at[axis:]]]  # noqa: E731

    def order(i: Scalar, j: Scalar) -> Any:
        """-1, 0 or 1: how slice i compares with slice j, element by element."""
        zero, one = b.const(0, "i64"), b.const(1, "i64")

        def step(at: list[Scalar], state: Scalar) -> Scalar:
            p, q = at_row(i, at), at_row(j, at)
            mine = (p < q).select(-1, (p > q).select(one, zero))
            return state.eq(0).select(mine, state)

        return b.loops(rest, [zero], step)

    def visit(i: Scalar, first: Value, inverse: Value, counts: Value, found: Scalar) -> list[Any]:
        """Looks slice i up among the `found` representatives."""
        def look(j: Scalar, at: Scalar) -> Scalar:
            same = order(i, first[[j]].cast("index")).eq(0)
            return (same & at.eq(-1)).select(j.cast("i64"), at)

        at = b.loop(0, found, [b.const(-1, "i64")], look)

        def new() -> list[Any]:
            where = found
            if ordered:  # behind all that are smaller
                where = b.loop(
                    0, found, [b.const(0, "index")],
                    lambda j, w: w + (order(first[[j]].cast("index"), i) < 0).cast("index"),
                )  # fmt: skip

            def shift(t: Scalar, first: Value, counts: Value) -> tuple[Value, Value]:
                k = found - t  # k = found .. where + 1
                f = b.store(first, first[[k - 1]], [k])
                return f, b.store(counts, counts[[k - 1]], [k])

            f, c = b.loop(0, found - where, [first, counts], shift)
            f = b.store(f, i.cast("i64"), [where])
            c = b.store(c, 1, [where])
            limit = where.cast("i64")

            def bump(t: Scalar, inv: Value) -> Value:
                v = inv[[t]]
                return b.store(inv, (v >= limit).select(v + 1, v), [t])

            inv = b.loop(0, i, [inverse], bump)
            return [f, b.store(inv, limit, [i]), c, found + 1]

        def old() -> list[Any]:
            k = at.cast("index")
            return [
                first, b.store(inverse, at, [i]), b.store(counts, counts[[k]] + 1, [k]), found,
            ]  # fmt: skip

        return b.when(at.eq(-1), new, old)

    state = [b.fill([max(n, 1)], 0, "i64") for _ in range(3)] + [b.const(0, "index")]
    first, inverse, counts, found = b.loop(0, n, state, visit)
    sizes = b.sizes(x)
    sizes[axis] = found

    def element(*at: Scalar) -> Scalar:
        return at_row(first[[at[axis]]].cast("index"), [*at[:axis], *at[axis + 1 :]])

    results = [b.compute(sizes, x.dtype, element)]
    if node.wants(1):
        results.append(slice_of(b, first, [0], [found]))
    if node.wants(2):
        results.append(slice_of(b, inverse, [0], [n]))
    if node.wants(3):
        results.append(slice_of(b, counts, [0], [found]))
    outs = iter(results[1:])
    return [results[0]] + [next(outs) if node.wants(k) else None for k in range(1, 4)]


@rule("NonMaxSuppression")
def non_max_suppression(b: Builder, node: Node) -> Value:
    """For each class the boxes by falling score, less those that overlap a better one."""
    boxes, scores = node[0], node[1]
    batches, classes, count = scores.shape
    if -1 in scores.shape:
        raise NotCovered("sizes that are not known; give --shape")
    read = lambda i, d: node[i][[0] * node[i].rank] if node.has(i) else d  # noqa: E731
    most = b.const(read(2, 0), "i64")
    overlap = b.const(read(3, 0.0), "f32")
    has_floor, floor = node.has(4), read(4, 0.0)
    centre = node.attr("center_point_box", 0)

    def corners(n: Scalar, i: Scalar) -> tuple[Scalar, Scalar, Scalar, Scalar]:
        p, q, r, s = (boxes[[n, i, k]] for k in range(4))
        if centre:
            return q - s / 2.0, p - r / 2.0, q + s / 2.0, p + r / 2.0
        return p.min(r), q.min(s), p.max(r), q.max(s)

    def too_close(n: Scalar, i: Scalar, j: Scalar) -> Scalar:
        a, c = corners(n, i), corners(n, j)
        height = (a[2].min(c[2]) - a[0].max(c[0])).max(0)
        width = (a[3].min(c[3]) - a[1].max(c[1])).max(0)
        shared = height * width
        area = lambda box: (box[2] - box[0]) * (box[3] - box[1])  # noqa: E731
        total = area(a) + area(c) - shared
        return (total > 0) & (shared / total > overlap)

    room = batches * classes * count
    out = b.fill([room, 3], 0, "i64")

    def one_class(at: list[Scalar], out: Value, found: Scalar) -> tuple[Any, Any]:
        n, c = at
        # alive[i]: not chosen and not suppressed yet
        alive = b.compute(
            [count], "i1",
            lambda i: scores[[n, c, i]] > floor if has_floor else b.const(True, "i1"),
        )  # fmt: skip

        def choose(_: Scalar, out: Value, found: Scalar, alive: Value, taken: Scalar) -> list[Any]:
            def better(i: Scalar, top: Scalar, where: Scalar) -> tuple[Scalar, Scalar]:
                e = scores[[n, c, i]]
                yes = alive[[i]] & ((e > top) | where.eq(-1))
                return yes.select(e, top), yes.select(i.cast("i64"), where)

            where = b.loop(0, count, [b.const(0, "f32"), b.const(-1, "i64")], better)[1]

            def take() -> list[Any]:
                made = out
                for k, v in enumerate((n.cast("i64"), c.cast("i64"), where)):
                    made = b.store(made, v, [found, k])
                i = where.cast("index")
                left = b.loop(
                    0, count, [alive],
                    lambda j, a: b.store(a, a[[j]] & ~too_close(n, i, j) & j.ne(i), [j]),
                )  # fmt: skip
                return [made, found + 1, left, taken + 1]

            return b.when(
                where.ne(-1) & (taken < most), take, lambda: [out, found, alive, taken]
            )

        made = b.loop(0, count, [out, found, alive, b.const(0, "i64")], choose)
        return made[0], made[1]

    out, found = b.loops([batches, classes], [out, b.const(0, "index")], one_class)
    return slice_of(b, out, [0, 0], [found, 3])
