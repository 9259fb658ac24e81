# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`export(module, example_inputs, path)`: a module to X.mlir and X.npz, compared with eager."""
from __future__ import annotations

import contextlib
import copy
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TYPE_CHECKING

import ml_dtypes  # noqa: F401  NumPy's bfloat16
import numpy as np

from prec.frontend import FrontendError, require, write_model

from .complex_pairs import real, split
from .decompositions import table
from .draws import Draws, is_random
from .lower import lower, scope_of
from .next_states import drops_out, return_states, writes_states
from .stacked_rnn import drops

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.export import ExportedProgram
    from torch.fx import Graph
    from torch.nn import Module


def export(module: Module, example_inputs: Sequence[Tensor], path: str | Path, *, check: bool = True, dynamic_shapes: Any = None) -> None:
    """Writes `path` and its weights beside it: `@main`, whose arguments are weights, then inputs.

    A module in training mode that changes its buffers (batch norm) or drops elements becomes `@forward`, which returns
    the buffers' next values after the results, and `@predict`, the module in evaluation: what prec-train trains. What is
    dropped follows from the run's seed and step; such a `@forward` is not compared, since PyTorch drops others.
    The module's answer to the example inputs is compared unless `check` is false; an
    import that differs raises FrontendError and writes nothing.
    """
    torch = require("torch")
    require("torch.nn.attention")
    module = copy.deepcopy(module)
    forms = program, _ = _program(torch, module, example_inputs, dynamic_shapes)
    arguments, weights, inputs = _arguments(torch, program)
    mode = " in evaluation" if drops_out(torch, program) else ""
    if not module.training or not (writes_states(torch, program) or drops_out(torch, program)):
        text, worst = _function(torch, forms, arguments, weights, inputs, example_inputs, check)
    else:
        predict = _program(torch, module.eval(), example_inputs, dynamic_shapes)
        if _arguments(torch, predict[0])[0] != arguments:
            raise FrontendError("the module has other constants in training than in evaluation: export module.eval()")
        text, worst = _function(torch, forms, arguments, weights, inputs, example_inputs, check, predict)
    note = f"checked against PyTorch {torch.__version__}{mode}: largest difference {worst:.3g}" if check else "not checked"
    write_model(path, f"// Exported from {type(module).__name__}; {note}\n{text}", weights)


def _program(
    torch: ModuleType, module: Module, example_inputs: Sequence[Tensor], dynamic_shapes: Any
) -> tuple[ExportedProgram, ExportedProgram]:
    """The module (in simple operators, as it is in eager)."""
    with torch.no_grad(), _plain_operators(torch):
        try:
            eager = torch.export.export(module, tuple(example_inputs), dynamic_shapes=dynamic_shapes)
        except Exception as error:  # of many classes
            raise FrontendError(f"torch.export cannot trace the module: {str(error).strip().splitlines()[0]}") from error
        rules = torch.export.default_decompositions()
        rules.update(table())
        with _keeping_constants(torch, eager):
            program = eager.run_decompositions(rules)
    for name, part in module.named_modules():
        if isinstance(part, torch.nn.RNNBase) and drops(part):
            raise FrontendError(f"layer '{name}' drops between its layers, which a file has no random numbers for: export module.eval()")
    kinds = torch.export.graph_signature.OutputKind
    for spec in program.graph_signature.output_specs:
        if spec.kind == kinds.USER_INPUT_MUTATION:
            raise FrontendError(f"the module changes its input '{spec.target}', which a file cannot: clone it")
        if spec.kind == kinds.BUFFER_MUTATION and not module.training:
            raise FrontendError(f"the module in evaluation changes its buffer '{spec.target}', of which a file keeps nothing between calls")
        if not isinstance(spec.arg, torch.export.graph_signature.TensorArgument):
            raise FrontendError(f"result '{getattr(spec.arg, 'value', spec.arg.name)}' is no tensor")
    for node in program.graph.nodes:
        if is_random(torch, node) and (node.target is not torch.ops.prec.words.default or not module.training):
            raise FrontendError(f"layer '{scope_of(node)}' draws random numbers ('{node.name}'), which a file has none of: export module.eval()")
    return program, eager


def _real(torch: ModuleType, program: ExportedProgram) -> Graph:
    return split(torch, torch.fx.GraphModule(program.graph_module, program.graph)).graph


