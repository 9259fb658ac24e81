# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions to differentiate, one or more for each rule: name -> (Function, inputs, wrt)."""
import numpy as np
from mlir_text import Function

CASES = {}


def case(function, wrt=None, **inputs):
    """Registers a function whose result is its weighted sum, with its inputs."""
    random = np.random.default_rng(len(CASES))
    arrays = []
    for key, kind in function.arguments.items():
        if key in inputs:
            arrays.append(inputs[key])
        elif kind == "f64":
            arrays.append(np.float64(random.uniform(0.5, 1.5)))
        else:
            shape = [int(n) for n in kind[7:].split("x")[:-1]]  # tensor<3x4xf64>
            arrays.append(random.uniform(-1, 1, shape))
    CASES[function.name] = (function, arrays, wrt)


def scalar_case(name, body, n=1, low=-1.0, high=1.0, seed=0):
    """An elementwise body of n operands drawn from [low, high]."""
    random = np.random.default_rng(seed)
    keys = ("in1", "in2", "in3")[:n]
    f = Function(name, **{k: (9,) for k in keys})
    y = f.elementwise(body, *(getattr(f, k) for k in keys))
    f.returns(f.weighted_sum(y))
    case(f, **{k: random.uniform(low, high, 9) for k in keys})


def structured(name, build, **shapes):
    f = Function(name, **shapes)
    f.returns(f.weighted_sum(build(f)))
    case(f)


class Raw:
    """A function written as MLIR text."""

    def __init__(self, name, arguments, body, more=""):
        self.name, self.arguments, self.body, self.more = name, arguments, body, more

    def text(self):
        arguments = ", ".join(f"%{k}: {v}" for k, v in self.arguments.items())
        return (
            f"func.func @{self.name}({arguments}) -> f64 "
            f"attributes {{llvm.emit_c_interface}} {{\n{self.body}}}\n{self.more}"
        )


def raw(name, body, more="", wrt=None, inputs=None, **arguments):
    case(Raw(name, arguments, body, more), wrt, **(inputs or {}))
