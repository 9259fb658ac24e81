# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A convolution so large that its tiles choose the forms of their roundings, beside NumPy: one image of 32 holds a number that excludes the fast ones."""
import re

import numpy as np
import pytest
from test_masked_forms import rounded
from test_random_words import C1, C2, h32, mix

IMAGES, CHANNELS, SIZE, FILTERS, WINDOW = 32, 8, 20, 32, 5
OUT = SIZE - WINDOW + 1
A, B, Y = ("x".join(map(str, shape)) + "xf32" for shape in ((IMAGES, CHANNELS, SIZE, SIZE), (FILTERS, CHANNELS, WINDOW, WINDOW), (IMAGES, FILTERS, OUT, OUT)))
MODEL = f"""func.func @f(%a: tensor<{A}>, %b: tensor<{B}>) -> tensor<{Y}> {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<{Y}>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<{Y}>) -> tensor<{Y}>
  %r = linalg.conv_2d_nchw_fchw ins(%a, %b : tensor<{A}>, tensor<{B}>) outs(%i : tensor<{Y}>) -> tensor<{Y}>
  return %r : tensor<{Y}>
}}
"""
LARGE = 11  # the image with the large number


def convolution(a, b, image, mode, key):
    """One image's result; positions count in the operands."""
    f, h, w = np.indices((FILTERS, OUT, OUT))
    total = np.zeros((FILTERS, OUT, OUT))
    for c, r, s in np.ndindex(CHANNELS, WINDOW, WINDOW):
        words = h32(key ^ C1, ((image * CHANNELS + c) * SIZE + h + r) * SIZE + w + s)
        words = words ^ h32(key ^ C2, ((f * CHANNELS + c) * WINDOW + r) * WINDOW + s)
        one = (a[image, c, r : r + OUT, s : s + OUT] * b[:, c, r, s, None, None]).astype("f4").astype("f8")
        one = rounded(one, "e4m3", mode, words & 0xFFFF)
        total = rounded((total + one).astype("f4").astype("f8"), "e4m3", mode, words >> 16)
    return total.astype("f4")


@pytest.mark.parametrize("mode", ["stochastic", "nearest-even"])
def test_one_image_with_a_large_number(run, tmp_path, mode):
    random = np.random.default_rng(7)
    a, b = (np.float32(random.standard_normal(s) / 4) for s in ((IMAGES, CHANNELS, SIZE, SIZE), (FILTERS, CHANNELS, WINDOW, WINDOW)))
    a[LARGE, 2, 7, 7] = 1e20
    model = tmp_path / "m.mlir"
    model.write_text(MODEL)
    for name, value in (("a", a), ("b", b)):
        np.save(tmp_path / f"{name}.npy", value)
    flags = [f"--round=@contraction.{role}=e4m3:{mode}@elementary" for role in ("product", "accumulator")]
    text = run("prec-opt", model, *flags).stdout
    keys = {role: mix(0, int(key), 0) for key, role in re.findall(r"at <\d+, key = (\d+),.*?role = \"(.*?)\"", text)}
    run("prec-run", model, *flags, "--input", tmp_path / "a.npy", "--input", tmp_path / "b.npy", "--output", tmp_path / "y.npy")
    found = np.load(tmp_path / "y.npy")
    assert np.isinf(found[LARGE]).any() and np.isfinite(np.delete(found, LARGE, 0)).all()
    for image in (0, LARGE - 1, LARGE, IMAGES - 1):
        expected = convolution(a, b, image, mode, keys["accumulator"])
        assert np.array_equal(found[image], expected, equal_nan=True), image
