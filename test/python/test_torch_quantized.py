# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that PyTorch quantises, and training that has quantisation in mind: results and gradients are those of eager, bit for bit."""
import copy
import os
import sys

import pytest
from conftest import BUILD, SOURCE, in_process

torch = pytest.importorskip("torch")
pytest.importorskip("iree.compiler")
os.environ.setdefault("PREC_BUILD_DIR", str(BUILD))
sys.path.insert(0, str(SOURCE / "python"))
import torch.ao.quantization as quantization  # noqa: E402
import torch.ao.quantization.fx._decomposed  # noqa: E402  defines the operators

import prec.torch  # noqa: E402

pytestmark = in_process
q = torch.ops.quantized_decomposed
SCALES, ZEROS = torch.tensor([0.1, 0.2, 0.3, 0.07, 0.05, 0.01]), torch.tensor([0, 1, -3, 2, 0, 5], dtype=torch.int32)


def numbers():
    torch.manual_seed(0)
    x = torch.randn(8, 6) * 3
    x[0] = torch.tensor([0.15, 0.25, -0.15, 0.35, 0.45, 0.55])  # half a step
    return x.requires_grad_()


def same(function, *arguments):
    """Two calls: quantisers keep what they have seen."""
    torch._dynamo.reset()
    ours = copy.deepcopy(function)
    compiled = torch.compile(ours, backend="prec", options={"strict": True})
    for _ in range(2):
        made = []
        for call in (function, compiled):
            given = [x.detach().clone().requires_grad_(x.requires_grad) for x in arguments]
            results = torch.utils._pytree.tree_leaves(call(*given))
            loss = sum((r * r.detach().cos()).sum() for r in results if r.requires_grad)
            wanted = [x for x in given if x.requires_grad]
            made.append(results + (list(torch.autograd.grad(loss, wanted, allow_unused=True)) if wanted else []))
        for mine, eager in zip(*reversed(made), strict=True):
            assert (mine is None) == (eager is None)
            assert eager is None or mine.dtype == eager.dtype and torch.equal(mine, eager)
    if isinstance(function, torch.nn.Module):
        assert all(torch.equal(a, b) for a, b in zip(ours.buffers(), function.buffers(), strict=True))


def test_numbers_as_bytes_and_back():
    def function(x, scale, zero, scales, zeros):
        by_numbers = q.quantize_per_tensor(x, 0.05, 3, -128, 127, torch.int8)
        by_tensors = q.quantize_per_tensor.tensor(x, scale, zero, 0, 255, torch.uint8)
        by_channels = q.quantize_per_channel(x, scales, zeros, 1, -128, 127, torch.int8)
        return (
            by_numbers, q.dequantize_per_tensor(by_numbers, 0.05, 3, -128, 127, torch.int8),
            by_tensors, q.dequantize_per_tensor.tensor(by_tensors, scale, zero, 0, 255, torch.uint8),
            by_channels, q.dequantize_per_channel(by_channels, scales, zeros, 1, -128, 127, torch.int8),
        )  # fmt: skip

    same(function, numbers().detach(), torch.tensor(0.03), torch.tensor(100), SCALES, ZEROS)


def test_the_gradient_of_scales_is_that_of_eager():
    """PyTorch traces none."""
    x = torch.arange(12, dtype=torch.uint8).reshape(2, 6)
    same(lambda s: q.dequantize_per_channel(x, s, ZEROS, 1, 0, 255, torch.uint8), SCALES.clone().requires_grad_())


@pytest.mark.parametrize("function", [
    lambda x: torch.fake_quantize_per_tensor_affine(x, 0.1, 3, -20, 20),
    lambda x: torch.fake_quantize_per_tensor_affine(x, torch.tensor(0.1), torch.tensor(3, dtype=torch.int32), -20, 20),
    lambda x: torch.fake_quantize_per_channel_affine(x, SCALES, ZEROS, 1, -20, 20),
    quantization.default_fake_quant(), quantization.default_weight_fake_quant(), quantization.default_per_channel_weight_fake_quant(),
    quantization.default_fused_act_fake_quant(),
])  # fmt: skip
def test_training_with_quantisation_in_mind(function):
    same(function, numbers())
