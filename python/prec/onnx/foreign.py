# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators for which there is no rule: the pinned foreign importer, one node at a time.

It runs in a child process, since it can crash on what it does not expect.
"""
from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from prec import child
from prec.frontend import FrontendError, require

from .builder import rename_foreign
from .knowledge import small_model
from .types import proto_of

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto
    from .graph import Graph

SECONDS = 60  # for one node
PIPELINE = (
    "builtin.module(torch-onnx-to-torch-backend-pipeline,"
    "torch-backend-to-linalg-on-tensors-backend-pipeline)"
)


def _lower(model: ModelProto) -> str:
    from iree.compiler import ir, passmanager
    from iree.compiler.extras import onnx_importer

    os.close(2)  # it prints what it also raises
    os.open(os.devnull, os.O_WRONLY)
    context = ir.Context()
    module = ir.Module.create(ir.Location.unknown(context))
    info = onnx_importer.ModelInfo(model)
    onnx_importer.NodeImporter.define_function(info.main_graph, module.operation).import_all()
    passmanager.PassManager.parse(PIPELINE, context).run(module.operation)
    return str(module)


def lower(graph: Graph, proto: NodeProto, opsets: dict[str, int], arguments: Sequence[str], results: Sequence[str], name: str) -> str:
    """The text of a function @name for one node."""
    require("iree.compiler")
    for result in results:
        if result not in graph.types or graph.types[result][1] is None:
            raise FrontendError(f"the shape of its result '{result}' is not known; give --shape")
    model = small_model(
        graph, proto, opsets, [proto_of(r, *graph.types[r]) for r in results]
    )
    try:
        text = child.call(_lower, model, who="the foreign importer", seconds=SECONDS)
    except child.ChildFailed as error:
        if "pass pipeline" not in str(error):
            raise
        raise FrontendError("there is no rule for it, and the foreign importer does not lower it") from None
    if not arguments == [v.name for v in model.graph.input]:
        raise FrontendError("the foreign importer takes other operands")
    return rename_foreign(text, name)
