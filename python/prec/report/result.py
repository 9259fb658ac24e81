# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The result page: what was run, the claims and their verdicts, then each study with its
pictures, means, inflections and the command that repeats it; as Markdown, pictures beside it.
"""

from pathlib import Path
from typing import Any

from prec import tools
from prec.report import charts, claims, drawing, heading, length, tables
from prec.report.dataset import Dataset, word
from prec.study.file import Study, load

MADE = "Made by `python -m prec report STORE --format=md`, not written by hand."
QUICK = " Quick forms are for two cores, all of them together for an hour: what their intervals leave open is undecided."
READING = """How to read it. Intervals are of 95 % over the seeds: bootstraps, with fewer than a dozen
seeds Student's t. The **inflection** is the smallest size from which on no mean is worse than the
largest size's by more than the margin. A claim **holds** or **does not hold** where the whole
interval says so, else it is **undecided**, with the seeds and runs that would decide it (80 % power)."""
OF_2017 = """Some quick forms got their last seeds after a look at the first; such an interval is a little too narrow.
"Said so" is what the 2017 study said; where it asked and no answer of it is known, the claim is ours
and says "asked". A word of N bits has one sign bit, 8 exponent bits and N - 9 fraction bits; should
the study have counted fractions, its N is a word of N + 9 here."""
GRANULARITIES = """What is rounded at each granularity, and to what. All forms of all experiments, quick and full, have the four. A claim that
names none is about elementary granularity in experiments 1 to 9, about layer in 10 to 12.

| experiments | elementary | op | layer | batch |
| --- | --- | --- | --- | --- |
| 1 to 9 | words of N bits: each scalar result, products and running sums inside of operations too | the same words: the result of each operation on tensors | the same: what crosses a layer's border | the same: what crosses the step's border, images, weights and new weights |
| 10 | `binary`: each scalar result of the hard tanh; in layers that take binary inputs products and running sums are `int8` | `binary`: the result of each operation of the hard tanh | `binary`: what the hard tanh gives out | weights alone, which is BinaryConnect: activations cross no border of the step |
| 11, 12 | fixed point of N bits: each scalar result of a ReLU, each scalar result of role output gradient | integers of N bits and a scale: the result of each such operation | the same: what crosses a layer's border | the same: images and weights alone |

