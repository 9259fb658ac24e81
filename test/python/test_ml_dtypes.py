# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled roundings of the named small floats equal ml_dtypes' casts, bit for bit."""
import subprocess

import ml_dtypes
import numpy as np
import pytest

CASTS = {
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "f8e5m2": ml_dtypes.float8_e5m2,
    "f8e4m3": ml_dtypes.float8_e4m3,
    "f8e4m3fn": ml_dtypes.float8_e4m3fn,
    "f8e3m4": ml_dtypes.float8_e3m4,
    "f8e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "f8e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
    "f8e4m3b11fnuz": ml_dtypes.float8_e4m3b11fnuz,
    "f6e2m3fn": ml_dtypes.float6_e2m3fn,
    "f4e2m1fn": ml_dtypes.float4_e2m1fn,
}
WITHOUT_NAN = {"f6e2m3fn", "f4e2m1fn"}


def inputs(cast):
    """Every code, the midpoints between codes and their neighbours, and a wide sample."""
    codes = np.arange(1 << (8 * np.dtype(cast).itemsize)).astype(f"u{np.dtype(cast).itemsize}")
    if cast in (ml_dtypes.float6_e2m3fn, ml_dtypes.float4_e2m1fn):
        codes = codes[: 64 if cast is ml_dtypes.float6_e2m3fn else 16]
    values = np.unique(codes.view(cast).astype("f4"))
    finite = np.sort(values[np.isfinite(values)])
    middle = ((finite[1:].astype("f8") + finite[:-1]) / 2).astype("f4")
    near = [np.nextafter(middle, np.float32(s)) for s in (-np.inf, np.inf)]
    random = np.random.default_rng(0)
    wide = random.standard_normal(20000) * 10.0 ** random.integers(-9, 9, 20000)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 3.4e38, -3.4e38, 1e-45]
    return np.concatenate([values, middle, *near, wide, special]).astype("f4")


@pytest.mark.parametrize("name", CASTS)
def test_equals_ml_dtypes(name, build, tmp_path):
    values = inputs(CASTS[name])
    if name in WITHOUT_NAN:  # ml_dtypes gives -0 for NaN there, we give 0
        values = values[~np.isnan(values)]
    np.save(tmp_path / "x.npy", values)
    subprocess.run(
        [build / "bin" / "prec-run", "--round-array", f"--format={name}",
         "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy"],
        check=True,
    )  # fmt: skip
    found = np.load(tmp_path / "y.npy")
    with np.errstate(all="ignore"):
        wanted = values.astype(CASTS[name]).astype("f4")
    same = (found.view("u4") == wanted.view("u4")) | (np.isnan(found) & np.isnan(wanted))
    assert same.all(), (values[~same][:5], found[~same][:5], wanted[~same][:5])
