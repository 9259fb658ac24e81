# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""lax.fft of pairs of real arrays, in JAX's operations."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from prec.fourier import Fourier


def _fourier() -> Fourier:
    import jax.numpy as jnp

    return Fourier(
        lambda array, like: np.asarray(array, like.dtype), lambda x, n: jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, n)]),
        lambda x: x[..., ::-1], lambda parts: jnp.concatenate(parts, -1),
    )  # fmt: skip


def transform(x: Any, kind: str, lengths: Sequence[int]) -> Any:
    """lax.fft of a pair, or of a real array where `kind` is RFFT; IRFFT gives a real array."""
    fourier, pair = _fourier(), (x, None) if kind == "RFFT" else x
    axes = list(range(pair[0].ndim - len(lengths), pair[0].ndim))

    def inverse(pair: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
        size = pair[0].shape[axis]
        return tuple(part / size for part in fourier.along(pair, axis, True))

    if kind == "IRFFT":
        for axis in axes[:-1]:
            pair = inverse(pair, axis)
        return fourier.real_from_half(pair, axes[-1], lengths[-1]) / lengths[-1]
    for axis in axes[::-1]:
        pair = inverse(pair, axis) if kind == "IFFT" else fourier.along(pair, axis)
        if kind == "RFFT" and axis == axes[-1]:
            pair = tuple(part[..., : lengths[-1] // 2 + 1] for part in pair)
    return pair
