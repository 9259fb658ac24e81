# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The examples in the ODS texts: operations parse and print as written, passes do as shown."""
import re
import shlex
import textwrap

import pytest
from conftest import SOURCE

# What the operations' examples use without defining it.
ARGUMENTS = {
    "a": "f32", "t": "tensor<4x?xf32>", "bits": "i32", "r": "i32", "word": "i32", "key": "i64",
    "seed": "i32", "step": "i32", "position": "i32", "trip": "index",
}  # fmt: skip
PASS = re.compile(r"// prec-opt (?P<flags>.*?)\n(?P<before>.*?)// (?:makes|becomes)\n(?P<after>.*)", re.S)


def examples():
    for path in sorted(SOURCE.glob("include/prec/*/*.td")):
        for number, block in enumerate(re.findall(r"```mlir\n(.*?)```", path.read_text(), re.S)):
            name = f"{path.parent.name}-{path.stem}-{number}"
            yield pytest.param(textwrap.dedent(block), id=name)


def plain(line):
    """A line without indentation and comment; its values are numbered as they come."""
    names = {}
    line = re.sub(r"%[\w$.]+", lambda m: names.setdefault(m[0], f"%{len(names)}"), line)
    return line.split(" // ")[0].strip()


def lines(text):
    return [line for line in map(plain, text.splitlines()) if line and not line.startswith("//")]


def printed(run, text, *flags):
    return run("prec-opt", *flags, "-", input=text).stdout


def functions(text):
    return [lines(f) for f in re.findall(r"^ *func\.func.*?^ *}$", text, re.S | re.M)]


def matches(line, pattern):
    return re.fullmatch(".*".join(map(re.escape, pattern.split("..."))), line)


@pytest.mark.parametrize("block", list(examples()))
def test_example(run, block):
    if described := PASS.match(block):
        result = functions(printed(run, described["before"], *shlex.split(described["flags"])))
        for expected in functions(described["after"]):
            assert any(
                len(f) == len(expected) and all(map(matches, f, expected)) for f in result
            ), f"no function {expected} in {result}"
    elif block.startswith("#"):
        module = f'"test.op"() {{site = {block}}} : () -> ()'
        flat = " ".join(block.split())
        assert flat in " ".join(printed(run, module, "--allow-unregistered-dialect").split())
    elif block.startswith("prec.declare"):
        assert set(lines(block)) <= set(lines(printed(run, block)))
    else:
        arguments = ", ".join(
            f"%{name}: {type}" for name, type in ARGUMENTS.items() if f"%{name} =" not in block
        )
        module = f"prec.declare @bits = 7\nfunc.func @f({arguments}) {{\n{block}return\n}}"
        assert set(lines(block)) <= set(lines(printed(run, module)))


def test_there_are_examples():
    assert len(list(examples())) >= 8
