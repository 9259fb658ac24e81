# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rounding of NumPy arrays to any number format, with the bits of compiled code."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

try:
    from prec import _prec
except ImportError as error:
    from prec.extension import missing

    raise missing("prec._prec", error) from error


def _carrier(array: ArrayLike) -> NDArray[np.floating]:
    """The array as contiguous f32 or f64 of the machine's byte order; a copy only if it is not."""
    array = np.asarray(array)
    if array.dtype.newbyteorder("=") not in (np.dtype("f4"), np.dtype("f8")):
        raise TypeError(f"array has dtype {array.dtype}, expected float32 or float64")
    return np.asarray(array, array.dtype.newbyteorder("="), order="C")


def _number(name: str, value: int) -> int:
    if not 0 <= value < 2**32:
        raise ValueError(f"{name} is {value}, expected a whole number 0..4294967295")
    return int(value)


def round(
    array: ArrayLike,
    *,
    format: str,
    rounding: str = "nearest-even",
    seed: int = 0,
    step: int = 0,
    out: NDArray[np.floating] | None = None,
) -> NDArray[np.floating]:
    """Rounds every element of an array to a number of a format.

    The carrier is the array's dtype, float32 or float64; shape and dtype stay. The bits are
    those of ``prec-run --round-array``.

    :param format: as in ``--format``: ``"e5m10"``, ``"bf16"``, ``"fixed<4,12>"``, ``"posit<16,1>"``,
        ``"mxfp4"`` (blocks along the last axis), ...
    :param rounding: ``"nearest-even"``, ``"toward-zero"``, ``"stochastic"``, ``"stochastic<8>"``, ...
    :param seed: together with ``step`` decides all random bits; there is no other state.
    :param out: where the result goes: a contiguous array of the same dtype and shape, ``array``
        itself too. A new array by default.
    :raises ValueError: an unknown format or mode, a format that the carrier cannot hold.
    :raises TypeError: another dtype.

    The GIL is released while rounding.

    >>> prec.round(np.float32([0.1, 300, -2.5]), format="f8e4m3fn")
    array([ 1.015625e-01,  2.880000e+02, -2.500000e+00], dtype=float32)
    """
    given = _carrier(array)
    result = np.empty_like(given) if out is None else out
    if result.shape != given.shape or result.dtype != given.dtype or not result.flags.c_contiguous:
        raise ValueError(
            f"out is {result.dtype} of shape {result.shape}, expected contiguous {given.dtype} of shape {given.shape}"
        )
    _prec.round_into(given, result, format, rounding, _number("seed", seed), _number("step", step))
    return result


def encode(
    array: ArrayLike, *, format: str, rounding: str = "nearest-even", seed: int = 0, step: int = 0
) -> NDArray[np.unsignedinteger]:
    """Rounds as :func:`round` does and gives the codes, in the smallest unsigned integer that holds one."""
    given = _carrier(array)
    width = _prec.code_bytes(format, given.dtype == np.float64)
    codes = np.empty(given.shape, np.uint64)
    _prec.encode_into(given, codes, format, rounding, _number("seed", seed), _number("step", step))
    return codes.astype(f"u{width}")


def describe_format(format: str) -> str:
    """Layout, range and codes of a format, one ``key: value`` a line."""
    return _prec.describe_format(format)


def list_formats() -> str:
    """The names of formats with their meaning, then the patterns."""
    return _prec.list_formats()
