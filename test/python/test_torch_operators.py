# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Single operators of PyTorch's database (`op_db`) through torch.compile's backend: each was refused or wrong once.

Results, their strides and gradients are those of eager.
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

F = torch.nn.functional
leaves = torch.utils._pytree.tree_leaves
NAN, INFINITY = float("nan"), float("inf")
MASK = torch.tensor([[True, False, True, True], [False, True, False, True], [True, True, False, False]])
ROWS = torch.tensor([[0], [2]])


def random(*shape):
    return torch.randn(shape)


CASES = {
    "addmv": lambda: (lambda *a: torch.addmv(*a, beta=0.5, alpha=2), random(2), random(2, 3), random(3)),
    "addbmm": lambda: (lambda *a: torch.addbmm(*a, beta=0.5, alpha=2), random(2, 4), random(5, 2, 3), random(5, 3, 4)),
    "addbmm of nothing": lambda: (lambda x, *a: torch.addbmm(x / 0, *a, beta=0), random(2, 4), random(5, 2, 3), random(5, 3, 4)),
    "uneven adaptive pools": lambda: (
        lambda x: (F.adaptive_avg_pool2d(x, (5, 3)), F.adaptive_avg_pool1d(x[0], 4), F.adaptive_avg_pool3d(x, (2, 5, 7))),
        random(2, 3, 8, 7)),
    "masked_scatter": lambda: (lambda x, y: x.masked_scatter(MASK, y), random(3, 4), random(3, 5)),
    "copies of views": lambda: (
        lambda x: (torch.narrow_copy(x, 0, 1, 2), torch.permute_copy(x, (1, 0)), *torch.unbind_copy(x), torch.view_copy(x, (2, 6))),
        random(3, 4)),
    "dist": lambda: (lambda a, b: (torch.dist(a, b), torch.dist(a, b, 1), torch.dist(a, b, INFINITY)), random(3, 4), random(4)),
    "soft margin of a large number": lambda: (lambda x: F.soft_margin_loss(x, torch.ones(2)), torch.tensor([14.6, -3.0])),
    "as_strided of a transposed product": lambda: (lambda x: (x.t() * 2).as_strided((2, 3), (1, 7)).contiguous(), random(4, 6)),
    "as_strided_copy": lambda: (lambda x: torch.as_strided_copy(x, (2, 2), (1, 2)), random(3, 3)),
    "as_strided_scatter": lambda: (lambda x, y: (x * 2).as_strided_scatter(y, (2, 2), (1, 7)), random(4, 6), random(2, 2)),
    "indices of a number": lambda: (
        lambda x, y: (x.index_add(0, torch.tensor([0]), y), x.index_copy(0, torch.tensor(0), y), x * torch.index_select(y, 0, torch.tensor(0))),
        random(), random()),
    "an index without axes": lambda: (
        lambda x, y: (x.index_select(1, torch.tensor(2)), x.index_add(0, torch.tensor(1), y)), random(3, 4), random(1, 4)),
    "places on axes apart": lambda: (
        lambda x: (x[ROWS, :, ROWS.t()], x[:, ROWS, :, ROWS - 1], x[torch.tensor([0, 2]), 1, :, ROWS]), random(3, 4, 3, 5)),
    "operators of a number": lambda: (
        lambda x: (x.sort(), x.topk(1), x.cumsum(0), x.cumprod(0), x.logcumsumexp(0), x.prod(0), x.flip(0), x.var(0, correction=0),
                   x.max(0), x.gather(0, torch.tensor([0, 0])), x.argmax(), x.argmin(0, True)),
        random()),
    "tensordot by negative axes": lambda: (lambda a, b: torch.tensordot(a, b, dims=([-2], [-3])), random(2, 3, 4), random(3, 5, 2)),
    "logcumsumexp of large numbers": lambda: (lambda x: x.logcumsumexp(1), torch.tensor([[1e4, 1e4, -3, 2e4], [-INFINITY, -1e5, 80, 95]])),
    "masked_scatter of other shapes": lambda: (lambda x, y: x.masked_scatter(MASK, y), random(4), random(3, 5)),
    "cumprod of zeros": lambda: (lambda x: x.cumprod(1), torch.tensor([[0.5, 0, 2, 3], [0, 1, 0, 2], [1.5, 2, 3, 0]])),
    "fmax of other shapes": lambda: (lambda a, b: (torch.fmax(a, b), torch.fmin(a, b)), random(3, 1), random(4)),
    "an average of sums over windows past the padding": lambda: (
        lambda x: F.avg_pool3d(x, (2, 3, 4), (1, 2, 2), (0, 1, 2), True, True, 2), random(1, 2, 5, 5, 5)),
    "grid_sample": lambda: (
        lambda x, g: [F.grid_sample(x, g, m, p, a) for m in ("bilinear", "nearest") for p in ("zeros", "border", "reflection")
                      for a in (False, True)],
        random(2, 3, 5, 4), random(2, 3, 4, 2)),
    "grid_sample of volumes": lambda: (
        lambda x, g: (F.grid_sample(x, g, align_corners=False), F.grid_sample(x, g, "nearest", "border", True)),
        random(2, 3, 2, 5, 4), random(2, 3, 2, 1, 3)),
    "rrelu in evaluation": lambda: (lambda x: F.rrelu(x), random(3, 4)),
    "averages of sums": lambda: (lambda x: (F.avg_pool2d(x, 4, 2, 1, True, False, 2), F.avg_pool2d(x, 6, 3, 3, True, True, 2)), random(1, 3, 9, 9)),
    "images of another size": lambda: (
        lambda x: [F.interpolate(x, size, mode=m, antialias=True, align_corners=a)
                   for m in ("bilinear", "bicubic") for size, a in (((4, 3), False), ((14, 5), True), ((9, 7), False))],
        random(2, 3, 9, 7)),
    "pools of one image": lambda: (
        lambda x: (F.max_pool2d(x, 2), *F.max_pool2d(x, 3, 2, 1, return_indices=True), F.max_pool1d(x[0], 2), F.avg_pool2d(x, 2),
                   F.adaptive_avg_pool2d(x, (3, 2)), F.adaptive_max_pool1d(x[0], 4), F.adaptive_max_pool2d(x, (4, 1))),
        random(3, 8, 9)),
    "pools of a list of one size": lambda: (
        lambda x: (F.max_pool2d(x, (3,), (2, 2), (1,)), F.avg_pool2d(x, (2,), (3,)), F.avg_pool3d(x, (2,))), random(2, 3, 8, 9)),
    "convolutions of time, batch and channels": lambda: (
        lambda x, w, b: torch.conv_tbc(x, w, b, 1), random(5, 2, 3), random(3, 3, 4), random(4)),
    "uneven adaptive maxima": lambda: (
        lambda x: (*F.adaptive_max_pool2d(x[0], (5, 3), True), *F.adaptive_max_pool3d(x, (3, 2, 7), True), F.adaptive_max_pool1d(x[0, 0], 4)),
        random(2, 3, 4, 8, 9)),
    "angle": lambda: (torch.angle, random(3, 4)),
    "two views of one product": lambda: (lambda x: (lambda y: (y, y.t(), *y.unbind(0)))(x.t() * 2), random(3, 4)),
    "an expanded product": lambda: (lambda x: (x * 2).expand(3, 2, 4), random(2, 1)),
}  # fmt: skip


