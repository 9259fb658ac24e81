# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Spoiled ONNX files are imported or refused: no crash, no hang, no traceback, no file left."""
import collections
import os
import signal
import sys
import time

import pytest
from conftest import BUILD, SOURCE

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
import hostile_mutations  # noqa: E402

os.environ.setdefault("PREC_BUILD_DIR", str(BUILD))
sys.path.insert(0, str(SOURCE / "python"))

LIMIT = 10  # seconds for one file, of which the check may take a part
CHECK = 3


@pytest.fixture
def folder(tmp_path):
    """A model's folder with external data, a link out of it, and what it must not reach."""
    inside = tmp_path / "model"
    inside.mkdir()
    (inside / "weights.bin").write_bytes(bytes(4096))
    (tmp_path / "secret.bin").write_bytes(bytes(4096))
    (inside / "link.bin").symlink_to(tmp_path / "secret.bin")
    return inside


def run_import(path):
    """(exit code or None after too long, standard error) of the import in a child process."""
    from prec import importing
    from prec.onnx import check

    said = path.with_suffix(".txt")
    child = os.fork()
    if child == 0:
        code = 99
        try:
            file = open(said, "w")
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            sys.stdout = sys.stderr = file  # pytest has put others there
            check.SECONDS = CHECK
            code = importing.main([str(path), "-o", str(path.with_suffix(".mlir"))])
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), said.read_text(errors="replace")
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None, said.read_text(errors="replace")


def verdict(folder, seed):
    """What is wrong with the import of this mutation, or None; and how it ended."""
    what, data, words = hostile_mutations.mutate(seed)
    path = folder / f"m{seed}.onnx"
    path.write_bytes(data)
    code, said = run_import(path)
    exists = path.with_suffix(".mlir").exists() or path.with_suffix(".npz").exists()
    for suffix in (".onnx", ".mlir", ".npz", ".txt"):
        path.with_suffix(suffix).unlink(missing_ok=True)
    problem = None
    if code is None:
        problem = "hangs"
    elif code not in (0, 1):
        problem = f"ends with {code}"
    elif "Traceback" in said or not said.strip():
        problem = "says nothing that helps"
    elif code == 1 and exists:
        problem = "leaves a file"
    elif code == 1 and words and not any(word in said for word in words if word):
        problem = f"names none of {words}"
    ending = "refused" if code == 1 else "not checked" if "warning" in said else "imported"
    return problem and f"seed {seed} ({what}) {problem}: {said[-500:]}", ending


def test_spoiled_files(folder):
    count = 1000 if os.environ.get("PREC_EXHAUSTIVE") == "1" else 99
    endings, problems = collections.Counter(), []
    for seed in range(count):
        problem, ending = verdict(folder, seed)
        endings[ending] += 1
        problems += [problem] if problem else []
    print(dict(endings))
    assert not problems, f"{len(problems)} of {count}:\n" + "\n".join(problems)
    assert endings["refused"] > count / 3 and endings["imported"] > count / 20
