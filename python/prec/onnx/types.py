# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX's element types and type protos as words and shapes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from prec.frontend import FrontendError, require

if TYPE_CHECKING:
    from onnx import TypeProto, ValueInfoProto
    from .large import FileArray

onnx = require("onnx")
TensorProto = onnx.TensorProto

WORDS = {
    TensorProto.FLOAT: "f32", TensorProto.DOUBLE: "f64", TensorProto.FLOAT16: "f16",
    TensorProto.BFLOAT16: "bf16", TensorProto.BOOL: "i1",
    TensorProto.INT8: "i8", TensorProto.INT16: "i16", TensorProto.INT32: "i32",
    TensorProto.INT64: "i64", TensorProto.UINT8: "u8", TensorProto.UINT16: "u16",
    TensorProto.UINT32: "u32", TensorProto.UINT64: "u64",
}  # fmt: skip
CODES = {word: code for code, word in WORDS.items()}


class TypeProblem(FrontendError):
    """A type that has no tensor of numbers."""


def word_of(code: int, name: str) -> str:
    """The word of an element type; `name` is the value's, for the message."""
    if code not in WORDS:
        known = TensorProto.DataType.Name(code) if code in TensorProto.DataType.values() else code
        raise TypeProblem(f"'{name}' has elements of type {known}, which is not supported")
    return WORDS[code]


def type_of(proto: TypeProto, name: str) -> tuple[str, tuple[int, ...] | None] | None:
    """(word, shape or None) of a TypeProto; sizes that are not known are -1."""
    kind = proto.WhichOneof("value")
    if kind is None:
        return None
    if kind != "tensor_type":
        raise TypeProblem(f"'{name}' is a {kind.removesuffix('_type')}; expected a tensor")
    tensor = proto.tensor_type
    if not tensor.elem_type:
        return None
    shape = None
    if tensor.HasField("shape"):
        shape = tuple(d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim)
        for size in shape:
            if size < -1 or size > 1 << 40:
                raise TypeProblem(f"'{name}' has a dimension of {size}")
    return word_of(tensor.elem_type, name), shape


def proto_of(name: str, dtype: str, shape: Sequence[int] | None) -> ValueInfoProto:
    """A ValueInfoProto."""
    dims = None if shape is None else [n if n >= 0 else None for n in shape]
    return onnx.helper.make_tensor_value_info(name, CODES[dtype], dims)


def word_of_array(array: np.ndarray | FileArray) -> str:
    if array.dtype.name == "bfloat16":
        return "bf16"
    return {"float": "f", "uint": "u", "int": "i", "bool": "i1"}[
        array.dtype.name.rstrip("0123456789")
    ] + (str(array.dtype.itemsize * 8) if array.dtype != np.bool_ else "")


def merge(first: tuple[int, ...] | None, second: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """What two statements about a shape say together; the first wins a conflict."""
    if first is None or second is None or len(first) != len(second):
        return first if first is not None else second
    return tuple(a if a >= 0 else b for a, b in zip(first, second))
