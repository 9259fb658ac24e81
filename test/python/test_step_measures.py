# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Norms of gradients and shares of overflow, underflow and saturation, against NumPy and ml_dtypes.

Counts are compared exactly. A sum of n squares of f32 in f64 is off by at most n 2^-53 of itself: squares are exact.
"""
import json
import math
import re

import ml_dtypes
import mlp_model
import numpy as np
import pytest
from preset_formats import bits16, cast, fixed
from preset_reference import Rules, SiteRounding, Step, same
from preset_sites import Call, Sites

BATCH, RATE = 8, 0.5
MODELS = {"softmax-regression": (784, 10), "mlp": (60, 20, 15, 10)}


def squares(*arrays):
    """The exact sum, rounded once, and its number of terms."""
    terms = np.concatenate([np.asarray(a, "f8").reshape(-1) for a in arrays])
    return math.fsum(terms * terms), terms.size


def is_near(got, arrays, root=False):
    want, n = squares(*arrays)
    if root:
        return abs(got - math.sqrt(want)) <= (n / 2 + 2) * 2.0**-53 * math.sqrt(want)
    return abs(got - want) <= (n + 1) * 2.0**-53 * want


def measure(run, folder, sizes, flags, options, scale=1.0):
    """The arguments of a step of mlp_model, and its results by name; the first column of x is `scale` times as large."""
    (folder / "model.mlir").write_text(mlp_model.step_text(sizes, BATCH))
    measured = run("prec-opt", folder / "model.mlir", *flags, f"--prec-measure-step={options}").stdout
    (folder / "measured.mlir").write_text(measured)
    rng = np.random.default_rng(4)
    weights = []
    for n, m in zip(sizes, sizes[1:]):
        weights += [rng.normal(0, 1.5 / np.sqrt(n), (n, m)).astype("f4"), rng.normal(0, 0.1, m).astype("f4")]
    weights[0][0] = 1e-7
    x = rng.uniform(0.2, 1, (BATCH, sizes[0])).astype("f4")
    x[:, 0] *= scale
    labels = rng.integers(0, sizes[-1], BATCH).astype("i4")
    names = [f"{kind}{l}" for l in range(1, len(sizes)) for kind in "wb"]
    files = []
    for name, array in dict(zip(names, weights), x=x, labels=labels, lr=np.float32(RATE)).items():
        np.save(folder / f"{name}.npy", array)
        files += ["--input", f"{name}={folder / name}.npy"]
    signature = measured[measured.index("@step"):].split("{\n", 1)[0].split("->", 1)[1]
    outputs = [part.split('"')[0] for part in signature.split('prec.name = "')[1:]]
    assert outputs[: len(names) + 1] == [*names, "loss"]
    for i in range(len(outputs)):
        files += ["--output", folder / f"out{i}.npy"]
    run("prec-run", folder / "measured.mlir", *files)
    results = [np.load(folder / f"out{i}.npy") for i in range(len(outputs))]
    return (weights, x, labels, RATE), dict(zip(outputs[len(names) + 1:], results[len(names) + 1:])), results[:len(names)]


class Recorded(Step):
    """The reference, which remembers the weight gradients of each scope."""

    def done(self, values, scope, role, phase, *rest, **more):
        result = super().done(values, scope, role, phase, *rest, **more)
        if role == "weight-gradient":
            self.gradients.setdefault(scope, []).append(result)
        return result


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("flags", [[], ["--truncate-mantissa=7"]], ids=["f32", "m7"])
def test_squares_of_gradients(run, tmp_path, model, flags):
    arguments, found, news = measure(run, tmp_path, MODELS[model], flags, "gradients=true")
    rounding = lambda *site: bits16
    reference = Recorded(Rules("op", rounding, rounding) if flags else Rules())
    reference.gradients = {}
    expected, _ = reference(*arguments)
    for got, want in zip(news, expected):
        assert np.array_equal(got.view("u4"), np.asarray(want, "f4").view("u4"))
    assert set(found) == {f"gradient_squares/{scope}" for scope in reference.gradients}
    for scope, gradients in reference.gradients.items():
        assert [g.ndim for g in gradients] == [2, 1]
        got = found[f"gradient_squares/{scope}"]
        assert got.dtype == np.float64 and got > 0 and is_near(got, gradients)
        assert not is_near(got, gradients[:1])


class Counted(SiteRounding):
    """Rounds and counts; each site once, however often it is used."""

    def __init__(self, to, seen, largest):
        self.to, self.seen, self.largest = to, seen, largest

    def changes_nothing(self, values):
        return np.array_equal(self.to(values), values)

    def rounded(self, sites, key, values):
        before, after = np.asarray(values, "f4"), self.to(values)
        wasFinite, low, high = np.isfinite(before), *self.largest
        isLargest = (after == high) & (before > after) | (after == low) & (before < after)
        lost = [wasFinite & ~np.isfinite(after), (before != 0) & ~np.isnan(before) & (after == 0), wasFinite & isLargest]
        self.seen[key] = np.array([before.size, *(l.sum() for l in lost)])
        return after


class Selected(Step):
    """Activations are rounded in layers only."""

    def done(self, values, scope, role, phase, *rest, **more):
        if (scope, role) == ("loss", "activation"):
            self.sites.result(scope, role, phase)
            return same(values)
        return super().done(values, scope, role, phase, *rest, **more)


def policy(folder, form):
    rules = ["activation & fc*", "@contraction & input", "weight", "gradient", "weight-gradient"]
    text = {"version": 1, "rules": [{"select": rule, "format": form} for rule in rules]}
    (folder / "p.json").write_text(json.dumps(text))
    return f"--policy={folder / 'p.json'}"


FORMATS = {
    "f8e4m3fn": (cast(ml_dtypes.float8_e4m3fn), (-448, 448), 1e4, [1]),
    "f8e4m3fn-sat": (cast(ml_dtypes.float8_e4m3fn, 448), (-448, 448), 1e4, [3]),
    "f8e5m2": (cast(ml_dtypes.float8_e5m2), (-57344, 57344), 1e7, [1]),
    "fixed<2,6>": (fixed(2, 6), (-2, 2 - 2**-6), 1, [3]),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("form", FORMATS)
def test_counts_of_roundings(run, tmp_path, model, form):
    """Weight gradients and activations beyond the range, weights and gradients below it."""
    to, largest, scale, kinds = FORMATS[form]
    flags = [policy(tmp_path, form)]
    # Rounded, x would be infinite for the reference's exp.
    if scale > 1:
        text = json.loads((tmp_path / "p.json").read_text())
        text["rules"] = [rule for rule in text["rules"] if "input" not in rule["select"]]
        (tmp_path / "p.json").write_text(json.dumps(text))
    arguments, found, _ = measure(run, tmp_path, MODELS[model], flags, "rounding=true", scale)
    seen = {}
    rounding = Counted(to, seen, largest)

    def use(role, phase, op):
        if role == "weight" or (role, op, scale) == ("input", "contraction", 1):
            return rounding
        return same

    def result(role, phase, op):
        return rounding if role in ("activation", "gradient", "weight-gradient") else same

    call = Call(Sites(run, tmp_path / "model.mlir", flags))
    Selected(Rules("op", use, result), call)(*arguments)
    scopes = {}
    for scope, count in zip(scopes_of(run, tmp_path, flags, seen), seen.values()):
        scopes[f"rounding/{scope}"] = scopes.get(f"rounding/{scope}", 0) + count
    assert set(found) == set(scopes)
    for scope, counts in scopes.items():
        assert found[scope].dtype == np.int64 and found[scope].tolist() == counts.tolist(), scope
    total = sum(scopes.values())
    assert total[2] and all(total[kind] for kind in kinds)


def scopes_of(run, folder, flags, keys):
    """The scopes of sites by key."""
    rounded = run("prec-opt", folder / "model.mlir", *flags).stdout
    scopes = {int(key) % 2**64: scope for key, scope in re.findall(r'key = (-?\d+), .*?scope = "(.*?)"', rounded)}
    return [scopes[key] or "(none)" for key in keys]


LOOP = """
func.func @step(%w: f32 {prec.name = "w"}, %x: tensor<?x3xf32> {prec.name = "x"}, %labels: tensor<1xi32> {prec.name = "labels"},
    %lr: f32 {prec.name = "lr"}) -> (tensor<?x3xf32>, f32 {prec.name = "loss"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %r = scf.for %i = %c0 to %c2 step %c1 iter_args(%a = %x) -> tensor<?x3xf32> {
    %s = scf.for %j = %c0 to %c3 step %c1 iter_args(%b = %a) -> tensor<?x3xf32> {
      %d = arith.addf %b, %b {prec.scope = "inner"} : tensor<?x3xf32>
      %e = prec.round %d to "f8e5m2" "nearest-even" {prec.scope = "inner"} : tensor<?x3xf32>
      scf.yield %e : tensor<?x3xf32>
    }
    %f = prec.round %s to "SECOND" "nearest-even" {prec.scope = "outer"} : tensor<?x3xf32>
    scf.yield %f : tensor<?x3xf32>
  }
  %l = prec.round %lr to "f8e4m3fn" "nearest-even" {prec.scope = "inner"} : f32
  return %r, %l : tensor<?x3xf32>, f32
}
"""


@pytest.mark.parametrize("second, largest", [("f8e5m2-sat", 57344), ("mxfp8", None)])
def test_loops_carry_counts(run, tmp_path, second, largest):
    """Of formats that share a scale no largest number is known; nothing of x is changed by them here."""
    (tmp_path / "m.mlir").write_text(LOOP.replace("SECOND", second))
    text = run("prec-opt", tmp_path / "m.mlir", "--prec-measure-step=rounding=true").stdout
    (tmp_path / "measured.mlir").write_text(text)
    x = np.array([[1, 1024, 0], [512, -8192, 0.25]], "f4") / np.float32(1 if largest else 512)
    arrays = dict(w=np.float32(0), x=x, labels=np.zeros(1, "i4"), lr=np.float32(1000))
    files = []
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
        files += ["--input", f"{name}={tmp_path / name}.npy"]
    outputs = [tmp_path / f"out{i}.npy" for i in range(4)]
    for path in outputs:
        files += ["--output", path]
    run("prec-run", tmp_path / "measured.mlir", *files)
    # Six doublings: 1024 becomes 2^16 in the last one, -8192 in the third, whose next ones begin infinite or clamped.
    value, inner, outer = x.astype("f8"), np.array([1, 1, 0, 0]), np.zeros(4, int)  # 1000 is NaN in e4m3fn
    to = cast(ml_dtypes.float8_e5m2)
    for _ in range(2):
        for _ in range(3):
            before, value = 2 * value, to(2 * value)
            inner += [6, (np.isfinite(before) & ~np.isfinite(value)).sum(), 0, 0]
        outer += [6, 0, 0, 0]
        if largest:
            value = np.clip(value, -largest, largest)
    found = {path: np.load(path).tolist() for path in outputs[2:]}
    assert inner[1] > 1 if largest else inner[1] == 1
    assert sorted(map(tuple, found.values())) == sorted([tuple(inner), tuple(outer[: 4 if largest else 3])])
