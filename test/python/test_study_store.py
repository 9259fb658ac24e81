# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The store: resuming, failures, migration; foreign, locked, newer, full files are refused."""

import contextlib
import csv
import io
import sqlite3
import subprocess
import sys

import pytest
from conftest import SOURCE
from study_tools import STUDY, TRAINER, Bench

sys.path.insert(0, str(SOURCE / "python"))
from prec.study import store  # noqa: E402


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_a_run_is_done_once(bench):
    first = bench.sweep()
    assert first.returncode == 0, first.stderr
    assert bench.count() == 12 and len(bench.begun_runs()) == 12
    assert bench.sweep().returncode == 0 and len(bench.begun_runs()) == 12
    # A second study of other shape does only what is new.
    bench.write({**STUDY, "name": "other", "axes": {**STUDY["axes"], "truncate-bits": [10, 20]}})
    assert bench.sweep("--dry-run").stdout.splitlines()[:2] == [
        "8 runs", f"4 are in {bench.store}, 0 of them failed; 4 are to be done",
    ]  # fmt: skip
    assert bench.sweep().returncode == 0
    assert bench.count() == 16 and len(bench.begun_runs()) == 16
    assert bench.query("SELECT name, planned FROM studies ORDER BY name") == [
        ("other", 8), ("stand-in", 12),
    ]  # fmt: skip


def test_another_program_has_other_runs(bench, tmp_path):
    bench.sweep()
    other = Bench(tmp_path / "other", version="two")
    other.store = bench.store
    assert other.sweep("--dry-run").stdout.splitlines()[1].startswith("0 are in")


def test_a_failed_run_is_stored_and_stops_nothing(tmp_path):
    bench = Bench(tmp_path, failing=12)
    done = bench.sweep()
    assert done.returncode == 0 and "8 done, 4 failed" in done.stdout
    assert bench.query("SELECT DISTINCT error FROM runs WHERE status = 'failed'") == [
        ("error: thirteen is refused",)
    ]
    assert bench.query("SELECT DISTINCT config ->> '$.truncate-bits' FROM runs"
                       " WHERE status = 'failed'") == [(12,)]  # fmt: skip
    assert "failed: truncate-bits=12" in done.stderr
    begun = len(bench.begun_runs())
    bench.sweep()
    assert len(bench.begun_runs()) == begun  # not again, unless asked
    bench.sweep("--retry-failed")
    assert bench.count("failed") == 4


def test_divergence_is_a_result(bench):
    bench.write({**STUDY, "axes": {"truncate-bits": [9, 10]}, "trials": 1})
    assert bench.sweep().returncode == 0
    assert bench.query("SELECT config ->> '$.truncate-bits', status, diverged_at FROM runs"
                       " ORDER BY 1") == [(9, "done", 3), (10, "done", None)]  # fmt: skip


def test_points_hold_the_mean_loss_since_the_one_before(bench):
    bench.sweep()
    losses = bench.query("SELECT DISTINCT step, loss FROM points ORDER BY step")
    want = {4: sum(1 / k for k in range(1, 6)) / 5, 9: sum(1 / k for k in range(6, 11)) / 5}
    assert dict(losses) == pytest.approx(want) and len(losses) == 2


def test_halving_keeps_the_best(bench):
    study = {**STUDY, "settings": {"model": "softmax-regression"},
             "axes": {"truncate-bits": [9, 10, 12, 16]},
             "combine": {"halving": {"keep": 0.5, "steps": [4, 8, 16]}}}  # fmt: skip
    bench.write(study)
    done = bench.sweep()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "14 runs"
    rounds = bench.query("SELECT config ->> '$.steps', group_concat(DISTINCT"
                         " config ->> '$.truncate-bits') FROM runs GROUP BY 1 ORDER BY 1")  # fmt: skip
    kept = {steps: set(map(int, bits.split(","))) for steps, bits in rounds}
    assert kept == {4: {9, 10, 12, 16}, 8: {12, 16}, 16: {16}}
    assert bench.sweep().returncode == 0 and bench.count() == 14


