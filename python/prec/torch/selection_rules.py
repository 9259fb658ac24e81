# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that pick elements by order, and those that count or reduce by index, as simpler ones."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import ModuleType, NotImplementedType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch._ops import OpOverload
    from torch import Tensor, dtype as DType

SELECTING = (0, float("inf"), -float("inf"))


def rules(torch: ModuleType) -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}; one that returns NotImplemented leaves the operator to the importer."""
    aten = torch.ops.aten

    def vector_norm(
        x: Tensor, order: float = 2, axes: int | list[int] | None = None, keepdim: bool = False, *, dtype: DType | None = None
    ) -> Tensor | NotImplementedType:
        """The importer takes the largest of all, and the count of what is not zero, for sums of powers."""
        if order not in SELECTING:
            return NotImplemented
        x = x if dtype is None else x.to(dtype)
        axes = list(range(x.ndim)) if not axes else axes
        if order == 0:
            return (x != 0).to(x.dtype).sum(axes, keepdim)
        x = x.abs()
        return (torch.amax if order > 0 else torch.amin)(x, axes, keepdim)

    def kth(x: Tensor, k: int, axis: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
        if x.ndim == 0:
            return x.clone(), torch.zeros_like(x, dtype=torch.int64)
        values, places = torch.sort(x, axis)
        value, place = values.narrow(axis, k - 1, 1), places.narrow(axis, k - 1, 1)
        return (value, place) if keepdim else (value.squeeze(axis), place.squeeze(axis))

    def median_of(x: Tensor, axis: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:
        """The lower one of two; NaN, which is the largest for a median, is the answer where there is one."""
        value, place = kth(x, (x.shape[axis] + 1) // 2 if x.ndim else 1, axis, keepdim)
        if not x.is_floating_point() or x.ndim == 0:
            return value, place
        missing = (x != x).to(torch.int64)
        first = missing.argmax(axis, keepdim)
        found = missing.sum(axis, keepdim) > 0
        return torch.where(found, float("nan"), value), torch.where(found, first, place)

    def median(x: Tensor) -> Tensor:
        return median_of(x.reshape(-1), 0)[0]

    def nanmedian_of(x: Tensor, axis: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:
        """Numbers are first in the order; NaN where there is none."""
        if not x.is_floating_point() or x.ndim == 0:
            return median_of(x, axis, keepdim)
        present = (x == x).to(torch.int64)
        values, places = torch.sort(torch.where(x == x, x, float("inf")), axis)
        count = present.sum(axis, True)
        middle = torch.where(count > 0, (count - 1) // 2, 0)
        value, place = values.gather(axis, middle), places.gather(axis, middle)
        value = torch.where(count > 0, value, float("nan"))
        return (value, place) if keepdim else (value.squeeze(axis), place.squeeze(axis))

    def nanmedian(x: Tensor) -> Tensor:
        return nanmedian_of(x.reshape(-1), 0)[0]

    def topk(x: Tensor, k: int, axis: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Tensor, Tensor] | NotImplementedType:
        """Any order is that of sorted ones."""
        return NotImplemented if sorted else aten.topk(x, k, axis, largest)

    def masked_scatter(x: Tensor, mask: Tensor, source: Tensor) -> Tensor | NotImplementedType:
        """The importer knows no shapes that differ."""
        if x.shape == mask.shape:
            return NotImplemented
        return aten.masked_scatter(*torch.broadcast_tensors(x, mask), source)

    def masked_scatter_backward(grad: Tensor, mask: Tensor, sizes: Sequence[int]) -> Tensor:
        """Element k of the source went to the mask's place k; what was left over went nowhere."""
        count = math.prod(sizes)
        mask = mask.expand(grad.shape).reshape(-1)
        rank = torch.cumsum(mask.to(torch.int64), 0) - 1
        rank = torch.where(mask, rank, count)
        return torch.zeros(count + 1, dtype=grad.dtype).scatter_add(0, rank, grad.reshape(-1)).narrow(0, 0, count).reshape(sizes)

    def running(is_better: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, int], tuple[Tensor, Tensor]]:
        """Doubling steps: each element meets the best of the 1, 2, 4, ... before it; the later of equals stays."""

        def rule(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
            if x.ndim == 0:
                return x.clone(), torch.zeros_like(x, dtype=torch.int64)
            size = x.shape[axis]
            ramp = torch.arange(size).reshape([-1] + [1] * (x.ndim - 1 - axis % x.ndim))
            values, places, step = x, ramp.expand(x.shape), 1
            while step < size:
                before, after = values.narrow(axis, 0, size - step), values.narrow(axis, step, size - step)
                stays = is_better(after, before) | (after != after)
                after = torch.where(stays, after, before)
                at = torch.where(stays, places.narrow(axis, step, size - step), places.narrow(axis, 0, size - step))
                values = torch.cat([values.narrow(axis, 0, step), after], axis)
                places = torch.cat([places.narrow(axis, 0, step), at], axis)
                step *= 2
            return values.clone(), places.clone()

        return rule

    def logcumsumexp(x: Tensor, axis: int) -> Tensor:
        """Doubling steps, as in `running`: exponentials of differences alone, which do not overflow."""
        axis, step = axis % x.ndim, 1
        size = x.shape[axis]
        while step < size:
            before, after = x.narrow(axis, 0, size - step), x.narrow(axis, step, size - step)
            apart = torch.where(before == after, 0.0, -(before - after).abs())
            after = torch.maximum(before, after) + torch.log1p(torch.exp(apart))
            x = torch.cat([x.narrow(axis, 0, step), after], axis)
            step *= 2
        return x.clone()

    def index_reduce(x: Tensor, axis: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True) -> Tensor:
        axis %= x.ndim
        index = index.reshape([-1] + [1] * (x.ndim - 1 - axis)).expand(source.shape)
        return aten.scatter_reduce.two(x, axis, index, source, reduce, include_self=include_self)

    def sort_stable(x: Tensor, *, stable: bool | None = None, dim: int = -1, descending: bool = False) -> tuple[Tensor, Tensor]:
        """The importer's sort, which our loops make, is stable."""
        return torch.sort(x, dim, descending)

    def repeat_interleave(counts: Tensor, *, output_size: int | None = None) -> Tensor | NotImplementedType:
        if output_size is None:
            return NotImplemented
        ends = torch.cumsum(counts, 0)
        return (ends <= torch.arange(output_size).unsqueeze(1)).to(torch.int64).sum(1).to(counts.dtype)

    def searchsorted(
        edges: Tensor,
        x: Tensor | float,
        *,
        out_int32: bool = False,
        right: bool = False,
        side: str | None = None,
        sorter: Tensor | None = None,
    ) -> Tensor:
        """Edges that are less, or not greater: of each row, or of one line for all."""
        edges = edges if sorter is None else edges.gather(-1, sorter)
        value, edges = x.unsqueeze(-1), edges if edges.ndim == 1 else edges.unsqueeze(-2)
        # NaN is above all.
        is_before = (edges <= value) | (value != value) if right or side == "right" else (edges < value) | ((value != value) & (edges == edges))
        return is_before.to(torch.int64).sum(-1).to(torch.int32 if out_int32 else torch.int64)

    def histc(x: Tensor, bins: int = 100, low: float = 0, high: float = 0) -> Tensor:
        x = x.reshape(-1)
        low, high = (x.amin(), x.amax()) if low == high else (low, high)
        wide = x if x.is_floating_point() else x.to(torch.float32)
        place = torch.floor((wide - low) * bins / (high - low)).clamp(0, bins - 1).to(torch.int64)
        inside = ((x >= low) & (x <= high)).to(x.dtype)
        return torch.zeros(bins, dtype=x.dtype).scatter_add(0, place, inside)

    def fmod(x: Tensor, y: Tensor | float) -> Tensor:
        """Exact, as the importer's remainder is: x's sign, whatever y's is. The least whole number has no absolute value."""
        dtype = torch.result_type(x, y)
        if not dtype.is_floating_point:
            return x - torch.div(x, y, rounding_mode="trunc") * y
        x = x.to(dtype)
        rest = torch.remainder(x.abs(), y.abs() if isinstance(y, torch.Tensor) else abs(y))
        return torch.where(x < 0, -rest, torch.where((x == 0) & (rest == 0), x, rest))

    def diagonal_scatter(x: Tensor, source: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        axis1, axis2 = axis1 % x.ndim, axis2 % x.ndim
        rows, columns = x.shape[axis1], x.shape[axis2]
        on = torch.arange(columns) - torch.arange(rows).unsqueeze(1) == offset
        wide = torch.diag_embed(source, offset)
        wide = aten.constant_pad_nd(wide, [0, columns - wide.shape[-1], 0, rows - wide.shape[-2]])
        kept = torch.where(on, wide, x.movedim((axis1, axis2), (-2, -1)))
        return kept.movedim((-2, -1), (axis1, axis2)).clone()

    def masked_put(x: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool) -> Tensor | NotImplementedType:
        """x[mask] = values, where all that are chosen get the same ones; `lower` refuses the rest."""
        mask, *others = indices
        if mask is None:
            return NotImplemented
        rest = x.ndim - mask.ndim
        while values.ndim > rest and values.shape[0] == 1:
            values = values.squeeze(0)
        if others or values.ndim > rest:
            return NotImplemented
        mask = mask.reshape([*mask.shape, *[1] * rest])
        return torch.where(mask, x + values if accumulate else values, x)

    wrapped = []  # inside of the rule: the operator itself

    def index_put(x: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False) -> Tensor | NotImplementedType:
        """The importer takes a negative index for a place before the tensor, a mask for indices, none of 32 bits, and only axes in a row."""
        if wrapped:
            return NotImplemented
        if any(i is not None and i.dtype == torch.bool for i in indices):
            return masked_put(x, indices, values, accumulate)
        indices = [i if i is None else torch.where(i < 0, i + x.shape[axis], i).to(torch.int64) for axis, i in enumerate(indices)]
        named = [axis for axis, i in enumerate(indices) if i is not None]
        if named[-1] - named[0] >= len(named):  # the values have their axes first
            order = named + [axis for axis in range(x.ndim) if axis not in named]
            made = index_put(x.permute(order), [indices[axis] for axis in named], values, accumulate)
            return made.permute([order.index(axis) for axis in range(x.ndim)])
        wrapped.append(True)
        try:
            return aten.index_put.default(x, indices, values, accumulate)
        finally:
            wrapped.pop()

    def index_tensor(x: Tensor, indices: Sequence[Tensor | None]) -> Tensor | NotImplementedType:
        """The importer mixes words of 32 bits with those of 64."""
        if all(i is None or i.dtype != torch.int32 for i in indices):
            return NotImplemented
        return aten.index(x, [i if i is None else i.to(torch.int64) if i.dtype == torch.int32 else i for i in indices])

    def put(x: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
        index = index.reshape(-1)
        index = torch.where(index < 0, index + x.numel(), index)
        return aten.index_put(x.reshape(-1), [index], source.reshape(-1), accumulate).reshape(x.shape)

    def scatter_reduce(x: Tensor, axis: int, index: Tensor, source: Tensor | float, *, reduce: str) -> Tensor:
        source = source if isinstance(source, torch.Tensor) else torch.full(index.shape, source, dtype=x.dtype)
        return aten.scatter_reduce.two(x, axis, index, source, {"add": "sum", "multiply": "prod"}[reduce])

    def take(x: Tensor, index: Tensor) -> Tensor:
        index = torch.where(index < 0, index + x.numel(), index)
        return x.reshape(-1).gather(0, index.reshape(-1)).reshape(index.shape)

    return {
        aten.scatter.reduce: scatter_reduce,
        aten.scatter.value_reduce: scatter_reduce,
        aten.take.default: take,
        aten.fmod.Scalar: fmod,
        aten.fmod.Tensor: fmod,
        aten.diagonal_scatter.default: diagonal_scatter,
        aten.put.default: put,
        aten.index.Tensor: index_tensor,
        aten.index_put.default: index_put,
        aten.linalg_vector_norm.default: vector_norm,
        aten.kthvalue.default: kth,
        aten.topk.default: topk,
        aten.median.dim: median_of,
        aten.median.default: median,
        aten.sort.stable: sort_stable,
        aten.repeat_interleave.Tensor: repeat_interleave,
        aten.searchsorted.Tensor: searchsorted,
        aten.searchsorted.Scalar: lambda edges, x, **keywords: searchsorted(edges, torch.full([], x), **keywords),
        aten.nanmedian.dim: nanmedian_of,
        aten.nanmedian.default: nanmedian,
        aten.masked_scatter.default: masked_scatter,
        aten.masked_scatter_backward.default: masked_scatter_backward,
        aten.cummax.default: running(torch.ge),
        aten.cummin.default: running(torch.le),
        aten.index_reduce.default: index_reduce,
        aten.logcumsumexp.default: logcumsumexp,
        aten.histc.default: histc,
    }
