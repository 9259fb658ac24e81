# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The layers of a description (docs/import.md) as nodes of ONNX, opset 20.

A layer is a function (g, x, options, parameters) -> name of its result: g builds nodes, x is
the name of the input, parameters are the layer's own arrays by what follows the dot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .exporting import Graph as LayerGraph


def pair(value: int | list[int]) -> list[int]:
    return list(value) if isinstance(value, list) else [value, value]


def dense(g: LayerGraph, x: str, o: dict[str, Any], p: dict[str, np.ndarray], prefix: str = "") -> str:
    y = g.node("MatMul", x, p[prefix + "weight"])
    return g.node("Add", y, p[prefix + "bias"]) if prefix + "bias" in p else y


def window(o: dict[str, Any], default_stride: int | list[int]) -> dict[str, list[int]]:
    padding = pair(o.get("padding", 0))
    return {
        "kernel_shape": pair(o["kernel"]),
        "strides": pair(o.get("stride", default_stride)),
        "pads": padding + padding,
    }


def conv(g: LayerGraph, x: str, o: dict[str, Any], p: dict[str, np.ndarray]) -> str:
    bias = [p["bias"]] if "bias" in p else []
    more = {"dilations": pair(o.get("dilation", 1)), "group": o.get("groups", 1)}
    return g.node("Conv", x, p["weight"], *bias, **window(o, 1), **more)


def max_pool(g: LayerGraph, x: str, o: dict[str, Any], p: dict[str, np.ndarray]) -> str:
    return g.node("MaxPool", x, **window(o, o["kernel"]))


def average_pool(g: LayerGraph, x: str, o: dict[str, Any], p: dict[str, np.ndarray]) -> str:
    return g.node("AveragePool", x, **window(o, o["kernel"]), count_include_pad=1)


def batch_norm(g: LayerGraph, x: str, o: dict[str, Any], p: dict[str, np.ndarray]) -> str:
    mean, variance = p["running_mean"], p["running_var"]
    ones, zeros = np.ones_like(variance), np.zeros_like(mean)
    scale, bias = p.get("weight", ones), p.get("bias", zeros)
    return g.node(
        "BatchNormalization", x, scale, bias, mean, variance, epsilon=o.get("epsilon", 1e-5)
    )


def layer_norm(g: LayerGraph, x: str, o: dict[str, Any], p: dict[str, np.ndarray]) -> str:
    count, epsilon = o.get("dimensions", 1), o.get("epsilon", 1e-5)
    if "weight" in p:
        return g.node(
            "LayerNormalization", x, p["weight"], p["bias"], axis=-count, epsilon=epsilon
        )
    axes = np.arange(-count, 0)
    centred = g.node("Sub", x, g.node("ReduceMean", x, axes))
    variance = g.node("ReduceMean", g.node("Mul", centred, centred), axes)
    return g.node("Div", centred, g.node("Sqrt", g.node("Add", variance, np.float32(epsilon))))


