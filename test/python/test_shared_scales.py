# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Formats with a shared scale in compiled code: every rounding equals NumPy's, in its place."""
import format_reference as reference
import numpy as np
import pytest

FORMATS = {
    **{name: (lambda x, name=name: reference.mx(x, name)) for name in reference.ELEMENTS},
    "mx<e4m3fn,16,even>": lambda x: reference.mx(x, "mxfp8e4m3", 16, "even"),
    "bfp<5,16,ceil>": lambda x: reference.block_floating_point(x, 5, 16, "ceil"),
    "mxint8": lambda x: reference.block_floating_point(x, 8, 32),
    "nvfp4": reference.nvfp4,
    "adaptivfloat<8,3>": lambda x: reference.adaptivfloat(x, 8, 3),
}


def scaled_int8(x):
    """Quotient and product in the carrier; no integer is -0."""
    scale = reference.integers_by_maximum(x, 8)[0]
    return np.rint(x / scale) * scale + x.dtype.type(0)


FORMATS["int8<max>"] = scaled_int8
TYPES = {"f4": "f32", "f8": "f64"}


def same(found, wanted):
    assert found.dtype == wanted.dtype and found.shape == wanted.shape
    assert found.tobytes() == wanted.tobytes(), np.argwhere(found != wanted)[:5]


@pytest.fixture
def call(run, tmp_path):
    def call(model, *arrays, flags=(), outputs=1):
        (tmp_path / "model.mlir").write_text(model)
        files = []
        for i, array in enumerate(arrays):
            np.save(tmp_path / f"in{i}.npy", array)
            files += ["--input", tmp_path / f"in{i}.npy"]
        for i in range(outputs):
            files += ["--output", tmp_path / f"out{i}.npy"]
        run("prec-run", tmp_path / "model.mlir", *files, *flags)
        return [np.load(tmp_path / f"out{i}.npy") for i in range(outputs)]

    return call


def arrays(shape, dtype, count=2):
    random = np.random.default_rng(1)
    return [(random.standard_normal(shape) * 3).astype(dtype) for _ in range(count)]


def sum_model(tensor, element):
    return f"""
      func.func @sum(%a: {tensor}, %b: {tensor}) -> {tensor} {{
        %sum = arith.addf %a, %b : {tensor}
        return %sum : {tensor}
      }}"""


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("shape, sizes", [((5, 70), "5x70x"), ((2, 3, 33), "?x3x?x"), ((40,), "?x"), ((), "")],
                         ids=str)  # fmt: skip
def test_sum(name, dtype, shape, sizes, call):
    rounded = FORMATS[name]
    a, b = arrays(shape, dtype)
    (found,) = call(sum_model(f"tensor<{sizes}{TYPES[dtype]}>", TYPES[dtype]), a, b,
                    flags=[f"--format={name}"])  # fmt: skip
    same(found, rounded((rounded(a) + rounded(b)).astype(dtype)))


MATMUL = """
  func.func @matmul(%x: tensor<6x64xf32> {prec.role = "input"},
                    %w: tensor<64x40xf32> {prec.role = "weight"}) -> tensor<6x40xf32> {
    %zero = arith.constant 0.0 : f32
    %empty = tensor.empty() : tensor<6x40xf32>
    %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<6x40xf32>) -> tensor<6x40xf32>
    %y = linalg.matmul ins(%x, %w : tensor<6x64xf32>, tensor<64x40xf32>)
                       outs(%init : tensor<6x40xf32>) -> tensor<6x40xf32>
    return %y : tensor<6x40xf32>
  }"""


def fma_matmul(x, w):
    """acc = fma(x, w, acc), ascending, by f64 rounded to f32.

    Exact before that rounding: x counts quarters below 4, w has at most 26 bits (two of an
    element, 24 of nvfp4's scale), so products are multiples of some q >= 2^-36 and so are all
    sums, which stay below 64 * 4 * 15 < 2^12: 48 bits and less.
    """
    acc = np.zeros((x.shape[0], w.shape[1]), "f4")
    for k in range(x.shape[1]):
        product = x[:, k : k + 1].astype("f8") * w[k].astype("f8")
        acc = (acc.astype("f8") + product).astype("f4")
    return acc


@pytest.mark.parametrize("name", ["mxfp4", "nvfp4", "mxint8"])
def test_rules_for_roles(name, call):
    """Weights in blocks, activations in a format of single elements."""
    x = (np.random.default_rng(2).integers(-16, 16, (6, 64)) / 4).astype("f4")
    (w,) = arrays((64, 40), "f4", 1)
    flags = [f"--round=weight={name}", "--round=input=keep", "--round=activation=keep"]
    (found,) = call(MATMUL, x, w, flags=flags)
    same(found, fma_matmul(x, FORMATS[name](w)))


LOOP = """
  func.func @loop(%x: tensor<3x40xf32>) -> tensor<3x40xf32> {
    %from = arith.constant 0 : index
    %to = arith.constant 3 : index
    %one = arith.constant 1 : index
    %y = scf.for %i = %from to %to step %one iter_args(%v = %x) -> tensor<3x40xf32> {
      %sum = arith.addf %v, %x : tensor<3x40xf32>
      scf.yield %sum : tensor<3x40xf32>
    }
    return %y : tensor<3x40xf32>
  }"""


@pytest.mark.parametrize("name", ["mxfp6e3m2", "int8<max>"])
def test_loop(name, call):
    """A loop's buffers: what is rounded in one iteration is the operand of the next."""
    rounded = FORMATS[name]
    (x,) = arrays((3, 40), "f4", 1)
    (found,) = call(LOOP, x, flags=[f"--format={name}"])
    x = y = rounded(x)
    for _ in range(3):
        y = rounded(y + x)
    same(found, y)


ROUND = """
  func.func @round(%x: tensor<5x70xf32>) -> tensor<5x70xf32> {
    return %x : tensor<5x70xf32>
  }"""


@pytest.mark.parametrize("mode", ["stochastic", "stochastic<8>", "toward-zero"])
@pytest.mark.parametrize("name", ["mxfp8e4m3", "nvfp4", "int8<max>"])
def test_words_are_those_of_the_array(name, mode, call, run, tmp_path):
    """The site of @round's argument is that of --round-array, so the words are the same."""
    (x,) = arrays((5, 70), "f4", 1)
    flags = [f"--format={name}", f"--rounding={mode}", "--seed=7", "--step=3"]
    (found,) = call(ROUND, x, flags=flags)
    np.save(tmp_path / "x.npy", x)
    run("prec-run", "--round-array", *flags, "--input", tmp_path / "x.npy",
        "--output", tmp_path / "y.npy")  # fmt: skip
    same(found, np.load(tmp_path / "y.npy"))
    if mode.startswith("stochastic"):
        (other,) = call(ROUND, x, flags=[*flags[:-1], "--step=4"])
        assert (found != other).any()


def test_special_values(call):
    """A NaN spoils its block only; an empty tensor has no scale."""
    x = np.ones((2, 64), "f4")
    x[0, 3], x[1, 40] = np.nan, np.inf
    (found,) = call(ROUND.replace("5x70", "2x64"), x, flags=["--format=mxfp4"])
    assert np.isnan(found[0, :32]).all() and (found[0, 32:] == 1).all()
    assert (found[1, :32] == 1).all() and np.isnan(found[1, 32:]).all()
    empty = np.zeros((0, 64), "f4")
    (found,) = call(ROUND.replace("5x70", "?x64"), empty, flags=["--format=mxfp4"])
    same(found, empty)
