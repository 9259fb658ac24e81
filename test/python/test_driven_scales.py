# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scales of integers, their exponents and integer bits that follow the loss or the share of overflows, against Python's own loop."""
import json

import numpy as np
import pytest
from test_driven import LINEAR, call
from test_overflows import SCALAR
from test_schedule_numbers import write
from test_schedule_scales import affine

f32 = np.float32


@pytest.mark.parametrize("how", [{"times": 0.25, "until": 0.01}, {"by": -0.15, "until": 0.1}, {"times": 3, "until": 2.5}, {"by": 0.7, "until": 2}])
def test_a_scale_follows_the_loss(run, tmp_path, how):
    """Losses are given by x; the scale moves after two steps without an improvement of more than 0.5, in f32."""
    plateau = {"start": 0.3, "steps": 2, "improvement": 0.5} | how
    rule = {"select": "loss | function:predict & activation", "format": "int16<?>", "parameters": ["s"]}
    flags = [write(tmp_path / "p.json", rule, {"s": {"plateau": plateau}})]
    (tmp_path / "m.mlir").write_text(LINEAR)
    start = f32(0.3)
    state = {"w": f32(1), "prec.s": start, "prec.s.best": f32(3e38), "prec.s.wait": f32(0)}
    scale, best, wait, seen = start, f32(3e38), 0, set()
    for given in (9.87654, 9.5, 8.1, 8.0, 7.9, 3.3, np.nan, 3.2, 3.1, 3.0, 3.0, 2.9):
        values = dict(state, x=np.full((1, 1), given, "f4"), labels=np.zeros(1, "i4"), lr=f32(0))
        *news, loss = call(run, tmp_path, "step", values, flags)
        wanted = affine(np.array([given], "f4"), float(scale), 0, -(2**15), 2**15 - 1)[0] if given == given else f32(0)
        assert loss == wanted, given
        (predicted,) = call(run, tmp_path, "predict", {"w": f32(1), "prec.s": state["prec.s"], "x": values["x"]}, flags)
        assert predicted == wanted
        if wanted < f32(best - f32(0.5)):
            best, wait = wanted, 0
        else:
            wait += 1
            if wait == 2:
                moved = f32(scale * f32(how["times"])) if "times" in how else f32(scale + f32(how["by"]))
                limit = max if how["until"] < 0.3 else min
                scale, wait = limit(moved, f32(how["until"])), 0
        state = dict(zip(state, news))
        assert [f32(v) for v in news] == [f32(1), scale, best, f32(wait)], given
        seen.add(float(scale))
    assert len(seen) > 2 and scale == f32(how["until"])
    initial = run("prec-opt", tmp_path / "m.mlir", *flags).stdout
    assert float(initial.split('prec.init = "constant:')[2].split('"')[0]) == pytest.approx(0.3, rel=1e-7)


# What overflows: the greatest magnitude that the bits reach, in units of the scale.
REACH = {
    "int8<?>": (lambda s: 128 * s, lambda s: (s, 0, -128, 127), 2.0),
    "uint8<?>": (lambda s: 256 * s, lambda s: (s, 0, 0, 255), 2.0),
    "int8<?>-sym": (lambda s: 128 * s, lambda s: (s, 0, -127, 127), 2.0),
    "int?<?>": (lambda s: 16 * s, lambda s: (s, 0, -16, 15), 2.0),
    "int8<2^?>": (lambda e: 128 * 2.0**e, lambda e: (2.0**e, 0, -128, 127), 1),
    "uint?<2^?>": (lambda e: 32 * 2.0**e, lambda e: (2.0**e, 0, 0, 31), 1),
    "ufixed<?/8>": (lambda i: 2.0**i, lambda i: (2.0 ** (i - 8), 0, 0, 255), 1),
    "fixed<?/?>": (lambda i: 2.0 ** (i - 1), lambda i: (2.0 ** (i - 5), 0, -16, 15), 1),
    "fixed<?,3>": (lambda i: 2.0 ** (i - 1), lambda i: (2.0**-3, 0, -(2 ** (i + 2)), 2 ** (i + 2) - 1), 1),
}  # fmt: skip


