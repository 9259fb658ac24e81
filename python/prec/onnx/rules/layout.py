# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that only move or make elements: shapes, slices, copies, ranges."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from prec.frontend import FrontendError
from prec.onnx.emit import Scalar, is_float
from prec.onnx.node import NotCovered

from .convolution import pad as pad_tensor
from .convolution import slice_of
from .linear import transpose
from .registry import rule

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Value
    from prec.onnx.node import Node


@rule("Reshape")
def reshape(b: Builder, node: Node) -> Value:
    x, wanted = node[0], node.ints(1) if "shape" not in node else list(node.attr("shape"))
    if wanted is None:
        return b.reshape_to(x, list(node.static_out()))
    sizes = []
    for i, n in enumerate(wanted):
        if n == 0 and not node.attr("allowzero", 0):
            if i >= x.rank:
                raise FrontendError(f"shape {wanted} copies a dimension that the input does not have")
            n = b.sizes(x)[i]
        sizes.append(n)
    if -1 in [n for n in sizes if not isinstance(n, Scalar)]:
        known = [n for n in sizes if isinstance(n, Scalar) or n != -1]
        total = _product(b, b.sizes(x))
        rest = _product(b, known)
        at = next(i for i, n in enumerate(sizes) if not isinstance(n, Scalar) and n == -1)
        if isinstance(total, int) and isinstance(rest, int):
            if rest == 0 or total % rest:
                raise FrontendError(f"shape {wanted} does not fit {list(x.shape)}")
            sizes[at] = total // rest
        else:
            sizes[at] = _cancel(b, b.sizes(x), known)
    elif -1 not in x.shape and all(isinstance(n, int) for n in sizes):
        if _product(b, sizes) != _product(b, list(x.shape)):
            raise FrontendError(f"shape {wanted} does not fit {list(x.shape)}")
    return b.reshape_to(x, sizes)


def _product(b: Builder, sizes: Sequence[int | Scalar]) -> int | Scalar:
    known, made = 1, None
    for n in sizes:
        if isinstance(n, Scalar):
            made = n if made is None else made * n
        else:
            known *= n
    return known if made is None else made if known == 1 else made * known


def _cancel(b: Builder, total: Iterable[int | Scalar], known: Iterable[int | Scalar]) -> int | Scalar:
    """total / known where both may have unknown sizes; equal ones cancel."""
    total, known = list(total), list(known)
    for n in list(known):
        if n in total:
            total.remove(n)
            known.remove(n)
    top, bottom = _product(b, total), _product(b, known)
    if isinstance(top, int) and isinstance(bottom, int):
        return top // bottom
    return b.const(top, "index").floordiv(b.const(bottom, "index"))


@rule("Flatten")
def flatten(b: Builder, node: Node) -> Value:
    x, axis = node[0], node.attr("axis", 1)
    axis = axis + x.rank if axis < 0 else axis
    sizes = b.sizes(x)
    return b.reshape_to(x, [_product(b, sizes[:axis]), _product(b, sizes[axis:])])


@rule("Squeeze")
def squeeze(b: Builder, node: Node) -> Value:
    x, axes = node[0], node.axes(1)
    if axes is None and node.has(1):
        return b.reshape_to(x, list(node.static_out()))
    if axes is None:
        if -1 in x.shape:
            raise NotCovered("axes that depend on sizes that are not known")
        axes = [i for i, n in enumerate(x.shape) if n == 1]
    return b.reshape_to(x, [n for i, n in enumerate(b.sizes(x)) if i not in axes])


@rule("Unsqueeze")
def unsqueeze(b: Builder, node: Node) -> Value:
    x = node[0]
    if "axes" not in node and node.const(1) is None:
        return b.reshape_to(x, list(node.static_out()))
    count = len(node.attr("axes")) if "axes" in node else len(node.ints(1))
    axes = node.axes(1, rank=x.rank + count)
    sizes = iter(b.sizes(x))
    return b.reshape_to(x, [1 if i in axes else next(sizes) for i in range(x.rank + count)])


@rule("Transpose")
def transposed(b: Builder, node: Node) -> Value:
    x = node[0]
    order = list(node.attr("perm", range(x.rank - 1, -1, -1)))
    if sorted(order) != list(range(x.rank)):
        raise FrontendError(f"perm {order} is no order of {x.rank} dimensions")
    return transpose(b, x, order) if x.rank else x


@rule("Concat")
def concat(b: Builder, node: Node) -> Value:
    values = node.inputs()
    axis = node.axis(0)
    return concat_of(b, values, axis)


def concat_of(b: Builder, values: Sequence[Value], axis: int) -> Value:
    """Copies of each operand into slices of the result."""
    sizes = b.sizes(values[0])
    places, total = [], 0
    for v in values:
        places.append(total)
        n = b.sizes(v)[axis]
        if isinstance(total, Scalar) or isinstance(n, Scalar):
            total = b.const(total, "index") + b.const(n, "index")
        else:
            total += n
    sizes[axis] = total
    out = b.empty(sizes, values[0].dtype)
    for v, place in zip(values, places):
        if v.shape[axis] == 0:  # nothing, perhaps behind the end
            continue
        out = insert_slice(b, v, out, [place if i == axis else 0 for i in range(v.rank)])
    return out


