# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The engine in Python's process: arrays of any framework are read where they lie, results own their memory."""
import gc
import os
import subprocess
import sys
import threading
import time

import ml_dtypes
import numpy as np
import psutil
import pytest
from conftest import BUILD, SOURCE, in_process

os.environ.setdefault("PREC_BUILD_DIR", str(BUILD))
sys.path.insert(0, str(SOURCE / "python"))
from prec.engine import Engine, EngineError  # noqa: E402

pytestmark = in_process
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


def given(type_, back="%x"):
    return f"func.func @f(%x: {type_}) -> {type_} {{ return {back} : {type_} }}"


def arguments():
    random = np.random.default_rng(0)
    return random.random(LARGE, np.float32), random.random(SMALL, np.float32)


def test_results_are_separate_from_arguments_and_from_each_other():
    x, y = arguments()
    engine = Engine(MODEL)
    assert engine.arguments == [("f32", LARGE), ("f32", SMALL)] and len(engine.results) == 4
    double, small, same, again = map(np.asarray, engine.call([x, y]))
    double[0] = same[1] = again[2] = 7.0
    small[0] = 9.0
    expected, unchanged = arguments()
    np.testing.assert_array_equal(x, expected)
    np.testing.assert_array_equal(y, unchanged)
    np.testing.assert_array_equal(double[1:], 2 * expected[1:])
    np.testing.assert_array_equal(same[2:], expected[2:])
    np.testing.assert_array_equal(again[:2], 2 * expected[:2])
    np.testing.assert_array_equal(small[1:], y[1:])


def test_results_are_shared_and_freed_with_their_last_reference():
    engine, (x, y) = Engine(MODEL), arguments()
    result = engine.call([x, y])[0]
    first, second = np.asarray(result), np.from_dlpack(result)
    first[0] = 7.0
    assert (second[0] == 7.0).all() and first.ctypes.data % 64 == 0
    del result, first
    gc.collect()
    np.testing.assert_array_equal(second[1:], 2 * x[1:])
    before = psutil.Process().memory_info().rss
    for _ in range(2000):  # 480 MB
        np.asarray(engine.call([x, y])[0])
    assert psutil.Process().memory_info().rss - before < 100e6


@pytest.mark.parametrize("word, dtype", [
    ("f16", "f2"), ("f64", "f8"), ("i1", "?"), ("i8", "i1"), ("i16", "i2"), ("i32", "i4"), ("i64", "i8"),
])  # fmt: skip
def test_types_of_numpy(word, dtype):
    x = np.arange(6).reshape(2, 3).astype(dtype)
    x.flags.writeable = False  # arguments are only read
    engine = Engine(given(f"tensor<2x3x{word}>"))
    made = np.asarray(engine.call([x])[0])
    assert engine.results == [(word, (2, 3))] and made.dtype == x.dtype and made.tobytes() == x.tobytes()


def test_unsigned_words_are_those_of_the_module():
    x = np.array([3, 250], np.uint8)
    marked = 'func.func @f(%x: tensor<2xi8> {prec.dtype = "u8"}) -> (tensor<2xi8> {prec.dtype = "u8"}) { return %x : tensor<2xi8> }'
    assert np.asarray(Engine(marked).call([x])[0]).tolist() == [3, 250]
    assert np.asarray(Engine(given("tensor<2xi8>")).call([x])[0]).tolist() == [3, -6]


def test_bf16_is_taken_as_its_bits_and_given_as_what_it_is():
    torch = pytest.importorskip("torch")
    x = np.array([1.5, -3], ml_dtypes.bfloat16)
    (made,) = Engine(given("tensor<2xbf16>")).call([x.view(np.uint16)])
    assert torch.from_dlpack(made).tolist() == [1.5, -3] and torch.from_dlpack(made).dtype == torch.bfloat16


def test_tensors_of_torch_and_their_capsules():
    torch = pytest.importorskip("torch")
    engine, x = Engine(given("tensor<2x3xbf16>")), torch.arange(6, dtype=torch.bfloat16).reshape(2, 3)
    for one in (x, torch.utils.dlpack.to_dlpack(x)):
        assert torch.equal(torch.from_dlpack(engine.call([one])[0]), x)
    with pytest.raises(EngineError, match="argument 0 of @f is .* in another order .* expected tensor<3x2xbf16> in row-major order"):
        Engine(given("tensor<3x2xbf16>")).call([x.t()])


def test_arrays_of_jax():
    jax = pytest.importorskip("jax")
    x = jax.numpy.arange(6.0).reshape(2, 3)
    (made,) = Engine(given("tensor<2x3xf32>")).call([x])
    assert (jax.dlpack.from_dlpack(made) == x).all()


