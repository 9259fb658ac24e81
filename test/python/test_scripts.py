# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The scripts say what is missing, and count what ran."""
import os
import shutil
import subprocess
import sys

import pytest


def run_script(*command, **keywords):
    return subprocess.run(command, capture_output=True, text=True, **keywords)


@pytest.fixture
def bare(source, tmp_path):
    """A copy of the scripts that asks for one package that Debian does not have."""
    shutil.copytree(source / "scripts", tmp_path / "scripts")
    (tmp_path / "scripts" / "packages.txt").write_text("no-such-package\n")
    return tmp_path / "scripts"


def test_setup_without_root_prints_the_command(bare):
    # Root stays root, but id says otherwise: only what the script asks counts.
    fake = bare.parent / "fake"
    fake.mkdir()
    (fake / "id").write_text("#!/bin/sh\necho 1000\n")
    (fake / "id").chmod(0o755)
    script = (bare / "setup.sh").read_text().replace("PATH=/usr/bin:", f"PATH={fake}:/usr/bin:")
    (bare / "setup.sh").write_text(script)
    done = run_script("bash", bare / "setup.sh")
    assert done.returncode == 1
    assert "sudo apt-get install -y --no-install-recommends no-such-package" in done.stderr


def test_setup_elsewhere_names_the_packages(bare):
    tools = bare.parent / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "mktemp", "rm", "grep"):
        (tools / name).symlink_to(shutil.which(name))
    script = (bare / "setup.sh").read_text().replace("PATH=/usr/bin:$PATH", f"PATH={tools}")
    (bare / "setup.sh").write_text(script)
    done = run_script(shutil.which("bash"), bare / "setup.sh")
    assert done.returncode == 1
    assert done.stderr.strip().endswith("missing: no-such-package")


@pytest.mark.parametrize("works", ["at once", "after an update", "never", "without root"])
def test_what_single_tests_need_is_installed_where_it_can_be(source, tmp_path, works):
    """Stand-ins write down what is asked of them."""
    said = {"at once": "exit 0", "after an update": f"grep -q update {tmp_path}/asked", "never": "exit 1"}
    tools = {"id": f"echo {1000 * (works == 'without root')}",
             "apt-get": f'echo "$@" >>{tmp_path}/asked; [ "$1" = update ] || {said.get(works)}'}  # fmt: skip
    for name, text in tools.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / name).chmod(0o755)
    for name in ("bash", "grep"):
        (tmp_path / name).symlink_to(shutil.which(name))
    done = run_script(shutil.which("bash"), source / "scripts" / "test-packages.sh", env={"PATH": str(tmp_path)})
    assert done.returncode == 0, "tests go on without it"
    asked = (tmp_path / "asked").read_text().split("\n")[:-1] if (tmp_path / "asked").exists() else []
    expected = []
    for package in ("chromium", "qemu-user"):
        install = f"install -y --no-install-recommends {package}"
        # The stand-in remembers an update.
        again = works == "never" or (works == "after an update" and not expected)
        expected += [] if works == "without root" else [install, "update", install] if again else [install]
    assert asked == expected
    for what in ("how reports look in a browser", "code for aarch64"):
        assert (f"{what} is not tested" in done.stderr) == (works in ("never", "without root"))


def count(source, *paths):
    return run_script(sys.executable, source / "scripts" / "count_results.py", *paths)


CASE = '<testcase name="{}">{}</testcase>'


@pytest.mark.parametrize(
    "cases, line, code",
    [
        (["", "", "<skipped/>"], "2 passed, 0 failed", 0),
        (["", "<failure/>", "<error/>"], "1 passed, 2 failed", 1),
        (["<skipped/>"], "0 passed, 0 failed", 1),
        ([], "0 passed, 0 failed", 1),
    ],
)
def test_count(source, tmp_path, cases, line, code):
    path = tmp_path / "results.xml"
    body = "".join(CASE.format(i, case) for i, case in enumerate(cases))
    path.write_text(f"<testsuites><testsuite>{body}</testsuite></testsuites>")
    done = count(source, path)
    assert (done.stdout.strip(), done.returncode) == (line, code)


def test_a_runner_without_results_has_failed(source, tmp_path):
    done = count(source, tmp_path / "missing.xml")
    assert (done.stdout.strip(), done.returncode) == ("0 passed, 1 failed", 1)


def test_an_unknown_path_or_option_is_refused(source):
    for argument in ("test/nowhere", "--sometimes"):
        done = run_script(source / "scripts" / "test.sh", argument)
        assert done.returncode == 1 and argument in done.stderr


def test_a_lit_test_without_a_run_line_fails(source, build):
    """Run by the harness's own configuration, from a folder inside the test tree."""
    folder = source / "test" / "models" / f"without-run-{os.getpid()}"
    folder.mkdir()
    try:
        (folder / "nothing.test").write_text("// CHECK: nothing\n")
        done = run_script("lit-22", "-v", build / "test" / "models" / folder.name)
        assert done.returncode == 1 and "no 'RUN:' line" in done.stdout
    finally:
        shutil.rmtree(folder)
