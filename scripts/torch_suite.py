#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the operators of PyTorch's own test database through torch.compile's backend and compares with eager.

    scripts/torch_suite.py [--samples N] [--dtype float16] [--variant in-place|transposed] [--json FILE] [NAME ...]
    scripts/torch_suite.py --page docs/pytorch-operators.md     the table, from a whole run

The database needs `pip install expecttest`. A graph of an operator, forward or backward, is `compiled`, runs in `eager` for a reason
that a warning names, or is `not traced` by TorchDynamo. A result, gradient or changed argument that is further from that of
f64 than eager's and than rounding explains, or has other strides than eager's, is `wrong`: silently, which must never be.
bf16 and f16 may be one step of theirs further from f64 than eager.
"""
import argparse
import collections
import json
import re
import sys
import warnings
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "python"))

import torch  # noqa: E402
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten  # noqa: E402

import prec.torch  # noqa: E402
from prec import child  # noqa: E402

BACKEND = sys.modules["prec.torch.backend"]
INIT = BACKEND.Compiled.__init__
SECONDS, ELEMENTS = 300, 5000
UNDEFINED = "empty", "new_empty"  # these make no numbers
DTYPES = torch.float32, torch.int64, torch.bool, torch.int32
NARROW = torch.bfloat16, torch.float16
WIDENED = (*NARROW, torch.float32)  # what has an exact value of f64


def transposed(x):
    """The same numbers, whose last two axes lie the other way in memory."""
    if not isinstance(x, torch.Tensor) or x.ndim < 2 or x.layout != torch.strided:
        return x
    return x.detach().transpose(-1, -2).contiguous().transpose(-1, -2).requires_grad_(x.requires_grad)


def samples(operator, dtype, count, variant=None):
    """The first of each shape of arguments, then others."""
    first, rest, seen = [], [], set()
    is_differentiable = operator.supports_autograd and dtype.is_floating_point and variant != "in-place"
    for sample in operator.sample_inputs("cpu", dtype, requires_grad=is_differentiable):
        given, tree = tree_flatten((sample.input, sample.args, sample.kwargs))
        given = [transposed(x) for x in given] if variant == "transposed" else given
        kind = str([tree, *(x if isinstance(x, (bool, str)) else type(x) for x in given)])
        elements = sum(x.numel() for x in given if isinstance(x, torch.Tensor))
        if elements <= ELEMENTS:
            (rest if kind in seen or not elements else first).append((given, tree))
            seen.update([kind] if elements else [])
    return (first + rest)[:count]


def function_of(operator, given, tree, wide=False):
    """(a function of the tensors among the arguments, copies of these)."""
    places = [k for k, x in enumerate(given) if isinstance(x, torch.Tensor)]
    others = [torch.float64 if wide and isinstance(x, torch.dtype) and x in WIDENED else x for x in given]

    def function(*tensors):
        arguments = list(others)
        for place, x in zip(places, tensors):
            arguments[place] = x
        x, rest, keywords = tree_unflatten(arguments, tree)
        return operator(x, *rest, **keywords)

    def copy(x):
        made = x.detach().to(torch.float64) if wide and x.dtype in WIDENED else x.detach().clone()
        return made.requires_grad_(x.requires_grad)

    return function, [copy(given[k]) for k in places]


def run(function, tensors, seed=0):
    """(results, gradients of a weighted sum of them, the arguments after the call)."""
    torch.manual_seed(seed)
    made = function(*tensors)
    summed = [x for x in tree_leaves(made) if isinstance(x, torch.Tensor) and x.requires_grad and (x.is_floating_point() or x.is_complex())]
    wanted = [x for x in tensors if x.requires_grad]
    gradients = []
    if summed and wanted:
        weights = [((torch.arange(x.numel()) % 8 + 4) / 8).to(x.dtype).reshape(x.shape) for x in summed]  # exact in all types
        gradients = torch.autograd.grad(summed, wanted, weights, allow_unused=True)
    return tree_leaves(made), list(gradients), tensors


def differs(ours, eager, exact):
    """What is wrong with a value, or None."""
    if not isinstance(eager, torch.Tensor) or ours is None:
        return None if ours == eager or (ours is None) == (eager is None) else f"{ours} in place of {eager}"
    if (ours.dtype, ours.shape) != (eager.dtype, eager.shape):
        return f"{ours.dtype} {list(ours.shape)} in place of {eager.dtype} {list(eager.shape)}"
    if eager.layout != torch.strided:
        return None
    if eager.is_complex():
        return differs(*(torch.view_as_real(x.detach().resolve_conj()) if isinstance(x, torch.Tensor) and x.is_complex() else x for x in (ours, eager, exact)))
    if not eager.is_floating_point():
        return None if torch.equal(ours, eager) else f"{int((ours != eager).sum())} of {eager.numel()} differ"
    exact = exact if isinstance(exact, torch.Tensor) and exact.shape == eager.shape else eager
    step, is_narrow = torch.finfo(eager.dtype), eager.dtype in NARROW
    ours, eager, exact = (x.detach().double() for x in (ours, eager, exact))
    finite = ours.isfinite() & eager.isfinite()
    if not torch.equal(ours[~finite].nan_to_num(7), eager[~finite].nan_to_num(7)):
        return "other values that are not finite"
    finite &= exact.isfinite()
    ours, eager, exact = ours[finite], eager[finite], exact[finite]
    if not exact.numel():
        return None
    scale, share = exact.abs().max(), 0.1 if step.bits < 64 else 1.0  # nothing is exacter than f64
    if is_narrow:
        limit = (eager - exact).abs().max() + step.eps * exact.abs() + step.tiny
        near = step.eps * eager.abs()
    else:
        limit = 4 * (eager - exact).abs().max() + 25 * step.eps * (exact.abs() + share * scale)
        near = 8 * step.eps * (eager.abs() + 1e-3 * scale)
    bad = ((ours - exact).abs() > limit) & ((ours - eager).abs() > near)
    return f"differs by {(ours - exact).abs().max():.3g} of {scale:.3g}" if bad.any() else None


def lies_otherwise(ours, eager):
    """Strides that matter and are others than eager's, or None."""
    if not isinstance(eager, torch.Tensor) or eager.layout != torch.strided or not eager.numel():
        return None
    found, expected = ([step for step, n in zip(x.stride(), x.shape) if n > 1] for x in (ours, eager))
    return f"strides {found} in place of {expected}" if found != expected else None


