# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Peer: f32 training steps of shipped networks in JAX, jit. Usage: steps_jax.py MODEL STEPS THREADS

Images are channels last and max-pools a maximum over reshaped windows, which are XLA's fast forms on a CPU.
"""
import os
import sys

name, count, threads = sys.argv[1:]
os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if threads != '1' else 'false'} intra_op_parallelism_threads={threads}"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from peer import answer

BATCH = 128
random = np.random.default_rng(0)


def weight(*shape):
    return jnp.asarray(random.normal(0, 1 / np.sqrt(np.prod(shape[:-1])), shape).astype("f4"))


def linear(n, m):
    return {"w": weight(n, m), "b": jnp.zeros(m)}


def apply(p, x):
    return x @ p["w"] + p["b"]


def conv(x, w, stride=1):
    return lax.conv_general_dilated(x, w, (stride, stride), [(w.shape[0] // 2,) * 2] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def pool(x):
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).max((2, 4))


def norm(p, x, axes):
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / jnp.sqrt(var + 1e-5) * p["g"] + p["b"]


def gain(n):
    return {"g": jnp.ones(n), "b": jnp.zeros(n)}


def dense_net(*sizes):
    def forward(p, x):
        for layer in p[:-1]:
            x = jax.nn.relu(apply(layer, x))
        return apply(p[-1], x)

    return [linear(n, m) for n, m in zip(sizes, sizes[1:])], forward, (784,)


def lenet5():
    def forward(p, x):
        for w, b in (p["c1"], p["c2"]):
            x = pool(jax.nn.relu(conv(x, w) + b))
        return apply(p["f2"], jax.nn.relu(apply(p["f1"], x.reshape(BATCH, -1))))

    p = {"c1": (weight(5, 5, 1, 32), jnp.zeros(32)), "c2": (weight(5, 5, 32, 64), jnp.zeros(64))}
    return {**p, "f1": linear(3136, 128), "f2": linear(128, 10)}, forward, (28, 28, 1)


def resnet20():
    widths = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
    axes = (0, 1, 2)

    def block(n, m):
        p = {"c1": weight(3, 3, n, m), "n1": gain(m), "c2": weight(3, 3, m, m), "n2": gain(m)}
        return p if n == m else {**p, "c3": weight(1, 1, n, m), "n3": gain(m)}

    def forward(p, x):
        x = jax.nn.relu(norm(p["norm"], conv(x, p["stem"]), axes))
        for b in p["blocks"]:
            stride = 2 if "c3" in b else 1
            y = jax.nn.relu(norm(b["n1"], conv(x, b["c1"], stride), axes))
            y = norm(b["n2"], conv(y, b["c2"]), axes)
            short = norm(b["n3"], x[:, ::2, ::2] @ b["c3"][0, 0], axes) if stride == 2 else x
            x = jax.nn.relu(y + short)
        return apply(p["fc"], x.mean((1, 2)))

    p = {"stem": weight(3, 3, 3, 16), "norm": gain(16), "blocks": [block(n, m) for n, m in zip(widths, widths[1:])]}
    return {**p, "fc": linear(64, 10)}, forward, (32, 32, 3)


def char_gpt(units=64, rows=64, heads=4):
    mask = jnp.tril(jnp.ones((rows, rows), bool))

    def attention(p, x):
        parts = apply(p["project"], x).reshape(BATCH, rows, 3, heads, -1)
        q, k, v = (parts[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
        scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(units // heads)
        y = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf)) @ v
        return apply(p["output"], y.transpose(0, 2, 1, 3).reshape(BATCH, rows, units))

    def forward(p, x):
        x = p["embedding"][x] + p["position"]
        for b in p["blocks"]:
            x = x + attention(b, norm(b["n1"], x, -1))
            x = x + apply(b["f2"], jax.nn.gelu(apply(b["f1"], norm(b["n2"], x, -1)), approximate=False))
        return apply(p["head"], norm(p["norm"], x, -1)[:, -1])

    block = lambda: {
        "n1": gain(units), "project": linear(units, 3 * units), "output": linear(units, units),
        "n2": gain(units), "f1": linear(units, 4 * units), "f2": linear(4 * units, units),
    }  # fmt: skip
    p = {"embedding": weight(256, units), "position": weight(rows, units), "blocks": [block(), block()], "norm": gain(units)}
    return {**p, "head": linear(units, 256)}, forward, None


MODELS = {"softmax-regression": lambda: dense_net(784, 10), "mlp-100x2": lambda: dense_net(784, 100, 100, 10), "lenet5": lenet5, "resnet20": resnet20, "char-gpt": char_gpt}
parameters, forward, shape = MODELS[name]()
x = jnp.asarray(random.random((BATCH, *shape), "f4") if shape else random.integers(0, 256, (BATCH, 64)))
y = jnp.asarray(random.integers(0, 10, BATCH))


def loss(p, x, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(forward(p, x)), y[:, None], 1).mean()


def step(p, x, y):
    value, gradient = jax.value_and_grad(loss)(p, x, y)
    return jax.tree.map(lambda w, g: w - 0.01 * g, p, gradient), value


compiled = jax.jit(step, donate_argnums=0)


def steps():
    global parameters
    for _ in range(int(count)):
        parameters, value = compiled(parameters, x, y)
    value.block_until_ready()


answer(steps, int(count))
