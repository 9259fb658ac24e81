# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A small study through the real tools: each run has the numbers of prec-train itself."""

import json
import subprocess
import sys

import pytest
from conftest import BUILD, SOURCE
from study_tools import Bench

STUDY = {
    "version": 1,
    "name": "small",
    "settings": {
        "model": {
            "version": 1, "input": [1, 28, 28], "loss": "softmax-cross-entropy",
            "layers": [
                {"type": "flatten", "name": "flatten"},
                {"repeat": "$depth", "index": "i", "items": [
                    {"type": "dense", "name": "fc$i", "units": 8},
                    {"type": "relu", "name": "relu$i"}]},
                {"type": "dense", "name": "out", "units": 10},
            ],
        },
        "steps": 6, "granularity": "op", "rounding": "stochastic",
    },
    "axes": {"model.depth": [1, 2], "truncate-mantissa": [2, 7, None]},
    "trials": 1,
    "measure": {"eval-every": 3},
}  # fmt: skip


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("sweep"))
    bench.environment["PREC_BUILD_DIR"] = str(BUILD)
    bench.write(STUDY)
    done = bench.sweep()
    assert done.returncode == 0, done.stderr
    return bench


def test_each_run_is_what_prec_train_says(bench):
    rows = bench.query("SELECT key, config FROM runs WHERE status = 'done'")
    assert len(rows) == 6
    for key, config in rows:
        config = json.loads(config)
        model = bench.folder / "model.json"
        with open(model, "w") as file:
            subprocess.run(
                [sys.executable, "-m", "prec", "export", bench.store,
                 "--content", config["model"].removeprefix("sha256:")],
                env=bench.environment, stdout=file, check=True)  # fmt: skip
        flags = []
        if "truncate-mantissa" in config:
            flags = [f"--truncate-mantissa={config['truncate-mantissa']}", "--rounding=stochastic"]
        lines = subprocess.run(
            [BUILD / "bin" / "prec-train", model, "--steps=6", "--eval-every=3", "--log=-", *flags],
            capture_output=True, text=True, check=True).stdout.splitlines()  # fmt: skip
        want = [r for r in map(json.loads, lines) if "test_accuracy" in r]
        got = bench.query("SELECT step, accuracy, test_accuracy FROM points WHERE key = ?", key)
        assert got == [(r["step"], r["accuracy"], r["test_accuracy"]) for r in want]


def test_commands_help_and_unknown_ones(bench):
    def prec(*arguments):
        return subprocess.run([sys.executable, "-m", "prec", *arguments], env=bench.environment,
                              capture_output=True, text=True)  # fmt: skip

    for command in ("sweep", "export"):
        assert command in prec("--help").stdout
        done = prec(command, "--help")
        assert done.returncode == 0 and f"usage: prec {command}" in done.stdout
    assert prec("sweep", "--nonsense", "x").returncode == 1
    unknown = prec("swep")
    assert unknown.returncode == 1 and "unknown command 'swep'" in unknown.stderr
    missing = prec("sweep", "nowhere.json")
    assert missing.returncode == 1 and "cannot read 'nowhere.json'" in missing.stderr


@pytest.mark.parametrize("path", sorted((SOURCE / "studies").glob("*.json")), ids=lambda p: p.stem)
def test_shipped_studies_are_read_and_counted(bench, path):
    """In both forms, by the real importer and the real policy reader."""
    for form in ([], ["--quick"]):
        code = ("import sys; from functools import partial; from prec.study import data, halving\n"
                "from prec.study.file import load; from prec.study.runs import Resolver\n"
                "study = load(sys.argv[1], len(sys.argv) > 2)\n"
                "print(len(Resolver(study, lambda name: name).runs()))")  # fmt: skip
        done = subprocess.run([sys.executable, "-c", code, path, *form], env=bench.environment,
                              capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) > 0


def test_the_page_for_notebooks_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREC_BUILD_DIR", str(BUILD))
    monkeypatch.syspath_prepend(str(SOURCE / "python"))
    text = (SOURCE / "docs" / "studies-in-python.md").read_text()
    names = {}
    for block in text.split("```python\n")[1:]:
        exec(compile(block.split("```")[0], "docs/studies-in-python.md", "exec"), names)
    assert len(names["rows"]) == 6 and all(run["status"] == "done" for run in names["found"].runs)
    assert (tmp_path / "accuracy-by-bits.png").read_bytes().startswith(b"\x89PNG")
    assert "Test accuracy at the end" in capsys.readouterr().out
    names["store"].close()
