# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What XLA computes in f32 of bf16 and f16, where the importer stays in the narrow type: sums stop growing there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from jax import Array
    from jax.extend.core import Primitive
    from jax.interpreters.mlir import LoweringRuleContext
    from jaxlib.mlir import ir

OPERATIONS = {
    "lax.lax": "reduce_sum reduce_prod dot_general logistic",
    "lax.convolution": "conv_general_dilated",
    "lax.control_flow.loops": "cumsum cumprod cumlogsumexp",
    "lax.windowed_reductions": "reduce_window_sum",
}


def narrow_rules(inner: Callable[[Primitive], Callable[..., Any]]) -> tuple[tuple[Primitive, Callable[..., Any]], ...]:
    """((operation, rule), ...): that of `inner`, on f32, rounded once."""
    import importlib

    import jax.numpy as jnp
    import numpy as np
    from jax.interpreters import mlir

    def is_narrow(dtype: np.dtype) -> bool:
        return jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize < 4

    def widened(operation: Primitive) -> Callable[..., Any]:
        def lower(ctx: LoweringRuleContext, *arguments: ir.Value, **keywords: Any) -> Any:
            made = ctx.avals_out[0].dtype
            if not is_narrow(made):
                return inner(operation)(ctx, *arguments, **keywords)
            how = dict(keywords)
            if "preferred_element_type" in how:  # a product takes narrow factors
                how["preferred_element_type"] = np.dtype("f4")

            def rule(*values: Array) -> Array:
                wide = values if "preferred_element_type" in how else [v.astype(jnp.float32) for v in values]
                return operation.bind(*wide, **how).astype(made)

            return mlir.lower_fun(rule, multiple_results=False)(ctx, *arguments)

        return lower

    found = []
    for module, names in OPERATIONS.items():
        place = importlib.import_module(f"jax._src.{module}")
        found += [getattr(place, f"{name}_p") for name in names.split()]
    return tuple((operation, widened(operation)) for operation in found)
