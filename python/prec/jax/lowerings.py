# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How some of JAX's operations become StableHLO here: in forms that the foreign importer knows, with what XLA computes.

A rule that has nothing to change calls JAX's own.
"""
from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TYPE_CHECKING

from .conversion_rules import conversion_rules
from .linear_algebra_rules import linear_algebra_rules
from .narrow_rules import narrow_rules
from .product_rules import product_rules
from .spectral_rules import spectral_rules
from .unsigned_rules import unsigned_rules
from .window_rules import window_rules

if TYPE_CHECKING:
    import numpy as np
    from jax import Array
    from jax.extend.core import Primitive
    from jax.interpreters.mlir import LoweringRuleContext
    from jax.lax import GatherDimensionNumbers, ScatterDimensionNumbers
    from jaxlib.mlir import ir


@functools.cache
def rules() -> tuple[tuple[Primitive, Callable[..., Any]], ...]:
    """((operation, rule), ...) for LoweringParameters.override_lowering_rules."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    from jax._src import ad_checkpoint
    from jax._src.lax import ann, slicing, windowed_reductions
    from jax._src.lax import lax as core_lax
    from jax.interpreters import mlir

    lax = jax.lax

    def wide(indices: Array) -> Array:
        """A size that a byte does not hold is compared with bytes."""
        return indices.astype(np.int32) if indices.dtype.itemsize < 4 else indices

    def with_rows(indices: Array, axes: Sequence[int]) -> Array:
        """The number of each batch before the indices into it."""
        rows = [lax.broadcasted_iota(indices.dtype, (*indices.shape[:-1], 1), axis) for axis in axes]
        return jnp.concatenate([*rows, indices], -1)

    def gather(ctx: LoweringRuleContext, *arguments: ir.Value, dimension_numbers: GatherDimensionNumbers, **keywords: Any) -> Any:
        d, modes = dimension_numbers, slicing.GatherScatterMode
        if not ctx.avals_out[0].size:  # of an empty operand there is no row to clip to
            made = ctx.avals_out[0]
            return mlir.lower_fun(lambda *_: lax.full(made.shape, 0, made.dtype), multiple_results=False)(ctx, *arguments)
        clips = keywords["mode"] == modes.CLIP
        if keywords["mode"] == modes.FILL_OR_DROP:
            return mlir.lower_fun(functools.partial(filled, d, keywords), multiple_results=False)(ctx, *arguments)
        if not clips and not d.operand_batching_dims:
            if ctx.avals_in[0].dtype in (np.uint32, np.uint64):
                held = mlir.lower_fun(functools.partial(held_inside, d, keywords), multiple_results=True)
                arguments = held(ctx.replace(primitive=None, avals_out=list(ctx.avals_in)), *arguments)
            return slicing._gather_lower(ctx, *arguments, dimension_numbers=d, **keywords)
        plain = lax.GatherDimensionNumbers(
            d.offset_dims, tuple(sorted(d.collapsed_slice_dims + d.operand_batching_dims)),
            d.operand_batching_dims + d.start_index_map,
        )  # fmt: skip

        def rule(x: Array, indices: Array) -> Array:
            """The importer reads where the index says, inside or not."""
            how, indices = keywords | {"indices_are_sorted": False}, wide(indices)
            if clips:
                indices = jnp.clip(indices, 0, last_starts(x, indices, d, how))
                how["mode"] = modes.PROMISE_IN_BOUNDS
            indices = with_rows(indices, d.start_indices_batching_dims)
            return slicing.gather_p.bind(x, indices, dimension_numbers=plain, **how)

        return mlir.lower_fun(rule, multiple_results=False)(ctx, *arguments)

    def last_starts(x: Array, indices: Array, d: GatherDimensionNumbers, keywords: Mapping[str, Any]) -> np.ndarray:
        return np.array([x.shape[axis] - keywords["slice_sizes"][axis] for axis in d.start_index_map], indices.dtype)

    def held_inside(d: GatherDimensionNumbers, keywords: dict[str, Any], x: Array, indices: Array) -> tuple[Array, Array]:
        """JAX's gradient of a scatter reads the numbers of its updates, also where it dropped one."""
        last = [min(x.shape[axis] - keywords["slice_sizes"][axis], np.iinfo(indices.dtype).max) for axis in d.start_index_map]
        return x, jnp.clip(indices, 0, np.array(last, indices.dtype))

    def filled(d: GatherDimensionNumbers, keywords: dict[str, Any], x: Array, indices: Array) -> Array:
        """JAX's own reads outside of the operand what it then hides."""
        indices = wide(indices)
        inside = ((indices >= 0) & (indices <= last_starts(x, indices, d, keywords))).all(-1)
        made = slicing.gather_p.bind(x, indices, dimension_numbers=d, **keywords | {"mode": slicing.GatherScatterMode.CLIP})
        axes = [axis for axis in range(made.ndim) if axis not in d.offset_dims]
        return lax.select(lax.broadcast_in_dim(inside, made.shape, axes), made, lax.full_like(made, keywords["fill_value"]))

    def scatter(
        operation: Primitive,
        ctx: LoweringRuleContext,
        *arguments: ir.Value,
        dimension_numbers: ScatterDimensionNumbers,
        **keywords: Any,
    ) -> Any:
        d = dimension_numbers
        if not ctx.avals_in[2].size:
            return [arguments[0]]
        if not d.scatter_dims_to_operand_dims and not d.operand_batching_dims:
            return mlir.lower_fun(functools.partial(placed, operation, d, keywords), multiple_results=False)(ctx, *arguments)
        places = (*d.operand_batching_dims, *d.scatter_dims_to_operand_dims)
        inserted = (*d.inserted_window_dims, *d.operand_batching_dims)
        modes = slicing.GatherScatterMode
        drops, clips = keywords["mode"] == modes.FILL_OR_DROP, keywords["mode"] == modes.CLIP
        parts = not set(places) <= set(inserted)
        if not (drops or clips or parts or d.operand_batching_dims) and set(places) == set(range(len(places))):
            return slicing._scatter_lower(ctx, *arguments, dimension_numbers=d, **keywords)
        how = keywords | {"mode": slicing.GatherScatterMode.PROMISE_IN_BOUNDS, "indices_are_sorted": False, "unique_indices": False}

        def rule(x: Array, indices: Array, updates: Array) -> Array:
            indices = with_rows(wide(indices), d.scatter_indices_batching_dims)
            window = [axis for axis in range(x.ndim) if axis not in inserted]
            axes = dict(zip(window, d.update_window_dims, strict=True))
            shape = x.shape
            room = np.array([n - (updates.shape[axes[a]] if a in axes else 1) for a, n in enumerate(shape)], indices.dtype)
            if clips:
                indices = jnp.clip(indices, 0, room[list(places)])
            if drops:  # what is outside goes to a place of its own, which is cut off
                outside = ((indices < 0) | (indices > room[list(places)])).any(-1, keepdims=True)
                away = np.array([shape[places[0]], *[0] * (len(places) - 1)], indices.dtype)
                indices = jnp.where(outside, away, indices)
                more = [(0, 0, 0)] * x.ndim
                more[places[0]] = (0, updates.shape[axes[places[0]]] if places[0] in axes else 1, 0)
                x = lax.pad(x, np.zeros((), x.dtype), more)
            if parts:
                indices, axes = points(x, indices, updates, axes), {}
            made = ordered(x, indices, updates, axes, tuple(range(x.ndim)) if parts else places)
            return lax.slice(made, [0] * x.ndim, shape) if drops else made

        def points(x: Array, indices: Array, updates: Array, axes: Mapping[int, int]) -> Array:
            """For each element of the updates where it goes: the importer knows no windows that are not whole."""
            batch = [axis for axis in range(updates.ndim) if axis not in axes.values()]
            made = []
            for axis in range(x.ndim):
                at = lax.full(updates.shape, 0, indices.dtype)
                if axis in axes:
                    at += lax.broadcasted_iota(indices.dtype, updates.shape, axes[axis])
                if axis in places:
                    at += lax.broadcast_in_dim(indices[..., places.index(axis)], updates.shape, batch)
                made.append(at)
            return jnp.stack(made, -1)

        def ordered(x: Array, indices: Array, updates: Array, axes: Mapping[int, int], places: Sequence[int]) -> Array:
            """The importer wants the axes that indices choose first."""
            order = sorted(range(x.ndim), key=lambda axis: (axis not in places, axis))
            at = {axis: k for k, axis in enumerate(order)}
            turned = list(range(updates.ndim))
            for to, axis in zip(sorted(axes.values()), sorted(axes, key=at.get), strict=True):
                turned[to] = axes[axis]
            plain = lax.ScatterDimensionNumbers(
                tuple(sorted(axes.values())), tuple(sorted(at[a] for a in range(x.ndim) if a not in axes)),
                tuple(at[a] for a in places),
            )  # fmt: skip
            made = operation.bind(x.transpose(order), indices, updates.transpose(turned), dimension_numbers=plain, **how)
            return made.transpose(sorted(range(x.ndim), key=order.__getitem__))

        return mlir.lower_fun(rule, multiple_results=False)(ctx, *arguments)

    def placed(
        operation: Primitive, d: ScatterDimensionNumbers, keywords: dict[str, Any], x: Array, indices: Array, updates: Array
    ) -> Array:
        """Indices that choose nothing choose the one row of a matrix: the importer wants one."""
        rows = lax.full((*indices.shape[:-1], 1), 0, indices.dtype)
        plain = lax.ScatterDimensionNumbers(d.update_window_dims, (0, *(axis + 1 for axis in d.inserted_window_dims)), (0,))
        return operation.bind(x[None], rows, updates, dimension_numbers=plain, **keywords)[0]

    def select_and_scatter(
        source: Array,
        x: Array,
        *,
        select_prim: Primitive,
        window_dimensions: Sequence[int],
        window_strides: Sequence[int],
        padding: Sequence[tuple[int, int]],
    ) -> Array:
        """What a window's element gets is placed between zeros, for each place in the window; the first of equals is chosen."""
        if source.dtype == bool:  # whose sum is true where one of them is
            how = {"window_dimensions": window_dimensions, "window_strides": window_strides, "padding": padding}
            return select_and_scatter(source.astype(np.int32), x, select_prim=select_prim, **how) > 0
        low, high = zip(*padding)
        wide = lax.pad(x, np.zeros((), x.dtype), [(a, b, 0) for a, b in padding])
        inside = np.pad(np.ones(x.shape, bool), padding)
        offsets = list(np.ndindex(*window_dimensions))

        def cut(values: Array | np.ndarray, offset: Sequence[int], how: Callable[..., Any] = lax.slice) -> Any:
            ends = [o + (n - 1) * s + 1 for o, n, s in zip(offset, source.shape, window_strides)]
            return how(values, offset, ends, window_strides)

        def cut_known(values: np.ndarray, offset: Sequence[int], ends: Sequence[int], strides: Sequence[int]) -> np.ndarray:
            return values[tuple(map(slice, offset, ends, strides))]

        best, chosen, found = cut(wide, offsets[0]), np.zeros(source.shape, np.int32), cut(inside, offsets[0], cut_known)
        for k, offset in enumerate(offsets[1:], 1):
            value, valid = cut(wide, offset), cut(inside, offset, cut_known)
            kept = (select_prim.bind(best, value) & found) | ~valid
            best, chosen, found = jnp.where(kept, best, value), jnp.where(kept, chosen, k), found | valid
        made = jnp.zeros(wide.shape, source.dtype)
        for k, offset in enumerate(offsets):
            part = jnp.where((chosen == k) & found, source, 0)
            rest = [w - o - (n - 1) * s - 1 for w, o, n, s in zip(wide.shape, offset, source.shape, window_strides)]
            made += lax.pad(part, np.zeros((), part.dtype), [(o, r, s - 1) for o, r, s in zip(offset, rest, window_strides)])
        return lax.slice(made, low, [w - b for w, b in zip(wide.shape, high)])

    def total_order(x: Array) -> Array:
        """An integer for each float: -NaN, ..., -0, 0, ..., NaN."""
        if not jnp.issubdtype(x.dtype, jnp.floating):
            return x
        bits = lax.bitcast_convert_type(x, np.dtype(f"i{x.dtype.itemsize}"))
        return jnp.where(bits < 0, bits ^ np.iinfo(bits.dtype).max, bits)

    def top_k(x: Array, *, k: int, axis: int) -> list[Array]:
        """The first of equals first: a stable sort of the reverse, reversed."""
        rows = [lax.rev(row, (axis,)) for row in (total_order(x), x, lax.broadcasted_iota(np.int32, x.shape, axis))]
        _, values, places = lax.sort(rows, dimension=axis, is_stable=True, num_keys=1)
        return [lax.slice_in_dim(lax.rev(m, (axis,)), 0, k, axis=axis) for m in (values, places)]

    def without_barrier(ctx: LoweringRuleContext, *arguments: ir.Value, **keywords: Any) -> Any:
        """What is recomputed is our own compiler's choice."""
        return ad_checkpoint._remat_lowering(ctx, *arguments, **keywords | {"prevent_cse": False})

    def approximate_top_k(x: Array, *, k: int, reduction_dimension: int, is_max_k: bool, **_: Any) -> tuple[Array, Array]:
        """Exactly, as XLA does on a CPU."""
        values, places = top_k(x if is_max_k else -x, k=k, axis=reduction_dimension % x.ndim)
        return values if is_max_k else -values, places

    scatters = ("scatter", "scatter_add", "scatter_sub", "scatter_mul", "scatter_min", "scatter_max")
    plain = (
        (slicing.gather_p, gather),
        *((p, functools.partial(scatter, p)) for p in (getattr(slicing, f"{name}_p") for name in scatters)),
        (core_lax.top_k_p, mlir.lower_fun(top_k, multiple_results=True)),
        (ann.approx_top_k_p, mlir.lower_fun(approximate_top_k, multiple_results=True)),
        (windowed_reductions.select_and_scatter_add_p, mlir.lower_fun(select_and_scatter, multiple_results=False)),
        (core_lax.optimization_barrier_p, lambda ctx, *arguments: arguments),
        (ad_checkpoint.remat_p, without_barrier),
        *conversion_rules(),
        *window_rules(own_rule),
        *linear_algebra_rules(),
        *spectral_rules(),
    )
    known = dict(plain)
    for more in (unsigned_rules, narrow_rules, product_rules):  # each calls what was known before
        known |= dict(more(lambda operation, before=dict(known): before.get(operation) or own_rule(operation)))
    return tuple(known.items())


def own_rule(operation: Primitive) -> Callable[..., Any]:
    """JAX's rule for a CPU."""
    from jax.interpreters import mlir

    return (mlir._platform_specific_lowerings["cpu"].get(operation) or mlir._lowerings[operation]).rule
