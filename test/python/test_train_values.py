# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Training and evaluation on values to fit, each loss against its formula and its gradient by hand, in f64.

Sums have at most 60 terms below 4 in magnitude and three steps are taken; by test_train_imported.py's bound, 2 (n + 1) u S below
120 * 2^-24 * 4 = 3e-5 a step, losses above 0.3: RELATIVE."""
import json

import numpy as np
import pytest

COUNT, TEST, STEPS, RATE = 20, 7, 3, 0.5
RELATIVE = 3e-4
NET = {"version": 1, "name": "net", "input": [5],
       "layers": [{"type": "dense", "name": "fc", "units": 3, "init": {"weight": "zeros", "bias": "zeros"}}]}  # fmt: skip
LOSSES = ["squared-error", "absolute-error", "huber", "binary-cross-entropy", "softmax-cross-entropy"]


def softmax(o):
    e = np.exp(o - o.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def loss_of(kind, o, v):
    d = o - v
    if kind == "softmax-cross-entropy":
        return -(v * np.log(softmax(o))).sum(-1).mean()
    return {"squared-error": lambda: d**2, "absolute-error": lambda: abs(d),
            "huber": lambda: np.where(abs(d) <= 1, d**2 / 2, abs(d) - 0.5),
            "binary-cross-entropy": lambda: np.log1p(np.exp(-abs(o))) + np.maximum(o, 0) - o * v}[kind]().mean()  # fmt: skip


def gradient_of(kind, o, v):
    d = o - v
    if kind == "softmax-cross-entropy":
        return (softmax(o) * v.sum(-1, keepdims=True) - v) / (o.size / o.shape[-1])
    return {"squared-error": lambda: 2 * d, "absolute-error": lambda: np.sign(d), "huber": lambda: np.clip(d, -1, 1),
            "binary-cross-entropy": lambda: 1 / (1 + np.exp(-o)) - v}[kind]() / o.size  # fmt: skip


def expected(kind, x, v, steps=STEPS):
    """Losses of the steps, and the weights after them."""
    w, b, losses = np.zeros((x.shape[1], v.shape[1])), np.zeros(v.shape[1]), []
    for _ in range(steps):
        o = x @ w + b
        losses.append(loss_of(kind, o, v))
        g = gradient_of(kind, o, v)
        w, b = w - RATE * x.T @ g, b - RATE * g.sum(0)
    return losses, w, b


def data_for(kind, rng, count):
    x = rng.standard_normal((count, 5)).astype(np.float32)
    v = 3 * rng.standard_normal((count, 3))
    if kind.endswith("entropy"):
        v = softmax(v) if kind.startswith("softmax") else rng.random((count, 3))
    # Outputs are zeros at first: where the absolute error has no slope, and where Huber's loss changes its formula.
    v[:2] = {"absolute-error": 0, "huber": 1}.get(kind, v[:2])
    return x, v.astype(np.float32)


@pytest.fixture
def place(tmp_path):
    def make(kind, dtype=np.float32):
        rng = np.random.default_rng(LOSSES.index(kind))
        (x, v), (tx, tv) = data_for(kind, rng, COUNT), data_for(kind, rng, TEST)
        np.savez(tmp_path / "d.npz", x_train=x, y_train=v.astype(dtype), x_test=tx, y_test=tv.astype(dtype))
        (tmp_path / "net.json").write_text(json.dumps(NET))
        return x.astype(np.float64), v.astype(np.float64), tx.astype(np.float64), tv.astype(np.float64)

    return make


def train(run, folder, *flags, model="net.json", batch=COUNT, check=True):
    done = run("prec-train", folder / model, "--data", folder / "d.npz", f"--batch-size={batch}", f"--steps={STEPS}",
               f"--learning-rate={RATE}", "--log=-", "--save-weights", folder / "w.npz", *flags, check=check)  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()] if check else done


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", LOSSES)
def test_each_loss_and_its_gradient(kind, dtype, place, tmp_path, run):
    x, v, tx, tv = place(kind, dtype)
    losses, w, b = expected(kind, x, v)
    lines = train(run, tmp_path, f"--loss={kind}", "--eval-every=1", "--eval-f32")
    assert [line["loss"] for line in lines] == pytest.approx(losses, rel=RELATIVE)
    with np.load(tmp_path / "w.npz") as saved:
        np.testing.assert_allclose(saved["fc.weight"], w, rtol=RELATIVE, atol=RELATIVE)
        np.testing.assert_allclose(saved["fc.bias"], b, rtol=RELATIVE, atol=RELATIVE)
    last = lines[-1]
    assert last["training_loss"] == pytest.approx(loss_of(kind, x[:TEST] @ w + b, v[:TEST]), rel=RELATIVE)
    assert last["test_loss"] == pytest.approx(loss_of(kind, tx @ w + b, tv), rel=RELATIVE)
    assert "accuracy" not in last and "test_accuracy" not in last
    # Two parts of a batch have the mean of their losses.
    parts = train(run, tmp_path, f"--loss={kind}", "--accumulate=2")
    assert [line["loss"] for line in parts] == pytest.approx(losses, rel=RELATIVE)


@pytest.mark.parametrize("kind", LOSSES)
def test_eval(kind, place, tmp_path, run):
    x, v, tx, tv = place(kind)
    train(run, tmp_path, f"--loss={kind}")
    _, w, b = expected(kind, x, v)

    def found(*flags):
        text = run("prec-eval", tmp_path / "net.json", "--data", tmp_path / "d.npz", "--weights", tmp_path / "w.npz", f"--loss={kind}",
                   "--batch-size=3", *flags).stdout  # fmt: skip
        return text

    line = json.loads(found("--log=-"))
    assert line["samples"] == TEST and "accuracy" not in line
    assert line["loss"] == pytest.approx(loss_of(kind, tx @ w + b, tv), rel=RELATIVE)
    heads, row = (text.split() for text in found().splitlines())
    assert heads[-1] == "loss" and float(row[-1]) == pytest.approx(line["loss"], abs=1e-6)
    lines = [json.loads(text) for text in found("--log=-", "--truncate-mantissa=1,2").splitlines()]
    assert len({line["loss"] for line in lines}) == 2


def test_the_usual_loss_is_the_squared_error(place, tmp_path, run):
    x, v, tx, tv = place("squared-error")
    lines = train(run, tmp_path)
    losses, w, b = expected("squared-error", x, v)
    assert [line["loss"] for line in lines] == pytest.approx(losses, rel=RELATIVE)
    line = json.loads(run("prec-eval", tmp_path / "net.json", "--data", tmp_path / "d.npz", "--weights", tmp_path / "w.npz",
                          "--log=-").stdout)  # fmt: skip
    assert line["loss"] == pytest.approx(loss_of("squared-error", tx @ w + b, tv), rel=RELATIVE)


def test_smoothed_probabilities(place, tmp_path, run):
    """PyTorch's: each probability becomes (1 - s) v + s / classes."""
    x, v, *_ = place("softmax-cross-entropy")
    lines = train(run, tmp_path, "--loss=softmax-cross-entropy", "--label-smoothing=0.25")
    losses, *_ = expected("softmax-cross-entropy", x, 0.75 * v + 0.25 / 3)
    assert [line["loss"] for line in lines] == pytest.approx(losses, rel=RELATIVE)


