# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Each public header compiles by itself, as it does for a user without our precompiled one (with --exhaustive: two minutes)."""
import json
import os
import shlex
import subprocess

import pytest
from conftest import BUILD, SOURCE

HEADERS = sorted((SOURCE / "include").rglob("*.h"))


def flags():
    """Include paths, definitions and the standard of a source that sees all rooms."""
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    command = next(c for c in commands if c["file"].endswith("lib/Driver/Compile.cpp"))
    words = shlex.split(command["command"])
    kept = [w for w in words if w.startswith(("-I/", "-D", "-std"))]
    for word, path in zip(words, words[1:]):
        if word == "-isystem":
            kept += [word, path]
    return kept + [f"-I{os.path.join(command['directory'], w[2:])}" for w in words if w.startswith("-I") and w[2:3] != "/"]


@pytest.mark.skipif(os.environ.get("PREC_EXHAUSTIVE") != "1", reason="compiles a hundred headers")
@pytest.mark.parametrize("header", HEADERS, ids=[str(h.relative_to(SOURCE / "include")) for h in HEADERS])
def test_header_compiles_by_itself(header):
    done = subprocess.run(["clang++-22", *flags(), "-fsyntax-only", "-x", "c++", header], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
