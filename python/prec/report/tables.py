# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tables of a study: (heading, columns, rows) of text and numbers, for page and Markdown."""

from collections.abc import Iterator, Sequence
from math import isfinite
from statistics import mean
from typing import Any

from prec.report import statistics
from prec.report.dataset import Dataset, word
from prec.study.runs import canonical
from prec.study.store import LAYER

Table = tuple[str, list[Any], list[list[Any]]]  # heading, columns, rows
SURE = 0.05  # p below which a difference is one
LAYER_WORDS = {
    "gradient_norm": "norm of the weights' gradients", "overflow": "share rounded to infinity",
    "underflow": "share rounded to zero", "saturation": "share rounded to the largest number",
}  # fmt: skip


def _span(data: Dataset, low: float | None, high: float | None, digits: int = 2) -> str:
    write = data.measured.text
    return "" if low is None or high is None else f"{write(low, digits)} to {write(high, digits)}"


def summary(data: Dataset) -> Table:
    """A row for each point of the study: mean, interval, how many ended, diverged, failed."""
    columns = [word(data.x), "series", "setting", data.measured.heading, "95 % interval", "seeds",
               "diverged", "failed", *(f"steps to {data.measured.goal(t)}" for t in data.thresholds)]  # fmt: skip
    reached = [data.steps_to(threshold) for threshold in data.thresholds]
    members: dict[tuple[str, str, Any], list[dict[str, Any]]] = {}
    for run in data.runs:
        members.setdefault((run["panel"], run["series"], run["x"]), []).append(run)
    rows = []
    for place in sorted(members, key=data.order):
        (panel, series, x), runs = place, members[place]
        values = [run["value"] for run in runs if run["value"] is not None]
        low, high = statistics.interval(values)
        steps = [[s for s in found[place].values() if s is not None] for found in reached]
        rows.append([
            x, series, panel, data.measured.rounded(mean(values)) if values else None,
            _span(data, low, high),
            len(values), sum(run["diverged_at"] is not None for run in runs),
            sum(run["status"] == "failed" for run in runs),
            *(round(mean(s)) if len(s) == len(runs) else f"{len(s)} of {len(runs)} reach it"
              for s in steps),
        ])  # fmt: skip
    return f"Test {data.measured.name} at the end", *_without_constant(columns, rows, {1, 2, 6, 7})


def _without_constant(columns: list[Any], rows: list[list[Any]], optional: set[int]) -> tuple[list[Any], list[list[Any]]]:
    """Without the optional columns in which nothing stands or all is equal."""
    kept = [
        index for index in range(len(columns))
        if index not in optional or len({row[index] for row in rows}) > 1
        or (index > 2 and rows and rows[0][index])
    ]  # fmt: skip
    return [columns[i] for i in kept], [[row[i] for i in kept] for row in rows]


def means(data: Dataset) -> Table:
    """Mean and interval of each point: a row for each x, a column for each series."""
    groups, series = data.groups(), data.values("series")
    rows = []
    for panel in data.values("panel"):
        for x in data.values("x"):
            cells = [list(groups.get((panel, name, x), {}).values()) for name in series]
            if any(cells):
                rows.append([panel, x, *(_mean_and_span(data, cell) for cell in cells)])
    columns = ["setting", word(data.x), *(series if len(series) > 1 else [data.measured.heading])]
    heading = f"Test {data.measured.name} at the end{data.measured.unit}: mean (95 % interval)"
    return heading, *_without_constant(columns, rows, {0})


def _mean_and_span(data: Dataset, values: list[float]) -> str:
    if not values:
        return ""
    span = _span(data, *statistics.interval(values), digits=1)
    return data.measured.text(mean(values)) + (f" ({span})" if span else "")


def best(data: Dataset) -> Table:
    """The points of a search, the best first, those that were trained longest before all."""
    names = data.differing()
    cells: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for run in data.runs:
        if run["value"] is not None:
            place = tuple(canonical(run["settings"].get(name)) for name in names)
            cells.setdefault(place, []).append(run)
    ranked = []
    for members in cells.values():
        values = [run["value"] for run in members]
        settings = members[0]["settings"]
        row = [_short(settings.get(name)) for name in names]
        row += [data.measured.rounded(mean(values)), _span(data, *statistics.interval(values)), len(values)]
        ranked.append((-(settings.get("steps") or 0), -data.measured.sign * mean(values), row))
    rows = [row for _, _, row in sorted(ranked, key=lambda item: item[:2])]
    columns = [*map(word, names), data.measured.heading, "95 % interval", "seeds"]
    return "The points, the best first", columns, rows


