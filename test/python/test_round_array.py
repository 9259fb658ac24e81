# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""prec-run --round-array: every family against NumPy, ml_dtypes and gfloat; shapes, dtypes, codes."""
import format_reference as reference
import gfloat
import gfloat.formats
import ml_dtypes
import numpy as np
import pytest


@pytest.fixture
def rounded(run, tmp_path):
    """Rounds an array by the tool; the second output, if any, goes to scales.npy."""

    def call(x, *flags, check=True):
        np.save(tmp_path / "x.npy", x)
        done = run("prec-run", "--round-array", *flags, "--input", tmp_path / "x.npy",
                   "--output", tmp_path / "y.npy", check=check)  # fmt: skip
        return np.load(tmp_path / "y.npy") if done.returncode == 0 else done

    return call


def same(found, wanted):
    assert found.dtype == wanted.dtype and found.shape == wanted.shape
    word = f"u{found.dtype.itemsize}"
    differ = (found.view(word) != wanted.view(word)) & ~(np.isnan(found) & np.isnan(wanted))
    assert not differ.any(), (found[differ][:5], wanted[differ][:5], np.argwhere(differ)[:5])


def values(dtype="f4", shape=(7, 83), seed=0):
    """Rows of very different size with zeros, ties and repeated numbers in them."""
    random = np.random.default_rng(seed)
    x = random.standard_normal(shape) * 2.0 ** random.integers(-60, 60, (shape[0], 1))
    x[:, ::9] = np.ldexp(random.integers(-16, 16, x[:, ::9].shape), -3)
    x[0], x[1, :40] = 0, 0
    x[2] = np.ldexp(random.integers(-64, 64, shape[1]), -4)
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("name", reference.ELEMENTS)
def test_mx(name, dtype, rounded):
    x = values(dtype)
    same(rounded(x, f"--format={name}"), reference.mx(x, name))


@pytest.mark.parametrize("rule", ["floor", "ceil", "round", "even"])
@pytest.mark.parametrize("block", [1, 16, 83, 200])
def test_mx_rules_and_blocks(rule, block, rounded):
    x = values()
    for name, element in {"mxfp8e4m3": "e4m3fn", "mxfp4": "e2m1fn"}.items():
        wanted = reference.mx(x, name, block, rule)
        same(rounded(x, f"--format=mx<{element},{block},{rule}>"), wanted)


@pytest.mark.parametrize("bits, block, rule",
                         [(8, 32, "floor"), (2, 8, "floor"), (5, 16, "ceil"), (12, 83, "round"), (4, 16, "even")])  # fmt: skip
def test_block_floating_point(bits, block, rule, rounded):
    x = values()
    wanted = reference.block_floating_point(x, bits, block, rule)
    same(rounded(x, f"--format=bfp<{bits},{block},{rule}>"), wanted)
    if (bits, block) == (8, 32):
        same(rounded(x, "--format=mxint8"), wanted)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_nvfp4(dtype, rounded):
    for seed in range(3):
        x = np.random.default_rng(seed).standard_normal((5, 41)).astype(dtype)
        x[1] *= np.float32(1e-3)
        x[2] = 0
        same(rounded(x, "--format=nvfp4"), reference.nvfp4(x))


@pytest.mark.parametrize("bits, exponent", [(8, 4), (4, 2), (6, 3), (8, 3), (16, 5)])
def test_adaptivfloat(bits, exponent, rounded):
    for scale in (1, 1e-6, 3e5):
        x = (np.random.default_rng(5).standard_normal((9, 31)) * scale).astype("f4")
        wanted = reference.adaptivfloat(x, bits, exponent)
        same(rounded(x, f"--format=adaptivfloat<{bits},{exponent}>"), wanted)


def test_integers_by_maximum(rounded):
    x = np.random.default_rng(6).standard_normal(500).astype("f4")
    for bits in (2, 4, 8):
        found = rounded(x, f"--format=int{bits}<max>")
        scale, quotient = reference.integers_by_maximum(x, bits)
        codes = np.rint(found / scale)
        assert (found == (codes * scale).astype("f4")).all()
        assert (np.abs(codes - quotient) <= 0.5 + 1e-5).all()
        assert np.abs(codes).max() == 2 ** (bits - 1) - 1


