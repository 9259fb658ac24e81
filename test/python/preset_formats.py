# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Roundings of arrays for the references of presets, written from docs/numerics.md."""
import format_reference
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


def scaled_int8(values, goes_up):
    """R-MAXIMUM, R-SCALE: codes times a scale of the carrier; `goes_up` decides between neighbours by place and code."""
    values = np.asarray(values, "f4")
    magnitude = np.abs(values)
    scale = magnitude.max() / np.float32(127) or np.float32(1)
    code = np.trunc(np.minimum(magnitude / scale, np.float32(130)))
    code = np.where(magnitude < code * scale, code - 1, code).astype("f4")
    code = np.where(magnitude >= (code + 1) * scale, code + 1, code).astype("f4")
    below, above = code * scale, (code + 1) * scale
    place = np.where(magnitude == below, np.float32(0), (magnitude - below) / (above - below))
    code = np.minimum(code + goes_up(place.astype("f8"), code), np.where(values < 0, 128, 127)).astype("f4")
    return np.copysign(code * scale, values) + np.float32(0)


def int8(values):
    return scaled_int8(values, lambda place, code: (place > 0.5) | ((place == 0.5) & (code % 2 == 1)))


int8_stochastic = Stochastic(lambda values, words: scaled_int8(values, lambda place, code: goes_away(place, words)))


def mxfp6(values):
    return format_reference.mx(np.asarray(values, "f4"), "mxfp6e3m2")


def signed_mean(values):
    """R-MEAN: the mean magnitude, summed in f64 in order, with each element's sign."""
    mean = np.float32(np.add.accumulate(np.abs(values.reshape(-1).astype("f8")))[-1] / values.size)
    return binary(values) * mean + np.float32(0)
