# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Successive halving: all points for few steps, the best share of them for more.

A round's runs start from nothing: a run is named by its own settings, whatever study
asked for it. Points are ranked by the mean of their final test accuracy over trials, or of the test loss.
(K. Jamieson, A. Talwalkar, Non-stochastic best arm identification, AISTATS 2016.)
"""

from __future__ import annotations

import math
from collections.abc import Generator
from statistics import mean
from typing import TYPE_CHECKING, Any

from prec.study.runs import canonical

if TYPE_CHECKING:
    from prec.study.file import Study
    from prec.study.runs import Resolver, Run
    from prec.study.store import Store


def plan(study: Study) -> dict[str, Any] | None:
    combine = study.get("combine", "grid")
    return combine.get("halving") if isinstance(combine, dict) else None


def later(study: Study, runs: dict[str, Run], index: int = 0) -> list[tuple[int, int]]:
    """[(steps, how many runs)] of the rounds after number `index`, when that has these runs."""
    halving = plan(study)
    if not halving:
        return []
    trials = study.get("trials", 1)
    points, found = len(runs) // trials, []
    for steps in halving["steps"][index + 1 :]:
        points = survivors(points, halving["keep"])
        found.append((steps, points * trials))
    return found


def survivors(points: int, keep: float) -> int:
    return max(1, math.ceil(points * keep))


def rounds(study: Study, resolver: Resolver, any_number: bool = False) -> Generator[dict[str, Run], Store, None]:
    """Yields {key: Run}; after a round it is sent the store that has the results."""
    halving = plan(study)
    if not halving:
        yield resolver.runs(any_number)
        return
    resolver.first_steps = halving["steps"][0]
    runs = resolver.runs(any_number)
    for index, steps in enumerate(halving["steps"]):
        store = yield runs
        if index + 1 == len(halving["steps"]):
            return
        best = ranking(runs, store)
        best = best[: survivors(len(best), halving["keep"])]
        longer = halving["steps"][index + 1]
        chosen = [run for point in best for run in point]
        runs = {}
        for run in chosen:
            run = resolver.run(("combine",), {**run.settings, "steps": longer})
            runs[run.key] = run


def ranking(runs: dict[str, Run], store: Store) -> list[list[Run]]:
    """Lists of runs of one point, the best first; a failed run counts as none that learnt."""
    scores = {}
    for row in store.rows("SELECT key, test_accuracy, test_loss FROM runs WHERE status = 'done'"):
        if row["test_accuracy"] is not None:
            scores[row["key"]] = row["test_accuracy"]
        elif row["test_loss"] is not None:
            scores[row["key"]] = -row["test_loss"]
    # Where losses are measured one that is not there is infinite.
    worst = min([0.0, *(-math.inf for run in runs if scores.get(run, 0) < 0)])
    points: dict[str, list[Run]] = {}
    for run in runs.values():
        name = canonical({k: v for k, v in run.settings.items() if k != "seed"})
        points.setdefault(name, []).append(run)
    return sorted(points.values(), key=lambda p: -mean(scores.get(r.key, worst) for r in p))
