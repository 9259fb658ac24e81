# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled atan2 and powf of f32 and f64 (M-TWO) beside the C library's in NumPy's f64.

That one is wrong by less than a unit of f64's last place; special cases are C's (Annex F).
"""
import numpy as np
import pytest

PROGRAM = """func.func @f(%y: tensor<Nxf64>, %x: tensor<Nxf64>, %b: tensor<Nxf32>, %a: tensor<Nxf32>)
    -> (tensor<Nxf64>, tensor<Nxf64>, tensor<Nxf32>, tensor<Nxf32>) {
  %0 = math.atan2 %y, %x : tensor<Nxf64>
  %1 = math.powf %y, %x : tensor<Nxf64>
  %2 = math.atan2 %b, %a : tensor<Nxf32>
  %3 = math.powf %b, %a : tensor<Nxf32>
  return %0, %1, %2, %3 : tensor<Nxf64>, tensor<Nxf64>, tensor<Nxf32>, tensor<Nxf32>
}
"""


def operands():
    """All pairs of special values, and random ones of all signs and sizes."""
    special = [0.0, 1e-40, 0.5, 1.0, 1.5, 2.0, 3.0, 1e30, np.inf]
    special = np.array([*special, *(-x for x in special), np.nan])
    y, x = (v.ravel() for v in np.meshgrid(special, special))
    rng = np.random.default_rng(3)
    wide, near = rng.normal(0, 1, (2, 4000)), rng.normal(0, 3, (2, 4000))
    wide *= np.exp2(rng.integers(-60, 60, (2, 4000)))
    return (np.concatenate(v) for v in ((y, wide[0], near[0]), (x, wide[1], near[1])))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    import subprocess

    from conftest import BUILD

    folder = tmp_path_factory.mktemp("atan2")
    y, x = operands()
    arrays = [y, x, y.astype("f4"), x.astype("f4")]
    (folder / "f.mlir").write_text(PROGRAM.replace("N", str(len(y))))
    for i, array in enumerate(arrays):
        np.save(folder / f"{i}.npy", array)
    subprocess.run([BUILD / "bin/prec-run", folder / "f.mlir",
                    *(f"--input={folder}/{i}.npy" for i in range(4)),
                    *(f"--output={folder}/r{i}.npy" for i in range(4))], check=True)  # fmt: skip
    return arrays, [np.load(folder / f"r{i}.npy") for i in range(4)]


def same(a, b):
    """Equal numbers, zeros with their signs; NaNs are alike."""
    return (np.isnan(a) & np.isnan(b)) | (a == b) & (np.signbit(a) == np.signbit(b))


@pytest.mark.parametrize("which, function", [(0, np.arctan2), (1, np.power)])
def test_f64(results, which, function):
    (y, x, *_), found = results
    with np.errstate(all="ignore"):
        want = function(y, x)
        got = found[which]
        close = np.abs(got - want) <= 3 * np.spacing(np.abs(want))
    assert (same(got, want) | close & (np.signbit(got) == np.signbit(want))).all()
    assert len(set(want[np.isfinite(want)])) > 3000


@pytest.mark.parametrize("which, function", [(2, np.arctan2), (3, np.power)])
def test_f32(results, which, function):
    (*_, b, a), found = results
    with np.errstate(all="ignore"):
        want = function(b.astype("f8"), a.astype("f8")).astype("f4")
    assert same(found[which], want).all()


GRADIENT = """func.func @f(%y: tensor<Nxf32>, %x: tensor<Nxf32>) -> f32 {
  %r = math.atan2 %y, %x : tensor<Nxf32>
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<f32>
  %i = linalg.fill ins(%z : f32) outs(%e : tensor<f32>) -> tensor<f32>
  %s = linalg.reduce ins(%r : tensor<Nxf32>) outs(%i : tensor<f32>) dimensions = [0]
    (%p: f32, %acc: f32) { %t = arith.addf %acc, %p : f32
                           linalg.yield %t : f32 }
  %v = tensor.extract %s[] : tensor<f32>
  return %v : f32
}
"""


def test_gradient(run, tmp_path):
    """x / (x^2 + y^2) and -y / (x^2 + y^2) in all quadrants."""
    y, x = np.random.default_rng(4).normal(0, 1, (2, 999)).astype("f4")
    (tmp_path / "f.mlir").write_text(GRADIENT.replace("N", "999"))
    run("prec-opt", tmp_path / "f.mlir", "--pass-pipeline=builtin.module(prec-differentiate{function=f})",
        "-o", tmp_path / "g.mlir")  # fmt: skip
    for name, array in (("y", y), ("x", x)):
        np.save(tmp_path / f"{name}.npy", array)
    files = [f"--input={tmp_path}/{name}.npy" for name in "yx"]
    run("prec-run", tmp_path / "g.mlir", "--entry=f_grad", *files,
        *(f"--output={tmp_path}/{name}.npy" for name in ("s", "dy", "dx")))  # fmt: skip
    square = x.astype("f8") ** 2 + y.astype("f8") ** 2
    for name, want in (("dy", x / square), ("dx", -y / square)):
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), want, rtol=1e-6)
