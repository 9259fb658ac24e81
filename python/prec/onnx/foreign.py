# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators for which there is no rule: the pinned foreign importer, one node at a time.

It runs in a child process, since it can crash on what it does not expect.
"""
import os
import pickle

from prec.frontend import FrontendError, require

from .builder import rename_foreign
from .types import proto_of

PIPELINE = (
    "builtin.module(torch-onnx-to-torch-backend-pipeline,"
    "torch-backend-to-linalg-on-tensors-backend-pipeline)"
)


def in_child(function, *arguments):
    """function's result from a child process; a crash is an error of ours."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            answer = (True, function(*arguments))
        except BaseException as error:  # everything goes back to the parent
            answer = (False, str(error).strip() or type(error).__name__)
        with os.fdopen(write, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    if not data:
        raise FrontendError(f"the foreign importer crashed (status {status})")
    good, answer = pickle.loads(data)
    if not good:
        raise FrontendError(f"the foreign importer: {answer.splitlines()[0][:300]}")
    return answer


def _lower(model):
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


def lower(graph, proto, opsets, arguments, results, name):
    """The text of a function @name for one node."""
    require("iree.compiler")
    for result in results:
        if result not in graph.types or graph.types[result][1] is None:
            raise FrontendError(f"the shape of its result '{result}' is not known; give --shape")
    model = graph.importer._small_model(
        graph, proto, opsets, [proto_of(r, *graph.types[r]) for r in results]
    )
    text = in_child(_lower, model)
    if not arguments == [v.name for v in model.graph.input]:
        raise FrontendError("the foreign importer takes other operands")
    return rename_foreign(text, name)
