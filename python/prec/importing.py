# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m prec import model.onnx -o model.mlir`: ONNX to MLIR and weights, checked."""
from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from prec.frontend import FrontendError, Parser, weights_path, write_model

if TYPE_CHECKING:
    from prec.onnx.convert import Imported


def shape_of(text: str) -> tuple[str, tuple[int, ...]]:
    """NAME=1x3x224x224 -> (name, sizes)."""
    name, _, sizes = text.rpartition("=")
    try:
        shape = tuple(int(n) for n in sizes.split("x")) if sizes else ()
    except ValueError:
        shape = (-1,)
    if not name or any(not 0 <= n < 1 << 40 for n in shape):
        raise argparse.ArgumentTypeError(f"found '{text}', expected NAME=SIZExSIZE..., as x=1x3x224x224")
    return name, shape


def value_of(text: str) -> tuple[str, np.ndarray]:
    """NAME=16000, NAME=1,2,3 or NAME=FILE.npy -> (name, array)."""
    name, _, value = text.partition("=")
    try:
        if not value.endswith(".npy"):
            array = np.array([json.loads(n) for n in value.split(",")])
        else:
            array = np.load(value)
        if not name or array.dtype.kind not in "biuf" or not array.size:
            raise ValueError
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot read '{value}': {error.strerror}") from None
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"found '{text}', expected NAME=NUMBER, NAME=NUMBER,NUMBER,... or NAME=FILE.npy"
        ) from None
    return name, array


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = Parser(prog="prec import", description=__doc__)
    parser.add_argument("model", help="an ONNX file; - is standard input")
    parser.add_argument("-o", "--output", required=True, metavar="X.mlir", help="the weights go to X.npz")
    parser.add_argument(
        "--shape", action="append", default=[], type=shape_of, metavar="NAME=1x3x224x224",
        help="the sizes of an input",
    )  # fmt: skip
    parser.add_argument(
        "--value", action="append", default=[], type=value_of, metavar="NAME=16000",
        help="a number, numbers (1,2,3) or a .npy file for an input, which becomes a constant of the model",
    )  # fmt: skip
    parser.add_argument("--no-check", action="store_true", help="do not compare with onnxruntime")
    return parser.parse_args(arguments)


def convert(options: argparse.Namespace) -> None:
    from prec import onnx

    shapes, values = {}, {}
    for name, shape in options.shape:
        if shapes.setdefault(name, shape) != shape:
            raise FrontendError(f"--shape: '{name}' is given twice")
    for name, array in options.value:
        if name in values or name in shapes:
            raise FrontendError(f"--value: '{name}' is given twice")
        values[name] = array
    with tempfile.TemporaryDirectory() as folder:
        path = options.model
        if path == "-":
            path = Path(folder) / "model.onnx"
            path.write_bytes(sys.stdin.buffer.read())
        # Large weights are read from the file when they are needed.
        write(options, onnx.import_model(path, shapes, values))


def write(options: argparse.Namespace, imported: Imported) -> None:
    from prec.onnx.check import NotCheckable, check

    note = "not checked"
    if not options.no_check:
        try:
            worst, scopes = check(imported)
            note = f"checked against onnxruntime on random inputs: largest difference {worst:.3g}"
            if scopes:
                note += f", but for {', '.join(map(repr, scopes))}, where onnxruntime is less exact than the import"
        except NotCheckable as error:
            note = f"not checked: {error}"
            print(f"prec import: warning: {note}", file=sys.stderr)
    text = f"// Imported from {Path(options.model).name}; {note}\n{imported.text}"
    if options.output == "-":
        if imported.weights:
            raise FrontendError("the model has weights, which need a file: give -o X.mlir")
        sys.stdout.write(text)
    else:
        write_model(options.output, text, imported.weights)
        print(
            f"{options.output}: {len(imported.inputs)} inputs, {len(imported.weights)} weights "
            f"in {weights_path(options.output).name}, {len(imported.outputs)} results; {note}",
            file=sys.stderr,
        )


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    try:
        convert(options)
    except FrontendError as error:
        print(f"prec import: {error}", file=sys.stderr)
        return 1
    except RecursionError:
        print("prec import: graphs are nested too deeply", file=sys.stderr)
        return 1
    return 0
