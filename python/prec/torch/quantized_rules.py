# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that PyTorch's export has quantised: whole numbers with a scale and a zero point, as arithmetic."""
from prec.frontend import require


def rules(torch):
    """{operator: rule}."""
    kernels = require("torch.ao.quantization.fx._decomposed")  # which defines the operators
    operators = torch.ops.quantized_decomposed

    def number(value, dtype):
        return value.reshape(()).to(dtype) if isinstance(value, torch.Tensor) else value

    def quantize(x, scale, zero, low, high, dtype):
        x, inverse = x.to(torch.float32), number(1.0 / scale, torch.float32)
        low, high = (number(limit, torch.float32) for limit in (low, high))
        return torch.clamp(torch.round(x * inverse) + number(zero, torch.float32), low, high).to(dtype)

    def dequantize(x, scale, zero, low, high, dtype, *, out_dtype=None):
        made = out_dtype or torch.float32
        return (x.to(made) - number(zero, made)) * number(scale, made)

    overloads = "default", "tensor", "tensor2"
    return {
        **{getattr(operators.quantize_per_tensor, name): quantize for name in overloads},
        **{getattr(operators.dequantize_per_tensor, name): dequantize for name in overloads},
        operators.quantize_per_channel.default: kernels.quantize_per_channel,
        operators.dequantize_per_channel.default: kernels.dequantize_per_channel,
    }
