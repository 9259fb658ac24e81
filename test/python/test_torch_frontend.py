# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""PyTorch's front end: exports equal eager, torch.compile trains, rounding is what it says."""
import os
import sys
import warnings

import numpy as np
import pytest
from conftest import BUILD, SOURCE, in_process

torch = pytest.importorskip("torch")
pytest.importorskip("iree.compiler")
os.environ.setdefault("PREC_BUILD_DIR", str(BUILD))
sys.path.insert(0, str(SOURCE / "python"))
import prec.torch  # noqa: E402
from prec.frontend import FrontendError  # noqa: E402

nn = torch.nn


class Sequence(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.rnn, self.out = kind(4, 6, batch_first=True), nn.Linear(6, 2)

    def forward(self, x):
        return self.out(self.rnn(x)[0])


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)

    def forward(self, i):
        return self.encoder(self.embedding(i))


class Of(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *arguments):
        return self.function(*arguments)


def models():
    torch.manual_seed(0)
    conv = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64, 3),
    )  # fmt: skip
    x = torch.randn(3, 4)
    return {
        "mlp": (nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.LayerNorm(8), nn.Linear(8, 3)), (x,)),
        "conv": (conv.eval(), (torch.randn(2, 1, 8, 8),)),
        "lstm": (Sequence(nn.LSTM), (torch.randn(2, 5, 4),)),
        "transformer": (Transformer().eval(), (torch.randint(0, 20, (2, 5)),)),
        "cumsum": (Of(lambda x: torch.cumsum(x, 1)), (x,)),
        "sort": (Of(lambda x: torch.sort(x, 1)), (x,)),
        "topk": (Of(lambda x: torch.topk(x, 2, 1)), (x,)),
        "resized, by tables of weights": (nn.Sequential(Of(
            lambda x: nn.functional.interpolate(x, (3, 5), mode="bicubic", antialias=True))), (torch.randn(2, 3, 8, 6),)),
        "scatter": (Of(lambda x, i: torch.scatter_add(x, 1, i, x)), (x, torch.randint(0, 4, (3, 4)))),
    }


