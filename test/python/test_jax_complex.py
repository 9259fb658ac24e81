# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Complex numbers and Fourier transforms in JAX's front end: results and gradients equal JAX's."""
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
from jax import lax  # noqa: E402

rng = np.random.default_rng(0)
X = np.float32(rng.standard_normal((3, 5)))
C, D = (np.complex64(rng.standard_normal((3, 4)) + 1j * rng.standard_normal((3, 4))) for _ in range(2))
LONG = np.float32(rng.standard_normal(1000))
FAR = np.complex64([3e38 + 3e38j, 1e-37j, -2, complex(-2, -0.0), 1e30 - 1e30j, 50 + 3j])


def assert_equal(mine, reference, rtol):
    assert jax.tree_util.tree_structure(mine) == jax.tree_util.tree_structure(reference)
    for a, b in zip(jax.tree_util.tree_leaves(mine), jax.tree_util.tree_leaves(reference)):
        assert (a.dtype, a.shape, a.weak_type) == (b.dtype, b.shape, b.weak_type)
        finite = np.asarray(b)[np.isfinite(b)]
        scale = float(np.abs(finite).max(initial=0))
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale)


def arithmetic(c, d):
    return c + d, c * d, c / d, -c, jnp.conj(c), abs(c), jnp.angle(c), c**2, c**-3, c**d, c == d, c != c, 2j / c, jnp.isfinite(c), jnp.sign(c), jnp.maximum(c, d), jnp.minimum(c, c.at[1].set(d[0] + c.real[1]))


def functions(c):
    names = "exp log sqrt sin cos tan sinh cosh tanh log1p expm1 exp2 square reciprocal".split()
    return [getattr(jnp, name)(c) for name in names], lax.rsqrt(c)


def moved(c, d):
    joined = jnp.concatenate([c, d]), jnp.stack([c, d]), jnp.pad(c, 1), c[::-1].T, jnp.roll(c, 1), jnp.take(c, jnp.array([0, 50]), mode="clip")
    changed = c.at[1].set(d[0]), c.at[jnp.array([0, 0])].add(d[:2]), jnp.where(c.real > 0, c, d), c[jnp.array([2, 0])]
    return joined, changed, c.at[jnp.array([0, 9])].get(mode="fill"), c.real.astype(jnp.complex64), jnp.zeros(3, jnp.complex64) + c[0, 0]


def summed(c, d):
    products = c @ d.T, jnp.vdot(c, d), c @ d.real.T, jnp.einsum("ij,ij->i", c, d), jnp.convolve(c[0], d[0])
    return products, c.sum(0), c.mean(), c.var(), jnp.cumsum(c, 1), jnp.cumprod(c, 1), c.prod(), jnp.linalg.norm(c)


def controlled(c, d):
    state, rows = lax.scan(lambda s, x: (s * 0.5 + x, s), c[0], d)
    looped = lax.while_loop(lambda s: abs(s[0, 0]) < 9, lambda s: s * 1.5, c)
    chosen = lax.cond(c.real.sum() > 0, lambda a, b: a * b, lambda a, b: a - b, c, d)
    return state, rows, looped, chosen, jax.checkpoint(lambda a: jnp.exp(a) * a)(c), jax.vmap(jnp.vdot)(c, d)


def spectra(x):
    lengths = [jnp.fft.fft(v) for v in (x, x[:, :1], LONG[:64], LONG[:96], LONG, LONG[:997])]
    real = jnp.fft.rfft(x), jnp.fft.irfft(jnp.fft.rfft(x), 5), jnp.fft.irfft(jnp.fft.rfft(LONG)), jnp.fft.rfft2(x), jnp.fft.irfft2(jnp.fft.rfft2(x), x.shape)
    return lengths, real, jnp.fft.fftn(x[None]), jnp.fft.ifft2(x), jnp.fft.fft(x, axis=0), jnp.fft.hfft(x), jax.scipy.fft.dct(x), jnp.fft.fft(x[:0])


def filtered(x, kernel):
    """A layer of a Fourier neural operator."""
    return jnp.tanh(jnp.fft.irfft(jnp.fft.rfft(x) * kernel, x.shape[-1])).sum()


CASES = {
    "arithmetic": (arithmetic, C, D),
    "functions": (functions, C),
    "where parts are far apart": (lambda c: (abs(c / 2), jnp.sqrt(c), c / (c * 3), jnp.log(c), jnp.tanh(c)), FAR),
    "moved": (moved, C, D),
    "sums and products": (summed, C, D),
    "control flow": (controlled, C, D),
    "spectra": (spectra, X),
    "gradients of a spectrum's filter": (jax.grad(filtered, (0, 1)), X, C[:, :3]),
    "gradient of complex weights": (jax.grad(lambda c: (abs(jnp.exp(c * D)) ** 2).sum()), C),
    "short-time transform": (lambda x: jax.scipy.signal.stft(x, nperseg=16)[2], LONG[:64]),
}


@in_process
@pytest.mark.parametrize("name", CASES)
def test_results_equal_jax(name):
    f, *args = CASES[name]
    assert_equal(prec.jax.jit(f)(*args), jax.jit(f)(*args), 5e-6)


@in_process
def test_a_transform_of_a_single_one_is_exact():
    for size in (8, 100, 128):
        made = prec.jax.jit(jnp.fft.fft)(np.eye(1, size, size // 4, dtype=np.float32)[0])
        np.testing.assert_array_equal(made, np.array([1, -1j, -1, 1j], np.complex64)[np.arange(size) % 4])


@in_process
def test_parts_are_rounded_as_reals_are():
    made = prec.jax.jit(lambda c, d: c + d, truncate_mantissa=7)(C, D)
    words = np.stack([made.real, made.imag]).astype(np.float32).view(np.uint32)
    assert not (words & 0xFFFF).any() and abs(made - (C + D)).max() < 0.05


def test_complex_arguments_are_exported_as_their_parts(tmp_path):
    prec.jax.export(lambda w, x: w["k"] * jnp.fft.fft(x), ({"k": C}, X[:, :4]), tmp_path / "m.mlir", weights=(0,))
    text = (tmp_path / "m.mlir").read_text()
    assert "checked against JAX" in text and 'prec.name = "0/k/imag"' in text
    assert sorted(np.load(tmp_path / "m.npz")) == ["0/k/imag", "0/k/real"]


def test_what_complex_numbers_lack_is_refused_with_its_place():
    with pytest.raises(Exception, match=r"test_jax_complex.py:\d+: found 'sort' of complex numbers, .*compute with real and imaginary parts"):
        prec.jax.jit(lambda c: jnp.sort(c, 0))(C)
