# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The data of a study: what its hash is, and the small form that quick studies use.

`fashion-mnist-14` is Fashion-MNIST with the mean of each 2 x 2 pixels, rounded to a byte
(halves to even); it is made once in the user's cache folder.
"""

import argparse
import contextlib
import functools
import gzip
import hashlib
import io
import math
import os
import shutil
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

from prec import jsonc, tools

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
PARTS = tuple(
    f"{kind}-{what}" for kind in ("train", "t10k")
    for what in ("images-idx3-ubyte", "labels-idx1-ubyte")
)  # fmt: skip
SMALL = "fashion-mnist-14"
CIFAR = {
    "cifar-10": (*(f"data_batch_{part}.bin" for part in range(1, 6)), "test_batch.bin"),
    "cifar-100": ("train.bin", "test.bin"),
}
NAMES = ("fashion-mnist", SMALL, "mnist", *CIFAR)
SETTLED = 2_000_000_000  # nanoseconds after which a file that changes has another time
ALONE = (".npz", ".txt")  # data sets of one file


def is_file(name: str) -> bool:
    return name.endswith(ALONE)


def needs_folder(name: str) -> bool:
    return name == "mnist" or name in CIFAR


def files(name: str, folder: str | None = None) -> list[Path]:
    """The files that hold a data set. Raises ToolError if one is missing."""
    if is_file(name):
        paths = [Path(name)]
    elif name not in NAMES:
        legal = (*NAMES, "a file NAME.npz", "a file NAME.txt")
        raise tools.ToolError(f"unknown data set '{name}'{jsonc.nearest(name, legal)}")
    elif needs_folder(name) and not folder:
        raise tools.ToolError(f"the data set {name} has no default place; give --data-dir=DIR")
    else:
        place = Path(folder) if folder else DEBIAN
        paths = [place / part for part in CIFAR.get(name, PARTS)]
        paths = [p if p.exists() else p.with_name(p.name + ".gz") for p in paths]
    for path in paths:
        if not path.exists():
            raise tools.ToolError(f"the data set '{name}' is not here: no file '{path}'")
    return paths


@functools.cache
def training_samples(name: str, folder: str | None = None) -> int | None:
    """How many there are, or None where the model decides: of text."""
    if name.endswith(".txt"):
        return None
    if name.endswith(".npz"):
        shape = heads(name)["x_train"][0]
        return shape[0] if shape else None
    if name in CIFAR:
        record = 3072 + (1 if name == "cifar-10" else 2)
        return sum(len(_bytes(p)) if p.suffix == ".gz" else p.stat().st_size for p in files(name, folder)[:-1]) // record
    with _opened(files(name, folder)[0]) as file:
        return int.from_bytes(file.read(8)[4:], "big")


def heads(path: str | Path) -> dict[str, tuple[tuple[int, ...], Any]]:
    """{name: (shape, dtype)} of the arrays of a .npz, which are not read themselves."""
    from numpy.lib import format as npy

    read = {1: npy.read_array_header_1_0, 2: npy.read_array_header_2_0}
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as file:
                    shape, _, dtype = read[npy.read_magic(file)[0]](file)
                found[name.removesuffix(".npy")] = (shape, dtype)
    except (zipfile.BadZipFile, ValueError, KeyError) as error:
        raise tools.ToolError(f"cannot read the data set '{path}': {error}") from None
    return found


def sample_size(name: str) -> int | None:
    """Numbers in a sample, or None where the model decides or the file does not say."""
    if name.endswith(".npz"):
        shape = heads(Path(name)).get("x_train", ((), None))[0] if Path(name).exists() else ()
        return math.prod(shape[1:]) if shape else None
    return None if name.endswith(".txt") else {SMALL: 14 * 14}.get(name, 3072 if name in CIFAR else 28 * 28)


def has_values(name: str) -> bool:
    """Whether there are values to fit in place of labels: the loss is measured."""
    return name.endswith(".npz") and heads(Path(name))["y_train"][1].kind == "f"


def _check_arrays(path: Path) -> None:
    """A study measures on test samples."""
    found = heads(path)
    missing = [name for name in ("x_train", "y_train", "x_test", "y_test") if name not in found]
    if missing:
        raise tools.ToolError(f"the data set '{path}' has no {missing[0]}, found {', '.join(found) or 'nothing'}; a study "
                              "takes x_train, y_train, and x_test, y_test to measure on")  # fmt: skip


def _opened(path: Path) -> io.BufferedIOBase:
    return gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")


def _bytes(path: Path) -> bytes:
    with _opened(path) as file:
        return file.read()


@functools.cache
def content_hash(name: str, folder: str | None = None) -> str:
    """A hash of the uncompressed files, so that it is the same on all machines."""
    if name.endswith(".npz") and Path(name).exists():
        _check_arrays(Path(name))
    return hashlib.sha256(b"".join(map(_digest, files(name, folder)))).hexdigest()


def _digest(path: Path) -> bytes:
    """Of a file's uncompressed bytes. It is kept in the cache folder under the file's name, size and
    time: each worker asks, and for small models hashing would take longer than a run. A file that
    has just changed may change again within one tick of its clock, and is not kept."""
    status = path.stat()
    known = f"{path.resolve()}\n{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns}"
    kept = cache() / "hashes" / hashlib.sha256(known.encode()).hexdigest()[:32]
    with contextlib.suppress(OSError):
        found = kept.read_bytes()
        if len(found) == hashlib.sha256().digest_size:
            return found
    with _opened(path) as file:
        found = hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]
    if time.time_ns() - status.st_mtime_ns > SETTLED:
        with contextlib.suppress(OSError):
            kept.parent.mkdir(parents=True, exist_ok=True)
            draft = kept.with_name(f"{kept.name}.{os.getpid()}")
            draft.write_bytes(found)
            draft.replace(kept)
    return found


def flags(name: str, folder: str | None = None) -> list[str]:
    """The flags of prec-train for this data set."""
    if name == SMALL:
        return [f"--data={small(folder)}"]
    if is_file(name):
        return [f"--data={name}"]
    place: str | Path | None = folder
    if any(path.suffix == ".gz" for path in files(name, folder)):
        with contextlib.suppress(OSError):  # without room for them each process unpacks them again
            place = plain(name, folder)
    return [f"--data={name}"] + ([f"--data-dir={place}"] if place else [])


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "prec"


@functools.cache
def plain(name: str, folder: str | None = None) -> Path:
    """A folder with the data set's files uncompressed, made if it is not there: each process of
    a study reads them, and for a small model unpacking would take as long as a run."""
    path = cache() / f"{name}-{content_hash(name, folder)[:12]}"
    path.mkdir(parents=True, exist_ok=True)
    for file in files(name, folder):
        unpacked = path / (file.stem if file.suffix == ".gz" else file.name)
        if not unpacked.exists():
            draft = unpacked.with_name(f"{unpacked.name}.{os.getpid()}")
            draft.write_bytes(_bytes(file))
            draft.replace(unpacked)
    return path


def small(folder: str | None = None) -> Path:
    """The path of the .npz of 14 x 14 images, made if it is not there. Raises ToolError."""
    import numpy as np

    path = cache() / f"{SMALL}-{content_hash(SMALL, folder)[:12]}.npz"
    if path.exists():
        return path
    arrays = {}
    for kind, short in (("train", "train"), ("t10k", "test")):
        images, labels = (
            _idx(file, kind)
            for file in files(SMALL, folder)
            if file.name.startswith(kind)
        )
        blocks = images.reshape(len(images), 14, 2, 14, 2).mean(axis=(2, 4))
        arrays[f"x_{short}"] = np.rint(blocks).astype(np.uint8)
        arrays[f"y_{short}"] = labels
    draft = path.with_name(f"{path.stem}-{os.getpid()}.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(draft, **arrays)
        draft.replace(path)
    except OSError as error:
        raise tools.ToolError(f"cannot write '{path}': {str(error.strerror).lower()}; XDG_CACHE_HOME names another folder for it") from None
    return path


def _idx(path: Path, kind: str) -> Any:
    import numpy as np

    raw = _bytes(path)
    dimensions = raw[3]
    shape = np.frombuffer(raw, ">i4", dimensions, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def main(arguments: list[str] | None = None) -> int:
    from prec.study import svhn

    parser = argparse.ArgumentParser(prog="prec data", description="Writes a data set as .npz.")
    parser.add_argument("name", metavar="NAME", choices=[SMALL, svhn.NAME], help=f"{SMALL} or {svhn.NAME}")
    parser.add_argument(
        "--data-dir", metavar="DIR", help="the folder of the data set's own files: IDX, or for SVHN .mat"
    )
    parser.add_argument("--extra", action="store_true", help="SVHN: extra_32x32.mat is for training, too")
    parser.add_argument("-o", "--output", metavar="FILE", help="default: NAME.npz")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stop:
        return 1 if stop.code else 0
    output = options.output or f"{options.name}.npz"
    try:
        if options.name == svhn.NAME:
            svhn.convert(options.data_dir, output, options.extra)
        elif options.extra:
            raise tools.ToolError(f"--extra is for {svhn.NAME}, found {options.name}")
        else:
            shutil.copyfile(small(options.data_dir), output)
    except (tools.ToolError, OSError) as error:
        print(f"prec data: {error}", file=sys.stderr)
        return 1
    return 0
