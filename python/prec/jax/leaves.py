# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Leaves of JAX's trees as arrays in memory, and back: random keys are words, results of Python's numbers are weak."""
from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np

from prec.frontend import FrontendError, require

if TYPE_CHECKING:
    from jax import Array
    from jax.core import ShapedArray


def _is_key(leaf: object) -> bool:
    jax = require("jax")
    return jax.dtypes.issubdtype(getattr(leaf, "dtype", None), jax.dtypes.prng_key)


def stored(leaf: Any) -> np.ndarray:
    """The array that the module takes for an argument."""
    jax = require("jax")
    if isinstance(leaf, jax.core.Tracer):
        raise FrontendError(
            f"an argument is {leaf.aval.str_short()} that JAX traces, expected an array: what prec.jax.jit makes is called "
            "outside of jax.jit, grad and vmap; write prec.jax.jit(jax.grad(f)) for jax.grad(prec.jax.jit(f))"
        )
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else jax.numpy.asarray(leaf))


def stored_dtype(like: ShapedArray) -> np.dtype:
    return np.dtype("uint32") if _is_key(like) else like.dtype


def as_jax(array: np.ndarray | np.generic, like: ShapedArray) -> Array:
    """JAX's array of the abstract value `like`."""
    jax = require("jax")
    if _is_key(like):
        return jax.random.wrap_key_data(array, impl=like.dtype._impl.name)
    if like.weak_type:
        from jax._src.lax.lax import _convert_element_type

        return _convert_element_type(jax.numpy.asarray(array), like.dtype, weak_type=True)
    return jax.numpy.asarray(array)
