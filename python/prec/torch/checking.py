# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The first call of a compiled graph is compared with eager: results, gradients, and what is written into arguments.

What is compared is the graph without roundings, on copies and with the same random numbers. A graph with masks (dropout), whose
bits are not eager's, is compared with PyTorch's operators on the graph that was lowered, and both are given the masks.
"""
from __future__ import annotations

import contextlib
import functools
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, TYPE_CHECKING

import numpy as np

from prec.compare import differs_for_all, shifted
from prec.frontend import FrontendError

from .exporting import array_of, next_to

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import GraphModule

    from .twin import Twin

Name = tuple[str, int]
NEXT = (1, 2)  # seeds of inputs next to those of the call


class Comparison:
    """Of one graph of TorchDynamo's. While `how` is set, the graphs that were compiled for it are computed in another way:
    "plain": without roundings, "eager": by PyTorch's operators, "kept": plain, and they keep what they were given."""

    def __init__(self, torch: ModuleType) -> None:
        self.torch, self.how, self.is_over = torch, "", False
        self.twins: dict[object, Twin] = {}

    def add(self, compiled: object, make: Callable[[], Twin]) -> None:
        if not self.is_over:
            self.twins[compiled] = make()

    def run(self, compiled: object, taken: list[Tensor]) -> list[Tensor]:
        """A compiled graph's call meanwhile."""
        twin = self.twins[compiled]
        given = taken + twin.draw()
        if self.how == "kept":
            twin.given = [t.clone() for t in given]
        return twin.eager(given) if self.how == "eager" else twin.plain(given)

    def end(self) -> None:
        self.is_over = True
        self.twins.clear()

    def problem(self, graph_module: GraphModule, made: Callable[..., Any], inputs: Sequence[Any]) -> str:
        """A sentence on what differs, or nothing."""
        twins, own = self.twins.values(), [*graph_module.parameters(), *graph_module.buffers()]
        is_masked = any(twin.draws.has_words for twin in twins)
        framework = (made, "eager") if is_masked else (graph_module.forward, "")
        reference = functools.partial(self._results, *framework, inputs, own)
        ours = functools.partial(self._results, made, "plain", inputs, own)
        expected, found = reference(), ours()
        near = functools.cache(lambda: [reference(seed) for seed in NEXT])
        moved = functools.cache(lambda: [ours(seed) for seed in NEXT])
        is_known = not (is_masked or own or any(twin.draws.numbers for twin in twins))
        exact = functools.cache(lambda: _exact(reference) if is_known else [])
        is_narrow = any(twin.is_narrow for twin in twins)
        for name in {**expected, **found}:
            before = {"argument": inputs, "variable": own}.get(name[0])
            unchanged = _array(self.torch, before[name[1]]) if before else None
            value, mine = expected.get(name, unchanged), found.get(name, unchanged)
            said = differs_for_all(mine, value, (
                lambda: [run[name] for run in near() if name in run],
                # Sums in our order may lose more than eager's: how much is seen where the inputs move.
                lambda: [shifted(value, mine, run[name]) for run in moved() if name in run],
                # And eager's narrow ones more than ours: how much is seen in f64.
                lambda: [run[name] for run in exact() if name in run],
            ), is_narrow)  # fmt: skip
            if said:
                return f"{name[0]} {name[1]} {said}{self._place(made, inputs, own)}"
        return ""

    def _results(
        self, function: Callable[..., Any], how: str, inputs: Sequence[Any], own: Sequence[Tensor], seed: int = 0, is_wide: bool = False
    ) -> dict[Name, np.ndarray]:
        """{what: array} of a call, of gradients where it has some, for random ones of its results, and of what it changed: arguments,
        and variables of the graph's `own`, which are as before afterwards."""
        torch = self.torch
        leaves, given = _copies(torch, inputs, seed, is_wide)
        with self._being(how), torch.random.fork_rng(devices=[]), _restored(torch, own) as changed:
            made = {k: t for k, t in enumerate(torch.utils._pytree.tree_leaves(function(*given))) if _has_array(torch, t)}
            results = {("result", k): _array(torch, t) for k, t in made.items()}
            wanted = {k: leaf for k, leaf in leaves.items() if leaf.requires_grad}
            sources = [t for t in made.values() if t.requires_grad]
            if wanted and sources:
                generator = torch.Generator().manual_seed(0)
                parts = [torch.randint(-8, 9, (2, *t.shape), generator=generator) / 8 for t in sources]  # exact in all types
                seeds = [(torch.complex(a, b) if t.is_complex() else a).to(t.dtype) for t, (a, b) in zip(sources, parts)]
                found = torch.autograd.grad(sources, list(wanted.values()), seeds, allow_unused=True, materialize_grads=True)
                results |= {("gradient", k): _array(torch, g) for k, g in zip(wanted, found)}
            results |= {("variable", k): _array(torch, t).copy() for k, t in changed()}
        for k, tensor in enumerate(inputs):
            if isinstance(tensor, torch.Tensor) and (is_wide or not torch.equal(given[k], tensor)):
                results["argument", k] = _array(torch, given[k])
        return results

    @contextlib.contextmanager
    def _being(self, how: str) -> Iterator[None]:
        self.how = how
        try:
            yield
        finally:
            self.how = ""

    def _place(self, made: Callable[..., Any], inputs: Sequence[Any], own: Sequence[Tensor]) -> str:
        with contextlib.suppress(Exception):  # nobody knows where, then
            self._results(made, "kept", inputs, own)
            return next(filter(None, (twin.first_parting() for twin in self.twins.values())), "")
        return ""


