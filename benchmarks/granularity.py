# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What rounding costs a training step at op, layer and batch granularity: beside our own f32 step.

Steps of prec-train's own clock, one thread, m7 to nearest-even; the four in turn in each round. Printed are least times, medians of
the rounds' ratios to f32, and the ratios' quartiles. Usage: granularity.py [--rounds=7] [--models=lenet5,...] [--json=FILE]
"""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from statistics import median, quantiles

from peer import BIN, write

STEPS = {"softmax-regression": 1000, "mlp-100x2": 400, "lenet5": 20}
GRANULARITIES = ["op", "layer", "batch"]


def least_step(folder, model, flags):
    log = folder / "log.jsonl"
    command = [BIN / "prec-train", model, "--threads=1", "--eval-every=0", f"--steps={STEPS[model]}", f"--log={log}", f"--cache-dir={folder}", *flags]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return min(json.loads(line)["seconds"] for line in log.read_text().splitlines())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--models", default=",".join(STEPS))
    parser.add_argument("--json")
    options = parser.parse_args()
    runs = {"f32": []} | {g: ["--format=m7", "--rounding=nearest-even", f"--granularity={g}"] for g in GRANULARITIES}
    result = {}
    print(f"{'':22}{'':8}{'ms':>9}{'/ f32':>8}  quartiles")
    for model in options.models.split(","):
        with tempfile.TemporaryDirectory() as name:
            times = {run: [] for run in runs}
            for _ in range(options.rounds):
                for run, flags in runs.items():
                    times[run].append(least_step(Path(name), model, flags))
        result[model] = {"f32": {"least": min(times["f32"])}}
        for run in GRANULARITIES:
            ratios = [t / f for t, f in zip(times[run], times["f32"])]
            low, middle, high = quantiles(ratios, n=4)
            result[model][run] = {"least": min(times[run]), "median": median(times[run]), "ratio": middle, "low": low, "high": high}
        for run, row in result[model].items():
            spread = f"{row['ratio']:8.3f}  {row['low']:.3f} to {row['high']:.3f}" if run != "f32" else ""
            print(f"{model:22}{run:8}{1e3 * row['least']:9.3f}{spread}", flush=True)
    write(options.json, result)


if __name__ == "__main__":
    main()
