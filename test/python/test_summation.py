# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Orders of summation (docs/numerics.md, O-*) against scalar loops in NumPy, bit for bit."""
import json
import re
from functools import partial

import numpy as np
import numpy_reference as reference
import pytest
import test_random_words as words
from reduced_model import bits

f32 = np.float32
same = lambda value: value
bf16 = partial(reference.nearest_even, fraction=7)
m3 = partial(reference.toward_zero, fraction=3)
m18 = partial(reference.toward_zero, fraction=18)


def sequential(terms, start, R, fused):
    """O-SEQUENTIAL"""
    total = start
    for a, b, P in terms:
        total = R(reference.fma(a, b, total)) if fused else R(total + P(a * b))
    return total


def blocked(terms, start, R, fused, size, between):
    """O-BLOCKED"""
    total = start
    for first in range(0, len(terms), size):
        block = sequential(terms[first : first + size], f32(0), R, fused)
        total = between(total + block)
    return total


def kahan(terms, start, R):
    """O-KAHAN"""
    total, compensation = start, f32(0)
    for a, b, P in terms:
        y = R(P(a * b) - compensation)
        t = R(total + y)
        compensation = R(R(t - total) - y)
        total = t
    return total


def pairwise(terms, start, R):
    """O-PAIRWISE: neighbours level by level, an odd one goes up as it is."""
    level = [P(a * b) for a, b, P in terms]
    while len(level) > 1:
        level = [R(sum(level[i : i + 2][1:], level[i])) if i + 1 < len(level) else level[i]
                 for i in range(0, len(level), 2)]  # fmt: skip
    return R(start + level[0]) if level else start


def expected(order, terms, start, R, fused):
    if order.startswith("blocked"):
        size, _, between = order[8:-1].partition(",")
        return blocked(terms, start, R, fused, int(size), bf16 if between else R)
    if order == "sequential":
        return sequential(terms, start, R, fused)
    return {"kahan": kahan, "pairwise": pairwise}[order](terms, start, R)


MATMUL = """
func.func @f(%a: tensor<3x{k}xf32>, %b: tensor<{k}x5xf32>, %c: tensor<3x5xf32>) -> tensor<3x5xf32> {{
  %r = linalg.matmul ins(%a, %b : tensor<3x{k}xf32>, tensor<{k}x5xf32>) outs(%c : tensor<3x5xf32>) -> tensor<3x5xf32>
  return %r : tensor<3x5xf32>
}}"""
ROUNDING = {
    "none": (same, same, []),
    "accumulator": (same, m18, ["--round=accumulator=m18:toward-zero"]),
    "product": (m3, same, ["--round=product=m3:toward-zero"]),
    "both": (m3, bf16, ["--round=product=m3:toward-zero", "--round=accumulator=bf16"]),
}
ORDERS = ["sequential", "pairwise", "kahan", "blocked<1>", "blocked<4>", "blocked<7,bf16>", "blocked<8,bf16>", "blocked<64>"]


def evaluate(run, folder, model, flags, **arrays):
    (folder / "model.mlir").write_text(model)
    inputs = []
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
        inputs += ["--input", folder / f"{name}.npy"]
    run("prec-run", folder / "model.mlir", *inputs, *flags, "--output", folder / "out.npy")
    return np.load(folder / "out.npy")


def values(rng, *shape):
    """Magnitudes that differ, so that orders and fusing show."""
    return (rng.normal(0, 1, shape) * 10.0 ** rng.integers(-3, 3, shape)).astype("f4")


@pytest.mark.parametrize("rounding", ROUNDING)
@pytest.mark.parametrize("order", ORDERS)
def test_matmul(run, tmp_path, order, rounding):
    loops = ["--plain-loops"] if rounding == "both" else []
    P, R, flags = ROUNDING[rounding]
    rng = np.random.default_rng(0)
    a, b, c = values(rng, 3, 21), values(rng, 21, 5), values(rng, 3, 5)
    seen = {}
    for kind in ("", ":separate", ":fused"):
        can_fuse = P is same and order not in ("pairwise", "kahan")
        if kind == ":fused" and not can_fuse:
            continue
        fused = {"": can_fuse and R is same, ":separate": False, ":fused": True}[kind]
        got = evaluate(run, tmp_path, MATMUL.format(k=21), [*flags, *loops, f"--sum={order}{kind}"], a=a, b=b, c=c)
        for i in range(3):
            for j in range(5):
                want = expected(order, [(*ab, P) for ab in zip(a[i], b[:, j])], c[i, j], R, fused)
                assert bits(got[i, j]) == bits(want), (kind, i, j, got[i, j], want)
        seen[kind] = got.tobytes()
    if rounding == "none" and order in ("sequential", "blocked<4>"):
        assert seen[":fused"] != seen[":separate"]


