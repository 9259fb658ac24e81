# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How some of JAX's operations become StableHLO here: in forms that the foreign importer knows, with what XLA computes.

A rule that has nothing to change calls JAX's own.
"""
import functools


@functools.cache
def rules():
    """((operation, rule), ...) for LoweringParameters.override_lowering_rules."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    from jax._src import ad_checkpoint
    from jax._src.lax import convolution, slicing
    from jax._src.lax import lax as core_lax
    from jax.interpreters import mlir

    lax = jax.lax

    def with_rows(indices, axes):
        """The number of each batch before the indices into it."""
        rows = [lax.broadcasted_iota(indices.dtype, (*indices.shape[:-1], 1), axis) for axis in axes]
        return jnp.concatenate([*rows, indices], -1)

    def gather(ctx, *arguments, dimension_numbers, **keywords):
        d = dimension_numbers
        if not d.operand_batching_dims:
            return slicing._gather_lower(ctx, *arguments, dimension_numbers=d, **keywords)
        plain = lax.GatherDimensionNumbers(
            d.offset_dims, tuple(sorted(d.collapsed_slice_dims + d.operand_batching_dims)),
            d.operand_batching_dims + d.start_index_map,
        )  # fmt: skip

        def rule(x, indices):
            indices = with_rows(indices, d.start_indices_batching_dims)
            return slicing.gather_p.bind(x, indices, dimension_numbers=plain, **keywords | {"indices_are_sorted": False})

        return mlir.lower_fun(rule, multiple_results=False)(ctx, *arguments)

    def scatter(operation, ctx, *arguments, dimension_numbers, **keywords):
        d = dimension_numbers
        if not d.operand_batching_dims:
            return slicing._scatter_lower(ctx, *arguments, dimension_numbers=d, **keywords)
        plain = lax.ScatterDimensionNumbers(
            d.update_window_dims, tuple(sorted((*d.inserted_window_dims, *d.operand_batching_dims))),
            (*d.operand_batching_dims, *d.scatter_dims_to_operand_dims),
        )  # fmt: skip

        def rule(x, indices, updates):
            indices = with_rows(indices, d.scatter_indices_batching_dims)
            return operation.bind(x, indices, updates, dimension_numbers=plain, **keywords | {"indices_are_sorted": False})

        return mlir.lower_fun(rule, multiple_results=False)(ctx, *arguments)

    def top_k(x, *, k, axis):
        """The first of equals first, 0 before -0: a stable sort of the reverse, reversed."""
        keys = [x, jnp.where(jnp.signbit(x), 0, 1)] if jnp.issubdtype(x.dtype, jnp.floating) else [x]
        rows = [lax.rev(row, (axis,)) for row in (*keys, lax.broadcasted_iota(np.int32, x.shape, axis))]
        values, *_, places = lax.sort(rows, dimension=axis, is_stable=True, num_keys=len(keys))
        return [lax.slice_in_dim(lax.rev(m, (axis,)), 0, k, axis=axis) for m in (values, places)]

    def without_barrier(ctx, *arguments, **keywords):
        """What is recomputed is our own compiler's choice."""
        return ad_checkpoint._remat_lowering(ctx, *arguments, **keywords | {"prevent_cse": False})

    def wide_sums(operation, own):
        """XLA sums products of narrow floats in f32 and rounds the sum once."""

        def lower(ctx, *arguments, preferred_element_type, **keywords):
            narrow = ctx.avals_out[0].dtype
            if not (jnp.issubdtype(narrow, jnp.floating) and narrow.itemsize < 4):
                return own(ctx, *arguments, preferred_element_type=preferred_element_type, **keywords)

            def rule(a, b):
                return operation.bind(a, b, preferred_element_type=np.dtype("f4"), **keywords).astype(narrow)

            return mlir.lower_fun(rule, multiple_results=False)(ctx, *arguments)

        return lower

    cpu = functools.partial(core_lax._dot_general_lower, platform="cpu")
    scatters = ("scatter", "scatter_add", "scatter_sub", "scatter_mul", "scatter_min", "scatter_max")
    return (
        (slicing.gather_p, gather),
        *((p, functools.partial(scatter, p)) for p in (getattr(slicing, f"{name}_p") for name in scatters)),
        (core_lax.top_k_p, mlir.lower_fun(top_k, multiple_results=True)),
        (core_lax.optimization_barrier_p, lambda ctx, *arguments: arguments),
        (ad_checkpoint.remat_p, without_barrier),
        (core_lax.dot_general_p, wide_sums(core_lax.dot_general_p, cpu)),
        (convolution.conv_general_dilated_p, wide_sums(convolution.conv_general_dilated_p, convolution._conv_general_dilated_lower)),
    )
