# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""f32 kernels without rounding, one by one: ours beside OpenBLAS (NumPy), oneDNN and PyTorch.

Wall time of a call that makes its result, contestants in turn within each round, ours in a process of its own (prec-run --repeat,
its first run apart), the peers in this one; GF/s (of products, 2 operations a multiply-add) or GB/s (arguments and results
once) of the least time, the ratio to the fastest peer of the least and of the median times, and their geometric means. A result
that differs from a peer's is an error: kernel_cases.py says by how much it may.
Usage: kernels.py [--rounds=3] [--threads=1] [--seconds=0.05] [--only=TEXT,...] [--json=FILE]
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import geometric_mean, median

from peer import BIN, write


class Ours:
    """prec-run on a model and its inputs; the object is kept in the folder."""

    def __init__(self, folder, case, threads):
        import numpy as np

        self.result, self.timing, self.table = folder / "y.npy", folder / "timing.json", folder / "table.txt"
        model = folder / "model.mlir"
        model.write_text(case.model())
        self.command = [BIN / "prec-run", model, f"--threads={threads}", f"--cache-dir={folder}/cache", f"--output={self.result}",
                        f"--print-timing={self.timing}"]  # fmt: skip
        for number, value in enumerate(case.inputs):
            np.save(folder / f"{number}.npy", value)
            self.command.append(f"--input={folder}/{number}.npy")

    def times(self, count):
        subprocess.run([*self.command, f"--repeat={count + 1}"], check=True)
        return json.loads(self.timing.read_text())["run_seconds"][1:]

    def peak(self):
        """GF/s of f32 and GB/s of a copy, as --profile measures them."""
        subprocess.run([*self.command, f"--profile={self.table}"], check=True)
        found = re.search(r"of ([\d.]+) GF/s \(f32\).*copy's ([\d.]+) GB/s", self.table.read_text(), re.S)
        return [float(number) for number in found.groups()]


def call_times(call, count):
    spent = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        spent.append(time.perf_counter() - start)
    return spent


def check(case, folder):
    import numpy as np

    ours = np.load(folder / "y.npy")
    for name, call in case.peers.items():
        theirs = np.asarray(call())
        isRight = ours.shape == theirs.shape and (np.abs(ours - theirs) <= case.absolute + case.relative * np.abs(theirs)).all()
        if not isRight:  # so with a NaN
            sys.exit(f"kernels: {case.group}: {case.name}: the result differs from {name}'s")


def compete(case, options, withPeak):
    """{contestant: {"least", "median"}} in seconds; the machine's peaks if they are asked for."""
    with tempfile.TemporaryDirectory() as name:
        ours = Ours(Path(name), case, options.threads)
        first = min(ours.times(3))
        check(case, Path(name))
        times = {"prec": [], **{peer: [] for peer in case.peers}}
        count = max(3, min(1000, int(options.seconds / first)))
        for _ in range(options.rounds):
            times["prec"] += ours.times(count)
            for peer, call in case.peers.items():
                times[peer] += call_times(call, count)
        peak = ours.peak() if withPeak else None
    return {name: {"least": min(t), "median": median(t)} for name, t in times.items()}, peak


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.05, help="of a contestant in a round, about; three calls at least")
    parser.add_argument("--only", default="", help="kernels with one of these texts in `group: name`")
    parser.add_argument("--json")
    options = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # read when NumPy and torch are loaded
        os.environ[name] = str(options.threads)
    import torch
    from kernel_cases import cases

    torch.set_num_threads(options.threads)
    rows, peaks, group = [], [], None
    for case in cases():
        if not any(text in f"{case.group}: {case.name}" for text in options.only.split(",")):
            continue
        isFirst = case.group != group
        if isFirst:
            group = case.group
            unit = "GB/s" if group == "memory" else "GF/s"
            peers = "".join(f"{peer:>22}" for peer in case.peers)
            print(f"\n{group + ', ' + unit:38}{'prec':>8}{peers}  best peer's time / ours, least, median")
        times, peak = compete(case, options, isFirst)
        ratios = [min(t[k] for n, t in times.items() if n != "prec") / times["prec"][k] for k in ("least", "median")]
        rates = [case.work / t["least"] / 1e9 for t in times.values()]
        print(f"{case.name:38}{rates[0]:8.1f}{''.join(f'{rate:22.1f}' for rate in rates[1:])}  {ratios[0]:8.2f}{ratios[1]:8.2f}", flush=True)
        row = {"group": group, "name": case.name, "unit": unit, "work": case.work, "times": times}
        rows.append({**row, "ratio": ratios[0], "median ratio": ratios[1]})
        peaks += [peak] if isFirst else []
    if not rows:
        parser.error(f"no kernel has one of {options.only.split(',')} in its name")
    print(f"\n{'geometric means':38}{'kernels':>8}{'ratio':>8}{'below 0.9':>11}")
    for group in dict.fromkeys(row["group"] for row in rows):
        ratios = [row["ratio"] for row in rows if row["group"] == group]
        print(f"{group:38}{len(ratios):8}{geometric_mean(ratios):8.2f}{sum(r < 0.9 for r in ratios):11}")
    flops, bandwidth = (max(column) for column in zip(*peaks))
    print(f"peak of {options.threads} threads by prec-run --profile: {flops} GF/s, a copy {bandwidth} GB/s")
    write(options.json, {"threads": options.threads, "peak": {"GF/s": flops, "GB/s": bandwidth}, "rows": rows})


if __name__ == "__main__":
    main()
