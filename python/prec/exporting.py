# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m prec to-onnx MODEL --weights w.npz -o model.onnx`: a trained network as ONNX."""
from __future__ import annotations

import sys

from prec.frontend import FrontendError, Parser


def main(arguments: list[str] | None) -> int:
    parser = Parser(prog="prec to-onnx", description=__doc__)
    parser.add_argument("model", help="a description, a builtin's name, or the ONNX file of the import")
    parser.add_argument("--weights", required=True, metavar="w.npz", help="what --save-weights wrote")
    parser.add_argument("-o", "--output", required=True, metavar="X.onnx")
    options = parser.parse_args(arguments)
    try:
        from prec.onnx.exporting import export

        export(options.model, options.weights, options.output)
    except (FrontendError, OSError) as error:
        print(f"prec to-onnx: {error}", file=sys.stderr)
        return 1
    return 0
