# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Dynamic fixed point: integer bits that follow the share of overflows, against NumPy's own counting, bit for bit."""
import json
import re

import numpy as np
import pytest
from preset_formats import fixed
from preset_reference import Rules, SiteRounding, same
from preset_sites import Call, Sites
from test_presets import MODELS, compare, layers, train

f32 = np.float32


class Number:
    """The integer bits of one point, which moves as algorithm 1 of Courbariaux et al. 2014 says."""

    def __init__(self, bits, overflow):
        self.bits, self.rule, self.value = bits, overflow, overflow["start"]
        self.over = self.half = f32(0)
        self.wait, self.seen = 0, {}

    def state(self):
        return [f32(self.value)], [self.over, self.half, f32(self.wait)]

    def move(self):
        count, half, total = np.sum(list(self.seen.values()), axis=0)
        self.over += f32(count) / f32(total)
        self.half += f32(half) / f32(total)
        self.wait, self.seen = self.wait + 1, {}
        if self.wait < self.rule["steps"]:
            return
        steps, share = f32(self.rule["steps"]), f32(self.rule["share"])
        if self.over / steps > share:
            self.value = min(self.value + 1, self.rule["most"])
        elif self.half / steps <= share:
            self.value = max(self.value - 1, self.rule["least"])
        self.over, self.half, self.wait = f32(0), f32(0), 0


class Moved(SiteRounding):
    """Rounds with a number and counts for it: each site once, however often it is used."""

    def __init__(self, number):
        self.number = number

    def to(self, values):
        return fixed(self.number.value, self.number.bits - self.number.value)(values)

    def changes_nothing(self, values):
        return np.array_equal(self.to(values), values)

    def rounded(self, sites, key, values):
        size, limit = np.abs(values), 2.0 ** (self.number.value - 1)
        self.number.seen[key] = (size >= limit).sum(), (size >= limit / 2).sum(), size.size
        return self.to(values)


def rules(numbers):
    by_role = {"activation": "activations", "weight": "weights", "gradient": "gradients",
               "weight-gradient": "weight-gradients", "state": "state", "input": "activations"}  # fmt: skip

    def rule(role, phase, op):
        if role == "loss" or (role == "input" and op != "contraction"):
            return same
        return Moved(numbers[by_role[role]])

    return Rules(layers, rule, rule)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("steps, share", [(None, None), (2, 0.01)], ids=["shipped", "quick"])
def test_courbariaux_2014(run, source, tmp_path, model, steps, share):
    """As shipped no point moves in 3 steps; one that moves every 2 steps goes both ways."""
    text = (source / "policies" / "courbariaux2014.json").read_text()
    policy = json.loads(re.sub("//.*", "", text))
    given = {name: number["overflow"] for name, number in policy["parameters"].items()}
    if steps:
        for number in given.values():
            number.update(steps=steps, share=share)
        given["gradients"]["start"] = -8
    (tmp_path / "p.json").write_text(json.dumps(policy))
    widths = {rule["parameters"][0]: int(rule["format"][8:-1]) for rule in policy["rules"] if "parameters" in rule}
    numbers = {name: Number(widths[name], overflow) for name, overflow in given.items()}
    flags = [f"--policy={tmp_path / 'p.json'}"] if steps else ["--policy=preset:courbariaux2014"]
    driven = {f"prec.{name}": f32(number.value) for name, number in numbers.items()}
    for name in numbers:
        driven |= {f"prec.{name}.{rest}": f32(0) for rest in ("over", "half", "wait")}
    first, sites = {name: number.value for name, number in numbers.items()}, None
    for _, arguments, results in train(run, tmp_path, MODELS[model], flags, range(8 if steps else 3), driven):
        sites = sites or Sites(run, tmp_path / "model.mlir", flags)
        compare(rules(numbers), arguments, results, Call(sites))
        for number in numbers.values():
            number.move()
        values = [number.state() for number in numbers.values()]
        wanted = [v for value, _ in values for v in value] + [v for _, rest in values for v in rest]
        assert [float(v) for v in driven.values()] == [float(v) for v in wanted]
    ways = {np.sign(numbers[name].value - value) for name, value in first.items()}
    assert ways >= {-1, 1} if steps else ways == {0}


