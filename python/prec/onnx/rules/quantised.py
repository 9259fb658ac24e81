# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Integers with a scale and a zero point."""
from __future__ import annotations

from typing import TYPE_CHECKING

from prec.onnx.emit import is_float
from prec.onnx.node import NotCovered

from .convolution import convolve, prepare
from .linear import contract
from .registry import highest, lowest, pointwise, rule

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Scalar, Value
    from prec.onnx.node import Node


def along(b: Builder, v: Value, x: Value, axis: int, block: int = 0) -> Value:
    """A scale or zero point, shaped so that it broadcasts along an axis; of blocks, one for each element."""
    if v.rank == 0:
        return v
    if v.rank > 1:
        if not block or v.rank != x.rank or any(n != m for i, (n, m) in enumerate(zip(v.shape, x.shape)) if i != axis):
            raise NotCovered("scales of more than one axis, without blocks or of other sizes")
        if v.shape[axis] < 0 or v.shape[axis] != -(-x.shape[axis] // block):
            raise NotCovered(f"found {v.shape[axis]} blocks of {block}, expected those of {x.shape[axis]} elements")
        return b.compute(b.sizes(x), v.dtype, lambda *at: v[[*at[:axis], at[axis] / block, *at[axis + 1 :]]])
    if v.shape[0] == 1:
        return b.reshape_to(v, [])
    return b.reshape_to(v, [v.shape[0] if i == axis else 1 for i in range(x.rank)])


def saturate(x: Scalar, dtype: str) -> Scalar:
    """A float that is a whole number, in an integer type of at most 16 bits."""
    low, high = lowest(dtype), highest(dtype)
    return x.max(low).min(high).cast("i32").cast(dtype)


def requantise(x: Scalar, scale: Scalar, zero: Scalar, dtype: str) -> Scalar:
    """round(x / scale) + zero, saturated; ties to even."""
    steps = (x / scale).math("roundeven")
    return saturate(steps + zero.cast(x.dtype), dtype)


@rule("QuantizeLinear")
def quantise(b: Builder, node: Node) -> Value:
    x, dtype = node[0], node.out_dtype()
    if dtype not in ("i8", "u8", "i16", "u16"):
        raise NotCovered(f"quantisation to {dtype}")
    axis = node.axis(1) if node.shape(1) not in ((), (1,)) else 0
    block = node.attr("block_size", 0)
    scale = along(b, node[1], x, axis, block)
    parts = [x, scale] + ([along(b, node[2], x, axis, block)] if node.has(2) else [])

    def body(e: Scalar, s: Scalar, *zero: Scalar) -> Scalar:
        wide = e if is_float(e.dtype) else e.cast("f32")
        return requantise(wide, s.cast(wide.dtype), zero[0] if zero else b.const(0, dtype), dtype)

    return pointwise(b, parts, dtype, body, b.sizes(x))


@rule("DequantizeLinear")
def dequantise(b: Builder, node: Node) -> Value:
    x, dtype = node[0], node.out_dtype()
    axis = node.axis(1) if node.shape(1) not in ((), (1,)) else 0
    block = node.attr("block_size", 0)
    parts = [x, along(b, node[1], x, axis, block)]
    parts += [along(b, node[2], x, axis, block)] if node.has(2) else []

    def body(e: Scalar, s: Scalar, *zero: Scalar) -> Scalar:
        wide = e.cast("i32")
        wide = wide - zero[0].cast("i32") if zero else wide
        return (wide.cast("f32") * s.cast("f32")).cast(dtype)

    return pointwise(b, parts, dtype, body, b.sizes(x))


@rule("DynamicQuantizeLinear")
def dynamic_quantise(b: Builder, node: Node) -> list[Value]:
    from .reductions import _max, _min

    x = node[0]
    axes = list(range(x.rank))
    low = pointwise(b, [_min(b, x, axes, False)], "f32", lambda e: e.min(0))
    high = pointwise(b, [_max(b, x, axes, False)], "f32", lambda e: e.max(0))
    scale = pointwise(b, [low, high], "f32", lambda p, q: (q - p) / 255.0)
    zero = pointwise(
        b, [low, scale], "u8",
        lambda p, s: s.eq(0).select(b.const(0, "f32"), (-p) / s).max(0).min(255).math("roundeven").cast("i32").cast("u8"),
    )  # fmt: skip
    made = pointwise(b, [x, scale, zero], "u8", lambda e, s, z: requantise(e, s, z, "u8"))
    return [made, scale, zero]


def _shifted(b: Builder, x: Value, zero: Value | None, axis: int) -> Value:
    """x - zero point, in 32 bits."""
    if zero is None:
        return pointwise(b, [x], "i32", lambda e: e.cast("i32"))
    zero = along(b, zero, x, axis)
    return pointwise(b, [x, zero], "i32", lambda e, z: e.cast("i32") - z.cast("i32"), b.sizes(x))


@rule("MatMulInteger")
def matmul_integer(b: Builder, node: Node) -> Value:
    x, y = node[0], node[1]
    x = _shifted(b, x, node[2] if node.has(2) else None, x.rank - 2)
    y = _shifted(b, y, node[3] if node.has(3) else None, y.rank - 1)
    return contract(b, x, y, "i32")


@rule("QLinearMatMul")
def qlinear_matmul(b: Builder, node: Node) -> Value:
    x, y, dtype = node[0], node[3], node.out_dtype()
    left, right = node[1], node[4]
    total = contract(b, _shifted(b, x, node[2], x.rank - 2), _shifted(b, y, node[5], y.rank - 1), "i32")
    left = along(b, left, total, total.rank - 2)
    right = along(b, right, total, total.rank - 1)
    out, zero = along(b, node[6], total, total.rank - 2), along(b, node[7], total, total.rank - 2)

    def body(e: Scalar, p: Scalar, q: Scalar, s: Scalar, z: Scalar) -> Scalar:
        return requantise(e.cast("f32") * ((p.cast("f32") * q.cast("f32")) / s.cast("f32")), b.const(1, "f32"), z, dtype)

    return pointwise(b, [total, left, right, out, zero], dtype, body, b.sizes(total))


@rule("ConvInteger")
def conv_integer(b: Builder, node: Node) -> Value:
    x = _shifted(b, node[0], node[2] if node.has(2) else None, 1)
    w = _shifted(b, node[1], node[3] if node.has(3) else None, 0)
    x, window = prepare(b, node, x, w, 0)
    return convolve(b, x, w, window, node.attr("group", 1), "i32")


@rule("QLinearConv")
def qlinear_conv(b: Builder, node: Node) -> Value:
    dtype = node.out_dtype()
    x = _shifted(b, node[0], node[2], 1)
    w = _shifted(b, node[3], node[5], 0)
    x, window = prepare(b, node, x, w, 0)
    total = convolve(b, x, w, window, node.attr("group", 1), "i32")
    if node.has(8):
        bias = along(b, node[8], total, 1)
        total = pointwise(b, [total, bias], "i32", lambda p, q: p + q, b.sizes(total))
    parts = [along(b, node[i], total, 1) for i in (1, 4, 6, 7)]

    def body(e: Scalar, p: Scalar, q: Scalar, s: Scalar, z: Scalar) -> Scalar:
        return requantise(e.cast("f32") * ((p * q) / s), b.const(1, "f32"), z, dtype)

    return pointwise(b, [total, *parts], dtype, body, b.sizes(total))


