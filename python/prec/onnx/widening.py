# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators on f16 and bf16 that runtimes compute in f32: sums stop growing in the narrow type, and a function of several steps
would be rounded at each. Only the results are narrow, as onnxruntime's are."""
from __future__ import annotations

from typing import TYPE_CHECKING

from .types import onnx

if TYPE_CHECKING:
    from onnx import NodeProto
    from .graph import Graph

NARROW = ("f16", "bf16")
OPERATORS = frozenset("""
    MatMul Gemm Conv ConvTranspose Einsum ReduceSum ReduceMean ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum
    ReduceLogSumExp Softmax LogSoftmax BatchNormalization InstanceNormalization LayerNormalization GroupNormalization
    RMSNormalization LpNormalization MeanVarianceNormalization LRN AveragePool GlobalAveragePool LpPool GlobalLpPool CumSum RNN GRU
    LSTM Attention Resize Upsample GridSample RoiAlign DFT STFT NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss Gelu Mish Softplus
    Softsign Elu Selu Celu HardSwish Swish Sigmoid Pow Sum Mean
""".split())


def widened(proto: NodeProto, graph: Graph, prefix: str) -> list[NodeProto] | None:
    """The nodes that take its place, or None where nothing is narrow. The results' types are known."""
    narrow = [n for n in dict.fromkeys(proto.input) if n and graph.types[n][0] in NARROW]
    if proto.op_type not in OPERATORS or not narrow:
        return None
    wide = onnx.NodeProto()
    wide.CopyFrom(proto)
    names = {n: f"{prefix}/{n} in f32" for n in narrow}
    casts = [onnx.helper.make_node("Cast", [n], [names[n]], to=onnx.TensorProto.FLOAT) for n in narrow]
    wide.input[:] = [names.get(n, n) for n in proto.input]
    back = []
    for k, name in enumerate(proto.output):
        dtype = graph.types[name][0] if name in graph.types else None
        if dtype in NARROW:
            to = onnx.TensorProto.FLOAT16 if dtype == "f16" else onnx.TensorProto.BFLOAT16
            wide.output[k] = f"{prefix}/{name} in f32"
            back.append(onnx.helper.make_node("Cast", [wide.output[k]], [name], to=to))
    return [*casts, wide, *back]
