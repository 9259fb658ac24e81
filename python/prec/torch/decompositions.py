# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How ATen operators become simpler ones before the importer sees them.

PyTorch's own rules where it has them: the importer's GELU has another constant and its
layer norm computes in f64. Backward operators that it does not know become sums over
one-hot rows.
"""
from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import NotImplementedType
from typing import Any, TYPE_CHECKING

from prec.frontend import require

from . import (
    backward_rules, convolution_rules, forward_rules, fused_rules, grid_rules, memory_rules, narrow_rules, pool_rules, quantized_rules, random_rules,
    resampling_rules, scalar_rules, selection_rules, triangular_rules,
)  # fmt: skip
from .backward_rules import one_hot
from .complex_pairs import for_real

if TYPE_CHECKING:
    from torch._ops import OpOverload
    from torch import Tensor, dtype as DType

PYTORCH_RULES = """
    gelu gelu_backward native_layer_norm native_layer_norm_backward nll_loss_forward
    nll_loss2d_forward _log_softmax _log_softmax_backward_data _softmax_backward_data
    threshold_backward tanh_backward sigmoid_backward silu_backward hardswish_backward
    hardsigmoid_backward hardtanh_backward elu_backward leaky_relu_backward softplus_backward
    native_batch_norm native_batch_norm_backward _native_batch_norm_legit
    _native_batch_norm_legit_functional _native_batch_norm_legit_no_training
    _batch_norm_with_update_functional _batch_norm_no_update batch_norm_backward
    native_group_norm native_group_norm_backward mse_loss mse_loss_backward smooth_l1_loss
    smooth_l1_loss_backward huber_loss huber_loss_backward binary_cross_entropy
    binary_cross_entropy_backward select_backward slice_backward detach addmm addmv
    upsample_nearest2d_backward unfold_backward logit_backward log_sigmoid_forward
    log_sigmoid_backward softplus glu_backward mish_backward lstm gru rnn_tanh rnn_relu
    _scaled_dot_product_flash_attention_for_cpu adaptive_max_pool2d index_add _prelu_kernel
    _prelu_kernel_backward xlogy logsumexp im2col col2im grid_sampler_2d hardtanh vdot
    upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d
    narrow_copy permute_copy unbind_copy view_copy ldexp rrelu_with_noise_backward
"""


@functools.cache
def table() -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}."""
    torch = require("torch")
    from torch._decomp import core_aten_decompositions, get_decompositions

    random_rules.define(torch)
    aten = torch.ops.aten
    names = [getattr(aten, n) for n in PYTORCH_RULES.split() if hasattr(aten, n)]
    pytorchs = dict(core_aten_decompositions()) | get_decompositions(names)
    rules = dict(pytorchs)
    for own in (
        forward_rules, convolution_rules, backward_rules, selection_rules, fused_rules, random_rules, memory_rules, grid_rules, resampling_rules,
        quantized_rules, triangular_rules,
    ):  # fmt: skip
        rules |= own.rules(torch)

    def embedding_backward(grad: Tensor, index: Tensor, rows: int, padding: int, scale: bool) -> Tensor:
        hot = one_hot(torch, index.reshape(-1), rows, grad.dtype)
        if padding >= 0:
            hot = hot * (torch.arange(rows) != padding).to(grad.dtype)
        return hot.t() @ grad.reshape(-1, grad.shape[-1])

    def nll_loss_backward(
        grad: Tensor, x: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignore: int, total: Tensor
    ) -> Tensor:
        """Classes are axis 1 of x, or the last one of a single sample."""
        axis = 1 if x.ndim > 1 else 0
        if not axis:
            grad, target = grad.reshape(()), target.reshape(-1)[0]
        hot = one_hot(torch, target, x.shape[axis], grad.dtype)
        if weight is not None:
            hot = hot * weight
        hot = hot * (target != ignore).to(grad.dtype).unsqueeze(-1)
        scale = grad / total if reduction == 1 else grad
        made = -hot * (scale.unsqueeze(-1) if reduction == 0 else scale)
        return made.movedim(-1, axis)

    def var_mean(
        x: Tensor, dim: list[int] | None = None, *, correction: float | None = None, keepdim: bool = False
    ) -> tuple[Tensor, Tensor]:
        dim = list(range(x.ndim)) if dim is None else dim
        mean = x.mean(dim, True)
        count = 1
        for d in dim:
            count *= x.shape[d]
        squares = ((x - mean) ** 2).sum(dim, keepdim)
        return squares / max(0, count - (1 if correction is None else correction)), (
            mean if keepdim else x.mean(dim, False)
        )

    def squeeze(x: Tensor, dims: Sequence[int]) -> Tensor:
        gone = {d % x.ndim for d in dims if x.ndim and x.shape[d] == 1}
        return x.reshape([n for i, n in enumerate(x.shape) if i not in gone])

    def safe_softmax(x: Tensor, dim: int, dtype: DType | None = None) -> Tensor:
        x = x if dtype is None else x.to(dtype)
        alive = (x != float("-inf")).to(x.dtype).sum(dim, keepdim=True) > 0
        return torch.where(alive, torch.softmax(torch.where(alive, x, 0.0), dim), 0.0)

    whole_pool = get_decompositions([aten._adaptive_avg_pool2d])[aten._adaptive_avg_pool2d.default]

    def adaptive_avg_pool2d(x: Tensor, sizes: Sequence[int]) -> Tensor | NotImplementedType:
        """The importer's has windows of one size."""
        is_even = all(made and n % made == 0 for n, made in zip(x.shape[-2:], sizes))
        return NotImplemented if is_even else whole_pool(x, sizes)

    def soft_margin_loss_backward(grad: Tensor, x: Tensor, target: Tensor, reduction: int = 1) -> Tensor:
        """PyTorch's subtracts 1 from a number near 1."""
        made = -target * grad * torch.sigmoid(-target * x)
        return made / x.numel() if reduction == 1 else made

    whole_add = rules[aten.index_add.default]

    def index_add(x: Tensor, axis: int, index: Tensor, source: Tensor, **keywords: Any) -> Tensor:
        """PyTorch's takes an index without axes for a place, which has fewer numbers than the source."""
        return whole_add(x, axis, index.reshape(-1), source, **keywords)

    rules[aten.index_add.default] = index_add
    rules[aten.squeeze.dims] = squeeze
    rules[aten.dist.default] = lambda a, b, p=2: torch.linalg.vector_norm(a - b, p)
    rules[aten._efficientzerotensor.default] = lambda size, **keywords: torch.zeros(size, dtype=keywords.get("dtype"))
    rules[aten._adaptive_avg_pool2d.default] = adaptive_avg_pool2d
    rules[aten.soft_margin_loss_backward.default] = soft_margin_loss_backward
    rules[aten._safe_softmax.default] = safe_softmax
    rules[aten.embedding_dense_backward.default] = embedding_backward
    rules[aten.nll_loss_backward.default] = nll_loss_backward
    rules[aten.nll_loss2d_backward.default] = nll_loss_backward
    rules[aten.var_mean.correction] = var_mean
    rules |= scalar_rules.of_one_axis(torch, rules)
    rules |= pool_rules.rules(torch, rules)
    rules |= narrow_rules.widened(torch, rules)
    return {operator: rule if pytorchs.get(operator) is rule else for_real(torch, rule) for operator, rule in rules.items()}
