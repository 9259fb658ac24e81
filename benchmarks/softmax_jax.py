# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Peer: the same 1,000 steps in JAX with every scalar result rounded, one thread.

Contractions are fori_loops over their reduction (ascending: product, round, sum,
round); the whole training is one compiled program. Stochastic rounding hashes a
counter, which on this machine is JAX's fastest source of bits.
Usage: softmax_jax.py STEPS MODE FRACTION
"""
import os

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"
import sys

import jax
import jax.numpy as jnp
import numpy as np
from contestant import BATCH, batches, fashion_mnist, initial, serve
from jax import lax

steps, mode, fraction = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
DROP = 23 - fraction
MASK = jnp.uint32((0xFFFFFFFF << DROP) & 0xFFFFFFFF)


def cast(value, kind):
    return lax.bitcast_convert_type(value, kind)


def toward_zero(value, key):
    return cast(cast(value, jnp.uint32) & MASK, jnp.float32)


def nearest_even(value, key):
    word = cast(value, jnp.uint32)
    word = word + ((word >> DROP) & 1) + ((1 << (DROP - 1)) - 1)
    return cast(word & MASK, jnp.float32)


def stochastic(value, key):
    position = jnp.arange(value.size, dtype=jnp.uint32).reshape(value.shape)
    h = position + key * jnp.uint32(0x9E3779B9)
    h = (h ^ (h >> 16)) * jnp.uint32(0x7FEB352D)
    h = (h ^ (h >> 15)) * jnp.uint32(0x846CA68B)
    noise = (h ^ (h >> 16)) & ~MASK
    return cast((cast(value, jnp.uint32) + noise) & MASK, jnp.float32)


R = {"toward-zero": toward_zero, "nearest-even": nearest_even, "stochastic": stochastic}[mode]


def contraction(a, b, key):
    """a^T b, the reduction along both first dimensions; a's columns fill the vectors."""

    def body(k, total):
        row = lambda v: lax.dynamic_slice_in_dim(v, k, 1, 0)
        word = key + 2 * k.astype(jnp.uint32)
        return R(total + R(row(b).T * row(a), word), word + 1)

    start = jnp.zeros((b.shape[1], a.shape[1]), "f4")
    unroll = 1 if mode == "toward-zero" else 16  # the fastest of 1, 4, 8, 16
    return lax.fori_loop(0, a.shape[0], body, start, unroll=unroll).T


def ascending_sum(values, key):
    """Sums along the first dimension."""

    def body(k, total):
        return R(total + values[k], key + k.astype(jnp.uint32))

    return lax.fori_loop(0, values.shape[0], body, jnp.zeros(values.shape[1:], "f4"))


def step(k, state, x, y, rate):
    w, b = state
    key = k.astype(jnp.uint32) * jnp.uint32(1 << 14)
    logits = R(contraction(x.T, w, key) + b, key + 2000)
    shifted = R(logits - logits.max(1, keepdims=True), key + 2001)
    exponential = R(jnp.exp(shifted), key + 2002)
    total = ascending_sum(exponential.T, key + 2010)
    p = R(exponential / total[:, None], key + 2003)
    onehot = (y[:, None] == jnp.arange(10)).astype("f4")
    g = R(R(p - onehot, key + 2004) / BATCH, key + 2005)
    dw = contraction(x, g, key + 4000)
    db = ascending_sum(g, key + 6000)
    return R(w - R(rate * dw, key + 2006), key + 2007), R(b - R(rate * db, key + 2008), key + 2009)


@jax.jit
def program(w, b, x, y, rows):
    first = jnp.uint32(0xFFFFFFFF)
    x, rate = R(x, first), R(jnp.float32(0.1), first - 1)
    body = lambda k, state: step(k, state, x[rows[k]], y[rows[k]], rate)
    return lax.fori_loop(0, rows.shape[0], body, (R(w, first - 2), R(b, first - 3)))


images, labels, *test = fashion_mnist()
arguments = jax.device_put((*initial(), images, labels, batches(steps)))
serve(lambda: tuple(np.asarray(v) for v in program(*arguments)), *test)