def without_place(text):
    """A refusal without the line of the model and the layer that it is about."""
    return re.sub(r"^(\S+:\d+: )?(layer '[^']*': )?", "", text)


def try_sample(operator, given, tree, variant=None):
    """({phase: "compiled" or what became of it}, what is wrong)."""
    torch._dynamo.reset()
    call = operator.inplace_variant if variant == "in-place" else operator.get_op()
    eager, again = (run(*function_of(call, given, tree), seed=seed) for seed in (0, 1))
    try:
        exact = run(*function_of(call, given, tree, wide=True))
    except Exception:  # an operator without an f64 of its own
        exact = eager
    function, tensors = function_of(call, given, tree)
    made = dict.fromkeys(("forward", "backward") if any(g is not None for g in eager[1]) else ("forward",), "not traced")
    BACKEND.Compiled.__init__ = lambda *arguments: made.update({arguments[4]: "compiled"}) or INIT(*arguments)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        ours = run(torch.compile(function, backend="prec", options={"check": False}), tensors)  # what it would leave to eager shows here
    for text in (str(w.message) for w in told):
        for phase in made:
            if f"the {phase} graph runs in eager" in text or "prec: the graph runs in eager" in text:
                made[phase] = without_place(text.split("unrounded: ")[-1]).removeprefix("the foreign importer: ").splitlines()[0][:120]
    if made["forward"] == "compiled" and made.get("backward") == "not traced":  # a view, whose gradient PyTorch makes outside
        del made["backward"]
    is_random = any(differs(a, b, b) for a, b in zip(again[0], eager[0]))
    wrong = [
        f"{word} {k} {problem}"
        for word, *kinds in zip(("result", "gradient", "argument"), ours, eager, exact)
        for k, three in enumerate(zip(*kinds, strict=True))
        if (problem := differs(*three) or (None if word == "gradient" else lies_otherwise(*three[:2])))
    ]  # fmt: skip
    return made, [] if is_random or operator.name.startswith(UNDEFINED) else wrong


