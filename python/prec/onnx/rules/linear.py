# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Contractions: matrix products in all their spellings."""
from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from prec.frontend import FrontendError
from prec.onnx.node import NotCovered

from .registry import dims, pointwise, rule

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Scalar, Value
    from prec.onnx.node import Node


def contract(b: Builder, x: Value, y: Value, dtype: str, convert: Callable[[Scalar, Scalar], tuple[Scalar, Scalar]] | None = None) -> Value:
    """NumPy's matmul; `convert(element of x, element of y)` prepares each pair."""
    rank = max(x.rank, y.rank, 2)
    batch = rank - 2
    row, column = x.rank > 1, y.rank > 1
    names = dims(batch)
    m, n, k = f"d{batch}", f"d{batch + 1}", f"d{batch + 2}"
    if not row:
        n, k = f"d{batch}", f"d{batch + 1}"
    if not column:
        k = f"d{batch + row}"
    sizes = []
    for i in range(batch):
        pair = [(v, i - batch + v.rank - 2) for v in (x, y) if i - batch + v.rank - 2 >= 0]
        wide = [(v, j) for v, j in pair if v.shape[j] != 1]
        known = {v.shape[j] for v, j in wide if v.shape[j] >= 0}
        if len(known) > 1:
            raise NotCovered(f"shapes {x.shape} and {y.shape} do not fit")
        sizes.append(next(iter(known)) if known else wide[0][0].dim(wide[0][1]) if wide else 1)

    def batch_map(v: Value) -> list[str]:
        mine = v.shape[: max(v.rank - 2, 0)]
        return ["0" if s == 1 else d for s, d in zip(mine, names[batch - len(mine) :])]

    if row:
        sizes.append(x.dim(x.rank - 2) if x.shape[-2] < 0 else x.shape[-2])
    if column:
        sizes.append(y.dim(y.rank - 1) if y.shape[-1] < 0 else y.shape[-1])
    out = b.fill(sizes, 0, dtype)
    x_map = batch_map(x) + ([m] if row else []) + [k]
    y_map = batch_map(y) + [k] + ([n] if column else [])
    out_map = names + ([m] if row else []) + ([n] if column else [])
    convert = convert or (lambda p, q: (p, q))

    def body(p: Scalar, q: Scalar, acc: Scalar) -> Scalar:
        p, q = convert(p, q)
        return acc + p * q

    return b.generic(
        "p" * len(sizes) + "r",
        [(x, ", ".join(x_map)), (y, ", ".join(y_map))],
        [(out, ", ".join(out_map))],
        body,
    )


@rule("MatMul")
def matmul(b: Builder, node: Node) -> Value:
    return contract(b, node[0], node[1], node.out_dtype())


def transpose(b: Builder, x: Value, order: Sequence[int]) -> Value:
    """The tensor with its dimensions in another order."""
    sizes = b.sizes(x)
    out = b.empty([sizes[i] for i in order], x.dtype)
    return b.value(
        f"linalg.transpose ins({x.name} : {x.type}) outs({out.name} : {out.type}) "
        f"permutation = {list(order)}", x.dtype, out.shape,
    )  # fmt: skip


@rule("Gemm")
def gemm(b: Builder, node: Node) -> Value:
    x, y, dtype = node[0], node[1], node.out_dtype()
    alpha, beta = node.attr("alpha", 1.0), node.attr("beta", 1.0)
    flip_x, flip_y = node.attr("transA", 0), node.attr("transB", 0)
    sizes = [b.sizes(x)[1 if flip_x else 0], b.sizes(y)[0 if flip_y else 1]]
    made = b.generic(
        "ppr",
        [(x, "d2, d0" if flip_x else "d0, d2"), (y, "d1, d2" if flip_y else "d2, d1")],
        [(b.fill(sizes, 0, dtype), "d0, d1")],
        lambda p, q, acc: acc + p * q,
    )
    scale = lambda e, s: e if s == 1 else e * s  # noqa: E731
    if not node.has(2) or beta == 0:
        return made if alpha == 1 else pointwise(b, [made], dtype, lambda e: scale(e, alpha))
    return pointwise(
        b, [made, node[2]], dtype, lambda e, c: scale(e, alpha) + scale(c, beta), b.sizes(made)
    )


