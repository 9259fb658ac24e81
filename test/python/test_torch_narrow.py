# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""bf16 and f16 under torch.compile's backend: as exact as eager, which computes in f32 and rounds once."""
import os
import sys

import pytest
from conftest import BUILD, SOURCE, in_process

torch = pytest.importorskip("torch")
pytest.importorskip("iree.compiler")
os.environ.setdefault("PREC_BUILD_DIR", str(BUILD))
sys.path.insert(0, str(SOURCE / "python"))
import prec.torch  # noqa: E402

nn, F = torch.nn, torch.nn.functional
pytestmark = in_process
EPSILON = {torch.bfloat16: 2**-8, torch.float16: 2**-11}
narrow = pytest.mark.parametrize("dtype", EPSILON)


def compiled(function):
    torch._dynamo.reset()
    return torch.compile(function, backend="prec", fullgraph=True, options={"strict": True})


@narrow
@pytest.mark.parametrize("function", [
    torch.tanh, torch.exp, torch.log, torch.sin, torch.erf, torch.rsqrt, torch.log1p, torch.atan,
    lambda x: x.abs() ** 1.5, lambda x: torch.atan2(x, x.flip(0)),
])  # fmt: skip
def test_functions_of_all_numbers_are_rounded_correctly(function, dtype):
    """f32's result is rounded once more, which differs from the exact one's rounding nowhere here."""
    x = torch.arange(1 << 16, dtype=torch.int32).to(torch.int16).view(dtype)
    x = x[~x.isnan()]
    torch.testing.assert_close(compiled(function)(x), function(x.double()).to(dtype), rtol=0, atol=0, equal_nan=True)


def row(*shape):
    return torch.rand(*shape) + 0.5


SUMS = {
    "sum": lambda: (torch.sum, row(5000)), "rows": lambda: (lambda x: x.sum(0), row(3000, 4)), "mean": lambda: (lambda x: x.mean(1), row(3, 5000)),
    "cumsum": lambda: (lambda x: x.cumsum(0), row(2000)), "product": lambda: (lambda x: x.prod(1), row(3, 20)),
    "variance": lambda: (lambda x: x.var(1), row(3, 4000)), "norm": lambda: (lambda x: x.norm(dim=1), row(3, 2000)),
    "softmax": lambda: (lambda x: x.softmax(1), row(3, 3000)), "logsumexp": lambda: (lambda x: x.logsumexp(1), row(3, 3000)),
    "product of matrices": lambda: (torch.matmul, row(3, 3000), row(3000, 2)), "dot": lambda: (torch.dot, row(3000), row(3000)),
    "convolution": lambda: (F.conv2d, row(1, 64, 7, 7), row(2, 64, 5, 5)), "pool": lambda: (lambda x: F.avg_pool2d(x, 32), row(1, 2, 32, 32)),
    "adaptive pool": lambda: (lambda x: F.adaptive_avg_pool2d(x, 1), row(1, 2, 32, 32)), "layer norm": lambda: (lambda x: F.layer_norm(x, (2000,)), row(3, 2000)),
    "scatter": lambda: (lambda x: torch.zeros(2, 4, dtype=x.dtype).index_add(0, torch.zeros(3000, dtype=torch.int64), x), row(3000, 4)),
    "embedding": lambda: (lambda w: F.embedding(torch.zeros(3000, dtype=torch.int64), w), row(3, 4)), "linear": lambda: (F.linear, row(3000, 3), row(2, 3), row(2)),
    "loss": lambda: (lambda x: F.cross_entropy(x, torch.zeros(700, dtype=torch.int64)), row(700, 5)), "absolute loss": lambda: (F.l1_loss, row(5000), row(5000)),
    "similarity": lambda: (F.cosine_similarity, row(3, 2000), row(3, 2000)), "silu": lambda: (F.silu, row(50) - 1), "sigmoid": lambda: (torch.sigmoid, row(50) - 1),
}  # fmt: skip


@narrow
@pytest.mark.parametrize("name", SUMS)
def test_sums_go_on_growing(name, dtype):
    torch.manual_seed(0)
    function, *given = SUMS[name]()
    ours, eager = ([x.detach().to(dtype).requires_grad_() for x in given] for _ in range(2))
    exact = [x.detach().double().requires_grad_() for x in ours]
    results = [f(*x) for f, x in ((compiled(function), ours), (function, eager), (function, exact))]
    assert results[0].dtype == results[1].dtype
    weights = torch.rand(results[0].shape).to(dtype)
    gradients = [torch.autograd.grad(y, x, weights.to(y.dtype)) for y, x in zip(results, (ours, eager, exact))]
    for mine, other, want in zip(*([y.detach(), *g] for y, g in zip(results, gradients))):
        norm = want.norm() + 1e-30
        assert (mine - want).norm() / norm <= max(3 * (other - want).norm() / norm, 2 * EPSILON[dtype])


def test_mixed_precision_trains_as_in_eager():
    losses = []
    for call in (lambda m: m, compiled):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 3))
        run, x, y = call(model), torch.randn(600, 6), torch.randint(0, 3, (600,))
        optimizer, scaler = torch.optim.AdamW(model.parameters(), 0.02), torch.amp.GradScaler("cpu")
        losses.append([])
        for _ in range(6):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                made = run(x)
                loss = F.cross_entropy(made, y)
            assert made.dtype == torch.bfloat16
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
            losses[-1].append(loss.item())
    assert losses[0][-1] < losses[0][0]
    assert losses[1] == pytest.approx(losses[0], rel=2**-8)
