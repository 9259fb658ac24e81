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


def matmul(rows, inner, columns):
    return f"""
func.func @f(%a: tensor<{rows}x{inner}xf32> {{prec.name = "a"}},
             %b: tensor<{inner}x{columns}xf32> {{prec.name = "b"}}) -> tensor<{rows}x{columns}xf32> {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<{rows}x{columns}xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<{rows}x{columns}xf32>) -> tensor<{rows}x{columns}xf32>
  %m = linalg.matmul ins(%a, %b : tensor<{rows}x{inner}xf32>, tensor<{inner}x{columns}xf32>)
                     outs(%i : tensor<{rows}x{columns}xf32>) -> tensor<{rows}x{columns}xf32>
  return %m : tensor<{rows}x{columns}xf32>
}}
"""


MODEL = matmul(ROWS, INNER, COLUMNS)


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

    def place(x):  # what takes the place of a position
        return x.view("u4") if kind == "values" else np.arange(x.size).reshape(x.shape)

    a, b = (rounded(x, h32(key[name], place(x))) for name, x in (("a", a), ("b", b)))
    i, j = np.indices((ROWS, COLUMNS))
    total = np.zeros((ROWS, COLUMNS), "f4")
    for k in range(INNER):
        if kind == "values":
            product = a[:, k : k + 1] * b[k]
            product = rounded(product, h32(key["product"], place(product)))
            total = rounded(total + product, h32(key["accumulator"], place(total + product)))
            continue
        if kind == "operands":
            words = h32(key["accumulator"] ^ C1, i * INNER + k)
            words = words ^ h32(key["accumulator"] ^ C2, k * COLUMNS + j)
        else:
            words = h32(key["accumulator"], (i * COLUMNS + j) * INNER + k)
        product = rounded(a[:, k : k + 1] * b[k], words)
        total = rounded(total + product, words >> np.uint32(16))
    return total


@pytest.mark.parametrize("kind", ["operands", "counter", "values"])
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


SAME = """
func.func @tensor(%x: tensor<3x4xf64>) -> tensor<3x4xf64> {
  %y = arith.addf %x, %x : tensor<3x4xf64>
  return %y : tensor<3x4xf64>
}
func.func @loop(%x: memref<3x4xf64>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  scf.for %i = %c0 to %c3 step %c1 {
    scf.for %j = %c0 to %c4 step %c1 {
      %a = memref.load %x[%i, %j] : memref<3x4xf64>
      %b = arith.addf %a, %a : f64
      memref.store %b, %x[%i, %j] : memref<3x4xf64>
    }
  }
  return
}
"""


@pytest.mark.parametrize("entry", ["tensor", "loop"])
def test_the_same_operands_round_alike(run, tmp_path, entry):
    """Equal values in all places, f64; by position they do not round alike."""
    (tmp_path / "m.mlir").write_text(SAME)
    np.save(tmp_path / "x.npy", np.tile(np.array([1.3, 1.7, 2.3, 1.3]), (3, 1)))
    results = {}
    for key in "position", "operands":
        run("prec-run", tmp_path / "m.mlir", f"--entry={entry}", f"--random-key={key}",
            "--round=op:arith.addf=m1:stochastic", "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy")
        results[key] = np.load(tmp_path / "y.npy")
        low, high = np.floor([2.6, 3.4, 4.6, 2.6]), np.ceil([2.6, 3.4, 4.6, 2.6])
        high[2] = 6
        assert ((results[key] == low) | (results[key] == high)).all()
    alike = results["operands"]
    assert (alike == alike[0]).all() and (alike[:, 0] == alike[:, 3]).all()
    assert not (results["position"] == results["position"][0]).all()


def test_shared_scales_have_no_words_of_values(run, tmp_path):
    (tmp_path / "m.mlir").write_text(SAME)
    done = run("prec-opt", tmp_path / "m.mlir", "--format=mxfp4", "--rounding=stochastic",
               "--random=values", check=False)
    assert done.returncode == 1 and "m.mlir:2:19: error: format mxfp4 shares scales" in done.stderr
    assert "choose --random=operands or counter" in done.stderr
