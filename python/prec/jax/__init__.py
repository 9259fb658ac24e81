# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""JAX: `export` to a file, and `jit` with a precision policy.

    import prec.jax
    step = prec.jax.jit(jax.value_and_grad(loss), truncate_mantissa=7)
    value, gradients = step(parameters, x, y)

`jit` takes the precision flags with underscores (a list is a flag given several times),
`threads`, and `check`: whether the first call is compared with JAX, as it is by default.
Functions are compiled once for each structure and shape of their arguments.
"""
from .functions import export, jit

__all__ = ["export", "jit"]
