# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Eigenvectors and singular vectors by Jacobi's rotations, each round of which turns pairs of rows or columns that share none."""
from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any, TYPE_CHECKING

import numpy as np

from prec.frontend import FrontendError

if TYPE_CHECKING:
    from jax import Array
    from jax.extend.core import Primitive
    from jax.interpreters.mlir import LoweringRuleContext
    from jaxlib.mlir import ir

SWEEPS = 30  # six to ten are usual


def pairs_of_rounds(size: int) -> np.ndarray:
    """[rounds, 2, pairs]: each pair of `size` numbers once, an even count of them."""
    ring, rounds = list(range(size)), []
    for _ in range(size - 1):
        rounds.append((ring[: size // 2], ring[: size // 2 - 1 : -1]))
        ring = [ring[0], ring[-1], *ring[1:-1]]
    return np.array(rounds, np.int32).reshape(size - 1, 2, size // 2)


def spectral_rules() -> tuple[tuple[Primitive, Callable[..., Any]], ...]:
    """((operation, rule), ...)"""
    import jax
    import jax.numpy as jnp
    from jax import lax
    from jax._src.lax import linalg
    from jax.interpreters import mlir

    def turned_columns(x: Array, p: Array, q: Array, c: Array, s: Array) -> Array:
        first, second = x[:, p], x[:, q]
        return x.at[:, p].set(c * first - s * second).at[:, q].set(s * first + c * second)

    def rotation(difference: Array, product: Array) -> tuple[Array, Array]:
        """Cosine and sine of the smaller angle that makes `product` 0; difference = bottom - top."""
        is_done = product == 0
        slope = difference / (2 * jnp.where(is_done, 1, product))
        t = jnp.where(slope < 0, -1, 1) / (jnp.abs(slope) + jnp.hypot(1, slope))
        t = jnp.where(is_done, 0, t)
        c = lax.rsqrt(1 + t * t)
        return c, t * c

    def swept(turn: Callable[..., Any], size: int, state: Any) -> Any:
        """Rounds until a sweep finds nothing left; `turn` gives (state, what is left)."""
        table = jnp.asarray(pairs_of_rounds(size))

        def sweep(carry: Any) -> Any:
            number, _, state = carry

            def one(k: Array, inner: Any) -> Any:
                left, state = inner
                state, more = turn(state, table[k, 0], table[k, 1])
                return jnp.maximum(left, more), state

            left, state = lax.fori_loop(0, size - 1, one, (jnp.zeros((), state[0].dtype), state))
            return number + 1, left, state

        first = 0, jnp.full((), jnp.inf, state[0].dtype), state
        return lax.while_loop(lambda carry: (carry[0] < SWEEPS) & (carry[1] > 1), sweep, first)[2]

    def with_even(a: Array, axes: Container[int]) -> Array:
        return jnp.pad(a, [(0, a.shape[k] % 2 if k in axes else 0) for k in range(a.ndim)])

    def eigen(a: Array) -> tuple[Array, Array]:
        """(values, vectors) of a symmetric matrix; `left` is in units of what is too small to turn."""
        size, eps = a.shape[0], jnp.finfo(a.dtype).eps
        scale = jnp.max(jnp.abs(a), initial=0)
        scale = jnp.where(scale > 0, scale, 1)
        a = with_even(a / scale, (0, 1))

        def turn(state: tuple[Array, Array], p: Array, q: Array) -> tuple[tuple[Array, Array], Array]:
            a, v = state
            product = a[p, q]
            small = eps * jnp.sqrt(jnp.abs(a[p, p] * a[q, q])) * 0.5 + jnp.finfo(a.dtype).tiny
            left = jnp.max(jnp.minimum(jnp.abs(product) / small, jnp.abs(product) / (eps * eps)))
            c, s = rotation(a[q, q] - a[p, p], product)
            a = turned_columns(turned_columns(a, p, q, c, s).T, p, q, c, s)
            a = a.at[p, q].set(0).at[q, p].set(0)
            return (a, turned_columns(v, p, q, c, s)), left

        a, v = swept(turn, a.shape[0], (a, jnp.eye(a.shape[0], dtype=a.dtype)))
        values, v = jnp.diagonal(a)[:size] * scale, v[:size, :size]
        order = jnp.argsort(values)
        return values[order], v[:, order]

    def singular(a: Array) -> tuple[Array, Array, Array, Array]:
        """(values, left vectors or 0, right vectors) of a matrix with no more columns than rows."""
        columns, eps = a.shape[1], jnp.finfo(a.dtype).eps
        scale = jnp.max(jnp.abs(a), initial=0)
        scale = jnp.where(scale > 0, scale, 1)
        a = with_even(a / scale, (1,))

        def turn(state: tuple[Array, Array], p: Array, q: Array) -> tuple[tuple[Array, Array], Array]:
            a, v = state
            first, second = a[:, p], a[:, q]
            product, top, bottom = (first * second).sum(0), (first * first).sum(0), (second * second).sum(0)
            small = 4 * eps * jnp.sqrt(top * bottom) + jnp.finfo(a.dtype).tiny
            c, s = rotation(bottom - top, jnp.where(jnp.abs(product) > small, product, 0))
            return (turned_columns(a, p, q, c, s), turned_columns(v, p, q, c, s)), jnp.max(jnp.abs(product) / small)

        a, v = swept(turn, a.shape[1], (a, jnp.eye(a.shape[1], dtype=a.dtype)))
        a, v = a[:, :columns], v[:columns, :columns]
        values = jnp.linalg.norm(a, axis=0)
        order = jnp.argsort(-values)
        values, a, v = values[order], a[:, order], v[:, order]
        is_some = values > eps * values[0]
        return values * scale, jnp.where(is_some, a / jnp.where(is_some, values, 1), 0), v, is_some

    def completed(u: Array, is_some: Array, count: int) -> Array:
        """`count` orthonormal columns of which the first are those of u."""
        q, r = jnp.linalg.qr(u, mode="complete")
        sign = jnp.where(is_some & (jnp.diagonal(r) < 0), -1, 1).astype(u.dtype)
        return q.at[:, : u.shape[1]].multiply(sign)[:, :count]

    def each(f: Callable[..., Any], a: Array) -> Any:
        """Of each matrix of a batch."""
        rows = a.reshape(-1, *a.shape[-2:])
        return jax.tree.map(lambda m: m.reshape(*a.shape[:-2], *m.shape[1:]), lax.map(f, rows))

    def checked(a: Array, results: Sequence[Array]) -> list[Array]:
        """LAPACK gives NaN for what is not finite."""
        is_fine = jnp.isfinite(a).all()
        return [jnp.where(is_fine, r, jnp.nan) for r in results]

    def eigh(a: Array, *, lower: bool, **_: Any) -> Any:
        def one(a: Array) -> list[Array]:
            half = jnp.tril(a) if lower else jnp.triu(a).T
            values, vectors = eigen(half + jnp.tril(half, -1).T)
            return checked(a, [vectors, values])

        return each(one, a)

    def svd(a: Array, *, full_matrices: bool, compute_uv: bool, **_: Any) -> Any:
        is_wide = a.shape[-2] < a.shape[-1]

        def one(a: Array) -> list[Array]:
            rows, columns = a.shape[::-1] if is_wide else a.shape
            values, u, v, is_some = singular(a.T if is_wide else a)
            if not compute_uv:
                return checked(a, [values])
            u = completed(u, is_some, rows if full_matrices else columns)
            return checked(a, [values, v, u.T] if is_wide else [values, u, v.T])

        return each(one, a)

    def lowered(operation: Primitive, rule: Callable[..., Any]) -> tuple[Primitive, Callable[..., Any]]:
        def lower(ctx: LoweringRuleContext, a: ir.Value, subset_by_index: tuple[int, int] | None, **keywords: Any) -> Any:
            if subset_by_index not in (None, (0, min(ctx.avals_in[0].shape[-2:]))):
                raise FrontendError(f"found '{operation.name}' of the numbers {subset_by_index}, expected all of them")
            if not ctx.avals_in[0].size:
                made = [jnp.broadcast_to(jnp.eye(*o.shape[-2:]) if o.ndim > 1 else 0, o.shape).astype(o.dtype) for o in ctx.avals_out]
                return mlir.lower_fun(lambda _: made, multiple_results=True)(ctx, a)
            return mlir.lower_fun(rule, multiple_results=True)(ctx, a, **keywords)

        return operation, lower

    return lowered(linalg.eigh_p, eigh), lowered(linalg.svd_p, svd)