@pytest.mark.parametrize("length", [0, 1, 4, 7, 8, 9, 16, 27, 64, 101])
@pytest.mark.parametrize("order", ORDERS)
def test_lengths(run, tmp_path, order, length):
    """No element, one, a power of two, one more; sizes known and not."""
    rng = np.random.default_rng(length)
    a, b, c = values(rng, 3, length), values(rng, length, 5), values(rng, 3, 5)
    fused = order.startswith(("seq", "blo"))
    want = [[expected(order, [(*ab, same) for ab in zip(a[i], b[:, j])], c[i, j], same, fused) for j in range(5)] for i in range(3)]
    for k in (length, "?"):
        got = evaluate(run, tmp_path, MATMUL.format(k=k), [f"--sum={order}"], a=a, b=b, c=c)
        assert got.tobytes() == np.array(want, "f4").tobytes()


@pytest.mark.parametrize("order", ["pairwise", "kahan", "blocked<8>"])
@pytest.mark.parametrize(
    "format, numbers, mode",
    [(*three, mode) for three in [("m3", []), ("m?", [3]), ("e?m?", [8, 3])] for mode in ("toward-zero", "nearest-even")]
    + [(*half, "nearest-even") for half in [("e?m?", [5, 10]), ("e5m10", [])]],
)  # NumPy rounds to float16 in one mode only
def test_what_is_not_finite(run, tmp_path, order, mode, format, numbers):
    """NaNs of any bits, infinities and sums that overflow, each sum and product rounded: NaNs are the canonical one.
    Widths may be known at run time only."""
    is_half = format == "e5m10" or numbers == [5, 10]
    rng = np.random.default_rng(3)
    a, b, c = values(rng, 3, 37), values(rng, 37, 5), values(rng, 3, 5)
    a[0, 3], a[1, 30] = np.array([0xFF800001], "u4").view("f4")[0], np.inf
    a[2, ::3], b[::2, 1], c[1, 2] = 3e38, np.inf, np.nan
    number = (lambda x: f32(np.float16(x))) if is_half else partial(getattr(reference, mode.replace("-", "_")), fraction=3)
    R = lambda value: f32(np.nan) if np.isnan(value) else number(value)
    names = [f"p{i}" for i in range(len(numbers))]
    rule = {"select": "*", "format": format, "rounding": mode, "granularity": "elementary"} | ({"parameters": names} if names else {})
    (tmp_path / "policy.json").write_text(json.dumps({"version": 1, "parameters": dict(zip(names, numbers)), "rules": [rule]}))
    flags = [f"--policy={tmp_path / 'policy.json'}", f"--sum={order}"]
    got = evaluate(run, tmp_path, MATMUL.format(k=37), flags, a=a, b=b, c=c)
    with np.errstate(over="ignore", invalid="ignore"):
        a, b, c = (np.array([R(x) for x in v.ravel()], "f4").reshape(v.shape) for v in (a, b, c))
        want = [[expected(order, [(*ab, R) for ab in zip(a[i], b[:, j])], c[i, j], R, False) for j in range(5)] for i in range(3)]
    np.testing.assert_array_equal(got, np.array(want, "f4"))
    assert np.isnan(got).any() and (order == "kahan" or np.isinf(got).any())
    assert (got.view("u4")[np.isnan(got)] == 0x7FC00000).all()


def test_words_of_products(run, tmp_path):
    """A stochastic product takes its element's word in a tree, too."""
    rng = np.random.default_rng(4)
    a, b, c = (rng.uniform(0.1, 1, s).astype("f4") for s in ((3, 29), (29, 5), (3, 5)))
    flags = ["--round=product=m3:stochastic", "--sum=pairwise"]
    got = evaluate(run, tmp_path, MATMUL.format(k=29), flags, a=a, b=b, c=c)
    text = run("prec-opt", tmp_path / "model.mlir", *flags).stdout
    key = words.mix(0, int(re.search(r"prec.key .*? of (\d+)", text)[1]), 0)
    for i, j in np.ndindex(3, 5):
        k = np.arange(29)
        word = words.h32(key ^ words.C1, i * 29 + k) ^ words.h32(key ^ words.C2, k * 5 + j)
        products = words.rounded(a[i] * b[:, j], word)
        want = expected("pairwise", [(p, f32(1), same) for p in products], c[i, j], same, False)
        assert bits(got[i, j]) == bits(want)


