# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Imported descriptions compute what NumPy computes from the same description."""
import json
import shutil
import zlib

import numpy as np
import pytest
from conftest import LLVM_BIN, SOURCE
from native_model import NativeModel
from network_reference import forward

IMAGE = [3, 7, 6]
ROWS = [5, 8]
ONE = {
    "dense": ([13], {"units": 7}),
    "dense, rows, no bias": (ROWS, {"type": "dense", "units": 3, "bias": False}),
    "conv": (IMAGE, {"channels": 4, "kernel": 3}),
    "conv, all options": (
        [4, 9, 8],
        {"type": "conv", "channels": 6, "kernel": [3, 2], "stride": [2, 1],
         "padding": [2, 1], "dilation": [1, 2], "groups": 2},
    ),
    "conv, depthwise": (
        IMAGE, {"type": "conv", "channels": 3, "kernel": 3, "groups": 3, "bias": False}
    ),
    "max-pool": (IMAGE, {"kernel": 2}),
    "max-pool, all options": (
        IMAGE, {"type": "max-pool", "kernel": [3, 2], "stride": [1, 2], "padding": [1, 0]}
    ),
    "average-pool": (IMAGE, {"kernel": [3, 2]}),
    "average-pool, padding": (
        IMAGE, {"type": "average-pool", "kernel": 3, "stride": 2, "padding": 1}
    ),
    "global-average-pool": (IMAGE, {}),
    "batch-norm": (IMAGE, {}),
    "batch-norm, vector, no affine": (
        [9], {"type": "batch-norm", "affine": False, "epsilon": 0.01}
    ),
    "layer-norm": (ROWS, {}),
    "layer-norm, image": (IMAGE, {"type": "layer-norm", "dimensions": 3, "epsilon": 0.1}),
    "layer-norm, no affine": ([9], {"type": "layer-norm", "affine": False}),
    "softmax": (ROWS, {}),
    "sigmoid": (IMAGE, {}),
    "tanh": (IMAGE, {}),
    "relu": (IMAGE, {}),
    "relu6": (IMAGE, {}),
    "hard-tanh": (IMAGE, {}),
    "leaky-relu": (IMAGE, {"slope": 0.25}),
    "gelu": (IMAGE, {}),
    "gelu, tanh": (IMAGE, {"type": "gelu", "approximate": "tanh"}),
    "silu": (IMAGE, {}),
    "flatten": (IMAGE, {}),
    "flatten, vector": ([9], {"type": "flatten"}),
    "flatten, scalar": ([], {"type": "flatten"}),
    "reshape": (IMAGE, {"sizes": [6, -1, 3]}),
    "transpose": (IMAGE, {"order": [2, 0, 1]}),
    "mean": (IMAGE, {"axis": 1}),
    "last": (IMAGE, {"axis": 2}),
    "position": (ROWS, {}),
    "dropout": (ROWS, {"rate": 0.25}),
    "attention": (ROWS, {"heads": 2}),
    "attention, causal": (
        ROWS, {"type": "attention", "heads": 4, "causal": True, "bias": False}
    ),
    "lstm": (ROWS, {"units": 6}),
}
GRAPHS = {
    "residual": {
        "input": [4, 5, 5],
        "layers": [
            # In the file before what it uses.
            {"type": "add", "name": "sum", "inputs": ["conv", "x", "half"]},
            {"type": "conv", "name": "conv", "inputs": ["x"], "channels": 4, "kernel": 3,
             "padding": 1},
            {"type": "sigmoid", "name": "half", "inputs": ["conv"]},
            {"type": "relu", "name": "last", "inputs": ["sum"]},
        ],
    },
    "two inputs": {
        "inputs": {"left": [3, 4], "right": {"sizes": [2, 4]}},
        "layers": [
            {"type": "concat", "name": "both", "inputs": ["left", "right"]},
            {"type": "concat", "axis": 1, "name": "wide", "inputs": ["both", "both"]},
            {"type": "tanh", "name": "head/tanh"},
            {"type": "multiply", "name": "product", "inputs": ["wide", "head/tanh"]},
            {"type": "dense", "units": 2},
        ],
    },
    "output in the middle": {
        "input": [4],
        "output": "last",
        "layers": [
            {"type": "relu", "name": "last", "inputs": ["first"]},
            {"type": "dense", "name": "first", "units": 3, "inputs": ["x"]},
        ],
    },
    "tokens": {
        "inputs": {"tokens": {"sizes": [6], "type": "i32"}},
        "layers": [
            {"type": "embedding", "count": 11, "units": 4},
            {"type": "position"},
            {"type": "attention", "heads": 2, "causal": True},
            {"type": "layer-norm"},
            {"type": "dense", "units": 11},
        ],
    },
}


