# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a worker does: one prec-train process for a group of runs, its lines into results.

A job is a plain dictionary, with the text of model and policy in it: a worker needs this
package, the tools and the data, all of the version that the client has, and no file of
the client's. When the worker dies the pipe breaks and prec-train ends with it.
"""

import base64
import contextlib
import fcntl
import functools
import json
import math
import os
import platform
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import psutil

from prec import tools
from prec.study import data
from prec.study.runs import flags_of
from prec.study.store import LAYER, POINT

# Steps since the last time, {index: result} of runs that ended, {index: points} of the one that goes on.
Tell = Callable[[int, dict[int, dict[str, Any]], dict[int, list[dict[str, Any]]]], None]
PAUSE = 0.5  # seconds between two reports of progress
NAP = 0.02  # seconds between two looks into the pipe
PIPE = 1 << 20  # bytes that wait there: two thousand steps and more
STRIDE = 100  # steps of a line, so that progress is seen
LAYERED = ("log-gradients", "log-rounding")  # need each step's line


class Refused(RuntimeError):
    """This worker must not do the job: it would compute something else."""


@functools.cache
def known_flags() -> str:
    return tools.run("prec-train", "--help")


def command(job: dict[str, Any], indices: list[int], folder: str, trainer: Path | None = None, stride: int = STRIDE) -> list[str]:
    """The command line of the runs with these indices; texts of files go into the folder. A line of
    the log is for `stride` steps."""
    config = job["config"]
    words = [str(trainer or tools.find("prec-train")), _given(job, "model", folder)]
    if "policy" in config:
        words.append(f"--policy={_given(job, 'policy', folder)}")
    if "weights" in config:
        words.append(f"--weights={_given(job, 'weights', folder)}")
    values = ",".join(str(job["values"][index]) for index in indices)
    words += flags_of(config, (job["swept"], values) if job["swept"] else None)
    words += data.flags(config["data"], job.get("data-dir"))
    words += ["--threads=1", "--log=-"]
    if "--keep-going" in known_flags():
        words.append("--keep-going")  # a study wants to see divergence
    # A line for each step would take a fortieth of a small model's time to write and read.
    if "--log-every" in known_flags() and not any(config.get(name) for name in LAYERED):
        words.append(f"--log-every={stride}")
    return words


def _given(job: dict[str, Any], kind: str, folder: str) -> str:
    name = job["config"][kind]
    if not name.startswith("sha256:"):
        return name
    held = job["contents"][name[7:]]
    path = Path(folder) / f"{kind}-{name[7:19]}{held['suffix']}"
    if held["suffix"] == ".npz":
        path.write_bytes(base64.b64decode(held["text"]))
    else:
        path.write_text(held["text"])
    return str(path)


@functools.cache
def machine() -> str:
    """What kind of machine this is, in words."""
    cores = f"{len(os.sched_getaffinity(0))} cores of {platform.machine()}"
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return f"{cores}, {line.partition(':')[2].strip()}"
    return cores


def cpu_seconds(process: subprocess.Popen[Any]) -> float:
    """What a process has used until now, or 0 where it cannot be asked."""
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(process.pid).cpu_times()
        return times.user + times.system
    return 0.0


def mean(values: list[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def weighted_mean(pairs: list[tuple[float, int]]) -> float | None:
    """Of values and how many steps each stands for."""
    return math.fsum(value * weight for value, weight in pairs) / sum(weight for _, weight in pairs) if pairs else None


class Reader:
    """Lines of prec-train, in order, into one result for each run."""

    def __init__(self, samples: int | None = None) -> None:
        self.samples = samples  # of the training set
        self.results: list[dict[str, Any]] = []
        self.losses: list[tuple[float, int]] = []
        self.layers: dict[str, dict[str, list[float]]] = {}
        self.step = math.inf  # the last line's
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        self.charged, self.paid = 0, 0.0  # results that have their CPU time, and its sum

    def take(self, line: bytes | str) -> int:
        """How many steps the line is for."""
        record = json.loads(line)
        if record["step"] <= self.step:
            self.results.append({"points": [], "seconds": 0.0, "steps": 0, "worker": self.worker,
                                 "machine": machine(), "samples": self.samples})  # fmt: skip
            self.losses, self.layers = [], {}
        self.step, number = record["step"], record.get("steps", 1)
        result = self.results[-1]
        result["steps"] = record["step"] + 1
        result["seconds"] += record["seconds"]
        loss = record["loss"]
        if loss is not None:
            self.losses.append((loss, number))
        elif "diverged_at" not in result:
            result["diverged_at"] = record["step"]
        self._take_layers(record)
        if "test_accuracy" not in record and "test_loss" not in record:
            return number
        # The loss of a point is the mean over the steps since the one before; so are norms and shares.
        record["loss"] = weighted_mean(self.losses)
        point = {name: record.get(name) for name in POINT}
        if self.layers:
            point["layers"] = {layer: {name: mean(values) for name, values in measured.items()}
                               for layer, measured in self.layers.items()}  # fmt: skip
        self.losses, self.layers = [], {}
        result["points"].append(point)
        result |= {name: record.get(name) for name in ("test_accuracy", "test_loss", "loss")}
        return number

    def _take_layers(self, record: dict[str, Any]) -> None:
        """Adds a step's numbers to the lists that wait for the next evaluation; a norm that is
        not finite is left out."""
        norms = {layer: {"gradient_norm": norm} for layer, norm in record.get("gradient_norms", {}).items()}
        for measured in (norms, record.get("rounding_shares", {})):
            for layer, numbers in measured.items():
                held = self.layers.setdefault(layer, {})
                for name in LAYER:
                    if name in numbers:
                        values = held.setdefault(name, [])
                        values += [numbers[name]] if numbers[name] is not None else []

    def charge(self, spent: float, over: int) -> None:
        """Shares what the process has spent since the last time among the runs that ended."""
        for result in self.results[self.charged : over]:
            result["cpu_seconds"] = max(spent - self.paid, 0.0) / (over - self.charged)
        self.charged, self.paid = over, spent


def lines(pipe: IO[Any]) -> Iterator[bytes]:
    """What is in the pipe a bundle at a time: waking up for each step would cost a core more
    than reading them."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)
    rest = b""
    while chunk := os.read(pipe.fileno(), PIPE):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        time.sleep(NAP)