The scale of 11 and 12 is a tensor's greatest magnitude over the greatest code (`int8<max>`), where there is a tensor. A number that is
rounded by itself has none, and its own magnitude as scale would round nothing; so at elementary granularity the scale is a power of
two given beforehand from the ranges of a training in f32, which is fixed point of the same width: weights in [-1, 1), images in
[0, 1), activations in [0, 8), gradients in [-1/16, 1/16). Weights of 10 to 12, and images of 11 and 12, are rounded where they are
multiplied, which is the same at any granularity. Sums of 11 and 12, weight gradients and updates stay in f32 at all four."""
LONG = 20  # rows of a table that is not folded
PICTURED = ("accuracy-by", "loss-by", "steps-to", "gradient-norms", "rounding-shares")


def page(found: list[Dataset], output: str, shipped: bool = False) -> str:
    """The text; its pictures are written into images/NAME/ beside the file NAME.md."""
    several = len({data.form for data in found}) > 1
    rows = [[heading(data) if several else data.title, *row]
            for data in found for row in claims.table(data)[1]]  # fmt: skip
    rest = unmeasured(found) if shipped else []
    for full, quick in rest:
        takes = f"{quick.count():,} runs in the quick form, {full.count():,} in the full"
        rows += [[full.get("title", full.name), claim["says"], claims.source(claim),
                  "no runs yet", claims.UNDECIDED, takes] for claim in full.get("claims", [])]  # fmt: skip
    title = "The 2017 study, measured" if shipped else title_of(found)
    made = MADE + QUICK if any(data.form == "quick" for data in found) or rest else MADE
    lines = [f"# {title}", "", made, "", "## What was run", "", *ran(found), ""]
    if rows:
        columns = ["study", *claims.COLUMNS]
        if not shipped and not any(data.experiment for data in found):  # of nobody's study but the user's
            columns, rows = _without(columns, rows, claims.COLUMNS[1])
        reading = f"{READING}\n{OF_2017}" if shipped else READING
        lines += ["## Claims", "", tables.as_markdown(columns, rows), "", reading, ""]
    if shipped:
        lines += ["## Granularities", "", GRANULARITIES, ""]
    folder = Path("." if output == "-" else output)
    name = "report" if output == "-" else folder.stem
    for data in found:
        lines += section(data, folder.parent, Path("images") / name)
    for full, _ in rest:
        lines += [f"## {numbered(full.get('experiment', 0))}{full.get('title', full.name)}", "",
                  full.get("about", ""), "", "No runs yet:", "",
                  f"    python -m prec sweep --quick {full.name}", ""]  # fmt: skip
    return "\n".join(lines)


def _without(columns: list[str], rows: list[list[Any]], name: str) -> tuple[list[str], list[list[Any]]]:
    at = columns.index(name)
    return columns[:at] + columns[at + 1 :], [row[:at] + row[at + 1 :] for row in rows]


def title_of(found: list[Dataset]) -> str:
    return heading(found[0]) if len(found) == 1 else "Studies of precision"


def shipped_only(found: list[Dataset]) -> list[Dataset]:
    names = {path.stem for path in tools.shipped_studies()}
    return [data for data in found if data.name in names]


def unmeasured(found: list[Dataset]) -> list[tuple[Study, Study]]:
    """The shipped studies that the store does not have, in their full and their quick form."""
    done = {data.name for data in found if data.runs}
    rest = [(load(path), load(path, quick=True)) for path in sorted(tools.shipped_studies())
            if path.stem not in done]  # fmt: skip
    return sorted(rest, key=lambda forms: forms[0].get("experiment", 0))


def ran(found: list[Dataset]) -> list[str]:
    """What was run, on what, and what it cost."""
    rows, machines, total = [], set(), 0.0
    for data in found:
        spent = sum(run["cpu_seconds"] or 0 for run in data.runs)
        total += spent
        machines |= {run["machine"] for run in data.runs if run["machine"]}
        seeds = {run["seed"] for run in data.runs}
        runs = f"{len(data.runs)} of {data.planned}" if data.left else len(data.runs)
        rows.append([data.name, data.form, runs, len(seeds), f"{spent / 60:.1f}"])
    number = sum(len(data.runs) for data in found)
    where = f" on {' and '.join(sorted(machines))}" if machines else ""
    text = f"{number:,} runs{where}: {total / 3600:.2f} hours of CPU time, compiling included"
    return [text + ".", "", tables.as_markdown(["study", "form", "runs", "seeds", "CPU minutes"], rows)]


def numbered(experiment: int) -> str:
    return f"{experiment}. " if experiment else ""


def section(data: Dataset, beside: Path, folder: Path) -> list[str]:
    shipped = {path.stem for path in tools.shipped_studies()}
    again = data.name if data.name in shipped else f"{data.name}.json"
    form = " --quick" if data.form == "quick" else ""
    lines = [f"## {numbered(data.experiment)}{heading(data)}", "", *([data.about, ""] if data.about else []),
             length(data), "", shared(data), ""]  # fmt: skip
    for name, chart in charts.all_of(data).items():
        if name.startswith(PICTURED):
            (beside / folder).mkdir(parents=True, exist_ok=True)
            file = folder / f"{data.name}-{data.form}-{name}.svg"
            (beside / file).write_bytes(drawing.picture(chart, "svg"))
            title = chart.title if isinstance(chart.title, str) else name
            lines += [f"![{data.title}: {title}]({file})", ""]
    shown = [tables.best(data)] if data.is_search else []
    if not data.scattered:
        shown += [tables.means(data), tables.inflections_by_setting(data)]
    for table in shown:
        lines += written(*table, folds=len(table[2]) > LONG)
    if data.runs and not data.scattered:
        lines += written(*tables.comparisons_by_point(data), folds=True)
    lines += written(*tables.layers(data), folds=True)
    if data.claims:
        lines += ["**What it decides**", "", *decided(data), ""]
    return [*lines, "Again:", "", f"    python -m prec sweep{form} {again}", ""]


def written(title: str, columns: list[Any], body: list[list[Any]], folds: bool) -> list[str]:
    """A table with its title, folded up where it is long or beside the point."""
    if not body:
        return []
    table = tables.as_markdown(columns, body)
    if folds:
        return [f"<details><summary>{title}</summary>", "", table, "", "</details>", ""]
    return [f"**{title}**", "", table, ""]


def shared(data: Dataset) -> str:
    """The settings that all runs have in common."""
    first = data.runs[0]["settings"] if data.runs else {}
    same = [f"{name} {name_of(value)}"
            for name, value in first.items()
            if name != "seed" and value is not None and name_of(value)
            and all(run["settings"].get(name) == value for run in data.runs)]  # fmt: skip
    return f"All runs: {', '.join(same)}." if same else ""


def name_of(value: Any) -> str:
    """Of a model or policy that stands in the study file the name that it has, or none."""
    return str(value.get("name", "")) if isinstance(value, dict) else word(value)


def decided(data: Dataset) -> list[str]:
    lines = []
    for says, _, measured, verdict, takes in claims.table(data)[1]:
        more = f"; {takes} would decide it" if takes.startswith("about") else ""
        lines.append(f"- {says}: **{verdict}**, {measured}{more}.")
    return lines
