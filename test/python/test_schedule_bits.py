# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The bits of integers and fixed point, and both numbers of IEEE P3109's floats, as functions of the step: against exact numbers and
gfloat, and against the written formats."""
import gfloat
import gfloat.formats
import numpy as np
import pytest
from test_schedule_numbers import write
from test_schedule_scales import FUNCTION, affine, inputs
from test_summation import MATMUL, evaluate

f32 = np.float32


def rounded(run, folder, flags, step, x):
    """By the compiled function, by its printed text alone, and by the array tool, which rounds x itself."""
    np.save(folder / "x.npy", x)
    np.save(folder / "xx.npy", x + x)
    results = []
    for name, more in [("f.mlir", flags), ("rounded.mlir", ["--no-cache"])]:
        run("prec-run", folder / name, *more, "--input", folder / "x.npy", "--output", folder / "y.npy", f"--step={step}")
        results.append(np.load(folder / "y.npy"))
    flags = [flag.replace("p.json", "all.json") for flag in flags]
    run("prec-run", "--round-array", *flags, "--input", folder / "xx.npy", "--output", folder / "z.npy", f"--step={step}")
    results.append(np.load(folder / "z.npy"))
    assert len({each.tobytes() for each in results}) == 1, step
    return results[0]


def prepare(run, folder, type, rule, parameters):
    """A sum whose result is rounded; the policy, and one for the array tool."""
    write(folder / "all.json", rule | {"select": "*"}, parameters)
    flag = write(folder / "p.json", rule | {"select": "activation"}, parameters)
    (folder / "f.mlir").write_text(FUNCTION.format(type=type))
    (folder / "rounded.mlir").write_text(run("prec-opt", folder / "f.mlir", flag).stdout)
    return [flag]


BITS = [8, 4, 1, 12, 2, 16]
INTEGERS = {
    "int?": lambda n, s, z: (1, 0, -(2 ** (n - 1)), 2 ** (n - 1) - 1),
    "uint?<?>": lambda n, s, z: (s, 0, 0, 2**n - 1),
    "int?<?,?>": lambda n, s, z: (s, z, -(2 ** (n - 1)), 2 ** (n - 1) - 1),
    "int?<0.3>-sym": lambda n, s, z: (0.3, 0, 1 - 2 ** (n - 1), 2 ** (n - 1) - 1),
    "int?<2^?>": lambda n, s, z: (2.0**z, 0, -(2 ** (n - 1)), 2 ** (n - 1) - 1),
}


@pytest.mark.parametrize("element, dtype", [("f32", "f4"), ("f64", "f8")])
@pytest.mark.parametrize("format", INTEGERS)
def test_bits_of_integers(run, tmp_path, format, element, dtype):
    bits = [n + 2 * (n == 1) for n in BITS] if "sym" in format else BITS
    scales, zeros = [0.1, 1 / 3, 7.3, 0.25, 2.0**-9, 0.7], [3, -2, 0, 10, 1, -7]
    names = ["n"] + ["s"] * ("<?" in format) + ["z"] * ("?,?" in format or "2^?" in format)
    parameters = {name: {"list": values} for name, values in (("n", bits), ("s", scales), ("z", zeros)) if name in names}
    flags = prepare(run, tmp_path, f"tensor<512x{element}>", {"format": format, "parameters": names}, parameters)
    x, seen = inputs(512, dtype), set()
    for step, (n, s, z) in enumerate(zip(bits, scales, zeros)):
        scale, zero, low, high = INTEGERS[format](n, s, z)
        with np.errstate(over="ignore"):
            want = affine(x + x, scale, zero, low, high)
        got = rounded(run, tmp_path, flags, step, x)
        assert got.tobytes() == want.tobytes(), (n, s, z)
        seen.add(want.tobytes())
    assert len(seen) == len(bits)


@pytest.mark.parametrize("sign", ["", "u"])
def test_place_and_bits_of_fixed_point(run, tmp_path, sign):
    """Each of N bits counts 2^(IL-N), also where the point is outside of them."""
    whole, bits = [4, -3, 20, 1, 0], [8, 6, 9, 24, 3]
    flags = prepare(run, tmp_path, "tensor<512xf32>", {"format": f"{sign}fixed<?/?>", "parameters": ["i", "n"]},
                    {"i": {"list": whole}, "n": {"list": bits}})  # fmt: skip
    x = inputs(512, "f4")
    for step, (i, n) in enumerate(zip(whole, bits)):
        unit, end = 2.0 ** (i - n), 2.0 ** (n - (not sign))
        with np.errstate(over="ignore"):
            want = np.clip(np.rint((x + x).astype("f8") / unit), 0 if sign else -end, end - 1) * unit
        assert np.array_equal(rounded(run, tmp_path, flags, step, x), want), (i, n)


MODES = {"nearest-even": gfloat.RoundMode.TiesToEven, "toward-zero": gfloat.RoundMode.TowardZero, "up": gfloat.RoundMode.TowardPositive}


def p3109(k, p, signed, domain):
    signedness = gfloat.types.Signedness.Signed if signed == "s" else gfloat.types.Signedness.Unsigned
    extended = gfloat.types.Domain.Extended if domain == "e" else gfloat.types.Domain.Finite
    return gfloat.formats.format_info_p3109(k, p, signedness, extended)


def by_gfloat(format, values, mode):
    """With its NaN as ours."""
    with np.errstate(all="ignore"):
        out = gfloat.round_ndarray(format, np.asarray(values, "f8"), MODES[mode], sat=False)
    return np.where(np.isnan(out), np.nan, out).astype("f4")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("signed, domain", [("s", "e"), ("s", "f"), ("u", "e")])
def test_p3109(run, tmp_path, signed, domain, mode):
    widths, precisions = [8, 8, 6, 8, 5, 12], [3, 1 if signed == "s" else 2, 4, 5, 2, 7]
    flags = prepare(run, tmp_path, "tensor<600xf32>", {"format": f"binary?p?{signed}{domain}", "parameters": ["k", "p"], "rounding": mode},
                    {"k": {"list": widths}, "p": {"list": precisions}})  # fmt: skip
    rng = np.random.default_rng(3)
    x = (rng.uniform(-1, 1, 600) * 2.0 ** rng.integers(-20, 12, 600)).astype("f4")
    x = np.abs(x) if signed == "u" else x
    for step, (k, p) in enumerate(zip(widths, precisions)):
        want = by_gfloat(p3109(k, p, signed, domain), x + x, mode)
        got = rounded(run, tmp_path, flags, step, x)
        assert np.array_equal(got, want, equal_nan=True), (k, p)


@pytest.mark.parametrize("format, names", [("binary8p?se", "p"), ("binary?p3se", "k")])
def test_p3109_in_sums(run, tmp_path, format, names):
    """Each product and each sum of a matmul, by gfloat in the carrier's order."""
    numbers = [4, 3, 6] if names == "p" else [8, 6, 10]
    flag = write(tmp_path / "p.json", {"select": "@contraction & (product | accumulator)", "format": format, "parameters": [names],
                                       "granularity": "elementary"}, {names: {"list": numbers}})  # fmt: skip
    rng = np.random.default_rng(4)
    a, b, c = (rng.normal(0, 1, shape).astype("f4") for shape in [(3, 7), (7, 5), (3, 5)])
    for step, number in enumerate(numbers):
        k, p = (8, number) if names == "p" else (number, 3)
        R = lambda values: by_gfloat(p3109(k, p, "s", "e"), values, "nearest-even")
        total = c
        for i in range(7):
            total = R(total + R(a[:, i : i + 1] * b[i]))
        got = evaluate(run, tmp_path, MATMUL.format(k=7), [flag, f"--step={step}"], a=a, b=b, c=c)
        assert got.tobytes() == total.tobytes(), number


