# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Causal attention in a format without infinities: what is hidden is no number that is rounded.

The oracle is NumPy with ml_dtypes' casts. Operands have at most 4 significant bits and sums two
or three terms, so that every product and sum is exact in f32 and only roundings are left; no
exponential lies near a tie of 4 bits.
"""
import json

import ml_dtypes
import numpy as np
import pytest

ROWS, UNITS = 3, 2
NAMES = ("query", "key", "value", "output")


def rounded(x):
    """To f8e4m3fn, which has no infinities: beyond 448 is NaN."""
    return np.float32(x).astype(ml_dtypes.float8_e4m3fn).astype(np.float32)


def attention(x, weights):
    """Operation by operation; each result is rounded."""
    query, key, value = (rounded(x @ weights[name]) for name in NAMES[:3])
    scores = rounded(rounded(query @ key.T) / rounded(np.sqrt(np.float32(UNITS))))
    mixed = np.zeros_like(x)
    for row in range(ROWS):
        seen = scores[row, : row + 1]
        exponentials = rounded(np.exp(rounded(seen - seen.max()).astype(np.float64)))
        shares = rounded(exponentials / rounded(exponentials.sum()))
        mixed[row] = rounded(shares @ value[: row + 1])
    return rounded(mixed @ weights["output"])


@pytest.mark.parametrize("seed", range(4))
def test_in_a_format_without_infinities(run, tmp_path, seed):
    rng = np.random.default_rng(seed)
    quarter = lambda *shape: np.float32(rng.integers(-7, 8, shape) / 4)
    net = {"version": 1, "name": "t", "input": [ROWS, UNITS],
           "layers": [{"type": "attention", "name": "a", "causal": True, "bias": False}]}
    (tmp_path / "net.json").write_text(json.dumps(net))
    run("prec-translate", "--import-json", tmp_path / "net.json", "-o", tmp_path / "net.mlir")
    weights = {name: quarter(UNITS, UNITS) for name in NAMES}
    x = quarter(5, ROWS, UNITS)
    np.savez(tmp_path / "w.npz", **{f"a.{name}.weight": w for name, w in weights.items()})
    np.save(tmp_path / "x.npy", x)
    run("prec-run", tmp_path / "net.mlir", "--format=f8e4m3fn", "--weights", tmp_path / "w.npz",
        "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy")
    expected = np.stack([attention(sample, weights) for sample in x])
    assert np.isfinite(expected).all() and len(np.unique(expected)) > 8
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)
