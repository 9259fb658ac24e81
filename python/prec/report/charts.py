# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The pictures of a study as Vega-Lite charts: the page shows them, PNG and SVG are drawn
from the same.

Values come computed (means, intervals): a chart draws and does no statistics. A click on
an entry of a legend shows that one alone.
"""

from collections.abc import Iterable
from math import isfinite
from statistics import mean
from typing import Any

import altair

from prec.report import statistics, tables
from prec.report.dataset import Dataset, word
from prec.report.drawing import SMALL_POINTS

WIDTH, HEIGHT = 420, 300
SMALL = {"width": 190, "height": 140}  # of pictures that stand in rows and columns
ROW = 4  # of them side by side
CELL_WIDTH, CELL_HEIGHT = 44, 24  # of a heat map, for numbers of four digits
TICKS = {"size": 12}  # at the ends of error bars; else as wide as a word's place
SHARES = ("overflow", "underflow", "saturation")


def _tooltip(*names: str, digits: str = ".4~g") -> list[Any]:
    return [altair.Tooltip(name, format=digits) if name.endswith(":Q") else name for name in names]


def _x(data: Dataset) -> altair.X:
    """All pictures of a study have the same axis; one number alone makes no scale."""
    title, values = word(data.x), data.values("x")
    if data.ordered and data.x != "seed" and len(values) > 1:
        scale = altair.Scale(zero=False, nice=False, domain=[values[0], values[-1]])
        whole = all(isinstance(value, int) for value in values)
        axis = altair.Axis(tickMinStep=1) if whole else altair.Axis()
        return altair.X("x:Q", title=title, scale=scale, axis=axis)
    return altair.X("x:O", title=title, sort=values, scale=altair.Scale(domain=values))


def _x_by_place(data: Dataset) -> altair.X:
    """Each value has the same room; numbers stand upright in it."""
    axis = altair.Axis(labelAngle=0) if data.ordered else altair.Axis()
    return altair.X("x:O", title=word(data.x), sort=data.values("x"), axis=axis)


def _x_colour(data: Dataset) -> altair.Color:
    """Colour by x: numbers from dark to light, words each their own."""
    if data.ordered:
        return altair.Color("x:O", title=word(data.x), sort=data.values("x"), scale=altair.Scale(scheme="viridis"))
    return altair.Color("x:N", title=word(data.x), sort=data.values("x"))


def _series(data: Dataset, **more: Any) -> altair.Color:
    """Colour by series; without several there is no legend."""
    several = len(data.values("series")) > 1
    legend = altair.Legend(orient="bottom", columns=2, labelLimit=400) if several else None
    return altair.Color("series:N", title=None, sort=data.values("series"), legend=legend, **more)


def _beside(data: Dataset) -> dict[str, altair.XOffset]:
    """At words the series stand side by side; at numbers they are lines."""
    several = len(data.values("series")) > 1 and not data.ordered
    return {"xOffset": altair.XOffset("series:N", sort=data.values("series"))} if several else {}


def _picked(data: Dataset, field: str = "series") -> tuple[Any, Any]:
    """A selection by the legend, and the opacity that shows it."""
    pick = altair.selection_point(fields=[field], bind="legend", name=f"pick_{field}")
    return pick, _shown(pick, 1)


def _shown(pick: Any, opacity: float) -> Any:
    return altair.condition(pick, altair.value(opacity), altair.value(0.12 * opacity))


def _size(data: Dataset) -> dict[str, int]:
    """Of a panel: two side by side, small ones where there are many."""
    return SMALL if len(data.values("panel")) > ROW else {"width": WIDTH, "height": HEIGHT}


def _panels(data: Dataset, chart: Any, title: str, columns: int | None = None) -> Any:
    panels = data.values("panel")
    if len(panels) > 1:
        facet = altair.Facet("panel:N", title=None, sort=panels, header=_header())
        columns = columns or (ROW if len(panels) > ROW else 2)
        chart = _of_its_own(chart.facet(facet=facet, columns=columns))
    return chart.properties(title=title)


def _header(**more: Any) -> altair.Header:
    """A panel's name, a line for each axis that it is of."""
    return altair.Header(labelExpr="split(datum.label, ', ')", labelLimit=400, **more)


