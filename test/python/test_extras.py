# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The optional packages: the extras name all that a front end imports, with the versions that are tested; without one a command is told."""
import ast
import os
import re
import subprocess
import sys
import tomllib

import pytest
from conftest import BUILD, SOURCE

PACKAGE = SOURCE / "python" / "prec"
SHARED = ["__main__", "arrays", "child", "compare", "engine", "exporting", "extension", "fourier", "frontend", "importing", "tools"]
OF_DISTRIBUTION = {"iree": "iree-base-compiler"}


def project():
    return tomllib.loads((SOURCE / "pyproject.toml").read_text())["project"]


def imported(path):
    """Packages that a file imports or requires, of others."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require" and isinstance(node.args[0], ast.Constant):
            yield node.args[0].value


def name(requirement):
    return re.match(r"[\w-]+", requirement)[0].lower().replace("_", "-")


@pytest.mark.parametrize("extra", ["onnx", "torch", "jax"])
def test_an_extra_names_what_is_imported(extra):
    files = [*(PACKAGE / extra).rglob("*.py"), *(PACKAGE / f"{module}.py" for module in SHARED)]
    tops = {module.split(".")[0] for file in files for module in imported(file)} - set(sys.stdlib_module_names) - {"prec"}
    others = {"torch", "jax", "onnx", "onnxruntime"} - {extra} - ({"onnxruntime"} if extra == "onnx" else set())
    needed = {OF_DISTRIBUTION.get(top, top).replace("_", "-") for top in tops - others - {"functorch"}}  # a part of torch's
    given = {name(r) for r in (*project()["dependencies"], *project()["optional-dependencies"][extra])}
    assert needed <= given, f"not in the extra '{extra}': {needed - given}"


@pytest.mark.parametrize("extra", ["onnx", "torch", "jax"])
def test_the_versions_are_those_of_the_requirements(extra):
    lines = "".join((SOURCE / "python" / f).read_text() for f in os.listdir(SOURCE / "python") if f.startswith("requirements"))
    pinned = {name(line): line.split()[0] for line in lines.splitlines() if "==" in line and line[0] not in " #"}
    for requirement in project()["optional-dependencies"][extra]:
        assert pinned[name(requirement)].replace("_", "-") == requirement.replace("_", "-")


def test_the_files_with_hashes_leave_nothing_to_fetch():
    """Extras hold no hashes; what docs/pytorch.md says to install before does."""
    pytest.importorskip("torch")
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-build-isolation", "--no-index", f"{SOURCE}[torch,jax,onnx]"]
    environment = os.environ | {"PATH": "/usr/bin:" + os.environ["PATH"], "PIP_CONSTRAINT": os.devnull}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines()[-1:] == ["Would install prec-opt-0.1.0"], done.stdout + done.stderr


WITHOUT = """
import sys
for word in sys.argv[1].split():
    sys.modules[word] = None
sys.argv[1:2] = []
"""


@pytest.mark.parametrize("package, code", [
    ("torch", "import prec.torch"), ("onnx", "from prec import importing; importing.convert(importing.parse(['m.onnx', '-o', 'm.mlir']))"),
    ("jax", "import prec.jax; prec.jax.jit(abs)(1.0)"),
])  # fmt: skip
def test_a_missing_package_gives_the_command(package, code, tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"")
    environment = {**os.environ, "PYTHONPATH": str(SOURCE / "python"), "PREC_BUILD_DIR": str(BUILD)}
    done = subprocess.run([sys.executable, "-c", WITHOUT + code, package], env=environment, cwd=tmp_path, capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1 and f"needs the package '{package}', which is not installed" in last, done.stderr
    files = re.findall(r"-m pip install -r (\S+)", last)
    assert len(files) == 2 and all(os.path.exists(file) for file in files)
