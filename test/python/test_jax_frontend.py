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


def labelled(x, labels):
    return -jnp.take_along_axis(jax.nn.log_softmax(x), labels[:, None], 1).mean()


def row_labelled(x, labels):
    """What optax's cross-entropy of integer labels does."""
    chosen = jnp.take_along_axis(x, jnp.expand_dims(labels, -1), axis=-1).take(0, axis=-1)
    return (jax.nn.logsumexp(x, -1) - chosen).mean()


X = jnp.asarray(np.random.default_rng(1).standard_normal((4, 6)), jnp.float32)
I = jnp.array([2, 0])  # noqa: E741
CASES = {
    "gradients": (jax.value_and_grad(loss), arguments()),
    "scan": (lambda a: jax.lax.scan(lambda c, z: (c + z, c * z), jnp.float32(0), a), (X[0],)),
    "while": (lambda a: jax.lax.while_loop(lambda c: c < 100, lambda c: c * 2, a), (jnp.float32(3),)),
    "vmap": (jax.vmap(lambda a: a / jnp.linalg.norm(a)), (X,)),
    "gather": (lambda a, i: a[i], (X, I)),
    "scatter": (lambda a, i: a.at[i].add(1.0), (X, I)),
    "scatter of each row": (jax.vmap(lambda a, k: a.at[k].multiply(3.0)), (X, I[jnp.arange(4) % 2])),
    "integer labels": (jax.value_and_grad(labelled), (X, jnp.array([5, 0, 2, 2]))),
    "gradient of sort": (jax.grad(lambda a: (jnp.sort(a, 1) * jnp.arange(6.0)).sum()), (X,)),
    "top_k": (lambda a: jax.lax.top_k(jnp.round(a), 5), (X,)),
    "labels of each row": (jax.grad(row_labelled), (X, jnp.array([5, 0, 2, 2]))),
    "gradient of a maximum pool": (
        jax.grad(lambda a: (jax.lax.reduce_window(a, -jnp.inf, jax.lax.max, (2, 3), (1, 2), "SAME") ** 2).sum()), (jnp.round(X),)),
    "gradient of a minimum pool": (
        jax.grad(lambda a: jax.lax.reduce_window(a, jnp.inf, jax.lax.min, (3, 3), (2, 2), "SAME").sum()), (X,)),
    "writes outside": (lambda a, i: (a.at[i].add(1.0), a.at[i].set(2.0), a.at[:, i].max(0.5)), (X, jnp.array([3, 9, 0]))),
    "reads outside": (lambda a, i: (a.at[i].get(mode="fill", fill_value=7.0), a.at[i].get(mode="clip")), (X, jnp.array([3, 9, 0]))),
    "segments outside": (lambda a: jax.ops.segment_sum(a, jnp.array([0, 1, 7, -1]), 3), (X,)),
    "scatter to columns": (lambda a, i: a.at[:, i].set(2.0), (X, I)),
    "scatter of a slice": (lambda a: (a.at[1:3].multiply(2.0), a.at[1:3, I].add(3.0), a.at[2, 1:4].set(0.0)), (X,)),
    "checkpoint": (jax.grad(lambda a: jax.checkpoint(lambda b: jnp.sin(b @ jnp.sin(b.T)))(a).sum()), (X,)),
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


def in_layers(w, x):
    """Functions that JAX calls, loops, branches and checkpoints, each in a layer."""
    with jax.named_scope("a"):
        x = jax.nn.gelu(jax.nn.softmax(x @ w))
    with jax.named_scope("b"):

        def body(c, row):
            with jax.named_scope("inner"):
                return jnp.tanh(c @ w + row), jax.nn.silu(c)

        _, x = jax.lax.scan(body, jnp.zeros(6), x)
    with jax.named_scope("c"):
        x = jax.checkpoint(lambda a: jnp.sin(jax.nn.gelu(a @ w)))(x)
    with jax.named_scope("d"):
        return jax.lax.cond(x.sum() > 0, lambda a: jax.nn.elu(a), lambda a: a * 2, x).sum()


def test_layers_keep_what_jax_calls(tmp_path, run):
    prec.jax.export(jax.value_and_grad(in_layers), (X.T @ X, X), tmp_path / "m.mlir")
    for phase in ("forward", "backward"):
        table = run("prec-opt", "--summary", tmp_path / "m.mlir").stdout.split(f"@main, {phase}\n")[1].split("total")[0]
        operations = {row.split()[0]: row.split()[-4] for row in table.splitlines()[1:]}
        assert {name for name, count in operations.items() if count != "0"} == {"a", "b", "b/inner", "c", "d"}, table


def test_a_wrong_export_is_refused_where_it_parts(tmp_path, monkeypatch):
    from prec.jax import functions

    adopt = functions.run_tool
    spoil = lambda *a, text, **k: adopt(*a, text=text, **k).replace("math.sin", "math.cos")  # noqa: E731
    monkeypatch.setattr(functions, "run_tool", spoil)

    def f(a):
        with jax.named_scope("one"):
            a = jnp.tanh(a)
        with jax.named_scope("two"):
            return jax.jit(lambda b: jnp.sin(b * 2) + 1)(a).sum()

    for g, place in ((f, "'two'"), (jax.value_and_grad(f), "'two'")):
        with pytest.raises(prec.frontend.FrontendError, match=rf"differs from JAX: result 0 .*; the first layer that differs is {place} \(.*py:\d+: 'sin'"):
            prec.jax.export(g, (X,), tmp_path / "m.mlir")
    assert not (tmp_path / "m.mlir").exists()


@pytest.mark.parametrize("hidden", [0, 1])
def test_zeros_hide_nothing(tmp_path, monkeypatch, hidden):
    from prec.jax import functions

    adopt = functions.run_tool
    with monkeypatch.context() as context:
        context.setattr(functions, "run_tool", lambda *a, text, **k: adopt(*a, text=text, **k).replace("math.sin", "math.tanh"))
        args = [X, X + 1]
        args[hidden] = jnp.zeros_like(X)
        with pytest.raises(prec.frontend.FrontendError, match="differs from JAX: result 0 .*; the first layer that differs is 'sin'"):
            prec.jax.export(lambda w, a: jnp.sin(a * 4) * w, args, tmp_path / "m.mlir", weights=(0,))
    prec.jax.export(lambda w, a: jnp.sin(a * 4) * w, args, tmp_path / "m.mlir", weights=(0,))
    with np.load(tmp_path / "m.npz") as archive:
        np.testing.assert_array_equal(archive["0"], args[0])


def narrow_product(a, b):
    return (a.astype(jnp.bfloat16) @ b.astype(jnp.bfloat16)).astype(jnp.float32)


def narrow_convolution(a, w):
    a, w = a.astype(jnp.float16), w.astype(jnp.float16)
    return jax.lax.conv_general_dilated(a, w, (1, 1), "SAME").astype(jnp.float32)


@in_process
@pytest.mark.parametrize("f, shapes", [(narrow_product, ((7, 200), (200, 5))), (narrow_convolution, ((2, 9, 7, 7), (3, 9, 3, 3)))])
def test_products_of_narrow_floats_are_summed_in_f32(f, shapes, tmp_path):
    """As XLA does: the sum is rounded once. One unit of its last place may differ, by the order of the sum."""
    rng = np.random.default_rng(2)
    args = [jnp.asarray(rng.standard_normal(shape), jnp.float32) for shape in shapes]
    exact, step = f(*args), 2.0**-8 if f is narrow_product else 2.0**-11
    np.testing.assert_allclose(prec.jax.jit(f)(*args), exact, rtol=2 * step, atol=1e-3)
    if f is narrow_product:
        prec.jax.export(f, args, tmp_path / "m.mlir")


@in_process
def test_an_index_that_is_written_in_the_code_is_looked_at():
    with pytest.raises(Exception, match="found the index 9, expected one of a dimension of size 4"):
        prec.jax.jit(jax.grad(lambda a: a[jnp.array([0, 3, 9])].sum()))(X)


def test_what_is_not_lowered_is_named():
    with pytest.raises(Exception, match=r"test_jax_frontend.py:\d+: found 'cholesky' of complex numbers, expected"):
        prec.jax.jit(lambda a: jnp.linalg.cholesky(a.T @ a + 9j).real)(X)
    with pytest.raises(Exception, match=r"test_jax_frontend.py:\d+: the foreign importer: failed to legalize"):
        prec.jax.jit(lambda a: jax.lax.reduce_window(a, np.uint8(1), jax.lax.mul, (4,), (1,), ((3, 0),)))(np.arange(4, dtype=np.uint8))


@in_process
def test_seven_bits_are_seven_bits():
    value, gradients = prec.jax.jit(jax.value_and_grad(loss), truncate_mantissa=7)(*arguments())
    for leaf in jax.tree_util.tree_leaves((value, gradients)):
        assert not (np.asarray(leaf).view(np.uint32) & 0xFFFF).any()
    assert abs(value - loss(*arguments())) < 0.1
