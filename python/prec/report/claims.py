# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a study set out to check: what was said, what was measured, whether it holds.

    inflection      the curve's smallest sufficient size is `value`, give or take `within`
    better          final accuracy: `where` above `than`, paired by seed
    faster          steps to the study's first threshold: `where` below `than`, paired
    does-not-learn  the accuracy stays below `value` (default 0.2)

`where` and `than` pick runs by their settings. A claim holds or does not when the whole
95 % interval says so; otherwise it is undecided, with the seeds that would decide it.
"""

from statistics import mean

from prec.report import statistics, tables

FEWEST = 3  # pairs that an interval is believed of
HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "undecided"


def picks(run, where):
    return all(run["settings"].get(name) == value for name, value in where.items())


def judge(data, claim):
    """(what was measured, verdict) of one claim."""
    kinds = {"inflection": _inflection, "better": _better, "faster": _faster,
             "does-not-learn": _does_not_learn}  # fmt: skip
    return kinds[claim["kind"]](data, claim)


def _narrowed(data, where):
    from dataclasses import replace

    runs = [run for run in data.runs if picks(run, where)]
    keys = {run["key"] for run in runs}
    return replace(data, runs=runs, points=[p for p in data.points if p["key"] in keys])


def _inflection(data, claim):
    narrowed = _narrowed(data, claim.get("where", {}))
    curves = list(tables.curves(narrowed))
    if len(curves) != 1:
        return f"{len(curves)} curves, one is needed", UNDECIDED
    ((_, sizes, seeds, grid),) = curves
    size, low, high = statistics.inflection(sizes, grid, 100 * data.margin)
    near, far = claim["value"] - claim.get("within", 0), claim["value"] + claim.get("within", 0)
    text = f"{size} bits" + ("" if low is None else f" ({low} to {high})") + f", {len(seeds)} seeds"
    if low is None:
        return text, UNDECIDED
    if near <= low and high <= far:
        return text, HOLDS
    if high < near or low > far:
        return text, FAILS
    return text + "; the interval reaches over the border: more seeds", UNDECIDED


def _cells(data, where, measure):
    """{(settings that `where` leaves open): value}, so that pairs differ in nothing else."""
    found = {}
    for run in data.runs:
        if picks(run, where):
            rest = {n: v for n, v in run["settings"].items() if n not in where}
            found[repr(sorted(rest.items(), key=lambda item: item[0]))] = measure(run)
    return found


def _paired(data, claim, measure):
    ours = _cells(data, claim.get("where", {}), measure)
    theirs = _cells(data, claim["than"], measure)
    return [
        (ours[name], theirs[name]) for name in ours
        if ours[name] is not None and theirs.get(name) is not None
    ]  # fmt: skip


def _verdict(differences, unit, text, sign=1):
    """`sign` 1: the claim is that the differences are positive."""
    low, high = statistics.interval(differences)
    if len(differences) < FEWEST:
        return f"{text}; {len(differences)} pairs, {FEWEST} are needed", UNDECIDED
    text = f"{text} ({low:.2f} to {high:.2f}{unit}), {len(differences)} pairs"
    if sign * low > 0 and sign * high > 0:
        return text, HOLDS
    if sign * low < 0 and sign * high < 0:
        return text, FAILS
    needed = statistics.seeds_needed(differences)
    return text + (f"; about {needed} pairs would show it" if needed else ""), UNDECIDED


def _better(data, claim):
    pairs = _paired(data, claim, lambda run: run["accuracy"])
    if not pairs:
        return "no pairs of runs yet", UNDECIDED
    differences = [a - b for a, b in pairs]
    return _verdict(differences, " points", f"{mean(differences):+.2f} points")


def _faster(data, claim):
    if not data.thresholds:
        return "the study has no threshold", UNDECIDED
    reached = {}
    for point in data.points:
        if (point["accuracy"] or 0) >= 100 * data.thresholds[0]:
            reached.setdefault(point["key"], point["step"] + 1)
    pairs = _paired(data, claim, lambda run: reached.get(run["key"]))
    if not pairs:
        return "no pair of runs reaches the threshold", UNDECIDED
    saved = [100 * (b - a) / b for a, b in pairs]
    return _verdict(saved, " %", f"{mean(saved):.1f} % fewer steps to "
                                 f"{100 * data.thresholds[0]:g} % accuracy")  # fmt: skip


def _does_not_learn(data, claim):
    values = [r["accuracy"] for r in data.runs if picks(r, claim.get("where", {}))]
    values = [value for value in values if value is not None]
    low, high = statistics.interval(values)
    if low is None:
        return "fewer than two runs yet", UNDECIDED
    border = 100 * claim.get("value", 0.2)
    text = f"{mean(values):.1f} % ({low:.1f} to {high:.1f}), {len(values)} runs"
    return text, HOLDS if high < border else FAILS if low > border else UNDECIDED


def table(data):
    """(columns, rows) of all claims of a study."""
    rows = [[claim["says"], *judge(data, claim)] for claim in data.claims]
    return ["the 2017 study says", "measured", "verdict"], rows
