# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rules that hold for every tracked file: its head, its length, no machine's paths."""
import re
import subprocess
from pathlib import Path

import pytest

LICENCE = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"
CODE = {".cpp", ".h", ".td", ".py", ".sh", ".cmake", ".mlir"}
PRODUCT = re.compile(r"^(include|lib|tools|test|python|scripts|cmake|benchmarks|models)/")
MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_.])/(work|farm|root|home)/")


def tracked():
    names = subprocess.run(
        ["git", "ls-files"], cwd=Path(__file__).parents[2], capture_output=True, text=True
    ).stdout.split()
    return [name for name in names if (Path(__file__).parents[2] / name).is_file()]


def offenders(source, names, offends):
    return [name for name in names if offends((source / name).read_text())]


def code():
    return [name for name in tracked() if Path(name).suffix in CODE and PRODUCT.match(name)]


def test_the_tree_is_seen():
    assert "test/python/test_house.py" in code()


def test_every_file_names_its_licence_and_purpose(source):
    def lacks_head(text):
        lines = [line for line in text.splitlines()[:4] if not line.startswith("#!")]
        return len(lines) < 2 or LICENCE not in lines[0] or not re.search(r"\w{3}", lines[1])

    assert offenders(source, code(), lacks_head) == []


def test_no_file_is_longer_than_400_lines(source):
    assert offenders(source, code(), lambda text: text.count("\n") > 400) == []


def test_no_path_of_one_machine(source):
    def names_one(text):
        return any(MACHINE_PATH.search(line) for line in text.splitlines())

    texts = [n for n in tracked() if Path(n).suffix not in {".png", ".npy", ".npz", ".gz"}]
    assert offenders(source, texts, names_one) == []


@pytest.mark.parametrize("line, found", [("cd /" + "work/x", True), ("a/work/x", False)])
def test_the_path_rule_can_fail(line, found):
    assert bool(MACHINE_PATH.search(line)) is found


def test_every_lit_test_has_a_run_line(source):
    lit = [n for n in tracked() if re.match(r"test/(?!.*Inputs/).*\.(mlir|test)$", n)]
    assert offenders(source, lit, lambda text: "RUN:" not in text) == []


def test_cpp_is_formatted(source):
    cpp = [n for n in code() if Path(n).suffix in {".cpp", ".h"}]
    if cpp:
        done = subprocess.run(
            ["clang-format-22", "--dry-run", "-Werror", *cpp],
            cwd=source, capture_output=True, text=True,
        )
        assert done.returncode == 0, "mend it with: clang-format-22 -i FILE\n" + done.stderr
