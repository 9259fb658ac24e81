# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A label for each place of a sample: sequences, pictures of labels, and text, as PyTorch trains them.

The bound is test_train_imported.py's: sums here have at most 240 terms, so 2 (n + 1) u S is below 1.2e-4 of a loss above 1 with S as
there; the mean over all labels divides the sums of both sides alike.

By hand from logits that are known: a sum of 40,000 terms in 16 partial results is off by at most 2,500 u = 1.5e-4 of itself, its
logarithm by that, of a loss above 5; the mean over labels, 16 partial results too, by less: KNOWN."""
import json
import os

import numpy as np
import pytest
from conftest import BUILD, SOURCE

torch = pytest.importorskip("torch")

COUNT, CLASSES, STEPS, RATE = 16, 5, 4, 0.1
RELATIVE = 2e-4
KNOWN = 1e-4


@pytest.fixture(autouse=True)
def package(monkeypatch):
    monkeypatch.setenv("PREC_BUILD_DIR", str(BUILD))
    monkeypatch.syspath_prepend(str(SOURCE / "python"))


def sequences():
    """[batch, 7] tokens to [batch, 7, classes]."""
    layers = torch.nn
    block = layers.TransformerEncoderLayer(6, 2, 12, dropout=0.0, batch_first=True)
    rng = np.random.default_rng(0)
    return (layers.Sequential(layers.Embedding(11, 6), block, layers.Linear(6, CLASSES)),
            rng.integers(0, 11, (COUNT, 7)), rng.integers(0, CLASSES, (COUNT, 7)))  # fmt: skip


def pictures():
    """[batch, 3, 6, 8] to [batch, classes, 6, 8]."""
    layers = torch.nn
    rng = np.random.default_rng(1)
    return (layers.Sequential(layers.Conv2d(3, 4, 3, padding=1), layers.ReLU(), layers.Conv2d(4, CLASSES, 1)),
            rng.standard_normal((COUNT, 3, 6, 8), np.float32), rng.integers(0, CLASSES, (COUNT, 6, 8)))  # fmt: skip


def classes_second(model, x):
    logits = model(x)
    return logits.transpose(1, 2) if logits.ndim == 3 else logits


def torch_losses(model, x, y):
    update, losses = torch.optim.SGD(model.parameters(), RATE), []
    for _ in range(STEPS):
        update.zero_grad()
        loss = torch.nn.functional.cross_entropy(classes_second(model, x), y)
        loss.backward()
        update.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("make, flags", [(sequences, []), (pictures, ["--class-axis=1"])])
def test_each_place_has_a_label(make, flags, tmp_path, run):
    import prec.torch

    torch.manual_seed(0)
    model, x, y = make()
    model = model.eval()
    np.savez(tmp_path / "d.npz", x=x, y=y, x_test=x[:6], y_test=y[:6])
    batch = torch.export.Dim("batch", min=2, max=64)
    prec.torch.export(model, (torch.from_numpy(x),), tmp_path / "m.mlir", dynamic_shapes=({0: batch},))
    common = [tmp_path / "m.mlir", "--data", tmp_path / "d.npz", f"--batch-size={COUNT}", *flags]
    log = tmp_path / "l.jsonl"

    def losses(*more):
        run("prec-train", *common, "--weights", tmp_path / "m.npz", f"--steps={STEPS}", f"--learning-rate={RATE}", "--log", log,
            "--save-weights", tmp_path / "w.npz", *more)  # fmt: skip
        return [json.loads(line) for line in open(log)]

    rounded = [line["loss"] for line in losses("--truncate-mantissa=3")]
    parts = [line["loss"] for line in losses("--accumulate=4")]
    lines = losses()
    mine = [line["loss"] for line in lines]
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    theirs = torch_losses(model, x, y)
    np.testing.assert_allclose(mine, theirs, rtol=RELATIVE)
    np.testing.assert_allclose(parts, theirs, rtol=RELATIVE)
    assert rounded != mine and np.isfinite(rounded).all()
    # Accuracy counts labels; prec-eval, whose last batch is short, has it, too.
    logits = classes_second(model, x[:6])
    right = (logits.argmax(1) == y[:6]).double().mean().item()
    assert lines[-1]["test_accuracy"] == pytest.approx(right)
    common[3] = "--batch-size=4"
    found = json.loads(run("prec-eval", *common, "--weights", tmp_path / "w.npz", "--log", "-").stdout)
    assert found["samples"] == 6 and found["accuracy"] == pytest.approx(right)
    assert found["loss"] == pytest.approx(torch.nn.functional.cross_entropy(logits, y[:6]).item(), rel=RELATIVE)
    wrong = [f for f in ("--class-axis=1", "--class-axis=-1") if f not in flags][:1]
    common = [*common[:4], *wrong, "--weights", tmp_path / "w.npz"]
    assert "labels a sample; expected the labels' sizes with the classes behind" in run("prec-eval", *common, check=False).stderr
    assert "labels a sample, as the data set d has" in run("prec-train", *common, check=False).stderr
    for flag, said in (("--class-axis=4", "found class-axis 4, expected 1.."), ("--class-axis=0", "found class-axis 0, expected 1..")):
        for tool in ("prec-train", "prec-eval"):
            done = run(tool, *common[:4], flag, "--weights", tmp_path / "w.npz", check=False)
            assert done.returncode == 1 and said in done.stderr


BIGRAM = {
    "version": 1, "name": "bigram", "inputs": {"tokens": {"sizes": [8], "type": "i32"}},
    "layers": [{"type": "embedding", "name": "table", "count": 256, "units": 256, "init": {"weight": "zeros"}}],
    "loss": "softmax-cross-entropy",
}  # fmt: skip


def test_each_byte_of_a_text_has_the_next_as_its_label(tmp_path, run):
    """The text's test part is its last tenth; from a table of zeros all bytes are alike, and one step in f64 by hand follows."""
    text = b"abcab dabca " * 20
    (tmp_path / "t.txt").write_bytes(text)
    (tmp_path / "n.json").write_text(json.dumps(BIGRAM))
    common = [tmp_path / "n.json", "--data", tmp_path / "t.txt"]
    size = len(text) - len(text) // 10 - 8
    log = tmp_path / "l.jsonl"
    run("prec-train", *common, f"--batch-size={size}", "--steps=2", "--learning-rate=40", "--log", log)
    losses = [json.loads(line)["loss"] for line in open(log)]
    data = np.frombuffer(text, np.uint8)
    x = np.stack([data[i : i + 8] for i in range(size)]).ravel()
    y = np.stack([data[i + 1 : i + 9] for i in range(size)]).ravel()
    table = np.zeros((256, 256))
    np.add.at(table, (x, y), 40 / len(x))
    np.add.at(table, x, -40 / len(x) / 256)
    rows = table[x]
    expected = np.log(np.exp(rows).sum(1)) - rows[np.arange(len(x)), y]
    assert losses[0] == pytest.approx(np.log(256), rel=KNOWN)
    assert losses[1] == pytest.approx(expected.mean(), rel=KNOWN)


