# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations of JAX that its front end writes in other forms: results equal JAX's."""
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
A = np.float32(rng.standard_normal((3, 5)))
M = np.float32(rng.standard_normal((2, 5, 5)))
B = np.float32(rng.standard_normal((2, 5, 3)))
W = np.full((3, 2), 2.5, np.float32)
SPD = M @ M.transpose(0, 2, 1) + np.eye(5, dtype=np.float32)
SPECIAL = np.float32([
    0, -0.0, np.inf, -np.inf, np.nan, 3e9, -3e9, 300, -300, 2.0**31, 2.0**32, 1.9, -1.9, -0.5, 70000, 127.9, 255.9, -128.9,
    2147483520, 4294967040,
])  # fmt: skip
BYTES = np.array([[200, 3, 255], [7, 128, 0]], np.uint8)
WORDS = np.array([1, 2, 4000000000, 7], np.uint32)


def equal(f, *args, rtol=1e-5, atol=1e-5):
    mine, reference = prec.jax.jit(f)(*args), jax.jit(f)(*args)
    assert jax.tree_util.tree_structure(mine) == jax.tree_util.tree_structure(reference)
    for a, b in zip(jax.tree_util.tree_leaves(mine), jax.tree_util.tree_leaves(reference)):
        assert (a.dtype, a.shape, a.weak_type) == (b.dtype, b.shape, b.weak_type)
        if jnp.issubdtype(b.dtype, jnp.floating):
            np.testing.assert_allclose(np.float64(a), np.float64(b), rtol=rtol, atol=atol)
        else:
            np.testing.assert_array_equal(a, b)


def integers_of_floats(x):
    words = "int8 int16 int32 uint8 uint16 uint32 bool_".split()
    wide, narrow = ([v.astype(getattr(jnp, word)) for word in words] for v in (x, x.astype(jnp.bfloat16)))
    return wide, narrow, x.astype(jnp.uint4).astype(jnp.int32)


def products_of_unsigned(a, w):
    """The importer reads 200 as -56 and true as -1 where it sees the conversion."""
    wide, flags = a.astype(jnp.float32), a > 100
    one_hot = jax.nn.one_hot(jnp.array([0, 2, 1]), 3)
    total = lax.dot_general(a, a.T, (((1,), (0,)), ((), ())), preferred_element_type=jnp.int32)
    return wide @ w, flags.astype(jnp.float32) @ w, flags @ flags.astype(jnp.int32).T, one_hot @ w, a @ w, a @ a.T, total


def convolutions_of_unsigned(a):
    kernel = jnp.full((1, 1, 3), 2.5)
    return [lax.conv_general_dilated(x.astype(jnp.float32)[:, None], kernel, (1,), "SAME") for x in (a, a > 100)]


def convolutions_of_converted(x, w):
    """Directly, moved, in a call, and both operands: the importer knows no convolution of bf16 with f32."""
    convolve = lambda a, b: lax.conv_general_dilated(a, b, (1,), "SAME")  # noqa: E731
    wide, inner = x.astype(jnp.float32), jax.jit(lambda a: jnp.expand_dims(a.astype(jnp.float32), 1))
    gradient = jax.grad(lambda b: (convolve(wide[:, None], b.astype(jnp.float32)) ** 2).sum())(w)
    return convolve(wide[:, None], w.astype(jnp.float32)), convolve(inner(x), jnp.ones((1, 1, 3))), gradient


def running(x):
    both = [{"axis": axis, "reverse": reverse} for axis in (0, 1) for reverse in (False, True)]
    return [[f(x, **how) for how in both] for f in (lax.cumsum, lax.cumprod, lax.cummax, lax.cummin, lax.cumlogsumexp)]


def running_unsigned(x):
    return [[f(x, reverse=r) for r in (False, True)] for f in (lax.cumsum, lax.cumprod, lax.cummax, lax.cummin)], x[::-1]