def _expand_dots(terms: Sequence[str], out: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """Replaces '...' by capital letters that no operand uses."""
    spare = [c for c in string.ascii_uppercase if c not in "".join(terms) + (out or "")]
    width = max((r - len(t.replace("...", "")) for t, r in zip(terms, ranks) if "..." in t), default=0)
    letters = "".join(spare[:width])
    made = []
    for term, rank in zip(terms, ranks):
        mine = rank - len(term.replace("...", ""))
        made.append(term.replace("...", letters[width - mine :] if mine else ""))
    if out is None:
        text = "".join(terms).replace("...", "")
        out = letters + "".join(sorted(c for c in set(text) if text.count(c) == 1))
    return made, out.replace("...", letters)


@rule("Einsum")
def einsum(b: Builder, node: Node) -> Value:
    equation, values = node.attr("equation").replace(" ", ""), node.inputs()
    left, _, right = equation.partition("->")
    terms, out = _expand_dots(
        left.split(","), right if "->" in equation else None, [v.rank for v in values]
    )
    if len(terms) != len(values) or any(len(t) != v.rank for t, v in zip(terms, values)):
        raise FrontendError(f"einsum '{equation}' does not fit the operands' ranks")
    order = list(out) + sorted(set("".join(terms)) - set(out))
    sizes = {}
    for term, v in zip(terms, values):
        for letter, size in zip(term, b.sizes(v)):
            if sizes.get(letter, 1) == 1:
                sizes[letter] = size
    names = {letter: f"d{i}" for i, letter in enumerate(order)}

    def body(*scalars: Scalar) -> Scalar:
        made = scalars[0]
        for s in scalars[1:-1]:
            made = made * s
        return scalars[-1] + made

    maps = [
        ", ".join("0" if v.shape[i] == 1 and sizes[c] != 1 else names[c] for i, c in enumerate(t))
        for t, v in zip(terms, values)
    ]
    init = b.fill([sizes[c] for c in out], 0, node.out_dtype())
    return b.generic(
        "p" * len(out) + "r" * (len(order) - len(out)),
        list(zip(values, maps)), [(init, ", ".join(names[c] for c in out))], body,
    )  # fmt: skip


@rule("Det")
def determinant(b: Builder, node: Node) -> Value:
    """Gaussian elimination with the largest pivot of the column, as LAPACK does."""
    x = node[0]
    n = x.shape[-1]
    if n < 0 or x.shape[-2] != n:
        raise NotCovered("a determinant of matrices of unknown size")
    out = b.empty(b.sizes(x)[:-2], x.dtype)

    def one(indices: list[Scalar], result: Value) -> Value:
        work = b.empty([n, n], x.dtype)
        work = b.loops([n, n], [work], lambda ij, w: b.store(w, x[[*indices, *ij]], ij))

        def column(k: Scalar, w: Value, det: Scalar) -> tuple[Value, Scalar]:
            start = w[[k, k]].abs()
            big, at = b.loop(
                k, n, [start, k],
                lambda i, top, where: _larger(w[[i, k]].abs(), top, i, where),
            )  # fmt: skip
            det = at.eq(k).select(det, -det)
            w = b.loop(0, n, [w], lambda j, v: _swap(b, v, k, at, j))
            pivot = w[[k, k]]
            det = det * pivot
            zero = pivot.eq(0)

            def row(i: Scalar, v: Value) -> Value:
                factor = zero.select(b.const(0, x.dtype), v[[i, k]] / pivot)
                return b.loop(
                    k, n, [v], lambda j, u: b.store(u, u[[i, j]] - factor * u[[k, j]], [i, j])
                )

            return b.loop(k + 1, n, [w], row), det

        det = b.loop(0, n, [work, b.const(1, x.dtype)], column)[1]
        return b.store(result, det, indices)

    return b.loops(b.sizes(x)[:-2], [out], one)


def _larger(e: Scalar, top: Scalar, i: Scalar, where: Scalar) -> tuple[Scalar, Scalar]:
    better = e > top
    return better.select(e, top), better.select(i, where)


def _swap(b: Builder, v: Value, k: Scalar, at: Scalar, j: Scalar) -> Value:
    p, q = v[[k, j]], v[[at, j]]
    return b.store(b.store(v, q, [k, j]), p, [at, j])