def attention(g: LayerGraph, x: str, o: dict[str, Any], p: dict[str, np.ndarray]) -> str:
    heads = o.get("heads", 1)
    units = p["query.weight"].shape[0]

    def split(name: str, order: list[int]) -> str:
        y = dense(g, x, o, p, name + ".")
        y = g.node("Reshape", y, np.int64([0, 0, heads, units // heads]))
        return g.node("Transpose", y, perm=order)

    scores = g.node("MatMul", split("query", [0, 2, 1, 3]), split("key", [0, 2, 3, 1]))
    scores = g.node("Div", scores, np.float32(np.sqrt(units // heads)))
    if o.get("causal", False):
        hidden = g.node("ConstantOfShape", g.node("Shape", scores), value=g.tensor(-np.inf))
        scores = g.node("Add", scores, g.node("Trilu", hidden, np.int64(1), upper=1))
    weights = g.node("Softmax", scores, axis=-1)
    mixed = g.node("MatMul", weights, split("value", [0, 2, 1, 3]))
    mixed = g.node("Transpose", mixed, perm=[0, 2, 1, 3])
    return dense(g, g.node("Reshape", mixed, np.int64([0, 0, units])), o, p, "output.")


def lstm(g: LayerGraph, x: str, o: dict[str, Any], p: dict[str, np.ndarray]) -> str:
    units = o["units"]

    def gates(array: np.ndarray) -> np.ndarray:  # ours: i f g o along the last dimension; ONNX: i o f g along the first
        i, f, g_, o_ = np.split(array, 4, -1)
        return np.concatenate([i, o_, f, g_], -1)

    weights = [gates(p[f"{name}.weight"]).T[None] for name in ("input", "hidden")]
    bias = np.concatenate([gates(p[f"{name}.bias"]) for name in ("input", "hidden")])[None]
    steps = g.node("Transpose", x, perm=[1, 0, 2])
    y = g.node("LSTM", steps, *weights, bias, hidden_size=units)
    return g.node("Transpose", g.node("Squeeze", y, np.int64([1])), perm=[1, 0, 2])


def last(g: LayerGraph, x: str, o: dict[str, Any], p: dict[str, np.ndarray]) -> str:
    return g.node("Gather", x, np.int64(-1), axis=o.get("axis", 0) + 1)


def mean(g: LayerGraph, x: str, o: dict[str, Any], p: dict[str, np.ndarray]) -> str:
    return g.node("ReduceMean", x, np.int64([o.get("axis", 0) + 1]), keepdims=0)


def clip(low: float, high: float) -> Callable[..., str]:
    return lambda g, x, o, p: g.node("Clip", x, np.float32(low), np.float32(high))


LAYERS = {
    "dense": dense,
    "conv": conv,
    "max-pool": max_pool,
    "average-pool": average_pool,
    "global-average-pool": lambda g, x, o, p: g.node(
        "ReduceMean", x, np.int64([2, 3]), keepdims=0
    ),
    "batch-norm": batch_norm,
    "layer-norm": layer_norm,
    "dropout": lambda g, x, o, p: x,  # in use
    "flatten": lambda g, x, o, p: g.node("Flatten", x),
    "reshape": lambda g, x, o, p: g.node("Reshape", x, np.int64([0, *o["sizes"]])),
    "transpose": lambda g, x, o, p: g.node(
        "Transpose", x, perm=[0, *(axis + 1 for axis in o["order"])]
    ),
    "mean": mean,
    "last": last,
    "embedding": lambda g, x, o, p: g.node("Gather", p["weight"], x),
    "position": lambda g, x, o, p: g.node("Add", x, p["weight"]),
    "attention": attention,
    "lstm": lstm,
    "relu": lambda g, x, o, p: g.node("Relu", x),
    "relu6": clip(0, 6),
    "hard-tanh": clip(-1, 1),
    "leaky-relu": lambda g, x, o, p: g.node("LeakyRelu", x, alpha=o.get("slope", 0.01)),
    "sigmoid": lambda g, x, o, p: g.node("Sigmoid", x),
    "tanh": lambda g, x, o, p: g.node("Tanh", x),
    "gelu": lambda g, x, o, p: g.node("Gelu", x, approximate=o.get("approximate", "none")),
    "silu": lambda g, x, o, p: g.node("Mul", x, g.node("Sigmoid", x)),
    "softmax": lambda g, x, o, p: g.node("Softmax", x, axis=-1),
}

# Layers of several inputs: (g, inputs, options) -> name.
JOINS = {
    "add": lambda g, xs, o: fold(g, "Add", xs),
    "multiply": lambda g, xs, o: fold(g, "Mul", xs),
    "concat": lambda g, xs, o: g.node("Concat", *xs, axis=o.get("axis", 0) + 1),
}


def fold(g: LayerGraph, operation: str, inputs: Sequence[str]) -> str:
    result = inputs[0]
    for other in inputs[1:]:
        result = g.node(operation, result, other)
    return result
