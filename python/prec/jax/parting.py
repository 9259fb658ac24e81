# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The first layer at which an export and JAX part: every value of the function's jaxpr is compared."""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TYPE_CHECKING

import numpy as np

from prec.compare import differs, run_model
from prec.frontend import require

from .complex_pairs import INLINED, parts
from .leaves import stored
from .refusals import place_of

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr, Jaxpr


def first_parting(closed: ClosedJaxpr, lower: Callable[..., Any], runs: Sequence[Sequence[Any]]) -> str:
    """The end of a message. `runs`: the arguments' leaves, and others next to them."""
    jax = require("jax")
    places: list[str] = []

    def values(*leaves: Any) -> list[Any]:
        made: list[tuple[str, Any]] = []
        _evaluate(closed.jaxpr, closed.consts, leaves, made, "", "")
        places[:] = [place for place, _ in made]
        return [value for _, value in made]

    text, names, _ = lower(values, tuple(runs[0]))
    given = dict(zip(names, (part for leaf in runs[0] for _, part in parts(stored(leaf))), strict=True))
    reference, *others = ([parts(stored(v)) for v in values(*leaves)] for leaves in runs)
    count = sum(map(len, reference))
    ours = iter(run_model(text, {}, names, given, count))
    for place, made, *moved in zip(places, reference, *others):
        for (_, expected), *near in zip(made, *moved):
            mine = next(ours)
            mine = mine.view(expected.dtype) if mine.dtype.kind == "V" else mine
            if differs(mine, np.asarray(expected), [np.asarray(part) for _, part in near]):
                return f"; the first layer that differs is {place}"
    return ""


def _evaluate(jaxpr: Jaxpr, consts: Sequence[Any], values: Sequence[Any], made: list[tuple[str, Any]], stack: str, outer: str) -> list[Any]:
    """As JAX evaluates a jaxpr; `made` gets (where, value) of all that is an array."""
    from jax._src import core
    from jax import dtypes

    known = dict(zip(jaxpr.constvars, consts, strict=True)) | dict(zip(jaxpr.invars, values, strict=True))
    read = lambda v: v.val if isinstance(v, core.Literal) else known[v]  # noqa: E731
    for e in jaxpr.eqns:
        name, place = e.primitive.name, place_of(e, outer)
        layer = f"{stack}/{e.source_info.name_stack}".strip("/")
        if name in INLINED:
            body = e.params[INLINED[name]]
            body, its = (body.jaxpr, body.consts) if isinstance(body, core.ClosedJaxpr) else (body, ())
            found = _evaluate(body, its, [read(v) for v in e.invars], made, layer, place)
        else:
            found = e.primitive.bind(*map(read, e.invars), **e.primitive.get_bind_params(e.params))
            found = found if e.primitive.multiple_results else [found]
            path = "/".join(w for w in re.split(r"/|\w*\(|\)", layer) if w)
            where = f"'{path or name}' ({place}'{name}')"
            made += [(where, value) for value in found if hasattr(value, "dtype") and not dtypes.issubdtype(value.dtype, dtypes.extended)]
        known |= dict(zip(e.outvars, found, strict=True))
    return [read(v) for v in jaxpr.outvars]
