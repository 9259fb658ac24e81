# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""JAX's front end: results equal JAX's, layers have names, rounding is what it says."""
import os
import sys

import numpy as np
import pytest
from conftest import BUILD, SOURCE, in_process

jax = pytest.importorskip("jax")
pytest.importorskip("iree.compiler")
os.environ.setdefault("PREC_BUILD_DIR", str(BUILD))
sys.path.insert(0, str(SOURCE / "python"))
import jax.numpy as jnp  # noqa: E402
import prec.jax  # noqa: E402


def loss(parameters, x, labels):
    with jax.named_scope("fc1"):
        h = jnp.tanh(x @ parameters["w1"] + parameters["b1"])
    with jax.named_scope("fc2"):
        logits = h @ parameters["w2"]
    return -(jax.nn.log_softmax(logits) * labels).sum(-1).mean()


def arguments():
    rng = np.random.default_rng(0)
    draw = lambda *shape: jnp.asarray(rng.standard_normal(shape), jnp.float32)  # noqa: E731
    parameters = {"w1": draw(6, 8), "b1": jnp.zeros(8), "w2": draw(8, 3)}
    return parameters, draw(4, 6), jax.nn.one_hot(jnp.arange(4) % 3, 3)


def assert_equal(mine, reference):
    assert jax.tree_util.tree_structure(mine) == jax.tree_util.tree_structure(reference)
    for a, b in zip(jax.tree_util.tree_leaves(mine), jax.tree_util.tree_leaves(reference)):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


X = jnp.asarray(np.random.default_rng(1).standard_normal((4, 6)), jnp.float32)
I = jnp.array([2, 0])  # noqa: E741
CASES = {
    "gradients": (jax.value_and_grad(loss), arguments()),
    "scan": (lambda a: jax.lax.scan(lambda c, z: (c + z, c * z), jnp.float32(0), a), (X[0],)),
    "while": (lambda a: jax.lax.while_loop(lambda c: c < 100, lambda c: c * 2, a), (jnp.float32(3),)),
    "vmap": (jax.vmap(lambda a: a / jnp.linalg.norm(a)), (X,)),
    "gather": (lambda a, i: a[i], (X, I)),
    "scatter": (lambda a, i: a.at[i].add(1.0), (X, I)),
}


@in_process
@pytest.mark.parametrize("name", CASES)
def test_results_equal_jax(name):
    f, args = CASES[name]
    assert_equal(prec.jax.jit(f)(*args), f(*args))


def test_an_export_has_names_weights_and_scopes(tmp_path, run):
    prec.jax.export(jax.value_and_grad(loss), arguments(), tmp_path / "m.mlir", weights=(0,))
    text = (tmp_path / "m.mlir").read_text()
    assert "checked against JAX" in text.splitlines()[0]
    for word in ('prec.name = "0/w1", prec.role = "weight"', 'prec.name = "1"', 'prec.scope = "fc1"'):
        assert word in text
    with np.load(tmp_path / "m.npz") as archive:
        assert sorted(archive.files) == ["0/b1", "0/w1", "0/w2"]


@in_process
def test_seven_bits_are_seven_bits():
    value, gradients = prec.jax.jit(jax.value_and_grad(loss), truncate_mantissa=7)(*arguments())
    for leaf in jax.tree_util.tree_leaves((value, gradients)):
        assert not (np.asarray(leaf).view(np.uint32) & 0xFFFF).any()
    assert abs(value - loss(*arguments())) < 0.1
