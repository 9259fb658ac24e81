# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The number of threads changes no bit, and loops that reduce do so in index order."""
import numpy as np
import pytest

MATMUL = """
func.func @f(%a: tensor<{m}x160xf32>, %b: tensor<160x{n}xf32>) -> tensor<{m}x{n}xf32> {{
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  {sizes}
  %e = tensor.empty({used}) : tensor<{m}x{n}xf32>
  %i = linalg.fill ins(%zero : f32) outs(%e : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
  %r = linalg.matmul ins(%a, %b : tensor<{m}x160xf32>, tensor<160x{n}xf32>)
                     outs(%i : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
  %x = linalg.exp ins(%r : tensor<{m}x{n}xf32>) outs(%e : tensor<{m}x{n}xf32>) -> tensor<{m}x{n}xf32>
  return %x : tensor<{m}x{n}xf32>
}}
"""
SHAPES = {
    "wide": (96, 131, "", ""),
    "tall": (333, 10, "", ""),
    "dynamic": ("?", 70, "%d = tensor.dim %a, %c0 : tensor<?x160xf32>", "%d"),
}
ROUNDINGS = {
    "none": [],
    "op": ["--truncate-mantissa=9"],
    "elementary": ["--truncate-mantissa=7", "--granularity=elementary"],
    "stochastic": ["--truncate-mantissa=5", "--granularity=elementary", "--rounding=stochastic"],
}


def call(run, tmp_path, threads, arrays, flags):
    inputs = []
    for i, array in enumerate(arrays):
        np.save(tmp_path / f"in{i}.npy", array)
        inputs += ["--input", tmp_path / f"in{i}.npy"]
    out = tmp_path / f"out{threads}.npy"
    run("prec-run", tmp_path / "f.mlir", *inputs, "--output", out, f"--threads={threads}", *flags)
    return np.load(out)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_same_bits(run, tmp_path, shape, rounding):
    m, n, sizes, used = SHAPES[shape]
    (tmp_path / "f.mlir").write_text(MATMUL.format(m=m, n=n, sizes=sizes, used=used))
    random = np.random.default_rng(0)
    rows = 400 if m == "?" else m
    arrays = [random.normal(0, 0.1, s).astype("f4") for s in ((rows, 160), (160, n))]
    one, *others = (
        call(run, tmp_path, threads, arrays, ROUNDINGS[rounding]) for threads in (1, 2, 3, 0)
    )
    for other in others:
        assert (one.view("u4") == other.view("u4")).all()


REVISITING = {  # maps of two inputs and the result over loops, kinds of loops, shapes: kernels that go over their results again
    "filter": ("n, co, h, w", "n, ci, h + kh, w + kw", "co, ci, kh, kw", "co, ci, kh, kw, n, h, w", 4,
               (16, 5, 32, 32), (16, 16, 34, 34), (5, 16, 3, 3)),
    "long": ("k, m", "k, n", "m, n", "m, n, k", 2, (9000, 67), (9000, 131), (67, 131)),
}  # fmt: skip


@pytest.mark.parametrize("rounding", ["none", "stochastic"])
@pytest.mark.parametrize("kernel", REVISITING)
def test_parts_of_kernels_that_revisit_their_results(run, tmp_path, kernel, rounding):
    left, right, made, loops, parallel, *shapes = REVISITING[kernel]
    types = ["tensor<" + "x".join(map(str, shape)) + "xf32>" for shape in shapes]
    maps = ", ".join(f"affine_map<({loops}) -> ({indices})>" for indices in (left, right, made))
    kinds = ", ".join(['"parallel"'] * parallel + ['"reduction"'] * (loops.count(",") + 1 - parallel))
    (tmp_path / "f.mlir").write_text(f"""
func.func @f(%a: {types[0]}, %b: {types[1]}) -> {types[2]} {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : {types[2]}
  %i = linalg.fill ins(%zero : f32) outs(%e : {types[2]}) -> {types[2]}
  %r = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{kinds}]}} ins(%a, %b : {types[0]}, {types[1]}) outs(%i : {types[2]}) {{
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  }} -> {types[2]}
  return %r : {types[2]}
}}
""")
    random = np.random.default_rng(0)
    arrays = [random.normal(0, 0.1, shape).astype("f4") for shape in shapes[:2]]
    one, *others = (call(run, tmp_path, threads, arrays, ROUNDINGS[rounding]) for threads in (1, 2, 3, 7))
    assert np.unique(one).size > 50
    for other in others:
        assert (one.view("u4") == other.view("u4")).all()


def test_large_operations_use_threads(run, tmp_path):
    """The test above would pass if nothing ran in parallel."""
    (tmp_path / "f.mlir").write_text(MATMUL.format(m=96, n=131, sizes="", used=""))
    lowered = [
        run("prec-opt", tmp_path / "f.mlir", "--pass-pipeline=builtin.module(prec-lower{%s})" % o)
        .stdout.count("omp.parallel")
        for o in ("threads=2", "threads=2 thread-grain=1000000000", "threads=1")
    ]
    assert lowered[0] > 0 and lowered[1:] == [0, 0]


def test_parallel_reduction_ascends(run, tmp_path):
    (tmp_path / "f.mlir").write_text("""
func.func @f(%x: memref<7x11xf32>) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %c11 = arith.constant 11 : index
  %zero = arith.constant 0.0 : f32
  %s = scf.parallel (%i, %j) = (%c0, %c0) to (%c7, %c11) step (%c1, %c1) init (%zero) -> f32 {
    %v = memref.load %x[%i, %j] : memref<7x11xf32>
    scf.reduce(%v : f32) {
    ^bb0(%a: f32, %b: f32):
      %t = arith.addf %a, %b : f32
      scf.reduce.return %t : f32
    }
  }
  return %s : f32
}
""")
    x = np.random.default_rng(0).normal(0, 1, (7, 11)).astype("f4")
    total = np.float32(0)
    for value in x.ravel():
        total = total + value
    for threads in (1, 2):
        assert call(run, tmp_path, threads, [x], []) == total


def test_training_step(run, tmp_path, source):
    logs = []
    for threads in (1, 2):
        weights = tmp_path / f"w{threads}.npz"
        run("prec-train", "mlp-100x2", "--steps=3", "--eval-every=0", "--truncate-mantissa=7",
            "--granularity=layer", "--rounding=stochastic", f"--threads={threads}",
            "--save-weights", weights)  # fmt: skip
        logs.append(np.load(weights))
    assert len(logs[0].files) == 6
    for name in logs[0].files:
        assert (logs[0][name].view("u4") == logs[1][name].view("u4")).all()
