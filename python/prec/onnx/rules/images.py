# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that sample between elements: resizing, grids, regions of interest.

Resizing is one axis after another: a table of places and weights (out x taps), made at
import if the scales are known, then a sum over the taps.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TYPE_CHECKING

import numpy as np

from prec.frontend import FrontendError
from prec.onnx.node import NotCovered

from .registry import dims, rule

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Scalar, Value
    from prec.onnx.node import Node


class Known:
    """The arithmetic of a table over NumPy arrays."""

    floor, ceil, where = staticmethod(np.floor), staticmethod(np.ceil), staticmethod(np.where)
    clamp = staticmethod(lambda x, low, high: np.clip(x, low, high))


class AtRunTime:
    """The same over scalars of the function."""

    floor = staticmethod(lambda x: x.math("floor"))
    ceil = staticmethod(lambda x: x.math("ceil"))
    where = staticmethod(lambda c, p, q: c.select(p, q))
    clamp = staticmethod(lambda x, low, high: x.max(low).min(high))


def _coordinate(o: type[Known] | type[AtRunTime], mode: str, i: Any, n: Any, m: Any, scale: Any, roi: Any) -> Any:
    """Where output element i of m lies in the n input elements."""
    if mode == "half_pixel":
        return (i + 0.5) / scale - 0.5
    if mode == "half_pixel_symmetric":
        return n / 2 * (1 - m / (scale * n)) + (i + 0.5) / scale - 0.5
    if mode == "pytorch_half_pixel":
        return (i + 0.5) / scale - 0.5 if m > 1 else i * 0.0
    if mode == "align_corners":
        length = scale * n  # a fraction, as ONNX's reference has it
        return i * (n - 1.0) / (length - 1.0) if m > 1 else i * 0.0
    if mode == "asymmetric":
        return i / scale
    if mode == "tf_half_pixel_for_nn":
        return (i + 0.5) / scale
    if mode == "tf_crop_and_resize":
        start, end = roi
        if m > 1:
            return i * ((end - start) * ((n - 1) / (m - 1))) + start * (n - 1.0)
        return i * 0.0 + (start + end) * (0.5 * (n - 1))
    raise NotCovered(f"coordinate_transformation_mode '{mode}'")


def _nearest(o: type[Known] | type[AtRunTime], mode: str, x: Any) -> Any:
    if mode == "round_prefer_floor":
        return o.ceil(x - 0.5)
    if mode == "round_prefer_ceil":
        return o.floor(x + 0.5)
    return (o.floor if mode == "floor" else o.ceil)(x)


def _weight(o: type[Known] | type[AtRunTime], mode: str, x: Any, base: Any, tap: int, a: float) -> Any:
    """The weight of a tap for place x; base = floor(x)."""
    r = x - base
    if mode == "linear":
        return r if tap else 1.0 - r
    d = {-1: r + 1.0, 0: r, 1: 1.0 - r, 2: 2.0 - r}[tap]
    if tap in (0, 1):
        return ((d * (a + 2) - (a + 3)) * d) * d + 1.0
    return ((d * a - 5 * a) * d + 8 * a) * d - 4 * a


