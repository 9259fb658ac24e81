# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The pictures of a study as Vega-Lite charts: the page shows them, PNG and SVG are drawn
from the same.

Values come computed (means, intervals): a chart draws and does no statistics. A click on
an entry of a legend shows that one alone; the wheel zooms.
"""

import re
from statistics import mean

import altair

from prec.report import statistics
from prec.report.dataset import word

WIDTH, HEIGHT = 420, 300
ACCURACY = "test accuracy, %"
SMALL_POINTS = {"size": 12}


def _tooltip(*names):
    return [altair.Tooltip(name, format=".2f") if name.endswith(":Q") else name for name in names]


def _x(data, **scale):
    title = word(data.x)
    if data.ordered and data.x != "seed":
        return altair.X("x:Q", title=title, scale=altair.Scale(zero=False, nice=False, **scale))
    return altair.X("x:O", title=title, sort=data.values("x"))


def _series(data, **more):
    """Colour by series; without several there is no legend."""
    several = len(data.values("series")) > 1
    legend = altair.Legend(orient="bottom", columns=2, labelLimit=400) if several else None
    return altair.Color("series:N", title=None, sort=data.values("series"), legend=legend, **more)


def _picked(data, field="series"):
    """A selection by the legend, and the opacity that shows it."""
    pick = altair.selection_point(fields=[field], bind="legend", name=f"pick_{field}")
    return pick, _shown(pick, 1)


def _shown(pick, opacity):
    return altair.condition(pick, altair.value(opacity), altair.value(0.12 * opacity))


def _panels(data, chart, title, columns=2):
    if len(data.values("panel")) > 1:
        facet = altair.Facet("panel:N", title=None, sort=data.values("panel"))
        chart = chart.facet(facet=facet, columns=columns)
    return chart.properties(title=title)


def accuracy_by_x(data):
    rows = []
    for (panel, series, x), cell in data.groups().items():
        values = list(cell.values())
        low, high = statistics.interval(values)
        rows.append({"panel": panel, "series": series, "x": x, "accuracy": mean(values),
                     "low": low, "high": high, "seeds": len(values)})  # fmt: skip
    pick, opacity = _picked(data)
    base = altair.Chart(altair.Data(values=rows)).encode(
        x=_x(data), color=_series(data), opacity=opacity,
        tooltip=_tooltip("series:N", "x:N", "accuracy:Q", "low:Q", "high:Q", "seeds:O"),
    )  # fmt: skip
    mark = base.mark_line(point=True) if data.ordered else base.mark_point(filled=True, size=50)
    line = mark.encode(y=altair.Y("accuracy:Q", title=ACCURACY, scale=altair.Scale(zero=False)))
    band = base.mark_errorband() if data.ordered else base.mark_errorbar(ticks=True)
    band = band.encode(y=altair.Y("low:Q", title=ACCURACY), y2="high:Q",
                       opacity=_shown(pick, 0.3 if data.ordered else 1))  # fmt: skip
    # The selection belongs to the line: a band is several marks, each would have its own.
    chart = (line.add_params(pick) + band).properties(width=WIDTH, height=HEIGHT)
    return _panels(data, chart, f"Accuracy by {word(data.x)}")


def accuracy_over(data, unit, title):
    """The curves over `step` (a mini-batch) or `passes` (over the data; what the 2017 study
    calls an iteration)."""
    cells = {}
    for point in data.points:
        if point["accuracy"] is not None:
            name = (point["panel"], point["series"], point["x"], point["step"], point["passes"])
            cells.setdefault(name, []).append(point["accuracy"])
    rows = [
        {"panel": ", ".join(filter(None, (panel, series))), "x": x, "step": step + 1,
         "passes": round(passes, 4), "accuracy": round(mean(values), 4), "seeds": len(values)}
        for (panel, series, x, step, passes), values in cells.items()
    ]  # fmt: skip
    order = [", ".join(filter(None, (panel, series)))
             for panel in data.values("panel") for series in data.values("series")]  # fmt: skip
    pick, opacity = _picked(data, "x")
    scheme = {"scale": altair.Scale(scheme="viridis")} if data.ordered else {}
    chart = (
        altair.Chart(altair.Data(values=rows))
        .mark_line(point=SMALL_POINTS)
        .encode(
            x=altair.X(f"{unit}:Q", title=title),
            y=altair.Y("accuracy:Q", title=ACCURACY),
            color=altair.Color("x:O", title=word(data.x), sort=data.values("x"), **scheme),
            opacity=opacity,
            tooltip=_tooltip("x:O", "step:O", "passes:Q", "accuracy:Q", "seeds:O"),
        )
        .add_params(pick)
        .properties(width=320, height=HEIGHT)
        .facet(facet=altair.Facet("panel:N", title=None, sort=order), columns=2)
    )
    return chart.properties(title=f"Accuracy by {title}, mean over the seeds")


def steps_to_threshold(data, threshold):
    rows = []
    for (panel, series, x), cell in data.steps_to(threshold).items():
        steps = [step for step in cell.values() if step is not None]
        if steps:
            low, high = statistics.interval(steps)
            rows.append({"panel": panel, "series": series, "x": x, "steps": mean(steps),
                         "low": low, "high": high, "reached": f"{len(steps)} of {len(cell)}"})  # fmt: skip
    base = altair.Chart(altair.Data(values=rows)).encode(
        x=_x(data), color=_series(data), tooltip=_tooltip("series:N", "x:O", "steps:Q", "reached:N")
    )
    title = f"mini-batches to {100 * threshold:g} %"
    line = base.mark_line(point=True).encode(y=altair.Y("steps:Q", title=title))
    bar = base.mark_errorbar().encode(y=altair.Y("low:Q", title=title), y2="high:Q")
    chart = (bar + line).properties(width=WIDTH, height=HEIGHT)
    return _panels(data, chart, f"Steps to {100 * threshold:g} % (where reached)")


def box_plots(data):
    rows = [
        {name: run[name] for name in ("panel", "series", "x", "accuracy", "seed")}
        for run in data.runs if run["accuracy"] is not None
    ]  # fmt: skip
    # Vega warns of a scale without values where no box has outliers: the limits are given.
    limits = [min(row["accuracy"] for row in rows), max(row["accuracy"] for row in rows)]
    scale = altair.Scale(zero=False, domain=limits)
    chart = (
        altair.Chart(altair.Data(values=rows))
        .mark_boxplot(size=10)
        .encode(
            x=altair.X("x:O", title=word(data.x), sort=data.values("x")),
            y=altair.Y("accuracy:Q", title=ACCURACY, scale=scale),
            color=_series(data),
            xOffset=altair.XOffset("series:N", sort=data.values("series")),
        )
        .properties(width=max(WIDTH, 34 * len(data.values("x"))), height=HEIGHT)
    )
    return _panels(data, chart, "Spread over the seeds", columns=1)


def heat_map(data):
    rows = [
        {"panel": panel, "series": series, "x": x, "accuracy": mean(cell.values())}
        for (panel, series, x), cell in data.groups().items()
    ]
    base = altair.Chart(altair.Data(values=rows)).encode(
        x=altair.X("x:O", title=word(data.x), sort=data.values("x")),
        y=altair.Y("series:N", title=word(data.series), sort=data.values("series")),
    )
    cells = base.mark_rect().encode(
        color=altair.Color("accuracy:Q", title="%", scale=altair.Scale(scheme="viridis")),
        tooltip=_tooltip("series:N", "x:O", "accuracy:Q"),
    )
    middle = mean((min(r["accuracy"] for r in rows), max(r["accuracy"] for r in rows)))
    text = base.mark_text(fontSize=9).encode(
        text=altair.Text("accuracy:Q", format=".1f"),
        color=altair.condition(
            f"datum.accuracy > {middle}", altair.value("black"), altair.value("white")
        ),
    )
    return _panels(data, cells + text, "Mean accuracy", columns=1)


def all_of(data):
    """{name: chart} of what this study's results can show."""
    if not data.groups():
        return {}
    found = {
        "accuracy-by-bits" if "truncate" in data.x else "accuracy-by-axis": accuracy_by_x(data)
    }
    if len({point["step"] for point in data.points}) > 1:
        found["accuracy-by-step"] = accuracy_over(data, "step", "mini-batch")
        found["accuracy-by-pass"] = accuracy_over(data, "passes", "pass over the data")
    for threshold in data.thresholds:
        if any(step for cell in data.steps_to(threshold).values() for step in cell.values()):
            found[f"steps-to-{100 * threshold:g}"] = steps_to_threshold(data, threshold)
    if len({run["seed"] for run in data.runs}) > 2:
        found["spread"] = box_plots(data)
    if len(data.values("series")) > 1 and len(data.values("x")) > 1:
        found["heat-map"] = heat_map(data)
    return found


def together(charts):
    return altair.vconcat(*charts).resolve_scale(color="independent")


def _without_points(spec):
    """Without the small points of curves, which are for the mouse."""
    if isinstance(spec, list):
        return [_without_points(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    return {name: _without_points(part) for name, part in spec.items()
            if not (name == "point" and part == SMALL_POINTS)}  # fmt: skip


def picture(chart, kind):
    """The bytes of an SVG or PNG file, without what only a page can use: small points, and the
    texts for screen readers that each mark has; a picture has its own."""
    import vl_convert

    spec = _without_points(chart.to_dict())
    spec["config"] = {**spec.get("config", {}), "aria": False}
    if kind == "svg":  # a hundredth of a pixel is fine enough
        return re.sub(r"(\.\d\d)\d+", r"\1", vl_convert.vegalite_to_svg(spec)).encode()
    return vl_convert.vegalite_to_png(spec, scale=2)