REFUSED = {
    "text": "it is not an SQLite file",
    "foreign": "is an SQLite file of another program",
    "newer": "has schema version 99, this program knows up to",
    "locked": "another process holds it locked",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_stores_that_are_refused(tmp_path, kind):
    path = tmp_path / "x.db"
    if kind == "text":
        path.write_text("no database at all, " * 100)
    elif kind == "foreign":
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE cheese (name)")
    else:
        store.Store(path).close()
    if kind == "newer":
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA user_version = 99")
    holder = sqlite3.connect(path, isolation_level=None)
    if kind == "locked":
        holder.execute("BEGIN EXCLUSIVE")
    before = path.read_bytes()
    with pytest.raises(store.StoreError, match=REFUSED[kind]):
        with store.Store(path, patience=0.1) as opened, opened.transaction():
            pass
    holder.close()
    assert path.read_bytes() == before


def test_a_full_disk_leaves_the_store_sound(tmp_path):
    path = tmp_path / "x.db"

    class Run:
        settings = {}
        config = {"program": "p"}

    with store.Store(path) as opened:
        size = opened._pragma("page_count")
        opened.database.execute(f"PRAGMA max_page_count = {size + 4}")
        with pytest.raises(store.StoreError, match="the disk is full"):
            for number in range(10000):
                Run.key = f"{number:064}"
                opened.add(Run, {"points": []})
        stored = opened.rows("SELECT count(*) AS n FROM runs")[0]["n"]
    assert stored == number > 0
    with store.Store(path) as opened:
        assert opened._pragma("integrity_check") == "ok"
        assert opened.rows("SELECT count(*) AS n FROM runs")[0]["n"] == stored


def test_an_old_store_is_migrated(tmp_path):
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as database:
        database.executescript(store.MIGRATIONS[0])
        database.execute(f"PRAGMA application_id = {store.APPLICATION}")
        database.execute("PRAGMA user_version = 1")
        database.execute("INSERT INTO runs VALUES ('k', 'done', NULL, '{}', 'p', 't',"
                         " 1.5, 10, NULL, 0.5, 0.1)")  # fmt: skip
    with store.Store(path) as opened:
        (row,) = opened.rows("SELECT key, status, test_accuracy, worker, test_loss FROM runs")
        assert row == {"key": "k", "status": "done", "test_accuracy": 0.5, "worker": None, "test_loss": None}
        assert opened.rows("SELECT * FROM layers") == []
        assert opened._pragma("user_version") == store.VERSION


def test_export(bench):
    bench.sweep()
    command = [sys.executable, "-m", "prec", "export", str(bench.store)]

    def export(*arguments):
        return subprocess.run([*command, *arguments], env=bench.environment, capture_output=True,
                              text=True, cwd=bench.folder)  # fmt: skip

    rows = list(csv.DictReader(io.StringIO(export().stdout)))
    assert len(rows) == 12
    for row in rows:
        want = min(int(row["truncate-bits"]), 16) / 20 + int(row["seed"]) / 1000 + 9 / 10000
        assert float(row["test_accuracy"]) == pytest.approx(want)
    points = list(csv.DictReader(io.StringIO(export("--points").stdout)))
    assert len(points) == 24 and {row["step"] for row in points} == {"4", "9"}
    parquet = pytest.importorskip("pyarrow.parquet")
    assert export("-o", "runs.parquet").returncode == 0
    table = parquet.read_table(bench.folder / "runs.parquet")
    assert table.num_rows == 12 and str(table.schema.field("test_accuracy").type) == "double"
    missing = export("--study=nothing")
    assert missing.returncode == 1 and "has no study 'nothing'" in missing.stderr


def test_dry_run_expects_what_one_measured_step_says(bench):
    """0.5 s to start; a step 1 ms, an evaluation 0.25 s - 4 ms; 12 runs of 10 steps."""
    lines = bench.sweep("--dry-run").stdout.splitlines()
    starts = 4 * 0.5  # a process for each mode and seed does all sizes
    total = starts + 12 * (10 * 0.001 + 2 * (0.25 - 0.004))
    assert lines[2] == f"expected: {total:.0f} s of computing, {total:.0f} s on 1 workers"
    assert lines[3] == "measured on this machine: 2 kinds of run, a step takes 1 ms, 1 ms"
    assert bench.begun_runs() == [] and not bench.store.exists()


def test_of_many_kinds_the_measured_ones_are_spread_over_the_study(bench):
    """Twenty batch sizes, of which a step of the last one takes as long as the others together."""
    sizes = list(range(1, 21))
    slow = TRAINER.replace("seconds=0.001", "seconds=0.1 if flags['batch-size'] == '20' else 0.0")
    bench.tool("prec-train", slow.format(python=sys.executable, failing=0, pause=0, begun=bench.begun, version="slow"))
    bench.write({**STUDY, "axes": {"batch-size": sizes, "truncate-bits": [16]}, "trials": 1})
    lines = bench.sweep("--dry-run").stdout.splitlines()
    assert lines[3] == "measured on this machine: 8 kinds of run, a step takes " + "0 ms, " * 7 + "100 ms"
    assert lines[4].startswith("12 groups of runs are of other kinds")


def test_the_small_data_is_the_mean_of_four_pixels(tmp_path, monkeypatch):
    import numpy as np
    from prec.study import data

    folder = tmp_path / "idx"
    folder.mkdir()
    generator, images = np.random.default_rng(0), {}
    for kind, count in (("train", 5), ("t10k", 3)):
        images[kind] = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8)
        for name, array in (("images-idx3", images[kind]), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
            (folder / f"{kind}-{name}-ubyte").write_bytes(head + array.tobytes())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    done = data.main([data.SMALL, f"--data-dir={folder}", "-o", str(tmp_path / "x.npz")])
    assert done == 0
    arrays = np.load(tmp_path / "x.npz")
    for kind, name in (("train", "x_train"), ("t10k", "x_test")):
        for index in np.ndindex(arrays[name].shape):
            image, row, column = index
            block = images[kind][image, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            assert arrays[name][index] == round(block.astype(int).sum() / 4)
    assert list(arrays["y_test"]) == [0, 1, 2]


def test_a_cache_that_cannot_be_written(tmp_path):
    """Packed data are unpacked by each process; data that have to be made are refused before anything runs."""
    bench = Bench(tmp_path)
    bench.environment["XDG_CACHE_HOME"] = "/proc/none"
    bench.write({**STUDY, "trials": 1})
    assert bench.sweep().returncode == 0 and bench.count() == 6
    done = bench.sweep("--set=data=fashion-mnist-14")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "cannot write '/proc/none/prec/fashion-mnist-14" in done.stderr and "XDG_CACHE_HOME" in done.stderr
    assert bench.count() == 6 and bench.count("failed") == 0


def test_a_hash_follows_the_file(tmp_path, monkeypatch):
    """It is kept by size and time, and not of a file that may change again within a tick of the clock."""
    import hashlib
    import os

    from prec.study import data

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "a.txt"

    def found():
        data.content_hash.cache_clear()
        return data.content_hash(str(path))

    def of(text):
        return hashlib.sha256(hashlib.sha256(text).digest()).hexdigest()

    path.write_bytes(b"one")
    assert found() == of(b"one") and not (tmp_path / "cache").exists()  # too new
    path.write_bytes(b"two")
    assert found() == of(b"two")
    os.utime(path, ns=(10**18, 10**18))
    assert found() == of(b"two") and len(list((tmp_path / "cache/prec/hashes").iterdir())) == 1
    (kept,) = (tmp_path / "cache/prec/hashes").iterdir()
    kept.write_bytes(hashlib.sha256(b"one").digest())
    assert found() == of(b"one")  # it is what is kept
    path.write_bytes(b"six")
    os.utime(path, ns=(10**18, 10**18 + 1))
    assert found() == of(b"six")
    kept.write_bytes(b"cut")
    os.utime(path, ns=(10**18, 10**18))
    assert found() == of(b"six") and kept.read_bytes() == hashlib.sha256(b"six").digest()
