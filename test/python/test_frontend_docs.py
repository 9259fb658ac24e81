# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The Python examples in the front ends' pages run as they stand."""
import os
import re
import sys

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
    parameters = {"w1": jnp.ones((6, 8)) * 0.1, "b1": jnp.zeros(8), "w2": jnp.ones((8, 3)) * 0.1}
    names = {"parameters": parameters, "x": jnp.ones((4, 6)), "labels": jax.nn.one_hot(jnp.arange(4) % 3, 3)}
    (example,) = examples("jax.md")
    exec(example, names)
    exact = names["loss"](parameters, names["x"], names["labels"])
    assert abs(names["value"] - exact) < 0.05 and set(names["gradients"]) == {"w1", "b1", "w2"}
