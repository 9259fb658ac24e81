# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Formats with a shared scale in plain NumPy, written from their definitions."""
import numpy as np

# name: exponent bits, fraction bits, greatest number, exponent of the greatest number
ELEMENTS = {
    "mxfp8e4m3": (4, 3, 448.0, 8),
    "mxfp8e5m2": (5, 2, 57344.0, 15),
    "mxfp6e3m2": (3, 2, 28.0, 4),
    "mxfp6e2m3": (2, 3, 7.5, 2),
    "mxfp4": (2, 1, 6.0, 2),
}


def nearest_even(x, exponent_bits, fraction_bits, greatest):
    """f64 values to a small float: division by the quantum is exact, rint ties to even."""
    least = 2 - 2 ** (exponent_bits - 1)
    exponent = np.maximum(np.frexp(x)[1] - 1, least)
    quantum = np.ldexp(1.0, exponent - fraction_bits)
    return np.clip(np.rint(x / quantum) * quantum, -greatest, greatest)


def floor_exponent(x):
    return np.frexp(x)[1] - 1


def scale_exponent(most, rule, top, fraction_bits):
    """The shared exponent of a block, before it is limited to -127..127."""
    exponent = floor_exponent(most)
    significand = most / np.ldexp(1.0, exponent)
    if rule == "ceil":
        exponent += significand > 1
    elif rule == "round":
        exponent += np.log2(significand) > 0.5
    elif rule == "even":
        exponent = floor_exponent(nearest_even(most, 12, fraction_bits, np.inf))
    return min(exponent, 127) - top


def by_blocks(x, size, rounded):
    """Applies `rounded` to blocks of the last axis; the last block of a row may be short."""
    rows = np.atleast_1d(x).reshape(-1, np.atleast_1d(x).shape[-1]).astype("f8")
    out = np.empty_like(rows)
    for row, result in zip(rows, out):
        for begin in range(0, len(row), size):
            block = row[begin : begin + size]
            finite = np.isfinite(block).all()
            result[begin : begin + size] = rounded(block) if finite else np.nan
    return out.reshape(x.shape).astype(x.dtype)


def mx(x, name, block=32, rule="floor"):
    exponent_bits, fraction_bits, greatest, top = ELEMENTS[name]

    def rounded(values):
        most = np.abs(values).max()
        if most == 0:
            return values
        shared = np.clip(scale_exponent(most, rule, top, fraction_bits), -127, 127)
        scale = np.ldexp(1.0, shared)
        return nearest_even(values / scale, exponent_bits, fraction_bits, greatest) * scale

    return by_blocks(x, block, rounded)


def block_floating_point(x, bits, block, rule="floor"):
    """Elements k * 2^-(bits - 2) with |k| < 2^(bits - 1), times the shared power of two."""
    top = 2 ** (bits - 1) - 1

    def rounded(values):
        most = np.abs(values).max()
        if most == 0:
            return np.abs(values)
        shared = np.clip(scale_exponent(most, rule, 0, bits - 2), -127, 127)
        step = np.ldexp(1.0, shared - (bits - 2))
        return np.clip(np.rint(values / step), -top, top) * step + 0.0

    return by_blocks(x, block, rounded)


def nvfp4(x):
    carrier = x.dtype.type
    finite = np.where(np.isfinite(x), x, 0)
    whole = np.float32(np.float64(np.abs(finite).max()) / 2688)
    whole = carrier(1 if whole < np.finfo("f4").tiny else whole)

    def rounded(values):
        values = values.astype(x.dtype)
        local = carrier(nearest_even(np.float64(np.abs(values).max() / carrier(6) / whole), 4, 3, 448.0))
        scale = carrier(local * whole)
        if scale == 0:
            return values * 0
        return nearest_even((values / scale).astype("f8"), 2, 1, 6.0).astype(x.dtype) * scale

    return by_blocks(x, 16, rounded)


def adaptivfloat(x, bits, exponent_bits):
    """Tambe et al. 2020, algorithm 1; what lies half way to the least number becomes zero."""
    fraction_bits = bits - exponent_bits - 1
    top = floor_exponent(np.abs(x[np.isfinite(x)].astype("f8")).max())
    least = top - (2**exponent_bits - 1)
    smallest = 2.0**least * (1 + 2.0**-fraction_bits)
    largest = 2.0**top * (2 - 2.0**-fraction_bits)
    out = np.empty(x.shape)
    for i, value in np.ndenumerate(x.astype("f8")):
        magnitude = abs(value)
        if np.isnan(value):
            out[i] = 0
        elif magnitude < smallest:
            out[i] = smallest * (magnitude > smallest / 2) * np.sign(value) + 0.0
        else:
            limited = np.clip(value, -largest, largest)
            out[i] = np.clip(nearest_even(limited, 12, fraction_bits, np.inf), -largest, largest)
    return out.astype(x.dtype)


def integers_by_maximum(x, bits):
    carrier = x.dtype.type
    top = 2 ** (bits - 1) - 1
    scale = carrier(np.abs(x).max()) / carrier(top)
    return scale, x.astype("f8") / np.float64(scale)
