# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles a module by stock LLVM and calls its functions with NumPy arrays."""
import ctypes
import re
import subprocess

import numpy as np
from conftest import BUILD, LLVM_BIN

LOWERING = """builtin.module(func.func(llvm-request-c-wrappers),
  convert-elementwise-to-linalg, one-shot-bufferize{bufferize-function-boundaries
  allow-return-allocs-from-loops
  function-boundary-type-conversion=identity-layout-map}, convert-linalg-to-loops,
  convert-scf-to-cf, expand-strided-metadata, lower-affine, func.func(math-expand-ops),
  convert-arith-to-llvm, convert-math-to-llvm, convert-math-to-libm, convert-cf-to-llvm,
  finalize-memref-to-llvm, convert-func-to-llvm, convert-index-to-llvm,
  reconcile-unrealized-casts)"""
SIGNATURE = r"func\.func @(\w+)\((.*)\) -> (\((.*)\)|[\w<>?]+)(?: attributes.*)? \{"
DTYPES = {"f64": np.float64, "f32": np.float32, "i32": np.int32, "i64": np.int64}


def tool(path, *arguments, text):
    done = subprocess.run([path, *arguments], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:4000]
    return done.stdout


def prec_opt(text, *passes):
    """The module after some of our passes."""
    pipeline = f"--pass-pipeline=builtin.module({','.join(passes)})"
    return tool(BUILD / "bin" / "prec-opt", pipeline, text=text)


def split_types(text):
    """The types of a list of results; their attributes are dropped."""
    text = re.sub(r"\{[^}]*\}", "", text)
    return [t.strip() for t in text.split(",") if t.strip()]


class Module:
    """A compiled module; `module.f(arrays and numbers)` returns a list."""

    def __init__(self, text, folder):
        self.arguments, self.results = {}, {}
        for m in re.finditer(SIGNATURE, text):
            self.arguments[m[1]] = re.findall(r"%\w+: ([\w<>?]+)", m[2])
            self.results[m[1]] = split_types(m[4] if m[4] is not None else m[3])
        path = folder / "module.so"
        lowered = tool(
            LLVM_BIN / "mlir-opt", "--allow-unregistered-dialect",
            f"--pass-pipeline={LOWERING}", text=text,
        )
        ir = tool(LLVM_BIN / "mlir-translate", "--mlir-to-llvmir", text=lowered)
        tool(
            LLVM_BIN / "clang", "-x", "ir", "-O1", "-w", "-shared", "-Wl,-Bsymbolic", "-o", path,
            "-", "-lm", f"-L{LLVM_BIN.parent}/lib", f"-Wl,-rpath,{LLVM_BIN.parent}/lib",
            "-lmlir_c_runner_utils", text=ir,
        )
        self.library = ctypes.CDLL(str(path))

    def __getattr__(self, name):
        types = self.results[name]
        entry = getattr(self.library, f"_mlir_ciface_{name}")

        def call(*arguments):
            kinds = self.arguments[name]
            assert len(arguments) == len(kinds)
            # Stock bufferisation may write into arguments.
            copies = [np.array(a) for a in arguments]
            keep = [
                descriptor(a) if kind.startswith("tensor") else scalar(a, kind)
                for a, kind in zip(copies, kinds)
            ]
            if len(types) == 1 and types[0] in DTYPES:
                entry.restype = np.ctypeslib.as_ctypes_type(DTYPES[types[0]])
                return [DTYPES[types[0]](entry(*keep))]
            offsets, size = layout(types)
            out = np.zeros(size, np.uint8)
            entry(out.ctypes.data_as(ctypes.c_void_p), *keep)
            return [read(out, o, t) for o, t in zip(offsets, types)]

        return call


def scalar(x, kind):
    dtype = DTYPES["i64" if kind == "index" else kind]
    return np.ctypeslib.as_ctypes_type(dtype)(x)


def descriptor(array):
    """MLIR's memref descriptor of a contiguous array."""
    n = array.ndim
    words = (ctypes.c_int64 * (3 + 2 * n))()
    strides = [s // array.itemsize for s in array.strides]
    words[:] = [array.ctypes.data, array.ctypes.data, 0, *array.shape, *strides]
    return words


def parse(kind):
    *shape, element = re.fullmatch(r"(?:tensor<)?((?:\d+x)*)(\w+)>?", kind).groups()
    return [int(n) for n in shape[0].split("x") if n], DTYPES[element]


def layout(types):
    offsets, size = [], 0
    for kind in types:
        shape, dtype = parse(kind)
        isTensor = kind.startswith("tensor")
        align = 8 if isTensor else np.dtype(dtype).itemsize
        size = -(-size // align) * align
        offsets.append(size)
        size += 8 * (3 + 2 * len(shape)) if isTensor else align
    return offsets, -(-size // 8) * 8


def read(out, offset, kind):
    shape, dtype = parse(kind)
    if not kind.startswith("tensor"):
        return out[offset:].view(np.uint8)[: np.dtype(dtype).itemsize].view(dtype)[0]
    words = out[offset : offset + 24 + 16 * len(shape)].view(np.int64)
    address = int(words[1]) + int(words[2]) * np.dtype(dtype).itemsize
    pointer = ctypes.cast(address, ctypes.POINTER(np.ctypeslib.as_ctypes_type(dtype)))
    return np.ctypeslib.as_array(pointer, shape or (1,)).copy().reshape(shape)
