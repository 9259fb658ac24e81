# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the Python tests share: the source tree, the build tree and its tools."""
import os
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PREC_BUILD_DIR", SOURCE / "build"))
SANITIZED = "PREC_SANITIZE:BOOL=ON" in (BUILD / "CMakeCache.txt").read_text()
os.environ.update(line.split("=", 1) for line in (BUILD / "test/environment").read_text().split())
# Python has no sanitizer's runtime, so that it cannot load our libraries if they need one.
in_process = pytest.mark.skipif(SANITIZED, reason="loads a sanitized library into Python")
LLVM_BIN = Path("/usr/lib/llvm-22/bin")


@pytest.fixture
def source():
    return SOURCE


@pytest.fixture
def build():
    return BUILD


@pytest.fixture
def run():
    """Runs a tool of the build tree or of LLVM; returns the finished process."""

    def call(tool, *arguments, check=True, **keywords):
        path = BUILD / "bin" / tool
        path = path if path.exists() else LLVM_BIN / tool
        done = subprocess.run(
            [path, *map(str, arguments)], capture_output=True, text=True, **keywords
        )
        assert not check or done.returncode == 0, f"{tool}: {done.stderr}"
        return done

    return call
