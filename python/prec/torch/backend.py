# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The backend "prec" of torch.compile: forward and backward graphs, compiled by our pipeline.

AOTAutograd makes both graphs; each becomes a module with its phase, module paths as
scopes and roles of arguments, is rounded by the policy in `options` and compiled in this
process. A graph that cannot be lowered, or whose first call is not what eager computes,
runs in eager with a warning that says why, or is an error with `strict`; options that
cannot be carried out are an error.
"""
from __future__ import annotations

import functools
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any, TYPE_CHECKING

from prec.engine import Engine, EngineError
from prec.frontend import FrontendError, require

from .calling import Calls
from .checking import Comparison, compared
from .complex_pairs import through
from .decompositions import table
from .draws import Draws
from .lower import lower
from .quantized_rules import inline
from .stacked_rnn import split_stacks
from .static_shapes import specialize
from .twin import Twin

if TYPE_CHECKING:
    from torch import Tensor
    from torch._dynamo.output_graph import GraphCompileReason
    from torch._functorch._aot_autograd.schemas import ViewAndMutationMeta
    from torch.fx import Graph, GraphModule, Node

OWN_OPTIONS = ("strict", "threads", "check")
_state = threading.local()


def set_step(step: int) -> None:
    """The training step that stochastic rounding and schedules see from here on."""
    if not 0 <= step < 1 << 32:
        raise ValueError(f"found step {step}, expected 0..4294967295")
    _state.step = step


def current_step() -> int:
    return getattr(_state, "step", 0)


class OptionsError(ValueError):
    """What the options ask for cannot be done to a graph that runs without them."""


class NotEager(Exception):
    """PyTorch's decomposition of an operator is something else than its eager mode computes."""


class Compiled:
    """A graph as a function from a list of tensors to a list of tensors. results: those of eager, without numbers."""

    def __init__(
        self,
        torch: ModuleType,
        graph_module: GraphModule,
        roles: Sequence[str],
        phase: str,
        flags: Mapping[str, Any],
        threads: int,
        is_differentiated: bool,
        results: Sequence[Any],
        comparison: Comparison | None,
    ) -> None:
        self.torch, self.comparison = torch, comparison
        nodes = list(graph_module.graph.nodes)
        places = [n for n in nodes if n.op == "placeholder"]
        self.output = _flat(nodes[-1].args[0])
        self.places = {n: i for i, n in enumerate(n for n in places if not _is_unused_size(torch, n))}
        tensors = dict.fromkeys(n for n in self.output if _is_tensor(torch, n) and n not in self.places)
        self.made = {n: i for i, n in enumerate(tensors)}
        copy = functools.partial(_tensor_outputs_only, torch, graph_module, self.output, tensors)
        graph = copy()
        arguments = []
        for node, role in zip(places, roles, strict=True):
            value = node.meta.get("val")
            if _is_unused_size(torch, node):
                continue
            if not isinstance(value, torch.Tensor):
                raise FrontendError(f"argument '{node.name}' is no tensor (sizes that vary: dynamic=False)")
            arguments.append((node.name, role, str(value.dtype).removeprefix("torch.")))
        self.draws = Draws(torch, graph)
        own, arguments = arguments, arguments + self.draws.arguments
        self.metas = [n.meta["val"] for n in tensors]
        if phase == "forward":
            _require_types(torch, self.output, results)
        layouts = _layouts(torch, self.output, results) if phase == "forward" else {}
        self.layouts = [(self.made[n], strides) for n, strides in layouts.items() if n in self.made]
        how = {"phase": phase, "is_differentiated": is_differentiated}
        self.text = lower(graph, arguments, **how)
        plain = functools.partial(Engine, self.text, name=phase, threads=threads)
        try:
            engine = plain(options=flags)
        except EngineError as error:
            plain()  # is it the graph's fault?
            raise OptionsError(f"the {phase} graph cannot be rounded as the options say: {error}") from None
        self.engine = Calls(torch, engine, self.metas)
        if comparison:
            make = plain if flags else lambda: engine
            comparison.add(self, lambda: Twin(torch, graph_module, copy, self.draws, own, how, threads, make))

    def call(self, arguments: list[Any]) -> list[Any]:
        """AOTAutograd's boxed convention: the list is emptied."""
        torch = self.torch
        taken = [a.detach().contiguous() for a in arguments if isinstance(a, torch.Tensor)]
        arguments.clear()
        if self.comparison and self.comparison.how:
            given = self.comparison.run(self, taken)
        else:
            given = self.engine(taken + self.draws.draw(), current_step())
        for i, strides in self.layouts:
            given[i] = _laid_out(torch, given[i], strides)
        return [self._result(n, taken, given) for n in self.output]

    def _result(self, node: Node | float | None, taken: list[Tensor], given: list[Tensor]) -> Tensor | float | None:
        """A tensor that is an argument is given back, not copied; one that stands there twice was made once."""
        if not _is_tensor(self.torch, node):
            return _value(node)
        return taken[self.places[node]] if node in self.places else given[self.made[node]]


