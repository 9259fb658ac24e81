# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How long the runs of a study will take, from measured steps.

Each kind of run (model, batch, granularity, kind of format and mode) is started once for a
few steps on one thread; of more than MOST kinds so many are, spread over the study, and the
others are expected to be as their mean.
"""

import json
import os
import subprocess
import tempfile
from argparse import Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from prec import tools
from prec.study import data
from prec.study.runs import Run, canonical, group
from prec.study.worker import command

MOST = 8
STEPS = 4
SAMPLES = 60000  # where a data set does not say: as many as Fashion-MNIST has


def kind(config: dict[str, Any]) -> str:
    """What decides how long a step takes."""
    names = ("model", "policy", "batch-size", "granularity", "optimizer", "data")
    mode = str(config.get("rounding", "")).split("<")[0]
    given = [name for name in ("truncate-mantissa", "truncate-bits", "round") if name in config]
    return canonical([*(config.get(name) for name in names), mode, config.get("format"), given])


def steps_of(config: dict[str, Any], folder: str | None = None) -> int:
    if config.get("steps"):
        return config["steps"]
    batch = config.get("batch-size", 128)
    return config.get("epochs", 1) * ((data.training_samples(config["data"], folder) or SAMPLES) // batch)


def evaluations(config: dict[str, Any], folder: str | None = None) -> int:
    every = config.get("eval-every")
    return 0 if every == 0 else -(-steps_of(config, folder) // every) if every else 1


def spread(names: list[str], most: int) -> list[str]:
    """All of them, or so many from the first to the last: a study's order is that of its axes, and the
    largest model or the finest granularity may come at either end."""
    if len(names) <= most:
        return names
    return [names[round(at * (len(names) - 1) / (most - 1))] for at in range(most)]


def measure(members: list[Run], swept: str | None, contents: dict[str, dict[str, str]], folder: str | None) -> tuple[float, float, float]:
    """(seconds to start, of a step, of an evaluation) of a group's first run."""
    config = {**members[0].config, "steps": STEPS, "eval-every": STEPS}
    config.pop("epochs", None)
    job = {"config": config, "swept": swept, "data-dir": folder, "contents": contents,
           "values": [config.get(swept) if swept else None]}  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="prec-") as scratch:
        timing = Path(scratch) / "timing.json"
        done = subprocess.run(
            [*command(job, [0], scratch, stride=1), f"--print-timing={timing}"],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise tools.ToolError(f"the measured step failed: {done.stderr.strip()}")
        times = json.loads(timing.read_text())
    seconds = [json.loads(line)["seconds"] for line in done.stdout.splitlines()]
    evaluation = max(times["run_seconds"][0] - sum(seconds), 0.0)
    return times["compile_seconds"], median(seconds[1:]), evaluation


def lines(runs: list[Run], contents: dict[str, dict[str, str]], options: Namespace, most: int,
          later: Iterable[tuple[int, int]] = ()) -> Iterator[str]:  # fmt: skip
    """What --dry-run says of the time. `later`: (steps, number) of runs of rounds to come,
    which are taken as the mean of these."""
    folder = options.data_dir
    groups = list(group(runs, most))
    firsts: dict[str, tuple[list[Run], str | None]] = {}
    for swept, members in groups:
        firsts.setdefault(kind(members[0].config), (members, swept))
    measured = {name: measure(*firsts[name], contents, folder) for name in spread(list(firsts), MOST)}
    mean = [sum(c) / len(measured) for c in zip(*measured.values())]
    stepped: list[tuple[float, Run]] = []
    total, unmeasured = 0.0, 0
    for _, members in groups:
        name = kind(members[0].config)
        unmeasured += name not in measured
        start, step, evaluation = measured.get(name, mean)
        total += start
        for run in members:
            stepped.append((step, run))
            total += step * steps_of(run.config, folder) + evaluation * evaluations(run.config, folder)
    computing = sum(step * steps_of(run.config, folder) for step, run in stepped)
    other = (total - computing) / len(runs)
    for number_of_steps, number in later:
        total += number * (other + number_of_steps * sum(step for step, _ in stepped) / len(runs))
    workers = options.workers or len(os.sched_getaffinity(0))
    yield f"expected: {in_words(total)} of computing, {in_words(total / workers)} on {workers} workers"
    each = ", ".join(f"{1000 * step:.3g} ms" for _, step, _ in measured.values())
    yield f"measured on this machine: {len(measured)} kinds of run, a step takes {each}"
    if unmeasured:
        yield f"{unmeasured} groups of runs are of other kinds and were taken as the mean of these"


def in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
