# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scales by the largest magnitude, of the value itself and of earlier steps, against NumPy; the shipped policy that has them is
in test_presets.py.
"""
import json
import re
import shlex

import ml_dtypes
import numpy as np
import pytest
from preset_formats import fixed_stochastic
from test_feedback import LOOP, PRODUCT, STEP, call, refusal
from test_random_words import h32, mix

E4M3 = ml_dtypes.float8_e4m3fn


def scale_of(amax, largest, carrier="f4"):
    """The definition of docs/policy.md, by search in extended precision."""
    info = np.finfo(carrier)
    if not (0 < amax < np.inf):
        return np.dtype(carrier).type(1)
    amax = np.longdouble(max(amax, info.smallest_normal))
    fits = [k for k in range(info.minexp, 1 - info.minexp) if np.ldexp(amax, k) <= largest]
    return np.dtype(carrier).type(np.ldexp(1.0, max(fits, default=info.minexp)))


def e4m3(values):
    return np.clip(np.asarray(values), -448, 448).astype(E4M3).astype(np.asarray(values).dtype)


def rounded(run, folder, x, *flags):
    element = {"float32": "f32", "float64": "f64"}[str(x.dtype)]
    kind = "x".join([*map(str, x.shape), element])
    type = f"tensor<{kind}>" if x.ndim else element
    (folder / "m.mlir").write_text(f"func.func @f(%x: {type}) -> {type} {{\n  %0 = arith.negf %x : {type}\n  return %0 : {type}\n}}")
    np.save(folder / "x.npy", x)
    run("prec-run", folder / "m.mlir", "--input", folder / "x.npy", "--output", folder / "y.npy", *flags)
    return -np.load(folder / "y.npy")


@pytest.mark.parametrize("carrier", ["f4", "f8"])
def test_own_scale(run, tmp_path, carrier):
    """Every binade of amax; just below, at and above a power of two times the largest number."""
    rng = np.random.default_rng(5)
    info = np.finfo(carrier)
    exponents = rng.choice(np.arange(info.minexp - 5, info.maxexp), 8, replace=False)
    for amax in [448 * 2.0**-20, np.nextafter(np.dtype(carrier).type(448 * 2.0**7), 0), 449.0, 256, 1e-3, *np.ldexp(rng.uniform(1, 2, 8), exponents), info.max, info.smallest_subnormal]:
        x = (rng.uniform(-1, 1, 40) * np.ldexp(1.0, rng.integers(-12, 1, 40))).astype(carrier)
        x = (x / np.abs(x).max() * np.dtype(carrier).type(amax)).astype(carrier)
        x[3] = amax
        scale = scale_of(np.abs(x).max(), 448, carrier)
        got = rounded(run, tmp_path, x, "--round=activation=f8e4m3fn-sat+amax")
        with np.errstate(over="ignore"):  # what is rounded up to 2^128 is infinite
            want = e4m3(x * scale) / scale
        assert np.array_equal(got, want), (amax, scale)


@pytest.mark.parametrize("x", [np.zeros((2, 3), "f4"), np.array([1, np.inf, 500], "f4"), np.array([np.nan, 500, -3.3], "f4"), np.zeros((0, 3), "f4"), np.float32(0.3)])
def test_values_without_amax(run, tmp_path, x):
    """Zeros, infinities and NaN leave the scale at 1; an empty tensor has no element; a scalar is its own amax."""
    x = np.asarray(x)
    scale = scale_of(np.abs(x).max(initial=0), 448)
    with np.errstate(invalid="ignore"):
        want = np.where(np.isinf(x), np.copysign(np.float32(448), x), e4m3(x * scale) / scale)
    assert np.array_equal(rounded(run, tmp_path, x, "--round=activation=f8e4m3fn-sat+amax"), want, equal_nan=True)


def test_stochastic(run, tmp_path):
    """Random words belong to positions; what they decide is the scaled value's rounding."""
    x = np.random.default_rng(1).normal(0, 40, (5, 7)).astype("f4")
    flags = ["--round=activation=fixed<3,2>:stochastic+amax", "--seed=9"]
    got = rounded(run, tmp_path, x, *flags)
    (key,) = re.findall(r"prec\.round .* at <\d+, key = (-?\d+)", run("prec-opt", tmp_path / "m.mlir", *flags).stdout)
    scale = scale_of(np.abs(x).max(), 3.75)
    words = h32(mix(9, int(key) % 2**64, 0), np.arange(x.size)).reshape(x.shape)
    assert np.array_equal(-got, fixed_stochastic(3, 2).f(-x * scale, words) / scale)