def _wide_weight(mode: str, distance: Any, a: float) -> Any:
    """The weight at a distance, of a filter that is as wide as the step between elements of the result."""
    d = np.abs(distance)
    if mode == "linear":
        return np.clip(1 - d, 0, 1)
    far = ((d * a - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, ((d * (a + 2) - (a + 3)) * d) * d + 1, np.where(d < 2, far, 0))


class Table:
    """Places (i64) and weights (f32) of one axis."""

    def __init__(self, b: Builder, settings: dict[str, Any], n: int | Scalar, m: int | Scalar, scale: Any, roi: Any) -> None:
        self.b, self.n, self.m, self.s = b, n, m, settings
        self.taps = {"nearest": [0], "linear": [0, 1], "cubic": [-1, 0, 1, 2]}[settings["mode"]]
        is_known = not hasattr(scale, "dtype") or isinstance(scale, np.generic)
        self.step = 1.0
        if settings["antialias"] and settings["mode"] != "nearest":
            if not is_known or settings["transform"] in ("align_corners", "tf_crop_and_resize"):
                raise NotCovered("antialias with corners that stay, or at scales that are not known at import")
            self.step = min(float(scale), 1.0)
            start = int(np.floor(-(1 if settings["mode"] == "linear" else 2) / self.step)) + 1
            self.taps = range(start, 2 - start)
        if is_known:
            i = np.arange(m, dtype=np.float64)
            places, weights, outside = self.columns(Known, i, scale, roi)
            self.places = b.dense(np.stack(places, 1).astype(np.int64), "i64")
            self.weights = b.dense(np.stack([w + i * 0 for w in weights], 1), "f32")
            self.outside = b.dense(outside & (i == i), "i1") if outside is not None else None
            return
        count = len(self.taps)

        def at(k: int, values: Callable[[Scalar], Sequence[Scalar]], kind: str) -> Value:
            return b.compute([m], kind, lambda i: values(i)[k].cast(kind))

        def row(i: Scalar) -> Any:
            return self.columns(AtRunTime, i.cast("i64").cast("f32"), scale, roi)

        shape = [m, count]
        self.places, self.weights = b.empty(shape, "i64"), b.empty(shape, "f32")
        self.outside = b.fill([m], False, "i1")
        has_outside = settings["transform"] == "tf_crop_and_resize"

        def fill(i: Scalar, places: Value, weights: Value, outside: Value) -> tuple[Value, Value, Value]:
            p, w, o = row(i)
            for k in range(count):
                places = b.store(places, p[k].cast("i64"), [i, k])
                weights = b.store(weights, b.const(w[k], "f32"), [i, k])
            return places, weights, b.store(outside, o, [i]) if has_outside else outside

        state = b.loop(0, m, [self.places, self.weights, self.outside], fill)
        self.places, self.weights, self.outside = state
        self.outside = self.outside if has_outside else None

    def columns(self, o: type[Known] | type[AtRunTime], i: Any, scale: Any, roi: Any) -> Any:
        s, n = self.s, self.n
        x = _coordinate(o, s["transform"], i, n, self.m, scale, roi)
        outside = (x < 0) | (x > n - 1) if s["transform"] == "tf_crop_and_resize" else None
        if s["mode"] == "nearest":
            return [o.clamp(_nearest(o, s["nearest"], x), 0, n - 1)], [1.0], outside
        base = o.floor(x)
        if s["antialias"]:
            weights = [_wide_weight(s["mode"], (t - (x - base)) * self.step, s["a"]) for t in self.taps]
        else:
            weights = [_weight(o, s["mode"], x, base, t, s["a"]) for t in self.taps]
        if s["exclude"]:
            inside = [(base + t >= 0) & (base + t <= n - 1) for t in self.taps]
            weights = [o.where(c, w, w * 0.0) for c, w in zip(inside, weights)]
        if s["exclude"] or s["antialias"]:
            total = weights[0]
            for w in weights[1:]:
                total = total + w
            weights = [w / total for w in weights]
        return [o.clamp(base + t, 0, n - 1) for t in self.taps], weights, outside

    def apply(self, x: Value, axis: int) -> Value:
        """The tensor with this axis resized."""
        b = self.b
        sizes = b.sizes(x)
        sizes[axis] = self.m
        if self.s["mode"] == "nearest":
            read = lambda at: self.places[[at[axis], 0]].cast("index")  # noqa: E731
            return b.compute(sizes, x.dtype, lambda *at: x[[*at[:axis], read(at), *at[axis + 1 :]]])
        names = dims(x.rank)

        def body(place: Scalar, weight: Scalar, acc: Scalar) -> Scalar:
            at = [b.index(k) for k in range(x.rank)]
            e = x[[*at[:axis], place.cast("index"), *at[axis + 1 :]]]
            return acc + e * weight.cast(x.dtype)

        table = f"d{axis}, d{x.rank}"
        return b.generic(
            "p" * x.rank + "r", [(self.places, table), (self.weights, table)],
            [(b.fill(sizes, 0, x.dtype), ", ".join(names))], body,
        )  # fmt: skip


@rule("Resize", "Upsample")
def resize(b: Builder, node: Node) -> Value:
    x, old = node[0], node.op == "Upsample" or node.opset < 11
    settings = {
        "antialias": node.attr("antialias", 0),
        "mode": node.attr("mode", "nearest").replace("bilinear", "linear"),
        "transform": "asymmetric" if old else node.attr("coordinate_transformation_mode", "half_pixel"),
        "nearest": "floor" if old else node.attr("nearest_mode", "round_prefer_floor"),
        "a": node.attr("cubic_coeff_a", -0.75), "exclude": node.attr("exclude_outside", 0),
    }  # fmt: skip
    axes = [a % x.rank for a in node.attr("axes", range(x.rank))]
    at_scales = 1 if old else 2
    scales_given = "scales" in node or (node.has(at_scales) and node.shape(at_scales) != (0,))
    if scales_given:
        scales = list(node.attr("scales")) if "scales" in node else node.const(at_scales)
        if scales is not None:
            out = [int(np.floor(x.shape[a] * np.float32(s))) for a, s in zip(axes, scales)]
        else:
            out = [node.static_out()[a] for a in axes]
            scales = [node[at_scales][[k]] for k in range(len(axes))]
    else:
        if node.attr("keep_aspect_ratio_policy", "stretch") != "stretch":
            raise NotCovered("keep_aspect_ratio_policy")
        out = node.ints(3) or [node.static_out()[a] for a in axes]
        scales = [m / x.shape[a] for a, m in zip(axes, out)]
    stays = scales_given and settings["transform"] != "tf_crop_and_resize"
    if any(x.shape[a] < 0 and not (stays and not hasattr(s, "b") and s == 1) for a, s in zip(axes, scales)):
        raise NotCovered("sizes that are not known; give --shape")
    roi = None
    if settings["transform"] == "tf_crop_and_resize":
        known = node.const(1)
        count = len(axes)
        pick = lambda k: float(known[k]) if known is not None else node[1][[k]].cast("f32")  # noqa: E731
        roi = [(pick(k), pick(k + count)) for k in range(count)]
        if known is None:  # the table is made at run time when any of its numbers is
            scales = [b.const(float(s), "f32") if not hasattr(s, "b") else s for s in scales]
    tables = []
    for k, (axis, m, scale) in enumerate(zip(axes, out, scales)):
        known = not hasattr(scale, "b")
        if settings["transform"] != "tf_crop_and_resize" and known and m == x.shape[axis] and float(scale) == 1.0:
            continue
        if settings["transform"] != "tf_crop_and_resize" and m == x.shape[axis] == 1:
            continue
        scale = np.float64(scale) if known else scale.cast("f32")
        table = Table(b, settings, x.shape[axis], m, scale, roi and roi[k])
        x = table.apply(x, axis)
        tables.append((axis, table))
    return _extrapolate(b, x, tables, node.attr("extrapolation_value", 0.0))


def _extrapolate(b: Builder, x: Value, tables: Sequence[tuple[int, Table]], value: Scalar | float) -> Value:
    marked = [(axis, t.outside) for axis, t in tables if t.outside is not None]
    if not marked:
        return x

    def element(*at: Scalar) -> Scalar:
        out = b.const(False, "i1")
        for axis, mark in marked:
            out = out | mark[[at[axis]]]
        return out.select(b.const(value, x.dtype), x[at])

    return b.compute(b.sizes(x), x.dtype, element)


@rule("GridSample")
def grid_sample(b: Builder, node: Node) -> Value:
    x, grid = node[0], node[1]
    if x.rank != 4 or -1 in x.shape:
        raise NotCovered("grids in other than two dimensions, or sizes that are not known")
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(node.attr("mode", "bilinear"), node.attr("mode", "bilinear"))
    border, corners = node.attr("padding_mode", "zeros"), node.attr("align_corners", 0)
    dtype = x.dtype

    def unnormalise(g: Scalar, n: int) -> Scalar:
        return (g + 1.0) * ((n - 1) / 2) if corners else ((g + 1.0) * float(n) - 1.0) / 2.0

    def reflect(v: Scalar, n: int) -> Scalar:
        low, high = (0.0, n - 1.0) if corners else (-0.5, n - 0.5)
        span = high - low
        if span <= 0:
            return v * 0.0
        d = (v - low).abs()
        flips = (d / span).math("floor")
        rest = d - flips * span
        even = (flips - (flips / 2.0).math("floor") * 2.0).eq(0)
        return even.select(rest + low, high - rest)

    def inside(v: Scalar, n: int) -> Scalar:
        if border == "border":
            return v.max(0).min(n - 1)
        if border == "reflection":
            return reflect(v, n).max(0).min(n - 1)
        return v

    def pixel(n: Scalar, c: Scalar, y: Scalar, z: Scalar) -> Scalar:
        y, z = inside(y, x.shape[2]), inside(z, x.shape[3])
        ok = (y >= 0) & (y <= x.shape[2] - 1.0) & (z >= 0) & (z <= x.shape[3] - 1.0)
        places = [v.max(0).min(s - 1).cast("i64").cast("index") for v, s in ((y, x.shape[2]), (z, x.shape[3]))]
        return ok.select(x[[n, c, *places]], 0)

    def weights(r: Scalar) -> list[tuple[float, Scalar]]:
        if mode == "bilinear":
            return [(0.0, 1.0 - r), (1.0, r)]
        return [(float(t), _weight(AtRunTime, "cubic", r, 0.0, t, -0.75)) for t in (-1, 0, 1, 2)]

    def element(n: Scalar, c: Scalar, i: Scalar, j: Scalar) -> Scalar:
        z = unnormalise(grid[[n, i, j, 0]].cast(dtype), x.shape[3])
        y = unnormalise(grid[[n, i, j, 1]].cast(dtype), x.shape[2])
        if mode == "nearest":
            return pixel(n, c, inside(y, x.shape[2]).math("roundeven"), inside(z, x.shape[3]).math("roundeven"))
        if mode == "bilinear":
            y, z = inside(y, x.shape[2]), inside(z, x.shape[3])
        fy, fz = y.math("floor"), z.math("floor")
        total = None
        for dy, wy in weights(y - fy):
            line = None
            for dz, wz in weights(z - fz):
                part = pixel(n, c, fy + dy, fz + dz) * wz
                line = part if line is None else line + part
            total = line * wy if total is None else total + line * wy
        return total

    sizes = [*x.shape[:2], *b.sizes(grid)[1:3]]
    return b.compute(sizes, dtype, element)


@rule("RoiAlign")
def roi_align(b: Builder, node: Node) -> Value:
    x, rois, batch = node[0], node[1], node[2]
    if -1 in x.shape or -1 in rois.shape:
        raise NotCovered("sizes that are not known; give --shape")
    height, width = node.attr("output_height", 1), node.attr("output_width", 1)
    ratio, scale = node.attr("sampling_ratio", 0), node.attr("spatial_scale", 1.0)
    how = node.attr("mode", "avg")
    mode = node.attr("coordinate_transformation_mode", "half_pixel" if node.opset >= 16 else "output_half_pixel")
    offset = 0.5 if mode == "half_pixel" else 0.0
    h, w = x.shape[2:]
    dtype = x.dtype

    def sample(n: Scalar, c: Scalar, y: Scalar, z: Scalar) -> list[Scalar]:
        """(weighted corners, their sum); zero outside by more than one element."""
        out = (y < -1.0) | (y > h) | (z < -1.0) | (z > w)
        y, z = y.max(0), z.max(0)
        parts, axes = [], []
        for v, size in ((y, h), (z, w)):
            low = v.math("floor").min(size - 1)
            at_end = low >= size - 1.0
            v = at_end.select(low, v)
            r = v - low
            high = (low + 1.0).min(size - 1)
            to_index = lambda p: p.cast("i64").cast("index")  # noqa: E731
            axes.append(((to_index(low), 1.0 - r), (to_index(high), r)))
        for i, wy in axes[0]:
            for j, wz in axes[1]:
                parts.append(out.select(b.const(0, dtype), (wy * wz) * x[[n, c, i, j]]))
        return parts

    def element(r: Scalar, c: Scalar, i: Scalar, j: Scalar) -> Scalar:
        n = batch[[r]].cast("index")
        x1, y1, x2, y2 = (rois[[r, k]] * scale - offset for k in range(4))
        rw, rh = x2 - x1, y2 - y1
        if mode != "half_pixel":
            rw, rh = rw.max(1.0), rh.max(1.0)
        bin_h, bin_w = rh / float(height), rw / float(width)
        if ratio > 0:
            gy, gx = b.const(ratio, "index"), b.const(ratio, "index")
        else:
            up = lambda v: v.math("ceil").cast("i64").max(0).cast("index")  # noqa: E731
            gy, gx = up(bin_h), up(bin_w)
        to_float = lambda v: v.cast("i64").cast(dtype)  # noqa: E731

        def visit(at: list[Scalar], acc: Scalar) -> Scalar:
            y = y1 + to_float(i) * bin_h + (to_float(at[0]) + 0.5) * bin_h / to_float(gy)
            z = x1 + to_float(j) * bin_w + (to_float(at[1]) + 0.5) * bin_w / to_float(gx)
            parts = sample(n, c, y, z)
            if how == "avg":
                return acc + ((parts[0] + parts[1]) + (parts[2] + parts[3]))
            for p in parts:
                acc = acc.max(p)
            return acc

        start = 0.0 if how == "avg" else float("-inf")
        total = b.loops([gy, gx], [b.const(start, dtype)], visit)
        return total / to_float((gy * gx).max(1)) if how == "avg" else total

    if ratio < 0:
        raise FrontendError(f"sampling_ratio {ratio}; expected at least 0")
    return b.compute([rois.shape[0], x.shape[1], height, width], dtype, element)
