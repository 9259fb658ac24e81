# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions, forward and backward, rounded stochastically at elementary granularity: the fast
kernels, which read random words from tables, make the bits of the plain loops, which hash each.

The words themselves are held against their definition in test_random_words.py.
"""
import json

import numpy as np
import pytest

CONVS = {
    "padded": {"channels": 6, "kernel": 5, "padding": 2},
    "strided": {"channels": 8, "kernel": 3, "stride": 2, "padding": 1},
    "dilated": {"channels": 4, "kernel": 3, "dilation": 2},
    "grouped": {"channels": 8, "kernel": 3, "groups": 2},
}


@pytest.mark.parametrize("kind", ["operands", "counter"])
@pytest.mark.parametrize("name", CONVS)
def test_tables_change_no_bit(run, tmp_path, name, kind):
    net = {"version": 1, "name": "n", "input": [2, 9, 9], "layers": [
        {"type": "conv", "name": "first", "channels": 4, "kernel": 1},
        {"type": "conv", "name": "second", **CONVS[name]},
        {"type": "global-average-pool", "name": "p"}, {"type": "dense", "name": "d", "units": 3}]}
    (tmp_path / "net.json").write_text(json.dumps(net))
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", x=rng.standard_normal((12, 2, 9, 9)).astype(np.float32),
             y=(np.arange(12) % 3).astype(np.int32))
    found = []
    for loops in [], ["--plain-loops"]:
        run("prec-train", tmp_path / "net.json", f"--data={tmp_path / 'data.npz'}", "--steps=2",
            "--batch-size=12", "--eval-every=0", "--truncate-mantissa=5", "--rounding=stochastic",
            "--granularity=elementary", f"--random={kind}", "--no-cache", *loops,
            f"--save-weights={tmp_path / 'w.npz'}")
        with np.load(tmp_path / "w.npz") as arrays:
            found.append({key: arrays[key].view(np.uint32) for key in arrays.files})
    fast, plain = found
    assert fast.keys() == plain.keys() and len(fast) == 6
    for key in fast:
        np.testing.assert_array_equal(fast[key], plain[key])
