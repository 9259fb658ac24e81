# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random operators of a graph as arguments: what each call draws for them."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

from .lower import scope_of

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import Graph, Node

NUMBERS = """
    rand.default rand_like.default randn.default randn_like.default randint.default randint.low randint_like.default
    randint_like.low_dtype randperm.default normal.float_float normal_functional.default uniform.default
    exponential.default geometric.default cauchy.default log_normal.default
    rand.generator rand_like.generator randn.generator randn_like.generator randint.generator randint.low_generator
    randint_like.generator randint_like.low_generator_dtype randperm.generator
"""


def is_random(torch: ModuleType, node: Node) -> bool:
    return node.op == "call_function" and torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())


class Like:
    """A tensor that has no numbers yet."""

    def __init__(self, value: Tensor) -> None:
        self.shape, self.dtype = value.shape, value.dtype


class Draws:
    """Makes placeholders of a graph's random operators, after the others.

    `arguments` are what `lower` takes of them: words, which are no arguments of the compiled function, then numbers. Of
    a function with words the last argument is the two numbers of their keys.
    """

    def __init__(self, torch: ModuleType, graph: Graph) -> None:
        self.torch = torch
        calls = [n for n in graph.nodes if n.op == "call_function"]
        words = [n for n in calls if n.target is torch.ops.prec.words.default]
        numbers = [n for n in calls if str(n.target).removeprefix("aten.") in NUMBERS.split()]
        self.has_words = bool(words)
        self.numbers = [_call(torch, n) for n in numbers]
        first = next(n for n in graph.nodes if n.op != "placeholder")
        self.arguments, counts = [], Counter()
        for node in words + numbers:
            scope, which = scope_of(node), ""
            if node.target is torch.ops.prec.words.default:
                which = f"{scope} {counts[scope]}"
                counts[scope] += 1
            with graph.inserting_before(first):
                place = graph.placeholder(node.name)
            place.meta = dict(node.meta)
            node.replace_all_uses_with(place)
            value = place.meta["val"]
            dtype = str(value.dtype).removeprefix("torch.")
            self.arguments.append((place.name, "input", dtype, which, _batches(torch, value)))
        for node in words + numbers:
            graph.erase_node(node)

    def draw(self) -> list[Tensor]:
        """The tensors of one call, from PyTorch's generator."""
        made = [call() for call in self.numbers]
        if self.has_words:
            made.append(self.torch.empty(2, dtype=self.torch.int32).random_())
        return made


def _batches(torch: ModuleType, value: Tensor) -> str:
    """Of sizes that are not known before a call: how many batches each is, as `prec.batches` says it."""
    counts = []
    for size in value.shape:
        symbols = size.node.expr.free_symbols if isinstance(size, torch.SymInt) else ()
        whole = size.node.expr / next(iter(symbols)) if len(symbols) == 1 else 0
        counts.append(str(whole) if symbols and whole.is_integer and whole.is_number else "0")
    return ",".join(counts) if any(c != "0" for c in counts) else ""


def _call(torch: ModuleType, node: Node) -> Callable[[], Tensor]:
    """Draws a node's numbers as eager does: its tensors say only a size and a type."""
    target, arguments, keywords = node.target, *torch.fx.map_arg((node.args, node.kwargs), lambda n: Like(n.meta["val"]))

    def call() -> Tensor:  # tensors that are made before the call are fake ones
        given, named = torch.utils._pytree.tree_map_only(Like, lambda x: torch.empty(x.shape, dtype=x.dtype), (arguments, keywords))
        return target(*given, **named).contiguous()

    return call
