# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Values without elements as constants: the importer divides by their sizes, which ends its process."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.fx import Graph


def fill(torch: ModuleType, graph: Graph) -> None:
    """Replaces each operator that makes one. What only such operators read goes too."""
    full = torch.ops.aten.full.default
    higher = torch._ops.HigherOrderOperator
    for node in list(graph.nodes):
        value = node.meta.get("val")
        if node.op != "call_function" or not isinstance(value, torch.Tensor) or value.numel():
            continue
        if any(isinstance(n.target, higher) for n in (node, *node.all_input_nodes)):  # tokens keep effects, as errors are, alive
            continue
        with graph.inserting_before(node):
            made = graph.call_function(full, (list(value.shape), 0), {"dtype": value.dtype})
        made.meta = dict(node.meta)
        node.replace_all_uses_with(made)
        graph.erase_node(node)
        made.name = node.name
    graph.eliminate_dead_code()
