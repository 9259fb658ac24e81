# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A study file: read, checked by its schema, its quick form chosen, its points expanded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

from prec import jsonc
from prec.study import axes as axis_rules

SCHEMA = Path(__file__).with_name("study.schema.json")
MOST_RUNS = 1_000_000
# Keys of the quick form that are merged with the full form's instead of replacing them.
MERGED = ("settings", "measure", "for-data")
USUAL_DATA = "fashion-mnist"  # of prec-train, when a study does not say


@dataclass
class Study:
    """What a file asks for, in one of its two forms."""

    document: jsonc.Document
    folder: Path
    name: str
    form: str
    values: dict[str, Any]
    origins: dict[str, tuple[str, ...]] = field(default_factory=dict)  # top-level key -> pointer it came from
    changed: str = ""  # a file that would say this, where the command line says other than the file

    def get(self, key: str, default: Any) -> Any:
        return self.values.get(key, default)

    @property
    def text(self) -> str:
        """What a store keeps of it."""
        return self.changed or self.document.text

    @property
    def eval_every(self) -> int | None:
        return self.get("measure", {}).get("eval-every")

    def fault(self, pointer: tuple[Any, ...], message: str) -> jsonc.Fault:
        """A fault at a pointer inside this form: at the nearest value that the file has."""
        head, *rest = pointer
        path = (*self.origins.get(head, (head,)), *rest)
        while path not in self.document.offsets:
            path = path[:-1]
        return self.document.fault(path, message)

    def place(self, pointer: tuple[Any, ...], settings: dict[str, Any], *names: str) -> tuple[Any, ...]:
        """Where the file says the first of these settings of a point that `pointer` made, an axis before
        what all points share; else the pointer."""
        for name in names:
            axis = self.get("axes", {}).get(name)
            if isinstance(axis, list) and settings.get(name) in axis:
                return ("axes", name, axis.index(settings[name]))
            if axis is not None:
                return ("axes", name)
        for name in names:
            if pointer[0] == "list" and name in self.values["list"][pointer[1]]:
                return (*pointer, name)
            if name in self.get("settings", {}):
                return ("settings", name)
        return pointer

    def count(self) -> int:
        """Points times trials: an upper bound of the runs, since equal ones are run once."""
        try:
            number = axis_rules.count(self.get("axes", {}), self.get("combine", "grid"))
        except axis_rules.AxisError as error:
            raise self.fault(("axes", *error.pointer), str(error)) from None
        return number * len(self.get("list", [{}])) * self.get("trials", 1)

    def points(self) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
        """(pointer, settings) of each point and trial; the pointer says what made it."""
        base = self.get("settings", {})
        first = self.get("first-seed", 0)
        for index, item in enumerate(self.get("list", [{}])):
            pointer = ("list", index) if "list" in self.values else ("axes",)
            for point in axis_rules.points(self.get("axes", {}), self.get("combine", "grid")):
                for trial in range(self.get("trials", 1)):
                    settings = self._for_data(base, {**item, **point})
                    settings.setdefault("seed", first + trial)
                    yield pointer, settings

    def _for_data(self, base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
        """A point's settings: those of the study, those for its data, its own."""
        data = own.get("data", base.get("data", USUAL_DATA))
        return {**_merged(base, self.get("for-data", {}).get(data, {})), **own}

    def axis_names(self) -> list[str]:
        """What differs between the points, in the file's order."""
        names = list(self.get("axes", {}))
        for item in self.get("list", []):
            names.extend(name for name in item if name not in names)
        combine = self.get("combine", "grid")
        is_halving = isinstance(combine, dict) and "halving" in combine
        return [*names, "steps"] if is_halving else names


def load(path: str | Path, quick: bool = False) -> Study:
    """Reads a study. Raises jsonc.Fault (what is wrong, where) and OSError."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise jsonc.Fault(f"{path}: found bytes that are not UTF-8, expected JSON") from None
    return parse(text, str(path), path.parent, quick)


def parse(text: str, name: str, folder: str | Path, quick: bool = False) -> Study:
    document = jsonc.Document(text, name)
    jsonc.check(document, schema())
    values = {key: value for key, value in document.value.items() if key != "quick"}
    origins: dict[str, tuple[str, ...]] = {}
    if quick:
        if "quick" not in document.value:
            raise document.fault((), "the study has no quick form; run it without --quick")
        for key, value in document.value["quick"].items():
            values[key] = _merged(values.get(key, {}), value) if key in MERGED else value
            origins[key] = ("quick", key)
    form = "quick" if quick else "full"
    study = Study(document, Path(folder), values["name"], form, values, origins)
    check_values(study)
    return study


def schema() -> dict[str, Any]:
    return json.loads(SCHEMA.read_text())


def check_values(study: Study) -> None:
    """What the schema does not say."""
    _check_axes(study, schema())
    _check_for_data(study)
    _check_halving(study)
    _check_report(study)
    study.count()


def _merged(full: dict[str, Any], quick: dict[str, Any]) -> dict[str, Any]:
    """Key by key, the latter wins; with another model or policy what fills the old one's holes goes."""
    dropped = tuple(f"{kind}." for kind in ("model", "policy") if kind in quick)
    return {n: v for n, v in full.items() if not n.startswith(dropped or "\n")} | quick


def rule_of(schema: dict[str, Any], name: str) -> dict[str, Any] | None:
    """The schema of a setting's value, or None for an unknown one."""
    known = schema["$defs"]["settings"]
    patterns = known["patternProperties"].items()
    return known["properties"].get(name) or next(
        (value for pattern, value in patterns if re.match(pattern, name)), None
    )


def _check_axes(study: Study, schema: dict[str, Any]) -> None:
    """Each value of an axis is a legal value of the setting."""
    for name, axis in study.get("axes", {}).items():
        checker = {**(rule_of(schema, name) or {}), "$defs": schema["$defs"]}
        if isinstance(axis, dict) and "range" in axis:
            _check_value(study, ("axes", name, "range"), axis["range"][0], checker)
            _check_value(study, ("axes", name, "range"), axis["range"][1], checker)
        for index, value in enumerate(axis if isinstance(axis, list) else ()):
            _check_value(study, ("axes", name, index), value, checker)
        if isinstance(axis, list) and study.get("combine", "grid") != "zip":
            _check_value(study, ("axes", name), axis, {"uniqueItems": True})
        if name == "seed" and "trials" in study.values:
            raise study.fault(
                ("axes", name), "'seed' is an axis and 'trials' makes seeds: keep one"
            )
        # An axis of the quick form may replace a setting of the full one.
        ours = study.document.value.get("quick", {}) if "axes" in study.origins else study.values
        if name in ours.get("settings", {}):
            raise study.fault(("axes", name), f"'{name}' is an axis and a setting: keep one")


def _check_for_data(study: Study) -> None:
    """They are the study's settings for some data: no axis, and not the data themselves."""
    for data, settings in study.get("for-data", {}).items():
        for name in settings:
            if name in study.get("axes", {}) or name == "data":
                taken = "says which data" if name == "data" else "is an axis"
                raise study.fault(("for-data", data, name), f"'{name}' {taken}, expected another setting")


def _check_halving(study: Study) -> None:
    combine = study.get("combine", "grid")
    if not isinstance(combine, dict) or "halving" not in combine:
        return
    steps = combine["halving"]["steps"]
    if sorted(set(steps)) != steps:
        raise study.fault(("combine", "halving", "steps"), f"found {steps}, expected ascending")
    for name in ("steps", "epochs"):
        if name in study.get("axes", {}):
            raise study.fault(("combine",), "halving sets the steps itself: no axis may")
        if study.get("settings", {}).get(name) is not None:
            raise study.fault(("combine",), f"halving sets the steps itself, the setting '{name}' says them, too")


def complaint(rule: dict[str, Any], value: Any) -> str | None:
    """What is wrong with a value by its schema, or None."""
    for error in jsonschema.Draft202012Validator(rule).iter_errors(value):
        if error.validator != "enum":
            return jsonc.say(error)
        legal = [word for word in error.validator_value if word is not None]
        return f"unknown word '{value}'" + jsonc.nearest(value, legal)
    return None


def _check_value(study: Study, pointer: tuple[Any, ...], value: Any, rule: dict[str, Any]) -> None:
    message = complaint(rule, value)
    if message:
        raise study.fault(pointer, message)


def _check_report(study: Study) -> None:
    names = study.axis_names() + ["seed"]
    for key, name in study.get("report", {}).items():
        if name not in names:
            message = f"'{name}' is no axis of this study" + jsonc.nearest(name, names)
            raise study.fault(("report", key), message)
