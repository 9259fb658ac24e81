# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a sweep costs beyond its training: 600 runs of softmax regression, elementary.

    PYTHONPATH=python .venv/bin/python benchmarks/sweep_overhead.py [--trials=30] [--steps=1000] [--workers=N]

Processor seconds, not wall time, so that a busy machine does not matter: those of the whole
sweep (client, scheduler, workers, tools) over those of training and evaluating alone. The
latter are what a process of ten runs takes beyond one that trains nothing, times the number
of such processes. A second line is about the runs alone, from the store: processor seconds that
they are charged with (starting, training, evaluating), and the steps' own time, which is wall time.
"""
import argparse
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from prec import tools

SIZES = [10, 11, 12, 13, 14, 15, 16, 18, 20, 24]
ROUNDINGS = ["toward-zero", "stochastic"]


def processor_seconds(command):
    """(processor seconds of a command and its children, wall seconds)."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def training(rounding, steps, every):
    return [
        tools.find("prec-train"), "softmax-regression", f"--steps={steps}", f"--eval-every={every}",
        "--truncate-bits=" + ",".join(map(str, SIZES)), f"--rounding={rounding}", "--threads=1",
        "--granularity=elementary", "--log=/dev/null",
    ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    study = {
        "version": 1, "name": "overhead", "trials": options.trials,
        "settings": {"model": "softmax-regression", "steps": options.steps,
                     "granularity": "elementary"},
        "axes": {"truncate-bits": SIZES, "rounding": ROUNDINGS},
    }  # fmt: skip
    pure = 0.0
    for rounding in ROUNDINGS:
        processor_seconds(training(rounding, 1, 0))  # fills the cache of compiled objects
        nothing, _ = processor_seconds(training(rounding, 1, 0))
        whole, _ = processor_seconds(training(rounding, options.steps, options.steps))
        pure += options.trials * (whole - nothing)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.json"
        path.write_text(json.dumps(study))
        command = [sys.executable, "-m", "prec", "sweep", f"--store={folder}/r.db", f"--workers={options.workers}", path]
        total, wall = processor_seconds(command)
        with sqlite3.connect(f"{folder}/r.db") as database:
            charged, stepping = database.execute("SELECT sum(cpu_seconds), sum(seconds) FROM runs").fetchone()
    runs = len(SIZES) * len(ROUNDINGS) * options.trials
    print(f"{runs} runs: {total:.1f} processor seconds, {pure:.1f} of them training: "
          f"{total / pure:.3f}; {wall:.1f} s, {options.workers} workers on {os.cpu_count()} cores")  # fmt: skip
    print(f"runs: {charged:.1f} processor seconds, {stepping:.1f} s in steps; {total / charged:.3f} of the former in all")


if __name__ == "__main__":
    main()
