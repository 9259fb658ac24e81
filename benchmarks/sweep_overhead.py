# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a sweep costs beyond its training: 600 runs of softmax regression, elementary.

    PYTHONPATH=python .venv/bin/python benchmarks/sweep_overhead.py [--trials=30] [--steps=1000] [--workers=N] [--json=FILE]

Processor seconds, so that a busy machine matters less: those of the whole sweep (client, scheduler,
workers, tools) over those of training and evaluating alone. The latter are what the sweep's
prec-train processes take beyond ones that train nothing, with as many of them at once as the sweep
has workers: processes side by side share caches and memory, so that each core computes more slowly than
it would alone, and that is no cost of sweeps. Half of them run before the sweep and half after
it. Wall time says the same where nothing else runs. The last line is about the runs alone, from the
store: processor seconds that they are charged with (starting, training, evaluating).
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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from peer import write

from prec import tools
from prec.study import data

SIZES = [10, 11, 12, 13, 14, 15, 16, 18, 20, 24]
ROUNDINGS = ["toward-zero", "stochastic"]


def spent():
    """Processor seconds of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measured(commands, at_once=1):
    """(processor seconds of these commands and their children, wall seconds)."""
    before, start = spent(), time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        for _ in pool.map(lambda command: subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                                                         stderr=subprocess.DEVNULL), commands):  # fmt: skip
            pass
    return spent() - before, time.monotonic() - start


def training(seeds, steps, every):
    """The sweep's processes of these seeds; their data are unpacked, as a sweep unpacks them."""
    return [
        [tools.find("prec-train"), "softmax-regression", f"--steps={steps}", f"--eval-every={every}",
         "--truncate-bits=" + ",".join(map(str, SIZES)), f"--rounding={rounding}", f"--seed={seed}", "--threads=1",
         "--granularity=elementary", "--log=/dev/null", *data.flags("fashion-mnist")]
        for seed in seeds for rounding in ROUNDINGS
    ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json")
    options = parser.parse_args()
    study = {
        "version": 1, "name": "overhead", "trials": options.trials,
        "settings": {"model": "softmax-regression", "steps": options.steps,
                     "granularity": "elementary"},
        "axes": {"truncate-bits": SIZES, "rounding": ROUNDINGS},
    }  # fmt: skip

    def alone(seeds):
        """(processor seconds, wall seconds) of training these, and of starting their processes."""
        whole = measured(training(seeds, options.steps, options.steps), options.workers)
        nothing = measured(training(seeds, 1, 0), options.workers)
        return [a - b for a, b in zip(whole, nothing)], nothing[0]

    measured(training([0], 1, 0))  # fills the cache of compiled objects
    middle = options.trials // 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.json"
        path.write_text(json.dumps(study))
        before, first = alone(range(middle))
        whole, wall = measured([[sys.executable, "-m", "prec", "sweep", f"--store={folder}/r.db",
                                 f"--workers={options.workers}", path]])  # fmt: skip
        after, last = alone(range(middle, options.trials))
        with sqlite3.connect(f"{folder}/r.db") as database:
            (charged,) = database.execute("SELECT sum(cpu_seconds) FROM runs").fetchone()
    runs = len(SIZES) * len(ROUNDINGS) * options.trials
    pure, pure_wall = (a + b for a, b in zip(before, after))
    write(options.json, {"runs": runs, "workers": options.workers, "cpu": {"least": whole, "training": pure}, "wall": {"least": wall, "training": pure_wall}})
    print(f"{runs} runs, {options.workers} workers on {os.cpu_count()} cores")
    print(f"processor seconds: {whole:.1f}, {pure:.1f} of them training: {whole / pure:.3f}")
    print(f"wall seconds: {wall:.1f}, training alone {pure_wall:.1f}: {wall / pure_wall:.3f}")
    print(f"the runs are charged with {charged:.1f} processor seconds; {first + last:.1f} are for starting their processes")


if __name__ == "__main__":
    main()
