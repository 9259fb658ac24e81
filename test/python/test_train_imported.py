# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Imported models in prec-eval and prec-train: they begin with their weights, and train as PyTorch trains them.

Each step takes all samples, so that no order of batches counts. With u = 2^-24 two orders of a sum of n terms differ by at most
2 (n + 1) u S, where S is the sum of their magnitudes: for a logit here n <= 72, and S is about 4 (weights up to n^-1/2, inputs of
deviation 1). The cross-entropy passes a logit's difference on at most twice: 7e-5 at worst of losses above 1. Each of the 4 updates
moves weights by 0.1 of gradients that differ relatively by as much, which adds less than half of that: RELATIVE. Weights move by less
than 0.4 in all, so that they part by less than ABSOLUTE. Another formula is off by 1e-2."""
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import BUILD, SOURCE

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

COUNT, CLASSES, STEPS, RATE = 24, 5, 4, 0.1
RELATIVE, ABSOLUTE = 1e-4, 4e-5


@pytest.fixture(autouse=True)
def package(monkeypatch):
    monkeypatch.setenv("PREC_BUILD_DIR", str(BUILD))
    monkeypatch.syspath_prepend(str(SOURCE / "python"))


def network():
    torch.manual_seed(0)
    layers = torch.nn
    made = layers.Sequential(
        layers.Conv2d(2, 4, 3, padding=1), layers.BatchNorm2d(4), layers.ReLU(), layers.MaxPool2d(2), layers.Flatten(),
        layers.Linear(36, CLASSES),
    )  # fmt: skip
    made[1].running_mean[:] = torch.randn(4)
    made[1].running_var[:] = torch.rand(4) + 0.5
    return made.eval()


def data(folder):
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((COUNT, 2, 6, 6), np.float32), rng.integers(0, CLASSES, COUNT)
    np.savez(folder / "d.npz", x=x, y=y, x_test=x, y_test=y)
    return torch.from_numpy(x), torch.from_numpy(y)


def torch_losses(model, x, y):
    """The network in eval mode, so that the statistics stay; SGD on all samples."""
    update, losses = torch.optim.SGD(model.parameters(), RATE), []
    for _ in range(STEPS):
        update.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        update.step()
        losses.append(loss.item())
    return losses


def as_onnx(model):
    """What the network is in ONNX: by hand, torch's exporter needs more packages."""
    w = {f"{k}.{n}": p.detach().numpy() for k, layer in enumerate(model) for n, p in layer.state_dict().items() if p.ndim}
    text = """<ir_version: 8, opset_import: ["" : 17]>
    g (float[n,2,6,6] x) => (float[n,5] logits) {
      c = Conv<pads = [1, 1, 1, 1]>(x, conv_w, conv_b)
      b = BatchNormalization<epsilon = 0.00001>(c, norm_w, norm_b, norm_m, norm_v)
      r = Relu(b)
      p = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(r)
      f = Flatten(p)
      logits = Gemm<transB = 1>(f, fc_w, fc_b)
    }"""
    made = onnx.parser.parse_model(text)
    names = {"conv_w": "0.weight", "conv_b": "0.bias", "norm_w": "1.weight", "norm_b": "1.bias", "norm_m": "1.running_mean",
             "norm_v": "1.running_var", "fc_w": "5.weight", "fc_b": "5.bias"}  # fmt: skip
    made.graph.initializer.extend(onnx.numpy_helper.from_array(w[full], name) for name, full in names.items())
    return made