def _metadata(torch: ModuleType, results: Sequence[Any]) -> ViewAndMutationMeta | None:
    context = torch._guards.TracingContext.try_get()
    metadata = context.fw_metadata if context else None
    if metadata is None or metadata.tokens or metadata.num_outputs != len(results):  # tokens of effects come before results
        return None
    return metadata


def _require_types(torch: ModuleType, output: Sequence[Any], results: Sequence[Any]) -> None:
    """Decompositions keep neither all types nor all shapes."""
    metadata = _metadata(torch, results)
    if metadata is None:
        return
    first = metadata.num_mutated_inp_runtime_indices
    for node, result in zip(output[first : first + len(results)], results):
        if not (_is_tensor(torch, node) and isinstance(result, torch.Tensor)):
            continue
        made = node.meta["val"]
        if (made.dtype, made.shape) != (result.dtype, result.shape):
            found, expected = (f"{x.dtype} {list(x.shape)}" for x in (made, result))
            raise NotEager(f"PyTorch decomposes '{node.name}' into {found}, its eager mode computes {expected}")


def _layouts(torch: ModuleType, output: Sequence[Any], results: Sequence[Any]) -> dict[Node, list[int]]:
    """{node: strides that eager's result has}, where it does not lie in order. Other results may have any strides."""
    metadata = _metadata(torch, results)
    if metadata is None:
        return {}
    first = metadata.num_mutated_inp_runtime_indices  # before the results, which what they are views of comes after
    bases = [n for n in output[first + len(results) : metadata.num_forward_returns] if _is_tensor(torch, n)]
    made = zip([*output[first : first + len(results)], *bases], [*results, *(n.meta["val"] for n in bases)])
    return {
        node: [int(step) for step in result.stride()] for node, result in made
        if isinstance(result, torch.Tensor) and not result.is_contiguous()
    }  # fmt: skip


def _laid_out(torch: ModuleType, tensor: Tensor, strides: Sequence[int]) -> Tensor:
    """A copy: `view`, `is_contiguous` and `randn_like` depend on strides."""
    shape = tensor.shape
    for axis, step in enumerate(strides):
        if step == 0 and shape[axis]:
            tensor = tensor.narrow(axis, 0, 1)
    return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype).copy_(tensor).expand(shape)


