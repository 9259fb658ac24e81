# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a study set out to check: what was said, what was measured, whether it holds.

    inflection      the curve's smallest sufficient size is `value`, give or take `within`
    more-bits       the smallest sufficient size of `where` is above that of `than`
    better          final accuracy: `where` minus `than`, in points, is above `value`; where
                    losses are measured: `where` has more than `value` percent less than `than`
    faster          steps to the study's first threshold: `where` takes more than `value`
                    percent fewer than `than`
    does-not-learn  the accuracy stays below `value` (default 0.2); a loss above `value`

`value` is 0 if not given; with `within` a difference is claimed to be `value`, give or take
that. `where` and `than` pick runs by their settings; runs that differ in nothing else are
compared, and a seed's value is the mean over them. A claim holds or does not when the whole
95 % interval over the seeds says so; else it is undecided, with the seeds that would do.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite
from statistics import mean
from typing import Any

from prec.report import statistics, tables
from prec.report.dataset import Dataset
from prec.report.measured import LEARNS

FEWEST = 3  # seeds that an interval is believed of
MOST = 10000  # seeds that are still worth naming
HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "undecided"
COLUMNS = ["claim", "the 2017 study", "measured (95 % interval)", "verdict", "to decide it"]

Claim = dict[str, Any]
Row = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What was measured, in words; the verdict; how many seeds would decide, if that is known."""

    measured: str
    verdict: str = UNDECIDED
    seeds: int | None = None


def judge(data: Dataset, claim: Claim) -> Verdict:
    kinds = {"inflection": _inflection, "more-bits": _more_bits, "better": _better,
             "faster": _faster, "does-not-learn": _does_not_learn}  # fmt: skip
    return kinds[claim["kind"]](data, claim)


def picks(run: Row, where: Row) -> bool:
    return all(run["settings"].get(name) == value for name, value in where.items())


def _chosen(data: Dataset, claim: Claim) -> list[Row]:
    """The runs that a claim is about."""
    sides = [claim.get("where", {}), *([claim["than"]] if "than" in claim else [])]
    return [run for run in data.runs if any(picks(run, side) for side in sides)]


@dataclass(frozen=True)
class Curve:
    """The one curve that is picked: its inflection with the interval, accuracies by seed."""

    sizes: list[int]
    accuracies: list[list[float]]
    margin: float
    size: int
    low: int
    high: int

    @property
    def seeds(self) -> int:
        return len(self.accuracies)

    @property
    def text(self) -> str:
        return f"{self.size}" + (f" ({self.low} to {self.high})" if self.low != self.high else "")

    def expected(self, seeds: int) -> tuple[int, int]:
        return statistics.expected_inflection(self.sizes, self.accuracies, self.margin, seeds)


def _curve(data: Dataset, where: Row) -> Curve | str:
    """The curve, or why there is none."""
    runs = [run for run in data.runs if picks(run, where)]
    curves = list(tables.curves(replace(data, runs=runs)))
    if len(curves) != 1:
        return f"{len(curves)} curves, one is needed"
    ((_, sizes, seeds, grid, margin),) = curves
    if not tables.learns(data, grid):
        return f"does not learn with {sizes[-1]} bits either"
    size, low, high = statistics.inflection(sizes, grid, margin)
    if len(seeds) < FEWEST or low is None or high is None:
        return f"{size} bits; {len(seeds)} seeds, {FEWEST} are needed"
    return Curve(sizes, grid, margin, size, low, high)


def _seeds(fewest: int, decides: Callable[[int], str]) -> int | None:
    """The smallest number of seeds, to a twentieth, with which a verdict is expected."""
    seeds = fewest
    while seeds < MOST:
        if decides(seeds) != UNDECIDED:
            return seeds
        seeds += max(1, seeds // 20)
    return None


def _inflection(data: Dataset, claim: Claim) -> Verdict:
    curve = _curve(data, claim.get("where", {}))
    if isinstance(curve, str):
        return Verdict(curve)
    near, far = claim["value"] - claim.get("within", 0), claim["value"] + claim.get("within", 0)

    def verdict(low: int, high: int) -> str:
        if near <= low and high <= far:
            return HOLDS
        return FAILS if high < near or low > far else UNDECIDED

    text = f"{curve.text} bits, {curve.seeds} seeds"
    found = verdict(curve.low, curve.high)
    needed = _seeds(curve.seeds + 1, lambda seeds: verdict(*curve.expected(seeds)))
    return Verdict(text, found, needed if found == UNDECIDED else None)


def _more_bits(data: Dataset, claim: Claim) -> Verdict:
    """Holds where the intervals of the two inflections do not meet, so it says too little
    rather than too much."""
    ours, theirs = _curve(data, claim["where"]), _curve(data, claim["than"])
    if isinstance(ours, str) or isinstance(theirs, str):
        return Verdict(ours if isinstance(ours, str) else str(theirs))

    def verdict(mine: tuple[int, int], other: tuple[int, int]) -> str:
        if mine[0] > other[1]:
            return HOLDS
        return FAILS if mine[1] <= other[0] else UNDECIDED

    fewest = min(ours.seeds, theirs.seeds)
    text = f"{ours.text} bits against {theirs.text}, {fewest} seeds"
    found = verdict((ours.low, ours.high), (theirs.low, theirs.high))
    needed = _seeds(fewest + 1, lambda n: verdict(ours.expected(n), theirs.expected(n)))
    return Verdict(text, found, needed if found == UNDECIDED else None)


def _cells(data: Dataset, where: Row, measure: Callable[[Row], float | None]) -> dict:
    """{settings that `where` leaves open, without the seed: {seed: value}}."""
    found: dict[str, dict[int, float | None]] = {}
    for run in data.runs:
        if picks(run, where):
            rest = {n: v for n, v in run["settings"].items() if n not in where and n != "seed"}
            cell = found.setdefault(repr(sorted(rest.items(), key=lambda item: item[0])), {})
            cell[run["seed"]] = measure(run)
    return found


def _by_seed(data: Dataset, claim: Claim, measure: Callable[[Row], float | None],
             compare: Callable[[float, float], float]) -> tuple[list[float], int, int]:  # fmt: skip
    """(each seed's mean comparison, cells compared, cells). Cells in which a seed's value is
    missing are left out for all seeds, so that these differ in nothing but the seed."""
    ours = _cells(data, claim.get("where", {}), measure)
    theirs = _cells(data, claim["than"], measure)
    pairs = {}
    for name in ours:
        seeds = sorted(set(ours[name]) & set(theirs.get(name, {})))
        if seeds:
            pairs[name] = {seed: (ours[name][seed], theirs[name][seed]) for seed in seeds}
    whole = [
        cell for cell in pairs.values()
        if all(v is not None and isfinite(v) for pair in cell.values() for v in pair)
    ]  # fmt: skip
    seeds = sorted(set.intersection(*map(set, whole))) if whole else []
    values = [mean(compare(*cell[seed]) for cell in whole) for seed in seeds]
    return values, len(whole), len(pairs)


def _verdict(values: list[float], claim: Claim, text: str, unit: str) -> Verdict:
    if len(values) < FEWEST:
        return Verdict(f"{text}; {len(values)} seeds, {FEWEST} are needed")
    low, high = statistics.interval(values)
    assert low is not None and high is not None  # of several finite values
    text = f"{text} ({low:+.2f} to {high:+.2f}{unit}), {len(values)} seeds"
    value, within = claim.get("value", 0), claim.get("within")
    far = float("inf") if within is None else value + within
    near = value - (within or 0)
    if low > near and high < far:
        return Verdict(text, HOLDS)
    if high <= near or low >= far:
        return Verdict(text, FAILS)
    border = min((near, far), key=lambda border: abs(mean(values) - border))
    return Verdict(text, UNDECIDED, statistics.seeds_needed([v - border for v in values]))


def _no_pairs(data: Dataset, claim: Claim, cells: int) -> str:
    sides = [sum(picks(run, claim.get(side, {})) for run in data.runs) for side in ("where", "than")]
    if cells or not all(sides):
        return "no pairs of runs yet"
    return f"none of {sides[0]} and {sides[1]} runs differ in nothing but what the claim says"


def _percent_less(ours: float, theirs: float) -> float:
    return 100 * (theirs - ours) / max(theirs, 1e-300)  # a loss may be 0


def _better(data: Dataset, claim: Claim) -> Verdict:
    lower = data.measured.is_loss
    compare = _percent_less if lower else lambda a, b: a - b
    values, whole, cells = _by_seed(data, claim, lambda run: run["value"], compare)
    if not values:
        return Verdict(_no_pairs(data, claim, cells))
    if lower:
        text = f"{mean(values):+.2f} % less loss"
        if whole < cells:
            text += f" at the {whole} of {cells} settings where no loss is infinite"
        return _verdict(values, claim, text, " %")
    return _verdict(values, claim, f"{mean(values):+.2f} points", "")


def _faster(data: Dataset, claim: Claim) -> Verdict:
    if not data.thresholds:
        return Verdict("the study has no threshold")
    reached = data.first_steps(data.thresholds[0])
    values, whole, cells = _by_seed(data, claim, lambda run: reached.get(run["key"]), _percent_less)
    goal = data.measured.goal(data.thresholds[0]) + " accuracy" * (not data.measured.is_loss)
    if not values:
        return Verdict(f"at none of {cells} settings all seeds reach {goal} both ways")
    text = f"{mean(values):.1f} % fewer steps to {goal}"
    if whole < cells:
        text += f" at the {whole} of {cells} settings where all seeds reach it both ways"
    return _verdict(values, claim, text, " %")


def _does_not_learn(data: Dataset, claim: Claim) -> Verdict:
    values = [r["value"] for r in _chosen(data, claim) if r["value"] is not None]
    if len(values) < FEWEST:
        return Verdict(f"{len(values)} runs, {FEWEST} are needed")
    low, high = statistics.interval(values)
    if data.measured.is_loss:
        return _loses(values, low, high, claim)
    border = 100 * claim.get("value", LEARNS / 100)
    text = f"{mean(values):.1f} % ({low:.1f} to {high:.1f}), {len(values)} runs"
    if high < border or low > border:
        return Verdict(text, HOLDS if high < border else FAILS)
    return Verdict(text, UNDECIDED, statistics.seeds_needed([v - border for v in values]))


def _loses(values: list[float], low: float | None, high: float | None, claim: Claim) -> Verdict:
    """Whether losses, some of them perhaps infinite, stay above the claim's value."""
    if "value" not in claim:
        return Verdict("what loss counts as not learnt is not said: 'value'")
    border, infinite = claim["value"], sum(not isfinite(v) for v in values)
    text = f"{mean(values):.4g}, {len(values)} runs" + f", {infinite} of them infinite" * bool(infinite)
    if low is None or high is None:
        return Verdict(text, HOLDS if min(values) > border else UNDECIDED)
    text = f"{mean(values):.4g} ({low:.4g} to {high:.4g}), {len(values)} runs"
    if low > border or high < border:
        return Verdict(text, HOLDS if low > border else FAILS)
    return Verdict(text, UNDECIDED, statistics.seeds_needed([v - border for v in values]))


def _takes(data: Dataset, claim: Claim, found: Verdict) -> str:
    """How many seeds and runs would decide, in words."""
    if found.verdict != UNDECIDED:
        return ""
    chosen = _chosen(data, claim)
    have = len({run["seed"] for run in chosen})
    if not found.seeds:
        return "not known yet"
    seeds = max(found.seeds, have + 1)
    return f"about {seeds} seeds, {seeds * -(-len(chosen) // max(have, 1)):,} runs"


def source(claim: Claim) -> str:
    return "asked" if claim.get("question") else "said so"


def table(data: Dataset) -> tuple[list[str], list[list[str]]]:
    """(columns, rows) of all claims of a study."""
    rows = []
    for claim in data.claims:
        found = judge(data, claim)
        rows.append([claim["says"], source(claim), found.measured, found.verdict,
                     _takes(data, claim, found)])  # fmt: skip
    return COLUMNS, rows