SCALAR = """
func.func @step(%w: f64 {prec.name = "w", prec.role = "weight"}, %x: tensor<?x?xf64> {prec.name = "x"},
    %labels: tensor<1xi32> {prec.name = "labels", prec.role = "label"}, %lr: f64 {prec.name = "lr"}) -> (f64 {prec.name = "w"}, f64 {prec.name = "loss"}) {
  %c = arith.constant 0 : index
  %0 = arith.negf %x {prec.role = "gradient"} : tensor<?x?xf64>
  %1 = tensor.extract %0[%c, %c] : tensor<?x?xf64>
  %2 = arith.mulf %w, %1 : f64
  return %2, %1 : f64, f64
}
"""


def policy_of(folder, granularity="op", **overflow):
    rule = {"select": "gradient", "format": "fixed<?/8>", "parameters": ["place"], "granularity": granularity}
    number = {"start": 3, "least": -5, "most": 5, "share": 0.125, "steps": 1} | overflow
    (folder / "p.json").write_text(json.dumps({"version": 1, "parameters": {"place": {"overflow": number}}, "rules": [rule]}))
    return f"--policy={folder / 'p.json'}"


@pytest.mark.parametrize(
    "values, start, wanted",
    [
        ([3.9] * 7 + [4], 3, 3),  # one of eight, no more than the share
        ([3.9] * 6 + [4, -4], 3, 4),
        ([3.9] * 6 + [np.inf, np.nan], 3, 3),  # NaN is beyond nothing
        ([1.9] * 6 + [2, np.nan], 3, 2),
        ([1.9] * 6 + [2, -2], 3, 3),
        ([1e9] * 8, 5, 5),
        ([0] * 8, -5, -5),
    ],
)
def test_where_it_moves(run, tmp_path, values, start, wanted):
    """A tensor of f64 with sizes known at run time, at the ends and at the share itself."""
    (tmp_path / "m.mlir").write_text(SCALAR)
    arguments = {"w": np.float64(0), "prec.place": f32(start), "prec.place.over": f32(0), "prec.place.half": f32(0),
                 "prec.place.wait": f32(0), "x": np.array(values, "f8").reshape(2, 4), "labels": np.zeros(1, "i4"), "lr": np.float64(0)}  # fmt: skip
    files = []
    for name, value in arguments.items():
        np.save(tmp_path / f"{name}.npy", value)
        files += ["--input", f"{name}={tmp_path / name}.npy"]
    outputs = [tmp_path / f"out{i}.npy" for i in range(6)]
    for path in outputs:
        files += ["--output", path]
    run("prec-run", tmp_path / "m.mlir", *files, policy_of(tmp_path, start=start))
    assert float(np.load(outputs[1])) == wanted


def test_what_is_refused(run, tmp_path):
    """Roundings inside a body have no tensor to count."""
    body = """%0 = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
    outs(%x : tensor<?x?xf64>) {
  ^b(%a: f64):
    %s = math.sqrt %a {prec.role = "gradient"} : f64
    linalg.yield %s : f64
  } -> tensor<?x?xf64>"""
    (tmp_path / "m.mlir").write_text(SCALAR.replace('%0 = arith.negf %x {prec.role = "gradient"} : tensor<?x?xf64>', body))
    done = run("prec-opt", tmp_path / "m.mlir", policy_of(tmp_path, "elementary"), check=False)
    assert done.returncode == 1
    assert re.search(r"m\.mlir:\d+:\d+: error: .*counts whole tensors and scalars .*found a rounding inside 'linalg.generic'; choose granularity op", done.stderr)


def test_training_goes_on_where_it_stopped(run, source, tmp_path):
    """Points and counts are in the checkpoint: a run resumed in the middle of a count ends with the same bits."""
    policy = json.loads(re.sub("//.*", "", (source / "policies" / "courbariaux2014.json").read_text()))
    for number in policy["parameters"].values():
        number["overflow"].update(steps=3)
    (tmp_path / "p.json").write_text(json.dumps(policy))
    flags = ["softmax-regression", "--eval-every=0", f"--policy={tmp_path / 'p.json'}"]
    whole, parts, checkpoint = (tmp_path / name for name in ("whole.npz", "parts.npz", "c.npz"))
    run("prec-train", *flags, "--steps=10", "--save-weights", whole)
    run("prec-train", *flags, "--steps=4", "--checkpoint", checkpoint, "--checkpoint-every=4")
    run("prec-train", *flags, "--steps=10", "--checkpoint", checkpoint, "--resume", checkpoint, "--save-weights", parts)
    whole, parts = np.load(whole), np.load(parts)
    assert whole["prec.gradients"] == -5 and whole["prec.gradients.wait"] == 1
    assert list(whole) == list(parts)
    for name in whole:
        assert whole[name].tobytes() == parts[name].tobytes(), name