def _of_its_own(chart: Any) -> Any:
    """Each panel with its axis: a shared one is also drawn where the last row has no panel."""
    return chart.resolve_axis(x="independent")


def _has_intervals(rows: list[dict[str, Any]]) -> bool:
    """Of one seed there are none, and of a scale without a number Vega warns."""
    return any(row["low"] is not None for row in rows)


def _within(rows: list[dict[str, Any]], least: float, most: float) -> altair.Scale:
    """An axis that ends where the measure does, though an interval of few seeds goes on."""
    ends = [row[end] for row in rows for end in ("low", "high") if row[end] is not None]
    given = {"domainMin": least} if min(ends, default=least) < least else {}
    given |= {"domainMax": most} if max(ends, default=most) > most else {}
    return altair.Scale(zero=False, **given)


def measured_by_x(data: Dataset) -> Any:
    rows, name = [], data.measured.name
    for (panel, series, x), cell in data.groups().items():
        values = list(cell.values())
        low, high = statistics.interval(values)
        if isfinite(mean(values)):
            rows.append({"panel": panel, "series": series, "x": x, name: mean(values),
                         "low": low, "high": high, "seeds": len(values)})  # fmt: skip
    pick, opacity = _picked(data)
    base = altair.Chart(altair.Data(values=rows)).encode(
        x=_x(data), color=_series(data), opacity=opacity, **_beside(data),
        tooltip=_tooltip("series:N", "x:N", f"{name}:Q", "low:Q", "high:Q", "seeds:O"),
    )  # fmt: skip
    mark = base.mark_line(point=True) if data.ordered else base.mark_point(filled=True, size=50)
    scale = altair.Scale(zero=False) if data.measured.is_loss else _within(rows, 0, data.measured.factor)
    line = mark.encode(y=altair.Y(f"{name}:Q", title=data.measured.title, scale=scale))
    band = base.mark_errorband(clip=True) if data.ordered else base.mark_errorbar(ticks=TICKS, clip=True)
    band = band.encode(y=altair.Y("low:Q", title=data.measured.title), y2="high:Q",
                       opacity=_shown(pick, 0.3 if data.ordered else 1))  # fmt: skip
    # The selection belongs to the line: a band is several marks, each would have its own.
    line = line.add_params(pick)
    chart = (line + band if _has_intervals(rows) else line).properties(**_size(data))
    return _panels(data, chart, f"{name.capitalize()} by {word(data.x)}")


def scatter(data: Dataset) -> Any:
    """Of a random study: what is measured by each axis, a mark for each point."""
    names, name = data.differing(), data.measured.name
    cells: dict[str, tuple[dict[str, Any], list[float]]] = {}
    for run in data.runs:
        if run["value"] is not None and isfinite(run["value"]):
            place = tuple((axis, run["settings"].get(axis)) for axis in names)
            cells.setdefault(str(place), (dict(place), []))[1].append(run["value"])
    fields = {axis: axis.replace(".", " ") for axis in names}  # a dot would be a path
    rows = [
        {**{field: _number_or_word(place[axis]) for axis, field in fields.items()}, name: mean(values), "seeds": len(values)}
        for place, values in cells.values()
    ]  # fmt: skip
    source, shown = altair.Data(values=rows), []
    for axis, field in fields.items():
        numbers = [row[field] for row in rows]
        x = altair.X(f"{field}:N", title=word(axis))
        if all(isinstance(number, (int, float)) for number in numbers):
            wide = min(numbers) > 0 and max(numbers) > 30 * min(numbers)
            scale = altair.Scale(type="log", nice=False) if wide else altair.Scale(type="linear", zero=False)
            x = altair.X(f"{field}:Q", title=word(axis), scale=scale)
        chart = altair.Chart(source).mark_point(filled=True, size=50).encode(
            x=x, y=altair.Y(f"{name}:Q", title=data.measured.title, scale=altair.Scale(zero=False)),
            tooltip=_tooltip(*(f"{other}:N" for other in fields.values()), f"{name}:Q", "seeds:O"),
        )  # fmt: skip
        shown.append(chart.properties(width=320, height=HEIGHT))
    return altair.concat(*shown, columns=2).properties(title=f"{name.capitalize()} by each axis")


