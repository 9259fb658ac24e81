# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What separates an effect from noise, over the seeds of a study.

Intervals are percentile bootstraps (B. Efron 1979) of 95 %. Comparisons are paired by seed
and tested by flipping the signs of the differences (R. A. Fisher 1935), which assumes
nothing of their distribution. With fewer than a dozen values flipping could show nothing,
and a bootstrap is too narrow (of three values it covers 75 %): there both are Student's t
(1908), which takes the values as normal. Over several comparisons S. Holm's step-down
correction (1979) holds the chance of any false one at its level. Every resampling starts
from the same seed: a report is the same each time it is made.
"""

import itertools
import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import mpmath
import numpy as np

Numbers = Any  # a list, or an array of NumPy; of seeds by sizes a list of lists
RESAMPLES = 2000
LEVEL = 0.95
FEW = 12  # values below which Student's t is used
POWER = 1.96 + 0.84  # deviations of the mean that show it with 80 % power at 5 %
EXACT = 14  # pairs up to which all signs are tried: 2^14


def interval(values: Numbers, level: float = LEVEL) -> tuple[float | None, float | None]:
    """(low, high) of the mean; (None, None) for fewer than two values or an infinite one."""
    values = np.asarray(values, float)
    if len(values) < 2 or not np.isfinite(values).all():
        return None, None
    if len(values) < FEW:
        half = quantile(len(values) - 1, level) * values.std(ddof=1) / math.sqrt(len(values))
        return float(values.mean() - half), float(values.mean() + half)
    picks = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    return percentiles(values[picks].mean(axis=-1), level)


def percentiles(resampled: Numbers, level: float = LEVEL) -> tuple[float, float]:
    tail = 50 * (1 - level)
    low, high = np.percentile(resampled, [tail, 100 - tail])
    return float(low), float(high)


def tail(t: float, freedom: int) -> float:
    """The chance that Student's t is farther from zero than this, on both sides."""
    share = freedom / (freedom + t * t)
    return mpmath.betainc(freedom / 2, 0.5, 0, share, regularized=True)


@cache
def quantile(freedom: int, level: float) -> float:
    """The t that is not exceeded, on either side, with the chance `level`."""
    low, high = 0.0, 1.0
    while tail(high, freedom) > 1 - level:
        high *= 2
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle, freedom) > 1 - level else (low, middle)
    return high


def paired(differences: Numbers) -> float:
    """Two-sided p of the mean of paired differences, by the test that suits their number."""
    return student(differences) if len(differences) < FEW else sign_flip(differences)


def student(differences: Numbers) -> float:
    """Two-sided p of Student's t; 1 for fewer than two values or a mean of zero."""
    differences = np.asarray(differences, float)
    freedom = len(differences) - 1
    if freedom < 1 or not differences.mean():
        return 1.0
    spread = differences.std(ddof=1)
    if not spread:
        return 0.0
    return float(tail(differences.mean() / spread * math.sqrt(freedom + 1), freedom))


def sign_flip(differences: Numbers) -> float:
    """Two-sided p of the mean of paired differences; 1 without pairs or without differences."""
    differences = np.asarray(differences, float)
    count = len(differences)
    observed = abs(differences.sum())
    if count == 0 or not observed:
        return 1.0
    if count <= EXACT:
        signs = np.array(list(itertools.product((1, -1), repeat=count)))
        extreme = np.abs(signs @ differences) >= observed * (1 - 1e-12)
        return float(extreme.mean())
    signs = np.random.default_rng(0).choice((1, -1), (20000, count))
    extreme = np.abs(signs @ differences) >= observed * (1 - 1e-12)
    return float((extreme.sum() + 1) / (len(signs) + 1))


def holm(ps: Numbers) -> list[float]:
    """The corrected p of each, in the given order."""
    order = sorted(range(len(ps)), key=lambda index: ps[index])
    corrected, worst = [0.0] * len(ps), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (len(ps) - rank) * ps[index]))
        corrected[index] = worst
    return corrected


def smallest(losses: Numbers, margin: float) -> int:
    """The first column from which on no loss exceeds the margin. The last column is the
    reference, which loses nothing."""
    found = len(losses) - 1
    for column in reversed(range(len(losses))):
        if not losses[column] <= margin:
            break
        found = column
    return found


def _losses(accuracies: Any) -> Any:
    """How much less each size has than the last one; what is minus infinity loses all."""
    with np.errstate(invalid="ignore"):
        losses = accuracies[:, -1:] - accuracies
    return np.where(np.isnan(losses), np.inf, losses)


def inflection(sizes: Sequence[int], accuracies: Numbers, margin: float) -> tuple[int, int | None, int | None]:
    """(size, low, high): the smallest size from which on no mean is worse than the largest
    size's by more than the margin, and its interval. `accuracies`: seeds by sizes.

    From a dozen seeds on the interval is what drawing them anew gives. With fewer it begins
    at the size from which no loss is surely above the margin, and ends at that from which
    all losses surely are within it, by the loss's own interval at each size."""
    accuracies = np.asarray(accuracies, float)
    losses = _losses(accuracies)
    found = sizes[smallest(losses.mean(axis=0), margin)]
    if len(losses) < 2:
        return found, None, None
    if len(losses) < FEW:
        spans = [interval(column) for column in losses.T]
        ends = [[math.inf if span[end] is None else span[end] for span in spans] for end in (0, 1)]
        low, high = (smallest(end, margin) for end in ends)
        return found, sizes[low], sizes[high]
    generator, columns = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        rows = generator.integers(0, len(losses), len(losses))
        columns.append(smallest(losses[rows].mean(axis=0), margin))
    ordered = sorted(columns)
    cut = int(math.floor(RESAMPLES * (1 - LEVEL) / 2))
    return found, sizes[ordered[cut]], sizes[ordered[-1 - cut]]


def expected_inflection(sizes: Sequence[int], accuracies: Numbers, margin: float, seeds: int) -> tuple[int, int]:
    """The interval (low, high) that the inflection has with so many seeds, if means and spreads
    stay as they are, at the power that `seeds_needed` has."""
    accuracies = np.asarray(accuracies, float)
    losses = _losses(accuracies)
    with np.errstate(invalid="ignore"):  # an infinite loss has no spread and is never small
        middle, half = losses.mean(axis=0), POWER * losses.std(axis=0, ddof=1) / math.sqrt(seeds)
    return sizes[smallest(middle - half, margin)], sizes[smallest(middle + half, margin)]


def seeds_needed(differences: Numbers) -> int | None:
    """How many seeds would show the mean difference with 80 % power at 5 %; None if it is 0
    or its spread is not known."""
    differences = np.asarray(differences, float)
    if len(differences) < 2 or not differences.mean():
        return None
    ratio = differences.std(ddof=1) / differences.mean()
    return max(2, math.ceil((POWER * ratio) ** 2))
