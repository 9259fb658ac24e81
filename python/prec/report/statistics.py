# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What separates an effect from noise, over the seeds of a study.

Intervals are percentile bootstraps (B. Efron 1979) of 95 %. Comparisons are paired by seed:
from a dozen seeds on tested by flipping the signs of the differences (R. A. Fisher 1935),
which assumes nothing of their distribution; with fewer, where that could show nothing, by
Student's t (1908), which takes them as normal. Over several comparisons S. Holm's step-down
correction (1979) holds the chance of any false one at its level. Every resampling starts
from the same seed: a report is the same each time it is made.
"""

import itertools
import math

import mpmath
import numpy as np

RESAMPLES = 2000
LEVEL = 0.95
FEW = 12  # pairs below which flipping signs has no power
EXACT = 14  # pairs up to which all signs are tried: 2^14


def interval(values, statistic=np.mean, level=LEVEL):
    """(low, high) of a statistic along the last axis; (None, None) for fewer than two values."""
    values = np.asarray(values, float)
    if len(values) < 2:
        return None, None
    picks = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    return percentiles(statistic(values[picks], axis=-1), level)


def percentiles(resampled, level=LEVEL):
    tail = 50 * (1 - level)
    low, high = np.percentile(resampled, [tail, 100 - tail])
    return float(low), float(high)


def paired(differences):
    """Two-sided p of the mean of paired differences, by the test that suits their number."""
    return student(differences) if len(differences) < FEW else sign_flip(differences)


def student(differences):
    """Two-sided p of Student's t; 1 for fewer than two values or a mean of zero."""
    differences = np.asarray(differences, float)
    freedom = len(differences) - 1
    if freedom < 1 or not differences.mean():
        return 1.0
    spread = differences.std(ddof=1)
    if not spread:
        return 0.0
    t = differences.mean() / spread * math.sqrt(freedom + 1)
    share = freedom / (freedom + t * t)
    return float(mpmath.betainc(freedom / 2, 0.5, 0, share, regularized=True))


def sign_flip(differences):
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


def holm(ps):
    """The corrected p of each, in the given order."""
    order = sorted(range(len(ps)), key=lambda index: ps[index])
    corrected, worst = [0.0] * len(ps), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (len(ps) - rank) * ps[index]))
        corrected[index] = worst
    return corrected


def smallest(losses, margin):
    """The first column from which on no column's mean loss exceeds the margin; None if none.

    `losses` has a row a seed and a column a size, ascending, the reference last.
    """
    found = None
    for column in reversed(range(losses.shape[1])):
        if not losses[:, column].mean() <= margin:
            break
        found = column
    return found


def inflection(sizes, accuracies, margin):
    """(size, low, high): the smallest size that is not worse than the largest by more than
    the margin, and its interval when seeds are drawn anew. `accuracies`: seeds by sizes.
    Where a resample has none, the largest size stands for it."""
    accuracies = np.asarray(accuracies, float)
    losses = accuracies[:, -1:] - accuracies
    found = smallest(losses, margin)
    if len(losses) < 2:
        return sizes[found], None, None
    generator, columns = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        rows = generator.integers(0, len(losses), len(losses))
        columns.append(smallest(losses[rows], margin))
    ordered = sorted(columns)
    tail = int(math.floor(RESAMPLES * (1 - LEVEL) / 2))
    return sizes[found], sizes[ordered[tail]], sizes[ordered[-1 - tail]]


def seeds_needed(differences):
    """How many seeds would show the mean difference with 80 % power at 5 %; None if it is 0
    or its spread is not known."""
    differences = np.asarray(differences, float)
    if len(differences) < 2 or not differences.mean():
        return None
    ratio = differences.std(ddof=1) / differences.mean()
    return max(2, math.ceil(((1.96 + 0.84) * ratio) ** 2))
