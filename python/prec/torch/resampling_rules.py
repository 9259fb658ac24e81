# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Images of another size without aliases: a matrix for each axis, whose rows are the filter around each new place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch._ops import OpOverload
    from torch import Tensor, dtype as DType


def tent(x: float) -> float:
    return max(0.0, 1 - abs(x))


def cubic(x: float, a: float = -0.5) -> float:
    x = abs(x)
    if x < 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


def matrix(n: int, made: int, align: bool, factor: float | None, filter_of: Callable[[float], float], width: int) -> list[list[float]]:
    """Rows of weights of the n old elements. A filter is as wide as the step between new ones, where that is above 1."""
    if align:
        step = (n - 1) / (made - 1) if made > 1 else 0.0
    else:
        step = 1 / factor if factor else n / made
    wide = max(step, 1.0)
    rows = []
    for k in range(made):
        center = step * (k + 0.5)
        first = max(int(center - width / 2 * wide + 0.5), 0)
        last = min(int(center + width / 2 * wide + 0.5), n)
        row = [filter_of((j - center + 0.5) / wide) if first <= j < last else 0.0 for j in range(n)]
        total = sum(row)
        rows.append([w / total if total else w for w in row])
    return rows


def rules(torch: ModuleType) -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}."""
    aten = torch.ops.aten

    def constant(rows: list[list[float]], dtype: DType) -> Tensor:
        with torch.utils._python_dispatch._disable_current_modes():
            made = torch.tensor(rows, dtype=dtype)
        return aten.lift_fresh_copy.default(made)

    def matrices(
        sizes: Sequence[int],
        made: Sequence[int],
        align: bool,
        factors: Sequence[float | None],
        filter_of: Callable[[float], float],
        width: int,
        dtype: DType,
    ) -> list[Tensor]:
        return [
            constant(matrix(n, m, align, factor, filter_of, width), dtype)
            for n, m, factor in zip(sizes, made, factors, strict=True)
        ]  # fmt: skip

    def forward(*kind: Any) -> Callable[..., Tensor]:
        def rule(x: Tensor, made: Sequence[int], align: bool, down: float | None = None, across: float | None = None) -> Tensor:
            if list(x.shape[2:]) == list(made):
                return x.clone()
            rows, columns = matrices(x.shape[2:], made, align, (down, across), *kind, x.dtype)
            return rows @ (x @ columns.t())

        return rule

    def backward(*kind: Any) -> Callable[..., Tensor]:
        def rule(
            grad: Tensor,
            made: Sequence[int],
            size: Sequence[int],
            align: bool,
            down: float | None = None,
            across: float | None = None,
        ) -> Tensor:
            rows, columns = matrices(size[2:], made, align, (down, across), *kind, grad.dtype)
            return rows.t() @ grad @ columns

        return rule

    return {
        aten._upsample_bilinear2d_aa.default: forward(tent, 2),
        aten._upsample_bilinear2d_aa_backward.default: backward(tent, 2),
        aten._upsample_bicubic2d_aa.default: forward(cubic, 4),
        aten._upsample_bicubic2d_aa_backward.default: backward(cubic, 4),
    }
