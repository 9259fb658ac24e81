# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Samples of images and volumes at any places, and their gradients, which the importer lacks, as gathers and scatters."""
from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from types import ModuleType, NotImplementedType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch._ops import OpOverload
    from torch import Tensor

BILINEAR, NEAREST = range(2)
ZEROS, BORDER, REFLECTION = range(3)


def rules(torch: ModuleType) -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}; one that returns NotImplemented leaves the operator to the importer."""
    aten = torch.ops.aten

    def reflected(at: Tensor, slope: Tensor, size: int, align: bool) -> tuple[Tensor, Tensor]:
        low, span = (0.0, size - 1) if align else (-0.5, size)
        if span == 0:
            return torch.zeros_like(at), torch.zeros_like(at)
        at = at - low
        slope = torch.where(at < 0, -slope, slope)
        at = at.abs()
        turns = torch.floor(at / span)
        rest = at - turns * span
        is_back = turns - 2 * torch.floor(turns / 2) > 0
        return torch.where(is_back, span - rest, rest) + low, torch.where(is_back, -slope, slope)

    def place(grid: Tensor, size: int, padding: int, align: bool) -> tuple[Tensor, Tensor]:
        """(the coordinate in elements, its derivative by the grid's)."""
        factor = (size - 1) / 2 if align else size / 2
        at = (grid + 1) * factor if align else ((grid + 1) * size - 1) / 2
        slope = torch.full_like(at, factor)
        if padding == REFLECTION:
            at, slope = reflected(at, slope, size, align)
        if padding != ZEROS:
            slope = torch.where((at > 0) & (at < size - 1), slope, 0.0)
            at = at.clamp(0, size - 1)
        return at, slope

    class Corner:
        """One neighbour of every place: its index in the flat image, whether it is inside, its weight on each axis and their signs."""

        def __init__(self, ats: Sequence[Tensor], offsets: Sequence[int], sizes: Sequence[int]) -> None:
            self.index, self.inside, self.weights, self.signs = 0, True, [], []
            for at, offset, size in zip(ats, offsets, sizes, strict=True):
                first = torch.floor(at)
                share = at - first
                index = (first + offset).clamp(-1, size).to(torch.int64)
                self.inside = (index >= 0) & (index < size) & self.inside
                self.index = self.index * size + index.clamp(0, size - 1)
                self.weights.append(share if offset else 1 - share)
                self.signs.append(1 if offset else -1)

        def weight(self, without: int | None = None) -> Tensor:
            return math.prod(w for k, w in enumerate(self.weights) if k != without)

    def prepared(x: Tensor, grid: Tensor, mode: int, padding: int, align: bool) -> tuple[list[Corner], list[Tensor]]:
        """(corners, slopes), places flat; None for bicubic samples. The grid's last coordinate is the first axis."""
        sizes, rank = x.shape[2:], x.ndim - 2
        grid = grid.reshape(grid.shape[0], -1, rank)
        both = [place(grid[..., rank - 1 - k], sizes[k], padding, align) for k in range(rank)]
        ats, slopes = [at for at, _ in both], [slope for _, slope in both]
        if mode == NEAREST:
            return [Corner([torch.round(at) for at in ats], [0] * rank, sizes)], slopes
        return [Corner(ats, offsets, sizes) for offsets in itertools.product((0, 1), repeat=rank)], slopes

    def values(x: Tensor, corner: Corner) -> Tensor:
        index = corner.index.unsqueeze(1).expand(-1, x.shape[1], -1)
        return torch.where(corner.inside.unsqueeze(1), x.reshape(*x.shape[:2], -1).gather(2, index), 0.0)

    def sample(x: Tensor, grid: Tensor, mode: int, padding: int, align: bool) -> Tensor:
        corners, _ = prepared(x, grid, mode, padding, align)
        made = sum(values(x, corner) * corner.weight().unsqueeze(1) for corner in corners)
        return made.reshape(*x.shape[:2], *grid.shape[1:-1])

    def backward(
        grad: Tensor, x: Tensor, grid: Tensor, mode: int, padding: int, align: bool, wanted: Sequence[bool]
    ) -> tuple[Tensor | None, Tensor | None] | NotImplementedType:
        if mode not in (BILINEAR, NEAREST):
            return NotImplemented
        corners, slopes = prepared(x, grid, mode, padding, align)
        grad = grad.reshape(*grad.shape[:2], -1)
        to_x = torch.zeros_like(x).reshape(*x.shape[:2], -1)
        to_grid = [torch.zeros_like(slope) for slope in slopes]
        for corner in corners:
            if wanted[0]:
                share = torch.where(corner.inside, corner.weight(), 0.0).unsqueeze(1)
                to_x = to_x.scatter_add(2, corner.index.unsqueeze(1).expand(grad.shape), grad * share)
            if wanted[1] and mode == BILINEAR:
                along = (grad * values(x, corner)).sum(1)
                to_grid = [g + along * corner.weight(k) * sign for k, (g, sign) in enumerate(zip(to_grid, corner.signs))]
        to_grid = torch.stack([g * slope for g, slope in zip(to_grid, slopes)][::-1], -1)
        return to_x.reshape(x.shape) if wanted[0] else None, to_grid.reshape(grid.shape)

    return {
        aten.grid_sampler_3d.default: sample,
        aten.grid_sampler_2d_backward.default: backward,
        aten.grid_sampler_3d_backward.default: backward,
    }
