# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that write elements at computed places, in row-major order of the updates."""
from __future__ import annotations

from typing import TYPE_CHECKING

from prec.onnx.node import NotCovered

from .gather import place
from .registry import rule

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Scalar, Value
    from prec.onnx.node import Node

COMBINE = {
    "none": lambda old, new: new,
    "add": lambda old, new: old + new,
    "mul": lambda old, new: old * new,
    "max": lambda old, new: old.max(new),
    "min": lambda old, new: old.min(new),
}


@rule("ScatterElements", "Scatter")
def scatter_elements(b: Builder, node: Node) -> Value:
    x, indices, updates, axis = node[0], node[1], node[2], node.axis(0)
    combine = COMBINE[node.attr("reduction", "none")]
    n = x.dim(axis)

    def put(at: list[Scalar], out: Value) -> Value:
        places = list(at)
        places[axis] = place(indices[at], n)
        return b.store(out, combine(out[places], updates[at]), places)

    return b.loops(b.sizes(indices), [x], put)


@rule("ScatterND")
def scatter_nd(b: Builder, node: Node) -> Value:
    x, indices, updates = node[0], node[1], node[2]
    combine = COMBINE[node.attr("reduction", "none")]
    depth = indices.shape[-1]
    if depth < 0:
        raise NotCovered("indices of unknown depth")
    outer = indices.rank - 1

    def put(at: list[Scalar], out: Value) -> Value:
        places = [place(indices[[*at[:outer], k]], x.dim(k)) for k in range(depth)]
        places += at[outer:]
        return b.store(out, combine(out[places], updates[at]), places)

    return b.loops(b.sizes(updates), [x], put)