def whole_windows(x):
    last = ((0, 0), (0, 4))
    return (
        lax.reduce_window(x, 0.0, lax.add, (1, 5), (1, 1), last), lax.reduce_window(x, -jnp.inf, lax.max, (3, 5), (1, 1), ((0, 2), (0, 4))),
        lax.reduce_window(x, 1.0, lax.mul, (3, 5), (1, 1), ((2, 0), (0, 4))), lax.reduce_window(x, 0.0, lax.add, (1, 5), (1, 1), "SAME"),
    )  # fmt: skip


def triangles(m, b):
    flags = [dict(zip(("left_side", "lower", "transpose_a", "unit_diagonal"), map(bool, bits))) for bits in np.ndindex(2, 2, 2, 2)]
    return [lax.linalg.triangular_solve(m, b if how["left_side"] else b.transpose(0, 2, 1), **how) for how in flags]


def clipped(x):
    """The gradient of a gather that clips is a scatter that does."""
    last = x.at[jnp.array([0, 20, -1])].get(mode="clip") + jnp.take(x, jnp.array([0, 20, -1, 2]), axis=1, mode="clip").sum()
    return (last * jnp.arange(5.0)).sum() + lax.dynamic_slice(x * x, (7, -9), (2, 2)).sum()


def bytes_as_indices(a, i):
    """The dimension has more elements than a byte can say."""
    modes = [(a.at[i].get(mode=m), a.at[i].add(1.0, mode=m)) for m in ("clip", "fill")]
    return a[i], a.at[i].set(1.0), modes


def inverted(m):
    return (jnp.linalg.inv(m) * jnp.arange(5.0)).sum() + jnp.linalg.slogdet(m)[1].sum()


def one_term(x):
    """Products of one term a sum, and one factor used twice."""
    row, y = x[:1], ((1 + lax.iota(jnp.int32, 1)) % 7 - 3).reshape(1, 1).astype(x.dtype)
    return (y.T @ row).T.T + y @ row, x[:, :1] @ row, jnp.einsum("ij,ik->ijk", x, x), row.T.T @ row.T


def without_elements(m):
    empty = m[:0]
    return jnp.linalg.inv(empty), jnp.linalg.inv(m[:, :0, :0]), jax.vjp(jnp.sort, empty)[1](empty), empty.at[:, 1].add(empty[:, 0])


def unsigned_windows(x):
    return [lax.reduce_window(x, np.uint8(0), f, (1, 3), (1, 1), pads) for f in (lax.max, lax.add) for pads in (((0, 0), (2, 0)), ((0, 0), (0, 2)))]


def attention(q):
    """JAX names an algorithm for bf16."""
    exact = [lax.dot(q[0, :, 0], q[0, :, 1].T, precision=p) for p in (lax.DotAlgorithmPreset.BF16_BF16_F32, lax.DotAlgorithmPreset.F16_F16_F16)]
    return jax.nn.dot_product_attention(q, q, q, is_causal=True), exact


