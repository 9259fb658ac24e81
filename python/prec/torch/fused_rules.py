# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What PyTorch computes in one kernel and has no decomposition of, as simpler operators."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType, NotImplementedType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch._ops import OpOverload
    from torch import Tensor, dtype as DType

SUM, MEAN, MAXIMUM = range(3)


def rules(torch: ModuleType) -> dict[OpOverload, Callable[..., Any]]:
    """{operator: rule}."""
    aten, functional = torch.ops.aten, torch.nn.functional

    def weight_norm_backward(grad: Tensor, v: Tensor, g: Tensor, norms: Tensor, dim: int) -> tuple[Tensor, Tensor]:
        others = [d for d in range(v.ndim) if d != dim]
        along = (grad * v).sum(others, keepdim=True)
        return g / norms * (grad - v * along / (norms * norms)), along / norms

    def differences(a: Tensor, b: Tensor) -> Tensor:
        return a.unsqueeze(-2) - b.unsqueeze(-3)

    def distances(a: Tensor, b: Tensor, p: float, mode: int | None) -> Tensor:
        return torch.linalg.vector_norm(differences(a, b), p, -1)

    def distances_backward(grad: Tensor, a: Tensor, b: Tensor, p: float, found: Tensor) -> Tensor:
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

    def bag_of(index: Tensor, offsets: Tensor) -> Tensor:
        """The bag of each index: the last that starts at it or before."""
        return (torch.arange(index.shape[0]).unsqueeze(1) >= offsets).to(torch.int64).sum(1) - 1

    def embedding_bag(
        weight: Tensor,
        index: Tensor,
        offsets: Tensor,
        by_count: bool = False,
        mode: int = SUM,
        sparse: bool = False,
        scale: Tensor | None = None,
        has_last: bool = False,
        padding: int = -1,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
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

    def embedding_bag_backward(
        grad: Tensor,
        index: Tensor,
        offsets: Tensor,
        bag: Tensor,
        sizes: Tensor,
        best: Tensor,
        count: int,
        by_count: bool,
        mode: int,
        sparse: bool,
        scale: Tensor | None,
        padding: int = -1,
    ) -> Tensor | NotImplementedType:
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

    def bag_scale_backward(
        grad: Tensor, weight: Tensor, index: Tensor, offsets: Tensor, bag: Tensor, mode: int, padding: int = -1
    ) -> Tensor:
        return torch.where(index != padding, (grad[bag] * weight[index]).sum(1), 0.0)

    def grouped(
        a: Tensor, b: Tensor, offsets: Tensor | None = None, bias: Tensor | None = None, dtype: DType | None = None
    ) -> Tensor | NotImplementedType:
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
        x: Tensor, width: int, heads: int, qkv: Tensor, qkv_bias: Tensor, out: Tensor, out_bias: Tensor, is_gelu: bool, norm_first: bool, eps: float,
        norm1: Tensor, norm1_bias: Tensor, norm2: Tensor, norm2_bias: Tensor, up: Tensor, up_bias: Tensor, down: Tensor, down_bias: Tensor,
        mask: Tensor | None = None, kind: int | None = None,
    ) -> Tensor:  # fmt: skip
        """nn.TransformerEncoderLayer in evaluation; kind 0 is a mask of pairs, 1 of keys, 2 of both and each head."""

        def attend(y: Tensor) -> Tensor:
            q, k, v = (
                part.unflatten(-1, (heads, width // heads)).transpose(1, 2)
                for part in functional.linear(y, qkv, qkv_bias).chunk(3, -1)
            )
            scores = q * (width // heads) ** -0.5 @ k.transpose(-1, -2)
            if mask is not None:
                shown = mask.unsqueeze(1).unsqueeze(1) if kind == 1 else mask
                scores = scores.masked_fill(shown, -float("inf")) if mask.dtype == torch.bool else scores + shown
            return functional.linear((scores.softmax(-1) @ v).transpose(1, 2).flatten(2), out, out_bias)

        def feed(y: Tensor) -> Tensor:
            y = functional.linear(y, up, up_bias)
            return functional.linear(functional.gelu(y) if is_gelu else functional.relu(y), down, down_bias)

        def norm(y: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
            return functional.layer_norm(y, (width,), weight, bias, eps)

        if norm_first:
            x = x + attend(norm(x, norm1, norm1_bias))
            return x + feed(norm(x, norm2, norm2_bias))
        x = norm(x + attend(x), norm1, norm1_bias)
        return norm(x + feed(x), norm2, norm2_bias)

    def conv_tbc(x: Tensor, w: Tensor, bias: Tensor | None, padding: int = 0) -> Tensor:
        """Time, batch and channels in another order than the importer's shapes say."""
        return torch.conv1d(x.permute(1, 2, 0), w.permute(2, 1, 0), bias, padding=padding).permute(2, 0, 1).contiguous()

    def conv_tbc_backward(grad: Tensor, x: Tensor, w: Tensor, bias: Tensor | None, padding: int) -> tuple[Tensor, Tensor, Tensor]:
        back = aten.convolution_backward(
            grad.permute(1, 2, 0), x.permute(1, 2, 0), w.permute(2, 1, 0), [bias.shape[0]], [1], [padding], [1], False, [0], 1, [True] * 3)
        return back[0].permute(2, 0, 1).contiguous(), back[1].permute(2, 1, 0).contiguous(), back[2]

    def whole_product(a: Tensor, b: Tensor) -> Tensor:
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