@in_process
@pytest.mark.parametrize("name", CASES)
def test_an_operator_and_its_gradients_are_those_of_eager(name):
    torch._dynamo.reset()
    torch.manual_seed(0)
    function, *inputs = CASES[name]()
    made = []
    for call in (function, torch.compile(function, backend="prec", fullgraph=True, options={"strict": True})):
        given = [x.clone().requires_grad_() for x in inputs]
        results = leaves(call(*given))
        loss = sum((r * torch.arange(1, r.numel() + 1).reshape(r.shape)).sum() for r in results if r.is_floating_point())
        made.append((results, torch.autograd.grad(loss, given, allow_unused=True)))
    (want, want_grads), (ours, our_grads) = made
    torch.testing.assert_close(ours, want, rtol=2e-5, atol=5e-6, equal_nan=True)
    torch.testing.assert_close(our_grads, want_grads, rtol=2e-5, atol=5e-6 if "margin" not in name else 0, equal_nan=True)
    assert [r.stride() for r in ours] == [r.stride() for r in want]


@in_process
@pytest.mark.parametrize("function", [
    lambda x: (torch.nanmedian(x, 1)[0], torch.nanmedian(x), *torch.nanmedian(x[:, :1], 0, True)),
    lambda x: torch.signbit(x),
    lambda x: (torch.copysign(torch.full((3, 4), 2.0), x), torch.copysign(x, -0.0), torch.copysign(torch.arange(12).reshape(3, 4), x)),
    lambda x: torch.angle(x),
    lambda x: torch.hypot(x, x.flip(0)),
    lambda x: [torch.div(y, b, rounding_mode=m) for y in (x, torch.arange(99) * 0.1) for b in (0.1, -0.3, 0.0, torch.tensor(0.7)) for m in ("floor", "trunc")],
    lambda x: (7.5 // x, x // torch.tensor(3), torch.arange(9) // 2.5, 100 // torch.arange(1, 5)),
    lambda x: [torch.searchsorted(torch.tensor([-2.0, 0.0, 1.0, 1.0]), x, right=r) for r in (False, True)],
    lambda x: torch.searchsorted(torch.arange(15).reshape(3, 5), torch.tensor([[3, 0], [7, 20], [14, 10]]), out_int32=True),
    lambda x: torch.searchsorted(torch.tensor([3.0, 1.0, 2.0]), x, side="right", sorter=torch.tensor([1, 2, 0])),
    lambda x: [x[0, 0].index_reduce(0, torch.tensor([0]), torch.tensor(5.0), w) for w in ("mean", "prod", "amax", "amin")],
    lambda x: [torch.tensor([[2, 1, 2, 0, 1, 2]]).sort(dim=1, descending=d, stable=True) for d in (False, True)],
    lambda x: torch.repeat_interleave(x, torch.tensor([2, 0, 3]), 0, output_size=5),
    lambda x: (x[0, 0].mean(0), x[0, 0].mean(-1, keepdim=True)),
    lambda x: torch.where(torch.tensor([True, False, True, False]), x, 2.0),
    lambda x: torch.ldexp(x, torch.tensor([1, -2, 0, 3])),
])  # fmt: skip
def test_what_is_not_finite_is_that_of_eager(function):
    torch._dynamo.reset()
    x = torch.tensor([[1.0, NAN, -2.0, 3.0], [NAN, NAN, NAN, -0.0], [0.0, -INFINITY, INFINITY, NAN]])
    want, ours = leaves(function(x)), leaves(torch.compile(function, backend="prec", options={"strict": True})(x))
    for mine, eager in zip(ours, want, strict=True):
        torch.testing.assert_close(mine, eager, rtol=0, atol=0, equal_nan=True)


WHOLE = {
    "arithmetic": lambda x, y: (x + y, x - y, x * y, x // (y | 1), x % (y | 1), -x, x.abs(), x.sign()),
    "with other types": lambda x, y: (x * 2.5, x / 3, x.long() + y, x + torch.ones(4), torch.where(x > y, x, 1.5), x.float()),
    "sums": lambda x, y: (x.sum(1), x.prod(0), x.cumsum(1), x.float().mean()),
    "order": lambda x, y: (x.max(1), x.min(0), x.amax(1), x.amin(0), x.argmax(1), x.topk(2, 1)[0], torch.maximum(x, y)),
    "compared": lambda x, y: (x == 100, x <= 120, x > 3, x < y, x >= y, x != y),
    "bits": lambda x, y: (~x, x & y, x | 13, x ^ 127, x & 126, x >> 1, x << 1),
    "powers": lambda x, y: (x**0, x**2, x**5, x**0.5),
    "by index": lambda x, y: (x.scatter_reduce(1, (y & 3).long(), y, "amax"), x[[2, 0]], x.gather(1, (y & 3).long()), x.flip(0)),
}


@in_process
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int64])
@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers_are_those_of_eager(name, dtype):
    """The importer takes bytes from 128 on for negative ones in some operators."""
    torch._dynamo.reset()
    torch.manual_seed(0)
    x, y = (torch.randint(0, 256, (3, 4)).to(dtype) for _ in range(2))
    want, ours = WHOLE[name](x, y), torch.compile(WHOLE[name], backend="prec", options={"strict": True})(x, y)
    torch.testing.assert_close(ours, want, rtol=1e-6, atol=0, equal_nan=True)


