# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Forms of operators that newer opsets have, which Debian's tests are too old for: `scripts/onnx_suite.py --newer` runs all of ONNX's own."""
import numpy as np
import pytest
from test_onnx import prec

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def model(folder, opset, text):
    onnx.save(onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : {opset}]> ' + text), folder / "m.onnx")
    return prec("import", folder / "m.onnx", "-o", folder / "m.mlir")


def results(folder, run, opset, text, **inputs):
    done = model(folder, opset, text)
    assert done.returncode == 0, done.stderr
    flags = []
    for name, array in inputs.items():
        np.save(folder / f"{name}.npy", array)
        flags += ["--input", folder / f"{name}.npy"]
    run("prec-run", folder / "m.mlir", *flags, "--output", folder / "y.npy")
    return np.load(folder / "y.npy")


@pytest.mark.parametrize("op, want", [("ReduceMax", [True, True, False]), ("ReduceMin", [True, False, False])])
def test_booleans_are_ordered_as_numbers(tmp_path, run, op, want):
    x = np.array([[True, True], [True, False], [False, False]])
    text = f"g (bool[3,2] x) => (bool[3] y) {{ a = Constant<value = int64[1] {{1}}>() y = {op}<keepdims = 0>(x, a) }}"
    assert results(tmp_path, run, 20, text, x=x).tolist() == want


def test_the_remainder_of_floats_has_the_divisors_sign(tmp_path, run):
    """onnxruntime refuses it."""
    x = np.array([-4.3, 7.2, 5.0, 4.3, -7.2, 8.0, -1.0, 0.0, 6.0], np.float32)
    y = np.array([2.1, -3.4, 8.0, -2.1, 3.4, 5.0, np.inf, -3.0, -3.0], np.float32)
    made = results(tmp_path, run, 13, "g (float[9] x, float[9] y) => (float[9] z) { z = Mod(x, y) }", x=x, y=y)
    np.testing.assert_array_equal(made, np.mod(x, y))
    assert (np.signbit(made) == np.signbit(np.mod(x, y))).all()


@pytest.mark.parametrize("words", ["", "<interleaved = 1>", "<rotary_embedding_dim = 4>"])
def test_rotary_embeddings(tmp_path, words):
    """All of a head is turned: what is left of it is nothing, behind its end."""
    half = 2 if "dim" in words else 4
    text = f"""g (float[2,3,5,8] x, float[9,{half}] c, float[9,{half}] s) => (float[a,b,d,e] y) {{
      p = Constant<value = int64[2,5] {{0, 1, 2, 3, 4, 4, 5, 6, 7, 8}}>() y = RotaryEmbedding{words}(x, c, s, p) }}"""
    done = model(tmp_path, 23, text)
    assert done.returncode == 0 and "checked against onnxruntime" in done.stderr, done.stderr


def test_shifts_of_signed_numbers_keep_the_sign(tmp_path, run):
    x, y = np.array([-8, 8, -1, -100], np.int32), np.array([1, 1, 40, 32], np.int32)
    text = 'g (int32[4] x, int32[4] y) => (int32[4] z) { z = BitShift<direction = "RIGHT">(x, y) }'
    assert results(tmp_path, run, 24, text, x=x, y=y).tolist() == [-4, 4, -1, -1]


def test_an_inverse_of_one_side_is_refused(tmp_path):
    done = model(tmp_path, 19, "g (float[1,4,10,2] x) => (float[a,b,c,d] y) { y = DFT<inverse = 1, onesided = 1, axis = 1>(x) }")
    assert done.returncode == 1 and "(DFT): an inverse that is onesided" in done.stderr


@pytest.mark.parametrize("axis, block, scales", [(1, 3, "float[2,3,3]"), (2, 2, "float[2,8,2]")])
def test_scales_of_blocks(tmp_path, run, axis, block, scales):
    """Both ways, with zero points; the last block of axis 1 is a shorter one."""
    rng = np.random.default_rng(0)
    sizes = tuple(map(int, scales[6:-1].split(",")))
    x, s = rng.standard_normal((2, 8, 3 if axis == 1 else 4)).astype(np.float32), rng.uniform(0.02, 0.05, sizes).astype(np.float32)
    z = rng.integers(0, 9, sizes).astype(np.uint8)
    words, rest = f"axis = {axis}, block_size = {block}", scales[5:]
    text = f"""g (float[{",".join(map(str, x.shape))}] x, {scales} s, uint8{rest} z) => (float[a,b,c] y) {{
      q = QuantizeLinear<{words}>(x, s, z) y = DequantizeLinear<{words}>(q, s, z) }}"""
    made = results(tmp_path, run, 21, text, x=x, s=s, z=z)
    wide_s, wide_z = (np.repeat(v, block, axis).take(range(x.shape[axis]), axis) for v in (s, z.astype(np.float32)))
    codes = np.clip(np.rint(x / wide_s) + wide_z, 0, 255)
    np.testing.assert_array_equal(made, (codes - wide_z) * wide_s)


def test_what_nobody_lowers_is_said_in_one_line(tmp_path):
    done = model(tmp_path, 18, "g (float[1,5,5] x, int64[2] i, int64[2] b) => (float[a,c,d,e] y) { y = Col2Im(x, i, b) }")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
