# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Modules of many kinds through torch.compile's backend: results and all gradients equal eager's.

Each was wrong, crashed the foreign importer, kept it busy for ever or was refused once.
"""
import os
import re
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
leaves = torch.utils._pytree.tree_leaves


class Of(nn.Module):
    def __init__(self, function, *modules):
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(modules)

    def forward(self, *arguments):
        return self.function(*self.parts, *arguments)


def random(*shape):
    return torch.randn(shape)


def integers(count, *shape):
    return torch.randint(0, count, shape)


IMAGE = (2, 3, 13, 11)
CASES = {
    "depthwise": lambda: (nn.Sequential(nn.Conv2d(7, 7, 3, 2, 1, groups=7), nn.ReLU6()), random(2, 7, 15, 9)),
    "dilated groups": lambda: (nn.Conv2d(8, 12, 3, padding=2, dilation=2, groups=4), random(2, 8, 13, 11)),
    "conv1d": lambda: (nn.Sequential(nn.Conv1d(5, 9, 5, 2, 2), nn.Conv1d(9, 4, 3, dilation=3)), random(2, 5, 31)),
    "conv3d": lambda: (nn.Sequential(nn.Conv3d(2, 4, 3, padding=1), nn.MaxPool3d(2)), random(1, 2, 6, 7, 8)),
    "depthwise 3d": lambda: (nn.Conv3d(3, 3, 2, groups=3), random(1, 3, 4, 5, 3)),
    "transposed": lambda: (nn.ConvTranspose2d(6, 4, 3, 2, 1, output_padding=1, groups=2), random(2, 6, 5, 4)),
    "transposed depthwise": lambda: (nn.ConvTranspose2d(4, 4, 3, 2, 1, output_padding=1, groups=4), random(2, 4, 5, 7)),
    "transposed, more taps than the stride": lambda: (nn.ConvTranspose1d(3, 4, 7, 3, 2), random(2, 3, 7)),
    "transposed, phases without a tap": lambda: (nn.ConvTranspose1d(3, 4, 2, 4, output_padding=1), random(2, 3, 5)),
    "transposed, dilated": lambda: (nn.ConvTranspose1d(4, 6, 5, 4, 2, dilation=2, output_padding=3, groups=2), random(2, 4, 5)),
    "transposed, one reach past the input": lambda: (nn.ConvTranspose1d(2, 3, 2, 4, 5, dilation=10), random(1, 2, 1)),
    "transposed, cropped": lambda: (nn.ConvTranspose1d(2, 3, 1, 2, 3, bias=False), random(1, 2, 5)),
    "transposed, two strides": lambda: (
        nn.ConvTranspose2d(3, 4, (2, 5), (3, 2), (0, 2), dilation=(2, 1), output_padding=(1, 0)), random(2, 3, 4, 5)),
    "transposed, a stride on one axis": lambda: (nn.ConvTranspose2d(3, 3, (3, 2), (1, 4), (1, 0), groups=3), random(2, 3, 4, 5)),
    "transposed, a large stride": lambda: (nn.ConvTranspose2d(3, 3, 4, 5, groups=3), random(1, 3, 3, 2)),
    "transposed 3d": lambda: (nn.ConvTranspose3d(4, 4, 3, 2, 1, output_padding=1, groups=2), random(1, 4, 3, 2, 3)),
    "stride over what a filter leaves out": lambda: (nn.Conv2d(4, 6, 2, 3, groups=2), random(2, 4, 13, 8)),
    "stride and dilation": lambda: (nn.Conv2d(4, 4, 3, 2, 2, dilation=2, groups=4), random(2, 4, 9, 8)),
    "max pool": lambda: (Of(lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True)), random(*IMAGE)),
    "average pool": lambda: (Of(lambda x: F.avg_pool2d(x, 3, 2, 1)), random(*IMAGE)),
    "average pool, odd end": lambda: (
        Of(lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False)), random(*IMAGE)),
    "average pool, divisor": lambda: (Of(lambda x: F.avg_pool2d(x, (2, 3), divisor_override=5)), random(*IMAGE)),
    "adaptive average": lambda: (Of(lambda x: F.adaptive_avg_pool2d(x, (3, 5))), random(*IMAGE)),
    "adaptive maximum": lambda: (Of(lambda x: F.adaptive_max_pool2d(x, (3, 4))), random(2, 3, 12, 8)),
    "bilinear resize": lambda: (Of(lambda x: F.interpolate(x, (9, 13), mode="bilinear")), random(1, 2, 7, 5)),
    "bicubic resize": lambda: (Of(lambda x: F.interpolate(x, (9, 6), mode="bicubic")), random(1, 2, 7, 5)),
    "pad": lambda: (Of(lambda x: F.pad(x, (1, 2, 2, 1))), random(2, 3, 7, 5)),
    "crop by pad": lambda: (Of(lambda x: F.pad(x, (-1, 2, 1, -2), value=1.5)), random(2, 3, 7, 5)),
    "reflect": lambda: (Of(lambda x: F.pad(x, (1, 2, 2, 0), mode="reflect")), random(2, 3, 7, 5)),
    "replicate": lambda: (Of(lambda x: F.pad(x, (1, 2, 2, 0), mode="replicate")), random(2, 3, 7, 5)),
    "bilinear": lambda: (nn.Bilinear(5, 7, 3), random(4, 5), random(4, 7)),
    "sort": lambda: (Of(lambda x: torch.sort(x, -1, descending=True)[0]), random(7, 13)),
    "index_select": lambda: (Of(lambda x, i: x.index_select(0, i) + x[i]), random(7, 5), integers(7, 6)),
    "roll": lambda: (Of(lambda x: torch.roll(x, (2, -1), (1, 0))), random(7, 13)),
    "logsumexp": lambda: (Of(lambda x: x.logsumexp(1)), random(7, 5)),
    "unfold": lambda: (Of(lambda x: F.unfold(x, 3, padding=1)), random(2, 3, 7, 5)),
    "prelu": lambda: (nn.PReLU(3), random(2, 3, 7)),
    "hypot": lambda: (Of(torch.hypot), random(7), random(7)),
    "segmentation": lambda: (
        Of(lambda x, t: F.cross_entropy(x, t, ignore_index=1)), random(2, 5, 4, 3), integers(5, 2, 4, 3)),
    "divergence": lambda: (Of(lambda a, b: F.kl_div(F.log_softmax(a, 1), F.softmax(b, 1), reduction="batchmean")), random(7, 5), random(7, 5)),
    "lstm": lambda: (Of(lambda rnn, x: rnn(x)[0], nn.LSTM(3, 4, bidirectional=True)), random(3, 2, 3)),
    "gru": lambda: (Of(lambda rnn, x: rnn(x)[0], nn.GRU(3, 4)), random(3, 2, 3)),
    "gru cell": lambda: (nn.GRUCell(3, 4), random(2, 3), random(2, 4)),
    "a tensor written in the code": lambda: (
        Of(lambda x: x[:, torch.tensor([2, 0])] * torch.tensor([1.5, -2.0])), random(3, 4)),
    "index from the end": lambda: (Of(lambda x, i: (x[:, torch.tensor([-1, 2])], x[i])), random(2, 4), integers(1, 2) - 1),
    "write from the end": lambda: (
        Of(lambda x, v: x.index_put((torch.tensor([1]), torch.tensor([-1, 2, -4])), v, True)), random(2, 4), random(3)),
    "index of 32 bits behind another axis": lambda: (Of(lambda x: x[:, torch.tensor([1, -2, 1], dtype=torch.int32)]), random(2, 4)),
    "overlapping windows": lambda: (Of(lambda x: x.unfold(1, 4, 3).unfold(2, 4, 3)), random(2, 7, 10)),
    "write where a mask is": lambda: (Of(lambda x, m, v=torch.tensor([1.5, -2.0, 3.0]): (
        x.index_put((m > 0,), torch.tensor(2.0)), x.index_put((m[:, 0] > 0,), v, True), x.index_put((m[:, 0] > 9,), v, True))),
        random(4, 3), integers(2, 4, 3)),
    "weight norm": lambda: (nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 4, 3)), random(2, 3, 7)),
    "bags": lambda: (Of(lambda e, i, w: e(i, torch.tensor([0, 3, 3]), w), nn.EmbeddingBag(7, 3, mode="sum", padding_idx=2)),
                     integers(7, 9), random(9)),
    "mean of bags": lambda: (nn.EmbeddingBag(7, 3), integers(7, 3, 4)),
    "largest of bags": lambda: (nn.EmbeddingBag(7, 3, mode="max"), integers(7, 9), torch.tensor([0, 3, 3, 7])),
    "distances": lambda: (Of(lambda a, b: [torch.cdist(a, b, p=p) for p in (1, 2, 3, float("inf"))]), random(2, 4, 3), random(2, 5, 3)),
    "norms": lambda: (Of(lambda x: [torch.linalg.vector_norm(x, p, 1) for p in (0, 1, 2, 3, float("inf"), -float("inf"))]), random(4, 5)),
    "median": lambda: (Of(lambda x: (x.median(1)[0], x.median(), x.kthvalue(2, 0)[0])), random(5, 6)),
    "experts in any order": lambda: (Of(lambda x: [(lambda top: torch.zeros_like(x).scatter(1, top.indices, top.values))(
        torch.topk(x, 2, sorted=False, largest=largest)) for largest in (True, False)]), random(5, 6)),
    "triangular systems": lambda: (Of(lambda a, b, c: [
        torch.linalg.solve_triangular(a + 4 * torch.eye(5), c if left else b, upper=upper, left=left, unitriangular=unit)
        for upper in (False, True) for left, unit in ((True, False), (False, False), (True, True))]), random(2, 5, 5), random(3, 5), random(2, 5, 3)),
    "running maximum": lambda: (Of(lambda x: (x.cummax(1)[0], x.cummin(0)[0])), random(5, 7)),
    "reduce by index": lambda: (Of(lambda x, i, y: x.index_reduce(0, i, y, "mean")), random(4, 3), integers(4, 6), random(6, 3)),
    "cosine loss": lambda: (
        Of(lambda a, b: F.cosine_embedding_loss(a, b, torch.tensor([1, -1, 1]))), random(3, 5), random(3, 5)),
    "affine grid": lambda: (Of(lambda t: F.affine_grid(t, (1, 2, 4, 4), align_corners=False)), random(1, 2, 3)),
    "jacobian": lambda: (Of(lambda f, x: torch.func.jacrev(lambda r: torch.tanh(f(r)))(x), nn.Linear(4, 3)), random(4)),
    "a scalar's softmax": lambda: (Of(lambda x: (x.softmax(0), x.log_softmax(-1), x.amax(), x.logsumexp(0))), random()),
    "write a diagonal": lambda: (Of(lambda x, y, v: (
        x.diagonal_scatter(v, 1), x.diagonal_scatter(v[:3], -1), y.diagonal_scatter(x[:, 2:], -1, 2, 0))),
        random(4, 5), random(3, 4, 5), random(4)),
    "write a strided view": lambda: (
        Of(lambda x, v: torch.as_strided_scatter(x, v, (2, 3), (5, 2), 1)), random(4, 5), random(2, 3)),
    "a unit matrix": lambda: (Of(lambda x: (x * torch.eye(3, 4), x * torch.arange(4, dtype=torch.uint8))), random(3, 4)),
    "take": lambda: (Of(lambda x: x.take(torch.tensor([-1, 3, 3]))), random(4, 3)),
}  # fmt: skip


def results_and_gradients(call, module, inputs):
    inputs = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    results = leaves(call(*inputs))
    torch.manual_seed(1)
    weights = [torch.randn_like(r) for r in results]
    wanted = [x for x in (*module.parameters(), *inputs) if x.requires_grad]
    return [*results, *torch.autograd.grad(results, wanted, weights)]


@in_process
@pytest.mark.parametrize("name", CASES)
def test_results_and_gradients_are_those_of_eager(name):
    torch.manual_seed(0)
    torch._dynamo.reset()
    module, *inputs = CASES[name]()
    expected = results_and_gradients(module, module, inputs)
    compiled = torch.compile(module, backend="prec", options={"strict": True}, fullgraph=True)
    scale = max(float(e.detach().abs().max()) for e in expected)
    for ours, want in zip(results_and_gradients(compiled, module, inputs), expected, strict=True):
        assert ours.shape == want.shape
        torch.testing.assert_close(ours, want, rtol=1e-5, atol=2e-6 * scale)


@in_process
@pytest.mark.parametrize("function", [
    torch.isfinite, torch.nan_to_num, lambda x: x == x, lambda x: x.clamp(-1, 1), lambda x: x.clamp(max=1.0),
    lambda x: torch.maximum(x, x.flip(0)), lambda x: torch.minimum(x, torch.ones(5)), F.relu, F.relu6, F.hardtanh,
    lambda x: torch.reciprocal(x - 1.5),
])  # fmt: skip
def test_what_is_not_finite_is_that_of_eager(function):
    """A clamp that turns NaN into a number would hide a training that has failed."""
    torch._dynamo.reset()
    x = torch.tensor([1.5, float("nan"), float("inf"), -float("inf"), -3.0])
    ours = torch.compile(function, backend="prec", options={"strict": True})(x)
    torch.testing.assert_close(ours, function(x), rtol=0, atol=0, equal_nan=True)


@in_process
@pytest.mark.parametrize("function, arguments", [
    (lambda x: (x.cummax(1), x.cummin(0)), [[1.0, float("nan"), 1.0, 2.0], [1, 3, -1, 2], [0, 3, -1, float("nan")]]),
    (lambda x: (x.median(1), x.median()), [[1.0, float("nan"), 1.0, 2.0], [1, 3, -1, 2], [0, 7, -1, 4]]),
    (lambda x: (torch.fmod(x, 0.7), torch.fmod(x, -3.0), torch.remainder(x, 2.5)), [1e8, -1e8, -3.5, 0.0, -0.0, float("inf"), float("nan")]),
    (lambda x: (*torch.var_mean(x, 0), *torch.std_mean(x, 0, correction=0)), [[]]),
    (lambda x: (torch.histc(x, 5, -1, 1), torch.histc(x, 3)), [-2.0, -1, -0.5, 0.1, 0.99, 1, 3]),
    (lambda x: (torch.remainder(x, x.flip(0)), torch.fmod(x, x.flip(0)), x // 2), [7, -7, 2, -2]),
])  # fmt: skip
def test_what_has_no_gradient_is_that_of_eager(function, arguments):
    torch._dynamo.reset()
    x = torch.tensor(arguments)
    ours = torch.compile(function, backend="prec", options={"strict": True})(x)
    for mine, want in zip(leaves(ours), leaves(function(x)), strict=True):
        torch.testing.assert_close(mine, want, rtol=0, atol=0, equal_nan=True)


def test_a_transposed_convolution_multiplies_no_zeros():
    from prec.torch.decompositions import table
    from torch.fx.experimental.proxy_tensor import make_fx

    graph = make_fx(nn.ConvTranspose2d(2, 3, 3, 2, 1), decomposition_table=table())(random(1, 2, 5, 4)).graph
    made = [n for n in graph.nodes if n.target is torch.ops.aten.convolution.default]
    assert [(list(n.args[1].meta["val"].shape[2:]), n.args[6]) for n in made] == [
        ([1, 1], False), ([1, 2], False), ([2, 1], False), ([2, 2], False)]  # fmt: skip


@in_process
@pytest.mark.parametrize("a, b, ends", [
    ((12, 16), (3, 16, 8), [2, 6, 12]), ((8, 16), (16, 8), [8, 16]), ((3, 8, 16), (3, 16, 8), None),
])  # fmt: skip
def test_grouped_products_are_those_of_eager(a, b, ends):
    torch._dynamo.reset()
    torch.manual_seed(0)
    ends = None if ends is None else torch.tensor(ends, dtype=torch.int32)
    a, b = random(*a).bfloat16(), random(*b).bfloat16()
    ours = torch.compile(torch._grouped_mm, backend="prec", options={"strict": True})(a, b, offs=ends)
    torch.testing.assert_close(ours, torch._grouped_mm(a, b, offs=ends), rtol=2**-7, atol=1e-4)


@in_process
@pytest.mark.parametrize("word", ["gt", "lt", "ge", "le", "eq", "ne"])
def test_a_constant_is_compared_as_in_eager(word):
    """The importer folds it, and took whole numbers for bits of a float."""
    torch._dynamo.reset()

    def function(x):
        constants = torch.ones(3), torch.full((3,), 2.0), torch.zeros(3), torch.ones(3, dtype=torch.int64), torch.ones(3) > 0
        return [torch.where(getattr(c, word)(k), x, 5.0) for c in constants for k in (0, 1, -1, 1.5, True)]

    x = random(3)
    ours = torch.compile(function, backend="prec", options={"strict": True})(x)
    torch.testing.assert_close(ours, function(x), rtol=0, atol=0)


@in_process
def test_a_gradient_that_is_refused_is_named():
    torch._dynamo.reset()
    x, grid, value = random(1, 2, 4, 4).requires_grad_(), torch.rand(1, 3, 3, 2), torch.tensor(2.0, requires_grad=True)

    def sample(x, grid):
        return F.grid_sample(x, grid, "bicubic", align_corners=False)

    sampled = torch.compile(sample, backend="prec", options={"strict": True})(x, grid)
    with pytest.raises(FrontendError, match="'torch.aten.grid_sampler_2d_backward' is not lowered"):
        sampled.sum().backward()
    torch._dynamo.reset()
    with pytest.warns(UserWarning, match="'torch.aten.grid_sampler_2d_backward' is not lowered"):
        torch.compile(sample, backend="prec")(x, grid).sum().backward()

    def write(x, value):
        return x.index_put((x > 0,), value)

    torch._dynamo.reset()
    with pytest.raises(Exception, match="gradient of what a masked write writes does, too.: use torch.where"):
        torch.compile(write, backend="prec", options={"strict": True})(x, value)
    torch._dynamo.reset()
    with pytest.warns(UserWarning, match="the graph runs in eager, unrounded: 'aten.nonzero.default'"):
        torch.compile(write, backend="prec")(x, value)


@in_process
@pytest.mark.parametrize("norm_first", [False, True])
def test_a_layers_fast_path_is_compiled(norm_first):
    """In evaluation without gradients PyTorch takes one operator for a whole layer."""
    torch._dynamo.reset()
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=norm_first).eval()
    x, hidden = random(2, 5, 8), torch.tensor([[False] * 5, [False, False, False, True, True]])
    compiled = torch.compile(layer, backend="prec", options={"strict": True}, fullgraph=True)
    with torch.no_grad():
        for keywords in ({}, {"src_key_padding_mask": hidden}, {"src_mask": torch.ones(5, 5).triu(1).bool()}):
            torch.testing.assert_close(compiled(x, **keywords)[0], layer(x, **keywords)[0], rtol=1e-5, atol=2e-6)


@in_process
def test_a_factor_of_one_loses_no_rounding():
    """x * 1 is x, so that the product's rounding goes with it."""
    torch._dynamo.reset()
    x = random(3, 5)
    plain, times = (torch.compile(f, backend="prec", options={"strict": True, "truncate_mantissa": 7})
                    for f in (lambda x: x.exp().exp(), lambda x: (x.exp() * torch.ones(3, 5)).exp()))  # fmt: skip
    torch.testing.assert_close(times(x), plain(x), rtol=0, atol=0)


