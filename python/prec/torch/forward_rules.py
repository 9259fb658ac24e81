# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that the importer lacks, crashes on or gets wrong in some cases, as simpler ones.

A rule that returns NotImplemented leaves the operator to the importer.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import ModuleType, NotImplementedType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch._ops import OpOverload
    from torch import Tensor, dtype as DType


def rules(torch: ModuleType) -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}."""
    aten = torch.ops.aten

    def pad(x: Tensor, sizes: Sequence[int], value: float = 0) -> Tensor | NotImplementedType:
        """The importer takes a negative size for none."""
        if min(sizes, default=0) >= 0:
            return NotImplemented
        for k, (before, after) in enumerate(zip(sizes[::2], sizes[1::2])):
            axis, start = x.ndim - 1 - k, max(0, -before)
            x = x.narrow(axis, start, x.shape[axis] - start - max(0, -after))
        return aten.constant_pad_nd(x, [max(0, size) for size in sizes], value)

    def roll(x: Tensor, shifts: Sequence[int], dims: Sequence[int] = ()) -> Tensor:
        if not dims:
            return roll(x.reshape(-1), shifts, [0]).reshape(x.shape)
        for shift, axis in zip(shifts, dims, strict=True):
            size = x.shape[axis]
            if size and shift % size:
                last = shift % size
                x = torch.cat([x.narrow(axis, size - last, last), x.narrow(axis, 0, size - last)], axis)
        return x.clone()

    def trilinear(
        a: Tensor,
        b: Tensor,
        c: Tensor,
        expand_a: Sequence[int],
        expand_b: Sequence[int],
        expand_c: Sequence[int],
        summed: list[int],
        unroll: int = 1,
    ) -> Tensor:
        for axis in range(a.ndim + len(expand_a)):
            a, b, c = (x.unsqueeze(axis) if axis in e else x for x, e in ((a, expand_a), (b, expand_b), (c, expand_c)))
        made = a * b * c
        return made.sum(summed, dtype=made.dtype) if summed else made

    def hypot(a: Tensor, b: Tensor) -> Tensor:
        a, b = a.abs(), b.abs()
        large, small = torch.maximum(a, b), torch.minimum(a, b)
        ratio = torch.where(large == small, torch.where(large == 0, 0.0, 1.0), small / large)
        made = torch.where(large == float("inf"), large, large * torch.sqrt(1 + ratio * ratio))
        return torch.where((a == float("inf")) | (b == float("inf")), float("inf"), made)

    def floor_divide(a: Tensor | float, b: Tensor | float, *, rounding_mode: str | None = "floor") -> Tensor | NotImplementedType:
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

    def is_negative(x: Tensor) -> Tensor:
        """-0 is; a NaN's sign is not read."""
        return (x < 0) | ((x == 0) & (1 / x < 0)) if x.is_floating_point() else x < 0

    def copysign(x: Tensor, sign: Tensor | float) -> Tensor:
        x = x if x.is_floating_point() else x.to(torch.get_default_dtype())
        negative = is_negative(sign) if isinstance(sign, torch.Tensor) else math.copysign(1, sign) < 0
        return torch.where(torch.as_tensor(negative), -x.abs(), x.abs())

    def angle(x: Tensor) -> Tensor:
        x = x if x.is_floating_point() else x.to(torch.get_default_dtype())
        return torch.where(x < 0, math.pi, torch.where(x != x, x, 0.0))

    def permute(x: Tensor, axes: Sequence[int]) -> Tensor | NotImplementedType:
        """The importer knows no negative axis."""
        return x.permute([axis % x.ndim for axis in axes]) if any(axis < 0 for axis in axes) else NotImplemented

    def addbmm(x: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
        made = torch.bmm(a, b).sum(0, dtype=x.dtype)
        made = made if alpha == 1 else made * alpha
        return made.clone() if beta == 0 else made + (x if beta == 1 else x * beta)

    def for_floats(rule: Callable[..., Any]) -> Callable[..., Tensor | NotImplementedType]:
        """The importer drops NaN, which the rule keeps; integers are its own."""

        def kept(x: Tensor, *arguments: Any, **keywords: Any) -> Tensor | NotImplementedType:
            return rule(x, *arguments, **keywords) if x.is_floating_point() else NotImplemented

        return kept

    def larger(a: Tensor, b: Tensor) -> Tensor:
        return torch.where((a > b) | (a != a), a, b)

    def smaller(a: Tensor, b: Tensor) -> Tensor:
        return torch.where((a < b) | (a != a), a, b)

    def by_tensor(operator: Callable[..., Any]) -> Callable[[Tensor, float], Tensor]:
        return lambda x, number: operator(x, torch.full([], number, dtype=x.dtype))

    def power(x: Tensor, exponent: float) -> Tensor | NotImplementedType:
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

    def fmax(a: Tensor, b: Tensor) -> Tensor:
        """The importer knows no shapes that differ."""
        return torch.where((a >= b) | (b != b), a, b)

    def fmin(a: Tensor, b: Tensor) -> Tensor:
        return torch.where((a <= b) | (b != b), a, b)

    def clamp(x: Tensor, low: Tensor | float | None = None, high: Tensor | float | None = None) -> Tensor:
        if low is not None:
            x = torch.where(x < low, low, x)
        return x if high is None else torch.where(x > high, high, x)

    def clamp_of_any(x: Tensor, low: Tensor | float | None = None, high: Tensor | float | None = None) -> Tensor | NotImplementedType:
        """The importer compares whole numbers with a float as floats."""
        if not x.is_floating_point() and (isinstance(low, float) or isinstance(high, float)):
            x = x.to(torch.get_default_dtype())
        return clamp(x, low, high) if x.is_floating_point() else NotImplemented

    def power_of_number(number: float, x: Tensor) -> Tensor:
        dtype = torch.result_type(number, x)
        return torch.pow(torch.full([], number, dtype=dtype), x.to(dtype)) if dtype.is_floating_point else NotImplemented

    def equal(a: Tensor, b: Tensor | float) -> Tensor:
        """The importer takes x == x for true."""
        return torch.logical_not(a != b)

    def any_of(x: Tensor, axes: int | list[int] | None = None, keepdim: bool = False) -> Tensor:
        axes = list(range(x.ndim)) if axes is None else axes
        made = (x != 0).to(torch.int64).sum(axes, keepdim) > 0
        return made.to(x.dtype) if x.dtype == torch.uint8 else made

    def from_the_front(operator: Callable[..., Any]) -> Callable[..., Any]:
        """The importer crashes on a negative axis."""

        def rule(x: Tensor, axis: int, *arguments: Any, **keywords: Any) -> Any:
            return operator(x, axis % x.ndim, *arguments, **keywords) if axis < 0 <= x.ndim - 1 else NotImplemented

        return rule

    def compared(operator: Callable[..., Any]) -> Callable[[Tensor, float], Tensor | NotImplementedType]:
        """The importer's folder of constants reads a number by the tensor's type, whichever type the number has."""

        def rule(x: Tensor, number: float) -> Tensor | NotImplementedType:
            if x.is_floating_point():
                return NotImplemented if isinstance(number, float) else operator(x, float(number))
            if isinstance(number, float):
                return operator(x.to(torch.get_default_dtype()), number)
            if x.dtype == torch.bool:
                return operator(x.to(torch.int64), int(number))
            return operator(x, int(number)) if isinstance(number, bool) else NotImplemented

        return rule

    def arange(start: float, end: float, step: float = 1, *, dtype: DType | None = None, **keywords: Any) -> Tensor | NotImplementedType:
        """The importer crashes on small types, and counts the steps of numbers that are not whole in whole ones."""
        if dtype is None or dtype.is_floating_point or (dtype.itemsize >= 4 and not any(isinstance(x, float) for x in (start, end, step))):
            return NotImplemented
        if dtype == torch.int64:
            start, end, step = int(start), int(end), int(step)
        count = math.ceil((end - start) / step)
        return (aten.arange.start_step(0, count, 1, dtype=torch.int64, **keywords) * int(step) + int(start)).to(dtype)

    def cat(parts: Sequence[Tensor], axis: int = 0) -> Tensor | NotImplementedType:
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
