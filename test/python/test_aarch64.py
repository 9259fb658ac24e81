# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The same bits on another architecture: code for aarch64 under user-mode emulation."""
import re
import shutil
import subprocess

import numpy as np
import pytest
from conftest import LLVM_BIN, SOURCE

pytestmark = pytest.mark.skipif(
    not shutil.which("qemu-aarch64"), reason="no qemu-aarch64 (scripts/test-packages.sh)"
)
M, K, N = 37, 29, 53
PRODUCT = f"""
func.func @f(%a: tensor<{M}x{K}xf32>, %b: tensor<{K}x{N}xf32>) -> tensor<{M}x{N}xf32>
    attributes {{prec.scope = "dense"}} {{
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<{M}x{N}xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<{M}x{N}xf32>) -> tensor<{M}x{N}xf32>
  %c = linalg.matmul ins(%a, %b : tensor<{M}x{K}xf32>, tensor<{K}x{N}xf32>)
                     outs(%start : tensor<{M}x{N}xf32>) -> tensor<{M}x{N}xf32>
  return %c : tensor<{M}x{N}xf32>
}}
"""
# Functions of a first product's elements, and the sums of what they give.
FUNCTIONS = ["exp", "log1p", "tanh", "erf", "sqrt", "sin", "atan", "cbrt", "expm1", "rsqrt"]
MATH = f"""
func.func @f(%a: tensor<{M}x{K}xf32>, %b: tensor<{K}x{N}xf32>) -> tensor<{M}x{len(FUNCTIONS)}xf32>
    attributes {{prec.scope = "functions"}} {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<{M}x{len(FUNCTIONS)}xf32>
  %start = linalg.fill ins(%zero : f32) outs(%e : tensor<{M}x{len(FUNCTIONS)}xf32>)
      -> tensor<{M}x{len(FUNCTIONS)}xf32>
""" + "".join(f"""
  %e{i} = tensor.empty() : tensor<{M}x{K}xf32>
  %r{i} = linalg.map {{ math.{name} }} ins(%a : tensor<{M}x{K}xf32>) outs(%e{i} : tensor<{M}x{K}xf32>)
  %es{i} = tensor.empty() : tensor<{M}xf32>
  %f{i} = linalg.fill ins(%zero : f32) outs(%es{i} : tensor<{M}xf32>) -> tensor<{M}xf32>
  %s{i} = linalg.reduce {{ arith.addf }} ins(%r{i} : tensor<{M}x{K}xf32>) outs(%f{i} : tensor<{M}xf32>)
      dimensions = [1]
  %x{i} = tensor.expand_shape %s{i} [[0, 1]] output_shape [{M}, 1] : tensor<{M}xf32> into tensor<{M}x1xf32>
  %t{i} = tensor.insert_slice %x{i} into {"%start" if i == 0 else f"%t{i - 1}"}[0, {i}] [{M}, 1] [1, 1]
      : tensor<{M}x1xf32> into tensor<{M}x{len(FUNCTIONS)}xf32>
""" for i, name in enumerate(FUNCTIONS)) + f"""
  return %t{len(FUNCTIONS) - 1} : tensor<{M}x{len(FUNCTIONS)}xf32>
}}
"""  # fmt: skip
ELEMENTARY = "--granularity=elementary"
CASES = [
    (PRODUCT, []),
    (PRODUCT, ["--truncate-mantissa=7", ELEMENTARY]),
    (PRODUCT, ["--format=m7", ELEMENTARY]),
    (PRODUCT, ["--format=m7", "--rounding=stochastic", ELEMENTARY]),
    (PRODUCT, ["--format=e5m10", ELEMENTARY]),
    (PRODUCT, ["--format=e4m3", ELEMENTARY]),
    (PRODUCT, ["--format=f8e4m3fn-sat", "--rounding=stochastic", ELEMENTARY]),
    (PRODUCT, ["--format=int8<0.125>", ELEMENTARY]),
    (PRODUCT, ["--format=fixed<8,8>", "--rounding=down", ELEMENTARY]),
    (PRODUCT, ["--format=posit<16,2>"]),
    (PRODUCT, ["--format=bf16"]),
    (PRODUCT, ["--format=f16", "--rounding=stochastic<8>"]),
    (MATH, []),
    (MATH, ["--format=e5m10", "--rounding=up"]),
]


