# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The derivative of prec.round by its attribute `grad`; ranges are those of ml_dtypes."""
import ml_dtypes
import numpy as np
import pytest

FORMATS = {"e5m10": np.float16, "e8m7": ml_dtypes.bfloat16, "f8e4m3fn": ml_dtypes.float8_e4m3fn,
           "f8e4m3": ml_dtypes.float8_e4m3, "f4e2m1fn": ml_dtypes.float4_e2m1fn}
TEXT = """
#id = affine_map<(d0) -> (d0)>
#none = affine_map<(d0) -> ()>
func.func @f(%x: tensor<?xTYPE>, %w: tensor<?xTYPE>) -> TYPE {
  %r = prec.round %x to "FORMAT" "nearest-even" GRAD : tensor<?xTYPE>
  %zero = arith.constant 0.0 : TYPE
  %e = tensor.empty() : tensor<TYPE>
  %i = linalg.fill ins(%zero : TYPE) outs(%e : tensor<TYPE>) -> tensor<TYPE>
  %s = linalg.generic {indexing_maps = [#id, #id, #none], iterator_types = ["reduction"]}
    ins(%r, %w : tensor<?xTYPE>, tensor<?xTYPE>) outs(%i : tensor<TYPE>) {
  ^bb0(%a: TYPE, %b: TYPE, %acc: TYPE):
    %p = arith.mulf %a, %b : TYPE
    %n = arith.addf %acc, %p : TYPE
    linalg.yield %n : TYPE
  } -> tensor<TYPE>
  %y = tensor.extract %s[] : tensor<TYPE>
  return %y : TYPE
}
"""


def module(carrier, form, grad):
    attribute = f'{{grad = "{grad}"}}' if grad else ""
    return TEXT.replace("TYPE", carrier).replace("FORMAT", form).replace("GRAD", attribute)


@pytest.mark.parametrize("grad", [None, "straight-through", "clipped", "zero"])
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("carrier", ["f32", "f64"])
def test_gradient(run, tmp_path, carrier, form, grad):
    dtype = {"f32": np.float32, "f64": np.float64}[carrier]
    largest = dtype(ml_dtypes.finfo(FORMATS[form]).max)
    with np.errstate(over="ignore"):
        near = [np.nextafter(largest, dtype(0)), np.nextafter(largest, dtype(np.inf))]
    x = np.array([0, 0.3, largest, *near, np.inf], dtype)
    x = np.concatenate([x, -x])
    w = np.arange(1, len(x) + 1, dtype=dtype)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "w.npy", w)
    text = run("prec-opt", "-", "--pass-pipeline=builtin.module(prec-differentiate{function=f wrt=0})",
               input=module(carrier, form, grad)).stdout
    run("prec-run", "-", "--entry=f_grad", f"--input={tmp_path / 'x.npy'}",
        f"--input={tmp_path / 'w.npy'}", f"--output={tmp_path / 'y.npy'}",
        f"--output={tmp_path / 'g.npy'}", "--no-cache", input=text)
    inside = np.abs(x) <= largest
    expected = {"zero": 0 * w, "clipped": np.where(inside, w, 0)}.get(grad, w)
    np.testing.assert_array_equal(np.load(tmp_path / "g.npy"), expected)
    assert inside.sum() == 8 or form == "e8m7" and carrier == "f32"


@pytest.mark.parametrize(
    "grad, form, message",
    [("round", "m7", 'found grad = "round", expected straight-through, clipped or zero'),
     ("clipped", "mxfp4", 'grad = "clipped" needs a range that is the same for all elements, found mxfp4')],
)
def test_what_is_refused(run, grad, form, message):
    text = module("f32", form, grad).replace('"m?" "near', '"m?"(%bits) "near').replace(
        "%w: tensor<?xf32>)", "%w: tensor<?xf32>, %bits: i32)")
    text = text.replace('"m?"(%bits)', '"m?"(%bits : i32)')
    done = run("prec-opt", "-", input=text, check=False)
    assert done.returncode == 1 and message in done.stderr
