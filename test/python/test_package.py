# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The wheel holds package, extensions, tools and studies, and works where nothing else of us is.

It is made around the tools of the build tree: compiling them again is what every build is.
"""
import os
import re
import subprocess
import sys
import sysconfig
import tomllib

import pytest
from conftest import BUILD, SOURCE, in_process

ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name not in ("PREC_BUILD_DIR", "PYTHONPATH")
} | {
    "PATH": "/usr/bin:" + os.environ["PATH"],
    # No constraint, whatever pip's configuration on this machine adds; all that is needed is installed.
    "PIP_CONSTRAINT": os.devnull,
}


def run(*command, **keywords):
    done = subprocess.run(list(map(str, command)), env=ENVIRONMENT, capture_output=True, text=True,
                          **keywords)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def prec(tmp_path_factory):
    """The installed command, in an environment that has our dependencies and not our source."""
    folder = tmp_path_factory.mktemp("package")
    run(sys.executable, "-m", "pip", "wheel", SOURCE, "--no-deps", "--no-build-isolation",
        "--no-index", "-w", folder, f"--config-settings=build-dir={folder / 'build'}",
        f"--config-settings=cmake.define.PREC_TOOLS_FROM={BUILD / 'bin'}")  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", folder / "venv")
    bin = folder / "venv" / "bin"
    run(bin / "python", "-m", "pip", "install", "--no-deps", "--no-index", wheel)
    site = run(bin / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    with open(os.path.join(site.strip(), "dependencies.pth"), "w") as file:
        file.write(sysconfig.get_path("purelib"))
    return bin / "prec"


def test_help_teaches(prec, tmp_path):
    text = run(prec, "--help", cwd=tmp_path)
    for command in ("sweep", "report", "export"):
        assert f"    {command} " in text
    assert "prec sweep --quick" in text and "report.html" in text


def test_the_installed_tools_and_studies_are_found(prec, tmp_path):
    where = run(prec.parent / "python", "-c",
                "from prec import tools; print(tools.find('prec-train'), tools.program_version())",
                cwd=tmp_path)  # fmt: skip
    path, version = where.split()
    assert path.startswith(str(prec.parent.parent)) and version.startswith("0.1.0+")
    assert run(prec, "sweep", "--quick", "--dry-run", "accuracy-by-bits", cwd=tmp_path).startswith("520 runs\n")  # fmt: skip


def test_a_study_from_file_to_page(prec, tmp_path):
    study = tmp_path / "tiny.json"
    study.write_text('{"version": 1, "name": "tiny", "axes": {"truncate-mantissa": [1, 23]},'
                     ' "settings": {"model": "softmax-regression", "steps": 2}}')  # fmt: skip
    text = run(prec, "sweep", "--workers=1", study, cwd=tmp_path)
    assert text.splitlines() == ["2 runs", "2 done, 0 failed, all in results.db"]
    run(prec, "report", "results.db", cwd=tmp_path)
    assert "vegaEmbed" in (tmp_path / "report.html").read_text()


ROUNDED = """
import numpy as np, prec
x = np.random.default_rng(0).standard_normal((5, 96)).astype("f4") * 100
made = [prec.round(x, format=f, rounding=r, seed=9, step=2).tobytes() for f, r in (
    ("e4m3fn", "nearest-even"), ("m3", "stochastic"), ("mxfp4", "nearest-even"), ("posit<16,1>", "to-odd"))]
assert (np.frombuffer(made[0], "f4") == x.ravel().astype("float8_e4m3fn").astype("f4")).all()
from prec import _prec
print(_prec.__file__, b"".join(made).hex())
"""


@in_process
def test_arrays_are_rounded_with_the_bits_of_the_build_tree(prec, tmp_path):
    """Both compared with ml_dtypes as well."""
    program = [prec.parent / "python", "-c", "import ml_dtypes\n" + ROUNDED]
    places = {}
    for name, more in (("wheel", {}), ("build", {"PREC_BUILD_DIR": str(BUILD), "PYTHONPATH": str(SOURCE / "python")})):
        done = subprocess.run(program, env=ENVIRONMENT | more, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        places[name] = done.stdout.split()
    assert places["wheel"][0].startswith(str(prec.parent.parent)) and places["build"][0].startswith(str(BUILD))
    assert places["wheel"][1] == places["build"][1]


@in_process
def test_modules_are_compiled_in_process(prec, tmp_path):
    program = """
import numpy as np
from prec.engine import Engine
made = Engine("func.func @f(%x: f32, %y: f32) -> f32 { %z = arith.addf %x, %y : f32 return %z : f32 }", {"truncate_mantissa": 2}).call(
    [np.array(x, "f4") for x in (1.6, 0.1)])
from prec import _engine
print(_engine.__file__, float(np.asarray(made[0])))
"""
    place, value = run(prec.parent / "python", "-c", program, cwd=tmp_path).split()
    assert place.startswith(str(prec.parent.parent)) and value == "1.5"


def test_all_that_is_installed_is_built():
    """By `pip install .`, which compiles the targets that it names; the wheel here takes the same tools from a folder."""
    settings = tomllib.loads((SOURCE / "pyproject.toml").read_text())["tool"]["scikit-build"]
    files = sorted((SOURCE / "tools").glob("*/CMakeLists.txt"))
    tools = re.findall(r"^prec_add_tool\(([\w-]+)", "\n".join(path.read_text() for path in files), re.M)
    assert settings["build"]["targets"] == [*tools, "PrecPython", "PrecPythonEngine"] and settings["install"]["components"] == ["tools"]
    (taken,) = re.findall(r"foreach\(tool ([^)]*)\)", (SOURCE / "CMakeLists.txt").read_text())
    assert taken.split() == tools


def test_the_build_requires_what_the_tests_have():
    """`pip install .` has a Python of its own for the build: with the versions that are pinned, and hashes beside them."""
    required = tomllib.loads((SOURCE / "pyproject.toml").read_text())["build-system"]["requires"]
    pinned = re.findall(r"^[\w-]+==\S+", (SOURCE / "python" / "requirements.txt").read_text(), re.M)
    assert required and set(required) <= set(pinned)


def test_one_version():
    text = (SOURCE / "CMakeLists.txt").read_text()
    version = re.search(r"project\(prec-opt VERSION ([0-9.]+)", text).group(1)
    assert f'__version__ = "{version}"' in (SOURCE / "python/prec/__init__.py").read_text()
