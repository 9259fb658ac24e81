# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The command line that repeats one run of a store, for people."""

import shlex
from pathlib import Path
from typing import Any

from prec.study.data import SMALL, needs_folder
from prec.study.runs import HELD, flags_of


def command_text(config: dict[str, Any], store: str | Path = "results.db", diverged: bool = False) -> str:
    """Texts of models and policies are written to files first, by `prec export --content`; a run
    that diverged went on."""
    before, words = [], ["prec-train"]
    for kind in HELD:
        name = config.get(kind)
        if name and name.startswith("sha256:"):
            file = f"{kind}-{name[7:19]}{Path(name).suffix or '.json'}"
            before.append(
                f"python -m prec export {shlex.quote(str(store))} --content={name[7:19]} -o {file}"
            )
            name = file
        if name:
            words.append(name if kind == "model" else f"--{kind}={name}")
    words += flags_of(config) + ["--keep-going"] * diverged
    data = config["data"]
    if data == SMALL:
        before.append(f"python -m prec data {SMALL} -o {SMALL}.npz")
        data = f"{SMALL}.npz"
    words += [f"--data={data}", *(["--data-dir=DIR"] if needs_folder(data) else []), "--log=-"]
    return " && ".join([*before, shlex.join(words)])
