# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trained networks as ONNX files: onnxruntime computes what the description's NumPy text says, and
classifies as prec-eval does.

onnxruntime promises no error: it joins operations and approximates functions. Held is a
hundred-thousandth of the largest value, some hundred roundings of f32; a wrong axis, order of
gates, padding or constant is an error of the values' own size.
"""
import json
import zlib

import numpy as np
import pytest

from native_model import signatures
from network_reference import forward
from test_import import DEEP, GRAPHS, ONE, description, shipped, values

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


@pytest.fixture
def export(build, source, monkeypatch):
    monkeypatch.setenv("PREC_BUILD_DIR", str(build))
    monkeypatch.syspath_prepend(source / "python")
    from prec.exporting import main

    return lambda model, weights, output: main(
        [str(model), "--weights", str(weights), "-o", str(output)])


def session(path):
    return runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def is_small(name):
    return name not in DEEP | {"resnet20"}


@pytest.mark.parametrize("name", [*ONE, *GRAPHS, *filter(is_small, shipped())])
def test_layers(run, export, tmp_path, name):
    described = description(name)
    (tmp_path / "net.json").write_text(json.dumps(described))
    text = run("prec-translate", "--import-json", tmp_path / "net.json").stdout
    arguments = values(signatures(text)["forward"][0], 3, zlib.crc32(name.encode()))
    inputs = set(described.get("inputs", ["x"]))
    weights = {k: v for k, v in arguments.items() if k not in inputs}
    np.savez(tmp_path / "w.npz", **weights)
    assert export(tmp_path / "net.json", tmp_path / "w.npz", tmp_path / "net.onnx") == 0
    given = {k: v for k, v in arguments.items() if k in inputs}
    expected = forward(described, weights, given)
    found = session(tmp_path / "net.onnx").run(None, given)[0]
    assert found.shape == expected.value.shape
    worst = np.abs(found - expected.value).max() / np.abs(expected.value).max()
    assert worst < 1e-5 and np.ptp(expected.value) > 1e-2


def test_the_accuracy_is_that_of_prec_eval(run, export, tmp_path):
    rng = np.random.default_rng(4)
    y = np.arange(300) % 3
    x = rng.standard_normal((300, 1, 6, 6)) + 0.7 * y[:, None, None, None]
    x = x.astype(np.float32)
    np.savez(tmp_path / "data.npz", x=x, y=y.astype(np.int32))
    net = {"version": 1, "name": "n", "input": [1, 6, 6], "layers": [
        {"type": "conv", "name": "c", "channels": 3, "kernel": 3},
        {"type": "batch-norm", "name": "b"}, {"type": "relu", "name": "r"},
        {"type": "flatten", "name": "f"}, {"type": "dense", "name": "d", "units": 3}]}
    (tmp_path / "net.json").write_text(json.dumps(net))
    common = [tmp_path / "net.json", f"--data={tmp_path / 'data.npz'}"]
    run("prec-train", *common, "--steps=40", "--batch-size=30", "--eval-every=0",
        f"--save-weights={tmp_path / 'w.npz'}")
    run("prec-eval", *common, f"--weights={tmp_path / 'w.npz'}", f"--log={tmp_path / 'log.jsonl'}",
        "--split=training")
    line = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])
    assert export(tmp_path / "net.json", tmp_path / "w.npz", tmp_path / "net.onnx") == 0
    count = line["samples"]
    logits = session(tmp_path / "net.onnx").run(None, {"x": x[:count]})[0]
    assert 0.5 < line["accuracy"] < 1
    with np.load(tmp_path / "w.npz") as archive:
        assert {t.name for t in onnx.load(tmp_path / "net.onnx").graph.initializer} == set(archive.files)
    assert (logits.argmax(1) == y[:count]).mean() == pytest.approx(line["accuracy"], abs=1e-9)


def test_back_into_the_file_it_came_from(export, tmp_path):
    from onnx import helper, numpy_helper

    make = lambda name, array: numpy_helper.from_array(np.float32(array), name)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Add", ["h", "b"], ["y"])],
        "g", [helper.make_tensor_value_info("x", 1, [1, 2])],
        [helper.make_tensor_value_info("y", 1, [1, 2])],
        [make("w", np.zeros((2, 2))), make("b", np.ones(2))])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
              tmp_path / "m.onnx")
    w = np.float32([[1, 2], [3, 4]])
    np.savez(tmp_path / "w.npz", w=w)
    assert export(tmp_path / "m.onnx", tmp_path / "w.npz", tmp_path / "t.onnx") == 0
    x = np.float32([[1, -1]])
    np.testing.assert_array_equal(session(tmp_path / "t.onnx").run(None, {"x": x})[0], x @ w + 1)


@pytest.mark.parametrize("change, message", [
    (lambda w: w.pop("fc.bias"), "has no 'fc.bias'"),
    (lambda w: w.update({"fc2.bias": np.zeros(3)}), "'fc2.bias' is nothing that the model has"),
    (lambda w: w.update({"fc.bias": np.zeros(3, np.float32)}), "has the shape [3], expected [2]"),
])
def test_what_is_refused(export, tmp_path, capsys, change, message):
    net = {"version": 1, "name": "n", "input": [4],
           "layers": [{"type": "dense", "name": "fc", "units": 2}]}
    (tmp_path / "net.json").write_text(json.dumps(net))
    weights = {"fc.weight": np.zeros((4, 2), np.float32), "fc.bias": np.zeros(2, np.float32)}
    change(weights)
    np.savez(tmp_path / "w.npz", **weights)
    assert export(tmp_path / "net.json", tmp_path / "w.npz", tmp_path / "x.onnx") == 1
    assert message in capsys.readouterr().err and not (tmp_path / "x.onnx").exists()


def test_a_missing_archive_and_a_wrong_description(export, tmp_path, capsys):
    (tmp_path / "net.json").write_text('{"version": 1}')
    assert export("lenet5", tmp_path / "none.npz", tmp_path / "x.onnx") == 1
    assert "none.npz" in capsys.readouterr().err
    np.savez(tmp_path / "w.npz", a=np.zeros(1))
    assert export(tmp_path / "net.json", tmp_path / "w.npz", tmp_path / "x.onnx") == 1
    assert "net.json:1:" in capsys.readouterr().err
