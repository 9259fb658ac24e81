# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Running contestants in turn: programs that answer each line with one timing.

The least of several CPU times is what a program needs when nothing disturbs it; the
median beside it says how much did. Ratios are of minima within one run.
"""
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
PYTHON = HERE / ".venv" / "bin" / "python"
BIN = HERE.parent / "build" / "bin"


def answer(once, count=None, **facts):
    """A peer's main loop: `once()` for each line of standard input, timed: its CPU time, or, if it makes `count` steps, the wall
    time of one. `facts` are said once."""
    once()
    print("ready", json.dumps(facts), flush=True)
    clock = time.perf_counter if count else time.process_time
    for _ in sys.stdin:
        start = clock()
        once()
        print(json.dumps({"seconds": (clock() - start) / (count or 1)}), flush=True)


class Peer:
    """A program of this folder that calls `answer`."""

    def __init__(self, program, *arguments, threads=1):
        self.process = subprocess.Popen(
            [PYTHON, HERE / program, *map(str, arguments)], cwd=HERE, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=dict(os.environ, OMP_NUM_THREADS=str(threads)),
        )  # fmt: skip
        word, _, facts = self.process.stdout.readline().partition(" ")
        if word.strip() != "ready":
            sys.exit(f"benchmarks: {program} did not start; was benchmarks/setup.sh run?")
        self.peak_bytes = json.loads(facts or "{}").get("peak_bytes")

    def time(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["seconds"]


class Ours:
    """CPU seconds of one repetition: many less one, so that loading and compiling cancel."""

    def __init__(self, command, count):
        """`command(n)` is the command line of n repetitions."""
        self.command, self.count = command, count

    def cpu(self, repetitions):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(self.command(repetitions), check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return sum(getattr(after, k) - getattr(before, k) for k in ("ru_utime", "ru_stime"))

    def time(self):
        return (self.cpu(self.count + 1) - self.cpu(1)) / self.count


def compete(contestants, rounds):
    """{name: contestant} to {name: {"least", "median"}}, in seconds, each round in turn."""
    times = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            times[name].append(contestant.time())
    return {name: {"least": min(t), "median": median(t)} for name, t in times.items()}


def write(path, table):
    if path:
        Path(path).write_text(json.dumps(table, indent=1) + "\n")
