# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a run of all benchmarks says: ratios beside an earlier run, and docs/performance.md's tables.

`results` has a file for each program (run.sh writes them); without --store the ratios to the run in stored.json are printed, those
that differ by more than a tenth one by one. With --store this run becomes the stored one and the tables of the page are written
anew, each between `<!-- NAME -->` and `<!-- end -->`. Usage: report.py RESULTS [--store]
"""
import argparse
import json
import re
import sys
from pathlib import Path
from statistics import geometric_mean, median

HERE = Path(__file__).resolve().parent
PAGE, STORED = HERE.parent / "docs" / "performance.md", HERE / "stored.json"


def table(heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(("| " + " | ".join(cell or " " for cell in line) + " |").replace("|   |", "| |") for line in lines)


def ms(seconds, digits=3):
    """Milliseconds with `digits` significant ones."""
    value = 1e3 * seconds
    whole = len(str(int(value))) if value >= 1 else 0
    return f"{value:.{max(digits - whole, 0)}f}"


def code(name):
    return f"`{name}`"


def machine(r):
    facts = r["machine"]
    return f"{facts['processor']}, {facts['cores']} cores, {facts['date']}, version {facts['version']}, load {facts['load']}."


def softmax(r):
    """1,000 steps: seconds of ours, of the peer."""
    rows = []
    for name, row in r["softmax"].items():
        if name.startswith("prec"):
            theirs = name.replace("prec", "jax" if name != "prec f32" else "torch")
            peer = r["softmax"][theirs]
            spread = f"{row['least']:.3f} to {row['most']:.3f}"
            rows.append([name[5:], f"{row['median']:.3f}", spread, theirs.split()[0], f"{peer['median']:.3f}", f"{peer['median'] / row['median']:.1f}"])
    return table(["", "ours, median s", "least to most", "peer", "median s", "peer / ours"], rows)


def matmul(r, which):
    t, rows = r[which], []
    for name, row in t.items():
        if name.startswith("prec"):
            slower = row["least"] / t["prec f32"]["least"]
            peer = t.get(name.replace("prec", "jax"))
            bound = r["throughput"].get(name[5:])
            # A vector of 16 multiply-adds.
            share = [str(bound["operations"]), f"{row['gmacs'] / (16e-9 / bound['least']):.2f}"] if bound else ["", ""]
            theirs = [f"{row['gmacs'] * row['least'] / peer['least']:.1f}", f"{peer['least'] / row['least']:.1f}"] if peer else ["", ""]
            rows.append([name[5:], f"{row['gmacs']:.1f}", f"{row['median'] / row['least']:.2f}", f"{slower:.2f}", *share, *theirs])
    heads = ["", "10^9 multiply-adds/s", "median / least", "time / f32", "operations", "of the bound", "JAX's", "JAX's time / ours"]
    return table(heads, rows)


def steps(r, threads):
    rows, best = [], []
    names = ["torch", "torch channels_last", "torch.compile", "jax"]
    for model, t in r[f"steps-{threads}"].items():
        ours = t["prec"]
        ratio = min(t[n]["least"] for n in names if n in t) / ours["least"]
        best.append(ratio)
        cells = [ms(t[n]["least"]) if n in t else "" for n in names]
        rows.append([code(model), ms(ours["least"]), f"{ours['median'] / ours['least']:.2f}", *cells, f"{ratio:.2f}"])
    heads = ["", "ours, ms", "median / least", "PyTorch eager", "channels last", "`torch.compile`", "JAX", "best peer / ours"]
    return table(heads, rows) + f"\n\nGeometric mean of the last column {geometric_mean(best):.2f}, least {min(best):.2f}."


def granularity(r):
    rows = []
    for model, t in r["granularity"].items():
        cells = [f"{t[g]['ratio']:.3f} ({t[g]['low']:.3f} to {t[g]['high']:.3f})" for g in ("op", "layer", "batch")]
        rows.append([code(model), ms(t["f32"]["least"]), *cells])
    return table(["", "f32, ms", "op / f32", "layer / f32", "batch / f32"], rows)


def kernels(r):
    k, texts = r["kernels"], []
    peak = k["peak"]
    for group in dict.fromkeys(row["group"] for row in k["rows"]):
        rows = []
        for row in (row for row in k["rows"] if row["group"] == group):
            times = {n: t["least"] for n, t in row["times"].items()}
            ours = row["work"] / times.pop("prec") / 1e9
            best = min(times, key=times.get)
            share = f"{100 * ours / peak[row['unit']]:.0f} %"
            rows.append([row["name"], f"{ours:.3g}", share, best, f"{row['work'] / times[best] / 1e9:.3g}", f"{row['ratio']:.2f}", f"{row['median ratio']:.2f}"])
        heads = [f"{group}, {row['unit']}", "ours", "of the peak", "best peer", "its", "peer's time / ours", "medians"]
        texts.append(table(heads, rows))
    return "\n\n".join(texts)


def means(r):
    k = r["kernels"]
    rows = []
    for group in dict.fromkeys(row["group"] for row in k["rows"]):
        ratios = [row["ratio"] for row in k["rows"] if row["group"] == group]
        rows.append([group, str(len(ratios)), f"{geometric_mean(ratios):.2f}", f"{min(ratios):.2f}", str(sum(x < 0.9 for x in ratios))])
    peaks = f"`--profile` measured {k['peak']['GF/s']} GF/s and a copy of {k['peak']['GB/s']} GB/s."
    return table(["kernels", "number", "geometric mean", "least", "below 0.9"], rows) + "\n\n" + peaks


def compilation(r):
    rows = [[name, *(f"{row[k]:.3f}" for k in ("cpu", "wall", "cached"))] for name, row in r["compile"].items()]
    return table(["", "CPU s", "wall s", "from the cache, s"], rows)


def parameters(r):
    rows = []
    for name, row in r["parameters"].items():
        spread = lambda key: f"{row[key][0]:.3f} to {row[key][1]:.3f}" if key in row else ""
        kernel = f"{row['kernel ratio']:.3f}" if "kernel ratio" in row else ""
        rows.append([name, *(f"{row[k]:.3f}" for k in ("constant", "parameter", "ratio")), spread("quartiles"), kernel, spread("kernel quartiles")])
    return table(["", "constant, ms", "parameter, ms", "ratio", "quartiles", "of the kernel", "quartiles"], rows)


def arrays(r):
    sizes = list(r["rounding"])
    rows = []
    for name in r["rounding"][sizes[0]]:
        cells = []
        for size in sizes:
            spent = r["rounding"][size][name]
            scale = 1e9 / int(size)
            cells += [f"{scale * spent['least']:.2f}", f"{scale * spent['median']:.2f}"]
        last = r["rounding"][sizes[-1]]
        rows.append([name, *cells, f"{last[name]['least'] / last['memcpy']['least']:.2f}"])
    heads = [f"{int(size) * 4 >> 20} MB {kind}" for size in sizes for kind in ("least", "median")]
    return table(["ns an element", *heads, "/ memcpy"], rows)


TABLES = {"machine": machine, "softmax": softmax, "matmul": lambda r: matmul(r, "matmul"), "matmul-256": lambda r: matmul(r, "matmul-256"), "steps-1": lambda r: steps(r, 1), "steps-2": lambda r: steps(r, 2),
          "granularity": granularity, "kernels": kernels, "means": means, "compile": compilation, "parameters": parameters, "arrays": arrays}  # fmt: skip


def load(folder):
    results = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    # Of arrays every round is kept.
    for size, rows in results.get("rounding", {}).items():
        results["rounding"][size] = {name: {"least": min(t), "median": median(t)} for name, t in rows.items()}
    return results


def times(node, path=()):
    """{"file name ...": seconds} of all least times, or medians where there are none."""
    if isinstance(node, list):
        node = {row.get("name", str(i)): row for i, row in enumerate(node) if isinstance(row, dict)}
    if not isinstance(node, dict):
        return {}
    for key in ("least", "wall", "parameter"):
        if isinstance(node.get(key), (int, float)):
            return {" ".join(path): node[key]}
    return {k: v for name, child in node.items() for k, v in times(child, (*path, str(name))).items()}


def compare(new, old):
    """Prints how this run's times are to an earlier one's."""
    print(f"beside {machine(old)}")
    for name in new:
        now, before = times(new[name]), times(old.get(name, {}))
        ratios = {key: now[key] / before[key] for key in now if before.get(key) and now[key]}
        if not ratios:
            continue
        print(f"{name}: {len(ratios)} times, geometric mean of new / old {geometric_mean(ratios.values()):.3f}")
        for key, ratio in sorted(ratios.items(), key=lambda item: item[1]):
            if abs(ratio - 1) > 0.1:
                print(f"    {ratio:6.2f}  {key}")


def fill(page, results):
    for name, make in TABLES.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- end -->)", re.S)
        if not pattern.search(page):
            sys.exit(f"report: {PAGE.name} has no place <!-- {name} --> ... <!-- end -->")
        page = pattern.sub(lambda m, t=make(results): m[1] + t + m[2], page)
    return page


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--store", action="store_true", help="keep this run, write the page's tables")
    options = parser.parse_args()
    results = load(options.results)
    if missing := sorted({"machine", "softmax", "throughput", "matmul", "matmul-256", "steps-1", "steps-2", "granularity", "kernels", "compile", "parameters", "rounding"} - set(results)):
        sys.exit(f"report: {options.results} has no results of {', '.join(missing)}; run benchmarks/run.sh")
    if STORED.exists():
        compare(results, json.loads(STORED.read_text()))
    if options.store:
        PAGE.write_text(fill(PAGE.read_text(), results))
        STORED.write_text(json.dumps(results, indent=0) + "\n")


if __name__ == "__main__":
    main()
