#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the tests of JAX's own primitives (of which StableHLO's test data were made) through prec.jax.jit, and compares with jax.jit.

    scripts/jax_suite.py [--every N] [--x64] [--json FILE] [REGEX ...]

The tests come with JAX and need `pip install absl-py`. One is `right`, `refused` with a reason, or not known to JAX on a CPU; what is
`wrong`, and what crashes or takes too long (`failed`), must never be. Floats are right that are within 100 eps of JAX's number or
within 10 eps of the largest one. Of what JAX leaves `open` only types and shapes are compared: the order of equals of a sort that is not
stable, ties of approx_top_k, what a bare Cholesky has above the diagonal, the sign of singular vectors and eigenvectors.
"""
import argparse
import collections
import json
import re
import subprocess
import sys
import zlib
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "python"))

import jax  # noqa: E402
import numpy as np  # noqa: E402

import prec.jax  # noqa: E402
from prec.engine import EngineError  # noqa: E402
from prec.frontend import FrontendError  # noqa: E402

SECONDS, TOGETHER, GROUP = 900, 80, 8  # of a process, and in one module of it
OPEN = re.compile("isstable_False|^approx_top_k|^cholesky|^eigh|^svd.*computeuv_True")


def differs(mine, reference, is_open):
    """What is wrong with a leaf, or None."""
    a, b = (np.asarray(jax.random.key_data(v) if jax.dtypes.issubdtype(v.dtype, jax.dtypes.prng_key) else v) for v in (mine, reference))
    if (a.dtype, a.shape) != (b.dtype, b.shape):
        return f"{a.dtype} {list(a.shape)} in place of {b.dtype} {list(b.shape)}"
    if is_open:
        return None
    if not jax.numpy.issubdtype(b.dtype, jax.numpy.inexact):
        return None if np.array_equal(a, b) else f"{int((a != b).sum())} of {b.size} differ"
    info = jax.numpy.finfo(b.dtype)
    eps, tiny = float(info.eps), float(info.tiny)
    a, b = (np.stack([v.real, v.imag]).astype(np.float64) for v in (a, b))
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(np.where(finite, 0, a), np.where(finite, 0, b), equal_nan=True):
        return "other values that are not finite"
    a, b = a[finite], b[finite]
    off = np.abs(a - b) - np.maximum(100 * eps * np.abs(b), 10 * eps * np.abs(b).max(initial=0)) - tiny
    return f"differs by {np.abs(a - b).max():.3g} of {np.abs(b).max():.3g}" if (off > 0).any() else None


def judged(harness, mine, reference):
    is_open = bool(OPEN.search(harness.fullname))
    pairs = zip(*map(jax.tree_util.tree_leaves, (mine, reference)), strict=True)
    problem = next(filter(None, (differs(a, b, is_open) for a, b in pairs)), None)
    return ("wrong", problem) if problem else ("open" if is_open else "right", "")


def call_of(harness):
    rng = np.random.RandomState(zlib.crc32(harness.fullname.encode()))
    return harness.dyn_fun, tuple(harness.dyn_args_maker(rng))


def together(harnesses):
    """[(word, reason)] of tests compiled as one module, which is faster."""
    calls = [call_of(h) for h in harnesses]

    def f(arguments):
        return [call(*a) for (call, _), a in zip(calls, arguments, strict=True)]

    arguments = [a for _, a in calls]
    return list(map(judged, harnesses, prec.jax.jit(f, check=False)(arguments), jax.jit(f)(arguments)))


def alone(harness):
    f, arguments = call_of(harness)
    try:
        jax.jit(f)(*arguments)
    except Exception as error:  # of JAX's own
        return "not known to JAX", str(error).splitlines()[0][:120]
    try:
        return together([harness])[0]
    except (FrontendError, EngineError) as error:
        return "refused", str(error).splitlines()[0][:160]
    except Exception as error:
        return "failed", f"{type(error).__name__}: {str(error)[:160]}"


def try_group(group):
    try:
        return together(group)
    except Exception:  # which of them it was is seen now
        return list(map(alone, group))


def run(names, options):
    """Rows of tests in another process; where it ends too early, the test that it was at has failed."""
    rows, words = [], ["--x64"] if options.x64 else []
    while len(rows) < len(names):
        rest = names[len(rows) :]
        try:
            done = subprocess.run([sys.executable, __file__, "--worker", *words], input=json.dumps(rest), capture_output=True, text=True, timeout=SECONDS)
            output, how = done.stdout, f"ended with code {done.returncode}"
        except subprocess.TimeoutExpired as error:
            output, how = (error.stdout or b"").decode(), f"took longer than {SECONDS} s"
        rows += (found := [json.loads(line) for line in output.splitlines() if line.startswith('{"name"') and line.endswith("}")])
        if len(found) < len(rest):
            rows.append({"name": rest[len(found)], "word": "failed", "reason": how})
    return rows


def work(harnesses):
    """What run() calls."""
    for k in range(0, len(harnesses), GROUP):
        group = harnesses[k : k + GROUP]
        for harness, (word, reason) in zip(group, try_group(group), strict=True):
            print(json.dumps({"name": harness.fullname, "word": word, "reason": reason}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patterns", nargs="*", help="tests whose name one of these expressions finds")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="the first of each N tests")
    parser.add_argument("--x64", action="store_true", help="64-bit numbers too")
    parser.add_argument("--json", type=Path, help="one line for each test; what is there is not run again")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", options.x64)
    try:
        from jax._src.internal_test_util import test_harnesses
    except ImportError as error:
        print(f"JAX's tests: {error}; pip install absl-py", file=sys.stderr)
        return 1
    named = {h.fullname: h for h in test_harnesses.all_harnesses if h.filter("cpu")}
    if options.worker:
        return work([named[name] for name in json.load(sys.stdin)])
    rows = [json.loads(line) for line in options.json.open()] if options.json and options.json.exists() else []
    chosen = [name for name in named if not options.patterns or any(re.search(p, name) for p in options.patterns)]
    known = {row["name"] for row in rows}
    todo = [name for name in chosen[:: options.every] if name not in known]
    for k in range(0, len(todo), TOGETHER):
        made = run(todo[k : k + TOGETHER], options)
        rows += made
        if options.json:
            with options.json.open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in made)
        for row in made:
            if row["word"] not in ("right", "open"):
                print("{name}: {word}: {reason}".format(**row), flush=True)
    counts = collections.Counter(row["word"] for row in rows)
    print(", ".join(f"{counts[word]} {word}" for word in ("right", "open", "refused", "not known to JAX", "wrong", "failed")))
    return 1 if counts["wrong"] or counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
