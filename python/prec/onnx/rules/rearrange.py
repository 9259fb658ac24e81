# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Triangles, diagonals, blocks of space, reversed sequences."""
from __future__ import annotations

from typing import TYPE_CHECKING

from prec.onnx.node import NotCovered

from .layout import _product
from .linear import transpose
from .registry import rule

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Scalar, Value
    from prec.onnx.node import Node


@rule("EyeLike")
def eye_like(b: Builder, node: Node) -> Value:
    k = node.attr("k", 0)
    one = b.const(1, node.out_dtype())
    return b.compute(
        b.sizes(node[0]), node.out_dtype(), lambda i, j: (i + k).eq(j).select(one, 0)
    )


@rule("Trilu")
def trilu(b: Builder, node: Node) -> Value:
    x, upper = node[0], node.attr("upper", 1)
    k = node[1][[0] * node[1].rank].cast("index") if node.has(1) else b.const(0, "index")

    def element(*at: Scalar) -> Scalar:
        i, j = at[-2] + k, at[-1]
        return (j >= i if upper else j <= i).select(x[at], 0)

    return b.compute(b.sizes(x), x.dtype, element)


@rule("DepthToSpace")
def depth_to_space(b: Builder, node: Node) -> Value:
    x, s = node[0], node.attr("blocksize")
    n, c, h, w = b.sizes(x)
    if not isinstance(c, int):
        raise NotCovered("channels that are not known")
    if node.attr("mode", "DCR") == "DCR":
        y = b.reshape_to(x, [n, s, s, c // s // s, h, w])
        y = transpose(b, y, [0, 3, 4, 1, 5, 2])
    else:
        y = b.reshape_to(x, [n, c // s // s, s, s, h, w])
        y = transpose(b, y, [0, 1, 4, 2, 5, 3])
    return b.reshape_to(y, [n, c // s // s, _product(b, [h, s]), _product(b, [w, s])])


@rule("SpaceToDepth")
def space_to_depth(b: Builder, node: Node) -> Value:
    x, s = node[0], node.attr("blocksize")
    n, c, h, w = b.sizes(x)
    if -1 in x.shape[1:]:
        raise NotCovered("sizes that are not known; give --shape")
    y = transpose(b, b.reshape_to(x, [n, c, h // s, s, w // s, s]), [0, 3, 5, 1, 2, 4])
    return b.reshape_to(y, [n, c * s * s, h // s, w // s])


@rule("ReverseSequence")
def reverse_sequence(b: Builder, node: Node) -> Value:
    x, lengths = node[0], node[1]
    batch, time = node.attr("batch_axis", 1), node.attr("time_axis", 0)

    def element(*at: Scalar) -> Scalar:
        n, t = lengths[[at[batch]]].cast("index"), at[time]
        places = list(at)
        places[time] = (t < n).select(n - 1 - t, t)
        return x[places]

    return b.compute(b.sizes(x), x.dtype, element)
