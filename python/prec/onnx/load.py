# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads an ONNX file: parsed, checked, its external data read, its inputs' sizes set."""
from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from prec.frontend import FrontendError

from . import contrib
from .graph import is_weight
from .large import LEAST, array_at, without_large_data
from .types import onnx, type_of, word_of_array

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto
    from .large import FileArray

NEWEST_OPSET, OLDEST_OPSET = 24, 1


def _refuse_outside_data(model: ModelProto, path: str | Path) -> None:
    """External data must lie in the model's folder."""
    folder = Path(path).resolve().parent
    for tensor in _tensors(model.graph):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        entries = _external(tensor)
        location = entries.get("location", "")
        try:
            target = (folder / location).resolve()
            is_inside, is_there = target.is_relative_to(folder), target.is_file()
        except (OSError, ValueError, RuntimeError):  # too long, with a zero byte, a loop of links
            is_inside, is_there = True, False
        if not location or not is_inside:
            raise FrontendError(f"'{tensor.name}' has its data in '{location}', which is outside the model's folder")
        if not is_there:
            raise FrontendError(f"'{tensor.name}' has its data in '{location}', which does not exist")
        offset, length = entries.get("offset", "0"), entries.get("length", "0")
        for word, text in (("offset", offset), ("length", length)):
            if not text.isascii() or not text.isdecimal():
                raise FrontendError(f"'{tensor.name}' has the {word} '{text}' in '{location}'; expected a number")
        size = target.stat().st_size
        if int(offset) + int(length) > size:
            raise FrontendError(
                f"'{tensor.name}' has its data up to byte {int(offset) + int(length)} of '{location}', "
                f"which has {size}"
            )


def _external(tensor: TensorProto) -> dict[str, str]:
    return {e.key: e.value for e in tensor.external_data}


def _map_external_data(model: ModelProto, path: str | Path) -> dict[str, FileArray]:
    """{name: array} of the initializers with external data, which are then taken out of the model."""
    arrays = {}
    for tensor in model.graph.initializer:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        entries = _external(tensor)
        target = Path(path).resolve().parent / entries["location"]
        offset = int(entries.get("offset", 0))
        length = int(entries.get("length", 0)) or target.stat().st_size - offset
        array = array_at(tensor, target, offset, length)
        if array is None or not _is_weight(array):
            continue
        arrays[tensor.name] = array
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")
    return arrays


def _is_weight(array: FileArray) -> bool:
    return array.nbytes >= LEAST and is_weight(word_of_array(array), array.size, array.ndim)


def _map_own_data(model: ModelProto, data: bytes, places: Mapping[int, tuple[int, int]], path: str | Path) -> dict[str, FileArray]:
    """The same for the data that was cut out of the file's bytes; what cannot stay there goes back."""
    arrays = {}
    for number, (begin, end) in places.items():
        tensor = model.graph.initializer[number]
        array = array_at(tensor, path, begin, end - begin)
        if array is not None and _is_weight(array):
            arrays[tensor.name] = array
        else:
            tensor.raw_data = data[begin:end]
    return arrays


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            if attribute.HasField("g"):
                yield from _tensors(attribute.g)



