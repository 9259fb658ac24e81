# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the runs of a study are compared by: accuracy, or where the data are values the loss.

An accuracy is in percent and a margin in points; a loss is what it is, the lower the better,
and a margin a share of the largest size's loss. A loss that is not finite is infinite.
"""

import math
from dataclasses import dataclass
from statistics import mean

LEARNS = 20.0  # percent of accuracy below which a network has not learnt


@dataclass(frozen=True)
class Measured:
    """The name of the measure, and how it is read, compared and written."""

    name: str
    unit: str
    factor: float  # from the store's number to the shown one
    sign: int  # +1: the higher the better

    @property
    def column(self):
        """Of the store's tables."""
        return f"test_{self.name}"

    @property
    def title(self):
        return f"test {self.name}{self.unit}"

    @property
    def heading(self):
        return f"{self.name}{self.unit}"

    @property
    def is_loss(self):
        return self.sign < 0

    def shown(self, row):
        """The number of a run or point that ended, or None."""
        number = row.get(self.column)
        if number is not None:
            return self.factor * number
        return math.inf if self.is_loss and row.get("status", "done") == "done" else None

    def reaches(self, value, threshold):
        return value is not None and self.sign * value >= self.sign * self.factor * threshold

    def goal(self, threshold):
        return f"a loss of {threshold:g}" if self.is_loss else f"{100 * threshold:g} %"

    def slug(self, threshold):
        return f"loss-{threshold:g}" if self.is_loss else f"{100 * threshold:g}"

    def rounded(self, value):
        return float(f"{value:.4g}") if self.is_loss else round(value, 2)

    def text(self, value, digits=2):
        return f"{value:.4g}" if self.is_loss else f"{value:.{digits}f}"

    def margin(self, share, best):
        """How much worse still counts as equal, when the largest size has these values."""
        return share * abs(mean(best)) if self.is_loss else self.factor * share

    def within(self, share):
        return f"{100 * share:g} {'%' if self.is_loss else 'points'} of"

    def learns(self, values):
        return math.isfinite(mean(values)) if self.is_loss else mean(values) >= LEARNS


ACCURACY = Measured("accuracy", ", %", 100, 1)
LOSS = Measured("loss", "", 1, -1)


def of(runs):
    """By what these rows of a store are compared."""
    return LOSS if any(run.get("test_loss") is not None for run in runs) else ACCURACY
