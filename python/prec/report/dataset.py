# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A study's results as plain rows, with the parts that its axes play in the pictures.

x        the horizontal axis: the number of bits if there is one, else the first axis
series   a colour each: the next axis that has several values
panel    a picture each: the values of all other axes together

An axis whose value follows from x, as in zip, is neither. The points of a random study are
scattered: they share no values, so that each axis gets a picture and there are no curves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prec.report import measured
from prec.report.measured import ACCURACY, Measured
from prec.study import expect, export

if TYPE_CHECKING:
    from prec.study.store import Store

SIZES = ("truncate-bits", "truncate-mantissa")
WORDS = {
    "truncate-bits": "word size, bits", "truncate-mantissa": "fraction, bits", "seed": "seed",
    "toward-zero": "truncation", "stochastic": "stochastic rounding", "*": "everything",
    "none": "nothing", "policy.what": "what is rounded", "policy.width": "width, bits", "policy.granularity": "granularity",
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
    """Rows of runs have key, x, series, panel, seed, value (what is measured, or None), status,
    diverged_at, command, uncounted and the settings; rows of points key, step, epoch, value, loss and
    passes, how often the data had been gone through then; rows of layers key, step, layer and
    what was measured of it."""

    name: str
    form: str
    x: str
    series: str | None = None
    title: str = ""
    about: str = ""
    experiment: int = 0
    planned: int = 0
    margin: float = 0.01
    thresholds: tuple[float, ...] = ()
    claims: tuple[dict[str, Any], ...] = ()
    axes: list[str] = field(default_factory=list)
    is_search: bool = False  # random or halving: which point is the best?
    scattered: bool = False
    runs: list[dict[str, Any]] = field(default_factory=list)
    points: list[dict[str, Any]] = field(default_factory=list)
    layers: list[dict[str, Any]] = field(default_factory=list)
    measured: Measured = ACCURACY

    def differing(self) -> list[str]:
        """The axes that have several values, the seed aside."""
        return differing(self.axes, self.runs)

    @property
    def left(self) -> int:
        """Runs that are planned and not there."""
        return max(self.planned - len(self.runs), 0)

    @property
    def ordered(self) -> bool:
        """Whether x is a number."""
        return all(isinstance(run["x"], (int, float)) for run in self.runs)

    @property
    def sized(self) -> bool:
        """Whether x is a number of bits, by its name."""
        return any(part in self.x for part in ("bits", "mantissa", "width"))

    def values(self, name: str) -> list[Any]:
        """The values of x, series or panel; numbers by size, words as they come."""
        found = dict.fromkeys(run[name] for run in self.runs)
        numbers = all(isinstance(value, (int, float)) for value in found)
        return sorted(found) if numbers else list(found)

    def order(self, place: tuple[Any, ...]) -> list[int]:
        """Sorts (panel, series, x) as the study has them."""
        names = ("panel", "series", "x")
        return [self.values(name).index(value) for name, value in zip(names, place)]

    def groups(self) -> dict[tuple[str, str, Any], dict[int, float]]:
        """{(panel, series, x): {seed: value}} of runs that ended."""
        found: dict[tuple[str, str, Any], dict[int, float]] = {}
        for run in self.runs:
            if run["value"] is not None:
                cell = found.setdefault((run["panel"], run["series"], run["x"]), {})
                cell[run["seed"]] = run["value"]
        return found

    def first_steps(self, threshold: float) -> dict[str, int]:
        """{key: step}: the first evaluation that reached it."""
        reached: dict[str, int] = {}
        for point in self.points:
            if self.measured.reaches(point["value"], threshold):
                reached.setdefault(point["key"], point["step"] + 1)
        return reached

    def steps_to(self, threshold: float) -> dict[tuple[str, str, Any], dict[int, int | None]]:
        """{(panel, series, x): {seed: step or None}}: the first evaluation that reached it."""
        reached = self.first_steps(threshold)
        found: dict[tuple[str, str, Any], dict[int, int | None]] = {}
        for run in self.runs:
            cell = found.setdefault((run["panel"], run["series"], run["x"]), {})
            cell[run["seed"]] = reached.get(run["key"])
        return found


def word(value: Any) -> str:
    """A value as a reader wants it."""
    if value is None:
        return NONE
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    text = str(value)
    if text.endswith(".json"):
        return Path(text).stem
    return WORDS.get(value, text)


def label(name: str, settings: dict[str, Any]) -> str:
    """A value of a series; a number with what it counts."""
    value = settings.get(name)
    number = isinstance(value, (int, float))
    return f"{word(name)} {value}" if number else word(value)


def _value(run: dict[str, Any], name: str) -> str:
    return json.dumps(run["settings"].get(name))


def differing(axes: list[str], runs: list[dict[str, Any]]) -> list[str]:
    return [name for name in axes if name != "seed" and len({_value(r, name) for r in runs}) > 1]


def following(axes: list[str], runs: list[dict[str, Any]], x: str) -> list[str]:
    """Those whose value x decides."""
    pairs = {name: {(_value(r, x), _value(r, name)) for r in runs} for name in axes if name != x}
    sizes = len({_value(r, x) for r in runs})
    return [name for name, found in pairs.items() if len(found) == sizes]


def roles(axes: list[str], runs: list[dict[str, Any]], wanted: dict[str, str]) -> tuple[str, str | None, list[str]]:
    """(x, series, names of the panel's axes) from what differs and what the study says."""
    several = differing(axes, runs)
    default = next((name for name in several if name in SIZES), next(iter(several), "seed"))
    x = wanted.get("x") or default
    rest = [name for name in several if name != x and name not in following(several, runs, x)]
    numbers = [name for name in ("rounding", "granularity") if name in rest] + rest
    series = wanted.get("series") or next(iter(numbers), None)
    return x, series, [name for name in rest if name != series]


def assemble(name: str, form: str, axes: list[str], runs: list[dict[str, Any]], points: dict[str, list[dict[str, Any]]],
             document: dict[str, Any] | None = None, layers: dict[str, list[dict[str, Any]]] | None = None) -> Dataset:  # fmt: skip
    """A Dataset of rows as prec.study.export gives them."""
    document = document or {}
    measure = document.get("measure", {})
    combine = document.get("combine")
    scattered = isinstance(combine, dict) and "random" in combine
    x, series, panels = roles(axes, runs, document.get("report", {}))
    if scattered:
        series, panels = None, []
    data = Dataset(
        name, form, x, series,
        title=document.get("title", name), about=document.get("about", ""),
        experiment=document.get("experiment", 0),
        margin=measure.get("margin", 0.01), thresholds=tuple(measure.get("thresholds", ())),
        claims=tuple(document.get("claims", ())), axes=axes, scattered=scattered,
        is_search=isinstance(combine, dict),
        measured=measured.of(runs),
    )  # fmt: skip
    for run in runs:
        settings = run["settings"]
        panel = ", ".join(f"{word(name)} {word(settings.get(name))}" for name in panels)
        place = {"panel": panel, "series": label(series, settings) if series else "all runs"}
        place["x"] = settings.get(x) if settings.get(x) is not None else NONE
        if not isinstance(place["x"], (int, float)):
            place["x"] = word(place["x"])
        data.runs.append({
            **place, "key": run["key"], "seed": settings.get("seed", 0), "settings": settings,
            "value": data.measured.shown(run), "samples": _samples(run),
            "status": run.get("status", "done"), "error": run.get("error"),
            "diverged_at": run.get("diverged_at"), "command": run.get("command", ""),
            "seconds": run.get("seconds"), "cpu_seconds": run.get("cpu_seconds"),
            "machine": run.get("machine"), "uncounted": _is_uncounted(run, (layers or {}).get(run["key"], ())),
        })  # fmt: skip
        batch = settings.get("batch-size") or BATCH
        samples = _samples(run)
        for point in points.get(run["key"], ()):
            data.points.append({
                **place, "key": run["key"], "seed": settings.get("seed", 0),
                "step": point["step"], "epoch": point["epoch"], "loss": point.get("loss"),
                "passes": samples and (point["step"] + 1) * batch / samples,
                "value": data.measured.shown(point),
            })  # fmt: skip
        data.layers += [{**place, **row} for row in (layers or {}).get(run["key"], ())]
    if {type(run["x"]) for run in data.runs} & {str}:
        for row in data.runs + data.points + data.layers:
            row["x"] = str(row["x"])
    return data


def _is_uncounted(run: dict[str, Any], rows: Iterable[dict[str, Any]]) -> bool:
    """Whether shares of its roundings were asked for, and no whole tensor was rounded."""
    is_asked = run.get("config", {}).get("log-rounding") and run.get("status") == "done"
    return bool(is_asked) and all(row["overflow"] is None for row in rows)


def _samples(run: dict[str, Any]) -> int | None:
    """Of the training set; None where the model makes them of a text."""
    text = str(run["settings"].get("data")).endswith(".txt")
    return run.get("samples") or (None if text else expect.SAMPLES)


def from_store(store: Store, study: str | None = None) -> list[Dataset]:
    """A Dataset for each study and form of a store, in the order of the experiments."""
    from prec import jsonc
    from prec.study.file import parse
    from prec.study.rerun import command_text

    points, layers = export.points(store), export.layers(store)
    runs = list(export.runs(store, study))
    found = []
    for row in export.studies(store, study):
        members = [r for r in runs if (r["study"], r["form"]) == (row["name"], row["form"])]
        for run in members:
            run["command"] = command_text(run["config"], store.path, run.get("diverged_at") is not None)
        try:
            values = parse(row["document"], row["name"], store.path.parent, row["form"] == "quick")
            document = values.values
        except jsonc.Fault:  # of an older schema: the runs are good all the same
            document = {}
        axes = json.loads(row["axes"])
        data = assemble(row["name"], row["form"], axes, members, points, document, layers)
        data.planned = row["planned"]
        found.append(data)
    return sorted(found, key=lambda data: (data.experiment or len(found), data.name, data.form))