def test_binary_mean(rounded):
    x = np.random.default_rng(7).standard_normal((3, 50))
    wanted = np.where(x < 0, -1.0, 1.0) * (np.add.accumulate(np.abs(x.ravel()))[-1] / x.size)
    same(rounded(x, "--format=binary<mean>"), wanted)


def test_special_values_in_blocks(rounded):
    x = np.ones((1, 96), "f4")
    x[0, 3], x[0, 40] = np.nan, np.inf
    found = rounded(x, "--format=mxfp4")
    assert np.isnan(found[0, :64]).all() and (found[0, 64:] == 1).all()
    same(rounded(np.zeros((2, 40), "f4"), "--format=mxfp8"), np.zeros((2, 40), "f4"))
    assert np.isnan(rounded(x, "--format=nvfp4")[0, :16]).all()
    same(rounded(np.array([np.nan, 1, -np.inf], "f4"), "--format=adaptivfloat<4,2>"),
         np.array([0, 1, -1.5], "f4"))  # fmt: skip


P3109 = [(k, p, s, d) for k in (3, 5, 8) for p in range(1, k) for s in "s" for d in "ef"] + [(8, 3, "u", "e"), (8, 4, "u", "f"), (6, 1, "u", "e")]  # fmt: skip
MODES = {
    "nearest-even": gfloat.RoundMode.TiesToEven,
    "toward-zero": gfloat.RoundMode.TowardZero,
    "up": gfloat.RoundMode.TowardPositive,
    "down": gfloat.RoundMode.TowardNegative,
    "nearest-away": gfloat.RoundMode.TiesToAway,
}


@pytest.mark.parametrize("k, p, signed, domain", P3109)
def test_p3109_equals_gfloat(k, p, signed, domain, rounded):
    signedness = gfloat.types.Signedness.Signed if signed == "s" else gfloat.types.Signedness.Unsigned
    extended = gfloat.Domain.Extended if domain == "e" else gfloat.Domain.Finite
    info = gfloat.formats.format_info_p3109(k, p, signedness, extended)
    numbers = np.array([gfloat.decode_float(info, code).fval for code in range(2**k)])
    numbers = np.unique(numbers[np.isfinite(numbers)])
    if abs(numbers).max() > 2.0**100:
        pytest.skip("beyond the range of f32's normal numbers")
    between = (numbers[1:] + numbers[:-1]) / 2
    x = np.concatenate([numbers, between, numbers * 1.01, [abs(numbers).max() * 1.4, 1e30]])
    x = np.concatenate([x, -x if signed == "s" else []]).astype("f4")
    x = np.concatenate([x, np.nextafter(x, np.float32(np.inf)), [0, np.nan, np.inf]]).astype("f4")
    for word, mode in MODES.items():
        wanted = [gfloat.round_float(info, float(v), mode) for v in x]
        if word == "toward-zero" and domain == "f":  # ours: infinity, too, stays finite
            wanted[-1] = numbers.max()
        same(rounded(x, f"--format=binary{k}p{p}{signed}{domain}", f"--rounding={word}"),
             np.array(wanted, "f4"))  # fmt: skip
    codes = rounded(x, f"--format=binary{k}p{p}{signed}{domain}", "--encode")
    numbers = rounded(x, f"--format=binary{k}p{p}{signed}{domain}")
    decoded = np.array([gfloat.decode_float(info, int(code)).fval for code in codes], "f4")
    same(numbers, decoded)


CODES = {
    "f16": np.float16, "bf16": ml_dtypes.bfloat16, "f8e5m2": ml_dtypes.float8_e5m2, "f8e4m3": ml_dtypes.float8_e4m3,
    "f8e4m3fn": ml_dtypes.float8_e4m3fn, "f8e4m3fnuz": ml_dtypes.float8_e4m3fnuz, "f8e3m4": ml_dtypes.float8_e3m4,
    "f8e5m2fnuz": ml_dtypes.float8_e5m2fnuz, "f8e4m3b11fnuz": ml_dtypes.float8_e4m3b11fnuz,
    "f8e8m0fnu": ml_dtypes.float8_e8m0fnu, "f6e2m3fn": ml_dtypes.float6_e2m3fn, "f6e3m2fn": ml_dtypes.float6_e3m2fn,
    "f4e2m1fn": ml_dtypes.float4_e2m1fn,
}  # fmt: skip


