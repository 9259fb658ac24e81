# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a file to a module and its weights, without the check."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TYPE_CHECKING

from prec.frontend import adopt

from . import foreign
from .graph import Importer
from .load import load
from .settle import set_shapes, set_values
from .widening import NARROW

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

    from .large import FileArray


@dataclass
class Imported:
    """A module's text, its weights, and what is known of it."""

    text: str
    weights: dict[str, Any]
    inputs: list[str]
    outputs: list[str]
    model: ModelProto
    arrays: dict[str, FileArray]  # of the weights whose data is not in the model
    types: dict[str, tuple[str, tuple[int, ...]]]  # of the inputs
    all_types: dict[str, tuple[str, tuple[int, ...] | None]]  # of all values of the graph
    status: dict[str, str] = field(default_factory=dict)

    @property
    def is_narrow(self) -> bool:
        return any(dtype in NARROW for dtype, _ in self.all_types.values())

    @property
    def is_quantised(self) -> bool:
        return any("Quantize" in n.op_type or n.op_type.startswith("QLinear") for n in self.model.graph.node)

    def taps(self) -> tuple[Callable[[list[str]], str], dict[str, Any], list[str]]:
        """(text of a module with these names as results, weights, all names)."""
        again = Importer(self.model, self.arrays, foreign.lower)
        again.run()
        names = [n for n in again.graph.values if n not in again.inputs and n not in again.graph.constants]
        return (lambda chosen: adopt(again.module_of(chosen))), again.weight_arguments, names


def import_model(
    path: str | Path, shapes: Mapping[str, Sequence[int]] | None = None, values: Mapping[str, np.ndarray] | None = None
) -> Imported:
    """Imports an ONNX file. shapes: {input: sizes}; values: {input: array}, for inputs that become constants."""
    model, arrays = load(path)
    set_values(model, values or {})
    set_shapes(model, shapes or {})
    importer = Importer(model, arrays, foreign.lower)
    text = adopt(importer.run())
    types = {name: importer.graph.types[name] for name in importer.inputs}
    return Imported(
        text, importer.weight_arguments, importer.inputs, importer.outputs, model, arrays, types,
        importer.graph.types, importer.status,
    )  # fmt: skip
