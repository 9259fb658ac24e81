# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""powf of f32: the largest error that docs/numerics.md states, measured against f64.

NumPy's f64 power is wrong by less than 2^-51 of the result. `pytest -s` prints the figures.
"""
import numpy as np

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
