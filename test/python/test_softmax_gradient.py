# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The gradient of an imported linalg.softmax, which is decomposed first, against its formula."""
import numpy as np

MODEL = """
func.func @f(%x: tensor<3x5xf64> {prec.name = "x"}, %t: tensor<3x5xf64>) -> f64 {
  %e = tensor.empty() : tensor<3x5xf64>
  %s = linalg.softmax dimension(1) ins(%x : tensor<3x5xf64>) outs(%e : tensor<3x5xf64>) -> tensor<3x5xf64>
  %zero = arith.constant 0.0 : f64
  %i = tensor.empty() : tensor<f64>
  %c = linalg.fill ins(%zero : f64) outs(%i : tensor<f64>) -> tensor<f64>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>,
                                        affine_map<(i, j) -> ()>],
                       iterator_types = ["reduction", "reduction"]}
      ins(%s, %t : tensor<3x5xf64>, tensor<3x5xf64>) outs(%c : tensor<f64>) {
  ^bb0(%a: f64, %b: f64, %acc: f64):
    %p = arith.mulf %a, %b : f64
    %q = arith.addf %acc, %p : f64
    linalg.yield %q : f64
  } -> tensor<f64>
  %v = tensor.extract %r[] : tensor<f64>
  return %v : f64
}
"""


def test_softmax(run, tmp_path):
    random = np.random.default_rng(0)
    x, t = random.normal(0, 2, (2, 3, 5))
    for name, value in (("x", x), ("t", t)):
        np.save(tmp_path / f"{name}.npy", value)
    (tmp_path / "f.mlir").write_text(MODEL)
    run("prec-opt", tmp_path / "f.mlir", "--pass-pipeline=builtin.module(prec-differentiate{function=f wrt=0})",
        "-o", tmp_path / "g.mlir")  # fmt: skip
    outputs = [tmp_path / "value.npy", tmp_path / "gradient.npy"]
    run("prec-run", tmp_path / "g.mlir", "--entry=f_grad", "--input", tmp_path / "x.npy",
        "--input", tmp_path / "t.npy", "--output", outputs[0], "--output", outputs[1])  # fmt: skip
    s = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    wanted = s * (t - (s * t).sum(1, keepdims=True))
    # Each element is a few dozen roundings of numbers below 4: far below 1e-14.
    np.testing.assert_allclose(np.load(outputs[1]), wanted, rtol=0, atol=1e-14)
    np.testing.assert_allclose(np.load(outputs[0]), (s * t).sum(), rtol=0, atol=1e-13)
