# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small ONNX models of many kinds of operators, and ways to spoil them."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper

F, I = TensorProto.FLOAT, TensorProto.INT64


def value(name, shape, kind=F):
    return helper.make_tensor_value_info(name, kind, shape)


def node(name, op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), name=name, **attributes)


def model(nodes, inputs, outputs, weights, functions=(), opset=17, **domains):
    rng = np.random.default_rng(0)
    tensors = [
        numpy_helper.from_array(
            w if isinstance(w, np.ndarray) else rng.standard_normal(w).astype(np.float32), name
        )
        for name, w in weights.items()
    ]
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors)
    opsets = [helper.make_opsetid("", opset)] + [helper.make_opsetid(*d) for d in domains.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=list(functions))


def ints(*numbers):
    return np.array(numbers, np.int64)


def mlp():
    return model(
        [node("fc1", "Gemm", "x w1 b1", "h"), node("act", "Relu", "h", "r"),
         node("fc2", "MatMul", "r w2", "y")],
        [value("x", ["n", 24])], [value("y", ["n", 3])],
        {"w1": (24, 20), "b1": (20,), "w2": (20, 3)},
    )  # fmt: skip


def convolutions():
    return model(
        [node("conv", "Conv", "x k", "c", pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
         node("norm", "BatchNormalization", "c g b m v", "n"), node("act", "Relu", "n", "r"),
         node("pool", "MaxPool", "r", "p", kernel_shape=[2, 2], strides=[2, 2]),
         node("flat", "Flatten", "p", "f"), node("fc", "Gemm", "f w", "l", transB=1),
         node("soft", "Softmax", "l", "y", axis=1)],
        [value("x", [2, 3, 8, 8])], [value("y", [2, 5])],
        {"k": (4, 3, 3, 3), "g": (4,), "b": (4,), "m": (4,), "v": np.ones(4, np.float32), "w": (5, 64)},
    )  # fmt: skip


def shapes():
    return model(
        [node("shape", "Shape", "x", "s"), node("pick", "Gather", "s zero", "n", axis=0),
         node("join", "Concat", "n minus", "t", axis=0), node("reshape", "Reshape", "x t", "a"),
         node("turn", "Transpose", "a", "b", perm=[1, 0]), node("slice", "Slice", "b zero two", "c"),
         node("pad", "Pad", "c pads", "d"), node("tile", "Tile", "d twice", "e"),
         node("range", "Range", "low high step", "i"), node("fill", "ConstantOfShape", "twice", "q"),
         node("expand", "Expand", "q big", "u"), node("sum", "ReduceSum", "u", "v", keepdims=0),
         node("add", "Add", "e v", "y")],
        [value("x", [2, 3, 4])], [value("y", ["p", "q"]), value("i", ["r"], I)],
        {"zero": ints(0), "minus": ints(-1), "two": ints(2), "pads": ints(0, 1, 0, 0),
         "twice": ints(2, 1), "big": ints(2, 5), "low": np.array(0, np.int64),
         "high": np.array(5, np.int64), "step": np.array(1, np.int64)},
    )  # fmt: skip


def control():
    body = helper.make_graph(
        [node("twice", "Add", "a a", "a2"), node("go", "Identity", "c", "c2")], "body",
        [value("k", [], I), value("c", [], TensorProto.BOOL), value("a", [3])],
        [value("c2", [], TensorProto.BOOL), value("a2", [3])],
    )  # fmt: skip
    yes = helper.make_graph([node("neg", "Neg", "l", "p")], "yes", [], [value("p", [3])])
    no = helper.make_graph([node("exp", "Exp", "l", "q")], "no", [], [value("q", [3])])
    return model(
        [node("loop", "Loop", "trips on x", "l", body=body), node("sum", "ReduceSum", "x", "t", keepdims=0),
         node("less", "Less", "t limit", "b"), node("if", "If", "b", "y", then_branch=yes, else_branch=no)],
        [value("x", [3])], [value("y", [3])],
        {"trips": np.array(3, np.int64), "on": np.array(True), "limit": np.array(0, np.float32)},
    )  # fmt: skip


def attention():
    scale = helper.make_function(
        "own", "Scaled", ["m"], ["o"], [node("half", "Mul", "m m", "o")], [helper.make_opsetid("", 17)]
    )
    return model(
        [node("q", "MatMul", "x wq", "a"), node("turn", "Transpose", "x", "b", perm=[0, 2, 1]),
         node("scores", "MatMul", "a b", "c"), node("own", "Scaled", "c", "d", domain="own"),
         node("mask", "Where", "m d low", "e"), node("soft", "Softmax", "e", "f", axis=-1),
         node("mix", "MatMul", "f x", "h"), node("norm", "LayerNormalization", "h g", "n", axis=-1),
         node("cast", "Cast", "n", "y", to=TensorProto.DOUBLE)],
        [value("x", [1, 4, 8]), value("m", [4, 4], TensorProto.BOOL)], [value("y", [1, 4, 8], TensorProto.DOUBLE)],
        {"wq": (8, 8), "g": (8,), "low": np.array(-1e9, np.float32)}, [scale], own=1,
    )  # fmt: skip


def quantised():
    number = lambda v, kind=np.float32: np.array(v, kind)  # noqa: E731
    return model(
        [node("q", "QuantizeLinear", "x s z", "a"), node("dq", "DequantizeLinear", "a s z", "b"),
         node("w8", "DequantizeLinear", "w s wz", "c"), node("mm", "MatMul", "b c", "d"),
         node("topk", "TopK", "d k", "y i")],
        [value("x", [2, 40])], [value("y", [2, 2]), value("i", [2, 2], I)],
        {"s": number(0.05), "z": number(3, np.uint8), "wz": number(0, np.int8), "k": ints(2),
         "w": np.arange(160, dtype=np.int8).reshape(40, 4)},
    )  # fmt: skip


MODELS = (mlp, convolutions, shapes, control, attention, quantised)
