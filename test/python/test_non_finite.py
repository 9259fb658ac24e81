# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A loss that is not finite names the step and the operation that made the first such number.

Where that must be follows from the numbers: the oracle is softmax regression in NumPy's f32,
and faults that are planted.
"""
import json
import re

import numpy as np
import pytest

NET = {"version": 1, "name": "net", "input": [4],
       "layers": [{"type": "dense", "name": "fc", "units": 3, "bias": False,
                    "init": {"weight": "constant:0.5"}}]}
# A state t grows by 2^-RATE a step; sqrt(1 - t) is NaN from step 2^RATE + 1 on. Before that there
# is an infinity that is meant: a mask's, of which exp makes zero.
PLANTED = """
#map = affine_map<(d0, d1) -> (d0, d1)>
#one = affine_map<(d0, d1) -> (0)>
#id = affine_map<(d0) -> (d0)>
func.func @forward(%w: tensor<4x3xf32> {prec.name = "w", prec.role = "weight", prec.init = "normal:0.5"},
    %t: tensor<1xf32> {prec.name = "t", prec.role = "state", prec.init = "zeros"},
    %x: tensor<?x4xf32> {prec.name = "x", prec.role = "input"}) -> (tensor<?x3xf32>, tensor<1xf32>) {
  %zero = arith.constant 0 : index
  %rows = tensor.dim %x, %zero : tensor<?x4xf32>
  %none = arith.constant 0.0 : f32
  %e = tensor.empty(%rows) : tensor<?x3xf32>
  %f = linalg.fill ins(%none : f32) outs(%e : tensor<?x3xf32>) -> tensor<?x3xf32>
  %y = linalg.matmul {prec.scope = "fc"} ins(%x, %w : tensor<?x4xf32>, tensor<4x3xf32>) outs(%f : tensor<?x3xf32>) -> tensor<?x3xf32>
  %e1 = tensor.empty() : tensor<1xf32>
  %root = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
    ins(%t : tensor<1xf32>) outs(%e1 : tensor<1xf32>) attrs = {prec.scope = "planted"} {
  ^bb0(%in: f32, %out: f32):
    %c = arith.constant 1.0 : f32
    %d = arith.subf %c, %in : f32
    %r = math.sqrt %d : f32
    linalg.yield %r : f32
  } -> tensor<1xf32>
  %mask = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
    ins(%t : tensor<1xf32>) outs(%e1 : tensor<1xf32>) attrs = {prec.scope = "mask"} {
  ^bb0(%in: f32, %out: f32):
    %hidden = arith.constant 0xFF800000 : f32
    %c = arith.constant 0.0 : f32
    %is = arith.cmpf oge, %in, %c : f32
    %s = arith.select %is, %hidden, %in : f32
    linalg.yield %s : f32
  } -> tensor<1xf32>
  %next = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
    ins(%t, %mask : tensor<1xf32>, tensor<1xf32>) outs(%e1 : tensor<1xf32>) attrs = {prec.scope = "clock"} {
  ^bb0(%in: f32, %m: f32, %out: f32):
    %c = arith.constant RATE : f32
    %d = arith.addf %in, %c : f32
    %nothing = math.exp %m : f32
    %sum = arith.addf %d, %nothing : f32
    linalg.yield %sum : f32
  } -> tensor<1xf32>
  %z = linalg.generic {indexing_maps = [#map, #one, #map], iterator_types = ["parallel", "parallel"]}
    ins(%y, %root : tensor<?x3xf32>, tensor<1xf32>) outs(%e : tensor<?x3xf32>) attrs = {prec.scope = "times"} {
  ^bb0(%in: f32, %r: f32, %out: f32):
    %p = arith.mulf %in, %r : f32
    linalg.yield %p : f32
  } -> tensor<?x3xf32>
  return %z, %next : tensor<?x3xf32>, tensor<1xf32>
}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nonfinite")
    rng = np.random.default_rng(3)
    x = rng.uniform(1, 2, (200, 4)).astype(np.float32)
    y = rng.choice(3, 200, p=[0.6, 0.3, 0.1]).astype(np.int32)
    np.savez(folder / "data.npz", x=x, y=y)
    bad = x.copy()
    bad[:, 2] = np.inf
    np.savez(folder / "bad.npz", x=bad, y=y)
    np.savez(folder / "large.npz", x=x * 1000, y=y)
    (folder / "net.json").write_text(json.dumps(NET))
    for power in 5, 10:
        (folder / f"planted{power}.mlir").write_text(PLANTED.replace("RATE", str(0.5**power)))
    transformer = {
        "version": 1, "name": "t", "input": [4],
        "layers": [{"type": "reshape", "name": "rows", "sizes": [4, 1]},
                   {"type": "dense", "name": "in", "units": 4},
                   {"type": "attention", "name": "look", "heads": 2, "causal": True},
                   {"type": "last", "name": "end", "axis": 0},
                   {"type": "dense", "name": "fc", "units": 3}]}
    (folder / "transformer.json").write_text(json.dumps(transformer))
    return folder


def train(run, folder, *flags, model="net.json", data="data", steps=200, check=False):
    log = folder / "log.jsonl"
    done = run("prec-train", folder / model, f"--data={folder / data}.npz", "--batch-size=20",
               f"--steps={steps}", "--eval-every=0", f"--log={log}", *flags, check=check)
    return done, [json.loads(line) for line in log.read_text().splitlines()]


def found(text):
    """(step of the loss, loss, kind, step of the number, what made it)."""
    match = re.search(
        r"the loss of step (\d+) is (\S+); the first number that is not finite "
        r"\((a nan|an infinity)\) (?:was made in|came to) step (\d+) by (.*)", text)
    assert match, text
    return int(match[1]), match[2], match[3], int(match[4]), match[5]


def where(x, y, rate):
    """(step, scope, phase) of the first overflow, in f64 and so without one; nothing is close."""
    limit = float(np.finfo(np.float32).max)

    def overflows(values):
        largest = np.abs(values).max()
        assert not 0.85 < largest / limit < 1.15
        return largest > limit

    gradient = x.T.astype(np.float64) @ (1 / 3 - np.eye(3)[y]) / len(y)  # of equal logits
    weights = 0.5 - rate * gradient
    if overflows(weights):
        return 0, "fc", "update"
    # Partial sums count as well.
    if overflows(np.cumsum(x[:, :, None] * weights, 1)):
        return 1, "fc", "forward"
    logits = x @ weights
    assert overflows(logits - logits.max(1, keepdims=True))
    return 1, "loss", "forward"


@pytest.mark.parametrize("name, rate", [("large", 1e38), ("data", 3e38), ("data", 1e38)])
def test_overflow_of_softmax_regression(run, place, name, rate):
    done, lines = train(run, place, f"--learning-rate={rate}", "--batch-size=200", data=name)
    step, loss, kind, at, what = found(done.stderr)
    with np.load(place / f"{name}.npz") as data:
        expected = where(data["x"], data["y"], rate)
    assert done.returncode == 1 and step == len(lines) - 1 == 1
    assert lines[0]["loss"] == pytest.approx(np.log(3), rel=1e-6)
    assert lines[1]["loss"] is None and lines[1]["loss_is"] == loss
    assert kind == "an infinity"
    assert (at, *re.search(r"scope '(\w+)', phase (\w+)", what).groups()) == expected


@pytest.mark.parametrize("power", [5, 10])
def test_a_planted_operation_is_named(run, place, power):
    """After few steps, and after more than lie between two snapshots."""
    done, lines = train(run, place, model=f"planted{power}.mlir", steps=2000)
    step, loss, kind, at, what = found(done.stderr)
    assert done.returncode == 1 and (loss, kind) == ("nan", "a nan")
    assert step == at == len(lines) - 1 == 2**power + 1
    assert what.startswith(
        "linalg.generic (arith.subf, math.sqrt) in scope 'planted', phase forward")
    assert re.search(rf"\(.*planted{power}.mlir:15:\d+\)", what)


def test_a_format_without_infinities(run, place):
    done, _ = train(run, place, "--format=e4m3fn", data="large")
    _, _, kind, at, what = found(done.stderr)
    assert kind == "a nan" and at == 0
    assert what.startswith("prec.round to f8e4m3fn") and "role input" in what


def test_data_that_is_not_finite(run, place):
    done, lines = train(run, place, data="bad")
    _, _, kind, at, what = found(done.stderr)
    assert done.returncode == 1 and len(lines) == 1
    assert (kind, at, what) == ("an infinity", 0, "argument 1 'x' of @step")


def test_the_infinity_that_a_maximum_starts_from_is_not_blamed(run, place):
    done, _ = train(run, place, "--learning-rate=1e30", model="transformer.json")
    *_, what = found(done.stderr)
    assert "linalg.fill" not in what


def test_keep_going(run, place):
    done, lines = train(run, place, "--learning-rate=3e38", "--keep-going", data="large", steps=9)
    assert done.returncode == 0 and len(lines) == 9 and "warning" in done.stderr
    found(done.stderr)


def test_the_other_runs_of_a_sweep_go_on(run, place):
    done, lines = train(
        run, place, "--truncate-mantissa=2,7", "--learning-rate=3e38", data="large", steps=5)
    assert done.returncode == 1
    assert {line["truncate_mantissa"] for line in lines} == {2, 7}
    assert "run 0: the loss" in done.stderr and "run 1: the loss" in done.stderr
