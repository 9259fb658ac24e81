# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tables of docs/performance.md are those of the stored run, and runs are compared by their times."""
import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def report():
    spec = importlib.util.spec_from_file_location("report", ROOT / "benchmarks/report.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_are_of_the_stored_run(report):
    page = (ROOT / "docs/performance.md").read_text()
    assert report.fill(page, json.loads((ROOT / "benchmarks/stored.json").read_text())) == page


def test_times_of_a_run(report):
    run = {"runs": 160, "cpu": {"least": 40.0, "training": 36.0}, "wall": {"least": 22.0}}
    assert report.times(run) == {"cpu": 40.0, "wall": 22.0}
    rows = [{"name": "a", "wall": 2.0, "cpu": 3.0}, {"name": "b", "parameter": 1.0, "constant": 2.0}, {"median": 4.0}]
    assert report.times({"x": rows}) == {"x a": 2.0, "x b": 1.0}


def test_comparison_of_runs(report, capsys, monkeypatch):
    new, old = ({"sweep": {"wall": {"least": w}, "cpu": {"least": 2.0}}, "machine": {}} for w in (1.5, 1.0))
    monkeypatch.setattr(report, "machine", lambda r: "another")
    report.compare(new, old)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["beside another", "sweep: 2 times, geometric mean of new / old 1.225", "      1.50  wall"]
