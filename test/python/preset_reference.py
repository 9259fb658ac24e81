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


class SiteRounding:
    """A rounding that depends on its site, whose key is None where nothing is rounded because nothing would change."""

    def at(self, sites, key, values):
        if key is None:
            assert self.changes_nothing(values)
            return same(values)
        return self.rounded(sites, key, values)


class Stochastic(SiteRounding):
    """Takes a random word for each value."""

    def __init__(self, f):
        self.f = f

    def changes_nothing(self, values):
        words = [np.full(np.shape(values), word, "u4") for word in (0, 0xFFFFFFFF)]
        return all(np.array_equal(self.f(values, each), same(values)) for each in words)

    def rounded(self, sites, key, values):
        return self.f(values, sites.words(key, np.shape(values)))


class Feedback(SiteRounding):
    """Rounds the value plus what the site's rounding lost in the step before, which is `lost` by the site's key."""

    def __init__(self, f):
        self.f, self.lost = f, {}

    def changes_nothing(self, values):
        return np.array_equal(self.f(same(values)), same(values))

    def rounded(self, sites, key, values):
        total = same(values) + self.lost.get(key, f32(0))
        result = self.f(total)
        self.lost[key] = total - result
        return result


class Delayed(SiteRounding):
    """Rounds in units of a power of two that takes the largest magnitude of the last steps into the format's range.

    `states` by the site's key: [history, latest first; scale]. `f` rounds arrays, `largest` is its largest number.
    """

    def __init__(self, f, largest, steps):
        self.f, self.largest, self.steps, self.states, self.done = f, largest, steps, {}, {}

    def changes_nothing(self, values):
        return not np.any(values)

    def scale(self, amax):
        """By search, in exact f64."""
        k = 126
        while max(float(amax), 2.0**-126) * 2.0**k > self.largest and k > -126:
            k -= 1
        return f32(2.0**k)

    def rounded(self, sites, key, values):
        if self.done.get(key, (None,))[0] is sites:  # a second use in this step
            return self.done[key][1]
        history, scale = self.states.get(key, (np.zeros(self.steps, "f4"), f32(1)))
        result = self.f(same(values) * scale) / scale
        history = np.append(np.abs(same(values)).max(), history)[: self.steps].astype("f4")
        self.states[key] = history, self.scale(history.max()) if history.max() > 0 else scale
        self.done[key] = sites, result
        return result


@dataclass
class Rules:
    """What is rounded how: functions of arrays for (role, phase, class); granularity as in docs/policy.md, or by role."""

    granularity: str | Callable = "op"
    use: Callable = lambda role, phase, op: same  # of weights and inputs; the class is the user's
    result: Callable = lambda role, phase, op: same  # of operations
    product: Callable = same
    accumulator: Callable = same


class AnySite:
    """For rules that are the same at all sites; see preset_sites.Call."""

    left = ()

    def argument(self, name):
        return 0

    def result(self, scope, role, phase):
        return 0


