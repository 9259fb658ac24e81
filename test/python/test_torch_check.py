# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The first call of a compiled graph is compared with eager: what is wrong on the way to it is found, what is right stays."""
import os
import sys
import warnings

import pytest
from conftest import BUILD, SOURCE, in_process

torch = pytest.importorskip("torch")
pytest.importorskip("iree.compiler")
os.environ.setdefault("PREC_BUILD_DIR", str(BUILD))
sys.path.insert(0, str(SOURCE / "python"))
import prec.torch  # noqa: E402
from prec.frontend import FrontendError  # noqa: E402

nn, F = torch.nn, torch.nn.functional
pytestmark = in_process
backend = sys.modules["prec.torch.backend"]


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()
    torch.manual_seed(0)


@pytest.fixture
def wrong(monkeypatch):
    """Makes the import of graphs of a phase wrong: a text for another."""

    def replace(phase, old, new):
        lower = backend.lower

        def lowered(graph, arguments, results=None, **keywords):
            text = lower(graph, arguments, results, **keywords)
            if keywords.get("phase") != phase:
                return text
            assert old in text
            return text.replace(old, new)

        monkeypatch.setattr(backend, "lower", lowered)
        monkeypatch.setattr(sys.modules["prec.torch.twin"], "lower", lowered)

    return replace


def network():
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


def compiled(function, **options):
    return torch.compile(function, backend="prec", options=options)


@pytest.mark.parametrize("options", [{}, {"truncate_mantissa": 20}])
def test_a_wrong_operator_is_named_and_runs_in_eager(wrong, options):
    wrong("forward", "math.tanh", "math.sin")
    model, x = network(), torch.randn(4, 6)
    with torch.no_grad():
        with pytest.warns(UserWarning, match=r"it differs from eager: result 0 differs by .*; expected at most .*; the first layer that differs is '1' \(at 'tanh'\)"):
            made = compiled(model, **options)(x)
        assert torch.equal(made, model(x))
        torch._dynamo.reset()
        with pytest.raises(FrontendError, match="the first layer that differs is '1'"):
            compiled(model, strict=True, **options)(x)
        torch._dynamo.reset()
        assert not torch.allclose(compiled(model, check=False, strict=True, **options)(x), model(x), atol=1e-3)


def test_a_wrong_gradient_is_found_before_it_is_used(wrong):
    wrong("backward", "arith.mulf", "arith.addf")
    model, x = network(), torch.randn(4, 6)
    call = compiled(model)
    with pytest.warns(UserWarning, match="gradient . differs by .*the first layer that differs is '1'"):
        call(x).sum().backward()
    ours = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    model(x).sum().backward()
    assert all(torch.equal(a, p.grad) for a, p in zip(ours, model.parameters()))


def test_a_wrong_rule_is_found(monkeypatch):
    """Eager, not what operators were taken apart to, is what is right."""
    monkeypatch.setattr(backend, "table", lambda: {torch.ops.aten.gelu.default: lambda x, approximate="none": torch.relu(x)})
    with pytest.raises(FrontendError, match="result 0 differs"):
        compiled(F.gelu, strict=True)(torch.randn(5))


def test_what_an_argument_becomes_is_compared(wrong):
    wrong("forward", "arith.addf", "arith.subf")

    def function(x, y):
        x.add_(y)
        return y * 1.0

    x, y = torch.ones(3), torch.ones(3)
    with pytest.warns(UserWarning, match="argument 0 differs"):
        compiled(function)(x, y)
    assert x.tolist() == [2, 2, 2]


def silent(function, *arguments, **options):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "prec:")
        return compiled(function, strict=True, **options)(*arguments)


def test_arguments_change_once_and_keep_what_they_share():
    model, twin = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    x = torch.randn(5, 3)
    torch.testing.assert_close(silent(model, x), twin(x))
    torch.testing.assert_close(model.running_mean, twin.running_mean)
    assert model.num_batches_tracked == 1

    def function(whole, part):
        part.mul_(2)
        return whole + 1

    whole = torch.ones(2, 3)
    assert torch.equal(silent(function, whole, whole[1]), torch.tensor([[2.0] * 3, [3.0] * 3]))
    assert whole[1].tolist() == [2, 2, 2]
    y = torch.randn(3, requires_grad=True)
    silent(lambda t: t.mul_(2), y * 1).sum().backward()
    assert y.grad.tolist() == [2, 2, 2]


@pytest.mark.parametrize("function", [
    lambda x: F.dropout(x, 0.4), lambda x: x + torch.rand_like(x), lambda x: F.dropout(x, 0.4) * torch.randn(4, 6),
    lambda x: torch.bernoulli(torch.sigmoid(x)), lambda x: x * torch.rand(4, 6) + torch.randn(6),
])  # fmt: skip
def test_random_numbers_are_those_without_a_check(function):
    x, made = torch.randn(4, 6, requires_grad=True), []
    for check in (True, False):
        torch._dynamo.reset()
        torch.manual_seed(3)
        result = silent(function, x, check=check)
        made.append((result.detach(), torch.rand(2)))
        result.sum().backward() if result.requires_grad else None
    assert all(torch.equal(a, b) for a, b in zip(*made))


def test_a_wrong_operator_beside_a_mask_is_found(wrong):
    wrong("forward", "math.tanh", "math.sin")
    model = nn.Sequential(nn.Linear(6, 50), nn.Dropout(0.5), nn.Tanh())
    with pytest.raises(FrontendError, match=r"result 0 differs .* the first layer that differs is '2' \(at 'tanh'\)"):
        compiled(model, strict=True)(torch.randn(4, 6))


def test_roundings_are_not_compared_and_later_calls_are_not():
    model, x = network(), torch.randn(4, 6)
    call, made = compiled(model, truncate_mantissa=1, strict=True), []
    comparison = sys.modules["prec.torch.checking"].Comparison
    problem = comparison.problem
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "problem", lambda *a: made.append(problem(*a)) or made[-1])
        with torch.no_grad():
            rounded = [call(x) for _ in range(3)]
    assert made == [""] and not (rounded[0].view(torch.int32) & 0x3FFFFF).any()
    assert all(torch.equal(r, rounded[0]) for r in rounded)


def test_sums_that_cancel_are_right_within_what_they_lose():
    """The gradient of a bias before a batch norm is zero but for roundings, and our sums ascend."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    silent(model, torch.randn(16, 3, 20, 20)).square().mean().backward()


def test_what_cannot_be_compared_says_so():
    with pytest.warns(UserWarning, match="the first call is not compared with eager: .*Error"), pytest.raises(Exception, match="index|indices"):
        compiled(lambda x, i: x[i])(torch.randn(3), torch.tensor([7]))


def test_layers_of_a_compiled_sequence_have_their_names():
    model, x = nn.Sequential(nn.Linear(6, 40), nn.Linear(40, 40)), torch.randn(4, 6)
    with torch.no_grad():
        for rule, is_rounded in (("0=m1", False), ("1=m1", True)):
            torch._dynamo.reset()
            made = silent(model, x, round=[rule])
            assert (not (made.view(torch.int32) & 0x3FFFFF).any()) == is_rounded
