# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fourier transforms as sums, mel weights, counts of n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TYPE_CHECKING

import numpy as np

from prec.onnx.node import NotCovered

from .convolution import slice_of
from .registry import pointwise, rule

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Scalar, Value
    from prec.onnx.node import Node


def _factors(n: int, inverse: bool) -> np.ndarray:
    """[t, k, part]: cos and sin of 2 pi k t / n, exact at the multiples of a quarter turn."""
    k = np.outer(np.arange(n), np.arange(n)) % n
    angle = 2 * np.pi * k / n
    real, imaginary = np.cos(angle), np.sin(angle)
    real[(4 * k) % (2 * n) == n] = 0
    imaginary[(2 * k) % n == 0] = 0
    return np.stack([real, imaginary if inverse else -imaginary], -1)


@rule("DFT")
def dft(b: Builder, node: Node) -> Value:
    x, inverse, half = node[0], node.attr("inverse", 0), node.attr("onesided", 0)
    if node.opset >= 20:
        axis = node.number(2, -2)
    else:
        axis = node.attr("axis", 1)
    if axis is None or -1 in x.shape:
        raise NotCovered("an axis or sizes that are not known at import")
    axis %= x.rank
    n = x.shape[axis]
    length = node.number(1, n)
    if length is None:
        raise NotCovered("a length that is not known at import")
    length = int(length)
    if inverse and half:
        raise NotCovered("an inverse that is onesided")
    kept = length // 2 + 1 if half else length
    if length < n:
        x = slice_of(b, x, [0] * x.rank, [*x.shape[:axis], length, *x.shape[axis + 1 :]])
    sizes = list(x.shape)
    sizes[axis], sizes[-1] = kept, 2
    result = _transform(b, x, axis, _factors(length, inverse)[: min(length, n), :kept], sizes)
    if inverse:
        result = pointwise(b, [result], x.dtype, lambda v: v / float(length))
    return result


def _transform(b: Builder, x: Value, axis: int, factors: np.ndarray, sizes: Sequence[int | Scalar]) -> Value:
    """result[.., k, .., part] = sum over t of x[.., t, .., 0] factors[t, k, part]; the sum goes over the parts of a complex x, too."""
    is_complex = x.shape[-1] == 2
    names = [f"d{i}" for i in range(x.rank)]
    t, c = f"d{x.rank}", f"d{x.rank + 1}" if is_complex else "0"
    if is_complex:  # (a + i b) (c + i s) = (a c - b s) + i (a s + b c)
        turned = np.stack([-factors[..., 1], factors[..., 0]], -1)
        factors = np.stack([factors, turned], 1)
    inside = [*names[:axis], t, *names[axis + 1 : -1], c]
    of = [t, *([c] if is_complex else []), names[axis], names[-1]]
    return b.generic(
        "p" * x.rank + "r" * (1 + is_complex),
        [(x, ", ".join(inside)), (b.dense(factors, x.dtype), ", ".join(of))],
        [(b.fill(sizes, 0, x.dtype), ", ".join(names))],
        lambda v, f, acc: acc + v * f,
    )


@rule("STFT")
def stft(b: Builder, node: Node) -> Value:
    x, step = node[0], node.number(1)
    shape = node.static_out() if step is None else None
    window = node[2] if node.has(2) else None
    length = node.number(3) if node.has(3) else window.shape[0]
    half = node.attr("onesided", 1)
    if length is None:
        length = window.shape[0] if window is not None else None
    if length is None or -1 in x.shape or x.shape[-1:] == (2,) and x.rank == 3:
        raise NotCovered("a complex signal, or lengths that are not known at import")
    length, n = int(length), x.shape[1]
    kept = length // 2 + 1 if half else length
    frames = shape[1] if shape else (n - length) // int(step) + 1
    hop = b.const(int(step), "index") if step is not None else node[1][[0] * node[1].rank].cast("index")

    def element(batch: Scalar, frame: Scalar, t: Scalar, _: Scalar) -> Scalar:
        a = x[[batch, frame * hop + t, *([0] if x.rank == 3 else [])]]
        return a if window is None else a * window[[t]]

    framed = b.compute([x.shape[0], frames, length, 1], x.dtype, element)
    return _transform(b, framed, 2, _factors(length, False)[:, :kept], [x.shape[0], frames, kept, 2])


