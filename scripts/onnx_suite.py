#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Imports and runs the test models of ONNX and compares with their reference results.

    scripts/onnx_suite.py [--kind node] [--jobs N] [--json FILE] [NAME ...]
    scripts/onnx_suite.py --page docs/onnx-operators.md     the table, from a whole run
    scripts/onnx_suite.py --newer       those that the package onnx makes, in opset 24, and Debian's do not have (pip install pillow)

The models are Debian's package libonnx-testdata (apt-get install libonnx-testdata).
A model is `right`, `refused` by the import with a reason, `failed` to compile or run,
`faulty` itself, or `wrong`: silently, which must never be. Tolerances are those of ONNX's own test runner.
"""
import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "python"))

import numpy as np  # noqa: E402

# Models whose reference results are not those of the model.
FAULTY = {"test_adam_multiple": "the results are those of epsilon 0.01, which the model does not say"}
DATA = Path("/usr/share/libonnx-testdata/data")


def tensor(path):
    import onnx

    proto = onnx.TensorProto()
    proto.ParseFromString(path.read_bytes())
    return onnx.numpy_helper.to_array(proto)


def compare(path, want):
    """What is wrong with a result, or None."""
    got = np.load(path)
    if got.dtype.kind == "V" or want.dtype.name == "bfloat16":
        got, want = got.view("<u2"), want.view("<u2")
    if got.dtype != want.dtype:
        return f"{got.dtype} in place of {want.dtype}"
    if got.shape != want.shape:
        return f"shape {got.shape} in place of {want.shape}"
    if not np.allclose(got, want, rtol=1e-3, atol=1e-7, equal_nan=True):
        return f"differs by {np.nanmax(np.abs(got.astype(float) - want.astype(float))):.3g}"
    return None


def run(folder):
    """One model: (name, operators, status, reason, float32 results?, seconds)."""
    import onnx

    from prec import onnx as front_end
    from prec.frontend import FrontendError, tool, write_model

    start, proto = time.time(), onnx.load(folder / "model.onnx", load_external_data=False)
    operators = sorted({n.op_type for n in proto.graph.node})
    is_f32 = any(o.type.tensor_type.elem_type == 1 for o in proto.graph.output)

    def answer(status, reason=""):
        reason = " ".join(reason.split()).replace(str(folder), folder.name)[:200]
        return folder.name, operators, status, reason, is_f32, time.time() - start

    try:
        imported = front_end.import_model(folder / "model.onnx")
    except FrontendError as error:
        return answer("refused", str(error))
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        write_model(place / "m.mlir", imported.text, imported.weights)
        for data in sorted(folder.glob("test_data_set_*")):
            command = [tool("prec-run"), place / "m.mlir", "--no-cache"]
            command += [f"--weights={place / 'm.npz'}"] if imported.weights else []
            for k, name in enumerate(imported.inputs):
                array = tensor(data / f"input_{k}.pb")
                if imported.types[name][0] == "bf16":
                    array = np.ascontiguousarray(array).view("V2")
                np.save(place / f"i{k}.npy", array)
                command.append(f"--input={place / f'i{k}.npy'}")
            outputs = [place / f"o{k}.npy" for k in range(len(imported.outputs))]
            command += [f"--output={path}" for path in outputs]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300)
            if done.returncode:
                return answer("failed", done.stderr)
            for k, path in enumerate(outputs):
                problem = compare(path, tensor(data / f"output_{k}.pb"))
                if problem and folder.name in FAULTY:
                    return answer("faulty", FAULTY[folder.name])
                if problem:
                    return answer("wrong", f"'{imported.outputs[k]}' {problem}")
    return answer("right")


NEWEST = 24


def nodes_of(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from nodes_of(attribute.g)


def write_newer(folder, known):
    """The package's own node tests whose operators are those of the newest opset that is read, or were changed in types only."""
    import onnx
    from onnx.backend.test.case.node import collect_testcases

    for case in collect_testcases(None):
        model = onnx.ModelProto()
        model.CopyFrom(case.model)
        for opset in model.opset_import:
            if opset.domain in ("", "ai.onnx"):
                opset.version = min(opset.version, NEWEST)
        model.ir_version = min(model.ir_version, 11)
        try:
            onnx.checker.check_model(model)
            for node in nodes_of(model.graph):
                if node.domain in ("", "ai.onnx"):
                    onnx.defs.get_schema(node.op_type, NEWEST, "")
        except Exception:  # of a later opset
            continue
        if case.name in known:
            continue
        for k, (inputs, outputs) in enumerate(case.data_sets):
            place = folder / case.name / f"test_data_set_{k}"
            place.mkdir(parents=True)
            for word, values in (("input", inputs), ("output", outputs)):
                for j, value in enumerate(values):
                    try:
                        proto = value if isinstance(value, onnx.TensorProto) else onnx.numpy_helper.from_array(np.asarray(value))
                    except Exception:  # sequences and optionals, which are refused
                        continue
                    (place / f"{word}_{j}.pb").write_bytes(proto.SerializeToString())
        onnx.save(model, folder / case.name / "model.onnx")


def page(rows):
    """The table of operators and the list of models that are not imported."""
    counts = collections.Counter(status for _, _, status, *_ in rows)
    f32 = [status for _, _, status, _, is_f32, _ in rows if is_f32]
    lines = [
        "# ONNX operators", "",
        "Written by `scripts/onnx_suite.py --page` from the node tests of ONNX (Debian's",
        f"`libonnx-testdata`): {counts['right']} of {len(rows)} models right, {counts['wrong']} silently "
        f"wrong;", f"{f32.count('right')} of {len(f32)} of those with f32 results.", "",
        "| operator | models right |", "| --- | --- |",
    ]  # fmt: skip
    per = collections.defaultdict(list)
    for name, operators, status, *_ in rows:
        if len(operators) == 1:
            per[operators[0]].append(status)
    for operator in sorted(per):
        right = per[operator].count("right")
        lines.append(f"| {operator} | {right} of {len(per[operator])} |")
    lines += ["", "## Not imported", "", "| model | reason |", "| --- | --- |"]
    for name, _, status, reason, *_ in rows:
        if status != "right":
            lines.append(f"| {name.removeprefix('test_')} | {status}: {reason.replace('|', '/')} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--kind", default="node")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path, help="one line for each model")
    parser.add_argument("--page", type=Path, help="write the table of operators")
    parser.add_argument("--newer", action="store_true", help="the package's own, not Debian's")
    options = parser.parse_args()
    folder = options.data / options.kind
    place = tempfile.TemporaryDirectory()
    if options.newer:
        known = {path.name for path in folder.glob("test_*")}
        folder = Path(place.name)
        write_newer(folder, known)
    names = [n if n.startswith("test_") else f"test_{n}" for n in options.names]
    folders = [folder / n for n in names] or sorted(folder.glob("test_*"))
    if not folders or not all((f / "model.onnx").exists() for f in folders):
        print(f"no such models in {folder}; apt-get install libonnx-testdata", file=sys.stderr)
        return 1
    with ProcessPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(run, folders, chunksize=4))
    if options.json:
        keys = ("name", "operators", "status", "reason", "f32", "seconds")
        options.json.write_text("".join(json.dumps(dict(zip(keys, row))) + "\n" for row in rows))
    for name, _, status, reason, *_ in rows:
        if status != "right":
            print(f"{name}: {status}: {reason}")
    if options.page:
        options.page.write_text(page(rows))
    counts = collections.Counter(status for _, _, status, *_ in rows)
    print(", ".join(f"{counts[s]} {s}" for s in ("right", "refused", "failed", "faulty", "wrong")))
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