def one_layer(name):
    sizes, options = ONE[name]
    layer = {"type": name, **options}
    return {"version": 1, "input": sizes, "layers": [layer]}


def shipped():
    return {path.stem: path for path in sorted((SOURCE / "models").glob("*.json"))}


def description(name):
    if name in ONE:
        return one_layer(name)
    if name in GRAPHS:
        return {"version": 1, **GRAPHS[name]}
    return json.loads(shipped()[name].read_text())


def values(signature, batch, seed):
    """Random arguments; parameters as large as their sums allow, variances positive."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, (sizes, dtype) in signature:
        shape = [batch if size is None else size for size in sizes]
        if dtype is np.int32:
            found[name] = rng.integers(0, 11, shape, dtype)
        elif name.endswith("running_var"):
            found[name] = rng.uniform(0.5, 2, shape).astype(dtype)
        else:
            fan = np.prod(shape[1:]) if len(shape) > 2 else shape[0] if shape else 1
            spread = 1 / np.sqrt(fan) if "." in name and len(shape) > 1 else 1
            found[name] = (spread * rng.standard_normal(shape)).astype(dtype)
    return found


def imported(run, tmp_path, described, *options):
    path = tmp_path / "net.json"
    path.write_text(json.dumps(described))
    return run("prec-translate", "--import-json", path, *options).stdout


def compare(found, expected, looseness):
    assert found.shape == expected.shape
    error = np.abs(np.float64(found) - expected.value)
    assert np.isfinite(found).all()
    assert (error <= expected.error).all(), (error / expected.error).max()
    # The bound means something: it stays well below the values. Worst cases multiply
    # from sum to sum, so that of a whole network is looser than that of one layer;
    # a wrong layer changes the results by their own size.
    assert expected.error.max() < looseness * np.abs(expected.value).max()


def check(run, tmp_path, name, batch, *options, looseness=0.05):
    described = description(name)
    mlir = imported(run, tmp_path, described, *options)
    model = NativeModel(mlir, tmp_path, LLVM_BIN)
    arguments = values(model.signature["forward"][0], batch, zlib.crc32(name.encode()))
    inputs = set(described.get("inputs", ["x"]))
    expected = forward(
        described,
        {k: v for k, v in arguments.items() if k not in inputs},
        {k: arguments[k] for k in described.get("inputs", ["x"])},
    )
    compare(model("forward", arguments)["logits"], expected, looseness)


@pytest.mark.parametrize("name", [*ONE, *GRAPHS])
@pytest.mark.parametrize("options", [(), ("--batch=3",)], ids=["any batch", "batch 3"])
def test_layer(run, tmp_path, name, options):
    check(run, tmp_path, name, 3, *options)


# Members of a family that differ in one number from others.
ALIKE = {f"mlp-100x{n}" for n in (2, 3, 4)} | {f"cnn-conv{n}" for n in (2, 3, 4)}
ALIKE |= {f"cnn-dense{n}" for n in (130, 110, 100, 90, 70)}


# So deep that the worst case of rounding errors says nothing of the result; PyTorch's results
# are what these are held against, in the tests of the models.
DEEP = {"mlp-100x5", "cnn-conv5", "resnet20", "vit-small", "char-gpt"}


@pytest.mark.parametrize("name", sorted(shipped().keys() - ALIKE - DEEP))
def test_shipped(run, tmp_path, name):
    check(run, tmp_path, name, 2, looseness=0.3)


def test_every_layer_is_tested(run):
    schema = json.loads(run("prec-translate", "--print-network-schema").stdout)
    kinds = {part["$ref"].split("/")[-1] for part in schema["$defs"]["layer"]["oneOf"]}
    tested = {layer["type"] for graph in GRAPHS.values() for layer in graph["layers"]}
    tested |= {options.get("type", name) for name, (_, options) in ONE.items()}
    assert kinds == tested


@pytest.mark.parametrize("name", shipped())
def test_builtin_is_the_file(run, name):
    by_name = run("prec-translate", "--import-json", name).stdout
    by_file = run("prec-translate", "--import-json", shipped()[name]).stdout
    assert by_name == by_file and "func.func @forward" in by_name


def test_builtins_need_no_files(run, build, tmp_path):
    tool = tmp_path / "prec-translate"
    shutil.copy(build / "bin" / "prec-translate", tool)
    done = run(tool, "--import-json", "lenet5", cwd=tmp_path)
    assert "linalg.conv_2d_nchw_fchw" in done.stdout
