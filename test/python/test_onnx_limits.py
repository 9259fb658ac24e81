# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What an import may cost: memory and time of a large ONNX file, time of a small one."""
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import BUILD, SANITIZED, SOURCE

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from hostile_models import model, node, value  # noqa: E402

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE / "python"), "PREC_BUILD_DIR": str(BUILD)}
SIDE, LAYERS = 2300, 5  # 5 matrices of 21 MB


def processes(root):
    """A process and all below it."""
    found = [root]
    for task in os.listdir(f"/proc/{root}/task"):
        with open(f"/proc/{root}/task/{task}/children") as file:
            for child in file.read().split():
                found += processes(int(child))
    return found


def memory(root):
    """Bytes in use by a process and all below it, shared pages counted once."""
    total = 0
    try:
        for process in processes(root):
            with open(f"/proc/{process}/smaps_rollup") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith("Pss:")) << 10
    except (OSError, StopIteration):  # one of them ended meanwhile
        pass
    return total


def run_import(path, output):
    """(seconds, peak of the memory of all processes, standard error)."""
    start, peak = time.monotonic(), 0
    with open(output.with_suffix(".txt"), "wb+") as said:
        done = subprocess.Popen(
            [sys.executable, "-m", "prec", "import", path, "-o", output], env=ENVIRONMENT, stderr=said
        )
        while done.poll() is None:
            peak = max(peak, memory(done.pid))
            time.sleep(0.01)
        said.seek(0)
        text = said.read().decode()
    assert done.returncode == 0, text
    return time.monotonic() - start, peak, text


@pytest.fixture(scope="module")
def large():
    names = ["x"] + [f"h{k}" for k in range(LAYERS)]
    made = model(
        [node(f"fc{k}", "MatMul", f"{names[k]} w{k}", names[k + 1]) for k in range(LAYERS)],
        [value("x", ["n", SIDE])], [value(names[-1], ["n", SIDE])], {},
    )  # fmt: skip
    rng = np.random.default_rng(0)
    for k in range(LAYERS):
        weight = rng.standard_normal((SIDE, SIDE)).astype(np.float32) / np.float32(SIDE**0.5)
        made.graph.initializer.append(onnx.numpy_helper.from_array(weight, f"w{k}"))
    return made


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="needs Linux's /proc")
@pytest.mark.skipif(SANITIZED, reason="sanitizers take memory of their own")
@pytest.mark.parametrize("is_external", [False, True])
def test_a_large_file(large, tmp_path, is_external):
    """100 MB: less than a minute, at most four times the file, the weights bit for bit."""
    path, other = tmp_path / "large.onnx", {}
    if is_external:
        other = {"save_as_external_data": True, "location": "large.bin", "size_threshold": 0}
    copy = onnx.ModelProto()
    copy.CopyFrom(large)
    onnx.save(copy, path, **other)
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert size > 100e6
    seconds, peak, said = run_import(path, tmp_path / "out.mlir")
    print(f"{size / 1e6:.0f} MB: {seconds:.1f} s, {peak / 1e6:.0f} MB = {peak / size:.2f} of the file")
    assert "checked against onnxruntime" in said
    assert seconds < 60 and peak < 4 * size
    with np.load(tmp_path / "out.npz") as archive:
        for tensor in large.graph.initializer:
            assert archive[tensor.name].tobytes() == tensor.raw_data


def lenet():
    """As the builtin: 5x5 convolutions of 32 and 64, dense layers of 128 and 10."""
    convolution = {"kernel_shape": [5, 5], "pads": [2, 2, 2, 2]}
    pooling = {"kernel_shape": [2, 2], "strides": [2, 2]}
    return model(
        [node("conv1", "Conv", "x w1 b1", "a", **convolution), node("relu1", "Relu", "a", "b"),
         node("pool1", "MaxPool", "b", "c", **pooling),
         node("conv2", "Conv", "c w2 b2", "d", **convolution), node("relu2", "Relu", "d", "e"),
         node("pool2", "MaxPool", "e", "f", **pooling), node("flatten", "Flatten", "f", "g"),
         node("fc1", "Gemm", "g w3 b3", "h"), node("relu3", "Relu", "h", "i"),
         node("fc2", "Gemm", "i w4 b4", "y")],
        [value("x", ["n", 1, 28, 28])], [value("y", ["n", 10])],
        {"w1": (32, 1, 5, 5), "b1": (32,), "w2": (64, 32, 5, 5), "b2": (64,),
         "w3": (3136, 128), "b3": (128,), "w4": (128, 10), "b4": (10,)},
    )  # fmt: skip


def test_lenet_takes_two_seconds(tmp_path):
    """From the time on when the frameworks are loaded, the check included; processor time,
    since others use the machine too."""
    onnx.save(lenet(), tmp_path / "lenet.onnx")
    script = f"""
import os, time
import onnx, onnx.reference, onnxruntime
from prec import importing, onnx as front_end
start, begin = os.times(), time.monotonic()
assert importing.main([{str(tmp_path / "lenet.onnx")!r}, "-o", {str(tmp_path / "lenet.mlir")!r}]) == 0
end = os.times()
print(sum(end[:4]) - sum(start[:4]), time.monotonic() - begin)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    used, waited = map(float, done.stdout.split())
    print(f"{used:.2f} s of processor time, {waited:.2f} s by the clock")
    assert "checked against onnxruntime" in done.stderr
    assert used < 2
