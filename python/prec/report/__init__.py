# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reports: a data set of rows becomes pictures, tables, and a page of both."""

from prec.report import charts, claims, page, tables
from prec.report.dataset import Dataset, following, word
from typing import Any


def length(data: Dataset) -> str:
    """How much was done, in words."""
    ended = [run for run in data.runs if run["value"] is not None]
    failed = sum(run["status"] == "failed" for run in data.runs)
    steps = sorted({point["step"] + 1 for point in data.points})
    batch = {run["settings"].get("batch-size") or 128 for run in data.runs}
    text = f"{len(ended)} runs ended"
    if data.planned:
        text += f" of {data.planned} that the {data.form} form plans"
    if left := data.left:
        text += f"; the study is incomplete, {left} are left for the same sweep again"
    if failed:
        text += f", {failed} failed"
    seeds = len({run["seed"] for run in data.runs})
    text += f"; {seeds} seed{'s' * (seeds != 1)}."
    if uncounted := sum(run["uncounted"] for run in data.runs):
        who = "They round" if uncounted == len(ended) else f"{uncounted} of them round"
        text += f" {who} no whole tensor: their roundings are inside of operations and not counted."
    if data.scattered:
        return text
    for name in following(data.differing(), data.runs, data.x):
        text += f" {word(name).capitalize()} goes with {word(data.x)}."
    samples = {run["samples"] for run in data.runs}
    if steps and len(batch) == len(samples) == 1 and None not in samples:
        size, number = batch.pop(), samples.pop()
        text += (f" Training took {steps[-1]:,} mini-batches of {size}, {steps[-1] * size / number:.2f} "
                 f"passes over {number:,} samples")  # fmt: skip
        text += "; what the 2017 study calls an iteration is one such pass." if data.experiment else "."
    return text


def heading(data: Dataset) -> str:
    return data.title + (" (quick form)" if data.form == "quick" else "")


def described(data: Dataset) -> dict[str, Any]:
    """A study as the page wants it."""
    shown = tables.all_of(data)
    columns, rows = claims.table(data)
    if rows:
        if not data.experiment:  # what the 2017 study said is of no matter
            columns, rows = columns[:1] + columns[2:], [row[:1] + row[2:] for row in rows]
        shown = {"claims": ("Claims", columns, rows), **shown}
    names = data.values("series")
    return {
        "id": f"{data.name}-{data.form}", "title": heading(data), "about": data.about,
        "length": length(data), "tables": shown,
        "charts": [(name, chart, names) for name, chart in charts.all_of(data).items()],
    }  # fmt: skip


def html(found: list[Dataset], title: str | None = None) -> str:
    """The whole page of some studies."""
    title = title or (heading(found[0]) if len(found) == 1 else "Studies of precision")
    return page.render(title, [described(data) for data in found])
