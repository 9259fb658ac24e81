# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a rule sees of an ONNX node: attributes, operands, what is known of its results."""
from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np

from prec.frontend import FrontendError

from .types import onnx

if TYPE_CHECKING:
    from onnx import NodeProto
    from prec.onnx.emit import Value
    from .graph import Graph


class NotCovered(FrontendError):
    """A form of an operator that a rule does not have."""


class Node:
    """One node while its function is written. Operands become tensors when first asked for."""

    def __init__(self, proto: NodeProto, opset: int, scope: str, scope_env: Graph) -> None:
        self.proto, self.opset, self.scope, self.env = proto, opset, scope, scope_env
        self.op = proto.op_type
        self.attributes = {
            a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute if not a.ref_attr_name
        }
        self.b = None
        self.operands = {}  # name -> Value of the function's arguments and constants
        self.arguments = []  # names, in order of first use

    # Attributes

    def attr(self, name: str, default: Any = None) -> Any:
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def __contains__(self, name: str) -> bool:
        return name in self.attributes

    # Operands

    @property
    def count(self) -> int:
        return len(self.proto.input)

    def has(self, i: int) -> bool:
        return i < len(self.proto.input) and self.proto.input[i] != ""

    def dtype(self, i: int) -> str:
        return self.env.types[self.proto.input[i]][0]

    def shape(self, i: int) -> tuple[int, ...]:
        """The operand's shape; unknown sizes are -1."""
        shape = self.env.types[self.proto.input[i]][1]
        if shape is None:
            raise NotCovered(f"the rank of operand '{self.proto.input[i]}' is not known; give --shape")
        return shape

    def rank(self, i: int = 0) -> int:
        return len(self.shape(i))

    def const(self, i: int, default: Any = None) -> Any:
        """The operand as an array if it is known at import; `default` if it is absent."""
        if not self.has(i):
            return default
        array = self.env.constants.get(self.proto.input[i])
        return None if array is None else np.asarray(array)

    def number(self, i: int, default: Any = None) -> Any:
        """A known scalar operand, as a Python number."""
        array = self.const(i)
        return default if array is None and not self.has(i) else (
            None if array is None else np.asarray(array).reshape(-1)[0].item()
        )  # fmt: skip

    def ints(self, i: int, default: list[int] | None = None) -> list[int] | None:
        """A known list of integers, or None."""
        array = self.const(i)
        return default if array is None else [int(n) for n in np.asarray(array).reshape(-1)]

    def value(self, name: str) -> Value:
        """The tensor of that name in this function."""
        if name not in self.operands:
            constant = self.env.embedded(name)
            if constant is not None:
                self.operands[name] = self.b.dense(constant, self.env.types[name][0])
            else:
                self.operands[name] = self.b.argument(name, *self.env.types[name])
                self.arguments.append(name)
        return self.operands[name]

    def __getitem__(self, i: int) -> Value:
        if not self.has(i):
            raise NotCovered(f"operand {i} is missing")
        self.shape(i)
        return self.value(self.proto.input[i])

    def inputs(self) -> list[Value]:
        return [self[i] for i in range(self.count) if self.has(i)]

    # Results

    def wants(self, k: int) -> bool:
        return k < len(self.proto.output) and self.proto.output[k] != ""

    def out_dtype(self, k: int = 0) -> str:
        return self.env.types[self.proto.output[k]][0]

    def out_shape(self, k: int = 0) -> tuple[int, ...] | None:
        """What shape inference and the model say of a result's shape; None: nothing."""
        known = self.env.types.get(self.proto.output[k])
        return known and known[1]

    def static_out(self, k: int = 0) -> tuple[int, ...]:
        shape = self.out_shape(k)
        if shape is None or -1 in shape:
            raise NotCovered("the result's shape depends on values that are not known; give --shape")
        return shape

    def axis(self, default: int = 0, rank: int | None = None, name: str = "axis") -> int:
        """An axis attribute, counted from the front."""
        rank = self.rank() if rank is None else rank
        axis = self.attr(name, default)
        if not -rank <= axis < max(rank, 1):
            raise FrontendError(f"axis {axis} of a tensor with {rank} dimensions")
        return axis % rank if rank else 0

    def axes(self, position: int, rank: int | None = None, default: list[int] | None = None) -> list[int] | None:
        """Axes as attribute or operand; None if they are not known."""
        rank = self.rank() if rank is None else rank
        if "axes" in self:
            axes = self.attr("axes")
        elif not self.has(position):
            return default
        elif self.shape(position) == (0,):
            axes = []
        else:
            axes = self.ints(position)
            if axes is None:
                return None
        for axis in axes:
            if not -rank <= axis < rank:
                raise FrontendError(f"axis {axis} of a tensor with {rank} dimensions")
        return [a % rank for a in axes] if axes or default is None else default
