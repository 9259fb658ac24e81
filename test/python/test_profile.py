# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--profile and --print-memory: exact counts, and the same bits as without them."""
import json
import re

import numpy as np
import pytest

M, N, K = 96, 112, 80
DENSE = """
func.func @f(%a: tensor<{m}x80xf32>, %b: tensor<80x112xf32>) -> tensor<{m}x112xf32>
    attributes {{prec.scope = "dense"}} {{
  %zero = arith.constant 0.0 : f32
  %i = arith.constant 0 : index
  %rows = tensor.dim %a, %i : tensor<{m}x80xf32>
  %empty = tensor.empty({rows}) : tensor<{m}x112xf32>
  %start = linalg.fill ins(%zero : f32) outs(%empty : tensor<{m}x112xf32>) -> tensor<{m}x112xf32>
  %c = linalg.matmul ins(%a, %b : tensor<{m}x80xf32>, tensor<80x112xf32>)
                     outs(%start : tensor<{m}x112xf32>) -> tensor<{m}x112xf32>
  return %c : tensor<{m}x112xf32>
}}
"""
STATIC, DYNAMIC = DENSE.format(m=M, rows=""), DENSE.format(m="?", rows="%rows")
TRUNCATED = ["--truncate-mantissa=7"]
ELEMENTARY = [*TRUNCATED, "--granularity=elementary"]


@pytest.fixture
def dense(run, tmp_path):
    """Runs the product with some flags; returns the process and the result's bytes."""
    random = np.random.default_rng(1)
    for name, shape in {"a": (M, K), "b": (K, N)}.items():
        np.save(tmp_path / f"{name}.npy", random.standard_normal(shape, dtype="f4"))

    def call(model, *flags, **keywords):
        (tmp_path / "model.mlir").write_text(model)
        output = tmp_path / "c.npy"
        output.unlink(missing_ok=True)
        done = run("prec-run", tmp_path / "model.mlir", "--input", tmp_path / "a.npy",
                   "--input", tmp_path / "b.npy", "--output", output, "--no-cache",
                   *flags, **keywords)  # fmt: skip
        return done, output.read_bytes() if output.exists() else None

    return call


@pytest.mark.parametrize("model", [STATIC, DYNAMIC], ids=["static", "dynamic"])
@pytest.mark.parametrize("extra", [[], ["--plain-loops"], ["--threads=2"]], ids=str)
@pytest.mark.parametrize(
    "flags",
    [[], TRUNCATED, ELEMENTARY, [*ELEMENTARY, "--rounding=nearest-even"],
     [*ELEMENTARY, "--rounding=stochastic"],
     ["--format=e5m10", "--granularity=elementary"]], ids=str,
)  # fmt: skip
def test_counts_are_exact_and_bits_the_same(dense, tmp_path, model, extra, flags):
    _, plain = dense(model, *flags, *extra)
    trace = tmp_path / "trace.json"
    _, profiled = dense(model, *flags, *extra, f"--profile={trace}", "--repeat=2")
    assert plain == profiled
    events = json.loads(trace.read_text())["traceEvents"]
    assert all(event["ph"] == "X" and event["dur"] >= 0 for event in events)
    entries = [e for e in events if e["cat"] == "entry"]
    kernels = [e for e in events if e["cat"] == "kernel"]
    assert [e["name"] for e in entries] == ["@f", "@f"]
    assert sum(e["args"]["flops"] for e in kernels) == 2 * (2 * M * N * K)
    products = [e for e in kernels if e["args"]["flops"]]
    assert {e["name"].split(" #")[0] for e in products} <= {
        "forward dense: matmul", "forward dense: contraction",
    }  # fmt: skip
    for event in kernels:  # inside a call
        assert any(
            e["ts"] <= event["ts"] and event["ts"] + event["dur"] <= e["ts"] + e["dur"] + 0.01
            for e in entries
        )
    if not flags:
        assert [e["args"]["bytes"] for e in products] == 2 * [4 * (M * K + K * N + M * N)]