def _boxed(function: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
    """A plain function: wrappers on the way keep its attributes, not an object's."""

    def call(arguments: list[Any]) -> Any:
        return function(arguments)

    call._boxed_call = True
    return call


def _flat(output: Any) -> list[Any]:
    return list(output) if isinstance(output, (list, tuple)) else [output]


def _is_tensor(torch: ModuleType, node: object) -> bool:
    return isinstance(node, torch.fx.Node) and isinstance(node.meta.get("val"), torch.Tensor)


def _value(node: object) -> float | None:
    if node is None or isinstance(node, (int, float, bool)):
        return node
    raise FrontendError(f"result '{node}' is no tensor")


def _tensor_outputs_only(torch: ModuleType, graph_module: GraphModule, output: Sequence[Any], tensors: Iterable[Node]) -> Graph:
    """A copy of the graph that returns these tensors of its output; its constants are attributes of the module."""
    for node in output:
        if not _is_tensor(torch, node):
            _value(node)
    graph, map_ = torch.fx.Graph(graph_module), {}
    graph.graph_copy(graph_module.graph, map_)
    graph.output(tuple(map_[n] for n in tensors))
    for old, new in map_.items():
        new.meta = dict(old.meta)
        new.name = old.name
        if _is_unused_size(torch, new):
            graph.erase_node(new)
    return graph


def _is_unused_size(torch: ModuleType, node: Node) -> bool:
    return node.op == "placeholder" and not node.users and isinstance(node.meta.get("val"), (int, torch.SymInt))


def backend(
    graph_module: GraphModule,
    example_inputs: Sequence[Any],
    *,
    options: Mapping[str, Any] | None = None,
    mode: str | None = None,
    dynamic: bool | None = None,
) -> Callable[..., Any]:
    """What torch.compile calls."""
    torch = require("torch")
    require("torch.nn.attention")
    from torch._dynamo.backends.common import aot_autograd

    from .exporting import _plain_operators
    from .partition import partition

    options = dict(options or {})
    strict, threads = options.pop("strict", False), options.pop("threads", 1)
    comparison = Comparison(torch) if options.pop("check", True) else None
    _tell_breaks(torch, strict)

    example_inputs = specialize(torch, graph_module, example_inputs)

    def eager(error: str | Exception) -> Callable[..., Any]:
        if strict:
            raise FrontendError(error)
        warnings.warn(f"prec: the graph runs in eager, unrounded: {error}", stacklevel=3)
        return graph_module.forward

    split_stacks(torch, graph_module)
    inline(torch, graph_module)
    if wrong := _decomposed_wrongly(torch, graph_module):
        return eager(f"PyTorch decomposes '{wrong}' into something else than its eager mode computes")
    places = [n for n in graph_module.graph.nodes if n.op == "placeholder"]
    results = [n.meta.get("example_value") if isinstance(n, torch.fx.Node) else n for n in _flat(list(graph_module.graph.nodes)[-1].args[0])]
    weights = [isinstance(t, torch.nn.Parameter) or "_parameters_" in n.name for n, t in zip(places, example_inputs)]

    def compiler(phase: str, is_differentiated: bool = True) -> Callable[[GraphModule, Sequence[Any]], Callable[[list[Any]], Any]]:
        def compile_graph(module: GraphModule, inputs: Sequence[Any]) -> Callable[[list[Any]], Any]:
            names = [n.name for n in module.graph.nodes if n.op == "placeholder"]
            roles = [_role(n, weights, phase) for n in names]
            try:
                return _boxed(through(torch, module, results, lambda graph, results: Compiled(
                    torch, graph, roles, phase, options, threads, is_differentiated, results, comparison).call))  # fmt: skip
            except (FrontendError, EngineError) as error:
                if strict:
                    raise
                warnings.warn(f"prec: the {phase} graph runs in eager, unrounded: {error}", stacklevel=2)
                from functorch.compile import make_boxed_func

                return make_boxed_func(module.forward)

        return compile_graph

    try:
        with _plain_operators(torch):
            made = aot_autograd(
                fw_compiler=compiler("forward"), bw_compiler=compiler("backward"),
                inference_compiler=compiler("forward", is_differentiated=False), decompositions=table(),
                partition_fn=partition,
            )(graph_module, example_inputs)  # fmt: skip
    except torch._subclasses.fake_tensor.DynamicOutputShapeException as error:  # TorchDynamo would run it in eager, silently
        return eager(
            f"'{error.func}' makes as many elements as its data say (the gradient of what a masked write writes does, too): "
            "use torch.where"
        )
    except (FrontendError, OptionsError, torch._dynamo.exc.RestartAnalysis):
        raise
    except NotEager as error:
        return eager(error)
    except Exception as error:  # TorchDynamo would raise some as a failure of ours, and for others run eager, silently
        return eager(f"PyTorch cannot trace it: {type(error).__name__}: {str(error).splitlines()[0]}")
    return compared(graph_module, made, comparison, strict) if comparison and comparison.twins else made


def _decomposed_wrongly(torch: ModuleType, graph_module: GraphModule) -> str | None:
    """A function whose decomposition, which is made before a backend sees it, counts labels after their end, or is one of
    numbers for images of bytes, whose weights eager rounds to fixed points."""
    wrong = (torch.nn.functional.multilabel_margin_loss, torch._C._nn.multilabel_margin_loss)

    def resizes_bytes(node: Node) -> bool | re.Match[str] | None:
        dtype, text = getattr(node.meta.get("example_value"), "dtype", None), f"{node.target} {node.args} {node.kwargs}"
        return dtype == torch.uint8 and re.search("interpolate|upsample", text) and re.search("linear|cubic", text)

    return next((n.name for n in graph_module.graph.nodes if n.target in wrong or resizes_bytes(n)), None)


def _tell_breaks(torch: ModuleType, strict: bool) -> None:
    """Says where TorchDynamo cut the model before it came here; what lies between graphs is not ours."""
    told = getattr(_state, "told", [])
    _state.told = list(torch._dynamo.utils.graph_break_reasons)
    for reason in _state.told:
        if any(reason is old for old in told) or _own_break(reason):
            continue
        place = "".join(f"{f.filename}:{f.lineno}: " for f in reason.user_stack[-1:])
        said = f"{place}the graph ends here, and what cannot be traced runs in eager, unrounded: {reason.reason.splitlines()[0]}"
        if strict:
            raise FrontendError(said)
        warnings.warn(f"prec: {said}", stacklevel=2)


def _own_break(reason: GraphCompileReason) -> bool:
    """One with nothing but Python at it: PyTorch's optimizers and its schedulers' wrappers end a graph, and so do messages."""
    if any(word in reason.reason for word in ("torch/optim/lr_scheduler.py", "logging.Logger method", "setattr() on Tensor.requires_grad")):
        return True
    return bool(reason.user_stack) and reason.user_stack[-1].filename.endswith("torch/optim/optimizer.py")


def _role(name: str, weights: Sequence[bool], phase: str) -> str:
    """primals_N is argument N of the whole, argM_1 argument M + 1 where none has a gradient; backward also gets tangents."""
    found = re.fullmatch(r"primals_(\d+)|arg(\d+)_1", name)
    place = -1 if not found else int(found[1]) - 1 if found[1] else int(found[2])
    if 0 <= place < len(weights):
        return "weight" if weights[place] else "input"
    if name.startswith("tangents_"):
        return "gradient"
    return "activation" if phase == "backward" else "input"


def _register() -> None:
    torch = require("torch")
    torch._dynamo.config.allow_rnn = True  # else LSTM, GRU and RNN run in eager
    # Else the ninth shape runs in eager.
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, 64)
    if "prec" not in torch._dynamo.list_backends(exclude_tags=()):
        torch._dynamo.register_backend(backend, name="prec")


_register()
