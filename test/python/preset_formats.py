# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Roundings of arrays for the references of presets, written from docs/numerics.md."""
import numpy as np
from preset_reference import Stochastic


def bits16(values):
    return (np.asarray(values, "f4").view("u4") & np.uint32(0xFFFF0000)).view("f4")


def cast(dtype, largest=None):
    def to(values):
        values = np.asarray(values, "f4")
        return (values if largest is None else np.clip(values, -largest, largest)).astype(dtype).astype("f4")

    return to


def on_grid(values, integer, fraction, whole):
    """R-FIXED: multiples of 2^-fraction chosen by `whole`, which saturate; NaN and negative zero are zero."""
    counts = np.asarray(values, "f8") * 2.0**fraction
    end = 2.0 ** (integer + fraction - 1)
    counts = np.clip(whole(np.nan_to_num(counts, posinf=2 * end, neginf=-2 * end)), -end, end - 1) + 0.0
    return (counts * 2.0**-fraction).astype("f4")


def fixed(integer, fraction):
    return lambda values: on_grid(values, integer, fraction, np.rint)


def goes_away(place, words):
    """S-PROBABILITY, S-CENTRE with 16 random bits: exactly floor(place 2^16 + 1/2) words of 2^16 do."""
    return np.floor(place * 65536 + 0.5) + (words & np.uint32(0xFFFF)) >= 65536


def fixed_stochastic(integer, fraction):
    def to(values, words):
        def whole(counts):
            low = np.floor(np.abs(counts))
            return np.copysign(low + goes_away(np.abs(counts) - low, words), counts)

        return on_grid(values, integer, fraction, whole)

    return Stochastic(to)


def binary(values):
    """R-SIGN"""
    return np.where(np.asarray(values) < 0, np.float32(-1), np.float32(1))


def hard_sigmoid(values, words):
    """R-SIGN: +1 where (x + 1) / 2 + T 2^-16 + 2^-17 >= 1, solved for x, which no operation then rounds."""
    bound = 1 - (words & np.uint32(0xFFFF)) * 2.0**-15 - 2.0**-16
    values = np.asarray(values, "f4")
    inside = np.abs(values) < 1
    return np.where(np.where(inside, values >= bound, ~(values < 0)), np.float32(1), np.float32(-1))


binary_stochastic = Stochastic(hard_sigmoid)
