#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs torch-mlir's end-to-end tests through torch.compile's backend and prec.torch.export, and compares with eager.

    scripts/torch_mlir_suite.py CHECKOUT [--export N] [--json FILE] [NAME ...]

CHECKOUT is one of https://github.com/llvm/torch-mlir; nothing of it is built. Each module runs with gradients where eager has some,
else (or where that fails) without, every N-th also out of a file; of random numbers only types and shapes are compared. It is `right`, `refused` with a reason, or `broken` in eager;
`wrong`, and what fails without a reason of ours, crashes or takes too long (`failed`), must never be.
"""
import argparse
import collections
import importlib.util
import json
import sys
import tempfile
import types
import zlib
from pathlib import Path

import numpy as np
import torch
from torch.utils._pytree import tree_flatten, tree_unflatten
from torch_suite import WIDENED, differs, lies_otherwise, run, without_place

import prec.torch
from prec import child
from prec.compare import run_model
from prec.frontend import FrontendError
from prec.torch.exporting import array_of

TESTS, SECONDS = "torch_mlir_e2e_test", 300
CASES = {}
MAKE = types.SimpleNamespace(
    rand=lambda *sizes, low=0.0, high=1.0: torch.empty(sizes).uniform_(low, high), nans=lambda *sizes: torch.full(sizes, torch.nan),
    randint=lambda *sizes, low=0, high=10, dtype=torch.int64: torch.randint(low, high, sizes, dtype=dtype),
)  # fmt: skip


def stubs(checkout):
    """{module that tests import: what is in it}: ours, and nothing where they run without it."""

    def register(module_factory, timeout_seconds=0):
        return lambda invoke: CASES.setdefault(invoke.__name__, (module_factory, invoke))

    made = {
        TESTS: {"__path__": []}, f"{TESTS}.registry": {"register_test_case": register}, f"{TESTS}.framework": {"TestUtils": MAKE},
        f"{TESTS}.annotations": {"export": lambda f: f, "annotate_args": lambda annotations: lambda f: f},
        f"{TESTS}.test_suite": {"__path__": [str(checkout / f"projects/pt1/python/{TESTS}/test_suite")]},
        "torch_mlir": {"__path__": []}, "torch_mlir._version": {"torch_version_for_comparison": lambda: (9,), "version": None},
    }  # fmt: skip
    if not importlib.util.find_spec("torchvision"):  # one test of a file needs it
        made |= {"torchvision": {"__path__": []}, "torchvision.ops": {}, "torchvision.models": {}}
    return made


def load(checkout):
    """Fills CASES."""
    for name, contents in stubs(checkout).items():
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(contents)
    for path in sorted(Path(sys.modules[f"{TESTS}.test_suite"].__path__[0]).glob("[a-z]*.py")):
        try:
            importlib.import_module(f"{TESTS}.test_suite.{path.stem}")
        except ImportError as error:  # operators of torch-mlir's own
            print(f"{path.stem}: not loaded: {str(error).splitlines()[0]}")


class OfTensors(torch.nn.Module):
    """A test's module as one of the tensors among its arguments."""

    def __init__(self, factory, given, tree, wide=False):
        super().__init__()
        torch.manual_seed(0)
        self.module = factory().double() if wide else factory()
        self.given, self.tree = [None if isinstance(x, torch.Tensor) else x for x in given], tree

    def forward(self, *tensors):
        rest = iter(tensors)
        arguments, keywords = tree_unflatten([next(rest) if x is None else x for x in self.given], self.tree)
        return self.module.forward(*arguments, **keywords)


def execute(factory, given, tree, is_differentiated, seed=0, wide=False, compiled=False):
    """What torch_suite.run makes of inputs, parameters and buffers."""
    module = OfTensors(factory, given, tree, wide)
    inputs = [x.double() if wide and x.dtype in WIDENED else x.clone() for x in given if isinstance(x, torch.Tensor)]
    for x in inputs:
        x.requires_grad_(is_differentiated and x.is_floating_point())
    call = torch.compile(module, backend="prec", options={"strict": True, "check": False}) if compiled else module
    with torch.set_grad_enabled(is_differentiated):
        return run(lambda *tensors: call(*tensors[: len(inputs)]), [*inputs, *module.parameters(), *module.buffers()], seed)


