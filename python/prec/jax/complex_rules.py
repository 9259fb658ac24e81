# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What each of JAX's operations is on pairs of real and imaginary parts."""
from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TYPE_CHECKING

from prec.frontend import FrontendError

from .fourier import transform

if TYPE_CHECKING:
    import numpy as np
    from jax import Array
    from jax.extend.core import ClosedJaxpr, JaxprEqn

    Part = Array | np.ndarray  # a literal stays an array of NumPy
    Pair = tuple[Part, Part]

# These treat both parts alike; what is no pair (indices, a condition) is given to both.
LINEAR = frozenset(
    "add add_any sub neg reshape broadcast_in_dim transpose squeeze slice rev copy copy_p concatenate pad gather select_n "
    "dynamic_slice dynamic_update_slice reduce_sum cumsum reduce_window_sum optimization_barrier "
    "device_put split tile expand_dims stack stop_gradient".split()
)  # fmt: skip


@functools.cache
def rules() -> Callable[[JaxprEqn, list[Any], str], list[Any]]:
    """(equation, values, place) -> list of results."""
    import jax.numpy as jnp
    import numpy as np
    from jax import lax
    from jax._src.lax import slicing

    from .complex_pairs import evaluate, is_complex

    def times(x: Pair, y: Pair) -> Pair:
        (a, b), (c, d) = x, y
        return a * c - b * d, a * d + b * c

    def divided(x: Pair, y: Pair) -> Pair:
        """Smith's quotient: nothing overflows that the result does not."""
        (a, b), (c, d) = x, y
        is_first = jnp.abs(c) >= jnp.abs(d)
        large, small = jnp.where(is_first, c, d), jnp.where(is_first, d, c)
        ratio = small / large
        bottom = large + small * ratio
        p, q = jnp.where(is_first, a, b), jnp.where(is_first, b, a)
        return (p + q * ratio) / bottom, jnp.where(is_first, 1, -1) * (q - p * ratio) / bottom

    def length(x: Pair) -> Array:
        a, b = jnp.abs(x[0]), jnp.abs(x[1])
        large, small = jnp.maximum(a, b), jnp.minimum(a, b)
        ratio = small / jnp.where(large == 0, 1, large)
        return jnp.where(jnp.isinf(large), large, large * jnp.sqrt(1 + ratio * ratio))

    def log(x: Pair) -> Pair:
        a, b = jnp.abs(x[0]), jnp.abs(x[1])
        large, small = jnp.maximum(a, b), jnp.minimum(a, b)
        ratio = jnp.where(large == small, 1, small / jnp.where(large == 0, 1, large))
        return jnp.log(large) + jnp.where(jnp.isinf(large), 0, jnp.log1p(ratio * ratio) / 2), jnp.arctan2(x[1], x[0])

    def turned(size: Part, angle: Part) -> Pair:
        return size * jnp.cos(angle), size * jnp.sin(angle)

    def exp(x: Pair) -> Pair:
        return turned(jnp.exp(x[0]), x[1])

    def sqrt(x: Pair) -> Pair:
        """Of a quarter or of four times it, so that no sum overflows and no part is lost."""
        is_large = jnp.maximum(jnp.abs(x[0]), jnp.abs(x[1])) > 1
        a, b = (part * jnp.where(is_large, 0.25, 4).astype(part.dtype) for part in x)
        back = jnp.where(is_large, 2, 0.5).astype(a.dtype)
        root = jnp.sqrt((length((a, b)) + jnp.abs(a)) / 2)
        other = jnp.abs(b) / (2 * jnp.where(root == 0, 1, root)) * back
        root *= back
        return jnp.where(a >= 0, root, other), jnp.copysign(jnp.where(a >= 0, other, root), b)

    def power(x: Pair, y: Pair) -> Pair:
        is_zero = (x[0] == 0) & (x[1] == 0)
        safe = jnp.where(is_zero, 1, x[0]), x[1]
        made, of_zero = exp(times(y, log(safe))), (y[0] == 0) & (y[1] == 0)
        return jnp.where(is_zero, of_zero, made[0]), jnp.where(is_zero, 0, made[1])

    def integer_power(x: Pair, y: int) -> Pair:
        made = jnp.ones_like(x[0]), jnp.zeros_like(x[0])
        for bit in bin(abs(y))[2:]:
            made = times(made, made)
            made = times(made, x) if bit == "1" else made
        return divided((jnp.ones_like(x[0]), jnp.zeros_like(x[0])), made) if y < 0 else made

    def exp_less_1(x: Pair) -> Pair:
        size, half = jnp.expm1(x[0]), jnp.sin(x[1] / 2)
        return size * jnp.cos(x[1]) - 2 * half * half, (size + 1) * jnp.sin(x[1])

    def log_of_1_more(x: Pair) -> Pair:
        a, b = x
        return jnp.log1p(a * (2 + a) + b * b) / 2, jnp.arctan2(b, 1 + a)

    def running_product(x: Pair, axis: int, reverse: bool = False) -> Pair:
        return lax.associative_scan(times, x, reverse=reverse, axis=axis)

    def whole_product(x: Pair, axes: Sequence[int], **_: Any) -> Pair:
        for axis in sorted(axes, reverse=True):
            if not x[0].shape[axis]:
                x = tuple(jnp.pad(p, [(0, k == axis) for k in range(p.ndim)], constant_values=c) for p, c in zip(x, (1, 0)))
            x = tuple(lax.index_in_dim(p, -1, axis, keepdims=False) for p in running_product(x, axis))
        return x

    def sinh(x: Pair) -> Pair:
        return jnp.sinh(x[0]) * jnp.cos(x[1]), jnp.cosh(x[0]) * jnp.sin(x[1])

    def cosh(x: Pair) -> Pair:
        return jnp.cosh(x[0]) * jnp.cos(x[1]), jnp.sinh(x[0]) * jnp.sin(x[1])

    def tanh(x: Pair) -> Pair:
        """The quotient of sinh and cosh, by what does not overflow."""
        t, s = jnp.tanh(x[0]), 1 / jnp.cosh(x[0])
        bottom = jnp.cos(x[1]) ** 2 + (t * jnp.sin(x[1])) ** 2
        return t / bottom, s * s * jnp.sin(x[1]) * jnp.cos(x[1]) / bottom

    def by_i(f: Callable[[Pair], Pair]) -> Callable[[Pair], Pair]:
        """i f(x / i): sin of sinh, tan of tanh."""
        def made(x: Pair) -> Pair:
            a, b = f((-x[1], x[0]))
            return b, -a

        return made

    def sign(x: Pair) -> Pair:
        size = length(x)
        safe = jnp.where(size == 0, 1, size)
        return x[0] / safe, x[1] / safe

    def by_real_part(compare: Callable[[Part, Part], Array]) -> Callable[[Pair, Pair], Pair]:
        """By the imaginary one where these are equal."""
        def made(x: Pair, y: Pair) -> Pair:
            is_first = jnp.where(x[0] == y[0], compare(x[1], y[1]), compare(x[0], y[0]))
            return tuple(jnp.where(is_first, a, b) for a, b in zip(x, y, strict=True))

        return made

    def product(f: Callable[[Part, Part], Array]) -> Callable[[Pair, Pair], Pair]:
        """Four products of real arrays."""
        def made(x: Pair, y: Pair) -> Pair:
            (a, b), (c, d) = x, y
            return f(a, c) - f(b, d), f(a, d) + f(b, c)

        return made

    def converted(x: Any, *, new_dtype: np.dtype, **_: Any) -> Any:
        if not is_complex(np.empty(0, new_dtype)):
            return x[0].astype(new_dtype)
        real = np.finfo(new_dtype).dtype
        first, *rest = (jnp.asarray(p, real) for p in (x if isinstance(x, tuple) else (x,)))
        return first, *(rest or [jnp.zeros_like(first)])

    def conjugate(x: Any) -> Pair:
        return (x[0], -x[1]) if isinstance(x, tuple) else (x, jnp.zeros_like(x))

    simple = {
        "mul": times, "div": divided, "abs": length, "log": log, "exp": exp, "sqrt": sqrt, "pow": power, "sinh": sinh, "cosh": cosh,
        "tanh": tanh, "sin": by_i(sinh), "tan": by_i(tanh), "sign": sign, "complex": lambda a, b: tuple(jnp.broadcast_arrays(a, b)), "real": lambda x: x[0],
        "imag": lambda x: x[1], "square": lambda x: times(x, x), "eq": lambda x, y: (x[0] == y[0]) & (x[1] == y[1]),
        "cos": lambda x: cosh((-x[1], x[0])), "conj": conjugate, "ne": lambda x, y: (x[0] != y[0]) | (x[1] != y[1]),
        "expm1": exp_less_1, "log1p": log_of_1_more, "exp2": lambda x: exp((x[0] * np.log(2), x[1] * np.log(2))),
        "max": by_real_part(lax.gt), "min": by_real_part(lax.lt),
        "is_finite": lambda x: jnp.isfinite(x[0]) & jnp.isfinite(x[1]),
        "rsqrt": lambda x: divided((jnp.ones_like(x[0]), jnp.zeros_like(x[0])), sqrt(x)),
    }  # fmt: skip

    def linear(e: JaxprEqn, values: list[Any]) -> list[Any]:
        """For each part the operation on it."""
        found = []
        for k in (0, 1):
            params = dict(e.primitive.get_bind_params(e.params))
            if e.primitive is slicing.gather_p and params["mode"] == slicing.GatherScatterMode.FILL_OR_DROP:
                fill = params["fill_value"]
                params["fill_value"] = (np.nan, 0.0)[k] if fill is None else (np.real(fill), np.imag(fill))[k]
            made = e.primitive.bind(*(v[k] if isinstance(v, tuple) else v for v in values), **params)
            found.append(made if e.primitive.multiple_results else [made])
        return list(zip(*found, strict=True))

    def of_reals(e: JaxprEqn, params: Mapping[str, Any]) -> Callable[[Pair, Pair], Pair]:
        def f(a: Part, b: Part) -> Array:
            return e.primitive.bind(a, b, **params)

        return product(f)

    def multiplied(e: JaxprEqn, values: list[Any]) -> list[Any]:
        params = dict(e.params)
        if params.get("preferred_element_type") is not None:
            params["preferred_element_type"] = np.finfo(params["preferred_element_type"]).dtype
        pairs = [v if isinstance(v, tuple) else (v, jnp.zeros_like(v)) for v in values]
        return [of_reals(e, params)(*pairs)]

    def closed(jaxpr: ClosedJaxpr) -> Callable[..., list[Any]]:
        return lambda *values: evaluate(jaxpr.jaxpr, jaxpr.consts, list(values))

    def scanned(e: JaxprEqn, values: list[Any]) -> list[Any]:
        p = e.params
        split = p["num_consts"], p["num_consts"] + p["num_carry"]
        body = closed(p["jaxpr"])

        def step(carry: list[Any], x: list[Any]) -> tuple[list[Any], list[Any]]:
            made = body(*values[: split[0]], *carry, *x)
            return made[: p["num_carry"]], made[p["num_carry"] :]

        carry, rows = lax.scan(step, values[split[0] : split[1]], values[split[1] :], p["length"], p["reverse"], p["unroll"])
        return [*carry, *rows]

    def looped(e: JaxprEqn, values: list[Any]) -> list[Any]:
        first, second = e.params["cond_nconsts"], e.params["body_nconsts"]
        test, body = closed(e.params["cond_jaxpr"]), closed(e.params["body_jaxpr"])
        return lax.while_loop(
            lambda state: test(*values[:first], *state)[0],
            lambda state: body(*values[first : first + second], *state), values[first + second :],
        )  # fmt: skip

    def chosen(e: JaxprEqn, values: list[Any]) -> list[Any]:
        return lax.switch(values[0], [closed(branch) for branch in e.params["branches"]], *values[1:])

    def fourier(e: JaxprEqn, values: list[Any]) -> list[Any]:
        aval = e.outvars[0].aval
        if not aval.size:
            empty = jnp.zeros(aval.shape, np.finfo(aval.dtype).dtype)
            return [(empty, empty) if is_complex(aval) else empty]
        return [transform(values[0], e.params["fft_type"].name, e.params["fft_lengths"])]

    def scattered(f: Callable[..., Any]) -> Callable[[JaxprEqn, list[Any]], list[Any]]:
        def made(e: JaxprEqn, values: list[Any]) -> list[Any]:
            how = {k: e.params[k] for k in ("dimension_numbers", "indices_are_sorted", "unique_indices", "mode")}
            x, indices, updates = values
            return [tuple(f(a, indices, b, **how) for a, b in zip(x, updates, strict=True))]

        return made

    def counted(e: JaxprEqn, values: list[Any]) -> list[Any]:
        made = e.primitive.bind(*values, **e.params | {"dtype": np.finfo(e.params["dtype"]).dtype})
        return [(made, jnp.zeros_like(made))]

    def plain(f: Callable[..., Any]) -> Callable[[JaxprEqn, list[Any]], list[Any]]:
        return lambda e, values: [f(*values)]

    def with_parameters(f: Callable[..., Any]) -> Callable[[JaxprEqn, list[Any]], list[Any]]:
        return lambda e, values: [f(*values, **e.params)]

    known = {
        **dict.fromkeys(LINEAR, linear), **{name: plain(f) for name, f in simple.items()},
        "scatter": scattered(lax.scatter), "scatter-add": scattered(lax.scatter_add), "scatter-sub": scattered(lax.scatter_sub),
        "scan": scanned, "while": looped, "cond": chosen, "iota": counted, "fft": fourier, "dot_general": multiplied,
        "conv_general_dilated": multiplied, "convert_element_type": with_parameters(converted), "integer_pow": with_parameters(integer_power),
        "reduce_prod": with_parameters(whole_product), "cumprod": with_parameters(running_product),
    }  # fmt: skip

    def apply(e: JaxprEqn, values: list[Any], place: str) -> list[Any]:
        if rule := known.get(e.primitive.name):
            return rule(e, values)
        raise FrontendError(
            f"{place}found '{e.primitive.name}' of complex numbers, expected an operation that is known for them; "
            "compute with real and imaginary parts"
        )

    return apply
