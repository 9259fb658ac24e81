# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""tensor.gather, which upstream does not lower, against its definition in NumPy: both forms of results, any integers, unknown sizes."""
import numpy as np
import pytest


def gathered(x, places, dims, keeps):
    """For each row of coordinates the slice of x, with axes of size 1 for the gathered ones, or without them."""
    lead = places.shape[:-1]
    made = []
    for row in places.reshape(-1, places.shape[-1]):
        at = [slice(None)] * x.ndim
        for dim, place in zip(dims, row):
            at[dim] = slice(place, place + 1)
        piece = x[tuple(at)]
        made.append(piece if keeps else piece.squeeze(tuple(dims)))
    return np.stack(made).reshape(*lead, *made[0].shape)


def module(x, places, dims, keeps, integer, unknown=False):
    def type_of(shape, element):
        return f"tensor<{'x'.join('?' if unknown and n > 1 else str(n) for n in shape)}x{element}>"

    shape = gathered(x, places, dims, keeps).shape
    kinds = type_of(x.shape, "f32"), type_of(places.shape[:-1], integer).replace(f"x{integer}>", f"x{len(dims)}x{integer}>"), type_of(shape, "f32")
    if not shape:
        kinds = *kinds[:2], "tensor<f32>"
    return (f"func.func @main(%x: {kinds[0]}, %i: {kinds[1]}) -> {kinds[2]} {{\n"
            f"  %g = tensor.gather %x[%i] gather_dims({list(dims)}) : ({kinds[0]}, {kinds[1]}) -> {kinds[2]}\n"
            f"  return %g : {kinds[2]}\n}}\n")  # fmt: skip


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("lead, dims, integer", [((4,), (0,), "i32"), ((2, 3), (1,), "i64"), ((5,), (0, 2), "i64"), ((2, 2), (0, 1, 2), "i32")])
def test_elements(lead, dims, integer, keeps, unknown, tmp_path, run):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 4, 5), np.float32)
    places = np.stack([rng.integers(0, x.shape[dim], lead) for dim in dims], -1).astype(integer.replace("i", "int"))
    (tmp_path / "m.mlir").write_text(module(x, places, dims, keeps, integer, unknown))
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "i.npy", places)
    common = ["prec-run", tmp_path / "m.mlir", "--input", tmp_path / "x.npy", "--input", tmp_path / "i.npy", "--output", tmp_path / "y.npy"]
    run(*common)
    expected = gathered(x, places, dims, keeps)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)
    # A gather makes no number: roundings are of what goes in, and of what comes out.
    run(*common, "--truncate-mantissa=3", "--granularity=elementary")
    assert np.isin(np.load(tmp_path / "y.npy"), [expected, (expected.view("u4") & np.uint32(0xFFF00000)).view("f4")]).all()
    places.flat[1] = 5
    np.save(tmp_path / "i.npy", places)
    done = run(*common, check=False)
    assert done.returncode == 1 and "m.mlir:2:8: found the index 5, expected one of a dimension of size" in done.stderr


@pytest.mark.parametrize("keeps", [False, True])
def test_gradients_are_added_where_the_elements_come_from(keeps, tmp_path, run):
    """Of small whole numbers, so that sums are exact in any order; one place is named twice, one never."""
    rng = np.random.default_rng(1)
    x, w = rng.integers(-8, 8, (5, 3)).astype("f4"), rng.integers(-8, 8, (4, 1, 3) if keeps else (4, 3)).astype("f4")
    places, kind = np.array([[1], [0], [1], [4]], "i4"), f"tensor<{'4x1x3' if keeps else '4x3'}xf32>"
    (tmp_path / "m.mlir").write_text(f"""
func.func @f(%x: tensor<5x3xf32>, %i: tensor<4x1xi32>, %w: {kind}) -> f32 {{
  %g = tensor.gather %x[%i] gather_dims([0]) : (tensor<5x3xf32>, tensor<4x1xi32>) -> {kind}
  %p = arith.mulf %g, %w : {kind}
  %zero = arith.constant dense<0.0> : tensor<f32>
  %s = linalg.reduce {{arith.addf}} ins(%p : {kind}) outs(%zero : tensor<f32>) dimensions = {"[0, 1, 2]" if keeps else "[0, 1]"}
  %r = tensor.extract %s[] : tensor<f32>
  return %r : f32
}}
""")
    run("prec-opt", tmp_path / "m.mlir", "--prec-differentiate=wrt=0", "-o", tmp_path / "g.mlir")
    for name, array in (("x", x), ("i", places), ("w", w)):
        np.save(tmp_path / f"{name}.npy", array)
    run("prec-run", tmp_path / "g.mlir", "--entry=f_grad", *(f"--input={tmp_path / name}.npy" for name in "xiw"),
        f"--output={tmp_path / 'v.npy'}", f"--output={tmp_path / 'd.npy'}")  # fmt: skip
    expected = np.zeros_like(x)
    np.add.at(expected, places[:, 0], w.reshape(4, 3))
    np.testing.assert_array_equal(np.load(tmp_path / "d.npy"), expected)
    assert np.load(tmp_path / "v.npy") == (x[places[:, 0]] * w.reshape(4, 3)).sum()