def test_a_large_vocabulary(tmp_path, run):
    """More classes than 16 bits hold."""
    net = json.loads(json.dumps(BIGRAM).replace("256", "40000"))
    head = {"type": "dense", "name": "head", "units": 40000, "init": {"weight": "zeros", "bias": "zeros"}}
    net["layers"] = [{"type": "embedding", "name": "table", "count": 40000, "units": 2}, head]
    (tmp_path / "n.json").write_text(json.dumps(net))
    x = np.full((4, 8), 39999, np.int32)
    np.savez(tmp_path / "d.npz", x=x, y=x)
    done = run("prec-train", tmp_path / "n.json", "--data", tmp_path / "d.npz", "--steps=1", "--batch-size=4", "--eval-every=0", "--log=-")
    assert json.loads(done.stdout)["loss"] == pytest.approx(np.log(40000), rel=KNOWN)


def test_labels_that_do_not_fit(tmp_path, run):
    (tmp_path / "n.json").write_text(json.dumps(BIGRAM))
    x, y = np.zeros((9, 8), np.int32), np.zeros((9, 8), np.int32)
    cases = {
        "but labels for 8 in": dict(x=x, y=y[:8]),
        "expected 1 labels a sample, as the data set d has": dict(x=x, y=y[:, 0]),
        "found tensor<2x8x256xf32>, expected 8 values a sample, as the data set d has (floats are values to fit, labels are integers)":
            dict(x=x, y=y.astype("f4")),
        "found labels as tensor<9x8xf16>, expected integers, or f32 or f64": dict(x=x, y=y.astype("f2")),
        "found test samples of 4 labels, but training samples of 8": dict(x=x, y=y, x_test=x, y_test=y[:, :4]),
        "found no samples": dict(x=x, y=y[:, :0]),
        "label 9 is -100, expected 0 to 1073741823": dict(x=x, y=np.where(np.arange(72).reshape(9, 8) == 9, -100, 0)),
        "label 3 is -1, expected 0 to 1073741823": dict(x=x, y=np.where(np.arange(72).reshape(9, 8) == 3, -1, 0).astype(np.int8)),
        "label 5 is 9223372036854775807, expected": dict(x=x, y=np.where(np.arange(72).reshape(9, 8) == 5, 1 << 63, 0).astype(np.uint64)),
        "label 9 is 256, expected 0 to 255": dict(x=x, y=y, x_test=x, y_test=np.where(np.arange(72).reshape(9, 8) == 9, 256, 255)),
    }
    y[8, 7] = 255
    for said, arrays in cases.items():
        np.savez(tmp_path / "d.npz", **arrays)
        done = run("prec-train", tmp_path / "n.json", "--data", tmp_path / "d.npz", "--steps=1", "--batch-size=2", check=False)
        assert done.returncode == 1 and said in done.stderr, (said, done.stderr)
    # A module with steps of its own knows where its classes are.
    done = run("prec-train", SOURCE / "models/logistic.mlir", "--class-axis=1", check=False)
    assert done.returncode == 1 and "has its own @step: --class-axis has no effect" in done.stderr
    done = run("prec-eval", SOURCE / "models/logistic.mlir", "--class-axis=1", "--weights", os.devnull, check=False)
    assert done.returncode == 1 and "has its own @predict: --class-axis has no effect" in done.stderr


