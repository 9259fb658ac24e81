# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products and sums rounded to e5m10 at each step are NumPy's float16, where the machine computes in f16 and where not."""
import numpy as np
import pytest

N = 40
MODEL = f"""
func.func @f(%a: tensor<{N}x{N}xf32>, %b: tensor<{N}x{N}xf32>) -> tensor<{N}x{N}xf32> {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<{N}x{N}xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<{N}x{N}xf32>) -> tensor<{N}x{N}xf32>
  %c = linalg.matmul ins(%a, %b : tensor<{N}x{N}xf32>, tensor<{N}x{N}xf32>)
                     outs(%start : tensor<{N}x{N}xf32>) -> tensor<{N}x{N}xf32>
  return %c : tensor<{N}x{N}xf32>
}}"""
# All values are rounded, or products and sums alone: then operands are f32.
FLAGS = {"all": ["--format=e5m10", "--granularity=elementary"],
         "sums": ["--round=@contraction.product=e5m10@elementary", "--round=@contraction.accumulator=e5m10@elementary"]}  # fmt: skip


@pytest.mark.parametrize("scale", [1, 2.0**-11, 100], ids=["ordinary", "subnormal", "overflowing"])
@pytest.mark.parametrize("what", FLAGS)
@pytest.mark.parametrize("machine", [[], ["--mcpu=x86-64-v3"]], ids=["here", "without f16"])
def test_is_numpys_float16(run, tmp_path, what, machine, scale):
    random = np.random.default_rng(1)
    a, b = (np.float32(random.standard_normal((N, N)) * scale) for _ in "ab")
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", b)
    (tmp_path / "m.mlir").write_text(MODEL)
    run("prec-run", tmp_path / "m.mlir", "--input", tmp_path / "a.npy", "--input", tmp_path / "b.npy",
        "--output", tmp_path / "c.npy", *FLAGS[what], *machine)  # fmt: skip
    if what == "all":
        a, b = np.float16(a), np.float16(b)
    total = np.zeros((N, N), np.float16)
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(N):
            total = total + np.float16(a[:, k : k + 1] * b[k : k + 1])
    found = np.load(tmp_path / "c.npy")
    np.testing.assert_array_equal(found, np.float32(total))  # NaNs alike
    assert {1: np.isfinite(found).all(), 100: np.isinf(found).any(), 2.0**-11: (np.abs(found) < 6.2e-5).any()}[scale]
