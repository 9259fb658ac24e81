# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""prec report: a page, a picture or Markdown of what a store holds.

html is one file that needs no network; png and svg hold all pictures of the studies; md
writes a text with its pictures beside it, what was run and the table of claims over all
studies first.
"""

import argparse
import sys
from argparse import Namespace
from pathlib import Path

from prec import tools
from prec.report import charts, drawing, html, result
from prec.report.dataset import Dataset, from_store
from prec.study.store import Store, StoreError

FORMATS = ("html", "png", "svg", "md")


def parse(arguments: list[str] | None) -> Namespace:
    parser = argparse.ArgumentParser(prog="prec report", description=__doc__)
    add = parser.add_argument
    add("store", metavar="STORE", help="what prec sweep wrote")
    add("--study", metavar="NAME", help="one study of the store; default: all")
    add("-o", "--output", metavar="FILE", help="default: report.html, or report.FORMAT")
    add("--format", choices=FORMATS, help="default: what the name of FILE ends with, else html")
    add("--shipped", action="store_true",
        help="the shipped studies only; md: the claims of those that were not run, too, and "
             "what they take")  # fmt: skip
    options = parser.parse_args(arguments)
    if options.format is None:
        ending = Path(options.output or "").suffix[1:]
        options.format = ending if ending in FORMATS else "html"
    options.output = options.output or f"report.{options.format}"
    return options


def main(arguments: list[str] | None = None) -> int:
    try:
        options = parse(arguments)
    except SystemExit as stop:
        return 1 if stop.code else 0
    try:
        with Store(options.store, create=False) as store:
            found = from_store(store, options.study)
        write(found, options)
    except (StoreError, tools.ToolError) as error:
        print(f"prec report: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"prec report: cannot write '{error.filename}': {error.strerror}", file=sys.stderr)
        return 1
    return 0


def write(found: list[Dataset], options: Namespace) -> None:
    if options.shipped:
        found = result.shipped_only(found)
    if not any(data.runs for data in found):
        raise StoreError(f"'{options.store}' has no finished runs of this study yet")
    if options.format == "html":
        put(options.output, html(found).encode())
    elif options.format == "md":
        put(options.output, result.page(found, options.output, options.shipped).encode())
    else:
        shown = [chart for data in found for chart in charts.all_of(data).values()]
        if not shown:
            raise StoreError(f"'{options.store}' has nothing measured to draw")
        put(options.output, drawing.picture(charts.together(shown), options.format))


def put(path: str, content: bytes) -> None:
    if path == "-":
        sys.stdout.buffer.write(content)
    else:
        Path(path).write_bytes(content)
