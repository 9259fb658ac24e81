# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""kill -9 of workers, of the scheduler and of the client loses nothing that was stored,
and the same command ends the study. Workers are processes of their own on loopback."""

import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

import numpy as np
import pytest
from study_tools import STUDY, Bench

RUNS = 12


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


class Cluster:
    """A scheduler and two workers, each a process that a test may kill."""

    def __init__(self, bench):
        self.bench = bench
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self.processes = []
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port",
                                    self.address.rsplit(":", 1)[1], "--no-dashboard")  # fmt: skip
        self.workers = [self.worker() for _ in range(2)]

    def start(self, kind, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments],
            env=self.bench.environment, cwd=self.bench.folder, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def worker(self):
        return self.start("worker", self.address, "--nthreads=1", "--no-nanny", "--no-dashboard",
                          "--death-timeout=60")  # fmt: skip

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path, pause=0.02, workers=2)


@pytest.fixture
def cluster(bench):
    cluster = Cluster(bench)
    yield cluster
    cluster.stop()


def done_is_whole(bench):
    """Each run once, each with both of its points, and the values that the flags say."""
    assert bench.count() == RUNS and bench.count("failed") == 0
    assert bench.query("SELECT count(*) FROM points") == [(2 * RUNS,)]
    assert bench.query("PRAGMA integrity_check") == [("ok",)]
    rows = bench.query(
        "SELECT config ->> '$.truncate-bits', config ->> '$.seed', test_accuracy FROM runs"
    )
    for bits, seed, accuracy in rows:
        assert accuracy == pytest.approx(min(bits, 16) / 20 + seed / 1000 + 9 / 10000)


def test_two_workers_elsewhere(bench, cluster):
    done = bench.sweep(f"--scheduler={cluster.address}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == f"{RUNS} runs"
    done_is_whole(bench)
    workers = {worker for (worker,) in bench.query("SELECT DISTINCT worker FROM runs")}
    assert len(workers) == 2


def test_kill_9_of_a_worker(bench, cluster):
    client = bench.start(*bench.command(f"--scheduler={cluster.address}"))
    wait_for(lambda: bench.begun_runs())
    os.kill(cluster.workers[0].pid, signal.SIGKILL)
    out, err = client.communicate(timeout=120)
    assert client.returncode == 0, err
    done_is_whole(bench)


def test_kill_9_of_the_scheduler(bench, cluster):
    client = bench.start(*bench.command(f"--scheduler={cluster.address}"))
    wait_for(lambda: bench.count())
    os.kill(cluster.scheduler.pid, signal.SIGKILL)
    out, err = client.communicate(timeout=120)
    assert client.returncode == 1 and "Traceback" not in err
    stored = bench.count()
    assert re.search(rf"the scheduler went away; {stored} of {RUNS} runs are stored", err)
    before = bench.query("SELECT key, finished FROM runs ORDER BY key")
    assert bench.sweep().returncode == 0  # now on this machine
    done_is_whole(bench)
    after = dict(bench.query("SELECT key, finished FROM runs"))
    assert all(after[key] == finished for key, finished in before)


@pytest.mark.parametrize("local", [True, False])
def test_kill_9_of_the_client(bench, cluster, local):
    where = [] if local else [f"--scheduler={cluster.address}"]
    client = bench.start(*bench.command(*where), start_new_session=True)
    wait_for(lambda: bench.count() >= 2)
    os.kill(client.pid, signal.SIGKILL)
    client.wait()
    kept = bench.query("SELECT key, finished FROM runs ORDER BY key")
    assert 2 <= len(kept) < RUNS
    # Whatever the client had started ends by itself.
    wait_for(lambda: not running_trainers(bench))
    done = bench.sweep(*where)
    assert done.returncode == 0, done.stderr
    done_is_whole(bench)
    assert set(kept) <= set(bench.query("SELECT key, finished FROM runs"))


@pytest.mark.parametrize("moment", ["workers start", "runs go on"])
def test_ctrl_c_ends_with_one_line(bench, moment):
    """A terminal sends it to the client and to the processes that it has started."""
    # A shell's background jobs ignore it, and so would what they start.
    client = bench.start(*bench.command(), start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert client.stdout.readline() == f"{RUNS} runs\n"
    time.sleep(0.5)
    if moment == "runs go on":
        wait_for(lambda: bench.count())
    os.killpg(client.pid, signal.SIGINT)
    out, err = client.communicate(timeout=120)
    stored = bench.count()
    lines = [line for line in err.splitlines() if " runs, " not in line]
    assert lines == [f"prec sweep: interrupted; {stored} of {RUNS} runs are stored, the same command goes on from there"]
    assert client.returncode == 1 and stored < RUNS
    wait_for(lambda: not running_trainers(bench))


def running_trainers(bench):
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    return [line for line in listed.splitlines() if str(bench.folder / "bin") in line]


def test_a_scheduler_that_is_not_there(bench):
    done = bench.sweep(f"--scheduler=tcp://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "cannot reach the scheduler 'tcp://127.0.0.1" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_with_another_program_is_refused(tmp_path):
    theirs, ours = Bench(tmp_path / "theirs", version="two"), Bench(tmp_path / "ours")
    cluster = Cluster(theirs)
    try:
        done = ours.sweep(f"--scheduler={cluster.address}")
    finally:
        cluster.stop()
    assert done.returncode == 1
    assert re.search(r"worker \S+ has version \S+ of the program, the client has \S+;", done.stderr)
    assert ours.count() == 0


def test_a_worker_without_the_data_is_refused(tmp_path):
    """A file beside the client that the worker's machine does not have."""
    theirs, ours = Bench(tmp_path / "theirs"), Bench(tmp_path / "ours")
    arrays = {f"{name}_{part}": np.zeros(3) for name in "xy" for part in ("train", "test")}
    np.savez(ours.folder / "mine.npz", **arrays)
    for name in ("prec-train", "prec-translate"):  # the same program on both
        (theirs.folder / "bin" / name).write_bytes((ours.folder / "bin" / name).read_bytes())
    ours.write({**STUDY, "settings": {**STUDY["settings"], "data": "mine.npz"}})
    cluster = Cluster(theirs)
    try:
        done = ours.sweep(f"--scheduler={cluster.address}")
    finally:
        cluster.stop()
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert re.search(rf"worker \S+: the data set 'mine.npz' is not here: no file 'mine.npz'; 0 of {RUNS} runs are stored", done.stderr)
    assert ours.begun_runs() == theirs.begun_runs() == []


