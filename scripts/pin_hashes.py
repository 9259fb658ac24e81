# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the SHA-256 of each file that pip may take behind the pins of a requirements file, from PyPI's simple API.

    python3 scripts/pin_hashes.py python/requirements-frontends.txt

Wheels for Linux (x86-64, aarch64) and for any machine. Hashes that are in the file already stay while the version does: such as
those of PyTorch's own index, whose CPU builds are not on PyPI.
"""
import json
import re
import sys
import urllib.request
from pathlib import Path

INDEX = "https://pypi.org/simple/"
WANTED = re.compile(r"-(py3|py2\.py3|cp3\d+)-(none|abi3|cp3\d+)-(any|.*manylinux.*(x86_64|aarch64))\.whl$")


def hashes_of(name, version):
    """The files of one release."""
    project = re.sub(r"[-_.]+", "-", name).lower()
    request = urllib.request.Request(f"{INDEX}{project}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urllib.request.urlopen(request) as answer:
        files = json.load(answer)["files"]
    release = re.compile(rf"[^-]+-{re.escape(version)}-", re.IGNORECASE)
    return [file["hashes"]["sha256"] for file in files if release.match(file["filename"]) and WANTED.search(file["filename"])]


def main(path):
    lines = path.read_text().replace("\\\n", "").splitlines()
    pinned = []
    for line in lines:
        words = line.split()
        if not words or line.startswith("#"):
            pinned.append(line)
            continue
        name, version = words[0].split("==")
        old = [word.removeprefix("--hash=sha256:") for word in words[1:]]
        found = dict.fromkeys([*old, *hashes_of(name, version)])
        if not found:
            sys.exit(f"{path}: {words[0]} has no file for Linux on {INDEX}")
        pinned.append(" \\\n".join([words[0], *(f"    --hash=sha256:{each}" for each in found)]))
    part = path.with_suffix(".part")
    part.write_text("\n".join(pinned) + "\n")
    part.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