def test_delayed(run, tmp_path):
    """A weight where it is used, a tensor and a scalar, histories of 1 and 3 steps; a step whose values are not finite does not count."""
    (tmp_path / "m.mlir").write_text(STEP.replace("f64", "f32"))
    flags = ["--round=weight=f8e4m3fn-sat@layer+amax<3>", "--round=weight-gradient=f8e4m3fn-sat+amax<3>", "--round=loss=f8e4m3fn-sat+amax<1>"]
    text = run("prec-opt", tmp_path / "m.mlir", *flags).stdout
    names = re.findall(r'prec.name = "(prec.(?:amax|scale)[^"]*)", prec.role', text)
    numbers = {row["role"]: row["site"] for row in json.loads(run("prec-opt", tmp_path / "m.mlir", *flags, "--report-sites=json").stdout) if (row["extra"] or "").startswith("amax")}
    roles = {"weight": 3, "weight-gradient": 3, "loss": 1}
    assert sorted(names) == sorted(f"prec.{kind}.{numbers[role]}" for role in roles for kind in ("amax", "scale"))
    states = {role: [np.zeros(length, "f4"), np.float32(1)] for role, length in roles.items()}
    rng = np.random.default_rng(3)
    w = rng.normal(0, 1, 3).astype("f4")
    for step in range(7):
        x = (rng.normal(0, 1.5, (1, 3)) * 10.0 ** rng.integers(-6, 6)).astype("f4")
        if step == 3:
            x[0, 0] = np.inf
        byName = {f"prec.{kind}.{numbers[role]}": states[role][i] for role in roles for i, kind in enumerate(("amax", "scale"))}
        before = {name: byName[name] for name in names}
        results = call(run, tmp_path, dict(w=w, **before, x=x, labels=np.zeros(1, "i4"), lr=np.float32(0)), 2 + len(names), flags)

        def through(role, value):
            history, scale = states[role]
            amax = np.float32(np.abs(value).max())
            history = np.append(amax if np.isfinite(amax) else np.float32(0), history)[: roles[role]].astype("f4")
            states[role] = [history, scale_of(history.max(), 448) if history.max() > 0 else scale]
            return np.float32(e4m3(np.asarray(value * scale, "f4")) / scale)

        with np.errstate(over="ignore"):
            product = through("weight-gradient", x[0] * through("weight", w))
            loss = through("loss", product[1] * product[1])
        byName = {f"prec.{kind}.{numbers[role]}": states[role][i] for role in roles for i, kind in enumerate(("amax", "scale"))}
        for got, want in zip(results, [product, *(byName[name] for name in names), loss]):
            assert got.tobytes() == np.float32(want).tobytes(), step
        w = np.where(np.isfinite(product), product, np.float32(1))


def test_elsewhere_a_scale_is_the_values_own(run, tmp_path):
    x = np.random.default_rng(2).normal(0, 1e-3, 9).astype("f4")
    own = rounded(run, tmp_path, x, "--round=activation=e4m3+amax")
    assert own.tobytes() == rounded(run, tmp_path, x, "--round=activation=e4m3+amax<5>").tobytes() != rounded(run, tmp_path, x, "--round=op:arith.negf=e4m3").tobytes()