WRITTEN = [
    ("int?", "int{0}", [[8], [3], [24]]),
    ("uint?<0.3,2>", "uint{0}<0.3,2>", [[4], [9]]),
    ("int?<?>", "int{0}<{1}>", [[8, 0.1], [5, 1.7]]),
    ("int?<?,?>-sym", "int{0}<{1},{2}>-sym", [[8, 0.1, 3], [5, 1.7, -2]]),
    ("binary?p?se", "binary{0}p{1}se", [[8, 3], [6, 1], [10, 4]]),
    ("binary?p?uf", "binary{0}p{1}uf", [[8, 3], [6, 6]]),
    ("binary8p?sf-sat", "binary8p{0}sf-sat", [[3], [5]]),
    ("fixed<?/?>", "fixed<{0},{1}>", [[4, 6], [1, 9]]),
    ("int?<max>", "int{0}<max>", [[8], [4], [2]]),
    ("e?m?-ftz", "e{0}m{1}-ftz", [[4, 3], [5, 2], [2, 1]]),
    ("e5m?-nosub", "e5m{0}-nosub", [[3], [0]]),
    ("fixed<?,?>-wrap", "fixed<{0},{1}>-wrap", [[4, 6], [1, 9]]),
    ("int?<2^?>-wrap", "int{0}<{1}>-wrap", [[8, 0.25], [5, 0.5]]),
]  # fmt: skip


def own_numbers(format, row):
    """What the parameters are: exponents of scales, all bits."""
    if "2^?" in format:
        return [row[0], int(np.log2(row[1]))]
    return [row[0], row[0] + row[1]] if "?/?" in format else row


