# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Eigenvalues and singular values in JAX's front end equal NumPy's in f64; their vectors, whose sign is open, make the matrix."""
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

rng = np.random.default_rng(0)


def draw(*shape):
    return np.float32(rng.standard_normal(shape))


MATRICES = {
    "one": draw(1, 1), "odd": draw(5, 5), "even": draw(6, 6), "tall": draw(7, 3), "wide": draw(3, 6), "batch": draw(2, 4, 3),
    "low rank": draw(6, 2) @ draw(2, 5), "zero": np.zeros((3, 3), np.float32), "equal values": np.eye(4, dtype=np.float32),
    "large": draw(4, 4) * np.float32(1e30), "small": draw(5, 5) * np.float32(1e-25), "empty": np.zeros((0, 3), np.float32),
}  # fmt: skip
SQUARE = [name for name, a in MATRICES.items() if a.shape[-1] == a.shape[-2]]
A = draw(5, 4)


def assert_near(a, b, scale=1.0):
    """By Weyl's inequality values move by no more than the matrix: a sweep rotates each of at most 7 columns 6 times, off by 4 u each
    time, and some 8 sweeps are 192 u = 1.1e-5 of its norm at the worst. A third of that is enough, since errors have both signs."""
    np.testing.assert_allclose(np.float64(a), b, rtol=0, atol=4e-6 * scale)


@in_process
@pytest.mark.parametrize("name", MATRICES)
def test_singular_values(name):
    a = MATRICES[name]
    thin, full, alone = prec.jax.jit(lambda a: [jnp.linalg.svd(a, **how) for how in ({"full_matrices": False}, {}, {"compute_uv": False})])(a)
    exact = np.linalg.svd(np.float64(a), compute_uv=False)
    scale = exact.max(initial=0)
    for (u, s, v), reference in zip((thin, full), (jnp.linalg.svd(a, full_matrices=False), jnp.linalg.svd(a))):
        assert [x.shape for x in (u, s, v)] == [x.shape for x in reference]
        count = s.shape[-1]
        u, v = np.asarray(u, np.float64), np.asarray(v, np.float64)
        assert_near(s, exact, scale)
        assert_near((u[..., :count] * s[..., None, :]) @ v[..., :count, :], a, scale)
        for q in (np.swapaxes(u, -1, -2), v):
            assert_near(q @ np.swapaxes(q, -1, -2), np.broadcast_to(np.eye(q.shape[-2]), (*q.shape[:-1], q.shape[-2])))
    assert_near(alone, exact, scale)


@in_process
@pytest.mark.parametrize("name", SQUARE)
def test_eigenvalues(name):
    a = MATRICES[name] + MATRICES[name].T
    (values, vectors), upper = prec.jax.jit(lambda a: (jnp.linalg.eigh(a), jnp.linalg.eigvalsh(jnp.triu(a), UPLO="U", symmetrize_input=False)))(a)
    exact = np.linalg.eigvalsh(np.float64(a))
    scale, v = np.abs(exact).max(), np.float64(vectors)
    for found in (values, upper):
        assert_near(found, exact, scale)
    assert_near(v * np.float64(values) @ v.T, a, scale)
    assert_near(v.T @ v, np.eye(len(a)))


def inverse_root(a):
    values, vectors = jnp.linalg.eigh(a.T @ a)
    return (vectors / jnp.sqrt(values)) @ vectors.T


CASES = {
    "pseudo-inverse": jnp.linalg.pinv,
    "norms": lambda a: [jnp.linalg.norm(a, order) for order in (2, -2, "nuc")] + [jnp.linalg.cond(a), jnp.linalg.matrix_rank(a)],
    "least squares": lambda a: jnp.linalg.lstsq(a, jnp.arange(5.0)),
    "inverse root": inverse_root,
    "gradients": jax.grad(lambda a: jnp.linalg.pinv(a).sum() + jnp.linalg.norm(a, "nuc") + (inverse_root(a) ** 3).sum()),
    "what is not finite": lambda a: (jnp.linalg.svd(a / 0), jnp.linalg.eigvalsh(a.T @ a * jnp.nan)),
}


@in_process
@pytest.mark.parametrize("name", CASES)
def test_what_has_no_open_sign_equals_jax(name):
    mine, reference = prec.jax.jit(CASES[name])(A), jax.jit(CASES[name])(A)
    for a, b in zip(jax.tree_util.tree_leaves(mine), jax.tree_util.tree_leaves(reference), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)
