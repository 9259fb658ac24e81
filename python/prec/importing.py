# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m prec import model.onnx -o model.mlir`: ONNX to MLIR and weights, checked."""
import argparse
import sys
import tempfile
from pathlib import Path

from prec.frontend import FrontendError, Parser, weights_path, write_model


def shape_of(text):
    """NAME=1x3x224x224 -> (name, sizes)."""
    name, _, sizes = text.rpartition("=")
    try:
        shape = tuple(int(n) for n in sizes.split("x")) if sizes else ()
    except ValueError:
        shape = (-1,)
    if not name or any(not 0 <= n < 1 << 40 for n in shape):
        raise argparse.ArgumentTypeError(f"found '{text}', expected NAME=SIZExSIZE..., as x=1x3x224x224")
    return name, shape


def parse(arguments):
    parser = Parser(prog="prec import", description=__doc__)
    parser.add_argument("model", help="an ONNX file; - is standard input")
    parser.add_argument("-o", "--output", required=True, metavar="X.mlir", help="the weights go to X.npz")
    parser.add_argument(
        "--shape", action="append", default=[], type=shape_of, metavar="NAME=1x3x224x224",
        help="the sizes of an input",
    )  # fmt: skip
    parser.add_argument("--no-check", action="store_true", help="do not compare with onnxruntime")
    return parser.parse_args(arguments)


def convert(options):
    from prec import onnx

    shapes = {}
    for name, shape in options.shape:
        if shapes.setdefault(name, shape) != shape:
            raise FrontendError(f"--shape: '{name}' is given twice")
    with tempfile.TemporaryDirectory() as folder:
        path = options.model
        if path == "-":
            path = Path(folder) / "model.onnx"
            path.write_bytes(sys.stdin.buffer.read())
        # Large weights are read from the file when they are needed.
        write(options, onnx.import_model(path, shapes))


def write(options, imported):
    from prec.onnx.check import NotCheckable, check

    note = "not checked"
    if not options.no_check:
        try:
            worst = check(imported)
            note = f"checked against onnxruntime on random inputs: largest difference {worst:.3g}"
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


def main(arguments=None):
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
