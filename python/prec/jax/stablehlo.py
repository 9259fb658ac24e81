# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What StableHLO from JAX holds beside computations, and what its text says in another way than the importer reads."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TYPE_CHECKING

import numpy as np

from prec.frontend import FrontendError

if TYPE_CHECKING:
    from jaxlib.mlir import ir
    from jaxlib.mlir.ir import Module, Operation, Value as IrValue, WalkResult


def only_computations(module: Module) -> Module:
    """Of one device no placement is left; a callback is refused."""
    from jaxlib.mlir.ir import WalkResult

    placements, meshes, calls = [], [], []

    def visit(op: Operation) -> WalkResult:
        if op.name == "sdy.sharding_constraint":
            placements.append(op)
        elif op.name == "sdy.mesh":
            meshes.append(op)
        elif op.name == "stablehlo.custom_call":
            if str(op.attributes["call_target_name"]).strip('"').endswith("python_cpu_callback"):
                calls.append(op)
        return WalkResult.ADVANCE

    module.operation.walk(visit)
    if calls:
        raise FrontendError(
            f"{_place(calls[0])}: found a call back into Python (jax.debug.print, jax.debug.callback, jax.pure_callback, "
            "jax.experimental.io_callback), expected arithmetic alone: take it out, or return what it shows"
        )
    for op in placements:
        op.results[0].replace_all_uses_with(op.operands[0])
    for op in placements + meshes:
        op.erase()
    return module


MOVES = "stablehlo.reshape", "stablehlo.broadcast_in_dim", "stablehlo.transpose"


def hold_conversions(module: Module) -> None:
    """The importer convolves what stood before a conversion of floats, and knows no such convolution: a maximum stands between."""
    from jaxlib.mlir import ir
    from jaxlib.mlir.dialects import stablehlo

    functions = {f.name.value: f for f in module.body.operations if f.operation.name == "func.func"}
    found = []

    def visit(op: Operation) -> ir.WalkResult:
        if op.name == "stablehlo.convolution":
            found.extend((op, k) for k in (0, 1) if _is_converted(op.operands[k], functions))
        return ir.WalkResult.ADVANCE

    module.operation.walk(visit)
    for op, k in found:
        shaped = ir.RankedTensorType(op.operands[k].type)
        if not isinstance(shaped.element_type, (ir.F32Type, ir.F64Type)):
            continue
        with module.context, op.location, ir.InsertionPoint(op):
            bottom = ir.DenseElementsAttr.get_splat(shaped, ir.FloatAttr.get(shaped.element_type, float("-inf")))
            op.operands[k] = stablehlo.maximum(op.operands[k], stablehlo.constant(bottom))


def _is_converted(value: IrValue, functions: Mapping[str, Any]) -> bool:
    """Moved elements are looked through, and calls, which the importer inlines."""
    calls = []
    while True:
        if not hasattr(value.owner, "operands"):  # a block's argument
            if not calls:
                return False
            value = calls.pop().operands[value.arg_number]
            continue
        op = value.owner
        if op.name in MOVES:
            value = op.operands[0]
        elif op.name == "func.call":
            calls.append(op)
            value = list(functions[op.attributes["callee"].value].entry_block.operations)[-1].operands[value.result_number]
        else:
            return op.name == "stablehlo.convert"


def with_plain_bools(text: str) -> str:
    """Large constants are printed as hexadecimal digits, of a bool one byte here and one bit there."""

    def words(found: re.Match[str]) -> str:
        shape = [int(n) for n in found[2].split("x")]
        values = np.frombuffer(bytes.fromhex(found[1]), np.uint8)
        if values.size != np.prod(shape):
            return found[0]
        return f"dense<{json.dumps((values != 0).reshape(shape).tolist())}> : tensor<{found[2]}xi1>"

    return re.sub(r'dense<"0x([0-9A-F]+)"> : tensor<([0-9x]+)xi1>', words, text)


def _place(op: Operation) -> str:
    """'file:line' of the innermost frame that MLIR knows."""
    found = re.search(r'"([^"]*\.py)":(\d+)', str(op.location))
    return f"{found[1]}:{found[2]}" if found else str(op.location)
