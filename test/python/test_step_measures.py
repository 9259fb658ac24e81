# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Norms of gradients, against NumPy.

A sum of n squares of f32 in f64 is off by at most n 2^-53 of itself: squares are exact.
"""
import json
import math

import mlp_model
import numpy as np
import pytest
from preset_formats import bits16
from preset_reference import Rules, Step

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