@pytest.mark.parametrize("element, dtype", [("f32", "f4"), ("f64", "f8")])
@pytest.mark.parametrize("format", REACH)
def test_what_follows_overflows(run, tmp_path, format, element, dtype):
    reach, meaning, factor = REACH[format]
    isScale = factor != 1
    number = {"start": 0.3, "least": 0.02, "most": 4} if isScale else {"start": 2, "least": 1, "most": 9}
    number |= {"share": 0.2, "steps": 2}
    count = format.count("?")
    names = ["place", "n"] if format.startswith("fixed<?/") else (["n", "place"] if "t?<" in format else ["place"])
    assert len(names) == count
    flags = [write(tmp_path / "p.json", {"select": "gradient", "format": format, "parameters": names}, {"place": {"overflow": number}, "n": 5})]
    (tmp_path / "m.mlir").write_text(SCALAR.replace("f64", element))
    value, over, half, wait = f32(number["start"]), f32(0), f32(0), 0
    rng, seen = np.random.default_rng(3), []
    for spread in [1, 40, 300, 3000, 40, 300, 1, 0.5, 0.1, 0.1, 0.1, 0.1, 3, 3, 0.1, 0.1]:
        x = rng.normal(0, spread, (3, 5)).astype(dtype)
        x[0, 1] = np.inf if spread == 3 else x[0, 1]
        state = {"w": np.zeros((), dtype), "prec.place": value, "prec.place.over": over, "prec.place.half": half, "prec.place.wait": f32(wait),
                 "x": x, "labels": np.zeros(1, "i4"), "lr": np.zeros((), dtype)}  # fmt: skip
        files = []
        for name, array in state.items():
            np.save(tmp_path / f"{name}.npy", array)
            files += ["--input", f"{name}={tmp_path / name}.npy"]
        outputs = [tmp_path / f"out{i}.npy" for i in range(6)]
        for path in outputs:
            files += ["--output", path]
        run("prec-run", tmp_path / "m.mlir", *files, *flags)
        _, *news, loss = [np.load(path) for path in outputs]
        known = float(value) if isScale else int(value)
        assert loss == affine(-x[:1, 0], *meaning(known))[0], spread
        limit = reach(known)
        over = f32(over + f32((abs(x) >= limit).sum()) / f32(x.size))
        half = f32(half + f32((abs(x) >= limit / 2).sum()) / f32(x.size))
        wait += 1
        if wait == 2:
            up, down = (f32(value * 2), f32(value / 2)) if isScale else (value + f32(1), value - f32(1))
            if over / f32(2) > f32(0.2):
                value = min(up, f32(number["most"]))
            elif half / f32(2) <= f32(0.2):
                value = max(down, f32(number["least"]))
            over, half, wait = f32(0), f32(0), 0
        assert [f32(v) for v in news] == [value, over, half, f32(wait)], spread
        seen.append(float(value))
    assert {np.sign(b - a) for a, b in zip(seen, seen[1:])} == {-1, 0, 1}


def test_a_run_keeps_its_scale_in_checkpoints(run, tmp_path):
    parameters = {"s": {"overflow": {"start": 1, "least": 1e-6, "most": 4, "share": 0.001, "steps": 2}}}
    flags = ["softmax-regression", "--eval-every=0", write(tmp_path / "p.json", {"select": "weight-gradient", "format": "int8<?>", "parameters": ["s"]}, parameters)]
    run("prec-train", *flags, "--steps=9", "--save-weights", tmp_path / "whole.npz")
    run("prec-train", *flags, "--steps=4", "--checkpoint", tmp_path / "c.npz")
    run("prec-train", *flags, "--steps=9", "--resume", tmp_path / "c.npz", "--save-weights", tmp_path / "parts.npz")
    whole, parts = np.load(tmp_path / "whole.npz"), np.load(tmp_path / "parts.npz")
    assert set(whole) == set(parts) and all(whole[name].tobytes() == parts[name].tobytes() for name in whole)
    assert whole["prec.s"] == f32(0.0625)


