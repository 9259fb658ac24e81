# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the user settles of a model's inputs: their sizes, or their values."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from prec.frontend import FrontendError

from .types import onnx

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto


def _input(model: ModelProto, name: str, option: str) -> ValueInfoProto:
    weights = {w.name for w in model.graph.initializer}
    inputs = {v.name: v for v in model.graph.input if v.name not in weights}
    if name not in inputs:
        raise FrontendError(f"{option}: no input '{name}'; there are: {', '.join(inputs) or 'none'}")
    return inputs[name]


def set_values(model: ModelProto, values: Mapping[str, np.ndarray]) -> None:
    """Inputs become constants: {name: array}, whose elements take the input's type, one element any rank."""
    for name, array in values.items():
        given = _input(model, name, "--value")
        kind = given.type.tensor_type
        try:
            dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
        except KeyError:
            raise FrontendError(f"--value: '{name}' is no tensor of numbers") from None
        made = array.astype(dtype)
        if dtype.kind in "biu" and (made != array).any():
            raise FrontendError(f"--value: '{name}' has elements of {dtype}; found {array.reshape(-1)[0]}")
        if kind.HasField("shape"):
            dims = kind.shape.dim
            if made.size == 1:
                made = made.reshape([1] * len(dims))
            if len(dims) != made.ndim or any(d.dim_value not in (0, n) for d, n in zip(dims, made.shape)):
                expected = [d.dim_value or "?" for d in dims]
                raise FrontendError(f"--value: '{name}' has shape {list(made.shape)}; expected {expected}")
        model.graph.input.remove(given)
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.ascontiguousarray(made), name))


def set_shapes(model: ModelProto, shapes: Mapping[str, Sequence[int]]) -> None:
    """Replaces the inputs' shapes by those given, and names of sizes by their numbers."""
    sizes = {}
    for name, shape in shapes.items():
        kind = _input(model, name, "--shape").type.tensor_type
        dims = kind.shape.dim
        if kind.HasField("shape") and len(dims) != len(shape):
            raise FrontendError(
                f"--shape: '{name}' has {len(dims)} dimensions; found {len(shape)}: "
                + "x".join(map(str, shape))
            )
        for dim, size in zip(dims, shape):
            if dim.HasField("dim_value") and 0 <= dim.dim_value != size:
                raise FrontendError(f"--shape: '{name}' has a dimension of {dim.dim_value}; found {size}")
            # Paddle names every size that it does not know "?".
            if dim.dim_param.isidentifier() and sizes.setdefault(dim.dim_param, size) != size:
                raise FrontendError(
                    f"--shape: the size '{dim.dim_param}' is both {sizes[dim.dim_param]} and {size}"
                )
        kind.shape.ClearField("dim")
        for size in shape:
            kind.shape.dim.add().dim_value = size
    if not sizes:
        return
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
