# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fourier transforms as sums, mel weights, counts of n-grams."""

import numpy as np

from prec.onnx.node import NotCovered

from .registry import pointwise, rule


def _factors(n, inverse):
    """cos and sin of 2 pi k t / n, exact at the multiples of a quarter turn."""
    k = np.outer(np.arange(n), np.arange(n)) % n
    angle = 2 * np.pi * k / n
    real, imaginary = np.cos(angle), np.sin(angle)
    real[(4 * k) % (2 * n) == n] = 0
    imaginary[(2 * k) % n == 0] = 0
    return real, imaginary if inverse else -imaginary


@rule("DFT")
def dft(b, node):
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
    real, imaginary = (b.dense(f, x.dtype) for f in _factors(length, inverse))
    kept = length // 2 + 1 if half else length
    sizes = list(x.shape)
    sizes[axis], sizes[-1] = kept, 2
    is_complex = x.shape[-1] == 2

    def element(*at):
        k, part = at[axis], at[-1].eq(0)

        def term(t, acc):
            spot = [*at[:axis], t, *at[axis + 1 : -1]]
            c, s = real[[k, t]], imaginary[[k, t]]
            a = x[[*spot, 0]]
            value = part.select(a * c, a * s)
            if is_complex:
                i = x[[*spot, 1]]
                value = value + part.select(-(i * s), i * c)
            return acc + value

        total = b.loop(0, min(length, n), [b.const(0, x.dtype)], term)  # beyond the signal are zeros
        return total / float(length) if inverse else total

    return b.compute(sizes, x.dtype, element)


@rule("STFT")
def stft(b, node):
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
    real, imaginary = (b.dense(f, x.dtype) for f in _factors(length, False))
    hop = b.const(int(step), "index") if step is not None else node[1][[0] * node[1].rank].cast("index")

    def element(batch, frame, k, part):
        first = part.eq(0)

        def term(t, acc):
            a = x[[batch, frame * hop + t, *([0] if x.rank == 3 else [])]]
            if window is not None:
                a = a * window[[t]]
            return acc + first.select(a * real[[k, t]], a * imaginary[[k, t]])

        return b.loop(0, length, [b.const(0, x.dtype)], term)

    return b.compute([x.shape[0], frames, kept, 2], x.dtype, element)


@rule("MelWeightMatrix")
def mel_weights(b, node):
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
def tf_idf(b, node):
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

    def one_row(row, out):
        for gram, k in grams:
            if not shortest <= len(gram) <= longest:
                continue
            skips = range(node.attr("max_skip_count") + 1) if len(gram) > 1 else range(1)
            for skip in skips:
                reach = (len(gram) - 1) * (skip + 1)
                if reach >= n:
                    continue

                def visit(i, out, gram=gram, k=k, skip=skip):
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


