# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs an MLIR model by LLVM's own tools, which know nothing of this project's pipelines.

mlir-opt lowers by upstream's passes, clang makes a shared library, ctypes calls it.
"""
import ctypes
import re
import subprocess

import numpy as np

LOWERING = """
one-shot-bufferize{bufferize-function-boundaries
  function-boundary-type-conversion=identity-layout-map},
buffer-deallocation-pipeline,func.func(llvm-request-c-wrappers),
func.func(convert-linalg-to-loops),convert-bufferization-to-memref,
expand-strided-metadata,lower-affine,convert-math-to-libm,convert-scf-to-cf,
finalize-memref-to-llvm,convert-math-to-llvm,convert-arith-to-llvm,convert-func-to-llvm,
convert-cf-to-llvm,convert-index-to-llvm,reconcile-unrealized-casts
"""
TYPES = {"f32": np.float32, "f64": np.float64, "i32": np.int32}


def descriptor(rank):
    class MemRef(ctypes.Structure):
        _fields_ = [
            ("allocated", ctypes.c_void_p),
            ("aligned", ctypes.c_void_p),
            ("offset", ctypes.c_int64),
            ("sizes", ctypes.c_int64 * rank),
            ("strides", ctypes.c_int64 * rank),
        ]

    return MemRef


def tensor(text):
    """(sizes, dtype) of the inside of tensor<...>; an unknown size is None."""
    *sizes, element = text.split("x")
    return [None if size == "?" else int(size) for size in sizes], TYPES[element]


def signatures(mlir):
    """{function: (arguments, results)}, each a list of (name, type)."""
    found = {}
    for name, arguments, results in re.findall(
        r"func\.func @(\w+)\((.*?)\) -> \((.*?)\)(?: attributes .*)? \{$", mlir, re.MULTILINE
    ):
        found[name] = tuple(
            [
                (label, tensor(kind))
                for kind, label in re.findall(r'tensor<(\S+)> \{.*?prec\.name = "(.*?)"', side)
            ]
            for side in (arguments, results)
        )
    return found


class NativeModel:
    """The functions of a module; `signature[F]` = (arguments, results), as (name, type)."""

    def __init__(self, mlir, folder, llvm_bin):
        self.signature = signatures(mlir)

        def run(*command, text):
            done = subprocess.run(command, input=text, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            return done.stdout

        pipeline = "builtin.module(" + " ".join(LOWERING.split()) + ")"
        lowered = run(
            llvm_bin / "mlir-opt", "--allow-unregistered-dialect",
            f"--pass-pipeline={pipeline}", text=mlir,
        )
        ir = run(
            llvm_bin / "mlir-translate", "--allow-unregistered-dialect", "--mlir-to-llvmir",
            text=lowered,
        )
        library, runtime = folder / "model.so", llvm_bin.parent / "lib"
        run(
            llvm_bin / "clang", "-x", "ir", "-", "-w", "-O1", "-shared", "-fPIC",
            "-o", library, "-lm", f"-L{runtime}", f"-Wl,-rpath,{runtime}",
            "-lmlir_c_runner_utils", text=ir,
        )
        self.library = ctypes.CDLL(str(library))

    def __call__(self, function, values):
        """Results by name, for argument values by name."""
        arguments, results = self.signature[function]
        kept, pointers = [], []
        for name, (sizes, dtype) in arguments:
            array = np.ascontiguousarray(values[name], dtype)
            assert len(sizes) == array.ndim, name
            assert all(s in (None, have) for s, have in zip(sizes, array.shape)), name
            kept.append(array)
            strides = [stride // array.itemsize for stride in array.strides]
            pointers.append(
                descriptor(array.ndim)(
                    array.ctypes.data, array.ctypes.data, 0,
                    (ctypes.c_int64 * array.ndim)(*array.shape),
                    (ctypes.c_int64 * array.ndim)(*strides),
                )
            )

        class Results(ctypes.Structure):
            _fields_ = [
                (f"r{i}", descriptor(len(sizes))) for i, (_, (sizes, _)) in enumerate(results)
            ]

        out = Results()
        call = getattr(self.library, f"_mlir_ciface_{function}")
        call(ctypes.byref(out), *map(ctypes.byref, pointers))
        found = {}
        for i, (name, (_, dtype)) in enumerate(results):
            part = getattr(out, f"r{i}")
            shape, strides = list(part.sizes), list(part.strides)
            count = 1 + sum((n - 1) * s for n, s in zip(shape, strides))
            buffer = (ctypes.c_char * (count * dtype().itemsize)).from_address(
                part.aligned + part.offset * dtype().itemsize
            )
            flat = np.frombuffer(buffer, dtype)
            bytes_ = [s * dtype().itemsize for s in strides]
            found[name] = np.lib.stride_tricks.as_strided(flat, shape, bytes_).copy()
        return found
