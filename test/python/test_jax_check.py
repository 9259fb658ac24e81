# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The first call of what prec.jax.jit makes is compared with jax.jit's."""
import os
import sys

import numpy as np
import pytest
from conftest import BUILD, SOURCE, in_process

jax = pytest.importorskip("jax")
pytest.importorskip("iree.compiler")
os.environ.setdefault("PREC_BUILD_DIR", str(BUILD))
sys.path.insert(0, str(SOURCE / "python"))
import prec.jax  # noqa: E402
from prec.frontend import FrontendError  # noqa: E402

jnp = jax.numpy
pytestmark = in_process
functions = sys.modules["prec.jax.functions"]
X = np.random.default_rng(0).standard_normal((4, 6)).astype("f4")


def loss(w, x):
    with jax.named_scope("first"):
        h = jnp.exp(x @ w)
    with jax.named_scope("second"):
        return jnp.tanh(h).mean()


@pytest.fixture
def wrong(monkeypatch):
    lower = functions.lower

    def lowered(*arguments, **keywords):
        text, *rest = lower(*arguments, **keywords)
        assert "math.tanh" in text
        return text.replace("math.tanh", "math.sin"), *rest

    monkeypatch.setattr(functions, "lower", lowered)


@pytest.mark.parametrize("flags", [{}, {"truncate_mantissa": 20}])
def test_what_is_wrong_is_named(wrong, flags):
    w = X[:3].T.copy()
    for _ in range(2):  # it stays an error
        with pytest.raises(FrontendError, match=r"the function differs from JAX: result 0 differs by .* the first layer that differs is 'second'.*'tanh'"):
            prec.jax.jit(loss, **flags)(w, X)
    assert abs(prec.jax.jit(loss, check=False, **flags)(w, X) - loss(w, X)) > 1e-2


def test_roundings_are_not_compared_and_later_calls_are_not(monkeypatch):
    checking = sys.modules["prec.jax.checking"]
    compare, made = checking.worst_difference, []
    monkeypatch.setattr(checking, "worst_difference", lambda *a: made.append(compare(*a)))
    call = prec.jax.jit(lambda x, scale=1.0: jnp.exp(x) * scale, truncate_mantissa=3)
    rounded = [np.asarray(call(X, scale=2.0)) for _ in range(3)]
    assert len(made) == 1 and not (rounded[0].view("i4") & 0xFFFFF).any()
    call(X[:2], scale=2.0)
    assert len(made) == 2 and all((r == rounded[0]).all() for r in rounded)


@pytest.mark.parametrize("function, arguments", [
    (jax.value_and_grad(loss), (X[:3].T.copy(), X)),
    (lambda key, x: x + jax.random.normal(key, x.shape), (jax.random.key(3), X)),
    (lambda x: x.astype(jnp.bfloat16) * 2, (X,)),
    (lambda x: (jnp.argmax(x), x * 1j, x > 0), (X,)),
])  # fmt: skip
def test_what_is_right_stays(function, arguments):
    for mine, theirs in zip(jax.tree.leaves(prec.jax.jit(function)(*arguments)), jax.tree.leaves(function(*arguments))):
        np.testing.assert_allclose(np.asarray(mine).astype("c8"), np.asarray(theirs).astype("c8"), rtol=1e-5)


def test_vectors_of_an_open_sign_are_not_an_error():
    a = np.float32(np.random.default_rng(0).standard_normal((5, 5)))
    with pytest.warns(UserWarning, match="result 0 differs by .*, but the signs of singular and eigenvectors are open"):
        u, s, v = prec.jax.jit(jnp.linalg.svd)(a)
    np.testing.assert_allclose(np.asarray(u) * np.asarray(s) @ np.asarray(v), a, rtol=0, atol=4e-6 * float(s[0]))
