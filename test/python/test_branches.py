# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions whose loops are branches (cf) are run; the oracle is NumPy's f32 and a bit mask."""
import numpy as np
import pytest

MODEL = """
func.func @power(%x: f32, %n: i32) -> f32 {
  %z = arith.constant 0 : i32
  %o = arith.constant 1 : i32
  cf.br ^l(%x, %n : f32, i32)
^l(%a: f32, %i: i32):
  %c = arith.cmpi eq, %i, %z : i32
  cf.cond_br %c, ^e, ^b
^b:
  %d = arith.mulf %a, %a : f32
  %j = arith.subi %i, %o : i32
  cf.br ^l(%d, %j : f32, i32)
^e:
  return %a : f32
}
func.func @each(%m: memref<8xf32>) {
  %z = arith.constant 0 : index
  %o = arith.constant 1 : index
  %n = arith.constant 8 : index
  cf.br ^l(%z : index)
^l(%i: index):
  %c = arith.cmpi slt, %i, %n : index
  cf.cond_br %c, ^b, ^e
^b:
  %t = memref.alloc() : memref<8xf32>
  %x = memref.load %m[%i] : memref<8xf32>
  %y = arith.mulf %x, %x : f32
  memref.store %y, %t[%i] : memref<8xf32>
  %w = memref.load %t[%i] : memref<8xf32>
  memref.store %w, %m[%i] : memref<8xf32>
  %j = arith.addi %i, %o : index
  cf.br ^l(%j : index)
^e:
  return
}
"""


def truncated(x, bits):
    """Toward zero to so many fraction bits, as the 2017 study's mask does."""
    return (np.float32(x).view(np.uint32) & np.uint32(-(1 << 23 - bits) % 2**32)).view(np.float32)


@pytest.fixture
def call(run, tmp_path):
    def one(entry, bits, *arrays):
        (tmp_path / "m.mlir").write_text(MODEL)
        inputs = []
        for n, array in enumerate(arrays):
            np.save(tmp_path / f"{n}.npy", array)
            inputs += ["--input", tmp_path / f"{n}.npy"]
        run("prec-run", tmp_path / "m.mlir", f"--entry={entry}", *inputs,
            f"--truncate-mantissa={bits}", "--output", tmp_path / "y.npy")
        return np.load(tmp_path / "y.npy")

    return one


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_loop_carries_a_value(call, count):
    x = truncated(np.float32(1.1), 7)
    for _ in range(count):
        x = truncated(x * x, 7)
    assert call("power", 7, np.float32(1.1), np.int32(count)) == x


def test_a_loop_over_memory(call):
    x = np.arange(8, dtype=np.float32)
    expected = truncated(truncated(x, 2) ** 2, 2)
    np.testing.assert_array_equal(call("each", 2, x), expected)
