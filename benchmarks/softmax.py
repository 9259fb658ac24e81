# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""1,000 steps of softmax regression, every scalar result rounded: ours beside peers.

Each round runs every contestant once, in turn, so that a slow moment of the machine
meets all; printed are medians, the spread, and ratios within this run. One thread.
Usage: softmax.py [--rounds=7] [--steps=1000] [--json=FILE]      after benchmarks/setup.sh
"""
import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from peer import write

HERE = Path(__file__).resolve().parent
PYTHON = HERE / ".venv" / "bin" / "python"
ROUNDED = [("toward-zero", 5), ("nearest-even", 7), ("stochastic", 3)]


class Ours:
    """prec-train, one process a timing; its own clock leaves out loading and logging."""

    def __init__(self, steps, flags):
        self.command = [
            HERE.parent / "build" / "bin" / "prec-train", HERE.parent / "models" / "logistic.mlir",
            f"--steps={steps}", f"--eval-every={steps}", "--threads=1", "--log=-", *flags,
        ]  # fmt: skip

    def time(self):
        done = subprocess.run(self.command, capture_output=True, text=True, check=True)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        return sum(r["seconds"] for r in records), records[-1]["test_accuracy"]


class Peer:
    """A program that answers each line with one timing."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen(
            [PYTHON, HERE / program, *map(str, arguments)], cwd=HERE, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=dict(os.environ, OMP_NUM_THREADS="1"),
        )  # fmt: skip
        if not self.process.stdout.readline().startswith("ready"):
            sys.exit(f"softmax: {program} did not start; was benchmarks/setup.sh run?")

    def time(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["seconds"], answer["accuracy"]


def contestants(steps):
    """{name: (contestant, the name it is compared with)}; names of ours start with prec."""
    found = {}
    for mode, m in ROUNDED:
        flags = [f"--truncate-mantissa={m}", f"--rounding={mode}", "--granularity=elementary"]
        found[f"prec {mode} m={m}"] = Ours(steps, flags), "prec f32"
        found[f"jax {mode} m={m}"] = Peer("softmax_jax.py", steps, mode, m), f"prec {mode} m={m}"
    found["prec f32"] = Ours(steps, []), "torch f32"
    found["torch f32"] = Peer("softmax_torch.py", steps), "prec f32"
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--json")
    options = parser.parse_args()
    running = contestants(options.steps)
    times, accuracy = {name: [] for name in running}, {}
    for _ in range(options.rounds):
        for name, (contestant, _) in running.items():
            seconds, accuracy[name] = contestant.time()
            times[name].append(seconds)
    write(options.json, {name: {"median": median(t), "least": min(t), "most": max(t), "accuracy": accuracy[name]} for name, t in times.items()})  # fmt: skip
    middle = {name: median(values) for name, values in times.items()}
    print(f"{'':26}{'median s':>9}{'min':>8}{'max':>8}{'accuracy':>10}  time / time of")
    for name, (_, other) in running.items():
        print(
            f"{name:26}{middle[name]:9.3f}{min(times[name]):8.3f}{max(times[name]):8.3f}"
            f"{accuracy[name]:10.3f}  {middle[name] / middle[other]:.2f} {other}"
        )


if __name__ == "__main__":
    main()
