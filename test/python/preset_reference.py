# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The training step of mlp_model in NumPy under a policy written as Python functions.

Nothing of the project is used: f32 arrays, an fma by exact f64 and round-to-odd, formats by ml_dtypes and integer
masks, exp and log by mpmath.
"""
from dataclasses import dataclass
from typing import Callable

import mpmath
import numpy as np
import numpy_reference as reference

f32 = np.float32
same = lambda values: np.asarray(values, "f4")


def fma(a, b, c):
    """a * b + c of f32 arrays, rounded once: exact product, sum to odd in f64, then to f32."""
    p, c = np.float64(a) * np.float64(b), np.float64(c)
    s = p + c
    t = s - p
    error = (p - (s - t)) + (c - t)
    word = np.atleast_1d(s).view("i8").copy()
    step = np.where((error > 0) == (s > 0), 1, -1)
    word += np.where((error != 0) & (word & 1 == 0), step, 0).reshape(word.shape)
    return np.where(np.isfinite(s), word.view("f8").reshape(np.shape(s)), s).astype("f4")


@dataclass
class Rules:
    """What is rounded how. Each is a function of arrays; granularity as in docs/policy.md."""

    granularity: str = "op"
    use: Callable = lambda role, phase: same  # of weights and inputs
    result: Callable = lambda role, phase: same  # of operations
    product: Callable = same
    accumulator: Callable = same


class Step:
    def __init__(self, rules):
        self.rules = rules
        self.isElementary = rules.granularity == "elementary"

    def inside(self, values, role, phase):
        """A scalar operation in a body."""
        return self.rules.result(role, phase)(values) if self.isElementary else same(values)

    def done(self, values, role, phase, crosses=False):
        """An operation's result; `crosses` its scope's border (1) or the function's (2)."""
        covered = {"elementary": False, "op": True, "layer": crosses >= 1, "batch": crosses == 2}
        return self.rules.result(role, phase)(values) if covered[self.rules.granularity] else same(values)

    def constant(self, value, phase):
        finer = self.rules.granularity in ("elementary", "op")
        return self.rules.use("input", phase)(f32(value)) if finer else f32(value)

    def contract(self, a, b, role, phase, crosses=False):
        """sum_k a[k, i] b[k, j]"""
        total = np.zeros((a.shape[1], b.shape[1]), "f4")
        P = self.rules.result("product", phase) if self.isElementary else self.rules.product
        R = self.rules.result("accumulator", phase) if self.isElementary else self.rules.accumulator
        separate = P is not same or R is not same
        for row_a, row_b in zip(a, b):
            x, y = row_a[:, None], row_b[None, :]
            total = R(total + P(x * y)) if separate else fma(x, y, total)
        return self.done(total, role, phase, crosses)

    def ascending(self, values, role, phase, crosses=False):
        """The sum along axis 0, one after the other."""
        R = self.rules.result("accumulator", phase) if self.isElementary else self.rules.accumulator
        total = np.zeros(values.shape[1:], "f4")
        for value in values:
            total = R(total + value)
        return self.done(total, role, phase, crosses)

    def partials(self, values, role, phase, crosses=False):
        """The sum along axis 0, 16 interleaved parts joined by halves; ascending where sums are rounded."""
        if self.isElementary or self.rules.accumulator is not same:
            return self.ascending(values, role, phase, crosses)
        parts = [values[k] for k in range(min(16, len(values)))]
        for k in range(16, len(values)):
            parts[k % 16] = parts[k % 16] + values[k]
        for half in (8, 4, 2, 1):
            for i in range(half):
                if i + half < len(parts):
                    parts[i] = parts[i] + parts[i + half]
        return self.done(f32(0) + parts[0], role, phase, crosses)

    def function(self, f, values):
        each = np.vectorize(lambda v: reference.correctly_rounded(f, v), otypes="f")
        return self.done(self.inside(each(values), "activation", "forward"), "activation", "forward")

    def __call__(self, weights, x, labels, rate):
        """New weights [w1, b1, ...] and the loss."""
        use, inside, done = self.rules.use, self.inside, self.done
        layers, batch = len(weights) // 2, len(x)
        weight = lambda i, phase: use("weight", phase)(weights[i])
        act, grad = ("activation", "forward"), ("gradient", "backward")
        a, z = [use("input", "forward")(x)], []
        for l in range(layers):
            isLast = l == layers - 1
            xw = self.contract(a[l].T, weight(2 * l, "forward"), *act)
            z.append(done(inside(xw + weight(2 * l + 1, "forward"), *act), *act, crosses=isLast))
            if not isLast:
                relu = np.where(z[l] > 0, z[l], f32(0))
                a.append(done(relu, *act, crosses=1))
        shifted = done(inside(z[-1] - z[-1].max(1, keepdims=True), *act), *act)
        exp = self.function(mpmath.exp, shifted)
        total = self.partials(exp.T, *act)
        log = self.function(mpmath.log, total)
        isLabel = labels[:, None] == np.arange(z[-1].shape[1])
        picked = done(np.where(isLabel, inside(shifted - log[:, None], *act), f32(0)), *act)
        likelihood = self.partials(picked.reshape(-1), *act)
        lossOf = self.rules.result("loss", "forward")
        quotient = -likelihood / self.constant(batch, "forward")
        loss = same(lossOf(quotient))  # rounded at every granularity: it is a scalar result of the function
        p = inside(exp / total[:, None], *grad)
        error = inside(p - isLabel.astype("f4"), *grad)
        g = done(inside(error / self.constant(batch, "backward"), *grad), *grad, crosses=1)
        rounded_rate = use("input", "update")(f32(rate))
        news = [None] * len(weights)
        for l in reversed(range(layers)):
            source = use("input", "backward")(x) if l == 0 else a[l]
            dw = self.contract(source, g, "weight-gradient", "backward")
            db = self.ascending(g, "weight-gradient", "backward")
            for i, d in ((2 * l, dw), (2 * l + 1, db)):
                state = use("state", "update")(weights[i])
                move = inside(rounded_rate * d, "state", "update")
                news[i] = done(inside(state - move, "state", "update"), "state", "update", crosses=2)
            if l:
                da = self.contract(g.T, weight(2 * l, "backward").T, *grad, crosses=1)
                g = done(np.where(z[l - 1] > 0, da, f32(0)), *grad)
        return news, loss
