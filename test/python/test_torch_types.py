# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators of PyTorch's database on numbers of all types, in place, and on values of all layouts: each was wrong once.

Results, their types and their strides are those of eager.
"""
import os
import sys

import pytest
from conftest import BUILD, SOURCE, in_process

torch = pytest.importorskip("torch")
pytest.importorskip("iree.compiler")
os.environ.setdefault("PREC_BUILD_DIR", str(BUILD))
sys.path.insert(0, str(SOURCE / "python"))
import prec.torch  # noqa: E402

pytestmark = in_process
F = torch.nn.functional
leaves = torch.utils._pytree.tree_leaves
WHOLE = torch.arange(24, dtype=torch.int32).reshape(2, 3, 4)
TRUTHS = WHOLE % 3 == 0


def same(ours, eager, **limits):
    torch.testing.assert_close(ours, eager, **({"rtol": 1e-6, "atol": 0, "equal_nan": True} | limits))
    assert [r.stride() for r in leaves(ours)] == [r.stride() for r in leaves(eager)]


def compiled(function, **options):
    torch._dynamo.reset()
    return torch.compile(function, backend="prec", options=options)


CASES = {
    "ramps of small types": lambda: (
        lambda x: [torch.arange(0.0, -8.000001, -4.0, dtype=d) for d in (torch.uint8, torch.int16, torch.int32, torch.int64)] + [x * 2],
        WHOLE),
    "sums stay as narrow": lambda: (
        lambda x: (torch.addbmm(x[0, :, :3], x, x.transpose(1, 2)), F.bilinear(x[0, 0], x[0, 1], x[:, :1].expand(2, 4, 4))), WHOLE),
    "powers of truths": lambda: (lambda x: (x.square(), x.pow(1), x**0.5), TRUTHS),
    "bytes as truths": lambda: (lambda x: (x.any(), x.any(0), x.all(), x.all(1)), WHOLE.to(torch.uint8)),
    "truths as numbers": lambda: (
        lambda x: [f(x, x.flip(2)) for f in (torch.maximum, torch.minimum, torch.clamp_min, torch.clamp_max, torch.lt, torch.ge)], TRUTHS),
    "sums of truths": lambda: (
        lambda x: (x.index_add(0, torch.tensor([0]), x[:1]), x.index_put((torch.tensor([0, 0]),), x, accumulate=True),
                   torch.zeros(3, dtype=torch.bool).scatter_add(0, torch.tensor([1, 1]), torch.tensor([True, True]))),
        TRUTHS),
    "nothing": lambda: (
        lambda x: (*x.unbind(1), x.repeat(2, 1), F.unfold(x.reshape(0, 3, 4, 5), 2), x.reshape(5, 0) * 2, x.sum(0), x.mean(),
                   x.to(torch.uint8) + 1, x > 2, x @ torch.ones(4, 3), torch.ones(2, 0) @ x),
        torch.ones(0, 4)),
    "a line of nothing": lambda: (lambda x: torch.cat([torch.ones(0, dtype=torch.float64), x, x], 1), WHOLE),
    "products and sums by index": lambda: (
        lambda x: [y.scatter(0, i, z, reduce=r) for r in ("add", "multiply") for y, i, z in (
            (x[0, 0], torch.tensor([1, 1, 3]), x[0, 1]), (x[0, 0], torch.tensor([2, 2]), 3), (x[1, 1, 1], torch.tensor(0), x[1, 2, 2]))],
        WHOLE + 1),
    "remainders of the least number": lambda: (
        lambda x: (torch.fmod(x, x.flip(0) + 3), torch.fmod(x, 3), x % 3, x // 5, torch.fmod(x.long() << 56, 3), torch.fmod(x.long() << 56, 1e30)),
        torch.tensor([-128, 127, -1, 5], dtype=torch.int8)),
    "lengths of bf16": lambda: (lambda x: torch.hypot(x, x.flip(0)), torch.tensor([0.3, -4.7, 1e30, float("inf")], dtype=torch.bfloat16)),
    "taken by a number": lambda: (lambda x: (x.take(torch.tensor(5)), x.take(torch.tensor([[-1, 0]]))), WHOLE),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_operator_is_that_of_eager(name):
    function, x = CASES[name]()
    same(compiled(function, strict=True)(x.clone()), function(x))


@pytest.mark.parametrize("function, told", [
    (lambda x: torch.ops.aten.native_dropout_backward(x, x > 3, 0.5), "'mul' into torch.int32 .*eager mode computes torch.float32"),
    (lambda x: F.interpolate(x.to(torch.uint8)[None], 7, mode="bilinear"), "'interpolate' into something else"),
    (lambda x: F.interpolate(x.to(torch.uint8)[None], 3, mode="bilinear", antialias=True), "'interpolate' into something else"),
])  # fmt: skip
def test_what_pytorch_decomposes_otherwise_is_refused(function, told):
    """The weights of an image of bytes were 0; results had another type."""
    x = WHOLE * 10
    with pytest.warns(UserWarning, match=f"the graph runs in eager, unrounded: PyTorch decomposes {told}"):
        same(compiled(function)(x), function(x))
    with pytest.raises(Exception, match=f"PyTorch decomposes {told}"):
        compiled(function, strict=True)(x)


def test_the_gradient_of_a_bf16_length_is_that_of_eager():
    given = [torch.tensor([v, 0.5], dtype=torch.bfloat16, requires_grad=True) for v in (-4.7, 3.0)]
    made = [torch.autograd.grad(f(*given).sum(), given) for f in (torch.hypot, compiled(torch.hypot, strict=True))]
    same(made[1], made[0], rtol=2**-7)


def test_effects_are_not_dropped_with_their_tokens():
    """The error of a singular matrix hangs on a token, which has no elements."""
    with pytest.warns(UserWarning, match="the forward graph runs in eager, unrounded: .*'linalg.inv' is not lowered"):
        same(compiled(torch.linalg.inv)(torch.eye(3) * 2), torch.linalg.inv(torch.eye(3) * 2))
    with pytest.raises(Exception, match="singular"):
        compiled(torch.linalg.inv)(torch.zeros(3, 3))