def load(path: str | Path) -> tuple[ModelProto, dict[str, FileArray]]:
    """(the model, {name: array} of the weights that stay in their files and have no data in the
    model). Errors say what is wrong and where in the model."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise FrontendError(f"cannot read '{path}': {error.strerror}") from None
    light, places = without_large_data(data)
    try:
        model = onnx.load_model_from_string(light)
    except Exception as error:  # protobuf's own class of error differs between versions
        raise FrontendError(f"'{path}' is not an ONNX model: {_line(error)}") from None
    _refuse_twice(model.graph)
    arrays = _map_own_data(model, data, places, path)
    del data, light
    if not model.graph.node and not model.graph.output:
        raise FrontendError(f"'{path}' is not an ONNX model: it has no graph")
    _refuse_bytes(model.graph, path)
    _refuse_outside_data(model, path)
    arrays |= _map_external_data(model, path)
    try:
        onnx.external_data_helper.load_external_data_for_model(model, str(Path(path).parent))
    except Exception as error:
        raise FrontendError(f"cannot read the external data of '{path}': {_line(error)}") from None
    check(model, arrays, path)
    return model, arrays


def _refuse_twice(graph: GraphProto) -> None:
    """A name stands for one initializer."""
    seen = set()
    for tensor in graph.initializer:
        if tensor.name in seen:
            raise FrontendError(f"'{tensor.name}' is an initializer twice")
        seen.add(tensor.name)


def _refuse_bytes(graph: GraphProto, path: str | Path) -> None:
    """Names that are no text come as bytes."""
    for node in graph.node:
        for word in (node.name, node.op_type, node.domain, *node.input, *node.output):
            if not isinstance(word, str):
                raise FrontendError(f"'{path}' is not an ONNX model: a name is no text: {word!r}")
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        if not isinstance(value.name, str):
            raise FrontendError(f"'{path}' is not an ONNX model: a name is no text: {value.name!r}")


def _without_weights(model: ModelProto, arrays: Container[str]) -> ModelProto:
    """The model with inputs in the place of the weights that are not in it, and shapes of its outputs, for ONNX's checker."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    for value in made.graph.output:  # the checker wants a shape, which nobody needs to know
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.shape.SetInParent()
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 1)
    for node in made.graph.node:
        if contrib.is_own(node, opset):  # ONNX knows none of these, whatever domain they are said to have
            node.domain = contrib.DOMAIN
    del made.graph.initializer[:]
    inputs = {v.name for v in made.graph.input}
    for tensor in model.graph.initializer:
        if tensor.name not in arrays:
            made.graph.initializer.add().CopyFrom(tensor)
        elif tensor.name not in inputs:
            made.graph.input.append(
                onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            )
    return made


def check(model: ModelProto, arrays: Mapping[str, FileArray], path: str | Path) -> None:
    if not 0 < model.ir_version < 1 << 31:
        raise FrontendError(f"'{path}' has ir_version {model.ir_version}; expected 1..{onnx.IR_VERSION}")
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
    _refuse_endless_functions(model)
    if model.ByteSize() < 1 << 30:
        try:
            onnx.checker.check_model(_without_weights(model, arrays))
        except Exception as error:
            raise FrontendError(_blame(error, model, path)) from None


MOST_NODES = 1 << 18  # of a model whose functions are written out


def _refuse_endless_functions(model: ModelProto) -> None:
    """Functions of the model's own that call themselves, or grow beyond measure."""
    functions = {(f.domain, f.name): f for f in model.functions}
    counts, active = {}, set()

    def count(node: NodeProto) -> int:
        key = node.domain, node.op_type
        total = 1
        for attribute in node.attribute:
            for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                total += sum(map(count, graph.node))
        if key not in functions:
            return total
        if key in active:
            raise FrontendError(f"the function '{key[0]}::{key[1]}' calls itself")
        if key not in counts:
            active.add(key)
            counts[key] = sum(map(count, functions[key].node))
            active.remove(key)
        return total + counts[key]

    for i, node in enumerate(model.graph.node):
        where = f"node '{node.name or f'number {i}'}' ({node.op_type})"
        try:
            total = count(node)
        except FrontendError as error:
            raise FrontendError(f"{where}: {error}") from None
        if total > MOST_NODES:
            raise FrontendError(f"{where}: its functions have {total} nodes; expected at most {MOST_NODES}")


def _refuse_wrong_sizes(graph: GraphProto) -> None:
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


def _blame(error: Exception, model: ModelProto, path: str | Path) -> str:
    """The checker's complaint, with the node that it is about."""
    line = _line(error)
    # Its later lines may say "name: fc1 OpType: Gemm", or "Name: ...".
    named = re.search(r"^.*\b[Nn]ame: (.*?) OpType: (\S+)", str(error), re.M)
    if named:
        return f"node '{named[1]}' ({named[2]}) of '{path}': {line}"
    context = onnx.checker.C.CheckerContext()
    context.ir_version = model.ir_version
    context.opset_imports = {o.domain: o.version for o in model.opset_import}
    for i, node in enumerate(model.graph.node):
        try:
            onnx.checker.check_node(node, context)
        except Exception as alone:
            if _line(alone) == line:
                return f"node '{node.name or f'number {i}'}' ({node.op_type}) of '{path}': {line}"
    return f"'{path}' is not a valid model: {line}"


def _line(error: Exception) -> str:
    """The first line of a foreign message."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]
