# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The first layer at which an export and PyTorch part.

Every value of the graph that was lowered is compared with what PyTorch makes of that graph; where all agree, PyTorch's operators
with what they became, since a rule of theirs is at fault.
"""
from __future__ import annotations

from collections.abc import Sequence
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
    nodes = [n for n in graph.nodes if n.op == "call_function" and isinstance(n.meta.get("val"), torch.Tensor) and not n.meta["val"].is_complex()]
    references = [_values(torch, module, [*_weights(torch, program), *(real(torch, t) for t in tensors)]) for tensors in runs]
    made = [[array_of(torch, values[n.name]) for n in nodes] for values in references]
    arrays = {name: array_of(torch, tensor) for name, tensor in zip(inputs, runs[0])}
    graph.output_node().args = (tuple(nodes),)
    text = lower(graph, arguments, [(n.name, str(n.meta["val"].dtype).removeprefix("torch.")) for n in nodes])
    ours = run_model(text, weights, inputs, arrays, len(nodes))
    for node, mine, reference, *others in zip(nodes, ours, *made):
        if differs(mine, reference, others):
            return _told(node)
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
            return _told(node)
    return ""


def _told(node: Node) -> str:
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
