# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A compiled module in this process: text in MLIR and flags in, arrays in and out.

The extension hides its symbols and shares LLVM with our tools alone: an importer's own, which hides its too, lives beside it.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WORDS = ("truncate_mantissa", "truncate_bits", "format", "rounding", "granularity", "round", "sum",
         "policy", "seed", "random", "carrier")  # fmt: skip


class EngineError(RuntimeError):
    """The module, a flag or an argument was refused; places in the module go to standard error."""


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
    """The one public function of a module. `arguments` and `results` are (dtype, shape), -1 where any size will do.

    `call(arguments, step=0)` takes arrays in row-major order, of any framework, or their DLPack capsules, and only reads
    them; bf16 may come as NumPy's uint16, which has no such type. It returns arrays that own their memory, for
    `numpy.asarray`, `torch.from_dlpack` and the like, which share it. The GIL is released meanwhile.
    """

    def __init__(
        self, text: str, options: Mapping[str, Any] | None = None, name: str = "model", threads: int = 1, cache: bool = True
    ) -> None:
        try:  # here: who exports to a file needs no engine
            from prec import _engine
        except ImportError as error:
            from prec.extension import missing

            raise missing("prec._engine", error) from error
        made = _engine.Engine(text, flags_of(options or {}), name, threads, cache)
        self.arguments, self.results, self.call = made.arguments, made.results, made.call
