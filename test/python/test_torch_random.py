# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random masks and numbers inside of graphs that torch.compile's backend compiles."""
import os
import sys

import numpy as np
import pytest
from conftest import BUILD, SOURCE, in_process
from test_dropout import hash64
from test_random_words import h32, mix

torch = pytest.importorskip("torch")
pytest.importorskip("iree.compiler")
os.environ.setdefault("PREC_BUILD_DIR", str(BUILD))
sys.path.insert(0, str(SOURCE / "python"))
import prec.torch  # noqa: E402
from prec.frontend import FrontendError  # noqa: E402

nn, F = torch.nn, torch.nn.functional
leaves = torch.utils._pytree.tree_leaves
pytestmark = in_process


@pytest.fixture(autouse=True)
def reset():
    torch._dynamo.reset()
    torch.manual_seed(0)


def compiled(function, **options):
    return torch.compile(function, backend="prec", fullgraph=True, options={"strict": True, **options})


def seeded(function, *arguments, seed=1):
    torch.manual_seed(seed)
    return function(*arguments)


class Named(nn.Module):
    def __init__(self, rate):
        super().__init__()
        self.drop = nn.Dropout(rate)

    def forward(self, x):
        return self.drop(x)


@pytest.mark.parametrize("rate, threads", [(0.1, 1), (0.5, 2), (0.9, 1)])
def test_masks_are_the_definition(rate, threads):
    """Two numbers of PyTorch's generator and the layer make the key, the row-major position the word."""
    model, x = compiled(Named(rate), threads=threads), torch.randn(7, 3, 11)
    for seed in (1, 2):
        ours = seeded(model, x, seed=seed)
        first, second = seeded(lambda: torch.empty(2, dtype=torch.int32).random_(), seed=seed).tolist()
        words = h32(mix(first, hash64("random", "drop 0"), second), np.arange(x.numel())).view(np.int32)
        stays = torch.from_numpy(words >= round(rate * 2**32) - 2**31).reshape(x.shape)
        torch.testing.assert_close(ours, x * torch.where(stays, 1 / (1 - rate), 0.0), rtol=2**-23, atol=0)


