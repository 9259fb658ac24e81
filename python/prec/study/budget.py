# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What one sweep may spend: a number of runs, seconds of the clock, or both.

No job starts once it is spent; those that have begun are brought to their end. What is left
is for the same command again, which gets a new budget.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prec.study.file import Study
    from prec.study.runs import Run

UNITS = {"s": 1, "min": 60, "h": 3600}
EXPECTED = "a number of runs, a time as 90s, 30min or 2h, or both: 200,30min"


class Budget:
    """Counts what it has paid for; without limits it is never spent."""

    def __init__(self, runs: int | None = None, seconds: float | None = None) -> None:
        self.runs, self.seconds = runs, seconds
        self.paid, self.start = 0, time.monotonic()

    @classmethod
    def of(cls, study: Study) -> Budget:
        return cls(**study.get("budget", {}))

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.start

    def first(self, runs: list[Run]) -> list[Run]:
        """As many of these as it pays for."""
        return runs if self.runs is None else runs[: max(self.runs - self.paid, 0)]

    def in_time(self, jobs: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Jobs, until the time is up."""
        for job in jobs:
            if self.seconds is not None and self.elapsed >= self.seconds:
                return
            yield job

    def __str__(self) -> str:
        parts = [] if self.runs is None else [f"{self.runs} run{'s' * (self.runs != 1)}"]
        if self.seconds is not None:
            parts.append(in_words(self.seconds))
        return " and ".join(parts)

    def __bool__(self) -> bool:
        return self.runs is not None or self.seconds is not None


def in_words(seconds: float) -> str:
    unit, factor = next(((u, f) for u, f in reversed(UNITS.items()) if seconds >= f and seconds % f == 0), ("s", 1))
    return f"{seconds / factor:g} {unit}"


def parse(text: str) -> Budget:
    """What --budget says. Raises ValueError."""
    given: dict[str, Any] = {}
    for part in text.split(","):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|min|h)|(\d+)", part.strip())
        if not found or float(found[1] or found[3]) <= 0:
            raise ValueError(f"found '{part.strip()}', expected {EXPECTED}")
        name = "runs" if found[3] else "seconds"
        if name in given:
            raise ValueError(f"'{text}' gives {name} twice, expected {EXPECTED}")
        given[name] = int(found[3]) if found[3] else float(found[1]) * UNITS[found[2]]
    return Budget(**given)
