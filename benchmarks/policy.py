# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a large policy costs: 10,000 sites and 500 rules, through prec-opt.

Prints medians of the time of the whole tool, with the policy and without one: the difference is inserting and, with
--report-sites, reporting. Matching alone is timed by PolicyTests (MatchingCost). Usage: policy.py [--rounds=5] [--json=FILE]
"""
import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from peer import write

PREC_OPT = Path(__file__).resolve().parent.parent / "build" / "bin" / "prec-opt"


def model(sites):
    """Eight scalar operations in each of many layers."""
    lines = ["func.func @f(%x0: f32) -> f32 {"]
    for i in range(sites - 1):
        scope = f"encoder/block{i // 80}/head{i // 8 % 10}"
        op = ["arith.mulf %x{0}, %x{0}", "arith.addf %x{0}, %x0", "math.exp %x{0}"][i % 3].format(i)
        lines.append(f'  %x{i + 1} = {op} {{prec.scope = "{scope}"}} : f32')
    return "\n".join([*lines, f"  return %x{sites - 1} : f32", "}"])


def policy(rules):
    """All kinds of selectors; the early ones match, the later ones look at every site in vain."""
    selects = ["*", "encoder/block7/**", "op:math.*"]
    for i in range(rules):
        selects += [f"encoder/block{i}x/**.weight", f"**/missing{i}*", f"scope:encoder/block*/mlp{i} & backward",
                    f"op:arith.*x{i} | name:value*{i}y", f"@contraction.product & !encoder/{i}/**"]  # fmt: skip
    return {"version": 1, "rules": [{"select": s, "format": "m7"} for s in selects[:rules]]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / name for name in ("m.mlir", "p.json", "empty.json")}
        paths["m.mlir"].write_text(model(10_000))
        paths["p.json"].write_text(json.dumps(policy(500)))
        everything = ["--format=m7", paths["m.mlir"], "-o", "/dev/null"]
        rules = [f"--policy={paths['p.json']}", paths["m.mlir"]]
        runs = {
            "no policy": [paths["m.mlir"], "-o", "/dev/null"],
            "one rule": everything,
            "500 rules": [*rules, "-o", "/dev/null"],
            "500 rules, report as JSON": [*rules, "--report-sites=json"],
            "500 rules, summary": [*rules, "--report-sites=summary"],
        }
        seconds = {name: [] for name in runs}
        for _ in range(options.rounds):
            for name, arguments in runs.items():
                start = time.perf_counter()
                subprocess.run([PREC_OPT, *arguments], check=True, capture_output=True)
                seconds[name].append(time.perf_counter() - start)
        write(options.json, {name: {"least": min(values), "median": median(values)} for name, values in seconds.items()})
        for name, values in seconds.items():
            print(f"{name:28} {median(values):6.3f} s  (min {min(values):.3f}, max {max(values):.3f})")


if __name__ == "__main__":
    main()
