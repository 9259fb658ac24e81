# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gradients of every shipped network, at a reduced size, in f64: JAX's to 1e-12 of each gradient's norm."""
import json

import numpy as np
import pytest
from test_models import SHIPPED, reduced
from test_models_gradients import NAMES, check, ours
from test_models_torch import forward

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402
from jax import lax  # noqa: E402


def convolve(x, o, p):
    padding, stride = o.get("padding", 0), o.get("stride", 1)
    y = lax.conv_general_dilated(x, p["weight"], (stride, stride), [(padding, padding)] * 2)
    return y + p["bias"][:, None, None] if "bias" in p else y


def max_pool(x, o, p):
    window = (1, 1, o["kernel"], o["kernel"])
    return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")


def batch_norm(x, o, p):
    mean, variance, weight, bias = (p[name].reshape(-1, *[1] * (x.ndim - 2)) for name in ("running_mean", "running_var", "weight", "bias"))
    return (x - mean) / jnp.sqrt(variance + 1e-5) * weight + bias


def layer_norm(x, o, p):
    centred = x - x.mean(-1, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * p["weight"] + p["bias"]


def attention(x, o, p):
    rows, units = x.shape[1:]
    heads = o.get("heads", 1)
    project = lambda name, v: v @ p[f"{name}.weight"] + p[f"{name}.bias"]
    q, k, v = (project(n, x).reshape(-1, rows, heads, units // heads) for n in ("query", "key", "value"))
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(units // heads)
    if o.get("causal", False):
        scores = jnp.where(np.tril(np.ones((rows, rows), bool)), scores, -jnp.inf)
    y = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, -1), v)
    return project("output", y.reshape(-1, rows, units))


def lstm(x, o, p):
    def cell(carry, row):
        h, c = carry
        z = row @ p["input.weight"] + p["input.bias"] + h @ p["hidden.weight"] + p["hidden.bias"]
        i, f, g, out = jnp.split(z, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(out) * jnp.tanh(c)
        return (h, c), h

    zero = jnp.zeros((x.shape[0], o["units"]), x.dtype)
    return lax.scan(cell, (zero, zero), x.swapaxes(0, 1))[1].swapaxes(0, 1)


LAYERS = {
    "dense": lambda x, o, p: x @ p["weight"] + p.get("bias", 0.0),
    "conv": convolve,
    "max-pool": max_pool,
    "global-average-pool": lambda x, o, p: x.mean((2, 3)),
    "batch-norm": batch_norm,
    "layer-norm": layer_norm,
    "relu": lambda x, o, p: jax.nn.relu(x),
    "relu6": lambda x, o, p: jax.nn.relu6(x),
    "gelu": lambda x, o, p: jax.nn.gelu(x, approximate=False),
    "hard-tanh": lambda x, o, p: jax.nn.hard_tanh(x),
    "flatten": lambda x, o, p: x.reshape(len(x), -1),
    "reshape": lambda x, o, p: x.reshape(-1, *o["sizes"]),
    "transpose": lambda x, o, p: x.transpose(0, *(d + 1 for d in o["order"])),
    "position": lambda x, o, p: x + p["weight"],
    "embedding": lambda x, o, p: p["weight"][x],
    "mean": lambda x, o, p: x.mean(o["axis"] + 1),
    "last": lambda x, o, p: jnp.take(x, -1, o["axis"] + 1),
    "attention": attention,
    "lstm": lstm,
}


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_jax(run, tmp_path, name):
    net = reduced(json.loads(SHIPPED[name].read_text()))
    gradients, arrays, c, value = ours(run, tmp_path, net)
    x = next(key for key in arrays if "." not in key)
    with jax.enable_x64(True):
        fixed = {key: jnp.asarray(a) for key, a in arrays.items() if key not in gradients}
        wrt = {key: jnp.asarray(arrays[key]) for key in gradients}
        total = lambda wrt: (forward(net, fixed | wrt, (fixed | wrt)[x], LAYERS) * c).sum()
        expected, wants = jax.value_and_grad(total)(wrt)
    assert abs(value - float(expected)) <= 1e-12 * np.abs(c).sum()
    check(gradients, {key: np.asarray(want) for key, want in wants.items()})