@pytest.mark.parametrize("ignored", [-100, 1])
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
@pytest.mark.parametrize("make, flags", [(sequences, []), (pictures, ["--class-axis=1"])])
def test_a_label_that_counts_for_nothing(make, flags, smoothing, ignored, tmp_path, run):
    """PyTorch's ignore_index: a number outside of the classes, or one of them (a padding token)."""
    import prec.torch

    torch.manual_seed(3)
    model, x, y = make()
    model = model.eval()
    y[np.random.default_rng(2).random(y.shape) < 0.4] = ignored
    np.savez(tmp_path / "d.npz", x=x, y=y, x_test=x[:6], y_test=y[:6])
    batch = torch.export.Dim("batch", min=2, max=64)
    prec.torch.export(model, (torch.from_numpy(x),), tmp_path / "m.mlir", dynamic_shapes=({0: batch},))
    common = [tmp_path / "m.mlir", "--data", tmp_path / "d.npz", f"--ignore-label={ignored}", *flags]
    log = tmp_path / "l.jsonl"
    run("prec-train", *common, "--weights", tmp_path / "m.npz", f"--batch-size={COUNT}", f"--steps={STEPS}", f"--learning-rate={RATE}",
        f"--label-smoothing={smoothing}", "--log", log, "--save-weights", tmp_path / "w.npz")  # fmt: skip
    lines = [json.loads(line) for line in open(log)]
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    update = torch.optim.SGD(model.parameters(), RATE)
    for line in lines:
        update.zero_grad()
        loss = torch.nn.functional.cross_entropy(classes_second(model, x), y, ignore_index=ignored, label_smoothing=smoothing)
        assert line["loss"] == pytest.approx(loss.item(), rel=RELATIVE)
        loss.backward()
        update.step()
    logits, wanted = classes_second(model, x[:6]), y[:6]
    counted = wanted != ignored
    right = (logits.argmax(1) == wanted)[counted].double().mean().item()
    assert lines[-1]["test_accuracy"] == pytest.approx(right)
    found = json.loads(run("prec-eval", *common, "--weights", tmp_path / "w.npz", "--batch-size=4", "--log", "-").stdout)
    assert found["accuracy"] == pytest.approx(right)
    plain = torch.nn.functional.cross_entropy(logits, wanted, ignore_index=ignored).item()
    assert found["loss"] == pytest.approx(plain, rel=RELATIVE)


def test_labels_that_count(tmp_path, run):
    """Of 9 labels 5 count: the loss of zero weights is log 2 all the same."""
    zeros = {"weight": "zeros", "bias": "zeros"}
    net = {"version": 1, "name": "n", "input": [1], "layers": [{"type": "dense", "name": "fc", "units": 2, "init": zeros}]}
    (tmp_path / "n.json").write_text(json.dumps(net))
    y = np.array([0, 1, -1, 0, 1, -1, -1, 0, -1])
    np.savez(tmp_path / "d.npz", x=np.ones((9, 1), np.float32), y=y)
    common = ["prec-train", tmp_path / "n.json", "--data", tmp_path / "d.npz", "--batch-size=9", "--steps=1", "--log=-"]
    line = json.loads(run(*common, "--ignore-label=-1").stdout)
    assert line["loss"] == pytest.approx(np.log(2), rel=1e-6)
    done = run(*common, check=False)
    assert done.returncode == 1 and "label 2 is -1, expected 0 to 1073741823 (--ignore-label says which" in done.stderr
    np.savez(tmp_path / "d.npz", x=np.ones((9, 1), np.float32), y=abs(y))
    done = run(*common, "--ignore-label=5000000000", check=False)
    assert done.returncode == 1 and "found ignore-label=5000000000, expected a number of 32 bits" in done.stderr
    np.savez(tmp_path / "d.npz", x=np.ones((9, 1), np.float32), y=np.full(9, -1))
    done = run(*common, "--ignore-label=-1", check=False)
    assert done.returncode == 1 and "found only labels -1, which stand for none" in done.stderr
    test = {"x_test": np.ones((2, 1), np.float32), "y_test": np.array([-1, 0])}
    np.savez(tmp_path / "d.npz", x=np.ones((9, 1), np.float32), y=y, **test)
    run(*common, "--ignore-label=-1", "--save-weights", tmp_path / "w.npz")
    done = run("prec-eval", tmp_path / "n.json", "--data", tmp_path / "d.npz", "--weights", tmp_path / "w.npz", "--ignore-label=-1",
               "--samples=1", check=False)  # fmt: skip
    assert done.returncode == 1 and "the first 1 samples have no label that counts" in done.stderr
