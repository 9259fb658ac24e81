# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A function of complex numbers as one of pairs of real ones, made from its jaxpr: kernels and formats are those of reals."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TYPE_CHECKING

import numpy as np

from .refusals import place_of

if TYPE_CHECKING:
    from jax.core import ShapedArray
    from jax.extend.core import ClosedJaxpr, Jaxpr

INLINED = {"jit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr", "remat2": "jaxpr", "custom_jvp_call": "call_jaxpr",
           "custom_vjp_call": "call_jaxpr", "custom_lin": "call_jaxpr"}  # fmt: skip


def is_complex(value: object) -> bool:
    return getattr(getattr(value, "dtype", None), "kind", None) == "c"


def has_complex(jaxpr: Jaxpr) -> bool:
    """Has a jaxpr, or one in it, a complex value?"""
    from jax._src import core

    found = [*jaxpr.invars, *jaxpr.constvars, *(v for e in jaxpr.eqns for v in (*e.invars, *e.outvars))]
    return any(is_complex(v.aval) for v in found) or any(has_complex(j) for e in jaxpr.eqns for j in core.jaxprs_in_params(e.params))


def parts(value: Any) -> list[tuple[str, Any]]:
    """(name's end, array) of what an argument or a result is made of."""
    return [("/real", value.real), ("/imag", value.imag)] if is_complex(value) else [("", value)]


def part_avals(aval: ShapedArray) -> list[ShapedArray]:
    """The abstract values of the parts."""
    return [aval.update(dtype=np.dtype(f"f{aval.dtype.itemsize // 2}"), weak_type=False)] * 2 if is_complex(aval) else [aval]


def joined(arrays: Iterable[Any], avals: Iterable[ShapedArray]) -> list[Any]:
    """Of each abstract value its pair or its array."""
    rest = iter(arrays)
    return [(next(rest), next(rest)) if is_complex(aval) else next(rest) for aval in avals]


def of_pairs(closed: ClosedJaxpr) -> Callable[..., list[Any]]:
    """The function of all parts, one after the other, that gives the parts of the results."""

    def f(*arrays: Any) -> list[Any]:
        values = evaluate(closed.jaxpr, closed.consts, joined(arrays, closed.in_avals))
        return [part for value in values for part in (value if isinstance(value, tuple) else (value,))]

    return f


def _split(value: Any) -> Any:
    return (value.real, value.imag) if is_complex(value) and not isinstance(value, tuple) else value


def evaluate(jaxpr: Jaxpr, consts: Sequence[Any], values: Sequence[Any], outer: str = "") -> list[Any]:
    """As JAX evaluates a jaxpr; a complex value is the tuple of its parts, `outer` the place of the call."""
    from jax._src import core, source_info_util

    from .complex_rules import rules

    known = dict(zip(jaxpr.constvars, map(_split, consts), strict=True)) | dict(zip(jaxpr.invars, values, strict=True))

    def read(v: Any) -> Any:
        return _split(np.asarray(v.val) if is_complex(v.aval) else v.val) if isinstance(v, core.Literal) else known[v]

    for e in jaxpr.eqns:
        stack = source_info_util.current_name_stack() + e.source_info.name_stack
        with source_info_util.user_context(e.source_info.traceback, name_stack=stack), e.ctx.manager:
            inner = any(map(has_complex, core.jaxprs_in_params(e.params)))
            given, name, place = [read(v) for v in e.invars], e.primitive.name, place_of(e, outer)
            if not inner and not any(is_complex(v.aval) for v in (*e.invars, *e.outvars)):
                made = e.primitive.bind(*given, **e.primitive.get_bind_params(e.params))
                made = made if e.primitive.multiple_results else [made]
            elif name in INLINED:
                body = e.params[INLINED[name]]
                body, its = (body.jaxpr, body.consts) if isinstance(body, core.ClosedJaxpr) else (body, ())
                made = evaluate(body, its, given, place)
            else:
                made = rules()(e, given, place)
        known |= dict(zip(e.outvars, made, strict=True))
    return [read(v) for v in jaxpr.outvars]
