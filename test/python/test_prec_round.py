# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""prec.round: the bits of prec-run --round-array, arguments, errors, threads."""
import inspect
import sys
from concurrent.futures import ThreadPoolExecutor

import ml_dtypes
import numpy as np
import pytest
from conftest import BUILD, SOURCE, in_process

if not list((BUILD / "python" / "prec").glob("_prec*")):
    pytest.skip("the extension is not built", allow_module_level=True)
sys.path.insert(0, str(SOURCE / "python"))
import prec  # noqa: E402

pytestmark = in_process
X = np.random.default_rng(0).standard_normal((11, 70))
CASES = [
    ("e5m10", "nearest-even"), ("m3", "stochastic"), ("fixed<4,12>", "to-odd"), ("int8<0.1>", "up"),
    ("posit<16,1>", "stochastic<24>"), ("mxfp4", "nearest-even"), ("nvfp4", "toward-zero"), ("binary8p3se", "stochastic-equal"),
    ("mx<f8e4m3fn,16,ceil>", "stochastic"), ("adaptivfloat<8,3>", "stochastic"), ("int4<max>", "stochastic"),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("format, rounding", CASES)
def test_same_bits_as_the_tool(format, rounding, dtype, run, tmp_path):
    x = X.astype(dtype)
    np.save(tmp_path / "x.npy", x)
    run("prec-run", "--round-array", f"--format={format}", f"--rounding={rounding}", "--seed=9", "--step=2",
        "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy")  # fmt: skip
    found = prec.round(x, format=format, rounding=rounding, seed=9, step=2)
    assert found.dtype == x.dtype and found.tobytes() == np.load(tmp_path / "y.npy").tobytes()


def test_equals_ml_dtypes():
    x = X.astype("f4")
    assert (prec.round(x, format="bf16") == x.astype(ml_dtypes.bfloat16).astype("f4")).all()
    assert (prec.encode(x, format="e4m3fn") == x.astype(ml_dtypes.float8_e4m3fn).view("u1")).all()
    assert prec.encode(x, format="bf16").dtype == "u2"


@pytest.mark.parametrize("x", [np.float32(1.3), [1.3, 2.6], np.zeros((0, 4)), np.asfortranarray(X), X[::2, ::-3],
                               X.astype(">f4"), X.T])  # fmt: skip
def test_any_layout(x):
    found = prec.round(x, format="int8")
    wanted = np.rint(np.asarray(x))
    assert found.shape == wanted.shape and found.dtype == wanted.dtype.newbyteorder("=") and (found == wanted).all()


def test_input_is_not_written():
    x = X.copy()
    prec.round(x, format="int8")
    assert (x == X).all()


def test_out_may_be_the_array():
    x = X.copy()
    assert prec.round(x, format="int8", out=x) is x and (x == np.rint(X)).all()


@pytest.mark.parametrize("keywords, error, text", [
    ({"format": "fixed<0,0>"}, ValueError, "has 0 integer bits (the sign counts), expected 1..54"),
    ({"format": "int8", "rounding": "nearest"}, ValueError, "unknown rounding mode 'nearest'"),
    ({"format": "m?"}, ValueError, "has a width '?', expected a number"),
    ({"format": "int8", "seed": -1}, ValueError, "seed is -1, expected a whole number 0..4294967295"),
    ({"format": "int8", "step": 2**32}, ValueError, "step is 4294967296"),
    ({"format": "int8", "out": np.zeros(3)}, ValueError, "out is float64 of shape (3,), expected contiguous float64"),
    ({"format": "int8", "out": np.zeros(X.shape, "f4")}, ValueError, "expected contiguous float64"),
])  # fmt: skip
def test_errors(keywords, error, text):
    with pytest.raises(error) as raised:
        prec.round(X, **keywords)
    assert text in str(raised.value)


@pytest.mark.parametrize("x", [np.arange(3), np.float16([1]), np.array(["a"]), X.astype("c16")])
def test_other_dtypes(x):
    with pytest.raises(TypeError, match="expected float32 or float64"):
        prec.round(x, format="int8")


def test_carrier_too_narrow():
    with pytest.raises(ValueError, match="f32 carries at most 25"):
        prec.round(X.astype("f4"), format="int32")
    assert (prec.round(X * 1e6, format="int32") == np.rint(X * 1e6)).all()


def test_threads_give_the_same_bits():
    def one(seed):
        return prec.round(X, format="m3", rounding="stochastic", seed=seed % 4).tobytes()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, range(64)))
    assert len(set(found)) == 4 and all(found[i] == one(i) for i in range(64))


def test_described():
    assert "bits: 8" in prec.describe_format("int8") and "posit<N,ES>" in prec.list_formats()
    assert "--format" in prec.round.__doc__ and "format" in inspect.signature(prec.round).parameters
