# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Solving with triangular matrices, as products of their parts: linear attention in chunks does."""
from __future__ import annotations

from collections.abc import Callable
from types import ModuleType, NotImplementedType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch._ops import OpOverload

MOST_ROWS = 128  # each row is an operation of the graph


def rules(torch: ModuleType) -> dict[OpOverload, Callable[..., Any]]:
    def solved(a: Tensor, b: Tensor, upper: bool, unit: bool) -> Tensor:
        """One half after the other; what lies outside of the triangle is not read."""
        count = a.shape[-1]
        if count == 1:
            return b if unit else b / a
        half = count // 2
        first, second = slice(None, half), slice(half, None)
        if upper:
            first, second = second, first
        x = solved(a[..., first, first], b[..., first, :], upper, unit)
        y = solved(a[..., second, second], b[..., second, :] - a[..., second, first] @ x, upper, unit)
        return torch.cat([y, x] if upper else [x, y], -2)

    def solve_triangular(
        a: Tensor, b: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
    ) -> Tensor | NotImplementedType:
        if not 0 < a.shape[-1] <= MOST_ROWS or a.is_complex():
            return NotImplemented
        if not left:
            return solve_triangular(a.mT, b.mT, upper=not upper, unitriangular=unitriangular).mT
        batch = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return solved(a.expand(*batch, *a.shape[-2:]), b.expand(*batch, *b.shape[-2:]), upper, unitriangular)

    return {torch.ops.aten.linalg_solve_triangular.default: solve_triangular}
