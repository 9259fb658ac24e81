# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""prec-make-training-step against its formulas in NumPy, f64, three steps in a row.

Oracles: softmax regression's gradient by hand, and each optimiser as torch.optim's
documentation states it, written here once more with powers in place of recurrences.
"""
import numpy as np
import pytest
from mlir_call import Module, prec_opt
from mlir_text import Function

B, N, C = 5, 4, 3
RATE = 0.125
# A few hundred f64 roundings of values below 8.
BOUND = 512 * 8 * 2.0**-53


def forward():
    f = Function(
        "forward", w=(N, C), bias=(C,), x=(B, N),
        attributes={
            "w": '{prec.name = "w", prec.role = "weight", prec.init = "normal:0.1"}',
            "bias": '{prec.name = "b", prec.role = "weight", prec.init = "zeros"}',
            "x": '{prec.name = "x", prec.role = "input"}',
        },
    )
    y = f.contract("i,k; k,j -> i,j", f.x, f.w, scope="fc")
    return f.returns(f.binary("arith.addf", y, f.bias, "i,j; j -> i,j", scope="fc")).text()


def sgd(p, gs, wd):
    for g in gs:
        yield (p := p - RATE * (g(p) + wd * p))


def momentum(p, gs, wd, nesterov=False):
    v = 0
    for g in gs:
        d = g(p) + wd * p
        v = 0.9 * v + d
        yield (p := p - RATE * (d + 0.9 * v if nesterov else v))


def adam(p, gs, wd, decoupled=False):
    m = v = 0
    for t, g in enumerate(gs, 1):
        d = g(p)
        if decoupled:
            p = p * (1 - RATE * wd)
        else:
            d = d + wd * p
        m, v = 0.9 * m + 0.1 * d, 0.999 * v + 0.001 * d * d
        mhat, vhat = m / (1 - 0.9**t), v / (1 - 0.999**t)
        yield (p := p - RATE * mhat / (np.sqrt(vhat) + 1e-8))


def root(p, gs, wd, keep, add, epsilon):
    s = 0
    for g in gs:
        d = g(p) + wd * p
        s = keep * s + add * d * d
        yield (p := p - RATE * d / (np.sqrt(s) + epsilon))


OPTIMIZERS = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": lambda p, gs, wd: momentum(p, gs, wd, nesterov=True),
    "adam": adam,
    "adamw": lambda p, gs, wd: adam(p, gs, wd, decoupled=True),
    "rmsprop": lambda p, gs, wd: root(p, gs, wd, 0.99, 0.01, 1e-8),
    "adagrad": lambda p, gs, wd: root(p, gs, wd, 1, 1, 1e-10),
}


def cross_entropy(logits, onehot):
    shifted = logits - logits.max(1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)
    return -(np.log(p) * onehot).sum() / len(p), (p - onehot) / len(p)


def squared_error(logits, onehot):
    d = logits - onehot
    return (d * d).mean(), 2 * d / d.size


LOSSES = {"softmax-cross-entropy": cross_entropy, "squared-error": squared_error}


def clipped(g, value=0.0, norm=0.0):
    """As the documentation of torch.nn.utils.clip_grad_value_ and clip_grad_norm_ says."""
    if value:
        g = np.clip(g, -value, value)
    return g * min(1, norm / (np.sqrt((g * g).sum()) + 1e-6)) if norm else g


def reference(optimizer, loss, decay, w, b, batches, smoothing=0.0, **limits):
    """Losses before each step, and the last w and b stacked as rows."""
    losses = []

    def gradient(x, labels):
        def of(p):
            target = (1 - smoothing) * np.eye(C)[labels] + smoothing / C
            value, g = LOSSES[loss](x @ p[:N] + p[N], target)
            losses.append(value)
            return clipped(np.vstack([x.T @ g, g.sum(0)]), **limits)
        return of

    steps = OPTIMIZERS[optimizer](np.vstack([w, b]), [gradient(*b) for b in batches], decay)
    return losses, list(steps)[-1]


@pytest.mark.parametrize(
    "optimizer, loss, decay",
    [(o, "softmax-cross-entropy", 0.0) for o in OPTIMIZERS]
    + [(o, "softmax-cross-entropy", 0.1) for o in OPTIMIZERS]
    + [("sgd", "squared-error", 0.0)],
)
def test_three_steps(tmp_path, optimizer, loss, decay):
    check_three_steps(tmp_path, optimizer, loss, decay)


@pytest.mark.parametrize("optimizer, loss", [("sgd", "softmax-cross-entropy"), ("adamw", "softmax-cross-entropy"), ("sgd", "squared-error")])
@pytest.mark.parametrize(
    "options",
    [{"smoothing": 0.1}, {"value": 0.05}, {"norm": 0.25}, {"norm": 1e9}, {"smoothing": 0.3, "value": 0.1, "norm": 0.2}],
)
def test_smoothing_and_clipping(tmp_path, optimizer, loss, options):
    check_three_steps(tmp_path, optimizer, loss, 0.1, **options)


@pytest.mark.parametrize("option", ["label-smoothing=1.0", "label-smoothing=-0.1", "clip-norm=-1", "clip-value=-1"])
def test_limits_out_of_range(run, option):
    done = run("prec-opt", "-", f"--pass-pipeline=builtin.module(prec-make-training-step{{{option}}})",
               input=forward(), check=False)
    assert done.returncode == 1 and "expected 0 <= smoothing < 1" in done.stderr


def check_three_steps(tmp_path, optimizer, loss, decay, **options):
    words = {"smoothing": "label-smoothing", "value": "clip-value", "norm": "clip-norm"}
    more = "".join(f" {words[key]}={number}" for key, number in options.items())
    text = prec_opt(
        forward(),
        f"prec-make-training-step{{optimizer={optimizer} loss={loss} weight-decay={decay}{more}}}",
    )
    module = Module(text, tmp_path)
    random = np.random.default_rng(1)
    w, b = random.normal(0, 1, (N, C)), random.normal(0, 1, C)
    batches = [(random.normal(0, 1, (B, N)), random.integers(0, C, B).astype("i4")) for _ in range(3)]
    kinds = module.arguments["step"]
    state = [np.zeros([int(n) for n in k[7:].split("x")[:-1]] if "tensor" in k else ()) for k in kinds[:-3]]
    state[:2] = w, b
    losses = []
    for x, labels in batches:
        *state, value = module.step(*state, x, labels, RATE)
        losses.append(value)
    expected, last = reference(optimizer, loss, decay, w, b, batches, **options)
    # Adam divides by sqrt(v), which enlarges the errors of a small gradient.
    np.testing.assert_allclose(losses, expected, rtol=0, atol=16 * BOUND)
    np.testing.assert_allclose(np.vstack(state[:2]), last, rtol=0, atol=16 * BOUND)
    np.testing.assert_allclose(module.predict(w, b, x)[0], x @ w + b, rtol=0, atol=BOUND)
