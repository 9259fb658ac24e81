# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Shipped policies train softmax regression and an MLP as independent NumPy does, bit for bit."""
import json
import re

import ml_dtypes
import mlp_model
import numpy as np
import preset_reference
import pytest
from preset_formats import binary, binary_stochastic, bits16, cast, fixed, fixed_stochastic
from preset_formats import int8, int8_stochastic, mxfp6, signed_mean
from preset_reference import Delayed, Feedback, Rules, same
from preset_sites import Call, Sites

RATE, BATCH, STEPS = 0.5, 8, 3
MODELS = {"softmax-regression": (784, 10), "mlp": (784, 100, 100, 10)}


def everywhere(rounding, granularity):
    both = lambda *site: rounding
    return Rules(granularity, both, both)


def mixed(rounding, gradients=None):
    """Operands and results; not the update, state and loss."""

    def rule(role, phase, op):
        if phase == "update" or role in ("state", "loss"):
            return same
        return gradients if gradients and role in ("gradient", "weight-gradient") else rounding

    return Rules("op", rule, rule)


def layers(role):
    """What layers give to others; all gradients."""
    return "layer" if role == "activation" else "op"


def gupta(role, phase, op):
    if role == "loss" or (role == "input" and op != "contraction"):
        return same
    return fixed_stochastic(6, 10) if role in ("input", "activation") else fixed_stochastic(2, 14)


def binary_connect(sign):
    """The matrices where they multiply; state between -1 and 1."""
    state = lambda role: fixed(1, 24) if role == "state" else same
    use = lambda role, phase, op: sign if (role, op) == ("weight", "contraction") else state(role)
    return Rules("op", use, lambda role, phase, op: state(role))


def operands(rounding, gradients):
    """What contractions take: arguments where they multiply, and what layers give to others, forward and backward."""
    use = lambda role, phase, op: rounding if role in ("weight", "input") and op == "contraction" else same
    result = lambda role, phase, op: {"activation": rounding, "gradient": gradients}.get(role, same)
    return Rules("layer", use, result)


def one_bit(remembers):
    return Rules("op", result=lambda role, phase, op: remembers if role == "weight-gradient" else same)


PRESETS = {
    **{f"study2017-{g}": everywhere(bits16, g) for g in ("elementary", "op", "layer", "batch")},
    "mixed-bf16": mixed(cast(ml_dtypes.bfloat16)),
    "mixed-f16": mixed(cast(np.float16)),
    "fp8": mixed(cast(ml_dtypes.float8_e4m3fn, 448), cast(ml_dtypes.float8_e5m2, 57344)),
    "gupta2015": Rules(layers, gupta, gupta),
    "binaryconnect": binary_connect(binary),
    "binaryconnect-stochastic": binary_connect(binary_stochastic),
    "int8": operands(int8, int8_stochastic),
    "mxfp6": operands(mxfp6, mxfp6),
}  # fmt: skip
FEEDBACK = {"one-bit-gradients": (signed_mean, one_bit)}
DELAYED = {"fp8-delayed": ((cast(ml_dtypes.float8_e4m3fn, 448), 448), (cast(ml_dtypes.float8_e5m2, 57344), 57344), 16)}
STOCHASTIC = {"gupta2015", "binaryconnect-stochastic", "int8"}


def train(run, folder, sizes, flags, steps=range(STEPS), driven=()):
    """Yields (arguments, results) of @step; each step begins where the last one ended.

    `driven` are the policy's numbers that are state, by the arguments' names; they change with each step.
    """
    (folder / "model.mlir").write_text(mlp_model.step_text(sizes, BATCH))
    rng = np.random.default_rng(1)
    weights = []
    for n, m in zip(sizes, sizes[1:]):
        weights += [rng.normal(0, 1.5 / np.sqrt(n), (n, m)).astype("f4"), rng.normal(0, 0.1, m).astype("f4")]
    names = [f"{kind}{l}" for l in range(1, len(sizes)) for kind in "wb"]
    for step in steps:
        x = (rng.integers(0, 256, (BATCH, sizes[0])) / 255).astype("f4")
        labels = rng.integers(0, sizes[-1], BATCH).astype("i4")
        arrays = dict(zip(names, weights), **dict(driven), x=x, labels=labels, lr=np.float32(RATE))
        files = []
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)
            files += ["--input", f"{name}={folder / name}.npy"]
        outputs = [folder / f"out{i}.npy" for i in range(len(weights) + len(driven) + 1)]
        for path in outputs:
            files += ["--output", path]
        run("prec-run", folder / "model.mlir", *files, f"--step={step}", *flags)
        results = [np.load(path) for path in outputs]
        for i, name in enumerate(driven):
            driven[name] = results.pop(len(weights))
        yield step, (weights, x, labels, RATE), results
        weights = results[:-1]