SUM = """
func.func @f(%a: tensor<4x37xf32>, %c: tensor<4xf32>) -> tensor<4xf32> {
  %r = linalg.reduce {arith.addf} ins(%a : tensor<4x37xf32>) outs(%c : tensor<4xf32>) dimensions = [1]
  return %r : tensor<4xf32>
}"""


@pytest.mark.parametrize("rounding", [([], same), (["--round=accumulator=bf16"], bf16)], ids=["none", "bf16"])
@pytest.mark.parametrize("order", ORDERS)
def test_sum_of_rows(run, tmp_path, order, rounding):
    flags, R = rounding
    rng = np.random.default_rng(1)
    a, c = values(rng, 4, 37), values(rng, 4)
    got = evaluate(run, tmp_path, SUM, [*flags, f"--sum={order}"], a=a, c=c)
    for i in range(4):
        want = expected(order, [(x, f32(1), same) for x in a[i]], c[i], R, False)
        assert bits(got[i]) == bits(want)


CONV = """
func.func @f(%a: tensor<1x2x5x5xf32>, %b: tensor<3x2x3x3xf32>, %c: tensor<1x3x3x3xf32>) -> tensor<1x3x3x3xf32> {
  %r = linalg.conv_2d_nchw_fchw {prec.scope = "conv"} ins(%a, %b : tensor<1x2x5x5xf32>, tensor<3x2x3x3xf32>)
      outs(%c : tensor<1x3x3x3xf32>) -> tensor<1x3x3x3xf32>
  return %r : tensor<1x3x3x3xf32>
}"""
DOT = """
func.func @f(%a: tensor<37xf32>, %b: tensor<37xf32>, %c: tensor<f32>) -> tensor<f32> {
  %r = linalg.dot ins(%a, %b : tensor<37xf32>, tensor<37xf32>) outs(%c : tensor<f32>) -> tensor<f32>
  return %r : tensor<f32>
}"""


@pytest.mark.parametrize("order", ORDERS)
def test_convolution_and_dot(run, tmp_path, order):
    """Several reduction dimensions are one, row-major; a rule may choose by scope."""
    rng = np.random.default_rng(2)
    a, b, c = values(rng, 1, 2, 5, 5), values(rng, 3, 2, 3, 3), values(rng, 1, 3, 3, 3)
    got = evaluate(run, tmp_path, CONV, ["--round=conv.accumulator=bf16", f"--sum=conv & @contraction={order}"], a=a, b=b, c=c)
    for o, y, x in np.ndindex(3, 3, 3):
        terms = [(p, q, same) for p, q in zip(a[0, :, y : y + 3, x : x + 3].ravel(), b[o].ravel())]
        assert bits(got[0, o, y, x]) == bits(expected(order, terms, c[0, o, y, x], bf16, False))
    a, b, c = values(rng, 37), values(rng, 37), values(rng)
    got = evaluate(run, tmp_path, DOT, [f"--sum={order}"], a=a, b=b, c=c)
    fused = order.startswith(("seq", "blo"))
    assert bits(got) == bits(expected(order, [(*ab, same) for ab in zip(a, b)], c[()], same, fused))


def test_the_rounded_module_alone_reproduces_the_run(run, tmp_path):
    rng = np.random.default_rng(3)
    arrays = dict(a=values(rng, 3, 21), b=values(rng, 21, 5), c=values(rng, 3, 5))
    flags = ["--sum=blocked<4,bf16>", "--round=product=m3:stochastic", "--seed=5"]
    model = MATMUL.format(k=21)
    direct = evaluate(run, tmp_path, model, flags, **arrays)
    (tmp_path / "plain.mlir").write_text(model)
    rounded = run("prec-opt", tmp_path / "plain.mlir", *flags).stdout
    again = evaluate(run, tmp_path, rounded, [], **arrays)
    assert direct.tobytes() == again.tobytes()
