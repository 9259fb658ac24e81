# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""An FX graph to a module of ours: the pinned importer, layer names, adoption.

Each operation's location is "layer/path|node", which `prec-adopt-model` makes a scope.
"""
from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, TYPE_CHECKING

from prec import child
from prec.frontend import FrontendError, require, run_tool

from . import empty_values, small_integers, symbols

if TYPE_CHECKING:
    from iree.compiler.ir import Attribute, Module as MlirModule, Operation
    from torch.fx import Graph, Node

PIPELINE = (
    "builtin.module(torch-function-to-torch-backend-pipeline,"
    "torch-backend-to-linalg-on-tensors-backend-pipeline)"
)
SECONDS = 600
UNSIGNED = {"uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64"}


def scope_of(node: Node) -> str:
    """The path of the module that the node belongs to, with slashes."""
    for key in ("nn_module_stack", "fwd_nn_module_stack"):
        stack = node.meta.get(key)
        if stack:
            path = list(stack.values())[-1][0]
            path = re.sub(r"L\['(?:self|fn)'\]|L__self__|\._modules\b|^self\b", "", path)
            path = re.sub(r"\['?([^'\]]+)'?\]", r".\1", path)
            if path == "_empty_nn_module_stack_from_metadata_hook":  # of what torch.export adds: extents
                return ""
            return path.strip(".").replace(".", "/")
    return ""


def place_of(node: Node) -> str:
    """'file:line: layer 'x': ' of what a node was made of, without what is not known."""
    frames = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    folder = os.path.dirname(require("torch").__file__)
    users = [f"{file}:{line}: " for file, line in frames if not file.startswith(folder)]
    layer = scope_of(node)
    return "".join(users[-1:]) + (f"layer '{layer}': " if layer else "")


def layer_of(node: Node) -> str:
    """The path of its module; outside of all, the name of the operation that it was made of."""
    sources = node.meta.get("from_node") or node.meta.get("source_fn_stack") or node.meta.get("fwd_source_fn_stack") or ()
    for source in sources:
        return scope_of(node) or (source[0] if isinstance(source, tuple) else source.name)
    return scope_of(node)


def _importer_class() -> Callable[[Any, str], Any]:
    fx_importer = require("iree.compiler.extras.fx_importer")
    ir = require("iree.compiler.ir")

    class Locations(fx_importer.ContextCache):
        """Locations that start with the layer's path."""

        prefix = ""
        last: Node | None = None

        def get_node_location(self, node: Node) -> Any:
            self.last = node
            return ir.Location.name(f"{self.prefix}{layer_of(node)}|{node.name}", context=self._c)

    def create(context: Any, prefix: str) -> Any:
        importer = fx_importer.FxImporter(context=context)
        importer._cc = Locations(context, py_attr_tracker=importer._py_attr_tracker)
        importer._cc.prefix = prefix
        return importer

    return create


def lower(
    graph: Graph,
    arguments: Sequence[tuple[str, ...]],
    results: Sequence[tuple[str, str]] | None = None,
    phase: str = "",
    is_differentiated: bool = False,
    name: str = "main",
    others: Mapping[str, tuple[Graph, Sequence[tuple[str, str]]]] | None = None,
) -> str:
    """A module's text. arguments: (name, role, dtype) for each placeholder, in order; a fourth word: those of `Draws`.

    `is_differentiated`: PyTorch takes gradients of the graph as it is, without roundings.
    `others`: {name: (graph, results)} of more functions with these arguments, or the first of them. The importer runs in a child process: on some graphs it crashes, or never ends.
    """
    require("iree.compiler.ir")
    require("iree.compiler.passmanager")
    torch = require("torch")
    functions = {name: (graph, results), **(others or {})}
    for one, _ in functions.values():
        empty_values.fill(torch, one)
        _refuse(one)
        small_integers.widen(torch, one)
        symbols.as_scalars(torch, one)
    text = child.call(_foreign, functions, arguments, phase, is_differentiated, who="the foreign importer", seconds=SECONDS)
    try:
        return run_tool(
            "prec-opt", "--prec-adopt-model", "--allow-unregistered-dialect",
            "--mlir-print-debuginfo=false", "-", text=text,
        )  # fmt: skip
    except FrontendError as error:
        if "@global_seed" not in str(error):
            raise
        raise FrontendError(reason(str(error))) from None


def _refuse(graph: Graph) -> None:
    for node in graph.nodes:
        dtype = getattr(node.meta.get("val"), "dtype", None)
        if dtype is not None and dtype.is_complex:
            raise FrontendError(f"{place_of(node)}'{node.name}' is a complex tensor, which has no roundings here: use the real and the imaginary part")
        if node.op == "placeholder" and dtype is not None and dtype.is_floating_point and dtype.itemsize == 1:
            raise FrontendError(f"'{node.name}' is {dtype}, which arguments are not: widen it before the call, and round by the policy")
        if str(node.target) == "with_effects":  # of a token, and the operator: what a factorisation says of its success
            words = [x for x in node.args[2:] if isinstance(x, str)]
            raise FrontendError(f"{place_of(node)}'{(words or [node.args[1]])[0]}' is not lowered")
        if "as_strided" in str(node.target):  # the importer takes all for contiguous
            raise FrontendError(f"{place_of(node)}'{node.name}' reads memory by strides, which values have none of: use slices, unfold or diagonal")
        if "index_put" in str(node.target):  # the importer takes a mask for indices
            for index in node.args[1]:
                if index is not None and str(index.meta["val"].dtype) == "torch.bool":
                    raise FrontendError(f"{place_of(node)}'{node.name}' writes as many values as its mask has elements: use torch.where")


