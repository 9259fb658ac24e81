# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Views by the strides of memory, which a graph's values do not have: as simpler operators, where the memory is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType, NotImplementedType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch._ops import OpOverload
    from torch import Tensor


def rules(torch: ModuleType) -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}; one that returns NotImplemented is refused by `lower`."""
    aten = torch.ops.aten

    def order(x: Tensor) -> list[int]:
        """The axes, outermost in memory first."""
        return sorted(range(x.ndim), key=lambda axis: (-x.stride(axis), -x.shape[axis]))

    def places(x: Tensor, size: Sequence[int], stride: Sequence[int], offset: int | None) -> Tensor | None:
        """Where a view's elements are in x's memory; None where that is not all x's, each once."""
        if not x.permute(order(x)).is_contiguous():
            return None
        start = 0 if offset is None else offset - x.storage_offset()
        last = start + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if 0 not in size and not 0 <= start <= last < x.numel():
            return None
        index = torch.full([], start)
        for k, (n, step) in enumerate(zip(size, stride)):
            index = index + (torch.arange(n) * step).reshape([-1] + [1] * (len(size) - 1 - k))
        return index.expand(size)

    def as_strided(x: Tensor, size: Sequence[int], stride: Sequence[int], offset: int | None = None) -> Tensor | NotImplementedType:
        index = places(x, size, stride, offset)
        if index is None:
            return NotImplemented
        return x.permute(order(x)).reshape(-1).gather(0, index.reshape(-1)).reshape(size)

    def as_strided_scatter(
        x: Tensor, source: Tensor, size: Sequence[int], stride: Sequence[int], offset: int | None = None
    ) -> Tensor | NotImplementedType:
        index, axes = places(x, size, stride, offset), order(x)
        if index is None:
            return NotImplemented
        moved = x.permute(axes)
        made = moved.reshape(-1).scatter(0, index.reshape(-1), source.reshape(-1)).reshape(moved.shape)
        return made.permute([axes.index(axis) for axis in range(x.ndim)])

    return {
        aten.as_strided.default: as_strided,
        aten.as_strided_copy.default: as_strided,
        aten.as_strided_scatter.default: as_strided_scatter,
        aten.new_empty_strided.default: lambda x, size, stride, **keywords: torch.zeros(size, dtype=keywords.get("dtype") or x.dtype),
        aten.empty_permuted.default: lambda size, order, **keywords: torch.zeros(size, dtype=keywords.get("dtype")),
    }
