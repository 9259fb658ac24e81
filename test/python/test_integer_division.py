# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Integer division on tensors of any size: lanes of a vector that nobody asked for do not trap."""
import numpy as np
import pytest

MODEL = """
#all = affine_map<(a, b) -> (a, b)>
#row = affine_map<(a, b) -> (a)>
func.func @each(%x: tensor<?x?xTYPE>, %y: tensor<?x?xTYPE>, %z: tensor<?x?xTYPE>) -> tensor<?x?xTYPE> {
  %r = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
    ins(%x, %y : tensor<?x?xTYPE>, tensor<?x?xTYPE>) outs(%z : tensor<?x?xTYPE>) {
  ^bb0(%a: TYPE, %b: TYPE, %o: TYPE):
    %q = arith.divsi %a, %b : TYPE
    %m = arith.remsi %a, %b : TYPE
    %seven = arith.constant 7 : TYPE
    %c = arith.divsi %a, %seven : TYPE
    %s = arith.addi %q, %m : TYPE
    %t = arith.addi %s, %c : TYPE
    linalg.yield %t : TYPE
  } -> tensor<?x?xTYPE>
  return %r : tensor<?x?xTYPE>
}
func.func @sums(%x: tensor<?x?xTYPE>, %y: tensor<?x?xTYPE>, %z: tensor<?xTYPE>) -> tensor<?xTYPE> {
  %r = linalg.generic {indexing_maps = [#all, #all, #row], iterator_types = ["parallel", "reduction"]}
    ins(%x, %y : tensor<?x?xTYPE>, tensor<?x?xTYPE>) outs(%z : tensor<?xTYPE>) {
  ^bb0(%a: TYPE, %b: TYPE, %o: TYPE):
    %q = arith.divui %a, %b : TYPE
    %s = arith.addi %q, %o : TYPE
    linalg.yield %s : TYPE
  } -> tensor<?xTYPE>
  return %r : tensor<?xTYPE>
}
func.func @remainder(%x: tensor<?x?xTYPE>, %y: tensor<?x?xTYPE>, %z: tensor<?x?xTYPE>) -> tensor<?x?xTYPE> {
  %r = linalg.generic {indexing_maps = [#all, #all, #all], iterator_types = ["parallel", "parallel"]}
    ins(%x, %y : tensor<?x?xTYPE>, tensor<?x?xTYPE>) outs(%z : tensor<?x?xTYPE>) {
  ^bb0(%a: TYPE, %b: TYPE, %o: TYPE):
    %m = arith.remsi %a, %b : TYPE
    linalg.yield %m : TYPE
  } -> tensor<?x?xTYPE>
  return %r : tensor<?x?xTYPE>
}
"""


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (2, 16), (7, 33)])
@pytest.mark.parametrize("dtype", ["i8", "i32", "i64"])
def test_division(run, tmp_path, dtype, shape):
    (tmp_path / "m.mlir").write_text(MODEL.replace("TYPE", dtype))
    rng = np.random.default_rng(0)
    numpy = {"i8": np.int8, "i32": np.int32, "i64": np.int64}[dtype]
    x = rng.integers(0, 100, shape).astype(numpy)
    y = rng.integers(1, 9, shape).astype(numpy)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    expected = {"each": (np.zeros_like(x), x // y + x % y + x // 7),
                "remainder": (np.zeros_like(x), x % y),
                "sums": (np.zeros(shape[0], numpy), (x // y).sum(1, dtype=numpy))}
    for entry, (zeros, value) in expected.items():
        np.save(tmp_path / "z.npy", zeros)
        inputs = [f"--input={tmp_path / name}.npy" for name in "xyz"]
        run("prec-run", tmp_path / "m.mlir", f"--entry={entry}", *inputs,
            f"--output={tmp_path / 'r.npy'}")
        np.testing.assert_array_equal(np.load(tmp_path / "r.npy"), value)
