# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fourier transforms of pairs of real arrays: products with small matrices of roots of unity, as Cooley and Tukey divide a long
transform; one of a large prime length is Bluestein's convolution. A pair without a second part is real."""
import math

import numpy as np

SMALL = 64  # a transform this long is one product


def _of_parts(f, x):
    return tuple(None if part is None else f(part) for part in x)


def _swapped(x, axis=-2):
    import jax.numpy as jnp

    return _of_parts(lambda part: jnp.swapaxes(part, axis, -1), x)


def _roots(numbers, size):
    """Powers of the first root of unity, each angle reduced exactly; those of quarters are whole."""
    angle, is_quarter = 2 * np.pi * (numbers % size) / size, numbers * 4 % size == 0
    return tuple(np.where(is_quarter, np.rint(part), part) for part in (np.cos(angle), -np.sin(angle)))


def _times(x, root):
    (a, b), (c, d) = x, (np.asarray(part, x[0].dtype) for part in root)
    return (a * c, a * d) if b is None else (a * c - b * d, a * d + b * c)


def _product(x, size):
    c, s = (np.asarray(part, x[0].dtype) for part in _roots(np.outer(np.arange(size), np.arange(size)), size))
    a, b = x
    return (a @ c, a @ s) if b is None else (a @ c - b @ s, a @ s + b @ c)


def _convolved(x, size):
    """jk = (j^2 + k^2 - (k - j)^2) / 2 makes the sum a convolution."""
    import jax.numpy as jnp

    room = 2 ** math.ceil(math.log2(2 * size - 1))
    c, s = _roots(np.arange(size, dtype=np.int64) ** 2, 2 * size)
    chirp = np.zeros(room, complex)
    chirp[:size] = c - 1j * s
    chirp[room - size + 1 :] = chirp[1:size][::-1]
    spectrum = np.fft.fft(chirp) / room
    widths = [(0, 0)] * (x[0].ndim - 1) + [(0, room - size)]
    made = _transformed(_of_parts(lambda part: jnp.pad(part, widths), _times(x, (c, s))))
    made = _inverse(_times(made, (spectrum.real, spectrum.imag)))
    return _times(_of_parts(lambda part: part[..., :size], made), (c, s))


def _inverse(x):
    """Times the length: swapped parts are conjugates but for a factor of i."""
    return _transformed(x[::-1])[::-1]


def _transformed(x):
    """Along the last axis."""
    size = x[0].shape[-1]
    if size <= SMALL:
        return _product(x, size)
    first = next(n for n in range(math.isqrt(size), 0, -1) if size % n == 0)
    if first == 1:
        return _convolved(x, size)
    rest = size // first
    rows = _swapped(_of_parts(lambda part: part.reshape(*part.shape[:-1], first, rest), x))
    rows = _times(_transformed(rows), _roots(np.outer(np.arange(rest), np.arange(first)), size))
    made = _swapped(_transformed(_swapped(rows)))
    return _of_parts(lambda part: part.reshape(*part.shape[:-2], size), made)


def _along(x, axis, is_inverse):
    x = _swapped(x, axis)
    size = x[0].shape[-1]
    made = _of_parts(lambda part: part / size, _inverse(x)) if is_inverse else _transformed(x)
    return _swapped(made, axis)


def _with_mirrored(x, size):
    """The spectrum of what is real, from its first half."""
    import jax.numpy as jnp

    a, b = x
    rest = slice(1, size - size // 2)
    return jnp.concatenate([a, a[..., rest][..., ::-1]], -1), jnp.concatenate([b, -b[..., rest][..., ::-1]], -1)


def transform(x, kind, lengths):
    """lax.fft of a pair, or of a real array where `kind` is RFFT; IRFFT gives a real array."""
    pair = (x, None) if kind == "RFFT" else x
    axes = list(range(pair[0].ndim - len(lengths), pair[0].ndim))
    if kind == "IRFFT":
        for axis in axes[:-1]:
            pair = _along(pair, axis, True)
        return _along(_with_mirrored(pair, lengths[-1]), axes[-1], True)[0]
    for axis in axes[::-1]:
        pair = _along(pair, axis, kind == "IFFT")
        if kind == "RFFT" and axis == axes[-1]:
            pair = _of_parts(lambda part: part[..., : lengths[-1] // 2 + 1], pair)
    return pair
