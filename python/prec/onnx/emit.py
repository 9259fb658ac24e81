# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes MLIR from Python expressions: scalars, tensors, loops.

A `Scalar` is an SSA value with operators; a `Value` is a tensor with a shape whose
unknown sizes are -1. Types are words: f32, bf16, i64, u8, i1, index; MLIR's integers
carry no sign, so the sign of a word only chooses the operation.
"""
from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .builder import Builder

FLOATS = ("f16", "bf16", "f32", "f64")
NUMPY = {
    "f16": np.float16, "f32": np.float32, "f64": np.float64, "i1": np.bool_,
    "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64,
    "u8": np.uint8, "u16": np.uint16, "u32": np.uint32, "u64": np.uint64,
}  # fmt: skip
BITS = {"f16": 16, "bf16": 16, "f32": 32, "f64": 64, "i1": 1, "index": 64}
BITS |= {f"{sign}{width}": width for sign in "iu" for width in (8, 16, 32, 64)}


def mlir(dtype: str) -> str:
    """The MLIR type of a word."""
    return dtype.replace("u", "i") if dtype[0] == "u" else dtype


def is_float(dtype: str) -> bool:
    return dtype in FLOATS


def bits_of(value: float, dtype: str) -> int:
    """The bits of a number in a float type, as an integer."""
    with np.errstate(all="ignore"):
        if dtype == "f64":
            return struct.unpack("<Q", struct.pack("<d", float(value)))[0]
        if dtype == "f16":
            return int(np.float16(value).view(np.uint16))
        single = int(np.float32(value).view(np.uint32))
    if dtype == "f32":
        return single
    if math.isnan(value):
        return 0x7FC0
    return (single + 0x7FFF + ((single >> 16) & 1)) >> 16


def literal(value: float, dtype: str) -> str:
    """A number as MLIR writes it, without loss."""
    if is_float(dtype):
        return f"0x{bits_of(value, dtype):0{BITS[dtype] // 4}X}"
    if dtype == "i1":
        return "true" if value else "false"
    value, width = int(value), BITS[dtype]
    return str(value - (1 << width) if value >= 1 << (width - 1) else value)


class Scalar:
    """A number in the function that `b` builds."""

    __slots__ = ("b", "name", "dtype")

    def __init__(self, b: Builder, name: str, dtype: str) -> None:
        self.b, self.name, self.dtype = b, name, dtype

    @property
    def signed(self) -> bool:
        return self.dtype[0] != "u"

    def _other(self, other: Scalar | float) -> Scalar:
        if isinstance(other, Scalar):
            assert other.dtype == self.dtype, (self.dtype, other.dtype)
            return other
        return self.b.const(other, self.dtype)

    def _binary(self, other: Scalar | float, floating: str, signed: str, unsigned: str | None = None) -> Scalar:
        other = self._other(other)
        word = floating if is_float(self.dtype) else signed if self.signed else unsigned or signed
        return self.b.scalar(
            f"arith.{word} {self.name}, {other.name} : {mlir(self.dtype)}", self.dtype
        )

    def __add__(self, other: Scalar | float) -> Scalar:
        return self._binary(other, "addf", "addi")

    def __sub__(self, other: Scalar | float) -> Scalar:
        return self._binary(other, "subf", "subi")

    def __mul__(self, other: Scalar | float) -> Scalar:
        return self._binary(other, "mulf", "muli")

    def __truediv__(self, other: Scalar | float) -> Scalar:
        return self._binary(self._divisor(other), "divf", "divsi", "divui")

    def __mod__(self, other: Scalar | float) -> Scalar:
        return self._binary(self._divisor(other), "remf", "remsi", "remui")

    def _divisor(self, other: Scalar | float) -> Scalar:
        """An integer divisor that does not trap: 1 in place of 0, and of -1 for the least number."""
        if is_float(self.dtype) or not isinstance(other, Scalar) or self.dtype == "index":
            return other
        bad = other.eq(0)
        if self.signed:
            bad = bad | (other.eq(-1) & self.eq(-(1 << (BITS[self.dtype] - 1))))
        return bad.select(1, other)

    def __radd__(self, other: Scalar | float) -> Scalar:
        return self._other(other) + self

    def __rsub__(self, other: Scalar | float) -> Scalar:
        return self._other(other) - self

    def __rmul__(self, other: Scalar | float) -> Scalar:
        return self._other(other) * self

    def __rtruediv__(self, other: Scalar | float) -> Scalar:
        return self._other(other) / self

    def __and__(self, other: Scalar | float) -> Scalar:
        return self._binary(other, "", "andi")

    def __or__(self, other: Scalar | float) -> Scalar:
        return self._binary(other, "", "ori")

    def __xor__(self, other: Scalar | float) -> Scalar:
        return self._binary(other, "", "xori")

    def __lshift__(self, other: Scalar | float) -> Scalar:
        return self._binary(other, "", "shli")

    def __rshift__(self, other: Scalar | float) -> Scalar:
        return self._binary(other, "", "shrsi", "shrui")

    def floordiv(self, other: Scalar | float) -> Scalar:
        return self._binary(other, "", "floordivsi", "divui")

    def max(self, other: Scalar | float) -> Scalar:
        return self._binary(other, "maximumf", "ori" if self.dtype == "i1" else "maxsi", "maxui")

    def min(self, other: Scalar | float) -> Scalar:
        return self._binary(other, "minimumf", "andi" if self.dtype == "i1" else "minsi", "minui")

    def __neg__(self) -> Scalar:
        if is_float(self.dtype):
            return self.b.scalar(f"arith.negf {self.name} : {self.dtype}", self.dtype)
        return self.b.const(0, self.dtype) - self

    def __invert__(self) -> Scalar:
        return self ^ (True if self.dtype == "i1" else -1)

    def compare(self, word: str, other: Scalar | float) -> Scalar:
        """word: eq, ne, lt, le, gt, ge; false for NaN but for ne."""
        other = self._other(other)
        if is_float(self.dtype):
            kind, predicate = "cmpf", ("une" if word == "ne" else "o" + word)
        else:
            plain = word in ("eq", "ne")
            unsigned = not self.signed or self.dtype == "i1"
            kind, predicate = "cmpi", word if plain else ("u" if unsigned else "s") + word
        return self.b.scalar(
            f"arith.{kind} {predicate}, {self.name}, {other.name} : {mlir(self.dtype)}", "i1"
        )

    def eq(self, other: Scalar | float) -> Scalar:
        return self.compare("eq", other)

    def ne(self, other: Scalar | float) -> Scalar:
        return self.compare("ne", other)

    def __lt__(self, other: Scalar | float) -> Scalar:
        return self.compare("lt", other)

    def __le__(self, other: Scalar | float) -> Scalar:
        return self.compare("le", other)

    def __gt__(self, other: Scalar | float) -> Scalar:
        return self.compare("gt", other)

    def __ge__(self, other: Scalar | float) -> Scalar:
        return self.compare("ge", other)

    def select(self, yes: Scalar | float, no: Scalar | float) -> Scalar:
        """yes where this i1 is true; numbers take the type of the other branch."""
        like = yes if isinstance(yes, Scalar) else no
        yes, no = like._other(yes), like._other(no)
        return self.b.scalar(
            f"arith.select {self.name}, {yes.name}, {no.name} : {mlir(like.dtype)}", like.dtype
        )

    def is_nan(self) -> Scalar:
        return self.ne(self)

    def math(self, word: str, *others: Scalar) -> Scalar:
        """A function of the math dialect; narrow floats are computed in f32."""
        if self.dtype in ("f16", "bf16"):
            wide = [other.cast("f32") if isinstance(other, Scalar) else other for other in others]
            return self.cast("f32").math(word, *wide).cast(self.dtype)
        names = [self.name] + [self._other(other).name for other in others]
        return self.b.scalar(f"math.{word} {', '.join(names)} : {mlir(self.dtype)}", self.dtype)

    def power(self, exponent: float) -> Scalar:
        """This to a constant power: by products and roots where these are as good."""
        doubled = exponent * 4
        if doubled != int(doubled) or abs(exponent) > 16:
            return self.math("powf", self.b.const(exponent, self.dtype))
        if exponent < 0:
            return 1.0 / self.power(-exponent)
        whole, quarters = divmod(int(doubled), 4)
        factors = []
        if quarters:
            root = self.math("sqrt")
            factors += [root] if quarters & 2 else []
            factors += [root.math("sqrt")] if quarters & 1 else []
        square = self
        while whole:
            factors += [square] if whole & 1 else []
            whole >>= 1
            square = square * square if whole else square
        if not factors:
            return self.b.const(1.0, self.dtype)
        made = factors[0]
        for factor in factors[1:]:
            made = made * factor
        return made

    def abs(self) -> Scalar:
        return self.math("absf") if is_float(self.dtype) else (self < 0).select(-self, self)

    def cast(self, dtype: str) -> Scalar:
        """The value in another type: truncation to integers, wrapping, nearest floats."""
        return self.b.convert(self, dtype)


class Value:
    """A tensor in the function that `b` builds."""

    __slots__ = ("b", "name", "dtype", "shape")

    def __init__(self, b: Builder, name: str, dtype: str, shape: Iterable[int]) -> None:
        self.b, self.name, self.dtype, self.shape = b, name, dtype, tuple(shape)

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def type(self) -> str:
        return tensor_type(self.dtype, self.shape)

    def dim(self, i: int) -> Scalar:
        """The size of a dimension as an index."""
        if self.shape[i] >= 0:
            return self.b.const(self.shape[i], "index")
        axis = self.b.const(i, "index")
        return self.b.scalar(f"tensor.dim {self.name}, {axis.name} : {self.type}", "index")

    def __getitem__(self, indices: Sequence[Scalar | int]) -> Scalar:
        """One element; indices are numbers or scalars of type index."""
        return self.b.load(self, indices)


def tensor_type(dtype: str, shape: Iterable[int]) -> str:
    return f"tensor<{''.join(('?' if n < 0 else str(n)) + 'x' for n in shape)}{mlir(dtype)}>"
