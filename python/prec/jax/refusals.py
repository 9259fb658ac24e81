# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations that are refused by name, with their place, before the importer meets them: some it would take for something else."""
from __future__ import annotations

from typing import TYPE_CHECKING

from prec.frontend import FrontendError

if TYPE_CHECKING:
    from jax.extend.core import Jaxpr, JaxprEqn

LAPACK = "which JAX leaves to LAPACK on a CPU; expected an operation with a kernel: compute it outside of the function and pass the result"
REASONS = {
    "call_exported": "whose StableHLO was made for XLA by jax.export; expected a function that JAX can trace: call the function itself",
    **dict.fromkeys(("eig", "schur", "hessenberg", "tridiagonal", "tridiagonal_solve"), LAPACK),
}


def place_of(equation: JaxprEqn, outer: str = "") -> str:
    """'file:line: ' of the innermost frame of a user."""
    from jax._src import source_info_util

    frame = source_info_util.user_frame(equation.source_info.traceback)
    return f"{frame.file_name}:{frame.start_line}: " if frame else outer


def refuse(jaxpr: Jaxpr, place: str = "") -> None:
    """Raises FrontendError for the first equation that is refused, at any depth; the place of a call is that of what is in it."""
    from jax._src import core

    for equation in jaxpr.eqns:
        name, here = equation.primitive.name, place_of(equation, place)
        if name in REASONS:
            raise FrontendError(f"{here}found '{name}', {REASONS[name]}")
        for inner in core.jaxprs_in_params(equation.params):
            refuse(inner, here)
