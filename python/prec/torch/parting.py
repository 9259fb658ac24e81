# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The first layer at which an export and PyTorch part.

Every value of the graph that was lowered is compared with what PyTorch makes of that graph; where all agree, PyTorch's operators
with what they became, since a rule of theirs is at fault.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TYPE_CHECKING

from prec.compare import differs, run_model

from .complex_pairs import real
from .lower import layer_of, lower

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Graph, GraphModule, Node


def first_parting(
    torch: ModuleType,
    graph: Graph,
    forms: tuple[ExportedProgram, ExportedProgram],
    arguments: Sequence[tuple[str, str, str]],
    weights: dict[str, np.ndarray],
    inputs: Sequence[str],
    runs: Sequence[Sequence[Tensor]],
) -> str:
    """The end of a message. `runs`: the example inputs, and others next to them; `graph` is used up."""
    from .exporting import array_of

    program, eager = forms
    module = torch.fx.GraphModule(program.graph_module, graph)
    arrays = {name: array_of(torch, tensor) for name, tensor in zip(inputs, runs[0])}

    def ours(nodes: Sequence[Node]) -> list[np.ndarray]:
        text = lower(graph, arguments, [(n.name, dtype_of(n)) for n in nodes])
        return run_model(text, weights, inputs, arrays, len(nodes))

    fixed = _weights(torch, program)
    node, nodes, references = differing(torch, module, [[*fixed, *(real(torch, t) for t in tensors)] for tensors in runs], ours)
    if node:
        return told(node)
    became: dict[str, list[Node]] = {}
    for node in nodes:
        became.setdefault(next((source.name for source in node.meta.get("from_node", ())), ""), []).append(node)
    plain = eager.module()
    before = [_values(torch, plain, tensors) for tensors in runs]
    for node in plain.graph.nodes:
        reference, *others = (values.get(node.name) for values in before)
        if not isinstance(reference, torch.Tensor) or reference.is_complex():
            continue
        after = [n for n in became.get(node.name, ()) if references[0][n.name].shape == reference.shape]
        if after and differs(array_of(torch, references[0][after[-1].name]), array_of(torch, reference), [array_of(torch, x) for x in others]):
            return told(node)
    return ""


def differing(
    torch: ModuleType, module: GraphModule, runs: Sequence[Sequence[Tensor]], ours: Callable[[Sequence[Node]], list[np.ndarray]]
) -> tuple[Node | None, list[Node], list[dict[str, Any]]]:
    """(the first node whose value is not PyTorch's, all that are compared, PyTorch's values of each run).

    `ours`: the values of nodes, which are the results of the module's graph by then, in the first run."""
    from .exporting import array_of

    nodes = [n for n in module.graph.nodes if n.op == "call_function" and isinstance(n.meta.get("val"), torch.Tensor) and not n.meta["val"].is_complex()]
    values = [_values(torch, module, tensors) for tensors in runs]
    made = [[array_of(torch, of[n.name]) for n in nodes] for of in values]
    module.graph.output_node().args = (tuple(nodes),)
    for node, mine, reference, *others in zip(nodes, ours(nodes), *made):
        if differs(mine, reference, others):
            return node, nodes, values
    return None, nodes, values


def dtype_of(node: Node) -> str:
    return str(node.meta["val"].dtype).removeprefix("torch.")


def told(node: Node) -> str:
    return f"; the first layer that differs is '{layer_of(node)}' (at '{node.name}')"


def _weights(torch: ModuleType, program: ExportedProgram) -> list[Tensor]:
    kind = torch.export.graph_signature.InputKind.USER_INPUT
    known = {**program.constants, **program.state_dict}
    return [real(torch, known[spec.target].detach()) for spec in program.graph_signature.input_specs if spec.kind != kind]


def _values(torch: ModuleType, module: GraphModule, arguments: Sequence[Tensor]) -> dict[str, Any]:
    """{node: what PyTorch makes of it}."""
    values = {}

    class Watched(torch.fx.Interpreter):
        def run_node(self, n: Node) -> Any:
            made = super().run_node(n)
            values[n.name] = made.clone() if isinstance(made, torch.Tensor) else made
            return made

    with torch.no_grad():
        Watched(module).run(*(a.clone() for a in arguments))
    return values
