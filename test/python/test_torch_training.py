# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Training scripts as people write them: what changes between the steps does not leave the compiled code."""
import logging
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

nn, F = torch.nn, torch.nn.functional
pytestmark = in_process


def compiled(function, **keywords):
    return torch.compile(function, backend="prec", options={"strict": True}, **keywords)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


@pytest.mark.parametrize("dynamic", [None, True, False])
def test_another_size_compiles_again(dynamic):
    """TorchDynamo takes a size for variable when a second one comes; the smaller last batch ran in eager."""
    losses = []
    for call in (lambda m: m, lambda m: compiled(m, dynamic=dynamic)):
        torch._dynamo.reset()
        model = network()
        run, optimizer = call(model), torch.optim.SGD(model.parameters(), 0.1)
        losses.append([])
        for batch, size in ((5, 8), (5, 8), (3, 8), (5, 8), (3, 9), (2, 6)):
            optimizer.zero_grad()
            loss = F.cross_entropy(run(torch.randn(batch, 2, size, size)), torch.arange(batch) % 3)
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
    assert losses[1] == pytest.approx(losses[0], rel=2e-5)


def test_many_sizes_are_compiled():
    torch._dynamo.reset()
    call = torch.compile(torch.exp, backend="prec", options={"strict": True, "truncate_mantissa": 3})
    for n in range(1, 14):
        made = call(torch.full((n,), 0.3))
        assert made.tolist() == [1.25] * n  # 1.3499, were it not rounded


def test_a_size_is_a_number_of_the_graph():
    torch._dynamo.reset()
    call = compiled(lambda x: x.reshape(x.shape[0] * 2, -1).sum(0) / x.shape[0] + torch.arange(x.shape[1] // 2))
    for n in (3, 5, 4):
        x = torch.randn(n, 6)
        torch.testing.assert_close(call(x), x.reshape(n * 2, 3).sum(0) / n + torch.arange(3))


def test_a_scheduler_changes_the_rate_of_a_compiled_update():
    rounded = []
    for options in (None, {"strict": True}, {"strict": True, "truncate_mantissa": 7}):
        torch._dynamo.reset()
        torch.manual_seed(0)
        model = nn.Linear(6, 3)
        optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        update = lambda: optimizer.step()  # noqa: B023, E731
        if options is not None:
            update = torch.compile(update, backend="prec", options=options)
        for _ in range(4):
            optimizer.zero_grad()
            F.cross_entropy(model(torch.randn(5, 6)), torch.arange(5) % 3).backward()
            update()
            scheduler.step()
        rounded.append(model.weight.detach().clone())
    torch.testing.assert_close(rounded[1], rounded[0])
    assert not (rounded[2].view(torch.int32) & 0xFFFF).any()  # it is the compiled update that wrote the weights


def test_a_message_is_no_end_of_the_rounding():
    torch._dynamo.reset()
    logger = logging.getLogger("test")

    def function(x):
        y = x.exp()
        logger.info("here")
        return y.exp()

    call = torch.compile(function, backend="prec", options={"strict": True, "truncate_mantissa": 7})
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        made = call(torch.rand(20))
    assert not (made.view(torch.int32) & 0xFFFF).any()


def test_training_and_evaluation_alternate():
    torch._dynamo.reset()
    model, other = network(), network()
    call = compiled(model)
    for step in range(6):
        for m in (model, other):
            m.train(step not in (2, 5))
        x = torch.randn(3, 2, 8, 8)
        with torch.set_grad_enabled(step != 2):
            torch.testing.assert_close(call(x), other(x))
    for name, value in call.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[name.removeprefix("_orig_mod.")])
    other = network()
    model.load_state_dict(other.state_dict())
    torch.testing.assert_close(call(x), other.eval()(x))
