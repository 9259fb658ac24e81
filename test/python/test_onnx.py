# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ONNX front end: ONNX's own test models, a small network, bad input."""
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import BUILD, SOURCE

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE / "python"), "PREC_BUILD_DIR": str(BUILD)}
SUITE = SOURCE / "scripts" / "onnx_suite.py"
DATA = "/usr/share/libonnx-testdata/data/node"


def prec(*arguments, **keywords):
    return subprocess.run(
        [sys.executable, "-m", "prec", *map(str, arguments)],
        env=ENVIRONMENT, capture_output=True, text=True, **keywords,
    )  # fmt: skip


def network():
    """Two dense layers with a relu; the batch is free."""
    rng = np.random.default_rng(0)
    weights = {
        "w1": rng.standard_normal((6, 5)).astype(np.float32),
        "b1": rng.standard_normal(5).astype(np.float32),
        "w2": rng.standard_normal((5, 3)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"], name="/fc1/Gemm"),
        helper.make_node("Relu", ["h"], ["r"], name="/act/Relu"),
        helper.make_node("MatMul", ["r", "w2"], ["y"], name="/fc2/MatMul"),
    ]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(a, n) for n, a in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model, weights


@pytest.fixture
def saved(tmp_path):
    model, weights = network()
    onnx.save(model, tmp_path / "net.onnx")
    return tmp_path, weights


def test_a_network_is_imported_and_runs(saved, run):
    folder, weights = saved
    done = prec("import", folder / "net.onnx", "-o", folder / "net.mlir")
    assert done.returncode == 0, done.stderr
    text = (folder / "net.mlir").read_text()
    assert "checked against onnxruntime" in text.splitlines()[0]
    assert text.index('prec.name = "x"') < text.index('prec.name = "w1"')  # inputs, then weights
    with np.load(folder / "net.npz") as archive:
        assert {n: a.tobytes() for n, a in archive.items()} == {
            n: a.tobytes() for n, a in weights.items()
        }
    x = np.random.default_rng(1).standard_normal((4, 6)).astype(np.float32)
    np.save(folder / "x.npy", x)
    run(
        "prec-run", folder / "net.mlir", "--weights", folder / "net.npz",
        "--input", folder / "x.npy", "--output", folder / "y.npy",
    )  # fmt: skip
    want = np.maximum(x.astype(float) @ weights["w1"] + weights["b1"], 0) @ weights["w2"]
    np.testing.assert_allclose(np.load(folder / "y.npy"), want, rtol=1e-5, atol=1e-5)


def test_sites_have_the_nodes_names(saved, run):
    folder, _ = saved
    assert prec("import", folder / "net.onnx", "-o", folder / "net.mlir").returncode == 0
    sites = run("prec-opt", "--truncate-mantissa=7", "--report-sites", folder / "net.mlir").stdout
    for scope in ("fc1/Gemm", "act/Relu", "fc2/MatMul"):
        assert scope in sites


def test_shape_fixes_the_batch(saved):
    folder, _ = saved
    done = prec("import", folder / "net.onnx", "-o", folder / "net.mlir", "--shape", "x=2x6")
    assert done.returncode == 0, done.stderr
    assert "tensor<2x3xf32>" in (folder / "net.mlir").read_text()


@pytest.mark.parametrize("shape, words", [
    ("z=2x6", "no input 'z'"), ("x=2x7", "a dimension of 6"), ("x=2", "2 dimensions"),
    ("x=ax6", "expected NAME="),
])  # fmt: skip
def test_shapes_that_do_not_fit(saved, shape, words):
    folder, _ = saved
    done = prec("import", folder / "net.onnx", "-o", folder / "net.mlir", "--shape", shape)
    assert done.returncode == 1 and words in done.stderr


def test_no_check_says_so(saved):
    folder, _ = saved
    done = prec("import", folder / "net.onnx", "-o", folder / "net.mlir", "--no-check")
    assert done.returncode == 0
    assert "; not checked" in (folder / "net.mlir").read_text().splitlines()[0]


def single(op, inputs, outputs, opset=17, initializers=(), **attributes):
    node = helper.make_node(op, inputs, outputs, name="the_node", **attributes)
    values = lambda names: [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, 3]) for n in names]  # noqa: E731
    given = [n for n in inputs if n not in {i.name for i in initializers}]
    graph = helper.make_graph([node], "g", values(given), values(outputs), list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def outside():
    model, _ = network()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret.bin")
    return model


def absent():
    model = outside()
    model.graph.initializer[0].external_data[0].value = "absent.bin"
    return model


def short():
    model, _ = network()
    model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]
    return model


