# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Numbers of a rule besides widths as functions of the step: random bits, the scale of integers, the scale of the loss."""
import json
import re

import numpy as np
import pytest
from preset_reference import Rules, Stochastic, same
from preset_sites import Call, Sites
from test_driven import FORWARD
from test_presets import MODELS, compare, train
from test_random_words import h32, mix


def write(path, rule, parameters, **more):
    path.write_text(json.dumps({"version": 1, "parameters": parameters, **more, "rules": [rule]}))
    return f"--policy={path}"


def stochastic(values, words, fraction, bits):
    """S-CENTRE in integers, for numbers that are normal in eXmFRACTION: away from zero where
    f + (T >> (r - d)) or f + T 2^(d-r) + 2^(d-r-1) reaches 2^d; T are the first `bits` of 16."""
    d = 23 - fraction
    magnitude = np.asarray(values, "f4").view("u4").astype("u8")
    sign, magnitude = magnitude & 0x80000000, magnitude & 0x7FFFFFFF
    f = magnitude & ((1 << d) - 1)
    t = (np.asarray(words, "u8") & 0xFFFF) >> (16 - bits)
    whole = f + (t >> (bits - d) if bits >= d else (t << (d - bits)) + (1 << (d - bits - 1)))
    rounded = magnitude - f + np.where(whole >= 1 << d, 1 << d, 0).astype("u8")
    return (rounded | sign).astype("u4").view("f4")


BITS = {0: 16, 1: 16, 2: 9, 3: 3, 5: 1, 6: 1}
SCHEDULE = {"steps": [[0, 16], [2, 9], [3, 3], [5, 1]]}


