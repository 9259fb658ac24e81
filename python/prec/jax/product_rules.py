# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products that name an algorithm, of which XLA takes the types alone on a CPU, and narrow ones of a single term."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from jax import Array
    from jax.extend.core import Primitive
    from jax.interpreters.mlir import LoweringRuleContext
    from jaxlib.mlir import ir

ALGORITHMS = "DEFAULT", "F16_F16_F16", "BF16_BF16_F32", "BF16_BF16_F32_X3", "BF16_BF16_F32_X6", "F32_F32_F32", "F64_F64_F64"


def product_rules(inner: Callable[[Primitive], Callable[..., Any]]) -> tuple[tuple[Primitive, Callable[..., Any]], ...]:
    """((operation, rule), ...): that of `inner` for other products."""
    import jax.numpy as jnp
    from jax import lax
    from jax._src.lax import lax as core_lax
    from jax.interpreters import mlir

    def of_types(x: Array, y: Array, dimension_numbers: Any, precision: Any, made: np.dtype) -> Array:
        of_x, of_y, result = core_lax.get_algorithm_compute_types(precision, x.dtype, y.dtype, made)
        return lax.dot_general(x.astype(of_x), y.astype(of_y), dimension_numbers, preferred_element_type=result).astype(made)

    def without_sum(x: Array, y: Array, dimension_numbers: Any, made: np.dtype) -> Array:
        """The importer fails on some of these."""
        (of_x, of_y), (batch_x, batch_y) = dimension_numbers
        free_x, free_y = ([a for a in range(v.ndim) if a not in (*c, *b)] for v, c, b in ((x, of_x, batch_x), (y, of_y, batch_y)))
        batch, rows, columns = ([v.shape[a] for a in axes] for v, axes in ((x, batch_x), (x, free_x), (y, free_y)))
        x = x.transpose(*batch_x, *free_x, *of_x).reshape(*batch, *rows, *[1] * len(columns))
        y = y.transpose(*batch_y, *free_y, *of_y).reshape(*batch, *[1] * len(rows), *columns)
        return x.astype(made) * y.astype(made)

    def lower(ctx: LoweringRuleContext, x: ir.Value, y: ir.Value, *, dimension_numbers: Any, precision: Any, **keywords: Any) -> Any:
        made, operation = ctx.avals_out[0].dtype, core_lax.dot_general_p
        are_narrow = all(jnp.issubdtype(v.dtype, jnp.floating) and v.dtype.itemsize < 4 for v in ctx.avals_in)
        if isinstance(precision, lax.DotAlgorithmPreset) and precision.name in ALGORITHMS:
            product = lambda x, y: of_types(x, y, dimension_numbers, precision, made)  # noqa: E731
        elif are_narrow and all(ctx.avals_in[0].shape[axis] == 1 for axis in dimension_numbers[0][0]):
            product = lambda x, y: without_sum(x, y, dimension_numbers, made)  # noqa: E731
        else:
            return inner(operation)(ctx, x, y, dimension_numbers=dimension_numbers, precision=precision, **keywords)
        return mlir.lower_fun(product, multiple_results=False)(ctx, x, y)

    return ((core_lax.dot_general_p, lower),)
