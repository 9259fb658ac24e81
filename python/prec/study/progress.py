# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Live progress of a sweep: rate, time left, failures; with --watch the newest accuracies."""

import sys
from collections import deque

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bar
from rich.progress import TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

SHOWN = 12  # runs that --watch shows


class Progress:
    """A bar on standard error if that is a terminal, else a line each tenth of the way."""

    def __init__(self, study, runs, total, watch):
        self.names = [name for name in study.axis_names() if name != "seed"][:4]
        self.total, self.failures, self.steps = total, 0, 0
        self.errors = set()
        self.over, self.recent = set(), deque(maxlen=SHOWN)
        self.watch = watch
        self.console = Console(stderr=True)
        self.bar = Bar(
            TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("runs  {task.fields[rate]}  {task.fields[failures]}"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
        )  # fmt: skip
        self.task = self.bar.add_task(study.name, total=total, rate="", failures="")
        self.live = Live(console=self.console, refresh_per_second=4, get_renderable=self._shown)

    def __enter__(self):
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_):
        if self.console.is_terminal:
            self.live.stop()

    def advance(self, steps):
        self.steps += steps
        elapsed = self.bar.tasks[0].elapsed
        if elapsed:
            self.bar.update(self.task, rate=f"{self.steps / elapsed:,.0f} steps/s")

    def finish(self, run, result):
        """Counts a run that is over; False if it was counted before."""
        if run.key in self.over:
            return False
        self.over.add(run.key)
        self.recent.append((run, result))
        if result.get("error"):
            self.failures += 1
            self._say_failed(run, result["error"])
        self.bar.update(
            self.task, advance=1, failures=f"{self.failures} failed" * bool(self.failures)
        )
        tenth = max(self.total // 10, 1)
        if not self.console.is_terminal and len(self.over) % tenth == 0:
            print(f"{len(self.over)} of {self.total} runs, {self.failures} failed", file=sys.stderr)
        return True

    def _say_failed(self, run, error):
        """Each error is shown once; the store has them all."""
        if error not in self.errors:
            self.errors.add(error)
            text = f"failed: {describe(run, self.names)}: {error}"
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _shown(self):
        if not self.watch:
            return self.bar
        table = Table(*self.names, "seed", "test accuracy by step", "at the end")
        for run, result in self.recent:
            points = [point["test_accuracy"] for point in result["points"]]
            last = "failed" if result.get("error") else f"{result.get('test_accuracy') or 0:.4f}"
            cells = [str(run.settings.get(name, "")) for name in self.names]
            table.add_row(*cells, str(run.settings["seed"]), sparkline(points), last)
        return Group(table, self.bar)


def describe(run, names):
    return " ".join(f"{name}={run.settings.get(name)}" for name in [*names, "seed"])


def sparkline(values, width=24):
    """A curve of accuracies, 0 to 1, in block characters."""
    blocks = "▁▂▃▄▅▆▇█"
    picked = values[:: max(1, -(-len(values) // width))]
    return "".join(blocks[min(int(value * len(blocks)), len(blocks) - 1)] for value in picked)
