# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Peer: the rounded matrix product as JAX's fori_loop over the reduction, one thread.

Usage: matmul_jax.py SIZE MODE FRACTION
"""
import os

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"
import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from peer import answer

size, mode, fraction = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
DROP = 23 - fraction
MASK = jnp.uint32((0xFFFFFFFF << DROP) & 0xFFFFFFFF)


def rounded(value, key):
    word = lax.bitcast_convert_type(value, jnp.uint32)
    if mode == "nearest-even":
        word = word + ((word >> DROP) & 1) + ((1 << (DROP - 1)) - 1)
    elif mode == "stochastic":  # a counter hashed by two multiplications
        h = jnp.arange(value.size, dtype=jnp.uint32).reshape(value.shape)
        h = h + key * jnp.uint32(0x9E3779B9)
        h = (h ^ (h >> 16)) * jnp.uint32(0x7FEB352D)
        h = (h ^ (h >> 15)) * jnp.uint32(0x846CA68B)
        word = word + ((h ^ (h >> 16)) & ~MASK)
    return lax.bitcast_convert_type(word & MASK, jnp.float32)


@jax.jit
def product(a, b):
    def body(k, total):
        row = lax.dynamic_slice_in_dim(b, k, 1, 0)
        column = lax.dynamic_slice_in_dim(a, k, 1, 1)
        word = 2 * k.astype(jnp.uint32)
        return rounded(total + rounded(column * row, word), word + 1)

    return lax.fori_loop(0, size, body, jnp.zeros((size, size), "f4"), unroll=8)


random = np.random.default_rng(0)
a, b = (jax.device_put(random.normal(size=(size, size)).astype("f4")) for _ in "ab")
answer(lambda: product(a, b).block_until_ready())
