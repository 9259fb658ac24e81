# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Extents that are not known before a call, as operands of arithmetic on tensors."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.fx import Graph


def as_scalars(torch: ModuleType, graph: Graph) -> None:
    """The importer takes such a number where the overload says Scalar, not where it says Tensor."""
    for node in graph.nodes:
        if node.op != "call_function" or not isinstance(node.target, torch._ops.OpOverload) or node.target._overloadname != "Tensor":
            continue
        operands = [n.meta.get("val") for n in node.args[1:2] if isinstance(n, torch.fx.Node)]
        if operands and isinstance(operands[0], (torch.SymInt, torch.SymFloat)) and "Scalar" in node.target.overloadpacket.overloads():
            node.target = node.target.overloadpacket.Scalar
