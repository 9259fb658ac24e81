# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Complex tensors of a graph as pairs of real ones, each of which is rounded. Arguments and results have the pair as their last axis."""
from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Sequence
from types import ModuleType, NotImplementedType
from typing import Any, TYPE_CHECKING

from prec.frontend import FrontendError

from . import fourier
from .lower import place_of

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import GraphModule
    from torch import dtype as DType
    from torch.fx import Node

PART_BY_PART = """
    view _unsafe_view reshape permute transpose t expand slice select unsqueeze squeeze clone alias detach cat stack index
    index_select gather flip roll constant_pad_nd sum mean neg split split_with_sizes unbind slice_scatter select_scatter
    index_put index_add index_copy scatter scatter_add copy diagonal diagonal_scatter tril triu unfold lift_fresh_copy repeat cumsum zeros_like where
    _neg_view resolve_neg resolve_conj new_zeros slice_backward select_backward diagonal_backward unfold_backward
"""
VALUES = "cat stack copy"  # of all types: they become those of the result
NUMBERS = {"where": (1, 2), "constant_pad_nd": (2,), "scatter": (3,)}


class Pair:
    def __init__(self, re: Tensor, im: Tensor) -> None:
        self.re, self.im = re, im


def is_complex(value: object) -> bool:
    return getattr(getattr(value, "dtype", None), "is_complex", False)


def for_real(torch: ModuleType, rule: Callable[..., Any]) -> Callable[..., Any]:
    """A rule that leaves complex tensors alone."""

    def kept(*arguments: Any, **keywords: Any) -> Any:
        if any(is_complex(x) for x in torch.utils._pytree.tree_leaves((arguments, keywords))):
            return NotImplemented
        return rule(*arguments, **keywords)

    return kept


def rules(torch: ModuleType) -> dict[str, Callable[..., Any]]:
    """{name of an operator: rule}; what is real is its own first part."""
    aten = torch.ops.aten

    def parts(x: Any) -> tuple[Any, Any]:
        if isinstance(x, Pair):
            return x.re, x.im
        return (x.real, x.imag) if isinstance(x, complex) else (x, 0.0)

    def zero(x: Any) -> Tensor | float:
        return torch.zeros_like(x) if isinstance(x, torch.Tensor) else 0.0

    def added(sign: int) -> Callable[..., Pair]:
        def rule(x: Any, y: Any, *, alpha: float = 1) -> Pair:
            (a, b), (c, d) = parts(x), parts(y)
            if not isinstance(x, Pair):
                b = zero(a)
            c, d = (v if alpha == 1 else v * alpha for v in (c, d))
            return Pair(a + sign * c, b + sign * d)

        return rule

    def mul(x: Any, y: Any) -> Pair:
        (a, b), (c, d) = parts(x), parts(y)
        if not isinstance(y, (Pair, complex)):
            return Pair(a * c, b * c)
        if not isinstance(x, Pair):
            return Pair(a * c, a * d)
        return Pair(a * c - b * d, a * d + b * c)

    def div(x: Any, y: Any) -> Pair:
        if not isinstance(y, (Pair, complex)):
            a, b = parts(x)
            return Pair(a / y, b / y)
        c, d = parts(y)
        size = c * c + d * d
        return mul(x, Pair(torch.as_tensor(c / size), torch.as_tensor(-d / size)))

    def product(function: Callable[..., Any]) -> Callable[..., Pair]:
        def rule(x: Any, y: Any) -> Pair:
            (a, b), (c, d) = parts(x), parts(y)
            if not isinstance(y, Pair):
                return Pair(function(a, c), function(b, c))
            if not isinstance(x, Pair):
                return Pair(function(a, c), function(a, d))
            return Pair(function(a, c) - function(b, d), function(a, d) + function(b, c))

        return rule

    def absolute(x: Pair) -> Tensor:
        return torch.hypot(x.re, x.im)

    def conjugate(x: Any) -> Any:
        return Pair(x.re, -x.im) if isinstance(x, Pair) else x.conjugate()

    def equal(x: Any, y: Any) -> Tensor:
        (a, b), (c, d) = parts(x), parts(y)
        return (a == c) & (b == d)

    def sgn(x: Pair) -> Pair:
        size = absolute(x)
        whole = torch.where(size == 0, 1.0, size)
        return Pair(x.re / whole, x.im / whole)

    def exp(x: Pair) -> Pair:
        size = torch.exp(x.re)
        return Pair(size * torch.cos(x.im), size * torch.sin(x.im))

    def power(x: Any, exponent: Any) -> Pair | NotImplementedType:
        if exponent not in (1, 2, 3, 4):
            return NotImplemented
        made = x
        for _ in range(int(exponent) - 1):
            made = mul(made, x)
        return made

    def to_copy(x: Any, *, dtype: DType | None = None, **keywords: Any) -> Pair | Tensor:
        if dtype == torch.bool:
            return (x.re != 0) | (x.im != 0)
        if dtype is not None and not dtype.is_complex:
            return x.re.to(dtype)
        dtype = dtype.to_real() if dtype is not None else None
        a, b = parts(x)
        b = b if isinstance(x, Pair) else zero(a)
        return Pair(*(v if dtype is None else v.to(dtype) for v in (a, b)))

    def filled(function: Callable[..., Any]) -> Callable[..., Pair]:
        def rule(*arguments: Any, dtype: DType | None = None, **keywords: Any) -> Pair:
            *rest, value = arguments
            rest = [x.re if isinstance(x, Pair) else x for x in rest]
            keywords["dtype"] = None if dtype is None else dtype.to_real()
            return Pair(*(function(*rest, float(v), **keywords) for v in parts(value)))

        return rule

    def real_fft(x: Tensor, axes: Sequence[int], normalization: int, is_half: bool) -> Pair:
        count = 1
        for axis in axes:
            count *= x.shape[axis]
        made = fourier.transform(torch, (x, None), axes, is_half=is_half)
        return Pair(*(v * fourier.factor(normalization, count) for v in made))

    def fft(x: Pair, axes: Sequence[int], normalization: int, forward: bool) -> Pair:
        count = 1
        for axis in axes:
            count *= x.re.shape[axis]
        made = fourier.transform(torch, (x.re, x.im), axes, not forward)
        return Pair(*(v * fourier.factor(normalization, count) for v in made))

    def fft_to_real(x: Pair, axes: Sequence[int], normalization: int, n: int) -> Tensor:
        count = n
        for axis in axes[:-1]:
            count *= x.re.shape[axis]
        made = fourier.transform(torch, (x.re, x.im), axes[:-1], True)
        return fourier.real_of_half(torch, made, axes[-1], n) * fourier.factor(normalization, count)

    return {
        "add": added(1), "sub": added(-1), "mul": mul, "div": div, "mm": product(aten.mm), "bmm": product(aten.bmm),
        "abs": absolute, "sgn": sgn, "exp": exp, "pow": power, "_to_copy": to_copy, "full": filled(aten.full.default),
        "full_like": filled(aten.full_like.default), "zeros": lambda *a, **k: filled(aten.full.default)(*a, 0.0, **k),
        "angle": lambda x: torch.atan2(x.im, x.re), "real": lambda x: x.re.clone(), "imag": lambda x: x.im.clone(),
        "_conj": conjugate, "_conj_physical": conjugate, "conj_physical": conjugate,
        "complex": lambda re, im: Pair(*torch.broadcast_tensors(re, im)), "polar": lambda size, angle: Pair(size * torch.cos(angle), size * torch.sin(angle)),
        "view_as_real": lambda x: torch.stack([x.re, x.im], -1),
        "view_as_complex": lambda x: Pair(x.select(-1, 0), x.select(-1, 1)),
        "eq": equal, "ne": lambda x, y: torch.logical_not(equal(x, y)),
        "linalg_vector_norm": lambda x, *a, **k: aten.linalg_vector_norm(absolute(x), *a, **k),
        "reciprocal": lambda x: div(1.0, x), "scalar_tensor": filled(aten.scalar_tensor.default),
        "_fft_r2c": real_fft, "_fft_c2c": fft, "_fft_c2r": fft_to_real,
    }  # fmt: skip


