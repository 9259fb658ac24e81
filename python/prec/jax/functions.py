# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""StableHLO from JAX, linalg by the pinned importer, layer names from `named_scope`."""
from __future__ import annotations

import functools
import re
import subprocess
import tempfile
from collections.abc import Callable, Container, Iterable, Sequence
from pathlib import Path
from typing import Any, TYPE_CHECKING

import numpy as np

from prec.engine import Engine
from prec.frontend import FrontendError, require, run_tool, write_model

from .complex_pairs import has_complex, joined, of_pairs, part_avals, parts
from .leaves import as_jax, stored, stored_dtype
from .lowerings import rules
from .refusals import refuse
from .stablehlo import hold_conversions, only_computations, with_plain_bools

if TYPE_CHECKING:
    from iree.compiler.ir import DictAttr

    from prec._engine import Array

PASSES = (
    "--inline", "--iree-stablehlo-input-transformation-pipeline", "--canonicalize", "--cse",
    "--symbol-dce",
)  # fmt: skip
UNSIGNED = {"uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64"}


def lower(
    f: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any] | None = None, roles: Sequence[str] | None = None
) -> tuple[str, list[str], Callable[[list[np.ndarray]], Any]]:
    """(module's text, names of arguments, function from arrays to the tree of results)."""
    jax = require("jax")
    leaves = jax.tree_util.tree_flatten_with_path((args, keywords or {}))[0]
    pieces = [(_name(path[1:]) + end, part, k) for k, (path, leaf) in enumerate(leaves) for end, part in parts(stored(leaf))]
    names = [name for name, *_ in pieces]
    from jax._src.interpreters.mlir import LoweringParameters

    traced = jax.jit(f, keep_unused=True).trace(*args, **keywords or {})
    structure, results = jax.tree_util.tree_structure(traced.out_info), traced.jaxpr.out_avals
    refuse(traced.jaxpr.jaxpr)
    if has_complex(traced.jaxpr.jaxpr):
        given = [jax.ShapeDtypeStruct(a.shape, a.dtype) for aval in traced.jaxpr.in_avals for a in part_avals(aval)]
        traced = jax.jit(of_pairs(traced.jaxpr), keep_unused=True).trace(*given)
    lowered = traced.lower(_private_parameters=LoweringParameters(override_lowering_rules=rules()))
    module = only_computations(lowered.compiler_ir("stablehlo"))
    hold_conversions(module)
    text = with_plain_bools(module.operation.get_asm(enable_debug_info=True))
    is_differentiated = "jvp(" in text or "transpose(" in text
    text = _to_linalg(text)
    roles = [roles[k] if roles else "input" for *_, k in pieces]
    dtypes = [part.dtype.name for _, part, _ in pieces]
    made = [stored_dtype(part).name for r in results for part in part_avals(r)]
    text = _annotate(text, names, roles, dtypes, made, is_differentiated)
    text = run_tool(
        "prec-opt", "--prec-adopt-model", "--allow-unregistered-dialect",
        "--mlir-print-debuginfo=false", "-", text=text,
    )  # fmt: skip

    def tree(arrays: list[np.ndarray]) -> Any:
        whole = [a[0] + 1j * a[1] if isinstance(a, tuple) else a for a in joined(arrays, results)]
        return jax.tree_util.tree_unflatten(structure, [as_jax(a, like) for a, like in zip(whole, results, strict=True)])

    return text, names, tree


def _name(path: Iterable[Any]) -> str:
    """'0/w1' for args[0]['w1']."""
    words = [str(getattr(k, "key", getattr(k, "idx", getattr(k, "name", k)))) for k in path]
    return "/".join(words)


