# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""prec-make-training-step{accumulate=K}: K micro-batches and one update, as NumPy does it in f64.

The network has a state that goes from one micro-batch to the next, and that the logits need.
"""
import json
import re

import numpy as np
import pytest
from mlir_call import Module, prec_opt
from mlir_text import Function
from test_training_step import BOUND, LOSSES, OPTIMIZERS, RATE, C, N, clipped

PARTS, SIZE = 4, 5  # micro-batches, samples of one


def forward():
    """logits = x w + b + s; the next s = s / 2 + the sum of the logits over the samples / 32."""
    f = Function(
        "forward", w=(N, C), bias=(C,), s=(C,), x=(SIZE, N),
        attributes={
            "w": '{prec.name = "w", prec.role = "weight"}',
            "bias": '{prec.name = "b", prec.role = "weight"}',
            "s": '{prec.name = "s", prec.role = "state"}',
            "x": '{prec.name = "x", prec.role = "input"}',
        },
    )
    y = f.contract("i,k; k,j -> i,j", f.x, f.w, scope="fc")
    y = f.binary("arith.addf", y, f.bias, "i,j; j -> i,j", scope="fc")
    y = f.binary("arith.addf", y, f.s, "i,j; j -> i,j", scope="shift")
    total = f.reduce("arith.addf", y, "i,j -> j", 0.0, scope="shift")
    shift = "%h = arith.constant 0.5 : $T\n%c = arith.constant 0.03125 : $T\n" \
            "%p = arith.mulf %a, %h : $T\n%q = arith.mulf %b, %c : $T\n%r = arith.addf %p, %q : $T"
    return f.returns(y, f.elementwise(shift, f.s, total, scope="shift")).text()


def reference(optimizer, loss, w, b, s, batches, **limits):
    """(losses, the last weights and bias stacked, the last state)."""
    losses, state = [], [s]

    def gradient(x, labels):
        def of(p):
            value, total = 0.0, np.zeros_like(p)
            for part, own in zip(np.split(x, PARTS), np.split(labels, PARTS)):
                logits = part @ p[:N] + p[N] + state[0]
                one, g = LOSSES[loss](logits, np.eye(C)[own])
                value, total = value + one, total + np.vstack([part.T @ g, g.sum(0)])
                state[0] = state[0] / 2 + logits.sum(0) / 32
            losses.append(value / PARTS)
            return clipped(total / PARTS, **limits)
        return of

    steps = OPTIMIZERS[optimizer](np.vstack([w, b]), [gradient(*b) for b in batches], 0.0)
    return losses, list(steps)[-1], state[0]


@pytest.mark.parametrize("optimizer, loss, options", [
    ("sgd", "softmax-cross-entropy", {}), ("momentum", "squared-error", {}),
    ("adam", "softmax-cross-entropy", {"norm": 0.25}), ("sgd", "softmax-cross-entropy", {"scale": "dynamic"}),
])  # fmt: skip
def test_three_steps(tmp_path, optimizer, loss, options):
    words = {"norm": "clip-norm", "scale": "loss-scale"}
    more = "".join(f" {words[key]}={value}" for key, value in options.items())
    module = Module(
        prec_opt(forward(), f"prec-make-training-step{{accumulate={PARTS} optimizer={optimizer} loss={loss}{more}}}"),
        tmp_path,
    )
    random = np.random.default_rng(1)
    w, b, s = random.normal(0, 1, (N, C)), random.normal(0, 1, C), random.normal(0, 0.1, C)
    batches = [
        (random.normal(0, 1, (PARTS * SIZE, N)), random.integers(0, C, PARTS * SIZE).astype("i4"))
        for _ in range(3)
    ]
    kinds = module.arguments["step"]
    state = [np.zeros([int(n) for n in k[7:].split("x")[:-1]] if "tensor" in k else ()) for k in kinds[:-3]]
    state[:3] = w, b, s
    if "scale" in options:
        state[-2] = np.float64(1024)
        del options["scale"]
    losses = []
    for x, labels in batches:
        *state, value = module.step(*state, x, labels, RATE)
        losses.append(value)
    expected, last, shift = reference(optimizer, loss, w, b, s, batches, **options)
    np.testing.assert_allclose(losses, expected, rtol=0, atol=16 * BOUND)
    np.testing.assert_allclose(np.vstack(state[:2]), last, rtol=0, atol=16 * BOUND)
    np.testing.assert_allclose(state[2], shift, rtol=0, atol=16 * BOUND)


def test_prec_train_goes_through_parts(run, tmp_path):
    """f32: the loss of the whole batch, and of four parts with an update behind the last."""
    random = np.random.default_rng(2)
    x, y = random.standard_normal((64, 6)).astype("f4"), random.integers(0, 3, 64).astype("i4")
    np.savez(tmp_path / "data.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    net = {"version": 1, "input": [6], "layers": [{"type": "dense", "name": "fc", "units": 3}]}
    (tmp_path / "net.json").write_text(json.dumps(net))
    losses = []
    for parts in (1, 4):
        run(
            "prec-train", tmp_path / "net.json", f"--data={tmp_path / 'data.npz'}", "--batch-size=32",
            "--steps=6", f"--accumulate={parts}", "--eval-every=0", f"--log={tmp_path / 'log'}",
            "--no-cache",
        )  # fmt: skip
        losses.append([json.loads(line)["loss"] for line in (tmp_path / "log").read_text().splitlines()])
    assert len(losses[0]) == 6
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


@pytest.mark.parametrize("rule", ["fc.activation=fixed<2,4>", "@contraction & input=fixed<1,2>", "input=m2:toward-zero", "weight=m2"])
def test_rules_round_in_parts_what_they_round_in_the_whole(run, tmp_path, rule):
    """A part of the samples is no activation, and rules about inputs ask for who uses them."""
    random = np.random.default_rng(3)
    x, y = random.standard_normal((64, 6)).astype("f4") * 2, random.integers(0, 3, 64).astype("i4")
    np.savez(tmp_path / "data.npz", x_train=x, y_train=y)
    net = {"version": 1, "input": [6], "layers": [{"type": "dense", "name": "fc", "units": 3}]}
    (tmp_path / "net.json").write_text(json.dumps(net))
    losses = []
    for flags in ["--round=" + rule], ["--round=" + rule, "--accumulate=4"], []:
        run("prec-train", tmp_path / "net.json", f"--data={tmp_path / 'data.npz'}", "--batch-size=32", "--learning-rate=0.01",
            "--steps=3", "--eval-every=0", f"--log={tmp_path / 'log'}", *flags)  # fmt: skip
        losses.append([json.loads(line)["loss"] for line in (tmp_path / "log").read_text().splitlines()])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    assert np.abs(np.subtract(losses[0], losses[2])).max() > 1e-3


def test_rounding_reaches_the_loop(run, tmp_path):
    """Operations of the loop are sites with their layers' names."""
    step = prec_opt(forward().replace("f64", "f32"), "prec-make-training-step{accumulate=2}")
    report = run("prec-opt", "-", "--format=bf16", "--report-sites=csv", input=step).stdout
    assert re.search(r"step,backward,fc,linalg.generic,weight-gradient,op,e8m7", report)
    assert re.search(r"step,forward,fc,linalg.generic,activation,op,e8m7", report)