def huge():
    model, _ = network()
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1 << 41
    return model


BAD = {
    "unknown operator": (lambda: single("NoSuchOp", ["x"], ["y"]), ["the_node", "NoSuchOp"]),
    "unknown opset": (lambda: single("Relu", ["x"], ["y"], opset=99), ["opset 99"]),
    "missing operand": (lambda: single("Add", ["x"], ["y"]), ["the_node"]),
    "random": (lambda: single("RandomNormalLike", ["x"], ["y"]), ["the_node", "RandomNormalLike"]),
    "outside data": (outside, ["'w1'", "outside the model's folder"]),
    "absent data": (absent, ["'w1'", "does not exist"]),
    "short data": (short, ["'w1'", "expected 120"]),
    "absurd shape": (huge, ["'x'"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_models_are_refused_by_name(case, tmp_path):
    make, words = BAD[case]
    (tmp_path / "m.onnx").write_bytes(make().SerializeToString())
    done = prec("import", tmp_path / "m.onnx", "-o", tmp_path / "m.mlir")
    assert done.returncode == 1, done.stderr
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "m.mlir").exists()


def test_mutated_files_never_crash(tmp_path):
    """In one process: each mutated file is imported or refused by our own error."""
    script = f"""
import random, sys
sys.path.insert(0, {str(SOURCE / "python")!r})
from prec import onnx
from prec.frontend import FrontendError
data = open({str(tmp_path / "net.onnx")!r}, "rb").read()
rng, refused = random.Random(0), 0
for i in range({1000 if os.environ.get("PREC_EXHAUSTIVE") == "1" else 100}):
    made = bytearray(data[: rng.randrange(len(data))] if i % 4 == 0 else data)
    for _ in range(rng.randrange(1, 4)):
        if made:
            made[rng.randrange(len(made))] = rng.randrange(256)
    open({str(tmp_path / "bad.onnx")!r}, "wb").write(made)
    try:
        onnx.import_model({str(tmp_path / "bad.onnx")!r})
    except FrontendError as error:
        assert str(error).strip()
        refused += 1
print(refused)
"""
    onnx.save(network()[0], tmp_path / "net.onnx")
    done = subprocess.run(
        [sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 10


def test_a_wrong_import_is_refused(tmp_path, monkeypatch):
    """The check sees a rule that computes something else, and names the layer."""
    monkeypatch.setenv("PREC_BUILD_DIR", str(BUILD))
    sys.path.insert(0, str(SOURCE / "python"))
    from prec import onnx as front_end
    from prec.frontend import FrontendError
    from prec.onnx.check import check
    from prec.onnx.rules import RULES
    from prec.onnx.rules.registry import pointwise

    onnx.save(network()[0], tmp_path / "net.onnx")
    monkeypatch.setitem(
        RULES, "Relu", lambda b, node: pointwise(b, [node[0]], "f32", lambda x: x.abs())
    )
    imported = front_end.import_model(tmp_path / "net.onnx")
    with pytest.raises(FrontendError, match="differs from onnxruntime.*first layer.*/act/Relu"):
        check(imported)


@pytest.mark.skipif(not os.path.isdir(DATA), reason="libonnx-testdata is not installed")
def test_the_models_of_onnx(tmp_path):
    """A fifteenth of ONNX's node tests, all of them with --exhaustive; none may be wrong."""
    names = sorted(os.listdir(DATA))
    names = names if os.environ.get("PREC_EXHAUSTIVE") == "1" else names[7::15]
    done = subprocess.run(
        [sys.executable, SUITE, "--json", tmp_path / "rows", *names], env=ENVIRONMENT,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    rows = [json.loads(line) for line in (tmp_path / "rows").read_text().splitlines()]
    right = sum(row["status"] == "right" for row in rows)
    assert right >= 0.91 * len(rows), done.stdout
