# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gradients that neither PyTorch's decompositions nor the importer have, as simpler operators.

Convolutions become convolutions. What is linear along each axis (average pools, padding by repetition) is a matrix for
each, which the forward operator makes of the unit vectors. A maximum's gradient is added up where its index says.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch._ops import OpOverload


def one_hot(torch: ModuleType, index: Tensor, count: int, dtype: torch.dtype) -> Tensor:
    return (index.unsqueeze(-1) == torch.arange(count)).to(dtype)


def rules(torch: ModuleType) -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}."""
    aten = torch.ops.aten

    def cut(x: Tensor, like: Tensor) -> Tensor:
        for axis, size in enumerate(like.shape[2:], 2):
            x = x.narrow(axis, 0, size)
        return x

    def conv(x: Tensor, w: Tensor, stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], groups: int) -> Tensor:
        return aten.convolution(x, w, None, stride, padding, dilation, False, [0] * len(stride), groups)

    def weight_gradient(
        x: Tensor, grad: Tensor, w: Tensor, stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], groups: int
    ) -> Tensor:
        """Channels take the part of the batch, and strides that of dilations."""
        n, c = x.shape[:2]
        sizes = x.shape[2:]
        x = x.reshape(n, groups, c // groups, *sizes).permute(2, 1, 0, *range(3, 3 + len(sizes)))
        made = conv(x.reshape(c // groups, groups * n, *sizes), grad.transpose(0, 1), dilation, padding, stride, groups)
        return cut(made, w).transpose(0, 1)

    def convolution_backward(
        grad: Tensor,
        x: Tensor,
        w: Tensor,
        bias: Sequence[int] | None,
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        transposed: bool,
        extra: Sequence[int],
        groups: int,
        wanted: Sequence[bool],
    ) -> tuple[Tensor | None, ...]:
        rank = x.ndim - 2
        stride, padding, dilation = (list(v) * rank if len(v) == 1 else list(v) for v in (stride, padding, dilation))
        made = [None, None, None]
        if wanted[0] and transposed:
            made[0] = cut(conv(grad, w, stride, padding, dilation, groups), x)
        elif wanted[0]:
            reached = [
                (o - 1) * s - 2 * p + d * (k - 1) + 1
                for o, s, p, d, k in zip(grad.shape[2:], stride, padding, dilation, w.shape[2:])
            ]
            extra = [n - r for n, r in zip(x.shape[2:], reached)]
            made[0] = aten.convolution(grad, w, None, stride, padding, dilation, True, extra, groups)
        if wanted[1]:
            ends = (grad, x) if transposed else (x, grad)
            made[1] = weight_gradient(*ends, w, stride, padding, dilation, groups)
        if wanted[2]:
            made[2] = grad.sum([0, *range(2, grad.ndim)])
        return tuple(made)

    def along(grad: Tensor, x: Tensor, rank: int, row: Callable[[Tensor, int], Tensor]) -> Tensor:
        """x's gradient through row(units [1, n, n], axis number): one operator on each of the last `rank` axes."""
        for k in range(rank):
            axis = x.ndim - rank + k
            units = one_hot(torch, torch.arange(x.shape[axis]), x.shape[axis], grad.dtype)
            matrix = row(units.unsqueeze(0), k).squeeze(0)
            grad = (grad.movedim(axis, -1) @ matrix.t()).movedim(-1, axis)
        return grad

    def avg_pool_backward(rank: int) -> Callable[..., Tensor]:
        def rule(
            grad: Tensor,
            x: Tensor,
            kernel: Sequence[int],
            stride: Sequence[int],
            padding: Sequence[int],
            ceil: bool,
            with_padding: bool,
            divisor: int | None,
        ) -> Tensor:
            kernel, stride, padding = (list(v) * rank if len(v) == 1 else list(v) for v in (kernel, stride or kernel, padding))
            if divisor:  # of a sum, also where a window ends outside of the padding
                return along(grad / divisor, x, rank, lambda units, k: aten.avg_pool2d(
                    units.unsqueeze(1), [1, kernel[k]], [1, stride[k]], [0, padding[k]], ceil, True, 1).squeeze(1))  # fmt: skip
            return along(grad, x, rank, lambda units, k: aten.avg_pool1d(
                units, [kernel[k]], [stride[k]], [padding[k]], ceil, with_padding))  # fmt: skip

        return rule

    def adaptive_avg_pool_backward(rank: int) -> Callable[[Tensor, Tensor], Tensor]:
        def rule(grad: Tensor, x: Tensor) -> Tensor:
            sizes = grad.shape[-rank:]
            return along(grad, x, rank, lambda units, k: aten.adaptive_avg_pool1d(units, [sizes[k]]))

        return rule

    def pad_backward(rank: int, pad: Callable[[Tensor, list[int]], Tensor]) -> Callable[[Tensor, Tensor, Sequence[int]], Tensor]:
        def rule(grad: Tensor, x: Tensor, padding: Sequence[int]) -> Tensor:
            pairs = list(zip(padding[::2], padding[1::2]))[::-1]
            return along(grad, x, rank, lambda units, k: pad(units, list(pairs[k])))

        return rule

    def max_pool_backward(rank: int) -> Callable[..., Tensor]:
        def rule(grad: Tensor, x: Tensor, *arguments: Any) -> Tensor:
            return scattered(grad, x, arguments[-1], rank)

        return rule

    def scattered(grad: Tensor, x: Tensor, index: Tensor, rank: int) -> Tensor:
        flat = x.shape[:-rank] + (-1,)
        zeros = torch.zeros_like(x).reshape(flat)
        return zeros.scatter_add(-1, index.reshape(flat), grad.reshape(flat)).reshape(x.shape)

    made = {
        aten.convolution_backward.default: convolution_backward,
        aten.max_pool2d_with_indices_backward.default: max_pool_backward(2),
        aten.max_pool3d_with_indices_backward.default: max_pool_backward(3),
        aten.adaptive_max_pool2d_backward.default: max_pool_backward(2),
        aten.adaptive_max_pool3d_backward.default: max_pool_backward(3),
    }
    for rank in (1, 2, 3):
        for word in ("reflection", "replication"):
            operator = getattr(aten, f"{word}_pad{rank}d_backward").default
            made[operator] = pad_backward(rank, getattr(aten, f"{word}_pad1d"))
    for rank in (2, 3):
        made[getattr(aten, f"avg_pool{rank}d_backward").default] = avg_pool_backward(rank)
        made[getattr(aten, f"_adaptive_avg_pool{rank}d_backward").default] = adaptive_avg_pool_backward(rank)
    return made
