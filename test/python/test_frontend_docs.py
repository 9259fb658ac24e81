# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The Python examples in the front ends' pages run as they stand."""
import os
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
from conftest import BUILD, SOURCE, in_process

pytest.importorskip("iree.compiler")
os.environ.setdefault("PREC_BUILD_DIR", str(BUILD))
sys.path.insert(0, str(SOURCE / "python"))


def examples(page):
    text = (SOURCE / "docs" / page).read_text()
    found = re.findall(r"```python\n(.*?)```", text, re.S)
    assert found
    return found


@in_process
def test_pytorch(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    batches = [(torch.randn(8, 784), torch.randint(0, 10, (8,))) for _ in range(2)]
    for example in examples("pytorch.md"):
        names = {"batches": batches}
        exec(example, names)
    assert (tmp_path / "mlp.mlir").exists() and (tmp_path / "mlp.npz").exists()
    # The last example trained: its parameters moved away from where they began.
    assert all(p.grad is not None for p in names["model"].parameters())


@in_process
def test_jax():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    draw = lambda seed, *shape: jax.random.normal(jax.random.key(seed), shape)  # noqa: E731
    parameters = {"w1": draw(0, 6, 8), "b1": jnp.zeros(8), "w2": draw(1, 8, 3)}
    batch = draw(2, 4, 6), jax.nn.one_hot(jnp.arange(4) % 3, 3)
    names = {"parameters": parameters, "batches": [batch] * 60}
    (example,) = examples("jax.md")
    exec(example, names)
    before, after = (names["loss"](p, *batch) for p in (parameters, names["parameters"]))
    assert after < before / 2
    assert abs(names["value"] - after) < 0.05 and set(names["gradients"]) == {"w1", "b1", "w2"}


def commands(page, *words):
    """The lines of the page's blocks that begin with one of these, without comments."""
    text = (SOURCE / "docs" / page).read_text()
    lines = [line.strip().split("  #")[0] for line in text.splitlines() if line.startswith("    ")]
    return [line for line in lines if line.startswith(words)]


def test_onnx(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]> g (float[n, 6] x) => (float[n, 3] y)
      <float[6, 3] w> { [fc] h = MatMul (x, w)  [relu] y = Relu (h) }""")
    weight = rng.standard_normal((6, 3)).astype(np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    del model.graph.input[1:]
    x = rng.standard_normal((4, 6)).astype(np.float32)
    onnx.save(model, tmp_path / "model.onnx")
    np.save(tmp_path / "x.npy", x)
    environment = {**os.environ, "PYTHONPATH": str(SOURCE / "python"), "PATH": f"{BUILD / 'bin'}:{os.environ['PATH']}"}
    lines = commands("onnx.md", "python -m prec import", "prec-run", "prec-opt")
    assert len(lines) == 3
    for line in lines:
        words = shlex.split(line)
        words = [sys.executable, *words[1:]] if words[0] == "python" else words
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), np.maximum(x @ weight, 0), rtol=1e-5, atol=1e-6)
    assert "fc" in done.stdout and "m7" in done.stdout