def insert_slice(b: Builder, v: Value, out: Value, offsets: Sequence[int | Scalar]) -> Value:
    word = lambda n: n.name if isinstance(n, Scalar) else str(n)  # noqa: E731
    return b.value(
        f"tensor.insert_slice {v.name} into {out.name}[{', '.join(map(word, offsets))}]"
        f"[{', '.join(map(word, b.sizes(v)))}][{', '.join(['1'] * v.rank)}] : {v.type} into {out.type}",
        out.dtype, out.shape,
    )  # fmt: skip


@rule("Split")
def split(b: Builder, node: Node) -> list[Value]:
    x, axis = node[0], node.axis(0)
    count = len(node.proto.output)
    if "split" in node:
        parts = list(node.attr("split"))
    elif node.has(1):
        parts = node.ints(1)
        if parts is None:
            parts = [node.out_shape(k)[axis] for k in range(count)]
    else:
        whole = x.shape[axis]
        step = -(-whole // count)
        parts = [min(step, whole - i * step) for i in range(count)]
    if x.shape[axis] < 0 or -1 in parts or sum(parts) != x.shape[axis]:
        raise NotCovered(f"parts {parts} of a dimension of {x.shape[axis]}")
    made, at = [], 0
    for n in parts:
        sizes = b.sizes(x)
        sizes[axis] = n
        made.append(slice_of(b, x, [at if i == axis else 0 for i in range(x.rank)], sizes))
        at += n
    return made


@rule("Slice")
def slice_rule(b: Builder, node: Node) -> Value:
    x = node[0]
    if "starts" in node:
        starts, ends = list(node.attr("starts")), list(node.attr("ends"))
        axes, steps = list(node.attr("axes", range(len(starts)))), [1] * len(starts)
    else:
        starts, ends, steps = node.ints(1), node.ints(2), node.ints(4)
        count = node.shape(1)[0]
        axes = list(range(count)) if not node.has(3) else node.ints(3)
        steps = [1] * count if not node.has(4) else steps
        if None in (starts, ends, axes, steps):
            return _slice_at_run_time(b, node, x, axes)
    offsets, sizes, strides = [0] * x.rank, b.sizes(x), [1] * x.rank
    for axis, start, end, step in zip(axes, starts, ends, steps):
        axis, n = axis % x.rank, x.shape[axis]
        if step == 0:
            raise FrontendError("a step of 0")
        if n < 0:
            whole = start == 0 and step == 1 and end >= 1 << 30
            if not whole:
                raise NotCovered("a slice of a dimension that is not known; give --shape")
            continue
        first, last, step = slice(start, end, step).indices(n)
        offsets[axis], strides[axis] = first, step
        sizes[axis] = len(range(first, last, step))
    if all(s > 0 for s in strides):
        return slice_of(b, x, [o if n else 0 for o, n in zip(offsets, sizes)], sizes, strides)
    return b.compute(
        sizes, x.dtype,
        lambda *at: x[[i * s + o for i, s, o in zip(at, strides, offsets)]],
    )  # fmt: skip


def _slice_at_run_time(b: Builder, node: Node, x: Value, axes: Sequence[int]) -> Value:
    """Starts that only the run knows; the result's shape must be known."""
    shape = node.static_out()
    count = node.shape(1)[0]
    if -1 in x.shape or (axes is None and count != x.rank):
        axes = axes or _changed_axes(x.shape, shape, count)
    axes = axes if axes is not None else list(range(count)) if node.has(3) is False else None
    offsets, strides = [b.const(0, "index")] * x.rank, [b.const(1, "index")] * x.rank
    taken = node[3] if node.has(3) else None
    for k in range(count):
        start = node[1][[k]].cast("i64")
        step = node[4][[k]].cast("i64") if node.has(4) else b.const(1, "i64")
        for axis in range(x.rank):
            if axes is not None:
                if axes[k] % x.rank != axis:
                    continue
                mine = b.const(True, "i1")
            else:
                a = taken[[k]].cast("i64")
                mine = (a < 0).select(a + x.rank, a).eq(axis)
            n = b.const(x.shape[axis], "i64")
            first = (start < 0).select(start + n, start)
            top = (step < 0).select(n - 1, n)
            first = first.max(0).min(top).cast("index")
            offsets[axis] = mine.select(first, offsets[axis])
            strides[axis] = mine.select(step.cast("index"), strides[axis])
    return b.compute(
        list(shape), x.dtype, lambda *at: x[[i * s + o for i, s, o in zip(at, strides, offsets)]]
    )


def _changed_axes(before: Sequence[int], after: Sequence[int], count: int) -> list[int]:
    changed = [i for i, (p, q) in enumerate(zip(before, after)) if p != q]
    if len(changed) != count:
        raise NotCovered("its axes are not known at import")
    return changed


@rule("Pad")
def pad_rule(b: Builder, node: Node) -> Value:
    x, mode = node[0], node.attr("mode", "constant")
    if "pads" in node or "paddings" in node:
        pads, value = list(node.attr("pads") or node.attr("paddings")), node.attr("value", 0.0)
    else:
        pads, value = node.ints(1), 0
        if node.has(2):
            value = node[2][[0] * node[2].rank]
    axes = node.ints(3) if node.has(3) else None
    if node.has(3) and axes is None:
        raise NotCovered("its axes are not known at import")
    if pads is not None and axes is not None:
        n, given = x.rank, pads
        pads = [0] * 2 * n
        for k, axis in enumerate(axes):
            pads[axis % n], pads[axis % n + n] = given[k], given[k + len(axes)]
    if pads is not None and mode == "constant":
        return pad_tensor(b, x, pads[: x.rank], pads[x.rank :], value)
    if axes is not None and pads is None:
        raise NotCovered("its pads are not known at import")
    if pads is None:
        shape = node.static_out()
        low = [node[1][[i]].cast("index") for i in range(x.rank)]
    else:
        low = pads[: x.rank]
        shape = [n + p + q for n, p, q in zip(x.shape, low, pads[x.rank :])]
    if -1 in x.shape:
        raise NotCovered(f"padding by '{mode}' of sizes that are not known; give --shape")

    def element(*at: Scalar) -> Scalar:
        places, inside = [], b.const(True, "i1")
        for i, n, p in zip(at, x.shape, low):
            k = i - p
            inside = inside & (k >= 0) & (k < n)
            if mode == "reflect":
                k = _mirrored(k, n)
            elif mode == "wrap":
                k = ((k % n) + n) % n
            places.append(k.max(0).min(n - 1))
        e = x[places]
        return inside.select(e, b.const(value, x.dtype)) if mode == "constant" else e

    return b.compute(list(shape), x.dtype, element)


def _mirrored(k: Scalar, n: int | Scalar) -> Scalar:
    """A place reflected at 0 and n - 1 until it lies inside."""
    if n == 1:
        return k * 0
    period = 2 * (n - 1)
    r = ((k % period) + period) % period
    return (r < n).select(r, period - r)


@rule("Tile")
def tile(b: Builder, node: Node) -> Value:
    x, shape = node[0], node.static_out()
    return b.compute(list(shape), x.dtype, lambda *at: x[[i % n for i, n in zip(at, x.shape)]])


@rule("Expand")
def expand(b: Builder, node: Node) -> Value:
    from .registry import pointwise

    x, wanted = node[0], node.ints(1)
    if wanted is None:
        sizes = list(node.static_out())
    else:
        rank = max(x.rank, len(wanted))
        mine = [1] * (rank - x.rank) + b.sizes(x)
        asked = [1] * (rank - len(wanted)) + wanted
        sizes = [m if a == 1 or isinstance(m, Scalar) else max(m, a) if a else 0 for m, a in zip(mine, asked)]
    return pointwise(b, [x], x.dtype, lambda e: e, sizes)


@rule("Shape")
def shape_of(b: Builder, node: Node) -> Value:
    x = node[0]
    start, end = node.attr("start", 0), node.attr("end", x.rank)
    sizes = [b.const(n, "index").cast("i64") for n in b.sizes(x)[slice(start, end)]]
    names = ", ".join(s.name for s in sizes)
    return b.value(f"tensor.from_elements {names} : tensor<{len(sizes)}xi64>", "i64", (len(sizes),))


@rule("Size")
def size_of(b: Builder, node: Node) -> Value:
    total = b.const(_product(b, b.sizes(node[0])), "index").cast("i64")
    return b.value(f"tensor.from_elements {total.name} : tensor<i64>", "i64", ())


@rule("ConstantOfShape")
def constant_of_shape(b: Builder, node: Node) -> Value:
    value = node.attributes.get("value")
    from prec.onnx.types import onnx

    number = onnx.numpy_helper.to_array(value).reshape(-1)[0].item() if value is not None else 0.0
    sizes = node.ints(0)
    return b.fill(list(node.static_out()) if sizes is None else sizes, number, node.out_dtype())


@rule("Range")
def arange(b: Builder, node: Node) -> Value:
    """start + i * delta; the number of elements must be known or is computed."""
    dtype = node.out_dtype()
    start, limit, delta = (node[i][[]] for i in range(3))
    known = [node.number(i) for i in range(3)]
    if None not in known:
        size = max(int(np.ceil((known[1] - known[0]) / known[2])), 0)
    elif node.out_shape() and node.out_shape()[0] >= 0:
        size = node.out_shape()[0]
    elif is_float(dtype):
        count = ((limit - start) / delta).math("ceil").cast("i64")
        size = count.max(0).cast("index")
    else:
        span, step = limit.cast("i64") - start.cast("i64"), delta.cast("i64")
        sign = (step < 0).select(b.const(1, "i64"), -1)
        size = (span + step + sign).floordiv(step).max(0).cast("index")
    return b.compute(
        [size], dtype, lambda i: start + delta * (i.cast("i64").cast(dtype))
    )