def test_shares_are_those_asked_for():
    n, rates = 1 << 18, (0.001, 0.1, 0.5, 0.97)
    model = compiled(lambda x: [F.dropout(x, rate) for rate in rates])
    for made, rate in zip(model(torch.ones(512, n // 512)), rates):
        kept = (made != 0).double()
        deviation = (rate * (1 - rate)) ** 0.5
        assert abs(kept.mean() - (1 - rate)) < 5 * deviation / n**0.5
        for axis in (0, 1):  # no row and no column has too many
            count = kept.shape[axis]
            score = (kept.mean(axis) - (1 - rate)) * count**0.5 / deviation
            assert abs(score.square().mean() - 1) < 5 * (3 / score.numel()) ** 0.5
        neighbours = ((kept[:, 1:] - kept.mean()) * (kept[:, :-1] - kept.mean())).mean() / deviation**2
        assert abs(neighbours) < 5 / n**0.5


def test_each_call_and_each_layer_has_a_mask_of_its_own_and_a_seed_the_same_ones():
    model = compiled(nn.Sequential(nn.Dropout(0.5), nn.Tanh(), nn.Dropout(0.5), nn.Dropout(0.5)))
    twice, x = compiled(lambda x: (F.dropout(x), F.dropout(x))), torch.ones(40, 40)
    torch.manual_seed(3)
    first, second = model(x), model(x)
    torch.manual_seed(3)
    assert (model(x) == first).all() and (model(x) == second).all() and (first != second).any()
    # Three independent masks leave an eighth.
    assert abs((first != 0).double().mean() - 1 / 8) < 0.05
    a, b = twice(x)
    assert abs((a == b).double().mean() - 0.5) < 0.1


def test_evaluation_drops_nothing():
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Dropout1d(0.5), nn.AlphaDropout(0.5))
    call, x = compiled(model), torch.randn(3, 4)
    assert (call(x) != model[0](x)).any()
    model.eval()
    state = torch.get_rng_state()
    torch.testing.assert_close(call(x), model[0](x))
    assert (torch.get_rng_state() == state).all()
    model.train()
    assert (call(x) != model[0](x)).any()
    nothing, all_ = compiled(lambda x: (F.dropout(x, 0.0), F.dropout(x, 1.0)))(x)
    assert (nothing == x).all() and (all_ == 0).all()


@pytest.mark.parametrize("drop, shape", [
    (nn.Dropout(0.3), (5, 7)), (nn.Dropout1d(0.3), (5, 7, 3)), (nn.Dropout2d(0.3), (2, 50, 3, 2)),
    (nn.Dropout3d(0.3), (2, 50, 3, 2, 2)),
])  # fmt: skip
def test_forward_and_backward_have_the_same_mask(drop, shape):
    x = torch.randn(shape).requires_grad_()
    made = compiled(lambda x: drop(x).square())(x)
    grad, = torch.autograd.grad(made.sum(), x)
    stays = made != 0
    assert stays.any() and not stays.all()
    torch.testing.assert_close(grad, torch.where(stays, 2 * x / 0.7**2, 0.0), rtol=1e-6, atol=0)
    if len(shape) > 2:
        channels = stays.flatten(2)
        assert (channels.all(2) | ~channels.any(2)).all()


def transformer():
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.3, batch_first=True, activation="gelu")
    return nn.Sequential(layer, nn.AlphaDropout(0.2), nn.Linear(8, 3)), (2, 5, 8)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.part, self.all = nn.Linear(8, 24), nn.MultiheadAttention(8, 2, dropout=0.2, batch_first=True)

    def forward(self, x):
        y = F.scaled_dot_product_attention(*self.part(x).chunk(3, -1), dropout_p=0.4, is_causal=True)
        return self.all(y, y, y, need_weights=False)[0]


MODELS = {
    "transformer": transformer,
    "attention": lambda: (Attention(), (2, 5, 8)),
    "images": lambda: (nn.Sequential(nn.Conv2d(2, 6, 3), nn.Dropout2d(0.4), nn.Tanh(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(54, 3)), (2, 2, 5, 5)),
    "lstm": lambda: (Last(nn.LSTM(3, 3, 2, dropout=0.4, bidirectional=True, proj_size=2)), (2, 2, 3)),
    "gru": lambda: (Last(nn.GRU(3, 4, 2, dropout=0.4, batch_first=True)), (4, 2, 3)),
    "numbers": lambda: (Noise(), (3, 4)),
}


class Last(nn.Module):
    def __init__(self, rnn):
        super().__init__()
        self.rnn = rnn

    def forward(self, x):
        return self.rnn(x)[0]


class Noise(nn.Module):
    """As variational encoders, noisy layers and stochastic depth draw."""

    def __init__(self):
        super().__init__()
        self.mean, self.logarithm = nn.Linear(4, 5), nn.Linear(4, 5)

    def forward(self, x):
        mean, deviation = self.mean(x), (self.logarithm(x) / 2).exp()
        z = mean + deviation * torch.randn_like(deviation)
        z = z * torch.empty(3, 1, dtype=x.dtype).bernoulli_(0.7) / 0.7
        z = z + torch.distributions.Normal(mean, deviation).rsample()
        return F.rrelu(z, training=True) + F.gumbel_softmax(z, -1) * torch.rand(5) + torch.zeros_like(z).normal_(1, 2).uniform_(-1, 1)


@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_those_of_the_function_with_its_masks_held(name):
    """By differences, in f64, along a random direction: with the same seed the masks are the same."""
    model, shape = MODELS[name]()
    model = model.double()
    call = compiled(model)
    x = torch.randn(shape, dtype=torch.float64).requires_grad_()
    values = [x, *model.parameters()]
    weights = torch.randn_like(seeded(call, x))
    gradients = torch.autograd.grad((seeded(call, x) * weights).sum(), values)
    along = [torch.randn_like(v) for v in values]

    def at(offset):
        with torch.no_grad():
            for v, d in zip(values, along):
                v += offset * d
            made = (seeded(call, x) * weights).sum().item()
            for v, d in zip(values, along):
                v -= offset * d
        return made

    found = sum((g * d).sum().item() for g, d in zip(gradients, along))
    step = 1e-5
    expected = (at(step) - at(-step)) / (2 * step)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-8)
    assert at(0) != (seeded(call, x, seed=2) * weights).sum().item()


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_layers_of_an_rnn_are_those_of_eager_with_the_mask_between(kind):
    """PyTorch's decomposition drops nothing between layers."""
    whole, x = kind(3, 40, 2, dropout=0.5), torch.randn(5, 2, 3)
    first, second = kind(3, 40), kind(40, 40)
    for k, layer in enumerate((first, second)):
        layer.load_state_dict({n: getattr(whole, n.replace("l0", f"l{k}")) for n in layer.state_dict()})
    call = compiled(lambda x: whole(x))
    made, states = seeded(call, x)
    middle = first(x)[0]
    # The first layer's last state is no output, but in the result; the mask follows from the definition.
    seeds = seeded(lambda: torch.empty(2, dtype=torch.int32).random_()).tolist()
    words = h32(mix(seeds[0], hash64("random", "L/whole 0"), seeds[1]), np.arange(middle.numel())).view(np.int32)
    mask = torch.from_numpy(words >= 0).reshape(middle.shape)
    expected, _ = second(middle * mask * 2)
    torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-6)
    assert len(leaves(states)) == (2 if kind is nn.LSTM else 1) and leaves(states)[0].shape == (2, 2, 40)


