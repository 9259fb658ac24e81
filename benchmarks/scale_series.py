# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The series of scale.py: functions that yield a line's name, a size, its work, and its seconds or bytes."""
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from typing import Callable

import numpy as np
import policy
from compile import Compilation, network
from matmul import MODEL
from peer import BIN

LONGEST = 4  # seconds of a call, or the next size is not tried
ELEMENTARY = ["--granularity=elementary"]
PRODUCTS = {
    "f32": [],
    "m7 toward zero": ["--format=m7", "--rounding=toward-zero", *ELEMENTARY],
    "m7 nearest-even": ["--format=m7", *ELEMENTARY],
    "e4m3 stochastic": ["--format=e4m3", "--rounding=stochastic", *ELEMENTARY],
}


def output(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"scale: {command}: {done.stderr[-500:]}")
    return done.stderr


def product(folder, n, flags, repeat, threads=1):
    """Seconds of a product of N x N x N."""
    if not (folder / f"a{n}.npy").exists():
        random = np.random.default_rng(0)
        for operand in "ab":
            np.save(folder / f"{operand}{n}.npy", random.normal(size=(n, n)).astype("f4"))
        (folder / f"mm{n}.mlir").write_text(MODEL.replace("N", str(n)))
    files = [f"--input={folder}/a{n}.npy", f"--input={folder}/b{n}.npy", f"--output={folder}/y.npy"]
    timing = folder / "timing.json"
    output([BIN / "prec-run", folder / f"mm{n}.mlir", *files, *flags, f"--threads={threads}", "--no-cache", f"--repeat={repeat}",
            f"--print-timing={timing}"])  # fmt: skip
    return min(json.loads(timing.read_text())["run_seconds"])


def train(folder, model, count, *flags):
    """The log of so many training steps, what the tool says."""
    log = folder / "log.jsonl"
    told = output([BIN / "prec-train", model, f"--steps={count}", "--eval-every=0", f"--log={log}", "--no-cache", *flags])
    return [json.loads(line) for line in log.read_text().splitlines()], told


def step(folder, model, count, *flags):
    """Seconds of a training step."""
    return min(line["seconds"] for line in train(folder, model, count, *flags)[0])


def powers(first, last, is_quick):
    return [1 << k for k in range(first, last + 1, 3 if is_quick else 1)]


def flops(folder, is_quick):
    for name, flags in PRODUCTS.items():
        seconds = 1e-5
        for n in powers(6, 9 if is_quick else 12, is_quick):
            if seconds * 8 > LONGEST:
                break
            seconds = product(folder, n, flags, max(3, min(300, int(0.5 / seconds))))
            yield name, n, n**3, seconds


def layers(folder, is_quick):
    for n in [1, 10, 100] if is_quick else [1, 2, 5, 10, 20, 50, 100, 200]:
        path = folder / f"dense{n}.json"
        path.write_text(json.dumps(network(n)))
        compilation = Compilation([str(path)], folder)
        yield "compile", n, n, min(compilation.run("--no-cache")[1] for _ in range(2 if is_quick else 3))
        yield "a step of batch 128", n, n, step(folder, path, max(20, 400 // n), "--threads=1")


def sites(folder, is_quick):
    runs = {"read and print": []}
    runs["insert"] = ["--format=m7"]
    runs["insert and report"] = ["--format=m7", "--report-sites=json"]
    for rules in (20, 500):
        (folder / f"p{rules}.json").write_text(json.dumps(policy.policy(rules)))
        runs[f"insert by {rules} rules"] = [f"--policy={folder}/p{rules}.json"]
    for n in [10, 1000, 10_000] if is_quick else [10, 100, 1000, 10_000, 100_000]:
        (folder / "m.mlir").write_text(policy.model(n))
        for name, flags in runs.items():
            seconds = []
            for _ in range(3):
                start = time.perf_counter()
                output([BIN / "prec-opt", folder / "m.mlir", *flags, "-o", os.devnull])
                seconds.append(time.perf_counter() - start)
            yield name, n, n, min(seconds)


def by_batch(is_quick):
    """A model's name, a batch size."""
    for model in ("softmax-regression", "lenet5"):
        for n in powers(0, 9 if is_quick else 12, is_quick):
            yield model, n


def batch(folder, is_quick):
    for model, n in by_batch(is_quick):
        yield model, n, n, step(folder, model, max(3, min(200, 8192 // n)), f"--batch-size={n}", "--threads=1")


def memory(folder, is_quick):
    for model, n in by_batch(is_quick):
        told = train(folder, model, 1, f"--batch-size={n}", "--threads=1", "--print-memory")[1]
        yield model, n, n, int(re.search(r"@step: (\d+) bytes", told)[1])


def threads(folder, is_quick):
    for n in range(1, os.cpu_count() + 1):
        yield "lenet5, batch 128", n, 1 / n, step(folder, "lenet5", 10 if is_quick else 40, f"--threads={n}")
        yield "product of 1024", n, 1 / n, product(folder, 1024, [], 20, n)


@dataclass
class Series:
    measure: Callable
    title: str
    size: str  # what the horizontal axis counts
    unit: str  # of a cost, `scale` in a second or byte
    scale: float
    total: str = "s"
    total_scale: float = 1


SERIES = {
    "flops": Series(flops, "Matrix product, each operation rounded", "N", "ns/multiply-add", 1e9),
    "layers": Series(layers, "Dense layers of 100 units", "layers", "ms/layer", 1e3),
    "sites": Series(sites, "prec-opt, the whole tool", "sites", "µs/site", 1e6),
    "batch": Series(batch, "Training step", "batch", "µs/example", 1e6),
    "memory": Series(memory, "Buffers of a training step", "batch", "kB/example", 1e-3, "MB", 1e-6),
    "threads": Series(threads, "Threads", "threads", "ms of all threads", 1e3),
}
