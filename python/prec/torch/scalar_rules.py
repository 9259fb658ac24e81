# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators of tensors without axes as those of one axis: the importer crashes on some, never ends, or refuses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch._ops import OpOverload

OPERATORS = """
    _softmax.default amax.default amin.default argmax.default argmin.default max.dim min.dim sort.default sort.stable
    topk.default cumsum.default cumprod.default logcumsumexp.default index_select.default index_add.default
    index_copy.default index_reduce.default gather.default prod.dim_int flip.default var.correction
    scatter_add.default scatter.src scatter.value scatter_reduce.two mean.dim
"""
SHAPED_BY_INDEX = "gather.default"


def of_one_axis(torch: ModuleType, rules: Mapping[OpOverload, Callable[..., Any]]) -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}: that of `rules` where there are axes."""

    def rule_of(operator: OpOverload, inner: Callable[..., Any] | None, by_index: bool) -> Callable[..., Any]:
        def rule(x: Tensor, *arguments: Any, **keywords: Any) -> Any:
            if x.ndim:
                return inner(x, *arguments, **keywords) if inner else NotImplemented
            index = next((a for a in arguments if isinstance(a, torch.Tensor)), None)
            arguments = [a.reshape(-1) if isinstance(a, torch.Tensor) else a for a in arguments]
            shape = index.shape if by_index else ()
            made = operator(x.reshape(1), *arguments, **keywords)
            return torch.utils._pytree.tree_map(lambda y: y.reshape(shape), made)

        return rule

    made = {}
    for name in OPERATORS.split():
        packet, overload = name.split(".")
        operator = getattr(getattr(torch.ops.aten, packet), overload)
        made[operator] = rule_of(operator, rules.get(operator), name == SHAPED_BY_INDEX)
    return made