@in_process
@pytest.mark.parametrize("function, word", [
    (lambda x: torch.view_as_complex(x).sin(), r"'sin' \('sin'\) of complex numbers is not lowered"),
    (lambda x: F.multilabel_margin_loss(x, torch.tensor([[1, -1], [0, 1], [1, 0]])), "PyTorch decomposes 'multilabel_margin_loss'"),
    (lambda x: x.index_put((x[:, 0] > 0,), x[:1].expand(2, 2)), "writes as many values as its mask"),
    (lambda x: torch.lgamma(x), "the foreign importer: 'torch.aten.lgamma' is not lowered"),
    (lambda x: torch.linalg.inv(x[:2]), "'linalg.inv' is not lowered"),
])  # fmt: skip
def test_what_is_refused_is_named(function, word):
    """With the line of the model, where the graph still has it."""
    torch._dynamo.reset()
    place = "" if "decomposes" in word else rf"{re.escape(__file__)}:{function.__code__.co_firstlineno}: "
    with pytest.raises(Exception, match=place + word if "writes" not in word else word):
        torch.compile(function, backend="prec", options={"strict": True})(random(3, 2))


def test_the_layer_of_what_is_refused_is_named(tmp_path):
    module = nn.Sequential(nn.Linear(2, 2), nn.Sequential(Of(torch.lgamma)))
    with pytest.raises(FrontendError, match=r"\.py:\d+: layer '1/0': the foreign importer: 'torch.aten.lgamma' is not lowered"):
        prec.torch.export(module, (torch.ones(3, 2),), tmp_path / "m.mlir")


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adam": lambda p: torch.optim.Adam(p, 0.01),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.01),
}