def test_table(dense):
    done, _ = dense(STATIC, "--profile", "--repeat=3")
    lines = done.stderr.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith("@f: 3 calls, ")
    assert lines[1].split() == "kernel calls seconds share Mflop GF/s peak memory".split()
    (row,) = [line for line in lines if line.startswith("forward dense: matmul")]
    name, calls, seconds, share, mflop, rate, peak, memory = re.split(r"\s{2,}", row)
    assert (calls, mflop) == ("3", f"{2 * M * N * K / 1e6:.3f}")
    assert all(float(x.rstrip("%")) > 0 for x in (seconds, share, rate, peak, memory))
    assert lines[-4].startswith("between kernels")


def test_loops_of_the_author(run, tmp_path):
    (tmp_path / "m.mlir").write_text("""
func.func @g(%a: memref<8xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %c8 step %c1 {
    %x = memref.load %a[%i] : memref<8xf32>
    %y = arith.mulf %x, %x : f32
    %z = arith.addf %y, %x : f32
    memref.store %z, %a[%i] : memref<8xf32>
  }
  scf.for %i = %c0 to %n step %c1 {
    %x = memref.load %a[%i] : memref<8xf32>
    %y = arith.mulf %x, %x : f32
    memref.store %y, %a[%i] : memref<8xf32>
  }
  return
}""")
    np.save(tmp_path / "a.npy", np.ones(8, "f4"))
    np.save(tmp_path / "n.npy", np.int64(5))
    trace = tmp_path / "t.json"
    run("prec-run", tmp_path / "m.mlir", "--input", tmp_path / "a.npy", "--input",
        tmp_path / "n.npy", "--no-cache", f"--profile={trace}")  # fmt: skip
    events = json.loads(trace.read_text())["traceEvents"]
    loops = {e["name"].split("m.mlir:")[1]: e["args"] for e in events if "loop" in e["name"]}
    assert loops["6:3: loop"]["flops"] == 16
    assert "flops" not in loops["12:3: loop"]  # nobody knows


def test_file_is_whole_or_not_there(dense, tmp_path):
    done, result = dense(STATIC, f"--profile={tmp_path}/no/t.json", check=False)
    assert done.returncode == 1 and result is None
    assert "no such file or directory" in done.stderr
    done, result = dense(STATIC, f"--profile={tmp_path}/t.json", "--input", "/none.npy",
                         check=False)  # fmt: skip
    assert done.returncode == 1
    assert not list(tmp_path.glob("*.json*")) and not list(tmp_path.glob(".*"))


CHAIN = """
func.func @f(%a: tensor<?x80xf32>, %b: tensor<80x112xf32>, %c: tensor<112x48xf32>)
    -> tensor<?x48xf32> {
  %zero = arith.constant 0.0 : f32
  %i = arith.constant 0 : index
  %rows = tensor.dim %a, %i : tensor<?x80xf32>
  %e1 = tensor.empty(%rows) {prec.scope = "one"} : tensor<?x112xf32>
  %s1 = linalg.fill {prec.scope = "one"} ins(%zero : f32) outs(%e1 : tensor<?x112xf32>)
      -> tensor<?x112xf32>
  %one = linalg.matmul {prec.scope = "one"} ins(%a, %b : tensor<?x80xf32>, tensor<80x112xf32>)
      outs(%s1 : tensor<?x112xf32>) -> tensor<?x112xf32>
  %e2 = tensor.empty(%rows) {prec.scope = "two"} : tensor<?x48xf32>
  %s2 = linalg.fill {prec.scope = "two"} ins(%zero : f32) outs(%e2 : tensor<?x48xf32>)
      -> tensor<?x48xf32>
  %two = linalg.matmul {prec.scope = "two"} ins(%one, %c : tensor<?x112xf32>, tensor<112x48xf32>)
      outs(%s2 : tensor<?x48xf32>) -> tensor<?x48xf32>
  return %two : tensor<?x48xf32>
}
"""


