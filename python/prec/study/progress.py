# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Live progress of a sweep: rate, time left, failures; with --watch the curves of the newest
runs and of those that go on."""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bar
from rich.progress import TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from prec.study.budget import Budget
    from prec.study.file import Study
    from prec.study.runs import Run

SHOWN = 12  # runs that --watch shows


class Progress:
    """A bar on standard error if that is a terminal, else a line each tenth of the way."""

    def __init__(self, study: Study, total: int, watch: bool, budget: Budget | None = None, wanted: int = 0) -> None:
        """`wanted` runs are to be done, of which the budget pays for `total`."""
        self.names = [name for name in study.axis_names() if name != "seed"][:4]
        self.total, self.failures, self.steps = total, 0, 0
        self.budget, self.wanted = budget, max(wanted, total)
        self.errors: set[str] = set()
        self.over: set[str] = set()
        self.recent: deque[tuple[Run, dict[str, Any]]] = deque(maxlen=SHOWN)
        self.running: dict[str, tuple[Run, dict[str, Any]]] = {}  # key -> (run, what is known of it)
        self.watch = watch
        self.console = Console(stderr=True)
        self.bar = Bar(
            TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("runs  {task.fields[rate]}  {task.fields[failures]}{task.fields[beyond]}"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
        )  # fmt: skip
        self.task = self.bar.add_task(study.name, total=total, rate="", failures="", beyond=self._beyond())
        self.live = Live(console=self.console, refresh_per_second=4, get_renderable=self._shown)

    def __enter__(self) -> Progress:
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.console.is_terminal:
            self.live.stop()

    def advance(self, steps: int) -> None:
        self.steps += steps
        elapsed = self.bar.tasks[0].elapsed
        if elapsed:
            self.bar.update(self.task, rate=f"{self.steps / elapsed:,.0f} steps/s", beyond=self._beyond())

    def _beyond(self) -> str:
        """What the budget leaves of time, and how many runs it does not pay for."""
        texts = []
        if self.budget and self.budget.seconds is not None:
            texts.append(f", {max(self.budget.seconds - self.budget.elapsed, 0):.0f} s of the budget left")
        if self.wanted > self.total:
            texts.append(f", {self.wanted - self.total} more than the budget pays")
        return "".join(texts)

    def follow(self, run: Run, points: list[dict[str, Any]]) -> None:
        """Notes how far a run has come that is not over."""
        if run.key not in self.over:
            self.running[run.key] = (run, {"points": points})

    def finish(self, run: Run, result: dict[str, Any]) -> bool:
        """Counts a run that is over; False if it was counted before."""
        if run.key in self.over:
            return False
        self.over.add(run.key)
        self.running.pop(run.key, None)
        self.recent.append((run, result))
        if result.get("error"):
            self.failures += 1
            self._say_failed(run, result["error"])
        self.bar.update(
            self.task, advance=1, failures=f"{self.failures} failed" * bool(self.failures)
        )
        tenth = max(self.total // 10, 1)
        if not self.console.is_terminal and len(self.over) % tenth == 0:
            text = f"{len(self.over)} of {self.total} runs, {self.failures} failed{self._beyond()}"
            print(text, file=sys.stderr)
        return True

    def _say_failed(self, run: Run, error: str) -> None:
        """Each error is shown once; the store has them all."""
        if error not in self.errors:
            self.errors.add(error)
            text = f"failed: {describe(run, self.names)}: {error}"
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _shown(self) -> Group | Bar:
        if not self.watch:
            return self.bar
        shown = [*self.recent, *self.running.values()]
        points = [point for _, result in shown for point in result["points"]]
        is_loss = any(point.get("test_loss") is not None for point in points)
        measured, most = ("test_loss", 0.0) if is_loss else ("test_accuracy", 1.0)
        if is_loss:  # the highest one that is shown fills a line
            most = max(point[measured] for point in points if point.get(measured) is not None)
        table = Table(*self.names, "seed", f"{measured.replace('_', ' ')} by step", "at the end")
        for run, result in shown:
            cells = [str(run.settings.get(name, "")) for name in self.names]
            curve = sparkline([point.get(measured) for point in result["points"]], most)
            table.add_row(*cells, str(run.settings["seed"]), curve, self._end(run, result, measured))
        return Group(table, self.bar)

    def _end(self, run: Run, result: dict[str, Any], measured: str) -> str:
        if result.get("error"):
            return "failed"
        if run.key in self.running:
            return "running"
        end = result.get(measured)
        return "not finite" if end is None else f"{end:.4g}"


def describe(run: Run, names: list[str]) -> str:
    return " ".join(f"{name}={run.settings.get(name)}" for name in [*names, "seed"])


def sparkline(values: list[float | None], most: float = 1.0, width: int = 24) -> str:
    """A curve of numbers, 0 to `most`, in block characters; x where one is not finite."""
    blocks = "▁▂▃▄▅▆▇█"
    picked = values[:: max(1, -(-len(values) // width))]
    return "".join("x" if value is None else blocks[max(0, min(int(value / (most or 1) * len(blocks)), len(blocks) - 1))]
                   for value in picked)  # fmt: skip