@rule("MelWeightMatrix")
def mel_weights(b: Builder, node: Node) -> Value:
    bins, length, rate, low, high = (node.number(i) for i in range(5))
    if None in (bins, length, rate, low, high):
        raise NotCovered("its numbers are not known at import")
    spectrum = length // 2 + 1
    to_mel = lambda f: 2595 * np.log10(1 + f / 700)  # noqa: E731
    edges = np.arange(bins + 2) * ((to_mel(high) - to_mel(low)) / (bins + 2)) + to_mel(low)
    places = ((length + 1) * (700 * (10 ** (edges / 2595) - 1)) // rate).astype(int)
    made = np.zeros((spectrum, bins))
    for i in range(bins):
        left, middle, right = places[i : i + 3]
        if middle == left:
            made[middle, i] = 1
        else:
            made[left : middle + 1, i] = np.arange(middle - left + 1) / (middle - left)
        if right > middle:
            made[middle:right, i] = (right - np.arange(middle, right)) / (right - middle)
    return b.dense(made, node.out_dtype())


@rule("TfIdfVectorizer")
def tf_idf(b: Builder, node: Node) -> Value:
    """Counts of the pool's n-grams of integers, with up to max_skip_count skipped between."""
    x, mode = node[0], node.attr("mode")
    pool = node.attr("pool_int64s")
    if not pool or -1 in x.shape:
        raise NotCovered("a pool of strings, or sizes that are not known")
    starts, columns = list(node.attr("ngram_counts")), list(node.attr("ngram_indexes"))
    shortest, longest = node.attr("min_gram_length"), node.attr("max_gram_length")
    weights = node.attr("weights") or [1.0] * len(columns)
    width = max(columns) + 1
    grams, k = [], 0
    for length, begin in enumerate(starts, 1):
        end = starts[length] if length < len(starts) else len(pool)
        for at in range(begin, end, length):
            grams.append((tuple(pool[at : at + length]), k))
            k += 1
    rows = x.rank == 2
    n = x.shape[-1]
    read = lambda row, i: x[[row, i]] if rows else x[[i]]  # noqa: E731
    out = b.fill([x.shape[0], width] if rows else [width], 0, "f32")

    def one_row(row: Scalar | None, out: Value) -> Value:
        for gram, k in grams:
            if not shortest <= len(gram) <= longest:
                continue
            skips = range(node.attr("max_skip_count") + 1) if len(gram) > 1 else range(1)
            for skip in skips:
                reach = (len(gram) - 1) * (skip + 1)
                if reach >= n:
                    continue

                def visit(i: Scalar, out: Value, gram: Any = gram, k: int = k, skip: int = skip) -> Value:
                    same = b.const(True, "i1")
                    for j, word in enumerate(gram):
                        same = same & read(row, i + j * (skip + 1)).eq(word)
                    spot = [row, columns[k]] if rows else [columns[k]]
                    old = out[spot]
                    return b.store(out, same.select(old + 1.0, old), spot)

                out = b.loop(0, n - reach, [out], visit)
        return out

    out = b.loop(0, x.shape[0], [out], one_row) if rows else one_row(None, out)
    if mode == "TF":
        return out
    table = [0.0] * width
    for k, column in enumerate(columns):
        table[column] = weights[k]
    scale = b.dense(np.array(table), "f32")
    return pointwise(
        b, [out, scale], "f32",
        lambda c, w: (c > 0).select(w, 0) if mode == "IDF" else c * w,
    )  # fmt: skip