@pytest.mark.parametrize("name", CODES)
def test_codes_equal_ml_dtypes(name, rounded):
    x = np.concatenate([values(seed=1).ravel(), [0.0, 1.0, 6.0, 448.0, 3e38, 1e-40]]).astype("f4")
    x = x if name == "f8e8m0fnu" else np.concatenate([x, np.float32([-0.0, -2.5, np.inf, -np.inf])])
    if not CODES[name](0).dtype.itemsize > 1 and "fn" in name and name[1] in "46":
        x = x[np.isfinite(x)]
    with np.errstate(all="ignore"):
        wanted = x.astype(CODES[name])
    found = rounded(x, f"--format={name}", "--encode")
    assert found.dtype == f"u{wanted.itemsize}"
    isnan = np.isnan(wanted.astype("f4"))  # one NaN of ours, several of theirs
    assert (found == wanted.view(found.dtype))[~isnan].all()
    assert np.isnan(found.view(CODES[name])[isnan].astype("f4")).all()


def test_scales_of_mx(run, tmp_path):
    x = values(shape=(3, 70))
    np.save(tmp_path / "x.npy", x)
    run("prec-run", "--round-array", "--format=mxfp8", "--encode", "--input", tmp_path / "x.npy",
        "--output", tmp_path / "y.npy", "--output", tmp_path / "s.npy")  # fmt: skip
    codes, scales = np.load(tmp_path / "y.npy"), np.load(tmp_path / "s.npy").reshape(3, 3)
    scales = scales.astype("u1").view(ml_dtypes.float8_e8m0fnu).astype("f8")
    numbers = codes.view(ml_dtypes.float8_e4m3fn).astype("f8") * np.repeat(scales, 32, axis=1)[:, :70]
    same(numbers.astype("f4"), reference.mx(x, "mxfp8e4m3"))


def test_integer_codes(rounded):
    x = np.array([-200, -1, 0, 1.5, 2.5, 127, np.nan], "f4")
    assert (rounded(x, "--format=int8", "--encode").view("i1") == [-128, -1, 0, 2, 2, 127, 0]).all()
    x = np.array([-1, 3.26, 9], "f8")
    assert (rounded(x, "--format=fixed<3,2>", "--encode") == [0b11100, 13, 15]).all()


@pytest.mark.parametrize("x", [np.float32(2.7), np.zeros((0, 3)), np.asfortranarray(values("f8")), values(">f4"),
                               values("f8")[::2, ::3]])  # fmt: skip
def test_shapes_and_layouts(x, rounded):
    wanted = np.clip(np.rint(np.array(x, x.dtype.newbyteorder("="))), -128, 127) + 0
    same(rounded(x, "--format=int8"), np.asarray(wanted + np.zeros((), wanted.dtype)))


@pytest.mark.parametrize("x, flags, why", [
    (np.arange(3), ["--format=int8"], "has dtype i64; --round-array rounds f32 and f64"),
    (np.float16([1]), ["--format=int8"], "has dtype f16; --round-array rounds f32 and f64"),
    (values(), ["--format=fixed<0,0>"], "has 0 integer bits (the sign counts), expected 1..54"),
    (values(), ["--format=int32"], "has 32 bits and the sign, f32 carries at most 25"),
    (values(), [], "takes no model, one --input, one --output"),
    (values(), ["--format=mxfp4", "--output", "a", "--output", "b"], "takes no model, one --input"),
])  # fmt: skip
def test_refusals(x, flags, why, rounded):
    done = rounded(x, *flags, check=False)
    assert done.returncode == 1 and why in done.stderr


@pytest.mark.parametrize("flags", [["--format=m3", "--rounding=stochastic", "--seed=7", "--step=3"],
                                   ["--format=posit<8,1>", "--rounding=stochastic<20>"], ["--format=int8<0.3>"],
                                   ["--format=fixed<3,4>", "--rounding=stochastic-equal"], ["--truncate-mantissa=4"]])  # fmt: skip
def test_equals_a_compiled_function(flags, run, rounded, tmp_path):
    x = np.random.default_rng(8).standard_normal((13, 17)).astype("f4")
    (tmp_path / "round.mlir").write_text(
        "func.func @round(%x: tensor<13x17xf32>) -> tensor<13x17xf32> { return %x : tensor<13x17xf32> }")
    found = rounded(x, *flags)
    run("prec-run", tmp_path / "round.mlir", *flags, "--input", tmp_path / "x.npy", "--output", tmp_path / "z.npy")
    same(found, np.load(tmp_path / "z.npy"))
