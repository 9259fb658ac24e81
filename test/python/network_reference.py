# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the layers of a description compute, written from docs/import.md in NumPy.

`forward(description, parameters, inputs)` gives the output as a Bounded: the value in
f64 and how much an f32 computation may differ. Samples are along axis 0.
"""
import numpy as np

import bounded as B
from bounded import Bounded, einsum


def pair(value):
    return tuple(value) if isinstance(value, list) else (value, value)


def padded(x, padding, with_):
    (top, left) = padding
    margin = ((0, 0), (0, 0), (top, top), (left, left))
    return Bounded(
        np.pad(x.value, margin, constant_values=with_), np.pad(x.error, margin)
    )


def windows(x, kernel, stride, dilation=(1, 1)):
    """batch, channels, height, width, kernel height, kernel width"""
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]

    def slide(array):
        view = np.lib.stride_tricks.sliding_window_view(array, reach, (2, 3))
        return view[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]

    return x.move(slide)


def dense(x, o, p):
    y = einsum("...i,io->...o", x, p["weight"], x.shape[-1])
    return y + p["bias"] if "bias" in p else y


def conv(x, o, p):
    kernel, stride = pair(o["kernel"]), pair(o.get("stride", 1))
    x = padded(x, pair(o.get("padding", 0)), 0)
    views = windows(x, kernel, stride, pair(o.get("dilation", 1)))
    groups, weight = o.get("groups", 1), np.float64(p["weight"])
    count = weight[0].size
    parts = [
        einsum("bihwkl,oikl->bohw", views[:, part], w, count)
        for part, w in zip(
            np.split(np.arange(x.shape[1]), groups), np.split(weight, groups)
        )
    ]
    y = B.concatenate(parts, 1)
    return y + p["bias"][:, None, None] if "bias" in p else y


def max_pool(x, o, p):
    kernel = pair(o["kernel"])
    x = padded(x, pair(o.get("padding", 0)), -np.inf)
    return windows(x, kernel, pair(o.get("stride", o["kernel"]))).max((4, 5))


def average_pool(x, o, p):
    kernel = pair(o["kernel"])
    x = padded(x, pair(o.get("padding", 0)), 0)
    return windows(x, kernel, pair(o.get("stride", o["kernel"]))).mean((4, 5))


def scaled(y, p, shape):
    if "weight" in p:
        y = y * p["weight"].reshape(shape) + p["bias"].reshape(shape)
    return y


def batch_norm(x, o, p):
    shape = (-1, 1, 1) if x.value.ndim == 4 else (-1,)
    epsilon = o.get("epsilon", 1e-5)
    deviation = B.sqrt(B.bounded(p["running_var"]) + epsilon)
    centred = x - p["running_mean"].reshape(shape)
    return scaled(centred / deviation.move(lambda a: a.reshape(shape)), p, shape)


def keep(x, axes):
    return x.move(lambda array: np.expand_dims(array, axes))


def layer_norm(x, o, p):
    axes = tuple(range(-o.get("dimensions", 1), 0))
    centred = x - keep(x.mean(axes), axes)
    deviation = B.sqrt((centred * centred).mean(axes) + o.get("epsilon", 1e-5))
    return scaled(centred / keep(deviation, axes), p, x.shape[axes[0]:])


def softmax(x, o=None, p=None):
    e = B.exp(x - keep(x.max(-1), -1))
    return e / keep(e.sum(-1), -1)


def sigmoid(x, o=None, p=None):
    return B.bounded(1) / (B.exp(-x) + 1)


def gelu(x, o, p):
    if o.get("approximate") == "tanh":
        inner = B.tanh((x * x * x * 0.044715 + x) * np.sqrt(2 / np.pi))
    else:
        inner = B.error_function(x * np.sqrt(0.5))
    return x * 0.5 * (inner + 1)


def leaky_relu(x, o, p):
    slope = o.get("slope", 0.01)
    y = x * slope
    positive = x.value > 0
    error = np.maximum(x.error, y.error)
    return Bounded(np.where(positive, x.value, y.value), error)


def embedding(x, o, p):
    return Bounded(p["weight"][x])


def attention(x, o, p):
    heads = o.get("heads", 1)
    batch, rows, units = x.shape

    def project(name, value):
        layer = {"weight": p[name + ".weight"]}
        if name + ".bias" in p:
            layer["bias"] = p[name + ".bias"]
        return dense(value, o, layer)

    def split(name):
        shape = (batch, rows, heads, units // heads)
        return project(name, x).move(lambda a: a.reshape(shape).transpose(0, 2, 1, 3))

    scores = einsum("bhqd,bhkd->bhqk", split("query"), split("key"), units // heads)
    scores = scores / np.sqrt(units // heads)
    if o.get("causal", False):
        ahead = np.triu(np.ones((rows, rows), bool), 1)
        scores = Bounded(
            np.where(ahead, -np.inf, scores.value), np.where(ahead, 0, scores.error)
        )
    weights = causal_softmax(scores)
    mixed = einsum("bhqk,bhkd->bhqd", weights, split("value"), rows)
    return project(
        "output", mixed.move(lambda a: a.transpose(0, 2, 1, 3).reshape(batch, rows, units))
    )


def causal_softmax(scores):
    """softmax where -infinity gives exactly 0."""
    shifted = scores.value - scores.value.max(-1, keepdims=True)
    seen = np.isfinite(shifted)
    start = Bounded(np.where(seen, scores.value, 0), np.where(seen, scores.error, 0))
    top = Bounded(scores.value.max(-1, keepdims=True), scores.error.max(-1, keepdims=True))
    e = B.exp(start - top)
    e = Bounded(np.where(seen, e.value, 0), np.where(seen, e.error, 0))
    return e / keep(e.sum(-1), -1)


def lstm(x, o, p):
    batch, steps, _ = x.shape
    hidden = cell = Bounded(np.zeros((batch, o["units"])))
    shown = []
    for step in range(steps):
        gates = dense(x[:, step], o, {"weight": p["input.weight"], "bias": p["input.bias"]})
        gates = gates + dense(
            hidden, o, {"weight": p["hidden.weight"], "bias": p["hidden.bias"]}
        )
        i, f, g, out = (gates[:, n * o["units"]:(n + 1) * o["units"]] for n in range(4))
        cell = sigmoid(f) * cell + sigmoid(i) * B.tanh(g)
        hidden = sigmoid(out) * B.tanh(cell)
        shown.append(hidden.move(lambda a: a[:, None]))
    return B.concatenate(shown, 1)


LAYERS = {
    "dense": dense,
    "conv": conv,
    "max-pool": max_pool,
    "average-pool": average_pool,
    "global-average-pool": lambda x, o, p: x.mean((2, 3)),
    "batch-norm": batch_norm,
    "layer-norm": layer_norm,
    "softmax": softmax,
    "sigmoid": sigmoid,
    "tanh": lambda x, o, p: B.tanh(x),
    "relu": lambda x, o, p: x.maximum(0),
    "relu6": lambda x, o, p: x.maximum(0).minimum(6),
    "hard-tanh": lambda x, o, p: x.maximum(-1).minimum(1),
    "leaky-relu": leaky_relu,
    "gelu": gelu,
    "silu": lambda x, o, p: x / (B.exp(-x) + 1),
    "flatten": lambda x, o, p: x.move(lambda a: a.reshape(len(a), -1)),
    "reshape": lambda x, o, p: x.move(lambda a: a.reshape(len(a), *o["sizes"])),
    "transpose": lambda x, o, p: x.move(
        lambda a: a.transpose(0, *(axis + 1 for axis in o["order"]))
    ),
    "mean": lambda x, o, p: x.mean(o.get("axis", 0) + 1),
    "last": lambda x, o, p: x.move(lambda a: a.take(-1, o.get("axis", 0) + 1)),
    "embedding": embedding,
    "dropout": lambda x, o, p: x,  # in use
    "position": lambda x, o, p: x + p["weight"],
    "attention": attention,
    "lstm": lstm,
}


def combined(kind, values, options):
    if kind == "concat":
        return B.concatenate(values, options.get("axis", 0) + 1)
    result = values[0]
    for value in values[1:]:
        result = result + value if kind == "add" else result * value
    return result


def forward(description, parameters, inputs):
    """`parameters` and `inputs` by name, as f32 and i32 arrays."""
    values = {
        name: Bounded(array) if array.dtype == np.float32 else array
        for name, array in inputs.items()
    }
    counts, waiting, before = {}, [], next(iter(inputs))
    for layer in description["layers"]:
        kind = layer["type"]
        counts[kind] = counts.get(kind, 0) + 1
        name = layer.get("name", f"{kind}{counts[kind]}")
        waiting.append((name, layer, layer.get("inputs", [before])))
        before = name
    while waiting:
        ready = next(item for item in waiting if all(n in values for n in item[2]))
        waiting.remove(ready)
        name, layer, sources = ready
        own = {
            key[len(name) + 1:]: array
            for key, array in parameters.items()
            if key.startswith(name + ".")
        }
        given = [values[source] for source in sources]
        if layer["type"] in LAYERS:
            values[name] = LAYERS[layer["type"]](given[0], layer, own)
        else:
            values[name] = combined(layer["type"], given, layer)
    return values[description.get("output", before)]
