# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pools of one image without a batch, and of windows that differ, which the importer lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType, NotImplementedType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch._ops import OpOverload
    from torch import Tensor

POOLS = """
    max_pool1d max_pool2d max_pool3d max_pool2d_with_indices max_pool3d_with_indices avg_pool1d avg_pool2d avg_pool3d
    adaptive_avg_pool1d _adaptive_avg_pool2d _adaptive_avg_pool3d
"""


def rules(torch: ModuleType, others: Mapping[OpOverload, Callable[..., Any]]) -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}: those of `others` for batches."""
    aten = torch.ops.aten

    def of_a_batch(operator: Callable[..., Any], rank: int, inner: Callable[..., Any] | None) -> Callable[..., Any]:
        def rule(x: Tensor, *arguments: Any, **keywords: Any) -> Any:
            if any(isinstance(a, (list, tuple)) and len(a) == 1 < rank for a in arguments):  # one size for all axes
                return operator(x, *(list(a) * rank if isinstance(a, (list, tuple)) and len(a) == 1 else a for a in arguments), **keywords)
            if x.ndim > rank + 1:
                return inner(x, *arguments, **keywords) if inner else NotImplemented
            made = operator(x.unsqueeze(0), *arguments, **keywords)
            return torch.utils._pytree.tree_map(lambda y: y.squeeze(0), made)

        return rule

    def adaptive_max_pool(rank: int, inner: Callable[..., Any] | None) -> Callable[..., Any]:
        def rule(x: Tensor, sizes: Sequence[int]) -> tuple[Tensor, Tensor] | NotImplementedType:
            """Windows of one width: where they are less wide the last element stands again, which is no other maximum."""
            if all(n % made == 0 for n, made in zip(x.shape[-rank:], sizes)):
                return inner(x, sizes) if inner else NotImplemented
            starts, indices, widths = [], [], []
            for k, (n, made) in enumerate(zip(x.shape[-rank:], sizes, strict=True)):
                places = torch.arange(made)
                start, end = places * n // made, ((places + 1) * n + made - 1) // made
                widths.append(max(-(-(p + 1) * n // made) - p * n // made for p in range(made)))
                index = torch.minimum(start.unsqueeze(1) + torch.arange(widths[-1]), end.unsqueeze(1) - 1)
                indices.append(index.reshape([1] * 2 * k + [made, widths[-1]] + [1] * 2 * (rank - 1 - k)))
                starts.append(start.reshape([made] + [1] * (rank - 1 - k)))
            lead = x.ndim - rank
            seen = aten.index.Tensor(x, [None] * lead + indices)
            axes = [lead + 2 * k for k in range(rank)]
            seen = seen.permute(*range(lead), *axes, *(axis + 1 for axis in axes)).flatten(lead + rank)
            best, at = seen.argmax(-1), 0
            rest, step = best, 1
            for n, start, width in reversed(list(zip(x.shape[-rank:], starts, widths))):
                at = at + (start + rest % width) * step
                rest, step = rest // width, step * n
            return seen.amax(-1), at  # NaN stays, which the place takes for small

        return rule

    made = {}
    for name in POOLS.split():
        operator, rank = getattr(aten, name).default, int(name[name.index("d", name.index("pool")) - 1])
        made[operator] = of_a_batch(operator, rank, others.get(operator))
    for rank in (2, 3):
        operator = getattr(aten, f"adaptive_max_pool{rank}d").default
        made[operator] = adaptive_max_pool(rank, others.get(operator))
    return made
