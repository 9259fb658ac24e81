# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fourier transforms of pairs of real arrays of any framework, written in its own operations: products with small matrices of roots of
unity, as Cooley and Tukey divide a long transform; one of a large prime length is Bluestein's convolution.

A pair is (real, imaginary); without an imaginary part (None) it is real. Arrays have NumPy's reshape, swapaxes, `@` and slices.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

SMALL = 64  # a transform this long is one product


def _of_parts(f: Callable[[Any], Any], x: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(None if part is None else f(part) for part in x)


def _swapped(x: tuple[Any, ...], axis: int = -2) -> tuple[Any, ...]:
    return _of_parts(lambda part: part.swapaxes(axis, -1), x)


def _roots(numbers: np.ndarray, size: int) -> tuple[np.ndarray, ...]:
    """Powers of the first root of unity, each angle reduced exactly; those of quarters are whole."""
    angle, is_quarter = 2 * np.pi * (numbers % size) / size, numbers * 4 % size == 0
    return tuple(np.where(is_quarter, np.rint(part), part) for part in (np.cos(angle), -np.sin(angle)))


class Fourier:
    """constant(array, like): NumPy's array as the framework's, of `like`'s type; pad(x, n): n zeros behind the last axis; flip(x) and
    concatenate([x, ...]): of the last axis."""

    def __init__(
        self,
        constant: Callable[[np.ndarray, Any], Any],
        pad: Callable[[Any, int], Any],
        flip: Callable[[Any], Any],
        concatenate: Callable[[list[Any]], Any],
    ) -> None:
        self.constant, self.pad, self.flip, self.concatenate = constant, pad, flip, concatenate

    def along(self, x: tuple[Any, ...], axis: int, is_inverse: bool = False) -> tuple[Any, ...]:
        """The transform of an axis; the inverse is without its factor, so times the length."""
        x = _swapped(x, axis)
        return _swapped(self.inverse(x) if is_inverse else self.transformed(x), axis)

    def real_from_half(self, x: tuple[Any, ...], axis: int, size: int) -> Any:
        """The real array of `size` numbers, times that, whose spectrum begins so: the rest mirrors it."""
        a, b = _swapped(x, axis)
        rest = slice(1, size - size // 2)
        whole = self.concatenate([a, self.flip(a[..., rest])]), self.concatenate([b, -self.flip(b[..., rest])])
        return self.inverse(whole)[0].swapaxes(axis, -1)

    def times(self, x: tuple[Any, ...], root: tuple[np.ndarray, ...]) -> tuple[Any, ...]:
        (a, b), (c, d) = x, (self.constant(part, x[0]) for part in root)
        return (a * c, a * d) if b is None else (a * c - b * d, a * d + b * c)

    def transformed(self, x: tuple[Any, ...]) -> tuple[Any, ...]:
        """Along the last axis."""
        size = x[0].shape[-1]
        if size <= SMALL:
            return self._product(x, size)
        first = next(n for n in range(math.isqrt(size), 0, -1) if size % n == 0)
        if first == 1:
            return self._convolved(x, size)
        rest = size // first
        rows = _swapped(_of_parts(lambda part: part.reshape(*part.shape[:-1], first, rest), x))
        rows = self.times(self.transformed(rows), _roots(np.outer(np.arange(rest), np.arange(first)), size))
        made = _swapped(self.transformed(_swapped(rows)))
        return _of_parts(lambda part: part.reshape(*part.shape[:-2], size), made)

    def inverse(self, x: tuple[Any, ...]) -> tuple[Any, ...]:
        """Times the length: swapped parts are conjugates but for a factor of i."""
        if x[1] is None:
            real, imaginary = self.transformed(x)
            return real, -imaginary
        return self.transformed(x[::-1])[::-1]

    def _product(self, x: tuple[Any, ...], size: int) -> tuple[Any, ...]:
        c, s = (self.constant(part, x[0]) for part in _roots(np.outer(np.arange(size), np.arange(size)), size))
        a, b = x
        return (a @ c, a @ s) if b is None else (a @ c - b @ s, a @ s + b @ c)

    def _convolved(self, x: tuple[Any, ...], size: int) -> tuple[Any, ...]:
        """jk = (j^2 + k^2 - (k - j)^2) / 2 makes the sum a convolution."""
        room = 2 ** math.ceil(math.log2(2 * size - 1))
        c, s = _roots(np.arange(size, dtype=np.int64) ** 2, 2 * size)
        chirp = np.zeros(room, complex)
        chirp[:size] = c - 1j * s
        chirp[room - size + 1 :] = chirp[1:size][::-1]
        spectrum = np.fft.fft(chirp) / room
        made = self.transformed(_of_parts(lambda part: self.pad(part, room - size), self.times(x, (c, s))))
        made = self.inverse(self.times(made, (spectrum.real, spectrum.imag)))
        return self.times(_of_parts(lambda part: part[..., :size], made), (c, s))
