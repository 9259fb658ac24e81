# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""clang-tidy finds nothing in our C++ files (.clang-tidy has the rules).

Reading MLIR's headers is nearly all of its work, so files with the same flags are read
together, a dozen in one translation unit, none of which names a thing as another does; where
something is found, also that two files cannot stand together, it looks at those it names
and at the others. A group whose texts, project headers, rules
and flags are those of an earlier clean run is not read again: build/tidy holds one empty
file for each such state.
"""
import hashlib
import json
import os
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

INCLUDE = re.compile(rb'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
FOLDERS = ("lib", "tools", "test", "python", "examples")
# What a file keeps to itself, as far as lines tell: two such names cannot stand together.
OWN = re.compile(
    r"^(?:static|constexpr)\b[^;={(]*?\b(\w+)\s*[({=\[]|^(?:class|struct|enum(?: class)?|using(?= \w+ =)) +(\w+)", re.M
)
ERROR = re.compile(r"^(/[^:\n]+):\d+:\d+: error:", re.M)
GROUP = 12


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


def groups(commands, source):
    """(flags, files) of at most GROUP of our files that are compiled alike."""
    alike = {}
    for entry in commands:
        path = Path(entry["file"])
        if not any(path.is_relative_to(source / folder) for folder in FOLDERS):
            continue
        words = shlex.split(entry["command"])
        compiler = next(i for i, word in enumerate(words) if "clang++" in word)
        flags = words[compiler + 1 : words.index("-o")]  # then: object, -c, file
        alike.setdefault(tuple(flags), []).append(path)
    for flags, files in alike.items():
        packs = []
        for path in files:
            names = {name for pair in OWN.findall(path.read_text()) for name in pair if name}
            fitting = (p for p in packs if len(p[0]) < GROUP and p[1].isdisjoint(names))
            pack = next(fitting, None)
            if not pack:
                packs.append(pack := ([], set()))
            pack[0].append(path)
            pack[1].update(names)
        yield from ((flags, pack) for pack, _ in packs)


class Tidy:
    def __init__(self, source, build, scratch):
        self.source, self.build, self.scratch = source, build, scratch
        self.clean = build / "tidy"
        self.clean.mkdir(exist_ok=True)

    def stamp(self, flags, files):
        read = set()
        for path in files:
            closure(path, (self.source / "include", self.build / "include"), read)
        digest = hashlib.sha256("\0".join(map(str, (*flags, *files))).encode())
        for path in (self.source / ".clang-tidy", *sorted(read)):
            digest.update(path.read_bytes())
        return self.clean / digest.hexdigest()

    def check(self, group):
        """What is found in a group of files, empty if nothing."""
        flags, files = group
        stamp = self.stamp(flags, files)
        if stamp.exists():
            return ""
        unit = files[0]
        if len(files) > 1:
            unit = self.scratch / (stamp.name + ".cpp")
            unit.write_text("".join(f'#include "{path}"\n' for path in files))
        roots = [*(self.source / folder for folder in ("include", *FOLDERS)), *files]
        ours = "^(" + "|".join(re.escape(str(root)) for root in roots) + ")"
        done = subprocess.run(
            ["clang-tidy-22", "--quiet", f"--config-file={self.source / '.clang-tidy'}",
             f"--header-filter={ours}", "--checks=-bugprone-suspicious-include", unit,
             "--", *flags],
            capture_output=True, text=True, cwd=self.build,
        )
        if done.returncode == 0:
            stamp.touch()
            return ""
        if len(files) == 1:
            return done.stdout + done.stderr
        # Those that do not stand with the ones before them, else one half and the other.
        named = {Path(name) for name in ERROR.findall(done.stdout + done.stderr)}
        apart = [path for path in files if path in named]
        if not 0 < len(apart) < len(files):
            apart = files[len(files) // 2 :]
        rest = [path for path in files if path not in apart]
        report = self.check((flags, rest)) + self.check((flags, apart))
        if not report:  # the files are clean, they only cannot stand together
            stamp.touch()
        return report


@pytest.fixture
def tidy(source, build, tmp_path):
    return Tidy(source, build, tmp_path)


@pytest.fixture
def commands(build):
    entries = json.loads((build / "compile_commands.json").read_text())
    if not entries or "clang" not in entries[0]["command"]:
        pytest.skip("clang-tidy reads the precompiled headers of clang builds only")
    return entries


def test_tidy(commands, source, tidy):
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reports = [report for report in pool.map(tidy.check, groups(commands, source)) if report]
    assert not reports, "\n".join(reports)


def test_all_files_are_read(commands, source):
    read = {path for _, files in groups(commands, source) for path in files}
    assert source / "lib/Numerics/FormatParser.cpp" in read
    assert {Path(e["file"]) for e in commands if f"{source}/lib/" in e["file"]} <= read


@pytest.mark.parametrize("alone", [True, False])
def test_a_fault_is_found(commands, tidy, tmp_path, alone):
    flags = next(groups(commands, tidy.source))[0]
    good, bad = tmp_path / "good.cpp", tmp_path / "bad.cpp"
    good.write_text("static int fine() { return 0; }\nint use() { return fine(); }\n")
    bad.write_text("struct wrong_case {};\n")
    report = tidy.check((flags, [bad] if alone else [good, bad]))
    assert "invalid case style for class 'wrong_case'" in report
