# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""python -m prec: finds the subcommand's module and calls its main(arguments).

A subcommand is one line of COMMANDS. Its module is loaded only when it is asked for, so
that one front end's packages are not needed by the others.
"""

from __future__ import annotations

import importlib
import sys

COMMANDS = {
    "import": ("prec.importing", "a model in ONNX as MLIR and weights, compared with onnxruntime"),
    "sweep": ("prec.study.sweep", "run a study: many trainings, resumable, on many machines"),
    "report": ("prec.report.command", "pictures and statistics of a store of results"),
    "to-onnx": ("prec.exporting", "a trained network as an ONNX file"),
    "to-tensorboard": ("prec.tensorboard", "the log of prec-train as TensorBoard's events"),
    "data": ("prec.study.data", "a data set as prec-train reads it"),
    "export": ("prec.study.export", "the results of a store as CSV or Parquet"),
}

HELP = """usage: python -m prec COMMAND [arguments]

{commands}

COMMAND --help says more. A study is a JSON file, or the name of one in studies/:

    python -m prec sweep --quick --dry-run accuracy-by-bits
    python -m prec sweep --quick --store=results.db accuracy-by-bits
    python -m prec report results.db -o report.html
"""


def usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"    {name:{width}}  {purpose}" for name, (_, purpose) in COMMANDS.items()]
    return HELP.format(commands="\n".join(lines))


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage(), end="")
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        legal = ", ".join(COMMANDS)
        print(f"prec: unknown command '{name}'; the commands are {legal}", file=sys.stderr)
        return 1
    try:
        return importlib.import_module(COMMANDS[name][0]).main(rest)
    except KeyboardInterrupt:
        print(f"prec {name}: interrupted", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
