# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tables of a study: (heading, columns, rows) of text and numbers, for page and Markdown."""

from statistics import mean

from prec.report import statistics
from prec.report.dataset import word


LEARNS = 20.0  # percent of accuracy below which a network has not learnt


def _span(low, high, digits=2):
    return "" if low is None else f"{low:.{digits}f} to {high:.{digits}f}"


def summary(data):
    """A row for each point of the study: mean, interval, how many ended, diverged, failed."""
    columns = [word(data.x), "series", "setting", "accuracy, %", "95 % interval", "seeds",
               "diverged", "failed", *(f"steps to {100 * t:g} %" for t in data.thresholds)]  # fmt: skip
    reached = [data.steps_to(threshold) for threshold in data.thresholds]
    members = {}
    for run in data.runs:
        members.setdefault((run["panel"], run["series"], run["x"]), []).append(run)
    rows = []
    for place in sorted(members, key=data.order):
        (panel, series, x), runs = place, members[place]
        values = [run["accuracy"] for run in runs if run["accuracy"] is not None]
        low, high = statistics.interval(values)
        steps = [[s for s in found[place].values() if s is not None] for found in reached]
        rows.append([
            x, series, panel, round(mean(values), 2) if values else None, _span(low, high),
            len(values), sum(run["diverged_at"] is not None for run in runs),
            sum(run["status"] == "failed" for run in runs),
            *(round(mean(s)) if len(s) == len(runs) else f"{len(s)} of {len(runs)} reach it"
              for s in steps),
        ])  # fmt: skip
    return "Test accuracy at the end", *_without_constant(columns, rows, {1, 2, 6, 7})


def _without_constant(columns, rows, optional):
    """Without the optional columns in which nothing stands or all is equal."""
    kept = [
        index for index in range(len(columns))
        if index not in optional or len({row[index] for row in rows}) > 1
        or (index > 2 and rows and rows[0][index])
    ]  # fmt: skip
    return [columns[i] for i in kept], [[row[i] for i in kept] for row in rows]


def means(data):
    """Mean and interval of each point: a row for each x, a column for each series."""
    groups, series = data.groups(), data.values("series")
    rows = []
    for panel in data.values("panel"):
        for x in data.values("x"):
            cells = [list(groups.get((panel, name, x), {}).values()) for name in series]
            if any(cells):
                rows.append([panel, x, *map(_mean_and_span, cells)])
    columns = ["setting", word(data.x), *(series if len(series) > 1 else ["accuracy, %"])]
    heading = "Test accuracy at the end, %: mean (95 % interval)"
    return heading, *_without_constant(columns, rows, {0})


def _mean_and_span(values):
    if not values:
        return ""
    span = _span(*statistics.interval(values), digits=1)
    return f"{mean(values):.2f}" + (f" ({span})" if span else "")


def inflections(data):
    """For each curve over numbers of bits: the smallest that is as good as the largest, within
    the margin."""
    rows = []
    for (panel, series), sizes, seeds, grid in curves(data):
        if len(sizes) > 1 and data.sized:
            size, low, high = statistics.inflection(sizes, grid, 100 * data.margin)
            span = "" if low is None else f"{low} to {high}"
            if not learns(grid):
                size, span = "does not learn", ""
            rows.append([series, panel, size, span, len(seeds)])
    heading = (f"Inflection: the smallest size whose accuracy, and that of all larger ones, is "
               f"within {100 * data.margin:g} points of the largest size's")  # fmt: skip
    columns = ["series", "setting", word(data.x), "95 % interval", "seeds"]
    return heading, *_without_constant(columns, rows, {1})


def learns(grid):
    """Whether the largest size of accuracies[seed][size] does."""
    return mean(row[-1] for row in grid) >= LEARNS


def curves(data):
    """((panel, series), sizes, seeds, accuracies[seed][size]) where x is a number."""
    if not data.ordered or not data.runs:
        return
    groups = data.groups()
    for panel, series in dict.fromkeys((panel, series) for panel, series, _ in groups):
        sizes = sorted(x for p, s, x in groups if (p, s) == (panel, series))
        cells = [groups[panel, series, size] for size in sizes]
        seeds = sorted(set.intersection(*(set(cell) for cell in cells)))
        if seeds:
            grid = [[100 * cell[seed] / 100 for cell in cells] for seed in seeds]
            yield (panel, series), sizes, seeds, grid


def comparisons(data):
    """Each series against the first one at the same point, paired by seed, Holm-corrected."""
    groups, first = data.groups(), data.values("series")[0]
    found = []
    for panel, series, x in sorted(groups, key=data.order):
        cell = groups[panel, series, x]
        other = groups.get((panel, first, x), {})
        seeds = sorted(set(cell) & set(other))
        if series != first and len(seeds) > 1:
            found.append((x, series, panel, [cell[s] - other[s] for s in seeds]))
    corrected = statistics.holm([statistics.paired(d) for *_, d in found])
    rows = []
    for (x, series, panel, differences), p in zip(found, corrected):
        low, high = statistics.interval(differences)
        verdict = "higher" if mean(differences) > 0 else "lower"
        verdict = verdict if p < 0.05 else "undecided"
        rows.append([x, series, panel, round(mean(differences), 2), _span(low, high),
                     float(f"{p:.2g}"), verdict, len(differences)])  # fmt: skip
    columns = [word(data.x), "series", "setting", f"points above {first}", "95 % interval",
               "p (Holm)", "verdict", "seeds"]  # fmt: skip
    return f"Compared with {first}, seed by seed", *_without_constant(columns, rows, {1, 2})


def runs(data):
    """Each run with the command that repeats it."""
    columns = [word(data.x), "series", "setting", "seed", "accuracy, %", "status", "command"]
    rows = [
        [run["x"], run["series"], run["panel"], run["seed"],
         None if run["accuracy"] is None else round(run["accuracy"], 2),
         run["error"] or run["status"], run["command"]]
        for run in data.runs
    ]  # fmt: skip
    return "Every run", *_without_constant(columns, rows, {1, 2})


def all_of(data):
    """{name: (heading, columns, rows)} of those that have rows, the runs last."""
    found = {"summary": summary(data), "inflection": inflections(data)}
    if data.runs:
        found["comparison"] = comparisons(data)
    found["runs"] = runs(data)
    return {name: table for name, table in found.items() if table[2]}


def as_text(columns, rows):
    lines = [[str(cell) for cell in line] for line in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(line, widths)) for line in lines)


def as_markdown(columns, rows):
    def line(cells):
        texts = ("" if cell is None else str(cell).replace("|", "\\|") for cell in cells)
        return "| " + " | ".join(texts) + " |"

    return "\n".join([line(columns), line(["---"] * len(columns)), *map(line, rows)])