def export(front, model, folder):
    if front == "torch":
        import prec.torch

        prec.torch.export(model, (torch.zeros(COUNT, 2, 6, 6),), folder / "m.mlir")
        return
    onnx.save(as_onnx(model), folder / "m.onnx")
    done = subprocess.run(
        [sys.executable, "-m", "prec", "import", folder / "m.onnx", "-o", folder / "m.mlir"],
        env={**os.environ, "PYTHONPATH": str(SOURCE / "python")}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("front", ["torch", "onnx"])
def test_an_imported_model_goes_on_training_as_in_pytorch(front, tmp_path, run):
    model = network()
    x, y = data(tmp_path)
    export(front, model, tmp_path)
    common = [tmp_path / "m.mlir", "--weights", tmp_path / "m.npz", "--data", tmp_path / "d.npz", f"--batch-size={COUNT}"]
    run("prec-train", *common, f"--steps={STEPS}", f"--learning-rate={RATE}", "--log", tmp_path / "l.jsonl",
        "--save-weights", tmp_path / "w.npz")  # fmt: skip
    losses = [json.loads(line)["loss"] for line in open(tmp_path / "l.jsonl")]
    np.testing.assert_allclose(losses, torch_losses(model, x, y), rtol=RELATIVE)
    # The statistics stay; the other weights are PyTorch's.
    theirs = {n: p.detach().numpy() for n, p in model.state_dict().items() if p.ndim}
    with np.load(tmp_path / "m.npz") as first, np.load(tmp_path / "w.npz") as last:
        for name, array in last.items():
            kept = np.array_equal(first[name], array)
            assert kept == (name in ("norm_m", "norm_v") or "running" in name or "batches" in name)
            if name in theirs:
                np.testing.assert_allclose(array, theirs[name], rtol=0, atol=ABSOLUTE)
    # And at the trained weights prec-eval has PyTorch's loss and accuracy.
    common[2] = tmp_path / "w.npz"
    run("prec-eval", *common, "--log", tmp_path / "e.jsonl")
    found = json.loads((tmp_path / "e.jsonl").read_text().splitlines()[-1])
    logits = model(x)
    assert found["accuracy"] == pytest.approx((logits.argmax(1) == y).double().mean().item())
    assert found["loss"] == pytest.approx(torch.nn.functional.cross_entropy(logits, y).item(), rel=RELATIVE)


@pytest.mark.parametrize("shapes", [None, "batch"])
def test_a_module_in_training_mode_trains_with_the_batchs_statistics(shapes, tmp_path, run):
    """@forward has the batch's mean and variance and the running ones as next states; @predict is the module in evaluation."""
    import prec.torch

    model = network().train()
    x, y = data(tmp_path)
    dynamic = shapes and ({0: torch.export.Dim("batch", min=2, max=64)},)
    prec.torch.export(model, (x,), tmp_path / "m.mlir", dynamic_shapes=dynamic)
    common = [tmp_path / "m.mlir", "--data", tmp_path / "d.npz", f"--batch-size={COUNT}"]
    train = [*common, "--weights", tmp_path / "m.npz", f"--steps={STEPS}", f"--learning-rate={RATE}", "--log", tmp_path / "l.jsonl"]

    def losses(*flags):
        run("prec-train", *train, *flags)
        return [json.loads(line)["loss"] for line in open(tmp_path / "l.jsonl")]

    rounded = losses("--truncate-mantissa=5")
    mine = losses("--save-weights", tmp_path / "w.npz")
    theirs = torch_losses(model, x, y)
    np.testing.assert_allclose(mine, theirs, rtol=RELATIVE)
    assert rounded != mine and np.isfinite(rounded).all()
    with np.load(tmp_path / "m.npz") as first, np.load(tmp_path / "w.npz") as last:
        assert last["1.num_batches_tracked"] == STEPS and first["1.num_batches_tracked"] == 0
        for name, tensor in model.state_dict().items():
            np.testing.assert_allclose(last[name], tensor.numpy(), rtol=RELATIVE, atol=ABSOLUTE)
            # What is added before a norm has no gradient but by rounding.
            assert name == "0.bias" or not np.array_equal(first[name], last[name])
    found = json.loads(run("prec-eval", *common, "--weights", tmp_path / "w.npz", "--log", "-").stdout)
    logits = model.eval()(x)
    assert found["loss"] == pytest.approx(torch.nn.functional.cross_entropy(logits, y).item(), rel=RELATIVE)
    if shapes:  # the statistics go from part to part
        parts = losses("--accumulate=2", "--save-weights", tmp_path / "p.npz")
        assert parts != mine and np.load(tmp_path / "p.npz")["1.num_batches_tracked"] == 2 * STEPS


def test_what_training_mode_exports(tmp_path):
    """Without buffers that change it is @main, as in evaluation; constants of one mode alone are refused."""
    import prec.frontend
    import prec.torch

    plain = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU()).train()
    prec.torch.export(plain, (torch.zeros(2, 4),), tmp_path / "p.mlir")
    text = (tmp_path / "p.mlir").read_text()
    assert "func.func @main(" in text and "@predict" not in text

    class TwoModes(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = torch.nn.BatchNorm1d(4)

        def forward(self, x):
            x = self.norm(x)
            return x + torch.tensor([1.0, 2.0, 3.0, 4.0]) if self.training else x

    with pytest.raises(prec.frontend.FrontendError, match="other constants in training than in evaluation"):
        prec.torch.export(TwoModes().train(), (torch.zeros(2, 4),), tmp_path / "t.mlir")
    assert not (tmp_path / "t.mlir").exists()


def test_tokens_are_numpys_integers(tmp_path, run):
    """i64 in the data, as NumPy makes them, and in the model, as PyTorch has them."""
    import prec.torch

    torch.manual_seed(0)
    layers = torch.nn
    model = layers.Sequential(layers.Embedding(11, 6), layers.Flatten(), layers.Linear(42, CLASSES))
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 11, (COUNT, 7)), rng.integers(0, CLASSES, COUNT)
    np.savez(tmp_path / "d.npz", x=x, y=y, x_test=x, y_test=y)
    prec.torch.export(model, (torch.from_numpy(x),), tmp_path / "m.mlir")
    common = [tmp_path / "m.mlir", "--weights", tmp_path / "m.npz", f"--batch-size={COUNT}", f"--steps={STEPS}",
              f"--learning-rate={RATE}", "--log", tmp_path / "l.jsonl"]  # fmt: skip
    run("prec-train", *common, "--data", tmp_path / "d.npz")
    losses = [json.loads(line)["loss"] for line in open(tmp_path / "l.jsonl")]
    np.testing.assert_allclose(losses, torch_losses(model, torch.from_numpy(x), torch.from_numpy(y)), rtol=RELATIVE)
    x[0, 0] = 1 << 31
    np.savez(tmp_path / "d.npz", x=x, y=y, x_test=x, y_test=y)
    done = run("prec-train", *common, "--data", tmp_path / "d.npz", check=False)
    assert done.returncode == 1 and "found 2147483648, expected numbers of 32 bits" in done.stderr