@pytest.mark.parametrize("rounding", ["nearest-even", "away", "stochastic<?>", "stochastic<?/32>"])
@pytest.mark.parametrize("format, written, rows", WRITTEN)
def test_as_written(run, tmp_path, format, written, rows, rounding):
    """Arrays, results of operations, and products and sums inside of them: the bits of the format with the step's numbers."""
    count = format.count("?")
    random = {"bits": {"list": [3, 16, 27] if "32" in rounding else [3, 16, 9]}} if "?" in rounding else {}
    names = [f"p{i}" for i in range(count)] + list(random)
    values = [own_numbers(format, row) for row in rows]
    parameters = {f"p{i}": {"list": [row[i] for row in values]} for i in range(count)} | random
    np.save(tmp_path / "x.npy", inputs(420, "f4", 8).reshape(6, 70))
    rng = np.random.default_rng(5)
    a, b, c = (rng.normal(0, 1, shape).astype("f4") for shape in [(3, 9), (9, 5), (3, 5)])
    (tmp_path / "f.mlir").write_text(FUNCTION.format(type="tensor<6x70xf32>"))
    isShared = "max" in format
    for granularity in ["op"] if isShared else ["op", "elementary"]:
        rule = {"select": "*", "format": format, "rounding": rounding, "parameters": names, "granularity": granularity}
        flag = write(tmp_path / "p.json", rule, parameters, seed=4)
        results = set()
        for step, row in enumerate(rows):
            mode = rounding
            if random:
                mode = f"stochastic<{random['bits']['list'][step]}>"
            found = []
            for flags in [flag], [f"--round=*={written.format(*row)}:{mode}@{granularity}", "--seed=4"]:
                run("prec-run", tmp_path / "f.mlir", *flags, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", f"--step={step}")
                run("prec-run", "--round-array", *flags, "--input", tmp_path / "x.npy", "--output", tmp_path / "z.npy", f"--step={step}")
                product = evaluate(run, tmp_path, MATMUL.format(k=9), [*flags, f"--step={step}"], a=a, b=b, c=c)
                found.append([np.load(tmp_path / "y.npy").tobytes(), np.load(tmp_path / "z.npy").tobytes(), product.tobytes()])
            assert found[0] == found[1], (row, granularity)
            results.add(found[0][0])
        assert len(results) == len(rows)


@pytest.mark.parametrize("format, written, rows", [case for case in WRITTEN if "max" not in case[0] and "0.3" not in case[0] and "<?" not in case[0].removeprefix("fixed")])
def test_as_written_in_the_carrier_f64(run, tmp_path, format, written, rows):
    row = rows[-1]
    names = [f"p{i}" for i in range(format.count("?"))]
    flag = write(tmp_path / "p.json", {"select": "*", "format": format, "parameters": names, "granularity": "elementary"}, dict(zip(names, own_numbers(format, row))))
    rng = np.random.default_rng(6)
    arrays = {name: rng.normal(0, 1, shape).astype("f4") for name, shape in (("a", (3, 9)), ("b", (9, 5)), ("c", (3, 5)))}
    found = [evaluate(run, tmp_path, MATMUL.format(k=9), ["--carrier=f64", each], **arrays) for each in (flag, f"--round=*={written.format(*row)}@elementary")]
    assert found[0].tobytes() == found[1].tobytes() and found[0].any()


def test_what_does_not_fit(run, tmp_path):
    """Numbers of a step that the carrier cannot hold are an error at the value that is rounded."""
    (tmp_path / "f.mlir").write_text(FUNCTION.format(type="tensor<4xf32>"))
    for format, parameters, message in [
        ("int?<?>", {"n": {"list": [8, 18]}, "s": 0.1}, "format 'int?<?>' has 18 bits, f32 carries at most 17 (step 1)"),
        ("uint?<0.3>", {"n": 17}, "format 'uint?<0.3>' has 17 bits, f32 carries at most 16 (step 0)"),
        ("int?<?>", {"n": {"sweep": [8, 9, 18]}, "s": 0.1}, "format 'int?<?>' has 18 bits, f32 carries at most 17"),
        ("int?", {"n": {"linear": [[0, 4], [9, 26]]}}, "format 'int?' has 26 bits, f32 carries at most 25 (step 9)"),
        ("fixed<?/?>", {"i": -3, "n": 26}, "format 'fixed<?/?>' has 26 bits, f32 carries at most 25 (step 0)"),
        ("int?<1e-30>", {"n": 8}, "has a step that is near the ends of the normal numbers of f32"),
        ("uint?<1,9>", {"n": {"list": [4, 3]}}, "format 'uint3<1,9>' has the zero point 9, expected a code, 0..7 (step 1)"),
        ("binary?p3se", {"k": {"list": [8, 11]}}, "format 'binary11p3se' has numbers below the normal numbers of f32 (step 1)"),
        ("binary8p?se", {"p": {"list": [3, 8]}}, "format 'binary8p8se' has 8 bits of precision, expected 1..7 (step 1)"),
    ]:  # fmt: skip
        flag = write(tmp_path / "p.json", {"select": "activation", "format": format, "parameters": list(parameters)}, parameters)
        done = run("prec-opt", tmp_path / "f.mlir", flag, check=False)
        assert done.returncode == 1 and message in done.stderr and "f.mlir:2:" in done.stderr, done.stderr
    for format, bits in ("int?<0.1>", 17), ("uint?<0.3>", 16), ("int?", 25), ("uint?", 24), ("uint?<1,9>", 24), ("fixed<?/?>", 25), ("ufixed<?/?>", 24):
        names = ["n"] if "int" in format else ["i", "n"]
        flag = write(tmp_path / "p.json", {"select": "activation", "format": format, "parameters": names}, {"i": 3, "n": bits})
        run("prec-opt", tmp_path / "f.mlir", flag, "-o", "/dev/null")
