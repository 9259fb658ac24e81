# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Numbers in f64 with a bound on what the same computation in f32 may differ.

Running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, ch. 3):
each f32 operation errs by at most u = 2^-24 of its result, each sum of n terms, in any
order and fused or not, by at most n u of the sum of absolute values; functions of the C
library by at most 4 u of the result.
"""
import math

import numpy as np

U = 2.0**-24
TINY = 2.0**-149


class Bounded:
    def __init__(self, value, error=0.0):
        self.value = np.asarray(value, np.float64)
        self.error = np.broadcast_to(np.asarray(error, np.float64), self.value.shape)

    shape = property(lambda self: self.value.shape)
    largest = property(lambda self: np.abs(self.value) + self.error)

    def move(self, change):
        """The same elements elsewhere."""
        return Bounded(change(self.value), change(self.error))

    def __getitem__(self, key):
        return self.move(lambda array: array[key])

    def __add__(self, other):
        other = bounded(other)
        return rounded(self.value + other.value, self.error + other.error)

    def __neg__(self):
        return Bounded(-self.value, self.error)

    def __sub__(self, other):
        return self + -bounded(other)

    def __mul__(self, other):
        other = bounded(other)
        error = np.abs(self.value) * other.error + self.error * other.largest
        return rounded(self.value * other.value, error)

    def __truediv__(self, other):
        other = bounded(other)
        value = self.value / other.value
        least = np.abs(other.value) - other.error
        assert (least > 0).all(), "the bound of a divisor reaches zero"
        return rounded(value, (self.error + np.abs(value) * other.error) / least)

    def sum(self, axes):
        n = np.prod([self.shape[axis] for axis in np.atleast_1d(axes)])
        spread = self.largest.sum(axes)
        return Bounded(self.value.sum(axes), self.error.sum(axes) + 1.01 * n * U * spread)

    def mean(self, axes):
        return self.sum(axes) / float(np.prod([self.shape[a] for a in np.atleast_1d(axes)]))

    def max(self, axes):
        return Bounded(self.value.max(axes), self.error.max(axes))

    def maximum(self, limit):
        return Bounded(np.maximum(self.value, limit), self.error)

    def minimum(self, limit):
        return Bounded(np.minimum(self.value, limit), self.error)


def bounded(x):
    """Constants are f32 in the model."""
    return x if isinstance(x, Bounded) else Bounded(np.float32(x))


def rounded(value, error, units=1):
    return Bounded(value, error + units * U * (np.abs(value) + error) + TINY)


def einsum(pattern, a, b, count):
    """A contraction of `count` products for each result."""
    a, b = bounded(a), bounded(b)

    def product(x, y):
        return np.einsum(pattern, x, y, optimize=True)

    error = product(np.abs(a.value), b.error) + product(a.error, b.largest)
    return Bounded(
        product(a.value, b.value),
        error + 1.01 * (count + 1) * U * product(a.largest, b.largest) + TINY,
    )


def exp(x):
    value = np.exp(x.value)
    return rounded(value, value * np.expm1(x.error), 4)


def tanh(x):
    return rounded(np.tanh(x.value), x.error, 4)


def error_function(x):
    return rounded(np.vectorize(math.erf)(x.value), 2 / np.sqrt(np.pi) * x.error, 4)


def sqrt(x):
    least = x.value - x.error
    assert (least > 0).all(), "the bound of a square root's argument reaches zero"
    return rounded(np.sqrt(x.value), x.error / (2 * np.sqrt(least)))


def concatenate(parts, axis):
    return Bounded(
        np.concatenate([p.value for p in parts], axis),
        np.concatenate([p.error for p in parts], axis),
    )
