# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scales and zero points of integers, sizes of blocks and all other numbers of formats, sums and histories as functions of the
step, against NumPy and exact numbers; what NumPy does not have, against the written number."""
import json
import re

import numpy as np
import pytest
from preset_reference import AnySite, Rules, same
from test_amax_scale import scale_of
from test_feedback import STEP, call
from test_presets import MODELS, compare, train
from test_schedule_numbers import write
from test_summation import MATMUL, bf16, blocked, evaluate

f32 = np.float32
FUNCTION = "func.func @f(%x: {type}) -> {type} {{\n  %0 = arith.addf %x, %x : {type}\n  return %0 : {type}\n}}\n"


def affine(values, scale, zero, low, high):
    """R-SCALE: the carrier's products k s, k = low - zero .. high - zero; the exact middle decides, a tie goes to even k."""
    values = np.asarray(values)
    numbers = np.arange(low - zero, high - zero + 1).astype(values.dtype) * values.dtype.type(scale)
    exact = numbers.astype(np.longdouble)
    place = np.clip(np.searchsorted(exact, values.astype(np.longdouble)), 1, len(exact) - 1)
    below, above = exact[place - 1], exact[place]
    x = np.clip(values.astype(np.longdouble), exact[0], exact[-1])
    isEven = (place - 1 + low - zero) % 2 == 0
    up = (x - below > above - x) | ((x - below == above - x) & ~isEven)
    return numbers[place - 1 + up] + values.dtype.type(0)


def steps(values, every=2):
    return {"steps": [[i * every, value] for i, value in enumerate(values)]}


def inputs(count, dtype, seed=1):
    rng = np.random.default_rng(seed)
    x = (rng.uniform(-1, 1, count) * 2.0 ** rng.integers(-12, 12, count)).astype(dtype)
    x[:8] = [0, -0.0, np.inf, -np.inf, 1e30, -1e30, 1e-40, 0.25][: len(x)]
    return x


SCALES, ZEROS = [0.1, 1 / 3, 0.25, 7.3, 2.0**-20], [0, -5, 100, 3, 127]
CASES = {"int8<?>": (-128, 127, False), "int8<?,?>": (-128, 127, True), "uint8<?>": (0, 255, False), "int12<?>-sym": (-2047, 2047, False),
         "uint7<?,?>": (0, 127, True), "int2<?>": (-2, 1, False)}  # fmt: skip


