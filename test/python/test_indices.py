# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""An index from data that is outside of its tensor is an error, not a crash or a number.

Inside, results are NumPy's.
"""
import json

import numpy as np
import pytest

NET = {"version": 1, "name": "t", "inputs": {"tokens": {"sizes": [4], "type": "i32"}},
       "layers": [{"type": "embedding", "name": "e", "count": 16, "units": 3}]}
# Negative indices count from the end, as ONNX's Gather has it; the table's size is not known.
GATHER = """
func.func @main(%i: tensor<?xi64>, %w: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %i, %c0 : tensor<?xi64>
  %size = tensor.dim %w, %c0 : tensor<?x3xf32>
  %e = tensor.empty(%n) : tensor<?x3xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, b)>], iterator_types = ["parallel", "parallel"]}
    outs(%e : tensor<?x3xf32>) {
  ^bb0(%out: f32):
    %a = linalg.index 0 : index
    %b = linalg.index 1 : index
    %j = tensor.extract %i[%a] : tensor<?xi64>
    %k = arith.index_cast %j : i64 to index
    %isNegative = arith.cmpi slt, %k, %c0 : index
    %wrapped = arith.addi %k, %size : index
    %row = arith.select %isNegative, %wrapped, %k : index
    %v = tensor.extract %w[%row, %b] : tensor<?x3xf32>
    linalg.yield %v : f32
  } -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}
func.func @scatter(%i: tensor<?xi64>, %x: tensor<5xf32>) -> tensor<5xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1.0 : f32
  %n = tensor.dim %i, %c0 : tensor<?xi64>
  %y = scf.for %a = %c0 to %n step %c1 iter_args(%t = %x) -> tensor<5xf32> {
    %j = tensor.extract %i[%a] : tensor<?xi64>
    %k = arith.index_cast %j : i64 to index
    %u = tensor.insert %one into %t[%k] : tensor<5xf32>
    scf.yield %u : tensor<5xf32>
  }
  return %y : tensor<5xf32>
}
func.func @pick(%x: tensor<5xf32>, %k: index) -> f32 {
  %v = tensor.extract %x[%k] : tensor<5xf32>
  return %v : f32
}
"""


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    from conftest import BUILD
    import subprocess

    folder = tmp_path_factory.mktemp("indices")
    (folder / "net.json").write_text(json.dumps(NET))
    (folder / "gather.mlir").write_text(GATHER)
    subprocess.run([BUILD / "bin/prec-translate", "--import-json", folder / "net.json",
                    "-o", folder / "net.mlir"], check=True)

    def one(model, entry, *arrays):
        command = [BUILD / "bin/prec-run", folder / model, f"--entry={entry}"]
        for n, array in enumerate(arrays):
            np.save(folder / f"{n}.npy", array)
            command += ["--input", folder / f"{n}.npy"]
        (folder / "y.npy").unlink(missing_ok=True)
        done = subprocess.run(
            [*command, "--output", folder / "y.npy"], capture_output=True, text=True)
        written = (folder / "y.npy").exists()
        assert (done.returncode == 0) == written and done.returncode in (0, 1), done.stderr
        return np.load(folder / "y.npy") if written else done.stderr

    return one


OUTSIDE = [-2**31, -1, 16, 17, 2**31 - 1]


@pytest.mark.parametrize("token", [0, 7, 15, *OUTSIDE])
def test_embedding(call, token):
    table = np.arange(48, dtype=np.float32).reshape(16, 3)
    tokens = np.array([[1, 2, 3, 4], [5, 6, 7, token]], np.int32)
    y = call("net.mlir", "forward", table, tokens)
    if token in OUTSIDE:
        assert f"found the index {token}, expected one of a dimension of size 16" in y
        assert "net.mlir:" in y
    else:
        np.testing.assert_array_equal(y, table[tokens])


@pytest.mark.parametrize("index", [-6, -5, -1, 0, 4, 5, 10**12])
def test_gather(call, index):
    table = np.arange(15, dtype=np.float32).reshape(5, 3)
    y = call("gather.mlir", "main", np.array([3, index, 0]), table)
    if -5 <= index < 5:
        np.testing.assert_array_equal(y, table[[3, index, 0]])
    else:
        used = index + 5 if index < 0 else index
        assert f"found the index {used}, expected one of a dimension of size 5" in y


def test_an_empty_table_has_no_index(call):
    y = call("gather.mlir", "main", np.array([0]), np.zeros((0, 3), np.float32))
    assert "found the index 0, expected one of a dimension of size 0" in y
    nothing = call("gather.mlir", "main", np.zeros(0, np.int64), np.zeros((0, 3), np.float32))
    assert nothing.shape == (0, 3)


@pytest.mark.parametrize("index", [-1, 0, 4, 5])
def test_insert_in_a_loop(call, index):
    x = np.zeros(5, np.float32)
    y = call("gather.mlir", "scatter", np.array([1, index]), x)
    if 0 <= index < 5:
        x[[1, index]] = 1
        np.testing.assert_array_equal(y, x)
    else:
        assert f"found the index {index}, expected one of a dimension of size 5" in y


@pytest.mark.parametrize("index", [-1, 4, 5])
def test_an_argument_as_index(call, index):
    x = np.arange(5, dtype=np.float32)
    y = call("gather.mlir", "pick", x, np.int64(index))
    if 0 <= index < 5:
        assert y == x[index]
    else:
        assert f"found the index {index}" in y


def test_a_training_step_says_so(run, tmp_path):
    net = json.loads(json.dumps(NET))
    net["layers"] += [{"type": "flatten", "name": "f"}, {"type": "dense", "name": "d", "units": 2}]
    (tmp_path / "net.json").write_text(json.dumps(net))
    tokens = np.tile(np.arange(4, dtype=np.int32), (8, 1))
    tokens[5, 2] = 16
    np.savez(tmp_path / "data.npz", x=tokens, y=np.zeros(8, np.int32))
    done = run("prec-train", tmp_path / "net.json", f"--data={tmp_path / 'data.npz'}",
               "--batch-size=8", "--steps=1", check=False)
    assert done.returncode == 1
    assert "found the index 16, expected one of a dimension of size 16" in done.stderr
