# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""prec sweep: does the runs of a study that the store does not have yet.

Stop it at any moment and start it again: what is stored is not done twice.
"""

import argparse
import sys
from functools import partial

from prec import jsonc, tools
from prec.study import data, expect, halving
from prec.study.file import load
from prec.study.progress import Progress
from prec.study.runs import HELD, Resolver, group
from prec.study.store import Store, StoreError

MOST_OF_A_JOB = 16  # runs that one process does one after the other


class Stopped(RuntimeError):
    """A sweep that did not come to its end; the text is for the user."""


def parse(arguments):
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
    add("--retry-failed", action="store_true", help="do again what failed before")
    add("--any-number", action="store_true", help="allow more than a million runs")
    add("--watch", action="store_true", help="show the newest accuracies while it runs")
    options = parser.parse_args(arguments)
    if options.workers is not None and options.workers < 1:
        parser.error("--workers must be at least 1")
    return options


def main(arguments=None):
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


def sweep(options):
    """Study after study, once all files are known to be good."""
    studies = [load(tools.study_file(name), options.quick) for name in options.studies]
    return max([one(options, study, len(studies) > 1) for study in studies])


def one(options, study, of_several=False):
    resolver = Resolver(study, partial(data.content_hash, folder=options.data_dir))
    rounds = halving.rounds(study, resolver, options.any_number)
    runs = next(rounds)
    prefix = f"{study.name}: " if of_several else ""
    print(f"{prefix}{halving.total(study, runs)} runs", flush=True)
    if options.dry_run:
        return dry_run(options, runs, resolver)
    with Store(options.store) as store:
        asked, failures = {}, 0
        try:
            while True:
                asked.update(runs)
                store.plan(study, asked, resolver.contents)
                perform(options, study, store, runs, resolver.contents)
                try:
                    runs = rounds.send(store)
                except StopIteration:
                    break
        except KeyboardInterrupt:
            raise Stopped(f"interrupted; {_stored(store, asked)}") from None
        except RuntimeError as error:
            if isinstance(error, StoreError):
                raise
            raise Stopped(f"{error}; {_stored(store, asked)}") from None
        failures = sum(status == "failed" for status in store.finished(asked).values())
    print(f"{len(asked) - failures} done, {failures} failed, all in {options.store}")
    if failures == len(asked):
        print("prec sweep: every run failed; their errors are in the store", file=sys.stderr)
    return int(failures == len(asked))


def _stored(store, asked):
    return (f"{len(store.finished(asked))} of {len(asked)} runs are stored, the same command "
            "goes on from there")  # fmt: skip


def dry_run(options, runs, resolver):
    try:
        with Store(options.store, create=False) as store:
            there = store.finished(runs)
    except StoreError:
        from pathlib import Path

        if Path(options.store).exists():
            raise
        there = {}
    rest = [run for key, run in runs.items() if key not in there]
    failed = sum(status == "failed" for status in there.values())
    print(
        f"{len(there)} are in {options.store}, {failed} of them failed; {len(rest)} are to be done"
    )
    if rest:
        for line in expect.lines(rest, resolver.contents, options, MOST_OF_A_JOB):
            print(line)
    return 0


def perform(options, study, store, runs, contents):
    """Does what the store lacks. Raises ClusterError, Refused, StoreError."""
    if options.retry_failed:
        store.forget_failed(runs)
    there = store.finished(runs)
    rest = [run for key, run in runs.items() if key not in there]
    if not rest:
        return
    from prec.study import cluster  # Dask takes half a second to load

    with (
        cluster.connect(options.scheduler, options.workers) as client,
        Progress(study, runs, len(rest), options.watch) as progress,
    ):
        width = sum(client.nthreads().values()) or 1
        jobs = jobs_of(rest, contents, options.data_dir, width)
        for kind, job, what in cluster.perform(client, jobs):
            if kind == "steps":
                progress.advance(what)
            elif kind == "run":
                _keep(store, progress, job["runs"][what[0]], what[1])
            else:
                for run, result in zip(job["runs"], what):
                    _keep(store, progress, run, result)


def _keep(store, progress, run, result):
    if progress.finish(run, result):
        store.add(run, result)


def jobs_of(runs, contents, folder, width):
    """Groups of runs as jobs; small enough that all workers have something to do."""
    most = max(1, min(MOST_OF_A_JOB, -(-len(runs) // (2 * width))))
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
