# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Matrix products whose products and sums are rounded to small floats or fixed point, stochastically, in one direction or to nearest, in NumPy.

Rounding, overflow and the words of stochastic rounding are written here again from docs/numerics.md; f64 has room for all of it.
"""
import json
import re

import numpy as np
import pytest
from test_random_words import C1, C2, h32, matmul, mix

ROWS, INNER, COLUMNS = 17, 24, 19  # large enough that operands are looked at
MODEL = matmul(ROWS, INNER, COLUMNS)
# name: fraction bits, exponent of the least normal number, largest number, what overflow becomes
FORMATS = {
    "e4m3": (3, -6, 240.0, np.inf),
    "e5m2": (2, -14, 57344.0, np.inf),
    "e5m10": (10, -14, 65504.0, np.inf),
    "f8e4m3fn": (3, -6, 448.0, np.nan),
    "f8e4m3fnuz": (3, -7, 240.0, np.nan),
    "f8e4m3fn-sat": (3, -6, 448.0, None),
    "f4e2m1fn": (1, 0, 6.0, None),
    "fixed<8,8>": (0, -8, 128 - 2.0**-8, None),  # steps of 2^least
    "fixed<4,12>": (0, -12, 8 - 2.0**-12, None),
}
# The same numbers by widths that are known when the code runs.
RUNTIME = {
    "e4m3": ("e?m?", [4, 3]),
    "e5m10": ("e?m?", [5, 10]),
    "fixed<8,8>": ("fixed<?,?>", [8, 8]),
    "fixed<4,12>": ("fixed<?/?>", [4, 16]),
}
# All values are rounded, or products and sums alone: then operands are f32.
FLAGS = {"all": lambda what: [f"--format={what[0]}", f"--rounding={what[1]}", "--granularity=elementary"],
         "sums": lambda what: [f"--round=@contraction.{role}={what[0]}:{what[1]}@elementary" for role in ("product", "accumulator")]}  # fmt: skip


def rounded(x, name, mode, words):
    """f64 numbers of f32; a word has 16 random bits, half-centred. The distance to the next number is compared, which f64 has exactly."""
    fraction, least, largest, beyond = FORMATS[name]
    infinite = np.isinf(x)
    sign = np.where(np.signbit(x), -1.0, 1.0)
    magnitude = np.abs(np.where(infinite, 0, x))
    quantum = np.ldexp(1.0, np.maximum(np.frexp(magnitude)[1] - 1, least) - fraction)
    if name.startswith("fixed"):
        quantum = np.ldexp(np.ones(x.shape), least)
    quantum = np.where(magnitude == 0, np.ldexp(1.0, least - fraction), quantum)
    whole = np.floor(magnitude / quantum)
    rest = magnitude / quantum - whole
    up = {
        "toward-zero": rest < 0,
        "away": rest > 0,
        "nearest-away": rest >= 0.5,
        "to-odd": (rest > 0) & (whole % 2 == 0),
        "nearest-even": (rest > 0.5) | ((rest == 0.5) & (whole % 2 == 1)),
        "up": (rest > 0) & (sign > 0),
        "down": (rest > 0) & (sign < 0),
        "stochastic": rest >= 1 - np.ldexp(2.0 * words + 1, -17),
    }[mode]
    result = (whole + up) * quantum
    if name.startswith("fixed"):  # two's complement, one zero
        return np.clip(np.where(np.isinf(x), x, sign * result), -largest - 2.0**least, largest) + 0.0
    stops = (sign < 0) if mode == "up" else (sign > 0) if mode == "down" else sign * 0 + (mode == "toward-zero")
    limit = np.where(stops, largest, largest if beyond is None else beyond)
    result = np.where(result > largest, limit, result)
    if beyond is None or (mode == "toward-zero" and np.isnan(beyond)):
        result = np.where(infinite, largest, result)
    else:
        result = np.where(infinite, beyond, result)
    return np.where(np.isnan(x), x, sign * result)


def product(a, b, name, mode, key):
    i, j = np.indices((ROWS, COLUMNS))
    total = np.zeros((ROWS, COLUMNS))
    for k in range(INNER):
        words = h32(key ^ C1, i * INNER + k) ^ h32(key ^ C2, k * COLUMNS + j)
        one = (a[:, k : k + 1] * b[k]).astype("f4").astype("f8")
        one = rounded(one, name, mode, words & 0xFFFF)
        total = rounded((total + one).astype("f4").astype("f8"), name, mode, words >> 16)
    return total


CASES = [("all", mode) for mode in ("stochastic", "toward-zero", "up", "down", "away", "nearest-even")]
CASES += [("sums", "stochastic"), ("sums", "toward-zero")]


FIXED = [("all", "nearest-away"), ("all", "to-odd"), ("sums", "nearest-away"), ("sums", "to-odd"), ("sums", "up")]


@pytest.mark.parametrize("name, what, mode", [(name, *case) for name in FORMATS for case in CASES + FIXED * name.startswith("fixed")])
def test_matmul(run, tmp_path, name, what, mode):
    """Ordinary numbers, products below the least normal number, sums or products that overflow."""
    check(run, tmp_path, name, what, mode, FLAGS[what]((name, mode)))


@pytest.mark.parametrize("mode", ["stochastic", "toward-zero", "up", "nearest-even"])
@pytest.mark.parametrize("name", RUNTIME)
def test_widths_at_run_time(run, tmp_path, name, mode):
    format, numbers = RUNTIME[name]
    names = [f"width{i}" for i in range(len(numbers))]
    rule = {"select": "*", "format": format, "parameters": names, "rounding": mode, "granularity": "elementary"}
    policy = tmp_path / "p.json"
    policy.write_text(json.dumps({"version": 1, "parameters": dict(zip(names, numbers)), "rules": [rule]}))
    check(run, tmp_path, name, "all", mode, [f"--policy={policy}"])


def check(run, tmp_path, name, what, mode, flags):
    model = tmp_path / "m.mlir"
    model.write_text(MODEL)
    random = np.random.default_rng(1)
    text = run("prec-opt", model, *flags).stdout
    sites = re.findall(r"at <\d+, key = (\d+),.*?op = \"(.*?)\", role = \"(.*?)\"", text)
    keys = {role if "." in op else op: mix(0, int(key), 0) for key, op, role in sites}
    seen = []
    for size in (1, 6, 2.0**-5, 150, 2.0**-12):
        a, b = (np.float32(random.standard_normal(s) * size) for s in ((ROWS, INNER), (INNER, COLUMNS)))
        a[:5] = abs(a[:5])
        b[:, :7] = abs(b[:, :7])
        np.save(tmp_path / "a.npy", a)
        np.save(tmp_path / "b.npy", b)
        run("prec-run", model, *flags, "--input", tmp_path / "a.npy", "--input", tmp_path / "b.npy",
            "--output", tmp_path / "c.npy", "--cache-dir", tmp_path / "cache")  # fmt: skip
        a, b = a.astype("f8"), b.astype("f8")
        if what == "all":
            words = [h32(keys[k], np.arange(x.size).reshape(x.shape)) & 0xFFFF for k, x in (("a", a), ("b", b))]
            a, b = rounded(a, name, mode, words[0]), rounded(b, name, mode, words[1])
        with np.errstate(invalid="ignore", over="ignore"):
            wanted = np.float32(product(a, b, name, mode, keys["accumulator"]))
        found = np.load(tmp_path / "c.npy")
        np.testing.assert_array_equal(found, wanted, str(size))  # NaNs alike
        assert (found.view("u4")[np.isnan(found)] == 0x7FC00000).all()
        seen.append(found)
    fraction, least, largest, beyond = FORMATS[name]
    assert any((0 < np.abs(found)).any() and (np.abs(found) < 2.0**least * 2).any() for found in seen)
    assert any((~(np.abs(found) < largest)).any() for found in seen)
