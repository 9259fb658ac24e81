# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Stand-ins for the tools, and a study for them: what the tests of sweeps share.

The stand-in for prec-train has the flags and the lines of the real one, an accuracy that
is a known function of the flags, and it fails, dies or dawdles where it is told to. It
adds a line to a file for each run that it begins, so that tests count what is done twice.
"""

import json
import os
import sqlite3
import subprocess
import sys

from conftest import SOURCE

TRAINER = """#!{python}
# {version}
import json, os, sys, time
if "--help" in sys.argv:
    print("--steps --eval-every")
    sys.exit()
flags = dict(w[2:].split("=", 1) for w in sys.argv[1:] if w.startswith("--") and "=" in w)
if "--print-policy" in sys.argv:
    if flags.get("rounding") == "sideways":
        sys.exit("error: --rounding=sideways: unknown mode")
    print("{{}}")
    sys.exit()
seed, steps = int(flags["seed"]), int(flags.get("steps", 10))
every = int(flags.get("eval-every", steps))
if "print-timing" in flags:
    with open(flags["print-timing"], "w") as file:
        json.dump({{"compile_seconds": 0.5, "run_seconds": [0.25]}}, file)
for bits in map(int, flags.get("truncate-bits", "32").split(",")):
    if bits == {failing}:
        sys.exit("error: thirteen is refused")
    with open("{begun}" if "print-timing" not in flags else os.devnull, "a") as file:
        file.write(f"{{bits}} {{seed}} {{flags.get('rounding')}}\\n")
    for step in range(steps):
        time.sleep({pause})
        record = dict(step=step, epoch=0, loss=1.0 / (step + 1), seconds=0.001, seed=seed)
        if bits == 9 and step >= 3:
            record["loss"], record["loss_is"] = None, "nan"
        if every and ((step + 1) % every == 0 or step + 1 == steps):
            record["accuracy"] = record["test_accuracy"] = accuracy = (
                min(bits, 16) / 20 + seed / 1000 + step / 10000)
        print(json.dumps(record), flush=True)
"""
QUIET = '#!/bin/sh\nif [ "$2" = refused ]; then echo "error: no such model" >&2; exit 1; fi\n'

STUDY = {
    "version": 1,
    "name": "stand-in",
    "settings": {"model": "softmax-regression", "steps": 10},
    "axes": {"truncate-bits": [10, 12, 16], "rounding": ["toward-zero", "stochastic"]},
    "trials": 2,
    "measure": {"eval-every": 5},
}


class Bench:
    """A folder with stand-in tools, a study and a store."""

    def __init__(self, folder, pause=0.0, failing=0, version="one", workers=1):
        self.folder, self.begun = folder, folder / "begun"
        self.workers = workers
        self.store, self.study = folder / "results.db", folder / "study.json"
        (folder / "bin").mkdir(parents=True)
        self.tool("prec-train", TRAINER.format(
            python=sys.executable, failing=failing, pause=pause, begun=self.begun, version=version
        ))  # fmt: skip
        self.tool("prec-translate", QUIET)
        self.environment = {
            **os.environ, "PREC_BUILD_DIR": str(folder), "PYTHONPATH": str(SOURCE / "python"),
        }  # fmt: skip
        self.write(STUDY)

    def tool(self, name, text):
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def write(self, study):
        self.study.write_text(study if isinstance(study, str) else json.dumps(study))

    def command(self, *arguments):
        return [sys.executable, "-m", "prec", "sweep", f"--store={self.store}", f"--workers={self.workers}",
                *map(str, arguments), str(self.study)]  # fmt: skip

    def report(self, *arguments):
        return subprocess.run([sys.executable, "-m", "prec", "report", str(self.store), *arguments],
                              env=self.environment, cwd=self.folder, capture_output=True, text=True)  # fmt: skip

    def sweep(self, *arguments, timeout=120):
        return subprocess.run(self.command(*arguments), env=self.environment, cwd=self.folder,
                              capture_output=True, text=True, timeout=timeout)  # fmt: skip

    def start(self, *command, **keywords):
        return subprocess.Popen(list(map(str, command)), env=self.environment, cwd=self.folder,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                **keywords)  # fmt: skip

    def query(self, text, *arguments):
        with sqlite3.connect(self.store) as database:
            return database.execute(text, arguments).fetchall()

    def count(self, status="done"):
        if not self.store.exists():
            return 0
        try:
            return self.query("SELECT count(*) FROM runs WHERE status = ?", status)[0][0]
        except sqlite3.OperationalError:
            return 0

    def begun_runs(self):
        return sorted(self.begun.read_text().split("\n")[:-1]) if self.begun.exists() else []
