# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of several inputs: x and arrays of the inputs' names, as PyTorch trains them.

The bound is test_train_labels.py's: sums have at most 240 terms."""
import json

import numpy as np
import pytest
from conftest import BUILD, SOURCE

COUNT, CLASSES, STEPS, RATE = 12, 4, 3, 0.1
RELATIVE = 2e-4
TWO = {
    "version": 1, "name": "two", "inputs": {"left": {"sizes": [3]}, "right": {"sizes": [2]}},
    "layers": [{"type": "dense", "name": "a", "units": 4, "inputs": ["left"]}, {"type": "dense", "name": "b", "units": 4, "inputs": ["right"]},
               {"type": "add", "name": "sum", "inputs": ["a", "b"]}],
}  # fmt: skip


def two_inputs(folder, **more):
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((COUNT, 3), np.float32), rng.standard_normal((COUNT, 2), np.float32)
    y = rng.integers(0, CLASSES, COUNT)
    np.savez(folder / "d.npz", x=left, right=right, y=y, **more)
    (folder / "n.json").write_text(json.dumps(TWO))
    return left, right, y


def train(run, folder, *flags, model="n.json", check=True):
    done = run("prec-train", folder / model, "--data", folder / "d.npz", f"--batch-size={COUNT}", f"--steps={STEPS}",
               f"--learning-rate={RATE}", "--log=-", *flags, check=check)  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()] if check else done


