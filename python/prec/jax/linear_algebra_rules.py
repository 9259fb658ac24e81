# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What JAX leaves to LAPACK on a CPU, as loops over columns of its own operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from jax import Array
    from jax.extend.core import Primitive
    from jax.interpreters.mlir import LoweringRuleContext
    from jaxlib.mlir import ir


def linear_algebra_rules() -> tuple[tuple[Primitive, Callable[..., Any]], ...]:
    import jax.numpy as jnp
    from jax import lax
    from jax._src.lax import linalg
    from jax.interpreters import mlir

    def column(a: Array, k: Any) -> Array:
        return lax.dynamic_slice_in_dim(a, k, 1, axis=-1)

    def row(a: Array, k: Any) -> Array:
        return lax.dynamic_slice_in_dim(a, k, 1, axis=-2)

    def with_column(a: Array, c: Array, k: Any) -> Array:
        return lax.dynamic_update_slice_in_dim(a, c, k, axis=a.ndim - 1)

    def with_row(a: Array, r: Array, k: Any) -> Array:
        return lax.dynamic_update_slice_in_dim(a, r, k, axis=a.ndim - 2)

    def turned(a: Array) -> Array:
        return jnp.swapaxes(a, -1, -2)

    def numbers(a: Array) -> Array:
        return lax.broadcasted_iota(jnp.int32, (a.shape[-2], 1), 0)

    def cholesky(a: Array) -> Array:
        """Column by column; a matrix that is not positive definite has none, all of it is NaN."""
        def step(k: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
            made, fine = state
            rest = column(a, k) - made @ turned(row(made, k))
            pivot = row(rest, k)
            made = with_column(made, jnp.where(numbers(a) >= k, rest / jnp.sqrt(pivot), 0), k)
            return made, fine & (pivot > 0)

        fine = jnp.ones((*a.shape[:-2], 1, 1), bool)
        made, fine = lax.fori_loop(0, a.shape[-1], step, (jnp.zeros_like(a), fine))
        return jnp.where(fine, made, jnp.nan)

    def triangular_solve(
        a: Array, b: Array, *, left_side: bool, lower: bool, transpose_a: bool, conjugate_a: bool, unit_diagonal: bool
    ) -> Array:
        if not left_side:
            how = {"left_side": True, "lower": lower, "transpose_a": not transpose_a}
            return turned(triangular_solve(a, turned(b), **how, conjugate_a=conjugate_a, unit_diagonal=unit_diagonal))
        a = jnp.tril(a) if lower else jnp.triu(a)
        if transpose_a:
            a, lower = turned(a), not lower
        size = a.shape[-1]

        def step(i: Array, x: Array) -> Array:
            k = i if lower else size - 1 - i
            rest = row(b, k) - row(a, k) @ x
            return with_row(x, rest if unit_diagonal else rest / column(row(a, k), k), k)

        return lax.fori_loop(0, size, step, jnp.zeros_like(b))

    def geqrf(a: Array) -> tuple[Array, Array]:
        """Householder's reflections as LAPACK keeps them: 1 - tau v v', v below the diagonal, its first element 1."""
        rows, columns = a.shape[-2:]
        count = min(rows, columns)
        below = lax.broadcasted_iota(jnp.int32, (1, columns), 1)

        def step(k: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
            a, taus = state
            x = column(a, k)
            alpha, tail = row(x, k), jnp.where(numbers(a) > k, x, 0)
            scale = jnp.max(jnp.abs(tail), axis=-2, keepdims=True, initial=0)
            safe = jnp.where(scale > 0, scale, 1)
            norm = scale * jnp.sqrt(((tail / safe) ** 2).sum(-2, keepdims=True))
            beta = -jnp.copysign(jnp.hypot(alpha, norm), alpha)
            is_done = norm == 0
            beta = jnp.where(is_done, alpha, beta)
            tau = jnp.where(is_done, 0, (beta - alpha) / jnp.where(is_done, 1, beta))
            v = jnp.where(numbers(a) == k, 1, tail / jnp.where(is_done, 1, alpha - beta))
            made = jnp.where(below > k, a - tau * v * (turned(v) @ a), a)
            kept = jnp.where(numbers(a) > k, v, jnp.where(numbers(a) == k, beta, x))
            return with_column(made, kept, k), with_column(taus, tau, k)

        taus = jnp.zeros((*a.shape[:-2], 1, count), a.dtype)
        made, taus = lax.fori_loop(0, count, step, (a, taus))
        return made, taus[..., 0, :]

    def householder_product(a: Array, taus: Array) -> Array:
        count = taus.shape[-1]

        def step(i: Array, made: Array) -> Array:
            k = count - 1 - i
            v = jnp.where(numbers(a) > k, column(a, k), jnp.where(numbers(a) == k, 1, 0).astype(a.dtype))
            return made - column(taus[..., None, :], k) * v * (turned(v) @ made)

        return lax.fori_loop(0, count, step, jnp.broadcast_to(jnp.eye(*a.shape[-2:], dtype=a.dtype), a.shape))

    def of(rule: Callable[..., Any], several: bool = False) -> Callable[..., Any]:
        return mlir.lower_fun(rule, multiple_results=several)

    def filled(operation: Primitive, rule: Callable[..., Any]) -> tuple[Primitive, Callable[..., Any]]:
        """Of an empty matrix nothing is computed."""
        def lower(ctx: LoweringRuleContext, *arguments: ir.Value, **keywords: Any) -> Any:
            if ctx.avals_in[0].size:
                return rule(ctx, *arguments, **keywords)
            zeros = of(lambda *_, **__: [jnp.zeros(made.shape, made.dtype) for made in ctx.avals_out], several=True)
            return zeros(ctx, *arguments)

        return operation, lower

    return (
        filled(linalg.cholesky_p, of(cholesky)),
        filled(linalg.triangular_solve_p, of(triangular_solve)),
        filled(linalg.lu_p, of(linalg._lu_python, several=True)),
        filled(linalg.geqrf_p, of(geqrf, several=True)),
        filled(linalg.householder_product_p, of(householder_product)),
    )