VECTOR = """
func.func @forward(%w: tensor<5xf32> {prec.name = "w", prec.role = "weight", prec.init = "zeros"},
                   %x: tensor<?x5xf32> {prec.name = "x", prec.role = "input"}) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x5xf32>
  %empty = tensor.empty(%n) : tensor<?xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
  %y = linalg.matvec ins(%x, %w : tensor<?x5xf32>, tensor<5xf32>) outs(%start : tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}
"""


def test_one_output_a_sample(tmp_path, run):
    """[batch], whether y is [count] or [count, 1], and a step that the model brings itself."""
    rng = np.random.default_rng(7)
    x, v = rng.standard_normal((COUNT, 5)).astype(np.float32), rng.standard_normal(COUNT).astype(np.float32)
    (tmp_path / "m.mlir").write_text(VECTOR)
    w, losses = np.zeros(5), []
    for _ in range(STEPS):
        losses.append(loss_of("squared-error", x @ w, v))
        w -= RATE * x.T @ gradient_of("squared-error", x @ w, v)
    for y in (v, v[:, None]):
        np.savez(tmp_path / "d.npz", x=x, y=y)
        lines = train(run, tmp_path, model="m.mlir")
        assert [line["loss"] for line in lines] == pytest.approx(losses, rel=RELATIVE)
    own = run("prec-opt", tmp_path / "m.mlir", "--prec-make-training-step=loss=squared-error targets=values").stdout
    (tmp_path / "step.mlir").write_text(own)
    assert train(run, tmp_path, model="step.mlir") == [{**line, "seconds": pytest.approx(line["seconds"], abs=60)} for line in lines]
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(COUNT))
    assert "found tensor<?xf32>, expected values" not in train(run, tmp_path, model="step.mlir", check=False).stderr
    assert "expected labels, i32" in train(run, tmp_path, model="step.mlir", check=False).stderr
    assert "expected logits [batch, classes]" in train(run, tmp_path, model="m.mlir", check=False).stderr


