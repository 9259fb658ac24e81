# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads an ONNX file: parsed, checked, its external data read, its inputs' sizes set."""
from pathlib import Path

from prec.frontend import FrontendError

from .types import onnx, type_of

NEWEST_OPSET, OLDEST_OPSET = 24, 1


def _refuse_outside_data(model, path):
    """External data must lie in the model's folder."""
    folder = Path(path).resolve().parent
    for tensor in _tensors(model.graph):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        target = (folder / location).resolve()
        if not location or not target.is_relative_to(folder):
            raise FrontendError(f"'{tensor.name}' has its data in '{location}', which is outside the model's folder")
        if not target.is_file():
            raise FrontendError(f"'{tensor.name}' has its data in '{location}', which does not exist")


def _tensors(graph):
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            if attribute.HasField("g"):
                yield from _tensors(attribute.g)



def load(path):
    """The model. Errors say what is wrong and where in the model."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise FrontendError(f"cannot read '{path}': {error.strerror}") from None
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's own class of error differs between versions
        raise FrontendError(f"'{path}' is not an ONNX model: {_line(error)}") from None
    del data
    if not model.graph.node and not model.graph.output:
        raise FrontendError(f"'{path}' is not an ONNX model: it has no graph")
    _refuse_bytes(model.graph, path)
    _refuse_outside_data(model, path)
    try:
        onnx.external_data_helper.load_external_data_for_model(model, str(Path(path).parent))
    except Exception as error:
        raise FrontendError(f"cannot read the external data of '{path}': {_line(error)}") from None
    check(model, path)
    return model


def _refuse_bytes(graph, path):
    """Names that are no text come as bytes."""
    for node in graph.node:
        for word in (node.name, node.op_type, node.domain, *node.input, *node.output):
            if not isinstance(word, str):
                raise FrontendError(f"'{path}' is not an ONNX model: a name is no text: {word!r}")
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        if not isinstance(value.name, str):
            raise FrontendError(f"'{path}' is not an ONNX model: a name is no text: {value.name!r}")


def check(model, path):
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx") and not OLDEST_OPSET <= opset.version <= NEWEST_OPSET:
            raise FrontendError(
                f"'{path}' has opset {opset.version}; expected {OLDEST_OPSET}..{NEWEST_OPSET}"
            )
    if model.graph.sparse_initializer:
        raise FrontendError(f"'{model.graph.sparse_initializer[0].values.name}' is a sparse tensor, which is not supported")
    for value in (*model.graph.input, *model.graph.output):
        type_of(value.type, value.name)
    _refuse_wrong_sizes(model.graph)
    if model.ByteSize() < 1 << 30:
        try:
            onnx.checker.check_model(model)
        except Exception as error:
            _name_the_node(model, path)
            raise FrontendError(f"'{path}' is not a valid model: {_line(error)}") from None


def _refuse_wrong_sizes(graph):
    """An initializer must have as many bytes as its shape says."""
    for tensor in _tensors(graph):
        count = 1
        for size in tensor.dims:
            if size < 0:
                raise FrontendError(f"'{tensor.name}' has a dimension of {size}")
            count *= size
        if tensor.HasField("raw_data"):
            width = _WIDTHS.get(tensor.data_type)
            if width and len(tensor.raw_data) != count * width:
                raise FrontendError(
                    f"'{tensor.name}' of shape {list(tensor.dims)} has {len(tensor.raw_data)} "
                    f"bytes of data; expected {count * width}"
                )


_P = onnx.TensorProto
_WIDTHS = {
    _P.FLOAT: 4, _P.DOUBLE: 8, _P.FLOAT16: 2, _P.BFLOAT16: 2, _P.BOOL: 1, _P.INT8: 1, _P.UINT8: 1,
    _P.INT16: 2, _P.UINT16: 2, _P.INT32: 4, _P.UINT32: 4, _P.INT64: 8, _P.UINT64: 8,
}  # fmt: skip


def _name_the_node(model, path):
    """The checker's message, for the node it is about: each node is checked alone."""
    context = onnx.checker.C.CheckerContext()
    context.ir_version = model.ir_version
    context.opset_imports = {o.domain: o.version for o in model.opset_import}
    functions = {(f.domain, f.name) for f in model.functions}
    for i, node in enumerate(model.graph.node):
        if (node.domain, node.op_type) in functions:
            continue
        try:
            onnx.checker.check_node(node, context)
        except Exception as error:
            name = node.name or f"number {i}"
            raise FrontendError(f"node '{name}' ({node.op_type}) of '{path}': {_line(error)}") from None


def _line(error):
    """The first line of a foreign message."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]


def set_shapes(model, shapes):
    """Replaces the inputs' shapes by those given, and names of sizes by their numbers."""
    weights = {w.name for w in model.graph.initializer}
    inputs = {v.name: v for v in model.graph.input if v.name not in weights}
    sizes = {}
    for name, shape in shapes.items():
        if name not in inputs:
            raise FrontendError(f"--shape: no input '{name}'; there are: {', '.join(inputs) or 'none'}")
        dims = inputs[name].type.tensor_type.shape.dim
        if inputs[name].type.tensor_type.HasField("shape") and len(dims) != len(shape):
            raise FrontendError(
                f"--shape: '{name}' has {len(dims)} dimensions; found {len(shape)}: "
                + "x".join(map(str, shape))
            )
        for dim, size in zip(dims, shape):
            if dim.HasField("dim_value") and dim.dim_value != size:
                raise FrontendError(f"--shape: '{name}' has a dimension of {dim.dim_value}; found {size}")
            if dim.dim_param and sizes.setdefault(dim.dim_param, size) != size:
                raise FrontendError(
                    f"--shape: the size '{dim.dim_param}' is both {sizes[dim.dim_param]} and {size}"
                )
        inputs[name].type.tensor_type.shape.ClearField("dim")
        for size in shape:
            inputs[name].type.tensor_type.shape.dim.add().dim_value = size
    if not sizes:
        return
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]


