# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""17 and more random bits at some steps, 16 and fewer at others: the words that docs/numerics.md defines for each number."""
import re

import numpy as np
import pytest
from test_random_words import C1, C2, COLUMNS, INNER, MODEL, ROWS, h32, mix, scramble
from test_schedule_numbers import write
from test_schedule_scales import FUNCTION

BITS = [5, 16, 17, 24, 32, 1]
SCHEDULE = {"list": BITS}


def stochastic(values, words, fraction, bits):
    """S-CENTRE in integers, for normal numbers: the first `bits` of 16, or of 32 where 16 are not enough."""
    d, half = 23 - fraction, 32 if bits > 16 else 16
    magnitude = np.asarray(values, "f4").view("u4").astype("u8")
    sign, magnitude = magnitude & 0x80000000, magnitude & 0x7FFFFFFF
    f = magnitude & ((1 << d) - 1)
    t = (np.asarray(words, "u8") & ((1 << half) - 1)) >> (half - bits)
    whole = f + (t >> (bits - d) if bits >= d else (t << (d - bits)) + (1 << (d - bits - 1)))
    return ((magnitude - f + np.where(whole >= 1 << d, 1 << d, 0).astype("u8")) | sign).astype("u4").view("f4")


@pytest.mark.parametrize("fraction", [2, 7, 20])
def test_of_tensors(run, tmp_path, fraction):
    flag = write(tmp_path / "p.json", {"select": "activation", "format": f"m{fraction}", "rounding": "stochastic<?/32>", "parameters": ["bits"]},
                 {"bits": SCHEDULE}, seed=9)  # fmt: skip
    (tmp_path / "f.mlir").write_text(FUNCTION.format(type="tensor<4096xf32>"))
    text = run("prec-opt", tmp_path / "f.mlir", flag).stdout
    (tmp_path / "rounded.mlir").write_text(text)
    (site,) = re.findall(r'prec.round .*"stochastic<\?/32>".*key = (-?\d+)', text)
    x = np.random.default_rng(2).uniform(1, 4, 4096).astype("f4") * np.where(np.arange(4096) % 3, 1, -1).astype("f4")
    np.save(tmp_path / "x.npy", x)
    seen = set()
    for step, bits in enumerate(BITS):
        want = stochastic(x + x, h32(mix(9, int(site) % 2**64, step), np.arange(4096)), fraction, bits)
        for file, flags in (("f", [flag]), ("rounded", ["--no-cache"])):  # the .mlir alone, too
            run("prec-run", tmp_path / f"{file}.mlir", *flags, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", f"--step={step}")
            assert np.load(tmp_path / "y.npy").tobytes() == want.tobytes(), bits
        seen.add(want.tobytes())
    assert len(seen) == len(BITS)


@pytest.mark.parametrize("kind", ["operands", "counter", "values"])
@pytest.mark.parametrize("loops", [[], ["--plain-loops"]], ids=str)
def test_of_a_matmul(run, tmp_path, kind, loops):
    """Up to 16 bits product and sum share a word, more are a word each."""
    fraction, seed = 3, 12
    rule = {"select": "*", "format": f"m{fraction}", "rounding": "stochastic<?/32>", "parameters": ["bits"], "granularity": "elementary"}
    flags = [write(tmp_path / "p.json", rule, {"bits": SCHEDULE}, seed=seed), f"--random={kind}"]
    (tmp_path / "m.mlir").write_text(MODEL)
    rng = np.random.default_rng(1)
    a, b = (rng.uniform(0.1, 1, s).astype("f4") for s in ((ROWS, INNER), (INNER, COLUMNS)))
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", b)
    text = run("prec-opt", tmp_path / "m.mlir", *flags).stdout
    sites = re.findall(r"at <\d+, key = (\d+),.*?op = \"(.*?)\", role = \"(.*?)\"", text)
    keys = {role if "." in op else op: int(key) for key, op, role in sites}
    i, j = np.indices((ROWS, COLUMNS))
    for step, bits in enumerate(BITS):
        key = {role: mix(seed, site, step) for role, site in keys.items()}
        place = lambda x: x.view("u4") if kind == "values" else np.arange(x.size).reshape(x.shape)
        R = lambda values, words: stochastic(values, words, fraction, bits)
        left, right = (R(x, h32(key[name], place(x))) for name, x in (("a", a), ("b", b)))

        def words(base, k):
            if kind == "counter":
                return h32(base, (i * COLUMNS + j) * INNER + k)
            return h32(base ^ C1, i * INNER + k) ^ h32(base ^ C2, k * COLUMNS + j)

        total = np.zeros((ROWS, COLUMNS), "f4")
        for k in range(INNER):
            product = left[:, k : k + 1] * right[k]
            if kind == "values":
                product = R(product, h32(key["product"], place(product)))
                total = R(total + product, h32(key["accumulator"], place(total + product)))
                continue
            first = words(key["accumulator"], k)
            second = words(scramble(key["accumulator"] ^ 1), k) if bits > 16 else first >> np.uint32(16)
            total = R(total + R(product, first), second)
        run("prec-run", tmp_path / "m.mlir", *flags, *loops, f"--step={step}", "--input", tmp_path / "a.npy",
            "--input", tmp_path / "b.npy", "--output", tmp_path / "c.npy")  # fmt: skip
        assert np.load(tmp_path / "c.npy").tobytes() == total.tobytes(), bits


def test_faults(run, tmp_path):
    for rounding, bits, message in [
        ("stochastic<?>", {"list": [4, 17]}, "is the number of random bits of stochastic<?>, expected values in 1..16, found 17; stochastic<?/32> has up to 32"),
        ("stochastic<?/32>", 33, "is the number of random bits of stochastic<?/32>, expected values in 1..32, found 33"),
        ("stochastic<?/32>", 0, "expected values in 1..32, found 0"),
        ("stochastic<?/24>", 7, "or '?' for 1..16 of them, known at run time, '?/32' for 1..32"),
    ]:  # fmt: skip
        flag = write(tmp_path / "p.json", {"select": "*", "format": "m3", "rounding": rounding, "parameters": ["b"]}, {"b": bits})
        done = run("prec-opt", flag, "--print-policy", check=False)
        assert done.returncode == 1 and message in done.stderr, done.stderr
        assert re.search(r"p\.json:\d+:\d+: /rules/0", done.stderr)
