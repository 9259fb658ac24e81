# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""RNN, GRU and LSTM: a loop over time, its carried values the states."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from prec.onnx.node import NotCovered

from .convolution import slice_of
from .layout import concat_of, insert_slice
from .linear import transpose
from .registry import pointwise, rule

if TYPE_CHECKING:
    from prec.onnx.builder import Builder
    from prec.onnx.emit import Scalar, Value
    from prec.onnx.node import Node

DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}


def _activation(name: str, alpha: float | None, beta: float | None) -> Callable[[Scalar], Scalar]:
    sigmoid = lambda x: 1.0 / ((-x).math("exp") + 1.0)  # noqa: E731
    table = {
        "Relu": lambda x: x.max(0), "Tanh": lambda x: x.math("tanh"), "Sigmoid": sigmoid,
        "Affine": lambda x: x * (1.0 if alpha is None else alpha) + (0.0 if beta is None else beta),
        "LeakyRelu": lambda x: (x < 0).select(x * (0.01 if alpha is None else alpha), x),
        "ThresholdedRelu": lambda x: (x > (1.0 if alpha is None else alpha)).select(x, 0),
        "HardSigmoid": lambda x: (
            x * (0.2 if alpha is None else alpha) + (0.5 if beta is None else beta)
        ).max(0).min(1),
        "Elu": lambda x: (x < 0).select((x.math("exp") - 1.0) * (1.0 if alpha is None else alpha), x),
        "Softsign": lambda x: x / (x.abs() + 1.0),
        "Softplus": lambda x: (x.math("exp") + 1.0).math("log"),
    }  # fmt: skip
    if name not in table:
        raise NotCovered(f"the activation '{name}'")
    return table[name]


class Cell:
    """One direction: its weights, and one step in time."""

    def __init__(self, b: Builder, node: Node, direction: int) -> None:
        self.b, self.node, self.kind = b, node, node.op
        self.hidden = node.attr("hidden_size") or node[2].shape[-1]
        self.gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[node.op]
        self.w, self.r = self._pick(1, direction), self._pick(2, direction)
        self.bias = self._pick(3, direction) if node.has(3) else None
        self.peephole = self._pick(7, direction) if node.op == "LSTM" and node.has(7) else None
        names = [n.decode() if isinstance(n, bytes) else n for n in node.attributes.get("activations", [])]
        count = len(DEFAULTS[node.op])
        names = names[direction * count : (direction + 1) * count] or DEFAULTS[node.op]
        alphas, betas = list(node.attr("activation_alpha", [])), list(node.attr("activation_beta", []))
        self.f = []
        for k, name in enumerate(names):
            at = direction * count + k
            self.f.append(_activation(name, *(s[at] if at < len(s) else None for s in (alphas, betas))))
        self.clip = node.attr("clip")

    def _pick(self, i: int, direction: int) -> Value:
        b, v = self.b, self.node[i]
        sizes = b.sizes(v)
        part = slice_of(b, v, [direction] + [0] * (v.rank - 1), [1, *sizes[1:]])
        return b.reshape_to(part, sizes[1:])

    def rows(self, v: Value, gate: int, count: int = 1) -> Value:
        """The rows of some gates of a weight or bias."""
        h = self.hidden
        return slice_of(self.b, v, [gate * h] + [0] * (v.rank - 1), [count * h, *self.b.sizes(v)[1:]])

    def product(self, x: Value, weight: Value) -> Value:
        """x weight^T."""
        b = self.b
        out = b.fill([b.sizes(x)[0], weight.shape[0]], 0, x.dtype)
        return b.generic(
            "ppr", [(x, "d0, d2"), (weight, "d1, d2")], [(out, "d0, d1")],
            lambda p, q, acc: acc + p * q,
        )  # fmt: skip

    def gate(self, x: Value, h: Value, k: int, recurrent: bool = True) -> Value:
        """x W_k^T + h R_k^T + biases."""
        b = self.b
        parts = [self.product(x, self.rows(self.w, k))]
        if recurrent:
            parts.append(self.product(h, self.rows(self.r, k)))
        if self.bias is not None:
            parts.append(self.rows(self.bias, k))
            if recurrent:
                parts.append(self.rows(self.bias, self.gates + k))

        def add(*terms: Scalar) -> Scalar:
            total = terms[0]
            for t in terms[1:]:
                total = total + t
            return total

        return pointwise(b, parts, x.dtype, add, b.sizes(parts[0]))

    def apply(self, k: int, v: Value) -> Value:
        def body(e: Scalar) -> Scalar:
            if self.clip:
                e = e.max(-self.clip).min(self.clip)
            return self.f[k](e)

        return pointwise(self.b, [v], v.dtype, body)

    def step(self, x: Value, h: Value, c: Value) -> tuple[Value, Value]:
        """The next (h, c)."""
        b, dtype = self.b, x.dtype
        if self.kind == "RNN":
            return self.apply(0, self.gate(x, h, 0)), c
        mul = lambda p, q: pointwise(b, [p, q], dtype, lambda s, t: s * t)  # noqa: E731
        add = lambda p, q: pointwise(b, [p, q], dtype, lambda s, t: s + t, b.sizes(p))  # noqa: E731
        if self.kind == "GRU":
            z, r = self.apply(0, self.gate(x, h, 0)), self.apply(0, self.gate(x, h, 1))
            inner = self.gate(x, h, 2, recurrent=False)
            if self.node.attr("linear_before_reset", 0):
                past = self.product(h, self.rows(self.r, 2))
                if self.bias is not None:
                    past = add(past, self.rows(self.bias, 5))
                past = mul(r, past)
            else:
                past = self.product(mul(r, h), self.rows(self.r, 2))
                if self.bias is not None:
                    past = add(past, self.rows(self.bias, 5))
            n = self.apply(1, add(inner, past))
            return pointwise(b, [z, n, h], dtype, lambda s, t, u: (1.0 - s) * t + s * u), c
        i, o, f, g = (self.gate(x, h, k) for k in range(4))
        if self.peephole is not None:
            i = add(i, mul_rows(b, c, self.rows(self.peephole, 0)))
            f = add(f, mul_rows(b, c, self.rows(self.peephole, 2)))
        i, g = self.apply(0, i), self.apply(1, g)
        if self.node.attr("input_forget", 0):
            f = pointwise(b, [i], dtype, lambda e: 1.0 - e)
        else:
            f = self.apply(0, f)
        c = pointwise(b, [f, c, i, g], dtype, lambda p, q, s, t: p * q + s * t)
        if self.peephole is not None:
            o = add(o, mul_rows(b, c, self.rows(self.peephole, 1)))
        o = self.apply(0, o)
        return mul(o, self.apply(2, c)), c


