# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""An engine as a function from tensors to tensors, which share memory with what it takes and makes."""
from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prec.engine import Engine
    from torch import Tensor


class Calls:
    """`metas`: of the results."""

    def __init__(self, torch: ModuleType, engine: Engine, metas: Sequence[Tensor]) -> None:
        # Capsules: a tensor's own __dlpack__ takes twenty times as long.
        self.lent, self.taken_over = torch.utils.dlpack.to_dlpack, torch.utils.dlpack.from_dlpack
        self.call = engine.call
        # A module's words have no sign; strides of no elements are others in DLPack.
        self.unsigned = [(i, m.dtype) for i, m in enumerate(metas) if not m.dtype.is_signed and m.dtype != torch.bool]
        self.torch, self.empty = torch, [(i, m.shape, m.dtype) for i, m in enumerate(metas) if m.numel() == 0]

    def __call__(self, given: Sequence[Tensor], step: int = 0) -> list[Tensor]:
        made = [self.taken_over(r.__dlpack__()) for r in self.call(list(map(self.lent, given)), step)]
        for i, dtype in self.unsigned:
            made[i] = made[i].view(dtype)
        for i, shape, dtype in self.empty:
            made[i] = self.torch.empty(shape, dtype=dtype)
        return made