@in_process
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_compiled_update_trains_as_eager_does(name):
    x, y = torch.randn(16, 6), torch.randint(0, 3, (16,))
    losses = []
    for compiled in (False, True):
        torch._dynamo.reset()
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3))
        optimizer, call = OPTIMIZERS[name](model.parameters()), model
        update = lambda: optimizer.step()  # noqa: B023, E731
        if compiled:
            call, update = (torch.compile(f, backend="prec", options={"strict": True}) for f in (model, update))
        losses.append([])
        for _ in range(6):
            optimizer.zero_grad()
            loss = F.cross_entropy(call(x), y)
            loss.backward()
            update()
            losses[-1].append(loss.item())
    assert losses[0][-1] < losses[0][0]
    assert losses[1] == pytest.approx(losses[0], rel=2e-5)


def branching(x):
    y = x.sin()
    if y.sum() > 0:
        y = y.cos()
    return y * 2


@in_process
def test_a_graph_break_is_told():
    torch._dynamo.reset()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        torch.compile(branching, backend="prec")(torch.ones(3))
    line = branching.__code__.co_firstlineno + 2
    assert any(f"{__file__}:{line}: the graph ends here" in str(w.message) for w in told)
    torch._dynamo.reset()
    with pytest.raises(Exception, match="the graph ends here"):
        torch.compile(branching, backend="prec", options={"strict": True})(torch.ones(3))


@in_process
def test_an_index_outside_is_an_error():
    torch._dynamo.reset()
    compiled = torch.compile(nn.Embedding(31, 4), backend="prec", options={"strict": True})
    with pytest.raises(Exception, match="found the index 40, expected one of a dimension of size 31"):
        compiled(torch.tensor([1, 40]))
    torch._dynamo.reset()
    write = torch.compile(lambda x: x.index_add(0, torch.tensor([1, 9]), x), backend="prec", options={"strict": True})
    with pytest.raises(Exception, match="found the index 9, expected one of a dimension of size 2"):
        write(torch.ones(2, 3))


def test_a_crash_of_the_importer_is_an_error(monkeypatch, tmp_path):
    from prec.torch import lower

    monkeypatch.setattr(lower, "_foreign", lambda *arguments: os.abort())
    with pytest.raises(FrontendError, match="the foreign importer crashed"):
        prec.torch.export(nn.Linear(3, 2), (torch.ones(1, 3),), tmp_path / "m.mlir")
