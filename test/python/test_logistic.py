# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The shipped softmax regression computes what its head says, by stock LLVM alone.

Oracle: NumPy in f64 on the same f32 inputs.
"""
import ctypes
import subprocess

import numpy as np
import pytest
from conftest import LLVM_BIN
from reduced_model import BATCH, CLASSES, INPUTS, reduced_model

LOWERING = """builtin.module(one-shot-bufferize{bufferize-function-boundaries
  function-boundary-type-conversion=identity-layout-map}, convert-linalg-to-loops,
  convert-scf-to-cf, expand-strided-metadata, lower-affine, convert-arith-to-llvm,
  convert-math-to-llvm, convert-cf-to-llvm, func.func(llvm-request-c-wrappers),
  finalize-memref-to-llvm, convert-func-to-llvm, convert-index-to-llvm,
  reconcile-unrealized-casts)"""


def descriptor(array):
    """MLIR's memref descriptor of a contiguous array."""
    n = array.ndim
    words = (ctypes.c_int64 * (3 + 2 * n))()
    strides = [s // array.itemsize for s in array.strides]
    words[:] = [array.ctypes.data, array.ctypes.data, 0, *array.shape, *strides]
    return words


def result(words, offset, shape):
    """The f32 array that the descriptor at words[offset] describes."""
    pointer = ctypes.cast(words[offset + 1], ctypes.POINTER(ctypes.c_float))
    return np.ctypeslib.as_array(pointer, shape).copy()


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    def tool(name, *arguments, text):
        done = subprocess.run(
            [LLVM_BIN / name, *arguments], input=text, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    path = tmp_path_factory.mktemp("library") / "logistic.so"
    lowered = tool(
        "mlir-opt", "--allow-unregistered-dialect", f"--pass-pipeline={LOWERING}",
        text=reduced_model(),
    )
    ir = tool("mlir-translate", "--mlir-to-llvmir", text=lowered)
    # -Bsymbolic: the C library has a function named step, too.
    tool(
        "clang", "-x", "ir", "-O1", "-w", "-shared", "-Wl,-Bsymbolic", "-o", path, "-", "-lm",
        f"-L{LLVM_BIN.parent}/lib", f"-Wl,-rpath,{LLVM_BIN.parent}/lib", "-lmlir_c_runner_utils",
        text=ir,
    )
    return ctypes.CDLL(str(path))


@pytest.fixture(scope="module")
def inputs():
    random = np.random.default_rng(1)
    w = random.normal(0, 0.5, (INPUTS, CLASSES)).astype("f4")
    b = random.normal(0, 0.5, CLASSES).astype("f4")
    x = random.random((BATCH, INPUTS), "f4")
    return w, b, x, random.integers(0, CLASSES, BATCH).astype("i4")


def test_step(library, inputs):
    w, b, x, labels = inputs
    rate = 0.5
    out = (ctypes.c_int64 * 13)()  # two descriptors (7 and 5 words), one float
    library._mlir_ciface_step(
        out, *map(descriptor, inputs), ctypes.c_float(rate)
    )
    w64, b64, x64 = (v.astype("f8") for v in (w, b, x))
    logits = x64 @ w64 + b64
    logp = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    onehot = np.eye(CLASSES)[labels]
    g = (np.exp(logp) - onehot) / BATCH
    # Fewer than 64 roundings lie behind a result whose terms are all below 8.
    bound = 64 * 8 * 2.0**-24
    loss = np.frombuffer(out, "f4")[24]
    np.testing.assert_allclose(loss, -(logp * onehot).sum() / BATCH, atol=bound, rtol=0)
    new_w, new_b = result(out, 0, w.shape), result(out, 7, b.shape)
    np.testing.assert_allclose(new_w, w64 - rate * x64.T @ g, atol=bound, rtol=0)
    np.testing.assert_allclose(new_b, b64 - rate * g.sum(0), atol=bound, rtol=0)
    assert np.abs(new_w - w).max() > 100 * bound


def test_predict_takes_any_number_of_rows(library, inputs):
    w, b, x, _ = inputs
    for rows in (1, 5, BATCH):
        out = (ctypes.c_int64 * 7)()
        library._mlir_ciface_predict(out, *map(descriptor, (w, b, x[:rows].copy())))
        got = result(out, 0, (rows, CLASSES))
        np.testing.assert_allclose(got, x[:rows].astype("f8") @ w + b, atol=64 * 8 * 2.0**-24, rtol=0)
