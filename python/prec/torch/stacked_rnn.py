# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Recurrent layers one by one, with dropout between them, which PyTorch's decomposition of the stack leaves out."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import GraphModule
    from torch.nn import RNNBase


def split_stacks(torch: ModuleType, graph_module: GraphModule) -> None:
    """Replaces stacks that drop, in a graph of TorchDynamo's."""
    operators = torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu
    for node in graph_module.graph.nodes:
        if node.op == "call_function" and node.target in operators:
            node.target = _one_by_one(torch, node.target)
    graph_module.recompile()


def drops(module: RNNBase) -> bool:
    """Whether a module of torch.nn drops between its layers."""
    return module.training and module.num_layers > 1 and module.dropout > 0


def _one_by_one(torch: ModuleType, operator: Callable[..., Any]) -> Callable[..., tuple[Tensor, ...]]:
    def stack(*arguments: Any) -> tuple[Tensor, ...]:
        """(x, [batch sizes of a packed sequence], states, weights, has biases, layers, share, training, ...)."""
        place = 3 if isinstance(arguments[3], (list, tuple)) else 2
        head, (states, weights, biases, layers, share, training, *rest) = arguments[: place - 1], arguments[place - 1 :]
        if layers == 1 or not share or not training:
            return operator(*arguments)
        each, ways = len(weights) // layers, 2 if rest[0] else 1
        x, lasts = head[0], []
        for k in range(layers):
            if k:
                x = torch.nn.functional.dropout(x, share, True)
            own = slice(k * ways, (k + 1) * ways)
            first = [s[own] for s in states] if isinstance(states, (list, tuple)) else states[own]
            x, *last = operator(x, *head[1:], first, weights[k * each : (k + 1) * each], biases, 1, 0.0, training, *rest)
            lasts.append(last)
        return x, *(torch.cat(parts) for parts in zip(*lasts))

    return stack
