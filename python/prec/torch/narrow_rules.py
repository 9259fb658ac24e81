# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What eager computes in f32 of bf16 and f16, where the importer stays in the narrow type: sums stop growing there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch._ops import OpOverload

OPERATORS = """
    sum.default sum.dim_IntList mean.default mean.dim prod.default prod.dim_int cumsum.default cumprod.default
    logcumsumexp.default logsumexp.default var.correction std.correction var_mean.correction std_mean.correction
    linalg_vector_norm.default avg_pool1d.default avg_pool2d.default avg_pool3d.default adaptive_avg_pool1d.default
    _adaptive_avg_pool2d.default _adaptive_avg_pool3d.default index_add.default index_put.default scatter_add.default
    scatter_reduce.two index_reduce.default embedding_dense_backward.default sigmoid.default silu.default
    avg_pool2d_backward.default avg_pool3d_backward.default _adaptive_avg_pool2d_backward.default
    _adaptive_avg_pool3d_backward.default nll_loss_forward.default nll_loss2d_forward.default _cdist_forward.default
    _embedding_bag.default _embedding_bag_forward_only.default _embedding_bag_dense_backward.default hypot.default
"""


def widened(torch: ModuleType, rules: Mapping[OpOverload, Callable[..., Any]]) -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}: that of `rules`, on f32."""
    narrow = torch.bfloat16, torch.float16

    def rule_of(operator: OpOverload, inner: Callable[..., Any] | None) -> Callable[..., Any]:
        def rule(*arguments: Any, **keywords: Any) -> Any:
            given = torch.utils._pytree.tree_leaves((arguments, keywords))
            dtype = next((x.dtype for x in given if isinstance(x, torch.Tensor) and x.dtype in narrow), None)
            if dtype is None:
                return inner(*arguments, **keywords) if inner else NotImplemented
            asked = keywords.pop("dtype", None) or dtype
            wide = torch.utils._pytree.tree_map(
                lambda x: x.to(torch.float32) if isinstance(x, torch.Tensor) and x.dtype in narrow else x, (arguments, keywords)
            )
            made = operator(*wide[0], **wide[1])
            return torch.utils._pytree.tree_map(lambda x: x.to(asked) if isinstance(x, torch.Tensor) and x.is_floating_point() else x, made)

        return rule

    aten, made = torch.ops.aten, {}
    for name in OPERATORS.split():
        packet, overload = name.split(".")
        operator = getattr(getattr(aten, packet), overload)
        made[operator] = rule_of(operator, rules.get(operator))
    return made
