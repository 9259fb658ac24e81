# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The demo: softmax regression on Fashion-MNIST at eleven word sizes, two roundings.

Every scalar result of training and evaluation is rounded. One process trains one
seed with one rounding at all word sizes, since the sizes are run-time values of one
compiled module; as many processes run at once as there are cores.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from tqdm import tqdm

from prec import report
from prec.report import dataset

WORD_SIZES = (10, 11, 12, 13, 14, 15, 16, 18, 20, 24, 32)
ROUNDINGS = ("toward-zero", "stochastic")
SOURCE = Path(__file__).resolve().parents[2]


def command(options: argparse.Namespace, rounding: str, seed: int) -> list[str | Path]:
    """The prec-train call of one job; sign and exponent take 9 bits of a word."""
    fractions = ",".join(str(size - 9) for size in WORD_SIZES)
    return [
        options.build / "bin" / "prec-train", SOURCE / "models" / "logistic.mlir",
        "--data=fashion-mnist", f"--steps={options.steps}", "--learning-rate=0.1",
        f"--truncate-mantissa={fractions}", f"--rounding={rounding}",
        "--granularity=elementary", f"--seed={seed}", f"--eval-every={options.eval_every}",
        "--threads=1", "--keep-going", "--log=-",
    ]  # fmt: skip


def run_job(options: argparse.Namespace, rounding: str, seed: int, bar: tqdm) -> list[dict[str, Any]]:
    """Runs one job; writes its raw lines and returns those with a test accuracy."""
    path = options.output / "runs" / f"{rounding}-{seed}.jsonl"
    evaluated = []
    with open(path, "w") as log, subprocess.Popen(
        command(options, rounding, seed),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        for line in process.stdout:
            log.write(line)
            record = json.loads(line)
            if "test_accuracy" in record:
                evaluated.append(record)
            bar.update()
        error = process.stderr.read()
    if process.returncode:
        raise RuntimeError(f"prec-train failed: {error.strip()}")
    return evaluated


def run_jobs(options: argparse.Namespace) -> list[dict[str, Any]]:
    jobs = list(itertools.product(range(options.trials), ROUNDINGS))
    with tqdm(
        total=len(jobs) * len(WORD_SIZES) * options.steps, unit=" steps", desc="training",
        dynamic_ncols=True, mininterval=0.5, miniters=1,
    ) as bar, ThreadPoolExecutor(os.cpu_count()) as pool:  # fmt: skip
        running = [pool.submit(run_job, options, rounding, seed, bar) for seed, rounding in jobs]
        try:
            return [record for job in running for record in job.result()]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def assemble(records: Iterable[dict[str, Any]]) -> dataset.Dataset:
    """The records as a study of two axes, the points of a run in the order of its steps."""
    runs, points = {}, {}
    for record in sorted(records, key=lambda r: (WORD_SIZES.index(r["truncate_mantissa"] + 9),
                                                 ROUNDINGS.index(r["rounding"]), r["step"])):  # fmt: skip
        bits, rounding, seed = record["truncate_mantissa"] + 9, record["rounding"], record["seed"]
        key = f"{rounding}-{bits}-{seed}"
        settings = {"truncate-bits": bits, "rounding": rounding, "seed": seed}
        points.setdefault(key, []).append(record)
        runs[key] = {"key": key, "settings": settings, "test_accuracy": record["test_accuracy"]}
    document = {
        "title": "How many bits does training need?",
        "about": "Softmax regression 784 to 10 on Fashion-MNIST. Every scalar result of training "
        "and evaluation is rounded to a word of one sign bit, 8 exponent bits and the rest "
        "fraction. Learning rate 0.1, weights N(0, 0.01), bias 0, pixels / 255.",
    }
    axes = ["truncate-bits", "rounding"]
    return dataset.assemble("demo", "full", axes, list(runs.values()), points, document)


def table(data: dataset.Dataset) -> str:
    """Rows of text: the head, then one word size each; spreads are standard deviations."""
    groups = data.groups()
    rows = [["bits", "fraction", *data.values("series")]]
    for bits in data.values("x"):
        row = [str(bits), str(bits - 9)]
        for series in data.values("series"):
            values = list(groups["", series, bits].values())
            width = stdev(values) if len(values) > 1 else 0.0
            row.append(f"{mean(values):.2f} ± {width:.2f}")
        rows.append(row)
    return report.tables.as_text(rows[0], rows[1:])


def write(records: Iterable[dict[str, Any]], folder: Path) -> str:
    """Writes report.html and the PNGs into the folder; returns the table as text."""
    data = assemble(records)
    for name, chart in report.charts.all_of(data).items():
        chart.save(folder / f"{name}.png", scale_factor=2)
    (folder / "report.html").write_text(report.html([data]), encoding="utf-8")
    return table(data)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo.sh", description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=5, help="seeds; the 2017 study took 30")
    parser.add_argument("--steps", type=int, default=1000, help="mini-batches of 128")
    parser.add_argument("--eval-every", type=int, default=100, help="steps between evaluations")
    parser.add_argument("--output", type=Path, default=SOURCE / "demo")
    parser.add_argument("--build", type=Path, default=SOURCE / "build")
    options = parser.parse_args(arguments)
    if options.trials < 1 or options.steps < 1:
        parser.error("--trials and --steps must be at least 1")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    (options.output / "runs").mkdir(parents=True, exist_ok=True)
    try:
        records = run_jobs(options)
    except (RuntimeError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print(write(records, options.output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