@in_process
def test_whole_numbers_among_floats_are_those_of_eager():
    torch._dynamo.reset()
    x = torch.arange(-4, 5)

    def function(x):
        return x.clamp(-1.5, 2.5), x.clamp(min=-1, max=2.5), x.clamp(-1, 2), torch.pow(2.0, x), torch.pow(0.5, x * 0.5)

    torch.testing.assert_close(torch.compile(function, backend="prec", options={"strict": True})(x), function(x), rtol=1e-6, atol=0)


@in_process
def test_products_of_bytes_are_those_of_eager():
    torch._dynamo.reset()
    a, b = torch.randint(-128, 127, (17, 16), dtype=torch.int8), torch.randint(-128, 127, (16, 8), dtype=torch.int8)
    assert torch.equal(torch.compile(torch._int_mm, backend="prec", options={"strict": True})(a, b), torch._int_mm(a, b))


@in_process
def test_booleans_are_ordered_as_in_eager():
    torch._dynamo.reset()

    def function(x):
        return *x.max(1), *x.min(0), x.amax(0), x.amin(1), x.cummax(1).values, x.sort(1).values

    ours = torch.compile(function, backend="prec", options={"strict": True})(MASK)
    torch.testing.assert_close(ours, function(MASK))


@in_process
def test_a_batch_norm_that_updates_is_that_of_eager():
    torch._dynamo.reset()
    x, weight, bias = random(4, 3), random(3), random(3)
    kept = []

    def norm(x, mean, variance):
        return torch.ops.aten._batch_norm_with_update(x, weight, bias, mean, variance, 0.1, 1e-5)[0]

    for call in (norm, torch.compile(norm, backend="prec", options={"strict": True})):
        mean, variance = torch.zeros(3), torch.ones(3)
        kept.append((call(x, mean, variance), mean, variance))
    torch.testing.assert_close(*kept, rtol=1e-5, atol=1e-6, equal_nan=True)