CASES = {
    "integers of floats": (integers_of_floats, SPECIAL),
    "products of unsigned integers and bools": (products_of_unsigned, BYTES, W),
    "convolutions of unsigned integers and bools": (convolutions_of_unsigned, BYTES),
    "convolutions of what was bf16": (convolutions_of_converted, np.arange(10).reshape(2, 5).astype(jnp.bfloat16), np.ones((1, 1, 3), jnp.bfloat16)),
    "running sums": (running, A),
    "running sums of unsigned integers": (running_unsigned, WORDS),
    "gradient of a running sum": (jax.grad(lambda a: (jnp.cumsum(a, 1) * jnp.arange(5.0)).sum()), A),
    "windows of whole rows": (whole_windows, A),
    "gradient of a scatter that drops": (jax.grad(lambda a: (a.at[jnp.array([0, 7])].set(a[:2]) ** 2).sum()), A),
    "products of one term": (one_term, A.astype(np.float16)),
    "nothing": (without_elements, M),
    "windows of whole rows of bytes": (unsigned_windows, BYTES),
    "the best of two kinds of NaN": (lambda x: [lax.top_k(x, k) for k in (2, 5)], np.float32([np.inf, np.nan, -np.nan, -np.inf, 3])),
    "attention in bf16": (attention, jnp.asarray(np.random.default_rng(5).standard_normal((1, 6, 2, 4)), jnp.bfloat16)),
    "gradient of what is clipped": (jax.grad(clipped), A),
    "bytes as indices": (bytes_as_indices, np.arange(300, dtype=np.float32), BYTES),
    "unique bytes": (lambda a: jnp.unique(a, size=4), BYTES),
    "bits of bytes": (lambda a: (jnp.packbits(a > 2), jnp.unpackbits(a)), BYTES),
    "indices that choose nothing": (lambda a: (a.at[...].add(2.0), jnp.polyadd(a[0], a[1])), A),
    "the best, approximately": (lambda a: (lax.approx_max_k(a, 2), lax.approx_min_k(a, 2)), A),
    "cholesky": (lambda m: (jnp.linalg.cholesky(m), jnp.linalg.cholesky(m - 4 * jnp.eye(5))), SPD),
    "gradient of cholesky": (jax.grad(lambda m: (jnp.linalg.cholesky(m) ** 3).sum()), SPD),
    "triangular solve": (triangles, M + 3 * np.eye(5, dtype=np.float32), B),
    "lu": (lambda m: (jax.scipy.linalg.lu(m[0]), jnp.linalg.det(m), jnp.linalg.solve(SPD, m)), M),
    "gradient of an inverse": (jax.grad(inverted), SPD),
    "qr": (lambda m, b: [jnp.linalg.qr(x, mode=how) for x in (m, b, b.transpose(0, 2, 1)) for how in ("reduced", "complete")], M, B),
    "empty matrices": (lambda m: (jnp.linalg.cholesky(m[0, :0, :0]), jnp.linalg.qr(m[0, :, :0]), jnp.linalg.solve(m, m[..., :0])), M),
    "normal numbers of a covariance": (lambda k: jax.random.multivariate_normal(k, jnp.zeros(5), SPD[0], (3,)), jax.random.PRNGKey(0)),
    "results that are Python's numbers": (lambda a: (a.sum(), 1.5, 3, lax.scan(lambda c, x: (c + x, c), 0.0, a[0])), A),
}


@in_process
@pytest.mark.parametrize("name", CASES)
def test_results_equal_jax(name):
    equal(*CASES[name])


def sorted_all(x):
    return [(jnp.sort(x, axis=a), jnp.argsort(x, axis=a), jnp.argsort(x, axis=a, descending=True)) for a in range(x.ndim)]


@in_process
@pytest.mark.parametrize("shape", [(1, 2), (3, 0), (3, 5), (4, 64), (65, 2), (127,), (2, 3, 9)])
def test_equal_elements_keep_their_order(shape):
    few = np.random.default_rng(len(shape)).integers(-2, 3, shape)
    equal(sorted_all, np.float32(few))
    equal(sorted_all, np.where(few == 0, np.nan, -few * 0.0).astype(np.float32))
    equal(lambda a: lax.sort((a, a[::-1]), num_keys=1), few.astype(np.int32).ravel())


@in_process
def test_a_sort_of_a_hundred_thousand_takes_no_minutes():
    words = np.random.default_rng(3).integers(0, 2**32, 100_000).astype(np.uint32)
    np.testing.assert_array_equal(prec.jax.jit(jnp.sort)(words), np.sort(words))