@pytest.mark.parametrize("extra", [[], ["--plain-loops"], ["--threads=2"]], ids=str)
def test_memory_is_counted(run, tmp_path, extra):
    """Both products' results live while the second is computed; nothing else is needed."""
    (tmp_path / "m.mlir").write_text(CHAIN)
    random = np.random.default_rng(2)
    inputs = []
    for name, shape in {"a": (M, K), "b": (K, N), "c": (N, 48)}.items():
        np.save(tmp_path / f"{name}.npy", random.standard_normal(shape, dtype="f4"))
        inputs += ["--input", tmp_path / f"{name}.npy"]
    outputs = []
    for flags in ([], ["--print-memory", "--repeat=2"]):
        path = tmp_path / f"y{len(flags)}.npy"
        done = run("prec-run", tmp_path / "m.mlir", *inputs, "--output", path, "--no-cache",
                   *flags, *extra)  # fmt: skip
        outputs.append(path.read_bytes())
    assert outputs[0] == outputs[1]
    lines = done.stderr.splitlines()
    first, second, arguments = 4 * M * N, 4 * M * 48, 4 * (M * K + K * N + N * 48)
    assert lines[0] == (
        f"@f: {first + second} bytes of buffers at the peak, {arguments} of arguments, "
        f"{second} of results"
    )
    assert [line.split()[:-1] for line in lines[2:]] == [
        ["forward", "one", f"{M}x{N}xf32", str(first)],
        ["forward", "two", f"{M}x48xf32", str(second)],
    ]
    assert max(map(len, lines)) <= 100


NET = {
    "version": 1, "name": "n", "input": [2, 9, 9], "layers": [
        {"type": "conv", "name": "conv1", "channels": 4, "kernel": 3},
        {"type": "relu", "name": "relu1"}, {"type": "flatten", "name": "flatten"},
        {"type": "dense", "name": "fc", "units": 3},
    ],
}  # fmt: skip


@pytest.mark.parametrize("flags", [[], TRUNCATED, [*ELEMENTARY, "--rounding=stochastic"]], ids=str)
def test_training_names_layers(run, tmp_path, flags):
    """Each product of a training step, forward and backward, is there once with its count."""
    (tmp_path / "net.json").write_text(json.dumps(NET))
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", x=rng.standard_normal((24, 2, 9, 9)).astype("f4"),
             y=(np.arange(24) % 3).astype("i4"))  # fmt: skip
    trace, found = tmp_path / "t.json", []
    for observed in ([], [f"--profile={trace}", "--print-memory"]):
        weights = tmp_path / f"w{len(observed)}.npz"
        done = run("prec-train", tmp_path / "net.json", f"--data={tmp_path / 'data.npz'}",
                   "--steps=2", "--batch-size=12", "--eval-every=2", "--no-cache", *flags,
                   f"--save-weights={weights}", *observed)  # fmt: skip
        with np.load(weights) as arrays:
            found.append({key: arrays[key].tobytes() for key in arrays.files})
    assert found[0] == found[1]
    assert done.stderr.startswith("@step: ") and "\n@predict: " in done.stderr
    flops = {}
    for event in json.loads(trace.read_text())["traceEvents"]:
        arguments = event.get("args", {})
        kind = event["name"].split(" #")[0].split(": ")
        if arguments.get("entry") == "step" and kind[-1] not in ("elementwise", "reduction"):
            flops[kind[0]] = flops.get(kind[0], 0) + arguments.get("flops", 0)
    conv, dense = 2 * 12 * 4 * 7 * 7 * 2 * 3 * 3, 2 * 12 * 196 * 3
    wanted = {
        "forward conv1": conv, "weight-gradient conv1": conv, "forward fc": dense,
        "weight-gradient fc": dense, "backward fc": dense,
    }  # fmt: skip
    assert {key: flops.get(key) for key in wanted} == {k: 2 * n for k, n in wanted.items()}