def mul_rows(b: Builder, v: Value, row: Value) -> Value:
    return pointwise(b, [v, row], v.dtype, lambda p, q: p * q, b.sizes(v))


@rule("RNN", "GRU", "LSTM")
def recurrent(b: Builder, node: Node) -> list[Value]:
    x, batch_first = node[0], node.attr("layout", 0)
    if batch_first:
        x = transpose(b, x, [1, 0, 2])
    direction = node.attr("direction", "forward")
    count = 2 if direction == "bidirectional" else 1
    time, batch, width = b.sizes(x)
    h_size = node.attr("hidden_size") or node[2].shape[-1]
    lengths = node[4] if node.has(4) else None
    sequences, lasts, cells = [], [], []
    for k in range(count):
        backward = direction == "reverse" or k == 1
        cell = Cell(b, node, k)

        def start(i: int) -> Value:
            if not node.has(i):
                return b.fill([batch, h_size], 0, x.dtype)
            v = transpose(b, node[i], [1, 0, 2]) if batch_first else node[i]
            return b.reshape_to(slice_of(b, v, [k, 0, 0], [1, batch, h_size]), [batch, h_size])

        h, c = start(5), start(6) if node.op == "LSTM" else b.fill([1, 1], 0, x.dtype)

        def step(t: Scalar, seq: Value, h: Value, c: Value, backward: bool = backward, cell: Cell = cell) -> tuple[Value, Value, Value]:
            at = (b.const(time, "index") - 1) - t if backward else t
            now = b.reshape_to(slice_of(b, x, [at, 0, 0], [1, batch, width]), [batch, width])
            new_h, new_c = cell.step(now, h, c)
            shown = new_h
            if lengths is not None:
                inside = lambda n: at < n.cast("index")  # noqa: E731
                keep = b.reshape_to(lengths, [batch, 1])
                pick = lambda p, q: pointwise(b, [keep, p, q], p.dtype, lambda n, e, f: inside(n).select(e, f), b.sizes(p))  # noqa: E731
                shown = pointwise(b, [keep, new_h], h.dtype, lambda n, e: inside(n).select(e, 0), b.sizes(new_h))
                new_h = pick(new_h, h)
                new_c = pick(new_c, c) if node.op == "LSTM" else c
            row = b.reshape_to(shown, [1, batch, h_size])
            return insert_slice(b, row, seq, [at, 0, 0]), new_h, new_c

        seq, h, c = b.loop(0, time, [b.empty([time, batch, h_size], x.dtype), h, c], step)
        sequences.append(b.reshape_to(seq, [time, 1, batch, h_size]))
        lasts.append(b.reshape_to(h, [1, batch, h_size]))
        cells.append(b.reshape_to(c, [1, batch, h_size]) if node.op == "LSTM" else None)
    join = lambda v, axis: v[0] if count == 1 else concat_of(b, v, axis)  # noqa: E731
    y, h = join(sequences, 1), join(lasts, 0)
    c = join(cells, 0) if node.op == "LSTM" else None
    if batch_first:
        y, h = transpose(b, y, [2, 0, 1, 3]), transpose(b, h, [1, 0, 2])
        c = transpose(b, c, [1, 0, 2]) if c is not None else None
    return [y, h, c][: len(node.proto.output)]
