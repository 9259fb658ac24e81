# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Numbers of a policy as functions of the step: training under them, at the steps where they change."""
import json

import numpy as np
import pytest
from preset_formats import fixed
from preset_reference import Rules
from test_presets import MODELS, compare, train


def mantissa(bits):
    mask = np.uint32(0xFFFFFFFF << (23 - bits) & 0xFFFFFFFF)
    return lambda values: (np.asarray(values, "f4").view("u4") & mask).view("f4")


def policy(path, **parameters):
    rule = {"select": "*", "format": "m?", "parameters": ["width"], "rounding": "toward-zero"}
    path.write_text(json.dumps({"version": 1, "parameters": parameters, "rules": [rule]}))
    return [f"--policy={path}"]


@pytest.mark.parametrize("model", MODELS)
def test_bits_change_at_steps_50_and_100(run, tmp_path, model):
    flags = policy(tmp_path / "p.json", width={"steps": [[0, 10], [50, 7], [100, 4]]})
    wanted = {0: 10, 49: 10, 50: 7, 99: 7, 100: 4, 4294967295: 4}
    for step, arguments, results in train(run, tmp_path, MODELS[model], flags, wanted):
        rule = lambda *site: mantissa(wanted[step])
        compare(Rules("op", rule, rule), arguments, results)


ONE = "func.func @f(%x: f32) -> f32 { %0 = arith.mulf %x, %x : f32\n return %0 : f32 }"
# Halves round away from zero: 8.5 is 9.
SCHEDULES = {
    "linear": ({"linear": [[0, 10], [100, 4]]}, {0: 10, 8: 10, 9: 9, 24: 9, 26: 8, 50: 7, 100: 4, 200: 4}),
    "cosine": ({"cosine": [[0, 10], [100, 4]]}, {0: 10, 10: 10, 50: 7, 90: 4, 100: 4}),
    "list": ({"list": [3, 2, 2, 9]}, {0: 3, 1: 2, 2: 2, 3: 9, 4: 9}),
    "constant": ({"constant": 5}, {0: 5, 7: 5}),
    "number": (5, {0: 5, 7: 5}),
    "epochs": ({"list": [5, 4], "unit": "epoch"}, {0: 5, 1: 5, 100: 5}),  # prec-run knows no epoch
}


POINTS = {
    "steps": ({"steps": [[0, -2], [3, 1]]}, {0: -2, 2: -2, 3: 1}),
    "linear": ({"linear": [[0, 3], [4, -3]]}, {0: 3, 1: 2, 2: 0, 3: -2, 4: -3, 9: -3}),
    "number": (-5, {0: -5}),
}


@pytest.mark.parametrize("kind", POINTS)
def test_the_range_of_fixed_point(run, tmp_path, kind):
    """The integer bits of 8, below 0 as well; 1.5 rounds away from zero to 2, -1.5 to -2."""
    schedule, wanted = POINTS[kind]
    rule = {"select": "*", "format": "fixed<?/8>", "parameters": ["place"]}
    (tmp_path / "p.json").write_text(json.dumps({"version": 1, "parameters": {"place": schedule}, "rules": [rule]}))
    (tmp_path / "f.mlir").write_text("func.func @f(%x: tensor<9xf32>) -> tensor<9xf32> {\n  %0 = arith.negf %x : tensor<9xf32>\n  return %0 : tensor<9xf32>\n}")
    x = np.array([0.01, -0.003, 0.3, -0.77, 1.9, -2.4, 3.3, 100, -100], "f4")
    np.save(tmp_path / "x.npy", x)
    for step, integer in wanted.items():
        run("prec-run", tmp_path / "f.mlir", f"--policy={tmp_path / 'p.json'}", "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", f"--step={step}")
        assert np.load(tmp_path / "y.npy").tobytes() == fixed(integer, 8 - integer)(-fixed(integer, 8 - integer)(x)).tobytes(), step


def test_widths_are_not_negative(run, tmp_path):
    flags = policy(tmp_path / "p.json", width={"linear": [[0, 10], [100, -1]]})
    done = run("prec-opt", *flags, "--print-policy", check=False)
    assert done.returncode == 1
    assert "/rules/0/parameters/0: parameter 'width' is the fraction bits of m?, expected values in 0..61, found -1" in done.stderr


@pytest.mark.parametrize("kind", SCHEDULES)
def test_kinds(run, tmp_path, kind):
    schedule, wanted = SCHEDULES[kind]
    flags = policy(tmp_path / "p.json", width=schedule)
    (tmp_path / "f.mlir").write_text(ONE)
    rounded = run("prec-opt", tmp_path / "f.mlir", *flags).stdout
    (tmp_path / "rounded.mlir").write_text(rounded)
    x = np.float32(1.2345678)
    np.save(tmp_path / "x.npy", x)
    for step, bits in wanted.items():
        outputs = []
        for file, more in (("f", flags), ("rounded", [])):  # the .mlir alone, too
            run("prec-run", tmp_path / f"{file}.mlir", *more, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", f"--step={step}")
            outputs.append(np.load(tmp_path / "y.npy"))
        R = mantissa(bits)
        assert outputs == [R(R(x) * R(x))] * 2, step


def test_training_follows_steps_and_epochs(run, tmp_path):
    """The weights after each run show their bits: the last step's width, of 469 or 2 * 468."""
    masks = {}
    for unit, schedule in (("step", [[0, 12], [3, 6]]), ("epoch", [[0, 12], [1, 6]])):
        flags = policy(tmp_path / "p.json", width={"steps": schedule, "unit": unit})
        for steps in (3, 4) if unit == "step" else (468, 469):
            run("prec-train", "softmax-regression", f"--steps={steps}", "--eval-every=0", *flags, "--save-weights", tmp_path / "w.npz")
            words = np.concatenate([a.view("u4").ravel() for a in np.load(tmp_path / "w.npz").values()])
            masks[unit, steps] = int(np.bitwise_or.reduce(words) & 0x7FFFFF)
    width = lambda mask: 23 - ((mask & -mask).bit_length() - 1)
    assert [width(mask) for mask in masks.values()] == [12, 6, 12, 6]
