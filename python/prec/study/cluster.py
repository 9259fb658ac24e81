# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Jobs on Dask: a cluster of this machine's cores, or any scheduler by its address.

`perform` gives out results as runs end, whole jobs or parts of them. Few jobs are with the
scheduler at a time, so that a study of a million runs costs it no memory. A worker that
dies loses its jobs to another one; a job during which four workers died is given up.
"""

import contextlib
import itertools
import logging
import os
import queue
import signal
import uuid
from collections.abc import Iterable, Iterator
from multiprocessing import resource_tracker
from typing import Any

import dask
from distributed import Client, LocalCluster
from distributed.scheduler import KilledWorker

from prec.study import worker

# Dask on this machine wakes up fifty times a second to watch itself; a core has better to do.
QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.system-monitor.disk": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.client.scheduler-info-interval": "10s",
}
DEATHS = 3  # workers that may die of a job before it is given up: dask's default
SILENCE = 2.0  # seconds between two looks at whether the scheduler is still there


class ClusterError(RuntimeError):
    """The cluster cannot be used or went away; the text is for the user."""


@contextlib.contextmanager
def connect(scheduler: str | None = None, workers: int | None = None) -> Iterator[Client]:
    """A client of the scheduler at this address, or of a cluster of one process a core."""
    _silence()
    with contextlib.ExitStack() as stack:
        address: str | LocalCluster | None = scheduler
        if address is None:
            # prec-train computes on one thread, its worker only reads: one core each.
            stack.enter_context(dask.config.set(QUIET))
            with _uninterrupted():
                address = LocalCluster(
                    n_workers=workers or len(os.sched_getaffinity(0)), threads_per_worker=1,
                    dashboard_address="127.0.0.1:0", memory_limit=0, silence_logs=logging.CRITICAL,
                )  # fmt: skip
                stack.enter_context(contextlib.closing(address))
        try:
            client = Client(address, timeout=10, set_as_default=False)
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ClusterError(f"cannot reach the scheduler '{scheduler}': {reason}") from None
        stack.callback(client.close, timeout=2)
        yield client


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits: while processes start it would leave some that nobody closes. A terminal
    sends it to them, too; they inherit that they do not hear it, and are ended by this process."""
    resource_tracker.ensure_running()  # it would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _silence() -> None:
    """What happens to workers and scheduler is told in this module's words only."""
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def perform(client: Client, jobs: Iterable[dict[str, Any]], ahead: bool = True) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Yields (kind, job, what): 'steps' and a number; 'run' and (index, result), perhaps
    twice; 'points' and (index, points) of a run that goes on; 'job' and all results. Raises ClusterError and worker.Refused. Without `ahead` a
    job is taken only when a worker is free for it."""
    news: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    topic = f"prec-{uuid.uuid4().hex}"
    waiting = iter(jobs)
    running: dict[str, tuple[dict[str, Any], Any]] = {}
    client.subscribe_topic(topic, lambda event: news.put(("event", event[1])))

    def submit(number: int) -> None:
        for job in itertools.islice(waiting, number):
            job = {**job, "topic": topic, "id": uuid.uuid4().hex}
            sent = {name: value for name, value in job.items() if name != "runs"}
            future = client.submit(worker.run_job, sent, key=f"prec-{job['id']}", pure=False)
            running[job["id"]] = (job, future)
            future.add_done_callback(lambda _, name=job["id"]: news.put(("done", name)))

    try:
        submit(backlog(client, ahead))
        while running:
            try:
                kind, what = news.get(timeout=SILENCE)
            except queue.Empty:
                _check_alive(client)
                continue
            if kind == "event":
                if what["job"] in running:
                    job = running[what["job"]][0]
                    yield "steps", job, what["steps"]
                    for index, result in what["finished"]:
                        yield "run", job, (index, result)
                    for index, points in what["running"]:
                        yield "points", job, (index, points)
                continue
            job, future = running.pop(what)
            yield "job", job, _outcome(client, job, future)
            submit(max(0, backlog(client, ahead) - len(running)))
    finally:
        if client.status == "running":
            client.cancel([future for _, future in running.values()], force=True)
            client.unsubscribe_topic(topic)


def backlog(client: Client, ahead: bool) -> int:
    """Jobs that are with the scheduler at a time: ahead of time, no worker waits for the client."""
    _check_alive(client)
    threads = sum(client.nthreads().values())
    return 2 * threads + 2 if ahead else max(threads, 1)


def _check_alive(client: Client) -> None:
    comm = client.scheduler_comm
    if client.status != "running" or comm is None or comm.closed():
        raise ClusterError("the scheduler went away")


def _outcome(client: Client, job: dict[str, Any], future: Any) -> list[dict[str, Any]]:
    if future.status == "finished":
        return future.result()
    if future.status == "cancelled":
        raise ClusterError("the scheduler went away")
    error = future.exception()
    if isinstance(error, worker.Refused):
        raise error
    if isinstance(error, KilledWorker):
        text = f"{DEATHS + 1} workers died while they did it; the last was {error.last_worker.name}"
    else:
        text = f"{type(error).__name__}: {error}"
    return [{"error": text, "points": []} for _ in job["values"]]
