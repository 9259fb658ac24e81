# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the runs of a study are compared by: accuracy, or where the data are values the loss.

An accuracy is in percent and a margin in points; a loss is what it is, the lower the better,
and a margin a share of the largest size's loss. A loss that is not finite is infinite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import mean
from typing import Any

LEARNS = 20.0  # percent of accuracy below which a network has not learnt


@dataclass(frozen=True)
class Measured:
    """The name of the measure, and how it is read, compared and written."""

    name: str
    unit: str
    factor: float  # from the store's number to the shown one
    sign: int  # +1: the higher the better

    @property
    def column(self) -> str:
        """Of the store's tables."""
        return f"test_{self.name}"

    @property
    def title(self) -> str:
        return f"test {self.name}{self.unit}"

    @property
    def heading(self) -> str:
        return f"{self.name}{self.unit}"

    @property
    def is_loss(self) -> bool:
        return self.sign < 0

    def shown(self, row: dict[str, Any]) -> float | None:
        """The number of a run or point that ended, or None."""
        number = row.get(self.column)
        if number is not None:
            return self.factor * number
        return math.inf if self.is_loss and row.get("status", "done") == "done" else None

    def reaches(self, value: float | None, threshold: float) -> bool:
        return value is not None and self.sign * value >= self.sign * self.factor * threshold

    def goal(self, threshold: float) -> str:
        return f"a loss of {threshold:g}" if self.is_loss else f"{100 * threshold:g} %"

    def slug(self, threshold: float) -> str:
        return f"loss-{threshold:g}" if self.is_loss else f"{100 * threshold:g}"

    def rounded(self, value: float) -> float:
        return float(f"{value:.4g}") if self.is_loss else round(value, 2)

    def text(self, value: float, digits: int = 2) -> str:
        return f"{value:.4g}" if self.is_loss else f"{value:.{digits}f}"

    def margin(self, share: float, best: list[float]) -> float:
        """How much worse still counts as equal, when the largest size has these values."""
        return share * abs(mean(best)) if self.is_loss else self.factor * share

    def within(self, share: float) -> str:
        return f"{100 * share:g} {'%' if self.is_loss else 'points'} of"

    def learns(self, values: list[float]) -> bool:
        return math.isfinite(mean(values)) if self.is_loss else mean(values) >= LEARNS


ACCURACY = Measured("accuracy", ", %", 100, 1)
LOSS = Measured("loss", "", 1, -1)


def of(runs: list[dict[str, Any]]) -> Measured:
    """By what these rows of a store are compared."""
    return LOSS if any(run.get("test_loss") is not None for run in runs) else ACCURACY