def _foreign(
    functions: Mapping[str, tuple[Graph, Sequence[tuple[str, str]] | None]],
    arguments: Sequence[tuple[str, ...]],
    phase: str,
    is_differentiated: bool,
) -> str:
    """The importer's linalg, with names and roles of arguments."""
    ir = require("iree.compiler.ir")
    fake_tensor = require("torch._subclasses.fake_tensor")
    context = ir.Context()
    context.allow_unregistered_dialects = True
    nodes = {node.name: node for graph, _ in functions.values() for node in graph.nodes}

    def place(text: str) -> str:
        """Of the node whose name stands in a location."""
        found = re.search(r'"[^"|]*\|(\w+)"', text)
        return place_of(nodes[found[1]]) if found and found[1] in nodes else ""

    importer = None
    try:
        importer = _importer_class()(context, f"{phase}:" if phase == "backward" else "")
        with fake_tensor.unset_fake_temporarily():  # constants are real
            for name, (graph, _) in functions.items():
                importer.import_stateless_graph(graph, func_name=name)
        module = importer.module
        with context:
            for function in module.body.operations:
                symbol = ir.StringAttr(function.attributes["sym_name"]).value
                if symbol not in functions:
                    continue
                _, results = functions[symbol]
                count = len(ir.FunctionType(ir.TypeAttr(function.attributes["function_type"]).value).inputs)
                function.attributes["arg_attrs"] = ir.ArrayAttr.get(
                    [ir.DictAttr.get(_words(ir, *a)) for a in arguments[:count]]
                )
                if symbol == "forward":  # a training step's, which has a seed
                    function.attributes["prec.random"] = ir.StringAttr.get("run")
                if results:
                    function.attributes["res_attrs"] = ir.ArrayAttr.get(
                        [ir.DictAttr.get(_words(ir, name, "", dtype)) for name, dtype in results]
                    )
                if is_differentiated:
                    function.attributes["prec.differentiated"] = ir.StringAttr.get("PyTorch")
            try:
                require("iree.compiler.passmanager").PassManager.parse(PIPELINE).run(module.operation)
            except Exception as error:
                left, location = _left(ir, module)
                raise FrontendError(f"{place(str(error)) or place(location)}the foreign importer: {reason(str(error), left)}") from None
        _drop_index_checks(ir, module)
        return module.operation.get_asm(
            print_generic_op_form=True, enable_debug_info=True, large_elements_limit=None
        )
    except FrontendError:
        raise
    except Exception as error:
        last = place_of(importer._cc.last) if importer and importer._cc.last else ""
        raise FrontendError(f"{last}the foreign importer: {reason(str(error))}") from None


def _drop_index_checks(ir: ModuleType, module: MlirModule) -> None:
    """They would end the process; our compiler makes its own, which are errors of the call."""
    found = []

    def note(op: Operation) -> Any:
        if op.name == "cf.assert" and ir.StringAttr(op.attributes["msg"]).value.startswith("index must be"):
            found.append(op)
        return ir.WalkResult.ADVANCE

    module.operation.walk(note)
    for op in found:
        op.erase()


def _left(ir: ModuleType, module: MlirModule) -> tuple[str, str]:
    """The first operator that the importer left as it was, and its location."""
    found = []

    def note(op: Operation) -> Any:
        if op.name.startswith("torch.aten.") or op.name == "torch.operator":
            name = ir.StringAttr(op.attributes["name"]).value if op.name == "torch.operator" else op.name
            found.append((name, str(op.location)))
        return ir.WalkResult.ADVANCE

    module.operation.walk(note)
    return found[0] if found else ("", "")


def reason(text: str, left: str = "") -> str:
    """The operator that a foreign message is about, or its first line; `left`: one that was not lowered."""
    found = re.search(r"failed to legalize operation '([\w.]+)'(.*?name = \"([\w.]+)\")?", text, re.S)
    node = re.search(r'error: (?:loc\()?"[^"|]*\|(\w+)"', text)
    if node and "@global_seed" in text:
        return f"'{node[1]}' draws random numbers in a way that is not lowered"
    if node and "marked as backend illegal" in text:
        return f"'{node[1]}' is not lowered"
    if found and node and found[1].startswith("torch.constant"):  # what is left are its operands
        return f"'{node[1]}' is not lowered"
    if found and left and found[1].startswith("torch.constant"):
        return f"'{left}' is not lowered"
    if found:
        return f"'{found[3] or found[1]}' is not lowered"
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line]
    return (errors or lines or ["it failed without a word"])[0].strip()[:300]


def _words(ir: ModuleType, name: str, role: str, dtype: str, random: str = "", batches: str = "") -> dict[str, Attribute]:
    words = {"prec.name": ir.StringAttr.get(name)}
    if random:
        words["prec.random"] = ir.StringAttr.get(random)
    if batches:
        words["prec.batches"] = ir.StringAttr.get(batches)
    if role:
        words["prec.role"] = ir.StringAttr.get(role)
    if dtype in UNSIGNED:
        words["prec.dtype"] = ir.StringAttr.get(UNSIGNED[dtype])
    return words
