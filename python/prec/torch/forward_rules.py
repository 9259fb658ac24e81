# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that the importer lacks, crashes on or gets wrong in some cases, as simpler ones.

A rule that returns NotImplemented leaves the operator to the importer.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch._ops import OpOverload


def rules(torch: ModuleType) -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}."""
    aten = torch.ops.aten

    def pad(x, sizes, value=0):
        """The importer takes a negative size for none."""
        if min(sizes, default=0) >= 0:
            return NotImplemented
        for k, (before, after) in enumerate(zip(sizes[::2], sizes[1::2])):
            axis, start = x.ndim - 1 - k, max(0, -before)
            x = x.narrow(axis, start, x.shape[axis] - start - max(0, -after))
        return aten.constant_pad_nd(x, [max(0, size) for size in sizes], value)

    def roll(x, shifts, dims=()):
        if not dims:
            return roll(x.reshape(-1), shifts, [0]).reshape(x.shape)
        for shift, axis in zip(shifts, dims, strict=True):
            size = x.shape[axis]
            if size and shift % size:
                last = shift % size
                x = torch.cat([x.narrow(axis, size - last, last), x.narrow(axis, 0, size - last)], axis)
        return x.clone()

    def trilinear(a, b, c, expand_a, expand_b, expand_c, summed, unroll=1):
        for axis in range(a.ndim + len(expand_a)):
            a, b, c = (x.unsqueeze(axis) if axis in e else x for x, e in ((a, expand_a), (b, expand_b), (c, expand_c)))
        made = a * b * c
        return made.sum(summed, dtype=made.dtype) if summed else made

    def hypot(a, b):
        a, b = a.abs(), b.abs()
        large, small = torch.maximum(a, b), torch.minimum(a, b)
        ratio = torch.where(large == small, torch.where(large == 0, 0.0, 1.0), small / large)
        made = torch.where(large == float("inf"), large, large * torch.sqrt(1 + ratio * ratio))
        return torch.where((a == float("inf")) | (b == float("inf")), float("inf"), made)

    def floor_divide(a, b, *, rounding_mode="floor"):
        """By the exact remainder, as eager: a / b rounds up to whole numbers (1 / 0.1)."""
        if rounding_mode != "floor" or not torch.result_type(a, b).is_floating_point:
            return NotImplemented
        dtype = torch.result_type(a, b)
        a, b = (v.to(dtype) if isinstance(v, torch.Tensor) else v for v in (a, b))
        a = a if isinstance(a, torch.Tensor) else torch.full([], a, dtype=dtype)
        rest = torch.fmod(a, b)
        share = (a - rest) / b
        share = torch.where((rest != 0) & ((rest < 0) != (b < 0)), share - 1, share)
        whole = torch.floor(share)
        whole = torch.where(share - whole > 0.5, whole + 1, whole)
        return torch.where(b == 0, a / b, whole) if isinstance(b, torch.Tensor) else a / b if b == 0 else whole

    def is_negative(x):
        """-0 is; a NaN's sign is not read."""
        return (x < 0) | ((x == 0) & (1 / x < 0)) if x.is_floating_point() else x < 0

    def copysign(x, sign):
        x = x if x.is_floating_point() else x.to(torch.get_default_dtype())
        negative = is_negative(sign) if isinstance(sign, torch.Tensor) else math.copysign(1, sign) < 0
        return torch.where(torch.as_tensor(negative), -x.abs(), x.abs())

    def angle(x):
        x = x if x.is_floating_point() else x.to(torch.get_default_dtype())
        return torch.where(x < 0, math.pi, torch.where(x != x, x, 0.0))

    def permute(x, axes):
        """The importer knows no negative axis."""
        return x.permute([axis % x.ndim for axis in axes]) if any(axis < 0 for axis in axes) else NotImplemented

    def addbmm(x, a, b, *, beta=1, alpha=1):
        made = torch.bmm(a, b).sum(0, dtype=x.dtype)
        made = made if alpha == 1 else made * alpha
        return made.clone() if beta == 0 else made + (x if beta == 1 else x * beta)

    def for_floats(rule):
        """The importer drops NaN, which the rule keeps; integers are its own."""

        def kept(x, *arguments, **keywords):
            return rule(x, *arguments, **keywords) if x.is_floating_point() else NotImplemented

        return kept

    def larger(a, b):
        return torch.where((a > b) | (a != a), a, b)

    def smaller(a, b):
        return torch.where((a < b) | (a != a), a, b)

    def by_tensor(operator):
        return lambda x, number: operator(x, torch.full([], number, dtype=x.dtype))

    def power(x, exponent):
        """Of whole numbers, modulo 2^n."""
        if x.is_floating_point() or x.is_complex() or exponent < 0:
            return NotImplemented
        x = x.to(torch.result_type(x, exponent))
        if isinstance(exponent, float):
            return x**exponent
        made = torch.ones_like(x) if exponent == 0 else None
        while exponent:
            if exponent % 2:
                made = x if made is None else made * x
            exponent, x = exponent // 2, x * x
        return made.clone()

    def fmax(a, b):
        """The importer knows no shapes that differ."""
        return torch.where((a >= b) | (b != b), a, b)

    def fmin(a, b):
        return torch.where((a <= b) | (b != b), a, b)

    def clamp(x, low=None, high=None):
        if low is not None:
            x = torch.where(x < low, low, x)
        return x if high is None else torch.where(x > high, high, x)

    def clamp_of_any(x, low=None, high=None):
        """The importer compares whole numbers with a float as floats."""
        if not x.is_floating_point() and (isinstance(low, float) or isinstance(high, float)):
            x = x.to(torch.get_default_dtype())
        return clamp(x, low, high) if x.is_floating_point() else NotImplemented

    def power_of_number(number, x):
        dtype = torch.result_type(number, x)
        return torch.pow(torch.full([], number, dtype=dtype), x.to(dtype)) if dtype.is_floating_point else NotImplemented

    def equal(a, b):
        """The importer takes x == x for true."""
        return torch.logical_not(a != b)

    def any_of(x, axes=None, keepdim=False):
        axes = list(range(x.ndim)) if axes is None else axes
        made = (x != 0).to(torch.int64).sum(axes, keepdim) > 0
        return made.to(x.dtype) if x.dtype == torch.uint8 else made

    def from_the_front(operator):
        """The importer crashes on a negative axis."""

        def rule(x, axis, *arguments, **keywords):
            return operator(x, axis % x.ndim, *arguments, **keywords) if axis < 0 <= x.ndim - 1 else NotImplemented

        return rule

    def compared(operator):
        """The importer's folder of constants reads a number by the tensor's type, whichever type the number has."""

        def rule(x, number):
            if x.is_floating_point():
                return NotImplemented if isinstance(number, float) else operator(x, float(number))
            if isinstance(number, float):
                return operator(x.to(torch.get_default_dtype()), number)
            if x.dtype == torch.bool:
                return operator(x.to(torch.int64), int(number))
            return operator(x, int(number)) if isinstance(number, bool) else NotImplemented

        return rule

    def arange(start, end, step=1, *, dtype=None, **keywords):
        """The importer crashes on small types, and counts the steps of numbers that are not whole in whole ones."""
        if dtype is None or dtype.is_floating_point or (dtype.itemsize >= 4 and not any(isinstance(x, float) for x in (start, end, step))):
            return NotImplemented
        if dtype == torch.int64:
            start, end, step = int(start), int(end), int(step)
        count = math.ceil((end - start) / step)
        return (aten.arange.start_step(0, count, 1, dtype=torch.int64, **keywords) * int(step) + int(start)).to(dtype)

    def cat(parts, axis=0):
        """A line of nothing fits everything."""
        kept = [x for x in parts if x.shape != (0,)]
        if len(kept) in (0, len(parts)):
            return NotImplemented
        dtype = parts[0].dtype
        for x in parts:
            dtype = torch.promote_types(dtype, x.dtype)
        return torch.cat([x.to(dtype) for x in kept], axis).clone()

    comparisons = [getattr(aten, word).Scalar for word in ("gt", "lt", "ge", "le", "eq", "ne")]
    axes = (
        aten.scatter.src, aten.scatter.value, aten.scatter_add.default, aten.scatter_reduce.two, aten.gather.default,
    )  # fmt: skip
    made = {operator: from_the_front(operator) for operator in axes}
    made |= {operator: compared(operator) for operator in comparisons}
    return made | {
        aten.arange.start_step: arange,
        aten.cat.default: cat,
        aten.constant_pad_nd.default: pad,
        aten._unsafe_index.Tensor: aten.index.Tensor,
        aten._unsafe_index_put.default: aten.index_put.default,
        aten.reciprocal.default: lambda x: torch.div(torch.ones_like(x), x),  # the importer's ends the process at 0
        torch.ops.prims.fma.default: lambda a, b, c: a * b + c,
        aten.roll.default: roll,
        aten._trilinear.default: trilinear,
        aten.hypot.default: hypot,
        aten.floor_divide.default: floor_divide,
        aten.floor_divide.Scalar: floor_divide,
        aten.div.Tensor_mode: floor_divide,
        aten.div.Scalar_mode: floor_divide,
        aten.signbit.default: is_negative,
        aten.copysign.Tensor: copysign,
        aten.copysign.Scalar: copysign,
        aten.addbmm.default: addbmm,
        aten.angle.default: angle,
        aten.permute.default: permute,
        aten.maximum.default: for_floats(larger),
        aten.minimum.default: for_floats(smaller),
        aten.bitwise_and.Scalar: by_tensor(aten.bitwise_and.Tensor),
        aten.bitwise_or.Scalar: by_tensor(aten.bitwise_or.Tensor),
        aten.bitwise_xor.Scalar: by_tensor(aten.bitwise_xor.Tensor),
        aten.pow.Tensor_Scalar: power,
        aten.fmax.default: fmax,
        aten.fmin.default: fmin,
        aten._neg_view.default: torch.neg,
        aten.pow.Scalar: power_of_number,
        aten.clamp.default: clamp_of_any,
        aten.clamp_min.default: for_floats(clamp),
        aten.clamp_max.default: for_floats(lambda x, high: clamp(x, None, high)),
        aten.eq.Tensor: for_floats(equal),
        aten.any.default: any_of,
        aten.any.dim: any_of,
        aten.any.dims: any_of,
    }