@pytest.mark.parametrize("element, dtype", [("f32", "f4"), ("f64", "f8")])
@pytest.mark.parametrize("format", CASES)
def test_scale_and_zero_point(run, tmp_path, format, element, dtype):
    low, high, hasZero = CASES[format]
    zeros = [min(max(zero, low), high) if hasZero else 0 for zero in ZEROS]
    flag = write(tmp_path / "p.json", {"select": "activation", "format": format, "parameters": ["s", "z"][: 1 + hasZero]},
                 {"s": steps(SCALES), "z": steps(zeros)})  # fmt: skip
    (tmp_path / "f.mlir").write_text(FUNCTION.format(type=f"tensor<512x{element}>"))
    (tmp_path / "rounded.mlir").write_text(run("prec-opt", tmp_path / "f.mlir", flag).stdout)
    x = inputs(512, dtype)
    # Numbers, the middles between them and their neighbours.
    codes = np.arange(low, low + 100) - zeros[0]
    x[8:108] = (codes * x.dtype.type(SCALES[0]) + x.dtype.type(SCALES[0]) / 2) / 2
    x[108:208] = np.nextafter(x[8:108], x.dtype.type(0))
    np.save(tmp_path / "x.npy", x)
    seen = set()
    for i, (scale, zero) in enumerate(zip(SCALES, zeros)):
        with np.errstate(over="ignore"):
            want = affine(x + x, scale, zero, low, high)
        for step in 2 * i, 2 * i + 1:
            for file, flags in (("f", [flag]), ("rounded", ["--no-cache"])):  # the .mlir alone, too
                run("prec-run", tmp_path / f"{file}.mlir", *flags, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", f"--step={step}")
                assert np.load(tmp_path / "y.npy").tobytes() == want.tobytes(), (scale, zero)
        seen.add(want.tobytes())
    assert len(seen) == len(SCALES)


@pytest.mark.parametrize("schedule, values", [
    ({"linear": [[0, 1], [4, 2]]}, [1, 1.25, 1.5, 1.75, 2, 2]),
    ({"cosine": [[0, 3], [4, 1]]}, [3, 3 + (1 - np.cos(np.pi / 4)) / 2 * (1 - 3), 2, 3 + (1 - np.cos(3 * np.pi / 4)) / 2 * (1 - 3), 1, 1]),
    ({"list": [0.1, 0.3]}, [0.1, 0.3, 0.3]),
    (0.7, [0.7, 0.7]),
    ({"constant": 5}, [5]),
])  # fmt: skip
@pytest.mark.parametrize("granularity", ["op", "elementary"])
def test_schedules_of_real_numbers(run, tmp_path, schedule, values, granularity):
    """They are not rounded to whole ones between their points, and a product and sum inside of an operation see them too."""
    flag = write(tmp_path / "p.json", {"select": "*", "format": "int8<?>", "parameters": ["s"], "granularity": granularity}, {"s": schedule})
    (tmp_path / "f.mlir").write_text(MATMUL.format(k=1))
    rng = np.random.default_rng(4)
    a, b, c = (rng.normal(0, 20, shape).astype("f4") for shape in [(3, 1), (1, 5), (3, 5)])
    for step, scale in enumerate(values):
        R = lambda values: affine(values, scale, 0, -128, 127)
        a_, b_, c_ = R(a), R(b), R(c)
        exact = a_.astype("f8") * b_
        total = R((c_ + R(exact.astype("f4"))) if granularity == "elementary" else (c_.astype("f8") + exact).astype("f4"))
        got = evaluate(run, tmp_path, MATMUL.format(k=1), [flag, f"--step={step}"], a=a, b=b, c=c)
        assert got.tobytes() == total.tobytes(), step


def test_long_schedules(run, tmp_path):
    """Hundreds of changes, which compiled code looks up in tables."""
    widths = np.random.default_rng(7).integers(0, 20, 300)
    (tmp_path / "f.mlir").write_text(FUNCTION.format(type="tensor<64xf32>"))
    np.save(tmp_path / "x.npy", x := np.random.default_rng(8).normal(0, 9, 64).astype("f4"))

    def results(flag, steps):
        for step in steps:
            run("prec-run", tmp_path / "f.mlir", flag, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", f"--step={step}")
            yield step, np.load(tmp_path / "y.npy")

    flag = write(tmp_path / "p.json", {"select": "*", "format": "m?", "rounding": "toward-zero", "parameters": ["m"]}, {"m": {"list": widths.tolist()}})
    for step, got in results(flag, [0, 1, 7, 127, 128, 255, 256, 298, 299, 300, 2**32 - 1]):
        keep = np.uint32(0xFFFFFFFF << (23 - int(widths[min(step, 299)])) & 0xFFFFFFFF)
        y = (x.view("u4") & keep).view("f4")
        assert got.tobytes() == ((y + y).view("u4") & keep).view("f4").tobytes(), step
    flag = write(tmp_path / "p.json", {"select": "activation", "format": "int8<?>", "parameters": ["s"]}, {"s": {"linear": [[0, 0.3], [4000, 0.01]]}})
    for step, got in results(flag, [0, 1, 1234, 3999, 4000, 4001]):
        share = min(step, 4000) / 4000
        assert got.tobytes() == affine(x + x, 0.3 + share * (0.01 - 0.3), 0, -128, 127).tobytes(), step


@pytest.mark.parametrize("model", MODELS)
def test_scales_in_training(run, tmp_path, model):
    """An MLP whose weights and gradients are whole multiples of numbers that change each step, against NumPy."""
    scales = {0: 0.01, 1: 0.02, 2: 0.005}
    rules = [{"select": "weight & @contraction", "format": "int8<?>", "parameters": ["s"]},
             {"select": "weight-gradient", "format": "int8<?,?>", "parameters": ["s", "z"]}]  # fmt: skip
    flag = write(tmp_path / "p.json", rules[0], {"s": {"list": list(scales.values())}, "z": 7})
    text = json.loads((tmp_path / "p.json").read_text())
    (tmp_path / "p.json").write_text(json.dumps(text | {"rules": rules}))
    for step, arguments, results in train(run, tmp_path, MODELS[model], [flag], scales):
        R = lambda zero: lambda values: affine(np.asarray(values, "f4"), scales[step], zero, -128, 127)
        compare(Rules("op", use=lambda role, phase, op: R(0) if role == "weight" and op == "contraction" else same,
                      result=lambda role, phase, op: R(7) if role == "weight-gradient" else same), arguments, results, AnySite())  # fmt: skip


@pytest.mark.parametrize("format, low, high", [("fixed<?,?>", -1, 1), ("ufixed<?,?>", 0, 1)])
def test_bits_on_both_sides_of_the_point(run, tmp_path, format, low, high):
    whole, fraction = [4, 2, 9, 1], [3, 10, 0, 20]
    flag = write(tmp_path / "p.json", {"select": "activation", "format": format, "parameters": ["i", "f"]}, {"i": {"list": whole}, "f": {"list": fraction}})
    (tmp_path / "f.mlir").write_text(FUNCTION.format(type="tensor<512xf32>"))
    np.save(tmp_path / "x.npy", x := inputs(512, "f4"))
    for step, (i, f) in enumerate(zip(whole, fraction)):
        run("prec-run", tmp_path / "f.mlir", flag, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", f"--step={step}")
        end = 2.0 ** (i + low)
        with np.errstate(over="ignore"):
            want = np.clip(np.rint((x + x).astype("f8") * 2.0**f), low * end * 2.0**f, end * 2.0**f - 1) / 2.0**f
        assert np.array_equal(np.load(tmp_path / "y.npy"), want), step


def bfp(values, bits, block, lastAxis):
    """R-BLOCK: codes of +-(2^(bits-1) - 1) in units of 2^(e - bits + 2), e the exponent of the block's greatest magnitude."""
    rows = np.asarray(values, "f8").reshape(-1, lastAxis)
    out = np.zeros_like(rows)
    for row, to in zip(rows, out):
        for at in range(0, lastAxis, block):
            part = row[at : at + block]
            most = np.abs(part).max()
            step = 2.0 ** ((np.frexp(most)[1] - 1 if most else -127) - bits + 2)
            end = 2.0 ** (bits - 1) - 1
            to[at : at + block] = np.clip(np.rint(part / step), -end, end) * step
    return out.reshape(np.shape(values)).astype("f4")


def test_blocks(run, tmp_path):
    """Bits and size of blocks with a shared exponent, step by step."""
    bits, block = [8, 8, 4, 5], [16, 3, 7, 100]
    flag = write(tmp_path / "p.json", {"select": "activation", "format": "bfp<?,?>", "parameters": ["bits", "block"]}, {"bits": {"list": bits}, "block": {"list": block}})
    (tmp_path / "f.mlir").write_text(FUNCTION.format(type="tensor<5x37xf32>"))
    x = np.random.default_rng(2).normal(0, 1, (5, 37)).astype("f4") * np.geomspace(1e-3, 1e3, 37).astype("f4")
    np.save(tmp_path / "x.npy", x)
    for step in range(5):
        run("prec-run", tmp_path / "f.mlir", flag, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", f"--step={step}")
        i = min(step, 3)
        assert np.array_equal(np.load(tmp_path / "y.npy"), bfp(x + x, bits[i], block[i], 37)), step


WRITTEN = [
    ("mx<e4m3,?>", "mx<e4m3,{0}>", [[32], [8], [1]]),
    ("mx<e?m?,?,ceil>", "mx<e{0}m{1},{2},ceil>", [[2, 1, 32], [4, 3, 16], [5, 2, 5]]),
    ("adaptivfloat<?,?>", "adaptivfloat<{0},{1}>", [[8, 4], [6, 3]]),
    ("posit<?,?>", "posit<{0},{1}>", [[8, 0], [16, 1], [6, 2]]),
    ("pow2<?,?>", "pow2<{0},{1}>", [[-8, 0], [-3, 4], [-126, 127]]),
    ("e5m?", "e5m{0}", [[2], [10]]),
    ("fixed<?,8>", "fixed<{0},8>", [[4], [7]]),
    ("int8<?,3>", "int8<{0},3>", [[0.3], [0.011]]),
    ("int6<0.3,?>", "int6<0.3,{0}>", [[-32], [9]]),
]  # fmt: skip


@pytest.mark.parametrize("rounding", ["nearest-even", "stochastic<?>"])
@pytest.mark.parametrize("format, written, numbers", WRITTEN)
def test_as_written(run, tmp_path, format, written, numbers, rounding):
    """A step's numbers are what the format with these numbers does, the random bits too; the array tool as well."""
    names = [f"p{i}" for i in range(len(numbers[0]))]
    random = {"bits": {"list": [3, 16, 9]}} if "?" in rounding else {}
    parameters = {name: {"list": [row[i] for row in numbers]} for i, name in enumerate(names)} | random
    (tmp_path / "f.mlir").write_text(FUNCTION.format(type="tensor<6x70xf32>"))
    x = inputs(420, "f4", 8).reshape(6, 70)
    x = np.where(np.isfinite(x), x, f32(1))
    np.save(tmp_path / "x.npy", x)
    flag = write(tmp_path / "p.json", {"select": "*", "format": format, "rounding": rounding, "parameters": names + list(random)}, parameters, seed=4)
    results = set()
    for step, row in enumerate(numbers):
        mode = rounding.replace("?", str(random["bits"]["list"][step])) if random else rounding
        own = [f"--round=*={written.format(*row)}:{mode}", "--seed=4"]
        found = []
        for flags in [flag], own:
            run("prec-run", tmp_path / "f.mlir", *flags, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", f"--step={step}")
            run("prec-run", "--round-array", *flags, "--input", tmp_path / "x.npy", "--output", tmp_path / "z.npy", f"--step={step}")
            found.append(np.load(tmp_path / "y.npy").tobytes() + np.load(tmp_path / "z.npy").tobytes())
        assert found[0] == found[1], row
        results.add(found[0])
    assert len(results) == len(numbers)


@pytest.mark.parametrize("between", ["", ",bf16", ",m?:toward-zero"])
def test_blocks_of_sums(run, tmp_path, between):
    rule = {"select": "@contraction", "sum": f"blocked<?{between}>", "parameters": ["block"] + ["width"] * ("?" in between)}
    flag = write(tmp_path / "p.json", rule, {"block": {"list": [1, 4, 7, 1000000]}, "width": {"list": [3, 18, 7]}})
    rng = np.random.default_rng(6)
    a, b, c = (rng.normal(0, 1, shape).astype("f4") for shape in [(3, 29), (29, 5), (3, 5)])
    seen = set()
    for step, size in enumerate([1, 4, 7, 1000000]):
        width = [3, 18, 7, 7][step]
        cut = lambda value: f32(np.uint32(f32(value).view("u4") & np.uint32(0xFFFFFFFF << (23 - width) & 0xFFFFFFFF)).view("f4"))
        R = {"": same, ",bf16": bf16}.get(between, cut)
        want = np.array([[blocked([(a[i, k], b[k, j], same) for k in range(29)], c[i, j], f32, True, size, lambda v: f32(R(v))) for j in range(5)] for i in range(3)], "f4")
        got = evaluate(run, tmp_path, MATMUL.format(k=29), [flag, f"--step={step}"], a=a, b=b, c=c)
        assert got.tobytes() == want.tobytes(), size
        seen.add(want.tobytes())
    assert len(seen) == 4
    # A divisor that is known at run time is at least 1, so that lanes can be computed together.
    assert re.search(r"llvm\.fma\.v\d+f32", run("prec-opt", tmp_path / "model.mlir", flag, "--emit=llvm").stdout)


def test_steps_of_a_history(run, tmp_path):
    """A delayed scale that follows the last 3, 1, 2 steps: its state has the greatest number of them."""
    (tmp_path / "m.mlir").write_text(STEP.replace("f64", "f32"))
    counts = [3, 3, 3, 1, 1, 2, 2, 3]
    rule = {"select": "weight-gradient", "format": "f8e4m3fn-sat", "scale": "amax<?>", "parameters": ["n"]}
    flag = write(tmp_path / "p.json", rule, {"n": {"list": counts}})
    assert "tensor<3xf32> {prec.init = \"zeros\", prec.name = \"prec.amax" in run("prec-opt", tmp_path / "m.mlir", flag).stdout
    names = re.findall(r'prec.name = "(prec.(?:amax|scale)[^"]*)", prec.role', run("prec-opt", tmp_path / "m.mlir", flag).stdout)
    state = {name: np.zeros(3, "f4") if "amax" in name else f32(1) for name in names}
    history, scale, rng = [], f32(1), np.random.default_rng(3)
    w = rng.normal(0, 1, 3).astype("f4")
    for step, count in enumerate(counts):
        x = (rng.normal(0, 1.5, (1, 3)) * 10.0 ** rng.integers(-6, 6)).astype("f4")
        results = call(run, tmp_path, dict(w=w, **state, x=x, labels=np.zeros(1, "i4"), lr=f32(0)), 2 + len(names), [flag, f"--step={step}"])
        history = [np.abs(x[0] * w).max()] + history[:2]
        scale = scale_of(max(history[:count]), 448)
        for name, value in zip(names, results[1:]):
            state[name] = value
            if "scale" in name:
                assert value == scale, step
            else:
                assert np.array_equal(value, (history + [0, 0])[:3]), step


@pytest.mark.parametrize("format, largest, R", [("fixed<?/6>", lambda i: 2.0 ** (i - 1) * 31 / 32, lambda x, i: np.clip(np.rint(x.astype("f8") / 2.0 ** (i - 6)), -32, 31) * 2.0 ** (i - 6)),
                                                ("e4m?-sat", lambda i: 2.0**8 - 2.0 ** (7 - i), lambda x, i: e4(x, i))])  # fmt: skip
def test_scales_of_formats_that_change(run, tmp_path, format, largest, R):
    """amax is taken to the largest number that the format has at the step."""
    widths = [2, 3, 5]
    flag = write(tmp_path / "p.json", {"select": "activation", "format": format, "scale": "amax", "parameters": ["i"]}, {"i": {"list": widths}})
    (tmp_path / "f.mlir").write_text(FUNCTION.format(type="tensor<64xf32>"))
    x = np.random.default_rng(9).normal(0, 40, 64).astype("f4")
    np.save(tmp_path / "x.npy", x)
    for step, i in enumerate(widths):
        run("prec-run", tmp_path / "f.mlir", flag, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", f"--step={step}")
        scale = scale_of(np.abs(x + x).max(), largest(i))
        assert np.array_equal(np.load(tmp_path / "y.npy"), R((x + x) * scale, i) / scale), step


def e4(values, fraction):
    """e4mY, saturating: the spacing of each binade, that of the least one below 2^-6."""
    x = values.astype("f8")
    spacing = 2.0 ** (np.maximum(np.frexp(x)[1] - 1, -6) - fraction)
    most = 2.0**8 - 2.0 ** (7 - fraction)
    return np.clip(np.rint(x / spacing) * spacing, -most, most)


def test_sweeps_of_real_numbers(run, tmp_path):
    """A run for each scale, from one compiled module, as runs of the written ones."""
    flag = write(tmp_path / "p.json", {"select": "weight & @contraction", "format": "int8<?>", "parameters": ["s"]}, {"s": {"sweep": [0.02, 0.3]}})
    losses = lambda flags: [json.loads(line) for line in run("prec-train", "softmax-regression", "--steps=3", "--eval-every=0", *flags, f"--log={tmp_path / 'l'}") and (tmp_path / "l").read_text().splitlines()]  # fmt: skip
    both = losses([flag])
    apart = [line for scale in (0.02, 0.3) for line in losses([f"--round=weight & @contraction=int8<{scale}>"])]
    assert [line["loss"] for line in both] == [line["loss"] for line in apart]
    assert {line["format"] for line in both} == {"int8<0.02>", "int8<0.3>"}


def test_what_does_not_fit(run, tmp_path):
    """Numbers of a step that the carrier cannot hold are an error at the value that is rounded."""
    (tmp_path / "f.mlir").write_text(FUNCTION.format(type="tensor<4xf32>"))
    for format, parameters, message in [
        ("fixed<?,?>", {"i": 4, "f": {"linear": [[0, 3], [7, 30]]}}, "has 34 bits and the sign, f32 carries at most 25 (step 7)"),
        ("posit<?,?>", {"i": 24, "f": {"list": [2, 5]}}, "has numbers outside the normal numbers of f32 (step 1)"),
        ("pow2<?,?>", {"i": {"list": [-4, 5]}, "f": 3}, "has exponents 5..3, expected LOW <= HIGH"),
        ("int20<?>", {"i": 0.1}, "bits and the sign, f32 carries at most 17"),
        ("int8<?>", {"i": 1e-30}, "has a step that is near the ends of the normal numbers of f32"),
    ]:  # fmt: skip
        flag = write(tmp_path / "p.json", {"select": "activation", "format": format, "parameters": list(parameters)}, parameters)
        done = run("prec-opt", tmp_path / "f.mlir", flag, check=False)
        assert done.returncode == 1 and message in done.stderr and "f.mlir:2:" in done.stderr, done.stderr
