# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes what machine this is, and which version of ours runs, to a JSON file. Usage: machine.py FILE"""
import datetime
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def processor():
    facts = {}
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            facts.setdefault(name.strip(), value.strip())
    vectors = [name for name in ("avx2", "avx512f", "avx512_fp16") if name in facts.get("flags", "").split()]
    family = f"family {facts['cpu family']}, model {facts['model']}, " if "cpu family" in facts else ""
    return f"{facts.get('model name', platform.machine())} ({family}{' '.join(vectors)})"


def main():
    version = subprocess.run(["git", "-C", HERE, "describe", "--always", "--dirty"], capture_output=True, text=True)
    facts = {"processor": processor(), "cores": os.cpu_count(), "date": datetime.date.today().isoformat(),
             "version": version.stdout.strip() or "unknown", "load": round(os.getloadavg()[0], 1)}  # fmt: skip
    print(json.dumps(facts))
    Path(sys.argv[1]).write_text(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main()
