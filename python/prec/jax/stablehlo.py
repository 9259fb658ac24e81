# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What StableHLO from JAX holds beside computations, and what its text says in another way than the importer reads."""
import json
import re

import numpy as np

from prec.frontend import FrontendError


def only_computations(module):
    """Of one device no placement is left; a callback is refused."""
    from jaxlib.mlir.ir import WalkResult

    placements, meshes, calls = [], [], []

    def visit(op):
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


def with_plain_bools(text):
    """Large constants are printed as hexadecimal digits, of a bool one byte here and one bit there."""

    def words(found):
        shape = [int(n) for n in found[2].split("x")]
        values = np.frombuffer(bytes.fromhex(found[1]), np.uint8)
        if values.size != np.prod(shape):
            return found[0]
        return f"dense<{json.dumps((values != 0).reshape(shape).tolist())}> : tensor<{found[2]}xi1>"

    return re.sub(r'dense<"0x([0-9A-F]+)"> : tensor<([0-9x]+)xi1>', words, text)


def _place(op):
    """'file:line' of the innermost frame that MLIR knows."""
    found = re.search(r'"([^"]*\.py)":(\d+)', str(op.location))
    return f"{found[1]}:{found[2]}" if found else str(op.location)
