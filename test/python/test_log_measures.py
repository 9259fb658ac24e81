# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--log-gradients and --log-rounding in the lines of a run that they do not change.

The oracle of a norm: with momentum 0 the buffer is the gradient that the update got, and NumPy takes its norm. That
gradient is compared with NumPy's f64 one where nothing is rounded.
"""
import json
import math

import numpy as np
import pytest
from test_step_measures import is_near

NET = {"version": 1, "name": "net", "input": [12],
       "layers": [{"type": "dense", "name": "fc1", "units": 9}, {"type": "relu", "name": "relu"},
                  {"type": "dense", "name": "fc2", "units": 3}]}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("measures")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((96, 12)).astype(np.float32)
    y = x[:, :3].argmax(1).astype(np.int32)
    np.savez(folder / "data.npz", x=x, y=y)
    bad = x.copy()
    bad[:, 0] = np.inf
    np.savez(folder / "bad.npz", x=bad, y=y)
    (folder / "net.json").write_text(json.dumps(NET))
    return folder


def train(run, place, *flags, data="data.npz", batch=32, steps=2, check=True):
    log, weights = place / "log.jsonl", place / "w.npz"
    for path in (log, weights):
        path.unlink(missing_ok=True)
    done = run("prec-train", place / "net.json", f"--data={place / data}", f"--batch-size={batch}", f"--steps={steps}",
               "--eval-every=0", f"--log={log}", f"--save-weights={weights}", f"--cache-dir={place / 'cache'}", *flags, check=check)
    if done.returncode:
        return done, None
    with np.load(weights) as archive:
        return [json.loads(line) for line in log.read_text().splitlines()], dict(archive)


def without_clock(lines):
    drop = ("seconds", "gradient_norms", "rounding_shares")
    return [{key: value for key, value in line.items() if key not in drop} for line in lines]


BOTH = ["--log-gradients", "--log-rounding"]


@pytest.mark.parametrize(
    "flags",
    [
        ["--truncate-mantissa=7"],
        ["--format=bf16", "--rounding=stochastic", "--optimizer=adam", "--clip-norm=0.5"],
        ["--format=fixed<2,6>", "--accumulate=4", "--granularity=layer"],
    ],
)
def test_no_bit_changes(run, place, flags):
    lines, weights = train(run, place, *flags, steps=5)
    measured, same = train(run, place, *flags, *BOTH, steps=5)
    assert list(weights) == list(same)
    for name in weights:
        assert weights[name].tobytes() == same[name].tobytes(), name
    assert without_clock(measured) == without_clock(lines)
    for line, plain in zip(measured, lines):
        assert "gradient_norms" not in plain and "rounding_shares" not in plain
        assert set(line["gradient_norms"]) == {"fc1", "fc2"} <= set(line["rounding_shares"])
        for shares in line["rounding_shares"].values():
            assert set(shares) == {"overflow", "underflow", "saturation"}
            assert all(0 <= share <= 1 for share in shares.values())


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--clip-value=0.01", "--round=weight-gradient=e5m10"],
        ["--loss-scale=dynamic<4096,2>", "--clip-norm=0.05"],
        ["--accumulate=4", "--truncate-mantissa=7"],
        ["--carrier=f64", "--truncate-mantissa=7", "--clip-value=0.01"],
    ],
)
def test_norms_are_those_that_the_update_gets(run, place, flags):
    flags = [*flags, "--optimizer=momentum", "--momentum=0", "--log-gradients"]
    lines, _ = train(run, place, *flags)
    for step, line in enumerate(lines):
        _, weights = train(run, place, *flags, steps=step + 1)
        assert set(line["gradient_norms"]) == {"fc1", "fc2"}
        for scope, norm in line["gradient_norms"].items():
            gradients = [weights[f"{scope}.{name}.momentum_buffer"] for name in ("weight", "bias")]
            assert norm > 0 and is_near(norm, gradients, root=True)


def test_the_gradient_is_the_loss_s(run, place):
    """Of all samples at once, in f64 from the first weights; f32 sums of 96 products of size 1 or less."""
    _, first = train(run, place, "--learning-rate=0", batch=96, steps=1)
    lines, _ = train(run, place, "--log-gradients", batch=96, steps=1)
    with np.load(place / "data.npz") as data:
        x, y = data["x"].astype("f8"), data["y"]
    w = {name: value.astype("f8") for name, value in first.items()}
    hidden = x @ w["fc1.weight"] + w["fc1.bias"]
    active = np.maximum(hidden, 0)
    logits = active @ w["fc2.weight"] + w["fc2.bias"]
    p = np.exp(logits - logits.max(1, keepdims=True))
    g = (p / p.sum(1, keepdims=True) - np.eye(3)[y]) / len(y)
    inner = (g @ w["fc2.weight"].T) * (hidden > 0)
    for scope, parts in ("fc1", (x.T @ inner, inner.sum(0))), ("fc2", (active.T @ g, g.sum(0))):
        norm = math.sqrt(sum((part**2).sum() for part in parts))
        assert lines[0]["gradient_norms"][scope] == pytest.approx(norm, rel=1e-5)


def test_parts_of_a_batch_are_counted_together(run, place):
    """x is rounded once, before it is parted; rows of activations are the same in any part."""
    flags = ["--round=fc1.input=fixed<2,6>", "--round=fc1.activation=fixed<2,6>", "--log-rounding"]
    whole, _ = train(run, place, *flags, steps=1)
    parts, _ = train(run, place, *flags, "--accumulate=4", steps=1)
    assert parts[0]["rounding_shares"] == whole[0]["rounding_shares"]
    assert set(whole[0]["rounding_shares"]) == {"fc1", "(none)"}
    assert all(shares["underflow"] > 0 for shares in whole[0]["rounding_shares"].values())


def test_numbers_that_are_not_finite_are_null(run, place):
    lines, _ = train(run, place, "--keep-going", "--format=e5m2", *BOTH, data="bad.npz")
    assert lines[0]["gradient_norms"]["fc1"] is None
    assert lines[0]["rounding_shares"]["fc1"]["overflow"] == 0


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--log-rounding"], "found no rounding of a whole tensor or scalar to count; expected a policy"),
        (["--log-rounding", "--round=accumulator=e4m3fn@elementary"], "only some inside of operations; choose granularity op"),
    ],
)
def test_what_is_refused(run, place, flags, message):
    done, _ = train(run, place, *flags, check=False)
    assert done.returncode == 1 and message in done.stderr
    done = run("prec-train", place / "net.json", f"--data={place / 'data.npz'}", flags[0], check=False)
    assert done.returncode == 1 and "found measures to log and no log" in done.stderr


def test_roundings_inside_of_operations_are_told(run, place):
    flags = ["--format=e4m3fn", "--round=fc1 & accumulator=e5m10@elementary", "--log-rounding"]
    done = run("prec-train", place / "net.json", f"--data={place / 'data.npz'}", "--batch-size=32",
               "--steps=1", "--log=-", *flags)
    assert "roundings inside of operations or branches are not counted" in done.stderr


def test_a_step_that_marks_no_gradient(run, source, place):
    """A hand-written step, with its marks and without."""
    text = (source / "models" / "logistic.mlir").read_text()
    (place / "marked.mlir").write_text(text)
    text = text.replace('prec.role = "weight-gradient"', 'prec.role = "activation"').replace('prec.phase = "backward"', 'prec.phase = "update"')
    (place / "unmarked.mlir").write_text(text)
    done = run("prec-opt", place / "unmarked.mlir", "--prec-measure-step=gradients=true", check=False)
    assert done.returncode == 1 and "is updated without a gradient that can be found" in done.stderr
    marked = run("prec-opt", place / "marked.mlir", "--prec-measure-step=gradients=true").stdout
    assert "gradient_squares/dense" in marked


def test_runs_of_words_are_labelled_as_one_alone(run, place):
    """A word of 12 bits has 3 fraction bits, in a sweep as by itself."""
    lines = without_clock(train(run, place, "--truncate-bits=12,16")[0])
    alone = [line for bits in (12, 16) for line in without_clock(train(run, place, f"--truncate-bits={bits}")[0])]
    assert lines == alone
    assert [line["truncate_mantissa"] for line in lines] == [3, 3, 7, 7]


def test_a_measure_where_there_is_one(run, place):
    """As studies ask for it: what rounds inside of operations alone is no error, and no bit differs."""
    flags = ["--round=accumulator=e4m3fn@elementary"]
    assert without_clock(train(run, place, "--log-rounding=if-any", *flags)[0]) == without_clock(train(run, place, *flags)[0])
    done = run("prec-train", place / "net.json", f"--data={place / 'data.npz'}", "--batch-size=32", "--steps=1", "--log=-",
               "--log-rounding=if-any", *flags)  # fmt: skip
    assert "warning: @step: found no rounding of a whole tensor or scalar to count" in done.stderr
    lines, _ = train(run, place, "--log-rounding=if-any", "--format=e4m3fn")
    assert "fc1" in lines[0]["rounding_shares"]


@pytest.mark.parametrize("flags, message", [
    (["--log-every=0"], "--log-every: found 0, expected at least 1"),
    (["--log-every=2", "--log-gradients"], "--log-every: found --log-gradients, which needs a line of each step"),
    (["--log-every=2", "--log-rounding"], "--log-every: found --log-rounding, which"),
    (["--log-every=2", "--checkpoint=c"], "--log-every: found --checkpoint, which"),
    (["--log-every=2", "--resume=c"], "--log-every: found --resume, which"),
])  # fmt: skip
def test_what_lines_for_several_steps_cannot_hold(run, place, flags, message):
    done, _ = train(run, place, "--format=e4m3fn", *flags, check=False)
    assert done.returncode == 1 and message in done.stderr


def test_lines_for_several_steps(run, place):
    every, _ = train(run, place, "--format=e4m3fn", steps=10)
    lines, _ = train(run, place, "--format=e4m3fn", "--log-every=4", steps=10)
    assert [(line["step"], line["steps"]) for line in lines] == [(3, 4), (7, 4), (9, 2)]
    losses = [line["loss"] for line in every]
    assert [line["loss"] for line in lines] == [sum(losses[:4]) / 4, sum(losses[4:8]) / 4, sum(losses[8:]) / 2]


def test_nothing_to_count_is_said_without_the_whole_step(run, place):
    done, _ = train(run, place, "--log-rounding", check=False)
    assert done.returncode == 1 and "func.func" not in done.stderr
    assert "found no rounding of a whole tensor or scalar to count; expected a policy that rounds some" in done.stderr