def _number_or_word(value: Any) -> Any:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else word(value)


def measured_over(data: Dataset, unit: str, title: str) -> Any:
    """The curves over `step` (a mini-batch) or `passes` (over the data; what the 2017 study
    calls an iteration)."""
    measured = data.measured.name
    cells: dict[tuple[Any, ...], list[float]] = {}
    for point in data.points:
        if point["value"] is not None:
            name = (point["panel"], point["series"], point["x"], point["step"], point["passes"])
            cells.setdefault(name, []).append(point["value"])
    rows = [
        {"panel": panel, "series": series, "x": x, "step": step + 1,
         "passes": passes and round(passes, 4), measured: float(f"{mean(values):.6g}"), "seeds": len(values)}
        for (panel, series, x, step, passes), values in cells.items() if isfinite(mean(values))
    ]  # fmt: skip
    panels, series = data.values("panel"), data.values("series")
    several = len(panels) > 1 and len(series) > 1
    pick, opacity = _picked(data, "x")
    chart = (
        altair.Chart(altair.Data(values=rows))
        .mark_line(point=SMALL_POINTS)
        .encode(
            x=altair.X(f"{unit}:Q", title=title),
            y=altair.Y(f"{measured}:Q", title=data.measured.title),
            color=_x_colour(data),
            opacity=opacity,
            tooltip=_tooltip("x:O", "step:O", "passes:Q", f"{measured}:Q", "seeds:O"),
        )
        .add_params(pick)
    )
    if several and len(panels) <= ROW:
        shown = chart.properties(**SMALL).facet(
            column=altair.Column("panel:N", title=None, sort=panels, header=_header()),
            row=altair.Row("series:N", title=None, sort=series, header=_header(labelAngle=90, labelOrient="right")),
        )  # fmt: skip
    else:
        shown = _wrapped(chart, rows, panels, series, ROW if several else 2)
    return shown.properties(title=f"{measured.capitalize()} by {title}, mean over the seeds")


def _wrapped(chart: Any, rows: list[dict[str, Any]], panels: list[str], series: list[str], columns: int) -> Any:
    """A picture for each panel and series, so many side by side."""
    named = len(series) > 1 or len(panels) < 2
    names = {(panel, name): ", ".join(filter(None, (panel, name if named else ""))) for name in series for panel in panels}
    for row in rows:
        row["panel"] = names[row["panel"], row["series"]]
    order = list(dict.fromkeys(names.values()))
    facet = altair.Facet("panel:N", title=None, sort=order, header=_header())
    size = SMALL if columns > 2 else {"width": 320, "height": HEIGHT}
    return _of_its_own(chart.properties(**size).facet(facet=facet, columns=columns))


def steps_to_threshold(data: Dataset, threshold: float) -> Any:
    rows = []
    for (panel, series, x), cell in data.steps_to(threshold).items():
        steps = [step for step in cell.values() if step is not None]
        if steps:
            low, high = statistics.interval(steps)
            rows.append({"panel": panel, "series": series, "x": x, "steps": mean(steps),
                         "low": low, "high": high, "reached": f"{len(steps)} of {len(cell)}"})  # fmt: skip
    base = altair.Chart(altair.Data(values=rows)).encode(
        x=_x(data), color=_series(data), tooltip=_tooltip("series:N", "x:O", "steps:Q", "reached:N"), **_beside(data)
    )
    goal = data.measured.goal(threshold)
    title = f"mini-batches to {goal}"
    mark = base.mark_line(point=True) if data.ordered else base.mark_point(filled=True, size=50)
    scale = _within(rows, 0, max(point["step"] for point in data.points) + 1)
    line = mark.encode(y=altair.Y("steps:Q", title=title, scale=scale))
    bar = base.mark_errorbar(clip=True).encode(y=altair.Y("low:Q", title=title), y2="high:Q")
    chart = (bar + line if _has_intervals(rows) else line).properties(**_size(data))
    return _panels(data, chart, f"Steps to {goal} (where reached)")


