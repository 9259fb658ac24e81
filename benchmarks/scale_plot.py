# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The picture of scale.py: a panel for each series, cost of a unit against size, both logarithmic."""
import sys
from pathlib import Path

import altair

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))
from prec.report.drawing import picture  # noqa: E402

WIDTH, HEIGHT, COLUMNS = 270, 190, 3


def panel(series, lines):
    rows = [{"line": line, "size": row["size"], "cost": row["cost"] * series.scale} for line, rows in lines.items() for row in rows]
    sizes, costs = ([row[key] for row in rows] for key in ("size", "cost"))
    # Without a decade between its ends an axis would have next to no labels.
    scale = lambda values: altair.Scale(type="log", nice=False, domain=[min(values), max(values)])
    x = altair.X("size:Q", title=series.size, scale=scale(sizes), axis=altair.Axis(grid=False, format="~s", **ticks(sizes)))
    y = altair.Y("cost:Q", title=series.unit, scale=scale([0.8 * min(costs), 1.25 * max(costs)]), axis=altair.Axis(format="~g", **ticks(costs)))
    legend = altair.Legend(title=None, orient="bottom", columns=2, labelLimit=200, symbolType="stroke")
    colour = altair.Color("line:N", sort=list(lines), legend=legend)
    chart = altair.Chart(altair.Data(values=rows)).encode(x=x, y=y, color=colour)
    return (chart.mark_line(strokeWidth=1.5) + chart.mark_point(filled=True, size=14)).properties(
        title=series.title, width=WIDTH, height=HEIGHT)  # fmt: skip


def ticks(values):
    """Powers of ten, and where there are few, their doubles and halves."""
    steps = [1] if max(values) > 1e3 * min(values) else [1, 2, 5]
    return {"values": [s * 10.0**k for k in range(-6, 7) for s in steps if 0.8 * min(values) <= s * 10.0**k <= 1.25 * max(values)]}


def draw(path, series, table):
    panels = [panel(series[name], table[name]) for name in series if name in table]
    rows = [altair.hconcat(*panels[i : i + COLUMNS]).resolve_scale(color="independent") for i in range(0, len(panels), COLUMNS)]
    chart = altair.vconcat(*rows).resolve_scale(color="independent").configure_view(stroke=None)
    Path(path).write_bytes(picture(chart, "svg"))
