# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sizes that TorchDynamo takes for variable, when a second size comes, as the numbers of this call."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch.fx import GraphModule


def specialize(torch: ModuleType, graph_module: GraphModule, example_inputs: Sequence[Any]) -> Sequence[Any]:
    """The inputs, with fake tensors for those of variable sizes. The sizes stay arguments that nothing uses.

    Asking a symbol for its number makes it a condition of the compiled code: another size compiles again.
    """
    nodes = [n for n in graph_module.graph.nodes if n.op == "placeholder"]
    numbers = {n: int(x) for n, x in zip(nodes, example_inputs, strict=True) if isinstance(x, torch.SymInt)}
    if not numbers:
        return example_inputs
    for user in {user for node in numbers for user in node.users}:
        user.args, user.kwargs = torch.fx.map_arg((user.args, user.kwargs), lambda n: numbers.get(n, n))
    graph_module.recompile()
    return [_static(torch, n.meta["example_value"], x) for n, x in zip(nodes, example_inputs)]


def _static(torch: ModuleType, fake: Any, given: Any) -> Any:
    if not isinstance(fake, torch.Tensor) or all(type(n) is int for n in (*fake.shape, *fake.stride())):
        return given
    with fake.fake_mode:
        made = torch.empty_strided([int(n) for n in fake.shape], [int(n) for n in fake.stride()], dtype=fake.dtype)
    return made.requires_grad_(fake.requires_grad)
