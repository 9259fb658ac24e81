# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Networks against JAX's gradients in f64: 1e-12 relative to each gradient's norm."""
import numpy as np
import pytest
from whole_networks import batch_norm, gradients, layer_norm, lenet, mlp, transformer

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402
from jax import lax  # noqa: E402


def dense(x, w, b):
    return x @ w.T + b


def convolve(x, w, b):
    return lax.conv_general_dilated(x, w, (1, 1), [(2, 2), (2, 2)]) + b[:, None, None]


def pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def sum_pool(x):
    return lax.reduce_window(x, 0.0, lax.add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def jax_mlp(x, w1, b1, w2, b2):
    return jax.nn.softmax(dense(jax.nn.relu(dense(x, w1, b1)), w2, b2), 1)


def jax_lenet(x, w1, b1, w2, b2, w3, b3, pool=pool):
    x = pool(jax.nn.relu(convolve(x, w1, b1)))
    x = pool(jax.nn.relu(convolve(x, w2, b2)))
    return dense(x.reshape(len(x), -1), w3, b3)


def normalise(x, axes, epsilon=1e-5):
    return (x - x.mean(axes, keepdims=True)) / jnp.sqrt(x.var(axes, keepdims=True) + epsilon)


def jax_batch_norm(x, g, b):
    return normalise(x, (0, 2, 3)) * g[:, None, None] + b[:, None, None]


def jax_transformer(x, q, k, v, u, g, b):
    scores = (x @ q.T) @ (x @ k.T).swapaxes(1, 2) / np.sqrt(x.shape[-1])
    y = jax.nn.softmax(scores, -1) @ (x @ v.T) + x
    return jax.nn.gelu((normalise(y, -1) * g + b) @ u.T, approximate=False)


NETWORKS = {
    "mlp": (mlp, jax_mlp),
    "lenet": (lenet, jax_lenet),
    "lenet_sums": (lambda f: lenet(f, "sum", 0.0), lambda *a: jax_lenet(*a, pool=sum_pool)),
    "layer_norm": (layer_norm, lambda x, g, b: normalise(x, -1) * g + b),
    "batch_norm": (batch_norm, jax_batch_norm),
    "transformer": (transformer, jax_transformer),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_network(tmp_path, name):
    ours, theirs = NETWORKS[name]
    arrays, value, found = gradients(ours, name, tmp_path)
    with jax.enable_x64():
        given = [jnp.asarray(a) for a in arrays]
        function = jax.value_and_grad(
            lambda *a: (theirs(*a[:-1]) * a[-1]).sum(), argnums=tuple(range(len(given)))
        )
        # NumPy's arrays from here on: outside of this block JAX would make them f32.
        expected, *wanted = (np.asarray(a) for a in jax.tree_util.tree_leaves(function(*given)))
    assert all(a.dtype == np.float64 for a in (expected, *wanted))
    assert abs(value - expected) <= 1e-12 * max(1, abs(value))
    for got, want in zip(found, wanted, strict=True):
        assert np.linalg.norm(got - want) <= 1e-12 * np.linalg.norm(want)
