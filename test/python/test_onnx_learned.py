# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators of the domain ai.onnx.ml, as scikit-learn's exporters write them, against onnxruntime."""
import numpy as np
import pytest
from test_onnx import prec

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

RNG = np.random.default_rng(0)
numbers = lambda count: [float(n) for n in RNG.standard_normal(count)]  # noqa: E731
CALLS = {
    "Scaler": dict(offset=numbers(4), scale=numbers(4)),
    "Scaler of one": dict(offset=[0.5], scale=[2.0]),
    "Binarizer": dict(threshold=0.25),
    "Imputer": dict(imputed_value_floats=numbers(4), replaced_value_float=0.5),
    "Imputer of NaN": dict(imputed_value_floats=[3.0], replaced_value_float=float("nan")),
    "Normalizer": dict(norm="L2"), "Normalizer, L1": dict(norm="L1"), "Normalizer, MAX": dict(norm="MAX"),
    "LinearRegressor": dict(coefficients=numbers(8), intercepts=numbers(2), targets=2),
    "LinearRegressor without intercepts": dict(coefficients=numbers(4)),
    "LinearClassifier": dict(coefficients=numbers(12), intercepts=numbers(3), classlabels_ints=[7, 3, 9]),
    "LinearClassifier, LOGISTIC": dict(coefficients=numbers(8), intercepts=numbers(2), classlabels_ints=[0, 1], post_transform="LOGISTIC"),
    "LinearClassifier, SOFTMAX": dict(coefficients=numbers(12), intercepts=numbers(3), classlabels_ints=[0, 1, 2], post_transform="SOFTMAX"),
    **{f"SVMRegressor, {kind}": dict(kernel_type=kind, kernel_params=[0.3, 0.5, 3.0], n_supports=3, support_vectors=numbers(12),
                                     coefficients=numbers(3), rho=[0.1]) for kind in ("LINEAR", "POLY", "RBF", "SIGMOID")},
    "SVMRegressor of one class": dict(kernel_type="RBF", kernel_params=[0.1, 0.0, 0.0], n_supports=3, support_vectors=numbers(12),
                                      coefficients=numbers(3), rho=[0.1], one_class=1),
    "SVMRegressor without vectors": dict(kernel_type="LINEAR", kernel_params=[0.0, 0.0, 0.0], coefficients=numbers(4), rho=[0.1]),
}  # fmt: skip


def outputs_of(name):
    return ["labels", "scores"] if name.startswith("LinearClassifier") else ["y"]


def import_of(folder, name, inputs, outputs, **attributes):
    op = name.split(",")[0].split(" ")[0]
    node = onnx.helper.make_node(op, [v.name for v in inputs], outputs, "layer", domain="ai.onnx.ml", **attributes)
    results = [value(n, "rows", dtype=7) if n == "labels" else value(n, "rows", "size") for n in outputs]
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("ai.onnx.ml", 1)]
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", inputs, results), opset_imports=opsets, ir_version=8)
    onnx.save(model, folder / "m.onnx")
    return prec("import", folder / "m.onnx", "-o", folder / "m.mlir")


def value(name, *shape, dtype=1):
    return onnx.helper.make_tensor_value_info(name, dtype, shape)


def is_checked(folder, done):
    assert done.returncode == 0, done.stderr
    return "// Imported from m.onnx; checked against onnxruntime" in (folder / "m.mlir").read_text()


@pytest.mark.parametrize("name", CALLS)
def test_results_equal_onnxruntime(tmp_path, name):
    assert is_checked(tmp_path, import_of(tmp_path, name, [value("x", "n", 4)], outputs_of(name), **CALLS[name]))


def test_coefficients_are_weights(tmp_path):
    import_of(tmp_path, "LinearRegressor", [value("x", "n", 4)], ["y"], coefficients=[1.0, 2.0, 3.0, 4.0], intercepts=[5.0])
    assert 'prec.name = "layer.coefficients", prec.role = "weight"' in (tmp_path / "m.mlir").read_text()
    with np.load(tmp_path / "m.npz") as archive:
        assert archive["layer.coefficients"].tolist() == [[1, 2, 3, 4]]


def test_features(tmp_path):
    assert is_checked(tmp_path, import_of(tmp_path, "FeatureVectorizer", [value("a", 3, 2), value("b", 3, 4)], ["y"], inputdimensions=[2, 4]))
    x, i = value("x", 3, 5), value("i", 1, 4, dtype=7)
    assert is_checked(tmp_path, import_of(tmp_path, "ArrayFeatureExtractor", [x, i], ["y"]))


@pytest.mark.parametrize("name, attributes, told", [
    ("LinearRegressor", dict(coefficients=[1.0] * 4, post_transform="PROBIT"), "its post_transform is 'PROBIT'; expected NONE"),
    ("LinearRegressor", dict(coefficients=[1.0] * 5), "its coefficients are 5 numbers, expected 1 x 4"),
    ("LinearClassifier", dict(coefficients=[1.0] * 8, classlabels_strings=["a", "b"]), "found labels that are no numbers"),
    ("Normalizer", dict(norm="L7"), "its norm is 'L7'; expected MAX, L1, L2"),
    ("TreeEnsembleRegressor", dict(n_targets=1), "operators of the domain 'ai.onnx.ml' are not known"),
])  # fmt: skip
def test_what_is_refused_is_named(tmp_path, name, attributes, told):
    done = import_of(tmp_path, name, [value("x", "n", 4)], outputs_of(name), **attributes)
    assert done.returncode == 1 and f"node 'layer' ({name}): {told}" in done.stderr, done.stderr
