# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What PyTorch computes in one kernel and has no decomposition of, as simpler operators."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch._ops import OpOverload

SUM, MEAN, MAXIMUM = range(3)


def rules(torch: ModuleType) -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}."""
    aten, functional = torch.ops.aten, torch.nn.functional

    def weight_norm_backward(grad, v, g, norms, dim):
        others = [d for d in range(v.ndim) if d != dim]
        along = (grad * v).sum(others, keepdim=True)
        return g / norms * (grad - v * along / (norms * norms)), along / norms

    def differences(a, b):
        return a.unsqueeze(-2) - b.unsqueeze(-3)

    def distances(a, b, p, mode):
        return torch.linalg.vector_norm(differences(a, b), p, -1)

    def distances_backward(grad, a, b, p, found):
        apart = differences(a, b)
        grad, found = grad.unsqueeze(-1), found.unsqueeze(-1)
        if p == 0:
            along = torch.zeros_like(apart)
        elif p == 1:
            along = grad * apart.sign()
        elif p == float("inf"):
            along = grad * apart.sign() * (apart.abs() == found).to(apart.dtype)
        else:
            power = apart if p == 2 else apart.sign() * apart.abs().pow(p - 1)
            along = torch.where(found == 0, 0.0, grad * power / (found if p == 2 else found.pow(p - 1)))
        rest = along.sum(-2)
        while rest.ndim > a.ndim:
            rest = rest.sum(0)
        return rest.sum_to_size(a.shape)

    def bag_of(index, offsets):
        """The bag of each index: the last that starts at it or before."""
        return (torch.arange(index.shape[0]).unsqueeze(1) >= offsets).to(torch.int64).sum(1) - 1

    def embedding_bag(weight, index, offsets, by_count=False, mode=SUM, sparse=False, scale=None, has_last=False, padding=-1):
        offsets = offsets.narrow(0, 0, offsets.shape[0] - 1) if has_last else offsets
        count, bag, rows = offsets.shape[0], bag_of(index, offsets), weight[index]
        used = (index != padding).to(torch.int64)
        sizes = torch.zeros(count, dtype=torch.int64).scatter_add(0, bag, used).to(index.dtype)
        if mode == MAXIMUM:
            inside = (bag == torch.arange(count).unsqueeze(1)) & (used > 0)
            places = torch.where(inside.unsqueeze(-1), rows, -float("inf")).argmax(1)
            best = index[places]
            made = torch.where((sizes > 0).unsqueeze(1), rows.gather(0, places), 0.0)
            return made, bag, sizes, best
        rows = rows if scale is None else rows * scale.unsqueeze(1)
        rows = torch.where((used > 0).unsqueeze(1), rows, 0.0)
        made = torch.zeros(count, weight.shape[1], dtype=weight.dtype).index_add(0, bag, rows)
        if mode == MEAN:
            made = made / sizes.clamp(min=1).unsqueeze(1).to(made.dtype)
        return made, bag, sizes, sizes.clone()

    def embedding_bag_backward(grad, index, offsets, bag, sizes, best, count, by_count, mode, sparse, scale, padding=-1):
        made = torch.zeros(count, grad.shape[1], dtype=grad.dtype)
        if by_count:
            return NotImplemented
        if mode == MAXIMUM:
            grad = torch.where((sizes > 0).unsqueeze(1), grad, 0.0)
            return made.scatter_add(0, best, grad)
        if mode == MEAN:
            grad = grad / sizes.clamp(min=1).unsqueeze(1).to(grad.dtype)
        rows = grad[bag]
        rows = rows if scale is None else rows * scale.unsqueeze(1)
        return made.index_add(0, index, torch.where((index != padding).unsqueeze(1), rows, 0.0))

    def bag_scale_backward(grad, weight, index, offsets, bag, mode, padding=-1):
        return torch.where(index != padding, (grad[bag] * weight[index]).sum(1), 0.0)

    def grouped(a, b, offsets=None, bias=None, dtype=None):
        """Products of the rows (or columns) up to each offset with a matrix of their own."""
        if bias is not None or (offsets is not None and 3 == a.ndim != b.ndim):
            return NotImplemented
        if offsets is None:
            return torch.bmm(a, b)
        axis = 0 if a.ndim == 2 and b.ndim == 3 else 1
        split = a.shape[0] if axis == 0 else a.shape[-1]
        at, starts = torch.arange(split), torch.cat([torch.zeros_like(offsets[:1]), offsets[:-1]])
        parts = []
        for k in range(offsets.shape[0]):
            inside = (at >= starts[k]) & (at < offsets[k])
            if axis == 0:
                parts.append(torch.where(inside.unsqueeze(1), a @ b[k], 0.0))
            else:
                parts.append(torch.where(inside, a, 0.0) @ b)
        return torch.stack(parts) if axis else torch.stack(parts).sum(0)

    def attention_layer(
        x, width, heads, qkv, qkv_bias, out, out_bias, is_gelu, norm_first, eps,
        norm1, norm1_bias, norm2, norm2_bias, up, up_bias, down, down_bias, mask=None, kind=None,
    ):  # fmt: skip
        """nn.TransformerEncoderLayer in evaluation; kind 0 is a mask of pairs, 1 of keys, 2 of both and each head."""

        def attend(y):
            q, k, v = (
                part.unflatten(-1, (heads, width // heads)).transpose(1, 2)
                for part in functional.linear(y, qkv, qkv_bias).chunk(3, -1)
            )
            scores = q * (width // heads) ** -0.5 @ k.transpose(-1, -2)
            if mask is not None:
                shown = mask.unsqueeze(1).unsqueeze(1) if kind == 1 else mask
                scores = scores.masked_fill(shown, -float("inf")) if mask.dtype == torch.bool else scores + shown
            return functional.linear((scores.softmax(-1) @ v).transpose(1, 2).flatten(2), out, out_bias)

        def feed(y):
            y = functional.linear(y, up, up_bias)
            return functional.linear(functional.gelu(y) if is_gelu else functional.relu(y), down, down_bias)

        def norm(y, weight, bias):
            return functional.layer_norm(y, (width,), weight, bias, eps)

        if norm_first:
            x = x + attend(norm(x, norm1, norm1_bias))
            return x + feed(norm(x, norm2, norm2_bias))
        x = norm(x + attend(x), norm1, norm1_bias)
        return norm(x + feed(x), norm2, norm2_bias)

    def conv_tbc(x, w, bias, padding=0):
        """Time, batch and channels in another order than the importer's shapes say."""
        return torch.conv1d(x.permute(1, 2, 0), w.permute(2, 1, 0), bias, padding=padding).permute(2, 0, 1).contiguous()

    def conv_tbc_backward(grad, x, w, bias, padding):
        back = aten.convolution_backward(
            grad.permute(1, 2, 0), x.permute(1, 2, 0), w.permute(2, 1, 0), [bias.shape[0]], [1], [padding], [1], False, [0], 1, [True] * 3)
        return back[0].permute(2, 0, 1).contiguous(), back[1].permute(2, 1, 0).contiguous(), back[2]

    def whole_product(a, b):
        return a.to(torch.int32) @ b.to(torch.int32)

    return {
        aten.conv_tbc.default: conv_tbc,
        aten.conv_tbc_backward.default: conv_tbc_backward,
        aten._int_mm.default: whole_product,
        aten._weight_norm_interface_backward.default: weight_norm_backward,
        aten._cdist_forward.default: distances,
        aten._cdist_backward.default: distances_backward,
        aten._embedding_bag.default: embedding_bag,
        aten._embedding_bag_forward_only.default: embedding_bag,
        aten._embedding_bag_backward.default: embedding_bag_backward,
        aten._embedding_bag_per_sample_weights_backward.default: bag_scale_backward,
        aten._grouped_mm.default: grouped,
        aten._transformer_encoder_layer_fwd.default: attention_layer,
    }
