# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Windows over space: convolutions and pools."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from prec.frontend import FrontendError
from prec.onnx.emit import Scalar, Value, mlir, tensor_type
from prec.onnx.node import NotCovered

from .registry import dims, lowest, pointwise, rule

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.node import Node


def pad(b: Builder, x: Value, low: Sequence[int], high: Sequence[int | Scalar], value: Scalar | float) -> Value:
    """The tensor with a border of one value; negative numbers crop."""
    if any(n < 0 for n in (*low, *high)):
        crop = lambda side: [min(n, 0) for n in side]  # noqa: E731
        x = slice_of(b, x, [-n for n in crop(low)], [
            n if isinstance(n, Scalar) else n + p + q
            for n, p, q in zip(b.sizes(x), crop(low), crop(high))
        ])  # fmt: skip
        low, high = [max(n, 0) for n in low], [max(n, 0) for n in high]
    if not any(low) and not any(high):
        return x
    shape = [n if n < 0 else n + p + q for n, p, q in zip(x.shape, low, high)]
    value = b.const(value, x.dtype)

    name = b.name()
    b.line(f"{name} = tensor.pad {x.name} low{list(low)} high{list(high)} {{")
    b.line("^bb0(" + ", ".join(f"{b.name()}: index" for _ in shape) + "):")
    b.line(f"tensor.yield {value.name} : {mlir(x.dtype)}")
    b.line(f"}} : {x.type} to {tensor_type(x.dtype, shape)}")

    return Value(b, name, x.dtype, shape)


def slice_of(
    b: Builder, x: Value, offsets: Sequence[int | Scalar], sizes: Sequence[int | Scalar], strides: Sequence[int] | None = None
) -> Value:
    """tensor.extract_slice; numbers or scalars of type index."""
    word = lambda n: n.name if isinstance(n, Scalar) else str(n)  # noqa: E731
    strides = strides or [1] * x.rank
    shape = [-1 if isinstance(n, Scalar) else n for n in sizes]
    if 0 in shape:
        return b.empty(sizes, x.dtype)

    parts = "".join(f"[{', '.join(map(word, side))}]" for side in (offsets, sizes, strides))
    return b.value(
        f"tensor.extract_slice {x.name}{parts} : {x.type} to {tensor_type(x.dtype, shape)}",
        x.dtype, shape,
    )  # fmt: skip


