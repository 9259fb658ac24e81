# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The engine in Python's process: arguments are read where they lie, large results stay where they were made."""
import gc
import os
import sys

import numpy as np
import pytest
from conftest import BUILD, SOURCE, in_process

os.environ.setdefault("PREC_BUILD_DIR", str(BUILD))
sys.path.insert(0, str(SOURCE / "python"))
from prec.engine import Engine, EngineError, library  # noqa: E402

MODEL = """
#id = affine_map<(i, j) -> (i, j)>
func.func @f(%x: tensor<200x100xf32>, %y: tensor<3xf32>) -> (tensor<200x100xf32>, tensor<3xf32>, tensor<200x100xf32>, tensor<200x100xf32>) {
  %e = tensor.empty() : tensor<200x100xf32>
  %d = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : tensor<200x100xf32>) outs(%e : tensor<200x100xf32>) {
  ^bb0(%a: f32, %o: f32):
    %v = arith.addf %a, %a : f32
    linalg.yield %v : f32
  } -> tensor<200x100xf32>
  return %d, %y, %x, %d : tensor<200x100xf32>, tensor<3xf32>, tensor<200x100xf32>, tensor<200x100xf32>
}
"""
LARGE, SMALL = (200, 100), (3,)


@pytest.fixture
def called():
    """Arguments, the buffers of the large results, the small one."""
    random = np.random.default_rng(0)
    x, y = random.random(LARGE, np.float32), random.random(SMALL, np.float32)
    engine, small = Engine(MODEL), np.zeros(SMALL, np.float32)
    assert [engine.leaves_in_place(i) for i in range(4)] == [True, False, True, True]
    left = engine.call([x.ctypes.data, y.ctypes.data], [LARGE, SMALL], [None, small.ctypes.data, None, None])
    assert left[1] is None
    return x, y, [np.frombuffer(left[i], np.float32).reshape(LARGE) for i in (0, 2, 3)], small


@in_process
def test_results_are_separate_from_arguments_and_from_each_other(called):
    x, y, (double, same, again), small = called
    expected = np.random.default_rng(0).random(LARGE, np.float32)
    double[0] = same[1] = again[2] = 7.0
    np.testing.assert_array_equal(x, expected)
    np.testing.assert_array_equal(double[1:], 2 * expected[1:])
    np.testing.assert_array_equal(same[2:], expected[2:])
    np.testing.assert_array_equal(again[:2], 2 * expected[:2])
    np.testing.assert_array_equal(small, y)


@in_process
def test_a_large_result_is_freed_with_its_last_reference(monkeypatch):
    freed = []
    drop = library().precDrop
    monkeypatch.setattr(library(), "precDrop", lambda owner: freed.append(drop(owner)))
    x, y = np.ones(LARGE, np.float32), np.ones(SMALL, np.float32)
    left = Engine(MODEL).call([x.ctypes.data, y.ctypes.data], [LARGE, SMALL], [None, y.ctypes.data, None, None])
    array = np.frombuffer(left[0], np.float32)
    del left
    gc.collect()
    assert len(freed) == 2
    assert array.sum() == 2 * array.size
    del array
    gc.collect()
    assert len(freed) == 3


@in_process
def test_an_argument_of_another_size_is_refused():
    x = np.ones(LARGE, np.float32)
    with pytest.raises(EngineError, match="argument"):
        Engine(MODEL).call([x.ctypes.data] * 2, [LARGE, (4,)], [None] * 4)