class Step:
    def __init__(self, rules, sites=None):
        self.rules = rules
        self.sites = sites or AnySite()
        self.isElementary = rules.granularity == "elementary"

    def rounded(self, f, values, key):
        return f.at(self.sites, key, values) if isinstance(f, SiteRounding) else f(values)

    def use(self, name, values, role, phase, op="elementwise"):
        """An argument where it is used."""
        return self.rounded(self.rules.use(role, phase, op), values, self.sites.argument(name))

    def inside(self, values, role, phase):
        """A scalar operation in a body."""
        return self.rules.result(role, phase, "elementwise")(values) if self.isElementary else same(values)

    def done(self, values, scope, role, phase, op="elementwise", crosses=0):
        """An operation's result; `crosses` its scope's border (1) or the function's (2)."""
        key = self.sites.result(scope, role, phase)
        covered = {"elementary": False, "op": True, "layer": crosses >= 1, "batch": crosses == 2}
        rule, word = self.rules.result(role, phase, op), self.rules.granularity
        return self.rounded(rule, values, key) if covered[word(role) if callable(word) else word] else same(values)

    def constant(self, value, phase):
        finer = self.rules.granularity in ("elementary", "op")
        return self.rounded(self.rules.use("input", phase, "elementwise"), f32(value), None) if finer else f32(value)

    def contract(self, a, b, scope, role, phase, crosses=0):
        """sum_k a[k, i] b[k, j]"""
        total = np.zeros((a.shape[1], b.shape[1]), "f4")
        inner = lambda role: self.rules.result(role, phase, "contraction")
        P = inner("product") if self.isElementary else self.rules.product
        R = inner("accumulator") if self.isElementary else self.rules.accumulator
        separate = P is not same or R is not same
        for row_a, row_b in zip(a, b):
            x, y = row_a[:, None], row_b[None, :]
            total = R(total + P(x * y)) if separate else fma(x, y, total)
        return self.done(total, scope, role, phase, "contraction", crosses)

    def ascending(self, values, scope, role, phase):
        """The sum along axis 0, one after the other."""
        R = self.rules.result("accumulator", phase, "reduction") if self.isElementary else self.rules.accumulator
        total = np.zeros(values.shape[1:], "f4")
        for value in values:
            total = R(total + value)
        return self.done(total, scope, role, phase, "reduction")

    def partials(self, values, scope, role, phase):
        """The sum along axis 0, 16 interleaved parts joined by halves; ascending where sums are rounded."""
        if self.isElementary or self.rules.accumulator is not same:
            return self.ascending(values, scope, role, phase)
        parts = [values[k] for k in range(min(16, len(values)))]
        for k in range(16, len(values)):
            parts[k % 16] = parts[k % 16] + values[k]
        for half in (8, 4, 2, 1):
            for i in range(half):
                if i + half < len(parts):
                    parts[i] = parts[i] + parts[i + half]
        return self.done(f32(0) + parts[0], scope, role, phase, "reduction")

    def function(self, f, values):
        each = np.vectorize(lambda v: reference.correctly_rounded(f, v), otypes="f")
        return self.done(self.inside(each(values), "activation", "forward"), "loss", "activation", "forward")

    def __call__(self, weights, x, labels, rate):
        """New weights [w1, b1, ...] and the loss."""
        use, inside, done = self.use, self.inside, self.done
        layers, batch = len(weights) // 2, len(x)
        matrix = lambda l, phase: use(f"w{l + 1}", weights[2 * l], "weight", phase, "contraction")
        act, grad = ("activation", "forward"), ("gradient", "backward")
        a, z = [use("x", x, "input", "forward", "contraction")], []
        for l in range(layers):
            isLast, scope = l == layers - 1, f"fc{l + 1}"
            xw = self.contract(a[l].T, matrix(l, "forward"), scope, *act)
            bias = use(f"b{l + 1}", weights[2 * l + 1], "weight", "forward")
            z.append(done(inside(xw + bias, *act), scope, *act, crosses=isLast))
            if not isLast:
                relu = np.where(z[l] > 0, z[l], f32(0))
                a.append(done(relu, scope, *act, crosses=1))
        peak = done(z[-1].max(1), "loss", *act, "reduction")
        shifted = done(inside(z[-1] - peak[:, None], *act), "loss", *act)
        exp = self.function(mpmath.exp, shifted)
        total = self.partials(exp.T, "loss", *act)
        log = self.function(mpmath.log, total)
        isLabel = labels[:, None] == np.arange(z[-1].shape[1])
        picked = done(np.where(isLabel, inside(shifted - log[:, None], *act), f32(0)), "loss", *act)
        likelihood = self.partials(picked.reshape(-1), "loss", *act)
        lossOf = self.rules.result("loss", "forward", "elementwise")
        quotient = -likelihood / self.constant(batch, "forward")
        loss = same(lossOf(quotient))  # rounded at every granularity: it is a scalar result of the function
        p = inside(exp / total[:, None], *grad)
        error = inside(p - isLabel.astype("f4"), *grad)
        g = done(inside(error / self.constant(batch, "backward"), *grad), "loss", *grad, crosses=1)
        rounded_rate = use("lr", f32(rate), "input", "update")
        news = [None] * len(weights)
        for l in reversed(range(layers)):
            scope = f"fc{l + 1}"
            source = use("x", x, "input", "backward", "contraction") if l == 0 else a[l]
            dw = self.contract(source, g, scope, "weight-gradient", "backward")
            db = self.ascending(g, scope, "weight-gradient", "backward")
            for kind, i, d in (("b", 2 * l + 1, db), ("w", 2 * l, dw)):
                state = use(f"{kind}{l + 1}", weights[i], "state", "update")
                move = inside(rounded_rate * d, "state", "update")
                news[i] = done(inside(state - move, "state", "update"), scope, "state", "update", crosses=2)
            if l:
                da = self.contract(g.T, matrix(l, "backward").T, scope, *grad, crosses=1)
                g = done(np.where(z[l - 1] > 0, da, f32(0)), f"fc{l}", *grad)
        assert not self.sites.left
        return news, loss
