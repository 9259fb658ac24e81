# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The scalar reference of training is right itself.

Oracles: ml_dtypes' bfloat16 for its rounding, Python's exact fractions, mpmath at
300 bits, and NumPy in f64 for the step as a whole.
"""
from fractions import Fraction

import ml_dtypes
import mpmath
import numpy as np
import numpy_reference as reference
import pytest
from reduced_model import BATCH, CLASSES, RATE, bits, data

def test_nearest_even_is_bfloat16s():
    random = np.random.default_rng(0)
    words = random.integers(0, 0x7F7F0000, 2000, "u4") | random.integers(0, 2, 2000, "u4") << 31
    words[:500] = words[:500] & 0xFFFF0000 | 0x8000  # ties
    for value in words.view("f4"):
        assert bits(reference.nearest_even(value, 7)) == bits(value.astype(ml_dtypes.bfloat16))


def test_toward_zero_is_the_largest_below():
    for value in np.random.default_rng(0).normal(0, 1, 500).astype("f4"):
        for fraction in (0, 1, 7, 22):
            got = reference.toward_zero(value, fraction)
            scale = Fraction(2) ** (fraction - int(np.floor(np.log2(abs(value)))))
            assert Fraction(float(got)) * scale == int(Fraction(float(value)) * scale)


def test_fma_rounds_once():
    random = np.random.default_rng(0)
    a, b = random.normal(0, 1, (2, 2000)).astype("f4")
    c = (-a * b * (1 + random.integers(-4, 5, 2000) * 2.0**-24)).astype("f4")
    twice = 0
    for x, y, z in zip(a, b, c):
        exact = Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
        got = reference.fma(x, y, z)
        error = abs(Fraction(float(got)) - exact)
        for other in (np.nextafter(got, np.float32(9)), np.nextafter(got, np.float32(-9))):
            assert error <= abs(Fraction(float(other)) - exact)
        twice += bits(got) != bits(x * y + z)
    assert twice > 100


def test_unrounded_step_is_softmax_regression():
    w, b, x, labels = data()
    w64, x64 = w.astype("f8"), x[0].astype("f8")
    z = x64 @ w64 + b
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    g = (p - np.eye(CLASSES)[labels[0]]) / BATCH
    new_w, new_b, loss = reference.step(w, b, x[0], labels[0], RATE)
    np.testing.assert_allclose(loss, -np.log(p[np.arange(BATCH), labels[0]]).mean(), rtol=1e-6)
    np.testing.assert_allclose(new_w, w64 - RATE * x64.T @ g, atol=1e-6)
    np.testing.assert_allclose(new_b, b - RATE * g.sum(0), atol=1e-6)


@pytest.mark.parametrize("function", [mpmath.exp, mpmath.log])
def test_functions_round_once(function):
    for value in np.random.default_rng(0).uniform(0.01, 20, 300).astype("f4"):
        got = reference.correctly_rounded(function, value)
        with mpmath.workprec(300):
            exact = function(mpmath.mpf(float(value)))
            near = [np.nextafter(got, np.float32(s)) for s in (-np.inf, np.inf)]
            distance = [abs(mpmath.mpf(float(v)) - exact) for v in (got, *near)]
        assert distance[0] == min(distance)
