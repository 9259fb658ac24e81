# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Results of a function as we compile it without roundings beside JAX's, on the same arguments."""
from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from prec.compare import differs_for_all, shifted
from prec.frontend import FrontendError, require

from .complex_pairs import parts
from .leaves import as_jax, stored
from .parting import first_parting

NEXT = 2.0**-20, -(2.0**-20)
OPEN = {"svd", "eigh"}  # whose vectors have a sign that nobody promises


def worst_difference(
    f: Callable[..., Any],
    framework: Callable[..., Any],
    lower: Callable[..., Any],
    structure: Any,
    given: Sequence[Any],
    leaves: Sequence[np.ndarray],
    ours: Callable[[list[np.ndarray], int], Sequence[np.ndarray]],
    what: str,
) -> float:
    """`framework`, which is f as JAX runs it, on `leaves`, which stand for the leaves that were `given`, beside `ours`, which takes
    their real parts and the number of results. Raises where results part, and says where that began."""
    jax = require("jax")

    def scaled(scale: float) -> list[np.ndarray]:
        return [a * np.asarray(1 + scale, a.dtype) if a.dtype.kind in "fc" else a for a in leaves]

    def of_jax(arrays: Sequence[np.ndarray]) -> list[Any]:
        return [as_jax(a, jax.typeof(leaf)) for a, leaf in zip(arrays, given, strict=True)]

    def reference(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        args, keywords = jax.tree_util.tree_unflatten(structure, of_jax(arrays))
        found = [parts(stored(r)) for r in jax.tree_util.tree_leaves(framework(*args, **keywords))]
        starts.update(np.cumsum([0, *map(len, found)])[k] for k, pair in enumerate(found) if len(pair) > 1)
        return _whole([np.asarray(part) for pair in found for _, part in pair], starts)

    def made(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        found = ours([np.asarray(part, order="C") for a in arrays for _, part in parts(a)], len(expected))
        found = [m.view(r.dtype) if m.dtype.kind == "V" else m for m, r in zip(found, expected, strict=True)]  # a file knows no bf16
        return _whole(found, starts)

    def framework_jaxpr() -> Any:
        args, keywords = jax.tree_util.tree_unflatten(structure, given)
        return jax.jit(f).trace(*args, **keywords).jaxpr.jaxpr

    starts: set[int] = set()  # of pairs of parts
    expected = reference(leaves)
    found = made(leaves)
    near = functools.cache(lambda: [reference(scaled(s)) for s in NEXT])
    moved = functools.cache(lambda: [made(scaled(s)) for s in NEXT])
    worst = 0.0
    for k, (mine, value) in enumerate(zip(found, expected, strict=True)):
        problem = differs_for_all(mine, value, (
            lambda: [run[k] for run in near()],
            # Sums in our order may lose more than JAX's: how much is seen where the arguments move.
            lambda: [shifted(value, mine, run[k]) for run in moved()],
        ))  # fmt: skip
        if problem and _has_open_signs(framework_jaxpr()):
            said = f"prec: {what} is not compared with JAX whole: result {k} {problem}, but the signs of singular and eigenvectors are open"
            warnings.warn(said, stacklevel=3)
            continue
        if problem:
            try:
                args, keywords = jax.tree_util.tree_unflatten(structure, given)
                runs = [of_jax(scaled(s)) for s in (0, *NEXT)]
                place = first_parting(jax.jit(f).trace(*args, **keywords).jaxpr, lower, runs)
            except Exception:  # nobody knows where, then
                place = ""
            raise FrontendError(f"{what} differs from JAX: result {k} {problem}{place}")
        if value.dtype.kind == "f" and value.size:
            worst = max(worst, float(np.nanmax(np.abs(mine - value), initial=0)))
    return worst


def _has_open_signs(jaxpr: Any) -> bool:
    from jax._src import core

    return any(e.primitive.name in OPEN or any(map(_has_open_signs, core.jaxprs_in_params(e.params))) for e in jaxpr.eqns)


def _whole(found: list[np.ndarray], starts: Iterable[int]) -> list[np.ndarray]:
    """A complex number is no number if either part is none; which one is nobody's promise."""
    for k in starts:
        is_none = np.isnan(found[k]) | np.isnan(found[k + 1])
        found[k : k + 2] = [np.where(is_none, np.asarray(np.nan, part.dtype), part) for part in found[k : k + 2]]
    return found