def _dtype(value: Tensor) -> str:
    return str(value.dtype.to_real() if value.dtype.is_complex else value.dtype).removeprefix("torch.")


def array_of(torch: ModuleType, tensor: Tensor) -> np.ndarray:
    """A tensor's numbers, of bf16 as well; complex ones as pairs."""
    tensor = real(torch, tensor.detach().contiguous())
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.uint16).numpy().view("bfloat16")
    return tensor.numpy()


def _results(program: ExportedProgram) -> list[tuple[str, str]]:
    dtypes = {n.name: _dtype(n.meta["val"]) for n in program.graph.nodes if hasattr(n.meta.get("val"), "dtype")}
    return [(spec.arg.name, dtypes.get(spec.arg.name, "")) for spec in program.graph_signature.output_specs]


def _function(
    torch: ModuleType,
    forms: tuple[ExportedProgram, ExportedProgram],
    arguments: list[tuple[str, str, str]],
    weights: dict[str, np.ndarray],
    inputs: list[str],
    example_inputs: Sequence[Tensor],
    check: bool,
    predict: tuple[ExportedProgram, ExportedProgram] | None = None,
) -> tuple[str, float]:
    """The text of @main, or of @forward and @predict, and the largest difference from eager."""
    program, eager = forms
    if check:  # what is all zeros or ones hides what is wrong behind it
        example_inputs = [_varied(torch, t, name) for t, name in zip(example_inputs, inputs, strict=True)]
        weights = weights | {
            name: array_of(torch, _vary(torch, (*forms, *(predict or ())), name)) for name, role, _ in arguments if role == "weight"
        }
    states = [name for name, role, _ in arguments if role == "state"] if predict else []
    is_random = drops_out(torch, program)
    expected = _eager(torch, eager, example_inputs, states) if check and not is_random else []
    also = _eager(torch, predict[1], example_inputs, []) if check and predict else []

    def first_parting(forms: tuple[ExportedProgram, ExportedProgram]) -> str:
        from .parting import first_parting

        with _plain_operators(torch):
            return first_parting(torch, _real(torch, forms[0]), forms, arguments, weights, inputs, beside(torch, example_inputs))

    if not predict:
        text = lower(_real(torch, program), arguments, _results(program))
        return text, _compare(torch, text, weights, inputs, example_inputs, expected, lambda: first_parting(forms))
    results = return_states(torch, program, states)
    graph = _real(torch, program)
    drawn = Draws(torch, graph).arguments
    text = lower(graph, arguments + drawn, results, name="forward", others={"predict": (_real(torch, predict[0]), _results(predict[0]))})
    return text, max(_compare(torch, text, weights, inputs, example_inputs, made, lambda: first_parting(of), entry)
                     for entry, of, made in (("forward", forms, expected), ("predict", predict, also)))  # fmt: skip


@contextlib.contextmanager
def _plain_operators(torch: ModuleType) -> Iterator[None]:
    """Without fused kernels of one machine, which have no decomposition."""
    mkldnn, fast = torch.backends.mkldnn.enabled, torch.backends.mha.get_fastpath_enabled()
    torch._C._set_mkldnn_enabled(False)
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            yield
    finally:
        torch._C._set_mkldnn_enabled(mkldnn)
        torch.backends.mha.set_fastpath_enabled(fast)


@contextlib.contextmanager
def _keeping_constants(torch: ModuleType, program: ExportedProgram) -> Iterator[None]:
    """Tables that a rule makes of numbers: PyTorch lifts them out of the graph, and would forget them."""
    trace = torch.export._trace
    lift = trace._materialize_and_lift_constants

    def lift_and_keep(*arguments: Any) -> dict[str, Any]:
        made = lift(*arguments)
        program.constants.update({name: value for name, value in made.items() if name not in program.constants})
        return made

    trace._materialize_and_lift_constants = lift_and_keep
    try:
        yield
    finally:
        trace._materialize_and_lift_constants = lift


