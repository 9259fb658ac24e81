# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scales along an axis that a format names: blocks that lie along it, or a scale for each of its indices.

The oracle is the same format without an axis on the array with its axes moved by NumPy, and for scales of integers and signs
their definition.
"""
import json

import numpy as np
import pytest
from preset_reference import AnySite, Rules, same
from test_presets import MODELS, compare, train
from test_schedule_scales import affine

SHAPE = (4, 37, 6)


def values(seed=1, shape=SHAPE):
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 1, shape) * 2.0 ** rng.integers(-9, 9, shape)).astype("f4")


def rounded(run, folder, x, format, flags=(), array=False):
    np.save(folder / "x.npy", x)
    if array:
        run("prec-run", "--round-array", f"--format={format}", *flags, "--input", folder / "x.npy", "--output", folder / "y.npy")
        return np.load(folder / "y.npy")
    # A dimension that is known at run time only, too.
    type = "tensor<" + "x".join(["?", *map(str, x.shape[1:])]) + "xf32>"
    (folder / "f.mlir").write_text(f"func.func @f(%x: {type}) -> {type} {{\n  %0 = arith.negf %x : {type}\n  return %0 : {type}\n}}")
    run("prec-run", folder / "f.mlir", f"--round=activation={format}", *flags, "--input", folder / "x.npy", "--output", folder / "y.npy")
    return -np.load(folder / "y.npy")


@pytest.mark.parametrize("array", [False, True])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("format", ["mx<e4m3,16>", "bfp<6,5,ceil>", "nvfp4", "mxfp4"])
def test_blocks_along_an_axis(run, tmp_path, format, axis, array):
    x = values()
    got = rounded(run, tmp_path, x, f"{format}-axis{axis}", array=array)
    moved = rounded(run, tmp_path, np.ascontiguousarray(np.moveaxis(x, axis, -1)), format, array=array)
    assert np.array_equal(got, np.moveaxis(moved, -1, axis))
    if axis == 2:
        assert np.array_equal(got, rounded(run, tmp_path, x, format, array=array))
    else:
        assert not np.array_equal(got, rounded(run, tmp_path, x, format, array=array))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_scale_for_each_index(run, tmp_path, axis):
    x = values(2)
    rows = np.moveaxis(x, axis, 0)
    got = np.moveaxis(rounded(run, tmp_path, x, f"int8<max>-axis{axis}"), axis, 0)
    for row, out in zip(rows, got):
        scale = np.abs(row).max() / np.float32(127)
        assert np.array_equal(out, -affine(-row.ravel(), scale, 0, -128, 127).reshape(row.shape))
    got = np.moveaxis(rounded(run, tmp_path, x, f"binary<mean>-axis{axis}"), axis, 0)
    for row, out in zip(rows, got):
        mean = np.float32(np.cumsum(np.abs(row.ravel()).astype("f8"))[-1] / row.size)  # in order
        assert np.array_equal(out, np.where(-row < 0, mean, -mean) * np.float32(1))
    got = np.moveaxis(rounded(run, tmp_path, x, f"adaptivfloat<8,3>-axis{axis}"), axis, 0)
    for row, out in zip(rows, got):
        assert np.array_equal(out, rounded(run, tmp_path, np.ascontiguousarray(row), "adaptivfloat<8,3>"))


def test_random_words_belong_to_places_with_the_axis_moved(run, tmp_path):
    """The same words as of the array whose axis was moved to where scales expect it; each index has others."""
    x = values(3)
    # One row repeated: a scale for each index, but words of its own.
    x[:] = x[0]
    for format, axis, place in ("bfp<4,8>", 0, -1), ("int4<max>", 1, 0):
        got = rounded(run, tmp_path, x, f"{format}-axis{axis}", ["--rounding=stochastic", "--seed=3"], array=True)
        again = rounded(run, tmp_path, x, f"{format}-axis{axis}", ["--rounding=stochastic", "--seed=3"], array=True)
        assert np.array_equal(got, again)
        if place == -1:
            moved = rounded(run, tmp_path, np.ascontiguousarray(np.moveaxis(x, axis, -1)), format, ["--rounding=stochastic", "--seed=3"], array=True)
            assert np.array_equal(got, np.moveaxis(moved, -1, axis))
    assert len({row.tobytes() for row in got}) == len(got)


@pytest.mark.parametrize("model", MODELS)
def test_channels_in_training(run, tmp_path, model):
    """Weights as 8-bit integers with a scale for each output, against NumPy."""
    (tmp_path / "p.json").write_text(json.dumps({"version": 1, "rules": [{"select": "weight & @contraction", "format": "int8<max>-axis1"}]}))

    def by_column(weight):
        columns = [affine(column, np.abs(column).max() / np.float32(127), 0, -128, 127) for column in np.asarray(weight, "f4").T]
        return np.stack(columns, axis=1)

    for _, arguments, results in train(run, tmp_path, MODELS[model], [f"--policy={tmp_path / 'p.json'}"], {0, 2}):
        compare(Rules("op", use=lambda role, phase, op: by_column if role == "weight" and op == "contraction" else same), arguments, results, AnySite())


def test_what_is_refused(run, tmp_path):
    (tmp_path / "f.mlir").write_text("func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {\n  %0 = arith.negf %x : tensor<4xf32>\n  return %0 : tensor<4xf32>\n}")
    done = run("prec-opt", tmp_path / "f.mlir", "--round=activation=mxfp4-axis1", check=False)
    assert done.returncode == 1
    assert "f.mlir:2:8: error: format mxfp4-axis1 of rule '--round=activation=mxfp4-axis1' has axis 1, found 1 dimensions; choose sites that have it" in done.stderr
    np.save(tmp_path / "x.npy", np.zeros(4, "f4"))
    for flags, message in ([], "has 1 dimensions, which lack the axis of mxfp4-axis1"), ([f"--encode={tmp_path / 'c.npy'}"], ""):
        done = run("prec-run", "--round-array", "--format=mxfp4-axis1", *flags, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy", check=False)
        assert done.returncode == 1 and message in done.stderr
