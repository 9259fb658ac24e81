# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""clang-tidy finds nothing in our C++ files (.clang-tidy has the rules).

A file whose text, project headers, rules and flags are those of an earlier clean
run is not read again: build/tidy holds one empty file for each such state.
"""
import hashlib
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

INCLUDE = re.compile(rb'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def closure(path, folders, seen):
    """The project's own files that `path` includes, directly or not, itself included."""
    if path in seen:
        return
    seen.add(path)
    for name in INCLUDE.findall(path.read_bytes()):
        for folder in (path.parent, *folders):
            header = folder / name.decode()
            if header.is_file():
                closure(header, folders, seen)
                break


def state(entry, source, build):
    files = set()
    closure(Path(entry["file"]), (source / "include", build / "include"), files)
    digest = hashlib.sha256(entry["command"].encode())
    for path in (source / ".clang-tidy", *sorted(files)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def test_tidy(source, build):
    ours = [source / folder for folder in ("lib", "tools", "test", "python", "examples")]
    entries = [
        entry
        for entry in json.loads((build / "compile_commands.json").read_text())
        if any(Path(entry["file"]).is_relative_to(folder) for folder in ours)
    ]
    if not entries or "clang" not in entries[0]["command"]:
        pytest.skip("clang-tidy reads the precompiled headers of clang builds only")
    clean = build / "tidy"
    clean.mkdir(exist_ok=True)

    def check(entry):
        stamp = clean / state(entry, source, build)
        if stamp.exists():
            return ""
        done = subprocess.run(
            ["clang-tidy-22", "-p", build, "--quiet", entry["file"]],
            capture_output=True, text=True,
        )
        if done.returncode == 0:
            stamp.touch()
            return ""
        return done.stdout + done.stderr

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reports = [report for report in pool.map(check, entries) if report]
    assert not reports, "\n".join(reports)
