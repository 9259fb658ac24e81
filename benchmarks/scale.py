# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What cost does as work grows: operations of a product, layers, sites, examples of a mini-batch, threads.

Each series is a time (or bytes) for several sizes: the table has the cost of a unit of work, and the growth: the exponent that
the time grows with from the size before, 1 where it grows as the work does. Times are the least of several. Of threads the work
of one thread is what shrinks, so that a unit's cost is what all threads spend, and growth is 1 where the time halves as threads
double. One thread elsewhere. Series that are not measured are taken from the JSON file, if it is there.
Usage: .venv/bin/python benchmarks/scale.py [--series=flops,...] [--quick] [--json=FILE] [--plot=FILE.svg]
"""
import argparse
import json
import tempfile
from math import log
from pathlib import Path

import scale_series
from peer import write


def growths(rows):
    """Adds to the rows of one line the cost of a unit and the growth since the size before."""
    for before, row in zip([None, *rows], rows):
        row["cost"] = row["value"] / row["work"]
        has_grown = before and before["value"] > 0 and before["work"] != row["work"]
        row["growth"] = log(row["value"] / before["value"]) / log(row["work"] / before["work"]) if has_grown else None


def measured(series, is_quick):
    """{line: its rows}, printed as they come."""
    print(f"\n{series.title}\n{'':32}{series.size:>10}{series.unit:>22}{series.total:>14}  growth", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        lines = {}
        for line, size, work, value in series.measure(Path(folder), is_quick):
            rows = lines.setdefault(line, [])
            rows.append({"size": size, "work": work, "value": value})
            growths(rows)
            growth = "" if rows[-1]["growth"] is None else f"{rows[-1]['growth']:8.2f}"
            print(f"{line:32}{size:10}{rows[-1]['cost'] * series.scale:22.4g}{value * series.total_scale:14.4g}{growth}", flush=True)
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", default=",".join(scale_series.SERIES))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--plot")
    options = parser.parse_args()
    kept = Path(options.json or "")
    table = json.loads(kept.read_text()) if kept.is_file() else {}
    for name in filter(None, options.series.split(",")):
        table[name] = measured(scale_series.SERIES[name], options.quick)
        write(options.json, table)
    if options.plot:
        import scale_plot  # altair, which the peers' environment lacks

        scale_plot.draw(options.plot, scale_series.SERIES, table)


if __name__ == "__main__":
    main()
