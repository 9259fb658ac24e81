# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators by name: each rule takes a builder and a node and returns the results."""
from .registry import RULES
from . import (  # noqa: F401
    control, convolution, elementwise, gather, images, layout, linear, normalisation, quantised,
    rearrange, recurrent, reductions, scatter, select, signals, training,
)  # fmt: skip

DOMAINS = ("ai.onnx.preview.training",)

__all__ = ["RULES", "DOMAINS"]
