# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole numbers with a scale and a zero point, of models that PyTorch's export has quantised or will, as arithmetic."""
from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, TYPE_CHECKING

from prec.frontend import require

if TYPE_CHECKING:
    from torch._ops import OpOverload
    from torch.fx import GraphModule
    from torch import Tensor, dtype as DType


def rules(torch: ModuleType) -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}."""
    kernels = require("torch.ao.quantization.fx._decomposed")  # which defines the operators
    operators = torch.ops.quantized_decomposed

    def number(value: Tensor | float, dtype: DType) -> Tensor | float:
        return value.reshape(()).to(dtype) if isinstance(value, torch.Tensor) else value

    def quantize(x: Tensor, scale: Tensor | float, zero: Tensor | int, low: int, high: int, dtype: DType) -> Tensor:
        x, inverse = x.to(torch.float32), number(1.0 / scale, torch.float32)
        low, high = (number(limit, torch.float32) for limit in (low, high))
        return torch.clamp(torch.round(x * inverse) + number(zero, torch.float32), low, high).to(dtype)

    def dequantize(
        x: Tensor, scale: Tensor | float, zero: Tensor | int, low: int, high: int, dtype: DType, *, out_dtype: DType | None = None
    ) -> Tensor:
        made = out_dtype or torch.float32
        return (x.to(made) - number(zero, made)) * number(scale, made)

    def rounded(x: Tensor, scale: Tensor | float, zero: Tensor | float, low: int, high: int) -> tuple[Tensor, Tensor]:
        """(x as its quantised number says it, whether that was no limit): of training with quantisation in mind."""
        whole = torch.round(x * (1.0 / scale)) + zero
        return (torch.clamp(whole, low, high) - zero) * scale, (whole >= low) & (whole <= high)

    def of_tensors(x: Tensor, scale: Tensor, zero: Tensor, enabled: Tensor, low: int, high: int) -> tuple[Tensor, Tensor]:
        made, inside = rounded(x, number(scale, x.dtype), number(zero, x.dtype), low, high)
        is_on = enabled.reshape(()) == 1
        return torch.where(is_on, made, x), inside | torch.logical_not(is_on)

    def of_channels(x: Tensor, scales: Tensor, zeros: Tensor, axis: int, low: int, high: int) -> tuple[Tensor, Tensor]:
        shape = [-1 if k == axis else 1 for k in range(x.ndim)]
        return rounded(x, scales.reshape(shape), zeros.reshape(shape).to(x.dtype), low, high)

    overloads = "default", "tensor", "tensor2"
    return {
        **{getattr(operators.quantize_per_tensor, name): quantize for name in overloads},
        **{getattr(operators.dequantize_per_tensor, name): dequantize for name in overloads},
        torch.ops.aten.fake_quantize_per_tensor_affine_cachemask.default: rounded,
        torch.ops.aten._fake_quantize_per_tensor_affine_cachemask_tensor_qparams.default: of_tensors,
        torch.ops.aten.fake_quantize_per_channel_affine_cachemask.default: of_channels,
        operators.quantize_per_channel.default: kernels.quantize_per_channel,
        operators.dequantize_per_channel.default: kernels.dequantize_per_channel,
    }


def inline(torch: ModuleType, graph_module: GraphModule) -> None:
    """PyTorch traces no gradients through these operators, which eager takes through the Python that they are."""
    if not any("quantized_decomposed" in str(node.target) for node in graph_module.graph.nodes):
        return
    known = rules(torch)
    known |= {operator._overloadpacket: rule for operator, rule in known.items()}
    for node in graph_module.graph.nodes:
        if node.op == "call_function":
            node.target = known.get(node.target, node.target)
    graph_module.recompile()
