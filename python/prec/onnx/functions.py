# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators that are defined by others: the model's own functions, and ONNX's definitions."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from prec.frontend import FrontendError

from .node import NotCovered
from .types import onnx, proto_of

if TYPE_CHECKING:
    from onnx import AttributeProto, FunctionProto, GraphProto, NodeProto
    from .graph import Graph


def definition(proto: NodeProto, opsets: dict[str, int], graph: Graph) -> FunctionProto | None:
    """The operator's body as ONNX defines it, or None."""
    opset = opsets.get("", 1)
    try:
        schema = onnx.defs.get_schema(proto.op_type, opset, "")
    except onnx.defs.SchemaError:
        raise FrontendError(f"no such operator in opset {opset}") from None
    try:
        if schema.has_context_dependent_function:
            versions = [v for v in schema.context_dependent_function_opset_versions if v <= opset]
            if not versions:
                return None
            types = [
                proto_of(n, *graph.types[n]).type.SerializeToString() if n else b""
                for n in proto.input
            ]
            text = schema.get_context_dependent_function_with_opset_version(
                max(versions), proto.SerializeToString(), types
            )
        elif schema.has_function:
            versions = [v for v in schema.function_opset_versions if v <= opset]
            if not versions:
                return None
            text = schema.get_function_with_opset_version(max(versions))
        else:
            return None
    except Exception as error:
        raise NotCovered(f"its definition does not fit: {str(error).splitlines()[0]}") from None
    if not text:
        return None
    function = onnx.FunctionProto()
    function.ParseFromString(text)
    bound = {a.name for a in function.attribute_proto}
    for name, attribute in schema.attributes.items():
        if name not in bound and attribute.default_value.type:
            function.attribute_proto.append(attribute.default_value)
    return function


def instantiate(function: FunctionProto, proto: NodeProto, opsets: dict[str, int], prefix: str) -> list[tuple[NodeProto, dict[str, int]]]:
    """The function's nodes with the caller's names and attributes, each with its opsets."""
    names = {"": ""}
    names.update(zip(function.input, list(proto.input) + [""] * len(function.input)))
    names.update((f, p) for f, p in zip(function.output, proto.output) if p)
    attributes = {a.name: a for a in function.attribute_proto}
    attributes.update((a.name, a) for a in proto.attribute)
    inner = {o.domain: o.version for o in function.opset_import} or dict(opsets)
    return [(_rename(node, names, attributes, prefix), inner) for node in function.node]


def _rename(node: NodeProto, names: dict[str, str], attributes: Mapping[str, AttributeProto], prefix: str) -> NodeProto:
    made = onnx.NodeProto()
    made.CopyFrom(node)

    def rename(name: str) -> str:
        return names.setdefault(name, f"{prefix}/{name}") if name else ""

    made.input[:] = [rename(n) for n in node.input]
    made.output[:] = [rename(n) for n in node.output]
    del made.attribute[:]
    for attribute in node.attribute:
        if attribute.ref_attr_name:
            given = attributes.get(attribute.ref_attr_name)
            if given is None:
                continue
            copy = made.attribute.add()
            copy.CopyFrom(given)
            copy.name = attribute.name
        else:
            copy = made.attribute.add()
            copy.CopyFrom(attribute)
            if copy.HasField("g"):
                _rename_graph(copy.g, names, attributes, prefix)
    return made


def _rename_graph(graph: GraphProto, names: dict[str, str], attributes: Mapping[str, AttributeProto], prefix: str) -> None:
    nodes = [_rename(n, names, attributes, prefix) for n in graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = names.setdefault(value.name, f"{prefix}/{value.name}")
