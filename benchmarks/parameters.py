# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What numbers cost that are known at run time only: widths as parameters (`m?`, `e?m?`, `fixed<?,?>`) beside constants.

A matrix product, each product and sum rounded, and of `m?` also at op granularity and a training step of softmax regression, one thread. A process repeats one
of them; the least of its times is what undisturbed runs take. Two such processes, constant and parameter, make a round, in
turn first; printed are the medians of times and of the rounds' ratios, and the ratios' quartiles: of the product's own kernel, and of
all, with the rounding of operands.
Usage: parameters.py [--size=256] [--rounds=9] [--repeat=200] [--json=FILE]
"""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from statistics import median, quantiles

import numpy as np
from matmul import MODEL
from peer import BIN, write

MODES = ["toward-zero", "nearest-even", "to-odd", "stochastic"]
GRANULARITIES = ["elementary", "op"]
# The constant format, the one with parameters, and their values.
FORMATS = [("m7", "m?", [7]), ("e4m3", "e?m?", [4, 3]), ("e5m10", "e?m?", [5, 10]), ("e8m7", "e?m?", [8, 7]), ("fixed<8,8>", "fixed<?,?>", [8, 8]),
           ("fixed<8,8>", "fixed<?/?>", [8, 16]), ("int8<0.0625>", "int8<2^?>", [-4]),
           ("posit<16,1>", "posit<?,?>", [16, 1]), ("binary8p3se", "binary?p?se", [8, 3])]  # fmt: skip


def policies(folder, formats, mode, granularity):
    """Two files that say the same, one with a constant, one with parameters."""
    constant, changing, values = formats
    rule = {"select": "*", "rounding": mode, "granularity": granularity}
    names = [f"p{i}" for i in range(len(values))]
    changing = {"format": changing, "parameters": names}
    texts = {"constant": {"version": 1, "rules": [rule | {"format": constant}]},
             "parameter": {"version": 1, "parameters": dict(zip(names, values)), "rules": [rule | changing]}}  # fmt: skip
    for name, text in texts.items():
        path = Path(tempfile.mkstemp(suffix=".json", dir=folder)[1])
        path.write_text(json.dumps(text))
        yield name, f"--policy={path}"


class Process:
    """A command that leaves the seconds of its repetitions in a file: of all, and of the product's kernel or nothing."""

    def __init__(self, command, read):
        self.command, self.read = [str(word) for word in command], read

    def time(self):
        subprocess.run(self.command, check=True, stdout=subprocess.DEVNULL)
        return tuple(min(seconds, default=None) for seconds in self.read())


def matmul(folder, policy, repeat):
    out = folder / "trace.json"
    files = [f"--input={folder}/a.npy", f"--input={folder}/b.npy", f"--output={folder}/y.npy", f"--profile={out}"]
    command = [BIN / "prec-run", folder / "mm.mlir", *files, "--threads=1", policy, f"--cache-dir={folder}/cache", f"--repeat={repeat}"]

    def read():
        events = json.loads(out.read_text())["traceEvents"]
        seconds = lambda those: [event["dur"] / 1e6 for event in those]
        most = max(event["args"]["flops"] for event in events if event["cat"] == "kernel")
        kernel = [event for event in events if event["cat"] == "kernel" and event["args"]["flops"] == most]
        return seconds(event for event in events if event["cat"] == "entry"), seconds(kernel)

    return Process(command, read)


def softmax(folder, policy, repeat):
    out = folder / "log.jsonl"
    command = [BIN / "prec-train", "softmax-regression", "--threads=1", "--eval-every=0", f"--log={out}", policy, f"--cache-dir={folder}/cache", f"--steps={repeat}"]  # fmt: skip
    return Process(command, lambda: ([json.loads(line)["seconds"] for line in out.read_text().splitlines()], []))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--repeat", type=int, default=200)
    parser.add_argument("--json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        random = np.random.default_rng(0)
        for operand in "ab":
            np.save(folder / f"{operand}.npy", random.normal(size=(options.size, options.size)).astype("f4"))
        (folder / "mm.mlir").write_text(MODEL.replace("N", str(options.size)))
        pairs = {}
        for formats in FORMATS:
            is_width = formats[1] == "m?"
            for granularity in GRANULARITIES[: 2 if is_width else 1]:
                for mode in MODES:
                    rules = dict(policies(folder, formats, mode, granularity))
                    for work in [matmul, softmax][: 2 if is_width else 1]:
                        pair = f"{work.__name__} {formats[0]} {formats[1]} {granularity} {mode}"
                        pairs[pair] = {key: work(folder, flag, options.repeat) for key, flag in rules.items()}
        times = {pair: {"constant": [], "parameter": []} for pair in pairs}
        for round in range(options.rounds):
            for pair, contestants in pairs.items():
                # The machine's speed drifts: each comes first as often as second.
                for key in sorted(contestants, reverse=round % 2):
                    times[pair][key].append(contestants[key].time())
    table = {}
    print(f"{'':54}{'const':>8}{'param':>8} ms{'all':>7}  quartiles{'kernel':>16}  quartiles")
    for pair, both in times.items():
        row = table[pair] = {key: 1e3 * median(all for all, _ in both[key]) for key in ("constant", "parameter")}
        line = f"{pair:54}{row['constant']:8.3f}{row['parameter']:8.3f}   "
        for place, what in enumerate(("", "kernel ")):
            ratios = [b[place] / a[place] for a, b in zip(both["constant"], both["parameter"]) if a[place]]
            if ratios:
                low, row[what + "ratio"], high = quantiles(ratios, n=4)
                row[what + "quartiles"] = [low, high]
                line += f"{row[what + 'ratio']:7.3f}  {low:.3f} to {high:.3f}  "
        print(line, flush=True)
    write(options.json, table)


if __name__ == "__main__":
    main()