def _exact(reference: Callable[..., dict[Name, np.ndarray]]) -> list[dict[Name, np.ndarray]]:
    with contextlib.suppress(Exception):  # a graph that is not of any type
        return [reference(is_wide=True)]
    return []


def _copies(torch: ModuleType, inputs: Sequence[Any], seed: int, is_wide: bool) -> tuple[dict[int, Tensor], list[Any]]:
    """({number of an input: leaf}, inputs made of these), which are views of each other and share memory where the inputs do; of a
    seed, with numbers next to theirs; `is_wide`: in f64."""
    leaves, given, bases, storages = {}, [], {}, {}
    generator = torch.Generator().manual_seed(seed)

    def copied(k: int, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in storages:
            storages[storage.data_ptr()] = storage.clone()
        made = torch.empty(0, dtype=tensor.dtype).set_(
            storages[storage.data_ptr()], tensor.storage_offset(), tensor.shape, tensor.stride()
        )
        if seed and made.is_floating_point():
            made.copy_(next_to(torch, made, generator))
        if is_wide and (made.is_floating_point() or made.is_complex()):
            made = made.to(torch.complex128 if made.is_complex() else torch.float64)
        leaves[k] = made.requires_grad_(tensor.requires_grad)
        for is_so, view in ((tensor.is_conj(), torch.conj), (tensor.is_neg(), torch._neg_view)):
            made = view(made) if is_so else made
        return made.clone() if tensor.requires_grad and not tensor.is_leaf else made  # it may be written

    for k, tensor in enumerate(inputs):
        given.append(tensor)
        if not isinstance(tensor, torch.Tensor):
            continue
        base = tensor if tensor._base is None else tensor._base
        if id(base) not in bases:
            bases[id(base)] = copied(k, base)
        given[k] = bases[id(base)]
        if base is not tensor:
            given[k] = given[k].as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
    return leaves, given


@contextlib.contextmanager
def _restored(torch: ModuleType, tensors: Sequence[Tensor]) -> Iterator[Callable[[], list[tuple[int, Tensor]]]]:
    """Gives a function that says which have changed; at the end none has."""
    kept = [t.detach().clone() for t in tensors]

    def changed() -> list[tuple[int, Tensor]]:
        return [(k, t) for k, t in enumerate(tensors) if not torch.equal(t, kept[k])]

    try:
        yield changed
    finally:
        with torch.no_grad():
            for k, tensor in changed():
                tensor.copy_(kept[k])


def _has_array(torch: ModuleType, value: Any) -> bool:
    if not isinstance(value, torch.Tensor) or value.layout != torch.strided or value.is_quantized:
        return False
    return value.dtype.itemsize > 1 or not value.is_floating_point()


def _array(torch: ModuleType, tensor: Tensor) -> np.ndarray:
    """Complex numbers as pairs, which are no numbers if either part is none."""
    found = array_of(torch, tensor.detach().resolve_conj().resolve_neg())
    return np.where(np.isnan(found).any(-1, keepdims=True), np.asarray(np.nan, found.dtype), found) if tensor.is_complex() else found


def compared(graph_module: GraphModule, made: Callable[..., Any], comparison: Comparison, strict: bool) -> Callable[..., Any]:
    """`made`, or eager where the first call shows that it is something else."""
    lock, chosen = threading.Lock(), []

    def choose(inputs: Sequence[Any]) -> Callable[..., Any]:
        try:
            problem = comparison.problem(graph_module, made, inputs)
        except Exception as error:  # of the call itself, which says so again, or of a kind of argument
            said = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
            warnings.warn(f"prec: the first call is not compared with eager: {said}", stacklevel=4)
            problem = ""
        if problem and strict:
            raise FrontendError(f"without roundings the graph differs from eager: {problem}")
        comparison.end()
        if not problem:
            return made
        warnings.warn(f"prec: the graph runs in eager, unrounded: without roundings it differs from eager: {problem}", stacklevel=4)
        return graph_module.forward

    def call(*inputs: Any) -> Any:
        if not chosen:
            with lock:
                if not chosen:
                    chosen.append(choose(inputs))
        return chosen[0](*inputs)

    return call
