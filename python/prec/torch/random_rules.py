# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random numbers inside of a graph.

Masks (dropout, `bernoulli`) are `prec::words`: 32 bits of each position, which our compiler makes where they are read,
with a key of two numbers of PyTorch's generator for each call and of the layer. Numbers (`rand`, `normal_`, ...) that
depend on no data are PyTorch's own, drawn before the call, as eager draws them.
"""
from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from types import ModuleType, NotImplementedType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch._ops import OpOverload
    from torch import Tensor, dtype as DType

FULL, HALF = 1 << 32, 1 << 31


def define(torch: ModuleType) -> None:
    """The operator prec::words. `draw` tells one from another, so that no pass takes two for equal."""
    if hasattr(torch.ops.prec, "words"):
        return
    words = torch.library.custom_op("prec::words", _eager, mutates_args=(), tags=(torch.Tag.nondeterministic_seeded,),
                                    schema="(SymInt[] size, int draw) -> Tensor")  # fmt: skip
    words.register_fake(lambda size, draw: torch.empty(size, dtype=torch.int32))


def _eager(size: Sequence[int], draw: int) -> torch.Tensor:
    """For graphs that run in eager."""
    import torch

    return torch.randint(-HALF, HALF, size, dtype=torch.int32)


def rules(torch: ModuleType) -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}."""
    aten = torch.ops.aten
    draws = itertools.count()

    def below(x: Tensor, share: float) -> Tensor:
        """True at a random share of x's places."""
        limit = min(round(share * FULL), FULL - 1) - HALF
        return torch.ops.prec.words(list(x.shape), next(draws)) < limit

    def native_dropout(x: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor] | NotImplementedType:
        if not train or p == 0:
            return x.clone(), torch.ones_like(x, dtype=torch.bool)
        if not x.is_floating_point():
            return NotImplemented
        if p == 1:
            return x * 0.0, torch.zeros_like(x, dtype=torch.bool)
        stays = torch.logical_not(below(x, p))
        return x * factor(stays, x.dtype, 1 / (1 - p)), stays

    def native_dropout_backward(grad: Tensor, stays: Tensor, scale: float) -> Tensor:
        return grad * factor(stays, grad.dtype, scale)

    def factor(stays: Tensor, dtype: DType, scale: float) -> Tensor:
        return torch.where(stays, torch.full([], scale, dtype=dtype), torch.zeros([], dtype=dtype))

    def bernoulli_p(x: Tensor, p: float = 0.5) -> Tensor:
        if not 0 <= p <= 1:
            raise ValueError(f"bernoulli: found the probability {p}, expected 0..1")
        return (torch.ones_like(x) if p == 1 else torch.zeros_like(x) if p == 0 else below(x, p).to(x.dtype)).clone()

    def bernoulli_of(x: Tensor, p: Tensor) -> Tensor:
        return (torch.rand(x.shape) < p).to(x.dtype)

    def normal(mean: Tensor | float, deviation: Tensor | float) -> Tensor:
        shape = torch.broadcast_shapes(*(v.shape for v in (mean, deviation) if isinstance(v, torch.Tensor)))
        dtype = next(v.dtype for v in (mean, deviation) if isinstance(v, torch.Tensor))
        return torch.randn(shape, dtype=dtype) * deviation + mean

    def rrelu(x: Tensor, noise: Tensor, low: float = 1 / 8, high: float = 1 / 3, training: bool = False) -> tuple[Tensor, Tensor]:
        if not training:
            return torch.nn.functional.leaky_relu(x, (low + high) / 2), noise.clone()
        noise = torch.where(x <= 0, torch.rand_like(x) * (high - low) + low, 1.0)
        return x * noise, noise

    return {
        aten.rrelu_with_noise_functional.default: rrelu,
        aten.native_dropout.default: native_dropout,
        aten.native_dropout_backward.default: native_dropout_backward,
        aten.bernoulli.p: bernoulli_p,
        aten.bernoulli.default: lambda p: bernoulli_of(p, p),
        aten.bernoulli.Tensor: bernoulli_of,
        aten.normal.Tensor_Tensor: normal,
        aten.normal.Tensor_float: normal,
        aten.normal.float_Tensor: normal,
    }
