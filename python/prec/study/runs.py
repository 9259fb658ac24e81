# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From settings to runs: what a run is, its key, and which runs one process can do.

A run's configuration holds everything that its result depends on, by content: the model
and the policy by the hash of their text, the data by the hash of its files, the program by
its version. Its key is the hash of that, so that a run is done once whatever study asks
for it, and never served after something in it has changed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prec import jsonc, tools
from prec.study import data, template
from prec.study.file import MOST_RUNS, USUAL_DATA

if TYPE_CHECKING:
    from prec.study.file import Study

FLAGS = (
    "batch-size", "steps", "epochs", "learning-rate", "learning-rate-schedule", "warm-up", "optimizer", "loss", "momentum", "beta1",
    "beta2", "alpha", "epsilon", "weight-decay", "label-smoothing", "clip-norm", "clip-value", "accumulate", "class-axis", "ignore-label",
    "normalize", "flip", "crop", "truncate-mantissa", "truncate-bits", "format", "rounding", "granularity", "random", "seed",
)  # fmt: skip
MEASURES = {"eval-f32": "--eval-f32", "log-gradients": "--log-gradients", "log-rounding": "--log-rounding=if-any"}
FORMATS = ("truncate-mantissa", "truncate-bits", "format", "policy")
PRECISION = ("rounding", "granularity", "random")
SWEPT = ("truncate-mantissa", "truncate-bits")
HELD = ("model", "policy", "weights")  # by the hash of their content
INPUT = re.compile(r'tensor<\?((?:x\d+)*)x\w+> \{[^{}]*prec\.role = "input"')  # of an imported description
MOST_WEIGHTS = 64 << 20  # bytes of a file that goes into the store and to the workers


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class Run:
    """One training: `settings` as the study says them, `config` as the key hashes them."""

    key: str
    settings: dict[str, Any]
    config: dict[str, Any]


