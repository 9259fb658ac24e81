# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gradients of every shipped network, at a reduced size, in f64: PyTorch's and JAX's to 1e-12 of each gradient's norm.

Batch norm takes given statistics here; with those of a batch it is compared in test_autodiff_torch.py and, in training,
in test_models_torch.py.
"""
import json
import re

import numpy as np
import pytest
from test_models import SHIPPED, SKIPPED, reduced
from test_models_torch import LAYERS, forward, torch

BATCH = 6
# What f32 has rounded: infinity is written in its bits, epsilon and sqrt(1/2) in decimals.
CONSTANTS = {"0xFF800000": "0xFFF0000000000000", "9.99999974E-6": "1.0e-5", "0.707106769": repr(0.5**0.5)}
F = torch.nn.functional
TORCH = LAYERS | {
    "batch-norm": lambda x, o, p: F.batch_norm(x, p["running_mean"], p["running_var"], p["weight"], p["bias"]),
}


def arguments(text):
    """(name, shape, type of the element) of each argument of @forward."""
    signature = re.search(r"func\.func @forward\((.*)\) -> \(?tensor<([\dx]+)xf64>", text)
    found = re.findall(r'%arg\d+: tensor<([\dx]+)x(f64|i32|i64)> \{[^}]*prec\.name = "([^"]*)"', signature[1])
    return [(name, [int(n) for n in sizes.split("x")], kind) for sizes, kind, name in found], signature[2]


def weighted(text):
    """The network in f64, and @value: the sum of its results, each times a number that is given."""
    text = re.sub(r"f32\b", "f64", text)
    for old, new in CONSTANTS.items():
        text = text.replace(old, new)
    own, result = arguments(text)
    types = [f"tensor<{'x'.join(map(str, shape))}x{kind}>" for _, shape, kind in own]
    names = [f"%arg{i}" for i in range(len(own))]
    map_of = f"affine_map<({', '.join('ij'[:result.count('x') + 1])}) -> "
    dims = ", ".join("ij"[: result.count("x") + 1])
    return own, [int(n) for n in result.split("x")], text[: text.rstrip().rindex("}")] + f"""
  func.func @value({', '.join(f'{n}: {t}' for n, t in zip(names, types))}, %c: tensor<{result}xf64>) -> f64 {{
    %y = call @forward({', '.join(names)}) : ({', '.join(types)}) -> tensor<{result}xf64>
    %zero = arith.constant dense<0.0> : tensor<f64>
    %sum = linalg.generic {{indexing_maps = [{map_of}({dims})>, {map_of}({dims})>, {map_of}()>],
        iterator_types = [{', '.join(['"reduction"'] * (result.count('x') + 1))}]}}
        ins(%y, %c : tensor<{result}xf64>, tensor<{result}xf64>) outs(%zero : tensor<f64>) {{
    ^bb0(%a: f64, %b: f64, %s: f64):
      %p = arith.mulf %a, %b : f64
      %t = arith.addf %s, %p : f64
      linalg.yield %t : f64
    }} -> tensor<f64>
    %v = tensor.extract %sum[] : tensor<f64>
    return %v : f64
  }}
}}
"""


def ours(run, folder, net):
    """(network, arrays, the value, its gradients); the last array holds the weights of the sum."""
    (folder / "net.json").write_text(json.dumps(net))
    own, result, text = weighted(run("prec-translate", "--import-json", folder / "net.json", f"--batch={BATCH}").stdout)
    (folder / "m.mlir").write_text(text)
    wrt = [i for i, (name, _, kind) in enumerate(own) if kind == "f64" and "running" not in name]
    run("prec-opt", folder / "m.mlir", f"--prec-differentiate=function=value wrt={','.join(map(str, wrt))}", "-o", folder / "g.mlir")
    rng = np.random.default_rng(3)
    arrays = []
    for name, shape, kind in own:
        fan_in = np.prod(shape[1:]) if len(shape) == 4 else shape[0]
        array = rng.normal(0, fan_in**-0.5 if "." in name and len(shape) > 1 else 1, shape)
        if name.endswith("running_var"):
            array = rng.uniform(0.5, 2, shape)
        arrays.append(array if kind == "f64" else rng.integers(0, 200, shape).astype(kind.replace("32", "4").replace("64", "8")))
    arrays.append(rng.normal(0, 1, result))
    command = [folder / "g.mlir", "--entry=value_grad"]
    for i, array in enumerate(arrays):
        np.save(folder / f"a{i}.npy", array)
        command += ["--input", folder / f"a{i}.npy"]
    outputs = [folder / f"g{i}.npy" for i in range(len(wrt) + 1)]
    for path in outputs:
        command += ["--output", path]
    run("prec-run", *command, f"--cache-dir={folder}")
    value, *gradients = map(np.load, outputs)
    return {own[i][0]: g for i, g in zip(wrt, gradients)}, {name: a for (name, _, _), a in zip(own, arrays)}, arrays[-1], value


NAMES = sorted(SHIPPED.keys() - SKIPPED | {"mlp-100x2"})


def check(gradients, wants):
    for key, g in gradients.items():
        # The softmax does not see a bias of its keys: zero, beside what its queries' has.
        beside = key.replace("key.bias", "query.bias")
        assert np.linalg.norm(wants[beside]) > 0, key
        assert np.linalg.norm(g - wants[key]) <= 1e-12 * np.linalg.norm(wants[beside]), key


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_pytorch(run, tmp_path, name):
    net = reduced(json.loads(SHIPPED[name].read_text()))
    gradients, arrays, c, value = ours(run, tmp_path, net)
    tensors = {key: torch.tensor(a).requires_grad_(key in gradients) for key, a in arrays.items()}
    x = next(key for key in tensors if "." not in key)
    expected = (forward(net, tensors, tensors[x], TORCH) * torch.tensor(c)).sum()
    expected.backward()
    assert abs(value - expected.item()) <= 1e-12 * np.abs(c).sum()
    check(gradients, {key: tensors[key].grad.numpy() for key in gradients})