def test_attention_drops_its_weights():
    q, k, unit = torch.randn(1, 6, 4), torch.randn(1, 6, 4), torch.eye(6).unsqueeze(0)
    made = compiled(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, dropout_p=0.5))(q, k, unit)
    whole = torch.softmax(q @ k.transpose(1, 2) / 2, -1)
    torch.testing.assert_close(made, torch.where(made == 0, 0.0, 2 * whole))
    assert 0.2 < (made == 0).double().mean() < 0.8


@pytest.mark.parametrize("function", [
    lambda x: x + torch.randn_like(x), lambda x: torch.randn_like(torch.rand_like(x)) + x, lambda x: x * torch.rand(3, 4) + torch.randn(4), lambda x: torch.zeros_like(x).normal_(2, 3) * x,
    lambda x: x.new_empty(5).uniform_(-2, 1), lambda x: x.new_empty(5).exponential_(2) + x.sum(), lambda x: x[torch.randperm(3)],
    lambda x: x + torch.randint(0, 9, (4,)) + torch.randint_like(x, 3), lambda x: torch.normal(0.0, 2.0, (3, 4)) + x,
    lambda x: torch.bernoulli(x.sigmoid()) + x, lambda x: torch.normal(x, 2.0), lambda x: torch.rand(3, 4, dtype=torch.float64) + x,
    lambda x: torch.ops.aten.randn.generator([3, 4], generator=None) + torch.ops.aten.randint.low_generator(1, 9, [4], generator=None) + x,
])  # fmt: skip
def test_numbers_are_those_of_eager(function):
    x = torch.randn(3, 4)
    if "bernoulli" in str(function.__code__.co_names):
        made = torch.stack([seeded(compiled(function), x, seed=s) - x for s in range(200)])
        assert set(made.round().unique().tolist()) == {0, 1}
        assert ((made.mean(0) - x.sigmoid()).abs() < 0.18).all()
    else:
        torch.testing.assert_close(seeded(compiled(function), x), seeded(function, x))


def test_training_at_seven_bits_drops_as_many():
    """Words are integers: no rounding shifts a threshold."""
    call = compiled(lambda x: F.dropout(x, 0.9985), truncate_mantissa=3)
    kept = (call(torch.ones(1000, 1000)) != 0).double().mean().item()
    assert abs(kept - 0.0015) < 5 * (0.0015 / 1e6) ** 0.5


def test_checkpointed_layers_have_the_same_mask_in_both_passes():
    layer = nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.5))
    x = torch.randn(40, 6).requires_grad_()

    def function(x):
        y = torch.utils.checkpoint.checkpoint(layer, x, use_reentrant=False)
        return y, y.square().sum()

    y, loss = compiled(function)(x)
    found, = torch.autograd.grad(loss, layer[0].bias)
    torch.testing.assert_close(found, (2 * y * torch.where(y != 0, 2.0, 0.0)).sum(0))


@pytest.mark.parametrize("function, word", [
    (lambda x: torch.poisson(x), "poisson' is not lowered"), (lambda x: torch.multinomial(x, 1), "multinomial' is not lowered"),
    (lambda x: torch.multinomial(x, 3, replacement=True), "'multinomial' draws random numbers in a way that is not lowered"),
])  # fmt: skip
def test_what_is_refused_is_named(function, word):
    with pytest.raises(Exception, match=word):
        compiled(function)(torch.rand(3, 4))


def test_an_export_has_no_random_numbers(tmp_path):
    """But for dropout (test_train_dropout.py)."""
    with pytest.raises(FrontendError, match=r"layer '1' draws random numbers.*eval\(\)"):
        prec.torch.export(nn.Sequential(nn.Linear(4, 3), nn.RReLU()), (torch.ones(2, 4),), tmp_path / "m.mlir")
    with pytest.raises(FrontendError, match=r"layer 'rnn' drops between its layers.*eval\(\)"):
        prec.torch.export(Last(nn.LSTM(3, 4, 2, dropout=0.4)), (torch.ones(2, 1, 3),), tmp_path / "m.mlir")
    assert not (tmp_path / "m.mlir").exists()