def test_two_sweeps_into_one_store_at_once(bench, tmp_path):
    """Of two studies that have half of their runs in common."""
    other = {**STUDY, "name": "other", "axes": {**STUDY["axes"], "truncate-bits": [16, 20, 24]}}
    (bench.folder / "other.json").write_text(json.dumps(other))
    command = bench.command()
    sweeps = [bench.start(*command), bench.start(*command[:-1], bench.folder / "other.json")]
    for sweep in sweeps:
        out, err = sweep.communicate(timeout=240)
        assert sweep.returncode == 0 and f"{RUNS} done, 0 failed" in out, err
    assert bench.count() == 20 and bench.query("PRAGMA integrity_check") == [("ok",)]
    assert bench.query("SELECT count(*) FROM points") == [(40,)]
    assert bench.query("SELECT name, count(*) FROM members JOIN runs USING (key) GROUP BY name ORDER BY name") == [
        ("other", RUNS), ("stand-in", RUNS)]  # fmt: skip


def test_watch_shows_the_curves_of_runs_that_go_on(tmp_path):
    bench = Bench(tmp_path, pause=1.0)  # a busy machine may show nothing for seconds
    bench.write({**STUDY, "axes": {"truncate-bits": [16]}, "trials": 1, "measure": {"eval-every": 1}})
    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        pytest.skip(f"no terminal to show them in: {error}")
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = subprocess.Popen(list(map(str, bench.command("--watch"))), env={**bench.environment, "TERM": "xterm"}, cwd=bench.folder,
                               stdout=subprocess.DEVNULL, stderr=theirs)  # fmt: skip
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 65536):
            seen += chunk
    except OSError:  # the other end is closed
        pass
    text = seen.decode(errors="replace")
    assert process.wait() == 0 and re.search("\u2587+ +\u2502 running", text) and re.search("\u2587{10} +\u2502 0.8009", text), text
