# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Networks as functions, for the tests that compare their gradients with a framework's."""
import networks as N
import numpy as np
from mlir_call import Module, prec_opt
from mlir_text import Function


def mlp(f):
    f.argument("x", (5, 7)), f.argument("w1", (6, 7)), f.argument("b1", (6,))
    f.argument("w2", (4, 6)), f.argument("b2", (4,))
    h = N.relu(f, N.dense(f, f.x, f.w1, f.b1, "fc1"), "relu")
    return N.softmax(f, N.dense(f, h, f.w2, f.b2, "fc2"), "softmax")


def lenet(f, op="max", init=-1e30):
    f.argument("x", (2, 1, 8, 8)), f.argument("w1", (3, 1, 5, 5)), f.argument("b1", (3,))
    f.argument("w2", (4, 3, 5, 5)), f.argument("b2", (4,)), f.argument("w3", (5, 16)), f.argument("b3", (5,))
    x = N.pool(f, N.relu(f, N.conv(f, f.x, f.w1, f.b1, 2, "conv1"), "conv1"), "pool1", op, init)
    x = N.pool(f, N.relu(f, N.conv(f, x, f.w2, f.b2, 2, "conv2"), "conv2"), "pool2", op, init)
    return N.dense(f, N.flatten(f, x), f.w3, f.b3, "fc")


def layer_norm(f):
    f.argument("x", (5, 7)), f.argument("g", (7,)), f.argument("b", (7,))
    return N.affine(f, N.normalise(f, f.x, "i,j", "i", 7, "ln"), f.g, f.b, "i,j", "j", "ln")


def batch_norm(f):
    f.argument("x", (3, 2, 4, 4)), f.argument("g", (2,)), f.argument("b", (2,))
    return N.affine(f, N.normalise(f, f.x, "n,c,y,z", "c", 48, "bn"), f.g, f.b, "n,c,y,z", "c", "bn")


def transformer(f):
    f.argument("x", (2, 4, 6))
    for key in ("q", "k", "v", "u"):
        f.argument(key, (6, 6))
    f.argument("g", (6,)), f.argument("b", (6,))
    y = N.attention(f, f.x, f.q, f.k, f.v, "attention")
    y = f.binary("arith.addf", y, f.x, scope="residual")
    y = N.affine(f, N.normalise(f, y, "i,j,k", "i,j", 6, "ln"), f.g, f.b, "i,j,k", "k", "ln")
    return N.gelu(f, f.contract("b,t,d; e,d -> b,t,e", y, f.u, scope="fc"), "fc")


def gradients(ours, name, folder):
    """(arrays, the weighted sum's value, its gradients): weights are the last array."""
    f = Function(name)
    f.returns(f.weighted_sum(ours(f)))
    random = np.random.default_rng(7)
    shapes = [[int(n) for n in kind[7:].split("x")[:-1]] for kind in f.arguments.values()]
    arrays = [random.normal(0, 1, shape) for shape in shapes]
    module = Module(prec_opt(f.text(), f"prec-differentiate{{function={name}}}"), folder)
    value, *found = getattr(module, f"{name}_grad")(*arrays)
    return arrays, value, found