def try_operator(operator, count, dtypes=DTYPES, variant=None):
    """What became of an operator: compiled only if all of its samples are."""
    dtype = next(d for d in dtypes if d in operator.dtypes)
    phases, wrong = {}, []
    torch.manual_seed(0)
    for given, tree in samples(operator, dtype, count, variant):
        made, bad = try_sample(operator, given, tree, variant)
        wrong += bad
        for phase, what in made.items():
            if phases.get(phase, "compiled") == "compiled":
                phases[phase] = what
    return phases, wrong


def page(rows):
    """Which operators are compiled, and why others are not."""
    first = [r for r in rows if r["phases"].get("forward") == "compiled"]
    both = [r for r in first if r["phases"].get("backward", "compiled") == "compiled"]
    wrong = sum(bool(r["wrong"]) for r in rows)
    lines = [
        "# PyTorch operators", "",
        f"Written by `scripts/torch_suite.py --page` from PyTorch {torch.__version__.split('+')[0]}'s `op_db`: of {len(rows)} operators with numbers",
        f"that have a type here {len(both)} are compiled with their gradients, {len(first) - len(both)} without, {wrong} are silently wrong.", "",
        ", ".join(f"`{r['name']}`" for r in both), "", "## Not compiled", "", "| operator | forward | backward |", "| --- | --- | --- |",
    ]  # fmt: skip
    for r in rows:
        if r not in both:
            what = " | ".join(r["phases"].get(p, "").replace("|", "/") for p in ("forward", "backward"))
            lines.append(f"| {r['name']} | {what} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--samples", type=int, default=1, help="how many of each operator")
    parser.add_argument("--dtype", help="of the samples, in place of the first that an operator has of float32, int64, bool and int32")
    parser.add_argument("--variant", choices=("in-place", "transposed"), help="the operator that changes its argument, or arguments in another order")
    parser.add_argument("--json", type=Path, help="one line for each operator; what is there is not run again")
    parser.add_argument("--page", type=Path, help="write the table of operators")
    options = parser.parse_args()
    try:
        from torch.testing._internal import common_methods_invocations as database
    except ImportError as error:
        print(f"PyTorch's database: {error}; pip install expecttest", file=sys.stderr)
        return 1
    # TorchDynamo traces no setting of seeds.
    database.wrapper_set_seed = lambda function, *arguments, **keywords: function(*arguments, **keywords)
    torch.set_num_threads(1)
    dtypes = (getattr(torch, options.dtype),) if options.dtype else DTYPES
    torch.compile(lambda x: x * 2, backend="prec")(torch.ones(2))  # what each operator's child would load anew
    lines = options.json.read_text().splitlines() if options.json and options.json.exists() else []
    rows = {r["name"]: r for r in map(json.loads, lines)}
    for operator in database.op_db:
        name = operator.full_name
        if name in rows or not set(dtypes) & operator.dtypes or (options.names and operator.name not in options.names):
            continue
        if options.variant == "in-place" and operator.inplace_variant is None:
            continue
        try:
            phases, wrong = child.call(try_operator, operator, options.samples, dtypes, options.variant, who=name, seconds=SECONDS)
        except child.ChildFailed as error:
            phases, wrong = {"forward": str(error)[:120]}, []
        rows[name] = {"name": name, "phases": phases, "wrong": wrong}
        if options.json:
            with options.json.open("a") as file:
                file.write(json.dumps(rows[name]) + "\n")
        for word, what in [*phases.items(), *(("wrong", w) for w in wrong)]:
            if what != "compiled":
                print(f"{name}: {word}: {what}", flush=True)
    rows = [rows[name] for name in sorted(rows) if rows[name]["phases"]]
    if options.page:
        options.page.write_text(page(rows))
    counts = collections.Counter("wrong" if r["wrong"] else "compiled" if set(r["phases"].values()) == {"compiled"} else "not compiled" for r in rows)
    print(", ".join(f"{counts[word]} {word}" for word in ("compiled", "not compiled", "wrong")))
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