@pytest.mark.parametrize("kind, shape, count", [("tensor", "tensor<64xf32>", 64), ("vector", "vector<4xf32>", 4), ("scalar", "f32", 1)])
@pytest.mark.parametrize("fraction", [2, 7, 10, 20])
def test_random_bits(run, tmp_path, kind, shape, count, fraction):
    """More and fewer random bits than are discarded, of a tensor, a vector, a scalar; at each step where they change."""
    flag = write(tmp_path / "p.json", {"select": "activation & op:arith.addf", "format": f"m{fraction}", "rounding": "stochastic<?>",
                                       "parameters": ["bits"]}, {"bits": SCHEDULE}, seed=9)  # fmt: skip
    outer = shape if kind != "vector" else "tensor<4xf32>"
    read = "" if kind != "vector" else (
        "  %c = arith.constant 0 : index\n  %p = arith.constant 0.0 : f32\n"
        "  %v = vector.transfer_read %x[%c], %p {in_bounds = [true]} : tensor<4xf32>, vector<4xf32>\n")
    operand = "%v" if kind == "vector" else "%x"
    last = "%0" if kind != "vector" else "%t"
    write_back = "" if kind != "vector" else (
        "  %e = tensor.empty() : tensor<4xf32>\n"
        "  %t = vector.transfer_write %0, %e[%c] {in_bounds = [true]} : vector<4xf32>, tensor<4xf32>\n")
    (tmp_path / "f.mlir").write_text(
        f"func.func @f(%x: {outer}) -> {outer} {{\n{read}  %0 = arith.addf {operand}, {operand} : {shape}\n{write_back}  return {last} : {outer}\n}}")
    rounded = run("prec-opt", tmp_path / "f.mlir", flag).stdout
    (tmp_path / "rounded.mlir").write_text(rounded)
    (site,) = re.findall(r'prec.round .*"stochastic<\?>".*key = (-?\d+)', rounded)
    x = np.random.default_rng(2).uniform(1, 4, count).astype("f4") * np.where(np.arange(count) % 3, 1, -1).astype("f4")
    np.save(tmp_path / "x.npy", x if kind != "scalar" else x[0])
    seen = set()
    for step, bits in BITS.items():
        words = h32(mix(9, int(site) % 2**64, step), np.arange(count))
        want = stochastic(x + x, words, fraction, bits)
        for file, flags in (("f", [flag]), ("rounded", ["--no-cache"])):  # the .mlir alone, too
            run("prec-run", tmp_path / f"{file}.mlir", *flags, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", f"--step={step}")
            assert np.load(tmp_path / "y.npy").reshape(-1).tobytes() == want.tobytes(), (step, bits)
        seen.add(want.tobytes())
    assert len(seen) > 2 or kind == "scalar"


def test_random_bits_of_small_numbers(run, tmp_path):
    """Below the least normal number, to an integer's scale, to signs: as the written number of bits does it."""
    x = np.random.default_rng(4).uniform(-1, 1, 4096).astype("f4") * np.float32(2) ** np.random.default_rng(5).integers(-20, 3, 4096).astype("f4")
    np.save(tmp_path / "x.npy", x)
    for format in "e3m2", "e5m?", "fixed<3,5>", "fixed<3,5>-wrap", "int8<0.3>", "int8<2^?>", "posit<8,1>", "binary", "f8e8m0fnu":
        more = ["width"] if "?" in format else []
        for bits in 1, 4, 11, 16:
            results = []
            for rounding, names in (f"stochastic<{bits}>", more), ("stochastic<?>", [*more, "bits"]):
                flag = write(tmp_path / "p.json", {"select": "*", "format": format, "rounding": rounding, "parameters": names},
                             {"width": 3 if format != "int8<2^?>" else -5, "bits": bits})  # fmt: skip
                run("prec-run", "--round-array", flag, "--input", tmp_path / "x.npy", "--output", tmp_path / "a.npy")
                (tmp_path / "f.mlir").write_text(
                    "func.func @round(%input: tensor<4096xf32> {prec.name = \"input\"}) -> tensor<4096xf32> {\n  return %input : tensor<4096xf32>\n}")
                run("prec-run", tmp_path / "f.mlir", flag, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy")
                results += [np.load(tmp_path / name).tobytes() for name in ("a.npy", "y.npy")]
            assert len(set(results)) == 1, (format, bits)


@pytest.mark.parametrize("model", MODELS)
def test_random_bits_in_training(run, tmp_path, model):
    """An MLP whose weight gradients and results are rounded by 12, 6 and 2 random bits, against NumPy."""
    wanted = {0: 12, 1: 6, 2: 2}
    flag = write(tmp_path / "p.json", {"select": "activation | gradient | weight-gradient", "format": "m7", "rounding": "stochastic<?>",
                                       "parameters": ["bits"]}, {"bits": {"list": [12, 6, 2]}}, seed=5)  # fmt: skip
    sites = None
    for step, arguments, results in train(run, tmp_path, MODELS[model], [flag], wanted):
        sites = sites or Sites(run, tmp_path / "model.mlir", [flag])
        rounding = Stochastic(lambda values, words: stochastic(values, words, 7, wanted[step]))
        rules = Rules("op", result=lambda role, phase, op: rounding if role in ("activation", "gradient", "weight-gradient") else same)
        compare(rules, arguments, results, Call(sites, 5, step))


SCALES = {0: -3, 1: -3, 2: 0, 4: 5, 9: -20}
INTEGERS = {"int8<2^?>": (-128, 127), "uint8<2^?>": (0, 255), "int4<2^?>-sym": (-7, 7), "int24<2^?>": (-(2**23), 2**23 - 1)}


@pytest.mark.parametrize("format", INTEGERS)
def test_the_scale_of_integers(run, tmp_path, format):
    """Whole numbers times 2^e, to nearest, saturating, with e from a schedule."""
    low, high = INTEGERS[format]
    flag = write(tmp_path / "p.json", {"select": "activation", "format": format, "parameters": ["e"]},
                 {"e": {"steps": [[0, -3], [2, 0], [4, 5], [9, -20]]}})  # fmt: skip
    (tmp_path / "f.mlir").write_text("func.func @f(%x: tensor<512xf32>) -> tensor<512xf32> {\n  %0 = arith.addf %x, %x : tensor<512xf32>\n  return %0 : tensor<512xf32>\n}")
    rng = np.random.default_rng(1)
    x = (rng.uniform(-1, 1, 512) * 2.0 ** rng.integers(-30, 12, 512)).astype("f4")
    x[:8] = 0.25, -0.25, 0.75, 1.25, 2.0**30, -(2.0**30), 0, np.inf
    np.save(tmp_path / "x.npy", x)
    for step, e in SCALES.items():
        run("prec-run", tmp_path / "f.mlir", flag, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", f"--step={step}")
        want = (np.clip(np.rint((x + x).astype("f8") / 2.0**e), low, high) * 2.0**e).astype("f4") + np.float32(0)
        assert np.load(tmp_path / "y.npy").tobytes() == want.tobytes(), step


def test_the_scale_of_the_loss(run, tmp_path):
    """Gradients of the loss times 2^k are rounded to whole numbers, which saturate: each update shows its k."""
    (tmp_path / "f.mlir").write_text(FORWARD)
    flag = write(tmp_path / "p.json", {"select": "weight-gradient & backward", "format": "fixed<20,0>"},
                 {"k": {"list": [0, 4, 10, 24]}}, **{"loss-scale": "2^k"})  # fmt: skip
    x = np.random.default_rng(3).uniform(0.5, 1, (1, 1)).astype("f4")
    np.savez(tmp_path / "d.npz", x_train=x, y_train=np.array([1], "i4"))
    weights = np.zeros((1, 2))  # f32 holds every difference below exactly
    for steps, k in enumerate([0, 4, 10, 24, 24], start=1):
        run("prec-train", tmp_path / "f.mlir", f"--data={tmp_path / 'd.npz'}", "--batch-size=1", f"--steps={steps}", "--eval-every=0",
            "--learning-rate=1", flag, "--save-weights", tmp_path / "w.npz")  # fmt: skip
        e = np.exp(x[0] * weights[0])
        exact = x.astype("f8").T * (e / e.sum() - [0, 1]) * 2.0**k
        weights = weights - np.clip(np.rint(exact), -(2.0**19), 2.0**19 - 1) / 2.0**k
        assert np.array_equal(np.load(tmp_path / "w.npz")["w"], weights), steps


def test_a_scale_of_the_loss_changes_no_bit_by_itself(run, tmp_path):
    """Without other rules every power of two gives the bits of none; one that waits for a plateau is state."""
    (tmp_path / "p.json").write_text(json.dumps({"version": 1, "loss-scale": "2^k", "parameters": {"k": {"linear": [[0, 20], [6, 3]]}}}))
    driven = {"plateau": {"start": 3, "by": 2, "until": 9, "steps": 1, "improvement": 10}}
    (tmp_path / "q.json").write_text(json.dumps({"version": 1, "loss-scale": "2^k", "parameters": {"k": driven}}))
    results = []
    for more in [], [f"--policy={tmp_path / 'p.json'}"], [f"--policy={tmp_path / 'q.json'}"], [f"--policy={tmp_path / 'p.json'}", "--accumulate=1"]:
        run("prec-train", "softmax-regression", "--steps=7", "--eval-every=0", *more, "--save-weights", tmp_path / "w.npz")
        arrays = dict(np.load(tmp_path / "w.npz"))
        results.append(arrays.pop("fc.weight", None) if "fc.weight" in arrays else next(iter(arrays.values())))
        if "prec.k" in arrays:
            assert arrays["prec.k"] == 9
    assert len({each.tobytes() for each in results}) == 1


FAULTS = [
    ({"select": "*", "format": "m3", "rounding": "stochastic<?>"}, "takes 1 parameters, one for each '?', found 0"),
    ({"select": "*", "format": "m?", "rounding": "stochastic<?>", "parameters": ["few"]}, "format 'm?' with 'stochastic<?>' takes 2 parameters"),
    ({"select": "*", "format": "m3", "rounding": "stochastic<?>", "parameters": ["many"]},
     "/rules/0/parameters/0: parameter 'many' is the number of random bits of stochastic<?>, expected values in 1..16, found 17; stochastic<?/32> has up to 32"),
    ({"select": "*", "format": "m3", "rounding": "stochastic<?>", "parameters": ["none"]}, "expected values in 1..16, found 0"),
    ({"select": "*", "format": "m3", "rounding": "stochastic<?>", "parameters": ["driven"]},
     "follows overflows, which moves how far numbers reach: the integer bits of fixed<?/N>, the exponent of intN<2^?> or the scale of intN<?>, "
     "found the number of random bits of stochastic<?>"),
    ({"select": "*", "format": "int?<2^?>", "parameters": ["driven", "few"]}, "follows overflows, which moves how far numbers reach"),
    ({"select": "*", "format": "m3", "rounding": "stochastic-equal<?>"}, "'stochastic-equal' takes the first random bit of any number of them"),
    ({"select": "*", "format": "mxfp?"}, "/rules/0/format: format 'mxfp?' has a '?' for a number that is part of the compiled code"),
    ({"select": "*", "format": "mxfp?"}, "mx<F,BLOCK>, bfp<BITS,BLOCK>, adaptivfloat<BITS,E>; for others write a rule for each number"),
    ({"select": "*", "format": "int?<max>-axis?"}, "has the axis '?', expected 0..15"),
    ({"select": "*", "format": "int?"}, "format 'int?' takes 1 parameters, one for each '?', found 0"),
    ({"select": "*", "format": "int?", "parameters": ["far"]}, "parameter 'far' is the bits of int?, expected values in 1..32, found 128"),
    ({"select": "*", "format": "binary?p3se", "parameters": ["many"]}, "parameter 'many' is the bits of binary?p3se, expected values in 3..16, found 17"),
    ({"select": "*", "format": "int8<?>"}, "format 'int8<?>' takes 1 parameters, one for each '?', found 0"),
    ({"select": "*", "format": "int8<?,?>", "parameters": ["tenth"]}, "takes 2 parameters, one for each '?', found 1"),
    ({"select": "*", "format": "int8<?,?>", "parameters": ["tenth", "tenth"]},
     "/rules/0/parameters/1: parameter 'tenth' is the zero point of int8<?,?>, expected whole numbers"),
    ({"select": "*", "format": "int8<?,?>", "parameters": ["tenth", "far"]},
     "parameter 'far' is the zero point of int8<?,?>, expected values in -128..127, found 128"),
    ({"select": "*", "format": "int8<?>", "parameters": ["none"]}, "parameter 'none' is the scale of int8<?>, expected positive numbers, found 0"),
    ({"select": "*", "format": "int8<?>", "parameters": ["long"]}, "parameter 'long' is the scale of int8<?>, expected at most 4096 changes"),
    ({"select": "*", "format": "int8<?>", "parameters": ["few"]},
     "parameter 'few' is the scale of int8<?>, whose words are 'few.high' and '.low', found another parameter 'few.low'"),
    ({"select": "*", "format": "m?", "parameters": ["tenth"]}, "parameter 'tenth' is the fraction bits of m?, expected whole numbers"),
    ({"select": "*", "format": "m?", "parameters": ["far"]}, "parameter 'far' is the fraction bits of m?, expected values in 0..61, found 128"),
    ({"select": "*", "format": "e?m3", "parameters": ["far"]}, "parameter 'far' is the exponent bits of e?m3, expected values in 0..61, found 128"),
    ({"select": "*", "format": "fixed<?,?>", "parameters": ["few", "far"]}, "parameter 'far' is the fraction bits of fixed<?,?>, expected values in 0..53, found 128"),
    ({"select": "*", "format": "bfp<8,?>", "parameters": ["none"]}, "is the elements in a block of bfp<8,?>, expected values in 1..65536, found 0"),
    ({"select": "*", "sum": "blocked<?>", "parameters": ["none"]}, "is the elements in a block of blocked<?>, expected values in 1..2147483647, found 0"),
    ({"select": "*", "sum": "blocked<?>"}, "sum 'blocked<?>' takes 1 parameters, one for each '?', found 0"),
    ({"select": "*", "format": "m3", "sum": "blocked<?,e5m?>", "parameters": ["few"]},
     "format 'm3' with 'blocked<?,e5m?:nearest-even>' takes 2 parameters"),
    ({"select": "*", "format": "f8e4m3fn", "scale": "amax<?>", "parameters": ["none"]}, "is the number of steps of amax<?>, expected values in 1..4096, found 0"),
    ({"select": "*", "keep": True, "parameters": ["few"]}, "/rules/0/parameters: 'keep' leaves values as they are, so 'parameters' has no meaning"),
    ({"select": "*", "format": "int2<2^?>"}, "has 2 bits, expected 3..32"),
]  # fmt: skip


@pytest.mark.parametrize("rule, message", FAULTS)
def test_faults(run, tmp_path, rule, message):
    driven = {"overflow": {"start": 2, "least": -8, "most": 8, "share": 0.0001, "steps": 100}}
    flag = write(tmp_path / "p.json", rule, {"few": 4, "many": {"list": [4, 17]}, "none": {"linear": [[0, 9], [9, 0]]}, "driven": driven,
                                             "tenth": 0.1, "few.low": 3, "far": {"list": [4, 128]}, "long": {"linear": [[0, 1], [5000, 0.1]]}})
    done = run("prec-opt", flag, "--print-policy", check=False)
    assert done.returncode == 1 and message in done.stderr, done.stderr
    assert re.search(r"p\.json:\d+:\d+: /rules/0", done.stderr)


def test_faults_of_the_loss_scale(run, tmp_path):
    for parameters, message in [({}, "/loss-scale: unknown parameter 'k'"), ({"k": 25}, "the exponent of the loss's scale, expected values in 0..24, found 25")]:
        flag = write(tmp_path / "p.json", {"select": "*", "keep": True}, parameters, **{"loss-scale": "2^k"})
        done = run("prec-train", "softmax-regression", flag, "--steps=1", check=False)
        assert done.returncode == 1 and message in done.stderr
    done = run("prec-train", "softmax-regression", "--loss-scale=2^k", "--steps=1", check=False)
    assert done.returncode == 1 and "--loss-scale=2^k: its exponent is a parameter, which only a policy file can give" in done.stderr
    flag = write(tmp_path / "p.json", {"select": "weight-gradient", "format": "m3", "feedback": True}, {"k": 3}, **{"loss-scale": "2^k"})
    done = run("prec-train", "softmax-regression", flag, "--steps=1", check=False)
    assert done.returncode == 1 and "dynamic or scheduled loss scale" in done.stderr


@pytest.mark.parametrize("flag", ["--rounding=stochastic<?>", "--round=*=m3:stochastic<?>", "--round=*=int8<2^?>", "--round=*=int8<?>", "--round=*=bfp<8,?>", "--sum=blocked<?>", "--round=*=f8e4m3fn+amax<?>"])
def test_flags_have_no_numbers_for_them(run, flag):
    done = run("prec-opt", "--format=m7", flag, "--print-policy", check=False)
    assert done.returncode == 1 and "a '?' needs a number, which only a policy file can give" in done.stderr
