# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A compiled graph without roundings, and by PyTorch's operators; its masks are words that both are given."""
from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TYPE_CHECKING

from prec.engine import Engine

from .calling import Calls
from .draws import Draws
from .exporting import array_of, beside
from .lower import lower
from .parting import differing, dtype_of, told
from .random_rules import HALF

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor
    from torch.fx import Graph, GraphModule, Node


class Twin:
    """`copy()`: the graph, whose constants are attributes of `owner`; `plain()`: its engine, right unless it has masks."""

    def __init__(
        self,
        torch: ModuleType,
        owner: GraphModule,
        copy: Callable[[], Graph],
        draws: Draws,
        arguments: Sequence[tuple[str, ...]],
        how: dict[str, Any],
        threads: int,
        plain: Callable[[], Engine],
    ) -> None:
        self.torch, self.owner, self.copy, self.draws = torch, owner, copy, draws
        self.arguments = [*arguments, *((name, role, dtype) for name, role, dtype, *_ in draws.arguments)]
        self.how, self.threads = how, threads
        self.make = (lambda: self._compiled(self._module())) if draws.has_words else plain
        self.given: list[Tensor] = []  # by a call that was to be kept

    def _module(self) -> GraphModule:
        graph = self.copy()
        Draws(self.torch, graph)
        return self.torch.fx.GraphModule(self.owner, graph)

    def _compiled(self, module: GraphModule, results: Sequence[tuple[str, str]] | None = None) -> Engine:
        return Engine(lower(module.graph, self.arguments, results, **self.how), threads=self.threads)

    @functools.cached_property
    def module(self) -> GraphModule:
        return self._module()

    @functools.cached_property
    def plain(self) -> Calls:
        return Calls(self.torch, self.make(), [n.meta["val"] for n in list(self.module.graph.nodes)[-1].args[0]])

    @property
    def is_narrow(self) -> bool:
        dtypes = {getattr(n.meta.get("val"), "dtype", None) for n in self.module.graph.nodes}
        return bool({self.torch.float16, self.torch.bfloat16} & dtypes)

    def draw(self) -> list[Tensor]:
        """What the random operators of a call are: masks' words, then numbers."""
        torch, shapes = self.torch, {n.name: n.meta["val"].shape for n in self.module.graph.find_nodes(op="placeholder")}
        words = [torch.randint(-HALF, HALF, list(shapes[name]), dtype=torch.int32) for name, _, _, which, _ in self.draws.arguments if which]
        return words + [call() for call in self.draws.numbers]

    def eager(self, given: list[Tensor]) -> list[Tensor]:
        with self.torch.no_grad():
            return [t.contiguous().clone() for t in self.module(*given)]

    def first_parting(self) -> str:
        """The end of a message: the layer whose operator makes something else of `given` than PyTorch's."""
        torch, module = self.torch, self._module()

        def ours(nodes: Sequence[Node]) -> list[np.ndarray]:
            calls = Calls(torch, self._compiled(module, [(n.name, dtype_of(n)) for n in nodes]), [n.meta["val"] for n in nodes])
            return [array_of(torch, t) for t in calls(self.given)]

        node, *_ = differing(torch, module, beside(torch, self.given), ours)
        return told(node) if node else ""
