# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the front ends share: optional packages, the compiled tools, files of weights."""
from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import BinaryIO, NoReturn

import numpy as np

from prec import tools

REQUIREMENTS = [Path(__file__).resolve().parents[1] / f"requirements-{word}.txt" for word in ("frontends", "torch")]


class Parser(argparse.ArgumentParser):
    """Errors exit with 1, as those of all tools here."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}", file=sys.stderr)
        sys.exit(1)


class FrontendError(Exception):
    """A model that cannot be imported, or an import that is not faithful."""


class ToolTimeout(FrontendError):
    """A compiled tool took longer than it was allowed to."""


class MissingPackage(FrontendError, ImportError):
    """An optional package is not installed."""


def require(module: str) -> ModuleType:
    """Imports an optional package, or says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise MissingPackage(
            f"this needs the package '{package}', which is not installed ({error}); install the "
            f"front ends' packages: {_installation(package)}"
        ) from None


def _installation(package: str) -> str:
    """The command that installs a package and what is used with it: from a checkout with hashes, else as the wheel says."""
    pip = f"{sys.executable} -m pip install"
    if all(file.exists() for file in REQUIREMENTS):
        return " && ".join(f"{pip} -r {file}" for file in REQUIREMENTS)
    pinned: dict[str, list[str]] = {}
    for line in importlib.metadata.requires("prec-opt") or ():
        requirement, _, extra = line.partition(";")
        pinned.setdefault(extra.split("==")[-1].strip(" '\""), []).append(requirement.strip())
    name = {"iree": "iree-base-compiler"}.get(package, package)
    return f"{pip} " + " ".join(next((all_ for all_ in pinned.values() if any(r.startswith(name + "==") for r in all_)), [name]))


def tool(name: str) -> Path:
    """The path of a compiled tool."""
    try:
        return tools.find(name)
    except tools.ToolError as error:
        raise FrontendError(str(error)) from None


def run_tool(name: str, *arguments: object, text: str | None = None, seconds: float | None = None) -> str:
    """Runs a compiled tool and returns what it prints; its errors become ours."""
    try:
        done = subprocess.run(
            [tool(name), *map(str, arguments)], input=text, capture_output=True, text=True,
            timeout=seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ToolTimeout(f"{name} took longer than {seconds} s") from None
    if done.returncode < 0:
        raise FrontendError(f"{name} crashed with signal {-done.returncode}\n{done.stderr[-2000:]}")
    if done.returncode:
        raise FrontendError(done.stderr.strip() or f"{name} failed")
    return done.stdout


def adopt(text: str) -> str:
    """A foreign importer's module, cleaned: scopes, no islands, no leftovers."""
    return run_tool("prec-opt", "--prec-adopt-model", "--mlir-print-debuginfo=false", "-", text=text)


def quoted(text: str) -> str:
    """A string as MLIR writes it."""
    plain = text.isascii() and text.isprintable() and '"' not in text and "\\" not in text
    if plain:
        return f'"{text}"'
    data = text.encode()
    return '"' + "".join(
        chr(c) if 32 <= c < 127 and c not in (34, 92) else f"\\{c:02X}" for c in data
    ) + '"'  # fmt: skip


def weights_path(output: str | Path) -> Path:
    """Where the weights of a model lie: X.npz beside X.mlir."""
    return Path(output).with_suffix(".npz")


def write_whole(path: str | Path, write: Callable[[BinaryIO], object]) -> None:
    """Calls write(file) for a temporary file, which then gets the name `path`."""
    part = Path(path).with_name(Path(path).name + ".part")
    try:
        with open(part, "wb") as file:
            write(file)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise FrontendError(f"cannot write '{path}': {error.strerror}") from None


def write_model(output: str | Path, text: str, weights: Mapping[str, np.ndarray]) -> None:
    """Writes X.mlir and, if there are weights, X.npz: both whole or not at all."""
    for path, write in (
        (weights_path(output), lambda f: np.savez(f, **weights)),
        (Path(output), lambda f: f.write(text.encode())),
    ):
        write_whole(path, write)