def box_plots(data: Dataset) -> Any:
    measured = data.measured.name
    rows = [
        {"panel": run["panel"], "series": run["series"], "x": run["x"], measured: run["value"], "seed": run["seed"]}
        for run in data.runs if run["value"] is not None and isfinite(run["value"])
    ]  # fmt: skip
    # Vega warns of a scale without values where no box has outliers: the limits are given.
    least, most = min(row[measured] for row in rows), max(row[measured] for row in rows)
    limits = [least - 0.03 * (most - least), most + 0.03 * (most - least)]
    scale = altair.Scale(zero=False, domain=limits)
    chart = (
        altair.Chart(altair.Data(values=rows))
        .mark_boxplot(size=10)
        .encode(
            x=_x_by_place(data),
            y=altair.Y(f"{measured}:Q", title=data.measured.title, scale=scale),
            color=_series(data),
            xOffset=altair.XOffset("series:N", sort=data.values("series")),
        )
        .properties(width=max(WIDTH, 34 * len(data.values("x"))), height=HEIGHT)
    )
    return _panels(data, chart, "Spread over the seeds", columns=1)


def heat_map(data: Dataset) -> Any:
    name = data.measured.name
    rows = [
        {"panel": panel, "series": series, "x": x, name: mean(cell.values())}
        for (panel, series, x), cell in data.groups().items() if isfinite(mean(cell.values()))
    ]  # fmt: skip
    cells = _cells(data, rows, name, ("series", word(data.series), data.values("series")),
                   data.measured.unit.strip(", "), ".3~g" if data.measured.is_loss else ".1f")  # fmt: skip
    return _panels(data, cells, f"Mean {name}", columns=1)


def _cells(data: Dataset, rows: list[dict[str, Any]], name: str, down: tuple[str, str | None, list[Any]],
           unit: str, digits: str) -> Any:  # fmt: skip
    """Coloured cells with their numbers; `down`: what is the vertical axis, its title, its order."""
    field, title, order = down
    base = altair.Chart(altair.Data(values=rows)).encode(
        x=_x_by_place(data),
        y=altair.Y(f"{field}:N", title=title, sort=order),
    )
    cells = base.mark_rect().encode(
        color=altair.Color(f"{name}:Q", title=unit or None, scale=altair.Scale(scheme="viridis")),
        tooltip=_tooltip(f"{field}:N", "x:O", f"{name}:Q"),
    )
    middle = mean((min(r[name] for r in rows), max(r[name] for r in rows)))
    small = f"abs(datum['{name}']) < 0.001 && datum['{name}'] != 0"
    written = f"{small} ? format(datum['{name}'], '.1e') : format(datum['{name}'], '{digits}')"
    text = base.transform_calculate(written=written).mark_text(fontSize=9).encode(
        text="written:N",
        color=altair.condition(
            f"datum['{name}'] > {middle}", altair.value("black"), altair.value("white")
        ),
    )
    return (cells + text).properties(width=altair.Step(CELL_WIDTH), height=altair.Step(CELL_HEIGHT))


