# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators of onnxruntime's own domain, against onnxruntime."""
import numpy as np
import pytest
from test_onnx import prec

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

HEADER = '<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>'
CODES = "xs = Constant<value = float {0.02}>()\n xz = Constant<value = uint8 {120}>()\n ys = Constant<value = float {0.05}>()\n yz = Constant<value = uint8 {100}>()\n"


def same(folder, text, *options):
    onnx.save(onnx.parser.parse_model(HEADER + text), folder / "m.onnx")
    done = prec("import", folder / "m.onnx", "-o", folder / "m.mlir", *options)
    assert done.returncode == 0, done.stderr
    assert "checked against onnxruntime" in (folder / "m.mlir").read_text().splitlines()[0]


@pytest.mark.parametrize("call", [
    "com.microsoft.QLinearAdd(x, xs, xz, w, ys, yz, ys, yz)",
    "com.microsoft.QLinearMul(x, xs, xz, w, ys, yz, ys, yz)",
    "com.microsoft.QLinearSigmoid(x, xs, xz, ys, yz)",
    "com.microsoft.QLinearLeakyRelu<alpha = 0.2>(x, xs, xz, ys, yz)",
    "com.microsoft.QLinearSoftmax<axis = 1, opset = 13>(x, xs, xz, ys, yz)",
    "com.microsoft.QLinearConcat<axis = 1>(ys, yz, x, xs, xz, w, ys, yz)",
    "com.microsoft.QLinearAveragePool<kernel_shape = [2, 2], strides = [2, 2]>(x, xs, xz, ys, yz)",
    "com.microsoft.QLinearGlobalAveragePool(x, xs, xz, ys, yz)",
])  # fmt: skip
def test_of_the_quantiser(tmp_path, call):
    same(tmp_path, f"g (uint8[2,3,4,6] x, uint8[2,3,4,6] w) => (uint8[a,b,c,d] y) {{ {CODES} y = {call} }}")


@pytest.mark.parametrize("call", [
    "com.microsoft.Gelu(x)", "com.microsoft.BiasGelu(x, v)", "com.microsoft.FastGelu(x, v)", "com.microsoft.FastGelu(x)",
    "com.microsoft.QuickGelu<alpha = 1.5>(x)", "com.microsoft.FusedMatMul<alpha = 0.5, transB = 1>(x, w)",
    "com.microsoft.FusedMatMul<transA = 1>(x, w)",
    "com.microsoft.SkipLayerNormalization<epsilon = 0.001>(x, w, v, u)",
    "com.microsoft.SkipLayerNormalization<epsilon = 0.001>(x, w, v)",
    "com.microsoft.SkipLayerNormalization<epsilon = 0.001>(x, w, v, u, v)",
    "com.microsoft.SkipSimplifiedLayerNormalization<epsilon = 0.001>(x, w, v)",
])  # fmt: skip
def test_of_the_optimiser(tmp_path, call):
    same(tmp_path, f"g (float[2,5,8] x, float[2,5,8] w, float[8] v, float[8] u) => (float[a,b,c] y) {{ y = {call} }}")


def test_a_sum_that_goes_on_beside_the_norm(tmp_path):
    same(tmp_path, """g (float[2,5,8] x, float[2,5,8] w, float[8] v) => (float[2,5,8] y, float[2,5,8] s) {
      y, , , s = com.microsoft.SkipLayerNormalization(x, w, v)
    }""")


@pytest.mark.parametrize("words", [
    'activation = "Relu"', 'activation = "LeakyRelu", activation_params = [0.1]', 'activation = "Clip", activation_params = [-1.0, 2.0]',
    'activation = "HardSigmoid", activation_params = [0.3, 0.4]',
])  # fmt: skip
def test_fused_convolutions(tmp_path, words):
    same(tmp_path, f"""g (float[1,3,8,8] x, float[4,3,3,3] w, float[4] v) => (float[1,4,8,8] y) {{
      y = com.microsoft.FusedConv<kernel_shape = [3, 3], pads = [1, 1, 1, 1], {words}>(x, w, v)
    }}""")


def test_products_of_codes(tmp_path):
    same(tmp_path, """g (float[4,6] x, int8[6,5] w, float[5] v, uint8[4,6] u) => (float[4,5] y, float[4,5] z) {
      s = Constant<value = float {0.03}>()
      one = Constant<value = float[1] {0.01}>()
      y = com.microsoft.DynamicQuantizeMatMul(x, w, s, , v)
      z = com.microsoft.MatMulIntegerToFloat(u, w, one, one)
    }""")


@pytest.mark.parametrize("call", [
    "SimplifiedLayerNormalization<axis = -1, epsilon = 0.01>(x, v)", "LayerNormalization<axis = -1, epsilon = 0.01>(x, v, u)",
])  # fmt: skip
def test_what_the_optimiser_writes_as_if_it_were_onnx(tmp_path, call):
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 12, "com.microsoft" : 1]>'
        f"g (float[2,5,8] x, float[8] v, float[8] u) => (float[2,5,8] y) {{ y = {call} }}"
    )
    onnx.save(model, tmp_path / "m.onnx")
    done = prec("import", tmp_path / "m.onnx", "-o", tmp_path / "m.mlir")
    assert done.returncode == 0, done.stderr
    assert "checked against onnxruntime" in (tmp_path / "m.mlir").read_text().splitlines()[0]


@pytest.mark.parametrize("attributes", [{"auto_pad": 'NOTSET">(i0) }'}, {"activation": "System"}, {"kernel_shape": "abc"}])
def test_hostile_attributes(tmp_path, attributes):
    node = onnx.helper.make_node("FusedConv", ["x", "w"], ["y"], domain="com.microsoft", **attributes)
    value = lambda name, *shape: onnx.helper.make_tensor_value_info(name, 1, shape)  # noqa: E731
    graph = onnx.helper.make_graph([node], "g", [value("x", 1, 3, 8, 8), value("w", 4, 3, 3, 3)], [value("y", 1, 4, 6, 6)])
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("com.microsoft", 1)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "m.onnx")
    done = prec("import", tmp_path / "m.onnx", "-o", tmp_path / "m.mlir")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "node 'FusedConv' (" in done.stderr and len(done.stderr.splitlines()) == 1


def test_what_is_not_known_is_refused_by_name(tmp_path):
    text = HEADER + "g (float[2,3] x) => (float[2,3] y) { y = com.microsoft.Inverse(x) }"
    onnx.save(onnx.parser.parse_model(text), tmp_path / "m.onnx")
    done = prec("import", tmp_path / "m.onnx", "-o", tmp_path / "m.mlir")
    assert done.returncode == 1 and "(Inverse): operators of the domain 'com.microsoft' are not known" in done.stderr