FAULTS = [
    ({"plateau": {"start": 4, "times": 2, "until": 9, "steps": 3}}, "m?", "is the fraction bits of m?, expected whole numbers"),
    ({"plateau": {"start": 4, "by": 0.5, "until": 9, "steps": 3}}, "m?", "is the fraction bits of m?, expected whole numbers"),
    ({"plateau": {"start": 4, "by": 1, "times": 2, "until": 9, "steps": 3}}, "int8<?>", "expected 'by' or 'times', found both"),
    ({"plateau": {"start": 4, "times": 0.5, "until": 9, "steps": 3}}, "int8<?>", "expected 'times' to lead from 'start' to 'until', found 4 times 0.5 until 9"),
    ({"plateau": {"start": 4, "times": 1, "until": 9, "steps": 3}}, "int8<?>", "expected 'times' to lead"),
    ({"plateau": {"start": -4, "times": 0.5, "until": -9, "steps": 3}}, "int8<?>", "expected 'times' to lead"),
    ({"plateau": {"start": 4, "times": 0, "until": 1, "steps": 3}}, "int8<?>", "found 4 times 0 until 1"),
    ({"plateau": {"start": 0, "times": 2, "until": 9, "steps": 3}}, "int8<?>", "found 0 times 2 until 9"),
    ({"plateau": {"start": 4, "times": 0.5, "until": 0, "steps": 3}}, "int8<?>", "found 4 times 0.5 until 0"),
    ({"plateau": {"start": 4, "until": 9, "steps": 3}}, "int8<?>", "missing key 'by'"),
    ({"plateau": {"start": 1, "by": -0.5, "until": -1, "steps": 3}}, "int8<?>", "is the scale of int8<?>, expected positive numbers, found -1"),
    ({"overflow": {"start": 2, "least": 0.5, "most": 8, "share": 0.1, "steps": 3}}, "fixed<?/8>", "is the integer bits of fixed<?/8>, expected whole numbers"),
    ({"overflow": {"start": 0.3, "least": 0.5, "most": 8, "share": 0.1, "steps": 3}}, "int8<?>", "expected 'least' <= 'start' <= 'most', found 0.5, 0.300"),
    ({"overflow": {"start": 1, "least": 0, "most": 8, "share": 0.1, "steps": 3}}, "int8<?>", "expected positive numbers, found 0"),
    ({"overflow": {"start": 2, "least": 1, "most": 8, "share": 0.1, "steps": 3}}, "int8<?,3>", "follows overflows, which moves how far numbers reach"),
    ({"overflow": {"start": 2, "least": 1, "most": 8, "share": 0.1, "steps": 3}}, "e5m?", "the integer bits of fixed<?/N>, the exponent of intN<2^?> or the scale of intN<?>, found the fraction bits of e5m?"),
]  # fmt: skip


@pytest.mark.parametrize("parameter, format, message", FAULTS)
def test_faults(run, tmp_path, parameter, format, message):
    flag = write(tmp_path / "p.json", {"select": "*", "format": format, "parameters": ["x"]}, {"x": parameter})
    done = run("prec-opt", flag, "--print-policy", check=False)
    assert done.returncode == 1 and message in done.stderr and "p.json:1:" in done.stderr, done.stderr


def test_a_number_has_one_way_to_move(run, tmp_path):
    (tmp_path / "m.mlir").write_text(LINEAR)
    rules = [{"select": "loss", "format": "int8<?>", "parameters": ["x"]}, {"select": "function:predict", "format": "m?", "parameters": ["x"]}]
    plateau = {"start": 4, "by": 1, "until": 9, "steps": 3}
    (tmp_path / "p.json").write_text(json.dumps({"version": 1, "parameters": {"x": {"plateau": plateau}}, "rules": rules}))
    done = run("prec-opt", tmp_path / "m.mlir", f"--policy={tmp_path / 'p.json'}", check=False)
    assert done.returncode == 1 and "'x' is a scale of rule" in done.stderr and "expected two parameters" in done.stderr, done.stderr