def test_scalars_nothing_and_sizes_known_at_the_call():
    assert np.asarray(Engine(given("f32")).call([np.float32(2.5).reshape(())])[0]) == 2.5
    assert np.asarray(Engine(given("tensor<0x3xf32>")).call([np.zeros((0, 3), "f4")])[0]).shape == (0, 3)
    engine = Engine(given("tensor<?x2xf32>"))
    assert engine.results == [("f32", (-1, 2))]
    for rows in (4, 1):
        assert np.asarray(engine.call([np.ones((rows, 2), "f4")])[0]).shape == (rows, 2)


@pytest.mark.parametrize("wrong, words", [
    ([np.ones((4,), "f4")], r"argument 0 of @f"),
    ([np.ones((3,), "f8")], r"argument 0 of @f"),
    ([np.ones((3,), "c8")], r"has elements that nothing compiled has, expected tensor<3xf32>"),
    ([np.ones((6,), "f4")[::2]], r"in another order or place, or no array, expected tensor<3xf32>"),
    ([[1.0, 2.0, 3.0]], r"list'> in another order or place, or no array"),
    ([], r"found 0 arguments, expected 1"),
])  # fmt: skip
def test_what_is_no_such_argument_is_refused(wrong, words):
    with pytest.raises(EngineError, match=words):
        Engine(given("tensor<3xf32>")).call(wrong)


@pytest.mark.parametrize("text, options, words", [
    ("func.func @f(", {}, "cannot load model"),
    (given("tensor<3xf32>"), {"formats": "e5m10"}, "unknown option 'formats'; the options are"),
    (given("tensor<3xf32>"), {"format": "e5m"}, "e5m"),
    ("func.func @f() { return } func.func @g() { return }", {}, "found 2 public functions, expected one"),
    ("func.func @f(%x: memref<3xf32>) { return }", {}, "argument 0 of @f is a memref, which a call writes, expected a tensor"),
])  # fmt: skip
def test_what_cannot_be_compiled_is_an_error(text, options, words):
    with pytest.raises(EngineError, match=words):
        Engine(text, options)


def test_other_threads_run_meanwhile():
    """While a product of posits, which has no short form, is computed."""
    n = 640
    x = np.ones((n, n), "f4")
    engine = Engine(f"""func.func @f(%x: tensor<{n}x{n}xf32>) -> tensor<{n}x{n}xf32> {{
  %e = tensor.empty() : tensor<{n}x{n}xf32>
  %z = arith.constant 0.0 : f32
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<{n}x{n}xf32>) -> tensor<{n}x{n}xf32>
  %d = linalg.matmul ins(%x, %x : tensor<{n}x{n}xf32>, tensor<{n}x{n}xf32>) outs(%f : tensor<{n}x{n}xf32>) -> tensor<{n}x{n}xf32>
  return %d : tensor<{n}x{n}xf32> }}""", {"format": "posit<16,1>", "rounding": "stochastic", "granularity": "elementary"})  # fmt: skip
    took = []

    def work():
        begin = time.monotonic()
        engine.call([x])
        took.append(time.monotonic() - begin)

    thread = threading.Thread(target=work)
    thread.start()
    last, longest = time.monotonic(), 0.0
    while thread.is_alive():
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    assert longest < took[0] / 2, took


BESIDE = {
    "torch": "import torch, prec.torch; f = torch.compile(lambda x: x.exp(), backend='prec', options={'truncate_mantissa': 3, 'strict': True});"
             " assert f(torch.full([2], 0.3)).tolist() == [1.25, 1.25]",
    "jax": "import jax, prec.jax; assert prec.jax.jit(jax.numpy.exp, truncate_mantissa=3)(jax.numpy.float32(0.3)) == 1.25",
    "iree.compiler": "from iree.compiler import ir; ir.Module.parse('func.func @f() { return }', ir.Context())",
    "onnxruntime": "import onnxruntime; onnxruntime.get_available_providers()",
}  # fmt: skip


@pytest.mark.parametrize("order", ["first", "last", "between"])
def test_other_llvms_live_beside_it(order):
    """torch, jaxlib and the importer bring compilers of their own, in whatever order they are loaded."""
    for name in BESIDE:
        pytest.importorskip(name)
    own = f"from prec.engine import Engine; import numpy as np; Engine({given('tensor<2xf32>')!r}).call([np.ones(2, 'f4')])"
    others = list(BESIDE.values())
    program = {"first": [own, *others], "last": [*reversed(others), own], "between": [*others[2:], own, *others[:2]]}[order]
    done = subprocess.run([sys.executable, "-c", "\n".join(program)], capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": str(SOURCE / "python"), "JAX_PLATFORMS": "cpu"})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "nanobind" not in done.stderr
