# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""All functions of the package, which ships py.typed, say the types of their parameters and results."""

import ast

import pytest
from conftest import SOURCE

PACKAGE = SOURCE / "python" / "prec"
TYPED = sorted(PACKAGE.rglob("*.py"))


def untyped(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            given = node.args
            named = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
            bare = [argument.arg for argument in named if not argument.annotation and argument.arg not in ("self", "cls")]
            if bare or node.returns is None:
                yield f"{node.lineno}: {node.name}: {', '.join(bare) or 'the result'}"


def test_the_package_is_seen():
    assert {PACKAGE / "engine.py", PACKAGE / "torch" / "backend.py", PACKAGE / "onnx" / "rules" / "linear.py"} <= set(TYPED)


def test_what_is_missing_is_found():
    assert list(untyped("def f(a: int, b, *c) -> int: ...\ndef g(self): ...")) == ["1: f: b, c", "2: g: the result"]


@pytest.mark.parametrize("path", TYPED, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_all_functions_have_types(path):
    assert list(untyped(path.read_text())) == []