def _to_linalg(text: str) -> str:
    """The foreign importer runs as a program: it can crash."""
    libs = Path(require("iree.compiler._mlir_libs").__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.mlir", Path(folder) / "out.mlir"
        source.write_text(text)
        done = subprocess.run(
            [libs / "iree-opt", source, *PASSES, "--mlir-print-op-generic", "--mlir-print-debuginfo",
             "-o", target],
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if "error:" in line]
            why = errors[0].split("error:")[1].strip()[:300] if errors else f"it crashed ({done.returncode})"
            place = re.match(r"\S+\.py:\d+(?=:)", errors[0]) if errors else None
            raise FrontendError(f"{place[0] + ': ' if place else ''}the foreign importer: {why}")
        return target.read_text()


def _annotate(
    text: str, names: Sequence[str], roles: Sequence[str], dtypes: Sequence[str], results: Sequence[str], is_differentiated: bool
) -> str:
    """Names, roles and signs of arguments and results, written by the importer's MLIR."""
    ir = require("iree.compiler.ir")
    context = ir.Context()
    context.allow_unregistered_dialects = True
    with context:
        module = ir.Module.parse(text)
        function = next(
            op for op in module.body.operations
            if op.operation.name == "func.func" and ir.StringAttr(op.attributes["sym_name"]).value == "main"
        )  # fmt: skip

        def words(name: str | None, role: str, dtype: str) -> DictAttr:
            made = {}
            if name is not None:
                made["prec.name"] = ir.StringAttr.get(name)
                made["prec.role"] = ir.StringAttr.get(role)
            if dtype in UNSIGNED:
                made["prec.dtype"] = ir.StringAttr.get(UNSIGNED[dtype])
            return ir.DictAttr.get(made)

        function.attributes["arg_attrs"] = ir.ArrayAttr.get(
            [words(*row) for row in zip(names, roles, dtypes, strict=True)]
        )
        function.attributes["res_attrs"] = ir.ArrayAttr.get([words(None, "", d) for d in results])
        if is_differentiated:
            function.attributes["prec.differentiated"] = ir.StringAttr.get("JAX")
        function.attributes["sym_visibility"] = ir.StringAttr.get("public")
        for name in list(module.operation.attributes):
            del module.operation.attributes[name]
        return module.operation.get_asm(
            print_generic_op_form=True, enable_debug_info=True, large_elements_limit=None
        )


def export(f: Callable[..., Any], args: Sequence[Any], path: str | Path, *, weights: Container[int] = (), check: bool = True) -> None:
    """Writes f for arguments like `args`; those of the numbers `weights` go to X.npz.

    Arguments are named by their place in the tree ("0/w1"). The module's answer to `args`
    is compared with JAX's unless `check` is false.
    """
    jax = require("jax")
    from prec.compare import run_model

    from .checking import worst_difference

    flat, structure = jax.tree_util.tree_flatten_with_path((tuple(args), {}))
    roles = ["weight" if path[1].idx in weights else "input" for path, _ in flat]
    text, names, _ = lower(f, tuple(args), roles=roles)
    whole = [stored(leaf) for _, leaf in flat]
    pieces = [(part, role) for array, role in zip(whole, roles, strict=True) for _, part in parts(array)]
    kept = {n: part for n, (part, role) in zip(names, pieces, strict=True) if role == "weight"}
    note = "not checked"
    if check:  # what is all zeros or ones hides what is wrong behind it
        inputs = [n for n in names if n not in kept]

        def ours(given: list[np.ndarray], count: int) -> list[np.ndarray]:
            arrays = dict(zip(names, given, strict=True))
            return run_model(text, {n: arrays[n] for n in kept}, inputs, arrays, count)

        varied = [_varied(a, k) for k, a in enumerate(whole)]
        worst = worst_difference(f, f, lower, structure, [leaf for _, leaf in flat], varied, ours, "the export")
        note = f"checked against JAX {jax.__version__}: largest difference {worst:.3g}"
    write_model(path, f"// Exported from {getattr(f, '__name__', 'a function')}; {note}\n{text}", kept)


def _varied(array: np.ndarray, seed: int) -> np.ndarray:
    """An array of one number plus numbers below 1; any other is itself."""
    if array.dtype.kind != "f" or array.size < 2 or not np.isfinite(array).all() or (array != array.flat[0]).any():
        return array
    return array + np.random.default_rng(seed).random(array.shape).astype(array.dtype)


def jit(f: Callable[..., Any], *, threads: int = 1, check: bool = True, **flags: Any) -> Callable[..., Any]:
    """f compiled with the precision flags; `step=N` of a call is what random bits see, other keywords are f's.

    The first call for a structure and shapes is compared with `jax.jit`'s, without the roundings, unless `check` is false: what
    differs is a FrontendError that names the first layer.
    """
    jax = require("jax")
    compiled = {}

    def called(engine: Engine, arrays: list[np.ndarray], step: int = 0) -> list[np.ndarray]:
        made = engine.call([a.view(np.uint16) if a.dtype.name == "bfloat16" else a for a in arrays], step)
        return [_numpy(a, word) for a, (word, _) in zip(made, engine.results)]

    def compile_for(args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Engine, Callable[..., Any]]:
        text, _, tree = lower(f, args, keywords)
        make = functools.partial(Engine, text, name=getattr(f, "__name__", "f"), threads=threads)
        engine = make(options=flags)
        if check:
            from .checking import worst_difference

            plain = make() if flags else engine
            leaves, structure = jax.tree_util.tree_flatten((args, keywords))
            framework = jax.jit(f, compiler_options={"xla_allow_excess_precision": False})  # else it leaves out roundings to bf16
            worst_difference(f, framework, lower, structure, leaves, [*map(stored, leaves)], lambda given, _: called(plain, given), "the function")
        return engine, tree

    @functools.wraps(f)
    def call(*args: Any, step: int = 0, **keywords: Any) -> Any:
        leaves, structure = jax.tree_util.tree_flatten((args, keywords))
        key = structure, tuple(map(jax.typeof, leaves))
        arrays = [np.asarray(part, order="C") for leaf in leaves for _, part in parts(stored(leaf))]
        if key not in compiled:
            compiled[key] = compile_for(args, keywords)
        engine, tree = compiled[key]
        return tree(called(engine, arrays, step))

    return call


def _numpy(array: Array, word: str) -> np.ndarray:
    """What the engine made, shared; NumPy itself has no bf16."""
    return np.asarray(require("jax").dlpack.from_dlpack(array) if word == "bf16" else array)