def run_process(job: dict[str, Any], indices: list[int], tell: Tell) -> tuple[list[dict[str, Any]], str | None]:
    """(results of the runs that came to their end, error of the one that did not or None).
    `tell` is given steps since the last time, {index: result} of runs that ended, {index: points}
    of the one that goes on."""
    with tempfile.TemporaryDirectory(prefix="prec-") as folder:
        # Standard error goes to a file: two pipes could block each other.
        with (
            open(Path(folder) / "errors", "w+") as errors,
            subprocess.Popen(
                command(job, indices, folder), stdout=subprocess.PIPE, stderr=errors, text=True
            ) as process,
        ):
            samples = data.training_samples(job["config"]["data"], job.get("data-dir"))
            reader, told, last = Reader(samples), 0, time.monotonic()
            steps = 0
            assert process.stdout
            for line in lines(process.stdout):
                steps += reader.take(line)
                over = len(reader.results) - 1
                now = time.monotonic()
                if over > told:
                    reader.charge(cpu_seconds(process), over)
                if over > told or now - last > PAUSE:
                    finished = {indices[i]: reader.results[i] for i in range(told, over)}
                    tell(steps, finished, {indices[over]: reader.results[over]["points"]})
                    told, last, steps = over, now, 0
            # Its output has ended, it is not waited for yet: its times are still there.
            reader.charge(cpu_seconds(process), len(reader.results))
            process.wait()
            errors.seek(0)
            error = errors.read().strip()
    if process.returncode == 0:
        tell(steps, {}, {})
        return reader.results, None
    if process.returncode < 0:
        error = f"prec-train was ended by signal {-process.returncode}. {error}".strip()
    done = max(len(reader.results) - 1, 0)
    return reader.results[:done], error or f"prec-train ended with code {process.returncode}"


def run_job(job: dict[str, Any], tell: Tell | None = None) -> list[dict[str, Any]]:
    """Results in the order of the job's runs; each has points or an error.

    Raises Refused when this worker has another program or other data than the client.
    """
    tell = tell or _telling(job)
    _check_same(job)
    everything = list(range(len(job["values"])))
    results, error = run_process(job, everything, tell)
    if error and len(everything) == 1:
        return [{"error": error, "points": []}]
    # One of several failed: each of the rest gets a process, to see which.
    for index in everything[len(results) :]:
        alone, error = run_process(job, [index], tell)
        results += alone or [{"error": error, "points": []}]
    return results


def _check_same(job: dict[str, Any]) -> None:
    host = f"{socket.gethostname()}:{os.getpid()}"
    try:
        version = tools.program_version()
        found = data.content_hash(job["config"]["data"], job.get("data-dir"))
        data.flags(job["config"]["data"], job.get("data-dir"))  # makes what is not there
    except tools.ToolError as error:
        raise Refused(f"worker {host}: {error}") from None
    if version != job["config"]["program"]:
        raise Refused(f"worker {host} has version {version} of the program, "
                      f"the client has {job['config']['program']}")  # fmt: skip
    if found != job["config"]["data-hash"]:
        raise Refused(f"worker {host} has other data under the name '{job['config']['data']}'")


def _telling(job: dict[str, Any]) -> Tell:
    """Progress goes to the client as events of its topic."""
    from distributed import get_worker

    worker = get_worker()

    def tell(steps: int, finished: dict[int, dict[str, Any]], running: dict[int, list[dict[str, Any]]]) -> None:
        message = {"job": job["id"], "steps": steps, "finished": list(finished.items()),
                   "running": list(running.items())}  # fmt: skip
        worker.log_event(job["topic"], message)

    return tell