def test_a_step_with_branches_has_no_state(run, tmp_path):
    """It is no training step of one block, so its scales are the values' own."""
    (tmp_path / "m.mlir").write_text("""func.func @step(%w: tensor<3xf32>, %x: tensor<3xf32>, %labels: tensor<1xi32>, %lr: f32) -> (tensor<3xf32>, f32) {
  %c = arith.constant 0.0 : f32
  %p = arith.cmpf ogt, %lr, %c : f32
  cf.cond_br %p, ^a, ^b
^a:
  %0 = arith.negf %x : tensor<3xf32>
  return %0, %lr : tensor<3xf32>, f32
^b:
  return %w, %lr : tensor<3xf32>, f32
}""")
    text = run("prec-opt", tmp_path / "m.mlir", "--round=activation=e4m3+amax<4>").stdout
    assert text.count("prec.round") >= 1 and "prec.amax" not in text


def test_what_is_refused(run, tmp_path):
    assert "found a rounding inside 'scf.for', of which there are several in a step; choose 'amax'" in refusal(
        run, tmp_path, STEP.replace(PRODUCT, LOOP), "--round=op:math.sqrt=e4m3+amax<2>"
    )
    run("prec-opt", tmp_path / "m.mlir", "--round=op:math.sqrt=e4m3+amax")
    text = "func.func @f(%m: memref<4xf32>) -> f32 {\n  %c = arith.constant 0 : index\n  %0 = memref.load %m[%c] : memref<4xf32>\n  return %0 : f32\n}"
    assert "has a scale, which follows the magnitudes of a tensor or scalar, found a buffer" in refusal(run, tmp_path, text, "--round=input=e4m3+amax")
    rule = {"select": "*", "format": "e4m3", "scale": "amax", "feedback": True}
    (tmp_path / "p.json").write_text(json.dumps({"version": 1, "rules": [rule]}))
    done = run("prec-opt", tmp_path / "m.mlir", f"--policy={tmp_path / 'p.json'}", check=False)
    assert done.returncode == 1 and re.search(r"p\.json:1:\d+: /rules/0: a rule has a scale or feedback, found both", done.stderr)


def test_the_page_s_example(run, source):
    (line,) = re.findall(r"^    prec-train (.*amax.*)$", (source / "docs/policy.md").read_text(), re.MULTILINE)
    log = run("prec-train", *shlex.split(line), "--steps=2", "--eval-every=0", "--log=-").stdout
    assert all(0 < json.loads(step)["loss"] < 10 for step in log.splitlines())


def test_it_trains(run, tmp_path):
    """With scales 8 bits train where without them gradients vanish; checkpoints hold the scales."""
    common = ["mlp-100x2", "--steps=60", "--eval-every=60", "--log=-"]
    gradients = "--round=gradient | weight-gradient=f8e4m3fn-sat"
    last = lambda *flags: json.loads(run("prec-train", *common, *flags).stdout.splitlines()[-1])["test_accuracy"]
    assert last(gradients) + 0.1 < last(gradients + "+amax<16>")
    whole, parts, checkpoint = (tmp_path / name for name in ("whole.npz", "parts.npz", "c.npz"))
    flags = ["softmax-regression", "--eval-every=0", "--policy=preset:fp8-delayed"]
    run("prec-train", *flags, "--steps=10", "--save-weights", whole)
    run("prec-train", *flags, "--steps=4", "--checkpoint", checkpoint, "--checkpoint-every=4")
    run("prec-train", *flags, "--steps=10", "--checkpoint", checkpoint, "--resume", checkpoint, "--save-weights", parts)
    whole, parts = np.load(whole), np.load(parts)
    assert list(whole) == list(parts) and any(name.startswith("prec.scale.") for name in whole)
    for name in whole:
        assert whole[name].tobytes() == parts[name].tobytes(), name
