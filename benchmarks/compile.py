# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What compiling costs: CPU seconds of networks and policies, cold and from the cache.

A process that compiles, less one that finds its objects, is the compilation; all threads
count. The cache's own time is what the tool says of itself. Usage:
compile.py [--rounds=3] [--json=FILE] [--growth]: with it dense networks of 2, 20, 200 layers.
"""
import argparse
import json
import resource
import subprocess
import tempfile
from pathlib import Path

from peer import BIN, write

NEAREST = ["--truncate-mantissa=7", "--rounding=nearest-even", "--granularity=elementary"]
STOCHASTIC = ["--truncate-mantissa=7", "--rounding=stochastic", "--granularity=elementary"]
TOWARD_ZERO = ["--truncate-mantissa=7", "--granularity=elementary"]
CASES = {
    "softmax-regression, f32": ["softmax-regression"],
    "softmax-regression, toward zero": ["softmax-regression", *TOWARD_ZERO],
    "softmax-regression, nearest-even": ["softmax-regression", *NEAREST],
    "lenet5, f32": ["lenet5"],
    "lenet5, op": ["lenet5", "--truncate-mantissa=7"],
    "lenet5, toward zero": ["lenet5", *TOWARD_ZERO],
    "lenet5, nearest-even": ["lenet5", *NEAREST],
    "lenet5, stochastic": ["lenet5", *STOCHASTIC],
}  # fmt: skip


def network(layers):
    """A description of `layers` dense layers, all but the last of 100 units."""
    built = [{"type": "flatten", "name": "flatten"}]
    for i in range(layers - 1):
        built += [
            {"type": "dense", "name": f"dense{i}", "units": 100},
            {"type": "relu", "name": f"relu{i}"},
        ]
    built.append({"type": "dense", "name": "last", "units": 10})
    return {
        "version": 1, "name": f"dense{layers}", "input": [1, 28, 28], "layers": built,
        "loss": "softmax-cross-entropy",
    }  # fmt: skip


class Compilation:
    def __init__(self, arguments, folder):
        self.timing = Path(folder) / "timing.json"
        self.command = [
            str(BIN / "prec-train"), *arguments, "--steps=1", "--eval-every=0", "--threads=1",
            "--log=/dev/null", f"--print-timing={self.timing}",
        ]  # fmt: skip
        self.cached = f"--cache-dir={folder}/cache"

    def run(self, flag):
        """CPU seconds of the process, seconds that its clock gives compilation."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*self.command, flag], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = sum(getattr(after, k) - getattr(before, k) for k in ("ru_utime", "ru_stime"))
        return cpu, json.loads(self.timing.read_text())["compile_seconds"]

    def measure(self, rounds):
        self.run(self.cached)
        cold, warm = [], []
        for _ in range(rounds):
            cold.append(self.run("--no-cache"))
            warm.append(self.run(self.cached))
        least = lambda runs, which: min(run[which] for run in runs)
        return {
            "cpu": least(cold, 0) - least(warm, 0), "wall": least(cold, 1),
            "cached": least(warm, 1),
        }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    parser.add_argument("--growth", action="store_true")
    options = parser.parse_args()
    table = {}
    print(f"{'':36}{'CPU s':>8}{'wall s':>8}{'cached s':>10}")
    with tempfile.TemporaryDirectory() as folder:
        cases = dict(CASES)
        for layers in (2, 20, 200) if options.growth else ():
            path = Path(folder) / f"dense{layers}.json"
            path.write_text(json.dumps(network(layers)))
            cases[f"{layers} dense layers, f32"] = [str(path)]
        for name, arguments in cases.items():
            row = table[name] = Compilation(arguments, folder).measure(options.rounds)
            print(
                f"{name:36}{row['cpu']:8.2f}{row['wall']:8.2f}{row['cached']:10.3f}", flush=True
            )
    write(options.json, table)


if __name__ == "__main__":
    main()
