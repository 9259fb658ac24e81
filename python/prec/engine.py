# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A compiled module in this process: text in MLIR and flags in, arrays in and out.

The library has a C interface, so any Python can load it, and an importer's own LLVM, which
hides its symbols, lives beside it.
"""
from __future__ import annotations

import ctypes
import functools
import math
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from prec import tools

ERROR_SIZE = 4096
LARGE = 1 << 16
WORDS = ("truncate_mantissa", "truncate_bits", "format", "rounding", "granularity", "round", "sum",
         "policy", "seed", "random", "carrier")  # fmt: skip


class EngineError(RuntimeError):
    """The module or a flag was refused; places in the module go to standard error."""


@functools.cache
def library() -> ctypes.CDLL:
    made = ctypes.CDLL(str(tools.find("PrecEngine.so")))
    made.precCompile.restype = ctypes.c_void_p
    made.precSignature.restype = ctypes.c_char_p
    return made


def flags_of(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """[(flag, value)] of keyword options; a list is a flag given several times."""
    pairs = []
    for word, value in options.items():
        if word not in WORDS:
            raise EngineError(f"unknown option '{word}'; the options are {', '.join(WORDS)}")
        for one in value if isinstance(value, (list, tuple)) else [value]:
            pairs.append((word.replace("_", "-"), str(one)))
    return pairs


class Engine:
    """The one public function of a module. `arguments` and `results` are (dtype, shape)."""

    def __init__(
        self, text: str, options: Mapping[str, Any] | None = None, name: str = "model", threads: int = 1, cache: bool = True
    ) -> None:
        words = [w.encode() for pair in flags_of(options or {}) for w in pair]
        flags = (ctypes.c_char_p * (len(words) + 1))(*words, None)
        error = ctypes.create_string_buffer(ERROR_SIZE)
        self.handle = library().precCompile(
            text.encode(), name.encode(), flags, threads, int(cache), error, ERROR_SIZE
        )
        if not self.handle:
            raise EngineError(error.value.decode(errors="replace"))
        # Not by this module's names: they may be gone when Python ends.
        self.release = functools.partial(library().precRelease, ctypes.c_void_p(self.handle))
        first, _, second = library().precSignature(ctypes.c_void_p(self.handle)).decode().partition("->\n")
        self.arguments, self.results = ([_type(line) for line in side.splitlines()] for side in (first, second))

    def __del__(self) -> None:
        if release := getattr(self, "release", None):
            release()

    def call(
        self, pointers: Sequence[int], shapes: Sequence[Sequence[int]], results: Sequence[int | None], step: int = 0
    ) -> list[ctypes.Array[ctypes.c_uint8] | None]:
        """Addresses of arguments, which are only read, and of results, whose elements lie in row-major order.

        A result without an address stays where it was made: the list that is returned has its bytes
        as a buffer that frees them with its last reference, and None for the others."""
        error = ctypes.create_string_buffer(ERROR_SIZE)
        sizes = [(ctypes.c_int64 * max(len(s), 1))(*s) for s in shapes]
        taken = (ctypes.c_void_p * max(len(pointers), 1))(*pointers)
        rows = (ctypes.c_void_p * max(len(sizes), 1))(*[ctypes.addressof(s) for s in sizes])
        given = (ctypes.c_void_p * max(len(results), 1))(*results)
        owners = (ctypes.c_void_p * max(len(results), 1))()
        if library().precCall(
            ctypes.c_void_p(self.handle), ctypes.c_uint32(step), taken, rows, given, owners, error, ERROR_SIZE
        ):  # fmt: skip
            raise EngineError(error.value.decode(errors="replace"))
        return [_owned(given[i], owners[i], type_) if owners[i] else None for i, type_ in enumerate(self.results)]

    def leaves_in_place(self, number: int) -> bool:
        """Is a result so large that taking it over costs less than copying it?"""
        return _bytes(self.results[number]) >= LARGE


def _bytes(type_: tuple[str, tuple[int, ...]]) -> int:
    word, sizes = type_
    width = 1 if word == "i1" else int(word.lstrip("bfiu")) // 8
    return width * math.prod(sizes)


def _owned(address: int, owner: int, type_: tuple[str, tuple[int, ...]]) -> ctypes.Array[ctypes.c_uint8]:
    elements = (ctypes.c_uint8 * _bytes(type_)).from_address(address)
    weakref.finalize(elements, library().precDrop, ctypes.c_void_p(owner)).atexit = False
    return elements


def _type(line: str) -> tuple[str, tuple[int, ...]]:
    word, *sizes = line.split()
    return word, tuple(map(int, sizes))
