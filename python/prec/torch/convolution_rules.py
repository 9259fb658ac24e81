# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions that the importer lacks, or lowers to many times the work.

A rule that returns NotImplemented leaves the operator to the importer.
"""
from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType, NotImplementedType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch._ops import OpOverload
    from torch import Tensor

FEW = 16  # phases of all axes together: each is a convolution of the graph


@dataclass(frozen=True)
class Phase:
    """Places r, r + s, r + 2s, ... of a transposed convolution's axis: a plain convolution by some of the taps.

    Place q * s + r gets x[i] * w[t] where i * s + d * t - p = q * s + r.
    """

    first: int
    step: int
    dilation: int
    left: int
    right: int

    @classmethod
    def of(cls, r: int, n: int, k: int, stride: int, padding: int, dilation: int, made: int) -> Phase | None:
        """None where no tap meets an element. made: the phase's size."""
        taps = [t for t in range(k) if (dilation * t - padding - r) % stride == 0]
        if not taps:
            return None
        shared = math.gcd(stride, dilation)
        reach = dilation // shared * (len(taps) - 1)
        left = (dilation * taps[0] - padding - r) // stride + reach
        right = made + reach - left - n
        if max(-left, -right) >= n:
            return None
        return cls(taps[0], stride // shared, dilation // shared, left, right)


def rules(torch: ModuleType) -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}."""
    aten = torch.ops.aten

    def convolution(
        x: Tensor,
        w: Tensor,
        bias: Tensor | None,
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        transposed: bool,
        extra: Sequence[int],
        groups: int,
    ) -> Tensor | NotImplementedType:
        """The importer knows a filter of its own for each channel only in 1-d and 2-d, and not transposed.

        Of a transposed convolution's input it makes one with zeros between the elements.
        """
        rank = x.ndim - 2
        stride, padding, dilation, extra = (list(v) * rank if len(v) == 1 else list(v) for v in (stride, padding, dilation, extra))
        depthwise = groups > 1 and groups == w.shape[0] == x.shape[1] and w.shape[1] == 1
        if transposed and 1 < math.prod(stride) <= FEW and 0 not in x.shape:
            return by_phases(x, w, bias, stride, padding, dilation, extra, groups)
        if not depthwise or (rank < 3 and not transposed):
            return NotImplemented
        if rank < 3:
            x, padding = spread(x, w, stride, padding, dilation, extra)
            return aten.convolution(x, w.flip(list(range(2, w.ndim))), bias, [1] * rank, padding, dilation, False, [0] * rank, groups)
        parts = [
            aten.convolution(
                x.narrow(1, k, 1), w.narrow(0, k, 1), None if bias is None else bias.narrow(0, k, 1),
                stride, padding, dilation, transposed, extra, 1,
            )
            for k in range(groups)
        ]  # fmt: skip
        return torch.cat(parts, 1)

    def by_phases(
        x: Tensor,
        w: Tensor,
        bias: Tensor | None,
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        extra: Sequence[int],
        groups: int,
    ) -> Tensor:
        """Each phase starts with the bias, as the whole would: it is no operation, and no rounding, of its own."""
        rank, space, kernel = x.ndim - 2, x.shape[2:], w.shape[2:]
        out = groups * w.shape[1]
        w = w.reshape(groups, w.shape[0] // groups, w.shape[1], *kernel).transpose(1, 2)
        w = w.reshape(out, x.shape[1] // groups, *kernel)
        sizes = [
            (n - 1) * s - 2 * p + d * (k - 1) + more + 1
            for n, s, p, d, k, more in zip(space, stride, padding, dilation, kernel, extra, strict=True)
        ]
        made = [-(-size // s) for size, s in zip(sizes, stride)]

        def phase(places: Sequence[int]) -> Tensor:
            axes = [Phase.of(*axis) for axis in zip(places, space, kernel, stride, padding, dilation, made)]
            if None in axes:
                empty = torch.zeros([x.shape[0], out, *made], dtype=x.dtype)
                return empty if bias is None else empty + bias.reshape(-1, *[1] * rank)
            part = w[(slice(None), slice(None), *(slice(a.first, None, a.step) for a in axes))]
            border = [size for a in reversed(axes) for size in (a.left, a.right)]
            wide = aten.constant_pad_nd(x, border) if any(border) else x
            part = part.flip(list(range(2, w.ndim)))
            return aten.convolution(wide, part, bias, [1] * rank, [0] * rank, [a.dilation for a in axes], False, [0] * rank, groups)

        whole = torch.stack([phase(places) for places in itertools.product(*map(range, stride))])
        whole = whole.reshape(*stride, x.shape[0], out, *made)
        pairs = [axis for k in range(rank) for axis in (rank + 2 + k, k)]
        whole = whole.permute(rank, rank + 1, *pairs).reshape(x.shape[0], out, *(m * s for m, s in zip(made, stride)))
        for axis, size in enumerate(sizes, 2):
            whole = whole.narrow(axis, 0, size)
        return whole

    def spread(
        x: Tensor, w: Tensor, stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], extra: Sequence[int]
    ) -> tuple[Tensor, list[int]]:
        """A transposed convolution's input between zeros, and the padding of the plain one that it equals."""
        borders = [d * (k - 1) - p for d, k, p in zip(dilation, w.shape[2:], padding)]
        if all(s == 1 for s in stride) and not any(extra) and min(borders) >= 0:
            return x, borders
        sizes = []
        for axis, (s, border, more) in enumerate(zip(stride, borders, extra, strict=True), 2):
            if s > 1:
                n = x.shape[axis]
                x = aten.constant_pad_nd(x.movedim(axis, -1).unsqueeze(-1), [0, s - 1]).flatten(-2)
                x = x.narrow(-1, 0, (n - 1) * s + 1).movedim(-1, axis)
            sizes = [border, border + more, *sizes]
        return aten.constant_pad_nd(x, sizes), [0] * len(borders)

    return {aten.convolution.default: convolution}
