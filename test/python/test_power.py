# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""powf of f32: the largest error that docs/numerics.md states, measured against f64.

NumPy's f64 power is wrong by less than 2^-51 of the result. `pytest -s` prints the figures.
"""
import numpy as np
import pytest

PROGRAM = """func.func @power(%x: tensor<Nxf32>, %y: tensor<Nxf32>) -> tensor<Nxf32> {
  %r = math.powf %x, %y : tensor<Nxf32>
  return %r : tensor<Nxf32>
}
"""


def operands(n):
    """Pairs whose power is a normal number of f32, half of them near 1 with large exponents."""
    random = np.random.default_rng(8)
    wide = np.exp2(random.uniform(-126, 127, n)).astype("f4")
    close = (1 + random.normal(0, 1e-3, n)).astype("f4")
    x = np.where(random.random(n) < 0.5, wide, close)
    x[x == 1] = 2
    return x, (random.uniform(-125, 125, n) / np.log2(x.astype("f8"))).astype("f4")


def test_power_error(run, tmp_path):
    n = 1 << 20
    x, y = operands(n)
    (tmp_path / "power.mlir").write_text(PROGRAM.replace("N", str(n)))
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    run("prec-run", tmp_path / "power.mlir", f"--input={tmp_path}/x.npy",
        f"--input={tmp_path}/y.npy", f"--output={tmp_path}/r.npy")  # fmt: skip
    got = np.load(tmp_path / "r.npy")
    want = np.power(x.astype("f8"), y.astype("f8"))
    step = np.spacing(want.astype("f4")).astype("f8")
    errors = np.abs(got - want) / step
    missed = np.count_nonzero(got != want.astype("f4"))
    print(f"powf of f32: largest error {errors.max():.6f} units of the last place, "
          f"{missed} of {n} not correctly rounded")  # fmt: skip
    assert np.isfinite(want).all() and (np.abs(want) >= 2.0**-126).all()
    assert errors.max() < 0.5001
    assert missed < n >> 14


WHOLE = """func.func @power(%x: tensor<NxE>, %n: tensor<NxI>) -> tensor<NxE> {
  %r = math.fpowi %x, %n : tensor<NxE>, tensor<NxI>
  return %r : tensor<NxE>
}
"""


@pytest.mark.parametrize("element, integer", [("f32", "i32"), ("f64", "i32"), ("f32", "i64"), ("f16", "i16")])
def test_whole_exponents(element, integer, run, tmp_path):
    """Against Python's integers where the power of a whole number is exact, signs and zeros included."""
    dtype = np.dtype(element.replace("f", "float"))
    most = np.finfo(dtype).nmant
    pairs = [(x, n) for x in (-3, -2, -1, 1, 2, 3) for n in range(12) if abs(x) ** n < 2**most] + [(-2, -3), (2, -1), (-1, 16777215), (-1, 2**15 - 1)]
    pairs = [(x, n) for x, n in pairs if integer != "i16" or n < 2**15]
    x = np.array([p[0] for p in pairs] + [-0.0, -0.0, 0.0], dtype)
    n = np.array([p[1] for p in pairs] + [3, 2, 5], integer.replace("i", "int"))
    (tmp_path / "m.mlir").write_text(WHOLE.replace("N", str(len(x))).replace("E", element).replace("I", integer))
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "n.npy", n)
    run("prec-run", tmp_path / "m.mlir", f"--input={tmp_path}/x.npy", f"--input={tmp_path}/n.npy", f"--output={tmp_path}/r.npy")
    want = np.array([float(a) ** b for a, b in pairs] + [-0.0, 0.0, 0.0], dtype)
    got = np.load(tmp_path / "r.npy")
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(want))


def test_sine_and_cosine_at_once(run, tmp_path):
    """The bits of the two functions."""
    (tmp_path / "m.mlir").write_text("""func.func @f(%x: tensor<1000xf32>) -> (tensor<1000xf32>, tensor<1000xf32>, tensor<1000xf32>, tensor<1000xf32>) {
  %s, %c = math.sincos %x : tensor<1000xf32>
  %t = math.sin %x : tensor<1000xf32>
  %d = math.cos %x : tensor<1000xf32>
  return %s, %c, %t, %d : tensor<1000xf32>, tensor<1000xf32>, tensor<1000xf32>, tensor<1000xf32>
}""")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(0, 100, 1000).astype("f4"))
    run("prec-run", tmp_path / "m.mlir", f"--input={tmp_path}/x.npy", *(f"--output={tmp_path}/{name}.npy" for name in "scTD"))
    s, c, t, d = (np.load(tmp_path / f"{name}.npy") for name in "scTD")
    assert (s == t).all() and (c == d).all() and (s != c).all()


def test_clamp_is_refused(run, tmp_path):
    """Its definition in MLIR 22, max(min(x, low), high), is no clamp."""
    (tmp_path / "m.mlir").write_text("func.func @f(%x: f32) -> f32 {\n  %y = math.clampf %x to [%x, %x] : f32\n  return %y : f32\n}")
    np.save(tmp_path / "x.npy", np.float32(1))
    done = run("prec-run", tmp_path / "m.mlir", f"--input={tmp_path}/x.npy", check=False)
    assert done.returncode == 1 and "m.mlir:2:8: error: has no algorithm" in done.stderr and "arith.minimumf" in done.stderr
