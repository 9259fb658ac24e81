# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fourier transforms of pairs of tensors, in PyTorch's operations."""
from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, TYPE_CHECKING

from prec.fourier import Fourier

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


def _fourier(torch: ModuleType) -> Fourier:
    def constant(array: np.ndarray, like: Tensor) -> Tensor:
        with torch.utils._python_dispatch._disable_current_modes():
            made = torch.tensor(array, dtype=like.dtype)
        return torch.ops.aten.lift_fresh_copy.default(made)

    return Fourier(constant, lambda x, n: torch.nn.functional.pad(x, (0, n)), lambda x: x.flip(-1), lambda parts: torch.cat(parts, -1))


def transform(
    torch: ModuleType, x: tuple[Any, ...], axes: Sequence[int], is_inverse: bool = False, is_half: bool = False
) -> tuple[Any, ...]:
    """Of `axes`, the last of them first; `is_half`: only the first half of the last one, which a real tensor's says all of."""
    for axis in reversed(axes):
        half = x[0].shape[axis] // 2 + 1
        x = _fourier(torch).along(x, axis, is_inverse)
        if is_half and axis == axes[-1]:
            x = tuple(part.narrow(axis, 0, half) for part in x)
    return x


def real_of_half(torch: ModuleType, x: tuple[Any, ...], axis: int, n: int) -> Tensor:
    """The real tensor of n numbers whose transform begins so: back, without a factor."""
    return _fourier(torch).real_from_half(x, axis, n)


def factor(normalization: int, count: int) -> float:
    """Of `_fft_r2c`'s argument: none, by the root, by the number."""
    return (1.0, count**-0.5, 1.0 / count)[normalization]
