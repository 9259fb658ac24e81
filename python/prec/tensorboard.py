# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`python -m prec to-tensorboard run.jsonl -o DIR`: the log of prec-train as TensorBoard's events.

A run of the log (a number of a sweep) is a folder of DIR, its measurements are scalars by step.
tensorboardX writes the files.
"""
from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prec.frontend import FrontendError, Parser, require

MEASURED = ("loss", "accuracy", "test_accuracy", "test_accuracy_f32", "seconds")
NOT_OF_THE_RUN = {"step", "epoch", "kind", "loss_is", "best", "steps", "mean_loss", *MEASURED}


def scalars(line: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """(name, value) of what a line measures; groups by layer become NAME/LAYER."""

    def flat(prefix: str, value: object) -> Iterator[tuple[str, float]]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from flat(f"{prefix}/{key}", inner)
        elif isinstance(value, (int, float)):
            yield prefix, value

    for key, value in line.items():
        if key in MEASURED or isinstance(value, dict):
            yield from flat(key, value)


def run_name(line: Mapping[str, Any]) -> str:
    """The settings that a run has and others of the log have not, as a folder's name."""
    parts = [
        f"{key}={value}" for key, value in line.items()
        if key not in NOT_OF_THE_RUN and not isinstance(value, dict)
    ]  # fmt: skip
    return ",".join(parts).replace("/", "_") or "run"


def convert(log: Iterable[str], folder: str | Path) -> int:
    """Writes the events; the number of lines."""
    writer_of = require("tensorboardX").SummaryWriter
    writers, count = {}, 0
    for number, text in enumerate(log, 1):
        try:
            line = json.loads(text)
            step = line.get("step") if isinstance(line, dict) else None
        except ValueError:
            step, line = None, None
        if not isinstance(line, dict) or (step is None and line.get("kind") != "epoch"):
            raise FrontendError(f"line {number}: expected a line of prec-train's log with a \"step\"")
        if step is None:
            continue  # of an epoch
        name = run_name(line)
        if name not in writers:
            writers[name] = writer_of(str(Path(folder) / name))
        for key, value in scalars(line):
            writers[name].add_scalar(key, value, step)
        count += 1
    for writer in writers.values():
        writer.close()
    return count


def main(arguments: list[str] | None) -> int:
    parser = Parser(prog="prec to-tensorboard", description=__doc__)
    parser.add_argument("log", help="what prec-train --log wrote; - is standard input, as it comes")
    parser.add_argument("-o", "--output", required=True, metavar="DIR")
    options = parser.parse_args(arguments)
    try:
        if options.log == "-":
            count = convert(sys.stdin, options.output)
        else:
            with open(options.log, encoding="utf-8") as log:
                count = convert(log, options.output)
        print(f"{count} steps; look at them with: tensorboard --logdir {options.output}", file=sys.stderr)
    except (FrontendError, OSError, UnicodeDecodeError) as error:
        print(f"prec to-tensorboard: {error}", file=sys.stderr)
        return 1
    return 0