@in_process
def test_sums_of_bfloat16_are_rounded_once():
    ones = jnp.ones(900, jnp.bfloat16)  # 900 has 8 bits; a sum in bf16 ends at 256
    total = prec.jax.jit(lambda a: (lax.reduce_sum(a, (0,)), lax.cumsum(a)[-1], lax.cumsum(a, reverse=True)[0]))(ones)
    assert [float(t) for t in total] == [900, 900, 900]
    x = np.linspace(-9, 9, 99).astype(jnp.bfloat16)
    exact = 1 / (1 + np.exp(-x.astype(np.float64)))
    np.testing.assert_array_equal(prec.jax.jit(jax.nn.sigmoid)(x), exact.astype(jnp.bfloat16))


@in_process
def test_numbers_of_python_and_of_numpy_are_compiled_for_themselves():
    double, x = prec.jax.jit(lambda a, b: a * b), jnp.ones(3, jnp.bfloat16)
    assert [double(x, b).dtype for b in (2.0, np.float32(2))] == [jnp.bfloat16, jnp.float32]


@in_process
def test_keywords_and_random_keys_are_arguments():
    def f(key, *, scale):
        first, second = jax.random.split(key)
        return jax.random.normal(first, (4,)) * scale, second

    mine, key = prec.jax.jit(f)(jax.random.key(3), scale=2.0)
    reference, other = f(jax.random.key(3), scale=2.0)
    np.testing.assert_allclose(mine, reference, rtol=1e-6)
    assert key.dtype == other.dtype and (jax.random.key_data(key) == jax.random.key_data(other)).all()


def test_keys_and_narrow_results_are_exported(tmp_path):
    arguments = jax.random.key(3), jnp.ones(3, jnp.bfloat16)
    prec.jax.export(lambda k, a: (jax.random.normal(k, (3,)), a * 2), arguments, tmp_path / "m.mlir")
    assert "checked against JAX" in (tmp_path / "m.mlir").read_text()


@in_process
def test_types_without_kernels_are_refused_with_a_remedy():
    with pytest.raises(Exception, match="compilation failed: found elements of 'f8E4M3FN', expected f16, .*widen"):
        prec.jax.jit(lambda a: a.astype(jnp.float8_e4m3fn).astype(jnp.float32))(A[0])


def shows(a):
    return lax.scan(lambda c, x: (c + x, jax.debug.print("{}", x)), 1.0, a)[0]


def test_a_call_back_into_python_is_refused_with_its_place():
    with pytest.raises(Exception, match=r"test_jax_operations.py:\d+: found a call back into Python .*, expected arithmetic alone"):
        prec.jax.jit(shows)(A[0])


def exported(a):
    return jax.lax.map(EXPORTED.call, a[None])


EXPORTED = jax.export.export(jax.jit(jnp.sin))(A[0])


@pytest.mark.parametrize("f, said", [
    (exported, "found 'call_exported', whose StableHLO was made for XLA by jax.export; .*: call the function itself"),
    (lambda a: jnp.linalg.eig(a[:3, None] * a[:3]), "found 'eig', which JAX leaves to LAPACK on a CPU; .*: compute it outside"),
])  # fmt: skip
def test_what_our_rules_do_not_reach_is_refused_with_its_place(f, said):
    with pytest.raises(Exception, match=rf"test_jax_operations.py:\d+: {said}"):
        prec.jax.jit(f)(A[0])


def test_a_traced_argument_is_refused_with_what_to_write():
    with pytest.raises(Exception, match=r"an argument is float32\[\] that JAX traces.* write prec.jax.jit\(jax.grad\(f\)\)"):
        jax.grad(prec.jax.jit(jnp.sin))(1.0)


@in_process
def test_nothing_is_said_when_python_ends(run):
    code = "import jax.numpy as jnp, prec.jax; f = prec.jax.jit(jnp.sin); f(1.0)"
    done = run(sys.executable, "-c", code, env=os.environ | {"PYTHONPATH": str(SOURCE / "python")})
    assert not done.returncode and "ignored" not in done.stderr