class Window:
    """A window's geometry: kernel, strides, dilations and padding in each direction."""

    def __init__(self, node: Node, spatial: Sequence[int], kernel: Sequence[int]) -> None:
        n = len(spatial)
        self.kernel = list(kernel)
        self.strides = list(node.attr("strides", [1] * n))
        self.dilations = list(node.attr("dilations", [1] * n))
        pads = list(node.attr("pads", [0] * 2 * n))
        auto = node.attr("auto_pad", "NOTSET") or "NOTSET"
        for word, side in (("kernel", self.kernel), ("stride", self.strides), ("dilation", self.dilations)):
            if len(side) != n or any(s < 1 for s in side):
                raise FrontendError(f"its {word} {side} does not fit {n} dimensions of space")
        if len(pads) != 2 * n:
            raise FrontendError(f"its pads {pads} do not fit {n} dimensions of space")
        self.extent = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations)]
        self.low, self.high = pads[:n], pads[n:]
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            if -1 in spatial:
                raise NotCovered("padding by auto_pad of sizes that are not known; give --shape")
            total = [
                max((-(-s // t) - 1) * t + e - s, 0)
                for s, t, e in zip(spatial, self.strides, self.extent)
            ]
            less = [t // 2 for t in total]
            more = [t - p for t, p in zip(total, less)]
            self.low, self.high = (less, more) if auto == "SAME_UPPER" else (more, less)
        elif auto == "VALID":
            self.low, self.high = [0] * n, [0] * n
        self.ceil = bool(node.attr("ceil_mode", 0))

    def out(self, b: Builder, x: Value) -> tuple[list[int | Scalar], list[int]]:
        """(sizes of the result's space, further padding that ceil_mode needs)."""
        sizes, extra = [], []
        for i, s in enumerate(x.shape[2:]):
            room = self.low[i] + self.high[i] - self.extent[i]
            if s < 0:
                if self.ceil:
                    raise NotCovered("ceil_mode with sizes that are not known; give --shape")
                sizes.append((x.dim(i + 2) + room).floordiv(self.strides[i]) + 1)
                extra.append(0)
                continue
            if s + room < 0:
                raise FrontendError(f"its window of {self.extent[i]} is larger than the input")
            n = (s + room) // self.strides[i] + 1
            if self.ceil:
                up = -(-(s + room) // self.strides[i]) + 1
                if (up - 1) * self.strides[i] < s + self.low[i]:
                    n = up
            sizes.append(n)
            extra.append(max((n - 1) * self.strides[i] + self.extent[i] - s - self.low[i] - self.high[i], 0))
        return sizes, extra

    def maps(self, first: int, kernel: int) -> list[str]:
        """Where the window reads: loops `first`.. are places, `kernel`.. are in the window."""
        return [
            f"d{first + i} * {s} + d{kernel + i} * {d}"
            for i, (s, d) in enumerate(zip(self.strides, self.dilations))
        ]

    def padded(self, b: Builder, x: Value, value: Scalar | float, extra: Sequence[int]) -> Value:
        high = [h + e for h, e in zip(self.high, extra)]
        return pad(b, x, [0, 0, *self.low], [0, 0, *high], value)


def convolve(
    b: Builder,
    x: Value,
    w: Value,
    window: Window,
    group: int,
    dtype: str,
    convert: Callable[[Scalar, Scalar], tuple[Scalar, Scalar]] | None = None,
) -> Value:
    """x: (n, c, space), already padded; w: (m, c / group, kernel)."""
    n = x.rank - 2
    sizes, _ = window.geometry
    batch, kernel = b.sizes(x)[0], list(w.shape[2:])
    m, c = w.shape[0], w.shape[1]
    if x.shape[1] != c * group or m % group:
        raise FrontendError(f"{x.shape[1]} channels and a kernel of {w.shape} do not fit {group} groups")
    grouped = group > 1
    space = b.sizes(x)[2:]
    if grouped:
        x = b.reshape_to(x, [batch, group, c, *space])
        w = b.reshape_to(w, [group, m // group, c, *kernel])
    outer = 3 if grouped else 2  # loops: n, (g,) m, space, c, kernel
    first, inner = outer, outer + n
    out = b.fill([batch, *([group, m // group] if grouped else [m]), *sizes], 0, dtype)
    reads = window.maps(first, inner + 1)
    x_map = ["d0", *(["d1"] if grouped else []), f"d{inner}", *reads]
    w_map = [*(["d1", "d2"] if grouped else ["d1"]), f"d{inner}"] + [f"d{inner + 1 + i}" for i in range(n)]
    convert = convert or (lambda p, q: (p, q))

    def body(p: Scalar, q: Scalar, acc: Scalar) -> Scalar:
        p, q = convert(p, q)
        return acc + p * q

    made = b.generic(
        "p" * inner + "r" * (n + 1),
        [(x, ", ".join(x_map)), (w, ", ".join(w_map))],
        [(out, ", ".join(dims(inner)))],
        body,
    )
    return b.reshape_to(made, [batch, m, *sizes]) if grouped else made


def prepare(b: Builder, node: Node, x: Value, w: Value, value: Scalar | float) -> tuple[Value, Window]:
    """(padded input, window) of a convolution."""
    if -1 in w.shape:
        raise NotCovered("a kernel whose sizes are not known; give --shape")
    window = Window(node, x.shape[2:], node.attr("kernel_shape") or w.shape[2:])
    window.geometry = window.out(b, x)
    return window.padded(b, x, value, window.geometry[1]), window


def add_channels(b: Builder, made: Value, bias: Value, dtype: str) -> Value:
    """made + bias, one number a channel."""
    bias = b.reshape_to(bias, [bias.shape[0]] + [1] * (made.rank - 2))
    return pointwise(b, [made, bias], dtype, lambda p, q: p + q, b.sizes(made))


@rule("Conv")
def conv(b: Builder, node: Node) -> Value:
    x, w, dtype = node[0], node[1], node.out_dtype()
    x, window = prepare(b, node, x, w, 0)
    made = convolve(b, x, w, window, node.attr("group", 1), dtype)
    return add_channels(b, made, node[2], dtype) if node.has(2) else made


@rule("ConvTranspose")
def conv_transpose(b: Builder, node: Node) -> Value:
    """A convolution of the input with zeros between its elements by the mirrored kernel."""
    x, w, dtype, group = node[0], node[1], node.out_dtype(), node.attr("group", 1)
    n = x.rank - 2
    if -1 in w.shape or -1 in x.shape[1:]:
        raise NotCovered("sizes that are not known; give --shape")
    kernel, space = list(w.shape[2:]), list(x.shape[2:])
    strides, dilations = node.attr("strides", [1] * n), node.attr("dilations", [1] * n)
    more = list(node.attr("output_padding", [0] * n))
    pads = list(node.attr("pads", [0] * 2 * n))
    auto = node.attr("auto_pad", "NOTSET")
    extent = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    full = [(s - 1) * t + e + o for s, t, e, o in zip(space, strides, extent, more)]
    wanted = node.attr("output_shape")
    if wanted or auto in ("SAME_UPPER", "SAME_LOWER"):
        wanted = list(wanted[-n:]) if wanted else [s * t for s, t in zip(space, strides)]
        total = [f - o for f, o in zip(full, wanted)]
        half = [t // 2 for t in total]
        rest = [t - h for t, h in zip(total, half)]
        pads = half + rest if auto == "SAME_UPPER" else rest + half
    spread = [(s - 1) * t + 1 for s, t in zip(space, strides)]
    batch, channels = b.sizes(x)[:2]
    wide = b.fill([batch, channels, *spread], 0, dtype)
    word = lambda v: v.name if isinstance(v, Scalar) else str(v)  # noqa: E731
    wide = b.value(
        f"tensor.insert_slice {x.name} into {wide.name}[{', '.join(['0'] * x.rank)}]"
        f"[{', '.join(map(word, b.sizes(x)))}][1, 1, {', '.join(map(str, strides))}] : {x.type} into "
        f"{wide.type}", dtype, wide.shape,
    )  # fmt: skip
    low = [e - 1 - p for e, p in zip(extent, pads[:n])]
    high = [e - 1 - p + o for e, p, o in zip(extent, pads[n:], more)]
    wide = pad(b, wide, [0, 0, *low], [0, 0, *high], 0)
    c, m = w.shape[:2]
    flipped = b.compute(
        [group * m, c // group, *kernel], dtype,
        lambda o, i, *at: w[[
            (o.floordiv(m) * (c // group) + i) if group > 1 else i,
            o % m if group > 1 else o,
            *[k - 1 - a for a, k in zip(at, kernel)],
        ]],
    )  # fmt: skip
    window = Window.__new__(Window)
    window.strides, window.dilations = [1] * n, dilations
    sizes = [s - e + 1 for s, e in zip(wide.shape[2:], extent)]
    window.geometry = sizes, [0] * n
    made = convolve(b, wide, flipped, window, group, dtype)
    return add_channels(b, made, node[2], dtype) if node.has(2) else made


def windowed(
    b: Builder,
    x: Value,
    window: Window,
    start: Scalar | float,
    dtype: str,
    body: Callable[[Scalar, Scalar], Scalar],
    sizes: Sequence[int | Scalar],
) -> Value:
    """Folds each window: acc = body(element, acc)."""
    n = x.rank - 2
    out = b.fill([*b.sizes(x)[:2], *sizes], start, dtype)
    shape = b.empty(window.kernel, dtype)
    reads = window.maps(2, 2 + n)
    return b.generic(
        "p" * (2 + n) + "r" * n,
        [(x, ", ".join(["d0", "d1", *reads])), (shape, ", ".join(f"d{2 + n + i}" for i in range(n)))],
        [(out, ", ".join(dims(2 + n)))],
        lambda e, _, acc: body(e, acc),
    )


@rule("MaxPool")
def max_pool(b: Builder, node: Node) -> Value | list[Value]:
    x = node[0]
    window = Window(node, x.shape[2:], node.attr("kernel_shape"))
    sizes, extra = window.out(b, x)
    if node.wants(1):
        return _max_pool_with_places(b, node, x, window, sizes)
    padded = window.padded(b, x, lowest(x.dtype), extra)
    return windowed(b, padded, window, lowest(x.dtype), x.dtype, lambda e, acc: acc.max(e), sizes)


def _max_pool_with_places(b: Builder, node: Node, x: Value, window: Window, sizes: Sequence[int | Scalar]) -> list[Value]:
    if -1 in x.shape:
        raise NotCovered("places of maxima with sizes that are not known; give --shape")
    space, n = x.shape[2:], x.rank - 2
    strides = [math.prod(space[i + 1 :]) for i in range(n)]
    if node.attr("storage_order", 0):
        strides = [math.prod(space[:i]) for i in range(n)]
    area = math.prod(space)

    def place(at: list[Scalar], best: Value, where: Value) -> tuple[Value, Value]:
        def inside(k: list[Scalar], top: Scalar, index: Scalar) -> tuple[Scalar, Scalar]:
            where_to, ok = [], b.const(True, "i1")
            for i in range(n):
                p = at[2 + i] * window.strides[i] + k[i] * window.dilations[i] - window.low[i]
                ok = ok & (p >= 0) & (p < space[i])
                where_to.append(p.max(0).min(space[i] - 1))
            e = x[[at[0], at[1], *where_to]]
            flat = (at[0] * x.shape[1] + at[1]) * area
            for p, s in zip(where_to, strides):
                flat = flat + p * s
            better = ok & ((e > top) | (index < 0))
            return better.select(e, top), better.select(flat.cast("i64"), index)

        top, index = b.loops(
            window.kernel, [b.const(lowest(x.dtype), x.dtype), b.const(-1, "i64")], inside
        )
        return b.store(best, top, at), b.store(where, index, at)

    shape = [*x.shape[:2], *sizes]
    return b.loops(shape, [b.empty(shape, x.dtype), b.empty(shape, "i64")], place)


@rule("AveragePool", "LpPool")
def average_pool(b: Builder, node: Node) -> Value:
    x, dtype = node[0], node.out_dtype()
    window = Window(node, x.shape[2:], node.attr("kernel_shape"))
    sizes, extra = window.out(b, x)
    padded = window.padded(b, x, 0, extra)
    if node.op == "LpPool":
        p = node.attr("p", 2)
        total = windowed(b, padded, window, 0, dtype, lambda e, acc: acc + e.abs().power(p), sizes)
        return pointwise(b, [total], dtype, lambda s: s.power(1.0 / p))
    total = windowed(b, padded, window, 0, dtype, lambda e, acc: acc + e, sizes)
    if not any((*window.low, *window.high, *extra)):
        count = float(math.prod(window.kernel))
        return pointwise(b, [total], dtype, lambda s: s / count)
    if -1 in x.shape[2:]:
        raise NotCovered("padding and sizes that are not known; give --shape")
    counts = _counts(window, x.shape[2:], sizes, bool(node.attr("count_include_pad", 0)))
    return pointwise(b, [total, b.dense(counts, dtype)], dtype, lambda s, c: s / c)


def _counts(window: Window, space: Sequence[int], sizes: Sequence[int], padding_counts: bool) -> np.ndarray:
    """How many elements each window has."""
    sides = []
    for i, s in enumerate(space):
        low, high = (-window.low[i], s + window.high[i]) if padding_counts else (0, s)
        places = np.arange(sizes[i])[:, None] * window.strides[i] - window.low[i]
        at = places + np.arange(window.kernel[i]) * window.dilations[i]
        sides.append(((at >= low) & (at < high)).sum(1).astype(np.float64))
    made = np.ones(())
    for side in sides:
        made = np.multiply.outer(made, side)
    return made


@rule("MaxUnpool")
def max_unpool(b: Builder, node: Node) -> Value:
    x, places = node[0], node[1]
    if -1 in x.shape:
        raise NotCovered("sizes that are not known; give --shape")
    n = x.rank - 2
    kernel, strides = node.attr("kernel_shape"), node.attr("strides", [1] * n)
    pads = node.attr("pads", [0] * 2 * n)
    natural = [
        (s - 1) * t + k - pads[i] - pads[i + n]
        for i, (s, t, k) in enumerate(zip(x.shape[2:], strides, kernel))
    ]
    shape = list(node.out_shape()) if node.has(2) else [*x.shape[:2], *natural]
    if None in shape or -1 in shape:
        raise NotCovered("its output shape is not known at import")
    space = shape[2:]
    if node.has(2):  # places are counted in the natural shape
        area, steps = math.prod(natural), [math.prod(natural[i + 1 :]) for i in range(n)]
    else:
        area, steps = math.prod(space), [math.prod(space[i + 1 :]) for i in range(n)]
    bounds = natural if node.has(2) else space

    def put(at: list[Scalar], out: Value) -> Value:
        flat = places[at].cast("index") % area
        where = [flat.floordiv(s) % d for s, d in zip(steps, bounds)]
        return b.store(out, x[at], [at[0], at[1], *where])

    return b.loops(list(x.shape), [b.fill(shape, 0, x.dtype)], put)