def split(torch: ModuleType, graph_module: GraphModule) -> GraphModule:
    """The graph on real tensors, or the graph itself if it has no complex one."""
    nodes = list(graph_module.graph.nodes)
    if not any(is_complex(v) for n in nodes for v in torch.utils._pytree.tree_leaves(n.meta.get("val"))):
        return graph_module
    from torch.fx.experimental.proxy_tensor import make_fx

    from .decompositions import table

    aten, known, alike = torch.ops.aten, rules(torch), PART_BY_PART.split()
    map_only = torch.utils._pytree.tree_map_only

    class Parts(torch.fx.Interpreter):
        def placeholder(self, target: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
            value = super().placeholder(target, arguments, keywords)
            return Pair(value.select(-1, 0), value.select(-1, 1)) if is_complex(self.node.meta.get("val")) else value

        def get_attr(self, target: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
            value = super().get_attr(target, arguments, keywords)
            with torch.utils._python_dispatch._disable_current_modes():
                return Pair(value.real.contiguous(), value.imag.contiguous()) if is_complex(value) else value

        def run_node(self, node: Node) -> Any:
            self.node = node
            return super().run_node(node)

        def call_function(self, target: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
            if "as_strided" in str(target):
                raise FrontendError(f"{place_of(self.node)}'{self.node.name}' reads memory by strides, which pairs do not have")
            target = aten.reshape.default if target in (aten.view.default, aten._unsafe_view.default) else target
            expected = self.node.meta.get("val")
            given = torch.utils._pytree.tree_leaves((arguments, keywords))
            makes = any(is_complex(v) for v in torch.utils._pytree.tree_leaves(expected))
            if not makes and not any(isinstance(x, Pair) for x in given) or target is operator.getitem:
                return super().call_function(target, arguments, keywords)
            name = target.overloadpacket.__name__ if isinstance(target, torch._ops.OpOverload) else str(target)
            made = NotImplemented
            if name.endswith("_like") and not makes:
                made = target(arguments[0].re, *arguments[1:], **keywords)
            elif name in known:
                made = known[name](*arguments, **keywords)
            elif name in alike and "reduce" not in target._overloadname:
                keywords = {k: v.to_real() if isinstance(v, torch.dtype) and v.is_complex else v for k, v in keywords.items()}
                first = target(*map_only(Pair, lambda x: x.re, numbers(name, arguments, "real")), **keywords)
                arguments = numbers(name, arguments, "imag")
                values = arguments[1:] if name == "where" else arguments if name in VALUES.split() else ()
                second = target(*map_only((Pair, torch.Tensor), second_part(values), arguments), **keywords)
                made = [Pair(a, b) for a, b in zip(first, second)] if isinstance(first, (list, tuple)) else Pair(first, second)
            if made is NotImplemented:
                raise FrontendError(f"{place_of(self.node)}'{self.node.name}' ('{name}') of complex numbers is not lowered: use the real and the imaginary part")
            return made if isinstance(made, list) or not is_tensor(made) else checked(made, expected)

        def output(self, target: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
            return map_only(Pair, lambda x: torch.stack([x.re, x.im], -1), arguments[0])

    def is_tensor(x: object) -> bool:
        return isinstance(x, (Pair, torch.Tensor))

    def numbers(name: str, arguments: tuple[Any, ...], part: str) -> list[Any]:
        """With the part of those arguments that are numbers and stand for elements."""
        return [
            getattr(x, part) if k in NUMBERS.get(name, ()) and isinstance(x, (int, float, complex)) else x for k, x in enumerate(arguments)
        ]  # fmt: skip

    def second_part(values: Any) -> Callable[[Any], Tensor]:
        """Of a real value: zeros. Whole numbers elsewhere are places, booleans conditions."""
        among = {id(x) for x in torch.utils._pytree.tree_leaves(values)}

        def part(x: Any) -> Tensor:
            if isinstance(x, Pair):
                return x.im
            return torch.zeros_like(x) if x.is_floating_point() or id(x) in among else x

        return part

    def checked(made: Pair | Tensor, expected: Tensor) -> Pair | Tensor:
        dtype = expected.dtype.to_real()
        if isinstance(made, Pair) != expected.dtype.is_complex:
            raise FrontendError(f"complex numbers: a pair in place of {expected.dtype} or the other way round")
        if isinstance(made, Pair):
            made = Pair(*(v if v.dtype == dtype else v.to(dtype) for v in (made.re, made.im)))
        for value in (made.re, made.im) if isinstance(made, Pair) else (made,):
            if value.shape != expected.shape or value.dtype != dtype:
                raise FrontendError(f"complex numbers: found {value.dtype} {list(value.shape)}, expected {dtype} {list(expected.shape)}")
        return made

    places = [n for n in nodes if n.op == "placeholder"]
    values = [real(torch, n.meta["val"]) for n in places]
    mode = torch._guards.detect_fake_mode(values) or contextlib.nullcontext()
    with mode, torch.fx.traceback.preserve_node_meta():
        made = make_fx(Parts(graph_module).run, decomposition_table=table(), _allow_non_fake_inputs=True)(*values)
    for old, new in zip(places, made.graph.find_nodes(op="placeholder"), strict=True):
        new.meta = {**old.meta, **new.meta}
        if all(n.name != old.name for n in made.graph.nodes):
            new.name = old.name
    return made


def through(
    torch: ModuleType,
    graph_module: GraphModule,
    results: Sequence[Any],
    make: Callable[[GraphModule, Sequence[Any]], Callable[[list[Any]], list[Any]]],
) -> Callable[[list[Any]], list[Any]]:
    """make(graph, results), a function of lists of tensors, of the graph on real tensors: as one of the graph's own."""
    try:
        made = split(torch, graph_module)
    except FrontendError:
        raise
    except Exception as error:  # of the trace
        raise FrontendError(f"complex numbers: {type(error).__name__}: {str(error).splitlines()[0]}") from error
    if made is graph_module:
        return make(graph_module, results)
    output = list(graph_module.graph.nodes)[-1].args[0]
    pairs = [is_complex(getattr(n, "meta", {}).get("val")) for n in output]
    call = make(made, [real(torch, r) for r in results])

    def of_complex(arguments: list[Any]) -> list[Any]:
        given = [real(torch, a) for a in arguments]
        arguments.clear()
        return [torch.view_as_complex(r) if is_pair else r for r, is_pair in zip(call(given), pairs, strict=True)]

    return of_complex


def real(torch: ModuleType, value: Any) -> Any:
    """A complex tensor as a real one whose last axis is the pair; others as they are."""
    if not is_complex(value):
        return value
    with torch._subclasses.fake_tensor.unset_fake_temporarily():  # a fake one brings its own
        return torch.view_as_real(value.resolve_conj().resolve_neg())