def residuals(run, folder, sizes, flags):
    """What error feedback makes state, in its order."""
    (folder / "model.mlir").write_text(mlp_model.step_text(sizes, BATCH))
    text = run("prec-opt", folder / "model.mlir", *flags).stdout
    arguments = re.findall(r'%\w+: tensor<([\dx]+)xf32> {prec.init = "zeros", prec.name = "(prec.feedback.[\d.]+)"', text)
    return {name: np.zeros([int(n) for n in shape.split("x")], "f4") for shape, name in arguments}


def compare(rules, arguments, results, sites=None):
    news, loss = preset_reference.Step(rules, sites)(*arguments)
    for got, want in zip(results, [*news, loss]):
        got, want = got.view("u4"), np.asarray(want, "f4").view("u4")
        assert (got != want).sum() == 0


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("preset", ["none", *PRESETS])
def test_preset(run, tmp_path, preset, model):
    flags = [] if preset == "none" else [f"--policy=preset:{preset}"]
    seed = 0
    if preset in STOCHASTIC:
        seed = 41
        flags.append(f"--seed={seed}")
    rules = PRESETS.get(preset, Rules())
    moved, sites = 0, None
    for step, arguments, results in train(run, tmp_path, MODELS[model], flags):
        if preset in STOCHASTIC and not sites:
            sites = Sites(run, tmp_path / "model.mlir", flags)
        compare(rules, arguments, results, sites and Call(sites, seed, step))
        moved += any((new != old).any() for new, old in zip(results, arguments[0]))
    assert moved == STEPS


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("preset", FEEDBACK)
def test_preset_with_feedback(run, tmp_path, preset, model):
    """The residuals, too, in each of several steps."""
    flags = [f"--policy=preset:{preset}"]
    rounding, rules = FEEDBACK[preset]
    remembers = Feedback(rounding)
    driven = residuals(run, tmp_path, MODELS[model], flags)
    sites = Sites(run, tmp_path / "model.mlir", flags)
    for step, arguments, results in train(run, tmp_path, MODELS[model], flags, range(5), driven):
        compare(rules(remembers), arguments, results, Call(sites, 0, step))
        assert len(driven) == len(remembers.lost) == len(arguments[0])
        for got, want in zip(driven.values(), remembers.lost.values()):
            assert got.any() and got.tobytes() == want.tobytes()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("preset", DELAYED)
def test_preset_with_delayed_scales(run, tmp_path, preset, model):
    """The histories and scales, too, in each of more steps than a history has."""
    flags = [f"--policy=preset:{preset}"]
    forward, backward, length = DELAYED[preset]
    rounding, gradients = Delayed(*forward, length), Delayed(*backward, length)
    (tmp_path / "model.mlir").write_text(mlp_model.step_text(MODELS[model], BATCH))
    text = run("prec-opt", tmp_path / "model.mlir", *flags).stdout
    names = re.findall(r'prec.name = "(prec.(?:amax|scale).[\d.]+)", prec.role', text)
    driven = {name: np.zeros(length, "f4") if ".amax." in name else np.float32(1) for name in names}
    numbers = {int(key) % 2**64: number for number, key in re.findall(r"at <(\d+), key = (-?\d+)", text)}
    sites = Sites(run, tmp_path / "model.mlir", flags)
    for step, arguments, results in train(run, tmp_path, MODELS[model], flags, range(length + 2), driven):
        compare(operands(rounding, gradients), arguments, results, Call(sites, 0, step))
        states = rounding.states | gradients.states
        assert len(driven) == 2 * len(states) == 2 * len(numbers)
        for key, (history, scale) in states.items():
            assert driven[f"prec.amax.{numbers[key]}"].tobytes() == history.tobytes()
            assert driven[f"prec.scale.{numbers[key]}"].tobytes() == scale.tobytes()
        assert sum(scale != 1 for _, scale in states.values()) > len(states) / 2


@pytest.mark.parametrize("network, low, high", [("mlp-100x2", 0, 0.2), ("binary-mlp", 0.5, 1)])
def test_binaryconnect_needs_batch_norm(run, network, low, high):
    """The figures of docs/policy.md."""
    log = run("prec-train", network, "--policy=preset:binaryconnect", "--steps=400", "--eval-every=400", "--log=-").stdout
    assert low < json.loads(log.splitlines()[-1])["test_accuracy"] < high


def test_every_preset_has_a_reference(source):
    followed = {"courbariaux2014"}  # test_overflows.py
    assert {path.stem for path in (source / "policies").glob("*.json")} == {*PRESETS, *FEEDBACK, *DELAYED, *followed}
