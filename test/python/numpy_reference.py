# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Softmax regression by scalar arithmetic, as docs/numerics.md says, written apart.

One Python loop for each reduction, one NumPy f32 operation for each scalar one;
exp and log come from mpmath, rounded once to f32. Slow, and meant to be.
"""
from fractions import Fraction
from math import inf, nextafter

import mpmath
import numpy as np

f32 = np.float32


def bits(value):
    return int(np.asarray(value, "f4").view("u4"))


def from_bits(word):
    return np.array(word & 0xFFFFFFFF, "u4").view("f4")[()]


def toward_zero(value, fraction):
    """The f32 value with `fraction` explicit fraction bits; numbers only, no NaN."""
    return from_bits(bits(value) >> (23 - fraction) << (23 - fraction))


def nearest_even(value, fraction):
    drop = 23 - fraction
    if drop == 0:
        return f32(value)
    word = bits(value)
    half = (1 << (drop - 1)) - 1 + (word >> drop & 1)
    return from_bits((word + half) >> drop << drop)


def fma(a, b, c):
    """a * b + c, rounded once to f32: exactly, then to odd in f64, then to f32."""
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    wide = np.float64(a) * np.float64(b) + np.float64(c)  # the sign of zero is right
    if exact != 0:
        wide = float(exact)
        odd = int(np.float64(wide).view("u8")) & 1
        if Fraction(wide) != exact and not odd:
            wide = nextafter(wide, inf if exact > Fraction(wide) else -inf)
    return f32(wide)


def correctly_rounded(function, value):
    with mpmath.workprec(160):
        result = function(mpmath.mpf(float(value)))
        if abs(result) < mpmath.mpf(2) ** -126:
            return f32(int(mpmath.nint(result * 2**149)) * 2.0**-149)
    with mpmath.workprec(24):
        return f32(float(+result))


def larger(a, b):
    if a == b:
        return a if not np.signbit(a) else b
    return a if a > b else b


class Arithmetic:
    """The carrier's operations with a rounding at the places of one granularity.

    `element` rounds each scalar result (elementary granularity), `result` the
    elements of an operation's result (op granularity); one of them is the identity.
    """

    def __init__(self, rounding, granularity):
        same = lambda value: value
        self.rounding = rounding or same
        elementary = granularity == "elementary" and rounding is not None
        self.fused = not elementary
        self.element = self.rounding if elementary else same
        self.result = same if elementary else self.rounding

    def array(self, values):
        return np.vectorize(self.rounding, otypes="f")(values)

    def dot(self, pairs):
        total = f32(0)
        for a, b in pairs:
            if self.fused:
                total = fma(a, b, total)
            else:
                total = self.element(total + self.element(a * b))
        return self.result(total)

    def ascending_sum(self, values):
        total = f32(0)
        for value in values:
            total = self.element(total + value)
        return self.result(total)

    def row_sum(self, values):
        """A sum along the last dimension: 16 interleaved partials unless elementary."""
        if not self.fused:
            return self.ascending_sum(values)
        partial = {}
        for k, value in enumerate(values):
            partial[k % 16] = partial[k % 16] + value if k % 16 in partial else value
        for half in (8, 4, 2, 1):
            for i in range(half):
                if i + half in partial:
                    partial[i] = partial[i] + partial[i + half]
        return self.result(f32(0) + partial[0])

    def function(self, function, value):
        return self.result(self.element(correctly_rounded(function, value)))


def logits(arith, w, b, x):
    rows, columns = range(x.shape[0]), range(w.shape[1])
    e, r = arith.element, arith.result
    return [[r(e(arith.dot(zip(x[i], w[:, j])) + b[j])) for j in columns] for i in rows]


def predict(w, b, x, rounding=None, granularity="op"):
    arith = Arithmetic(rounding, granularity)
    return np.array(logits(arith, *map(arith.array, (w, b, x))), "f4")


def step(w, b, x, labels, rate, rounding=None, granularity="op"):
    """(w, b, loss) after one step; `rounding` maps f32 to f32, None leaves all as it is."""
    arith = Arithmetic(rounding, granularity)
    e, r = arith.element, arith.result
    w, b, x = map(arith.array, (w, b, x))
    rate = arith.rounding(f32(rate))
    (batch, inputs), classes = x.shape, w.shape[1]
    n, rows, columns = arith.rounding(f32(batch)), range(batch), range(classes)

    z = logits(arith, w, b, x)
    shifted, exponential, total, log = [], [], [], []
    for i in rows:
        top = z[i][0]
        for value in z[i]:
            top = larger(top, value)
        shifted.append([r(e(value - top)) for value in z[i]])
        exponential.append([arith.function(mpmath.exp, value) for value in shifted[i]])
        total.append(arith.row_sum(exponential[i]))
        log.append(arith.function(mpmath.log, total[i]))
    picked = [
        r(e(shifted[i][j] - log[i])) if labels[i] == j else f32(0) for i in rows for j in columns
    ]
    loss = arith.rounding(-arith.row_sum(picked) / n)

    def gradient(i, j):
        error = e(e(exponential[i][j] / total[i]) - f32(labels[i] == j))
        return r(e(error / n))

    g = np.array([[gradient(i, j) for j in columns] for i in rows], "f4")
    new_w, new_b = w.copy(), b.copy()
    for j in columns:
        db = arith.ascending_sum(g[:, j])
        new_b[j] = r(e(b[j] - e(rate * db)))
        for k in range(inputs):
            dw = arith.dot(zip(x[:, k], g[:, j]))
            new_w[k, j] = r(e(w[k, j] - e(rate * dw)))
    return new_w, new_b, loss