def _arguments(torch: ModuleType, program: ExportedProgram) -> tuple[list[tuple[str, str, str]], dict[str, np.ndarray], list[str]]:
    """(arguments for lower, {name: array}, names of inputs)."""
    kinds = torch.export.graph_signature.InputKind
    arguments, weights, inputs = [], {}, []
    for spec in program.graph_signature.input_specs:
        if spec.kind == kinds.USER_INPUT:
            value = next(n for n in program.graph.nodes if n.name == spec.arg.name).meta.get("val")
            if not isinstance(value, torch.Tensor):
                raise FrontendError(f"input '{spec.arg.name}' is no tensor")
            inputs.append(spec.arg.name)
            arguments.append((spec.arg.name, "input", _dtype(value)))
            continue
        if spec.target in program.state_dict:
            tensor = program.state_dict[spec.target]
        elif spec.target in program.constants:
            tensor = program.constants[spec.target]
        else:
            raise FrontendError(f"'{spec.target}' is neither a parameter nor a buffer")
        role = "weight" if spec.kind == kinds.PARAMETER else "state"
        weights[spec.target] = array_of(torch, tensor.cpu())
        arguments.append((spec.target, role, _dtype(tensor)))
    return arguments, weights, inputs


def _eager(torch: ModuleType, program: ExportedProgram, example_inputs: Sequence[Tensor], states: Sequence[str]) -> list[list[np.ndarray]]:
    """[results and next states for the example inputs, and twice for inputs next to them]."""

    def call(values: Sequence[Tensor]) -> list[np.ndarray]:
        module = copy.deepcopy(program.module())
        with torch.no_grad(), _plain_operators(torch):
            made = torch.utils._pytree.tree_leaves(module(*(v.clone() for v in values)))
        buffers = dict(module.named_buffers())
        return [array_of(torch, t) for t in made + [buffers[name] if name in buffers else program.constants[name] for name in states]]

    return [call(values) for values in beside(torch, example_inputs)]


def beside(torch: ModuleType, example_inputs: Sequence[Tensor]) -> list[list[Tensor]]:
    """The example inputs, and twice inputs next to them."""
    generator = torch.Generator().manual_seed(0)
    return [list(example_inputs)] + [
        [next_to(torch, t, generator) if t.is_floating_point() else t for t in example_inputs] for _ in range(2)
    ]


def _varied(torch: ModuleType, tensor: Tensor, name: str) -> Tensor:
    """A tensor of one number plus numbers below 1; any other is itself."""
    if not tensor.is_floating_point() or tensor.numel() < 2 or not tensor.isfinite().all() or (tensor != tensor.flatten()[0]).any():
        return tensor
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    return tensor + torch.rand(tensor.shape, generator=generator).to(tensor.dtype)


def _vary(torch: ModuleType, programs: Sequence[ExportedProgram], name: str) -> Tensor:
    """Makes a parameter of all of them so, and returns it."""
    varied = _varied(torch, programs[0].state_dict[name].detach().cpu(), name)
    for program in programs:
        program.state_dict[name] = torch.nn.Parameter(varied, requires_grad=False)
    return varied


def next_to(torch: ModuleType, tensor: Tensor, generator: Generator) -> Tensor:
    share = max(2.0**-20, torch.finfo(tensor.dtype).eps)
    return (tensor * (1 + share * (torch.rand(tensor.shape, generator=generator) * 2 - 1))).to(tensor.dtype)


def _compare(
    torch: ModuleType,
    text: str,
    weights: dict[str, np.ndarray],
    inputs: list[str],
    example_inputs: Sequence[Tensor],
    expected: list[list[np.ndarray]],
    first_parting: Callable[[], str],
    entry: str | None = None,
) -> float:
    """The largest difference from what eager made, 0 if that is nothing; raises where one is too large, and says where it began."""
    from prec.compare import differs, run_model

    if not expected:
        return 0.0
    arrays = {n: array_of(torch, t) for n, t in zip(inputs, example_inputs)}
    ours = run_model(text, weights, inputs, arrays, len(expected[0]), entry=entry)
    worst = 0.0
    for k, (mine, reference, *others) in enumerate(zip(ours, *expected)):
        problem = differs(mine, reference, others)
        if problem:
            try:
                place = first_parting()
            except Exception:  # nobody knows where, then
                place = ""
            raise FrontendError(f"the export differs from PyTorch: result {k}{f' of @{entry}' if entry else ''} {problem}{place}")
        if reference.dtype.kind == "f" and reference.size:
            worst = max(worst, float(np.nanmax(np.abs(mine - reference), initial=0)))
    return worst
