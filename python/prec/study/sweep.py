# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""prec sweep: does the runs of a study that the store does not have yet.

Stop it at any moment and start it again: what is stored is not done twice.
"""

import argparse
import sys
from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from prec import jsonc, tools
from prec.study import budget as budgets
from prec.study import data, expect, halving, override
from prec.study.file import Study, load
from prec.study.progress import Progress
from prec.study.runs import HELD, Resolver, Run, group
from prec.study.store import Store, StoreError

MOST_OF_A_JOB = 16  # runs that one process does one after the other
MOST_IN_TIME = 4  # with a budget of time, which jobs that have begun may exceed


class Stopped(RuntimeError):
    """A sweep that did not come to its end; the text is for the user."""


def parse(arguments: list[str] | None) -> Namespace:
    parser = argparse.ArgumentParser(prog="prec sweep", description=__doc__)
    add = parser.add_argument
    add("studies", metavar="STUDY", nargs="+",
        help="a study file (docs/study-files.md), or the name of a shipped one")  # fmt: skip
    add("--quick", action="store_true", help="the studies' form for two cores")
    add("--store", default="results.db", metavar="FILE", help="where results go (results.db)")
    add(
        "--dry-run",
        action="store_true",
        help="say how many runs there are, how many are stored, how long the others take",
    )
    add("--scheduler", metavar="ADDRESS", help="a Dask scheduler, tcp://HOST:8786")
    add("--workers", type=int, metavar="N", help="processes on this machine; default: one a core")
    add("--data-dir", metavar="DIR", help="the data set's folder, on this machine and on workers")
    add("--budget", type=_budget, metavar="LIMIT",
        help="start no job after so many runs (200) or so long (90s, 30min, 2h), or both (200,2h); "
             "the same command goes on from there")  # fmt: skip
    add("--set", dest="settings", type=_setting, action="append", default=[], metavar="NAME=VALUE",
        help="a setting in place of the studies' own, or one value for an axis: data=cifar-10")  # fmt: skip
    add("--retry-failed", action="store_true", help="do again what failed before")
    add("--any-number", action="store_true", help="allow more than a million runs")
    add("--watch", action="store_true", help="show the curves of the newest runs while they run")
    options = parser.parse_intermixed_args(arguments)  # studies and flags in any order
    if options.workers is not None and options.workers < 1:
        parser.error("--workers must be at least 1")
    return options


def _budget(text: str) -> budgets.Budget:
    try:
        return budgets.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _setting(word: str) -> tuple[str, Any]:
    try:
        return override.parse(word)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(arguments: list[str] | None = None) -> int:
    try:
        options = parse(arguments)
    except SystemExit as stop:
        return 1 if stop.code else 0
    try:
        return sweep(options)
    except (jsonc.Fault, tools.ToolError, StoreError, Stopped) as error:
        print(f"prec sweep: {error}", file=sys.stderr)
    except OSError as error:
        what = f"cannot read '{error.filename}'" if error.filename else "cannot write"
        print(f"prec sweep: {what}: {error.strerror}", file=sys.stderr)
    return 1


def sweep(options: Namespace) -> int:
    """Study after study, once all files are known to be good."""
    given = dict(options.settings)
    studies = [override.applied(load(_path(name), options.quick), given) for name in options.studies]
    return max([one(options, study, len(studies) > 1) for study in studies])


def _path(name: str) -> Path:
    path = tools.study_file(name)
    if not path.exists() and path.suffix not in (".json", ".jsonc"):
        shipped = sorted(study.stem for study in tools.shipped_studies())
        raise jsonc.Fault(f"there is no file and no shipped study '{name}'{jsonc.nearest(name, shipped)}")
    return path


def one(options: Namespace, study: Study, of_several: bool = False) -> int:
    resolver = Resolver(study, partial(data.content_hash, folder=options.data_dir))
    budget = options.budget or budgets.Budget.of(study)
    rounds = halving.rounds(study, resolver, options.any_number)
    runs, number = next(rounds), 0
    _check_measure(study, runs)
    prefix = f"{study.name}: " if of_several else ""
    print(f"{prefix}{_planned(study, runs, runs, 0)} runs", flush=True)
    if options.dry_run:
        return dry_run(options, study, budget, runs, resolver)
    with Store(options.store) as store:
        asked, is_over = {}, False
        try:
            while not is_over:
                asked.update(runs)
                planned = _planned(study, asked, runs, number)
                store.plan(study, asked, resolver.contents, planned)
                perform(options, study, store, runs, resolver.contents, budget)
                if len(store.finished(runs)) < len(runs):
                    break  # of a round that is not whole nobody knows the best
                try:
                    runs, number = rounds.send(store), number + 1
                except StopIteration:
                    is_over = True
        except KeyboardInterrupt:
            raise Stopped(f"interrupted; {_stored(store, asked, planned)}") from None
        except RuntimeError as error:
            if isinstance(error, StoreError):
                raise
            raise Stopped(f"{error}; {_stored(store, asked, planned)}") from None
        ended = store.finished(asked)
    failures = sum(status == "failed" for status in ended.values())
    text = f"{len(ended) - failures} done, {failures} failed"
    if is_over:
        print(f"{text}, all in {options.store}")
    else:
        print(f"{text}, {planned - len(ended)} left: the budget of {budget} is spent; "
              f"the same command goes on from there")  # fmt: skip
    all_failed = bool(ended) and failures == len(ended)
    if all_failed:
        print("prec sweep: every run failed; their errors are in the store", file=sys.stderr)
    return int(all_failed)


def _check_measure(study: Study, runs: dict[str, Run]) -> None:
    """What is measured is one thing: accuracy, or where the data are values the loss."""
    of = {name: data.has_values(name) for name in sorted({run.config["data"] for run in runs.values()})}
    if len(set(of.values())) > 1:
        both = ", ".join(f"{name} has {'values' if has else 'labels'}" for name, has in of.items())
        raise study.fault(("axes", "data"), f"impossible combination: {both}; they are not measured alike")
    high = [t for t in study.get("measure", {}).get("thresholds", []) if t > 1]
    if high and not any(of.values()):
        raise study.fault(("measure", "thresholds"), f"found {high[0]:g}, expected at most 1: shares of right answers")


def _planned(study: Study, asked: dict[str, Run], runs: dict[str, Run], number: int) -> int:
    """All runs, when round `number` has these and with the ones before there are `asked`."""
    return len(asked) + sum(count for _, count in halving.later(study, runs, number))


def _stored(store: Store, asked: dict[str, Run], planned: int) -> str:
    return (f"{len(store.finished(asked))} of {planned} runs are stored, the same command "
            "goes on from there")  # fmt: skip


def dry_run(options: Namespace, study: Study, budget: budgets.Budget, runs: dict[str, Run], resolver: Resolver) -> int:
    try:
        with Store(options.store, create=False) as store:
            there = store.finished(runs)
    except StoreError:
        if Path(options.store).exists():
            raise
        there = {}
    rest = [run for key, run in runs.items() if key not in there]
    failed = sum(status == "failed" for status in there.values())
    later = halving.later(study, runs)
    print(
        f"{len(there)} are in {options.store}, {failed} of them failed; "
        f"{len(rest)} are to be done{' in the first round' * bool(later)}"
    )
    if rest:
        for line in expect.lines(rest, resolver.contents, options, MOST_OF_A_JOB, later):
            print(line)
    if budget:
        print(f"the budget of one sweep: {budget}")
    return 0


def perform(options: Namespace, study: Study, store: Store, runs: dict[str, Run],
            contents: dict[str, dict[str, str]], budget: budgets.Budget) -> None:  # fmt: skip
    """Does what the store lacks and the budget pays. Raises ClusterError, Refused, StoreError."""
    if options.retry_failed:
        store.forget_failed(runs)
    there = store.finished(runs)
    rest = [run for key, run in runs.items() if key not in there]
    # Seed by seed: what is stored when a sweep ends early can be compared.
    chosen = budget.first(sorted(rest, key=lambda run: run.settings["seed"]))
    if not chosen:
        return
    from prec.study import cluster  # Dask takes half a second to load

    in_time = budget.seconds is not None
    with (
        cluster.connect(options.scheduler, options.workers) as client,
        Progress(study, len(chosen), options.watch, budget, len(rest)) as progress,
    ):
        width = sum(client.nthreads().values()) or 1
        jobs = jobs_of(chosen, contents, options.data_dir, width, MOST_IN_TIME if in_time else MOST_OF_A_JOB)
        for kind, job, what in cluster.perform(client, budget.in_time(jobs), ahead=not in_time):
            if kind == "steps":
                progress.advance(what)
            elif kind == "run":
                _keep(store, progress, budget, job["runs"][what[0]], what[1])
            elif kind == "points":
                progress.follow(job["runs"][what[0]], what[1])
            else:
                for run, result in zip(job["runs"], what):
                    _keep(store, progress, budget, run, result)


def _keep(store: Store, progress: Progress, budget: budgets.Budget, run: Run, result: dict[str, Any]) -> None:
    if progress.finish(run, result):
        store.add(run, result)
        budget.paid += 1


def jobs_of(runs: list[Run], contents: dict[str, dict[str, str]], folder: str | None, width: int,
            most: int = MOST_OF_A_JOB) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Groups of runs as jobs; small enough that all workers have something to do."""
    most = max(1, min(most, -(-len(runs) // (2 * width))))
    for swept, members in group(runs, most):
        config = members[0].config
        held = [config.get(kind, "") for kind in HELD]
        yield {
            "config": config,
            "swept": swept,
            "values": [run.config.get(swept) if swept else None for run in members],
            "runs": members,
            "contents": {
                name[7:]: contents[name[7:]] for name in held if name.startswith("sha256:")
            },
            "data-dir": folder,
        }


if __name__ == "__main__":
    sys.exit(main())