class Resolver:
    """Makes runs of a study's points; keeps the text of models and policies by hash."""

    def __init__(self, study: Study, data_hash: Callable[[str], str]) -> None:
        self.study, self.data_hash = study, data_hash
        self.version = tools.program_version()
        self.contents: dict[str, dict[str, str]] = {}  # hash -> {"suffix", "text"}
        self.first_steps: int | None = None  # of a halving study's first round
        self._files: dict[tuple[str, str], Any] = {}
        self._seen: dict[tuple[str, str], str] = {}
        self._precision: set[str] = set()
        self._inputs: dict[str, list[int]] = {}  # numbers of a sample by model
        self._fitting: set[tuple[str, str]] = set()  # what was compared

    def runs(self, any_number: bool = False) -> dict[str, Run]:
        """{key: Run} in the study's order. Raises jsonc.Fault, also for more than 10^6."""
        number = self.study.count()
        if number > MOST_RUNS and not any_number:
            message = (f"the study has {number} runs, expected at most {MOST_RUNS}; "
                       "--any-number runs it all the same")  # fmt: skip
            raise self.study.fault(("axes",), message)
        runs: dict[str, Run] = {}
        for pointer, settings in self.study.points():
            if self.first_steps:
                settings["steps"] = self.first_steps
            run = self.run(pointer, settings)
            runs.setdefault(run.key, run)
        return runs

    def run(self, pointer: tuple[Any, ...], settings: dict[str, Any]) -> Run:
        study = self.study
        config = {name: settings[name] for name in FLAGS if settings.get(name) is not None}
        formats = [name for name in FORMATS if settings.get(name) is not None]
        if len(formats) > 1:
            both = "' and '".join(formats)
            raise study.fault(study.place(pointer, settings, *formats), f"impossible combination: '{both}' both say the format")
        if "steps" in config and "epochs" in config:
            place = study.place(pointer, settings, "steps", "epochs")
            raise study.fault(place, "impossible combination: 'steps' and 'epochs' both say how long")
        if settings.get("round") is not None:
            rules = settings["round"]
            config["round"] = [rules] if isinstance(rules, str) else rules
        if not formats and "round" not in config:
            for name in PRECISION:
                config.pop(name, None)
        if "model" not in settings:
            raise study.fault(("settings",), "the study names no model")
        config["model"] = self._content("model", settings, pointer)
        if settings.get("policy") is not None:
            config["policy"] = self._content("policy", settings, pointer)
        if settings.get("weights") is not None:
            config["weights"] = self._weights(settings["weights"], study.place(pointer, settings, "weights"))
        config["data"] = settings.get("data", USUAL_DATA)
        try:
            config["data-hash"] = self.data_hash(config["data"])
        except tools.ToolError as error:
            raise study.fault(study.place(pointer, settings, "data"), str(error)) from None
        self._check_fit(config["model"], config["data"], study.place(pointer, settings, "data", "model"))
        config["eval-every"] = study.eval_every
        measure = study.get("measure", {})
        config["eval-f32"] = measure.get("eval-f32", False)
        if measure.get("gradients"):
            config["log-gradients"] = True
        if measure.get("rounding") and (formats or "round" in config):
            config["log-rounding"] = True
        config["program"] = self.version
        self._check_precision(config, pointer, settings)
        return Run(digest(canonical(config)), settings, config)

    def _content(self, kind: str, settings: dict[str, Any], pointer: tuple[Any, ...]) -> str:
        """A builtin's or preset's name as it is, else the hash of the filled text."""
        holes = {n.split(".", 1)[1]: v for n, v in settings.items() if n.startswith(kind + ".")}
        pointer = self.study.place(pointer, settings, kind)
        named = canonical([settings[kind], holes])
        if (kind, named) not in self._seen:
            self._seen[kind, named] = self._fill(kind, settings[kind], holes, pointer)
        return self._seen[kind, named]

    def _fill(self, kind: str, source: Any, holes: dict[str, Any], pointer: tuple[Any, ...]) -> str:
        suffix = ".json"
        if isinstance(source, str):
            is_file = source.endswith((".json", ".mlir"))
            if not is_file:
                self._check_no_holes(kind, set(), holes, pointer)
                if kind == "model":
                    self._check_model(source, pointer)
                return source
            suffix = source[-5:]
            source = self._read(kind, source, suffix, pointer)
        if suffix == ".json":
            self._check_no_holes(kind, template.holes(source), holes, pointer)
            try:
                source = json.dumps(template.fill(source, holes), indent=1)
            except template.TemplateError as error:
                raise self.study.fault(pointer, f"{kind}: {error}") from None
        name = digest(source) + (suffix if suffix != ".json" else "")
        self.contents[name] = {"suffix": suffix, "text": source}
        if kind == "model":
            self._check_model("-", pointer, source, suffix)
        return "sha256:" + name

    def _weights(self, source: str, pointer: tuple[Any, ...]) -> str:
        """The hash of a file of weights, whose bytes are kept as text."""
        if ("weights", source) not in self._files:
            path = self.study.folder / source
            try:
                held = path.read_bytes()
            except OSError as error:
                message = f"cannot read the weights '{path}': {str(error.strerror).lower()}"
                raise self.study.fault(pointer, message) from None
            if len(held) > MOST_WEIGHTS:
                message = f"the weights '{path}' take {len(held) >> 20} MB, expected at most {MOST_WEIGHTS >> 20}"
                raise self.study.fault(pointer, message)
            name = hashlib.sha256(held).hexdigest() + ".npz"
            self.contents[name] = {"suffix": ".npz", "text": base64.b64encode(held).decode()}
            self._files["weights", source] = f"sha256:{name}"
        return self._files["weights", source]

    def _read(self, kind: str, source: str, suffix: str, pointer: tuple[Any, ...]) -> Any:
        if (kind, source) not in self._files:
            path = self.study.folder / source
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "not UTF-8"
                message = f"cannot read the {kind} '{path}': {reason.lower()}"
                raise self.study.fault(pointer, message) from None
            if suffix == ".json":
                text = jsonc.Document(text, str(path)).value
            self._files[kind, source] = text
        return self._files[kind, source]

    def _check_no_holes(self, kind: str, found: set[str], given: dict[str, Any], pointer: tuple[Any, ...]) -> None:
        for name in given:
            if name not in found:
                known = ", ".join(f"'${hole}'" for hole in sorted(found)) or "none"
                message = f"'{kind}.{name}' is set, but the {kind} has no '${name}'; it has {known}"
                raise self.study.fault(pointer, message)

    def _check_model(self, name: str, pointer: tuple[Any, ...], text: str | None = None, suffix: str = ".json") -> None:
        """Lets the importer find what is wrong with a description."""
        if suffix == ".mlir":
            return
        try:
            module = tools.run("prec-translate", "--import-json", name, input=text)
        except tools.ToolError as error:
            message = f"the model is refused: {error}"
            raise self.study.fault(pointer, message) from None
        found = INPUT.search(module)
        if found:
            named = "sha256:" + digest(text) if text else name
            self._inputs[named] = [int(size) for size in found[1].split("x")[1:]]

    def _check_fit(self, model: str, data_name: str, pointer: tuple[Any, ...]) -> None:
        """A sample of the data has as many numbers as the model takes."""
        shape = self._inputs.get(model)
        if shape is None or (model, data_name) in self._fitting:
            return
        self._fitting.add((model, data_name))
        found = data.sample_size(data_name)
        if found is not None and found != math.prod(shape):
            message = (f"impossible combination: the model takes samples of {'x'.join(map(str, shape))} numbers, "
                       f"those of '{data_name}' have {found}")  # fmt: skip
            raise self.study.fault(pointer, message)

    def _check_precision(self, config: dict[str, Any], pointer: tuple[Any, ...], settings: dict[str, Any]) -> None:
        """Lets the trainer find what is wrong with the precision flags, each kind once."""
        names = [n for n in (*SWEPT, "format", *PRECISION, "round") if n in config]
        policy = config.get("policy")
        named = canonical([{name: config[name] for name in names}, policy])
        if named in self._precision or not (names or policy):
            return
        flags, text = flags_of({name: config[name] for name in names}), None
        if policy:
            held = policy.startswith("sha256:")
            text = self.contents[policy[7:]]["text"] if held else None
            flags.insert(0, f"--policy={'-' if held else policy}")
        try:
            tools.run("prec-train", *flags, "--print-policy", input=text)
        except tools.ToolError as error:
            said = [name for name in (*names, "policy") if f"--{name}=" in str(error)] or ["policy", *names]
            place = self.study.place(pointer, settings, *said)
            raise self.study.fault(place, f"the precision is refused: {error}") from None
        self._precision.add(named)


def flags_of(config: dict[str, Any], swept: tuple[str, str] | None = None) -> list[str]:
    """The flags of prec-train for a configuration, model and policy aside."""
    flags = []
    for name in FLAGS:
        value = swept[1] if swept and swept[0] == name else config.get(name)
        if value is not None:
            flags.append(f"--{name}={value}")
    flags.extend(f"--round={rule}" for rule in config.get("round", ()))
    if config.get("eval-every") is not None:
        flags.append(f"--eval-every={config['eval-every']}")
    flags += [flag for name, flag in MEASURES.items() if config.get(name)]
    return flags


def group(runs: Iterable[Run], most: int) -> Iterator[tuple[str | None, list[Run]]]:
    """Lists of runs that differ in a run-time number only: one process each, `most` runs long."""
    groups: dict[tuple[str | None, str], list[Run]] = {}
    for run in runs:
        swept = next((name for name in SWEPT if name in run.config), None)
        rest = {name: value for name, value in run.config.items() if name != swept}
        groups.setdefault((swept, canonical(rest)), []).append(run)
    for (swept, _), members in groups.items():
        size = most if swept else 1
        for start in range(0, len(members), size):
            yield swept, members[start : start + size]
