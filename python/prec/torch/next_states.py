# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a module in training mode makes of its buffers, as results."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from torch.export import ExportedProgram


def _kinds(torch: ModuleType) -> Any:
    return torch.export.graph_signature.OutputKind


def writes_states(torch: ModuleType, program: ExportedProgram) -> bool:
    """Does the program change buffers and give its results otherwise alone?"""
    kinds = {spec.kind for spec in program.graph_signature.output_specs}
    return kinds == {_kinds(torch).BUFFER_MUTATION, _kinds(torch).USER_OUTPUT}


def drops_out(torch: ModuleType, program: ExportedProgram) -> bool:
    """Does the program read random words?"""
    words = torch.ops.prec.words.default if hasattr(torch.ops.prec, "words") else None
    return any(node.target is words for node in program.graph.nodes if node.op == "call_function")


def return_states(torch: ModuleType, program: ExportedProgram, states: Sequence[str]) -> list[tuple[str, str]]:
    """Makes the graph return its results and then the next value of each state, itself if it stays; [(name, "")] of them."""
    output = program.graph.output_node()
    specs = program.graph_signature.output_specs
    made = dict(zip((spec.target for spec in specs), output.args[0]))
    results = [node for spec, node in zip(specs, output.args[0]) if spec.kind == _kinds(torch).USER_OUTPUT]
    names = [f"result{k}" if len(results) > 1 else "result" for k in range(len(results))]
    own = {spec.target: spec.arg.name for spec in program.graph_signature.input_specs}
    placeholders = {node.name: node for node in program.graph.find_nodes(op="placeholder")}
    for state in states:
        results.append(made.get(state, placeholders[own[state]]))
        names.append(f"{state}.next")
    output.args = (tuple(results),)
    return [(name, "") for name in names]