def test_patience_and_the_best_weights_go_by_the_test_loss(place, tmp_path, run):
    """At a rate of 30 the loss grows: the first evaluation is the best one."""
    x, v, *_ = place("squared-error")
    np.savez(tmp_path / "d.npz", x_train=x, y_train=v, x_test=x, y_test=v)
    best = tmp_path / "best.npz"
    flags = ["--eval-every=1", "--learning-rate=30", "--save-best", best]
    lines = train(run, tmp_path, *flags, "--patience=1")
    assert [line.get("best") for line in lines] == [True, None]
    train(run, tmp_path, "--steps=1", "--learning-rate=30")
    with np.load(best) as kept, np.load(tmp_path / "w.npz") as first:
        assert all((kept[name] == first[name]).all() for name in kept)
    lines = train(run, tmp_path, "--eval-every=1", "--save-best", best, "--patience=1", "--learning-rate=0.1")
    assert [line.get("best") for line in lines] == [True] * STEPS


def test_rounded_training_differs_and_resumes(place, tmp_path, run):
    place("huber")
    flags = ["--loss=huber", "--rounding=stochastic", "--format=e5m3"]
    whole = train(run, tmp_path, *flags)
    assert whole[-1]["loss"] != train(run, tmp_path, "--loss=huber")[-1]["loss"]
    checkpoint = tmp_path / "c"
    train(run, tmp_path, *flags, "--checkpoint", checkpoint, "--steps=3", "--checkpoint-every=2")
    done = train(run, tmp_path, *flags[1:], "--resume", checkpoint, check=False)
    assert done.returncode == 1 and "loss" in done.stderr and "huber" in done.stderr


def test_what_does_not_fit_is_refused(place, tmp_path, run):
    x, v, *_ = place("squared-error")
    for flags, said in (
        (["--label-smoothing=0.1"], "found label-smoothing, but loss squared-error compares outputs with values"),
        (["--class-axis=1"], "found class-axis, but outputs are compared with values"),
        (["--ignore-label=-100"], "found ignore-label, but outputs are compared with values"),
        (["--loss=hubert"], "unknown loss 'hubert', expected one of: softmax-cross-entropy, squared-error, absolute-error"),
    ):
        done = train(run, tmp_path, *flags, check=False)
        assert done.returncode == 1 and said in done.stderr
    labels = np.arange(COUNT) % 3
    for arrays, said in (
        ({"x": x, "y": v[:, :2]}, "2 values a sample, as the data set d has"),
        ({"x": x, "y": v, "x_test": x, "y_test": labels}, "expected labels in both, or values in both"),
        ({"x": x, "y": v, "x_test": x, "y_test": v[:, :2]}, "found test samples of 2 labels, but training samples of 3"),
        ({"x": x, "y": v.astype(np.float16)}, "expected integers, or f32 or f64 for values to fit"),
    ):
        np.savez(tmp_path / "d.npz", **{name: array.astype(np.float32) if array.dtype == np.float64 else array
                                        for name, array in arrays.items()})  # fmt: skip
        done = train(run, tmp_path, check=False)
        assert done.returncode == 1 and said in done.stderr, done.stderr
    np.savez(tmp_path / "d.npz", x=x.astype(np.float32), y=labels)
    said = "found labels, but loss huber compares outputs with values"
    assert said in train(run, tmp_path, "--loss=huber", check=False).stderr
    train(run, tmp_path)
    done = run("prec-eval", tmp_path / "net.json", "--data", tmp_path / "d.npz", "--weights", tmp_path / "w.npz", "--loss=huber",
               "--split=training", check=False)  # fmt: skip
    assert done.returncode == 1 and "loss huber compares outputs with values" in done.stderr
