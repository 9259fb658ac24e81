# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators of small integers, and of the order and sums of booleans, in 64 bits.

The importer takes bytes from 128 on for negative ones in some, shifts signed ones as if they had no sign, and refuses others.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch.fx import Graph
    from torch import Tensor, dtype as DType
    from torch._subclasses.fake_tensor import FakeTensor
    from torch.fx import Node

VIEWS = """
    view reshape permute transpose t expand slice select unsqueeze squeeze clone alias detach _to_copy copy split_with_sizes
    split unbind
"""
AS_NUMBERS = """
    max min amax amin argmax argmin sort topk aminmax scatter_reduce kthvalue cummax cummin maximum minimum clamp clamp_min
    clamp_max scatter_add index_add index_put
"""


def widen(torch: ModuleType, graph: Graph) -> None:
    """Casts what these take, and their results back: whole numbers modulo 2^n are those of more bits modulo 2^n."""
    small = torch.uint8, torch.uint16, torch.uint32, torch.int8, torch.int16
    cast = torch.ops.aten._to_copy.default

    def is_wrong(node: Node, value: Any) -> bool:
        name = node.target.overloadpacket.__name__
        if not isinstance(value, torch.Tensor) or name in VIEWS.split():
            return False
        return value.dtype in small or (value.dtype == torch.bool and name in AS_NUMBERS.split())

    def in_64_bits(value: FakeTensor) -> Tensor:
        with value.fake_mode:
            return value.to(torch.int64)

    def cast_node(node: Node, value: Tensor, dtype: DType) -> Node:
        made = graph.call_function(cast, (node,), {"dtype": dtype})
        made.meta = {**node.meta, "val": value}
        made.meta.pop("tensor_meta", None)
        return made

    def widen_result(node: Node, value: FakeTensor) -> None:
        """The result, of a tuple the part, is one of 64 bits, and its readers take a cast of it."""
        if value.dtype not in (*small, torch.bool):
            return
        node.meta = {**node.meta, "val": in_64_bits(value)}
        node.meta.pop("tensor_meta", None)
        with graph.inserting_after(node):
            back = cast_node(node, value, value.dtype)
        node.replace_all_uses_with(back, delete_user_cb=lambda user: user is not back)

    for node in list(graph.nodes):
        if node.op != "call_function" or not isinstance(node.target, torch._ops.OpOverload):
            continue
        wrong = [n for n in node.all_input_nodes if is_wrong(node, n.meta.get("val"))]
        if not wrong:
            continue
        with graph.inserting_before(node):
            wide = {n: cast_node(n, in_64_bits(n.meta["val"]), torch.int64) for n in wrong}
        for old, new in wide.items():
            node.replace_input_with(old, new)
        if node.kwargs.get("dtype") in small:
            node.kwargs = {**node.kwargs, "dtype": torch.int64}
        made = node.meta["val"]
        kept = {n.meta["val"].dtype for n in wrong}
        if isinstance(made, torch.Tensor):
            if made.dtype in kept:
                widen_result(node, made)
            continue
        node.meta = {**node.meta, "val": type(made)(in_64_bits(m) if m.dtype in kept else m for m in made)}
        node.meta.pop("tensor_meta", None)
        for user in list(node.users):
            if user.meta["val"].dtype in kept:
                widen_result(user, user.meta["val"])
