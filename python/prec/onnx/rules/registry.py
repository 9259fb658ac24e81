# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table of rules, and what many of them use."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TYPE_CHECKING

from prec.onnx.emit import Scalar
from prec.onnx.node import NotCovered

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Value

RULES = {}


def rule(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a function (builder, node) -> result or results for operators."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


def dims(rank: int) -> list[str]:
    return [f"d{i}" for i in range(rank)]


def broadcast_shape(b: Builder, values: Sequence[Value]) -> list[int | Scalar]:
    """The sizes of the broadcast of some tensors, as `empty` takes them."""
    rank = max(v.rank for v in values)
    sizes = [1] * rank
    for v in values:
        for i, n in enumerate(v.shape, rank - v.rank):
            if n == 1:
                continue
            known = sizes[i]
            if n > 1 or n == 0:
                if not isinstance(known, Scalar) and known not in (1, n):
                    raise NotCovered(f"shapes that do not broadcast: {[v.shape for v in values]}")
                sizes[i] = n
            elif not isinstance(known, Scalar) and known == 1:
                sizes[i] = v.dim(i - rank + v.rank)
    return sizes


def broadcast_map(v: Value, rank: int) -> str:
    """How a tensor is read in a loop nest over the broadcast shape."""
    names = dims(rank)[rank - v.rank :]
    return ", ".join("0" if n == 1 else d for n, d in zip(v.shape, names))


def pointwise(
    b: Builder, values: Sequence[Value], dtype: str, body: Callable[..., Scalar], sizes: Sequence[int | Scalar] | None = None
) -> Value:
    """A tensor of body(one element of each), with broadcasting."""
    sizes = broadcast_shape(b, values) if sizes is None else sizes
    out = b.empty(sizes, dtype)
    ins = [(v, broadcast_map(v, out.rank)) for v in values]
    return b.generic(
        "p" * out.rank, ins, [(out, ", ".join(dims(out.rank)))], lambda *s: body(*s[:-1])
    )


def reduce(
    b: Builder,
    x: Value,
    axes: Sequence[int],
    keep: bool,
    start: Scalar | float,
    dtype: str,
    body: Callable[[Scalar, Scalar], Scalar],
) -> Value:
    """Folds axes of a tensor in ascending order: acc = body(element, acc), from `start`."""
    sizes = [1 if i in axes else n for i, n in enumerate(b.sizes(x)) if keep or i not in axes]
    out = b.fill(sizes, start, dtype)
    names = dims(x.rank)
    kept = [("0" if i in axes else d) for i, d in enumerate(names) if keep or i not in axes]
    loops = "".join("r" if i in axes else "p" for i in range(x.rank))
    return b.generic(loops, [(x, ", ".join(names))], [(out, ", ".join(kept))], body)


def lowest(dtype: str) -> float:
    """The least number: minus infinity or the smallest integer."""
    from prec.onnx.emit import BITS, is_float

    if is_float(dtype):
        return float("-inf")
    return 0 if dtype[0] == "u" or dtype == "i1" else -(1 << (BITS[dtype] - 1))


def highest(dtype: str) -> float:
    from prec.onnx.emit import BITS, is_float

    if is_float(dtype):
        return float("inf")
    bits = BITS[dtype]
    return (1 << (bits if dtype[0] == "u" or dtype == "i1" else bits - 1)) - 1
