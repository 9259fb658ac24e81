# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""prec export: the results of a store as CSV or Parquet, a row a run or a row a point.

The columns are the settings as the study says them, then what was measured.
"""

import argparse
import base64
import csv
import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from prec import tools
from prec.study.store import LAYER, POINT, Store, StoreError

MEASURED = ("key", "status", "error", "test_accuracy", "test_loss", "loss", "steps", "diverged_at", "seconds",
            "cpu_seconds", "samples", "machine", "program", "worker", "finished")  # fmt: skip
LAYERS = ("step", "layer", *LAYER)


def studies(store: Store, name: str | None = None) -> list[dict[str, Any]]:
    """[(name, form)]; the one that was asked for in all its forms."""
    rows = store.rows("SELECT name, form, document, planned, axes FROM studies ORDER BY name, form")
    found = [row for row in rows if name in (None, row["name"])]
    if not found:
        known = ", ".join(sorted({row["name"] for row in rows})) or "none"
        wanted = f"the study '{name}'" if name else "study"
        text = f"'{store.path}' has no {wanted.removeprefix('the ')}; it has {known}"
        raise StoreError(text)
    return found


def runs(store: Store, study: str | None = None) -> Iterator[dict[str, Any]]:
    """A dictionary a run: study, form, settings, what was measured."""
    wanted = {(row["name"], row["form"]) for row in studies(store, study)}
    query = (
        "SELECT members.name AS study, form, settings, runs.* FROM members JOIN runs USING (key)"
        " ORDER BY study, form, position"
    )
    for row in store.rows(query):
        if (row["study"], row["form"]) in wanted:
            settings = json.loads(row.pop("settings"))
            yield {"study": row["study"], "form": row["form"], "settings": settings,
                   "config": json.loads(row["config"]), **{n: row[n] for n in MEASURED}}  # fmt: skip


def points(store: Store) -> dict[str, list[dict[str, Any]]]:
    """{key: [point, ...]} in the order of steps."""
    return _by_key(store, "points", POINT, "step")


def layers(store: Store) -> dict[str, list[dict[str, Any]]]:
    """{key: [a layer's row at an evaluated step, ...]} in the order of steps."""
    return _by_key(store, "layers", LAYERS, "step, layer")


def _by_key(store: Store, table: str, names: tuple[str, ...], order: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in store.rows(f"SELECT key, {', '.join(names)} FROM {table} ORDER BY key, {order}"):
        found.setdefault(row["key"], []).append(row)
    return found


def table(store: Store, study: str | None = None, by: str | None = None) -> tuple[list[str], list[list[Any]]]:
    """(columns, rows) with one cell for each setting; a row for each run, or by 'points' or
    'layers' for each of those."""
    members = list(runs(store, study))
    names = list(dict.fromkeys(name for run in members for name in run["settings"]))
    measured = [n for n in MEASURED if not by or n in ("key", "status")]
    inner = {None: (), "points": POINT, "layers": LAYERS}[by]
    held = {"points": points, "layers": layers}[by](store) if by else {}
    rows: list[list[Any]] = []
    for run in members:
        settings = [_cell(run["settings"].get(name)) for name in names]
        head = [run["study"], run["form"], *settings, *(run[name] for name in measured)]
        if by:
            rows.extend([*head, *(p[n] for n in inner)] for p in held.get(run["key"], []))
        else:
            rows.append(head)
    return ["study", "form", *names, *measured, *inner], rows


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def write_csv(columns: list[str], rows: list[list[Any]], file: IO[str]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def write_parquet(columns: list[str], rows: list[list[Any]], path: str | Path) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise tools.ToolError("Parquet needs the package pyarrow: pip install pyarrow") from None
    data = {}
    for name, values in zip(columns, zip(*rows) if rows else [()] * len(columns)):
        mixed = len({type(value) for value in values} - {type(None), int, float}) > 0
        texts = (None if value is None else str(value) for value in values)
        data[name] = pyarrow.array(list(texts)) if mixed else pyarrow.array(list(values))
    parquet.write_table(pyarrow.table(data), path)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="prec export", description=__doc__)
    parser.add_argument("store", metavar="STORE", help="what prec sweep wrote")
    parser.add_argument("--study", metavar="NAME", help="one study of the store; default: all")
    each = parser.add_mutually_exclusive_group()
    each.add_argument("--points", dest="by", action="store_const", const="points", help="a row for each evaluated step")
    each.add_argument("--layers", dest="by", action="store_const", const="layers",
                      help="a row for each layer at each of them: gradients and roundings, where the study measures them")  # fmt: skip
    parser.add_argument("--content", metavar="HASH", help="the text of a model or policy instead")
    parser.add_argument("-o", "--output", default="-", metavar="FILE",
                        help="FILE.csv or FILE.parquet; default: CSV on standard output")  # fmt: skip
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stop:
        return 1 if stop.code else 0
    try:
        with Store(options.store, create=False) as store:
            if options.content:
                return _write_content(store, options)
            columns, rows = table(store, options.study, options.by)
        if options.output.endswith(".parquet"):
            write_parquet(columns, rows, options.output)
        elif options.output == "-":
            write_csv(columns, rows, sys.stdout)
        else:
            with open(options.output, "w", encoding="utf-8", newline="") as file:
                write_csv(columns, rows, file)
    except (StoreError, tools.ToolError) as error:
        print(f"prec export: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"prec export: cannot write '{options.output}': {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _write_content(store: Store, options: Namespace) -> int:
    found = store.rows("SELECT suffix, text FROM contents WHERE hash LIKE ?", options.content + "%")
    if len(found) != 1:
        raise StoreError(f"'{store.path}' has {len(found)} texts of hash '{options.content}'")
    text = found[0]["text"]
    data = base64.b64decode(text) if found[0]["suffix"] == ".npz" else text.encode()
    if options.output == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        with open(options.output, "wb") as file:
            file.write(data)
    return 0
