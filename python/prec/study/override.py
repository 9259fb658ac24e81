# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Settings of the command line in place of a study's own: `prec sweep --set data=cifar-10`.

What comes out is a study of another name, so that its runs do not replace those of the study as
the file has it. Checked as the file is; faults name the flag.
"""

import hashlib
import json
import re
from dataclasses import replace
from typing import Any

from prec import jsonc
from prec.study import file

LONGEST = 60  # letters of what stands behind a study's name
# Settings that say the same: the one that is given takes the other's place.
INSTEAD = {"steps": "epochs", "epochs": "steps"}


def parse(word: str) -> tuple[str, Any]:
    """(name, value) of NAME=VALUE; a value that is no JSON is a string. Raises ValueError."""
    name, equals, text = word.partition("=")
    if not equals or not name:
        raise ValueError(f"found '{word}', expected NAME=VALUE")
    try:
        return name, json.loads(text)
    except ValueError:
        return name, text


def applied(study: file.Study, given: dict[str, Any]) -> file.Study:
    """The study with these settings {name: value}. Raises jsonc.Fault."""
    if not given:
        return study
    schema = file.schema()
    settings, axes = dict(study.get("settings", {})), dict(study.get("axes", {}))
    values = {**study.values, "report": dict(study.get("report", {}))}
    # A model before what fills its holes, which goes with the old one.
    for name, value in sorted(given.items(), key=lambda item: "." in item[0]):
        _check(study, schema, name, value)
        other = INSTEAD.get(name)
        if other in axes:
            raise jsonc.Fault(f"--set {name}: '{other}' is an axis of the study '{study.name}'")
        settings = {n: v for n, v in settings.items() if n != other and not n.startswith(f"{name}.")}
        settings[name] = value
        values["for-data"] = {data: _without(more, name) for data, more in values.get("for-data", {}).items()}
        if name in axes:
            del axes[name]
            values["report"] = {part: axis for part, axis in values["report"].items() if axis != name}
        if name == "seed":
            values.pop("trials", None)
    behind = re.sub(r"[^A-Za-z0-9]+", "-", "-".join(f"{n}-{v}" for n, v in given.items())).strip("-")
    if len(behind) > LONGEST:
        behind = f"{behind[: LONGEST - 8]}{hashlib.sha256(behind.encode()).hexdigest()[:8]}"
    said = ", ".join(f"{n}={v if isinstance(v, str) else json.dumps(v)}" for n, v in given.items())
    values |= {"name": f"{study.name}-{behind}", "settings": settings, "axes": axes,
               "title": f"{study.get('title', study.name)} ({said})"}  # fmt: skip
    values = {key: value for key, value in values.items() if value or key not in ("axes", "report", "for-data")}
    changed = {**values, "quick": {}} if study.form == "quick" else values
    found = replace(study, name=values["name"], values=values, changed=json.dumps(changed, indent=1))
    file.check_values(found)
    return found


def _without(settings: dict[str, Any], name: str) -> dict[str, Any]:
    """The command line wins over what a study has for some data."""
    gone = (name, INSTEAD.get(name))
    return {n: v for n, v in settings.items() if n not in gone and not n.startswith(f"{name}.")}


def _check(study: file.Study, schema: dict[str, Any], name: str, value: Any) -> None:
    rule = file.rule_of(schema, name)
    if not rule:
        known = schema["$defs"]["settings"]["properties"]
        raise jsonc.Fault(f"--set {name}: unknown setting '{name}'{jsonc.nearest(name, known)}")
    message = file.complaint({**rule, "$defs": schema["$defs"]}, value)
    if message:
        raise jsonc.Fault(f"--set {name}: {message}")
    if any(name in item for item in study.get("list", [])):
        raise jsonc.Fault(f"--set {name}: the list of the study '{study.name}' has '{name}' in its groups")
    if name in ("steps", "epochs") and isinstance(study.get("combine", ""), dict) and "halving" in study.values["combine"]:
        raise jsonc.Fault(f"--set {name}: the study '{study.name}' is one of halving, which sets the steps itself")