def by_hand(weights, left, right, y):
    """Losses of the steps in f64, from first weights; the weights end as they are after them."""
    losses = []
    for _ in range(STEPS):
        o = left @ weights["a.weight"] + weights["a.bias"] + right @ weights["b.weight"] + weights["b.bias"]
        p = np.exp(o - o.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        losses.append(-np.log(p[np.arange(len(y)), y]).mean())
        g = (p - np.eye(CLASSES)[y]) / len(y)
        for name, x in (("a", left), ("b", right)):
            weights[name + ".weight"] = weights[name + ".weight"] - RATE * x.T @ g
            weights[name + ".bias"] = weights[name + ".bias"] - RATE * g.sum(0)
    return losses


def first_weights(run, folder):
    run("prec-train", folder / "n.json", "--data", folder / "d.npz", f"--batch-size={COUNT}", "--steps=0", "--save-weights", folder / "w0.npz")
    with np.load(folder / "w0.npz") as saved:
        return {name: saved[name].astype(np.float64) for name in saved}


@pytest.mark.parametrize("flags", [[], ["--accumulate=3"], ["--threads=2"], ["--recompute=all"]])
def test_two_inputs_by_hand(flags, tmp_path, run):
    left, right, y = two_inputs(tmp_path)
    weights = first_weights(run, tmp_path)
    lines = train(run, tmp_path, "--save-weights", tmp_path / "w.npz", *flags)
    assert [line["loss"] for line in lines] == pytest.approx(by_hand(weights, left, right, y), rel=RELATIVE)
    with np.load(tmp_path / "w.npz") as saved:
        for name, expected in weights.items():
            np.testing.assert_allclose(saved[name], expected, rtol=RELATIVE, atol=RELATIVE)
    found = json.loads(run("prec-eval", tmp_path / "n.json", "--data", tmp_path / "d.npz", "--weights", tmp_path / "w.npz", "--split=training",
                           "--batch-size=5", "--log=-").stdout)  # fmt: skip
    o = left @ weights["a.weight"] + weights["a.bias"] + right @ weights["b.weight"] + weights["b.bias"]
    assert found["accuracy"] == pytest.approx((o.argmax(1) == y).mean())


@pytest.mark.parametrize(
    "rule",
    [
        {"select": "weight", "format": "m?", "parameters": ["width"]},  # a number that follows the loss is a state
        {"select": "weight-gradient", "format": "e5m2", "feedback": True},
        {"select": "gradient", "format": "f8e5m2", "scale": "amax<2>"},
    ],
)
def test_states_of_policies_stand_before_the_inputs(rule, tmp_path, run):
    two_inputs(tmp_path)
    plateau = {"start": 1, "by": 4, "until": 9, "steps": 1, "improvement": 9}
    policy = {"version": 1, "parameters": {"width": {"plateau": plateau}}, "rules": [rule]}
    if "parameters" not in rule:
        del policy["parameters"]
    (tmp_path / "p.json").write_text(json.dumps(policy))
    whole = train(run, tmp_path, "--policy", tmp_path / "p.json", "--checkpoint", tmp_path / "c", "--save-weights", tmp_path / "w.npz")
    assert [line["loss"] for line in whole] != [line["loss"] for line in train(run, tmp_path)]
    with np.load(tmp_path / "w.npz") as saved:
        assert any(name.startswith("prec.") for name in saved)


def test_what_is_missing_is_named(tmp_path, run):
    left, right, y = two_inputs(tmp_path)
    for arrays, said in (
        (dict(x=left, y=y), "the model has an input 'right' beside x; expected an array right_train in the data set d"),
        (dict(x=left, y=y, right=right[1:]), "found samples as tensor<11x2xf32> in 'right_train', but labels for 12"),
        (dict(x=left, y=y, right=left), "'right' of @step: found tensor<?x2xf32>, expected 3 elements a sample, as the data set d has"),
        (dict(x=left, y=y, right=right, x_test=left, y_test=y), "expected an array right_test"),
    ):
        np.savez(tmp_path / "d.npz", **arrays)
        done = train(run, tmp_path, check=False)
        assert done.returncode == 1 and said.replace("?", "12") in done.stderr.replace("?", "12"), done.stderr
    np.savez(tmp_path / "d.npz", x=left, y=y)
    (tmp_path / "w.npz").unlink(missing_ok=True)
    two_inputs(tmp_path)
    train(run, tmp_path, "--save-weights", tmp_path / "w.npz")
    np.savez(tmp_path / "d.npz", x=left, y=y)
    done = run("prec-eval", tmp_path / "n.json", "--data", tmp_path / "d.npz", "--weights", tmp_path / "w.npz", "--split=training", check=False)
    assert done.returncode == 1 and "the model has an input 'right' beside x" in done.stderr
    done = run("prec-train", tmp_path / "n.json", "--steps=1", check=False)
    assert done.returncode == 1 and "the model has an input 'right' beside x" in done.stderr


def test_tokens_and_a_mask_as_pytorch(tmp_path, run, monkeypatch):
    """A transformer's two inputs, exported with an unknown batch; the test set's arrays end in _test."""
    torch = pytest.importorskip("torch")
    monkeypatch.setenv("PREC_BUILD_DIR", str(BUILD))
    monkeypatch.syspath_prepend(str(SOURCE / "python"))
    import prec.torch

    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Embedding(11, 6)
            self.mix = torch.nn.MultiheadAttention(6, 2, batch_first=True)
            self.head = torch.nn.Linear(6, CLASSES)

        def forward(self, tokens, keep):
            e = self.table(tokens)
            e = e + self.mix(e, e, e, key_padding_mask=keep < 0.5, need_weights=False)[0]
            return self.head((e * keep[..., None]).sum(1) / keep.sum(1, keepdim=True))

    torch.manual_seed(0)
    model = Classifier()
    rng = np.random.default_rng(1)
    tokens, y = rng.integers(0, 11, (COUNT, 7)), rng.integers(0, CLASSES, COUNT)
    keep = (np.arange(7) < rng.integers(2, 8, (COUNT, 1))).astype(np.float32)
    batch = torch.export.Dim("batch", min=2, max=64)
    prec.torch.export(model.eval(), (torch.from_numpy(tokens), torch.from_numpy(keep)), tmp_path / "m.mlir",
                      dynamic_shapes=({0: batch}, {0: batch}))  # fmt: skip
    np.savez(tmp_path / "d.npz", x_train=tokens, keep_train=keep, y_train=y, x_test=tokens[:5], keep_test=keep[:5], y_test=y[:5])
    common = ["--weights", tmp_path / "m.npz"]
    lines = train(run, tmp_path, *common, model="m.mlir")
    rounded = train(run, tmp_path, *common, "--truncate-mantissa=4", model="m.mlir")
    x = (torch.from_numpy(tokens), torch.from_numpy(keep))
    update = torch.optim.SGD(model.parameters(), RATE)
    for line in lines:
        update.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(*x), torch.from_numpy(y))
        assert line["loss"] == pytest.approx(loss.item(), rel=RELATIVE)
        loss.backward()
        update.step()
    right = (model(*x).argmax(1).numpy()[:5] == y[:5]).mean()
    assert lines[-1]["test_accuracy"] == pytest.approx(right)
    assert np.isfinite([line["loss"] for line in rounded]).all() and rounded[-1]["loss"] != lines[-1]["loss"]
