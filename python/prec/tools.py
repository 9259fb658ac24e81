# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where the compiled tools are, and what they say of themselves.

Searched in this order: $PREC_BUILD_DIR/bin, the folder that an installed package carries,
build/bin of the source tree that this file lies in, PATH.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent
SOURCE = PACKAGE.parents[1]


class ToolError(RuntimeError):
    """A tool is missing or refused its arguments; the text is for the user."""


def folders() -> Iterator[Path]:
    build = os.environ.get("PREC_BUILD_DIR")
    if build:
        yield Path(build) / "bin"
    yield PACKAGE / "bin"
    yield SOURCE / "build" / "bin"


def find(name: str) -> Path:
    """The path of a tool. Raises ToolError with the places that were looked at."""
    for folder in folders():
        if os.access(folder / name, os.X_OK):
            return folder / name
    found = shutil.which(name)
    if found:
        return Path(found)
    places = ", ".join(str(folder) for folder in folders())
    raise ToolError(f"the tool '{name}' is not built; looked in {places} and in PATH")


def study_file(name: str | Path) -> Path:
    """A study's path: a file, or the bare name of a shipped study."""
    if "." in str(name) or Path(name).exists():
        return Path(name)
    return next((path for path in shipped_studies() if path.stem == str(name)), Path(name))


def shipped_studies() -> list[Path]:
    """The files of the package's studies, or of the source tree's."""
    folder = PACKAGE / "studies"
    return list((folder if folder.is_dir() else SOURCE / "studies").glob("*.json"))


def run(name: str, *arguments: object, **keywords: Any) -> str:
    """Runs a tool to its end and returns its standard output; its message is the error."""
    done = subprocess.run(
        [find(name), *map(str, arguments)], capture_output=True, text=True, **keywords
    )
    if done.returncode:
        raise ToolError(done.stderr.strip() or f"{name} ended with code {done.returncode}")
    return done.stdout


@functools.cache
def _digest(path: Path, size: int, changed: int) -> str:
    del size, changed
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def program_version() -> str:
    """What names the program that computes: the package's version and the trainer's content.

    Two builds that may differ in a single bit of a result have different versions.
    """
    from prec import __version__

    path = find("prec-train")
    status = path.stat()
    return f"{__version__}+{_digest(path, status.st_size, status.st_mtime_ns)[:12]}"
