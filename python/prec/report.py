# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Turns records of prec-train into a table, pictures and one self-contained page.

A record is one JSON line with truncate_mantissa, rounding, seed, step, epoch and
test_accuracy. Means are over seeds; spreads are standard deviations of a sample.
"""
from collections import defaultdict
from statistics import mean, stdev

import altair

NAMES = {"toward-zero": "truncation", "stochastic": "stochastic rounding"}
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Accuracy by word size</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
td, th {{ padding: .15em 1em; text-align: right; border-bottom: 1px solid #ddd }}
</style></head><body>
<h1>How many bits does training need?</h1>
<p>Softmax regression 784&#8594;10 on Fashion-MNIST. Every scalar result of training and
evaluation is rounded to a word of one sign bit, 8 exponent bits and the rest fraction.
Learning rate 0.1, weights N(0, 0.01), bias 0, pixels / 255. {length}
Shown are means over {seeds} seeds; the spread is one standard deviation.</p>
{charts}
<h2>Test accuracy at the end, %</h2>
{table}
</body></html>
"""


def by(records, *keys):
    """Test accuracies in per cent, grouped by the values of the keys."""
    groups = defaultdict(list)
    for record in records:
        groups[tuple(record[key] for key in keys)].append(100 * record["test_accuracy"])
    return groups


def spread(values):
    return stdev(values) if len(values) > 1 else 0.0


def final(records):
    """{(rounding, bits): (mean, spread)} of the last evaluated step."""
    last = max(record["step"] for record in records)
    groups = by([r for r in records if r["step"] == last], "rounding", "truncate_mantissa")
    return {(rounding, m + 9): (mean(v), spread(v)) for (rounding, m), v in groups.items()}


def table(records):
    """Rows of text: the head, then one word size each."""
    cells = final(records)
    roundings = [name for name in NAMES if any(r == name for r, _ in cells)]
    rows = [["bits", "fraction", *(NAMES[r] for r in roundings)]]
    for bits in sorted({bits for _, bits in cells}):
        row = [str(bits), str(bits - 9)]
        for rounding in roundings:
            middle, width = cells[rounding, bits]
            row.append(f"{middle:.2f} ± {width:.2f}")
        rows.append(row)
    return rows


def as_text(rows):
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(row, widths)) for row in rows)


def as_html(rows):
    head, *body = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    lines = [head.replace("td>", "th>"), *body]
    return "<table>\n" + "\n".join(f"<tr>{line}</tr>" for line in lines) + "\n</table>"


def accuracy_by_bits(records):
    values = [
        {"rounding": NAMES[rounding], "bits": bits, "accuracy": middle,
         "low": middle - width, "high": middle + width}
        for (rounding, bits), (middle, width) in final(records).items()
    ]  # fmt: skip
    base = altair.Chart(altair.Data(values=values)).encode(
        x=altair.X("bits:Q", title="word size, bits", scale=altair.Scale(domain=[9, 33])),
        color=altair.Color("rounding:N", title=None, legend=altair.Legend(orient="bottom")),
        tooltip=["rounding:N", "bits:Q", altair.Tooltip("accuracy:Q", format=".2f")],
    )
    title = "test accuracy, %"
    line = base.mark_line(point=True).encode(y=altair.Y("accuracy:Q", title=title))
    bar = base.mark_errorbar(ticks=True).encode(y=altair.Y("low:Q", title=title), y2="high:Q")
    return (line + bar).properties(width=420, height=300, title="Accuracy by word size")


def accuracy_by_iteration(records):
    values = [
        {"rounding": NAMES[rounding], "bits": m + 9, "step": step + 1, "accuracy": mean(v)}
        for (rounding, m, step), v in by(records, "rounding", "truncate_mantissa", "step").items()
    ]
    return (
        altair.Chart(altair.Data(values=values))
        .mark_line(point={"size": 12})
        .encode(
            x=altair.X("step:Q", title="mini-batches of 128"),
            y=altair.Y("accuracy:Q", title="test accuracy, %"),
            color=altair.Color("bits:O", title="bits", scale=altair.Scale(scheme="viridis")),
            tooltip=["bits:O", "step:Q", altair.Tooltip("accuracy:Q", format=".2f")],
        )
        .properties(width=320, height=300)
        .facet(column=altair.Column("rounding:N", title=None))
        .properties(title="Accuracy by iteration")
    )


def length(records):
    """How long the training was, in mini-batches and in the study's iterations."""
    last = max(records, key=lambda record: record["step"])
    steps = last["step"] + 1
    passes = steps * 128 / 60000
    return (
        f"Training took {steps:,} mini-batches of 128, {passes:.2f} passes over the 60,000 "
        "images; what the 2017 study calls an iteration is one such pass."
    )


def write(records, folder):
    """Writes report.html and the PNGs into the folder; returns the table as text."""
    charts = {
        "accuracy-by-bits": accuracy_by_bits(records),
        "accuracy-by-iteration": accuracy_by_iteration(records),
    }
    for name, chart in charts.items():
        chart.save(folder / f"{name}.png", scale_factor=2)
    rows = table(records)
    page = PAGE.format(
        length=length(records),
        seeds=len({record["seed"] for record in records}),
        charts=altair.vconcat(*charts.values())
        .resolve_scale(color="independent")
        .to_html(fullhtml=False, inline=True),
        table=as_html(rows),
    )
    (folder / "report.html").write_text(page, encoding="utf-8")
    return as_text(rows)
