# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a change of a scheduled number costs between steps: one that is the same in all steps beside one that changes in each.

Softmax regression at batch 1, so that little else is in a step; a width and the scale of an integer; one thread. Printed are medians
over the rounds of a run's median and least step, in microseconds. Usage: changes.py [--rounds=5] [--steps=2000] [--json=FILE]
"""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from statistics import median

from peer import BIN, write

NUMBERS = {"m?": (7, 8), "int8<?>": (0.01, 0.011)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--json")
    options = parser.parse_args()
    table = {}
    with tempfile.TemporaryDirectory() as name:
        log, policy = Path(name) / "log.jsonl", Path(name) / "p.json"
        for _ in range(options.rounds):
            for format, (first, second) in NUMBERS.items():
                rule = {"select": "weight", "format": format, "parameters": ["p"]}
                changing = {"list": [(first, second)[i % 2] for i in range(options.steps)]}
                for kind, number in ("constant", first), ("changing", changing):
                    policy.write_text(json.dumps({"version": 1, "parameters": {"p": number}, "rules": [rule]}))
                    subprocess.run([BIN / "prec-train", "softmax-regression", "--batch-size=1", "--threads=1", "--eval-every=0",
                                    f"--steps={options.steps}", f"--policy={policy}", f"--log={log}"],
                                   check=True, capture_output=True)  # fmt: skip
                    seconds = [json.loads(line)["seconds"] for line in log.read_text().splitlines()][options.steps // 10 :]
                    table.setdefault(f"{format} {kind}", []).append((1e6 * median(seconds), 1e6 * min(seconds)))
    print(f"{'':20}{'median us':>10}{'least us':>10}")
    table = {pair: [median(column) for column in zip(*rows)] for pair, rows in table.items()}
    for pair, (middle, least) in table.items():
        print(f"{pair:20}{middle:10.2f}{least:10.2f}")
    write(options.json, table)


if __name__ == "__main__":
    main()
