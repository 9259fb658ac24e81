# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled stochastic rounding equals docs/numerics.md's definitions, written again in Python.

The keys of the sites are read off the rounded module; all that follows from them (keys of
the call, positions, words, which half, rounding) is computed here.
"""
import re

import numpy as np
import pytest

M64 = (1 << 64) - 1
C1, C2 = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03
ROWS, INNER, COLUMNS, FRACTION = 5, 37, 19, 3
MODEL = f"""
func.func @f(%a: tensor<{ROWS}x{INNER}xf32> {{prec.name = "a"}},
             %b: tensor<{INNER}x{COLUMNS}xf32> {{prec.name = "b"}}) -> tensor<{ROWS}x{COLUMNS}xf32> {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<{ROWS}x{COLUMNS}xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<{ROWS}x{COLUMNS}xf32>) -> tensor<{ROWS}x{COLUMNS}xf32>
  %m = linalg.matmul ins(%a, %b : tensor<{ROWS}x{INNER}xf32>, tensor<{INNER}x{COLUMNS}xf32>)
                     outs(%i : tensor<{ROWS}x{COLUMNS}xf32>) -> tensor<{ROWS}x{COLUMNS}xf32>
  return %m : tensor<{ROWS}x{COLUMNS}xf32>
}}
"""


def scramble(x):
    x = (x + 0x9E3779B97F4A7C15) & M64
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & M64
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & M64
    return x ^ x >> 31


def mix(seed, site, step):
    return scramble(scramble(scramble(seed) ^ site) ^ step)


def h32(key, position):
    x = np.uint32(position) ^ np.uint32(key & 0xFFFFFFFF)
    x = (x ^ x >> np.uint32(16)) * np.uint32(0x21F0AAAD) + np.uint32(key >> 32)
    x = (x ^ x >> np.uint32(15)) * np.uint32(0x735A2D97)
    return x ^ x >> np.uint32(15)


def rounded(values, words):
    """To FRACTION bits by 16 random bits (the low ones), half-centred; normal numbers only."""
    discarded = 23 - FRACTION
    random = (words & np.uint32(0xFFFF)).astype("u8")
    addend = (random << (discarded - 16)) + (1 << (discarded - 17))
    magnitude = np.asarray(values, "f4").view("u4").astype("u8")
    out = ((magnitude & 0x7FFFFFFF) + addend) >> discarded << discarded
    return (out | magnitude & 0x80000000).astype("u4").view("f4")


def expected(a, b, keys, seed, step, kind):
    key = {role: mix(seed, site, step) for role, site in keys.items()}
    a = rounded(a, h32(key["a"], np.arange(a.size)).reshape(a.shape))
    b = rounded(b, h32(key["b"], np.arange(b.size)).reshape(b.shape))
    i, j = np.indices((ROWS, COLUMNS))
    total = np.zeros((ROWS, COLUMNS), "f4")
    for k in range(INNER):
        if kind == "operands":
            words = h32(key["accumulator"] ^ C1, i * INNER + k)
            words = words ^ h32(key["accumulator"] ^ C2, k * COLUMNS + j)
        else:
            words = h32(key["accumulator"], (i * COLUMNS + j) * INNER + k)
        product = rounded(a[:, k : k + 1] * b[k], words)
        total = rounded(total + product, words >> np.uint32(16))
    return total


@pytest.mark.parametrize("kind", ["operands", "counter"])
@pytest.mark.parametrize("seed, step", [(0, 0), (4294967295, 7), (12, 4294967295)])
@pytest.mark.parametrize("loops", [[], ["--plain-loops"]], ids=str)
def test_matmul_at_elementary_granularity(run, tmp_path, kind, seed, step, loops):
    model = tmp_path / "m.mlir"
    model.write_text(MODEL)
    random = np.random.default_rng(1)
    # Positive, so that no sum cancels into the subnormal numbers.
    a, b = (random.uniform(0.1, 1, s).astype("f4") for s in ((ROWS, INNER), (INNER, COLUMNS)))
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", b)
    flags = [f"--truncate-mantissa={FRACTION}", "--rounding=stochastic", f"--seed={seed}",
             "--granularity=elementary", f"--random={kind}"]  # fmt: skip
    text = run("prec-opt", model, *flags).stdout
    sites = re.findall(r"at <\d+, key = (\d+),.*?op = \"(.*?)\", role = \"(.*?)\"", text)
    keys = {role if "." in op else op: int(key) for key, op, role in sites}
    run("prec-run", model, *flags, *loops, f"--step={step}", "--input", tmp_path / "a.npy",
        "--input", tmp_path / "b.npy", "--output", tmp_path / "c.npy")  # fmt: skip
    found = np.load(tmp_path / "c.npy")
    wanted = expected(a, b, keys, seed, step, kind)
    assert (found.view("u4") == wanted.view("u4")).all()


def test_another_step_or_seed_gives_other_bits():
    base = h32(mix(1, 2, 3), np.arange(1000))
    for other in (mix(2, 2, 3), mix(1, 3, 3), mix(1, 2, 4)):
        assert (h32(other, np.arange(1000)) == base).mean() < 0.01
