# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations on unsigned integers that the importer knows for signed ones alone: on their bits, products in the result's type."""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from jax import Array
    from jax.extend.core import Primitive
    from jax.interpreters.mlir import LoweringRuleContext
    from jaxlib.mlir import ir


def unsigned_rules(inner: Callable[[Primitive], Callable[..., Any]]) -> tuple[tuple[Primitive, Callable[..., Any]], ...]:
    """((operation, rule), ...): that of `inner` for other types."""
    import jax.numpy as jnp
    import numpy as np
    from jax import lax
    from jax._src.lax import convolution, windowed_reductions
    from jax._src.lax import lax as core_lax
    from jax._src.lax.control_flow import loops
    from jax.interpreters import mlir

    def on_bits(operation: Primitive, is_ordered: bool, ctx: LoweringRuleContext, x: ir.Value, **keywords: Any) -> Any:
        given = ctx.avals_in[0].dtype
        if not jnp.issubdtype(given, jnp.unsignedinteger):
            return inner(operation)(ctx, x, **keywords)
        signed = np.dtype(f"i{given.itemsize}")
        top = np.array(jnp.iinfo(signed).min, signed) if is_ordered else None  # 0 becomes the least one

        def rule(x: Array) -> Array:
            bits = lax.bitcast_convert_type(x, signed)
            made = operation.bind(bits ^ top if is_ordered else bits, **keywords)
            return lax.bitcast_convert_type(made ^ top if is_ordered else made, given)

        return mlir.lower_fun(rule, multiple_results=False)(ctx, x)

    def is_unsigned(dtype: np.dtype) -> bool:
        return dtype == bool or jnp.issubdtype(dtype, jnp.unsignedinteger)

    def in_results_type(operation: Primitive, ctx: LoweringRuleContext, *arguments: ir.Value, **keywords: Any) -> Any:
        made = ctx.avals_out[0].dtype
        if not any(is_unsigned(x.dtype) and x.dtype != made for x in ctx.avals_in):
            return inner(operation)(ctx, *arguments, **keywords)
        lower = mlir.lower_fun(lambda *values: operation.bind(*(v.astype(made) for v in values), **keywords), multiple_results=False)
        return lower(ctx, *arguments)

    products = (core_lax.dot_general_p, convolution.conv_general_dilated_p)
    plain = (core_lax.rev_p, loops.cumsum_p, loops.cumprod_p, windowed_reductions.reduce_window_sum_p)
    ordered = (
        loops.cummax_p, loops.cummin_p, windowed_reductions.reduce_window_max_p, windowed_reductions.reduce_window_min_p,
    )  # fmt: skip
    return (
        *((p, functools.partial(in_results_type, p)) for p in products),
        *((p, functools.partial(on_bits, p, False)) for p in plain),
        *((p, functools.partial(on_bits, p, True)) for p in ordered),
    )
