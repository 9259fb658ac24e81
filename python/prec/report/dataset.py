# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A study's results as plain rows, with the parts that its axes play in the pictures.

x        the horizontal axis: the number of bits if there is one, else the first axis
series   a colour each: the next axis that has several values
panel    a picture each: the values of all other axes together
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from prec.study import expect, export

SIZES = ("truncate-bits", "truncate-mantissa")
WORDS = {
    "truncate-bits": "word size, bits", "truncate-mantissa": "fraction, bits", "seed": "seed",
    "toward-zero": "truncation", "stochastic": "stochastic rounding", "*": "everything",
    "none": "nothing", "policy.what": "what is rounded", "policy.width": "width, bits",
    "policy.switch": "step of the switch", "policy.before": "fraction bits before", "policy.after": "fraction bits after",
    "weight": "weights", "input | activation": "inputs and activations",
    "gradient": "output gradients", "model.init": "initial weights",
    "model.layers": "dense layers", "model.units": "dense units",
    "model.convolutions": "convolutions",
}  # fmt: skip
NONE = "f32"
BATCH = 128  # of prec-train, when a study does not say


@dataclass
class Dataset:
    """Rows of runs have key, x, series, panel, seed, accuracy (percent or None), status,
    diverged_at, command and the settings; rows of points key, step, epoch, accuracy, loss and
    passes, how often the data had been gone through then."""

    name: str
    form: str
    x: str
    series: str | None = None
    title: str = ""
    about: str = ""
    experiment: int = 0
    planned: int = 0
    margin: float = 0.01
    thresholds: tuple = ()
    claims: tuple = ()
    axes: list = field(default_factory=list)
    runs: list = field(default_factory=list)
    points: list = field(default_factory=list)

    @property
    def ordered(self):
        """Whether x is a number."""
        return all(isinstance(run["x"], (int, float)) for run in self.runs)

    @property
    def sized(self):
        """Whether x is a number of bits, by its name."""
        return any(part in self.x for part in ("bits", "mantissa", "width"))

    def values(self, name):
        """The values of x, series or panel; numbers by size, words as they come."""
        found = dict.fromkeys(run[name] for run in self.runs)
        numbers = all(isinstance(value, (int, float)) for value in found)
        return sorted(found) if numbers else list(found)

    def order(self, place):
        """Sorts (panel, series, x) as the study has them."""
        names = ("panel", "series", "x")
        return [self.values(name).index(value) for name, value in zip(names, place)]

    def groups(self):
        """{(panel, series, x): {seed: accuracy}} of runs that ended."""
        found = {}
        for run in self.runs:
            if run["accuracy"] is not None:
                cell = found.setdefault((run["panel"], run["series"], run["x"]), {})
                cell[run["seed"]] = run["accuracy"]
        return found

    def steps_to(self, threshold):
        """{(panel, series, x): {seed: step or None}}: the first evaluation that reached it."""
        reached = {}
        for point in self.points:
            if (point["accuracy"] or 0) >= 100 * threshold:
                reached.setdefault(point["key"], point["step"] + 1)
        found = {}
        for run in self.runs:
            cell = found.setdefault((run["panel"], run["series"], run["x"]), {})
            cell[run["seed"]] = reached.get(run["key"])
        return found


def word(value):
    """A value as a reader wants it."""
    if value is None:
        return NONE
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    text = str(value)
    if text.endswith(".json"):
        return Path(text).stem
    return WORDS.get(value, text)


def label(name, settings):
    """A value of a series; a number with what it counts."""
    value = settings.get(name)
    number = isinstance(value, (int, float))
    return f"{word(name)} {value}" if number else word(value)


def roles(axes, runs, wanted):
    """(x, series, names of the panel's axes) from what differs and what the study says."""
    differing = [
        name for name in axes
        if name != "seed" and len({json.dumps(r["settings"].get(name)) for r in runs}) > 1
    ]  # fmt: skip
    default = next((name for name in differing if name in SIZES), next(iter(differing), "seed"))
    x = wanted.get("x") or default
    rest = [name for name in differing if name != x]
    numbers = [name for name in ("rounding", "granularity") if name in rest] + rest
    series = wanted.get("series") or next(iter(numbers), None)
    return x, series, [name for name in rest if name != series]


def assemble(name, form, axes, runs, points, document=None):
    """A Dataset of rows as prec.study.export gives them."""
    document = document or {}
    measure = document.get("measure", {})
    x, series, panels = roles(axes, runs, document.get("report", {}))
    data = Dataset(
        name, form, x, series,
        title=document.get("title", name), about=document.get("about", ""),
        experiment=document.get("experiment", 0),
        margin=measure.get("margin", 0.01), thresholds=tuple(measure.get("thresholds", ())),
        claims=tuple(document.get("claims", ())), axes=axes,
    )  # fmt: skip
    for run in runs:
        settings = run["settings"]
        accuracy = run.get("test_accuracy")
        panel = ", ".join(f"{word(name)} {word(settings.get(name))}" for name in panels)
        place = {"panel": panel, "series": label(series, settings) if series else "all runs"}
        place["x"] = settings.get(x) if settings.get(x) is not None else NONE
        if not isinstance(place["x"], (int, float)):
            place["x"] = word(place["x"])
        data.runs.append({
            **place, "key": run["key"], "seed": settings.get("seed", 0), "settings": settings,
            "accuracy": None if accuracy is None else 100 * accuracy,
            "status": run.get("status", "done"), "error": run.get("error"),
            "diverged_at": run.get("diverged_at"), "command": run.get("command", ""),
            "seconds": run.get("seconds"), "cpu_seconds": run.get("cpu_seconds"),
            "machine": run.get("machine"),
        })  # fmt: skip
        batch = settings.get("batch-size") or BATCH
        examples = expect.EXAMPLES.get(settings.get("data"), 60000)
        for point in points.get(run["key"], ()):
            share = point["test_accuracy"]
            data.points.append({
                **place, "key": run["key"], "seed": settings.get("seed", 0),
                "step": point["step"], "epoch": point["epoch"], "loss": point.get("loss"),
                "passes": (point["step"] + 1) * batch / examples,
                "accuracy": None if share is None else 100 * share,
            })  # fmt: skip
    if {type(run["x"]) for run in data.runs} & {str}:
        for row in data.runs + data.points:
            row["x"] = str(row["x"])
    return data


def from_store(store, study=None):
    """A Dataset for each study and form of a store, in the order of the experiments."""
    from prec import jsonc
    from prec.study.file import parse
    from prec.study.rerun import command_text

    points = export.points(store)
    runs = list(export.runs(store, study))
    found = []
    for row in export.studies(store, study):
        members = [r for r in runs if (r["study"], r["form"]) == (row["name"], row["form"])]
        for run in members:
            run["command"] = command_text(run["config"])
        try:
            values = parse(row["document"], row["name"], store.path.parent, row["form"] == "quick")
            document = values.values
        except jsonc.Fault:  # of an older schema: the runs are good all the same
            document = {}
        axes = json.loads(row["axes"])
        data = assemble(row["name"], row["form"], axes, members, points, document)
        data.planned = row["planned"]
        found.append(data)
    return sorted(found, key=lambda data: (data.experiment or len(found), data.name, data.form))