def tool(name, *arguments, **keywords):
    path = LLVM_BIN / name
    done = subprocess.run([path if path.exists() else name, *map(str, arguments)],
                          capture_output=True, **keywords)  # fmt: skip
    assert done.returncode == 0, done.stderr[:4000]
    return done.stdout


def emulated(run, folder, rounded, a, b, cpu):
    """What the module gives on a processor that is not here."""
    has_half = str(cpu != "cortex-a53").lower()
    lowered = run(
        "prec-opt", folder / "rounded.mlir",
        f"--prec-lower=vector-bits=128 vector-registers=32 native-half={has_half}",
    ).stdout  # fmt: skip
    ir = tool("mlir-translate", "--mlir-to-llvmir", input=lowered.encode())
    target = ["--target=aarch64-linux-gnu", f"-mcpu={cpu}", "-O2", "-w"]
    tool("clang", *target, "-x", "ir", "-c", "-", "-o", folder / "f.o", input=ir)
    tool("clang", *target, "-ffreestanding", "-fno-stack-protector", "-nostdlib", "-static", "-fuse-ld=lld",
         SOURCE / "test/python/aarch64_runner.c", folder / "f.o", "-o", folder / "f")  # fmt: skip
    head = np.zeros(16, "i4")
    numbers = [int(n) for n in re.findall(r"prec\.declare @\S+ = (-?\d+)", rounded)]
    head[: 3 + len(numbers)] = [*a.shape, b.shape[1], *numbers]
    given = head.tobytes() + a.tobytes() + b.tobytes()
    out = tool("qemu-aarch64", "-cpu", "max", folder / "f", input=given)
    code = tool("llvm-objdump", "-d", folder / "f.o").decode()
    return np.frombuffer(out, "f4").reshape(a.shape[0], -1), code


@pytest.mark.parametrize("cpu", ["cortex-a53", "neoverse-n1"])
@pytest.mark.parametrize(
    "model,flags", CASES, ids=[("math" if m is MATH else "product") + " ".join(["", *f]) for m, f in CASES]
)
def test_bits_are_those_of_this_machine(run, tmp_path, model, flags, cpu):
    random = np.random.default_rng(3)
    a, b = random.normal(0, 2, (M, K)).astype("f4"), random.normal(0, 2, (K, N)).astype("f4")
    special = [0.0, -0.0, np.inf, np.nan, 1e-40, -3e38, 6e-8, 65519.0, 65520.0]
    a.flat[:: M * K // len(special)][: len(special)] = special
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", b)
    (tmp_path / "model.mlir").write_text(model)
    run("prec-run", tmp_path / "model.mlir", "--input", tmp_path / "a.npy", "--input", tmp_path / "b.npy",
        "--output", tmp_path / "c.npy", *flags)  # fmt: skip
    rounded = run("prec-opt", tmp_path / "model.mlir", "--emit=rounded", *flags).stdout
    (tmp_path / "rounded.mlir").write_text(rounded)
    found, code = emulated(run, tmp_path, rounded, a, b, cpu)
    expected = np.load(tmp_path / "c.npy")
    # An operation's own NaN has no sign that IEEE 754 fixes.
    nan = np.isnan(expected)
    assert np.array_equal(nan, np.isnan(found))
    assert np.array_equal(expected.view("u4")[~nan], found.view("u4")[~nan])
    assert (~nan).sum() > expected.size // 2
    if flags == ["--format=e5m10", ELEMENTARY]:
        assert bool(re.search(r"fadd\tv\d+\.8h", code)) == (cpu == "neoverse-n1")
