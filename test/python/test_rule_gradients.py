# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rules with a gradient: their roundings are in the network before it is differentiated, all others come after.

The oracle is PyTorch's autograd with the same roundings. Numbers are small multiples of powers of two, so that every sum is
exact in f32 and its order does not matter: weights agree bit for bit.
"""
import json
import re

import numpy as np
import pytest
from mlir_text import Function

torch = pytest.importorskip("torch")
B, N, H, C = 8, 4, 6, 4
STEPS, RATE = 4, 0.5


def forward(override="", parts=1):
    weight = lambda name: f'{{prec.name = "{name}", prec.role = "weight", prec.init = "normal:1"}}'
    f = Function("forward", element="f32", w1=(N, H), w2=(H, C), x=(B // parts, N),
                 attributes={"w1": weight("w1"), "w2": weight("w2"), "x": '{prec.name = "x", prec.role = "input"}'})  # fmt: skip
    z = f.contract("i,k; k,j -> i,j", f.x, f.w1, scope="fc1")
    zero = "%n = arith.constant 0.0 : $T\n%p = arith.cmpf ogt, %a, %n : $T\n%r = arith.select %p, %a, %n : $T"
    h = f.elementwise(zero, z, scope="fc1")
    text = f.returns(f.contract("i,k; k,j -> i,j", h, f.w2, scope="fc2")).text()
    return text.replace('attrs = {prec.scope = "fc1"}', f'attrs = {{prec.scope = "fc1", prec.policy = "{override}"}}', 1) if override else text


def grid(values, integer, fraction):
    """fixed<integer,fraction>, to nearest, saturating."""
    end = 2.0 ** (integer - 1)
    return torch.clamp(torch.round(values * 2.0**fraction) / 2.0**fraction, -end, end - 2.0**-fraction) + 0.0


class Rounded(torch.autograd.Function):
    @staticmethod
    def forward(context, values, integer, fraction, gradient):
        context.save_for_backward(values)
        context.rest = integer, fraction, gradient
        return grid(values, integer, fraction)

    @staticmethod
    def backward(context, g):
        (values,) = context.saved_tensors
        integer, fraction, gradient = context.rest
        end = 2.0 ** (integer - 1)
        if gradient == "clipped":
            g = torch.where((values >= -end) & (values <= end - 2.0**-fraction), g, 0.0)
        return (torch.zeros_like(g) if gradient == "zero" else g), None, None, None


def reference(w, x, labels, weight, activation, weight_gradients, parts=1, formats=((1, 4), (2, 4))):
    """One step in f64, the last subtraction in f32; the gradients of parts are added and divided by their number,
    whichever samples are in which. `formats`: integer and fraction bits of weights and activations."""
    own = [torch.tensor(each.astype("f8"), requires_grad=True) for each in w]
    act = lambda values: Rounded.apply(values, *formats[1], activation)
    gradients = [torch.zeros_like(each) for each in own]
    for x, labels in zip(np.split(x, parts), np.split(labels, parts)):
        quantised = [Rounded.apply(each, *formats[0], weight) for each in own]
        h = torch.relu(act(torch.tensor(x.astype("f8")) @ quantised[0]))
        logits = act(h @ quantised[1])
        target = torch.nn.functional.one_hot(torch.tensor(labels.astype("i8")), C)
        ((logits - target) ** 2).mean().backward()
        for total, each in zip(gradients, own):
            g = each.grad if each.grad is not None else torch.zeros_like(each)
            total += grid(g, 1, 6) if weight_gradients else g
            each.grad = None
    gradients = [total / parts for total in gradients]
    assert all(np.array_equal(g.numpy(), g.numpy().astype("f4")) for g in gradients)
    return [each - np.float32(RATE) * g.numpy().astype("f4") for each, g in zip(w, gradients)]


@pytest.fixture
def task(tmp_path):
    rng = np.random.default_rng(5)
    x, y = (rng.integers(-16, 17, (B, N)) / 8).astype("f4"), rng.integers(0, C, B).astype("i4")
    y[:C] = range(C)
    np.savez(tmp_path / "d.npz", x_train=x, y_train=y)
    return x, y


def train(run, folder, steps, flags, rate=RATE, check=True):
    done = run("prec-train", folder / "m.mlir", f"--data={folder / 'd.npz'}", f"--batch-size={B}", f"--steps={steps}", f"--learning-rate={rate}",
               "--loss=squared-error", "--eval-every=0", f"--save-weights={folder / 'w.npz'}", *flags, check=check)  # fmt: skip
    if not check:
        return done
    weights = np.load(folder / "w.npz")
    return [weights["w1"], weights["w2"]]


@pytest.mark.parametrize(
    "weight, activation, override",
    [("straight-through", "straight-through", False), ("clipped", "clipped", False), ("clipped", "straight-through", True),
     ("straight-through", "clipped", True), ("zero", "clipped", False)],
)  # fmt: skip
@pytest.mark.parametrize("weight_gradients, parts", [(False, 1), (True, 1), (False, 2), (False, 4)])
def test_gradients(run, tmp_path, task, weight, activation, override, weight_gradients, parts):
    (tmp_path / "m.mlir").write_text(forward(f"activation=fixed<2,4>+{activation}" if override else "", parts))
    flags = [f"--accumulate={parts}"] * (parts > 1)
    w = train(run, tmp_path, 1, flags, rate=0)
    flags += [f"--round=weight=fixed<1,4>+{weight}", f"--round=fc*.activation=fixed<2,4>+{activation}"]
    flags += ["--round=weight-gradient=fixed<1,6>"] * weight_gradients
    first = w
    for step in range(1, STEPS + 1):
        w = reference(w, *task, weight, activation, weight_gradients, parts)
        got = train(run, tmp_path, step, flags)
        assert [each.tobytes() for each in got] == [each.astype("f4").tobytes() for each in w], step
    moved = [not np.array_equal(a, b) for a, b in zip(first, w)]
    assert moved == [weight != "zero"] * 2


WHOLE = {"weight": [1, 2, 0, 1], "activation": [2, 1, 3, 2]}


@pytest.mark.parametrize("weight, activation", [("fixed<?/5>", "fixed<?,4>"), ("fixed<?,?>", "int6<2^?>"), ("int5<?>", "int6<?>"), ("int?<?>", "fixed<?/?>")])
@pytest.mark.parametrize("parts", [1, 2])
def test_clipped_at_ends_that_change(run, tmp_path, task, weight, activation, parts):
    """The range of a format whose numbers follow the step: the integer bits of weights in 5 bits, of activations with 4 fraction bits."""
    (tmp_path / "m.mlir").write_text(forward(parts=parts))
    flags = [f"--accumulate={parts}"] * (parts > 1)
    w = train(run, tmp_path, 1, flags, rate=0)
    scales = weight != "fixed<?/5>"
    fractions = {"weight": [5 - i for i in WHOLE["weight"]], "activation": [4] * 4}
    whole = WHOLE if not scales else {"weight": [1, 2, 1, 1], "activation": [2] * 4}
    fractions["weight"] = [5 - i for i in whole["weight"]]
    numbers = {"fixed<?/5>": [whole["weight"]], "fixed<?,4>": [whole["activation"]], "fixed<?,?>": [whole["weight"], fractions["weight"]],
               "int?<?>": [[5] * 4, [2.0**-f for f in fractions["weight"]]], "fixed<?/?>": [whole["activation"], [6] * 4],
               "int6<2^?>": [[-4] * 4], "int5<?>": [[2.0**-f for f in fractions["weight"]]], "int6<?>": [[2.0**-4] * 4]}  # fmt: skip
    parameters, rules = {}, []
    for select, format in ("weight", weight), ("fc*.activation", activation):
        names = [f"{select[0]}{i}" for i in range(len(numbers[format]))]
        parameters |= {name: {"list": values} for name, values in zip(names, numbers[format])}
        rules.append({"select": select, "format": format, "parameters": names, "gradient": "clipped"})
    (tmp_path / "p.json").write_text(json.dumps({"version": 1, "parameters": parameters, "rules": rules}))
    flags.append(f"--policy={tmp_path / 'p.json'}")
    for step in range(1, STEPS + 1):
        formats = [(whole[role][step - 1], fractions[role][step - 1]) for role in ("weight", "activation")]
        w = reference(w, *task, "clipped", "clipped", False, parts, formats)
        got = train(run, tmp_path, step, flags)
        assert [each.tobytes() for each in got] == [each.astype("f4").tobytes() for each in w], step


def test_gradients_differ(run, tmp_path, task):
    """Clipping meets numbers outside: what the test above compares is not all the same."""
    (tmp_path / "m.mlir").write_text(forward())
    results = []
    for word in "", "+straight-through", "+clipped", "+zero":
        results.append(train(run, tmp_path, 3, [f"--round=weight=fixed<1,4>{word}", f"--round=fc*.activation=fixed<2,4>{word}"])[0].tobytes())
    assert len(set(results)) == 3 and results[0] == results[1]


@pytest.mark.parametrize("selector", ["fc*.activation", "weight", "loss"])
@pytest.mark.parametrize("parts", [1, 2])
def test_other_sites_keep_their_bits(run, tmp_path, task, selector, parts):
    """Straight through a relu and products the graph is the same either way, and so are all random words."""
    (tmp_path / "m.mlir").write_text(forward(parts=parts))
    flags = ["--round=backward=m4:stochastic", "--round=update=m9:stochastic", "--seed=3"] + [f"--accumulate={parts}"] * (parts > 1)
    plain, before = (train(run, tmp_path, 3, [*flags, f"--round={selector}=m3:stochastic{word}"]) for word in ("", "+straight-through"))
    assert [each.tobytes() for each in plain] == [each.tobytes() for each in before]


def test_what_is_refused(run, tmp_path, task):
    (tmp_path / "m.mlir").write_text(forward())
    done = train(run, tmp_path, 1, ["--round=weight-gradient=m3+zero"], check=False)
    assert done.returncode == 0 and "matches no site; one with a gradient matches in phases forward and eval only" in done.stderr
    step = run("prec-opt", tmp_path / "m.mlir", "--emit=graph", "--prec-make-training-step").stdout
    (tmp_path / "own.mlir").write_text(step)
    for rule in "fc*.activation=m3+zero", "weight=m3+straight-through":
        done = run("prec-opt", tmp_path / "own.mlir", f"--round={rule}", check=False)
        assert done.returncode == 1
        words = r"own\.mlir:\d+:\d+: error: rule '--round=.*' has the gradient \S+, but @step came with its backward part, so it is rounded after differentiation"
        assert re.search(words, done.stderr)


def test_prec_opt_rounds_before_passes(run, tmp_path):
    """There the command line is the order: the derivative of the rounding says what its rule does."""
    (tmp_path / "m.mlir").write_text(forward())
    text = run("prec-opt", tmp_path / "m.mlir", "--round=fc2.activation=fixed<2,4>+clipped").stdout
    assert re.findall(r'grad = "(\S+)"', text) == ["clipped"]
    step = run("prec-opt", tmp_path / "m.mlir", "--round=fc2.activation=fixed<2,4>+clipped", "--prec-make-training-step").stdout
    assert len(re.findall("prec.siteless", step)) > 3
    assert "prec.siteless" not in run("prec-opt", tmp_path / "m.mlir", "--round=fc2.activation=fixed<2,4>", "--prec-make-training-step").stdout
