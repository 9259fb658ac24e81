# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Conversions as XLA makes them, in forms that the importer leaves alone.

A float becomes the nearest integer there is, and 0 if it is no number. A product of what was converted becomes a product of
what it was converted from, and there the importer takes all integers for signed ones, a bool for -1: an operation between
keeps it from that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from jax import Array
    from jax.core import AbstractValue
    from jax.extend.core import Primitive
    from jax.interpreters.mlir import LoweringRuleContext
    from jaxlib.mlir import ir
    from numpy.typing import DTypeLike


def conversion_rules() -> tuple[tuple[Primitive, Callable[..., Any]], ...]:
    import jax.numpy as jnp
    import numpy as np
    from jax import lax
    from jax._src.lax import lax as core_lax
    from jax.interpreters import mlir

    own = core_lax._convert_element_type_lower

    def bounds(x: Array, integer: DTypeLike) -> tuple[float, Any, Any]:
        """The least integer, the largest one's successor, and the float below that."""
        info = jnp.iinfo(integer)
        over = float(2 ** (info.bits - (info.min < 0)))
        return float(info.min), over, np.nextafter(np.array(over, x.dtype), np.zeros((), x.dtype))

    def inside(x: Array, integer: DTypeLike) -> Array:
        low, _, high = bounds(x, integer)
        return jnp.where(x != x, 0, lax.clamp(np.array(low, x.dtype), x, high))

    def topped(x: Array, made: Array) -> Array:
        return jnp.where(x >= bounds(x, made.dtype)[1], np.array(jnp.iinfo(made.dtype).max, made.dtype), made)

    def of_bool(x: Array, made: np.dtype) -> Array:
        return lax.select(x, lax.full(x.shape, 1, made), lax.full(x.shape, 0, made))

    def of_unsigned(made: Array, bits: int) -> Array:
        if jnp.issubdtype(made.dtype, jnp.floating):
            return lax.abs(made)
        return lax.bitwise_and(made, lax.full(made.shape, 2**bits - 1, made.dtype))

    def convert(ctx: LoweringRuleContext, x: ir.Value, *, new_dtype: np.dtype, **keywords: Any) -> Any:
        (given,), (result,) = ctx.avals_in, ctx.avals_out
        is_number = jnp.issubdtype(new_dtype, jnp.floating) or jnp.issubdtype(new_dtype, jnp.integer)
        if is_number and given.dtype == bool:
            return mlir.lower_fun(lambda v: of_bool(v, new_dtype), multiple_results=False)(ctx, x)
        if is_number and jnp.issubdtype(given.dtype, jnp.unsignedinteger) and given.dtype != new_dtype:
            bits = jnp.iinfo(given.dtype).bits
            made = own(ctx, x, new_dtype=new_dtype, **keywords)
            if jnp.issubdtype(new_dtype, jnp.integer) and jnp.iinfo(new_dtype).bits <= bits:
                return made
            lower = mlir.lower_fun(lambda v: of_unsigned(v, bits), multiple_results=False)
            return lower(ctx.replace(primitive=None, avals_in=[result]), *made)
        if not (jnp.issubdtype(given.dtype, jnp.floating) and jnp.issubdtype(new_dtype, jnp.integer)):
            return own(ctx, x, new_dtype=new_dtype, **keywords)

        def step(f: Callable[..., Any], avals: Sequence[AbstractValue], made: AbstractValue, *values: Any) -> Any:
            lower = mlir.lower_fun(f, multiple_results=False)
            return lower(ctx.replace(primitive=None, avals_in=avals, avals_out=[made]), *values)[0]

        wide = given
        if given.dtype.itemsize < 4:
            wide = given.update(dtype=np.dtype("f4"))
            (x,) = own(ctx.replace(avals_out=[wide]), x, new_dtype=wide.dtype, weak_type=False, sharding=None)
        held = step(lambda v: inside(v, new_dtype), [wide], wide, x)
        made = own(ctx.replace(avals_in=[wide]), held, new_dtype=new_dtype, **keywords)
        if jnp.iinfo(new_dtype).bits < jnp.finfo(wide.dtype).nmant:  # the largest one is a float
            return made
        return [step(topped, [wide, result], result, x, *made)]

    return ((core_lax.convert_element_type_p, convert),)