def through_file(factory, given, tree, eager):
    """The module's results out of a file, by prec-run."""
    inputs = [x for x in given if isinstance(x, torch.Tensor)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.mlir"
        prec.torch.export(OfTensors(factory, given, tree), tuple(x.clone() for x in inputs), path)
        with np.load(path.with_suffix(".npz")) as archive:
            weights = dict(archive)
        arrays = {str(k): array_of(torch, x) for k, x in enumerate(inputs)}
        made = run_model(path.read_text(), weights, list(arrays), arrays, len(eager[0]))
    made = [torch.from_numpy(x.view("u2")).view(torch.bfloat16) if x.dtype.name == "bfloat16" else torch.from_numpy(x) for x in made]
    return [torch.view_as_complex(x) if e.is_complex() else x for x, e in zip(made, eager[0])], *eager[1:]


def compare(way, ours, eager, again, exact):
    """What is wrong."""
    is_random = any(differs(a, b, b) for a, b in zip(again[0], eager[0]))
    if any(isinstance(x, torch.Tensor) and x.dtype == torch.float32 for x in eager[0]):  # gradients of f64 went through f32
        ours, eager, exact = ([x[0], [None if g is None else g.float() for g in x[1]], x[2]] for x in (ours, eager, exact))
    return "; ".join(
        f"{word} {k} {problem}"
        for word, *kinds in zip(("result", "gradient", "argument"), ours, eager, exact) for k, three in enumerate(zip(*kinds, strict=True))
        if (problem := differs(*three) or (lies_otherwise(*three[:2]) if way != "file" and word != "gradient" else None))
        and not (is_random and "differ" in problem)
    )  # fmt: skip


def attempt_call(factory, given, tree, way):
    """(status, reason), or None where eager has no gradients."""
    torch._dynamo.reset()
    is_differentiated = way == "training"
    try:
        eager, again = (execute(factory, given, tree, is_differentiated, seed) for seed in (0, 1))
    except Exception as error:
        return ("broken", str(error).splitlines()[0]) if way == "inference" else None
    if is_differentiated and not any(g is not None for g in eager[1]):
        return None
    try:
        exact = execute(factory, given, tree, is_differentiated, wide=True)
    except Exception:
        exact = eager
    try:
        ours = through_file(factory, given, tree, eager) if way == "file" else execute(factory, given, tree, is_differentiated, compiled=True)
    except Exception as error:
        cause, words = error, f"{type(error).__name__}: {str(error)[:300]}"
        while cause and not isinstance(cause, (FrontendError, torch._dynamo.exc.Unsupported)):
            cause = cause.__cause__ or cause.__context__
        return ("refused", without_place(str(cause)).splitlines()[0][:200]) if cause else ("failed", words)
    wrong = compare(way, ours, eager, again, exact)
    return ("wrong", wrong) if wrong else ("right", "")


def attempt(name, exports):
    """[(way, status, reason)] of the calls that a test makes."""
    (factory, invoke), calls, made = CASES[name], [], []
    torch.manual_seed(0)
    try:
        factory()
        invoke(types.SimpleNamespace(forward=lambda *arguments, **keywords: calls.append(tree_flatten((arguments, keywords)))), MAKE)
    except Exception as error:
        return [("inference", "broken", str(error).splitlines()[0])]
    for call in calls:
        for way in ("training", "inference", "file")[: 3 if exports else 2]:
            if way != "inference" or not made or made[-1][:2] != ("training", "right"):
                became = attempt_call(factory, *call, way)
                made += [(way, *became)] if became else []
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--export", type=int, default=3, help="export every N-th")
    parser.add_argument("--json", type=Path, help="one line for each test; what is there is not run again")
    options = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    load(options.checkout)
    CASES["a layer"] = lambda: torch.nn.Linear(2, 2), lambda module, make: module.forward(make.rand(2, 2))
    attempt("a layer", exports=True)  # loads what each test's child would load anew
    del CASES["a layer"]
    lines = options.json.read_text().splitlines() if options.json and options.json.exists() else []
    rows = {r["name"]: r for r in map(json.loads, lines)}
    for name in CASES:
        if name in rows or options.names and name not in options.names:
            continue
        try:
            made = child.call(attempt, name, zlib.crc32(name.encode()) % options.export == 0, who=name, seconds=SECONDS)
        except child.ChildFailed as error:
            made = [("all", "failed", str(error))]
        rows[name] = {"name": name, "made": made}
        if options.json:
            with options.json.open("a") as out:
                out.write(json.dumps(rows[name]) + "\n")
        for way, status, words in made:
            if status != "right":
                print(f"{name}: {way}: {status}: {words}", flush=True)
    for way in ("training", "inference", "file", "all"):
        counts = collections.Counter(status for r in rows.values() for w, status, _ in r["made"] if w == way)
        print(f"{way}: " + ", ".join(f"{n} {status}" for status, n in counts.items()))
    return 1 if any(status in ("wrong", "failed") for r in rows.values() for _, status, _ in r["made"]) else 0


if __name__ == "__main__":
    sys.exit(main())