def test_what_jax_exports_trains_as_in_jax(tmp_path, run):
    jax = pytest.importorskip("jax")
    import prec.jax

    def logits(weights, x):
        hidden = jax.numpy.tanh(x.reshape(x.shape[0], -1) @ weights["w"] + weights["b"])
        return hidden @ weights["v"]

    x, y = (np.asarray(t) for t in data(tmp_path))
    rng = np.random.default_rng(2)
    weights = {n: rng.standard_normal(s).astype("f4") / 4 for n, s in (("w", (72, 7)), ("b", (7,)), ("v", (7, CLASSES)))}
    prec.jax.export(logits, (weights, x), tmp_path / "m.mlir", weights=(0,))
    run("prec-train", tmp_path / "m.mlir", "--weights", tmp_path / "m.npz", "--data", tmp_path / "d.npz", f"--batch-size={COUNT}",
        f"--steps={STEPS}", f"--learning-rate={RATE}", "--log", tmp_path / "l.jsonl")  # fmt: skip
    losses = [json.loads(line)["loss"] for line in open(tmp_path / "l.jsonl")]

    def loss(weights):
        found = jax.nn.log_softmax(logits(weights, x))
        return -found[np.arange(COUNT), y].mean()

    for mine in losses:
        value, gradient = jax.value_and_grad(loss)(weights)
        assert mine == pytest.approx(float(value), rel=RELATIVE)
        weights = jax.tree.map(lambda w, g: w - RATE * g, weights, gradient)


@pytest.fixture
def fails(run):
    def call(*arguments):
        done = run(*arguments, check=False)
        assert done.returncode == 1
        return done.stderr

    return call


def test_weights_that_do_not_fit(tmp_path, fails):
    """As prec-eval says it; a model without prec.init needs some."""
    model = network()
    data(tmp_path)
    export("onnx", model, tmp_path)
    common = [tmp_path / "m.mlir", "--data", tmp_path / "d.npz", "--steps=1", "--batch-size=8"]
    assert "no prec.init" in fails("prec-train", *common)
    with np.load(tmp_path / "m.npz") as arrays:
        weights = dict(arrays)
    np.savez(tmp_path / "few.npz", **{n: a for n, a in weights.items() if n != "fc_w"})
    assert "'fc_w' of @step: '" in (said := fails("prec-train", *common, "--weights", tmp_path / "few.npz"))
    assert "has no such array; it has: " in said and "conv_w" in said
    np.savez(tmp_path / "other.npz", **(weights | {"fc_w": np.zeros((5, 35), np.float32)}))
    assert "found tensor<5x35xf32>" in fails("prec-train", *common, "--weights", tmp_path / "other.npz")
    assert "absent.npz" in fails("prec-train", *common, "--weights", tmp_path / "absent.npz")