def _short(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value if isinstance(value, int) else word(value)


def inflections(data: Dataset) -> Table:
    """For each curve over numbers of bits: the smallest that is as good as the largest, within
    the margin."""
    rows = []
    for (panel, series), sizes, seeds, grid, margin in curves(data):
        if len(sizes) > 1 and data.sized:
            size, low, high = statistics.inflection(sizes, grid, margin)
            span = "" if low is None else f"{low} to {high}"
            shown = [size, span] if learns(data, grid) else ["does not learn", ""]
            rows.append([series, panel, *shown, len(seeds)])
    heading = (f"Inflection: the smallest size whose {data.measured.name}, and that of all larger ones, is "
               f"within {data.measured.within(data.margin)} the largest size's")  # fmt: skip
    columns = ["series", "setting", word(data.x), "95 % interval", "seeds"]
    return heading, *_without_constant(columns, rows, {1})


def inflections_by_setting(data: Dataset) -> Table:
    """The same in short: a row for each series, a column for each setting."""
    heading, columns, rows = inflections(data)
    panels = data.values("panel")
    if len(panels) < 2 or not rows:
        return heading, columns, rows
    at = {name: columns.index(name) for name in ("setting", word(data.x), "95 % interval")}
    cells: dict[str, dict[str, str]] = {}
    for row in rows:
        size, span = (row[at[name]] for name in (word(data.x), "95 % interval"))
        series = row[0] if columns[0] == "series" else ""
        cells.setdefault(series, {})[row[at["setting"]]] = f"{size} ({span})" if span else str(size)
    short = [[series, *(found.get(panel, "") for panel in panels)] for series, found in cells.items()]
    return f"{heading}: {word(data.x)} (95 % interval)", *_without_constant(["series", *panels], short, {0})


def learns(data: Dataset, grid: list[list[float]]) -> bool:
    """Whether the largest size of a curve's grid[seed][size] does."""
    return data.measured.learns([data.measured.sign * row[-1] for row in grid])


def curves(data: Dataset) -> Iterator[tuple[tuple[str, str], list[Any], list[int], list[list[float]], float]]:
    """((panel, series), sizes, seeds, grid[seed][size], margin) where x is a number; of the
    grid's numbers the higher ones are the better ones."""
    if not data.ordered or not data.runs or data.scattered:
        return
    groups = data.groups()
    for panel, series in dict.fromkeys((panel, series) for panel, series, _ in groups):
        sizes = sorted(x for p, s, x in groups if (p, s) == (panel, series))
        cells = [groups[panel, series, size] for size in sizes]
        seeds = sorted(set.intersection(*(set(cell) for cell in cells)))
        if seeds:
            grid = [[data.measured.sign * cell[seed] for cell in cells] for seed in seeds]
            margin = data.measured.margin(data.margin, [row[-1] for row in grid])
            yield (panel, series), sizes, seeds, grid, margin


Compared = tuple[Any, str, str, list[float], float]  # x, series, panel, differences by seed, corrected p


def _compared(data: Dataset) -> list[Compared]:
    """Each series against the first one at the same point, paired by seed, Holm-corrected."""
    groups, first = data.groups(), data.values("series")[0]
    found = []
    for panel, series, x in sorted(groups, key=data.order):
        cell = groups[panel, series, x]
        other = groups.get((panel, first, x), {})
        seeds = sorted(s for s in set(cell) & set(other) if isfinite(cell[s]) and isfinite(other[s]))
        if series != first and len(seeds) > 1:
            found.append((x, series, panel, [cell[s] - other[s] for s in seeds]))
    corrected = statistics.holm([statistics.paired(d) for *_, d in found])
    return [(*row, p) for row, p in zip(found, corrected)]


def comparisons(data: Dataset) -> Table:
    """A row for each comparison."""
    rows, first = [], data.values("series")[0]
    for x, series, panel, differences, p in _compared(data):
        low, high = statistics.interval(differences)
        verdict = "higher" if mean(differences) > 0 else "lower"
        verdict = verdict if p < SURE else "undecided"
        rows.append([x, series, panel, data.measured.rounded(mean(differences)), _span(data, low, high),
                     float(f"{p:.2g}"), verdict, len(differences)])  # fmt: skip
    columns = [word(data.x), "series", "setting", f"{'loss' if data.measured.is_loss else 'points'} above {first}", "95 % interval",
               "p (Holm)", "verdict", "seeds"]  # fmt: skip
    return f"Compared with {first}, seed by seed", *_without_constant(columns, rows, {1, 2})


def comparisons_by_point(data: Dataset) -> Table:
    """The same in short: a row for each point, a column for each series."""
    first, *others = data.values("series")
    cells = {}
    for x, series, panel, differences, p in _compared(data):
        text = f"{mean(differences):+.2f}" if not data.measured.is_loss else f"{mean(differences):+.4g}"
        span = _span(data, *statistics.interval(differences), digits=1)
        cells[panel, x, series] = (f"**{text}**" if p < SURE else text) + (f" ({span})" if span else "")
    rows = [[panel, x, *(cells.get((panel, x, series), "") for series in others)]
            for panel in data.values("panel") for x in data.values("x")
            if any((panel, x, series) in cells for series in others)]  # fmt: skip
    what = "loss" if data.measured.is_loss else "points"
    heading = (f"Compared with {first}, seed by seed: {what} above it (95 % interval), "
               f"bold where p is below {SURE} after Holm's correction")  # fmt: skip
    return heading, *_without_constant(["setting", word(data.x), *others], rows, {0})


def layers(data: Dataset) -> Table:
    """What the study measured of gradients and roundings, over all steps and seeds."""
    names = [name for name in LAYER if any(row[name] is not None for row in data.layers)]
    cells: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in data.layers:
        cells.setdefault((row["panel"], row["series"], row["x"], row["layer"]), []).append(row)
    rows = []
    for place in sorted(cells, key=lambda place: data.order(place[:3])):
        panel, series, x, layer = place
        values = [[row[name] for row in cells[place] if row[name] is not None] for name in names]
        rows.append([x, series, panel, layer, *(float(f"{mean(v):.3g}") if v else None for v in values)])
    columns = [word(data.x), "series", "setting", "layer", *(LAYER_WORDS[name] for name in names)]
    heading = "Gradients and roundings by layer: means over all steps and seeds"
    return heading, *_without_constant(columns, rows, {1, 2})


def runs(data: Dataset) -> Table:
    """Each run with the command that repeats it."""
    columns = [word(data.x), "series", "setting", "seed", data.measured.heading, "status", "command"]
    rows = [
        [run["x"], run["series"], run["panel"], run["seed"],
         None if run["value"] is None else data.measured.rounded(run["value"]),
         run["error"] or run["status"], run["command"]]
        for run in data.runs
    ]  # fmt: skip
    return "Every run", *_without_constant(columns, rows, {1, 2})


def all_of(data: Dataset) -> dict[str, Table]:
    """{name: (heading, columns, rows)} of those that have rows, the runs last."""
    found = {"best": best(data)} if data.is_search else {}
    if not data.scattered:
        found |= {"summary": summary(data), "inflection": inflections(data)}
        if data.runs:
            found["comparison"] = comparisons(data)
    found["layers"] = layers(data)
    found["runs"] = runs(data)
    return {name: table for name, table in found.items() if table[2]}


def as_text(columns: list[Any], rows: list[list[Any]]) -> str:
    lines = [[str(cell) for cell in line] for line in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(line, widths)) for line in lines)


def as_markdown(columns: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    def line(cells: Sequence[Any]) -> str:
        texts = ("" if cell is None else str(cell).replace("|", "\\|") for cell in cells)
        return "| " + " | ".join(texts) + " |"

    return "\n".join([line(columns), line(["---"] * len(columns)), *map(line, rows)])