@pytest.mark.parametrize("name", models())
def test_an_export_equals_eager(name, tmp_path, run):
    """export() itself compares; here once more by the tools, on the files."""
    module, inputs = models()[name]
    prec.torch.export(module, inputs, tmp_path / "m.mlir")
    assert "checked against PyTorch" in (tmp_path / "m.mlir").read_text().splitlines()[0]
    with np.load(tmp_path / "m.npz") as archive:
        has_weights = bool(archive.files)
    command = ["--weights", tmp_path / "m.npz"] if has_weights else []
    for k, value in enumerate(inputs):
        np.save(tmp_path / f"x{k}.npy", value.numpy())
        command += ["--input", tmp_path / f"x{k}.npy"]
    want = torch.utils._pytree.tree_leaves(module(*inputs))
    outputs = [tmp_path / f"y{k}.npy" for k in range(len(want))]
    run("prec-run", tmp_path / "m.mlir", *command, *[w for o in outputs for w in ("--output", o)])
    for path, tensor in zip(outputs, want):
        np.testing.assert_allclose(np.load(path), tensor.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_layers_have_the_modules_paths(tmp_path, run):
    module, inputs = models()["transformer"]
    prec.torch.export(module, inputs, tmp_path / "m.mlir")
    sites = run("prec-opt", "--truncate-mantissa=7", "--report-sites", tmp_path / "m.mlir").stdout
    for scope in ("encoder/linear1", "encoder/norm2", "encoder/self_attn"):
        assert scope in sites


def train(model, options, steps=5):
    """Losses and the last gradients of a few steps of SGD."""
    torch.manual_seed(1)
    x, y = torch.randn(16, 1, 8, 8), torch.randint(0, 3, (16,))
    compiled = torch.compile(model, backend="prec", options=options) if options is not None else model
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for step in range(steps):
        prec.torch.set_step(step)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(compiled(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, [p.grad.clone() for p in model.parameters()]


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3)
    )


@in_process
def test_training_equals_eager_without_rounding():
    torch._dynamo.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losses, gradients = train(network(), {"strict": True})
    expected, eager = train(network(), None)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    for mine, reference in zip(gradients, eager):
        np.testing.assert_allclose(mine, reference, rtol=1e-3, atol=1e-6)


@in_process
def test_training_at_seven_bits_rounds_forward_and_backward():
    torch._dynamo.reset()
    model = network()
    losses, gradients = train(model, {"truncate_mantissa": 7, "strict": True}, steps=1)
    expected, eager = train(network(), None, steps=1)
    assert losses != expected and abs(losses[0] - expected[0]) < 0.1
    # A weight's gradient is computed in the backward graph: its last 16 bits are zero.
    for gradient in gradients:
        assert not (gradient.numpy().view(np.uint32) & 0xFFFF).any()
    assert any((g.numpy().view(np.uint32) & 0xFFFF).any() for g in eager)


@in_process
@pytest.mark.parametrize("grad", [True, False])
def test_a_rule_about_weights_rounds_weights_in_training_and_without(grad):
    torch._dynamo.reset()
    layer, x = nn.Linear(4, 3, bias=False), torch.randn(2, 4)
    compiled = torch.compile(layer, backend="prec", options={"round": ["*.weight=m2:toward-zero"], "strict": True})
    with torch.set_grad_enabled(grad):
        ours = compiled(x)
    bits = layer.weight.detach().numpy().view(np.uint32) & ~np.uint32((1 << 21) - 1)
    torch.testing.assert_close(ours, x @ torch.from_numpy(bits.view(np.float32)).t())


def test_what_is_not_supported_is_named():
    torch._dynamo.reset()
    compiled = torch.compile(Of(torch.linalg.eigvalsh), backend="prec")
    x = torch.eye(3)
    with pytest.warns(UserWarning, match="runs in eager.*eigh"):
        torch.testing.assert_close(compiled(x), torch.linalg.eigvalsh(x))
    torch._dynamo.reset()
    compiled = torch.compile(Of(torch.linalg.eigvalsh), backend="prec", options={"strict": True})
    with pytest.raises(Exception, match="eigh"):
        compiled(x)


@in_process
def test_a_wrong_option_is_refused():
    torch._dynamo.reset()
    compiled = torch.compile(Of(torch.exp), backend="prec", options={"strict": True, "bits": 7})
    with pytest.raises(Exception, match="unknown option 'bits'; the options are truncate_mantissa"):
        compiled(torch.randn(3))


def test_a_wrong_export_is_refused(tmp_path, monkeypatch):
    module, inputs = models()["mlp"]
    from prec.torch import exporting, parting

    lower = exporting.lower
    spoil = lambda *a, **k: lower(*a, **k).replace("math.erf", "math.tanh")  # noqa: E731
    monkeypatch.setattr(exporting, "lower", spoil)
    monkeypatch.setattr(parting, "lower", spoil)
    with pytest.raises(FrontendError, match=r"differs from PyTorch: result 0 differs by .*; the first layer that differs is '1' \(at 'erf'\)"):
        prec.torch.export(module, inputs, tmp_path / "m.mlir")
    assert not (tmp_path / "m.mlir").exists()


def test_an_export_is_compared_with_what_was_not_decomposed(tmp_path, monkeypatch):
    from prec.torch import exporting

    rules = {**exporting.table(), torch.ops.aten.gelu.default: lambda x, approximate="none": x * 2}
    monkeypatch.setattr(exporting, "table", lambda: rules)
    with pytest.raises(FrontendError, match=r"differs from PyTorch.*; the first layer that differs is '1' \(at 'gelu'\)"):
        prec.torch.export(models()["mlp"][0], models()["mlp"][1], tmp_path / "m.mlir")


@pytest.mark.parametrize("hidden", ["input", "weight"])
def test_zeros_hide_nothing(tmp_path, monkeypatch, hidden):
    """Inputs that are there for their shape, and layers that begin at zero."""
    from prec.torch import exporting

    rules = {**exporting.table(), torch.ops.aten.gelu.default: lambda x, approximate="none": x * 2}
    monkeypatch.setattr(exporting, "table", lambda: rules)
    last = nn.Linear(4, 3, bias=False)
    x = torch.zeros(3, 4) if hidden == "input" else torch.randn(3, 4)
    if hidden == "weight":
        nn.init.zeros_(last.weight)
    with pytest.raises(FrontendError, match=r"differs from PyTorch.*; the first layer that differs is '0' \(at 'gelu'\)"):
        prec.torch.export(nn.Sequential(nn.GELU(), last), (x,), tmp_path / "m.mlir")
    monkeypatch.undo()
    prec.torch.export(nn.Sequential(nn.GELU(), last), (x,), tmp_path / "m.mlir")
    with np.load(tmp_path / "m.npz") as archive:
        assert archive["1.weight"].tolist() == last.weight.tolist()


def test_what_cannot_be_traced_is_not_exported(tmp_path):
    with pytest.raises(FrontendError, match="torch.export cannot trace the module: .*data-dependent"):
        prec.torch.export(Of(lambda x: x * 2 if x.sum() > 0 else x), (torch.ones(3),), tmp_path / "m.mlir")


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(3))

    def forward(self, x):
        self.calls.add_(x)
        return self.calls * 2


@pytest.mark.parametrize("module, told", [
    (Of(lambda x: x.add_(1) * 2), "changes its input 'arguments_0'"), (Counting().eval(), "in evaluation changes its buffer 'calls'"),
    (Of(lambda x: (x * 2, x.numel())), "result '3' is no tensor"),
])  # fmt: skip
def test_what_a_file_has_no_place_for_is_refused(module, told, tmp_path):
    with pytest.raises(FrontendError, match=told):
        prec.torch.export(module, (torch.ones(3),), tmp_path / "m.mlir")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_narrow_weights_and_inputs_are_exported(dtype, tmp_path):
    """NumPy has no bf16 of its own, and f16 was compared with f32."""
    prec.torch.export(models()["mlp"][0].to(dtype), (torch.randn(3, 4).to(dtype),), tmp_path / "m.mlir")
    with np.load(tmp_path / "m.npz") as archive:
        assert archive["0.weight"].nbytes == 2 * 8 * 4


def test_exported_results_without_signs_are_written_so(tmp_path, run):
    x = torch.tensor([1, 127, 128, 255])
    prec.torch.export(Of(lambda x: x.to(torch.uint8)), (x,), tmp_path / "m.mlir")
    np.save(tmp_path / "x.npy", x.numpy())
    run("prec-run", tmp_path / "m.mlir", "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy")
    assert np.load(tmp_path / "y.npy").tolist() == x.tolist()