def gradient_norms(data: Dataset) -> Any:
    """A picture for each layer, a curve for each x. The axis is logarithmic: no zeros."""
    cells: dict[tuple[Any, ...], list[float]] = {}
    for row in data.layers:
        if row["gradient_norm"]:
            place = ", ".join(filter(None, (row["layer"], row["panel"], _several(data, row["series"]))))
            cells.setdefault((place, row["x"], row["step"]), []).append(row["gradient_norm"])
    rows = [{"layer": place, "x": x, "step": step + 1, "norm": float(f"{mean(values):.4g}"), "seeds": len(values)}
            for (place, x, step), values in cells.items()]  # fmt: skip
    order = list(dict.fromkeys(row["layer"] for row in rows))
    pick, opacity = _picked(data, "x")
    chart = (
        altair.Chart(altair.Data(values=rows))
        .mark_line(point=SMALL_POINTS)
        .encode(
            x=altair.X("step:Q", title="mini-batch"),
            y=altair.Y("norm:Q", title="norm of the weights' gradients", scale=altair.Scale(type="log", nice=False)),
            color=_x_colour(data),
            opacity=opacity,
            tooltip=_tooltip("layer:N", "x:O", "step:O", "norm:Q", "seeds:O"),
        )
        .add_params(pick)
        .properties(width=320, height=HEIGHT)
        .facet(facet=altair.Facet("layer:N", title=None, sort=order), columns=2)
    )
    return _of_its_own(chart).properties(title="Gradients by mini-batch, mean over the seeds and since the point before")


def _several(data: Dataset, series: str) -> str:
    return series if len(data.values("series")) > 1 else ""


def rounding_shares(data: Dataset, kind: str) -> Any:
    """What share of the numbers that a layer rounds becomes infinite, zero or the largest."""
    cells: dict[tuple[Any, ...], list[float]] = {}
    for row in data.layers:
        if row[kind] is not None:
            place = (row["panel"], ", ".join(filter(None, (row["layer"], _several(data, row["series"])))), row["x"])
            cells.setdefault(place, []).append(100 * row[kind])
    rows = [{"panel": panel, "layer": layer, "x": x, "share": mean(values)}
            for (panel, layer, x), values in cells.items()]  # fmt: skip
    order = list(dict.fromkeys(row["layer"] for row in rows))
    chart = _cells(data, rows, "share", ("layer", None, order), "%", ".2~g")
    return _panels(data, chart, f"Numbers rounded to {tables.LAYER_WORDS[kind].split(' to ')[1]}, %", columns=1)


def all_of(data: Dataset) -> dict[str, Any]:
    """{name: chart} of what this study's results can show."""
    if not any(isfinite(value) for cell in data.groups().values() for value in cell.values()):
        return {}
    name = data.measured.name
    if data.scattered and data.differing():
        found = {f"{name}-by-axes": scatter(data)}
    else:
        found = {f"{name}-by-{'bits' if 'truncate' in data.x else 'axis'}": measured_by_x(data)}
    # A random study's points share no axis but the step: its runs are no curves of anything.
    if len({point["step"] for point in data.points}) > 1 and not data.scattered:
        found[f"{name}-by-step"] = measured_over(data, "step", "mini-batch")
        if all(point["passes"] is not None for point in data.points):
            found[f"{name}-by-pass"] = measured_over(data, "passes", "pass over the data")
    for threshold in () if data.scattered else data.thresholds:
        if any(step for cell in data.steps_to(threshold).values() for step in cell.values()):
            found[f"steps-to-{data.measured.slug(threshold)}"] = steps_to_threshold(data, threshold)
    if any(row["gradient_norm"] for row in data.layers):
        found["gradient-norms"] = gradient_norms(data)
    for kind in SHARES:
        if any(row[kind] for row in data.layers):
            found[f"rounding-shares-{kind}"] = rounding_shares(data, kind)
    if len({run["seed"] for run in data.runs}) > 2 and not data.scattered:
        found["spread"] = box_plots(data)
    if len(data.values("series")) > 1 and len(data.values("x")) > 1:
        found["heat-map"] = heat_map(data)
    return found


def together(charts: Iterable[Any]) -> Any:
    return altair.vconcat(*charts).resolve_scale(color="independent")
