# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Running sums and windows: the importer takes each window of a whole row for a sum that runs forwards."""
from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from jax import Array
    from jax.extend.core import Primitive
    from jax.interpreters.mlir import LoweringRuleContext
    from jaxlib.mlir import ir


def window_rules(own: Callable[[Primitive], Callable[..., Any]]) -> tuple[tuple[Primitive, Callable[..., Any]], ...]:
    """`own(operation)` is JAX's rule."""
    from jax import lax
    from jax._src.lax import windowed_reductions as windows
    from jax._src.lax.control_flow import loops
    from jax.interpreters import mlir

    def running(operation: Primitive, ctx: LoweringRuleContext, x: ir.Value, *, axis: int, reverse: bool) -> Any:
        if not reverse:
            return own(operation)(ctx, x, axis=axis, reverse=reverse)

        def rule(x: Array) -> Array:
            return lax.rev(operation.bind(lax.rev(x, (axis,)), axis=axis, reverse=False), (axis,))

        return mlir.lower_fun(rule, multiple_results=False)(ctx, x)

    def window(
        operation: Primitive,
        ctx: LoweringRuleContext,
        *arguments: ir.Value,
        window_dimensions: Sequence[int],
        padding: Sequence[tuple[int, int]],
        **keywords: Any,
    ) -> Any:
        shape = ctx.avals_in[0].shape
        turned = tuple(a for a, n in enumerate(shape) if window_dimensions[a] == n > 1 and tuple(padding[a]) == (0, n - 1))
        if not turned or set(keywords["window_strides"]) != {1}:
            return own(operation)(ctx, *arguments, window_dimensions=window_dimensions, padding=padding, **keywords)
        mirrored = tuple(tuple(p)[::-1] if axis in turned else tuple(p) for axis, p in enumerate(padding))

        def rule(*arguments: Array) -> list[Array]:
            rows = [lax.rev(x, turned) if x.ndim == len(shape) else x for x in arguments]
            made = operation.bind(*rows, window_dimensions=window_dimensions, padding=mirrored, **keywords)
            return [lax.rev(m, turned) for m in (made if operation.multiple_results else [made])]

        return mlir.lower_fun(rule, multiple_results=True)(ctx, *arguments)

    sums = [getattr(loops, f"cum{name}_p") for name in ("sum", "prod", "max", "min", "logsumexp")]
    reductions = [windows.reduce_window_p, *(getattr(windows, f"reduce_window_{name}_p") for name in ("sum", "max", "min"))]
    return (
        *((p, functools.partial(running, p)) for p in sums),
        *((p, functools.partial(window, p)) for p in reductions),
    )