def test_what_is_refused(run, tmp_path):
    for number in (0, -3):
        done = run("prec-opt", "-", f"--pass-pipeline=builtin.module(prec-make-training-step{{accumulate={number}}})",
                   input=forward(), check=False)
        assert done.returncode == 1 and "expected 1..1048576" in done.stderr
    done = run("prec-train", "softmax-regression", "--accumulate=3", "--steps=1", check=False)
    assert done.returncode == 1 and "expected a divisor of the batch size 128" in done.stderr
    words = """func.func @forward(%w: tensor<1x2xf32> {prec.name = "w", prec.role = "weight"}, %x: tensor<2x1xf32> {prec.name = "x"}) -> tensor<2x2xf32> {
      %k = arith.constant 7 : i64
      %p = arith.constant 3 : i32
      %r = prec.random %k, %p : i64, i32 -> i32
      %f = arith.uitofp %r : i32 to f32
      %i = tensor.splat %f : tensor<2x2xf32>
      %0 = linalg.matmul ins(%x, %w : tensor<2x1xf32>, tensor<1x2xf32>) outs(%i : tensor<2x2xf32>) -> tensor<2x2xf32>
      return %0 : tensor<2x2xf32>
    }"""
    done = run("prec-opt", "-", "--pass-pipeline=builtin.module(prec-make-training-step{accumulate=2})",
               input=words, check=False)
    assert done.returncode == 1 and "no position that goes on from part to part" in done.stderr
