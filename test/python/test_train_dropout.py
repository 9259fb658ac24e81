# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exported modules that drop elements: other ones than PyTorch's, as many, and the same on any number of threads and parts.

Two orders of one sum part by test_train_imported.py's bound, RELATIVE: sums here have fewer terms."""
import json

import numpy as np
import pytest
from conftest import BUILD, SOURCE

torch = pytest.importorskip("torch")

COUNT, CLASSES, SEEDS = 24, 5, 40
RELATIVE = 1e-4


@pytest.fixture(autouse=True)
def package(monkeypatch):
    monkeypatch.setenv("PREC_BUILD_DIR", str(BUILD))
    monkeypatch.syspath_prepend(str(SOURCE / "python"))


class Sequence(torch.nn.Module):
    """Dropout of elements, and of attention's weights, whose rows are batch times heads."""

    def __init__(self):
        super().__init__()
        layers = torch.nn
        self.table, self.head = layers.Embedding(11, 8), layers.Linear(8, CLASSES)
        self.block = layers.TransformerEncoderLayer(8, 2, 12, dropout=0.3, batch_first=True)

    def forward(self, x):
        return self.head(self.block(self.table(x)).mean(1))


def dense():
    layers = torch.nn
    return layers.Sequential(layers.Linear(20, 30), layers.BatchNorm1d(30), layers.ReLU(), layers.Dropout(0.5), layers.Linear(30, CLASSES))


@pytest.fixture
def train(tmp_path, run):
    """Losses of steps with flags."""

    def call(*flags, steps=4):
        run("prec-train", tmp_path / "m.mlir", "--weights", tmp_path / "m.npz", "--data", tmp_path / "d.npz", f"--batch-size={COUNT}",
            f"--steps={steps}", "--learning-rate=0.1", "--eval-every=0", "--log", tmp_path / "l.jsonl", *flags)  # fmt: skip
        return [json.loads(line)["loss"] for line in open(tmp_path / "l.jsonl")]

    return call


@pytest.mark.parametrize("make, shapes", [(Sequence, "batch"), (dense, "batch"), (dense, None)])
def test_as_many_elements_are_dropped_as_in_pytorch(make, shapes, tmp_path, run, train):
    import prec.torch

    torch.manual_seed(0)
    model = make().train()
    x = torch.randint(0, 11, (COUNT, 7)) if make is Sequence else torch.randn(COUNT, 20)
    y = torch.randint(0, CLASSES, (COUNT,))
    np.savez(tmp_path / "d.npz", x=x.numpy(), y=y.numpy(), x_test=x.numpy(), y_test=y.numpy())
    prec.torch.export(model, (x,), tmp_path / "m.mlir", dynamic_shapes=shapes and ({0: torch.export.Dim("batch", min=2, max=64)},))
    assert "in evaluation" in (tmp_path / "m.mlir").read_text().splitlines()[0]
    losses = train()
    assert train("--threads=2") == losses and train("--recompute=all") == losses
    assert train("--seed=1") != losses and train("--truncate-mantissa=4") != losses
    if shapes and make is Sequence:  # a norm has other statistics in parts
        np.testing.assert_allclose(train("--accumulate=2"), losses, rtol=RELATIVE)
    # The mean of the first loss over seeds is PyTorch's: 5 standard errors of the difference of two means.
    mine = np.array([train(f"--seed={seed}", steps=1)[0] for seed in range(SEEDS)])
    with torch.no_grad():
        theirs = np.array([torch.nn.functional.cross_entropy(model(x), y).item() for _ in range(400)])
    error = np.sqrt(mine.var(ddof=1) / len(mine) + theirs.var(ddof=1) / len(theirs))
    assert abs(mine.mean() - theirs.mean()) < 5 * error
    # As wide, too: the ratio of variances, whose deviation is about sqrt(2 / SEEDS) = 0.22 for a normal distribution.
    assert 0.3 < mine.var(ddof=1) / theirs.var(ddof=1) < 3
    # Evaluation drops nothing.
    again = run("prec-eval", tmp_path / "m.mlir", "--weights", tmp_path / "m.npz", "--data", tmp_path / "d.npz", "--log", "-").stdout
    with np.load(tmp_path / "m.npz") as first:
        model.load_state_dict({name: torch.from_numpy(first[name]) for name in model.state_dict()})
    expected = torch.nn.functional.cross_entropy(model.eval()(x), y).item()
    assert json.loads(again)["loss"] == pytest.approx(expected, rel=RELATIVE)


def test_other_random_numbers_are_refused(tmp_path):
    import prec.frontend
    import prec.torch

    class Noise(torch.nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x)

    for module in (Noise().train(), Noise().eval()):
        with pytest.raises(prec.frontend.FrontendError, match="draws random numbers"):
            prec.torch.export(module, (torch.zeros(2, 4),), tmp_path / "n.mlir")
