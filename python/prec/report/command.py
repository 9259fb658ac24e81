# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""prec report: a page, a picture or Markdown of what a store holds.

html is one file that needs no network; png and svg hold all pictures of the studies; md
writes a text with its pictures beside it, and the table of claims over all studies first.
"""

import argparse
import sys
from pathlib import Path

from prec import tools
from prec.report import charts, claims, heading, html, length, tables
from prec.report.dataset import from_store
from prec.study.file import load
from prec.study.store import Store, StoreError

MADE = ("Made by `python -m prec report STORE --format=md`, not written by hand. A quick form is "
        "for two cores and an hour: what its intervals leave open is undecided.")  # fmt: skip
FORMATS = ("html", "png", "svg", "md")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="prec report", description=__doc__)
    add = parser.add_argument
    add("store", metavar="STORE", help="what prec sweep wrote")
    add("--study", metavar="NAME", help="one study of the store; default: all")
    add("-o", "--output", metavar="FILE", help="default: report.html, or report.FORMAT")
    add("--format", choices=FORMATS, help="default: what the name of FILE ends with, else html")
    add("--shipped", action="store_true",
        help="md: the claims of shipped studies that were not run, too, and what they take")
    options = parser.parse_args(arguments)
    if options.format is None:
        ending = Path(options.output or "").suffix[1:]
        options.format = ending if ending in FORMATS else "html"
    options.output = options.output or f"report.{options.format}"
    return options


def main(arguments=None):
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


def write(found, options):
    if not any(data.runs for data in found):
        raise StoreError(f"'{options.store}' has no finished runs of this study yet")
    if options.format == "html":
        put(options.output, html(found).encode())
    elif options.format == "md":
        rows = unmeasured(found) if options.shipped else []
        put(options.output, markdown(found, options.output, rows).encode())
    else:
        shown = [chart for data in found for chart in charts.all_of(data).values()]
        if not shown:
            raise StoreError(f"'{options.store}' has no accuracies to draw")
        put(options.output, picture(charts.together(shown), options.format))


def put(path, content):
    if path == "-":
        sys.stdout.buffer.write(content)
    else:
        Path(path).write_bytes(content)


def picture(chart, kind):
    import vl_convert

    spec = chart.to_dict()
    if kind == "svg":
        return vl_convert.vegalite_to_svg(spec).encode()
    return vl_convert.vegalite_to_png(spec, scale=2)


def unmeasured(found):
    """Rows of claims of the shipped studies that the store does not have."""
    done, rows = {data.name for data in found if data.runs}, []
    for path in sorted(tools.shipped_studies()):
        if path.stem not in done:
            full, quick = load(path), load(path, quick=True)
            takes = f"no runs yet: the quick form has {quick.count()}, the full {full.count()}"
            says = [claim["says"] for claim in full.get("claims", ())] or [full.get("about", "")]
            rows += [[full.get("title", full.name), text, takes, "undecided"] for text in says]
    return rows


def markdown(found, output, more=()):
    """Claims of all studies, then each study; pictures go into images/ beside the text."""
    lines = ["# The 2017 study, measured", "", MADE, ""]
    rows = [[heading(data), *row] for data in found for row in claims.table(data)[1]]
    rows += more
    if rows:
        columns = ["study", "the 2017 study says", "measured (95 % interval)", "verdict"]
        lines += [tables.as_markdown(columns, rows), ""]
    folder = Path("." if output == "-" else output).parent / "images"
    for data in found:
        lines += [f"## {heading(data)}", "", *([data.about, ""] if data.about else []),
                  length(data), ""]  # fmt: skip
        shown = tables.all_of(data)
        shown.pop("runs", None)
        for name, chart in charts.all_of(data).items():
            folder.mkdir(exist_ok=True)
            file = f"{data.name}-{data.form}-{name}.svg"
            (folder / file).write_bytes(picture(chart, "svg"))
            title = chart.title if isinstance(chart.title, str) else name
            lines += [f"![{title}](images/{file})", ""]
        for title, columns, body in shown.values():
            lines += [f"**{title}**", "", tables.as_markdown(columns, body), ""]
    return "\n".join(lines)
