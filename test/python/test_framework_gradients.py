# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rules with a gradient where PyTorch or JAX differentiates: refused, with the place; kept where nobody does."""
import os
import sys
import warnings

import numpy as np
import pytest
from conftest import BUILD, SOURCE, in_process

pytest.importorskip("iree.compiler")
os.environ.setdefault("PREC_BUILD_DIR", str(BUILD))
sys.path.insert(0, str(SOURCE / "python"))
from prec.engine import EngineError  # noqa: E402

RULE = "activation=fixed<2,4>+clipped"


def grid(values):
    """fixed<2,4> to nearest, saturating."""
    return np.clip(np.rint(np.asarray(values, "f8") * 16) / 16, -2, 2 - 1 / 16).astype("f4") + np.float32(0)


def assert_refused(stderr, who, rule=RULE):
    words = f"error: rule '--round={rule}' has the gradient {rule.split('+')[1]}, but {who} differentiated @main"
    assert words in stderr and "as prec.torch.export and prec.jax.export write it" in stderr, stderr


@in_process
@pytest.mark.parametrize("gradient", ["straight-through", "clipped", "zero"])
def test_torch_compile_refuses_them_where_it_differentiates(gradient, capfd):
    """Even without `strict`: eager would train without any rounding."""
    torch = pytest.importorskip("torch")
    import prec.torch  # noqa: F401

    torch._dynamo.reset()
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())
    rule = RULE.replace("clipped", gradient)
    compiled = torch.compile(model, backend="prec", options={"round": [rule]})
    with pytest.raises(Exception, match="the forward graph cannot be rounded as the options say"):
        compiled(torch.randn(2, 4))
    assert_refused(capfd.readouterr().err, "PyTorch", rule)


@in_process
def test_torch_inference_takes_them():
    torch = pytest.importorskip("torch")
    import prec.torch  # noqa: F401

    torch._dynamo.reset()
    compiled = torch.compile(lambda a, b: a * b, backend="prec", options={"round": [RULE], "strict": True})
    a, b = torch.linspace(-3, 3, 7), torch.full((7,), 1.3)
    with torch.no_grad():
        assert np.array_equal(compiled(a, b).numpy(), grid((a * b).numpy()))


@in_process
def test_torch_options_are_never_ignored():
    """What cannot be done to a graph that runs without options is an error; a graph that cannot be lowered is eager."""
    torch = pytest.importorskip("torch")
    import prec.torch  # noqa: F401

    torch._dynamo.reset()
    with pytest.raises(Exception, match="cannot be rounded as the options say: .*unknown format 'mm'"):
        torch.compile(lambda a: a + 1, backend="prec", options={"format": "mm"})(torch.ones(2))
    torch._dynamo.reset()
    spectrum = torch.compile(torch.linalg.eigvalsh, backend="prec", options={"truncate_mantissa": 3})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        spectrum(torch.eye(3))
    assert any("runs in eager, unrounded" in str(w.message) for w in caught)


@in_process
def test_jax_jit_refuses_them_where_jax_differentiates(capfd):
    jax = pytest.importorskip("jax")
    import prec.jax

    def loss(w, x):
        with jax.named_scope("fc"):
            return (jax.numpy.tanh(x @ w) ** 2).sum()

    w, x = np.ones((3, 2), "f4"), np.ones((4, 3), "f4")
    for function in jax.value_and_grad(loss), jax.jacfwd(loss), lambda w, x: jax.jvp(lambda v: loss(v, x), (w,), (w,)):
        with pytest.raises(EngineError):
            prec.jax.jit(function, round=[RULE])(w, x)
        assert_refused(capfd.readouterr().err, "JAX")
    # Nobody differentiates: the rule rounds, and its gradient has nothing to say.
    got = prec.jax.jit(lambda a, b: a * b, round=[RULE])(np.linspace(-3, 3, 7, dtype="f4"), np.full(7, 1.3, "f4"))
    assert np.array_equal(np.asarray(got), grid(np.linspace(-3, 3, 7, dtype="f4") * np.float32(1.3)))


def test_an_export_remembers_who_differentiated(tmp_path, run):
    jax = pytest.importorskip("jax")
    import prec.jax

    f = jax.value_and_grad(lambda w: (jax.numpy.tanh(w) ** 2).sum())
    prec.jax.export(f, (np.ones(3, "f4"),), tmp_path / "m.mlir")
    done = run("prec-opt", tmp_path / "m.mlir", f"--round={RULE}", check=False)
    assert done.returncode == 1
    assert_refused(done.stderr, "JAX")
    assert f"{tmp_path / 'm.mlir'}:" in done.stderr
    run("prec-opt", tmp_path / "m.mlir", f"--round={RULE.split('+')[0]}")


@in_process
@pytest.mark.parametrize("framework", ["torch", "jax"])
@pytest.mark.parametrize("gradient", ["straight-through", "clipped"])
def test_what_to_do_instead(framework, gradient, run, tmp_path):
    """An export of the forward function: prec-train differentiates it with its roundings, as PyTorch's autograd does."""
    pytest.importorskip("torch")
    from test_rule_gradients import B, C, H, N, RATE, reference

    rng = np.random.default_rng(5)
    x, y = (rng.integers(-16, 17, (B, N)) / 8).astype("f4"), rng.integers(0, C, B).astype("i4")
    y[:C] = range(C)
    w = [(rng.integers(-40, 41, shape) / 32).astype("f4") for shape in [(N, H), (H, C)]]
    np.savez(tmp_path / "d.npz", x_train=x, y_train=y)
    path = tmp_path / "m.mlir"
    if framework == "torch":
        import prec.torch
        import torch

        model = torch.nn.Sequential(torch.nn.Linear(N, H, bias=False), torch.nn.ReLU(), torch.nn.Linear(H, C, bias=False))
        for layer, each in zip((model[0], model[2]), w):
            layer.weight.data = torch.tensor(each.T)
        prec.torch.export(model, (torch.tensor(x),), path)
    else:
        jax = pytest.importorskip("jax")
        import prec.jax

        prec.jax.export(lambda a, b, x: jax.numpy.maximum(x @ a, 0) @ b, (*w, x), path, weights=(0, 1))
    flags = [f"--round=weight=fixed<1,4>+{gradient}", f"--round=@contraction & activation=fixed<2,4>+{gradient}"]
    first = w
    for step in (1, 2):
        w = reference(w, x, y, gradient, gradient, False)
        run("prec-train", path, f"--weights={path.with_suffix('.npz')}", f"--data={tmp_path / 'd.npz'}", f"--batch-size={B}", f"--steps={step}",
            f"--learning-rate={RATE}", "--loss=squared-error", "--eval-every=0", f"--save-weights={tmp_path / 'w.npz'}", *flags)  # fmt: skip
        got = list(np.load(tmp_path / "w.npz").values())
        got = [each.T for each in got] if framework == "torch" else got
        assert [each.tobytes() for each in map(np.ascontiguousarray, got)] == [each.astype("f4").tobytes() for each in w], step
    assert not np.array_equal(first[0], w[0])