@in_process
def test_memory_outside_of_a_tensor_is_refused():
    torch._dynamo.reset()
    x = random(4, 6)
    with pytest.warns(UserWarning, match="reads memory by strides"):
        made = torch.compile(lambda x: x.as_strided((2, 2), (1, 2), 0) * 3, backend="prec")(x[1:])
    torch.testing.assert_close(made, x.as_strided((2, 2), (1, 2)) * 3)


@in_process
def test_what_the_trace_cannot_do_is_told(monkeypatch):
    """TorchDynamo ran some of it in eager, silently."""
    from prec.torch import decompositions

    rules = dict(decompositions.table())
    rules[torch.ops.aten.sin.default] = lambda x: x * x.sum().item()
    monkeypatch.setattr(sys.modules["prec.torch.backend"], "table", lambda: rules)
    torch._dynamo.reset()
    with pytest.warns(UserWarning, match="the graph runs in eager, unrounded: PyTorch cannot trace it: "):
        made = torch.compile(lambda x: x.sin() + 1, backend="prec")(torch.ones(3))
    torch.testing.assert_close(made, torch.ones(3).sin() + 1)
    torch._dynamo.reset()
    with pytest.raises(Exception, match="PyTorch cannot trace it"):
        torch.compile(lambda x: x.sin() + 1, backend="prec", options={"strict": True})(torch.ones(3))
